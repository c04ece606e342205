//! hipBLASLt: products of 8 bits, and of 32 bits multiplied with 10 bits of fraction, which rocBLAS
//! does not offer under one name over its versions.
#![expect(unsafe_code, reason = "functions of a C library, found by name")]

use super::super::library::{self, Opened};
use super::super::{Dtype, Fault, Handle, Multiplication};
use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::sync::{Mutex, PoisonError};

/// Bytes of workspace. Source: the default of PyTorch's hipBLASLt calls, 32 MiB.
pub(super) const WORKSPACE: usize = 32 << 20;
/// The oldest version whose types are those of HIP. Source: hipBLASLt's changelog, 0.7.0 (ROCm
/// 6.1); the number is major x 100000 + minor x 100 + patch.
const OLDEST: c_int = 700;

/// `hipDataType`. Source: HIP's `library_types.h`.
const F32: c_int = 0;
const BF16: c_int = 14;
const E4M3: c_int = 28;
/// Of gfx942: without negative zero, and with half the value of the same bits in OCP's type.
const E4M3_FNUZ: c_int = 1000;
/// `hipblasComputeType_t`, `hipblasOperation_t`. Source: `hipblas-common.h`.
const SUMS_32: c_int = 2;
const SUMS_32_FAST_TF32: c_int = 6;
const TRANSPOSED: c_int = 112;
/// `HIPBLASLT_MATMUL_DESC_TRANSA`, `HIPBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES`. Source:
/// `hipblaslt.h`.
const TRANSPOSE_FIRST: c_int = 0;
const WORKSPACE_BYTES: c_int = 1;

type Code = c_int;
type Pointer = *mut c_void;
type Read = *const c_void;
type Create = unsafe extern "C" fn(*mut Pointer) -> Code;
type Set = unsafe extern "C" fn(Pointer, c_int, Read, usize) -> Code;

/// `hipblasLtMatmulAlgo_t`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Algorithm {
    data: [u8; 16],
    workspace: usize,
}

/// `hipblasLtMatmulHeuristicResult_t`.
#[repr(C)]
struct Choice {
    algorithm: Algorithm,
    workspace: usize,
    state: c_int,
    waves: f32,
    reserved: [c_int; 4],
}

type Choose = unsafe extern "C" fn(
    Pointer,
    Pointer,
    Pointer,
    Pointer,
    Pointer,
    Pointer,
    Pointer,
    c_int,
    *mut Choice,
    *mut c_int,
) -> Code;
type Multiply = unsafe extern "C" fn(
    Pointer,
    Pointer,
    Read,
    Read,
    Pointer,
    Read,
    Pointer,
    Read,
    Read,
    Pointer,
    Pointer,
    Pointer,
    *const Algorithm,
    Pointer,
    usize,
    Pointer,
) -> Code;

/// The library, with a plan for each device, type and size.
pub(super) struct HipBlasLt {
    version: c_int,
    create: Create,
    description: unsafe extern "C" fn(*mut Pointer, c_int, c_int) -> Code,
    set: Set,
    layout: unsafe extern "C" fn(*mut Pointer, c_int, u64, u64, i64) -> Code,
    preference: Create,
    prefer: Set,
    choose: Choose,
    multiply: Multiply,
    plans: Mutex<BTreeMap<(usize, usize, usize), Plan>>,
}

/// A device and what code is made for it.
pub(super) struct Device<'a> {
    pub index: usize,
    pub architecture: &'a str,
}

/// How one size and type is computed; kept until the process ends.
#[derive(Clone, Copy)]
struct Plan {
    handle: Handle,
    description: Handle,
    factor: Handle,
    output: Handle,
    algorithm: Algorithm,
    workspace: Handle,
}

/// What a type is called here, and what its product is multiplied with to be that of [`Dtype`].
#[derive(Clone, Copy, Debug, PartialEq)]
struct Kind {
    factor: c_int,
    output: c_int,
    compute: c_int,
    alpha: f32,
}

impl Kind {
    /// Source: hipBLASLt's "Data type support", the note on gfx942 and gfx950. The entries drawn
    /// are bits of OCP's type, which has twice the value, so that a product has four times.
    fn of(dtype: Dtype, architecture: &str) -> Result<Self, Fault> {
        let of_8_bits = |factor, alpha| Self { factor, output: BF16, compute: SUMS_32, alpha };
        let tf32 = Self { factor: F32, output: F32, compute: SUMS_32_FAST_TF32, alpha: 1.0 };
        match (dtype, architecture) {
            (Dtype::Tf32, "gfx942") => Ok(tf32),
            (Dtype::F8, "gfx942") => Ok(of_8_bits(E4M3_FNUZ, 4.0)),
            (Dtype::F8, "gfx950" | "gfx1200" | "gfx1201") => Ok(of_8_bits(E4M3, 1.0)),
            _ => Err(Fault::Unsupported(format!("{architecture} has no units for {dtype}"))),
        }
    }
}

impl HipBlasLt {
    pub(super) fn open() -> Result<Self, Fault> {
        let library: &Opened = library::open("hipblaslt", "the package hipblaslt of ROCm")?;
        // SAFETY: the types of these functions in `hipblaslt.h` since 0.7.
        unsafe {
            let mut new = Self {
                version: 0,
                create: library.symbol("hipblasLtCreate")?,
                description: library.symbol("hipblasLtMatmulDescCreate")?,
                set: library.symbol("hipblasLtMatmulDescSetAttribute")?,
                layout: library.symbol("hipblasLtMatrixLayoutCreate")?,
                preference: library.symbol("hipblasLtMatmulPreferenceCreate")?,
                prefer: library.symbol("hipblasLtMatmulPreferenceSetAttribute")?,
                choose: library.symbol("hipblasLtMatmulAlgoGetHeuristic")?,
                multiply: library.symbol("hipblasLtMatmul")?,
                plans: Mutex::default(),
            };
            let version: unsafe extern "C" fn(Pointer, *mut c_int) -> Code =
                library.symbol("hipblasLtGetVersion")?;
            let handle = made("hipblasLtCreate", |to| (new.create)(to))?;
            done("hipblasLtGetVersion", version(handle, &raw mut new.version))?;
            recent(new.version)?;
            Ok(new)
        }
    }

    pub(super) fn version(&self) -> String {
        named(self.version)
    }

    /// Enqueues the product. `workspace` gives [`WORKSPACE`] bytes of the device.
    ///
    /// # Safety
    /// The device is the thread's, the addresses hold matrices of `n` rows of their types, and
    /// what `workspace` gives is never freed.
    pub(super) unsafe fn multiply(
        &self,
        device: &Device<'_>,
        product: &Multiplication,
        stream: Handle,
        workspace: impl FnOnce() -> Result<Handle, Fault>,
    ) -> Result<(), Fault> {
        let kind = Kind::of(product.dtype, device.architecture)?;
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (device.index, product.n, product.dtype.bytes());
        let plan = match plans.get(&key) {
            Some(plan) => *plan,
            None => *plans.entry(key).or_insert(self.plan(product, kind, workspace()?)?),
        };
        let (alpha, beta) = (kind.alpha, 0_f32);
        // SAFETY: the caller's matrices, and the plan's own workspace.
        let code = unsafe {
            (self.multiply)(
                plan.handle as Pointer,
                plan.description as Pointer,
                (&raw const alpha).cast(),
                product.a as Read,
                plan.factor as Pointer,
                product.b as Read,
                plan.factor as Pointer,
                (&raw const beta).cast(),
                product.c as Read,
                plan.output as Pointer,
                product.c as Pointer,
                plan.output as Pointer,
                &raw const plan.algorithm,
                plan.workspace as Pointer,
                WORKSPACE,
                stream as Pointer,
            )
        };
        done("hipblasLtMatmul", code)
    }

    /// The library's first choice.
    fn plan(&self, product: &Multiplication, kind: Kind, workspace: Handle) -> Result<Plan, Fault> {
        let (n, columns) = (product.n as u64, product.n as i64);
        // SAFETY: each writes one pointer; attributes are of the sizes told; the layouts and the
        // description are alive, as nothing here is ever destroyed.
        unsafe {
            let handle = made("hipblasLtCreate", |to| (self.create)(to))?;
            let describe = |to| (self.description)(to, kind.compute, F32);
            let description = made("hipblasLtMatmulDescCreate", describe)?;
            if product.dtype.is_transposed() {
                let transposed = TRANSPOSED;
                let (value, size) = ((&raw const transposed).cast(), size_of_val(&transposed));
                let code = (self.set)(description, TRANSPOSE_FIRST, value, size);
                done("hipblasLtMatmulDescSetAttribute", code)?;
            }
            let layout = |of: c_int| {
                made("hipblasLtMatrixLayoutCreate", |to| (self.layout)(to, of, n, n, columns))
            };
            let (factor, output) = (layout(kind.factor)?, layout(kind.output)?);
            let preference = made("hipblasLtMatmulPreferenceCreate", |to| (self.preference)(to))?;
            let (bytes, size) = (WORKSPACE as u64, size_of::<u64>());
            let code = (self.prefer)(preference, WORKSPACE_BYTES, (&raw const bytes).cast(), size);
            done("hipblasLtMatmulPreferenceSetAttribute", code)?;
            let mut choice = std::mem::MaybeUninit::<Choice>::zeroed();
            let mut found = 0;
            let code = (self.choose)(
                handle,
                description,
                factor,
                factor,
                output,
                output,
                preference,
                1,
                choice.as_mut_ptr(),
                &raw mut found,
            );
            done("hipblasLtMatmulAlgoGetHeuristic", code)?;
            if found < 1 {
                let text = format!("hipBLASLt knows no way to multiply {}", product.dtype);
                return Err(Fault::Unsupported(text));
            }
            // All zero is a value of it, and the library has filled it in.
            let algorithm = choice.assume_init().algorithm;
            let handles = [handle, description, factor, output].map(|pointer| pointer as Handle);
            let [handle, description, factor, output] = handles;
            Ok(Plan { handle, description, factor, output, algorithm, workspace })
        }
    }
}

/// What `make` writes.
fn made(function: &str, make: impl FnOnce(*mut Pointer) -> Code) -> Result<Pointer, Fault> {
    let mut pointer = std::ptr::null_mut();
    done(function, make(&raw mut pointer))?;
    Ok(pointer)
}

fn recent(version: c_int) -> Result<(), Fault> {
    match version < OLDEST {
        true => Err(Fault::Absent(format!(
            "hipBLASLt {} is too old: {} or newer (ROCm 6.1)",
            named(version),
            named(OLDEST)
        ))),
        false => Ok(()),
    }
}

fn named(version: c_int) -> String {
    format!("{}.{}.{}", version / 100_000, version / 100 % 1000, version % 100)
}

/// `hipblasStatus_t`: 2 is `ALLOC_FAILED`, 7 `NOT_SUPPORTED`, 8 `ARCH_MISMATCH`.
fn done(function: &str, code: Code) -> Result<(), Fault> {
    match code {
        0 => Ok(()),
        2 => Err(Fault::Memory(format!("{function}: too little memory"))),
        7 | 8 => Err(Fault::Unsupported(format!("{function}: not for this device or type"))),
        code => Err(Fault::Failed(format!("{function} failed with status {code}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Dtype, Fault};
    use super::{Choice, E4M3_FNUZ, HipBlasLt, Kind, named, recent};

    #[test]
    fn types_are_named_as_the_device_knows_them() {
        let kind = Kind::of(Dtype::F8, "gfx942").unwrap();
        assert_eq!((kind.factor, kind.alpha), (E4M3_FNUZ, 4.0));
        assert_eq!(Kind::of(Dtype::F8, "gfx950").unwrap().alpha, 1.0);
        let why = Kind::of(Dtype::Tf32, "gfx90a").unwrap_err();
        assert_eq!(why.to_string(), "gfx90a has no units for tf32");
        assert!(why.is_lack());
    }

    /// The sizes that a C compiler gives these structures on x86-64.
    #[test]
    fn structures_are_as_large_as_in_c() {
        assert_eq!((size_of::<super::Algorithm>(), size_of::<Choice>()), (24, 56));
    }

    #[test]
    fn versions_read_and_old_ones_are_refused() {
        assert_eq!(named(1200), "0.12.0");
        assert_eq!(named(100_101), "1.1.1");
        assert!(recent(700).is_ok());
        assert!(recent(600).unwrap_err().to_string().contains("0.6.0 is too old"));
    }

    #[test]
    fn a_missing_library_is_a_skip_that_names_it() {
        match HipBlasLt::open() {
            Err(Fault::Absent(why)) => assert!(why.contains("hipblaslt"), "{why}"),
            Err(fault) => assert!(!fault.is_lack(), "{fault}"),
            Ok(lt) => println!("hipBLASLt {}", lt.version()),
        }
    }
}
