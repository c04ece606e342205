//! Facts about CPUs: model, counts, caches, clock control, isolation, mitigations.

use super::Facts;
use super::reading::{flag, known, list_or_none, parsed, text};
use crate::host::{Host, Unreadable, cpulist};
use crate::topology::{CacheKind, Cpu};
use std::collections::{BTreeMap, BTreeSet};

const SYS: &str = "/sys/devices/system/cpu";
const CPUINFO: &str = "/proc/cpuinfo";

/// Flags that decide which code runs, or that rules ask for.
const FLAGS: [&str; 10] = [
    "amx_tile",
    "avx2",
    "avx512f",
    "constant_tsc",
    "hypervisor",
    "nonstop_tsc",
    "pcid",
    "pdpe1gb",
    "topoext",
    "tsc_known_freq",
];

/// Model, microcode, flags.
pub(super) fn identity(host: &Host, facts: &mut Facts) {
    let cpuinfo = host.read(CPUINFO);
    let field = |name: &str| -> Result<String, Unreadable> {
        let cpuinfo = cpuinfo.as_ref().map_err(Clone::clone)?;
        let named = first(cpuinfo, name).filter(|text| !text.is_empty());
        named.ok_or_else(|| Unreadable::because(format!("no {name:?} line")))
    };
    // Arm kernels have the second name; the reason is given for the first.
    let either = |one: &str, other: &str| field(one).or_else(|why| field(other).map_err(|_| why));
    facts
        .add("cpu.model", CPUINFO, field("model name").or_else(|why| arm_model(&field).ok_or(why)))
        .stable();
    facts.add("cpu.vendor", CPUINFO, either("vendor_id", "CPU implementer")).stable();
    facts.add("cpu.microcode", CPUINFO, field("microcode"));
    let flags = either("flags", "Features");
    let flags =
        flags.map(|flags| flags.split_whitespace().map(String::from).collect::<BTreeSet<_>>());
    for flag in FLAGS {
        let set = flags.as_ref().map(|flags| flags.contains(flag)).map_err(Clone::clone);
        facts.add(format!("cpu.flags.{flag}"), CPUINFO, set);
    }
}

/// The value of the first line `name : value`.
fn first(cpuinfo: &str, name: &str) -> Option<String> {
    let mut fields = cpuinfo.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
}

/// Arm kernels give numbers instead of a name.
fn arm_model(field: &dyn Fn(&str) -> Result<String, Unreadable>) -> Option<String> {
    let (implementer, part) = (field("CPU implementer").ok()?, field("CPU part").ok()?);
    Some(format!("Arm implementer {implementer} part {part}"))
}

/// Counts, sockets, cores, threads, caches.
pub(super) fn topology(host: &Host, facts: &mut Facts) {
    let topology = facts.topology().clone();
    let online = topology.cpus.len();
    let online_file = instead(host, &format!("{SYS}/online"), CPUINFO);
    let online = known(Some(online).filter(|online| *online > 0), host, &online_file);
    facts.add("cpu.count.online", online_file, online).stable();
    let allowed = Some(cpulist::format(&topology.allowed)).filter(|list| !list.is_empty());
    let count = allowed.as_ref().map(|_| topology.allowed.len());
    facts.add("cpu.count.allowed", "/proc/self/status", known(count, host, "/proc/self/status"));
    facts.add("cpu.allowed", "/proc/self/status", known(allowed, host, "/proc/self/status"));
    let offline = format!("{SYS}/offline");
    facts.add("cpu.offline", offline.as_str(), list_or_none(host, &offline));
    cores(host, facts, &topology.cpus);
    let smt = format!("{SYS}/smt/active");
    facts.add("cpu.smt", smt.as_str(), flag(host, &smt));
    caches(host, facts);
}

/// The file that was read in place of a hidden one.
fn instead(host: &Host, file: &str, other: &str) -> String {
    let hidden = host.read(file).is_err() && host.read(other).is_ok();
    if hidden { other } else { file }.to_owned()
}

fn cores(host: &Host, facts: &mut Facts, cpus: &[Cpu]) {
    let first = cpus.first().map_or(0, |cpu| cpu.id);
    let source = instead(host, &format!("{SYS}/cpu{first}/topology/core_id"), CPUINFO);
    let packages: Option<BTreeSet<_>> = cpus.iter().map(|cpu| cpu.package).collect();
    let sockets = packages.map(|packages| packages.len()).filter(|sockets| *sockets > 0);
    facts.add("cpu.sockets", source.as_str(), known(sockets, host, &source)).stable();
    let mut of_socket: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for cpu in cpus {
        if let Some((package, core)) = cpu.package.zip(cpu.core) {
            of_socket.entry(package).or_default().insert((cpu.die, core));
        }
    }
    let missing = || known::<usize>(None, host, &source);
    let cores = uniform(of_socket.values().map(BTreeSet::len), "sockets").unwrap_or_else(missing);
    facts.add("cpu.cores_per_socket", source.as_str(), cores).stable();
    let threads = cpus.iter().map(|cpu| cpu.siblings.len()).filter(|threads| *threads > 0);
    let threads = uniform(threads, "cores").unwrap_or_else(missing);
    facts.add("cpu.threads_per_core", source.as_str(), threads).stable();
}

/// The one value of all; a reason when they differ; `None` when there are none.
fn uniform(values: impl Iterator<Item = usize>, of: &str) -> Option<Result<usize, Unreadable>> {
    let distinct: BTreeSet<_> = values.collect();
    match Vec::from_iter(distinct).as_slice() {
        [] => None,
        [one] => Some(Ok(*one)),
        [least, .., most] => {
            Some(Err(Unreadable::because(format!("differs between {of}: {least} to {most}"))))
        }
    }
}

/// Size and number of each kind of cache, and the sum of the last level.
fn caches(host: &Host, facts: &mut Facts) {
    let topology = facts.topology().clone();
    let source = format!("{SYS}/cpu*/cache");
    let first = format!("{SYS}/cpu0/cache");
    let mut kinds: BTreeMap<String, Vec<Option<u64>>> = BTreeMap::new();
    for cache in &topology.caches {
        let suffix = match cache.kind {
            CacheKind::Data => "d",
            CacheKind::Instruction => "i",
            CacheKind::Unified => "",
        };
        kinds.entry(format!("l{}{suffix}", cache.level)).or_default().push(cache.size);
    }
    for (kind, sizes) in &kinds {
        let size = uniform(sizes.iter().map(|size| size.unwrap_or(0) as usize), "caches");
        let size = size.and_then(Result::ok).filter(|size| *size > 0);
        let size = size.ok_or_else(|| Unreadable::because("differs between caches or is not told"));
        facts.add(format!("cpu.cache.{kind}.size"), source.as_str(), size).stable();
        facts.add(format!("cpu.cache.{kind}.instances"), source.as_str(), Ok(sizes.len())).stable();
    }
    let total = known(topology.llc_total_bytes(), host, &first);
    facts.add("cpu.cache.llc_total", source, total).stable();
}

/// Who sets the clock, and how high.
pub(super) fn clock(host: &Host, facts: &mut Facts) {
    let dir = format!("{SYS}/cpu0/cpufreq");
    for (fact, file) in [("cpu.governor", "scaling_governor"), ("cpu.driver", "scaling_driver")] {
        let path = format!("{dir}/{file}");
        facts.add(fact, path.as_str(), text(host, &path));
    }
    let path = format!("{dir}/cpuinfo_max_freq");
    let cpus = &facts.topology().cpus;
    let highest = cpus.iter().filter_map(|cpu| cpu.max_frequency).max();
    facts.add("cpu.frequency_max", path.as_str(), known(highest, host, &path));
    for (fact, file) in [
        ("cpu.idle.driver", "cpuidle/current_driver"),
        ("cpu.idle.governor", "cpuidle/current_governor"),
    ] {
        let path = format!("{SYS}/{file}");
        facts.add(fact, path.as_str(), text(host, &path));
    }
    boost(host, facts);
}

/// Turbo, under the name that the driver gives it.
fn boost(host: &Host, facts: &mut Facts) {
    let (intel, other) = (format!("{SYS}/intel_pstate/no_turbo"), format!("{SYS}/cpufreq/boost"));
    match flag(host, &intel) {
        Ok(off) => facts.add("cpu.boost", intel, Ok(!off)),
        Err(_) => facts.add("cpu.boost", other.as_str(), flag(host, &other)),
    };
}

/// CPUs that are kept from ordinary work.
pub(super) fn isolation(host: &Host, facts: &mut Facts) {
    for name in ["isolated", "nohz_full"] {
        let path = format!("{SYS}/{name}");
        // The kernel prints "(null)" where no CPU was named at boot.
        let list = match host.read(&path).as_deref() {
            Ok("(null)") => Ok("none".to_owned()),
            _ => list_or_none(host, &path),
        };
        facts.add(format!("cpu.{name}"), path, list);
    }
}

/// One fact for each known weakness, in the kernel's words.
pub(super) fn vulnerabilities(host: &Host, facts: &mut Facts) {
    let dir = format!("{SYS}/vulnerabilities");
    match host.list(&dir) {
        Ok(names) => {
            for name in names {
                let path = format!("{dir}/{name}");
                facts.add(format!("cpu.vulnerability.{name}"), path.as_str(), text(host, &path));
            }
        }
        Err(why) => drop(facts.add("cpu.vulnerabilities", dir, Err::<bool, _>(why))),
    }
}

/// Clock ticks stolen by the hypervisor since boot, all CPUs.
pub(super) fn steal(host: &Host, facts: &mut Facts) {
    let ticks = host.read("/proc/stat").and_then(|stat| {
        let all = stat.lines().find(|line| line.starts_with("cpu ")).unwrap_or_default();
        let ticks = all.split_whitespace().nth(8);
        ticks.ok_or_else(|| Unreadable::because("no steal column")).and_then(parsed)
    });
    facts.add("steal.ticks", "/proc/stat", ticks);
}
