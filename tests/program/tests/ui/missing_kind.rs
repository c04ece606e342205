use vbench::prelude::*;

#[vbench]
fn nothing() {}

#[vbench(samples = 20)]
fn other_keys() {}

fn main() {}
