use vbench::prelude::*;

#[vbench(kind = "Memory")]
fn upper_case() {}

#[vbench(kind = memory)]
fn without_quotes() {}

#[vbench(kind)]
fn without_value() {}

fn main() {}
