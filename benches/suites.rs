//! The suites, as `cargo bench` runs them.

use vbench_suites as _;

fn main() {}
