//! Placement: what the guest's topology really is, measured between vCPUs and over its memory.

mod blocks;
mod kernels;
mod line;
mod moves;
mod pairing;

use crate::claims;
use crate::cpu;
use crate::nodes::{self, note_placement};
use crate::units::{Disturbances, Kept};
use blocks::Blocks;
use kernels::{Kernel, Work};
use line::{Effort, Transfer};
use moves::Paces;
use pairing::{chosen, note_choice, pairs_of};
use std::collections::BTreeMap;
use std::time::Duration;
use vbench::measured::{self, BLOCK_BANDWIDTHS, BLOCKS, CLAIMED, HIGH, LOW, PAIRS, Pairs};
use vbench::prelude::*;

/// Every direction of every pair has at least this many batches of 200 round trips.
const LEAST_BATCHES: usize = 25;
/// A direction lasts at most this long, however few pairs there are.
const LONGEST_DIRECTION: f64 = 0.025;
/// A sweep over all pairs aims at this many times the profile's sample: one second in the quick
/// profile. Many CPUs take longer, because no direction gets less than its batches.
const SWEEP_SAMPLES: f64 = 20.0;

/// What one sweep over all pairs shows.
#[derive(Metrics)]
struct Transfers {
    /// One way between two vCPUs: the median over pairs of the median over batches.
    median: Seconds,
    /// The pair that is nearest.
    nearest: Seconds,
    /// The pair that is furthest.
    farthest: Seconds,
    /// Fastest batch of all.
    #[metric(info)]
    best: Seconds,
}

/// Time to move a cache line from one vCPU to another, for every pair in both directions.
#[vbench(kind = "placement", warmup = 0)]
fn core_to_core(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis(Transfer::choices())] transfer: Transfer,
) -> Result<Samples<Transfers>, Skip> {
    let chosen = chosen(cpus.ids(), 2)?;
    let pairs = pairs_of(&chosen);
    let effort = transfer_effort(b, pairs.len());
    let mut sweeps: Vec<Pairs> = Vec::new();
    let mut silent = Silent::new();
    // The first error ends the sweeps: a CPU that cannot be bound to stays so.
    let mut refused = None;
    let samples = b.samples(|timer| {
        let (mut sweep, mut best) = (Pairs::default(), f64::INFINITY);
        for &(one, other) in &pairs {
            match line::both_ways(one, other, transfer, effort) {
                Ok(Some([there, back])) => {
                    sweep.insert(one, other, there.median, back.median);
                    best = best.min(there.best).min(back.best);
                    timer.check(
                        there.sound && back.sound,
                        format!("vCPUs {one} and {other} lost a turn"),
                    );
                }
                Ok(None) => note_silence(&mut silent, [(one, other)]),
                Err(skip) => drop(refused.get_or_insert(skip)),
            }
        }
        let transfers = Transfers::of(&sweep, best);
        sweeps.push(sweep);
        transfers
    });
    if let Some(skip) = refused {
        return Err(skip);
    }
    all_answered(&sweeps)?;
    note_choice(b, &chosen, cpus.count());
    b.fact("transfer", transfer.describe());
    b.fact(CLAIMED, claims::cache_groups());
    b.fact(PAIRS, Pairs::joined(&sweeps, LOW).to_value());
    tell_silence(b, silent);
    Ok(samples)
}

/// How many sweeps each pair was silent in.
type Silent = BTreeMap<(usize, usize), usize>;

fn note_silence(silent: &mut Silent, pairs: impl IntoIterator<Item = (usize, usize)>) {
    pairs.into_iter().for_each(|pair| *silent.entry(pair).or_default() += 1);
}

/// Pairs that did not answer in every sweep, as `0-2 (3)` with the sweeps they missed.
fn tell_silence(b: &mut Bencher, silent: Silent) {
    if !silent.is_empty() {
        let told =
            silent.into_iter().map(|((one, other), times)| format!("{one}-{other} ({times})"));
        b.fact("pairs_without_an_answer", told.collect::<Vec<_>>());
    }
}

/// Every sweep has at least one pair.
fn all_answered(sweeps: &[Pairs]) -> Result<(), Skip> {
    match sweeps.iter().any(Pairs::is_empty) {
        true => Err(Skip::because("no two vCPUs ran at the same time for long enough")),
        false => Ok(()),
    }
}

impl Transfers {
    /// Values that are not numbers, which fail the sample, where no pair answered.
    fn of(sweep: &Pairs, best: f64) -> Self {
        let mut all: Vec<f64> = sweep.rows().flat_map(|(_, both)| both).collect();
        all.sort_unstable_by(f64::total_cmp);
        let at = |place: usize| Seconds(all.get(place).copied().unwrap_or(f64::NAN));
        Self {
            median: at(all.len() / 2),
            nearest: at(0),
            farthest: at(all.len().saturating_sub(1)),
            best: Seconds(best),
        }
    }
}

/// The time of one direction, so that a sweep stays within its share.
fn transfer_effort(b: &Bencher, pairs: usize) -> Effort {
    if b.is_smoke() {
        return Effort { batches: 1, time: Duration::ZERO };
    }
    let each = SWEEP_SAMPLES * b.sample_time() / (2 * pairs.max(1)) as f64;
    Effort { batches: LEAST_BATCHES, time: Duration::from_secs_f64(each.min(LONGEST_DIRECTION)) }
}

/// What one sweep over all pairs shows.
#[derive(Metrics)]
struct Interference {
    /// Share of its throughput that a vCPU keeps beside another: the median over pairs.
    median: Kept,
    /// The pair that keeps least.
    lowest: Kept,
}

/// Throughput of two vCPUs together against each alone: of arithmetic and loads 0.5 to 0.65 where
/// they share a core; of reading memory what one takes of the other's bandwidth.
#[vbench(kind = "placement", warmup = 0)]
fn interference(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis(Kernel::choices())] kernel: Kernel,
) -> Result<Samples<Interference>, Skip> {
    let chosen = chosen(cpus.ids(), 2)?;
    let pairs = pairs_of(&chosen);
    let effort = kernels::Effort::over(pairs.len(), b.is_smoke());
    let bytes = kernel.bytes(chosen.len(), b.is_smoke());
    let work = Work::new(kernel, &chosen, bytes)?;
    let mut sweeps: Vec<Pairs> = Vec::new();
    let mut silent = Silent::new();
    let mut refused = None;
    let samples = b.samples(|timer| match kernels::sweep(&work, &pairs, effort) {
        Ok(sweep) => {
            timer.check(sweep.sound, format!("the kernel {kernel} gave two answers"));
            let metrics = Interference::of(&sweep.kept);
            sweeps.push(sweep.kept);
            note_silence(&mut silent, sweep.silent);
            metrics
        }
        Err(skip) => {
            refused = Some(skip);
            Interference::of(&Pairs::default())
        }
    });
    if let Some(skip) = refused {
        return Err(skip);
    }
    all_answered(&sweeps)?;
    note_choice(b, &chosen, cpus.count());
    b.fact("bytes_read_by_each", bytes);
    b.fact(CLAIMED, claims::core_groups());
    b.fact(PAIRS, Pairs::joined(&sweeps, HIGH).to_value());
    tell_silence(b, silent);
    Ok(samples)
}

impl Interference {
    fn of(sweep: &Pairs) -> Self {
        let mut kept: Vec<f64> = sweep.rows().flat_map(|(_, both)| both).collect();
        kept.sort_unstable_by(f64::total_cmp);
        let at = |place: usize| Kept(kept.get(place).copied().unwrap_or(f64::NAN));
        Self { median: at(kept.len() / 2), lowest: at(0) }
    }
}

/// What one round over all vCPUs shows.
#[derive(Metrics)]
struct Speeds {
    /// All at once, together.
    together: EventsPerSec,
    /// The slowest vCPU by itself.
    slowest_alone: EventsPerSec,
    #[metric(info)]
    fastest_alone: EventsPerSec,
    /// The slowest vCPU while all work.
    slowest_together: EventsPerSec,
    /// All at once against the sum of each alone; unknown when no event fits into a window.
    kept: Option<Kept>,
}

/// A window of one vCPU is this share of the profile's: each is measured alone, one after another.
const WINDOW_SHARE: u32 = 20;

/// Prime events of each vCPU alone, then of all at once: slow vCPUs, shared cores, clock headroom.
#[vbench(kind = "placement", warmup = 0, profile = Standard)]
fn vcpu_speed(b: &mut Bencher, cpus: Cpus) -> Result<Samples<Speeds>, Skip> {
    let window = b.window() / WINDOW_SHARE;
    let all = Team::pinned(cpus.ids())?;
    let singles =
        cpus.ids().iter().map(|cpu| Team::pinned(&[*cpu])).collect::<Result<Vec<_>, _>>()?;
    let mut table: Vec<[Vec<f64>; 2]> = vec![Default::default(); cpus.count()];
    let samples = b.samples(|timer| {
        let alone: Vec<_> = singles.iter().flat_map(|team| cpu::rates(team, window)).collect();
        let together = cpu::rates(&all, window);
        timer.check(
            alone.iter().chain(&together).all(Result::is_ok),
            "an event counted wrong primes",
        );
        let plain = |rates: &[Result<f64, String>]| -> Vec<f64> {
            rates.iter().map(|rate| rate.clone().unwrap_or(f64::NAN)).collect()
        };
        let (alone, together) = (plain(&alone), plain(&together));
        for (row, values) in table.iter_mut().zip(alone.iter().zip(&together)) {
            row[0].push(*values.0);
            row[1].push(*values.1);
        }
        Speeds::of(&alone, &together)
    });
    let row = |(cpu, [alone, together]): (&usize, &[Vec<f64>; 2])| {
        vec![*cpu as f64, pairing::median(alone), pairing::median(together)]
    };
    let rows: Vec<Vec<f64>> = cpus.ids().iter().zip(&table).map(row).collect();
    b.fact("slow", slow(&rows));
    b.fact("cpu_alone_together", rows);
    Ok(samples)
}

impl Speeds {
    fn of(alone: &[f64], together: &[f64]) -> Self {
        let least = |rates: &[f64]| rates.iter().copied().fold(f64::INFINITY, f64::min);
        let sum: f64 = together.iter().sum();
        Self {
            together: EventsPerSec(sum),
            slowest_alone: EventsPerSec(least(alone)),
            fastest_alone: EventsPerSec(alone.iter().copied().fold(0.0, f64::max)),
            slowest_together: EventsPerSec(least(together)),
            kept: Some(alone.iter().sum())
                .filter(|alone| *alone > 0.0)
                .map(|alone: f64| Kept(sum / alone)),
        }
    }
}

/// vCPUs that are slower alone than this share of the median one: more than clocks of one kind of
/// core differ, less than efficiency cores do (0.5 to 0.7 of a performance core).
const SLOW: f64 = 0.85;

fn slow(rows: &[Vec<f64>]) -> Vec<String> {
    let typical = pairing::median(&rows.iter().map(|row| row[1]).collect::<Vec<_>>());
    let slow = rows.iter().filter(|row| row[1] < SLOW * typical);
    slow.map(|row| format!("CPU {}: {:.2} of the median", row[0], row[1] / typical)).collect()
}

/// What one sweep over the blocks shows.
#[derive(Metrics)]
struct Regions {
    /// A dependent load: the median block, from the first vCPU.
    latency: Seconds,
    /// The slowest block, from any vCPU that measured.
    slowest: Seconds,
    /// Reading a block with one thread: the median block.
    bandwidth: BytesPerSec,
    /// The slowest block.
    lowest: BytesPerSec,
}

/// vCPUs that measure every block: more tell more host nodes apart, and each costs a sweep.
const PROBES: usize = 4;

/// Latency and bandwidth of each block of a node's memory: two modes are two host nodes.
#[vbench(kind = "placement", samples = 3, warmup = 0, profile = Standard)]
fn region_map(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis(nodes::memory_ids())] node: usize,
) -> Result<Samples<Regions>, Skip> {
    let policy = nodes::bound_to(node);
    let probes = pairing::spread(cpus.ids(), PROBES);
    let teams = probes.iter().map(|cpu| Team::pinned(&[*cpu])).collect::<Result<Vec<_>, _>>()?;
    let mut blocks = Blocks::fill(&teams[0], policy, b.seed(), b.is_smoke())?;
    for effective in blocks.ends() {
        note_placement(b, Pages::Default, policy, &effective)?;
    }
    let (mut sweeps, mut reads) = (Vec::new(), Vec::new());
    let samples = b.samples(|timer| {
        let latencies = blocks.latencies(&teams);
        let bandwidths = blocks.bandwidths(&teams[0]);
        timer.check(bandwidths.is_ok(), "a block changed while it was read");
        let bandwidths = bandwidths.unwrap_or_default();
        let firsts: Vec<f64> = latencies.iter().filter_map(|row| row.first().copied()).collect();
        let slowest = latencies.iter().flatten().copied().fold(0.0, f64::max);
        let regions = Regions {
            latency: Seconds(pairing::median(&firsts)),
            slowest: Seconds(slowest),
            bandwidth: BytesPerSec(pairing::median(&bandwidths)),
            lowest: BytesPerSec(bandwidths.iter().copied().fold(f64::INFINITY, f64::min)),
        };
        sweeps.push(latencies);
        reads.push(bandwidths);
        regions
    });
    b.fact("cpus", probes.clone());
    b.fact("block_bytes", blocks.block_bytes());
    b.fact("size_rule", blocks.verdict());
    b.fact(BLOCKS, measured::fastest(&sweeps));
    b.fact(BLOCK_BANDWIDTHS, blocks::highest(&reads));
    Ok(samples)
}

/// What one window shows.
#[derive(Metrics)]
struct Moves {
    /// How often a vCPU found its own cache empty, mean over the vCPUs.
    refills: Disturbances,
    /// The vCPU that found it empty most often.
    worst: Disturbances,
    /// A dependent load while the cache is warm.
    latency: Seconds,
}

/// How often each vCPU loses what its private cache held: moved by the host, or not alone on its core.
#[vbench(kind = "placement", warmup = 0, profile = Standard)]
fn migration(b: &mut Bencher, cpus: Cpus) -> Result<Samples<Moves>, Skip> {
    let team = Team::pinned(cpus.ids())?;
    let (window, seed) = (b.window(), b.seed());
    let bytes = moves::ring_bytes();
    let rings = moves::rings(&team, bytes, seed)?;
    let mut worst = Vec::new();
    let samples = b.samples(|_| {
        let counts = moves::watch(&team, &rings, window);
        let rates: Vec<f64> =
            counts.iter().map(|seen| seen.refills / window.as_secs_f64()).collect();
        let latencies: Vec<f64> = counts.iter().map(|seen| seen.latency).collect();
        let most = rates.iter().copied().fold(0.0, f64::max);
        worst.extend(rates.iter().position(|rate| *rate == most).map(|place| cpus.ids()[place]));
        Moves {
            refills: Disturbances(rates.iter().sum::<f64>() / rates.len() as f64),
            worst: Disturbances(most),
            latency: Seconds(pairing::median(&latencies)),
        }
    });
    b.fact("ring", bytes.to_string());
    b.fact("worst_cpu", worst);
    Ok(samples)
}

/// What one window shows.
#[derive(Metrics)]
struct Drift {
    /// A dependent load that goes to memory: the median slice.
    latency: Seconds,
    /// Share of the slices in the slower modes of their blocks; none where there is one mode.
    far: Option<Ratio>,
}

/// Latency of one vCPU to memory that stays where it is, over time: two modes of the same blocks
/// mean that the host moves the vCPU between nodes.
#[vbench(kind = "placement", warmup = 0, profile = Standard)]
fn drift(b: &mut Bencher, cpus: Cpus) -> Result<Samples<Drift>, Skip> {
    let team = Team::pinned(cpus.first(1)?)?;
    let mut blocks = Blocks::fill(&team, Policy::FirstTouch, b.seed(), b.is_smoke())?;
    let window = b.window();
    let mut paces = Paces::default();
    let mut slices = Vec::new();
    let samples = b.samples(|_| {
        let seen = blocks.slices(&team, window);
        let latencies: Vec<f64> = seen.iter().map(|(_, latency)| *latency).collect();
        slices.push(seen.len());
        Drift { latency: Seconds(pairing::median(&latencies)), far: paces.far(&seen).map(Ratio) }
    });
    b.fact("slices", slices);
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::{Interference, Speeds, Transfers, slow};
    use vbench::measured::Pairs;

    #[test]
    fn a_sweep_is_summed_up_by_its_median_and_its_ends() {
        let mut sweep = Pairs::default();
        sweep.insert(0, 1, 10e-9, 12e-9);
        sweep.insert(0, 2, 100e-9, 90e-9);
        let transfers = Transfers::of(&sweep, 9e-9);
        assert_eq!((transfers.nearest.0, transfers.farthest.0), (10e-9, 100e-9));
        assert_eq!((transfers.median.0, transfers.best.0), (90e-9, 9e-9));
        assert_eq!(Interference::of(&sweep).lowest.0, 10e-9);
    }

    #[test]
    fn nothing_measured_is_no_number() {
        assert!(Transfers::of(&Pairs::default(), f64::INFINITY).median.0.is_nan());
        assert!(Interference::of(&Pairs::default()).lowest.0.is_nan());
    }

    #[test]
    fn slow_vcpus_are_named() {
        let speeds = Speeds::of(&[100.0, 60.0], &[90.0, 50.0]);
        assert_eq!(
            (speeds.slowest_alone.0, speeds.kept.map(|kept| kept.0)),
            (60.0, Some(140.0 / 160.0))
        );
        let rows = vec![vec![0.0, 100.0, 1.0], vec![1.0, 101.0, 1.0], vec![2.0, 60.0, 1.0]];
        assert_eq!(slow(&rows), ["CPU 2: 0.60 of the median"]);
    }
}
