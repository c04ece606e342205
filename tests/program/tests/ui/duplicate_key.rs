use vbench::prelude::*;

#[vbench(kind = "cpu", samples = 20, samples = 30)]
fn twice() {}

fn main() {}
