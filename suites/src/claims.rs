//! What the guest claims of its caches and memory.

use vbench::host::{Host, cpulist};
use vbench::prelude::*;
use vbench::topology::{Available, Room};

/// Sum of the last-level caches, in bytes.
pub fn last_level_total() -> Option<u64> {
    Machine::current().topology.llc_total_bytes()
}

/// Size of each level of data cache, smallest first.
pub fn cache_levels() -> Vec<u64> {
    Machine::current().topology.cache_levels().iter().map(|level| level.size).collect()
}

/// Memory that this process may still allocate, and what allows no more. Read anew: what others
/// use changes.
pub fn memory_available() -> Option<Available> {
    Room::read(&Machine::current().host).available()
}

/// Memory nodes that this process may use and that hold memory, and their CPUs.
pub fn nodes() -> Vec<(usize, Vec<usize>)> {
    let machine = Machine::current();
    let allowed = allowed_nodes(&machine.host);
    let usable = machine.topology.nodes.iter().filter(|node| {
        node.memory_total != Some(0) && allowed.as_ref().is_none_or(|ids| ids.contains(&node.id))
    });
    usable.map(|node| (node.id, node.cpus.clone())).collect()
}

/// What the kernel allows; `None` where it does not say.
fn allowed_nodes(host: &Host) -> Option<Vec<usize>> {
    let status = host.read("/proc/self/status").ok()?;
    let list = status.lines().find_map(|line| line.strip_prefix("Mems_allowed_list:"))?;
    cpulist::parse(list).ok()
}
