//! GPUs of any vendor behind one trait, [`Driver`]: NVIDIA's through the CUDA driver, AMD's through
//! HIP, and a simulated one for tests. Every vendor library is opened at run time; a machine
//! without one builds and tests the same code.
//!
//! [`Gpu`] is the safe side: it owns what it allocates, checks every size, and waits for all work
//! before it gives borrowed memory back.

#[cfg(feature = "cuda")]
mod cuda;
mod device;
mod hip;
mod kept;
mod kernels;
mod library;
mod link;
mod nccl;
mod number;
mod peaks;
mod product;
mod queue;
pub mod stub;
mod vitals;
mod waiting;

pub use device::{Gpu, Host, Memory};
pub use hip::ways_to_gpus;
pub use kernels::{CUDA_ARCHITECTURES, Kernel, SOURCE, summand};
pub use link::{Link, Path, near_cpus, node, under_load, watched};
pub use nccl::{Communicator, Identifier, Nccl, Operation, Ranked, Summing, set_for_library};
pub use number::{Dtype, drawn};
pub use peaks::{Peak, peak};
pub use product::Product;
pub use queue::{Queue, Times};
pub use vitals::{Held, Monitor, Reading, Setting};
pub use waiting::unopened;

use std::fmt;
use std::sync::{Arc, OnceLock};

/// Something of the driver's: an address, a stream, an event, a module, a function.
pub type Handle = u64;

/// Why a driver did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No library, no driver, no device, or one too old: the machine lacks something.
    #[error("{0}")]
    Absent(String),
    /// This device or library cannot do it.
    #[error("{0}")]
    Unsupported(String),
    /// Too little memory, with the numbers.
    #[error("{0}")]
    Memory(String),
    /// Anything else: a lost device, an illegal address, a failed kernel.
    #[error("{0}")]
    Failed(String),
}

impl Fault {
    /// True where the machine lacks something, so that a case is skipped and not failed.
    pub fn is_lack(&self) -> bool {
        !matches!(self, Self::Failed(_))
    }
}

/// A vendor's programming interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// NVIDIA.
    Cuda,
    /// AMD.
    Hip,
    /// None: [`stub`].
    Simulated,
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cuda => "CUDA",
            Self::Hip => "HIP",
            Self::Simulated => "simulated",
        })
    }
}

/// What a device is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// As the driver names it.
    pub name: String,
    /// Address on the bus, such as `0000:01:00.0`, in lower case.
    pub pci: String,
    /// What code is made for: `sm_90`, `gfx942`.
    pub architecture: String,
    /// Bytes of memory.
    pub memory: u64,
    /// Streaming multiprocessors or compute units.
    pub processors: u32,
}

/// From where to where a copy goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Host to device.
    Upload,
    /// Device to host.
    Download,
    /// Within a device, or between two.
    Duplicate,
}

/// A copy of `bytes`.
#[derive(Clone, Copy, Debug)]
pub struct Transfer {
    /// Where to.
    pub to: Handle,
    /// Where from.
    pub from: Handle,
    /// How many.
    pub bytes: usize,
    /// Between what.
    pub direction: Direction,
}

/// `C = A B` of square matrices of `n` rows, columns first. With [`Dtype::is_transposed`] it is
/// `C = A' B`.
#[derive(Clone, Copy, Debug)]
pub struct Multiplication {
    /// Rows and columns.
    pub n: usize,
    /// Type of the entries of A and B.
    pub dtype: Dtype,
    /// Address of A.
    pub a: Handle,
    /// Address of B.
    pub b: Handle,
    /// Address of C, of entries of [`Dtype::output`].
    pub c: Handle,
}

/// What a vendor's driver does for us, as thinly as it can be said. Devices count from 0. Every
/// function may be called from any thread.
///
/// The unsafe functions take addresses and handles: those must come from the same driver and
/// device, be alive until the stream that uses them is synchronised, and span the bytes named.
#[expect(unsafe_code, reason = "a driver takes addresses; `Gpu` is the safe side")]
pub trait Driver: Send + Sync {
    /// Whose it is.
    fn api(&self) -> Api;
    /// Versions of the driver and the libraries that are loaded, by name.
    fn versions(&self) -> Vec<(&'static str, String)>;
    /// How many devices there are.
    ///
    /// # Errors
    /// What the driver says; so do all the others.
    fn count(&self) -> Result<usize, Fault>;
    /// What a device is.
    fn identity(&self, device: usize) -> Result<Identity, Fault>;
    /// Bytes of memory that are free.
    fn free_memory(&self, device: usize) -> Result<u64, Fault>;

    /// Memory of the device.
    fn allocate(&self, device: usize, bytes: usize) -> Result<Handle, Fault>;
    /// Gives it back.
    ///
    /// # Safety
    /// As the trait says; so do all the others.
    unsafe fn free(&self, device: usize, address: Handle);
    /// Pinned memory of the host, ordinarily cached.
    fn allocate_host(&self, device: usize, bytes: usize) -> Result<Handle, Fault>;
    /// Gives it back.
    ///
    /// # Safety
    /// As the trait says.
    unsafe fn free_host(&self, device: usize, address: Handle);
    /// Pins memory of the host that exists.
    ///
    /// # Safety
    /// It stays mapped until it is unregistered.
    unsafe fn register(&self, device: usize, address: Handle, bytes: usize) -> Result<(), Fault>;
    /// Unpins it.
    ///
    /// # Safety
    /// As the trait says.
    unsafe fn unregister(&self, device: usize, address: Handle);

    /// A stream that does not wait for others.
    fn stream(&self, device: usize) -> Result<Handle, Fault>;
    /// Waits for all its work.
    ///
    /// # Safety
    /// As the trait says.
    unsafe fn synchronize(&self, device: usize, stream: Handle) -> Result<(), Fault>;
    /// Gives it back.
    ///
    /// # Safety
    /// As the trait says.
    unsafe fn destroy_stream(&self, device: usize, stream: Handle);
    /// An event that takes the time.
    fn event(&self, device: usize) -> Result<Handle, Fault>;
    /// Notes the time when the stream comes to it.
    ///
    /// # Safety
    /// As the trait says.
    unsafe fn record(&self, device: usize, event: Handle, stream: Handle) -> Result<(), Fault>;
    /// Seconds between two events that happened.
    ///
    /// # Safety
    /// As the trait says.
    unsafe fn elapsed(&self, device: usize, from: Handle, to: Handle) -> Result<f64, Fault>;
    /// Gives it back.
    ///
    /// # Safety
    /// As the trait says.
    unsafe fn destroy_event(&self, device: usize, event: Handle);

    /// Enqueues a copy. From pageable memory it may return only when the copy is done.
    ///
    /// # Safety
    /// As the trait says.
    unsafe fn copy(&self, device: usize, copy: &Transfer, stream: Handle) -> Result<(), Fault>;
    /// Enqueues setting every byte.
    ///
    /// # Safety
    /// As the trait says.
    unsafe fn fill(
        &self,
        device: usize,
        address: Handle,
        byte: u8,
        bytes: usize,
        stream: Handle,
    ) -> Result<(), Fault>;
    /// Compiles [`SOURCE`] for the device and loads it.
    fn load(&self, device: usize) -> Result<Handle, Fault>;
    /// A kernel of what was loaded.
    fn function(&self, device: usize, module: Handle, kernel: Kernel) -> Result<Handle, Fault>;
    /// Enqueues a kernel, whose parameters are all 64 bits wide.
    ///
    /// # Safety
    /// As the trait says, for every address among the parameters.
    unsafe fn launch(
        &self,
        device: usize,
        function: Handle,
        shape: (u32, u32),
        parameters: &[u64],
        stream: Handle,
    ) -> Result<(), Fault>;
    /// Enqueues a product of matrices by the vendor's library.
    ///
    /// # Safety
    /// As the trait says.
    unsafe fn multiply(
        &self,
        device: usize,
        product: &Multiplication,
        stream: Handle,
    ) -> Result<(), Fault>;

    /// Whether `device` can reach the memory of `peer` without the host.
    fn reaches(&self, device: usize, peer: usize) -> Result<bool, Fault>;
    /// Lets it, from now on.
    fn reach(&self, device: usize, peer: usize) -> Result<(), Fault>;
    /// The thread's device from now on, as collective libraries expect it.
    fn make_current(&self, device: usize) -> Result<(), Fault>;
    /// The library of collective operations that belongs to it.
    fn collectives(&self) -> Result<Arc<dyn Summing>, Fault>;
    /// Clocks, power and errors of the device at `pci`.
    fn monitor(&self, pci: &str) -> Monitor;
}

/// The driver of this machine with at least one device, looked for once in a process: CUDA, else
/// HIP. One that does not answer in time counts as none.
///
/// # Errors
/// Why each has none.
pub fn driver() -> Result<Arc<dyn Driver>, Fault> {
    match FOUND.get() {
        Some(found) => found.clone(),
        None => {
            waiting::allowed()?;
            FOUND.get_or_init(|| first_with_devices(&[open_cuda, open_hip])).clone()
        }
    }
}

static FOUND: OnceLock<Result<Arc<dyn Driver>, Fault>> = OnceLock::new();

/// Makes `driver` the one of this process: for programs that test against a simulated one. Only
/// the first call, before any [`fn@driver`], has an effect.
pub fn install(driver: Arc<dyn Driver>) {
    let _ = FOUND.get_or_init(|| with_devices(&driver).map(|()| driver));
}

type Open = fn() -> Result<Arc<dyn Driver>, Fault>;

fn first_with_devices(choices: &[Open]) -> Result<Arc<dyn Driver>, Fault> {
    let mut reasons = Vec::new();
    for open in choices {
        match open() {
            Ok(driver) => return Ok(driver),
            Err(fault) => reasons.push(fault.to_string()),
        }
    }
    Err(Fault::Absent(reasons.join("; ")))
}

fn with_devices(driver: &Arc<dyn Driver>) -> Result<(), Fault> {
    match driver.count()? {
        0 => Err(Fault::Absent(format!("{} lists no device", driver.api()))),
        _ => Ok(()),
    }
}

/// What `open` gives if it has a device and says so in time.
fn answering(name: &str, open: Open) -> Result<Arc<dyn Driver>, Fault> {
    waiting::within(name, move || open().and_then(|driver| with_devices(&driver).map(|()| driver)))
}

fn open_hip() -> Result<Arc<dyn Driver>, Fault> {
    answering("HIP", hip::open)
}

#[cfg(feature = "cuda")]
fn open_cuda() -> Result<Arc<dyn Driver>, Fault> {
    answering("CUDA", cuda::open)
}

#[cfg(not(feature = "cuda"))]
fn open_cuda() -> Result<Arc<dyn Driver>, Fault> {
    Err(Fault::Absent("this program was built without the feature `cuda`".to_owned()))
}

/// Every GPU of `driver`.
///
/// # Errors
/// What the driver says.
pub fn gpus(driver: &Arc<dyn Driver>) -> Result<Vec<Gpu>, Fault> {
    (0..driver.count()?).map(|device| Gpu::new(Arc::clone(driver), device)).collect()
}

#[cfg(test)]
mod tests {
    use super::stub::Stub;
    use super::{Driver, Fault, first_with_devices};
    use std::sync::Arc;

    fn none() -> Result<Arc<dyn Driver>, Fault> {
        Err(Fault::Absent("libfirst.so is not here".to_owned()))
    }

    fn empty() -> Result<Arc<dyn Driver>, Fault> {
        super::answering("simulated", || Ok(Arc::new(Stub::with_devices(0))))
    }

    fn one() -> Result<Arc<dyn Driver>, Fault> {
        Ok(Arc::new(Stub::with_devices(1)))
    }

    #[test]
    fn the_first_driver_with_a_device_is_taken_and_the_others_have_reasons() {
        assert!(first_with_devices(&[none, empty, one]).is_ok());
        let fault = first_with_devices(&[none, empty]).err();
        let text = "libfirst.so is not here; simulated lists no device";
        assert_eq!(fault, Some(Fault::Absent(text.to_owned())));
    }
}
