//! Whether a vCPU stays where it is: a ring in the private cache is fast until the cache is lost.

use super::pairing::median;
use crate::claims;
use crate::latency::ring::{Memory, Order, Ring};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use vbench::measured;
use vbench::prelude::*;

const LINE: Bytes = Bytes(64);
/// Loads between two readings of the clock: some 2 us of second-level hits.
const SEGMENT: u64 = 512;
/// A segment that takes this many times the typical one met an empty cache or an interruption.
const SLOW: f64 = 1.5;
/// So many slow segments in a row are an empty cache: an interruption slows one or two.
const ROW: u32 = 4;
/// Segments from which the typical one is taken.
const CALIBRATION: usize = 1_001;
/// The ring where the guest tells no second level.
const USUAL_LEVEL: u64 = 512 << 10;
/// Larger private caches need no larger ring.
const LARGEST: u64 = 1 << 20;

/// Half of the claimed second level: it stays there while the vCPU does.
pub fn ring_bytes() -> Bytes {
    let level = claims::cache_levels().get(1).copied().unwrap_or(USUAL_LEVEL);
    Bytes((level / 2).clamp(64 << 10, LARGEST) / 4096 * 4096)
}

/// A ring for each worker, touched first by it.
///
/// # Errors
/// The memory cannot be had.
pub fn rings(team: &Team, bytes: Bytes, seed: u64) -> Result<Vec<Ring>, Skip> {
    let at = Memory { pages: Pages::Default, policy: Policy::FirstTouch };
    let rings = team.broadcast(|worker| {
        Ring::new(bytes, LINE, Order::Random, seed.wrapping_add(worker.index as u64), at)
    });
    rings.into_iter().collect()
}

/// What one vCPU saw in a window.
pub struct Seen {
    /// How often its cache was empty.
    pub refills: f64,
    /// Seconds of a load in a typical segment.
    pub latency: f64,
}

/// Every vCPU walks its ring until the window closes.
pub fn watch(team: &Team, rings: &[Ring], window: Duration) -> Vec<Seen> {
    team.broadcast(|worker| {
        let ring = &rings[worker.index];
        let mut slot = ring.walk(0, 4 * ring.slots());
        let mut segment = || {
            let start = Instant::now();
            slot = ring.walk(slot, SEGMENT);
            start.elapsed().as_secs_f64()
        };
        let first: Vec<f64> = (0..CALIBRATION).map(|_| segment()).collect();
        let mut watch = Watch::new(median(&first));
        worker.barrier();
        let start = Instant::now();
        while start.elapsed() < window {
            watch.saw(segment());
        }
        Seen { refills: f64::from(watch.refills), latency: watch.typical / SEGMENT as f64 }
    })
}

/// Counts rows of slow segments.
struct Watch {
    typical: f64,
    row: u32,
    refills: u32,
}

impl Watch {
    fn new(typical: f64) -> Self {
        Self { typical, row: 0, refills: 0 }
    }

    fn saw(&mut self, seconds: f64) {
        self.row = if seconds >= SLOW * self.typical { self.row.saturating_add(1) } else { 0 };
        // Counted once, however long the row goes on.
        self.refills += u32::from(self.row == ROW);
    }
}

/// How the latency of each block changes over the windows of a launch. Blocks differ by where they
/// lie, which says nothing about the vCPU: each is compared with the least of its own.
#[derive(Default)]
pub struct Paces {
    least: BTreeMap<usize, f64>,
    seen: Vec<(usize, f64)>,
}

impl Paces {
    /// The share of a window's slices above the bound between the two lowest modes of all slices so
    /// far; `None` where those have one mode.
    pub fn far(&mut self, slices: &[(usize, f64)]) -> Option<f64> {
        for (block, latency) in slices {
            let least = self.least.entry(*block).or_insert(*latency);
            *least = least.min(*latency);
        }
        self.seen.extend(slices);
        let pace = |(block, latency): &(usize, f64)| latency / self.least[block];
        let bounds = measured::modes(&self.seen.iter().map(pace).collect::<Vec<_>>());
        let bound = bounds.first()?;
        let far = slices.iter().filter(|slice| pace(slice) > *bound).count();
        Some(far as f64 / slices.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::{Paces, Watch, ring_bytes, rings, watch};
    use std::time::Duration;
    use vbench::prelude::*;

    #[test]
    fn a_row_of_slow_segments_is_a_refill_and_a_single_one_is_not() {
        let mut segments = vec![2e-6; 100];
        segments[10] = 9e-6;
        segments[20..30].fill(5e-6);
        segments[50..54].fill(4e-6);
        segments[60..63].fill(4e-6);
        let mut watch = Watch::new(2e-6);
        segments.into_iter().for_each(|seconds| watch.saw(seconds));
        assert_eq!(watch.refills, 2);
    }

    /// Visits of 16 blocks in turn, each with some noise, at the latency that `of` gives.
    fn visits(rounds: usize, of: impl Fn(usize, usize) -> f64) -> Vec<(usize, f64)> {
        let noise = |at: usize| 1.0 + 0.01 * (at * 7 % 5) as f64;
        let visit = |at: usize| (at % 16, of(at % 16, at / 16) * noise(at));
        (0..16 * rounds).map(visit).collect()
    }

    #[test]
    fn memory_on_two_nodes_is_no_move() {
        let two_nodes = |block: usize, _: usize| if block < 5 { 140e-9 } else { 90e-9 };
        assert_eq!(Paces::default().far(&visits(8, two_nodes)), None);
        assert_eq!(Paces::default().far(&visits(1, two_nodes)), None);
    }

    #[test]
    fn slices_far_away_are_counted_also_where_they_are_most() {
        for (far, share) in [(2, 0.25), (6, 0.75)] {
            let moved = |_: usize, round: usize| if round < far { 140e-9 } else { 90e-9 };
            assert_eq!(Paces::default().far(&visits(8, moved)), Some(share));
        }
    }

    #[test]
    fn a_move_between_two_windows_shows_once_it_is_known() {
        let mut paces = Paces::default();
        let at = |latency: f64| visits(4, move |_, _| latency);
        assert_eq!(paces.far(&at(140e-9)), None);
        assert_eq!(paces.far(&at(90e-9)), Some(0.0));
        assert_eq!(paces.far(&at(140e-9)), Some(1.0));
        assert_eq!(Paces::default().far(&[]), None);
    }

    #[test]
    fn every_vcpu_watches_its_own_ring() {
        let team = Team::floating(2).unwrap();
        let rings = rings(&team, Bytes(64 << 10), 1).unwrap();
        let seen = watch(&team, &rings, Duration::from_micros(50));
        assert!(seen.len() == 2 && seen.iter().all(|seen| seen.latency > 0.0));
        assert!(ring_bytes().0 >= 64 << 10);
    }
}
