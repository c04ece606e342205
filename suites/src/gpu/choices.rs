//! Axis values of the GPU benchmarks.

use super::device;
use super::sums::settings::only;
use crate::effort::by_profile;
use crate::nodes;
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use vbench::gpu::{self, Fault, Gpu, Operation};
use vbench::host::affinity;
use vbench::prelude::*;

/// Which way a copy goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AxisValue)]
pub enum Route {
    /// Host to device.
    #[axis(rename = "h2d")]
    Upload,
    /// Device to host.
    #[axis(rename = "d2h")]
    Download,
    /// Both at the same time; the bytes of both count.
    Both,
}

/// What kind of host memory a copy uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AxisValue)]
pub enum Staging {
    /// Locked, so that the device reads and writes it by itself.
    Pinned,
    /// Ordinary: the driver copies through locked memory of its own.
    Pageable,
}

impl Staging {
    /// Pageable memory is for longer profiles.
    pub fn choices() -> Vec<Self> {
        by_profile([Self::Pinned], Self::ALL)
    }
}

/// Whether devices may reach each other without the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AxisValue)]
pub enum Peers {
    /// As the driver and the library decide.
    Default,
    /// Not: `NCCL_P2P_DISABLE=1` for collective sums.
    Off,
}

impl Peers {
    /// Settles it for copies of this process: a driver that let devices reach each other does so
    /// until the process ends.
    ///
    /// # Errors
    /// Another case has settled it otherwise.
    pub fn settle(self) -> Result<(), Skip> {
        static FIRST: OnceLock<Peers> = OnceLock::new();
        only(*FIRST.get_or_init(|| self) == self)
    }
}

/// A collective operation other than the sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AxisValue)]
pub enum Exchange {
    /// Sums of which every device gets its own part.
    #[axis(rename = "reduce_scatter")]
    ReduceScatter,
    /// Every device gets what all have.
    #[axis(rename = "all_gather")]
    AllGather,
    /// Every device has a part for every other.
    #[axis(rename = "all_to_all")]
    AllToAll,
}

impl Exchange {
    /// As the library knows it.
    pub fn operation(self) -> Operation {
        match self {
            Self::ReduceScatter => Operation::ReduceScatter,
            Self::AllGather => Operation::AllGather,
            Self::AllToAll => Operation::AllToAll,
        }
    }
}

/// How a sum goes over the devices: `NCCL_ALGO`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AxisValue)]
pub enum Algorithm {
    /// As the library decides.
    Default,
    /// Around.
    #[axis(rename = "Ring")]
    Ring,
    /// Up and down.
    #[axis(rename = "Tree")]
    Tree,
    /// By the switch between NVLinks.
    #[axis(rename = "NVLS")]
    Nvls,
    /// The same within hosts, trees between.
    #[axis(rename = "NVLSTree")]
    NvlsTree,
    /// By the network's switches.
    #[axis(rename = "CollnetDirect")]
    CollnetDirect,
    /// The same, along a chain.
    #[axis(rename = "CollnetChain")]
    CollnetChain,
}

impl Algorithm {
    /// Those that every machine has, which stand first.
    pub fn choices() -> Vec<Self> {
        Self::ALL.into_iter().take(3).collect()
    }

    /// What the library is told, if anything.
    pub fn setting(self) -> Option<String> {
        (self != Self::Default).then(|| self.to_string())
    }
}

/// How devices hand data on: `NCCL_PROTO`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AxisValue)]
pub enum Protocol {
    /// As the library decides.
    Default,
    /// A flag with every 4 bytes.
    #[axis(rename = "LL")]
    Ll,
    /// A flag for every block.
    #[axis(rename = "Simple")]
    Simple,
    /// A flag with every 120 bytes.
    #[axis(rename = "LL128")]
    Ll128,
}

impl Protocol {
    /// Those that every machine has, which stand first.
    pub fn choices() -> Vec<Self> {
        Self::ALL.into_iter().take(3).collect()
    }

    /// What the library is told, if anything.
    pub fn setting(self) -> Option<String> {
        (self != Self::Default).then(|| self.to_string())
    }
}

/// Where a sum goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AxisValue)]
pub enum Place {
    /// Into memory of its own.
    Out,
    /// Over what was summed.
    In,
}

impl Place {
    /// In place is for longer profiles.
    pub fn choices() -> Vec<Self> {
        by_profile([Self::Out], Self::ALL)
    }
}

/// What the CPUs do meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AxisValue)]
pub enum Load {
    /// Nothing.
    None,
    /// Read and write memory.
    Stream,
}

/// Bytes that each loading thread goes through: beyond its share of any cache.
const LOAD: usize = 64 << 20;

impl Load {
    /// What `f` gives while the CPUs do this.
    pub fn around<T>(self, cpus: &[usize], f: impl FnOnce() -> T) -> Result<T, Skip> {
        if self == Self::None {
            return Ok(f());
        }
        let team = Team::pinned(cpus)?;
        let done = AtomicBool::new(false);
        Ok(std::thread::scope(|scope| {
            scope.spawn(|| team.broadcast(|_| stream_until(&done)));
            // Also a panic must end the load.
            let _stop = Stopping(&done);
            f()
        }))
    }
}

struct Stopping<'a>(&'a AtomicBool);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn stream_until(done: &AtomicBool) {
    let from = vec![1.0_f64; LOAD / 8];
    let mut to = vec![0.0_f64; LOAD / 8];
    while !done.load(Ordering::Relaxed) {
        for (to, from) in to.iter_mut().zip(&from) {
            *to += 3.0 * from;
        }
        std::hint::black_box(&mut to);
    }
}

/// Where the threads of the host run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AxisValue)]
pub enum Thread {
    /// Where the system likes.
    Unbound,
    /// On the CPUs that sysfs calls local to the device.
    Near,
    /// On the others.
    Far,
}

impl Thread {
    /// The CPUs that this means for `gpu`, of those that are allowed.
    pub fn cpus(self, gpu: &Gpu, allowed: &[usize]) -> Result<Vec<usize>, Skip> {
        if self == Self::Unbound {
            return Ok(allowed.to_vec());
        }
        let near = gpu::near_cpus(&Machine::current().host, &gpu.identity().pci);
        self.choose(&near.map_err(Skip::because)?, allowed)
    }

    fn choose(self, near: &[usize], allowed: &[usize]) -> Result<Vec<usize>, Skip> {
        let wanted = |cpu: &&usize| near.contains(cpu) == (self == Self::Near);
        let chosen: Vec<usize> = allowed.iter().filter(wanted).copied().collect();
        match chosen.is_empty() {
            true => Err(Skip::because(format!(
                "no allowed CPU is {self} of the GPU: {} of {} allowed CPUs are local to it",
                allowed.iter().filter(|cpu| near.contains(cpu)).count(),
                allowed.len()
            ))),
            false => Ok(chosen),
        }
    }
}

/// Where the threads and host buffers of a collective library lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arm {
    /// Where the system likes.
    Unbound,
    /// On the CPUs and in the memory of one node.
    Node(usize),
    /// On all CPUs, memory spread over all nodes.
    Interleave,
    /// Each rank on the node of its own device.
    Local,
}

impl Arm {
    /// Those that differ on this machine.
    pub fn choices() -> Vec<Self> {
        match nodes::ids().first() {
            Some(first) if nodes::ids().len() > 1 => {
                vec![Self::Unbound, Self::Node(*first), Self::Interleave, Self::Local]
            }
            _ => vec![Self::Unbound],
        }
    }

    /// Places the calling thread, and what it starts and allocates from now on.
    pub fn apply(self, gpu: &Gpu) -> Result<(), Fault> {
        let node = match self {
            Self::Unbound => return Ok(()),
            Self::Interleave => return place(Policy::Interleave),
            Self::Node(node) => node,
            Self::Local => gpu::node(&Machine::current().host, &gpu.identity().pci)
                .map_err(Fault::Unsupported)?,
        };
        let cpus = Machine::current().topology.nodes.iter().find(|known| known.id == node);
        let cpus = cpus.map(|known| known.cpus.clone()).unwrap_or_default();
        let bound = affinity::bind_current_thread(&cpus);
        bound.map_err(|error| Fault::Unsupported(format!("CPUs of node {node}: {error}")))?;
        place(Policy::Bind(node))
    }
}

fn place(policy: Policy) -> Result<(), Fault> {
    let applied = policy.apply_to_thread();
    applied.map_err(|error| Fault::Unsupported(format!("memory policy {policy}: {error}")))
}

impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unbound => f.write_str("unbound"),
            Self::Node(node) => write!(f, "node:{node}"),
            Self::Interleave => f.write_str("interleave"),
            Self::Local => f.write_str("local"),
        }
    }
}

impl FromStr for Arm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("node:").and_then(|node| node.parse().ok())) {
            ("unbound", _) => Ok(Self::Unbound),
            ("interleave", _) => Ok(Self::Interleave),
            ("local", _) => Ok(Self::Local),
            (_, Some(node)) => Ok(Self::Node(node)),
            _ => Err(format!("{text:?} is no arm (unbound, node:NODE, interleave, local)")),
        }
    }
}

/// Two devices, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Where the data comes from.
    pub from: usize,
    /// Where it goes.
    pub to: usize,
}

impl Pair {
    /// Every ordered pair of this machine's devices.
    pub fn choices() -> Vec<Self> {
        Self::of(device::count().max(2))
    }

    fn of(count: usize) -> Vec<Self> {
        let all = (0..count).flat_map(|from| (0..count).map(move |to| Self { from, to }));
        all.filter(|pair| pair.from != pair.to).collect()
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}>{}", self.from, self.to)
    }
}

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = text
            .split_once('>')
            .and_then(|(from, to)| Some(Self { from: from.parse().ok()?, to: to.parse().ok()? }));
        let differ = read.filter(|pair| pair.from != pair.to);
        differ.ok_or_else(|| format!("{text:?} is no pair of devices, such as 0>1"))
    }
}

/// A number of devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(pub usize);

impl Count {
    /// Powers of two below the number of devices.
    pub fn choices() -> Vec<Self> {
        let all = device::count().max(3);
        (1..usize::BITS).map(|power| Self(1 << power)).take_while(|count| count.0 < all).collect()
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let count = text.parse().ok().filter(|count| *count >= 2);
        count.map(Self).ok_or_else(|| format!("{text:?} is no number of devices from 2 on"))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Algorithm, Arm, Count, Exchange, Load, Pair, Peers, Place, Protocol, Route, Staging, Thread,
    };
    use std::fmt::Debug;
    use std::str::FromStr;

    fn reads_back<T: FromStr + ToString + PartialEq + Debug>(values: &[T]) {
        for value in values {
            assert_eq!(value.to_string().parse().ok().as_ref(), Some(value));
        }
        assert!("nonsense".parse::<T>().is_err());
    }

    #[test]
    fn axis_values_read_back() {
        reads_back(&Route::ALL);
        reads_back(&Staging::ALL);
        reads_back(&Peers::ALL);
        reads_back(&Place::ALL);
        reads_back(&Exchange::ALL);
        reads_back(&Algorithm::ALL);
        reads_back(&Protocol::ALL);
        reads_back(&Load::ALL);
        reads_back(&Thread::ALL);
        reads_back(&[Arm::Unbound, Arm::Node(2), Arm::Interleave, Arm::Local]);
        reads_back(&Pair::of(3));
        reads_back(&[Count(2), Count(8)]);
        assert!("1>1".parse::<Pair>().is_err() && "1".parse::<Count>().is_err());
    }

    #[test]
    fn near_and_far_share_the_allowed_cpus() {
        let (near, allowed) = ([0, 1, 2, 3], [2, 3, 4]);
        assert_eq!(Thread::Near.choose(&near, &allowed).ok(), Some(vec![2, 3]));
        assert_eq!(Thread::Far.choose(&near, &allowed).ok(), Some(vec![4]));
        let reason = Thread::Far.choose(&near, &[2]).unwrap_err().to_string();
        assert!(reason.contains("1 of 1 allowed CPUs are local"), "{reason}");
    }

    #[test]
    fn a_load_ends_with_what_it_surrounds() {
        let allowed = vbench::host::affinity::allowed_cpus().unwrap();
        assert_eq!(Load::Stream.around(&allowed[..1], || 7), Ok(7));
    }
}
