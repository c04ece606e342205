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

/// The same of memory under `policy`: what is bound to a node must find room there.
pub fn memory_for(policy: Policy) -> Option<Available> {
    let host = &Machine::current().host;
    match policy {
        Policy::Bind(node) => Room::read(host).on_node(host, node),
        _ => Room::read(host).available(),
    }
}

/// True while half of a node's memory is free, so that nothing forces its memory elsewhere.
pub fn half_empty(node: usize) -> bool {
    let nodes = Machine::current().topology.nodes.iter();
    let total = nodes.filter(|other| other.id == node).find_map(|node| node.memory_total);
    let free = Room::free_on_node(&Machine::current().host, node);
    free.zip(total).is_some_and(|(free, total)| free >= total / 2)
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

/// Every node and its CPUs, also where it has no memory or none that this process may use.
pub fn cpus_of_nodes() -> Vec<(usize, Vec<usize>)> {
    let nodes = Machine::current().topology.nodes.iter();
    nodes.map(|node| (node.id, node.cpus.clone())).collect()
}

/// Ids of the nodes that have CPUs.
pub fn cpu_nodes() -> Vec<usize> {
    let with_cpus = cpus_of_nodes().into_iter().filter(|(_, cpus)| !cpus.is_empty());
    with_cpus.map(|(id, _)| id).collect()
}

/// What the kernel allows; `None` where it does not say.
fn allowed_nodes(host: &Host) -> Option<Vec<usize>> {
    let status = host.read("/proc/self/status").ok()?;
    let list = status.lines().find_map(|line| line.strip_prefix("Mems_allowed_list:"))?;
    cpulist::parse(list).ok()
}

/// The CPUs of each last-level cache, each group as a list such as `0-3`.
pub fn cache_groups() -> Vec<String> {
    let caches = Machine::current().topology.llcs().into_iter().map(|cache| cache.cpus.clone());
    caches.map(|cpus| cpulist::format(&cpus)).collect()
}

/// The CPUs of each core, each group as a list such as `0-1`.
pub fn core_groups() -> Vec<String> {
    let mut cores: Vec<Vec<usize>> = Vec::new();
    for cpu in Machine::current().topology.cpus.iter().filter(|cpu| !cpu.siblings.is_empty()) {
        if !cores.contains(&cpu.siblings) {
            cores.push(cpu.siblings.clone());
        }
    }
    cores.iter().map(|core| cpulist::format(core)).collect()
}

/// The distance of two nodes in the guest's table.
pub fn distance(from: usize, to: usize) -> Option<u32> {
    let nodes = &Machine::current().topology.nodes;
    let place = nodes.iter().position(|node| node.id == to)?;
    nodes.iter().find(|node| node.id == from)?.distances.get(place).copied()
}
