//! Clocks that are read: what a reading costs, and whether vCPUs agree.

use super::sys::{self, ClockId};
use crate::effort::by_profile;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A clock by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockName(&'static str, ClockId);

const MONOTONIC: ClockName = ClockName("monotonic", sys::MONOTONIC);
const RAW: ClockName = ClockName("monotonic-raw", sys::MONOTONIC_RAW);
const COARSE: ClockName = ClockName("monotonic-coarse", sys::MONOTONIC_COARSE);
const REALTIME: ClockName = ClockName("realtime", sys::REALTIME);

impl ClockName {
    const ALL: [Self; 4] = [MONOTONIC, RAW, COARSE, REALTIME];

    /// The one that everything is timed with in the quick profile, all in longer ones.
    pub fn choices() -> Vec<Self> {
        by_profile([MONOTONIC], Self::ALL)
    }

    /// Those that must never run backwards.
    pub fn ordered() -> Vec<Self> {
        vec![MONOTONIC, RAW]
    }

    /// Nanoseconds.
    #[inline]
    pub fn read(self) -> u64 {
        sys::nanos(self.1)
    }

    /// True when it advances within a second of real time.
    pub fn runs(self) -> bool {
        let (first, start) = (self.read(), Instant::now());
        while start.elapsed() < Duration::from_secs(1) {
            if self.read() > first {
                return first > 0;
            }
        }
        false
    }
}

impl fmt::Display for ClockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl FromStr for ClockName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = Self::ALL.map(|clock| clock.0).join(", ");
        let found = Self::ALL.into_iter().find(|clock| clock.0 == text);
        found.ok_or_else(|| format!("{text:?} is none of {names}"))
    }
}

/// What one vCPU saw of the others' time.
pub struct Order {
    /// Readings before a published one.
    pub warps: u64,
    /// The largest step back, in nanoseconds.
    pub back: u64,
    /// Readings in all.
    pub readings: u64,
}

/// Reads the clock after looking at the latest published reading, then publishes its own.
pub fn compare(clock: ClockName, latest: &AtomicU64, window: Duration) -> Order {
    let mut order = Order { warps: 0, back: 0, readings: 0 };
    let start = Instant::now();
    while order.readings == 0 || start.elapsed() < window {
        let published = latest.load(Ordering::Acquire);
        // The load above must come first: a reading after it cannot be earlier.
        std::sync::atomic::fence(Ordering::SeqCst);
        let now = clock.read();
        if now < published {
            order.warps += 1;
            order.back = order.back.max(published - now);
        }
        latest.fetch_max(now, Ordering::AcqRel);
        order.readings += 1;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::{ClockName, MONOTONIC, compare};
    use std::sync::atomic::AtomicU64;
    use std::time::Duration;

    #[test]
    fn a_clock_behind_what_was_published_is_a_warp() {
        let none = compare(MONOTONIC, &AtomicU64::new(0), Duration::ZERO);
        assert_eq!((none.warps, none.readings), (0, 1));
        let ahead = AtomicU64::new(u64::MAX);
        let one = compare(MONOTONIC, &ahead, Duration::ZERO);
        assert!(one.warps == 1 && one.back > 0);
    }

    #[test]
    fn clocks_read_back_and_run() {
        for clock in ClockName::ALL {
            assert_eq!(clock.to_string().parse(), Ok(clock));
            assert!(clock.runs(), "{clock}");
        }
        assert!("tai".parse::<ClockName>().unwrap_err().contains("realtime"));
    }
}
