use vbench::prelude::*;

#[derive(Metrics)]
struct Copy(BytesPerSec, BytesPerSec);

#[derive(Metrics)]
enum Either {
    Read(BytesPerSec),
    Write(BytesPerSec),
}

#[derive(Metrics)]
struct Nothing {}

fn main() {}
