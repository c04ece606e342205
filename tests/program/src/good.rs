//! Benchmarks that behave.

use vbench::prelude::*;

/// Adds small numbers.
#[vbench(kind = "cpu")]
fn adds() -> u64 {
    (0..std::hint::black_box(100_u64)).sum()
}

/// Counts bytes of a buffer.
#[vbench(kind = "memory")]
fn swept(b: &mut Bencher, #[axis(pow2(12..=14))] size: Bytes) -> Samples<BytesPerSec> {
    let buffer = vec![1_u8; size.0 as usize];
    b.rate(size, || buffer.iter().map(|byte| u64::from(*byte)).sum::<u64>())
}

/// Two threads together.
#[vbench(kind = "cpu")]
fn together(b: &mut Bencher, cpus: Cpus) -> Result<Samples<EventsPerSec>, Skip> {
    let team = Team::pinned(cpus.ids())?;
    b.fact("threads", team.size());
    Ok(b.team(&team).rate(Events(1), |worker| std::hint::black_box(worker.index)))
}

/// A machine that nobody has.
struct Unobtainium;

impl Require for Unobtainium {
    fn acquire(_: &Machine) -> Result<Self, Skip> {
        Err(Skip::because("needs 1 unobtainium, found 0"))
    }
}

/// Never runs here.
#[vbench(kind = "gpu")]
fn rare(b: &mut Bencher, _thing: Unobtainium) -> Samples<Seconds> {
    b.iter(|| ())
}

/// Runs only when asked for.
#[vbench(kind = "cpu", ignore = "takes an hour")]
fn slow(b: &mut Bencher) -> Samples<Seconds> {
    b.iter(|| std::hint::black_box(1))
}

/// Takes long enough to be interrupted.
#[vbench(kind = "slow", ignore = "for tests of interruption")]
fn waits(b: &mut Bencher, #[axis(1..=6)] turn: u32) -> Samples<Seconds> {
    b.fact("turn", turn);
    b.samples(|t| t.time(|| std::thread::sleep(std::time::Duration::from_millis(40))))
}
