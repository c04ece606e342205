//! Memory nodes: CPUs, memory, distances, huge pages.

use super::{ids, number};
use crate::host::Host;
use crate::host::room::kib;

const ROOT: &str = "/sys/devices/system/node";

/// A memory node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Its number.
    pub id: usize,
    /// Its CPUs, offline ones excluded; empty for a node of memory only.
    pub cpus: Vec<usize>,
    /// Memory in bytes; a guest sees some 30 MiB less than was configured.
    pub memory_total: Option<u64>,
    /// Free memory in bytes.
    pub memory_free: Option<u64>,
    /// Distance to each node, in the order of the nodes that are online; 10 is local.
    pub distances: Vec<u32>,
    /// Pools of huge pages, by size.
    pub huge_pages: Vec<HugePages>,
}

/// A pool of huge pages of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HugePages {
    /// Size of one page in bytes.
    pub size: u64,
    /// Pages reserved.
    pub total: u64,
    /// Pages of them that nobody uses.
    pub free: Option<u64>,
}

/// The nodes that are online.
pub(super) fn read(host: &Host) -> Vec<Node> {
    let folders = host.list(ROOT).unwrap_or_default();
    let named: Vec<usize> =
        folders.iter().filter_map(|name| name.strip_prefix("node")?.parse().ok()).collect();
    let online = ids(host, &format!("{ROOT}/online")).unwrap_or_else(|| named.clone());
    let mut nodes: Vec<_> =
        online.into_iter().filter(|id| named.contains(id)).map(|id| read_one(host, id)).collect();
    nodes.sort_by_key(|node| node.id);
    nodes
}

fn read_one(host: &Host, id: usize) -> Node {
    let dir = format!("{ROOT}/node{id}");
    let meminfo = host.read(&format!("{dir}/meminfo")).unwrap_or_default();
    let distance = host.read(&format!("{dir}/distance")).unwrap_or_default();
    let distances: Option<Vec<u32>> = distance.split_whitespace().map(|d| d.parse().ok()).collect();
    Node {
        id,
        cpus: ids(host, &format!("{dir}/cpulist")).unwrap_or_default(),
        memory_total: kib(&meminfo, "MemTotal"),
        memory_free: kib(&meminfo, "MemFree"),
        distances: distances.unwrap_or_default(),
        huge_pages: huge_pages(host, &format!("{dir}/hugepages")),
    }
}

/// The pools in a folder, `hugepages-2048kB` and the like, smallest pages first.
pub(super) fn huge_pages(host: &Host, dir: &str) -> Vec<HugePages> {
    let pools = host.list(dir).unwrap_or_default().into_iter().filter_map(|name| {
        let kib: u64 = name.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse().ok()?;
        let total = number(host, &format!("{dir}/{name}/nr_hugepages"))?;
        let free = number(host, &format!("{dir}/{name}/free_hugepages"));
        Some(HugePages { size: kib.checked_mul(1024)?, total, free })
    });
    let mut pools: Vec<_> = pools.collect();
    pools.sort_by_key(|pool| pool.size);
    pools
}
