use vbench::prelude::*;

#[vbench(kind = "cpu", types = [u8, u16])]
fn swept<T: Clone>(b: &mut Bencher, #[axis([1, 2])] x: T) -> Samples<Seconds> {
    b.iter(|| x.clone())
}

#[vbench(kind = "cpu", types = [Seconds, Count])]
fn measured<T: Quantity>(b: &mut Bencher) -> Samples<T> {
    b.samples(|_| todo!())
}

#[vbench(kind = "cpu", types = [u8])]
fn bounded<T>() -> T
where
    T: Default,
{
    T::default()
}

fn main() {}
