//! The built-in benchmarks, as `cargo bench` runs them.

use std::process::ExitCode;
use vbench_suites as _;

fn main() -> ExitCode {
    vbench::main()
}
