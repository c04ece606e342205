//! Bencher Metric Format: `{case: {measure: {value, lower_value, upper_value}}}`.
//!
//! The format has no field for a unit or a direction, so both stand in the name of the measure; a
//! name of its own also keeps clear of Bencher's built-in measures `latency` (in ns) and `throughput`.
//! Testbed and branch are arguments of `bencher run`: they are the place for system and configuration.

use super::json::pretty;
use super::{Document, Export, Format, Point, bounded};
use crate::compare::Pair;
use serde::Serialize;
use std::collections::BTreeMap;

pub const FORMAT: Format = Format {
    name: "bencher",
    about: "Bencher Metric Format, for `bencher run --adapter json`",
    write,
};

fn write(export: &Export<'_>) -> Result<Vec<Document>, String> {
    let configuration = export.only(FORMAT.name)?;
    Ok(Document::only(document(export.points(configuration))))
}

/// Longest names that Bencher takes, in characters (its reference of the format, 2026).
const CASE_NAME: usize = 1024;
const MEASURE_NAME: usize = 64;

#[derive(Serialize)]
struct Metric {
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lower_value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upper_value: Option<f64>,
}

/// The judged values of a pair's candidate.
pub fn bencher(pair: &Pair) -> String {
    document(Point::candidates(pair))
}

fn document<'p>(points: impl Iterator<Item = Point<'p>>) -> String {
    let mut cases: BTreeMap<String, BTreeMap<String, Metric>> = BTreeMap::new();
    for point in points {
        let interval = point.interval();
        let metric = Metric {
            value: point.value(),
            lower_value: interval.map(|(low, _)| low),
            upper_value: interval.map(|(_, high)| high),
        };
        let case = cases.entry(bounded(&point.case_name(), CASE_NAME)).or_default();
        case.insert(bounded(&point.measure(), MEASURE_NAME), metric);
    }
    pretty(&cases)
}
