//! What the guest claims of its caches and memory.

use std::fs::read_to_string;

/// Sum of the last-level caches, in bytes.
pub fn last_level_total() -> Option<u64> {
    cache_levels().last().copied()
}

/// Size of each level of data cache that CPU 0 sees, smallest first.
pub fn cache_levels() -> Vec<u64> {
    let mut all: Vec<u64> = (0..8)
        .filter_map(|i| {
            let dir = format!("/sys/devices/system/cpu/cpu0/cache/index{i}");
            let kind = read_to_string(format!("{dir}/type")).ok()?;
            if kind.trim() == "Instruction" {
                return None;
            }
            let size = read_to_string(format!("{dir}/size")).ok()?;
            size.trim().trim_end_matches('K').parse::<u64>().ok().map(|k| k << 10)
        })
        .collect();
    all.sort_unstable();
    all
}

/// Bytes that can be used without swapping.
pub fn memory_available() -> Option<u64> {
    let text = read_to_string("/proc/meminfo").ok()?;
    let row = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    row.split_whitespace().next()?.parse::<u64>().ok().map(|k| k << 10)
}

/// Memory nodes and their CPUs.
pub fn nodes() -> Vec<(usize, Vec<usize>)> {
    let allowed = vbench::host::memory::allowed_nodes().unwrap_or_default();
    allowed.into_iter().map(|node| (node, Vec::new())).collect()
}
