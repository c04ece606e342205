use vbench::prelude::*;

#[vbench(kind = "cpu")]
fn no_return_type(b: &mut Bencher) {
    let _ = b.iter(|| 1);
}

#[vbench(kind = "cpu")]
fn semicolon(b: &mut Bencher) -> Samples<Seconds> {
    b.iter(|| 1);
}

#[vbench(kind = "cpu")]
fn wrong_type(b: &mut Bencher) -> f64 {
    let _ = b.iter(|| 1);
    1.0
}

#[vbench(kind = "cpu")]
fn samples_of_a_number(b: &mut Bencher) -> Samples<f64> {
    b.iter(|| 1).map(|time| time.0)
}

fn main() {}
