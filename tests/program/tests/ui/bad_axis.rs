use vbench::prelude::*;

#[vbench(kind = "cpu")]
fn no_values(#[axis] n: usize) -> usize {
    n
}

#[vbench(kind = "cpu")]
fn two_expressions(#[axis(1, 2)] n: usize) -> usize {
    n
}

#[vbench(kind = "cpu")]
fn borrowed(#[axis(["a", "b"])] text: &str) -> usize {
    text.len()
}

#[vbench(kind = "cpu")]
fn unnamed(#[axis([1, 2])] _: usize) {}

#[vbench(kind = "cpu")]
fn one_type_for_two(#[axis([(1, 2)])] (a, b): Pair) -> usize {
    a + b
}

#[vbench(kind = "cpu")]
fn one_name_for_two(#[axis([1])] n: usize, #[axis([1])] _n: usize) -> usize {
    n
}

#[vbench(kind = "cpu")]
fn other_values(#[axis(["a", "b"])] n: usize) -> usize {
    n
}

type Pair = (usize, usize);

fn main() {}
