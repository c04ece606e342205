//! Memory bandwidth by the rules of STREAM: copy, scale, add and triad over arrays far larger than
//! the caches.

mod arrays;
pub mod kernels;
mod reading;
mod size;

use crate::claims;
use crate::effort::by_profile;
use crate::nodes::{self, Nodes, note_placement};
use crate::spread::Spread;
use arrays::{Arrays, Times};
use kernels::Kernels;
use reading::Sums;
use vbench::measured::CLAIMED_DISTANCE;
use vbench::prelude::*;

/// How results are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AxisValue)]
enum Stores {
    /// Through the caches, one sequential loop as any compiler makes it.
    Plain,
    /// Through the caches, arranged so that the memory controller is busy.
    Cached,
    /// Past the caches.
    Streaming,
}

impl Stores {
    fn choices() -> Vec<Self> {
        by_profile([Self::Cached, Self::Streaming], Self::ALL)
    }

    /// The kernels to choose from, for arrays of `bytes` each.
    fn kernels(self, bytes: u64) -> Result<Vec<Kernels>, Skip> {
        match self {
            Self::Plain => Ok(vec![Kernels::plain()]),
            Self::Cached => Ok(Kernels::cached(bytes > claims::last_level_total().unwrap_or(0))),
            Self::Streaming => Kernels::streaming(),
        }
    }
}

/// The bandwidth of each kernel: 2, 2, 3 and 3 words per element, as STREAM counts.
#[derive(Metrics)]
struct Bandwidth {
    triad: BytesPerSec,
    copy: BytesPerSec,
    scale: BytesPerSec,
    add: BytesPerSec,
}

impl Bandwidth {
    fn of(times: Times, len: usize) -> Self {
        let words = |count: u64| Bytes(count * (len * size_of::<f64>()) as u64);
        Self {
            triad: words(3).per(times.triad),
            copy: words(2).per(times.copy),
            scale: words(2).per(times.scale),
            add: words(3).per(times.add),
        }
    }
}

/// Sustained memory bandwidth of all allowed CPUs.
#[vbench(kind = "memory", samples = 10, warmup = 1, estimator = Best)]
fn stream(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis(Stores::choices())] stores: Stores,
) -> Result<Samples<Bandwidth>, Skip> {
    Plan::new(stores, Policy::FirstTouch).measure(b, cpus.ids())
}

/// How bandwidth grows with the number of CPUs, taken close together or far apart.
#[vbench(kind = "memory", samples = 10, warmup = 1, estimator = Best, profile = Standard)]
fn stream_threads(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis([Spread::Compact, Spread::Scatter])] spread: Spread,
    #[axis([Stores::Cached, Stores::Streaming])] stores: Stores,
    #[axis(thread_counts())] threads: usize,
) -> Result<Samples<Bandwidth>, Skip> {
    let used = spread.first(threads, &cpus)?;
    b.fact("cpus", used.clone());
    Plan::new(stores, Policy::FirstTouch).measure(b, &used)
}

/// Bandwidth by the size of one array: where the caches end and memory begins.
#[vbench(kind = "memory", samples = 10, warmup = 1, estimator = Best, profile = Standard)]
fn stream_sizes(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis([Stores::Cached])] stores: Stores,
    #[axis(doubling(Bytes(1 << 20), Bytes(512 << 20)))] size: Bytes,
) -> Result<Samples<Bandwidth>, Skip> {
    let bytes = if b.is_smoke() { size.0.min(by_rule(b, Policy::FirstTouch)) } else { size.0 };
    let plan = Plan { bytes: Some(bytes), ..Plan::new(stores, Policy::FirstTouch) };
    plan.measure(b, cpus.ids())
}

/// Bandwidth by the size of the pages.
#[vbench(kind = "memory", samples = 10, warmup = 1, estimator = Best, profile = Standard)]
fn stream_pages(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis([Stores::Cached, Stores::Streaming])] stores: Stores,
    #[axis([Pages::Base4k, Pages::Thp, Pages::Huge2m])] pages: Pages,
) -> Result<Samples<Bandwidth>, Skip> {
    let plan = Plan { pages, ..Plan::new(stores, Policy::FirstTouch) };
    plan.measure(b, cpus.ids())
}

/// Bandwidth from the CPUs of one node to the memory of one node.
#[vbench(kind = "memory", samples = 10, warmup = 1, estimator = Best, profile = Standard)]
fn stream_nodes(
    b: &mut Bencher,
    cpus: Cpus,
    nodes: Nodes,
    #[axis(nodes::cpu_ids())] cpu_node: usize,
    #[axis(nodes::ids())] memory_node: usize,
) -> Result<Samples<Bandwidth>, Skip> {
    let plan = Plan::new(Stores::Cached, Policy::Bind(memory_node));
    plan.measure(b, &nodes.cpus(cpu_node, &cpus)?)
}

/// Bandwidth of all allowed CPUs under each memory policy.
#[vbench(kind = "memory", samples = 10, warmup = 1, estimator = Best, profile = Standard)]
fn stream_policies(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis(nodes::policies())] policy: Policy,
) -> Result<Samples<Bandwidth>, Skip> {
    let plan = Plan::new(Stores::Cached, policy);
    plan.measure(b, cpus.ids())
}

/// What reading alone shows.
#[derive(Metrics)]
struct Reading {
    /// Bytes read per second, all threads.
    read: BytesPerSec,
}

/// Bandwidth of reading alone, from the CPUs of one node in the memory of one node.
#[vbench(kind = "memory", samples = 10, warmup = 1, estimator = Best, profile = Standard)]
fn read_nodes(
    b: &mut Bencher,
    cpus: Cpus,
    nodes: Nodes,
    #[axis(nodes::cpu_ids())] cpu_node: usize,
    #[axis(nodes::ids())] memory_node: usize,
) -> Result<Samples<Reading>, Skip> {
    let policy = Policy::Bind(memory_node);
    let team = Team::pinned(&nodes.cpus(cpu_node, &cpus)?)?;
    let bytes = by_rule(b, policy);
    fits(bytes, policy)?;
    let array = Sums::new(&team, bytes, policy)?;
    note_placement(b, Pages::Default, policy, &array.effective())?;
    let bytes = array.bytes();
    if let Some(distance) = claims::distance(cpu_node, memory_node) {
        b.fact(CLAIMED_DISTANCE, distance);
    }
    Ok(b.samples(|timer| {
        let (seconds, sound) = array.read(&team);
        timer.check(sound, "a thread read other numbers than were written");
        Reading { read: bytes.per(seconds) }
    }))
}

/// Seconds that one trial of an arrangement lasts at least.
const TRIAL: f64 = 0.005;

/// One way of running the kernels.
struct Plan {
    stores: Stores,
    /// Of one array; as large as the rule asks for where nothing is said.
    bytes: Option<u64>,
    pages: Pages,
    memory: Policy,
}

/// The size of one array that the rule asks for; its verdict is a fact.
fn by_rule(b: &mut Bencher, memory: Policy) -> u64 {
    let caches = claims::last_level_total();
    let sizing = size::sizing(caches, claims::memory_for(memory), b.is_smoke());
    b.fact("size_rule", sizing.verdict);
    sizing.bytes
}

impl Plan {
    fn new(stores: Stores, memory: Policy) -> Self {
        Self { stores, bytes: None, pages: Pages::Default, memory }
    }

    /// One pinned thread on each of `cpus`.
    fn measure(&self, b: &mut Bencher, cpus: &[usize]) -> Result<Samples<Bandwidth>, Skip> {
        // The threads first: what they take the arrays cannot have.
        let team = Team::pinned(cpus)?;
        let bytes = self.bytes.unwrap_or_else(|| by_rule(b, self.memory));
        fits(bytes, self.memory)?;
        let choices = self.stores.kernels(bytes)?;
        let mut arrays = Arrays::new(&team, bytes, self.pages, self.memory)?;
        note_placement(b, self.pages, self.memory, &arrays.effective())?;
        let kernels = choices.first().ok_or_else(|| Skip::because("no kernels to choose from"))?;
        let warm = arrays.round(&team, kernels, 1);
        let trial = repeats(warm, TRIAL);
        let kernels = arrays.fastest(&team, &choices, trial).unwrap_or(*kernels);
        let repeats = repeats(warm, b.sample_time());
        let len = arrays.len();
        let samples = b.samples(|_| Bandwidth::of(arrays.round(&team, &kernels, repeats), len));
        let verified = arrays.verify(&team);
        b.check(verified.is_ok(), verified.err().unwrap_or_default());
        b.fact("array_bytes", bytes);
        b.fact("threads", team.size());
        b.fact("kernels", kernels.made());
        Ok(samples)
    }
}

/// How often a kernel runs per sample, so that small arrays last long enough too: once when the
/// four kernels together fill the sample's time.
fn repeats(warm: Times, sample_time: f64) -> u32 {
    let round = warm.copy + warm.scale + warm.add + warm.triad;
    (sample_time / round.max(1e-9)).ceil().clamp(1.0, 1e6) as u32
}

/// The arrays must leave room for everything else.
fn fits(array: u64, memory: Policy) -> Result<(), Skip> {
    let needed = array.saturating_mul(3);
    match claims::memory_for(memory) {
        Some(room) if needed > room.bytes / 10 * 9 => Err(Skip::because(format!(
            "three arrays of {} MiB need {} MiB of memory, {room}",
            array >> 20,
            needed >> 20
        ))),
        _ if array == 0 => Err(Skip::because("no memory available for the arrays")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Stores, fits, repeats};
    use crate::memory::arrays::Times;
    use vbench::prelude::*;

    #[test]
    fn small_arrays_repeat_until_a_sample_lasts_long_enough() {
        let of = |seconds| Times { copy: seconds, scale: seconds, add: seconds, triad: seconds };
        assert_eq!(repeats(of(0.03), 0.05), 1);
        assert_eq!(repeats(of(0.001), 0.05), 13);
        assert!(repeats(of(0.0), 0.05) > 1000);
    }

    #[test]
    fn arrays_beyond_memory_are_skipped_with_the_numbers() {
        let fits = |bytes| fits(bytes, Policy::FirstTouch);
        let reason = fits(1 << 50).unwrap_err().to_string();
        assert!(reason.contains("MiB available"), "{reason}");
        assert!(fits(0).is_err());
        assert!(fits(1 << 20).is_ok());
    }

    #[test]
    fn stores_read_back() {
        for stores in Stores::ALL {
            assert_eq!(stores.to_string().parse(), Ok(stores));
        }
        assert!("nt".parse::<Stores>().is_err());
    }
}
