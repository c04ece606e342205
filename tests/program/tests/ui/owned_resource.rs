use vbench::prelude::*;

#[vbench(kind = "cpu")]
fn timed_itself(cpus: Cpus) -> usize {
    cpus.count()
}

fn main() {}
