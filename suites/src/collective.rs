//! Collective operations: every rank ends with the sum of what all ranks hold.

pub mod mpi;
mod ranks;
mod ring;

use crate::claims;
use crate::effort::by_profile;
use crate::nodes::note_placement;
use ranks::Placement;
use ring::{Ring, contribution, wrong};
use vbench::prelude::*;

/// Operations before the first timed one. Source: nccl-tests warms up with 5.
const WARM_UPS: u32 = 5;
/// Least operations per sample. Source: nccl-tests times 20 and gives their mean.
const LEAST: u32 = 20;
/// Size when only the working of the benchmark is of interest.
const SMOKE: Bytes = Bytes(64 << 10);
/// Size at which placements are compared: beyond the caches of every rank.
const LARGE: Bytes = Bytes(64 << 20);

/// Where the sum goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AxisValue)]
pub enum Place {
    /// Into memory of its own.
    Out,
    /// Over what was summed.
    In,
}

impl Place {
    fn choices() -> Vec<Self> {
        by_profile([Self::Out], Self::ALL)
    }
}

/// How fast an all-reduce is, as nccl-tests counts (its `doc/PERFORMANCE.md`).
#[derive(Metrics)]
struct Speed {
    /// Of one operation.
    time: Seconds,
    /// Bytes of one rank over the time.
    #[metric(info)]
    algbw: BytesPerSec,
    /// What crosses each link of a perfect ring: comparable between numbers of ranks.
    busbw: BytesPerSec,
}

impl Speed {
    /// `algbw = S / t` and `busbw = algbw * 2 (n - 1) / n` for `n` ranks of `size` bytes each.
    fn of(size: Bytes, seconds: f64, ranks: usize) -> Self {
        let algbw = size.per(seconds);
        let share = 2.0 * (ranks as f64 - 1.0) / ranks as f64;
        Self { time: Seconds(seconds), algbw, busbw: BytesPerSec(algbw.0 * share) }
    }
}

/// 8 B to 1 GiB, and three of them for a first look: latency, cache and memory.
fn sizes() -> Vec<Bytes> {
    by_profile([Bytes(8), Bytes(1 << 20), LARGE], pow2(3..=30))
}

/// All-reduce in host memory, a ring of all allowed CPUs: the sum of 32-bit floats.
#[vbench(kind = "collective")]
fn all_reduce(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis(Place::choices())] place: Place,
    #[axis(sizes())] size: Bytes,
) -> Result<Samples<Speed>, Skip> {
    measure(b, &cpus, size, place, Placement::Compact)
}

/// All-reduce in host memory by the placement of its ranks.
#[vbench(kind = "collective", profile = Standard)]
fn all_reduce_placed(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis(Placement::choices())] placement: Placement,
    #[axis([Bytes(64 << 10), LARGE])] size: Bytes,
) -> Result<Samples<Speed>, Skip> {
    measure(b, &cpus, size, Place::Out, placement)
}

/// One pinned rank on each CPU of the placement.
fn measure(
    b: &mut Bencher,
    allowed: &Cpus,
    size: Bytes,
    place: Place,
    placement: Placement,
) -> Result<Samples<Speed>, Skip> {
    let cpus = placement.cpus(&Machine::current().topology, allowed.ids())?;
    let size = whole(if b.is_smoke() { size.min(SMOKE) } else { size })?;
    fits(size, place, cpus.len())?;
    let team = Team::pinned(&cpus)?;
    let mut ring = Ring::new(&team, size, place, placement.memory())?;
    note_placement(b, Pages::Default, placement.memory(), &ring.effective())?;
    let warm = ring.time(if b.is_smoke() { 1 } else { WARM_UPS });
    check(b, ring.verify());
    let operations = operations(warm, b);
    let samples = b.samples(|_| Speed::of(size, ring.time(operations), cpus.len()));
    check(b, ring.verify());
    b.fact("ranks", cpus.len());
    b.fact("cpus", cpus.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
    b.fact("operations_per_sample", operations);
    b.fact("kernels", ring.made());
    Ok(samples)
}

fn check(b: &mut Bencher, verified: Result<(), String>) {
    b.check(verified.is_ok(), verified.err().unwrap_or_default());
}

/// Operations that fill a sample's time, [`LEAST`] at least; one in a smoke run.
fn operations(warm: f64, b: &Bencher) -> u32 {
    match b.is_smoke() {
        true => 1,
        false => (b.sample_time() / warm.max(1e-9)).ceil().clamp(f64::from(LEAST), 1e7) as u32,
    }
}

/// A rank holds whole numbers: rates of a size that it does not have would be wrong.
pub fn whole(size: Bytes) -> Result<Bytes, Skip> {
    const NUMBER: u64 = size_of::<f32>() as u64;
    match size.0 > 0 && size.0.is_multiple_of(NUMBER) {
        true => Ok(size),
        false => Err(Skip::because(format!(
            "size={} is no multiple of {NUMBER} bytes, and a rank holds whole floats of 32 bits",
            size.0
        ))),
    }
}

/// The buffers of all ranks must leave room for everything else.
fn fits(size: Bytes, place: Place, ranks: usize) -> Result<(), Skip> {
    let each = if place == Place::Out { 2 } else { 1 };
    let needed = size.0.saturating_mul(each).saturating_mul(ranks as u64);
    match claims::memory_available() {
        Some(room) if needed > room.bytes / 10 * 9 => Err(Skip::because(format!(
            "{size} for each of {ranks} ranks ({place} of place: {each} buffers) needs {} MiB of memory, {room}",
            needed >> 20
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Speed, fits, whole};
    use vbench::prelude::*;

    /// The worked example of nccl-tests: 2 ranks have a bus bandwidth equal to the algorithm's,
    /// many nearly twice that, one none.
    #[test]
    fn bandwidths_are_as_nccl_tests_defines_them() {
        let speed = |ranks| {
            let speed = Speed::of(Bytes(1_000), 0.5, ranks);
            (speed.algbw.0, speed.busbw.0)
        };
        assert_eq!(speed(1), (2_000.0, 0.0));
        assert_eq!(speed(2), (2_000.0, 2_000.0));
        assert_eq!(speed(8), (2_000.0, 3_500.0));
    }

    #[test]
    fn more_than_the_memory_is_skipped_with_the_numbers() {
        assert_eq!(fits(Bytes(8), Place::Out, 2), Ok(()));
        let reason = fits(Bytes(1 << 40), Place::Out, 4).unwrap_err().to_string();
        assert!(reason.contains("1TiB for each of 4 ranks"), "{reason}");
        assert!(reason.contains("needs 8388608 MiB") && reason.contains("available"), "{reason}");
        assert!(fits(Bytes(u64::MAX), Place::In, 4).is_err());
    }

    #[test]
    fn a_rank_holds_whole_numbers() {
        assert_eq!(whole(Bytes(8)), Ok(Bytes(8)));
        for bad in [0, 3, 4097] {
            let reason = whole(Bytes(bad)).unwrap_err().to_string();
            assert!(reason.contains(&format!("size={bad} is no multiple of 4")), "{reason}");
        }
    }

    #[test]
    fn places_read_back() {
        for place in [Place::Out, Place::In] {
            assert_eq!(place.to_string().parse(), Ok(place));
        }
        assert!("inside".parse::<Place>().is_err());
    }
}
