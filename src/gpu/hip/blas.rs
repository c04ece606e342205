//! rocBLAS: one function for matrix products, unchanged over ROCm 5 to 7.
#![expect(unsafe_code, reason = "functions of a C library, found by name")]

use super::super::kept::Kept;
use super::super::library::{self, Opened};
use super::super::{Dtype, Fault, Handle, Multiplication};
use std::ffi::{c_char, c_int, c_uint, c_void};

/// `rocblas_operation_none`, and the types. Source: `rocblas-types.h`.
const NONE: c_int = 111;
const F16: c_int = 150;
const F32: c_int = 151;
const BF16: c_int = 168;

type Code = c_int;
type Pointer = *mut c_void;
type Read = *const c_void;

/// `rocblas_gemm_ex`.
type Gemm = unsafe extern "C" fn(
    Pointer,
    c_int,
    c_int,
    c_int,
    c_int,
    c_int,
    Read,
    Read,
    c_int,
    c_int,
    Read,
    c_int,
    c_int,
    Read,
    Read,
    c_int,
    c_int,
    Pointer,
    c_int,
    c_int,
    c_int,
    c_int,
    c_int,
    c_uint,
) -> Code;

/// The library, with a handle for each device.
pub(super) struct RocBlas {
    create: unsafe extern "C" fn(*mut Pointer) -> Code,
    set_stream: unsafe extern "C" fn(Pointer, Pointer) -> Code,
    gemm: Gemm,
    version: Option<unsafe extern "C" fn(*mut c_char, usize) -> Code>,
    handles: Kept<usize>,
}

impl RocBlas {
    pub(super) fn open() -> Result<Self, Fault> {
        let library: &Opened = library::open("rocblas", "the package rocblas of ROCm")?;
        // SAFETY: the types of these functions in `rocblas-functions.h` and `rocblas-auxiliary.h`.
        unsafe {
            Ok(Self {
                create: library.symbol("rocblas_create_handle")?,
                set_stream: library.symbol("rocblas_set_stream")?,
                gemm: library.symbol("rocblas_gemm_ex")?,
                version: library.symbol("rocblas_get_version_string").ok(),
                handles: Kept::default(),
            })
        }
    }

    pub(super) fn version(&self) -> String {
        let Some(version) = self.version else { return "unknown".to_owned() };
        let mut text = [0_u8; 256];
        // SAFETY: it writes at most as many bytes as it is told.
        let code = unsafe { version(text.as_mut_ptr().cast(), text.len()) };
        let end = text.iter().position(|byte| *byte == 0).unwrap_or(0);
        if code == 0 {
            String::from_utf8_lossy(&text[..end]).into_owned()
        } else {
            "unknown".into()
        }
    }

    /// The device's handle, made for the thread's device.
    fn handle(&self, device: usize) -> Result<Pointer, Fault> {
        let handle = self.handles.or_make(device, || {
            let mut handle = std::ptr::null_mut();
            // SAFETY: it writes one pointer.
            done("rocblas_create_handle", unsafe { (self.create)(&raw mut handle) })?;
            Ok(handle as Handle)
        })?;
        Ok(handle as Pointer)
    }

    /// Enqueues the product.
    ///
    /// # Safety
    /// The addresses hold matrices of `n` rows of their types.
    pub(super) unsafe fn multiply(
        &self,
        device: usize,
        product: &Multiplication,
        stream: Handle,
    ) -> Result<(), Fault> {
        let dtype = match product.dtype {
            Dtype::F32 => F32,
            Dtype::F16 => F16,
            Dtype::Bf16 => BF16,
            Dtype::Tf32 | Dtype::F8 => {
                let text = format!("rocBLAS has no {} product", product.dtype);
                return Err(Fault::Unsupported(text));
            }
        };
        let handle = self.handle(device)?;
        let n = c_int::try_from(product.n).map_err(|error| Fault::Failed(error.to_string()))?;
        let (alpha, beta) = (1_f32, 0_f32);
        let (alpha, beta) = ((&raw const alpha).cast(), (&raw const beta).cast());
        let (a, b, c) = (product.a as Read, product.b as Read, product.c as Pointer);
        // SAFETY: the caller's matrices; sums are of 32 bits, as alpha and beta are.
        unsafe {
            done("rocblas_set_stream", (self.set_stream)(handle, stream as Pointer))?;
            let code = (self.gemm)(
                handle, NONE, NONE, n, n, n, alpha, a, dtype, n, b, dtype, n, beta, c, dtype, n, c,
                dtype, n, F32, 0, 0, 0,
            );
            done("rocblas_gemm_ex", code)
        }
    }
}

/// Status values: 5 is `rocblas_status_memory_error`, 2 `not_implemented`.
fn done(function: &str, code: Code) -> Result<(), Fault> {
    match code {
        0 => Ok(()),
        2 => Err(Fault::Unsupported(format!("{function}: not implemented for this device"))),
        5 => Err(Fault::Memory(format!("{function}: too little memory"))),
        code => Err(Fault::Failed(format!("{function} failed with status {code}"))),
    }
}
