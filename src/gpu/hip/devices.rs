//! AMD's devices as the kernel's compute driver lists them, before any library is opened.

use crate::host::Host;

/// Where they are listed.
const NODES: &str = "/sys/class/kfd/kfd/topology/nodes";

/// `gfx942` of the device at `pci`, from the compute driver's list: `gfx_target_version` is
/// major x 10000 + minor x 100 + stepping, `location_id` bus x 256 + device x 8 + function. Source:
/// the kernel's `kfd_topology.c`.
pub(super) fn architecture(host: &Host, pci: &str) -> Option<String> {
    let mut parts = pci.split([':', '.']).map(|part| u64::from_str_radix(part, 16).ok());
    let (domain, bus) = (parts.next()??, parts.next()??);
    let (slot, function) = (parts.next()??, parts.next()??);
    let location = bus << 8 | slot << 3 | function;
    host.list(NODES).ok()?.into_iter().find_map(|node| {
        let text = host.read(&format!("{NODES}/{node}/properties")).ok()?;
        let property = |name: &str| property(&text, name);
        let found =
            property("location_id") == Some(location) && property("domain").unwrap_or(0) == domain;
        gfx(property("gfx_target_version").filter(|_| found)?)
    })
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
    use super::{architecture, architectures};
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
}
