//! Starting kernels: what one costs the thread, and how long its end takes to be noticed.

use super::choices::Thread;
use super::watch::Watch;
use super::watched::Watched;
use std::time::Instant;
use vbench::gpu::{Fault, Gpu};
use vbench::host::affinity;
use vbench::prelude::*;

/// Kernels that are started in a row: fewer than any driver queues before it makes the thread wait
/// (1024 on NVIDIA's, by NVIDIA's forum; not documented).
const ROW: usize = 500;
/// Kernels that are each waited for.
const ROUNDS: usize = 200;

/// What starting kernels costs.
#[derive(Metrics)]
pub struct Start {
    /// The thread's time for one of many.
    enqueue: Seconds,
    /// From starting one to knowing that it ended, median.
    round_trip: Seconds,
    /// The same, the slowest in a hundred.
    #[metric(info)]
    round_trip_p99: Seconds,
}

/// Kernels that do nothing.
pub fn measure(
    b: &mut Bencher,
    gpu: &Gpu,
    thread: Thread,
) -> Result<Samples<Watched<Start>>, Stop> {
    let allowed = affinity::allowed_cpus().map_err(|error| Skip::because(error.to_string()))?;
    let cpus = thread.cpus(gpu, &allowed)?;
    let bound = affinity::bind_current_thread(&cpus);
    bound.map_err(|error| Skip::because(format!("cannot bind to CPUs {cpus:?}: {error}")))?;
    let samples = bound_samples(b, gpu);
    affinity::bind_current_thread(&allowed).map_err(|error| Stop::Fail(error.to_string()))?;
    b.fact("cpus", vbench::host::cpulist::format(&cpus));
    samples
}

fn bound_samples(b: &mut Bencher, gpu: &Gpu) -> Result<Samples<Watched<Start>>, Stop> {
    let (row, rounds) = if b.is_smoke() { (2, 2) } else { (ROW, ROUNDS) };
    // The first start compiles and loads.
    gpu.batch(0, |queue| (0..row).try_for_each(|_| queue.nothing()))?;
    let watch = Watch::over(b, gpu);
    watch.samples(b, |_| {
        let mut enqueue = 0.0;
        gpu.batch(0, |queue| {
            let began = Instant::now();
            (0..row).try_for_each(|_| queue.nothing())?;
            enqueue = began.elapsed().as_secs_f64() / row as f64;
            Ok(())
        })?;
        let mut trips = Vec::with_capacity(rounds);
        gpu.batch(0, |queue| {
            for _ in 0..rounds {
                let began = Instant::now();
                queue.nothing()?;
                queue.wait()?;
                trips.push(began.elapsed().as_secs_f64());
            }
            Ok(())
        })?;
        trips.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let index = ((trips.len() as f64 - 1.0) * share).round() as usize;
            trips.get(index).copied().map(Seconds)
        };
        let none = || Fault::Failed("no kernel was started".to_owned());
        Ok(Start {
            enqueue: Seconds(enqueue),
            round_trip: at(0.5).ok_or_else(none)?,
            round_trip_p99: at(0.99).ok_or_else(none)?,
        })
    })
}
