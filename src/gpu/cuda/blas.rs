//! cuBLAS for matrix products, and cuBLASLt for those of 8 bits.
#![expect(unsafe_code, reason = "the libraries' functions take addresses")]

use super::super::kept::Kept;
use super::super::{Dtype, Fault, Handle, Multiplication};
use super::{complete, guarded};
use cudarc::cublas::{result, sys};
use cudarc::cublaslt::{result as lt_result, sys as lt};
use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Bytes of workspace for products of 8 bits. Source: cuBLAS's own default on Hopper, 32 MiB.
const WORKSPACE: usize = 32 << 20;

/// Functions of both libraries that are called here.
const SYMBOLS: [&str; 6] = [
    "cublasCreate_v2",
    "cublasDestroy_v2",
    "cublasSetStream_v2",
    "cublasSetMathMode",
    "cublasGetVersion_v2",
    "cublasGemmEx",
];
const LT_SYMBOLS: [&str; 9] = [
    "cublasLtCreate",
    "cublasLtMatmulDescCreate",
    "cublasLtMatmulDescSetAttribute",
    "cublasLtMatrixLayoutCreate",
    "cublasLtMatmulPreferenceCreate",
    "cublasLtMatmulPreferenceSetAttribute",
    "cublasLtMatmulPreferenceDestroy",
    "cublasLtMatmulAlgoGetHeuristic",
    "cublasLtMatmul",
];

/// The libraries, with what each device needs.
pub(super) struct Blas {
    version: i32,
    handles: Kept<usize>,
    plans: Mutex<BTreeMap<(usize, usize), Plan>>,
    has_lt: OnceLock<Result<(), Fault>>,
}

/// How cuBLASLt computes one size on one device.
#[derive(Clone, Copy)]
struct Plan {
    handle: lt::cublasLtHandle_t,
    description: lt::cublasLtMatmulDesc_t,
    factor: lt::cublasLtMatrixLayout_t,
    output: lt::cublasLtMatrixLayout_t,
    algorithm: lt::cublasLtMatmulAlgo_t,
    workspace: u64,
}

// SAFETY: handles and descriptions may be used by any thread, by one at a time: they are used only
// under the lock.
unsafe impl Send for Plan {}

impl Blas {
    pub(super) fn open() -> Result<Self, Fault> {
        // SAFETY: opening the library runs its initialisers, as every program that uses it does.
        if !guarded("cuBLAS", || Ok(unsafe { sys::is_culib_present() }))? {
            return Err(Fault::Absent(missing("cublas")));
        }
        // SAFETY: the library is there; its functions are looked for and not called.
        let is_there =
            |name: &str| unsafe { sys::culib().get::<*const ()>(name.as_bytes()).is_ok() };
        guarded("cuBLAS", || {
            complete("libcublas", &SYMBOLS, is_there)?;
            let handle = result::create_handle().map_err(fault)?;
            let mut version = 0;
            // SAFETY: a handle that was made above; it writes one number.
            unsafe {
                sys::cublasGetVersion_v2(handle, &raw mut version).result().map_err(fault)?;
                result::destroy_handle(handle).map_err(fault)?;
            }
            let (handles, plans) = (Kept::default(), Mutex::default());
            Ok(Self { version, handles, plans, has_lt: OnceLock::new() })
        })
    }

    /// `CUBLAS_VERSION`: major x 10000 + minor x 100 + patch.
    pub(super) fn version(&self) -> String {
        let version = self.version;
        format!("{}.{}.{}", version / 10_000, version / 100 % 100, version % 100)
    }

    /// The device's handle, made for the thread's device.
    fn handle(&self, device: usize) -> Result<sys::cublasHandle_t, Fault> {
        let handle = self.handles.or_make(device, || {
            let handle = result::create_handle().map_err(fault)?;
            // Sums of 32 bits throughout: by itself the library may add up parts of a sum of half
            // precision in 16. Source: cuBLAS, "cublasMath_t".
            let mode = sys::cublasMath_t::CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION;
            // SAFETY: a handle that was made above.
            unsafe { sys::cublasSetMathMode(handle, mode) }.result().map_err(fault)?;
            Ok(handle as Handle)
        })?;
        Ok(handle as sys::cublasHandle_t)
    }

    /// Enqueues the product.
    ///
    /// # Safety
    /// The device is the thread's, and the addresses hold matrices of `n` rows of their types.
    pub(super) unsafe fn multiply(
        &self,
        device: usize,
        product: &Multiplication,
        stream: Handle,
    ) -> Result<(), Fault> {
        use sys::cublasComputeType_t::{CUBLAS_COMPUTE_32F, CUBLAS_COMPUTE_32F_FAST_TF32};
        use sys::cudaDataType_t::{CUDA_R_16BF, CUDA_R_16F, CUDA_R_32F};
        let (dtype, compute) = match product.dtype {
            Dtype::F32 => (CUDA_R_32F, CUBLAS_COMPUTE_32F),
            Dtype::Tf32 => (CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32),
            Dtype::F16 => (CUDA_R_16F, CUBLAS_COMPUTE_32F),
            Dtype::Bf16 => (CUDA_R_16BF, CUBLAS_COMPUTE_32F),
            // SAFETY: as this function's.
            Dtype::F8 => return unsafe { self.multiply_8_bits(device, product, stream) },
        };
        let handle = self.handle(device)?;
        let n = c_int::try_from(product.n).map_err(|error| Fault::Failed(error.to_string()))?;
        let (alpha, beta) = (1_f32, 0_f32);
        let (alpha, beta) = ((&raw const alpha).cast(), (&raw const beta).cast());
        let none = sys::cublasOperation_t::CUBLAS_OP_N;
        let best = sys::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT;
        let (a, b) = (product.a as *const c_void, product.b as *const c_void);
        let c = product.c as *mut c_void;
        // SAFETY: the caller's matrices; sums are of 32 bits, as alpha and beta are.
        unsafe {
            result::set_stream(handle, stream as sys::cudaStream_t).map_err(fault)?;
            result::gemm_ex(
                handle, none, none, n, n, n, alpha, a, dtype, n, b, dtype, n, beta, c, dtype, n,
                compute, best,
            )
            .map_err(fault)
        }
    }

    /// # Safety
    /// As [`Blas::multiply`].
    unsafe fn multiply_8_bits(
        &self,
        device: usize,
        product: &Multiplication,
        stream: Handle,
    ) -> Result<(), Fault> {
        self.has_lt.get_or_init(find_lt).clone()?;
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (device, product.n);
        let plan = match plans.get(&key) {
            Some(plan) => *plan,
            None => *plans.entry(key).or_insert(Plan::new(product.n as u64)?),
        };
        let (alpha, beta) = (1_f32, 0_f32);
        let (a, b) = (product.a as *const c_void, product.b as *const c_void);
        let c = product.c as *mut c_void;
        // SAFETY: the caller's matrices, and the plan's own workspace.
        unsafe {
            lt_result::matmul(
                plan.handle,
                plan.description,
                (&raw const alpha).cast(),
                (&raw const beta).cast(),
                a,
                plan.factor,
                b,
                plan.factor,
                c.cast_const(),
                plan.output,
                c,
                plan.output,
                &raw const plan.algorithm,
                plan.workspace as *mut c_void,
                WORKSPACE,
                stream as lt::cudaStream_t,
            )
            .map_err(lt_fault)
        }
    }
}

impl Plan {
    /// The library's first choice for `n` rows, the first factor transposed, on the thread's
    /// device. It is kept until the process ends.
    fn new(n: u64) -> Result<Self, Fault> {
        use lt::cublasLtMatmulDescAttributes_t::CUBLASLT_MATMUL_DESC_TRANSA;
        use lt::cublasLtMatmulPreferenceAttributes_t::CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES;
        use lt::cudaDataType_t::{CUDA_R_8F_E4M3, CUDA_R_16BF, CUDA_R_32F};
        let sums = lt::cublasComputeType_t::CUBLAS_COMPUTE_32F;
        let handle = lt_result::create_handle().map_err(lt_fault)?;
        let description = lt_result::create_matmul_desc(sums, CUDA_R_32F).map_err(lt_fault)?;
        let columns = i64::try_from(n).map_err(|error| Fault::Failed(error.to_string()))?;
        let layout =
            |dtype| lt_result::create_matrix_layout(dtype, n, n, columns).map_err(lt_fault);
        let (factor, output) = (layout(CUDA_R_8F_E4M3)?, layout(CUDA_R_16BF)?);
        let transposed = sys::cublasOperation_t::CUBLAS_OP_T;
        let preference = lt_result::create_matmul_pref().map_err(lt_fault)?;
        // SAFETY: all of them were made above; the attributes are of the sizes told.
        unsafe {
            let (value, size) = ((&raw const transposed).cast(), size_of_val(&transposed));
            lt_result::set_matmul_desc_attribute(
                description,
                CUBLASLT_MATMUL_DESC_TRANSA,
                value,
                size,
            )
            .map_err(lt_fault)?;
            let bytes = WORKSPACE;
            lt_result::set_matmul_pref_attribute(
                preference,
                CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                (&raw const bytes).cast(),
                size_of_val(&bytes),
            )
            .map_err(lt_fault)?;
            let choice = lt_result::get_matmul_algo_heuristic(
                handle,
                description,
                factor,
                factor,
                output,
                output,
                preference,
            )
            .map_err(lt_fault)?;
            let _ = lt_result::destroy_matmul_pref(preference);
            let workspace = cudarc::driver::result::malloc_sync(WORKSPACE);
            let workspace = workspace.map_err(super::fault("workspace"))?;
            Ok(Self { handle, description, factor, output, algorithm: choice.algo, workspace })
        }
    }
}

/// cuBLASLt with every function that is called.
fn find_lt() -> Result<(), Fault> {
    // SAFETY: as for cuBLAS.
    if !guarded("cuBLASLt", || Ok(unsafe { lt::is_culib_present() }))? {
        return Err(Fault::Absent(missing("cublasLt")));
    }
    // SAFETY: the library is there; its functions are looked for and not called.
    let is_there = |name: &str| unsafe { lt::culib().get::<*const ()>(name.as_bytes()).is_ok() };
    complete("libcublasLt", &LT_SYMBOLS, is_there)
}

fn missing(stem: &str) -> String {
    format!(
        "no lib{stem}.so here: install nvidia-cublas-cu12 from PyPI or libcublas, and put its \
         folder into LD_LIBRARY_PATH"
    )
}

fn fault(error: result::CublasError) -> Fault {
    use sys::cublasStatus_t::{
        CUBLAS_STATUS_ALLOC_FAILED, CUBLAS_STATUS_ARCH_MISMATCH, CUBLAS_STATUS_NOT_SUPPORTED,
    };
    let text = format!("cuBLAS: {:?}", error.0);
    match error.0 {
        CUBLAS_STATUS_ALLOC_FAILED => Fault::Memory(text),
        CUBLAS_STATUS_ARCH_MISMATCH | CUBLAS_STATUS_NOT_SUPPORTED => Fault::Unsupported(text),
        _ => Fault::Failed(text),
    }
}

fn lt_fault(error: lt_result::CublasError) -> Fault {
    use lt::cublasStatus_t::{
        CUBLAS_STATUS_ALLOC_FAILED, CUBLAS_STATUS_ARCH_MISMATCH, CUBLAS_STATUS_NOT_SUPPORTED,
    };
    let text = format!("cuBLASLt: {:?}", error.0);
    match error.0 {
        CUBLAS_STATUS_ALLOC_FAILED => Fault::Memory(text),
        CUBLAS_STATUS_ARCH_MISMATCH | CUBLAS_STATUS_NOT_SUPPORTED => Fault::Unsupported(text),
        _ => Fault::Failed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Fault;
    use super::{Blas, find_lt};

    /// Run by `.ci/gpu-symbols` with the real libraries, which refuse to start without a GPU.
    #[test]
    fn every_function_is_in_the_libraries() {
        let blas = Blas::open().map(|blas| blas.version());
        if let Err(Fault::Absent(why)) = &blas {
            assert!(std::env::var_os("VBENCH_REQUIRE_CUBLAS").is_none(), "{why}");
            assert!(why.contains("nvidia-cublas-cu12"), "{why}");
            return;
        }
        println!("cuBLAS: {blas:?}");
        // `open` looks for every function of cuBLAS before it calls one.
        assert_eq!(find_lt(), Ok(()));
    }
}
