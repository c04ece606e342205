//! A data loader: workers fill one pinned buffer while the device copies and consumes the other.

use super::choices::Thread;
use super::device::scaled;
use super::watch::Watch;
use super::watched::Watched;
use crate::nodes::note_placement;
use std::time::Instant;
use vbench::gpu::{Fault, Gpu, Host, Memory};
use vbench::host::affinity;
use vbench::prelude::*;

/// Bytes of a batch, and batches of a sample: as a batch of 256 images of 224 x 224 x 3 floats.
const BATCH: Bytes = Bytes(256 * 224 * 224 * 3 * 4);
const BATCHES: usize = 16;

/// What a pipeline shows.
#[derive(Metrics)]
pub struct Pipeline {
    /// Bytes that the device consumed.
    bandwidth: BytesPerSec,
    /// Share of the time in which the device had nothing to do.
    idle: Ratio,
}

/// All workers on `thread`'s CPUs, and this thread too, whose pinned buffers lie on its node.
pub fn measure(
    b: &mut Bencher,
    gpu: &Gpu,
    cpus: &Cpus,
    thread: Thread,
) -> Result<Samples<Watched<Pipeline>>, Stop> {
    let chosen = thread.cpus(gpu, cpus.ids())?;
    let bound = affinity::bind_current_thread(&chosen);
    bound.map_err(|error| Skip::because(format!("cannot bind to CPUs {chosen:?}: {error}")))?;
    let samples = from_there(b, gpu, &chosen, thread);
    affinity::bind_current_thread(cpus.ids()).map_err(|error| Stop::Fail(error.to_string()))?;
    samples
}

fn from_there(
    b: &mut Bencher,
    gpu: &Gpu,
    chosen: &[usize],
    thread: Thread,
) -> Result<Samples<Watched<Pipeline>>, Stop> {
    let team = match thread {
        Thread::Unbound => Team::floating(chosen.len())?,
        Thread::Near | Thread::Far => Team::pinned(chosen)?,
    };
    let bytes = scaled(b, BATCH) / 4 * 4;
    let batches = if b.is_smoke() { 2 } else { BATCHES };
    let mut hosts = match thread {
        Thread::Unbound => [gpu.pinned(bytes)?, gpu.pinned(bytes)?],
        // This thread touches them first, from where it is bound.
        Thread::Near | Thread::Far => {
            let host = || gpu.pinned_on(bytes, Policy::FirstTouch);
            [host()?, host()?]
        }
    };
    if let Some(effective) = hosts[0].effective() {
        note_placement(b, Pages::Default, Policy::FirstTouch, &effective)?;
    }
    let (device, sum) = (gpu.memory(bytes)?, gpu.memory(4)?);
    let watch = Watch::over(b, gpu);
    let mut wrong = None;
    let mut pass = || {
        let (mut busy, mut expected) = (0.0, 0_u32);
        gpu.batch(0, |queue| queue.fill(&sum, 0))?;
        let [current, next] = &mut hosts;
        let (mut current, mut next) = (current, next);
        expected = expected.wrapping_add(fill(&team, current.bytes_mut(), 0));
        let began = Instant::now();
        for number in 1..=batches {
            // While the device works on one buffer, the workers fill the other.
            let filled = std::thread::scope(|scope| {
                let worker = (number < batches)
                    .then(|| scope.spawn(|| fill(&team, next.bytes_mut(), number as u32)));
                busy += consume(gpu, current, &device, &sum)?;
                let filled = worker.map_or(Ok(0), |worker| worker.join());
                filled.map_err(|_| Fault::Failed("a worker panicked".to_owned()))
            })?;
            expected = expected.wrapping_add(filled);
            std::mem::swap(&mut current, &mut next);
        }
        let wall = began.elapsed().as_secs_f64();
        let found = sum.read(0, 4)?;
        if found != expected.to_le_bytes() {
            wrong = Some(format!("the device added up {found:?}, not {expected}"));
        }
        let bandwidth = Bytes((bytes * batches) as u64).per(wall);
        Ok::<_, Fault>(Pipeline { bandwidth, idle: Ratio((1.0 - busy / wall).max(0.0)) })
    };
    let samples = watch.samples(b, |look| look.during(bytes * batches, &mut pass))?;
    b.check(wrong.is_none(), wrong.unwrap_or_default());
    b.fact("workers", team.size());
    b.fact("batch_bytes", bytes);
    Ok(samples)
}

/// Copies and adds up one batch; gives the seconds that the device was busy.
fn consume(gpu: &Gpu, host: &Host, device: &Memory, sum: &Memory) -> Result<f64, Fault> {
    let bytes = host.len();
    let times = gpu.batch(2, |queue| {
        queue.mark()?;
        queue.upload(device, host, bytes)?;
        queue.add_up(device, bytes / 4, sum)?;
        queue.mark()
    })?;
    times.total()
}

/// Every worker makes its part of the batch from a counter, as a decoder makes pixels; gives the
/// sum of all words.
fn fill(team: &Team, bytes: &mut [u8], number: u32) -> u32 {
    let parts = std::sync::Mutex::new(parts(bytes, team.size()));
    let sums = team.broadcast(|worker| {
        let part = parts.lock().ok().and_then(|mut parts| parts.get_mut(worker.index)?.take());
        let mut state = number.wrapping_mul(0x9e37_79b9) ^ (worker.index as u32 + 1);
        let mut sum = 0_u32;
        for word in part.into_iter().flat_map(|part| part.chunks_exact_mut(4)) {
            // The generator of G. Marsaglia, Xorshift RNGs (2003), 32 bits.
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            word.copy_from_slice(&state.to_le_bytes());
            sum = sum.wrapping_add(state);
        }
        sum
    });
    sums.into_iter().fold(0, u32::wrapping_add)
}

/// `bytes` in `count` parts of whole words, each taken once.
fn parts(bytes: &mut [u8], count: usize) -> Vec<Option<&mut [u8]>> {
    let each = (bytes.len() / 4).div_ceil(count.max(1)).max(1) * 4;
    bytes.chunks_mut(each).map(Some).collect()
}
