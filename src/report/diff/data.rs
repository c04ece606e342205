//! The comparison for programs: JSON with everything, CSV with one line per row.

use crate::compare::{Comparison, Measured, Note, Pair, Row};
use crate::text::guard;
use serde::Serialize;
use vbench_results::SCHEMA_VERSION;

#[derive(Serialize)]
struct Document<'c> {
    schema_version: &'static str,
    document: &'static str,
    #[serde(flatten)]
    comparison: &'c Comparison,
}

/// Everything, as JSON with stable keys in a stable order.
pub fn json(comparison: &Comparison) -> String {
    let document = Document { schema_version: SCHEMA_VERSION, document: "diff", comparison };
    let text = serde_json::to_string_pretty(&document);
    text.expect("a comparison has text keys only") + "\n"
}

/// The columns of the CSV, with the meaning of each.
pub const DIFF_COLUMNS: &[(&str, &str)] = &[
    ("schema_version", "major.minor of the format"),
    ("base", "name of the base"),
    ("candidate", "name of the candidate"),
    ("kind", "label that groups benchmarks"),
    ("case", "benchmark and params"),
    ("metric", "metric name"),
    ("unit", "base unit"),
    ("better", "higher or lower"),
    ("role", "gated, info or control"),
    ("verdict", "regression, improvement, equivalent, inconclusive or incomparable"),
    ("why", "why it is inconclusive: noise, drift, unreplicated, zero-variance or not-exact"),
    ("reasons", "codes of why it is incomparable, separated by spaces"),
    ("warnings", "codes of what qualifies the verdict, separated by spaces"),
    ("level", "what the units are: boot or launch"),
    ("base_units", "units of the base"),
    ("base_typical", "e to the mean of the units' ln values"),
    ("base_headline", "the printed number: best or typical"),
    ("candidate_units", "units of the candidate"),
    ("candidate_typical", "as of the base"),
    ("candidate_headline", "as of the base"),
    ("ratio", "candidate over base, of the typical values"),
    ("ci95_low", "95% interval of the ratio"),
    ("ci95_high", "95% interval of the ratio"),
    ("difference", "candidate less base, for metrics that repeat exactly"),
    ("p", "p value of no change"),
    ("q", "p value adjusted over the family"),
    ("p_equivalence", "p value of a change as large as the margin"),
    (
        "need_units",
        "about how many units a side, in turns, would show a change of the margin's size",
    ),
    ("detectable", "smallest change, as a share, that this many units would have shown"),
];

/// One line per row.
pub fn csv(comparison: &Comparison) -> String {
    let mut text = String::new();
    line(&mut text, DIFF_COLUMNS.iter().map(|(name, _)| (*name).to_owned()));
    for pair in &comparison.pairs {
        for row in &pair.rows {
            line(&mut text, fields(comparison, pair, row).into_iter());
        }
    }
    text
}

pub(in crate::report) fn fields(comparison: &Comparison, pair: &Pair, row: &Row) -> Vec<String> {
    let change = row.change.as_ref();
    let codes =
        |notes: &[Note]| notes.iter().map(|note| note.code.as_str()).collect::<Vec<_>>().join(" ");
    let mut fields = vec![
        SCHEMA_VERSION.to_owned(),
        comparison.base.name.clone(),
        pair.candidate.name.clone(),
        row.kind.clone(),
        row.case.to_string(),
        row.metric.name.clone(),
        row.metric.unit.symbol.to_string(),
        name(&row.metric.better),
        name(&row.metric.role),
        row.verdict.name().to_owned(),
        row.why.as_ref().map(name).unwrap_or_default(),
        codes(&row.reasons),
        codes(&row.warnings),
        row.level.map_or("", crate::compare::Level::name).to_owned(),
    ];
    fields.extend(
        [row.base.as_ref(), row.candidate.as_ref().filter(|_| !row.changes_unit())]
            .into_iter()
            .flat_map(side_fields),
    );
    let interval = change.and_then(|change| change.interval_95);
    let numbers = [
        change.map(|change| change.ratio),
        interval.map(|(low, _)| low),
        interval.map(|(_, high)| high),
        row.difference,
        change.and_then(|change| change.p),
        row.q,
        change.and_then(|change| change.p_equivalence),
        change.and_then(|change| change.need_units).map(|units| units as f64),
        change.and_then(|change| change.detectable),
    ];
    fields.extend(numbers.map(number));
    fields
}

fn side_fields(side: Option<&Measured>) -> [String; 3] {
    let Some(side) = side else { return [const { String::new() }; 3] };
    let units = if side.units_ln.is_empty() { side.launches } else { side.units_ln.len() };
    [units.to_string(), number(side.typical), number(Some(side.headline))]
}

/// The name of a value in stored data.
pub(in crate::report) fn name(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// The shortest text that reads back as the same number; empty where there is none.
pub(in crate::report) fn number(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map(|value| format!("{value:?}")).unwrap_or_default()
}

/// Appends a line; a field with a separator is quoted (RFC 4180), a text that a spreadsheet would
/// compute begins with an apostrophe.
pub(in crate::report) fn line(text: &mut String, fields: impl Iterator<Item = String>) {
    let quoted = fields.map(|field| {
        let field = if field.parse::<f64>().is_ok() { field } else { guard(&field) };
        if field.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            field
        }
    });
    text.push_str(&quoted.collect::<Vec<_>>().join(","));
    text.push('\n');
}
