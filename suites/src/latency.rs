//! Memory latency: a walk along a ring of pointers, one dependent load at a time.

mod loaded;
pub mod ring;

use crate::claims;
use crate::effort::by_profile;
use crate::nodes::{self, Nodes, note_placement};
use loaded::{Loaded, Pressure};
use ring::{Memory, Order, Ring};
use std::time::Instant;
use vbench::measured::CLAIMED_DISTANCE;
use vbench::prelude::*;

/// The curve begins inside every first-level cache.
const SMALLEST: Bytes = Bytes(4 << 10);
/// It ends beyond the last level of all but the largest servers.
const LARGEST: Bytes = Bytes(512 << 20);
/// A ring large enough to leave every cache that a smoke run may take.
const SMOKE: Bytes = Bytes(1 << 20);
/// A cache line on every supported processor but a few with lines of 128 bytes.
const LINE: Bytes = Bytes(64);
/// Warming lasts at least this long, so that the clock frequency has settled.
const WARM_SECONDS: f64 = 0.01;

/// What one sample shows.
#[derive(Metrics)]
struct Latency {
    /// Time of one load that waits for the one before.
    latency: Seconds,
}

/// Latency of dependent loads by the size of the memory they go through.
#[vbench(kind = "memory", warmup = 0)]
fn pointer_chase(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis([Order::Random, Order::PageLocal])] order: Order,
    #[axis(sizes())] size: Bytes,
) -> Result<Samples<Latency>, Skip> {
    Chase { order, ..Chase::over(size) }.measure(b, cpus.first(1)?)
}

/// Latency by the size of the pages: what is left of it is not address translation.
#[vbench(kind = "memory", warmup = 0, profile = Standard)]
fn pointer_chase_pages(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis([Pages::Base4k, Pages::Thp, Pages::Huge2m])] pages: Pages,
    #[axis(every_fourth())] size: Bytes,
) -> Result<Samples<Latency>, Skip> {
    Chase { pages, ..Chase::over(size) }.measure(b, cpus.first(1)?)
}

/// Latency with a pointer in every 8 bytes, eight to a line: less than that of a line, and what
/// some older programs print.
#[vbench(kind = "memory", warmup = 0, profile = Standard)]
fn pointer_chase_dense(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis(every_fourth())] size: Bytes,
) -> Result<Samples<Latency>, Skip> {
    Chase { stride: Bytes(8), ..Chase::over(size) }.measure(b, cpus.first(1)?)
}

/// Latency from a CPU of one node to the memory of one node.
#[vbench(kind = "memory", warmup = 0, profile = Standard)]
fn pointer_chase_nodes(
    b: &mut Bencher,
    cpus: Cpus,
    nodes: Nodes,
    #[axis(nodes::cpu_ids())] cpu_node: usize,
    #[axis(nodes::ids())] memory_node: usize,
) -> Result<Samples<Latency>, Skip> {
    let memory = Policy::Bind(memory_node);
    let chase = Chase { order: Order::PageLocal, memory, ..Chase::over(LARGEST) };
    if let Some(distance) = claims::distance(cpu_node, memory_node) {
        b.fact(CLAIMED_DISTANCE, distance);
    }
    chase.measure(b, &nodes.cpus(cpu_node, &cpus)?[..1])
}

/// What one sample shows.
#[derive(Metrics)]
struct UnderLoad {
    /// Time of one load that waits for the one before, while others read memory.
    latency: Seconds,
    /// What the others read meanwhile; none where there are no others.
    bandwidth: Option<BytesPerSec>,
}

/// Latency while the other CPUs of a node read memory: from idle to all they can.
#[vbench(kind = "memory", warmup = 0, profile = Standard)]
fn loaded(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis(Pressure::CURVE)] delay: Pressure,
    #[axis(Place::choices())] memory: Place,
) -> Result<Samples<UnderLoad>, Skip> {
    let (node_cpus, policy) = memory.resolve(&cpus)?;
    let used = if delay == Pressure::None { 1 } else { node_cpus.len() };
    if delay != Pressure::None && used < 2 {
        return Err(Skip::because("needs 2 CPUs on a node, 1 allowed"));
    }
    under(b, &node_cpus[..used], policy, delay)
}

/// Latency while so many other CPUs of a node read memory as fast as they can: how few fill it.
#[vbench(kind = "memory", warmup = 0, profile = Standard)]
fn loaded_streams(
    b: &mut Bencher,
    cpus: Cpus,
    #[axis(Place::choices())] memory: Place,
    #[axis(streams())] streams: usize,
) -> Result<Samples<UnderLoad>, Skip> {
    let (node_cpus, policy) = memory.resolve(&cpus)?;
    let used = node_cpus.get(..=streams).ok_or_else(|| {
        let (needed, allowed) = (streams + 1, node_cpus.len());
        Skip::because(format!("needs {needed} CPUs on a node, {allowed} allowed"))
    })?;
    under(b, used, policy, Pressure::Delay(0))
}

/// One, powers of two, and as many as there are CPUs beside the one that walks.
fn streams() -> Vec<usize> {
    let most = Machine::current().topology.allowed.len().saturating_sub(1).max(1);
    let mut counts: Vec<usize> =
        (0..usize::BITS).map(|power| 1 << power).take_while(|count| *count < most).collect();
    counts.push(most);
    counts
}

/// Walks on the first of `used` while the others press.
fn under(
    b: &mut Bencher,
    used: &[usize],
    policy: Policy,
    delay: Pressure,
) -> Result<Samples<UnderLoad>, Skip> {
    let team = Team::pinned(used)?;
    let loaded = Loaded::new(&team, policy, b.seed(), b.is_smoke())?;
    for effective in loaded.effective() {
        note_placement(b, Pages::Default, policy, &effective)?;
    }
    let warm = loaded.run(&team, delay, 0, loaded.slots());
    b.check(warm.end == 0, "the warm-up did not come back to its first slot");
    let loads = loads(warm.latency, b.sample_time());
    let mut slot = 0;
    let samples = b.samples(|timer| {
        let seen = loaded.run(&team, delay, slot, loads);
        slot = seen.end;
        timer.check(seen.sound, "a stream read other numbers than were written");
        UnderLoad {
            latency: Seconds(seen.latency),
            bandwidth: (delay != Pressure::None).then_some(BytesPerSec(seen.bandwidth)),
        }
    });
    b.fact("streams", used.len() - 1);
    b.fact("policy", policy.to_string());
    Ok(samples)
}

/// Where the memory lies, as seen from the CPUs of the first node that has some.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AxisValue)]
enum Place {
    Local,
    Remote,
}

impl Place {
    /// Remote memory exists where there are two nodes.
    fn choices() -> Vec<Self> {
        vec![Self::Local, Self::Remote]
    }

    /// The CPUs, and where their memory is asked for.
    fn resolve(self, cpus: &Cpus) -> Result<(Vec<usize>, Policy), Skip> {
        let nodes = claims::nodes();
        let on = |all: &[usize]| -> Vec<usize> {
            cpus.ids().iter().copied().filter(|cpu| all.contains(cpu)).collect()
        };
        let home = nodes.iter().map(|(id, all)| (*id, on(all))).find(|(_, cpus)| !cpus.is_empty());
        let (home, used) = match (home, nodes.len()) {
            (Some((id, used)), 2..) => (id, used),
            _ if self == Self::Local => return Ok((cpus.ids().to_vec(), Policy::FirstTouch)),
            _ => return Err(Skip::because(format!("needs 2 memory nodes, {} here", nodes.len()))),
        };
        let other = nodes.iter().map(|(id, _)| *id).find(|id| *id != home).unwrap_or(home);
        let node = if self == Self::Local { home } else { other };
        Ok((used, Policy::Bind(node)))
    }
}

/// One way of walking.
struct Chase {
    size: Bytes,
    stride: Bytes,
    order: Order,
    pages: Pages,
    memory: Policy,
}

impl Chase {
    /// One pointer per line, in any order, through memory as a program gets it that does not ask.
    fn over(size: Bytes) -> Self {
        let (pages, memory) = (Pages::Default, Policy::FirstTouch);
        Self { size, stride: LINE, order: Order::Random, pages, memory }
    }

    /// Walks on the first of `cpus`.
    fn measure(&self, b: &mut Bencher, cpus: &[usize]) -> Result<Samples<Latency>, Skip> {
        let team = Team::pinned(cpus)?;
        let size = if b.is_smoke() { self.size.min(SMOKE) } else { self.size };
        let seed = b.seed();
        let at = Memory { pages: self.pages, policy: self.memory };
        let ring = on(&team, || Ring::new(size, self.stride, self.order, seed, at))?;
        note_placement(b, self.pages, self.memory, &ring.effective())?;
        let enough = if b.is_smoke() { 0.0 } else { WARM_SECONDS };
        let (mut slot, warm) = on(&team, || warm_up(&ring, enough));
        b.check(slot == 0, "the warm-up did not come back to its first slot");
        let loads = loads(warm, b.sample_time());
        let samples = b.samples(|timer| {
            let (end, latency) = on(&team, || walk(&ring, slot, loads));
            slot = end;
            timer.check(latency > 0.0, "the walk took no time on this clock");
            Latency { latency: Seconds(latency) }
        });
        b.fact("seed", seed);
        b.fact("loads_per_sample", loads);
        b.fact("cpu", cpus.first().copied().unwrap_or_default());
        Ok(samples)
    }
}

/// Runs `f` on the only thread of `team`.
fn on<T: Send>(team: &Team, f: impl Fn() -> T + Sync) -> T {
    team.broadcast(|_| f()).swap_remove(0)
}

/// Walks whole turns: once around, then ever more until a walk lasts `enough` seconds. The slot
/// where it ended, and the latency of the last walk.
fn warm_up(ring: &Ring, enough: f64) -> (usize, f64) {
    let (mut slot, _) = walk(ring, 0, ring.slots());
    let mut loads = ring.slots();
    loop {
        let (end, latency) = walk(ring, slot, loads);
        slot = end;
        if latency * loads as f64 >= enough {
            return (slot, latency);
        }
        loads = loads.saturating_mul(2);
    }
}

/// The slot where the walk ended, and the seconds of one load.
fn walk(ring: &Ring, slot: usize, loads: u64) -> (usize, f64) {
    let start = Instant::now();
    let end = ring.walk(slot, loads);
    (end, start.elapsed().as_secs_f64() / loads as f64)
}

/// Loads that last `sample_time`, with room for a guess that was a little slow.
fn loads(latency: f64, sample_time: f64) -> u64 {
    (1.1 * sample_time / latency.max(1e-10)).ceil() as u64
}

/// 4 KiB to 512 MiB in powers of two. Longer profiles add half steps around the claimed caches,
/// and go to twice the last level where that is more.
fn sizes() -> Vec<Bytes> {
    let caches = by_profile(Vec::new(), claims::cache_levels());
    sizes_around(&caches)
}

/// Sizes inside each usual level and beyond, where a whole curve would say little more.
fn every_fourth() -> Vec<Bytes> {
    doubling(SMALLEST, LARGEST).into_iter().skip(1).step_by(4).collect()
}

fn sizes_around(caches: &[u64]) -> Vec<Bytes> {
    let last = caches.last().map_or(0, |size| size.saturating_mul(2));
    let mut sizes = doubling(SMALLEST, LARGEST.max(Bytes(last)));
    for cache in caches {
        let below = 1_u64 << cache.max(&1).ilog2();
        sizes.extend([below / 4 * 3, below / 2 * 3].map(Bytes));
    }
    sizes.sort_unstable();
    sizes.dedup();
    sizes.retain(|size| *size >= SMALLEST);
    sizes
}

#[cfg(test)]
mod tests {
    use super::{LARGEST, Order, Place, loads, sizes_around};
    use vbench::prelude::*;

    #[test]
    fn sizes_are_powers_of_two_with_half_steps_around_the_claims() {
        let plain = sizes_around(&[]);
        assert_eq!((plain.len(), plain[0], plain[17]), (18, Bytes(4 << 10), LARGEST));
        let around = sizes_around(&[48 << 10, 2 << 20, 260 << 20]);
        for size in ["24KiB", "48KiB", "1536KiB", "3MiB", "192MiB", "384MiB"] {
            assert!(around.contains(&size.parse().unwrap()), "{size}");
        }
        assert!(around.is_sorted());
        assert_eq!(sizes_around(&[400 << 20]).last(), Some(&Bytes(512 << 20)));
        assert_eq!(sizes_around(&[1 << 30]).last(), Some(&Bytes(2 << 30)));
        assert_eq!(sizes_around(&[0]), plain);
    }

    #[test]
    fn a_sample_lasts_as_long_as_asked() {
        let lasted = loads(100e-9, 0.05) as f64 * 100e-9;
        assert!((0.05..0.06).contains(&lasted), "{lasted}");
        assert!(loads(0.0, 0.05) > 1_000_000);
    }

    #[test]
    fn orders_read_back() {
        for order in [Order::Random, Order::PageLocal] {
            assert_eq!(order.to_string().parse(), Ok(order));
        }
        assert!("Random".parse::<Order>().is_err());
        for place in Place::choices() {
            assert_eq!(place.to_string().parse(), Ok(place));
        }
        assert!("near".parse::<Place>().is_err());
    }
}
