//! Room: how much memory this process may still allocate, and what allows no more.

use super::Host;
use super::cgroup::Cgroup;
use std::fmt;

/// What each limit still leaves, in bytes; `None` without the limit, or when it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// What the kernel thinks can be allocated without swapping.
    pub machine: Option<u64>,
    /// What the control groups leave.
    pub cgroup: Option<u64>,
    /// What the address-space limit leaves.
    pub address_space: Option<u64>,
}

/// Memory that this process may allocate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Available {
    /// How much, in bytes.
    pub bytes: u64,
    /// What allows no more.
    pub limit: Limit,
}

/// What bounds an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// The memory of the machine (`MemAvailable`).
    Machine,
    /// A control group, as containers have.
    Cgroup,
    /// The address-space limit of the process (`RLIMIT_AS`).
    AddressSpace,
    /// The memory of one node, which memory bound to it cannot leave.
    Node(usize),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Machine => "available memory",
            Self::Cgroup => "control group",
            Self::AddressSpace => "address-space limit",
            Self::Node(node) => return write!(f, "memory node {node}"),
        })
    }
}

impl fmt::Display for Available {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB available", self.bytes >> 20)?;
        if self.limit == Limit::Machine { Ok(()) } else { write!(f, " ({})", self.limit) }
    }
}

impl Room {
    /// Reads every limit.
    pub fn read(host: &Host) -> Self {
        let meminfo = host.read("/proc/meminfo").unwrap_or_default();
        let group = Cgroup::find(host, "memory").ok().and_then(|group| group.memory(host));
        Self {
            machine: kib(&meminfo, "MemAvailable"),
            cgroup: group.and_then(|limit| limit.left),
            address_space: address_space_left(host),
        }
    }

    /// What memory bound to a node may take: no more than the node has left, either.
    pub fn on_node(&self, host: &Host, node: usize) -> Option<Available> {
        let free = Self::free_on_node(host, node);
        let there = free.map(|bytes| Available { bytes, limit: Limit::Node(node) });
        [self.available(), there].into_iter().flatten().min_by_key(|room| room.bytes)
    }

    /// What a node has left, in bytes: free pages, and files that nobody used lately, which the
    /// kernel drops to make room.
    pub fn free_on_node(host: &Host, node: usize) -> Option<u64> {
        let file = format!("/sys/devices/system/node/node{node}/meminfo");
        let meminfo = host.read(&file).ok()?;
        Some(kib(&meminfo, "MemFree")?.saturating_add(kib(&meminfo, "Inactive(file)").unwrap_or(0)))
    }

    /// The least of the limits that are known.
    pub fn available(&self) -> Option<Available> {
        let limits = [
            (self.machine, Limit::Machine),
            (self.cgroup, Limit::Cgroup),
            (self.address_space, Limit::AddressSpace),
        ];
        let known = limits.into_iter().filter_map(|(bytes, limit)| Some((bytes?, limit)));
        known.min().map(|(bytes, limit)| Available { bytes, limit })
    }
}

/// The soft limit in `/proc/self/limits`, less what is mapped already.
fn address_space_left(host: &Host) -> Option<u64> {
    let limits = host.read("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    let limit: u64 = line.split_whitespace().next()?.parse().ok()?;
    let mapped = kib(&host.read("/proc/self/status").ok()?, "VmSize")?;
    Some(limit.saturating_sub(mapped))
}

/// A field such as `MemTotal:  16 kB`, in bytes, also behind `Node 0`.
pub fn kib(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (key, rest) = line.split_once(':')?;
        let named = key.split_whitespace().next_back() == Some(name);
        let kib: u64 = named.then(|| rest.split_whitespace().next())??.parse().ok()?;
        kib.checked_mul(1024)
    })
}

#[cfg(test)]
mod tests {
    use super::{Available, Limit, Room, kib};
    use crate::host::Host;

    const GROUP: [(&str, &str); 3] = [
        ("file /proc/self/cgroup", "0::/"),
        ("file /proc/self/mountinfo", "31 23 0:28 / /cg rw - cgroup2 cgroup2 rw"),
        ("file /cg/memory.current", "4096"),
    ];

    fn available(files: &[(&str, &str)]) -> Option<Available> {
        let all: Vec<_> = GROUP.iter().chain(files).copied().collect();
        Room::read(&Host::of(&all)).available()
    }

    #[test]
    fn the_least_limit_binds_and_is_named() {
        let meminfo = ("file /proc/meminfo", "MemTotal: 100 kB\nMemAvailable: 50 kB\n");
        let bound = |bytes, limit| Some(Available { bytes, limit });
        assert_eq!(available(&[meminfo]), bound(50 << 10, Limit::Machine));
        let group = ("file /cg/memory.max", "16384");
        assert_eq!(available(&[meminfo, group]), bound(12288, Limit::Cgroup));
        let limits = ("file /proc/self/limits", "Max address space   9000   unlimited   bytes");
        let status = ("file /proc/self/status", "VmSize:\t  4 kB");
        let all = [meminfo, group, limits, status];
        assert_eq!(available(&all), bound(9000 - 4096, Limit::AddressSpace));
        assert_eq!(available(&[]), None);
    }

    #[test]
    fn memory_bound_to_a_node_has_no_more_room_than_the_node() {
        let node = "Node 1 MemTotal: 90 kB\nNode 1 MemFree: 20 kB\nNode 1 Inactive(file): 4 kB\n";
        let host = Host::of(&[
            ("file /proc/meminfo", "MemAvailable: 50 kB\n"),
            ("file /sys/devices/system/node/node1/meminfo", node),
        ]);
        let room = Room::read(&host);
        let bound = room.on_node(&host, 1).unwrap();
        assert_eq!(bound, Available { bytes: 24 << 10, limit: Limit::Node(1) });
        assert_eq!(bound.to_string(), "0 MiB available (memory node 1)");
        assert_eq!(room.on_node(&host, 2), room.available(), "a node that tells nothing");
    }

    #[test]
    fn sizes_are_read_from_both_tables() {
        assert_eq!(kib("MemTotal:       16 kB", "MemTotal"), Some(16384));
        assert_eq!(kib("Node 3 MemTotal:       16 kB", "MemTotal"), Some(16384));
        assert_eq!(kib("MemTotal: many kB", "MemTotal"), None);
        assert_eq!(kib("MemTotal: 18446744073709551615 kB", "MemTotal"), None);
        assert_eq!(kib("", "MemTotal"), None);
    }
}
