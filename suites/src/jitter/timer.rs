//! Wake-ups at set times: the thread, its priority, and what else runs meanwhile.

use super::sys;
use crate::effort::by_profile;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use vbench::prelude::*;

/// Time from one wake-up to the next, as `cyclictest` by default for the first thread.
pub const INTERVAL: Duration = Duration::from_millis(1);

/// What else runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AxisValue)]
pub enum Load {
    /// Nothing of ours.
    Idle,
    /// A thread on every other vCPU that keeps its memory busy.
    Busy,
}

impl Load {
    /// Idle in the quick profile, both in longer ones.
    pub fn choices() -> Vec<Self> {
        by_profile([Self::Idle], Self::ALL)
    }

    /// The measuring thread on the first CPU, and a thread on every other that is kept busy.
    ///
    /// # Errors
    /// There is no other CPU.
    pub fn team(self, cpus: &Cpus) -> Result<Team, Skip> {
        match self {
            Self::Idle => Team::pinned(cpus.first(1)?),
            Self::Busy => Team::pinned(cpus.first(cpus.count().max(2))?),
        }
    }
}

/// How the measuring thread is scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AxisValue)]
pub enum Priority {
    /// As any program.
    Normal,
    /// Before every normal thread.
    Realtime,
}

impl Priority {
    /// Normal in the quick profile, both in longer ones.
    pub fn choices() -> Vec<Self> {
        by_profile([Self::Normal], Self::ALL)
    }

    /// Gives the measuring thread its priority.
    ///
    /// # Errors
    /// Real-time priority is not allowed.
    pub fn take(self, team: &Team) -> Result<(), Skip> {
        if self == Self::Normal {
            return Ok(());
        }
        let taken = team.broadcast(|worker| match worker.index {
            0 => sys::become_realtime(),
            _ => Ok(()),
        });
        taken
            .into_iter()
            .collect::<Result<(), _>>()
            .map_err(|error| Skip::because(format!("real-time priority is not allowed: {error}")))
    }

    /// The kernel's name for it.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Normal => "SCHED_OTHER",
            Self::Realtime => "SCHED_FIFO, priority 80",
        }
    }
}

/// How late each wake-up was, in seconds, sorted: the first worker sleeps, others are busy.
pub fn lateness(team: &Team, window: Duration) -> Vec<f64> {
    let done = AtomicBool::new(false);
    let mut all = team.broadcast(|worker| {
        worker.barrier();
        if worker.index > 0 {
            keep_busy(&done);
            return Vec::new();
        }
        let late = sleep_and_wake(window);
        done.store(true, Ordering::Release);
        late
    });
    let mut late = all.swap_remove(0);
    late.sort_unstable_by(f64::total_cmp);
    late
}

/// A time that has passed while the thread was late is not slept for: the next one is.
fn sleep_and_wake(window: Duration) -> Vec<f64> {
    let step = INTERVAL.as_nanos() as u64;
    let (end, mut late) = (sys::after(window), Vec::new());
    let mut next = sys::after(INTERVAL);
    while late.is_empty() || next < end {
        sys::sleep_until(next);
        let now = sys::nanos(sys::MONOTONIC);
        late.push((now as f64 - next as f64) * 1e-9);
        next += step * (1 + now.saturating_sub(next) / step);
    }
    late
}

/// Reads and writes more memory than a private cache holds.
fn keep_busy(done: &AtomicBool) {
    /// Numbers in use: 8 MiB.
    const NUMBERS: usize = 1 << 20;
    /// Numbers between two looks at the flag: some 10 us.
    const PART: usize = 1 << 14;
    let mut numbers = vec![1_u64; NUMBERS];
    let mut parts = (0..NUMBERS / PART).cycle();
    while !done.load(Ordering::Acquire) {
        let start = parts.next().unwrap_or(0) * PART;
        numbers[start..start + PART].iter_mut().for_each(|number| *number = number.wrapping_mul(3));
        black_box(&numbers);
    }
}

#[cfg(test)]
mod tests {
    use super::{Load, Priority, lateness};
    use std::time::Duration;
    use vbench::prelude::*;

    #[test]
    fn nobody_wakes_before_the_time() {
        let team = Team::floating(2).unwrap();
        let late = lateness(&team, Duration::ZERO);
        assert_eq!(late.len(), 1);
        assert!(late[0] >= 0.0);
    }

    #[test]
    fn axis_values_read_back() {
        for load in [Load::Idle, Load::Busy] {
            assert_eq!(load.to_string().parse(), Ok(load));
        }
        for priority in [Priority::Normal, Priority::Realtime] {
            assert_eq!(priority.to_string().parse(), Ok(priority));
        }
        assert!("high".parse::<Priority>().is_err() && "full".parse::<Load>().is_err());
    }
}
