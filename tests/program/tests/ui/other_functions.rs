use vbench::prelude::*;

#[vbench(kind = "cpu")]
unsafe fn not_safe() {}

#[vbench(kind = "cpu")]
extern "C" fn foreign() {}

#[vbench(kind = "cpu")]
fn lifetime<'a>(cpus: &'a Cpus) -> &'a [usize] {
    cpus.ids()
}

#[vbench(kind = "cpu")]
async fn driven(b: &mut Bencher) -> Samples<Seconds> {
    b.iter(|| 1)
}

#[vbench(kind = "cpu")]
fn shared_bencher(b: &Bencher) -> u64 {
    b.seed()
}

#[vbench(kind = "cpu")]
fn mutable_resource(b: &mut Bencher, cpus: &mut Cpus) -> Samples<Seconds> {
    b.iter(|| cpus.count())
}

#[vbench(kind = "cpu")]
fn any_resource(b: &mut Bencher, _any: impl Require) -> Samples<Seconds> {
    b.iter(|| 1)
}

#[vbench(kind = "cpu")]
fn two_benchers(b: &mut Bencher, c: &mut Bencher) -> Samples<Seconds> {
    b.iter(|| c.seed())
}

#[vbench(kind = "cpu")]
struct Thing;

fn main() {}
