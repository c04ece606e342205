use vbench::prelude::*;

#[vbench(kind = "cpu", types = [u8, u16])]
fn sum() {}

#[vbench(kind = "cpu", types = [u8], consts = [4])]
fn array<T: Default>() -> T {
    T::default()
}

fn main() {}
