//! AMD's HIP, opened at run time: only entry points that ROCm 5 to 7 share, and attributes in
//! place of the structure of properties, which changed.
#![expect(unsafe_code, reason = "functions of a C library, found by name")]

mod blas;
mod blaslt;
mod compiler;
mod devices;
mod scratch;

pub use devices::ways_to_gpus;

use super::kept::Kept;
use super::library::{self, Opened};
use super::{
    Api, Direction, Driver, Dtype, Fault, Handle, Identity, Kernel, Monitor, Multiplication, Nccl,
    Summing, Transfer,
};
use crate::host::Host;
use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::sync::{Arc, OnceLock};

/// `hipDeviceAttribute_t`; the same from ROCm 5.0 to 7. Source: `hip_runtime_api.h`.
const MULTIPROCESSORS: c_int = 63;
/// `hipErrorOutOfMemory` and `hipErrorPeerAccessAlreadyEnabled`.
const OUT_OF_MEMORY: c_int = 2;
const ALREADY_ENABLED: c_int = 704;
/// `hipStreamNonBlocking`.
const NON_BLOCKING: c_uint = 1;
/// Where the library comes from.
const REMEDY: &str = "ROCm's HIP runtime (Debian: libamdhip64-5)";

type Code = c_int;
type Pointer = *mut c_void;

macro_rules! functions {
    ($($field:ident = $symbol:literal ($($argument:ty),*);)*) => {
        /// The functions that are used, by their C names.
        struct Functions {
            $($field: unsafe extern "C" fn($($argument),*) -> Code,)*
        }

        impl Functions {
            fn of(library: &Opened) -> Result<Self, Fault> {
                // SAFETY: the types of these functions in `hip_runtime_api.h` of ROCm 5 to 7.
                Ok(unsafe { Self { $($field: library.symbol($symbol)?,)* } })
            }
        }
    };
}

functions! {
    init = "hipInit" (c_uint);
    count = "hipGetDeviceCount" (*mut c_int);
    name = "hipDeviceGetName" (*mut c_char, c_int, c_int);
    pci = "hipDeviceGetPCIBusId" (*mut c_char, c_int, c_int);
    attribute = "hipDeviceGetAttribute" (*mut c_int, c_int, c_int);
    total = "hipDeviceTotalMem" (*mut usize, c_int);
    memory = "hipMemGetInfo" (*mut usize, *mut usize);
    runtime_version = "hipRuntimeGetVersion" (*mut c_int);
    driver_version = "hipDriverGetVersion" (*mut c_int);
    set_device = "hipSetDevice" (c_int);
    malloc = "hipMalloc" (*mut Pointer, usize);
    free = "hipFree" (Pointer);
    host_malloc = "hipHostMalloc" (*mut Pointer, usize, c_uint);
    host_free = "hipHostFree" (Pointer);
    register = "hipHostRegister" (Pointer, usize, c_uint);
    unregister = "hipHostUnregister" (Pointer);
    copy = "hipMemcpyAsync" (Pointer, *const c_void, usize, c_int, Pointer);
    fill = "hipMemsetAsync" (Pointer, c_int, usize, Pointer);
    can_access = "hipDeviceCanAccessPeer" (*mut c_int, c_int, c_int);
    enable = "hipDeviceEnablePeerAccess" (c_int, c_uint);
    stream = "hipStreamCreateWithFlags" (*mut Pointer, c_uint);
    stream_destroy = "hipStreamDestroy" (Pointer);
    stream_wait = "hipStreamSynchronize" (Pointer);
    event = "hipEventCreateWithFlags" (*mut Pointer, c_uint);
    event_record = "hipEventRecord" (Pointer, Pointer);
    event_elapsed = "hipEventElapsedTime" (*mut f32, Pointer, Pointer);
    event_destroy = "hipEventDestroy" (Pointer);
    load = "hipModuleLoadData" (*mut Pointer, *const c_void);
    function = "hipModuleGetFunction" (*mut Pointer, Pointer, *const c_char);
    launch = "hipModuleLaunchKernel"
        (Pointer, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, Pointer, *mut Pointer, *mut Pointer);
}

struct Hip {
    library: &'static Opened,
    call: Functions,
    text: unsafe extern "C" fn(Code) -> *const c_char,
    /// What was set for the runtime, and why.
    scratch: Option<String>,
    blas: OnceLock<Result<blas::RocBlas, Fault>>,
    lt: OnceLock<Result<blaslt::HipBlasLt, Fault>>,
    functions: Kept<(Handle, &'static str)>,
}

/// Opens HIP. A machine without a device answers an error, which is its reason.
///
/// # Errors
/// No library, one too old, or no device.
pub(super) fn open() -> Result<Arc<dyn Driver>, Fault> {
    let library = library::open("amdhip64", REMEDY)
        .map_err(|_| Fault::Absent("no ROCm (libamdhip64.so)".to_owned()))?;
    let call = Functions::of(library)?;
    // The runtime reads this when it starts.
    let scratch = scratch::keep_where_needed(&Host::live());
    // SAFETY: `const char* hipGetErrorString(hipError_t)`.
    let text = unsafe { library.symbol("hipGetErrorString") }?;
    let (blas, lt, functions) = (OnceLock::new(), OnceLock::new(), Kept::default());
    let hip = Hip { library, call, text, scratch, blas, lt, functions };
    // SAFETY: it takes a number.
    let started = hip.done("hipInit", unsafe { (hip.call.init)(0) });
    // Without a device any call may fail: every error here means that there is none.
    started.and_then(|()| hip.count()).map_err(|fault| Fault::Absent(fault.to_string()))?;
    Ok(Arc::new(hip))
}

impl Hip {
    fn done(&self, function: &str, code: Code) -> Result<(), Fault> {
        if code == 0 {
            return Ok(());
        }
        // SAFETY: it gives a text that lives as long as the library, for any number.
        let why = unsafe {
            let text = (self.text)(code);
            if text.is_null() { "no text".into() } else { CStr::from_ptr(text).to_string_lossy() }
        };
        let text = format!("{function}: {why} ({code})");
        Err(if code == OUT_OF_MEMORY { Fault::Memory(text) } else { Fault::Failed(text) })
    }

    fn ordinal(device: usize) -> Result<c_int, Fault> {
        c_int::try_from(device).map_err(|_| Fault::Failed(format!("no device {device}")))
    }

    /// The thread's device from now on.
    fn select(&self, device: usize) -> Result<(), Fault> {
        // SAFETY: it takes a number.
        self.done("hipSetDevice", unsafe { (self.call.set_device)(Self::ordinal(device)?) })
    }

    fn version(&self, function: unsafe extern "C" fn(*mut c_int) -> Code) -> String {
        let mut number = 0;
        // SAFETY: it writes one number.
        match unsafe { function(&raw mut number) } {
            0 => hip_version(number),
            code => format!("unknown ({code})"),
        }
    }

    /// What `ask` writes, which is a text of at most 255 bytes.
    fn told(
        &self,
        what: &str,
        ask: impl FnOnce(*mut c_char, c_int) -> Code,
    ) -> Result<String, Fault> {
        let mut text = [0_u8; 256];
        self.done(what, ask(text.as_mut_ptr().cast(), 255))?;
        let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
        Ok(String::from_utf8_lossy(&text[..end]).into_owned())
    }

    fn blas(&self) -> Result<&blas::RocBlas, Fault> {
        self.blas.get_or_init(blas::RocBlas::open).as_ref().map_err(Clone::clone)
    }

    fn lt(&self) -> Result<&blaslt::HipBlasLt, Fault> {
        self.lt.get_or_init(blaslt::HipBlasLt::open).as_ref().map_err(Clone::clone)
    }
}

/// `HIP_VERSION`: major x 10^7 + minor x 10^5 + patch.
fn hip_version(number: c_int) -> String {
    format!("{}.{}.{}", number / 10_000_000, number / 100_000 % 100, number % 100_000)
}

impl Driver for Hip {
    fn api(&self) -> Api {
        Api::Hip
    }

    fn versions(&self) -> Vec<(&'static str, String)> {
        let mut versions = vec![
            ("hip_runtime", self.version(self.call.runtime_version)),
            ("hip_driver", self.version(self.call.driver_version)),
            ("hip_library", self.library.name.clone()),
        ];
        if let Some(Ok(blas)) = self.blas.get() {
            versions.push(("rocblas", blas.version()));
        }
        if let Some(Ok(lt)) = self.lt.get() {
            versions.push(("hipblaslt", lt.version()));
        }
        versions.extend(self.scratch.clone().map(|why| ("hsa_no_scratch_reclaim", why)));
        versions
    }

    fn count(&self) -> Result<usize, Fault> {
        let mut count = 0;
        // SAFETY: it writes one number.
        self.done("hipGetDeviceCount", unsafe { (self.call.count)(&raw mut count) })?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    fn identity(&self, device: usize) -> Result<Identity, Fault> {
        let ordinal = Self::ordinal(device)?;
        // SAFETY: both write at most as many bytes as they are told.
        let (name, pci) = unsafe {
            (
                self.told("hipDeviceGetName", |to, n| (self.call.name)(to, n, ordinal))?,
                self.told("hipDeviceGetPCIBusId", |to, n| (self.call.pci)(to, n, ordinal))?,
            )
        };
        let (mut memory, mut processors) = (0, 0);
        // SAFETY: both write one number.
        unsafe {
            self.done("hipDeviceTotalMem", (self.call.total)(&raw mut memory, ordinal))?;
            let code = (self.call.attribute)(&raw mut processors, MULTIPROCESSORS, ordinal);
            self.done("hipDeviceGetAttribute", code)?;
        }
        let pci = pci.to_lowercase();
        let architecture =
            devices::architecture(&Host::live(), &pci).unwrap_or_else(|| "unknown".into());
        let processors = u32::try_from(processors).unwrap_or(0);
        Ok(Identity { name, pci, architecture, memory: memory as u64, processors })
    }

    fn free_memory(&self, device: usize) -> Result<u64, Fault> {
        self.select(device)?;
        let (mut free, mut total) = (0, 0);
        // SAFETY: it writes two numbers.
        self.done("hipMemGetInfo", unsafe { (self.call.memory)(&raw mut free, &raw mut total) })?;
        Ok(free as u64)
    }

    fn allocate(&self, device: usize, bytes: usize) -> Result<Handle, Fault> {
        self.select(device)?;
        let mut address = std::ptr::null_mut();
        // SAFETY: it writes one pointer.
        self.done("hipMalloc", unsafe { (self.call.malloc)(&raw mut address, bytes.max(1)) })?;
        Ok(address as Handle)
    }

    unsafe fn free(&self, _: usize, address: Handle) {
        // SAFETY: the caller's address.
        unsafe { (self.call.free)(address as Pointer) };
    }

    fn allocate_host(&self, device: usize, bytes: usize) -> Result<Handle, Fault> {
        self.select(device)?;
        let mut address = std::ptr::null_mut();
        // SAFETY: it writes one pointer.
        let code = unsafe { (self.call.host_malloc)(&raw mut address, bytes.max(1), 0) };
        self.done("hipHostMalloc", code)?;
        Ok(address as Handle)
    }

    unsafe fn free_host(&self, _: usize, address: Handle) {
        // SAFETY: the caller's address.
        unsafe { (self.call.host_free)(address as Pointer) };
    }

    unsafe fn register(&self, device: usize, address: Handle, bytes: usize) -> Result<(), Fault> {
        self.select(device)?;
        // SAFETY: the caller's range.
        let code = unsafe { (self.call.register)(address as Pointer, bytes, 0) };
        self.done("hipHostRegister", code)
    }

    unsafe fn unregister(&self, _: usize, address: Handle) {
        // SAFETY: the caller's address.
        unsafe { (self.call.unregister)(address as Pointer) };
    }

    fn stream(&self, device: usize) -> Result<Handle, Fault> {
        self.select(device)?;
        let mut stream = std::ptr::null_mut();
        // SAFETY: it writes one pointer.
        let code = unsafe { (self.call.stream)(&raw mut stream, NON_BLOCKING) };
        self.done("hipStreamCreateWithFlags", code)?;
        Ok(stream as Handle)
    }

    unsafe fn synchronize(&self, _: usize, stream: Handle) -> Result<(), Fault> {
        // SAFETY: the caller's stream.
        self.done("hipStreamSynchronize", unsafe { (self.call.stream_wait)(stream as Pointer) })
    }

    unsafe fn destroy_stream(&self, _: usize, stream: Handle) {
        // SAFETY: the caller's stream.
        unsafe { (self.call.stream_destroy)(stream as Pointer) };
    }

    fn event(&self, device: usize) -> Result<Handle, Fault> {
        self.select(device)?;
        let mut event = std::ptr::null_mut();
        // SAFETY: it writes one pointer; without flags the event takes the time.
        let code = unsafe { (self.call.event)(&raw mut event, 0) };
        self.done("hipEventCreateWithFlags", code)?;
        Ok(event as Handle)
    }

    unsafe fn record(&self, _: usize, event: Handle, stream: Handle) -> Result<(), Fault> {
        // SAFETY: the caller's handles.
        let code = unsafe { (self.call.event_record)(event as Pointer, stream as Pointer) };
        self.done("hipEventRecord", code)
    }

    unsafe fn elapsed(&self, _: usize, from: Handle, to: Handle) -> Result<f64, Fault> {
        let mut milliseconds = 0.0;
        // SAFETY: the caller's handles; it writes one number.
        let code = unsafe {
            (self.call.event_elapsed)(&raw mut milliseconds, from as Pointer, to as Pointer)
        };
        self.done("hipEventElapsedTime", code)?;
        Ok(f64::from(milliseconds) / 1e3)
    }

    unsafe fn destroy_event(&self, _: usize, event: Handle) {
        // SAFETY: the caller's event.
        unsafe { (self.call.event_destroy)(event as Pointer) };
    }

    unsafe fn copy(&self, device: usize, copy: &Transfer, stream: Handle) -> Result<(), Fault> {
        self.select(device)?;
        // `hipMemcpyKind`; between two devices the runtime finds out by itself (4).
        let kind = match copy.direction {
            Direction::Upload => 1,
            Direction::Download => 2,
            Direction::Duplicate => 4,
        };
        let (to, from) = (copy.to as Pointer, copy.from as *const c_void);
        // SAFETY: the caller's ranges.
        let code = unsafe { (self.call.copy)(to, from, copy.bytes, kind, stream as Pointer) };
        self.done("hipMemcpyAsync", code)
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
        let (to, byte) = (address as Pointer, c_int::from(byte));
        // SAFETY: the caller's range.
        self.done("hipMemsetAsync", unsafe { (self.call.fill)(to, byte, bytes, stream as Pointer) })
    }

    fn load(&self, device: usize) -> Result<Handle, Fault> {
        let architecture = self.identity(device)?.architecture;
        let code = compiler::compile(self.library, &architecture)?;
        self.select(device)?;
        let mut module = std::ptr::null_mut();
        // SAFETY: the compiler's code object, which is copied; it writes one pointer.
        let loaded = unsafe { (self.call.load)(&raw mut module, code.as_ptr().cast()) };
        self.done("hipModuleLoadData", loaded)?;
        Ok(module as Handle)
    }

    fn function(&self, device: usize, module: Handle, kernel: Kernel) -> Result<Handle, Fault> {
        self.functions.or_make((module, kernel.name()), || {
            self.select(device)?;
            let name = CString::new(kernel.name());
            let name = name.map_err(|error| Fault::Failed(error.to_string()))?;
            let (mut function, module) = (std::ptr::null_mut(), module as Pointer);
            // SAFETY: the module is loaded and never unloaded; it writes one pointer.
            let code = unsafe { (self.call.function)(&raw mut function, module, name.as_ptr()) };
            self.done("hipModuleGetFunction", code)?;
            Ok(function as Handle)
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
        let mut pointers: Vec<Pointer> =
            parameters.iter().map(|value| std::ptr::from_ref(value).cast_mut().cast()).collect();
        // SAFETY: the caller's parameters, each read through its pointer before this returns.
        let code = unsafe {
            (self.call.launch)(
                function as Pointer,
                blocks,
                1,
                1,
                threads,
                1,
                1,
                0,
                stream as Pointer,
                pointers.as_mut_ptr(),
                std::ptr::null_mut(),
            )
        };
        self.done("hipModuleLaunchKernel", code)
    }

    unsafe fn multiply(
        &self,
        device: usize,
        product: &Multiplication,
        stream: Handle,
    ) -> Result<(), Fault> {
        self.select(device)?;
        if matches!(product.dtype, Dtype::Tf32 | Dtype::F8) {
            let architecture = self.identity(device)?.architecture;
            let workspace = || self.allocate(device, blaslt::WORKSPACE);
            let of = blaslt::Device { index: device, architecture: &architecture };
            // SAFETY: the caller's matrices, and memory that is kept until the process ends.
            return unsafe { self.lt()?.multiply(&of, product, stream, workspace) };
        }
        // SAFETY: the caller's matrices.
        unsafe { self.blas()?.multiply(device, product, stream) }
    }

    fn reaches(&self, device: usize, peer: usize) -> Result<bool, Fault> {
        let (device, peer) = (Self::ordinal(device)?, Self::ordinal(peer)?);
        let mut can = 0;
        // SAFETY: it writes one number.
        let code = unsafe { (self.call.can_access)(&raw mut can, device, peer) };
        self.done("hipDeviceCanAccessPeer", code)?;
        Ok(can != 0)
    }

    fn reach(&self, device: usize, peer: usize) -> Result<(), Fault> {
        self.select(device)?;
        // SAFETY: it takes numbers.
        match unsafe { (self.call.enable)(Self::ordinal(peer)?, 0) } {
            ALREADY_ENABLED => Ok(()),
            code => self.done("hipDeviceEnablePeerAccess", code),
        }
    }

    fn make_current(&self, device: usize) -> Result<(), Fault> {
        self.select(device)
    }

    fn collectives(&self) -> Result<Arc<dyn Summing>, Fault> {
        Ok(Arc::new(Nccl::amd()?))
    }

    fn monitor(&self, pci: &str) -> Monitor {
        Monitor::amd(Host::live(), pci)
    }
}

#[cfg(test)]
mod tests {
    use super::super::library;
    use super::{Functions, REMEDY, hip_version, open};

    /// Run by `.ci/gpu-symbols` with the real library.
    #[test]
    fn every_function_is_in_the_library() {
        match library::open("amdhip64", REMEDY) {
            Ok(library) => {
                assert_eq!(Functions::of(library).err(), None);
                // Without a device the reason is a sentence, with one there is no reason.
                let reason = open().err().map(|fault| fault.to_string()).unwrap_or_default();
                println!("{}: {reason}", library.name);
                assert!(reason.is_empty() || reason.starts_with("hip"), "{reason}");
            }
            Err(fault) => {
                assert!(std::env::var_os("VBENCH_REQUIRE_HIP").is_none(), "{fault}");
                let why = open().err().map(|fault| fault.to_string());
                assert_eq!(why.as_deref(), Some("no ROCm (libamdhip64.so)"));
            }
        }
    }

    #[test]
    fn versions_read() {
        assert_eq!(hip_version(50_221_153), "5.2.21153");
    }
}
