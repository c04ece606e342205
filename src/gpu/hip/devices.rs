//! AMD's devices as the kernel's compute driver lists them, before any library is opened.

use crate::host::{Host, Unreadable};
use std::collections::BTreeMap;

/// Where they are listed.
const NODES: &str = "/sys/class/kfd/kfd/topology/nodes";

/// `gfx942` of the device at `pci`: `gfx_target_version` is major x 10000 + minor x 100 + stepping.
/// Source: the kernel's `kfd_topology.c`.
pub(super) fn architecture(host: &Host, pci: &str) -> Option<String> {
    let (_, text) = listed(host, pci).ok()?;
    gfx(property(&text, "gfx_target_version")?)
}

/// The node of the device at `pci`, and its properties.
fn listed(host: &Host, pci: &str) -> Result<(String, String), Unreadable> {
    let found = host.list(NODES)?.into_iter().find_map(|node| {
        let text = host.read(&format!("{NODES}/{node}/properties")).ok()?;
        (address(&text).as_deref() == Some(pci)).then_some((node, text))
    });
    found.ok_or_else(|| Unreadable::because("the compute driver does not list this GPU"))
}

/// The bus address that a node's properties tell; CPUs, which are listed too, have none.
/// `location_id` is bus x 256 + device x 8 + function. Source: the kernel's `kfd_topology.c`.
fn address(text: &str) -> Option<String> {
    property(text, "gfx_target_version").filter(|version| *version > 0)?;
    let (domain, location) =
        (property(text, "domain").unwrap_or(0), property(text, "location_id")?);
    let (bus, slot, function) = (location >> 8 & 0xff, location >> 3 & 0x1f, location & 7);
    Some(format!("{domain:04x}:{bus:02x}:{slot:02x}.{function}"))
}

/// `CRAT_IOLINK_TYPE_PCIEXPRESS` and `_XGMI`, a hop of which weighs 15, and
/// `CRAT_IOLINK_FLAGS_NO_PEER_TO_PEER_DMA`. Source: the kernel's `kfd_crat.h`, `kfd_crat.c`.
const PCIE: u64 = 2;
const XGMI: u64 = 11;
const HOP: u64 = 15;
const NO_PEER: u64 = 1 << 4;

/// The GPUs that the device at `pci` reaches without the host, by the way to them, such as
/// `XGMI, 1 hop, at most 50 GB/s: 0000:46:00.0 0000:85:00.0`; empty for none.
///
/// # Errors
/// The compute driver is not there, or does not list the device.
pub fn ways_to_gpus(host: &Host, pci: &str) -> Result<Vec<String>, Unreadable> {
    let (node, _) = listed(host, pci)?;
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    // The direct ones first: a way by PCIe may exist beside them.
    for kind in ["io_links", "p2p_links"] {
        let links = format!("{NODES}/{node}/{kind}");
        for link in host.list(&links).unwrap_or_default() {
            let text = host.read(&format!("{links}/{link}/properties")).unwrap_or_default();
            if let Some((peer, way)) = way(host, &text).filter(|(peer, _)| peer != pci) {
                known.entry(peer).or_insert(way);
            }
        }
    }
    let mut ways: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (peer, way) in known {
        ways.entry(way).or_default().push(peer);
    }
    Ok(ways.into_iter().map(|(way, peers)| format!("{way}: {}", peers.join(" "))).collect())
}

/// Where a link leads, if to a GPU, and how. Bandwidth is told in MB/s, 0 where it is not known.
fn way(host: &Host, link: &str) -> Option<(String, String)> {
    let told = |name: &str| property(link, name);
    if told("flags").unwrap_or(0) & NO_PEER != 0 {
        return None;
    }
    let node = told("node_to")?;
    let peer = address(&host.read(&format!("{NODES}/{node}/properties")).ok()?)?;
    let mut way = match (told("type")?, told("weight").unwrap_or(0) / HOP) {
        (XGMI, 0) => "XGMI".to_owned(),
        (XGMI, 1) => "XGMI, 1 hop".to_owned(),
        (XGMI, hops) => format!("XGMI, {hops} hops"),
        (PCIE, _) => "PCIe".to_owned(),
        (other, _) => format!("link of type {other}"),
    };
    if let Some(most) = told("max_bandwidth").filter(|most| *most > 0) {
        way.push_str(&format!(", at most {} GB/s", most as f64 / 1e3));
    }
    Some((peer, way))
}

/// Architectures of all devices; CPUs, which are listed too, have none.
pub(super) fn architectures(host: &Host) -> Vec<String> {
    let nodes = host.list(NODES).unwrap_or_default().into_iter();
    let found = nodes.filter_map(|node| {
        let text = host.read(&format!("{NODES}/{node}/properties")).ok()?;
        gfx(property(&text, "gfx_target_version")?)
    });
    found.collect()
}

fn property(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line?.trim().parse().ok()
}

fn gfx(version: u64) -> Option<String> {
    let (major, minor, stepping) = (version / 10_000, version / 100 % 100, version % 100);
    (version > 0).then(|| format!("gfx{major}{minor:x}{stepping:x}"))
}

#[cfg(test)]
mod tests {
    use super::{NODES, architecture, architectures, ways_to_gpus};
    use crate::host::Host;

    #[test]
    fn the_compute_driver_names_the_architecture() {
        let node = "file /sys/class/kfd/kfd/topology/nodes";
        let (cpu, gpu) = (format!("{node}/0/properties"), format!("{node}/1/properties"));
        let host = Host::of(&[
            (&cpu, "cpu_cores_count 64\ngfx_target_version 0\nlocation_id 0\ndomain 0\n"),
            (&gpu, "gfx_target_version 90402\nlocation_id 49408\ndomain 0\n"),
        ]);
        assert_eq!(architecture(&host, "0000:c1:00.0").as_deref(), Some("gfx942"));
        assert_eq!(architecture(&host, "0001:c1:00.0"), None);
        assert_eq!(architecture(&host, "nonsense"), None);
        assert_eq!(architectures(&host), ["gfx942"]);
        assert!(architectures(&Host::of(&[])).is_empty());
    }

    /// A CPU, and three GPUs at 41, 42 and 43; the links of the first.
    fn linked(links: &[(&str, &str)]) -> Host {
        let mut files =
            vec![(format!("file {NODES}/0/properties"), "cpu_cores_count 64\n".to_owned())];
        for number in 1_u32..4 {
            let location = (0x40 + number) << 8;
            let text = format!("gfx_target_version 90402\nlocation_id {location}\ndomain 0\n");
            files.push((format!("file {NODES}/{number}/properties"), text));
        }
        for (place, text) in links {
            files.push((format!("file {NODES}/1/{place}/properties"), (*text).to_owned()));
        }
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        Host::of(&files)
    }

    #[test]
    fn gpus_are_told_by_the_way_to_them() {
        let host = linked(&[
            ("io_links/0", "type 2\nnode_to 0\nweight 20\nmax_bandwidth 63000\nflags 1\n"),
            ("io_links/1", "type 11\nnode_to 2\nweight 15\nmax_bandwidth 50000\nflags 1\n"),
            ("p2p_links/0", "type 2\nnode_to 2\nweight 40\nmax_bandwidth 63000\nflags 1\n"),
            ("p2p_links/1", "type 2\nnode_to 3\nweight 40\nmax_bandwidth 0\nflags 1\n"),
        ]);
        let ways = ways_to_gpus(&host, "0000:41:00.0");
        let told = ["PCIe: 0000:43:00.0", "XGMI, 1 hop, at most 50 GB/s: 0000:42:00.0"];
        assert_eq!(ways, Ok(told.map(str::to_owned).to_vec()));
        assert_eq!(ways_to_gpus(&host, "0000:42:00.0"), Ok(vec![]), "it has no links");
    }

    #[test]
    fn links_that_forbid_peers_or_lead_nowhere_are_none() {
        let host = linked(&[
            ("io_links/0", "type 11\nnode_to 2\nweight 15\nflags 17\n"),
            ("io_links/1", "type 11\nnode_to 99\nweight 15\nflags 1\n"),
            ("io_links/2", "what"),
        ]);
        assert_eq!(ways_to_gpus(&host, "0000:41:00.0"), Ok(vec![]));
        let why = ways_to_gpus(&host, "0000:99:00.0").unwrap_err();
        assert_eq!(why.reason(), "the compute driver does not list this GPU");
        assert!(ways_to_gpus(&Host::of(&[]), "0000:41:00.0").is_err());
    }
}
