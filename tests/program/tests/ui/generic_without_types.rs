use vbench::prelude::*;

#[vbench(kind = "cpu")]
fn sum<T: Default>() -> T {
    T::default()
}

#[vbench(kind = "cpu", types = [u8])]
fn array<T: Default, const N: usize>() -> T {
    T::default()
}

#[vbench(kind = "cpu", types = [u8])]
fn two<T: Default, U: Default>() -> (T, U) {
    Default::default()
}

fn main() {}
