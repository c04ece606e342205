use vbench::prelude::*;

struct Gpu;

#[vbench(kind = "gpu")]
fn copy(b: &mut Bencher, gpu: Gpu, size: &u64) -> Samples<Seconds> {
    let Gpu = gpu;
    b.iter(|| *size)
}

fn main() {}
