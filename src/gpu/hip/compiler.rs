//! hipRTC: compiles the kernels for the device at hand. In ROCm 5 it is part of the HIP library,
//! later a library of its own.
#![expect(unsafe_code, reason = "functions of a C library, found by name")]

use super::super::library::{self, Opened};
use super::super::{Fault, SOURCE};
use std::ffi::{CString, c_char, c_int, c_void};

type Code = c_int;
type Program = *mut c_void;
type Create = unsafe extern "C" fn(
    *mut Program,
    *const c_char,
    *const c_char,
    c_int,
    *const *const c_char,
    *const *const c_char,
) -> Code;
type Compile = unsafe extern "C" fn(Program, c_int, *const *const c_char) -> Code;
type Size = unsafe extern "C" fn(Program, *mut usize) -> Code;
type Text = unsafe extern "C" fn(Program, *mut c_char) -> Code;

/// Compiles [`SOURCE`] for `architecture`, or for the thread's device where that is not known, and
/// gives the code object.
///
/// # Errors
/// No compiler, or what it says of the source.
pub(super) fn compile(hip: &Opened, architecture: &str) -> Result<Vec<u8>, Fault> {
    compile_source(hip, architecture, SOURCE)
}

fn compile_source(hip: &Opened, architecture: &str, source: &str) -> Result<Vec<u8>, Fault> {
    let own = library::open("hiprtc", "ROCm's hiprtc");
    let library = match &own {
        Ok(library) => *library,
        Err(_) => hip,
    };
    // SAFETY: the types of these functions in `hiprtc.h` of ROCm 5 to 7; the program is destroyed
    // by the process's end.
    unsafe {
        let create: Create = library.symbol("hiprtcCreateProgram")?;
        let compile: Compile = library.symbol("hiprtcCompileProgram")?;
        let (code_size, code): (Size, Text) =
            (library.symbol("hiprtcGetCodeSize")?, library.symbol("hiprtcGetCode")?);
        let (log_size, log): (Size, Text) =
            (library.symbol("hiprtcGetProgramLogSize")?, library.symbol("hiprtcGetProgramLog")?);
        let text = |text: &str| CString::new(text).map_err(|e| Fault::Failed(e.to_string()));
        let (source, name) = (text(source)?, text("vbench.hip")?);
        let mut program = std::ptr::null_mut();
        let none = std::ptr::null();
        let made = create(&raw mut program, source.as_ptr(), name.as_ptr(), 0, none, none);
        done("hiprtcCreateProgram", made, "")?;
        let option = text(&format!("--gpu-architecture={architecture}"))?;
        let options = [option.as_ptr()];
        let count = c_int::from(architecture.starts_with("gfx"));
        let compiled = compile(program, count, options.as_ptr());
        let said = read(program, log_size, log).unwrap_or_default();
        done("hiprtcCompileProgram", compiled, &String::from_utf8_lossy(&said))?;
        read(program, code_size, code)
    }
}

/// # Safety
/// The functions are the compiler's, and `read` writes as many bytes as `size` says.
unsafe fn read(program: Program, size: Size, read: Text) -> Result<Vec<u8>, Fault> {
    let mut bytes = 0;
    // SAFETY: it writes one number.
    done("hiprtc, a size", unsafe { size(program, &raw mut bytes) }, "")?;
    let mut text = vec![0_u8; bytes];
    // SAFETY: there is room for all of it.
    done("hiprtc, a text", unsafe { read(program, text.as_mut_ptr().cast()) }, "")?;
    Ok(text)
}

fn done(function: &str, code: Code, log: &str) -> Result<(), Fault> {
    match code {
        0 => Ok(()),
        code => Err(Fault::Failed(format!("{function} failed with status {code} {}", log.trim()))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Kernel, library};
    use super::super::REMEDY;
    use super::{compile, compile_source};

    /// Run by `.ci/gpu-symbols` with the real compiler of ROCm 5.2, which knows MI100, MI200 and
    /// RX 6000; it ends the process for one that it does not know, such as gfx942.
    #[test]
    fn every_kernel_compiles_for_every_architecture() {
        let required = std::env::var_os("VBENCH_REQUIRE_HIPRTC").is_some();
        let Ok(hip) = library::open("amdhip64", REMEDY) else {
            assert!(!required, "HIP cannot be opened");
            return;
        };
        for architecture in ["gfx908", "gfx90a", "gfx1030"] {
            match compile(hip, architecture) {
                // An ELF file, or a bundle of them, that holds every kernel's name.
                Ok(code) => {
                    for kernel in Kernel::ALL {
                        let name = kernel.name().as_bytes();
                        assert!(code.windows(name.len()).any(|part| part == name), "{kernel:?}");
                    }
                    println!("{architecture}: {} bytes", code.len());
                }
                Err(fault) => assert!(!required, "{architecture}: {fault}"),
            }
        }
    }

    #[test]
    fn a_kernel_that_does_not_compile_is_a_fault_with_the_compilers_words() {
        let Ok(hip) = library::open("amdhip64", REMEDY) else { return };
        let fault = compile(hip, "gfx90a").and(compile_source(hip, "gfx90a", "nonsense"));
        let text = fault.err().map(|fault| fault.to_string()).unwrap_or_default();
        assert!(text.contains("nonsense") || text.contains("status"), "{text}");
    }
}
