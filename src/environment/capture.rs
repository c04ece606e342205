//! Captures: everything vbench reads of a machine, in a folder that can stand in for it.

use super::probe;
use crate::host::{Host, Recorded, WriteError};
use crate::topology::Topology;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use vbench_results::Environment;

/// Files that no probe reads, but rules and people may ask for later. A star stands for any text
/// within one name.
const FILES: [&str; 71] = [
    "/proc/buddyinfo",
    "/proc/cmdline",
    "/proc/cpuinfo",
    "/proc/driver/nvidia/params",
    "/proc/interrupts",
    "/proc/irq/*/effective_affinity_list",
    "/proc/irq/*/node",
    "/proc/irq/*/smp_affinity_list",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/modules",
    "/proc/mounts",
    "/proc/pressure/*",
    "/proc/schedstat",
    "/proc/self/limits",
    "/proc/self/status",
    "/proc/softirqs",
    "/proc/stat",
    "/proc/swaps",
    "/proc/sys/kernel/numa_balancing",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/sched_*",
    "/proc/sys/kernel/timer_migration",
    "/proc/sys/kernel/watchdog",
    "/proc/sys/vm/compaction_proactiveness",
    "/proc/sys/vm/dirty_*",
    "/proc/sys/vm/nr_hugepages",
    "/proc/sys/vm/stat_interval",
    "/proc/sys/vm/swappiness",
    "/proc/uptime",
    "/proc/version",
    "/proc/vmstat",
    "/proc/zoneinfo",
    "/sys/bus/pci/devices/*/aer_dev_correctable",
    "/sys/bus/pci/devices/*/aer_dev_fatal",
    "/sys/bus/pci/devices/*/ari_enabled",
    "/sys/bus/pci/devices/*/class",
    "/sys/bus/pci/devices/*/config",
    "/sys/bus/pci/devices/*/current_link_speed",
    "/sys/bus/pci/devices/*/current_link_width",
    "/sys/bus/pci/devices/*/device",
    "/sys/bus/pci/devices/*/irq",
    "/sys/bus/pci/devices/*/local_cpulist",
    "/sys/bus/pci/devices/*/max_link_speed",
    "/sys/bus/pci/devices/*/max_link_width",
    "/sys/bus/pci/devices/*/numa_node",
    "/sys/bus/pci/devices/*/power_state",
    "/sys/bus/pci/devices/*/resource",
    "/sys/bus/pci/devices/*/revision",
    "/sys/bus/pci/devices/*/subsystem_device",
    "/sys/bus/pci/devices/*/subsystem_vendor",
    "/sys/bus/pci/devices/*/vendor",
    "/sys/devices/system/cpu/cpu*/cache/index*/shared_cpu_list",
    "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
    "/sys/devices/system/cpu/cpu*/thermal_throttle/*_count",
    "/sys/devices/system/cpu/cpu0/cpuidle/state*/disable",
    "/sys/devices/system/cpu/cpu0/cpuidle/state*/latency",
    "/sys/devices/system/cpu/cpu0/cpuidle/state*/name",
    "/sys/devices/system/cpu/cpu0/cpuidle/state*/usage",
    "/sys/devices/system/cpu/kernel_max",
    "/sys/devices/system/cpu/possible",
    "/sys/devices/system/cpu/present",
    "/sys/devices/system/cpu/smt/control",
    "/sys/devices/system/node/has_*",
    "/sys/devices/system/node/node*/access0/initiators/*",
    "/sys/devices/system/node/node*/numastat",
    "/sys/devices/system/node/possible",
    "/sys/kernel/mm/ksm/*",
    "/sys/kernel/mm/transparent_hugepage/*",
    "/sys/module/kvm*/parameters/*",
    "/sys/module/nvidia*/version",
];

/// Programs whose output says what no file does. None prints names, addresses or serial numbers.
const TOOLS: [&str; 4] = [
    "nvidia-smi topo -m",
    "nvidia-smi --query-gpu=index,name,pci.bus_id,driver_version,pcie.link.gen.max,\
     pcie.link.width.max,persistence_mode,ecc.mode.current,mig.mode.current,power.limit \
     --format=csv",
    "numactl --show",
    "rocm-smi --showtopo",
];

/// Files that name hosts, disks and containers, beside those that identifying facts come from.
const NAMING: [&str; 3] = ["/proc/mounts", "/proc/self/cgroup", "/proc/self/mountinfo"];

/// What a capture holds.
#[derive(Clone, Debug, PartialEq)]
pub struct CaptureSummary {
    /// Files, bytes, and questions without an answer.
    pub recorded: Recorded,
    /// What was found, and what a replay of the capture finds.
    pub environment: Environment,
    /// The topology, likewise.
    pub topology: Topology,
}

/// Why there is no capture.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The folder has something in it, which could be mixed up with the capture.
    #[error("{} is not empty: a capture needs a folder of its own", .0.display())]
    NotEmpty(PathBuf),
    /// The folder cannot be made.
    #[error("cannot use {} as a folder: {reason}", dir.display())]
    Folder {
        /// Which.
        dir: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Stores this machine in `dir`, a folder that is empty or does not exist.
///
/// # Errors
/// The folder cannot be used. What cannot be read on the machine is no error: the capture holds
/// the reason.
pub fn capture(dir: &Path) -> Result<CaptureSummary, CaptureError> {
    capture_of(Host::live(), dir)
}

/// Stores this machine in `dir` without what names it: the files that identifying facts come from,
/// and those that hold names of hosts, disks and containers, are left out.
///
/// # Errors
/// As [`capture`].
pub fn capture_redacted(dir: &Path) -> Result<CaptureSummary, CaptureError> {
    capture_redacted_of(Host::live(), dir)
}

/// Stores any machine in `dir`, also one that is stored already.
///
/// # Errors
/// As [`capture`].
pub fn capture_of(host: Host, dir: &Path) -> Result<CaptureSummary, CaptureError> {
    prepare(dir)?;
    stored(&asked(host), dir)
}

/// As [`capture_redacted`], of any machine.
///
/// # Errors
/// As [`capture`].
pub fn capture_redacted_of(host: Host, dir: &Path) -> Result<CaptureSummary, CaptureError> {
    prepare(dir)?;
    let host = asked(host);
    let facts = probe(&host).facts.into_values().filter(|fact| fact.identifying);
    let named = NAMING.iter().map(|path| (*path).to_owned());
    host.forget(&facts.map(|fact| fact.source).chain(named).collect());
    stored(&host, dir)
}

/// The machine with everything asked that a capture holds.
fn asked(host: Host) -> Host {
    let host = host.recorded();
    probe(&host);
    for path in FILES.iter().flat_map(|pattern| matching(&host, pattern)) {
        // The record keeps the reason of a failure.
        let _ = host.bytes(&path);
    }
    for command in TOOLS {
        let _ = host.tool(command);
    }
    host
}

fn stored(host: &Host, dir: &Path) -> Result<CaptureSummary, CaptureError> {
    let (environment, topology) = (probe(host), Topology::read(host));
    Ok(CaptureSummary { recorded: host.write_record(dir)?, environment, topology })
}

fn prepare(dir: &Path) -> Result<(), CaptureError> {
    let folder = |reason| CaptureError::Folder { dir: dir.to_owned(), reason };
    fs::create_dir_all(dir).map_err(folder)?;
    match fs::read_dir(dir).map_err(folder)?.next() {
        None => Ok(()),
        Some(_) => Err(CaptureError::NotEmpty(dir.to_owned())),
    }
}

/// The paths that a pattern stands for.
fn matching(host: &Host, pattern: &str) -> Vec<String> {
    let mut paths = vec![String::new()];
    for part in pattern.split('/').skip(1) {
        paths = paths.into_iter().flat_map(|path| step(host, &path, part)).collect();
    }
    paths
}

fn step(host: &Host, path: &str, part: &str) -> Vec<String> {
    let Some((start, end)) = part.split_once('*') else { return vec![format!("{path}/{part}")] };
    let names = host.list(path).unwrap_or_default().into_iter();
    let fits = |name: &String| name.strip_prefix(start).is_some_and(|rest| rest.ends_with(end));
    let paths = names.filter(fits).map(|name| format!("{path}/{name}"));
    // Devices on a bus are links; probes read the folders that they lead to.
    let on_bus = path.starts_with("/sys/bus/");
    paths.map(|path| if on_bus { host.canonical(&path).unwrap_or(path) } else { path }).collect()
}

#[cfg(test)]
mod tests {
    use super::{CaptureError, capture_of, matching};
    use crate::host::Host;
    use std::fs;

    #[test]
    fn stars_stand_for_part_of_a_name() {
        let host = Host::of(&[("list /a", "x1\nx2\ny1"), ("list /a/x1", "f"), ("list /a/x2", "")]);
        assert_eq!(matching(&host, "/a/x*/f"), ["/a/x1/f", "/a/x2/f"]);
        assert_eq!(matching(&host, "/a/*1"), ["/a/x1", "/a/y1"]);
        assert!(matching(&host, "/none/*").is_empty());
    }

    #[test]
    fn a_folder_with_something_in_it_is_refused_by_name() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let file = dir.path().join("precious");
        fs::write(&file, "data").expect("a file");
        let error = capture_of(Host::of(&[]), dir.path()).expect_err("refused");
        assert!(matches!(error, CaptureError::NotEmpty(_)));
        assert!(error.to_string().starts_with(&dir.path().display().to_string()));
        assert!(matches!(capture_of(Host::of(&[]), &file), Err(CaptureError::Folder { .. })));
        assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 1);
    }
}
