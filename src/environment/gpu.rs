//! Facts about GPUs and accelerators: model, bus, node, link, path to the root, driver.

use super::Facts;
use super::pci::{self, DEVICES, Device};
use super::reading::{known, list_or_none, text};
use crate::gpu::{self, Monitor};
use crate::host::{Host, Unreadable};
use vbench_results::{Environment, Fact, Reading};

const NVIDIA: u32 = 0x10de;
const AMD: u32 = 0x1002;
const INTEL: u32 = 0x8086;

/// AMD's compute driver.
const KFD: &str = "/sys/class/kfd/kfd/topology/nodes";
const NVIDIA_GPUS: &str = "/proc/driver/nvidia/gpus";
const NVIDIA_VERSION: &str = "/proc/driver/nvidia/version";

/// PCI classes. Source: PCI Code and ID Assignment Specification.
const VGA: u32 = 0x0300;
const CONTROLLER_3D: u32 = 0x0302;
const OTHER_DISPLAY: u32 = 0x0380;
const ACCELERATOR: u32 = 0x1200;
const OTHER_BRIDGE: u32 = 0x0680;

/// Device ids of GPUs that are common in virtual machines, for guests without a driver. Source:
/// the PCI ID Repository (pci-ids.ucw.cz); H100, H200 and L4 also NVIDIA/gpu-admin-tools.
const MODELS: [(u32, u32, &str); 23] = [
    (AMD, 0x740f, "AMD Instinct MI210"),
    (AMD, 0x74a1, "AMD Instinct MI300X"),
    (AMD, 0x74a5, "AMD Instinct MI325X"),
    (AMD, 0x75a0, "AMD Instinct MI350X"),
    (AMD, 0x75a3, "AMD Instinct MI355X"),
    (NVIDIA, 0x1eb8, "NVIDIA T4"),
    (NVIDIA, 0x20b0, "NVIDIA A100 SXM4 40GB"),
    (NVIDIA, 0x20b2, "NVIDIA A100 SXM4 80GB"),
    (NVIDIA, 0x20b5, "NVIDIA A100 PCIe 80GB"),
    (NVIDIA, 0x2330, "NVIDIA H100"),
    (NVIDIA, 0x2331, "NVIDIA H100"),
    (NVIDIA, 0x2335, "NVIDIA H200"),
    (NVIDIA, 0x233b, "NVIDIA H200"),
    (NVIDIA, 0x2684, "NVIDIA GeForce RTX 4090"),
    (NVIDIA, 0x26b5, "NVIDIA L40"),
    (NVIDIA, 0x26b9, "NVIDIA L40S"),
    (NVIDIA, 0x2704, "NVIDIA GeForce RTX 4080"),
    (NVIDIA, 0x27b6, "NVIDIA L2"),
    (NVIDIA, 0x27b8, "NVIDIA L4"),
    (NVIDIA, 0x2901, "NVIDIA B200"),
    (NVIDIA, 0x2b85, "NVIDIA GeForce RTX 5090"),
    (NVIDIA, 0x2bb5, "NVIDIA RTX PRO 6000 Blackwell Server Edition"),
    (NVIDIA, 0x2329, "NVIDIA H20"),
];

/// Every GPU, and other display controllers apart from them.
pub(super) fn gpus(host: &Host, facts: &mut Facts) {
    let (devices, unidentified) = match pci::devices(host) {
        Ok(found) => found,
        Err(why) => return from_driver(host, facts, why),
    };
    let (gpus, others): (Vec<_>, Vec<_>) = devices.into_iter().partition(is_gpu);
    let all = |count: usize| match unidentified {
        0 => Ok(count),
        some => Err(Unreadable::because(format!("{some} PCI devices cannot be identified"))),
    };
    facts.add("gpu.count", DEVICES, all(gpus.len())).stable();
    for (number, device) in gpus.iter().enumerate() {
        let name = format!("gpu.{number}");
        identity(host, facts, &name, device);
        placement(host, facts, &name, device);
        driver(host, facts, &name, device);
        if device.vendor == AMD {
            let ways = gpu::ways_to_gpus(host, &device.address);
            facts.add(format!("{name}.ways_to_gpus"), KFD, ways);
        }
        if host.is_live() {
            settings(facts, &name, device);
        }
    }
    let switches = others.iter().filter(|d| d.vendor == NVIDIA && d.kind() == OTHER_BRIDGE);
    facts.add("nvswitch.count", DEVICES, all(switches.count())).stable();
    let displays = others.iter().filter(|device| device.class >> 16 == 3);
    for (number, device) in displays.enumerate() {
        let ids = format!("{:04x}:{:04x}", device.vendor, device.device);
        facts.add(format!("display.{number}.pci"), DEVICES, Ok(device.address.as_str()));
        facts.add(format!("display.{number}.device"), DEVICES, Ok(ids));
    }
}

/// Sandboxes that hide `/sys` may still show what the NVIDIA driver has.
fn from_driver(host: &Host, facts: &mut Facts, why: Unreadable) {
    let addresses = host.list(NVIDIA_GPUS).unwrap_or_default();
    let count = Some(addresses.len()).filter(|count| *count > 0);
    facts.add("gpu.count", format!("{DEVICES}, {NVIDIA_GPUS}"), count.ok_or(why)).stable();
    for (number, address) in addresses.iter().enumerate() {
        let name = format!("gpu.{number}");
        let dir = format!("{NVIDIA_GPUS}/{address}");
        facts.add(format!("{name}.pci"), dir, Ok(address.as_str())).stable();
        facts.add(format!("{name}.vendor"), NVIDIA_GPUS, Ok("nvidia")).stable();
        let information = Information::read(host, address);
        let model = known(information.field("Model"), host, &information.path);
        facts.add(format!("{name}.model"), information.path.as_str(), model);
        facts.add(format!("{name}.driver_version"), NVIDIA_VERSION, driver_version(host, "nvidia"));
    }
}

/// What the NVIDIA driver tells about one GPU.
struct Information {
    path: String,
    text: String,
}

impl Information {
    fn read(host: &Host, address: &str) -> Self {
        let path = format!("{NVIDIA_GPUS}/{address}/information");
        let text = host.read(&path).unwrap_or_default();
        Self { path, text }
    }

    fn field(&self, key: &str) -> Option<String> {
        let lines = self.text.lines().filter_map(|line| line.split_once(':'));
        let mut lines = lines.filter(|(name, _)| name.trim() == key);
        lines.next().map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
    }
}

/// Compute devices by vendor and class. Integrated Intel graphics and virtual VGA are displays.
fn is_gpu(device: &Device) -> bool {
    match device.vendor {
        NVIDIA => matches!(device.kind(), VGA | CONTROLLER_3D),
        AMD => matches!(device.kind(), VGA | CONTROLLER_3D | OTHER_DISPLAY | ACCELERATOR),
        INTEL => matches!(device.kind(), CONTROLLER_3D | OTHER_DISPLAY | ACCELERATOR),
        _ => false,
    }
}

fn identity(host: &Host, facts: &mut Facts, name: &str, device: &Device) {
    let fact = |part: &str| format!("{name}.{part}");
    facts.add(fact("pci"), device.dir.as_str(), Ok(device.address.as_str())).stable();
    let vendor = match device.vendor {
        NVIDIA => "nvidia",
        AMD => "amd",
        _ => "intel",
    };
    facts.add(fact("vendor"), device.file("vendor"), Ok(vendor)).stable();
    let id = format!("{:04x}", device.device);
    facts.add(fact("device"), device.file("device"), Ok(id)).stable();
    let information = Information::read(host, &device.address);
    let path = information.path.as_str();
    let product = text(host, &device.file("product_name")).ok();
    let by_id = MODELS.iter().find(|(v, d, _)| (*v, *d) == (device.vendor, device.device));
    let by_id = by_id.map(|(_, _, model)| (*model).to_owned());
    let model = information.field("Model").or(product).or(by_id);
    let model =
        model.ok_or_else(|| Unreadable::because("no driver names it and its id is not known"));
    facts.add(fact("model"), format!("{path}, PCI ids"), model);
    if device.vendor == NVIDIA {
        let uuid = known(information.field("GPU UUID"), host, path);
        facts.add(fact("uuid"), path, uuid).identifying();
    }
}

fn placement(host: &Host, facts: &mut Facts, name: &str, device: &Device) {
    let fact = |part: &str| format!("{name}.{part}");
    facts.add(fact("node"), device.file("numa_node"), device.node(host)).stable();
    let cpus = device.file("local_cpulist");
    facts.add(fact("local_cpus"), cpus.as_str(), list_or_none(host, &cpus));
    pci::link(host, facts, name, &device.dir);
    let above = device.upstream();
    let root =
        device.root().ok_or_else(|| Unreadable::because("the device is no link into a tree"));
    let path = root.map(|root| {
        let bridges = above.iter().map(|(address, _)| address.clone());
        bridges.chain([root]).collect::<Vec<_>>()
    });
    facts.add(fact("path_to_root"), device.dir.as_str(), path).stable();
    for (level, (address, dir)) in above.iter().enumerate() {
        let bridge = fact(&format!("upstream.{level}"));
        facts.add(format!("{bridge}.pci"), dir.as_str(), Ok(address.as_str()));
        pci::link(host, facts, &bridge, dir);
    }
    let resource = device.file("resource");
    facts.add(fact("bars"), resource.as_str(), bars(host, &resource));
    let msi = device.file("msi_irqs");
    let vectors = host.list(&msi).map(|vectors| vectors.len());
    facts.add(fact("interrupt_vectors"), msi, vectors);
    let physical = device.file("physfn");
    let virtual_function = match host.link(&physical) {
        Ok(_) => Ok(true),
        Err(why) if why.is_absent() => Ok(false),
        Err(why) => Err(why),
    };
    facts.add(fact("is_virtual_function"), physical, virtual_function);
}

/// Sizes of the memory and port windows, 0 for one that is not used.
fn bars(host: &Host, resource: &str) -> Result<Vec<u64>, Unreadable> {
    let text = text(host, resource)?;
    let hex = |word: &str| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok();
    // The first six lines are the base address registers. Source: Linux pci-sysfs.c.
    let sizes: Option<Vec<u64>> = text
        .lines()
        .take(6)
        .map(|line| {
            let mut words = line.split_whitespace();
            let (start, end) = (hex(words.next()?)?, hex(words.next()?)?);
            Some(if end > start { end.saturating_sub(start).saturating_add(1) } else { 0 })
        })
        .collect();
    sizes.ok_or_else(|| Unreadable::because("no table of addresses"))
}

fn driver(host: &Host, facts: &mut Facts, name: &str, device: &Device) {
    let bound = device.driver(host);
    let source = device.file("driver");
    let version = bound.clone().and_then(|driver| driver_version(host, &driver));
    facts.add(format!("{name}.driver"), source.as_str(), bound);
    facts.add(format!("{name}.driver_version"), source, version);
}

/// How the vendor's driver has set the device up. Only a live machine can be asked.
fn settings(facts: &mut Facts, name: &str, device: &Device) {
    let monitor = match device.vendor {
        NVIDIA => Monitor::nvidia(&device.address),
        AMD => Monitor::amd(Host::live(), &device.address),
        _ => return,
    };
    for (setting, value) in monitor.settings() {
        let value = value.map_err(Unreadable::because);
        facts.add(format!("{name}.{setting}"), "NVML, amdgpu", value);
    }
}

/// Adds what the links of every GPU show while something is copied to it:
/// `gpu.N.link_under_load`. Idle links slow down, so that no file tells this at rest.
pub fn under_load(host: &Host, environment: &mut Environment) {
    let devices = gpu::driver().and_then(|driver| gpu::gpus(&driver));
    let address = |environment: &Environment, number: usize| {
        environment.value(&format!("gpu.{number}.pci")).map(ToString::to_string)
    };
    let addresses = (0..).map_while(|number| address(environment, number)).collect::<Vec<_>>();
    for (number, address) in addresses.iter().enumerate() {
        let seen = match &devices {
            Err(why) => Err(why.to_string()),
            Ok(devices) => {
                let own = devices.iter().find(|gpu| gpu.identity().pci == *address);
                let missing = || "the driver does not list this GPU".to_owned();
                own.ok_or_else(missing)
                    .and_then(|gpu| gpu::under_load(gpu, host).map_err(|why| why.to_string()))
            }
        };
        let reading = match seen {
            Ok(text) => Reading::Value(text.into()),
            Err(why) => Reading::Unknown(why),
        };
        let source = "links on the path, read during a copy".to_owned();
        let fact = Fact { reading, source, stable: false, identifying: false };
        environment.facts.insert(format!("gpu.{number}.link_under_load"), fact);
    }
}

fn driver_version(host: &Host, driver: &str) -> Result<String, Unreadable> {
    if driver == "nvidia" {
        return nvidia_version(&text(host, NVIDIA_VERSION)?);
    }
    let told = text(host, &format!("/sys/module/{driver}/version"));
    told.map_err(
        |why| if why.is_absent() { Unreadable::because("part of the kernel") } else { why },
    )
}

/// `NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Thu ..`: the first dotted number.
fn nvidia_version(text: &str) -> Result<String, Unreadable> {
    let dotted = |word: &&str| {
        let parts: Vec<_> = word.split('.').collect();
        let digits = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        parts.len() >= 2 && parts.iter().all(digits)
    };
    let version = text.lines().next().unwrap_or_default().split_whitespace().find(dotted);
    let version = version.map(String::from);
    version.ok_or_else(|| Unreadable::because("no version in /proc/driver/nvidia/version"))
}

#[cfg(test)]
mod tests {
    use super::{MODELS, bars, nvidia_version};
    use crate::host::Host;
    use std::collections::BTreeSet;

    #[test]
    fn both_flavours_of_the_nvidia_module_tell_their_version() {
        for text in [
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Thu Jan 23 2025\nGCC version: 12.2",
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build",
        ] {
            assert_eq!(nvidia_version(text).as_deref(), Ok("570.86.15"));
        }
        assert!(nvidia_version("").is_err());
    }

    #[test]
    fn windows_have_sizes() {
        let table = "0x0000001000000000 0x0000001fffffffff 0x000000000014220c\n\
                     0x0000000000000000 0x0000000000000000 0x0000000000000000\n";
        let read = |text: &str| bars(&Host::of(&[("file /r", text)]), "/r");
        assert_eq!(read(table), Ok(vec![64 << 30, 0]));
        assert!(read("what").is_err());
        assert!(read("0x0 0xffffffffffffffff").is_ok());
    }

    #[test]
    fn ids_are_unique() {
        let ids: BTreeSet<_> = MODELS.iter().map(|(vendor, device, _)| (vendor, device)).collect();
        assert_eq!(ids.len(), MODELS.len());
    }
}
