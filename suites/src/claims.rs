//! What the guest claims of its caches and memory.

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

/// Memory nodes that hold memory, and their CPUs.
pub fn nodes() -> Vec<(usize, Vec<usize>)> {
    let topology = &Machine::current().topology;
    let allowed = vbench::host::memory::allowed_nodes().unwrap_or_default();
    let cpus = |node| topology.node(node).map(|node| node.cpus.clone()).unwrap_or_default();
    allowed.into_iter().map(|node| (node, cpus(node))).collect()
}
