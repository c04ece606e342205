//! Memory in blocks, each with a ring through it, walked a part at a time so that no line is met
//! again before the caches have forgotten it.

use crate::claims;
use crate::latency::ring::{Memory, Order, Ring};
use std::time::{Duration, Instant};
use vbench::measured;
use vbench::prelude::*;

/// Size of a block: what a host gives in one piece is often less, but smaller blocks need more of
/// them before a line is forgotten.
const BLOCK: Bytes = Bytes(32 << 20);
const SMOKE_BLOCK: Bytes = Bytes(1 << 20);
const LINE: Bytes = Bytes(64);
/// Loads of one visit: 2 MiB of a block, some 3 ms.
const LOADS: u64 = 1 << 15;
/// Most memory that is mapped out: 4 GiB, and 32 GiB in the thorough profile.
const MOST: u64 = 4 << 30;
const MOST_THOROUGH: u64 = 32 << 30;
/// Share of the available memory that the map may take: one half.
const SHARE: u64 = 2;
/// Fewer blocks show no modes.
const LEAST_BLOCKS: u64 = 8;
/// Between two visits of a line the walk passes this many times the last-level caches.
const TIMES_CACHES: u64 = 4;

/// Blocks of memory, and where the walk through each stands.
pub struct Blocks {
    rings: Vec<Ring>,
    slots: Vec<usize>,
    sums: Vec<usize>,
    bytes: Bytes,
}

impl Blocks {
    /// As many blocks as memory allows, touched first by the thread of `team`.
    ///
    /// # Errors
    /// Too little memory, with the numbers.
    pub fn fill(team: &Team, policy: Policy, seed: u64, smoke: bool) -> Result<Self, Skip> {
        let bytes = if smoke { SMOKE_BLOCK } else { BLOCK };
        let count = count(smoke, policy)?;
        let at = Memory { pages: Pages::Default, policy };
        let ring = |block| Ring::new(bytes, LINE, Order::PageLocal, seed.wrapping_add(block), at);
        let filled = team.broadcast(|_| (0..count).map(ring).collect::<Result<Vec<_>, Skip>>());
        let filled = filled.into_iter().collect::<Result<Vec<_>, Skip>>()?;
        let rings: Vec<Ring> = filled.into_iter().flatten().collect();
        let sums = rings.iter().map(Ring::sum).collect();
        Ok(Self { slots: vec![0; rings.len()], rings, sums, bytes })
    }

    /// What the system made of the placement of the first and the last block.
    pub fn ends(&self) -> Vec<Effective> {
        let ends = [self.rings.first(), self.rings.last()];
        ends.into_iter().flatten().map(Ring::effective).collect()
    }

    /// Size of one block.
    pub fn block_bytes(&self) -> u64 {
        self.bytes.0
    }

    /// Whether the caches forget a line between two visits, with the numbers.
    pub fn verdict(&self) -> String {
        let all = self.bytes.0 * self.rings.len() as u64;
        let Some(caches) = claims::last_level_total() else {
            return format!("not known: the system claims no caches; {} MiB used", all >> 20);
        };
        let (kept, sign) = match all >= TIMES_CACHES.saturating_mul(caches) {
            true => ("kept", ">="),
            false => ("not kept", "<"),
        };
        format!("{kept}: {} MiB {sign} {TIMES_CACHES} x {} MiB", all >> 20, caches >> 20)
    }

    /// Seconds of a load in each block, as a row with one column per team: the least of the visits
    /// of a sweep.
    pub fn latencies(&mut self, teams: &[Team]) -> Vec<Vec<f64>> {
        let mut rows = vec![Vec::with_capacity(teams.len()); self.rings.len()];
        for team in teams {
            let least = measured::sweep(self.rings.len(), |due| self.visits(team, due));
            rows.iter_mut().zip(least).for_each(|(row, least)| row.push(least));
        }
        rows
    }

    /// One visit of each of the blocks `due`.
    fn visits(&mut self, team: &Team, due: &[usize]) -> Vec<f64> {
        let (rings, slots) = (&self.rings, &self.slots);
        let seen = team.broadcast(|_| {
            due.iter().map(|block| visit(&rings[*block], slots[*block])).collect::<Vec<_>>()
        });
        let seen = seen.into_iter().next().unwrap_or_default();
        due.iter().zip(&seen).for_each(|(block, (end, _))| self.slots[*block] = *end);
        seen.into_iter().map(|(_, latency)| latency).collect()
    }

    /// Bytes per second of reading each block.
    ///
    /// # Errors
    /// The number of a block whose sum has changed.
    pub fn bandwidths(&self, team: &Team) -> Result<Vec<f64>, usize> {
        let read = |(block, (ring, sum)): (usize, (&Ring, &usize))| {
            let start = Instant::now();
            let right = ring.sum() == *sum;
            let seconds = start.elapsed().as_secs_f64();
            right.then_some(self.bytes.0 as f64 / seconds).ok_or(block)
        };
        let all = team.broadcast(|_| {
            self.rings.iter().zip(&self.sums).enumerate().map(read).collect::<Result<Vec<_>, _>>()
        });
        all.into_iter().next().unwrap_or_else(|| Ok(Vec::new()))
    }

    /// Visits, block after block, until the window closes: the block, and the seconds of a load.
    pub fn slices(&mut self, team: &Team, window: Duration) -> Vec<(usize, f64)> {
        let start = Instant::now();
        let (rings, before) = (&self.rings, &self.slots);
        let seen = team.broadcast(|_| {
            let (mut seen, mut slots) = (Vec::new(), before.clone());
            while seen.is_empty() || start.elapsed() < window {
                for (block, (ring, slot)) in rings.iter().zip(&mut slots).enumerate() {
                    let (end, latency) = visit(ring, *slot);
                    *slot = end;
                    seen.push((block, latency));
                }
            }
            (seen, slots)
        });
        let Some((visits, slots)) = seen.into_iter().next() else { return Vec::new() };
        self.slots = slots;
        visits
    }
}

/// One visit: where it ended, and the seconds of a load.
fn visit(ring: &Ring, slot: usize) -> (usize, f64) {
    let loads = LOADS.min(ring.slots());
    let start = Instant::now();
    let end = ring.walk(slot, loads);
    (end, start.elapsed().as_secs_f64() / loads as f64)
}

fn count(smoke: bool, policy: Policy) -> Result<u64, Skip> {
    if smoke {
        return Ok(2);
    }
    let most = match Machine::current().profile {
        Profile::Thorough => MOST_THOROUGH,
        Profile::Smoke | Profile::Quick | Profile::Standard => MOST,
    };
    let room = claims::memory_for(policy);
    let usable = room.map_or(most, |room| (room.bytes / SHARE).min(most));
    let blocks = usable / BLOCK.0;
    match (blocks < LEAST_BLOCKS, room) {
        (false, _) => Ok(blocks),
        (true, Some(room)) => Err(Skip::because(format!(
            "needs {LEAST_BLOCKS} blocks of {BLOCK} in half of the memory, {room}"
        ))),
        (true, None) => Err(Skip::because("the available memory is not known")),
    }
}

/// The highest bandwidth of each block over the sweeps of a launch.
pub fn highest(sweeps: &[Vec<f64>]) -> Vec<f64> {
    let mut sweeps = sweeps.iter();
    let mut most = sweeps.next().cloned().unwrap_or_default();
    for sweep in sweeps {
        most.iter_mut().zip(sweep).for_each(|(most, value)| *most = most.max(*value));
    }
    most
}

#[cfg(test)]
mod tests {
    use super::{Blocks, highest};
    use std::time::Duration;
    use vbench::prelude::*;

    #[test]
    fn every_block_has_a_latency_from_every_team_and_a_bandwidth() {
        let teams = [Team::floating(1).unwrap(), Team::floating(1).unwrap()];
        let mut blocks = Blocks::fill(&teams[0], Policy::FirstTouch, 7, true).unwrap();
        let rows = blocks.latencies(&teams);
        assert!(rows.len() == 2 && rows.iter().all(|row| row.len() == 2));
        assert!(rows.iter().flatten().all(|latency| *latency > 0.0));
        assert_eq!(blocks.bandwidths(&teams[0]).map(|all| all.len()), Ok(2));
        assert_eq!(blocks.slices(&teams[0], Duration::ZERO).len(), 2);
        assert!(blocks.verdict().contains("2 MiB"), "{}", blocks.verdict());
        blocks.sums[1] = blocks.sums[1].wrapping_add(1);
        assert_eq!(blocks.bandwidths(&teams[0]), Err(1));
    }

    #[test]
    fn bandwidths_are_joined_by_the_highest_of_each_block() {
        assert_eq!(highest(&[vec![1.0, 5.0], vec![2.0, 4.0]]), [2.0, 5.0]);
        assert!(highest(&[]).is_empty());
    }
}
