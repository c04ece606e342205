//! github-action-benchmark: `[{name, unit, value, range, extra}]`, a file for each direction, because
//! the action reads one direction per file (`customBiggerIsBetter`, `customSmallerIsBetter`).

use super::json::pretty;
use super::point::rounded;
use super::{Document, Export, Format, Point};
use crate::compare::{Pair, SideSummary};
use crate::text::inert;
use serde::Serialize;
use vbench_results::Better;

pub const FORMAT: Format = Format {
    name: "github-action-benchmark",
    about: "two files: -bigger for customBiggerIsBetter, -smaller for customSmallerIsBetter",
    write,
};

fn write(export: &Export<'_>) -> Result<Vec<Document>, String> {
    let configuration = export.only(FORMAT.name)?;
    let points: Vec<Point<'_>> = export.points(configuration).collect();
    let [bigger, smaller] = documents(&points, &configuration.single.side);
    let parts = [("bigger", bigger), ("smaller", smaller)];
    let document = |(part, text): (_, Option<_>)| Some(Document { part: Some(part), text: text? });
    Ok(parts.into_iter().filter_map(document).collect())
}

#[derive(Serialize)]
struct Entry {
    name: String,
    unit: String,
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<String>,
    extra: String,
}

/// The judged values of a pair's candidate: bigger is better, then smaller is better. `None` where
/// no metric has that direction: the action refuses an empty list.
pub fn github_action_benchmark(pair: &Pair) -> [Option<String>; 2] {
    let points: Vec<Point<'_>> = Point::candidates(pair).collect();
    documents(&points, &pair.candidate)
}

fn documents(points: &[Point<'_>], side: &SideSummary) -> [Option<String>; 2] {
    [Better::Higher, Better::Lower].map(|better| {
        let entries = points.iter().filter(|point| point.metric.better == better);
        let entries: Vec<Entry> = entries.map(|point| entry(point, side)).collect();
        (!entries.is_empty()).then(|| pretty(&entries))
    })
}

fn entry(point: &Point<'_>, side: &SideSummary) -> Entry {
    let value = point.value();
    // The action reads a number in the same unit behind the sign; of an interval that is not
    // symmetric the wider half is the honest one.
    let half = point.interval().map(|(low, high)| (high - value).max(value - low));
    let measured = point.measured;
    Entry {
        name: format!("{} {}", point.case_name(), inert(&point.metric.name)),
        unit: inert(&point.metric.unit.symbol),
        value,
        range: half.map(|half| format!("\u{b1} {:?}", rounded(half))),
        extra: inert(&format!(
            "{}, {}, {} launches, {} samples, config {}, system {}",
            point.statistic(),
            point.direction(),
            measured.launches,
            measured.samples,
            side.config,
            side.system
        )),
    }
}
