//! Facts about memory nodes: CPUs, memory, distances, huge pages.

use super::Facts;
use super::reading::known;
use crate::host::{Host, cpulist};
use crate::quantity::Bytes;

const ROOT: &str = "/sys/devices/system/node";

/// The nodes and the distances between them.
pub(super) fn nodes(host: &Host, facts: &mut Facts) {
    let nodes = facts.topology().nodes.clone();
    let count = Some(nodes.len()).filter(|count| *count > 0);
    let online = format!("{ROOT}/online");
    facts.add("numa.nodes", online.as_str(), known(count, host, &online)).stable();
    let matrix: Vec<Vec<u32>> = nodes.iter().map(|node| node.distances.clone()).collect();
    let square = !matrix.is_empty() && matrix.iter().all(|row| row.len() == matrix.len());
    let distance = format!("{ROOT}/node0/distance");
    let distances = known(square.then_some(matrix), host, &distance);
    facts.add("numa.distances", format!("{ROOT}/node*/distance"), distances).stable();
    for node in nodes {
        let dir = format!("{ROOT}/node{}", node.id);
        let name = |fact: &str| format!("numa.node.{}.{fact}", node.id);
        let cpus = format!("{dir}/cpulist");
        let list = known(host.read(&cpus).ok().map(|_| listed(&node.cpus)), host, &cpus);
        facts.add(name("cpus"), cpus, list).stable();
        let meminfo = format!("{dir}/meminfo");
        for (fact, bytes) in [("memory", node.memory_total), ("memory_free", node.memory_free)] {
            facts.add(name(fact), meminfo.as_str(), known(bytes, host, &meminfo));
        }
        for pool in node.huge_pages {
            let fact = |part: &str| name(&format!("huge_pages.{}.{part}", Bytes(pool.size)));
            let source = format!("{dir}/hugepages");
            facts.add(fact("total"), source.as_str(), Ok(pool.total));
            facts.add(fact("free"), source.as_str(), known(pool.free, host, &source));
        }
    }
}

/// A node without CPUs says so.
fn listed(cpus: &[usize]) -> String {
    if cpus.is_empty() { "none".to_owned() } else { cpulist::format(cpus) }
}
