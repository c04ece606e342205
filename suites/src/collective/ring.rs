//! A ring all-reduce in shared memory: one thread per rank, each reading from its left neighbour.
//!
//! The buffers are cut into blocks, and the ring goes around once per block. A block has one piece
//! per rank. In the first `n - 1` steps (reduce-scatter) a rank adds its own piece to its left
//! neighbour's partial sum. The last of these additions finishes a piece, which goes to the right
//! neighbour in the same step: it is not read again to be sent. In `n - 2` more steps (all-gather)
//! a rank passes on to the right what came from the left.

use super::Place;
use crate::claims;
use crate::memory::kernels::Kernels;
use std::hint::spin_loop;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;
use vbench::prelude::*;

/// Numbers in one rank's piece of a block: small enough to stay in a second-level cache until the
/// neighbour has read it, large enough that waiting for the neighbour costs little. On a 2-vCPU AMD
/// EPYC guest, 64 MiB took 9.3 ms in pieces of 16 KiB, 6.6 in 64 KiB, 5.5 in 256 KiB and more.
const PIECE: usize = (256 << 10) / size_of::<f32>();
/// Numbers of a sum in place that are passed on while a first-level cache still holds them.
const WARM: usize = (16 << 10) / size_of::<f32>();
/// Operations of a trial.
const TRIAL: u32 = 3;
/// Turns spent waiting before a thread offers its CPU to others.
const SPINS: u32 = 10_000;
/// Inputs are whole numbers below this, so that every partial sum is exact in 24 bits.
const VALUES: usize = 61;

/// The ranks and their buffers.
pub struct Ring<'t> {
    team: &'t Team,
    ranks: Vec<Rank>,
    place: Place,
    len: usize,
    kernels: Kernels<f32>,
}

/// What a rank holds.
struct Rank {
    /// What it contributes; empty where the operation is in place.
    input: Buffer<f32>,
    /// Where its sum goes.
    output: Buffer<f32>,
}

impl<'t> Ring<'t> {
    /// Buffers of `size` bytes per rank, first touched by their rank.
    ///
    /// # Errors
    /// The memory cannot be had as asked.
    pub fn new(team: &'t Team, size: Bytes, place: Place, memory: Policy) -> Result<Self, Skip> {
        let len = usize::try_from(size.0 / size_of::<f32>() as u64).unwrap_or(usize::MAX).max(1);
        let buffer = |len| Buffer::new(len, Pages::Default, memory);
        let rank = |_| {
            let input = buffer(if place == Place::Out { len } else { 0 })?;
            Ok(Rank { input, output: buffer(len)? })
        };
        let ranks: Result<Vec<Rank>, Skip> = (0..team.size()).map(rank).collect();
        let choices = kernels(size.0.saturating_mul(team.size() as u64));
        let kernels = *choices.first().ok_or_else(|| Skip::because("no kernels to choose from"))?;
        let mut ring = Self { team, ranks: ranks?, place, len, kernels };
        ring.fill();
        ring.choose(&choices);
        Ok(ring)
    }

    /// The arrangement that is the fastest here, by trial: which one is differs by processor.
    fn choose(&mut self, choices: &[Kernels<f32>]) {
        let mut trials = Vec::new();
        for kernels in choices {
            self.kernels = *kernels;
            trials.push((self.time(TRIAL), kernels));
        }
        if let Some((_, fastest)) = trials.into_iter().min_by(|(a, _), (b, _)| a.total_cmp(b)) {
            self.kernels = *fastest;
        }
    }

    /// How its kernels are made, for a fact.
    pub fn made(&self) -> String {
        let Kernels { copy, add, .. } = self.kernels;
        format!("copy: {}, add: {}", copy.made, add.made)
    }

    /// What the system made of the placement of every rank's buffers, all pages together.
    pub fn effective(&self) -> Effective {
        let buffers = self.ranks.iter().flat_map(|rank| [&rank.output, &rank.input]);
        let all = buffers.filter(|buffer| !buffer.is_empty()).map(Buffer::effective);
        all.reduce(Effective::and).unwrap_or_else(|| self.ranks[0].output.effective())
    }

    /// Every rank writes its own numbers.
    fn fill(&mut self) {
        let place = self.place;
        let ranks: Vec<Mutex<&mut Rank>> = self.ranks.iter_mut().map(Mutex::new).collect();
        self.team.broadcast(|worker| {
            let mut rank = locked(&ranks[worker.index]);
            let numbers = |buffer: &mut [f32]| {
                buffer.iter_mut().enumerate().for_each(|(i, n)| *n = contribution(worker.index, i));
            };
            match place {
                Place::In => numbers(&mut rank.output),
                Place::Out => {
                    numbers(&mut rank.input);
                    rank.output.fill(-1.0);
                }
            }
        });
    }

    /// Seconds of one operation: `operations` in a row, from the first rank to start to the last
    /// to end. In place the sums grow from one to the next, as they do in nccl-tests; the time of an
    /// addition does not depend on its operands.
    pub fn time(&mut self, operations: u32) -> f64 {
        let shared = Shared::of(&mut self.ranks, self.len, self.kernels);
        let spans = self.team.broadcast(|worker| {
            // The first operation is where the ranks meet.
            shared.all_reduce(worker.index, 0);
            let start = Instant::now();
            for operation in 1..=operations as usize {
                shared.all_reduce(worker.index, operation);
            }
            (start, Instant::now())
        });
        let first = spans.iter().map(|(start, _)| *start).min();
        let last = spans.iter().map(|(_, end)| *end).max();
        let span = first.zip(last).map_or(0.0, |(first, last)| (last - first).as_secs_f64());
        span / f64::from(operations.max(1))
    }

    /// One more operation on fresh numbers, each sum compared with the exact one on every rank.
    ///
    /// # Errors
    /// The first sum that is wrong.
    pub fn verify(&mut self) -> Result<(), String> {
        self.fill();
        let shared = Shared::of(&mut self.ranks, self.len, self.kernels);
        self.team.broadcast(|worker| shared.all_reduce(worker.index, 0));
        drop(shared);
        let ranks = &self.ranks;
        let wrong = self.team.broadcast(|worker| wrong(&ranks[worker.index].output, ranks.len()));
        match wrong.into_iter().enumerate().find_map(|(rank, wrong)| Some((rank, wrong?))) {
            None => Ok(()),
            Some((rank, (at, found))) => Err(format!(
                "rank {rank} has {found} as sum {at} where {} is right",
                sum(ranks.len(), at)
            )),
        }
    }
}

/// What `rank` adds to number `at`.
pub fn contribution(rank: usize, at: usize) -> f32 {
    ((at + 7 * rank) % VALUES) as f32
}

/// Number `at` of the result.
fn sum(ranks: usize, at: usize) -> f32 {
    (0..ranks).map(|rank| contribution(rank, at)).sum()
}

/// The first wrong number and its place. The sums repeat with the inputs.
pub fn wrong(output: &[f32], ranks: usize) -> Option<(usize, f32)> {
    let expected: Vec<f32> = (0..VALUES).map(|at| sum(ranks, at)).collect();
    let pairs = output.iter().zip(expected.iter().cycle()).enumerate();
    pairs
        .into_iter()
        .find(|(_, (found, right))| found != right)
        .map(|(at, (found, _))| (at, *found))
}

/// The buffers as the ranks see them during operations. No rank reads or writes what another one is
/// writing: the counters see to it, the locks are always free and make it safe.
struct Shared<'a> {
    inputs: Vec<&'a [f32]>,
    outputs: Vec<Vec<RwLock<&'a mut [f32]>>>,
    pieces: Vec<Range<usize>>,
    done: Vec<Steps>,
    kernels: Kernels<f32>,
}

/// Steps that a rank has finished, on cache lines of their own (two: they are fetched in pairs).
#[repr(align(128))]
#[derive(Default)]
struct Steps(AtomicUsize);

impl Steps {
    fn wait_for(&self, steps: usize) {
        let mut spins = 0;
        while self.0.load(Ordering::Acquire) < steps {
            spins += 1;
            if spins % SPINS == 0 {
                std::thread::yield_now();
            }
            spin_loop();
        }
    }
}

impl<'a> Shared<'a> {
    fn of(ranks: &'a mut [Rank], len: usize, kernels: Kernels<f32>) -> Self {
        let pieces = pieces(len, ranks.len());
        let done = ranks.iter().map(|_| Steps::default()).collect();
        let cut = |rank: &'a mut Rank| (&*rank.input, split(&mut rank.output, &pieces));
        let (inputs, outputs) = ranks.iter_mut().map(cut).unzip();
        Self { inputs, outputs, pieces, done, kernels }
    }

    /// What one rank does in an operation, the `operation`-th on these buffers.
    fn all_reduce(&self, rank: usize, operation: usize) {
        let ranks = self.done.len();
        let (left, right) = ((rank + ranks - 1) % ranks, (rank + 1) % ranks);
        let turn = 2 * ranks - 3;
        let blocks = self.pieces.len() / ranks;
        let mut done = operation * (blocks * turn + 1);
        // Nobody may still be reading or writing what the operation before left.
        self.done[left].wait_for(done);
        self.done[right].wait_for(done);
        for block in 0..blocks {
            for step in 0..turn {
                // The first step needs only what the neighbour brought along.
                if step > 0 {
                    self.done[left].wait_for(done);
                }
                if step + 1 < ranks {
                    let piece = block * ranks + (rank + 2 * ranks - step - 1) % ranks;
                    match step + 2 == ranks {
                        true => self.finish([left, rank, right], piece),
                        false => self.reduce(rank, left, piece, step == 0),
                    }
                } else {
                    let piece = block * ranks + (rank + 2 * ranks - (step + 1 - ranks)) % ranks;
                    self.pass_on(rank, right, piece);
                }
                done += 1;
                self.done[rank].0.store(done, Ordering::Release);
            }
        }
        // The last piece is the neighbour's to bring.
        self.done[left].wait_for(done);
        self.done[rank].0.store(done + 1, Ordering::Release);
    }

    /// Adds the rank's own piece to its neighbour's: the neighbour's input at first, then its
    /// partial sum.
    fn reduce(&self, rank: usize, left: usize, piece: usize, first: bool) {
        let range = self.pieces[piece].clone();
        let mut out = write(&self.outputs[rank][piece]);
        let partial = read(&self.outputs[left][piece]);
        match (self.inputs[rank].get(range.clone()), self.inputs[left].get(range)) {
            (Some(own), Some(theirs)) if first => {
                (self.kernels.add.run)(&mut out, own, theirs, 0.0)
            }
            (Some(own), _) => (self.kernels.add.run)(&mut out, own, &partial, 0.0),
            _ => accumulate(&mut out, &partial),
        }
    }

    /// The last addition to a piece, stored here and on the right.
    fn finish(&self, [left, rank, right]: [usize; 3], piece: usize) {
        let range = self.pieces[piece].clone();
        let (mut mine, mut next) =
            (write(&self.outputs[rank][piece]), write(&self.outputs[right][piece]));
        let partial = (left != right).then(|| read(&self.outputs[left][piece]));
        let own = self.inputs[rank].get(range.clone());
        match (own, &partial) {
            (Some(own), Some(partial)) => (self.kernels.twice)(&mut mine, &mut next, own, partial),
            // Of two ranks, the neighbour's input is the partial sum.
            (Some(own), None) => {
                (self.kernels.twice)(&mut mine, &mut next, own, &self.inputs[left][range]);
            }
            (None, Some(partial)) => {
                for start in (0..mine.len()).step_by(WARM) {
                    let part = start..mine.len().min(start + WARM);
                    accumulate(&mut mine[part.clone()], &partial[part.clone()]);
                    let sums = &mine[part.clone()];
                    (self.kernels.copy.run)(&mut next[part], sums, sums, 0.0);
                }
            }
            (None, None) => exchange(&mut mine, &mut next),
        }
    }

    /// Copies a finished piece to the right.
    fn pass_on(&self, rank: usize, right: usize, piece: usize) {
        let mut next = write(&self.outputs[right][piece]);
        let finished = read(&self.outputs[rank][piece]);
        (self.kernels.copy.run)(&mut next, &finished, &finished, 0.0);
    }
}

/// A piece that nobody else uses now.
fn write<'l, 'a>(piece: &'l RwLock<&'a mut [f32]>) -> RwLockWriteGuard<'l, &'a mut [f32]> {
    piece.write().unwrap_or_else(PoisonError::into_inner)
}

/// A piece that nobody else writes now.
fn read<'l, 'a>(piece: &'l RwLock<&'a mut [f32]>) -> RwLockReadGuard<'l, &'a mut [f32]> {
    piece.read().unwrap_or_else(PoisonError::into_inner)
}

/// Where the sums of all ranks exceed the caches, they are stored past them: no line is read only to
/// be overwritten. A neighbour then reads what was stored from memory, which costs less than that.
fn kernels(sums: u64) -> Vec<Kernels<f32>> {
    match Kernels::streaming() {
        Ok(streaming) if sums > claims::last_level_total().unwrap_or(0) => streaming,
        _ => Kernels::cached(false),
    }
}

/// A function of its own, so that the compiler knows that the slices do not overlap.
#[inline(never)]
fn accumulate(out: &mut [f32], b: &[f32]) {
    out.iter_mut().zip(b).for_each(|(sum, b)| *sum += b);
}

/// Two ranks in place have both numbers where both sums go.
#[inline(never)]
fn exchange(mine: &mut [f32], next: &mut [f32]) {
    for (mine, next) in mine.iter_mut().zip(next) {
        *mine += *next;
        *next = *mine;
    }
}

/// The pieces of all blocks, in order, one per rank and block; pieces of the last block are
/// shorter, and empty where there are more ranks than numbers.
fn pieces(len: usize, ranks: usize) -> Vec<Range<usize>> {
    let block = PIECE * ranks;
    let cut = |start: usize| {
        let len = block.min(len - start);
        (0..ranks).map(move |piece| start + len * piece / ranks..start + len * (piece + 1) / ranks)
    };
    (0..len).step_by(block).flat_map(cut).collect()
}

fn split<'a>(mut buffer: &'a mut [f32], pieces: &[Range<usize>]) -> Vec<RwLock<&'a mut [f32]>> {
    let mut all = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let (first, rest) = buffer.split_at_mut(piece.len());
        all.push(RwLock::new(first));
        buffer = rest;
    }
    all
}

/// The rank of this thread alone, so the lock is free; a panic elsewhere leaves plain numbers.
fn locked<'a, 'b>(rank: &'b Mutex<&'a mut Rank>) -> MutexGuard<'b, &'a mut Rank> {
    rank.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{PIECE, Place, Ring, pieces, sum};
    use vbench::prelude::*;

    #[test]
    fn every_rank_holds_the_exact_sum_for_any_number_of_ranks_and_any_size() {
        for ranks in [2, 3, 5] {
            let team = Team::floating(ranks).unwrap();
            for len in [1, 2, 3, 64, PIECE * ranks, 2 * PIECE * ranks + 17] {
                for place in [Place::Out, Place::In] {
                    let size = Bytes(4 * len as u64);
                    let mut ring = Ring::new(&team, size, place, Policy::FirstTouch).unwrap();
                    assert_eq!(ring.verify(), Ok(()), "{ranks} ranks, {len} numbers, {place}");
                    assert!(ring.time(3) > 0.0);
                    assert_eq!(ring.verify(), Ok(()), "{ranks} ranks, {len} numbers, {place}");
                }
            }
        }
    }

    #[test]
    fn the_placement_is_that_of_all_ranks() {
        let team = Team::floating(3).unwrap();
        for (place, pages) in [(Place::Out, 3 * 2 * 16), (Place::In, 3 * 16)] {
            let ring = Ring::new(&team, Bytes(64 << 10), place, Policy::FirstTouch).unwrap();
            // Where move_pages is forbidden, nothing is known of any.
            if let Ok(nodes) = ring.effective().nodes {
                assert_eq!(nodes.values().sum::<usize>(), pages, "{place}");
            }
        }
    }

    #[test]
    fn one_wrong_sum_is_found_and_named() {
        let mut output: Vec<f32> = (0..200).map(|at| sum(4, at)).collect();
        assert_eq!(super::wrong(&output, 4), None);
        output[123] += 1.0;
        assert_eq!(super::wrong(&output, 4), Some((123, output[123])));
        output[7] = f32::NAN;
        assert!(super::wrong(&output, 4).is_some_and(|(at, _)| at == 7));
    }

    #[test]
    fn sums_of_thousands_of_ranks_are_exact() {
        assert!(sum(100_000, 3) < (1 << 24) as f32);
    }

    #[test]
    fn pieces_cover_everything_once_and_in_order() {
        for (len, ranks) in [(1, 4), (PIECE, 2), (3 * PIECE + 5, 3)] {
            let pieces = pieces(len, ranks);
            assert_eq!(pieces.len() % ranks, 0);
            assert_eq!(pieces.first().map(|piece| piece.start), Some(0));
            assert_eq!(pieces.last().map(|piece| piece.end), Some(len));
            assert!(pieces.windows(2).all(|pair| pair[0].end == pair[1].start));
        }
    }
}
