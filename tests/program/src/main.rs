//! Benchmarks that behave, and benchmarks that fail in every way a body can.

mod faults;
mod good;
mod told;

use std::process::ExitCode;

fn main() -> ExitCode {
    vbench::main()
}
