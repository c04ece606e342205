//! Facts about what runs us: hypervisor, virtual machine, firmware, container limits.

use super::Facts;
use super::reading::{text, unless_absent};
use crate::host::cgroup::Cgroup;
use crate::host::{Host, Unreadable};
use vbench_results::Value;

const DMI: &str = "/sys/class/dmi/id";
const LEAF: &str = "CPUID leaf 0x40000000";

/// Signatures in CPUID. Sources: Linux arch/x86/include/asm/{kvm_para,mshyperv,vmware,acrn}.h,
/// QEMU target/i386, the bhyve and Xen manuals.
const HYPERVISORS: [(&str, &str); 8] = [
    ("ACRNACRNACRN", "acrn"),
    ("bhyve bhyve", "bhyve"),
    ("KVMKVMKVM", "kvm"),
    ("Linux KVM Hv", "kvm"),
    ("Microsoft Hv", "hyper-v"),
    ("TCGTCGTCGTCG", "qemu-tcg"),
    ("VMwareVMware", "vmware"),
    ("XenVMMXenVMM", "xen"),
];

/// Vendors in DMI, for CPUs without CPUID and for hidden hypervisors.
const VENDORS: [(&str, &str); 5] = [
    ("Amazon EC2", "kvm"),
    ("Google", "kvm"),
    ("QEMU", "kvm"),
    ("VMware, Inc.", "vmware"),
    ("Xen", "xen"),
];

/// Signs of a container. Sources: systemd's container interface; the files that docker and podman
/// leave in every container.
const CONTAINERS: [(&str, &str); 2] = [("/.dockerenv", "docker"), ("/run/.containerenv", "podman")];

/// Which hypervisor, and whether there is a container around us.
pub(super) fn hypervisor(host: &Host, facts: &mut Facts) {
    match host.cpuid_hypervisor() {
        Ok(Some(signature)) => {
            let known = HYPERVISORS.iter().find(|(known, _)| *known == signature);
            let name = known.map_or(signature, |(_, name)| (*name).to_owned());
            facts.add("virt.hypervisor", LEAF, Ok(name)).stable();
        }
        Ok(None) => drop(facts.add("virt.hypervisor", LEAF, Ok("none")).stable()),
        Err(why) => {
            let vendor = text(host, &format!("{DMI}/sys_vendor"));
            let known = VENDORS.iter().find(|(known, _)| vendor.as_deref() == Ok(*known));
            let name = known.map(|(_, name)| *name).ok_or(why);
            facts.add("virt.hypervisor", format!("{LEAF}, {DMI}/sys_vendor"), name).stable();
        }
    }
    facts.add("virt.container", "/proc/self/cgroup, /.dockerenv, /run", container(host));
}

/// The kind of container, "none" without a sign of one.
fn container(host: &Host) -> Result<String, Unreadable> {
    if let Ok(named) = text(host, "/run/systemd/container") {
        return Ok(named);
    }
    if let Some((_, name)) = CONTAINERS.iter().find(|(path, _)| host.read(path).is_ok()) {
        return Ok((*name).to_owned());
    }
    let groups = host.read("/proc/self/cgroup")?;
    let signs = ["kubepods", "docker", "lxc", "libpod"];
    Ok(signs.into_iter().find(|sign| groups.contains(sign)).unwrap_or("none").to_owned())
}

/// The machine as its firmware describes it.
pub(super) fn dmi(host: &Host, facts: &mut Facts) {
    let file = |name: &str| format!("{DMI}/{name}");
    let machine = text(host, &file("product_name")).map(|product| {
        match text(host, &file("product_version")) {
            Ok(version) if version != product => format!("{product} ({version})"),
            _ => product,
        }
    });
    facts.add("virt.machine", file("product_name"), machine).stable();
    facts.add("virt.vendor", file("sys_vendor"), text(host, &file("sys_vendor")));
    let firmware = text(host, &file("bios_vendor")).map(|vendor| {
        let version = text(host, &file("bios_version")).unwrap_or_default();
        format!("{vendor} {version}").trim_end().to_owned()
    });
    facts.add("virt.firmware", file("bios_vendor"), firmware);
    let efi = "/sys/firmware/efi";
    let efi_folder = unless_absent(host, "/sys/firmware", host.list(efi).map(|_| true));
    facts.add("virt.boot", efi, efi_folder.map(|efi| if efi { "efi" } else { "bios" }));
    for (fact, name) in [
        ("dmi.board_serial", "board_serial"),
        ("dmi.chassis_serial", "chassis_serial"),
        ("dmi.system_serial", "product_serial"),
        ("dmi.system_uuid", "product_uuid"),
    ] {
        facts.add(fact, file(name), text(host, &file(name))).identifying();
    }
}

/// What the control groups allow.
pub(super) fn cgroup(host: &Host, facts: &mut Facts) {
    let source = "/proc/self/cgroup, /sys/fs/cgroup";
    let unlimited = |limit: Option<Value>| limit.unwrap_or_else(|| "unlimited".into());
    let group = |controller: &str| Cgroup::find(host, controller);
    let cpu = group("cpu");
    let version = cpu.as_ref().map(|group| u32::from(group.version)).map_err(Clone::clone);
    facts.add("cgroup.version", source, version);
    let max = cpu.clone().map(|group| unlimited(group.cpu_max(host).map(Value::from)));
    facts.add("cgroup.cpu_max", source, max);
    let throttled = cpu.and_then(|group| {
        group.throttled(host).ok_or_else(|| Unreadable::because("no cpu.stat with nr_throttled"))
    });
    facts.add("cgroup.cpu_throttled", source, throttled);
    let cpuset = group("cpuset").and_then(|group| {
        group.cpuset(host).ok_or_else(|| Unreadable::because("no cpuset on the way up"))
    });
    facts.add("cgroup.cpuset", source, cpuset);
    let memory = group("memory")
        .map(|group| unlimited(group.memory(host).map(|limit| Value::from(limit.max))));
    facts.add("cgroup.memory_max", source, memory);
}
