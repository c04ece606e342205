//! PCI devices: what they are, where they hang, and how fast their link is.

use super::Facts;
use super::reading::{number, parsed, text};
use crate::host::{Host, Unreadable};

pub(super) const DEVICES: &str = "/sys/bus/pci/devices";
/// Buses of any kind: no kernel is without one.
const BUSES: &str = "/sys/bus";
/// The reason for the node of a device whose firmware names none; sysfs says -1.
pub const NO_NODE: &str = "the firmware names no node (numa_node is -1)";
/// Lane counts that exist. Source: PCI Express Base Specification, "Link Capabilities Register".
const WIDTHS: [i64; 7] = [1, 2, 4, 8, 12, 16, 32];
/// Deepest path that is followed; PCI has 256 buses, real machines some six levels.
const DEEPEST: usize = 32;

/// A PCI device.
pub(super) struct Device {
    /// Its address, such as `0000:01:00.0`.
    pub address: String,
    /// Its folder among the others of its bus.
    pub dir: String,
    /// Class, subclass and interface.
    pub class: u32,
    /// Who made it.
    pub vendor: u32,
    /// What it is.
    pub device: u32,
}

/// Every device by address, and how many there are that cannot be identified.
pub(super) fn devices(host: &Host) -> Result<(Vec<Device>, usize), Unreadable> {
    let names =
        host.list(DEVICES).map_err(|why| if why.is_absent() { absent(host) } else { why })?;
    let addresses: Vec<_> = names.into_iter().filter(|name| is_address(name)).collect();
    let listed = addresses.len();
    let devices: Vec<_> = addresses.into_iter().filter_map(|a| device(host, a)).collect();
    let unidentified = listed - devices.len();
    Ok((devices, unidentified))
}

/// Why no devices are listed: a sandbox shows none of those that there may be.
fn absent(host: &Host) -> Unreadable {
    Unreadable::because(match host.list(BUSES) {
        Ok(buses) if !buses.is_empty() => "the kernel has no PCI bus",
        _ => "/sys is hidden here, so there may be some",
    })
}

fn device(host: &Host, address: String) -> Option<Device> {
    let listed = format!("{DEVICES}/{address}");
    let dir = host.canonical(&listed).unwrap_or(listed);
    let hex = |file: &str| hexadecimal(&host.read(&format!("{dir}/{file}")).ok()?);
    let (class, vendor, device) = (hex("class")?, hex("vendor")?, hex("device")?);
    Some(Device { address, dir, class, vendor, device })
}

/// `0x10de`.
fn hexadecimal(text: &str) -> Option<u32> {
    u32::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

/// True for `0000:01:00.0`: domain, bus, device, function.
fn is_address(name: &str) -> bool {
    let lengths = name.split([':', '.']).map(str::len).collect::<Vec<_>>();
    let shape = matches!(lengths.as_slice(), [domain, 2, 2, 1] if *domain >= 4);
    shape && name.chars().all(|c| c.is_ascii_hexdigit() || c == ':' || c == '.')
}

impl Device {
    /// Base class and subclass, such as 0x0302.
    pub(super) fn kind(&self) -> u32 {
        self.class >> 8
    }

    pub(super) fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.dir)
    }

    /// The node that the firmware puts the device on.
    pub(super) fn node(&self, host: &Host) -> Result<i64, Unreadable> {
        match number(host, &self.file("numa_node"))? {
            -1 => Err(Unreadable::because(NO_NODE)),
            node @ 0.. => Ok(node),
            node => Err(Unreadable::because(format!("{node} is no node"))),
        }
    }

    /// The driver that is bound.
    pub(super) fn driver(&self, host: &Host) -> Result<String, Unreadable> {
        match host.link(&self.file("driver")) {
            Ok(target) => Ok(target.rsplit('/').next().unwrap_or_default().to_owned()),
            Err(why) if why.is_absent() => Err(Unreadable::because("no driver is bound")),
            Err(why) => Err(why),
        }
    }

    /// Folders of the bridges above, the nearest first, up to the root.
    pub(super) fn upstream(&self) -> Vec<(String, String)> {
        let mut above = Vec::new();
        let mut dir = self.dir.as_str();
        while let Some((parent, _)) = dir.rsplit_once('/') {
            let name = parent.rsplit('/').next().unwrap_or_default();
            if !is_address(name) || above.len() == DEEPEST {
                break;
            }
            above.push((name.to_owned(), parent.to_owned()));
            dir = parent;
        }
        above
    }

    /// The root that the device hangs on, such as `pci0000:00`.
    pub(super) fn root(&self) -> Option<String> {
        let mut parts = self.dir.split('/');
        parts.find(|part| part.starts_with("pci") && part.contains(':')).map(String::from)
    }
}

/// Adds speed and width of a link, now and at most: `NAME.link_speed` in transfers per second,
/// `NAME.link_width` in lanes, and the same with `_max`.
pub(super) fn link(host: &Host, facts: &mut Facts, name: &str, dir: &str) {
    for (suffix, file) in [("", "current_link"), ("_max", "max_link")] {
        let speed_file = format!("{dir}/{file}_speed");
        let rate = text(host, &speed_file).and_then(|text| speed(&text));
        facts.add(format!("{name}.link_speed{suffix}"), speed_file, rate);
        let width_file = format!("{dir}/{file}_width");
        let lanes = text(host, &width_file).and_then(|text| width(&text));
        facts.add(format!("{name}.link_width{suffix}"), width_file, lanes);
    }
}

/// `16.0 GT/s PCIe` as transfers per second.
fn speed(text: &str) -> Result<i64, Unreadable> {
    let untold = || Unreadable::because("the port tells no link speed");
    let (rate, unit) = text.split_once(' ').ok_or_else(untold)?;
    let rate: f64 = rate.parse().map_err(|_| untold())?;
    let sound = unit.starts_with("GT/s") && (1.0..1000.0).contains(&rate);
    if sound { Ok((rate * 1e9) as i64) } else { Err(untold()) }
}

/// Lanes. Ports without a link say 0, some virtual ones 255 or 63.
fn width(text: &str) -> Result<i64, Unreadable> {
    let lanes = parsed(text)?;
    let real = WIDTHS.contains(&lanes);
    if real { Ok(lanes) } else { Err(Unreadable::because("the port tells no link width")) }
}

#[cfg(test)]
mod tests {
    use super::{Device, NO_NODE, devices, is_address, speed, width};
    use crate::host::Host;

    #[test]
    fn speeds_and_widths_are_real_or_unknown() {
        assert_eq!(speed("2.5 GT/s PCIe"), Ok(2_500_000_000));
        assert_eq!(speed("32.0 GT/s PCIe"), Ok(32_000_000_000));
        assert_eq!(width("16"), Ok(16));
        for bad in ["Unknown", "Unknown speed", "", "0 GT/s", "NaN GT/s", "inf GT/s", "16.0 MB/s"] {
            assert!(speed(bad).is_err(), "{bad}");
        }
        for bad in ["0", "255", "63", "-1", "x"] {
            assert!(width(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn hidden_devices_are_not_called_absent() {
        let why = |answers: &[(&str, &str)]| {
            devices(&Host::of(answers)).err().map(|why| why.reason().to_owned())
        };
        let hidden = Some("/sys is hidden here, so there may be some".to_owned());
        assert_eq!(why(&[]), hidden);
        assert_eq!(why(&[("list /sys", ""), ("list /sys/bus", "")]), hidden);
        let other_buses = [("list /sys/bus", "cpu\nplatform")];
        assert_eq!(why(&other_buses).as_deref(), Some("the kernel has no PCI bus"));
        assert_eq!(why(&[("list /sys/bus/pci/devices", "")]), None);
    }

    #[test]
    fn addresses_are_told_from_other_names() {
        assert!(is_address("0000:01:00.0") && is_address("10000:e1:1f.7"));
        for bad in ["pci0000:00", "0000:01:00", "0000:01:00.x", "", "virtio0", "0000:01:0000.0"] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn the_path_to_the_root_is_in_the_folder() {
        let dir = "/sys/devices/pci0000:80/0000:80:01.0/0000:81:00.0/0000:82:08.0/0000:83:00.0";
        let device = Device {
            address: "0000:83:00.0".to_owned(),
            dir: dir.to_owned(),
            class: 0x03_0200,
            vendor: 0,
            device: 0,
        };
        let above: Vec<_> = device.upstream().into_iter().map(|(address, _)| address).collect();
        assert_eq!(above, ["0000:82:08.0", "0000:81:00.0", "0000:80:01.0"]);
        assert_eq!(device.root().as_deref(), Some("pci0000:80"));
        assert_eq!(device.kind(), 0x0302);
        let file = format!("file {dir}/numa_node");
        let why = device.node(&Host::of(&[(&file, "-1\n")])).expect_err("no node");
        assert_eq!(why.reason(), NO_NODE);
        assert_eq!(device.node(&Host::of(&[(&file, "3\n")])), Ok(3));
    }
}
