//! Facts about memory: size, limits, pages.

use super::Facts;
use super::reading::{choice, flag, known, number, parsed, unless_absent};
use crate::host::{Host, Unreadable};
use crate::quantity::Bytes;

const MEMINFO: &str = "/proc/meminfo";
const THP: &str = "/sys/kernel/mm/transparent_hugepage";
const GIB: u64 = 1 << 30;

/// How much there is.
pub(super) fn size(host: &Host, facts: &mut Facts) {
    let memory = facts.topology().memory.clone();
    facts.add("memory.total", MEMINFO, known(memory.total, host, MEMINFO));
    // The kernel keeps a little more or less for itself at each boot; the machine is the same.
    let rounded = memory.total.map(|total| (total.saturating_add(GIB / 2) / GIB).max(1) * GIB);
    facts.add("memory.total_rounded", MEMINFO, known(rounded, host, MEMINFO)).stable();
    facts.add("memory.available", MEMINFO, known(memory.room.machine, host, MEMINFO));
    facts.add("memory.swap", MEMINFO, meminfo_bytes(host, "SwapTotal"));
}

/// A line of `/proc/meminfo` in bytes.
fn meminfo_bytes(host: &Host, name: &str) -> Result<i64, Unreadable> {
    let meminfo = host.read(MEMINFO)?;
    let value = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let value = value.ok_or_else(|| Unreadable::because(format!("no {name} line")))?;
    let kib = parsed(value.trim().trim_end_matches(" kB"))?;
    kib.checked_mul(1024).ok_or_else(|| Unreadable::because("out of range"))
}

/// What bounds an allocation or a lock.
pub(super) fn limits(host: &Host, facts: &mut Facts) {
    let available = facts.topology().memory_available();
    let source = "/proc/meminfo, control groups, /proc/self/limits";
    let usable = available.map(|available| available.bytes);
    facts.add("memory.usable", source, known(usable, host, MEMINFO));
    let limit = available.map(|available| available.limit.to_string());
    facts.add("memory.limit", source, known(limit, host, MEMINFO));
    let limits = "/proc/self/limits";
    facts.add("memory.locked_limit", limits, locked(host, limits));
    facts.add("memory.shared_limit", "/proc/mounts", shared(host));
}

/// Bytes that may be locked, or "unlimited".
fn locked(host: &Host, path: &str) -> Result<vbench_results::Value, Unreadable> {
    let limits = host.read(path)?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max locked memory"));
    match line.and_then(|line| line.split_whitespace().next()) {
        Some("unlimited") => Ok("unlimited".into()),
        Some(bytes) => parsed(bytes).map(Into::into),
        None => Err(Unreadable::because("no \"Max locked memory\" line")),
    }
}

/// Bytes that `/dev/shm` may hold; collectives put their buffers there.
fn shared(host: &Host) -> Result<i64, Unreadable> {
    let mounts = host.read("/proc/mounts")?;
    let mut mounts = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let shm = mounts.find(|fields| fields.get(1) == Some(&"/dev/shm"));
    let shm = shm.ok_or_else(|| Unreadable::because("/dev/shm is not mounted"))?;
    let options = shm.get(3).copied().unwrap_or_default();
    let size = options.split(',').find_map(|option| option.strip_prefix("size="));
    let size = size.ok_or_else(|| Unreadable::because("mounted without a size, half of memory"))?;
    let kib = parsed(size.trim_end_matches('k'))?;
    kib.checked_mul(1024).ok_or_else(|| Unreadable::because("out of range"))
}

/// Huge pages, page merging, ballooning.
pub(super) fn pages(host: &Host, facts: &mut Facts) {
    for (fact, file) in [("enabled", "enabled"), ("defrag", "defrag"), ("shared", "shmem_enabled")]
    {
        let path = format!("{THP}/{file}");
        facts.add(format!("memory.thp.{fact}"), path.as_str(), choice(host, &path));
    }
    facts.add("memory.huge_pages.default_size", MEMINFO, meminfo_bytes(host, "Hugepagesize"));
    for pool in facts.topology().memory.huge_pages.clone() {
        let fact = |part: &str| format!("memory.huge_pages.{}.{part}", Bytes(pool.size));
        let source = "/sys/kernel/mm/hugepages";
        facts.add(fact("total"), source, Ok(pool.total));
        facts.add(fact("free"), source, known(pool.free, host, source));
    }
    let ksm = "/sys/kernel/mm/ksm/run";
    facts.add("memory.ksm", ksm, flag(host, ksm));
    let merged = "/sys/kernel/mm/ksm/pages_sharing";
    facts.add("memory.ksm_pages_sharing", merged, number(host, merged));
    let balloon = "/sys/bus/virtio/drivers/virtio_balloon";
    let bound = host.list(balloon).map(|names| names.iter().any(|name| name.starts_with("virtio")));
    facts.add("memory.balloon", balloon, unless_absent(host, "/sys/bus", bound));
    let reporting = "/sys/module/page_reporting/parameters/page_reporting_order";
    facts.add("memory.page_reporting_order", reporting, number(host, reporting));
    let reclaim = "/proc/sys/vm/zone_reclaim_mode";
    facts.add("memory.zone_reclaim", reclaim, number(host, reclaim));
    let overcommit = "/proc/sys/vm/overcommit_memory";
    facts.add("memory.overcommit", overcommit, number(host, overcommit));
}
