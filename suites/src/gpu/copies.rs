//! Copies between host and device.

use super::choices::{Route, Staging};
use super::device::scaled;
use super::watch::Watch;
use super::watched::Watched;
use crate::nodes::note_placement;
use std::time::Instant;
use vbench::gpu::{Fault, Gpu, Host, Memory, Queue};
use vbench::prelude::*;

/// Bytes that a sample of copies moves in one direction, and the most copies it takes: small
/// copies show latency after some thousand.
const MOVED: usize = 1 << 30;
const MOST: usize = 1000;
/// Copies that are waited for one by one in a sample.
const ROUNDS: usize = 50;

/// One kind of copy.
pub struct Copies {
    /// Which way.
    pub route: Route,
    /// Between which memory.
    pub memory: Staging,
    /// How much at a time.
    pub size: Bytes,
    /// Where the host's buffers lie.
    pub policy: Policy,
}

/// What a sample of copies shows.
#[derive(Metrics)]
pub struct Rate {
    /// Payload of all copies over their time; of both directions where both go.
    pub bandwidth: BytesPerSec,
    /// Of one copy among many that were started together.
    pub time: Seconds,
    /// From starting one alone to knowing that it ended, median: its latency.
    #[metric(info)]
    pub round_trip: Option<Seconds>,
}

impl Rate {
    /// Of `count` copies of `bytes` that took `seconds` together.
    pub fn of(bytes: usize, count: usize, seconds: f64) -> Self {
        let bandwidth = Bytes((bytes * count) as u64).per(seconds);
        Self { bandwidth, time: Seconds(seconds / count as f64), round_trip: None }
    }
}

/// Copies that make a sample of `bytes` each.
pub fn per_sample(b: &Bencher, bytes: usize) -> usize {
    if b.is_smoke() { 1 } else { (MOVED / bytes.max(1)).clamp(4, MOST) }
}

/// Buffers of one device: what goes up, what comes down, and the device's own.
struct Buffers {
    up: Host,
    down: Host,
    device: Memory,
    second: Memory,
}

impl Buffers {
    fn new(gpu: &Gpu, bytes: usize, memory: Staging, policy: Policy) -> Result<Self, Fault> {
        let host = || match (memory, policy) {
            (Staging::Pinned, Policy::FirstTouch) => gpu.pinned(bytes),
            (Staging::Pinned, policy) => gpu.pinned_on(bytes, policy),
            (Staging::Pageable, _) => gpu.pageable(bytes),
        };
        let (mut up, down) = (host()?, host()?);
        for (i, byte) in up.bytes_mut().iter_mut().enumerate() {
            // A period of 251 is no multiple of anything that copies go by.
            *byte = (i % 251) as u8;
        }
        Ok(Self { up, down, device: gpu.memory(bytes)?, second: gpu.memory(bytes)? })
    }

    /// Enqueues one way of the route.
    fn go<'env>(&'env self, queue: &mut Queue<'env>, up: bool) -> Result<(), Fault> {
        match up {
            true => queue.upload(&self.device, &self.up, self.up.len()),
            false => queue.download(&self.down, &self.second, self.down.len()),
        }
    }

    /// The median time of one copy, waited for before the next one begins.
    fn round_trip(&self, gpu: &Gpu, up: bool, rounds: usize) -> Result<Seconds, Fault> {
        let mut trips = Vec::with_capacity(rounds);
        gpu.batch(0, |queue| {
            for _ in 0..rounds {
                let began = Instant::now();
                self.go(queue, up)?;
                queue.wait()?;
                trips.push(began.elapsed().as_secs_f64());
            }
            Ok(())
        })?;
        trips.sort_by(f64::total_cmp);
        let median = trips.get(trips.len() / 2).copied().map(Seconds);
        median.ok_or_else(|| Fault::Failed("nothing was copied".to_owned()))
    }

    /// Fills the device's memory, and what comes down with nothing.
    fn fill(&mut self, gpu: &Gpu) -> Result<(), Fault> {
        self.down.bytes_mut().fill(0);
        let bytes = self.up.len();
        gpu.batch(0, |queue| {
            queue.upload(&self.second, &self.up, bytes)?;
            queue.fill(&self.device, 0)
        })
        .map(drop)
    }

    /// Whether everything arrived.
    fn verify(&mut self, gpu: &Gpu, route: Route) -> Result<bool, Fault> {
        let bytes = self.up.len();
        let came_down = self.down.bytes_mut() == self.up.bytes_mut();
        if route != Route::Download {
            gpu.batch(0, |queue| queue.download(&self.down, &self.device, bytes))?;
        }
        let went_up = self.down.bytes_mut() == self.up.bytes_mut();
        Ok(match route {
            Route::Upload => went_up,
            Route::Download => came_down,
            Route::Both => went_up && came_down,
        })
    }
}

/// Directions of a route: true is up.
fn ways(route: Route) -> &'static [bool] {
    match route {
        Route::Upload => &[true],
        Route::Download => &[false],
        Route::Both => &[true, false],
    }
}

impl Copies {
    /// Copies of one device alone.
    pub fn measure(&self, b: &mut Bencher, gpu: &Gpu) -> Result<Samples<Watched<Rate>>, Stop> {
        if (self.route, self.memory) == (Route::Both, Staging::Pageable) {
            return Err(Skip::because(
                "a pageable copy holds the thread that starts it: the two ways would take turns",
            )
            .into());
        }
        let bytes = scaled(b, self.size);
        let mut buffers = Buffers::new(gpu, bytes, self.memory, self.policy)?;
        if let Some(effective) = buffers.up.effective() {
            note_placement(b, Pages::Default, self.policy, &effective)?;
        }
        buffers.fill(gpu)?;
        let watch = Watch::over(b, gpu);
        let (count, ways) = (per_sample(b, bytes), ways(self.route));
        // One queue for each way: they go at the same time.
        let queues: Vec<Gpu> = ways.iter().map(|_| gpu.clone()).collect();
        let samples = watch.samples(b, |look| {
            let copies = || {
                Gpu::batch_all(&queues, 2, |queues| {
                    queues.iter_mut().try_for_each(Queue::mark)?;
                    for _ in 0..count {
                        let parts = queues.iter_mut().zip(ways);
                        parts.into_iter().try_for_each(|(queue, up)| buffers.go(queue, *up))?;
                    }
                    queues.iter_mut().try_for_each(Queue::mark)
                })
            };
            let times = look.during(bytes * count, copies)?;
            let seconds = longest(times.iter().map(vbench::gpu::Times::total))?;
            let round_trip = match ways {
                [up] => Some(buffers.round_trip(gpu, *up, count.min(ROUNDS))?),
                _ => None,
            };
            Ok(Rate { round_trip, ..Rate::of(bytes * ways.len(), count, seconds) })
        })?;
        let arrived = buffers.verify(gpu, self.route)?;
        b.check(arrived, "what arrived is not what was sent");
        b.fact("bytes", bytes);
        b.fact("copies_per_sample", count);
        b.fact("bytes_counted", "payload, GB = 10^9");
        Ok(samples)
    }
}

fn longest(mut times: impl Iterator<Item = Result<f64, Fault>>) -> Result<f64, Fault> {
    times.try_fold(0.0_f64, |most, time| Ok(most.max(time?)))
}

/// What copies of all devices together show.
#[derive(Metrics)]
pub struct Together {
    /// Payload of all devices over the time of the last one.
    bandwidth: BytesPerSec,
    /// The device with the least.
    slowest: BytesPerSec,
}

/// Copies of `gpus` at the same time, pinned.
pub fn measure_together(
    b: &mut Bencher,
    gpus: &[Gpu],
    route: Route,
    size: Bytes,
) -> Result<Samples<Watched<Together>>, Stop> {
    let bytes = scaled(b, size);
    let mut buffers = Vec::new();
    for gpu in gpus {
        let mut own = Buffers::new(gpu, bytes, Staging::Pinned, Policy::FirstTouch)?;
        own.fill(gpu)?;
        buffers.push(own);
    }
    let watch = Watch::over_all(b, gpus)?;
    let (count, ways) = (per_sample(b, bytes), ways(route));
    let queues: Vec<Gpu> = gpus.iter().flat_map(|gpu| ways.iter().map(|_| gpu.clone())).collect();
    let samples = watch.samples(b, |look| {
        let copies = || {
            Gpu::batch_all(&queues, 2, |queues| {
                queues.iter_mut().try_for_each(Queue::mark)?;
                for _ in 0..count {
                    let own = buffers.iter().flat_map(|own| ways.iter().map(move |up| (own, *up)));
                    let mut parts = queues.iter_mut().zip(own);
                    parts.try_for_each(|(queue, (own, up))| own.go(queue, up))?;
                }
                queues.iter_mut().try_for_each(Queue::mark)
            })
        };
        let times = look.during(bytes * count, copies)?;
        let totals = times.iter().map(vbench::gpu::Times::total);
        let totals = totals.collect::<Result<Vec<_>, _>>()?;
        let last = totals.iter().copied().fold(0.0, f64::max);
        let moved = |queues: usize| Bytes((bytes * count * queues) as u64);
        Ok(Together {
            bandwidth: moved(totals.len()).per(last),
            slowest: moved(ways.len()).per(last),
        })
    })?;
    for (gpu, own) in gpus.iter().zip(&mut buffers) {
        let arrived = own.verify(gpu, route)?;
        b.check(arrived, format!("GPU {}: what arrived is not what was sent", gpu.index()));
    }
    b.fact("gpus", gpus.len());
    b.fact("bytes", bytes);
    Ok(samples)
}
