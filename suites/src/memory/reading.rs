//! An array that is only read: each thread sums its part.

use std::hint::black_box;
use std::time::Instant;
use vbench::prelude::*;

/// Sums that run side by side, so that adding never waits for adding.
const LANES: usize = 16;

/// An array of ones, each part first touched by the thread that reads it.
pub struct Sums {
    array: Buffer<u64>,
}

impl Sums {
    /// An array of `bytes` under a memory policy.
    ///
    /// # Errors
    /// There is no such memory.
    pub fn new(team: &Team, bytes: u64, policy: Policy) -> Result<Self, Skip> {
        let len = bytes as usize / size_of::<u64>() / LANES / team.size() * LANES * team.size();
        let mut array = Buffer::<u64>::new(len, Pages::Default, policy)?;
        let part = (len / team.size()).max(1);
        let parts: Vec<_> = array.chunks_mut(part).map(std::sync::Mutex::new).collect();
        team.broadcast(|worker| {
            if let Some(Ok(mut part)) = parts.get(worker.index).map(std::sync::Mutex::lock) {
                part.fill(1);
            }
        });
        drop(parts);
        Ok(Self { array })
    }

    /// What the system made of the placement.
    pub fn effective(&self) -> Effective {
        self.array.effective()
    }

    /// Size of the array.
    pub fn bytes(&self) -> Bytes {
        Bytes(std::mem::size_of_val::<[u64]>(&self.array) as u64)
    }

    /// Seconds from the first thread to start to the last to end, and whether all sums were right.
    pub fn read(&self, team: &Team) -> (f64, bool) {
        let spans = team.broadcast(|worker| {
            let part = &self.array[worker.part(self.array.len())];
            worker.barrier();
            let start = Instant::now();
            let right = sum(part) == part.len() as u64;
            (start, Instant::now(), right)
        });
        let first = spans.iter().map(|(start, ..)| *start).min();
        let last = spans.iter().map(|(_, end, _)| *end).max();
        let seconds = first.zip(last).map_or(0.0, |(first, last)| (last - first).as_secs_f64());
        (seconds, spans.iter().all(|(.., right)| *right))
    }
}

#[inline(never)]
fn sum(part: &[u64]) -> u64 {
    let mut lanes = [0_u64; LANES];
    let whole = black_box(part).chunks_exact(LANES);
    let rest: u64 = whole.remainder().iter().sum();
    for numbers in whole {
        for (lane, number) in lanes.iter_mut().zip(numbers) {
            *lane = lane.wrapping_add(*number);
        }
    }
    lanes.into_iter().fold(rest, u64::wrapping_add)
}

#[cfg(test)]
mod tests {
    use super::{Sums, sum};
    use vbench::prelude::*;

    #[test]
    fn every_number_is_read_once() {
        let team = Team::floating(3).unwrap();
        let mut sums = Sums::new(&team, 1 << 20, Policy::FirstTouch).unwrap();
        let (seconds, right) = sums.read(&team);
        assert!(seconds > 0.0 && right);
        let last = sums.array.len() - 1;
        sums.array[last] = 2;
        assert!(!sums.read(&team).1);
        assert_eq!(sum(&[1; 37]), 37);
    }
}
