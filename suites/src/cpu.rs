//! CPU throughput: events of prime counting, defined as in sysbench, on one vCPU or all.

mod divide;
mod histogram;

use crate::effort::by_profile;
use divide::has_divisor;
use histogram::Histogram;
use std::hint::black_box;
use std::time::{Duration, Instant};
use vbench::prelude::*;

/// Largest number tested in one event: `--cpu-max-prime` of sysbench, by default.
const LIMIT: u64 = 10_000;
/// Primes from 3 to [`LIMIT`]: 1229 below 10000 (OEIS A006880), less the 2 that is not tested.
const PRIMES: u64 = 1_228;

/// Whether each thread is tied to a CPU of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AxisValue)]
enum Pinned {
    Yes,
    No,
}

impl Pinned {
    /// The quick profile shows the vCPUs as they are; longer ones also the guest's scheduler.
    fn choices() -> Vec<Self> {
        by_profile([Self::Yes], [Self::Yes, Self::No])
    }

    fn team(self, cpus: &Cpus, threads: usize) -> Result<Team, Skip> {
        match self {
            Self::Yes => Team::pinned(cpus.first(threads)?),
            Self::No => Team::floating(threads),
        }
    }
}

/// What one window shows.
#[derive(Metrics)]
struct Throughput {
    /// Events of all threads.
    rate: EventsPerSec,
    #[metric(info)]
    per_thread: EventsPerSec,
    slowest: EventsPerSec,
    /// Standard deviation of the threads' rates over their mean.
    #[metric(info)]
    fairness: Option<Ratio>,
    #[metric(info)]
    p50: Option<Seconds>,
    #[metric(info)]
    p95: Option<Seconds>,
    #[metric(info)]
    p99: Option<Seconds>,
    #[metric(info)]
    max: Option<Seconds>,
}

/// Events per second of prime counting, comparable with `sysbench cpu`.
#[vbench(kind = "cpu", warmup = 0)]
fn prime(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis(thread_counts())] threads: usize,
    #[axis(Pinned::choices())] pinned: Pinned,
) -> Result<Samples<Throughput>, Skip> {
    let team = pinned.team(&cpus, threads)?;
    let window = b.window();
    let mut counts = vec![0; threads];
    let samples = b.samples(|timer| {
        let tallies = team.broadcast(|worker| count_events(worker, window));
        let wrong: u64 = tallies.iter().map(|tally| tally.wrong).sum();
        let idle = tallies.iter().any(|tally| tally.latencies.count() == 0);
        timer.check(!idle, "a thread ended no event within the window: give it longer, --time 1s");
        timer.check(wrong == 0, format!("{wrong} events did not count {PRIMES} primes"));
        for (count, tally) in counts.iter_mut().zip(&tallies) {
            *count += tally.latencies.count();
        }
        throughput(&tallies, window)
    });
    let measured = window.as_secs_f64() * samples.values().count() as f64;
    let rates: Vec<f64> = counts.iter().map(|count| *count as f64 / measured).collect();
    b.fact("limit", LIMIT);
    b.fact("rate_of_each_thread", each(&rates, team.cpus()));
    if threads > 1 {
        b.fact("slowest_thread", slowest(&rates, team.cpus()));
    }
    Ok(samples)
}

/// What one thread did in a window.
struct Tally {
    latencies: Histogram,
    wrong: u64,
}

/// Events per second of each thread of a team in one window, or how many were wrong.
pub fn rates(team: &Team, window: Duration) -> Vec<Result<f64, String>> {
    let tallies = team.broadcast(|worker| count_events(worker, window));
    let rate = |tally: Tally| match tally.wrong {
        0 => Ok(tally.latencies.count() as f64 / window.as_secs_f64()),
        wrong => Err(format!("{wrong} events did not count {PRIMES} primes")),
    };
    tallies.into_iter().map(rate).collect()
}

/// Events until the window closes. One that ends later does not count.
fn count_events(worker: &Worker, window: Duration) -> Tally {
    let mut tally = Tally { latencies: Histogram::new(), wrong: 0 };
    worker.barrier();
    let start = Instant::now();
    let mut before = start;
    loop {
        let primes = count_primes(black_box(LIMIT));
        let now = Instant::now();
        if now - start > window {
            return tally;
        }
        tally.wrong += u64::from(primes != PRIMES);
        tally.latencies.record(now - before);
        before = now;
    }
}

/// One event: trial division of every number from 3, by every divisor from 2 up to its square
/// root, until one divides it.
#[inline(never)]
fn count_primes(limit: u64) -> u64 {
    (3..=limit).map(|candidate| u64::from(is_prime(candidate))).sum()
}

/// The divisor 2 is a constant, so every compiler tests a bit for it, that of sysbench too.
fn is_prime(candidate: u64) -> bool {
    let root = (candidate as f64).sqrt();
    root < 2.0 || (!candidate.is_multiple_of(2) && !has_divisor(candidate, root))
}

fn throughput(tallies: &[Tally], window: Duration) -> Throughput {
    let window = window.as_secs_f64();
    let rates: Vec<f64> =
        tallies.iter().map(|tally| tally.latencies.count() as f64 / window).collect();
    let mut latencies = Histogram::new();
    tallies.iter().for_each(|tally| latencies.add(&tally.latencies));
    let rate: f64 = rates.iter().sum();
    Throughput {
        rate: EventsPerSec(rate),
        per_thread: EventsPerSec(rate / rates.len() as f64),
        slowest: EventsPerSec(rates.iter().copied().fold(f64::INFINITY, f64::min)),
        fairness: spread(&rates).map(Ratio),
        p50: latencies.quantile(0.50).map(Seconds),
        p95: latencies.quantile(0.95).map(Seconds),
        p99: latencies.quantile(0.99).map(Seconds),
        max: latencies.longest().map(Seconds),
    }
}

/// Standard deviation over mean; one value has none.
fn spread(rates: &[f64]) -> Option<f64> {
    let count = rates.len() as f64;
    let mean = rates.iter().sum::<f64>() / count;
    if rates.len() < 2 || mean <= 0.0 {
        return None;
    }
    let squares: f64 = rates.iter().map(|rate| (rate - mean).powi(2)).sum();
    Some((squares / (count - 1.0)).sqrt() / mean)
}

/// `CPU 0: 2651.3` for every thread.
fn each(rates: &[f64], cpus: &[Option<usize>]) -> Vec<String> {
    rates.iter().zip(cpus).map(|(rate, cpu)| format!("{}: {rate:.1}", place(*cpu))).collect()
}

fn slowest(rates: &[f64], cpus: &[Option<usize>]) -> String {
    let mean = rates.iter().sum::<f64>() / rates.len() as f64;
    let lowest = rates.iter().zip(cpus).min_by(|a, b| a.0.total_cmp(b.0));
    lowest.map_or_else(String::new, |(rate, cpu)| {
        format!("{}: {rate:.1} event/s, {:.3} of the mean", place(*cpu), rate / mean)
    })
}

fn place(cpu: Option<usize>) -> String {
    cpu.map_or_else(|| "unpinned".to_owned(), |cpu| format!("CPU {cpu}"))
}

#[cfg(test)]
mod tests {
    use super::{LIMIT, PRIMES, count_primes, each, slowest, spread};

    #[test]
    fn counts_the_primes_from_three() {
        assert_eq!(count_primes(2), 0);
        assert_eq!(count_primes(30), 9);
        assert_eq!(count_primes(LIMIT), PRIMES);
    }

    #[test]
    fn one_thread_has_no_fairness() {
        assert_eq!(spread(&[5.0]), None);
        assert_eq!(spread(&[0.0, 0.0]), None);
        assert_eq!(spread(&[2.0, 2.0]), Some(0.0));
        assert!((spread(&[9.0, 11.0]).unwrap() - 0.141_421).abs() < 1e-6);
    }

    #[test]
    fn the_slowest_vcpu_is_named() {
        let (rates, cpus) = ([2600.0, 1300.0], [Some(4), Some(7)]);
        assert_eq!(each(&rates, &cpus), ["CPU 4: 2600.0", "CPU 7: 1300.0"]);
        assert_eq!(slowest(&rates, &cpus), "CPU 7: 1300.0 event/s, 0.667 of the mean");
        assert_eq!(each(&[1.0], &[None]), ["unpinned: 1.0"]);
    }
}
