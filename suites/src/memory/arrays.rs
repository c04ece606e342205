//! The three arrays of STREAM, each thread's part of them, and one timed round of the kernels.

use super::kernels::{Kernel, Kernels};
use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use vbench::prelude::*;

/// The factor of scale and triad. With the square root of 2, less 1, a round leaves its values as
/// they were; the usual 3 makes them 15 times larger, and infinite after 262 rounds.
const FACTOR: f64 = std::f64::consts::SQRT_2 - 1.0;
/// Parts begin at whole base pages, so that no page is touched by two threads.
const PAGE: usize = 4096 / size_of::<f64>();
/// Largest relative error of a value at the end, as in the original.
const TOLERANCE: f64 = 1e-13;
/// Rounds that each choice of kernels gets before the fastest is taken.
const TRIALS: usize = 3;
/// Turns spent waiting before the thread offers its CPU to others.
const SPINS: u32 = 10_000;

/// The arrays `a`, `b` and `c`.
pub struct Arrays {
    arrays: [Buffer<f64>; 3],
    rounds: u32,
}

/// One thread's part of the arrays.
type Part<'a> = Mutex<[&'a mut [f64]; 3]>;

/// Seconds that each kernel took, from the first thread to start to the last to end.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// `c = a`.
    pub copy: f64,
    /// `b = s * c`.
    pub scale: f64,
    /// `c = a + b`.
    pub add: f64,
    /// `a = b + s * c`.
    pub triad: f64,
}

impl Arrays {
    /// Arrays of `bytes` each, first touched by the threads that will use the parts.
    pub fn new(team: &Team, bytes: u64, pages: Pages, policy: Policy) -> Result<Self, Skip> {
        let len = usize::try_from(bytes / size_of::<f64>() as u64).unwrap_or(usize::MAX);
        let array = || Buffer::new(len, pages, policy);
        let mut arrays = Self { arrays: [array()?, array()?, array()?], rounds: 0 };
        let parts = arrays.parts(team.size());
        team.broadcast(|worker| {
            let [a, b, c] = &mut *lock(&parts[worker.index]);
            a.fill(1.0);
            b.fill(2.0);
            c.fill(0.0);
        });
        drop(parts);
        Ok(arrays)
    }

    /// Numbers in one array.
    pub fn len(&self) -> usize {
        self.arrays[0].len()
    }

    /// What the system made of the placement of the first array.
    pub fn effective(&self) -> Effective {
        self.arrays[0].effective()
    }

    fn parts(&mut self, threads: usize) -> Vec<Part<'_>> {
        let [a, b, c] = &mut self.arrays;
        let cut = |array| split(array, threads);
        let parts = cut(a).into_iter().zip(cut(b)).zip(cut(c));
        parts.map(|((a, b), c)| Mutex::new([a, b, c])).collect()
    }

    /// One round: copy, scale, add and triad, each `repeats` times, all threads together. A kernel
    /// done again gives the same values, so repeats change the time and nothing else.
    pub fn round(&mut self, team: &Team, kernels: &Kernels, repeats: u32) -> Times {
        self.rounds += 1;
        let gate = Gate::new(team.size());
        let parts = self.parts(team.size());
        let spans = team.broadcast(|worker| {
            let [a, b, c] = &mut *lock(&parts[worker.index]);
            let time = |kernel: Kernel, out: &mut [f64], x: &[f64], y: &[f64]| {
                gate.wait();
                let start = Instant::now();
                for _ in 0..repeats {
                    (kernel.run)(out, x, y, FACTOR);
                }
                (start, Instant::now())
            };
            [
                time(kernels.copy, c, a, a),
                time(kernels.scale, b, c, c),
                time(kernels.add, c, a, b),
                time(kernels.triad, a, b, c),
            ]
        });
        let seconds =
            |kernel: usize| span(spans.iter().map(|spans| spans[kernel])) / f64::from(repeats);
        Times { copy: seconds(0), scale: seconds(1), add: seconds(2), triad: seconds(3) }
    }

    /// Of each kernel the implementation that took the least time in any of [`TRIALS`] rounds.
    /// The choices take turns, so that a disturbance meets them all. None without a choice.
    pub fn fastest(&mut self, team: &Team, choices: &[Kernels], repeats: u32) -> Option<Kernels> {
        let mut best: Option<(Kernels, Times)> = None;
        for kernels in std::iter::repeat_n(choices, TRIALS).flatten() {
            let times = self.round(team, kernels, repeats);
            let (chosen, least) = best.get_or_insert((*kernels, times));
            keep_faster((&mut chosen.copy, &mut least.copy), (kernels.copy, times.copy));
            keep_faster((&mut chosen.scale, &mut least.scale), (kernels.scale, times.scale));
            keep_faster((&mut chosen.add, &mut least.add), (kernels.add, times.add));
            keep_faster((&mut chosen.triad, &mut least.triad), (kernels.triad, times.triad));
        }
        best.map(|(kernels, _)| kernels)
    }

    /// Compares every value with the recurrence over all rounds, on one number.
    ///
    /// # Errors
    /// The largest relative error, when it is too large.
    pub fn verify(&mut self, team: &Team) -> Result<(), String> {
        let expected = expected(self.rounds);
        let parts = self.parts(team.size());
        let errors = team.broadcast(|worker| {
            let part = lock(&parts[worker.index]);
            let errors = part.iter().zip(expected).map(|(values, wanted)| worst(values, wanted));
            errors.fold(0.0, f64::max)
        });
        let error = errors.into_iter().fold(0.0, f64::max);
        if error < TOLERANCE {
            return Ok(());
        }
        Err(format!("arrays differ from the recurrence by {error:e}, more than {TOLERANCE:e}"))
    }
}

fn keep_faster(best: (&mut Kernel, &mut f64), tried: (Kernel, f64)) {
    if tried.1 < *best.1 {
        (*best.0, *best.1) = tried;
    }
}

/// The values of `a`, `b` and `c` after `rounds`.
fn expected(rounds: u32) -> [f64; 3] {
    let (mut a, mut b, mut c) = (1.0, 2.0, 0.0);
    for _ in 0..rounds {
        c = a;
        b = FACTOR * c;
        c = a + b;
        a = b + FACTOR * c;
    }
    [a, b, c]
}

/// Largest relative error; a value that is no number is infinitely wrong.
fn worst(values: &[f64], wanted: f64) -> f64 {
    let error = |value: &f64| {
        let error = ((value - wanted) / wanted).abs();
        // 0 / 0 of an array that shall stay zero is right.
        if *value == wanted {
            0.0
        } else if error.is_nan() {
            f64::INFINITY
        } else {
            error
        }
    };
    values.iter().map(error).fold(0.0, f64::max)
}

/// Equal parts of whole pages; the last takes what is left.
fn split(mut array: &mut [f64], parts: usize) -> Vec<&mut [f64]> {
    let part = (array.len() / PAGE / parts) * PAGE;
    let mut all = Vec::with_capacity(parts);
    for _ in 1..parts {
        let (first, rest) = array.split_at_mut(part);
        all.push(first);
        array = rest;
    }
    all.push(array);
    all
}

fn span(spans: impl Iterator<Item = (Instant, Instant)> + Clone) -> f64 {
    let first = spans.clone().map(|(start, _)| start).min();
    let last = spans.map(|(_, end)| end).max();
    first.zip(last).map_or(0.0, |(first, last)| last.duration_since(first).as_secs_f64())
}

/// The part of this thread alone, so the lock is free; a panic elsewhere leaves plain numbers.
fn lock<'a, 'b>(part: &'b Part<'a>) -> std::sync::MutexGuard<'b, [&'a mut [f64]; 3]> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A barrier that spins: threads leave it within a cache miss of each other, where one that
/// sleeps adds the time of a wake-up to every kernel.
struct Gate {
    size: usize,
    arrived: AtomicUsize,
}

impl Gate {
    fn new(size: usize) -> Self {
        Self { size, arrived: AtomicUsize::new(0) }
    }

    fn wait(&self) {
        let ticket = self.arrived.fetch_add(1, Ordering::AcqRel);
        let all_here = (ticket / self.size + 1) * self.size;
        let mut spins = 0;
        while self.arrived.load(Ordering::Acquire) < all_here {
            spins += 1;
            if spins % SPINS == 0 {
                std::thread::yield_now();
            }
            spin_loop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Arrays, PAGE, expected, keep_faster, split, worst};
    use crate::memory::kernels::Kernels;
    use vbench::prelude::*;

    fn arrays(team: &Team, numbers: usize) -> Arrays {
        let bytes = (numbers * size_of::<f64>()) as u64;
        Arrays::new(team, bytes, Pages::Default, Policy::FirstTouch).unwrap()
    }

    #[test]
    fn rounds_follow_the_recurrence_with_every_kernel() {
        let team = Team::floating(3).unwrap();
        let streaming = Kernels::streaming().unwrap_or_default();
        for kernels in [Kernels::plain()].into_iter().chain(Kernels::cached(true)).chain(streaming)
        {
            let mut arrays = arrays(&team, 10 * PAGE + 17);
            assert_eq!(arrays.verify(&team), Ok(()));
            for repeats in [1, 3, 2] {
                let times = arrays.round(&team, &kernels, repeats);
                assert!(times.copy > 0.0 && times.triad > 0.0);
            }
            assert_eq!(arrays.verify(&team), Ok(()), "{}", kernels.made());
        }
    }

    #[test]
    fn the_fastest_of_each_kernel_is_one_of_the_choices() {
        let team = Team::floating(2).unwrap();
        let mut arrays = arrays(&team, 4 * PAGE);
        let choices = Kernels::cached(false);
        let chosen = arrays.fastest(&team, &choices, 1).unwrap();
        assert!(choices.iter().any(|choice| choice.add.made == chosen.add.made));
        assert_eq!(arrays.verify(&team), Ok(()));
        assert!(arrays.fastest(&team, &[], 1).is_none());
        let mut kept = (choices[0].copy, 2.0);
        keep_faster((&mut kept.0, &mut kept.1), (Kernels::plain().copy, 1.0));
        keep_faster((&mut kept.0, &mut kept.1), (choices[0].copy, 1.5));
        assert_eq!((kept.0.made, kept.1), ("loop", 1.0));
    }

    #[test]
    fn one_wrong_number_is_found() {
        let team = Team::floating(2).unwrap();
        let mut arrays = arrays(&team, 2 * PAGE);
        arrays.round(&team, &Kernels::plain(), 1);
        let last = arrays.len() - 1;
        arrays.arrays[1][last] *= 1.0 + 1e-12;
        assert!(arrays.verify(&team).unwrap_err().contains("recurrence"));
        arrays.arrays[1][last] = f64::NAN;
        assert!(arrays.verify(&team).is_err());
    }

    #[test]
    fn values_stay_as_large_as_they_are() {
        let [a, b, c] = expected(100_000);
        assert!((a - 1.0).abs() < 1e-9 && b > 0.4 && c > 1.4);
        assert_eq!(worst(&[], 1.0), 0.0);
    }

    #[test]
    fn parts_are_whole_pages_and_leave_nothing_out() {
        for (len, parts) in [(0, 3), (PAGE, 2), (10 * PAGE + 3, 4)] {
            let mut array = vec![0.0; len];
            let lens: Vec<usize> = split(&mut array, parts).iter().map(|part| part.len()).collect();
            assert_eq!((lens.len(), lens.iter().sum::<usize>()), (parts, len));
            assert!(lens[..parts - 1].iter().all(|part| part % PAGE == 0));
        }
    }
}
