//! NVIDIA's CUDA through cudarc: driver, cuBLAS, cuBLASLt and NVRTC, each opened at run time.
//!
//! cudarc panics where a library or a function is missing. Every library is looked for before it
//! is touched, and panics are caught as the second line.
#![expect(unsafe_code, reason = "the driver's functions take addresses")]

mod blas;
mod compiler;
mod nvml;

pub use nvml::Nvml;

use super::kept::Kept;
use super::kernels::PTX;
use super::{
    Api, Direction, Driver, Fault, Handle, Identity, Kernel, Monitor, Multiplication, Summing,
    Transfer,
};
use cudarc::driver::result::{self, DriverError};
use cudarc::driver::sys::{self, CUdevice_attribute as Attribute, CUresult};
use std::ffi::{CString, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

/// `CUDA_VERSION` of the oldest driver that serves: CUDA 12.0 (driver 525).
const OLDEST: i32 = 12_000;

/// Functions of the driver that tell what it is, and all others that are called, by the names that
/// cudarc asks for.
const FIRST: [&str; 4] = ["cuDriverGetVersion", "cuInit", "cuDeviceGetCount", "cuGetErrorString"];
#[rustfmt::skip]
const FUNCTIONS: [&str; 29] = [
    "cuDeviceGet", "cuDeviceGetAttribute", "cuDeviceGetName", "cuDeviceTotalMem_v2",
    "cuDevicePrimaryCtxRetain", "cuCtxSetCurrent", "cuDeviceCanAccessPeer", "cuCtxEnablePeerAccess",
    "cuMemGetInfo_v2", "cuMemAlloc_v2", "cuMemFree_v2", "cuMemHostAlloc", "cuMemFreeHost",
    "cuMemHostRegister_v2", "cuMemHostUnregister", "cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2",
    "cuMemcpyAsync", "cuMemsetD8Async", "cuStreamCreate", "cuStreamSynchronize",
    "cuStreamDestroy_v2", "cuEventCreate", "cuEventRecord", "cuEventDestroy_v2",
    "cuEventElapsedTime", "cuModuleLoadData", "cuModuleGetFunction", "cuLaunchKernel",
];

type Elapsed = unsafe extern "C" fn(*mut f32, sys::CUevent, sys::CUevent) -> CUresult;

struct Cuda {
    version: i32,
    /// Under its name of all versions: drivers before 12.8 lack the one that cudarc asks for.
    elapsed: Elapsed,
    contexts: Kept<usize>,
    functions: Kept<(Handle, &'static str)>,
    blas: OnceLock<Result<blas::Blas, Fault>>,
    /// Where the first kernels that were loaded come from.
    kernels: OnceLock<String>,
}

/// Opens the driver.
///
/// # Errors
/// No driver, one too old, or no device.
pub(super) fn open() -> Result<Arc<dyn Driver>, Fault> {
    if cfg!(target_feature = "crt-static") {
        return Err(Fault::Absent("this is a static program, which cannot open libcuda".into()));
    }
    // SAFETY: opening the driver's library runs its initialisers, as every CUDA program does.
    if !guarded("libcuda", || Ok(unsafe { sys::is_culib_present() }))? {
        return Err(Fault::Absent("no NVIDIA driver (libcuda.so.1)".into()));
    }
    // SAFETY: the library is there; its functions are looked for and not called.
    let is_there = |name: &str| unsafe { sys::culib().get::<*const ()>(name.as_bytes()).is_ok() };
    guarded("libcuda", || {
        complete("libcuda", &FIRST, is_there)?;
        let version = driver_version()?;
        supported(version)?;
        let absent = |error: DriverError| Fault::Absent(format!("CUDA: {}", text(error)));
        result::init().map_err(absent)?;
        if result::device::get_count().map_err(absent)? == 0 {
            return Err(Fault::Absent("CUDA lists no device".to_owned()));
        }
        complete("libcuda", &FUNCTIONS, is_there)?;
        // SAFETY: the type of this function in `cuda.h` of all versions; the library stays open.
        let elapsed = unsafe { sys::culib().get::<Elapsed>(b"cuEventElapsedTime") };
        let elapsed = *elapsed.map_err(|error| Fault::Absent(error.to_string()))?;
        let (contexts, functions) = (Kept::default(), Kept::default());
        let (blas, kernels) = (OnceLock::new(), OnceLock::new());
        let cuda = Cuda { version, elapsed, contexts, functions, blas, kernels };
        Ok(Arc::new(cuda) as Arc<dyn Driver>)
    })
}

/// Looks for every function before one of them is called: cudarc panics where one is missing.
fn complete(library: &str, names: &[&str], is_there: impl Fn(&str) -> bool) -> Result<(), Fault> {
    match names.iter().find(|name| !is_there(name)) {
        Some(name) => Err(Fault::Absent(format!("{library} lacks {name}: it is too old or new"))),
        None => Ok(()),
    }
}

fn driver_version() -> Result<i32, Fault> {
    let mut version = 0;
    // SAFETY: it writes one number.
    unsafe { sys::cuDriverGetVersion(&raw mut version) }.result().map_err(fault("version"))?;
    Ok(version)
}

fn supported(version: i32) -> Result<(), Fault> {
    let (needs, has) = (cuda_version(OLDEST), cuda_version(version));
    match version < OLDEST {
        true => Err(Fault::Absent(format!(
            "the NVIDIA driver knows CUDA {has}, vbench needs {needs}: install driver 525 or newer"
        ))),
        false => Ok(()),
    }
}

fn cuda_version(version: i32) -> String {
    format!("{}.{}", version / 1000, version % 1000 / 10)
}

/// What `f` gives; a panic, which is how cudarc tells of a missing function, becomes a fault.
fn guarded<T>(what: &str, f: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
        Err(Fault::Absent(format!("{what}: {text}")))
    })
}

fn text(error: DriverError) -> String {
    let words = error.error_string().map(|words| words.to_string_lossy().into_owned());
    format!("{} ({:?})", words.unwrap_or_default(), error.0)
}

/// What an error of `function` means.
fn fault(function: &'static str) -> impl Fn(DriverError) -> Fault {
    move |error| {
        let text = format!("CUDA, {function}: {}", text(error));
        match error.0 {
            CUresult::CUDA_ERROR_OUT_OF_MEMORY => Fault::Memory(text),
            CUresult::CUDA_ERROR_NOT_SUPPORTED => Fault::Unsupported(text),
            _ => Fault::Failed(text),
        }
    }
}

impl Cuda {
    fn device(device: usize) -> Result<sys::CUdevice, Fault> {
        let ordinal = i32::try_from(device).map_err(|error| Fault::Failed(error.to_string()))?;
        result::device::get(ordinal).map_err(fault("device"))
    }

    /// The device's primary context: the one that NCCL uses too.
    fn context(&self, device: usize) -> Result<sys::CUcontext, Fault> {
        let context = self.contexts.or_make(device, || {
            // SAFETY: the driver gave the device; the context is kept until the process ends.
            let context = unsafe { result::primary_ctx::retain(Self::device(device)?) };
            Ok(context.map_err(fault("context"))? as Handle)
        })?;
        Ok(context as sys::CUcontext)
    }

    /// Makes it the thread's.
    fn select(&self, device: usize) -> Result<(), Fault> {
        let context = self.context(device)?;
        // SAFETY: a retained context.
        unsafe { result::ctx::set_current(context) }.map_err(fault("context"))
    }

    fn attribute(device: sys::CUdevice, attribute: Attribute) -> Result<i32, Fault> {
        // SAFETY: the driver gave the device.
        unsafe { result::device::get_attribute(device, attribute) }.map_err(fault("attribute"))
    }

    fn blas(&self) -> Result<&blas::Blas, Fault> {
        self.blas.get_or_init(blas::Blas::open).as_ref().map_err(Clone::clone)
    }
}

impl Driver for Cuda {
    fn api(&self) -> Api {
        Api::Cuda
    }

    fn versions(&self) -> Vec<(&'static str, String)> {
        let mut versions = vec![("cuda_driver", cuda_version(self.version))];
        if let Some(Ok(blas)) = self.blas.get() {
            versions.push(("cublas", blas.version()));
        }
        if let Some(version) = compiler::version() {
            versions.push(("nvrtc", version));
        }
        if let Some(told) = self.kernels.get() {
            versions.push(("kernels", told.clone()));
        }
        versions
    }

    fn count(&self) -> Result<usize, Fault> {
        let count = result::device::get_count().map_err(fault("count"))?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    fn identity(&self, device: usize) -> Result<Identity, Fault> {
        let handle = Self::device(device)?;
        let ask = |attribute| Self::attribute(handle, attribute);
        let domain = ask(Attribute::CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID)?;
        let bus = ask(Attribute::CU_DEVICE_ATTRIBUTE_PCI_BUS_ID)?;
        let slot = ask(Attribute::CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID)?;
        let major = ask(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?;
        let minor = ask(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?;
        let processors = ask(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?;
        // SAFETY: the driver gave the device.
        let memory = unsafe { result::device::total_mem(handle) }.map_err(fault("memory"))?;
        Ok(Identity {
            name: result::device::get_name(handle).map_err(fault("name"))?,
            pci: format!("{domain:04x}:{bus:02x}:{slot:02x}.0"),
            architecture: format!("sm_{major}{minor}"),
            memory: memory as u64,
            processors: u32::try_from(processors).unwrap_or(0),
        })
    }

    fn free_memory(&self, device: usize) -> Result<u64, Fault> {
        self.select(device)?;
        let (free, _) = result::mem_get_info().map_err(fault("free memory"))?;
        Ok(free as u64)
    }

    fn allocate(&self, device: usize, bytes: usize) -> Result<Handle, Fault> {
        self.select(device)?;
        // SAFETY: it gives new memory.
        unsafe { result::malloc_sync(bytes.max(1)) }.map_err(fault("allocate"))
    }

    unsafe fn free(&self, device: usize, address: Handle) {
        // SAFETY: the caller's address. A lost device takes its memory along.
        let _ = self.select(device).map(|()| unsafe { result::free_sync(address) });
    }

    fn allocate_host(&self, device: usize, bytes: usize) -> Result<Handle, Fault> {
        self.select(device)?;
        // SAFETY: it gives new memory, cached as all other: flag 4 would make reads very slow.
        let start = unsafe { result::malloc_host(bytes.max(1), 0) };
        Ok(start.map_err(fault("pinned memory"))? as Handle)
    }

    unsafe fn free_host(&self, device: usize, address: Handle) {
        // SAFETY: the caller's address.
        let free = || unsafe { result::free_host(address as *mut c_void) };
        let _ = self.select(device).map(|()| free());
    }

    unsafe fn register(&self, device: usize, address: Handle, bytes: usize) -> Result<(), Fault> {
        self.select(device)?;
        // SAFETY: the caller's range.
        let code = unsafe { sys::cuMemHostRegister_v2(address as *mut c_void, bytes, 0) };
        code.result().map_err(fault("register host memory"))
    }

    unsafe fn unregister(&self, device: usize, address: Handle) {
        // SAFETY: the caller's address.
        let undo = || unsafe { sys::cuMemHostUnregister(address as *mut c_void) };
        let _ = self.select(device).map(|()| undo());
    }

    fn stream(&self, device: usize) -> Result<Handle, Fault> {
        self.select(device)?;
        let stream = result::stream::create(result::stream::StreamKind::NonBlocking);
        Ok(stream.map_err(fault("stream"))? as Handle)
    }

    unsafe fn synchronize(&self, device: usize, stream: Handle) -> Result<(), Fault> {
        self.select(device)?;
        // SAFETY: the caller's stream.
        unsafe { result::stream::synchronize(stream as sys::CUstream) }
            .map_err(fault("synchronize"))
    }

    unsafe fn destroy_stream(&self, device: usize, stream: Handle) {
        // SAFETY: the caller's stream.
        let destroy = || unsafe { result::stream::destroy(stream as sys::CUstream) };
        let _ = self.select(device).map(|()| destroy());
    }

    fn event(&self, device: usize) -> Result<Handle, Fault> {
        self.select(device)?;
        let event = result::event::create(sys::CUevent_flags::CU_EVENT_DEFAULT);
        Ok(event.map_err(fault("event"))? as Handle)
    }

    unsafe fn record(&self, device: usize, event: Handle, stream: Handle) -> Result<(), Fault> {
        self.select(device)?;
        // SAFETY: the caller's handles.
        unsafe { result::event::record(event as sys::CUevent, stream as sys::CUstream) }
            .map_err(fault("record an event"))
    }

    unsafe fn elapsed(&self, device: usize, from: Handle, to: Handle) -> Result<f64, Fault> {
        self.select(device)?;
        let mut milliseconds = 0.0;
        // SAFETY: the caller's events; it writes one number.
        let code = unsafe {
            (self.elapsed)(&raw mut milliseconds, from as sys::CUevent, to as sys::CUevent)
        };
        code.result().map_err(fault("time between events"))?;
        Ok(f64::from(milliseconds) / 1e3)
    }

    unsafe fn destroy_event(&self, device: usize, event: Handle) {
        // SAFETY: the caller's event.
        let destroy = || unsafe { result::event::destroy(event as sys::CUevent) };
        let _ = self.select(device).map(|()| destroy());
    }

    unsafe fn copy(&self, device: usize, copy: &Transfer, stream: Handle) -> Result<(), Fault> {
        self.select(device)?;
        let (to, from, bytes) = (copy.to, copy.from, copy.bytes);
        let stream = stream as sys::CUstream;
        // SAFETY: the caller's ranges.
        let code = unsafe {
            match copy.direction {
                Direction::Upload => {
                    sys::cuMemcpyHtoDAsync_v2(to, from as *const c_void, bytes, stream)
                }
                Direction::Download => {
                    sys::cuMemcpyDtoHAsync_v2(to as *mut c_void, from, bytes, stream)
                }
                // The driver knows which device an address belongs to.
                Direction::Duplicate => sys::cuMemcpyAsync(to, from, bytes, stream),
            }
        };
        code.result().map_err(fault("copy"))
    }

    unsafe fn fill(
        &self,
        device: usize,
        address: Handle,
        byte: u8,
        bytes: usize,
        stream: Handle,
    ) -> Result<(), Fault> {
        self.select(device)?;
        // SAFETY: the caller's range.
        unsafe { result::memset_d8_async(address, byte, bytes, stream as sys::CUstream) }
            .map_err(fault("fill"))
    }

    fn load(&self, device: usize) -> Result<Handle, Fault> {
        let compiled = compiler::compile(&self.identity(device)?.architecture);
        self.select(device)?;
        let module = |code: &[u8]| {
            // SAFETY: the compiler's image, or a text that ends with zero, either of which is copied.
            let module = unsafe { result::module::load_data(code.as_ptr().cast()) };
            Ok(module.map_err(fault("load kernels"))? as Handle)
        };
        let compiled = compiled.and_then(|image| module(&image));
        let stored = || module(&[PTX.as_bytes(), b"\0"].concat());
        let (module, told) = compiler::or_stored(compiled, stored)?;
        let _ = self.kernels.set(told);
        Ok(module)
    }

    fn function(&self, device: usize, module: Handle, kernel: Kernel) -> Result<Handle, Fault> {
        self.functions.or_make((module, kernel.name()), || {
            self.select(device)?;
            let name = CString::new(kernel.name());
            let name = name.map_err(|error| Fault::Failed(error.to_string()))?;
            // SAFETY: the module is loaded and never unloaded.
            let function = unsafe { result::module::get_function(module as sys::CUmodule, name) };
            Ok(function.map_err(fault("find a kernel"))? as Handle)
        })
    }

    unsafe fn launch(
        &self,
        device: usize,
        function: Handle,
        (blocks, threads): (u32, u32),
        parameters: &[u64],
        stream: Handle,
    ) -> Result<(), Fault> {
        self.select(device)?;
        let mut pointers: Vec<*mut c_void> =
            parameters.iter().map(|value| std::ptr::from_ref(value).cast_mut().cast()).collect();
        let (grid, block) = ((blocks, 1, 1), (threads, 1, 1));
        let (function, stream) = (function as sys::CUfunction, stream as sys::CUstream);
        // SAFETY: the caller's parameters, each read through its pointer before this returns.
        unsafe { result::launch_kernel(function, grid, block, 0, stream, &mut pointers) }
            .map_err(fault("launch"))
    }

    unsafe fn multiply(
        &self,
        device: usize,
        product: &Multiplication,
        stream: Handle,
    ) -> Result<(), Fault> {
        self.select(device)?;
        let blas = self.blas()?;
        // SAFETY: the caller's matrices.
        guarded("cuBLAS", || unsafe { blas.multiply(device, product, stream) })
    }

    fn reaches(&self, device: usize, peer: usize) -> Result<bool, Fault> {
        let (device, peer) = (Self::device(device)?, Self::device(peer)?);
        let mut can = 0;
        // SAFETY: it writes one number.
        let code = unsafe { sys::cuDeviceCanAccessPeer(&raw mut can, device, peer) };
        code.result().map_err(fault("peer access"))?;
        Ok(can != 0)
    }

    fn reach(&self, device: usize, peer: usize) -> Result<(), Fault> {
        let context = self.context(peer)?;
        self.select(device)?;
        // SAFETY: a retained context.
        match unsafe { sys::cuCtxEnablePeerAccess(context, 0) } {
            CUresult::CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED => Ok(()),
            code => code.result().map_err(fault("peer access")),
        }
    }

    fn make_current(&self, device: usize) -> Result<(), Fault> {
        self.select(device)
    }

    fn collectives(&self) -> Result<Arc<dyn Summing>, Fault> {
        Ok(Arc::new(super::Nccl::nvidia()?))
    }

    fn monitor(&self, pci: &str) -> Monitor {
        Monitor::nvidia(pci)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Fault;
    use super::{complete, guarded, supported};

    #[test]
    fn an_old_driver_is_a_sentence_with_the_versions() {
        assert_eq!(supported(12_000), Ok(()));
        let text = supported(11_040).unwrap_err().to_string();
        assert!(
            text.contains("CUDA 11.4") && text.contains("12.0") && text.contains("525"),
            "{text}"
        );
    }

    #[test]
    fn a_missing_function_is_named() {
        let here = |name: &str| name != "cuB";
        assert_eq!(complete("libx", &["cuA"], here), Ok(()));
        let fault = complete("libx", &["cuA", "cuB"], here).unwrap_err().to_string();
        assert_eq!(fault, "libx lacks cuB: it is too old or new");
    }

    #[test]
    fn a_missing_function_is_no_panic() {
        let fault = guarded("libx", || -> Result<(), Fault> { panic!("symbol y") });
        assert_eq!(fault, Err(Fault::Absent("libx: symbol y".to_owned())));
    }
}
