//! Jitter: what disturbs a vCPU, how late it wakes, and what entering the kernel costs.

mod clocks;
mod gaps;
mod pages;
mod sys;
mod timer;
mod turns;

use crate::distance::Distance;
use crate::nodes::{self, Nodes};
use crate::units::Disturbances;
use clocks::ClockName;
use gaps::Noise;
use pages::Touch;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use timer::{Load, Priority};
use turns::{Sleep, quantile};
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
        Interruptions::of(&noises)
    });
    let told = cpus.ids().iter().zip(seen.iter().flatten());
    b.fact("vcpu_columns", gaps::columns());
    b.fact("vcpus", told.map(|(cpu, noise)| noise.row(*cpu)).collect::<Vec<_>>());
    Ok(samples)
}

impl Interruptions {
    fn of(noises: &[Noise]) -> Self {
        let shares: Vec<f64> = noises.iter().map(Noise::share).collect();
        let rate = |noise: &Noise| noise.count() as f64 / noise.elapsed.max(f64::MIN_POSITIVE);
        let rates: f64 = noises.iter().map(rate).sum();
        let mut gaps: Vec<f64> = noises.iter().flat_map(|noise| noise.gaps.clone()).collect();
        gaps.sort_unstable_by(f64::total_cmp);
        let at = |q| (!gaps.is_empty()).then(|| Seconds(quantile(&gaps, q)));
        let vcpus = noises.len() as f64;
        Self {
            lost: Ratio(shares.iter().sum::<f64>() / vcpus),
            worst: Ratio(shares.iter().copied().fold(0.0, f64::max)),
            rate: Disturbances(rates / vcpus),
            p99: at(0.99),
            p999: at(0.999),
            max: at(1.0),
        }
    }
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
    #[axis(Sleep::choices())] by: Sleep,
    #[axis(Distance::choices())] distance: Distance,
) -> Result<Samples<Late>, Skip> {
    let pair = distance.cpus(&cpus)?;
    b.fact("cpus", pair.to_vec());
    wake_ups(b, &pair, by)
}

/// How long until another vCPU that is busy has answered an interrupt: what every change of a
/// page table costs that others use.
#[vbench(kind = "jitter", samples = 3, warmup = 0, profile = Standard)]
fn interrupt(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis(Distance::choices())] distance: Distance,
) -> Result<Samples<Late>, Skip> {
    let pair = distance.cpus(&cpus)?;
    b.fact("cpus", pair.to_vec());
    let team = Team::pinned(&pair)?;
    let window = b.window() / WAKE_SHARE;
    many(b, "interrupts", || turns::interrupts(&team, window).map(Some))
}

/// The same two threads on one vCPU: a wake-up, a switch, and the way back.
#[vbench(kind = "jitter", samples = 3, warmup = 0)]
fn context_switch(b: &mut Bencher, cpus: Cpus) -> Result<Samples<Late>, Skip> {
    let cpu = cpus.first(1)?[0];
    b.fact("cpu", cpu);
    b.expect_switches();
    wake_ups(b, &[cpu, cpu], Sleep::Futex)
}

/// Wake-ups of one sample last this share of the profile's window: 200 ms in the quick profile.
const WAKE_SHARE: u32 = 10;

fn wake_ups(b: &mut Bencher, cpus: &[usize], by: Sleep) -> Result<Samples<Late>, Skip> {
    let team = Team::pinned(cpus)?;
    let window = b.window() / WAKE_SHARE;
    many(b, "wake_ups", || turns::wake_ups(&team, by, window))
}

/// Samples of many sorted times each, with their number as a fact.
fn many(
    b: &mut Bencher,
    counted: &str,
    times: impl Fn() -> Result<Option<Vec<f64>>, Skip>,
) -> Result<Samples<Late>, Skip> {
    let mut counts = Vec::new();
    let mut refused = None;
    let samples = b.samples(|timer| {
        let seen = times().unwrap_or_else(|skip| {
            refused = Some(skip);
            None
        });
        timer.check(seen.is_some(), "a wake-up was lost");
        let seen = seen.unwrap_or_default();
        counts.push(seen.len());
        Late::of(&seen)
    });
    b.fact(counted, counts);
    refused.map_or(Ok(samples), Err)
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
    let touch = Touch::new(pages, b.is_smoke());
    faults(b, cpus.first(threads)?, &touch)
}

/// Time to get a new page of memory of one node from a CPU of one node.
#[vbench(kind = "jitter", profile = Standard)]
fn page_fault_nodes(
    b: &mut Bencher,
    cpus: Cpus,
    nodes: Nodes,
    #[axis(pages::choices())] pages: Pages,
    #[axis(nodes::cpu_ids())] cpu_node: usize,
    #[axis(nodes::ids())] memory_node: usize,
) -> Result<Samples<FirstTouch>, Skip> {
    let touch = Touch::new(pages, b.is_smoke()).on_node(memory_node);
    faults(b, &nodes.cpus(cpu_node, &cpus)?[..1], &touch)
}

fn faults(b: &mut Bencher, cpus: &[usize], touch: &Touch) -> Result<Samples<FirstTouch>, Skip> {
    let team = Team::pinned(cpus)?;
    let threads = team.size();
    touch.fits(threads)?;
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
    /// Memory locked per second that was touched before: what devices wait for that read it
    /// themselves.
    lock: BytesPerSec,
    unlock: BytesPerSec,
    /// Memory locked per second that was not there yet: what a virtual machine waits for that starts
    /// with locked memory, and a framework that gets pinned buffers.
    fresh: BytesPerSec,
}

/// Rate of locking memory, by page size.
#[vbench(kind = "jitter", profile = Standard)]
fn memory_lock(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis(pages::choices())] pages: Pages,
    #[axis(pages::locked())] size: Bytes,
) -> Result<Samples<Locking>, Skip> {
    let touch = Touch::new(pages, b.is_smoke()).sized(size, b.is_smoke());
    locks(b, cpus.first(1)?, &touch)
}

/// Rate of locking memory of one node from a CPU of one node.
#[vbench(kind = "jitter", profile = Standard)]
fn memory_lock_nodes(
    b: &mut Bencher,
    cpus: Cpus,
    nodes: Nodes,
    #[axis(pages::choices())] pages: Pages,
    #[axis(nodes::cpu_ids())] cpu_node: usize,
    #[axis(nodes::ids())] memory_node: usize,
) -> Result<Samples<Locking>, Skip> {
    let touch = Touch::new(pages, b.is_smoke()).on_node(memory_node);
    locks(b, &nodes.cpus(cpu_node, &cpus)?[..1], &touch)
}

fn locks(b: &mut Bencher, cpus: &[usize], touch: &Touch) -> Result<Samples<Locking>, Skip> {
    let team = Team::pinned(cpus)?;
    // What was touched before, and what is got anew, at the same time.
    touch.fits(2)?;
    touch.note(b, &team)?;
    let buffer = touch.buffer(&team)?;
    let times = || {
        let [lock, unlock] = team.broadcast(|_| pages::lock(&buffer)).swap_remove(0)?;
        let fresh = team.broadcast(|_| touch.lock_fresh()).swap_remove(0)?;
        Ok::<_, Skip>([lock, unlock, fresh])
    };
    times()?;
    let mut refused = None;
    let samples = b.samples(|_| {
        let [lock, unlock, fresh] = times().unwrap_or_else(|skip| {
            refused = Some(skip);
            [f64::NAN; 3]
        });
        let bytes = Bytes(buffer.len() as u64);
        Locking { lock: bytes.per(lock), unlock: bytes.per(unlock), fresh: bytes.per(fresh) }
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
    use super::{Interruptions, Noise};

    #[test]
    fn a_quiet_machine_has_no_quantiles_and_no_invented_zeros() {
        let quiet = vec![Noise::default(); 2];
        let seen = Interruptions::of(&quiet);
        assert_eq!((seen.lost.0, seen.max), (0.0, None));
    }

    #[test]
    fn the_worst_vcpu_stands_beside_the_mean() {
        let busy = Noise { gaps: vec![0.1, 0.2], lost: 0.3, elapsed: 1.0, ..Noise::default() };
        let seen = Interruptions::of(&[busy, Noise::default()]);
        assert!((seen.lost.0 - 0.15).abs() < 1e-12 && (seen.worst.0 - 0.3).abs() < 1e-12);
        assert_eq!(seen.max.map(|max| max.0), Some(0.2));
    }
}
