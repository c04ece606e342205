//! The claimed topology: CPUs, caches, nodes, and the memory that may be used.
//!
//! All of it is what the kernel says, which in a guest is what the hypervisor made up: benchmarks
//! test the claim. Everything is optional. A machine that hides `/sys` still has its allowed CPUs,
//! and where `/proc/cpuinfo` tells, their sockets and cores.

mod caches;
mod cpus;
mod memory;
mod nodes;

pub use self::caches::{Cache, CacheKind, CacheLevel};
pub use self::cpus::Cpu;
pub use self::memory::Memory;
pub use self::nodes::{HugePages, Node};
pub use crate::host::room::{Available, Limit, Room};

use crate::host::{Host, cpulist};

/// CPUs, caches and memory nodes as the kernel describes them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Topology {
    /// CPUs this process may use, ascending.
    pub allowed: Vec<usize>,
    /// CPUs that are online, ascending by id.
    pub cpus: Vec<Cpu>,
    /// Every cache once, by level, kind and first CPU.
    pub caches: Vec<Cache>,
    /// Memory nodes, ascending; empty where the kernel has no NUMA support or hides it.
    pub nodes: Vec<Node>,
    /// Memory of the whole machine, and the limits on it.
    pub memory: Memory,
}

impl Topology {
    /// Reads the topology of `host`. What cannot be read is left out.
    pub fn read(host: &Host) -> Self {
        let allowed = allowed(host);
        let nodes = nodes::read(host);
        let mut cpus = cpus::read(host, &allowed);
        let caches = caches::read(host, &cpus);
        cpus::place(&mut cpus, &nodes);
        caches::assign_last_level(&mut cpus, &caches);
        let memory = Memory::read(host);
        Self { allowed, cpus, caches, nodes, memory }
    }

    /// The CPU with this id, if it is online.
    pub fn cpu(&self, id: usize) -> Option<&Cpu> {
        self.cpus.binary_search_by_key(&id, |cpu| cpu.id).ok().map(|index| &self.cpus[index])
    }

    /// The CPUs that are online, ascending.
    pub fn online(&self) -> Vec<usize> {
        self.cpus.iter().map(|cpu| cpu.id).collect()
    }

    /// The hardware threads of the core of this CPU, itself included; empty when not known.
    pub fn smt_siblings(&self, cpu: usize) -> &[usize] {
        self.cpu(cpu).map_or(&[], |cpu| &cpu.siblings)
    }

    /// The node of a CPU.
    pub fn node_of(&self, cpu: usize) -> Option<usize> {
        self.cpu(cpu)?.node
    }

    /// The node with this id.
    pub fn node(&self, id: usize) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// The last-level caches, numbered as in [`Cpu::llc`].
    pub fn llcs(&self) -> Vec<&Cache> {
        caches::last_level(&self.cpus, &self.caches).into_iter().map(|i| &self.caches[i]).collect()
    }

    /// The sum of the last-level caches; `None` when no size is known.
    pub fn llc_total_bytes(&self) -> Option<u64> {
        self.llcs().iter().filter_map(|cache| cache.size).reduce(u64::saturating_add)
    }

    /// The data caches that an allowed CPU sees, from the first level outwards: the size of one
    /// cache, and how many such caches the machine has.
    pub fn cache_levels(&self) -> Vec<CacheLevel> {
        caches::levels(&self.caches, self.allowed.first().copied())
    }

    /// The memory that this process can still allocate, and which limit says so: the least of
    /// what the system has, what the control groups leave, and what the address-space limit leaves.
    pub fn memory_available(&self) -> Option<Available> {
        self.memory.room.available()
    }
}

/// The CPUs this process may use: from procfs, else from the scheduler.
fn allowed(host: &Host) -> Vec<usize> {
    let status = host.read("/proc/self/status").unwrap_or_default();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let cpus = list.and_then(|list| cpulist::parse(list).ok()).filter(|cpus| !cpus.is_empty());
    cpus.or_else(|| host.affinity().ok()).unwrap_or_default()
}

/// The number in a file, if that is what it holds.
fn number<N: std::str::FromStr>(host: &Host, path: &str) -> Option<N> {
    host.read(path).ok()?.parse().ok()
}

/// The CPUs or nodes listed in a file.
fn ids(host: &Host, path: &str) -> Option<Vec<usize>> {
    cpulist::parse(&host.read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::Topology;
    use crate::host::Host;

    #[test]
    fn nothing_to_read_is_an_empty_topology() {
        let topology = Topology::read(&Host::of(&[]));
        assert_eq!(topology, Topology::default());
        assert_eq!(topology.llc_total_bytes(), None);
        assert_eq!(topology.memory_available(), None);
        assert_eq!(topology.node_of(0), None);
        assert!(topology.smt_siblings(0).is_empty());
    }

    #[test]
    fn the_live_machine_has_an_allowed_cpu() {
        let topology = Topology::read(&Host::live());
        assert!(!topology.allowed.is_empty());
        assert!(topology.allowed.iter().all(|cpu| topology.cpu(*cpu).is_some()));
        assert!(topology.memory_available().is_some_and(|available| available.bytes > 0));
    }

    #[test]
    fn without_sys_sockets_and_cores_come_from_cpuinfo() {
        let cpuinfo = "processor\t: 0\nphysical id\t: 0\ncore id\t: 0\n\n\
                       processor\t: 1\nphysical id\t: 0\ncore id\t: 0\n\n\
                       processor\t: 2\nphysical id\t: 1\ncore id\t: 0\n";
        let topology = Topology::read(&Host::of(&[
            ("file /proc/cpuinfo", cpuinfo),
            ("file /proc/self/status", "Name:\tx\nCpus_allowed_list:\t1-2\n"),
        ]));
        assert_eq!(topology.allowed, [1, 2]);
        assert_eq!(topology.online(), [0, 1, 2]);
        assert_eq!(topology.smt_siblings(1), [0, 1]);
        assert_eq!(topology.smt_siblings(2), [2]);
        assert_eq!(topology.cpu(2).and_then(|cpu| cpu.package), Some(1));
    }

    #[test]
    fn offline_and_memoryless_parts_are_left_out_or_empty() {
        let topology = Topology::read(&Host::of(&[
            ("file /sys/devices/system/cpu/online", "0,2000"),
            ("file /sys/devices/system/cpu/cpu0/topology/core_id", "0"),
            ("file /sys/devices/system/cpu/cpu1/topology/core_id", "1"),
            ("file /sys/devices/system/cpu/cpu2000/topology/core_id", "7"),
            ("file /sys/devices/system/node/online", "0-1"),
            ("file /sys/devices/system/node/node0/cpulist", "0-1,2000"),
            ("file /sys/devices/system/node/node1/cpulist", ""),
            ("file /sys/devices/system/node/node1/meminfo", "Node 1 MemTotal:   4 kB\n"),
        ]));
        assert_eq!(topology.online(), [0, 2000]);
        assert_eq!(topology.node_of(2000), Some(0));
        assert_eq!(topology.node(0).and_then(|node| node.memory_total), None);
        assert_eq!(topology.node(1).and_then(|node| node.memory_total), Some(4096));
        assert!(topology.node(1).is_some_and(|node| node.cpus.is_empty()));
    }
}
