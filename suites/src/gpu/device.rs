//! Devices as resources, and the speed of their own memory.

use super::watch::Watch;
use super::watched::Watched;
use crate::effort::is_first_look;
use std::sync::Arc;
use vbench::gpu::{self, Driver, Fault, Gpu, Memory};
use vbench::host::Host;
use vbench::prelude::*;

const DEVICES: &str = "/sys/bus/pci/devices";
/// Operations of one sample; the first is not timed.
const REPEATS: usize = 20;

/// Every device, at least one.
pub struct Gpus(Vec<Gpu>);

impl Gpus {
    /// The device `index`.
    pub fn of(&self, index: usize) -> Result<Gpu, Skip> {
        let missing = || Skip::because(format!("no GPU {index}: there are {}", self.0.len()));
        self.0.get(index).cloned().ok_or_else(missing)
    }
}

fn found() -> Result<Vec<Gpu>, Skip> {
    let driver: Arc<dyn Driver> = gpu::driver().map_err(no_gpu)?;
    gpu::gpus(&driver).map_err(no_gpu)
}

/// Why there is none, and a GPU that is on the bus all the same.
pub fn no_gpu(fault: Fault) -> Skip {
    let seen = without_driver(&Machine::current().host);
    Skip::because(format!("no GPU: {fault}{seen}"))
}

/// Names the first GPU that is on the bus though no driver lists it.
fn without_driver(host: &Host) -> String {
    let devices = host.list(DEVICES).unwrap_or_default();
    let seen = devices.into_iter().find_map(|pci| {
        let file = |name: &str| host.read(&format!("{DEVICES}/{pci}/{name}")).unwrap_or_default();
        let vendor = match file("vendor").trim() {
            "0x10de" => "NVIDIA",
            "0x1002" => "AMD",
            _ => return None,
        };
        // Display controllers, and AMD's processing accelerators.
        let class = file("class");
        let gpu = class.starts_with("0x03") || class.starts_with("0x12");
        gpu.then(|| format!("; {pci} is one of {vendor} without a working driver"))
    });
    seen.unwrap_or_default()
}

impl Require for Gpus {
    fn acquire(_: &Machine) -> Result<Self, Skip> {
        found().map(Self)
    }
}

/// Every device, at least two.
pub struct Several(Vec<Gpu>);

impl Several {
    /// `gpus`, if there are two.
    pub fn of(gpus: Vec<Gpu>) -> Result<Self, Skip> {
        match gpus.len() {
            0 | 1 => Err(Skip::because(format!("needs 2 GPUs, {} here", gpus.len()))),
            _ => Ok(Self(gpus)),
        }
    }

    /// All of them.
    pub fn all(&self) -> &[Gpu] {
        &self.0
    }

    /// Those on `node`, where `node_of` knows the node of an address.
    ///
    /// # Errors
    /// Fewer than two, or a device whose node the firmware does not name: it could be any.
    pub fn of_node(
        &self,
        node: usize,
        node_of: impl Fn(&str) -> Result<usize, String>,
    ) -> Result<Vec<Gpu>, Skip> {
        let place = |gpu: &Gpu| {
            let found = node_of(&gpu.identity().pci);
            found.map_err(|why| Skip::because(format!("GPU {}: {why}", gpu.index())))
        };
        let nodes = self.0.iter().map(place).collect::<Result<Vec<_>, _>>()?;
        let own = self.0.iter().zip(&nodes).filter(|(_, found)| **found == node);
        let own: Vec<Gpu> = own.map(|(gpu, _)| gpu.clone()).collect();
        match own.len() {
            0 | 1 => Err(Skip::because(format!(
                "{} of {} GPUs are on node {node}: a sum needs 2",
                own.len(),
                self.0.len()
            ))),
            _ => Ok(own),
        }
    }

    /// The first `count`.
    pub fn first(&self, count: usize) -> Result<&[Gpu], Skip> {
        let few = || Skip::because(format!("needs {count} GPUs, {} here", self.0.len()));
        self.0.get(..count).ok_or_else(few)
    }
}

impl Require for Several {
    fn acquire(_: &Machine) -> Result<Self, Skip> {
        Self::of(found()?)
    }
}

/// Every device, at least two, for pairs of them.
pub type Pairs = Several;

/// How many devices there are; 0 where there is no driver.
pub fn count() -> usize {
    gpu::driver().and_then(|driver| driver.count()).unwrap_or(0)
}

/// Numbers of the devices, as an axis: all of them, the first for a first look. Where there is
/// none the axis has one value, so that the case is listed with its reason.
pub fn ids() -> Vec<usize> {
    (0..if is_first_look() { 1 } else { count().max(1) }).collect()
}

/// Numbers of the devices for sweeps over many sizes: the first one, and all of them in the longest
/// profile or with `--axis gpu=0,1`.
pub fn swept_ids() -> Vec<usize> {
    if Machine::current().profile == Profile::Thorough { ids() } else { vec![0] }
}

/// What a device's own copy shows, counted both ways because tools differ.
#[derive(Metrics)]
pub struct Own {
    /// Bytes read and written: what its memory does.
    traffic: BytesPerSec,
    /// Bytes copied.
    #[metric(info)]
    payload: BytesPerSec,
}

/// The driver's copy within a device.
pub fn measure_copy(
    b: &mut Bencher,
    gpu: &Gpu,
    size: Bytes,
) -> Result<Samples<Watched<Own>>, Stop> {
    let bytes = scaled(b, size);
    let (from, to) = (gpu.memory(bytes)?, gpu.memory(bytes)?);
    gpu.batch(0, |queue| {
        queue.draw(&from, gpu::Dtype::F32, 5)?;
        // What only a copy can change.
        queue.fill(&to, 0xff)
    })?;
    let watch = Watch::over(b, gpu);
    let samples = watch.samples(b, |look| {
        let copies = |glance: &mut dyn FnMut()| {
            gpu.batch(2, |queue| {
                queue.mark()?;
                (0..REPEATS).try_for_each(|_| queue.duplicate(&to, &from, bytes))?;
                queue.mark()?;
                glance();
                Ok(())
            })
        };
        let times = look.once(copies)?;
        let payload = Bytes((bytes * REPEATS) as u64).per(times.total()?);
        Ok(Own { traffic: BytesPerSec(2.0 * payload.0), payload })
    })?;
    check(b, "the copy", &to, 0.0, |at| drawn(5, at))?;
    b.fact("bytes", bytes);
    Ok(samples)
}

/// Bandwidth of kernels, as STREAM counts: 2 and 3 words per element.
#[derive(Metrics)]
pub struct Bandwidth {
    triad: BytesPerSec,
    copy: BytesPerSec,
}

/// Our own kernels over arrays beyond the device's caches.
pub fn measure_kernels(
    b: &mut Bencher,
    gpu: &Gpu,
    size: Bytes,
) -> Result<Samples<Watched<Bandwidth>>, Stop> {
    let bytes = scaled(b, size);
    let (to, left, right) = (gpu.memory(bytes)?, gpu.memory(bytes)?, gpu.memory(bytes)?);
    gpu.batch(0, |queue| {
        queue.draw(&left, gpu::Dtype::F32, 5)?;
        queue.draw(&right, gpu::Dtype::F32, 6)?;
        queue.fill(&to, 0xff)
    })?;
    let watch = Watch::over(b, gpu);
    let samples = watch.samples(b, |look| {
        let kernels = |glance: &mut dyn FnMut()| {
            gpu.batch(4, |queue| {
                queue.duplicate_by_kernel(&to, &left)?;
                queue.mark()?;
                (0..REPEATS).try_for_each(|_| queue.duplicate_by_kernel(&to, &left))?;
                queue.mark()?;
                queue.triad(&to, &left, &right)?;
                queue.mark()?;
                (0..REPEATS).try_for_each(|_| queue.triad(&to, &left, &right))?;
                queue.mark()?;
                glance();
                Ok(())
            })
        };
        let times = look.once(kernels)?;
        let words = |count: usize| Bytes((count * bytes * REPEATS) as u64);
        match *times.steps() {
            [copy, _, triad] if copy > 0.0 && triad > 0.0 => {
                Ok(Bandwidth { triad: words(3).per(triad), copy: words(2).per(copy) })
            }
            _ => Err(Fault::Failed("the device's clock stands still".to_owned())),
        }
    })?;
    // Two roundings of 32 bits, or one where the device fuses them.
    let rounding = 8.0 * f64::from(f32::EPSILON);
    check(b, "the triad", &to, rounding, |at| drawn(5, at) + 3.0 * drawn(6, at))?;
    // The timed copies lie under the triads.
    gpu.batch(0, |queue| {
        queue.fill(&to, 0xff)?;
        queue.duplicate_by_kernel(&to, &left)
    })?;
    check(b, "the copy kernel", &to, 0.0, |at| drawn(5, at))?;
    b.fact("bytes", bytes);
    Ok(samples)
}

/// The entry `at` of 32 bits that the device drew with `seed`.
pub fn drawn(seed: u32, at: u64) -> f64 {
    f64::from(gpu::drawn(gpu::Dtype::F32, seed, at))
}

/// Bytes that are compared at a time, and how often over the whole length.
const PIECE: usize = 4096;
const PIECES: usize = 64;

/// Starts of pieces from the first to the last of `bytes`; between them each lies one piece further
/// on in its stride, so that no power of two is always hit alike.
fn pieces(bytes: usize) -> impl Iterator<Item = usize> {
    let stride = (bytes / PIECES).max(PIECE);
    let last = bytes.saturating_sub(PIECE) / 4 * 4;
    let start = move |number: usize| number * stride + number * PIECE % stride;
    (0..bytes.div_ceil(stride)).map(start).take_while(move |at| *at < last).chain([last])
}

/// Fails the case unless the floats of `memory` are within `tolerance` of what is `expected` of
/// each place, over its whole length.
pub fn check(
    b: &mut Bencher,
    what: &str,
    memory: &Memory,
    tolerance: f64,
    expected: impl Fn(u64) -> f64,
) -> Result<(), Fault> {
    for start in pieces(memory.bytes()) {
        let bytes = memory.read(start, PIECE.min(memory.bytes() - start))?;
        for (word, found) in bytes.chunks_exact(4).enumerate() {
            let at = (start / 4 + word) as u64;
            let found = gpu::Dtype::F32.decode(found).unwrap_or(f64::NAN);
            let expected = expected(at);
            // A NaN is never within the tolerance.
            let right = (found - expected).abs() <= tolerance;
            if !right {
                b.check(false, format!("{what} gives {found} at entry {at}, not {expected}"));
                return Ok(());
            }
        }
    }
    Ok(())
}

/// `size`, or as much as shows that it works.
pub fn scaled(b: &Bencher, size: Bytes) -> usize {
    let size = if b.is_smoke() { size.0.min(64 << 10) } else { size.0 };
    usize::try_from(size).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::{PIECE, PIECES, pieces};

    #[test]
    fn pieces_cover_small_memory_and_reach_both_ends_of_large() {
        assert_eq!(pieces(4).collect::<Vec<_>>(), [0]);
        assert_eq!(pieces(3 * PIECE).collect::<Vec<_>>(), [0, PIECE, 2 * PIECE]);
        let bytes = 256 << 20;
        let large: Vec<usize> = pieces(bytes).collect();
        assert_eq!((large[0], large[large.len() - 1]), (0, bytes - PIECE));
        assert!(large.len() > PIECES && large.windows(2).all(|w| w[1] - w[0] < 2 * bytes / PIECES));
    }
}
