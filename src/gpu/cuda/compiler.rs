//! NVRTC: compiles the kernels for the architecture at hand.
#![expect(unsafe_code, reason = "the compiler's functions take pointers")]

use super::super::{Fault, SOURCE};
use super::{complete, guarded};
use cudarc::nvrtc::{result, sys};
use std::ffi::{CString, c_char};
use std::sync::OnceLock;

/// Functions of NVRTC that are called here.
#[rustfmt::skip]
const FUNCTIONS: [&str; 8] = [
    "nvrtcVersion", "nvrtcCreateProgram", "nvrtcCompileProgram", "nvrtcGetCUBINSize",
    "nvrtcGetCUBIN", "nvrtcGetProgramLogSize", "nvrtcGetProgramLog", "nvrtcDestroyProgram",
];

/// Whether NVRTC can be opened; asked once, as that takes up to a second.
fn is_present() -> Result<(), Fault> {
    static PRESENT: OnceLock<Result<(), Fault>> = OnceLock::new();
    // SAFETY: opening the library runs its initialisers, as every program that uses it does.
    let ask = || match guarded("NVRTC", || Ok(unsafe { sys::is_culib_present() }))? {
        true => {
            // SAFETY: the library is there; its functions are looked for and not called.
            let found =
                |name: &str| unsafe { sys::culib().get::<*const ()>(name.as_bytes()).is_ok() };
            complete("libnvrtc", &FUNCTIONS, found)
        }
        false => Err(Fault::Absent(
            "no libnvrtc.so here: install nvidia-cuda-nvrtc-cu12 from PyPI or cuda-nvrtc, and put \
             its folder into LD_LIBRARY_PATH"
                .to_owned(),
        )),
    };
    PRESENT.get_or_init(ask).clone()
}

/// The version, where the library was used.
pub(super) fn version() -> Option<String> {
    is_present().ok()?;
    let (mut major, mut minor) = (0, 0);
    let ask = || {
        // SAFETY: it writes two numbers.
        let code = unsafe { sys::nvrtcVersion(&raw mut major, &raw mut minor) };
        code.result().map_err(|error| Fault::Failed(error.to_string()))
    };
    guarded("NVRTC", ask).ok()?;
    Some(format!("{major}.{minor}"))
}

/// Compiles [`SOURCE`] for `architecture`, such as `sm_90`, and gives the image.
///
/// # Errors
/// No compiler, one that does not know the architecture, or what it says of the source.
pub(super) fn compile(architecture: &str) -> Result<Vec<u8>, Fault> {
    is_present()?;
    guarded("NVRTC", || {
        let failed = |why: String| Fault::Failed(format!("NVRTC, for {architecture}: {why}"));
        let source = CString::new(SOURCE).map_err(|error| failed(error.to_string()))?;
        let program = result::create_program(&source, Some(c"vbench.cu"));
        let program = program.map_err(|error| failed(error.to_string()))?;
        let options = [format!("--gpu-architecture={architecture}")];
        // SAFETY: the program was made above and is destroyed below.
        unsafe {
            let compiled = result::compile_program(program, &options);
            let image = match compiled {
                Ok(()) => image(program).map_err(|error| failed(error.to_string())),
                Err(error) => Err(failed(format!("{error} {}", log(program)))),
            };
            let _ = result::destroy_program(program);
            image
        }
    })
}

/// What was compiled and loaded; where that failed, whatever the reason, what the driver makes of the
/// stored PTX. The text says which it is.
///
/// # Errors
/// Neither can be loaded.
pub(super) fn or_stored<T>(
    compiled: Result<T, Fault>,
    stored: impl FnOnce() -> Result<T, Fault>,
) -> Result<(T, String), Fault> {
    let why = match compiled {
        Ok(module) => return Ok((module, format!("nvrtc {}", version().unwrap_or_default()))),
        Err(why) => why,
    };
    match stored() {
        Ok(module) => Ok((module, format!("stored PTX ({why})"))),
        Err(fault) => Err(Fault::Failed(format!("{fault}; {why}"))),
    }
}

/// # Safety
/// `program` was compiled.
unsafe fn image(program: sys::nvrtcProgram) -> Result<Vec<u8>, result::NvrtcError> {
    let mut size = 0;
    // SAFETY: it writes one number.
    unsafe { sys::nvrtcGetCUBINSize(program, &raw mut size) }.result()?;
    let mut image = vec![0_u8; size];
    // SAFETY: there is room for all of it.
    unsafe { sys::nvrtcGetCUBIN(program, image.as_mut_ptr().cast::<c_char>()) }.result()?;
    Ok(image)
}

/// # Safety
/// `program` was made and not destroyed.
unsafe fn log(program: sys::nvrtcProgram) -> String {
    // SAFETY: as this function's.
    let log = unsafe { result::get_program_log(program) }.unwrap_or_default();
    let bytes: Vec<u8> = log.iter().map(|byte| *byte as u8).filter(|byte| *byte != 0).collect();
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::super::{CUDA_ARCHITECTURES, Fault};
    use super::{compile, or_stored};

    #[test]
    fn whatever_the_compiler_lacks_or_does_wrong_the_stored_kernels_serve() {
        let told = |why: Fault| or_stored(Err(why), || Ok(7)).unwrap();
        let absent = Fault::Absent("no libnvrtc.so here".to_owned());
        assert_eq!(told(absent), (7, "stored PTX (no libnvrtc.so here)".to_owned()));
        let failed = Fault::Failed("NVRTC, for sm_120: invalid option".to_owned());
        assert_eq!(told(failed.clone()).1, "stored PTX (NVRTC, for sm_120: invalid option)");
        let lost = Fault::Failed("CUDA, load kernels: no device".to_owned());
        let neither = or_stored::<u8>(Err(failed), || Err(lost)).unwrap_err().to_string();
        let both = "CUDA, load kernels: no device; NVRTC, for sm_120: invalid option";
        assert_eq!(neither, both);
        assert!(or_stored(Ok(1), || Ok(2)).unwrap().1.starts_with("nvrtc "));
    }

    /// Run by `.ci/gpu-symbols` with the real compiler; a machine without it has its sentence.
    #[test]
    fn every_kernel_compiles_for_every_architecture() {
        for architecture in CUDA_ARCHITECTURES {
            match compile(architecture) {
                // The image is an ELF file that holds every kernel's name.
                Ok(image) => {
                    assert!(image.starts_with(b"\x7fELF"), "{architecture}");
                    for kernel in super::super::super::Kernel::ALL {
                        let name = kernel.name().as_bytes();
                        assert!(image.windows(name.len()).any(|part| part == name), "{kernel:?}");
                    }
                    println!("{architecture}: {} bytes", image.len());
                }
                Err(Fault::Absent(why)) if std::env::var_os("VBENCH_REQUIRE_NVRTC").is_none() => {
                    assert!(why.contains("nvrtc"), "{why}");
                }
                Err(fault) => panic!("{architecture}: {fault}"),
            }
        }
    }
}
