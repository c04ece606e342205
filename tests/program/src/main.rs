//! Benchmarks that behave, and benchmarks that fail in every way a body can.

mod faults;
mod good;

use std::process::ExitCode;

fn main() -> ExitCode {
    vbench::main()
}
