//! The matrix for programs: JSON with everything, CSV with one line per pair.

use crate::compare::{Effect, Effects, Level, MetricEffects};
use crate::report::diff::{line, name, number};
use serde::Serialize;
use vbench_results::SCHEMA_VERSION;

#[derive(Serialize)]
struct Document<'e> {
    schema_version: &'static str,
    document: &'static str,
    #[serde(flatten)]
    effects: &'e Effects,
}

/// Everything, as JSON with stable keys in a stable order.
pub fn json(effects: &Effects) -> String {
    let document = Document { schema_version: SCHEMA_VERSION, document: "effects", effects };
    let text = serde_json::to_string_pretty(&document);
    text.expect("effects have text keys only") + "\n"
}

/// The columns of the CSV, with the meaning of each.
pub const EFFECT_COLUMNS: &[(&str, &str)] = &[
    ("schema_version", "major.minor of the format"),
    ("kind", "label that groups benchmarks"),
    ("case", "benchmark and params"),
    ("metric", "metric name"),
    ("unit", "base unit"),
    ("better", "higher or lower"),
    ("factor", "the factor whose cell it is, or confounded"),
    ("system", "the machine"),
    ("base", "configuration before"),
    ("candidate", "configuration after"),
    ("settings", "settings that differ, separated by semicolons"),
    ("also", "other facts that differ, separated by semicolons"),
    ("before", "typical value of the base"),
    ("after", "typical value of the candidate"),
    ("ratio", "after over before"),
    ("ci95_low", "95% interval of the ratio"),
    ("ci95_high", "95% interval of the ratio"),
    ("level", "what the units are: boot or launch"),
    ("base_units", "units of the base"),
    ("candidate_units", "units of the candidate"),
    ("verdict", "regression, improvement, equivalent, inconclusive or incomparable"),
    ("why", "why it is inconclusive"),
];

/// One line per pair.
pub fn csv(effects: &Effects) -> String {
    let mut text = String::new();
    line(&mut text, EFFECT_COLUMNS.iter().map(|(name, _)| (*name).to_owned()));
    for metric in &effects.metrics {
        for (factor, found) in &metric.cells {
            for effect in found {
                line(&mut text, fields(metric, factor, effect).into_iter());
            }
        }
        for effect in &metric.confounded {
            line(&mut text, fields(metric, "confounded", effect).into_iter());
        }
    }
    text
}

fn fields(metric: &MetricEffects, factor: &str, effect: &Effect) -> Vec<String> {
    let interval = effect.interval_95;
    let mut fields: Vec<String> = [
        SCHEMA_VERSION,
        &metric.kind,
        &metric.case,
        &metric.metric.name,
        &metric.metric.unit.symbol,
        &name(&metric.metric.better),
        factor,
        &effect.system,
        &effect.base,
        &effect.candidate,
        &effect.settings.join("; "),
        &effect.also.join("; "),
    ]
    .map(str::to_owned)
    .to_vec();
    let numbers = [
        effect.before,
        effect.after,
        effect.ratio,
        interval.map(|(low, _)| low),
        interval.map(|(_, high)| high),
    ];
    fields.extend(numbers.map(number));
    fields.push(effect.level.map_or("", Level::name).to_owned());
    fields.extend(effect.units.map(|units| units.to_string()));
    fields.push(effect.verdict.name().to_owned());
    fields.push(effect.why.as_ref().map(name).unwrap_or_default());
    fields
}
