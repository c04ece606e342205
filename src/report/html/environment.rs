//! What differs between the machines, and the vCPUs that each run could use.

use super::view::View;
use crate::host::cpulist;
use crate::report::chart::strip::{Machine, Node, machine};
use crate::report::chart::{Figure, Frame, joined};
use crate::report::square::nodes;
use crate::report::table::{cut, inert};
use std::collections::{BTreeMap, BTreeSet};
use vbench_results::{Reading, ResultSet};

/// A fact over all sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Its name.
    pub fact: String,
    /// Its values on each side.
    pub values: Vec<String>,
    /// For each side: other than on the first.
    pub differs: Vec<bool>,
}

/// Facts that differ, in three groups.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Differences {
    /// What describes the layout, or should not change by itself.
    pub layout: Vec<Difference>,
    /// Names of hosts, serial numbers, and what one side does not know.
    pub others: Vec<Difference>,
    /// Names of amounts of the moment, such as free memory.
    pub passing: Vec<String>,
}

/// Longest value that is shown whole.
const LONGEST: usize = 160;
/// Most values of one side.
const MOST_VALUES: usize = 4;

/// The facts that differ between any side and the first.
pub fn differences(view: &View<'_>) -> Differences {
    let mut differences = Differences::default();
    // Whether any side is known to differ, and whether its values are amounts of the moment.
    let mut found: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    for fact in view.facts.iter().flatten() {
        let number = |value: &String| value.parse::<f64>().is_ok();
        let passing = !fact.stable && fact.base.iter().chain(&fact.candidate).all(number);
        let entry = found.entry(&fact.fact).or_insert((false, false));
        entry.0 |= fact.known && !fact.identifying;
        entry.1 |= passing;
    }
    for (name, (differs, passing)) in found {
        match (passing, differs) {
            (true, _) => differences.passing.push(inert(name)),
            (false, false) => differences.others.push(difference(view, name)),
            (false, true) => differences.layout.push(difference(view, name)),
        }
    }
    differences
}

fn difference(view: &View<'_>, name: &str) -> Difference {
    let all: Vec<BTreeSet<String>> = view
        .group
        .sides
        .iter()
        .take(view.names.len())
        .map(|side| side.runs.iter().map(|run| reading(run, name)).collect())
        .collect();
    let text = |values: &BTreeSet<String>| {
        let mut texts: Vec<String> =
            values.iter().take(MOST_VALUES).map(|value| cut(value, LONGEST)).collect();
        if values.len() > MOST_VALUES {
            texts.push(format!("{} more", values.len() - MOST_VALUES));
        }
        texts.join(" | ")
    };
    Difference {
        fact: inert(name),
        values: all.iter().map(text).collect(),
        differs: all.iter().map(|values| Some(values) != all.first()).collect(),
    }
}

fn reading(run: &ResultSet, name: &str) -> String {
    match run.environment.facts.get(name).map(|fact| &fact.reading) {
        Some(Reading::Value(value)) => inert(&value.to_string()),
        Some(Reading::Unknown(reason)) => format!("unknown: {}", inert(reason)),
        None => "unknown: not recorded".to_owned(),
    }
}

/// Facts that all runs share, as name and value: only what is known.
pub fn shared(view: &View<'_>) -> Vec<(String, String)> {
    let runs: Vec<&ResultSet> = view.runs().map(|(_, run)| run).collect();
    let Some((first, rest)) = runs.split_first() else { return Vec::new() };
    let same = |name: &String, fact: &vbench_results::Fact| {
        matches!(fact.reading, Reading::Value(_))
            && rest.iter().all(|run| {
                run.environment.facts.get(name).is_some_and(|o| o.reading == fact.reading)
            })
    };
    let facts = first.environment.facts.iter().filter(|(name, fact)| same(name, fact));
    facts.map(|(name, _)| (inert(name), cut(&reading(first, name), LONGEST))).collect()
}

/// Most vCPUs of which each is drawn.
const MOST_CPUS: usize = 1024;

/// The vCPUs of every side in their nodes; nothing where they are not known.
pub fn topology(view: &View<'_>) -> Option<Figure> {
    let sides = view.group.sides.iter().take(view.names.len()).enumerate();
    let machines: Vec<Machine> = sides
        .filter_map(|(slot, side)| {
            let run = side.runs.first()?;
            let allowed = run.environment.value("cpu.allowed").map(ToString::to_string);
            let allowed = allowed.and_then(|list| cpulist::parse(&list).ok());
            let usable = |cpu: usize| allowed.as_ref().is_none_or(|allowed| allowed.contains(&cpu));
            let nodes: Vec<Node> = nodes(&run.environment)
                .into_iter()
                .map(|(id, cpus)| Node {
                    name: format!("node {id}"),
                    cpus: cpus.into_iter().map(|cpu| (cpu, usable(cpu))).collect(),
                })
                .collect();
            (!nodes.is_empty()).then(|| Machine { slot, name: view.names[slot].clone(), nodes })
        })
        .collect();
    let count: usize = machines.iter().flat_map(|m| &m.nodes).map(|node| node.cpus.len()).sum();
    if count == 0 || count > MOST_CPUS * view.names.len() {
        return None;
    }
    let table = table(&machines);
    let parts: Vec<_> = machines.iter().map(|one| machine(one, Frame::HALF)).collect();
    Some(Figure {
        id: format!("{}-topology", view.id),
        title: "Which vCPUs each run could use".to_owned(),
        caption: "As the guest sees itself: an outline is a memory node, a square a vCPU, filled where the run was \
                  allowed on it. Where the host runs a vCPU is not visible from here."
            .to_owned(),
        wide: joined(&parts),
        parts,
        narrow: None,
        table,
        half: false,
        key: Vec::new(),
    })
}

fn table(machines: &[Machine]) -> Vec<Vec<String>> {
    let head = ["configuration", "node", "vCPUs", "allowed"].map(str::to_owned).to_vec();
    let rows = machines.iter().flat_map(|machine| {
        machine.nodes.iter().map(|node| {
            let list = |all: bool| {
                let cpus =
                    node.cpus.iter().filter(|(_, usable)| all || *usable).map(|(cpu, _)| *cpu);
                let list = cpulist::format(&cpus.collect::<Vec<_>>());
                if list.is_empty() { "none".to_owned() } else { list }
            };
            vec![machine.name.clone(), node.name.clone(), list(true), list(false)]
        })
    });
    [head].into_iter().chain(rows).collect()
}

/// What the machines of a group are, in one line: GPUs, CPU, size, hypervisor.
pub fn summary(view: &View<'_>) -> Vec<String> {
    let Some((_, run)) = view.runs().next() else { return Vec::new() };
    let text = |name: &str| run.environment.value(name).map(|value| inert(&value.to_string()));
    let mut parts = Vec::new();
    if let Some(count) = text("gpu.count").filter(|count| count != "0") {
        let model = text("gpu.0.model").unwrap_or_else(|| "GPU".to_owned());
        parts.push(format!("{count} \u{d7} {model}"));
    }
    parts.extend(text("cpu.model"));
    if let Some(cpus) = text("cpu.count.online") {
        let nodes = text("numa.nodes").map_or(String::new(), |nodes| {
            format!(" in {nodes} {}", if nodes == "1" { "node" } else { "nodes" })
        });
        parts.push(format!("{cpus} vCPUs{nodes}"));
    }
    let bytes = text("memory.total_rounded")
        .or_else(|| text("memory.total"))
        .and_then(|text| text.parse::<f64>().ok());
    let unit = vbench_results::Unit::binary("B");
    parts.extend(bytes.map(|bytes| crate::report::number::with_unit(bytes, &unit)));
    parts.extend(text("virt.hypervisor").filter(|name| name != "none"));
    parts
}

/// What makes a configuration, from the facts in which it differs.
pub fn card(view: &View<'_>, side: usize) -> String {
    let differences = differences(view);
    let named = differences.layout.iter().filter(|difference| {
        let other = difference.values.get(side).is_some_and(|value| value.len() <= 40);
        other && (side == 0 || difference.differs.get(side) == Some(&true))
    });
    let told =
        named.filter_map(|difference| words_of(&difference.fact, difference.values.get(side)?));
    let parts: Vec<String> = told.take(3).collect();
    let labels =
        view.group.sides.get(side).and_then(|side| side.runs.first()).map(|run| &run.run.labels);
    let labels: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| inert(&format!("{key} {value}")))
        .take(3)
        .collect();
    match (labels.is_empty(), parts.is_empty()) {
        (false, _) => labels.join(", "),
        (true, false) => parts.join(", "),
        (true, true) => "no known fact sets it apart".to_owned(),
    }
}

/// A fact as words; nothing for what another fact already says.
fn words_of(fact: &str, value: &str) -> Option<String> {
    let several = |noun: &str| crate::report::number::counted(value.parse().unwrap_or(2), noun);
    let pages =
        fact.strip_prefix("memory.huge_pages.").and_then(|rest| rest.strip_suffix(".total"));
    match fact {
        "numa.nodes" => Some(several("memory node")),
        "cpu.count.allowed" => Some(format!("{value} vCPUs allowed").replace("1 vCPUs", "1 vCPU")),
        "cpu.allowed" => Some(format!("on vCPU {value}")),
        "cpu.threads_per_core" => Some(format!("{} a core", several("thread"))),
        "kernel.release" => Some(format!("kernel {value}")),
        _ if pages.is_some() => {
            Some(format!("{value} huge pages of {}", pages.unwrap_or_default()))
        }
        _ if fact.starts_with("numa.node.") || fact == "numa.distances" => None,
        _ if fact.starts_with("factor.") => {
            Some(format!("{} {value}", fact.trim_start_matches("factor.")))
        }
        _ => Some(format!("{fact} {value}")),
    }
}
