//! Distances between memory nodes as latencies show them, beside the guest's table.

use super::aspect::Aspect;
use super::measured_cases;
use crate::stats::summarize;
use std::collections::BTreeMap;
use vbench_results::{CaseResult, ResultSet, Value};

/// What a route costs, and the benchmark that shows it.
struct Cost {
    /// Of the aspect.
    name: &'static str,
    benchmark: &'static str,
    metric: &'static str,
    /// Seconds of a load, or of a byte, from the metric's value.
    of: fn(f64) -> f64,
    /// A measured route beside the node's own memory, as text.
    text: fn(f64) -> String,
    /// True when memory of another node must be slower: a single node's CPUs may not be able to
    /// read faster than the link to the next one carries.
    further_is_slower: bool,
}

/// The benchmarks behind them.
pub(super) const LATENCIES: &str = "latency::pointer_chase_nodes";
pub(super) const READS: &str = "memory::read_nodes";

const LATENCY: Cost = Cost {
    name: "distances",
    benchmark: LATENCIES,
    metric: "latency",
    of: |seconds| seconds,
    text: |ratio| format!("{:.0}", LOCAL * ratio),
    further_is_slower: true,
};

const BANDWIDTH: Cost = Cost {
    name: "bandwidths",
    benchmark: READS,
    metric: "read",
    of: |bytes_per_second| 1.0 / bytes_per_second,
    text: |ratio| format!("{:.2}", 1.0 / ratio),
    further_is_slower: false,
};

/// Fact of a launch: the distance that the guest's table gives for its two nodes.
pub const CLAIMED_DISTANCE: &str = "claimed_distance";
/// What the table gives for a node and itself (ACPI 6.5, section 5.2.17: SLIT).
const LOCAL: f64 = 10.0;
/// Latencies that differ by less are the same: the guests of the suite's specification have 3 to 5%
/// of noise between launches.
const SAME: f64 = 1.10;

/// CPU node and memory node.
type Route = (usize, usize);
/// Cost and claimed distance.
type Cell = (f64, Option<f64>);
type Table = BTreeMap<Route, Cell>;

/// Each node's latencies as distances: 10 times the ratio to the latency of its own memory.
pub(super) fn distances(results: &ResultSet) -> Aspect {
    LATENCY.aspect(results)
}

/// Each node's read bandwidths as shares of that of its own memory.
pub(super) fn bandwidths(results: &ResultSet) -> Aspect {
    BANDWIDTH.aspect(results)
}

impl Cost {
    fn aspect(&self, results: &ResultSet) -> Aspect {
        let cells = measured_cases(results, self.benchmark).filter_map(|case| self.cell(case));
        let table: Table = cells.collect();
        if table.is_empty() {
            return Aspect::missing(self.name, self.benchmark, results);
        }
        let claims = |route: Route| {
            let (_, claimed) = table.get(&route)?;
            claimed.map(|distance| format!("{distance:.0}"))
        };
        let known = table.values().any(|(_, claimed)| claimed.is_some());
        Aspect {
            name: self.name,
            measured: Ok(listed(&table, &|route| ratio(&table, route).map(self.text))),
            claimed: known.then(|| listed(&table, &claims)),
            disagreement: self.disagreement(&table),
            source: self.benchmark.to_owned(),
        }
    }

    fn cell(&self, case: &CaseResult) -> Option<(Route, Cell)> {
        let node = |axis: &str| case.case.params.get(axis)?.parse().ok();
        let metric = case.metrics.iter().find(|metric| metric.name == self.metric)?;
        let value = summarize(case, metric)?.headline(case.estimator);
        let claim = case.launches.iter().find_map(|launch| launch.facts.get(CLAIMED_DISTANCE));
        let claimed = claim.and_then(|claim| claim.to_string().parse().ok());
        let route = (node("cpu_node")?, node("memory_node")?);
        (value > 0.0).then_some((route, ((self.of)(value), claimed)))
    }

    /// The first way in which a CPU node's row contradicts the table: memory said to be nearer takes
    /// longer, or memory said to be further does not.
    fn disagreement(&self, table: &Table) -> Option<String> {
        let cells = || {
            table.iter().filter_map(|(nodes, (cost, claimed))| Some((*nodes, *cost, (*claimed)?)))
        };
        for ((cpu, near), cost, claimed) in cells() {
            let row = cells().filter(|((other, _), _, _)| *other == cpu);
            for ((_, far), other, further) in row.filter(|(_, _, further)| *further > claimed) {
                if cost > other * SAME {
                    return Some(format!(
                        "from node {cpu}, node {near} (distance {claimed}) is claimed nearer than \
                         node {far} ({further}), and takes {:.2} times as long",
                        cost / other
                    ));
                }
                if self.further_is_slower && cpu == near && other < cost * SAME {
                    return Some(format!(
                        "from node {cpu}, memory of node {far} (distance {further}) takes {:.2} \
                         times as long as its own: not two nodes, or not where the guest says",
                        other / cost
                    ));
                }
            }
        }
        None
    }
}

/// `from 0 to 0:10 1:21` for each CPU node.
fn listed(table: &Table, text: &dyn Fn(Route) -> Option<String>) -> Value {
    let mut rows: Vec<usize> = table.keys().map(|(cpu, _)| *cpu).collect();
    rows.dedup();
    let row = |cpu: usize| {
        let columns = table.keys().filter(|(row, _)| *row == cpu);
        let cells = columns.map(|(_, memory)| {
            format!("{memory}:{}", text((cpu, *memory)).unwrap_or_else(|| "?".to_owned()))
        });
        format!("from {cpu} to {}", cells.collect::<Vec<_>>().join(" "))
    };
    Value::List(rows.into_iter().map(|cpu| row(cpu).into()).collect())
}

/// The cost beside that of the node's own memory; `None` where that was not measured.
fn ratio(table: &Table, (cpu, memory): Route) -> Option<f64> {
    let (cost, _) = table.get(&(cpu, memory))?;
    let (local, _) = table.get(&(cpu, cpu))?;
    Some(cost / local)
}
