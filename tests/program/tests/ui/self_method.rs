use vbench::prelude::*;

struct Ring;

impl Ring {
    #[vbench(kind = "memory")]
    fn step(&self) {}
}

fn main() {}
