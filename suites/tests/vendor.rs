//! The program beside vendor libraries that cannot serve it: small ones in C with scripted answers,
//! found where the real ones would be. What a user reads must be a sentence with a remedy.

use std::path::Path;
use std::process::Command;
use tempfile::tempdir;

/// Builds `NAME` in `folder` from C, by the compiler that links Rust programs.
fn library(folder: &Path, name: &str, source: &str) {
    let file = folder.join("library.c");
    std::fs::write(&file, source).unwrap();
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(folder.join(name)).arg(&file);
    assert!(compiler.status().unwrap().success());
}

/// The program in a fresh environment that finds libraries in `folder`.
fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vbench"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("VBENCH_")) {
        command.env_remove(name);
    }
    command.env("LD_LIBRARY_PATH", folder);
    command
}

/// Why GPU benchmarks are skipped where `libraries` are found, and what was said beside it.
fn reason(libraries: &[(&str, &str)]) -> String {
    let folder = tempdir().unwrap();
    for (name, source) in libraries {
        library(folder.path(), name, source);
    }
    skipped(program(folder.path()))
}

/// Why `command` skips a GPU benchmark.
fn skipped(mut command: Command) -> String {
    let output = command.args(["run", "--test", "gpu::copy_on_device"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    assert!(!errors.contains("panicked"), "{errors}");
    let line = said.lines().find_map(|line| line.split_once("... ignored, "));
    line.unwrap_or_else(|| panic!("{said}")).1.to_owned()
}

/// A driver of CUDA with its `version`, which answers `code` to being started.
fn cuda(version: u32, code: u32) -> String {
    format!(
        "int cuDriverGetVersion(int *version) {{ *version = {version}; return 0; }}
         int cuInit(unsigned flags) {{ (void)flags; return {code}; }}
         int cuDeviceGetCount(int *count) {{ *count = 0; return {code}; }}
         int cuGetErrorString(int code, const char **text) {{
             (void)code; *text = \"no CUDA-capable device is detected\"; return 0; }}"
    )
}

#[test]
fn an_old_driver_names_both_versions() {
    let said = reason(&[("libcuda.so.1", &cuda(11_040, 0))]);
    let told = "no GPU: the NVIDIA driver knows CUDA 11.4, vbench needs 12.0: install driver 525";
    assert!(said.starts_with(told), "{said}");
}

#[test]
fn a_driver_without_a_device_says_so_in_its_own_words() {
    let said = reason(&[("libcuda.so.1", &cuda(12_080, 100))]);
    assert!(said.contains("CUDA: no CUDA-capable device is detected"), "{said}");
    let said = reason(&[("libcuda.so.1", &cuda(12_080, 0))]);
    assert!(said.contains("CUDA lists no device"), "{said}");
}

#[test]
fn a_library_that_lacks_functions_is_a_sentence_and_no_panic() {
    let said = reason(&[("libcuda.so.1", "int nothing(void) { return 0; }")]);
    assert!(said.contains("cuDriverGetVersion"), "{said}");
    let init = "int hipInit(unsigned flags) { (void)flags; return 0; }";
    let said = reason(&[("libamdhip64.so.7", init)]);
    assert!(
        said.contains("libamdhip64.so.7 lacks hipGetDeviceCount: it is too old or new"),
        "{said}"
    );
}

/// A driver that never answers: it leaves a file behind once it is asked.
const HANGS: &str = "
    #include <stdio.h>
    #include <stdlib.h>
    #include <unistd.h>
    int cuDriverGetVersion(int *version) { *version = 12080; return 0; }
    int cuDeviceGetCount(int *count) { *count = 1; return 0; }
    int cuGetErrorString(int code, const char **text) { (void)code; (void)text; return 1; }
    int cuInit(unsigned flags) {
        (void)flags; fclose(fopen(getenv(\"ASKED\"), \"w\")); for (;;) pause(); }";

#[test]
fn a_driver_that_never_answers_is_given_up_and_other_benchmarks_do_not_ask_it() {
    let folder = tempdir().unwrap();
    library(folder.path(), "libcuda.so.1", HANGS);
    let asked = folder.path().join("asked");
    let command = || {
        let mut command = program(folder.path());
        command.env("ASKED", &asked).env("VBENCH_DRIVER_SECONDS", "1");
        command
    };
    for arguments in [&["list", "prime"][..], &["run", "--test", "cpu::prime"]] {
        let output = command().args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("prime"), "{said}");
        assert!(!asked.exists(), "{arguments:?} opened the driver: {said}");
    }
    let said = skipped(command());
    assert!(asked.exists());
    let told = "no GPU: the CUDA driver did not answer in 1 s: look into the kernel's log";
    assert!(said.starts_with(told), "{said}");
}
