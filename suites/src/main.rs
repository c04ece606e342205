//! The program `vbench`.

use vbench_suites as _;

fn main() {}
