//! Distances between memory nodes as latencies show them, beside the guest's table.

use super::aspect::Aspect;
use super::measured_cases;
use crate::stats::summarize;
use std::collections::BTreeMap;
use vbench_results::{CaseResult, ResultSet, Value};

const BENCHMARK: &str = "latency::pointer_chase_nodes";
const METRIC: &str = "latency";
/// Fact of a launch: the distance that the guest's table gives for its two nodes.
pub const CLAIMED_DISTANCE: &str = "claimed_distance";
/// What the table gives for a node and itself (ACPI 6.5, section 5.2.17: SLIT).
const LOCAL: f64 = 10.0;
/// Latencies that differ by less are the same: the guests of the suite's specification have 3 to 5%
/// of noise between launches.
const SAME: f64 = 1.10;

/// CPU node and memory node.
type Route = (usize, usize);
/// Latency and claimed distance.
type Cell = (f64, Option<f64>);
type Table = BTreeMap<Route, Cell>;

/// Each node's latencies as distances: 10 times the ratio to the latency of its own memory.
pub(super) fn distances(results: &ResultSet) -> Aspect {
    let cells = measured_cases(results, BENCHMARK).filter_map(cell);
    let table: Table = cells.collect();
    if table.is_empty() {
        return Aspect::missing("distances", BENCHMARK);
    }
    let row = |cpu: usize, value: &dyn Fn(usize) -> Option<f64>| {
        let columns = table.keys().filter(|(row, _)| *row == cpu);
        let cells = columns.map(|(_, memory)| match value(*memory) {
            Some(distance) => format!("{memory}:{distance:.0}"),
            None => format!("{memory}:?"),
        });
        format!("from {cpu} to {}", cells.collect::<Vec<_>>().join(" "))
    };
    let mut rows: Vec<usize> = table.keys().map(|(cpu, _)| *cpu).collect();
    rows.dedup();
    let text = |value: &dyn Fn(usize, usize) -> Option<f64>| -> Vec<Value> {
        rows.iter().map(|cpu| row(*cpu, &|memory| value(*cpu, memory)).into()).collect()
    };
    let claims = |cpu, memory| table.get(&(cpu, memory)).and_then(|(_, claimed)| *claimed);
    Aspect {
        name: "distances",
        measured: Ok(Value::List(text(&|cpu, memory| ratio(&table, cpu, memory)))),
        claimed: Some(Value::List(text(&claims))),
        disagreement: disagreement(&table),
        source: BENCHMARK.to_owned(),
    }
}

fn cell(case: &CaseResult) -> Option<(Route, Cell)> {
    let node = |axis: &str| case.case.params.get(axis)?.parse().ok();
    let metric = case.metrics.iter().find(|metric| metric.name == METRIC)?;
    let latency = summarize(case, metric)?.headline(case.estimator);
    let claim = case.launches.iter().find_map(|launch| launch.facts.get(CLAIMED_DISTANCE));
    let claimed = claim.and_then(|claim| claim.to_string().parse().ok());
    (latency > 0.0).then_some(((node("cpu_node")?, node("memory_node")?), (latency, claimed)))
}

/// The measured distance; `None` where the node's own memory was not measured.
fn ratio(table: &Table, cpu: usize, memory: usize) -> Option<f64> {
    let (latency, _) = table.get(&(cpu, memory))?;
    let (local, _) = table.get(&(cpu, cpu))?;
    Some(LOCAL * latency / local)
}

/// The first way in which a CPU node's row contradicts the table: memory said to be nearer takes
/// longer, or memory said to be further does not.
fn disagreement(table: &Table) -> Option<String> {
    let cells = || {
        table.iter().filter_map(|(nodes, (latency, claimed))| Some((*nodes, *latency, (*claimed)?)))
    };
    for ((cpu, near), latency, claimed) in cells() {
        let row = cells().filter(|((other, _), _, _)| *other == cpu);
        for ((_, far), other, further) in row.filter(|(_, _, further)| *further > claimed) {
            if latency > other * SAME {
                return Some(format!(
                    "from node {cpu}, node {near} (distance {claimed}) is claimed nearer than node \
                     {far} ({further}), and takes {:.2} times as long",
                    latency / other
                ));
            }
            if cpu == near && other < latency * SAME {
                return Some(format!(
                    "from node {cpu}, memory of node {far} (distance {further}) takes {:.2} times \
                     as long as its own: not two nodes, or not where the guest says",
                    other / latency
                ));
            }
        }
    }
    None
}
