//! Caches: level, size, and which CPUs share them.

use super::{Cpu, ids, number};
use crate::host::Host;
use std::collections::{BTreeMap, BTreeSet};

const ROOT: &str = "/sys/devices/system/cpu";

/// One cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// 1 is nearest to the core.
    pub level: u8,
    /// What it holds.
    pub kind: CacheKind,
    /// Size in bytes.
    pub size: Option<u64>,
    /// Length of a line in bytes.
    pub line: Option<u64>,
    /// Ways of associativity.
    pub ways: Option<u64>,
    /// The kernel's id, unique per level; it can contradict the list of CPUs.
    pub id: Option<u64>,
    /// CPUs that share it.
    pub cpus: Vec<usize>,
}

/// What a cache holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CacheKind {
    /// Data only.
    Data,
    /// Instructions only.
    Instruction,
    /// Both.
    Unified,
}

/// A level of data caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLevel {
    /// 1 is nearest to the core.
    pub level: u8,
    /// Size of one cache, in bytes.
    pub size: u64,
    /// Caches of this level in the machine.
    pub instances: usize,
}

impl Cache {
    fn holds_data(&self) -> bool {
        self.kind != CacheKind::Instruction
    }
}

/// Every cache once. A CPU that an earlier CPU of the same index named as sharing is not asked
/// again, which saves most of the reads on large machines.
pub(super) fn read(host: &Host, cpus: &[Cpu]) -> Vec<Cache> {
    let mut covered: BTreeSet<(String, usize)> = BTreeSet::new();
    let mut caches = Vec::new();
    for cpu in cpus {
        let dir = format!("{ROOT}/cpu{}/cache", cpu.id);
        let indices = host.list(&dir).unwrap_or_default();
        for index in indices.into_iter().filter(|name| name.starts_with("index")) {
            if covered.contains(&(index.clone(), cpu.id)) {
                continue;
            }
            if let Some(cache) = read_one(host, &format!("{dir}/{index}"), cpu.id) {
                covered.extend(cache.cpus.iter().map(|cpu| (index.clone(), *cpu)));
                caches.push(cache);
            }
        }
    }
    caches.sort_by(|a, b| (a.level, a.kind, &a.cpus).cmp(&(b.level, b.kind, &b.cpus)));
    caches
}

fn read_one(host: &Host, dir: &str, cpu: usize) -> Option<Cache> {
    let file = |name: &str| format!("{dir}/{name}");
    let kind = match host.read(&file("type")).ok()?.as_str() {
        "Data" => CacheKind::Data,
        "Instruction" => CacheKind::Instruction,
        "Unified" => CacheKind::Unified,
        _ => return None,
    };
    let shared = ids(host, &file("shared_cpu_list")).filter(|cpus| cpus.contains(&cpu));
    Some(Cache {
        level: number(host, &file("level"))?,
        kind,
        size: host.read(&file("size")).ok().and_then(|text| size(&text)),
        line: number(host, &file("coherency_line_size")),
        ways: number(host, &file("ways_of_associativity")),
        id: number(host, &file("id")),
        cpus: shared.unwrap_or_else(|| vec![cpu]),
    })
}

/// A size such as `48K`. Zero is how hypervisors say that they do not tell.
fn size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(['K', 'M', 'G']);
    let unit: u64 = match &text[digits.len()..] {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit).filter(|size| *size > 0)
}

/// For every CPU that has caches, the index of its outermost one that holds data.
fn outermost(caches: &[Cache]) -> BTreeMap<usize, usize> {
    let data = caches.iter().enumerate().filter(|(_, cache)| cache.holds_data());
    // Caches are sorted by level: the last one named for a CPU is the outermost.
    data.flat_map(|(index, cache)| cache.cpus.iter().map(move |cpu| (*cpu, index))).collect()
}

/// Indices of the last-level caches of `cpus`, in order of their first CPU.
pub(super) fn last_level(cpus: &[Cpu], caches: &[Cache]) -> Vec<usize> {
    let outermost = outermost(caches);
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for index in cpus.iter().filter_map(|cpu| outermost.get(&cpu.id)) {
        if seen.insert(*index) {
            found.push(*index);
        }
    }
    found
}

/// Numbers the last-level caches and notes the number of each CPU's.
pub(super) fn assign_last_level(cpus: &mut [Cpu], caches: &[Cache]) {
    let order = last_level(cpus, caches);
    let numbers: BTreeMap<_, _> =
        order.into_iter().enumerate().map(|(n, index)| (index, n)).collect();
    let outermost = outermost(caches);
    for cpu in cpus {
        cpu.llc = outermost.get(&cpu.id).and_then(|index| numbers.get(index)).copied();
    }
}

/// The levels of data caches with a known size, as `cpu` sees them.
pub(super) fn levels(caches: &[Cache], cpu: Option<usize>) -> Vec<CacheLevel> {
    let mut by_level: BTreeMap<u8, Vec<&Cache>> = BTreeMap::new();
    for cache in caches.iter().filter(|cache| cache.holds_data()) {
        by_level.entry(cache.level).or_default().push(cache);
    }
    let levels = by_level.into_iter().filter_map(|(level, caches)| {
        let own = |cache: &&&Cache| cpu.is_some_and(|cpu| cache.cpus.contains(&cpu));
        let size = caches.iter().find(own).or(caches.first())?.size?;
        Some(CacheLevel { level, size, instances: caches.len() })
    });
    levels.collect()
}

#[cfg(test)]
mod tests {
    use super::{CacheLevel, size};
    use crate::host::Host;
    use crate::topology::Topology;

    #[test]
    fn sizes_read_as_the_kernel_writes_them() {
        assert_eq!(size("48K"), Some(49152));
        assert_eq!(size("2M"), Some(2 << 20));
        for bad in ["", "K", "0K", "-1K", "48X", "99999999999999999999K", "18446744073709551615G"] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }

    fn machine(l3: bool) -> Topology {
        let mut files = vec![
            ("file /proc/self/status".to_owned(), "Cpus_allowed_list: 0-3".to_owned()),
            (format!("file {}/online", super::ROOT), "0-3".to_owned()),
        ];
        for cpu in 0..4 {
            let pair = format!("{}-{}", cpu / 2 * 2, cpu / 2 * 2 + 1);
            let mut cache = |index, level, kind: &str, size: &str, shared: &str| {
                let dir = format!("file {}/cpu{cpu}/cache/index{index}", super::ROOT);
                files.push((format!("{dir}/level"), format!("{level}")));
                files.push((format!("{dir}/type"), kind.to_owned()));
                files.push((format!("{dir}/size"), size.to_owned()));
                files.push((format!("{dir}/shared_cpu_list"), shared.to_owned()));
            };
            cache(0, 1, "Data", "32K", &cpu.to_string());
            cache(1, 1, "Instruction", "64K", &cpu.to_string());
            cache(2, 2, "Unified", "1024K", &pair);
            if l3 {
                cache(3, 3, "Unified", "16M", "0-3");
            }
        }
        let files = files.into_iter().map(|(key, text)| (key, text.into_bytes()));
        Topology::read(&Host::of_bytes(files.collect()))
    }

    #[test]
    fn shared_caches_count_once() {
        let topology = machine(true);
        assert_eq!(topology.caches.len(), 4 + 4 + 2 + 1);
        assert_eq!(topology.llc_total_bytes(), Some(16 << 20));
        let l2 = CacheLevel { level: 2, size: 1 << 20, instances: 2 };
        assert_eq!(topology.cache_levels()[1], l2);
        assert!(topology.cpus.iter().all(|cpu| cpu.llc == Some(0)));
    }

    #[test]
    fn without_a_third_level_the_second_is_the_last() {
        let topology = machine(false);
        assert_eq!(topology.llc_total_bytes(), Some(2 << 20));
        let llcs: Vec<_> = topology.cpus.iter().map(|cpu| cpu.llc).collect();
        assert_eq!(llcs, [Some(0), Some(0), Some(1), Some(1)]);
    }
}
