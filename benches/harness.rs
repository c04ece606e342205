//! Harness cost.
fn main() {}
