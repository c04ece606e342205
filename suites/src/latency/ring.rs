//! A ring of pointers through a buffer, and the walk along it, one dependent load per step.
#![expect(unsafe_code, reason = "an index would be checked at each step; a pointer is one load")]

use std::ptr::with_exposed_provenance;
use vbench::prelude::*;

/// Bytes within which a page-local walk stays until all slots there are seen: a base page, also
/// when the memory lies in huge pages, so that the order is the same for all page sizes.
const LOCAL: u64 = 4096;
/// Loads per turn of the loop, so that counting costs nothing. Odd, because some prefetchers go by
/// the instruction that loads: on a Zen 4, 32 and 64 instructions, which the 64 lines of a page are
/// a multiple of, made page-local walks 5% and 12% slower, and any odd number left them as with 1.
const UNROLLED: u64 = 31;
const WORD: usize = size_of::<usize>();

/// In which order the slots are visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AxisValue)]
pub enum Order {
    /// Any slot after any other: caches, memory and address translation.
    Random,
    /// All slots of a page in random order, then those of another random page: translation is
    /// paid once a page, so caches and memory show by themselves.
    PageLocal,
}

/// Where the memory of a ring is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Page size.
    pub pages: Pages,
    /// Memory nodes.
    pub policy: Policy,
}

/// A ring through every slot of a buffer.
pub struct Ring {
    words: Buffer<usize>,
    slots: usize,
    /// Words from one slot to the next.
    step: usize,
}

impl Ring {
    /// A ring of one pointer per `stride` bytes, touched first by the calling thread.
    ///
    /// # Errors
    /// The memory cannot be had, or such a ring does not exist.
    pub fn new(
        size: Bytes,
        stride: Bytes,
        order: Order,
        draw: u64,
        at: Memory,
    ) -> Result<Self, Skip> {
        if stride.0 == 0 || !stride.0.is_multiple_of(WORD as u64) || size.0 < stride.0 {
            return Err(Skip::because(format!("no ring of {size} has a slot every {stride}")));
        }
        let slots = u32::try_from(size.0 / stride.0)
            .map_err(|_| Skip::because(format!("{size} has more than {} slots", u32::MAX)))?;
        let step = stride.0 as usize / WORD;
        let mut words = Buffer::<usize>::new(slots as usize * step, at.pages, at.policy)?;
        let next = match order {
            Order::Random => cycle(slots, &mut Draw(draw)),
            Order::PageLocal => local_cycle(slots, LOCAL / stride.0, &mut Draw(draw)),
        };
        let base = words.as_ptr().expose_provenance();
        for (slot, next) in words.chunks_exact_mut(step).zip(&next) {
            slot[0] = base + *next as usize * step * WORD;
        }
        Ok(Self { words, slots: slots as usize, step })
    }

    /// How many slots it has: the loads of a whole turn.
    pub fn slots(&self) -> u64 {
        self.slots as u64
    }

    /// Walks `loads` loads from a slot and gives the slot where it ends.
    #[inline(never)]
    pub fn walk(&self, slot: usize, loads: u64) -> usize {
        let base = self.words.as_ptr();
        let mut at = base.wrapping_add(slot % self.slots * self.step);
        // SAFETY: `at` is a slot of this ring; each slot was filled with the address of another one
        // in `new`; the buffer has been immutable since, and it outlives this call.
        unsafe {
            for _ in 0..loads / UNROLLED {
                for _ in 0..UNROLLED {
                    at = with_exposed_provenance(*at);
                }
            }
            for _ in 0..loads % UNROLLED {
                at = with_exposed_provenance(*at);
            }
        }
        (at.addr() - base.addr()) / (self.step * WORD)
    }

    /// Reads every word once, in order: their sum, which never changes.
    #[inline(never)]
    pub fn sum(&self) -> usize {
        self.words.iter().fold(0, |sum, word| sum.wrapping_add(*word))
    }

    /// What the system made of the placement.
    pub fn effective(&self) -> Effective {
        self.words.effective()
    }
}

/// The next slot of each slot, in one cycle through all: Sattolo's algorithm, by which every
/// cycle is as likely as any other.
fn cycle(slots: u32, draw: &mut Draw) -> Vec<u32> {
    let mut next: Vec<u32> = (0..slots).collect();
    for last in (1..slots).rev() {
        next.swap(last as usize, draw.below(last) as usize);
    }
    next
}

/// As [`cycle`], but through all slots of one group of `local` neighbours before the next group.
fn local_cycle(slots: u32, local: u64, draw: &mut Draw) -> Vec<u32> {
    let local = u32::try_from(local).unwrap_or(u32::MAX).clamp(1, slots.max(1));
    let groups = cycle(slots.div_ceil(local), draw);
    let mut next = vec![0; slots as usize];
    let (mut group, mut before, mut first) = (0, None, 0);
    for _ in 0..groups.len() {
        let start = group * local;
        let mut order: Vec<u32> = (start..slots.min(start.saturating_add(local))).collect();
        draw.shuffle(&mut order);
        for slot in order {
            match before {
                Some(before) => next[before as usize] = slot,
                None => first = slot,
            }
            before = Some(slot);
        }
        group = groups[group as usize];
    }
    if let Some(last) = before {
        next[last as usize] = first;
    }
    next
}

/// SplitMix64 (Steele, Lea and Flood 2014): 64 well mixed bits a draw from any seed, and faster
/// than the memory it fills.
struct Draw(u64);

impl Draw {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`: the upper half of a product, uneven by less than 2^-32.
    fn below(&mut self, limit: u32) -> u32 {
        ((u128::from(self.bits()) * u128::from(limit)) >> 64) as u32
    }

    fn shuffle(&mut self, items: &mut [u32]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u32 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Draw, LOCAL, Memory, Order, Ring, cycle, local_cycle};
    use vbench::prelude::*;

    const HERE: Memory = Memory { pages: Pages::Default, policy: Policy::FirstTouch };

    /// Slots in the order of the walk, until it is back at slot 0.
    fn visited(next: &[u32]) -> Vec<u32> {
        let mut order = vec![0];
        while next[*order.last().unwrap() as usize] != 0 && order.len() <= next.len() {
            order.push(next[*order.last().unwrap() as usize]);
        }
        order
    }

    #[test]
    fn one_cycle_visits_every_slot_once() {
        for slots in [1, 2, 3, 64, 65, 1000, 4096] {
            for seed in 0..5 {
                assert_eq!(visited(&cycle(slots, &mut Draw(seed))).len(), slots as usize);
                for local in [0, 1, 7, 64, 1 << 40] {
                    let next = local_cycle(slots, local, &mut Draw(seed));
                    assert_eq!(visited(&next).len(), slots as usize, "{slots} by {local}");
                }
            }
        }
    }

    #[test]
    fn a_page_local_walk_finishes_a_page_before_the_next() {
        let order = visited(&local_cycle(640, 64, &mut Draw(7)));
        // The walk begins inside a page, which it finishes at the very end.
        let changes = order.windows(2).filter(|pair| pair[0] / 64 != pair[1] / 64).count();
        assert!((9..=10).contains(&changes), "{changes}");
        let steps = order.windows(2).filter(|pair| pair[0] + 1 == pair[1]).count();
        assert!(steps < 64, "{steps} sequential steps");
    }

    #[test]
    fn a_seed_repeats_its_ring_and_another_does_not() {
        let of = |seed| cycle(1000, &mut Draw(seed));
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn a_walk_of_all_slots_comes_back() {
        for (size, stride) in [(4096, 64), (4096, 8), (64, 64), (3 * LOCAL + 128, 64)] {
            for order in [Order::Random, Order::PageLocal] {
                let ring = Ring::new(Bytes(size), Bytes(stride), order, 3, HERE).unwrap();
                assert_eq!(ring.slots(), size / stride);
                assert_eq!(ring.walk(0, ring.slots()), 0);
                assert!(ring.slots() == 1 || ring.walk(0, 1) != 0);
                // Any number of loads, and any slot to begin with, is fine.
                let there = ring.walk(usize::MAX, 37);
                assert!((there as u64) < ring.slots());
            }
        }
    }

    #[test]
    fn impossible_rings_are_skipped_with_the_sizes() {
        let ring = |size, stride| Ring::new(Bytes(size), Bytes(stride), Order::Random, 1, HERE);
        for (size, stride) in [(0, 64), (32, 64), (64, 0), (64, 12)] {
            assert!(ring(size, stride).is_err(), "{size} {stride}");
        }
        let reason = ring(1 << 50, 64).err().unwrap().to_string();
        assert!(reason.contains("slots"), "{reason}");
    }
}
