//! Collective operations: every rank ends with the sum of what all ranks hold.

pub mod mpi;
mod ranks;
mod ring;

use crate::claims;
use crate::effort::{by_profile, unless_thorough};
use crate::nodes::{self, note_placement};
use ranks::Placement;
use ring::{Ring, contribution, wrong};
use std::collections::BTreeMap;
use vbench::prelude::*;
use vbench::topology::Available;

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

    /// Of every placement: where the sum goes changes what is written, not what is reached.
    fn of_placements() -> Vec<Self> {
        unless_thorough([Self::Out], Self::ALL)
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

/// The same range for every placement: a step where the caches end, every power of two in a night.
fn placed_sizes() -> Vec<Bytes> {
    const STEPS: [u64; 7] = [8, 1 << 10, 64 << 10, 1 << 20, 16 << 20, LARGE.0, 1 << 30];
    by_profile([Bytes(64 << 10), LARGE], unless_thorough(STEPS.map(Bytes), pow2(3..=30)))
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
    #[axis(Place::of_placements())] place: Place,
    #[axis(placed_sizes())] size: Bytes,
) -> Result<Samples<Speed>, Skip> {
    measure(b, &cpus, size, place, placement)
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
    fits(size, place, &on_nodes(&cpus, placement.memory()))?;
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
    match size.0 {
        0 => Err(Skip::because("size=0 holds no float of 32 bits to reduce")),
        bytes if bytes.is_multiple_of(NUMBER) => Ok(size),
        _ => Err(Skip::because(format!(
            "size={} is no multiple of {NUMBER} bytes, and a rank holds whole floats of 32 bits",
            size.0
        ))),
    }
}

/// Ranks whose buffers lie on each node, as far as that is known; `None` for all of them together.
type RanksOn = BTreeMap<Option<usize>, f64>;

/// Where the ranks on these CPUs have their memory: each on its own node, or spread over all.
fn on_nodes(cpus: &[usize], memory: Policy) -> RanksOn {
    let topology = &Machine::current().topology;
    let ids = nodes::ids();
    let own: Vec<usize> = cpus.iter().filter_map(|cpu| topology.node_of(*cpu)).collect();
    share(cpus.len(), &own, &ids, memory)
}

/// The same of the nodes `own` of the ranks, on a machine with the nodes `ids`: one node has all.
fn share(ranks: usize, own: &[usize], ids: &[usize], memory: Policy) -> RanksOn {
    let mut shares = RanksOn::from([(None, ranks as f64)]);
    match memory {
        _ if ids.len() < 2 => {}
        Policy::Interleave => {
            let each = ranks as f64 / ids.len() as f64;
            shares.extend(ids.iter().map(|node| (Some(*node), each)));
        }
        // Of a node without memory the kernel chooses another.
        _ => own
            .iter()
            .filter(|node| ids.contains(node))
            .for_each(|node| *shares.entry(Some(*node)).or_default() += 1.0),
    }
    shares
}

/// The buffers of all ranks must leave room for everything else, on each node too: what finds none
/// there would lie elsewhere.
fn fits(size: Bytes, place: Place, ranks: &RanksOn) -> Result<(), Skip> {
    let room =
        |node: Option<usize>| claims::memory_for(node.map_or(Policy::FirstTouch, Policy::Bind));
    fits_in(size, place, ranks, room)
}

fn fits_in(
    size: Bytes,
    place: Place,
    ranks: &RanksOn,
    room: impl Fn(Option<usize>) -> Option<Available>,
) -> Result<(), Skip> {
    let (buffers, said) = match place {
        Place::Out => (2, "out of place: 2 buffers"),
        Place::In => (1, "in place: 1 buffer"),
    };
    for (node, share) in ranks {
        let needed = (size.0 as f64 * f64::from(buffers) * share) as u64;
        if let Some(room) = room(*node).filter(|room| needed > room.bytes / 10 * 9) {
            let ranks = ranks.get(&None).copied().unwrap_or(*share);
            return Err(Skip::because(format!(
                "{size} for each of {ranks} ranks ({said}) needs {} MiB of memory{}, {room}",
                needed >> 20,
                node.map(|node| format!(" on node {node}")).unwrap_or_default()
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Place, RanksOn, Speed, fits, fits_in, share, whole};
    use vbench::prelude::*;
    use vbench::topology::{Available, Limit};

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
        let of = |size, place, ranks| fits(Bytes(size), place, &RanksOn::from([(None, ranks)]));
        assert_eq!(of(8, Place::Out, 2.0), Ok(()));
        let reason = of(1 << 40, Place::Out, 4.0).unwrap_err().to_string();
        assert!(reason.contains("1TiB for each of 4 ranks"), "{reason}");
        assert!(reason.contains("needs 8388608 MiB") && reason.contains("available"), "{reason}");
        assert!(of(u64::MAX, Place::In, 4.0).is_err());
    }

    #[test]
    fn what_does_not_fit_on_its_node_is_skipped_with_the_node() {
        let each = |node: Option<usize>| {
            let bytes = if node.is_some() { 4 << 30 } else { 64 << 30 };
            let limit = node.map_or(Limit::Machine, Limit::Node);
            Some(Available { bytes, limit })
        };
        let size = Bytes(1 << 30);
        let fits = |own: &[usize], memory| {
            fits_in(size, Place::Out, &share(own.len(), own, &[0, 1], memory), each)
        };
        // Two ranks of two buffers fill their node; one on each does not.
        let reason = fits(&[1, 1], Policy::FirstTouch).unwrap_err().to_string();
        assert!(
            reason.ends_with(
                "needs 4096 MiB of memory on node 1, 4096 MiB available (memory node 1)"
            ),
            "{reason}"
        );
        assert_eq!(fits(&[0, 1], Policy::FirstTouch), Ok(()));
        assert_eq!(fits(&[1, 1], Policy::Interleave), Ok(()));
        assert!(fits(&[0, 0, 1, 1], Policy::Interleave).is_err());
        let elsewhere = share(2, &[1, 1], &[0, 2], Policy::FirstTouch);
        assert_eq!(elsewhere, RanksOn::from([(None, 2.0)]), "node 1 has no memory");
        // One node has what the machine has.
        assert_eq!(share(2, &[0, 0], &[0], Policy::FirstTouch), RanksOn::from([(None, 2.0)]));
    }

    #[test]
    fn placements_are_measured_from_latency_to_memory() {
        let sizes = super::placed_sizes();
        assert!(sizes.contains(&super::LARGE), "{sizes:?}");
        assert!(sizes.iter().all(|size| (8..=1 << 30).contains(&size.0)), "{sizes:?}");
    }

    #[test]
    fn a_rank_holds_whole_numbers() {
        assert_eq!(whole(Bytes(8)), Ok(Bytes(8)));
        let none = whole(Bytes(0)).unwrap_err().to_string();
        assert!(none.contains("size=0 holds no float"), "{none}");
        for bad in [3, 4097] {
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
