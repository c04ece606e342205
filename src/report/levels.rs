//! The levels of a latency sweep, beside the caches that the machine claims.

use super::number::with_unit;
use crate::levels::{Level, Point, compare, levels};
use crate::quantity::Bytes;
use crate::stats::summarize;
use std::collections::BTreeMap;
use vbench_results::{CaseResult, Environment, Metric, ResultSet, Unit};

/// The metric and the axis that make a sweep of memory latency.
const METRIC: &str = "latency";
const AXIS: &str = "size";
/// Fewer sizes show no levels.
const LEAST_SIZES: usize = 6;

/// A few lines for each sweep of a metric `latency` over an axis `size`: the levels found, and
/// which of the claimed caches they confirm.
pub fn lines(results: &ResultSet) -> Vec<String> {
    let claims = claims(&results.environment);
    let sweeps = sweeps(results).into_iter().filter(|(_, (points, _))| points.len() >= LEAST_SIZES);
    sweeps.flat_map(|(name, (points, unit))| told(&name, &points, &unit, &claims)).collect()
}

type Sweep = (Vec<Point>, Unit);

/// The sweeps by what their cases share: benchmark and all other axes.
fn sweeps(results: &ResultSet) -> BTreeMap<String, Sweep> {
    let mut sweeps: BTreeMap<String, Sweep> = BTreeMap::new();
    for case in &results.cases {
        let metric = case.metrics.iter().find(|metric| metric.name == METRIC);
        let Some((metric, point)) = metric.and_then(|metric| Some((metric, point(case, metric)?)))
        else {
            continue;
        };
        let sweep = sweeps.entry(rest(case)).or_insert_with(|| (Vec::new(), metric.unit.clone()));
        sweep.0.push(point);
    }
    for (points, _) in sweeps.values_mut() {
        points.sort_by_key(|point| point.size);
    }
    sweeps
}

fn point(case: &CaseResult, metric: &Metric) -> Option<Point> {
    let size: Bytes = case.case.params.get(AXIS)?.parse().ok()?;
    let summary = summarize(case, metric)?;
    Some(Point { size: size.0, value: summary.headline(case.estimator) })
}

fn rest(case: &CaseResult) -> String {
    let mut id = case.case.clone();
    id.params.remove(AXIS);
    id.to_string()
}

/// The data caches of CPU 0 as the environment has them: name and size.
fn claims(environment: &Environment) -> Vec<(String, u64)> {
    let known = ["l1d", "l2", "l3", "l4"].into_iter().filter_map(|cache| {
        let value = environment.value(&format!("cpu.cache.{cache}.size"))?;
        let size = value.to_string().parse().ok()?;
        Some((cache.to_uppercase(), size))
    });
    known.collect()
}

fn told(name: &str, points: &[Point], unit: &Unit, claims: &[(String, u64)]) -> Vec<String> {
    let levels = levels(points);
    let mut lines = vec![format!("levels of {name}")];
    lines.extend(levels.iter().map(|level| level_line(level, unit)));
    let sizes: Vec<u64> = claims.iter().map(|(_, size)| *size).collect();
    for (claim, (cache, size)) in compare(&levels, &sizes).iter().zip(claims) {
        let verdict = match claim.level {
            Some(level) => {
                format!("agrees with the level of {}", with_unit(levels[level].value, unit))
            }
            None => "no level ends there".to_owned(),
        };
        lines.push(format!("  claimed {cache} {}: {verdict}", bytes(*size)));
    }
    lines
}

fn level_line(level: &Level, unit: &Unit) -> String {
    let end = match level.beyond {
        Some(beyond) => format!("ends between {} and {}", bytes(level.to), bytes(beyond)),
        None => "the largest size measured is still on it".to_owned(),
    };
    format!(
        "  {:>8}  {} to {}, {end}",
        with_unit(level.value, unit),
        bytes(level.from),
        bytes(level.to)
    )
}

fn bytes(size: u64) -> String {
    Bytes(size).to_string()
}
