//! The link of a device to the host, read while something is copied: idle links slow down, so a
//! link says nothing before and after.

use crate::host::{Host, cpulist};
use std::fmt;

const DEVICES: &str = "/sys/bus/pci/devices";

/// Speed and width of a link as sysfs tells them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// Such as `32.0 GT/s PCIe`.
    pub speed: String,
    /// Lanes.
    pub width: u32,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x{}", self.speed.trim_end_matches(" PCIe"), self.width)
    }
}

/// The folders of a device and of every bridge above it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path {
    levels: Vec<(String, String)>,
}

impl Path {
    /// The path of the device at `pci` up to the root; only the device where the tree is hidden.
    pub fn of(host: &Host, pci: &str) -> Self {
        let listed = format!("{DEVICES}/{pci}");
        let dir = host.canonical(&listed).unwrap_or(listed);
        let mut levels = Vec::new();
        let mut rest = dir.as_str();
        while let Some((above, name)) = rest.rsplit_once('/') {
            if name.matches(':').count() != 2 {
                break;
            }
            levels.push((name.to_owned(), rest.to_owned()));
            rest = above;
        }
        Self { levels }
    }

    /// The link at every level that tells one, the device's own first.
    pub fn read(&self, host: &Host) -> Vec<(String, Link)> {
        let link = |dir: &str| {
            let speed = host.read(&format!("{dir}/current_link_speed")).ok()?.trim().to_owned();
            let width =
                host.read(&format!("{dir}/current_link_width")).ok()?.trim().parse().ok()?;
            let told = speed.contains("GT/s") && (1..=32).contains(&width);
            told.then_some(Link { speed, width })
        };
        let known = self.levels.iter().filter_map(|(name, dir)| Some((name.clone(), link(dir)?)));
        known.collect()
    }

    /// The whole path in one line: `32.0 GT/s x16 < 0000:00:01.0 16.0 GT/s x16`.
    pub fn describe(&self, host: &Host) -> String {
        let links = self.read(host);
        let own = self.levels.first().map(|(name, _)| name);
        let text = links.iter().map(|(name, link)| match Some(name) == own {
            true => link.to_string(),
            false => format!("{name} {link}"),
        });
        match links.is_empty() {
            true => "unknown: no port on the path tells a link".to_owned(),
            false => text.collect::<Vec<_>>().join(" < "),
        }
    }
}

/// The memory node that the firmware puts the device at `pci` on.
///
/// # Errors
/// It names none (-1), or the file cannot be read.
pub fn node(host: &Host, pci: &str) -> Result<usize, String> {
    let file = format!("{DEVICES}/{pci}/numa_node");
    let text = host.read(&file).map_err(|why| format!("{file}: {}", why.reason()))?;
    let told = text.trim().parse::<i64>().map_err(|_| format!("{file}: {text:?} is no number"))?;
    usize::try_from(told).map_err(|_| format!("the firmware names no node ({file} is {told})"))
}

/// The CPUs near the device at `pci`.
///
/// # Errors
/// The file cannot be read.
pub fn near_cpus(host: &Host, pci: &str) -> Result<Vec<usize>, String> {
    let file = format!("{DEVICES}/{pci}/local_cpulist");
    let text = host.read(&file).map_err(|why| format!("{file}: {}", why.reason()))?;
    cpulist::parse(text.trim()).map_err(|error| format!("{file}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::{Path, near_cpus, node};
    use crate::host::Host;

    const DIR: &str = "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0";

    fn host() -> Host {
        let files: Vec<(String, &str)> = vec![
            (
                "link /sys/bus/pci/devices/0000:01:00.0".into(),
                "../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0",
            ),
            (format!("file {DIR}/current_link_speed"), "32.0 GT/s PCIe\n"),
            (format!("file {DIR}/current_link_width"), "16\n"),
            (
                "file /sys/devices/pci0000:00/0000:00:01.0/current_link_speed".into(),
                "16.0 GT/s PCIe\n",
            ),
            ("file /sys/devices/pci0000:00/0000:00:01.0/current_link_width".into(), "8\n"),
            (format!("file {DIR}/numa_node"), "-1\n"),
        ];
        let files: Vec<(&str, &str)> =
            files.iter().map(|(key, text)| (key.as_str(), *text)).collect();
        Host::of(&files)
    }

    #[test]
    fn every_port_on_the_path_tells_its_link() {
        let host = host();
        let path = Path::of(&host, "0000:01:00.0");
        assert_eq!(path.describe(&host), "32.0 GT/s x16 < 0000:00:01.0 16.0 GT/s x8");
    }

    #[test]
    fn hidden_links_are_unknown() {
        let nothing = Host::of(&[]);
        let text = Path::of(&nothing, "0000:01:00.0").describe(&nothing);
        assert!(text.starts_with("unknown"), "{text}");
        assert!(node(&nothing, "0000:01:00.0").unwrap_err().contains("numa_node"));
        assert!(near_cpus(&nothing, "0000:01:00.0").is_err());
    }
}
