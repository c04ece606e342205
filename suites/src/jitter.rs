//! Jitter: what disturbs a vCPU, how late it wakes, and what entering the kernel costs.

mod clocks;
mod gaps;
mod pages;
mod sys;
mod timer;
mod turns;

use crate::distance::Distance;
use crate::units::Disturbances;
use clocks::ClockName;
use gaps::Noise;
use pages::Touch;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use timer::{Load, Priority};
use turns::quantile;
use vbench::prelude::*;

/// What one window shows of all vCPUs, each in a loop of its own.
#[derive(Metrics)]
struct Interruptions {
    /// Share of its time that a vCPU lost: the mean over vCPUs.
    lost: Ratio,
    /// The vCPU that lost most.
    worst: Ratio,
    /// Interruptions of one vCPU, mean over vCPUs.
    #[metric(info)]
    rate: Disturbances,
    #[metric(info)]
    p99: Option<Seconds>,
    #[metric(name = "p99.9", info)]
    p999: Option<Seconds>,
    #[metric(info)]
    max: Option<Seconds>,
}

/// Time that a busy loop on each vCPU loses to others, with steal and switches of that vCPU.
#[vbench(kind = "jitter", samples = 1, warmup = 0)]
fn noise(b: &mut Bencher, cpus: Cpus) -> Result<Samples<Interruptions>, Skip> {
    let team = Team::pinned(cpus.ids())?;
    let window = b.window();
    let mut seen = vec![None::<Noise>; cpus.count()];
    let samples = b.samples(|_| {
        let noises = gaps::watch(&team, window);
        for (all, noise) in seen.iter_mut().zip(&noises) {
            match all {
                Some(all) => all.join(noise),
                None => *all = Some(noise.clone()),
            }
        }
        Interruptions::of(&noises, window.as_secs_f64())
    });
    let told = cpus.ids().iter().zip(seen.iter().flatten());
    b.fact("of_each_vcpu", told.map(|(cpu, noise)| tell(*cpu, noise)).collect::<Vec<_>>());
    Ok(samples)
}

impl Interruptions {
    fn of(noises: &[Noise], window: f64) -> Self {
        let shares: Vec<f64> = noises.iter().map(|noise| noise.lost / window).collect();
        let count: u64 = noises.iter().map(Noise::count).sum();
        let mut gaps: Vec<f64> = noises.iter().flat_map(|noise| noise.gaps.clone()).collect();
        gaps.sort_unstable_by(f64::total_cmp);
        let at = |q| (!gaps.is_empty()).then(|| Seconds(quantile(&gaps, q)));
        let vcpus = noises.len() as f64;
        Self {
            lost: Ratio(shares.iter().sum::<f64>() / vcpus),
            worst: Ratio(shares.iter().copied().fold(0.0, f64::max)),
            rate: Disturbances(count as f64 / window / vcpus),
            p99: at(0.99),
            p999: at(0.999),
            max: at(1.0),
        }
    }
}

/// `CPU 3: 812 gaps, 1.2 ms, steal 0 s, 4 switches; under 2 us: 800, ..`.
fn tell(cpu: usize, noise: &Noise) -> String {
    let unknown = || "unknown".to_owned();
    let steal = noise.steal.map_or_else(unknown, |seconds| format!("{seconds:.2} s"));
    let switches = noise.switches.map_or_else(unknown, |count| count.to_string());
    format!(
        "CPU {cpu}: {} gaps, {:.3} ms, steal {steal}, {switches} switches; {}",
        noise.count(),
        1e3 * noise.lost,
        gaps::histogram(noise).join(", ")
    )
}

/// How late something came, over a window.
#[derive(Metrics)]
struct Late {
    p50: Seconds,
    p99: Seconds,
    #[metric(name = "p99.9", info)]
    p999: Seconds,
    #[metric(info)]
    max: Seconds,
}

impl Late {
    fn of(sorted: &[f64]) -> Self {
        let at = |q| Seconds(quantile(sorted, q));
        Self { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1.0) }
    }
}

/// How late a thread wakes that sleeps to a set time every millisecond, as cyclictest measures it.
#[vbench(kind = "jitter", samples = 1, warmup = 0)]
fn timer_wake(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis(Load::choices())] load: Load,
    #[axis(Priority::choices())] priority: Priority,
) -> Result<Samples<Late>, Skip> {
    let team = load.team(&cpus)?;
    priority.take(&team)?;
    let window = b.window();
    let mut counts = Vec::new();
    let samples = b.samples(|timer| {
        let late = timer::lateness(&team, window);
        timer.check(
            late.first().is_some_and(|least| *least >= 0.0),
            "a sleep ended before its time",
        );
        counts.push(late.len());
        Late::of(&late)
    });
    b.fact("wake_ups", counts);
    b.fact("interval_s", timer::INTERVAL.as_secs_f64());
    b.fact("cpu", cpus.ids()[0]);
    b.fact("policy", priority.describe());
    let slack = team.broadcast(|_| sys::timer_slack()).swap_remove(0);
    if let Some(slack) = slack {
        b.fact("timer_slack_s", slack as f64 * 1e-9);
    }
    Ok(samples)
}

/// How long until a sleeping thread on another vCPU runs: half of a round trip of two threads that
/// wake each other.
#[vbench(kind = "jitter", samples = 3, warmup = 0)]
fn cross_wake(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis(Distance::choices())] distance: Distance,
) -> Result<Samples<Late>, Skip> {
    let pair = distance.cpus(&cpus)?;
    b.fact("cpus", pair.to_vec());
    wake_ups(b, &pair)
}

/// The same two threads on one vCPU: a wake-up, a switch, and the way back.
#[vbench(kind = "jitter", samples = 3, warmup = 0)]
fn context_switch(b: &mut Bencher, cpus: Cpus) -> Result<Samples<Late>, Skip> {
    let cpu = cpus.first(1)?[0];
    b.fact("cpu", cpu);
    wake_ups(b, &[cpu, cpu])
}

/// Wake-ups of one sample last this share of the profile's window: 200 ms in the quick profile.
const WAKE_SHARE: u32 = 10;

fn wake_ups(b: &mut Bencher, cpus: &[usize]) -> Result<Samples<Late>, Skip> {
    let team = Team::pinned(cpus)?;
    let window = b.window() / WAKE_SHARE;
    let mut counts = Vec::new();
    let samples = b.samples(|timer| {
        let times = turns::wake_ups(&team, window);
        timer.check(times.is_some(), "a wake-up was lost");
        let times = times.unwrap_or_default();
        counts.push(times.len());
        Late::of(&times)
    });
    b.fact("wake_ups", counts);
    Ok(samples)
}

/// Time of one reading of a clock.
#[vbench(kind = "jitter")]
fn clock_read(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis(ClockName::choices())] clock: ClockName,
) -> Result<Samples<Seconds>, Skip> {
    let team = Team::pinned(cpus.first(1)?)?;
    let source = claimed_source();
    b.check(clock.runs(), format!("the clock {clock} stands still"));
    b.fact("clocksource", source);
    Ok(b.team(&team).iter(|_| clock.read()))
}

fn claimed_source() -> String {
    let file = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    Machine::current().host.read(file).unwrap_or_else(|why| format!("unknown: {why}"))
}

/// What one window shows.
#[derive(Metrics)]
struct Warps {
    /// Readings that were earlier than one that another vCPU had already published.
    warps: Count,
    /// The largest step back.
    worst: Seconds,
    /// Readings of all vCPUs that were compared.
    #[metric(info)]
    compared: EventsPerSec,
}

/// Whether time ever runs backwards from one vCPU to another.
#[vbench(kind = "jitter", warmup = 0, profile = Standard)]
fn clock_order(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis(ClockName::ordered())] clock: ClockName,
) -> Result<Samples<Warps>, Skip> {
    let team = Team::pinned(cpus.first(cpus.count().max(2))?)?;
    let window = b.window() / WAKE_SHARE;
    Ok(b.samples(|_| {
        let latest = AtomicU64::new(0);
        let seen = team.broadcast(|worker| {
            worker.barrier();
            clocks::compare(clock, &latest, window)
        });
        let sum = |part: fn(&clocks::Order) -> u64| seen.iter().map(part).sum::<u64>();
        let back = seen.iter().map(|order| order.back).max().unwrap_or(0);
        Warps {
            warps: Count(sum(|order| order.warps) as f64),
            worst: Seconds(back as f64 * 1e-9),
            compared: EventsPerSec(sum(|order| order.readings) as f64 / window.as_secs_f64()),
        }
    }))
}

/// Time of the cheapest call that enters the kernel.
#[vbench(kind = "jitter")]
fn system_call(b: &mut Bencher, cpus: Cpus) -> Result<Samples<Seconds>, Skip> {
    let team = Team::pinned(cpus.first(1)?)?;
    let right = sys::parent_id() == i64::from(std::os::unix::process::parent_id());
    b.check(right, "the call gave another answer than the library's");
    Ok(b.team(&team).iter(|_| sys::parent_id()))
}

/// What touching new memory for the first time shows.
#[derive(Metrics)]
struct FirstTouch {
    /// One page: the fault, zeroing it, and mapping it.
    page: Seconds,
    /// New memory per second, all threads.
    rate: BytesPerSec,
}

/// Time to get a new page of memory, by page size and number of threads.
#[vbench(kind = "jitter")]
fn page_fault(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis(pages::choices())] pages: Pages,
    #[axis(pages::threads())] threads: usize,
) -> Result<Samples<FirstTouch>, Skip> {
    let team = Team::pinned(cpus.first(threads)?)?;
    let touch = Touch::new(pages, b.is_smoke());
    touch.note(b, &team)?;
    let samples = b.samples(|timer| match touch.run(&team) {
        Ok(seconds) => FirstTouch {
            page: Seconds(seconds * threads as f64 / touch.pages(threads)),
            rate: Bytes(touch.bytes(threads)).per(seconds),
        },
        Err(lack) => {
            timer.check(false, lack);
            FirstTouch { page: Seconds(0.0), rate: BytesPerSec(0.0) }
        }
    });
    b.fact("bytes_per_thread", touch.bytes(1));
    Ok(samples)
}

/// What locking memory shows.
#[derive(Metrics)]
struct Locking {
    /// Memory locked per second: what devices wait for that read it themselves.
    lock: BytesPerSec,
    unlock: BytesPerSec,
}

/// Rate of locking memory that was touched before.
#[vbench(kind = "jitter", profile = Standard)]
fn memory_lock(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis(pages::choices())] pages: Pages,
) -> Result<Samples<Locking>, Skip> {
    let team = Team::pinned(cpus.first(1)?)?;
    let touch = Touch::new(pages, b.is_smoke());
    let buffer = touch.buffer(&team)?;
    let lock = || team.broadcast(|_| pages::lock(&buffer)).swap_remove(0);
    lock()?;
    let mut refused = None;
    let samples = b.samples(|_| {
        let [lock, unlock] = lock().unwrap_or_else(|skip| {
            refused = Some(skip);
            [f64::NAN; 2]
        });
        let bytes = Bytes(buffer.len() as u64);
        Locking { lock: bytes.per(lock), unlock: bytes.per(unlock) }
    });
    b.fact("bytes", buffer.len());
    refused.map_or(Ok(samples), Err)
}

/// What threads that share one counter show.
#[derive(Metrics)]
struct Contended {
    /// Additions of all threads.
    rate: EventsPerSec,
    /// The thread that got least.
    slowest: EventsPerSec,
}

/// Additions to one shared counter by all vCPUs: what a contended lock costs.
#[vbench(kind = "jitter", warmup = 0, profile = Standard)]
fn shared_counter(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis(thread_counts())] threads: usize,
) -> Result<Samples<Contended>, Skip> {
    /// Additions between two readings of the clock.
    const BATCH: u64 = 256;
    let team = Team::pinned(cpus.first(threads)?)?;
    let window = b.window() / WAKE_SHARE;
    Ok(b.samples(|timer| {
        let counter = AtomicU64::new(0);
        let counts = team.broadcast(|worker| {
            worker.barrier();
            let (start, mut count) = (Instant::now(), 0);
            while start.elapsed() < window {
                for _ in 0..BATCH {
                    counter.fetch_add(1, Ordering::Relaxed);
                }
                count += BATCH;
            }
            count
        });
        let sum: u64 = counts.iter().sum();
        let held = counter.load(Ordering::Relaxed);
        timer.check(sum == held, format!("{sum} additions made {held}"));
        let rate = |count: u64| EventsPerSec(count as f64 / window.as_secs_f64());
        Contended { rate: rate(sum), slowest: rate(counts.into_iter().min().unwrap_or(0)) }
    }))
}

#[cfg(test)]
mod tests {
    use super::{Interruptions, Noise, tell};

    #[test]
    fn a_quiet_machine_has_no_quantiles_and_no_invented_zeros() {
        let quiet = vec![Noise::default(); 2];
        let seen = Interruptions::of(&quiet, 1.0);
        assert_eq!((seen.lost.0, seen.max), (0.0, None));
        assert!(tell(3, &quiet[0]).contains("steal unknown"), "{}", tell(3, &quiet[0]));
    }

    #[test]
    fn the_worst_vcpu_stands_beside_the_mean() {
        let busy = Noise { gaps: vec![0.1, 0.2], lost: 0.3, switches: Some(2), ..Noise::default() };
        let seen = Interruptions::of(&[busy, Noise::default()], 1.0);
        assert!((seen.lost.0 - 0.15).abs() < 1e-12 && (seen.worst.0 - 0.3).abs() < 1e-12);
        assert_eq!(seen.max.map(|max| max.0), Some(0.2));
    }
}
