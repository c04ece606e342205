//! Facts about the kernel: version, command line, clocks, settings.

use super::Facts;
use super::reading::{choice, number, text};
use crate::host::{Host, Unreadable};

/// Options of the command line that change speed, placement or time keeping. Source: Linux
/// Documentation/admin-guide/kernel-parameters.txt.
const OPTIONS: [&str; 33] = [
    "amd_iommu",
    "amd_pstate",
    "clocksource",
    "default_hugepagesz",
    "haltpoll",
    "hpet",
    "hugepages",
    "hugepagesz",
    "idle",
    "init_on_alloc",
    "init_on_free",
    "intel_idle.max_cstate",
    "intel_iommu",
    "intel_pstate",
    "iommu",
    "iommu.passthrough",
    "iommu.strict",
    "irqaffinity",
    "isolcpus",
    "kvm-intel.ept",
    "maxcpus",
    "mitigations",
    "no-kvmclock",
    "no-steal-acc",
    "nohz",
    "nohz_full",
    "nosmt",
    "numa",
    "numa_balancing",
    "processor.max_cstate",
    "rcu_nocbs",
    "transparent_hugepage",
    "tsc",
];

/// Version, names, command line.
pub(super) fn identity(host: &Host, facts: &mut Facts) {
    let sys = "/proc/sys/kernel";
    for (fact, file) in [("kernel.release", "osrelease"), ("kernel.version", "version")] {
        let path = format!("{sys}/{file}");
        facts.add(fact, path.as_str(), text(host, &path));
    }
    for (fact, file) in [("kernel.hostname", "hostname"), ("kernel.boot_id", "random/boot_id")] {
        let path = format!("{sys}/{file}");
        facts.add(fact, path.as_str(), text(host, &path)).identifying();
    }
    let cmdline = "/proc/cmdline";
    // Root UUIDs, addresses and tokens are common there; what matters for speed is listed below.
    facts.add("kernel.cmdline", cmdline, text(host, cmdline)).identifying();
    facts.add("kernel.options", cmdline, options(host, cmdline));
    facts.add("kernel.distribution", "/etc/os-release", distribution(host));
}

fn options(host: &Host, path: &str) -> Result<Vec<String>, Unreadable> {
    let line = host.read(path)?;
    let chosen = line.split_whitespace().filter(|word| {
        let name = word.split('=').next().unwrap_or_default();
        OPTIONS.binary_search(&name).is_ok()
    });
    Ok(chosen.map(String::from).collect())
}

fn distribution(host: &Host) -> Result<String, Unreadable> {
    let text = text(host, "/etc/os-release")?;
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let name = name.map(|name| name.trim_matches('"').to_owned());
    name.ok_or_else(|| Unreadable::because("no PRETTY_NAME line"))
}

/// The clock that the kernel reads.
pub(super) fn clock(host: &Host, facts: &mut Facts) {
    let dir = "/sys/devices/system/clocksource/clocksource0";
    let current = format!("{dir}/current_clocksource");
    facts.add("kernel.clocksource", current.as_str(), text(host, &current));
    let available = format!("{dir}/available_clocksource");
    let list = text(host, &available);
    let list = list.map(|list| list.split_whitespace().map(String::from).collect::<Vec<_>>());
    facts.add("kernel.clocksource_available", available, list);
}

/// Settings that rules ask for.
pub(super) fn settings(host: &Host, facts: &mut Facts) {
    for (fact, file) in [
        ("kernel.numa_balancing", "numa_balancing"),
        ("kernel.perf_event_paranoid", "perf_event_paranoid"),
        ("kernel.randomize_va_space", "randomize_va_space"),
        ("kernel.sched_rt_runtime_us", "sched_rt_runtime_us"),
        ("kernel.tainted", "tainted"),
    ] {
        let path = format!("/proc/sys/kernel/{file}");
        facts.add(fact, path.as_str(), number(host, &path));
    }
    let lockdown = "/sys/kernel/security/lockdown";
    facts.add("kernel.lockdown", lockdown, choice(host, lockdown));
}

#[cfg(test)]
mod tests {
    use super::{OPTIONS, options};
    use crate::host::Host;

    #[test]
    fn options_that_matter_are_picked() {
        assert!(OPTIONS.is_sorted());
        let line = "root=UUID=1234 ro isolcpus=2-3 quiet nosmt hugepagesz=1G hugepages=4";
        let host = Host::of(&[("file /proc/cmdline", line)]);
        let picked = options(&host, "/proc/cmdline").expect("a command line");
        assert_eq!(picked, ["isolcpus=2-3", "nosmt", "hugepagesz=1G", "hugepages=4"]);
    }
}
