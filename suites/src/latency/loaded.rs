//! One thread that walks a ring while others read memory as fast as they are let.

use super::LINE;
use super::ring::{Memory, Order, Ring};
use crate::claims;
use std::fmt;
use std::hint::{black_box, spin_loop};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use vbench::prelude::*;

/// What a stream reads before it waits.
const CHUNK: usize = (16 << 10) / size_of::<u64>();
/// The ring, and what all streams read together, are each at least this large, and at least this
/// many times the last-level caches where memory allows.
const LEAST: u64 = 128 << 20;
const TIMES_CACHES: u64 = 2;
/// Share of the available memory for the ring and for the streams: a quarter each.
const SHARE: u64 = 4;
const SMOKE: u64 = 1 << 20;

/// How hard the others press.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressure {
    /// There are no others.
    None,
    /// They wait so many nanoseconds after each 16 KiB.
    Delay(u32),
}

impl Pressure {
    /// From nothing to everything, about evenly over the bandwidth that one core draws.
    pub const CURVE: [Self; 7] = [
        Self::None,
        Self::Delay(30_000),
        Self::Delay(10_000),
        Self::Delay(3_000),
        Self::Delay(1_000),
        Self::Delay(300),
        Self::Delay(0),
    ];
}

impl fmt::Display for Pressure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("idle"),
            Self::Delay(nanos) => write!(f, "{nanos}ns"),
        }
    }
}

impl FromStr for Pressure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let delay = || text.strip_suffix("ns")?.parse().ok().map(Self::Delay);
        match text {
            "idle" => Some(Self::None),
            _ => delay(),
        }
        .ok_or_else(|| format!("{text:?} is neither idle nor a delay such as 300ns"))
    }
}

/// A ring for the first worker and an array for each other one.
pub struct Loaded {
    ring: Ring,
    arrays: Vec<Buffer<u64>>,
    sums: Vec<u64>,
}

/// What one sample shows.
pub struct Seen {
    /// Seconds of a load.
    pub latency: f64,
    /// Bytes per second of all streams.
    pub bandwidth: f64,
    /// Where the walk ended.
    pub end: usize,
    /// False when a stream read another sum than was written.
    pub sound: bool,
}

impl Loaded {
    /// Memory under `policy`, touched first by the threads that use it.
    ///
    /// # Errors
    /// There is too little, with the numbers.
    pub fn new(team: &Team, policy: Policy, seed: u64, smoke: bool) -> Result<Self, Skip> {
        let bytes = if smoke { SMOKE } else { size(policy) };
        let at = Memory { pages: Pages::Default, policy };
        let numbers = bytes as usize / (team.size() - 1).max(1) / size_of::<u64>() / CHUNK * CHUNK;
        let made = team.broadcast(|worker| match worker.index {
            0 => Ring::new(Bytes(bytes), LINE, Order::PageLocal, seed, at)
                .map(|ring| (Some(ring), None)),
            _ => filled(numbers.max(CHUNK), policy).map(|array| (None, Some(array))),
        });
        let (mut rings, mut arrays) = (Vec::new(), Vec::new());
        for (ring, array) in made.into_iter().collect::<Result<Vec<_>, Skip>>()? {
            rings.extend(ring);
            arrays.extend(array);
        }
        let ring = rings.pop().ok_or_else(|| Skip::because("a team without threads"))?;
        let sums = arrays.iter().map(|array| chunk_sum(&array[..CHUNK])).collect();
        Ok(Self { ring, arrays, sums })
    }

    /// What the system made of the placement of the ring and of the first array.
    pub fn effective(&self) -> Vec<Effective> {
        let array = self.arrays.first().map(Buffer::effective);
        [Some(self.ring.effective()), array].into_iter().flatten().collect()
    }

    /// Slots of the ring.
    pub fn slots(&self) -> u64 {
        self.ring.slots()
    }

    /// Walks `loads` loads from `slot` while the others press.
    pub fn run(&self, team: &Team, pressure: Pressure, slot: usize, loads: u64) -> Seen {
        let done = AtomicBool::new(false);
        let all = team.broadcast(|worker| {
            worker.barrier();
            if worker.index > 0 {
                let place = worker.index - 1;
                return self.press(place, pressure, &done);
            }
            let start = Instant::now();
            let end = self.ring.walk(slot, loads);
            let seconds = start.elapsed().as_secs_f64();
            done.store(true, Ordering::Release);
            (seconds / loads as f64, end, true)
        });
        let (latency, end, _) = all.first().copied().unwrap_or((f64::NAN, 0, false));
        Seen {
            latency,
            bandwidth: all.iter().skip(1).map(|(rate, ..)| rate).sum(),
            end,
            sound: all.iter().all(|(.., sound)| *sound),
        }
    }

    /// Reads chunk after chunk, waiting after each: bytes per second, and whether all sums were right.
    fn press(&self, place: usize, pressure: Pressure, done: &AtomicBool) -> (f64, usize, bool) {
        let (Pressure::Delay(nanos), Some(array), Some(expected)) =
            (pressure, self.arrays.get(place), self.sums.get(place))
        else {
            return (0.0, 0, true);
        };
        let delay = Duration::from_nanos(nanos.into());
        let (start, mut chunks, mut sound) = (Instant::now(), 0_u64, true);
        for chunk in array.chunks_exact(CHUNK).cycle() {
            sound &= chunk_sum(chunk) == *expected;
            chunks += 1;
            wait(delay);
            if done.load(Ordering::Relaxed) {
                break;
            }
        }
        let bytes = chunks * (CHUNK * size_of::<u64>()) as u64;
        (bytes as f64 / start.elapsed().as_secs_f64(), 0, sound)
    }
}

fn filled(numbers: usize, policy: Policy) -> Result<Buffer<u64>, Skip> {
    let mut array = Buffer::<u64>::new(numbers, Pages::Default, policy)?;
    // The same numbers in every chunk, so that all have one sum.
    array.iter_mut().enumerate().for_each(|(place, number)| *number = (place % CHUNK) as u64);
    Ok(array)
}

#[inline(never)]
fn chunk_sum(chunk: &[u64]) -> u64 {
    black_box(chunk).iter().fold(0, |sum, number| sum.wrapping_add(*number))
}

fn wait(delay: Duration) {
    if delay.is_zero() {
        return;
    }
    let start = Instant::now();
    while start.elapsed() < delay {
        spin_loop();
    }
}

fn size(policy: Policy) -> u64 {
    let caches = claims::last_level_total().unwrap_or(0);
    let wanted = caches.saturating_mul(TIMES_CACHES).max(LEAST);
    let fits = claims::memory_for(policy).map_or(wanted, |room| room.bytes / SHARE);
    wanted.min(fits) / 4096 * 4096
}

#[cfg(test)]
mod tests {
    use super::{Loaded, Pressure};
    use vbench::prelude::*;

    #[test]
    fn streams_press_until_the_walk_ends() {
        let team = Team::floating(2).unwrap();
        let loaded = Loaded::new(&team, Policy::FirstTouch, 1, true).unwrap();
        let idle = loaded.run(&team, Pressure::None, 0, loaded.slots());
        assert_eq!((idle.end, idle.bandwidth, idle.sound), (0, 0.0, true));
        let busy = loaded.run(&team, Pressure::Delay(0), 0, loaded.slots());
        assert!(busy.latency > 0.0 && busy.bandwidth > 0.0 && busy.sound);
    }

    #[test]
    fn a_wrong_number_is_found() {
        let team = Team::floating(2).unwrap();
        let mut loaded = Loaded::new(&team, Policy::FirstTouch, 1, true).unwrap();
        loaded.arrays[0][0] = 7;
        assert!(!loaded.run(&team, Pressure::Delay(0), 0, 1).sound);
    }

    #[test]
    fn delays_read_back() {
        for pressure in Pressure::CURVE {
            assert_eq!(pressure.to_string().parse(), Ok(pressure));
        }
        assert!("3us".parse::<Pressure>().unwrap_err().contains("300ns"));
    }
}
