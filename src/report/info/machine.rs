//! CPUs, nodes, caches, memory, kernel and limits.

use super::View;
use super::layout::{Page, bytes, count};
use crate::host::cpulist;
use crate::topology::{CacheKind, HugePages};
use std::collections::{BTreeMap, BTreeSet};
use vbench_results::{Reading, Value};

/// More rows than this are merged where they are alike.
const ROWS: usize = 16;
/// Cores that are listed one by one.
const CORES: usize = 4;

/// CPUs that share a package, a node and a last-level cache; several such groups when merged.
#[derive(Clone, Debug)]
struct Group {
    packages: BTreeSet<Option<usize>>,
    node: Option<usize>,
    llcs: BTreeSet<Option<usize>>,
    llc_size: Option<u64>,
    cores: usize,
    threads: usize,
    cpus: Vec<usize>,
    siblings: Vec<String>,
}

/// One row per package, node and last-level cache.
pub(super) fn topology(view: &View<'_>, page: &mut Page) {
    let mut groups = groups(view);
    if groups.len() > ROWS {
        groups = merged(groups, |a, b| a.packages == b.packages);
    }
    if groups.len() > ROWS {
        groups = merged(groups, |_, _| true);
    }
    if groups.is_empty() {
        return;
    }
    let mut above = None;
    let rows: Vec<_> = groups
        .iter()
        .map(|group| {
            let socket = numbers(&group.packages);
            let shown =
                if above.as_ref() == Some(&socket) { String::new() } else { socket.clone() };
            above = Some(socket);
            row(group, shown)
        })
        .collect();
    page.section("topology");
    let head = ["socket", "node", "last-level cache", "cores", "threads", "CPUs", "core by core"];
    page.table(&head, &rows);
}

fn row(group: &Group, socket: String) -> Vec<String> {
    let each = if group.llcs.len() > 1 { " each" } else { "" };
    let cache = match (numbers(&group.llcs), group.llc_size) {
        (number, _) if number == "?" => number,
        (number, None) => number,
        (number, Some(size)) => format!("{number} ({}{each})", bytes(size)),
    };
    vec![
        socket,
        group.node.map_or_else(|| "?".to_owned(), |node| node.to_string()),
        cache,
        if group.cores == 0 { "?".to_owned() } else { group.cores.to_string() },
        if group.threads == 0 { "?".to_owned() } else { group.threads.to_string() },
        cpulist::format(&group.cpus),
        group.siblings.join(" "),
    ]
}

fn groups(view: &View<'_>) -> Vec<Group> {
    let llcs = view.topology.llcs();
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for cpu in &view.topology.cpus {
        groups.entry((cpu.package, cpu.node, cpu.llc)).or_default().push(cpu);
    }
    let group =
        |((package, node, llc), cpus): ((_, _, Option<usize>), Vec<&crate::topology::Cpu>)| {
            let cores: BTreeSet<_> = cpus.iter().map(|cpu| &cpu.siblings).collect();
            let known = cores.iter().all(|siblings| !siblings.is_empty());
            let threads = cores.iter().map(|siblings| siblings.len()).max().unwrap_or(0);
            let mut listed: Vec<_> =
                cores.iter().take(CORES).map(|core| threads_of(core)).collect();
            if cores.len() > CORES {
                listed.push("..".to_owned());
            }
            Group {
                packages: BTreeSet::from([package]),
                node,
                llcs: BTreeSet::from([llc]),
                llc_size: llc.and_then(|llc| llcs.get(llc)?.size),
                cores: if known { cores.len() } else { 0 },
                threads: if known { threads } else { 0 },
                cpus: cpus.iter().map(|cpu| cpu.id).collect(),
                siblings: if known && threads > 1 { listed } else { Vec::new() },
            }
        };
    groups.into_iter().map(group).collect()
}

/// The threads of one core, `0,1`.
fn threads_of(core: &[usize]) -> String {
    core.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

/// Joins neighbours that look alike. The list of cores goes; counts become sums.
fn merged(groups: Vec<Group>, may: impl Fn(&Group, &Group) -> bool) -> Vec<Group> {
    let mut merged: Vec<Group> = Vec::new();
    for group in groups {
        let alike = |last: &&mut Group| {
            (last.node, last.llc_size, last.threads) == (group.node, group.llc_size, group.threads)
                && may(last, &group)
        };
        match merged.last_mut().filter(alike) {
            Some(last) => {
                last.packages.extend(&group.packages);
                last.llcs.extend(&group.llcs);
                last.cores += group.cores;
                last.cpus.extend(&group.cpus);
                last.cpus.sort_unstable();
                if last.siblings.last().is_some_and(|last| last != "..") {
                    last.siblings.push("..".to_owned());
                }
            }
            None => merged.push(group),
        }
    }
    merged
}

/// `0-3`, or a question mark for what is not known.
fn numbers(ids: &BTreeSet<Option<usize>>) -> String {
    let known: Option<Vec<usize>> = ids.iter().copied().collect();
    known.map_or_else(|| "?".to_owned(), |known| cpulist::format(&known))
}

/// CPUs, memory and huge pages of each node.
pub(super) fn nodes(view: &View<'_>, page: &mut Page) {
    let nodes = &view.topology.nodes;
    if nodes.is_empty() {
        return;
    }
    let size = |size: Option<u64>| size.map_or_else(|| "?".to_owned(), bytes);
    let rows: Vec<_> = nodes
        .iter()
        .map(|node| {
            let cpus = cpulist::format(&node.cpus);
            vec![
                node.id.to_string(),
                if cpus.is_empty() { "none".to_owned() } else { cpus },
                size(node.memory_total),
                size(node.memory_free),
                pools(&node.huge_pages),
            ]
        })
        .collect();
    page.section("nodes");
    page.table(&["node", "CPUs", "memory", "free", "huge pages"], &rows);
}

/// "512 x 2 MiB (500 free)".
fn pools(pools: &[HugePages]) -> String {
    let reserved = pools.iter().filter(|pool| pool.total > 0).map(|pool| {
        let free = pool.free.map_or_else(String::new, |free| format!(" ({free} free)"));
        format!("{} x {}{free}", pool.total, bytes(pool.size))
    });
    let reserved: Vec<_> = reserved.collect();
    match (pools.is_empty(), reserved.is_empty()) {
        (true, _) => "?".to_owned(),
        (false, true) => "none".to_owned(),
        _ => reserved.join(", "),
    }
}

/// The matrix of distances, where there is more than one node.
pub(super) fn distances(view: &View<'_>, page: &mut Page) {
    let nodes = &view.topology.nodes;
    let rows: Vec<_> = nodes.iter().filter(|node| node.distances.len() == nodes.len()).collect();
    if nodes.len() < 2 || rows.len() < nodes.len() {
        return;
    }
    let cell = |text: &dyn std::fmt::Display| format!("{text:>4}");
    let line = |label: String, cells: Vec<String>| format!("  {label:<8}{}", cells.concat());
    let head = line("node".to_owned(), nodes.iter().map(|node| cell(&node.id)).collect());
    page.section("distances (10 is local)");
    if head.len() > page.width() {
        return page.paragraph(2, 2, &format!("needs {} columns", head.len()));
    }
    page.line(&head);
    for node in rows {
        page.line(&line(node.id.to_string(), node.distances.iter().map(|d| cell(d)).collect()));
    }
}

/// Size and number of the caches of each level.
pub(super) fn caches(view: &View<'_>, page: &mut Page) {
    let mut kinds: BTreeMap<_, usize> = BTreeMap::new();
    for cache in &view.topology.caches {
        *kinds.entry((cache.level, cache.kind, cache.size)).or_default() += 1;
    }
    if kinds.is_empty() {
        return;
    }
    page.section(match view.text("virt.hypervisor").as_deref() {
        None | Some("none") => "caches",
        Some(_) => "caches (as the hypervisor tells; benchmarks measure them)",
    });
    for ((level, kind, size), number) in kinds {
        let kind = match kind {
            CacheKind::Data => "d",
            CacheKind::Instruction => "i",
            CacheKind::Unified => "",
        };
        let size = size.map_or_else(|| "size not told".to_owned(), bytes);
        page.entry(&format!("L{level}{kind}"), &format!("{number} x {size}"));
    }
    if let Some(total) = view.topology.llc_total_bytes() {
        page.entry("last level", &format!("{} in all", bytes(total)));
    }
}

/// Sizes, limits, pages.
pub(super) fn memory(view: &View<'_>, page: &mut Page) {
    page.section("memory");
    let size = |name: &str| view.size(name).unwrap_or_else(|| "?".to_owned());
    let swap = match view.integer("memory.swap") {
        Some(0) => "no swap".to_owned(),
        _ => format!("{} swap", size("memory.swap")),
    };
    let (total, free) = (size("memory.total"), size("memory.available"));
    page.entry("machine", &format!("{total}, {free} available, {swap}"));
    let limit = view.or_unknown("memory.limit");
    page.entry("this process", &format!("{} at most (limit: {limit})", size("memory.usable")));
    page.entry("huge pages", &pools(&view.topology.memory.huge_pages));
    let (enabled, defrag) = ("memory.thp.enabled", "memory.thp.defrag");
    let (enabled, defrag) = (view.or_unknown(enabled), view.or_unknown(defrag));
    page.entry("transparent", &format!("{enabled}, defrag {defrag}"));
    let switches = [("memory.ksm", "page merging"), ("memory.balloon", "balloon")];
    let on = switches.iter().filter(|(name, _)| view.text(name).as_deref() == Some("yes"));
    let on: Vec<_> = on.map(|(_, label)| *label).collect();
    if !on.is_empty() {
        page.entry("active", &on.join(", "));
    }
}

/// Version, clock, what shapes scheduling.
pub(super) fn kernel(view: &View<'_>, page: &mut Page) {
    page.section("kernel and clock");
    let system = [view.text("kernel.release"), view.text("kernel.distribution")];
    page.entry("kernel", &known(system));
    let available = view.or_unknown("kernel.clocksource_available");
    let clock = view.or_unknown("kernel.clocksource");
    page.entry("clock source", &format!("{clock} (available: {available})"));
    let highest = view.integer("cpu.frequency_max").map(|hz| format!("{:.2} GHz", hz as f64 / 1e9));
    let governor = view.text("cpu.governor").map(|governor| format!("governor {governor}"));
    let driver = view.text("cpu.driver").map(|driver| format!("driver {driver}"));
    page.entry("CPU clock", &known([highest, governor, driver]));
    let balancing = match view.integer("kernel.numa_balancing") {
        None => "?",
        Some(0) => "off",
        Some(_) => "on",
    };
    page.entry("balancing", &format!("NUMA balancing {balancing}"));
    let isolated = ["cpu.isolated", "cpu.nohz_full"].map(|name| {
        let cpus = view.text(name)?;
        Some(format!("{} {cpus}", name.trim_start_matches("cpu.")))
    });
    page.entry("isolation", &known(isolated));
    let options = view.text("kernel.options");
    let options =
        options.map(|list| if list.is_empty() { "none that matter".to_owned() } else { list });
    page.entry("options", &known([options]));
    page.entry("mitigations", &mitigations(view));
}

/// What is known of several, else a question mark.
fn known<const N: usize>(parts: [Option<String>; N]) -> String {
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "?".to_owned() } else { parts.join(", ") }
}

/// How many weaknesses are mitigated, and the names of those that are not.
fn mitigations(view: &View<'_>) -> String {
    let prefix = "cpu.vulnerability.";
    let states: Vec<_> = view
        .environment
        .facts
        .iter()
        .filter_map(|(name, fact)| match &fact.reading {
            Reading::Value(Value::Text(state)) => {
                Some((name.strip_prefix(prefix)?, state.as_str()))
            }
            _ => None,
        })
        .collect();
    if states.is_empty() {
        return "?".to_owned();
    }
    let starting =
        |start: &str| states.iter().filter(|(_, state)| state.starts_with(start)).count();
    let open = states.iter().filter(|(_, state)| state.starts_with("Vulnerable"));
    let open: Vec<_> = open.map(|(name, _)| *name).collect();
    let mut text =
        format!("{} mitigated, {} not affected", starting("Mitigation"), starting("Not affected"));
    if !open.is_empty() {
        text.push_str(&format!(", {} open: {}", open.len(), open.join(" ")));
    }
    text
}

/// What this process is confined to.
pub(super) fn limits(view: &View<'_>, page: &mut Page) {
    page.section("limits");
    let (allowed, online) = (view.topology.allowed.len(), view.topology.cpus.len());
    let list = cpulist::format(&view.topology.allowed);
    let share = if allowed == online { "all".to_owned() } else { format!("{allowed} of {online}") };
    let affinity = if allowed == 0 { "?".to_owned() } else { format!("CPUs {list} ({share})") };
    page.entry("affinity", &affinity);
    let group = match view.text("cgroup.version") {
        None => format!("? ({})", view.reason("cgroup.version").unwrap_or("not asked")),
        Some(_) => {
            let cpu = match view.environment.value("cgroup.cpu_max") {
                Some(Value::Number(cpus)) => format!("{cpus} CPUs"),
                other => other.map_or_else(|| "?".to_owned(), Value::to_string),
            };
            let memory = view.size("cgroup.memory_max");
            let memory = memory.unwrap_or_else(|| view.or_unknown("cgroup.memory_max"));
            let cpuset = view.text("cgroup.cpuset").map(|set| format!(", CPUs {set}"));
            let throttled =
                view.integer("cgroup.cpu_throttled").and_then(|n| usize::try_from(n).ok());
            let throttled = throttled.filter(|times| *times > 0);
            let throttled = throttled.map(|times| format!(", throttled {}", count(times, "time")));
            let more = [cpuset, throttled].into_iter().flatten().collect::<String>();
            format!("CPU time {cpu}, memory {memory}{more}")
        }
    };
    page.entry("control group", &group);
    let locked = view.size("memory.locked_limit");
    let locked = locked.unwrap_or_else(|| view.or_unknown("memory.locked_limit"));
    page.entry("locked memory", &locked);
}
