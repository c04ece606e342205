//! The program `vbench`: the built-in benchmarks and every command.

use std::process::ExitCode;
use vbench_suites as _;

fn main() -> ExitCode {
    vbench::program()
}
