//! A crate with strict lints, whose own names do not disturb the generated code.

#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub, unused, warnings)]

use vbench::prelude::{Bencher, Cpus, Metrics, Samples, Seconds, vbench};

/// Names that generated code might use.
#[allow(missing_docs, non_camel_case_types, dead_code, unreachable_pub)]
mod shadows {
    pub struct Ok;
    pub struct Err;
    pub struct Some;
    pub struct None;
    pub struct Vec;
    pub struct String;
    pub struct Result;
    pub struct Option;
    pub struct Params;
    pub struct Axis;
    pub trait Clone {}
    pub trait ToString {}
    pub const BENCHMARK: usize = 1;
}

#[allow(unused_imports)]
use shadows::*;

#[vbench(kind = "cpu", types = [u8, u16], consts = [1, { 1 + 1 }])]
fn generic<T: Default, const N: usize>(
    cpus: &Cpus,
    #[axis([BENCHMARK])] _n: usize,
    #[axis([(1, 'a')])] (_first, _second): (u8, char),
) -> T {
    assert!(cpus.count() > 0 && N > 0);
    T::default()
}

#[vbench(kind = "cpu")]
async fn future(#[axis([1])] r#type: usize) -> usize {
    r#type
}

/// Metrics that other crates may use.
#[derive(Metrics)]
pub struct Latency {
    /// The time.
    pub time: Seconds,
    late: core::option::Option<Seconds>,
}

/// A benchmark that other crates may call.
#[vbench(kind = "cpu", after = "generic")]
pub fn public(b: &mut Bencher) -> Samples<Latency> {
    b.iter(|| ()).map(|time| Latency { time, late: core::option::Option::None })
}

#[vbench(kind = "cpu")]
#[cfg(any())]
fn left_out(b: &mut NoSuchType) {}

fn main() {
    assert_eq!(vbench::benchmark::benchmarks().map(|all| all.len()), core::result::Result::Ok(3));
}
