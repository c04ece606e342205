use vbench::prelude::*;

#[vbench(kind = "cpu", samples = 0)]
fn no_samples() {}

#[vbench(kind = "cpu", timeout = -1)]
fn negative_time() {}

#[vbench(kind = "cpu", estimator = Mean)]
fn estimator() {}

#[vbench(kind = "cpu", profile = "quick")]
fn profile() {}

#[vbench(kind = "cpu", name = "a/b")]
fn name() {}

#[vbench(kind = "cpu", isolate = 1)]
fn flag() {}

#[vbench(kind = "cpu", ignore = "")]
fn reason() {}

#[vbench(kind = "cpu", types = [])]
fn types<T>() {}

#[vbench(kind = "cpu", consts = [4, 4])]
fn consts<const N: usize>() {}

fn main() {}
