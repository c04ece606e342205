use vbench::prelude::*;

#[derive(Metrics)]
struct Copy {
    read: f64,
    write: BytesPerSec,
}

fn main() {}
