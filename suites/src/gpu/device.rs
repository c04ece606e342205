//! Devices as resources, and the speed of their own memory.

use super::watch::Watch;
use crate::effort::is_first_look;
use std::sync::Arc;
use vbench::gpu::{self, Driver, Fault, Gpu};
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
pub fn measure_copy(b: &mut Bencher, gpu: &Gpu, size: Bytes) -> Result<Samples<Own>, Stop> {
    let bytes = scaled(b, size);
    let (from, to) = (gpu.memory(bytes)?, gpu.memory(bytes)?);
    gpu.batch(0, |queue| {
        queue.draw(&from, gpu::Dtype::F32, 5)?;
        queue.duplicate(&to, &from, bytes)
    })?;
    let watch = Watch::over(b, gpu);
    let samples = watch.samples(b, |look| {
        let times = gpu.batch(2, |queue| {
            queue.mark()?;
            (0..REPEATS).try_for_each(|_| queue.duplicate(&to, &from, bytes))?;
            queue.mark()?;
            look.now();
            Ok(())
        })?;
        let payload = Bytes((bytes * REPEATS) as u64).per(times.total()?);
        Ok(Own { traffic: BytesPerSec(2.0 * payload.0), payload })
    })?;
    b.check(to.read(0, 4096.min(bytes))? == from.read(0, 4096.min(bytes))?, "the copy differs");
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
) -> Result<Samples<Bandwidth>, Stop> {
    let bytes = scaled(b, size);
    let (to, left, right) = (gpu.memory(bytes)?, gpu.memory(bytes)?, gpu.memory(bytes)?);
    gpu.batch(0, |queue| {
        queue.draw(&left, gpu::Dtype::F32, 5)?;
        queue.draw(&right, gpu::Dtype::F32, 6)
    })?;
    let watch = Watch::over(b, gpu);
    let samples = watch.samples(b, |look| {
        let times = gpu.batch(4, |queue| {
            queue.duplicate_by_kernel(&to, &left)?;
            queue.mark()?;
            (0..REPEATS).try_for_each(|_| queue.duplicate_by_kernel(&to, &left))?;
            queue.mark()?;
            queue.triad(&to, &left, &right)?;
            queue.mark()?;
            (0..REPEATS).try_for_each(|_| queue.triad(&to, &left, &right))?;
            queue.mark()?;
            look.now();
            Ok(())
        })?;
        let words = |count: usize| Bytes((count * bytes * REPEATS) as u64);
        match *times.steps() {
            [copy, _, triad] if copy > 0.0 && triad > 0.0 => {
                Ok(Bandwidth { triad: words(3).per(triad), copy: words(2).per(copy) })
            }
            _ => Err(Fault::Failed("the device's clock stands still".to_owned())),
        }
    })?;
    let found = to.read(bytes - 16, 4)?;
    let at = (bytes / 4 - 4) as u64;
    let drawn = |seed| f64::from(gpu::drawn(gpu::Dtype::F32, seed, at));
    let expected = drawn(5) + 3.0 * drawn(6);
    let found = gpu::Dtype::F32.decode(&found).unwrap_or(f64::NAN);
    // Two roundings of 32 bits, or one where the device fuses them.
    let near = (found - expected).abs() <= 8.0 * f64::from(f32::EPSILON);
    b.check(near, format!("the triad gives {found}, not {expected}"));
    b.fact("bytes", bytes);
    Ok(samples)
}

/// `size`, or as much as shows that it works.
pub fn scaled(b: &Bencher, size: Bytes) -> usize {
    let size = if b.is_smoke() { size.0.min(64 << 10) } else { size.0 };
    usize::try_from(size).unwrap_or(usize::MAX)
}
