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
        performance(host, facts, node.id, &dir);
        for pool in node.huge_pages {
            let fact = |part: &str| name(&format!("huge_pages.{}.{part}", Bytes(pool.size)));
            let source = format!("{dir}/hugepages");
            facts.add(fact("total"), source.as_str(), Ok(pool.total));
            facts.add(fact("free"), source.as_str(), known(pool.free, host, &source));
        }
    }
}

/// What the firmware's table of memory attributes (HMAT) tells of a node as seen from the nodes whose
/// CPUs reach it best; nothing where there is none. Nanoseconds and MiB per second, as the kernel
/// says in Documentation/admin-guide/mm/numaperf.rst, become seconds and bytes per second.
fn performance(host: &Host, facts: &mut Facts, node: usize, dir: &str) {
    const MIB: u64 = 1 << 20;
    let folder = format!("{dir}/access0/initiators");
    let Ok(entries) = host.list(&folder) else { return };
    let mut nearest: Vec<usize> =
        entries.iter().filter_map(|entry| entry.strip_prefix("node")?.parse().ok()).collect();
    nearest.sort_unstable();
    let name = |fact: &str| format!("numa.node.{node}.{fact}");
    facts.add(name("initiators"), folder.as_str(), Ok(listed(&nearest))).stable();
    let number = |file: &str| host.read(file).ok()?.trim().parse::<u64>().ok();
    for way in ["read", "write"] {
        let file = format!("{folder}/{way}_latency");
        let seconds = number(&file).filter(|ns| *ns > 0).map(|ns| ns as f64 / 1e9);
        let known_latency = known(seconds, host, &file);
        facts.add(name(&format!("{way}_latency")), file, known_latency).stable();
        let file = format!("{folder}/{way}_bandwidth");
        let bytes = number(&file).filter(|mib| *mib > 0).and_then(|mib| mib.checked_mul(MIB));
        let known_bandwidth = known(bytes, host, &file);
        facts.add(name(&format!("{way}_bandwidth")), file, known_bandwidth).stable();
    }
}

/// A node without CPUs says so.
fn listed(cpus: &[usize]) -> String {
    if cpus.is_empty() { "none".to_owned() } else { cpulist::format(cpus) }
}

#[cfg(test)]
mod tests {
    use crate::environment::probe;
    use crate::host::Host;

    #[test]
    fn what_the_firmware_tells_of_a_node_is_a_fact_and_its_silence_is_none() {
        let host = Host::of(&[
            ("list /sys/devices/system/node", "node0\nnode2\nonline"),
            ("file /sys/devices/system/node/online", "0,2"),
            (
                "list /sys/devices/system/node/node2/access0/initiators",
                "node0\nread_bandwidth\nread_latency\nwrite_latency",
            ),
            ("file /sys/devices/system/node/node2/access0/initiators/read_bandwidth", "5120\n"),
            ("file /sys/devices/system/node/node2/access0/initiators/read_latency", "50\n"),
            ("file /sys/devices/system/node/node2/access0/initiators/write_latency", "0\n"),
        ]);
        let environment = probe(&host);
        let told = |fact: &str| environment.value(fact).map(ToString::to_string);
        assert_eq!(told("numa.node.2.initiators").as_deref(), Some("0"));
        assert_eq!(told("numa.node.2.read_bandwidth"), Some((5_u64 << 30).to_string()));
        let latency = told("numa.node.2.read_latency").and_then(|text| text.parse::<f64>().ok());
        assert_eq!(latency, Some(50e-9));
        assert_eq!(told("numa.node.2.write_latency"), None, "0 is no answer");
        assert!(environment.facts.contains_key("numa.node.2.write_latency"));
        assert!(!environment.facts.contains_key("numa.node.0.read_latency"));
    }
}
