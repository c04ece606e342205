//! The table of one run: a row per case and metric, and what must be known to read it.

mod matrix;
mod tables;

use super::number::{digits, scaled};
use super::table::{Column, Table, inert};
use crate::stats::{Summary, summarize};
use crate::terminal::{Style, Tone};
use crate::text::wrap;
use std::collections::BTreeMap;
use std::fmt::Write;
use vbench_results::{CaseResult, Estimator, Metric, Outcome, ResultSet, Role};

/// How much of a run is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// Metrics of role `info` too.
    pub all_metrics: bool,
    /// Squares that are too wide for numbers as pictures, and what was stored of each vCPU or block.
    pub pictures: bool,
    /// What the stream can show.
    pub style: Style,
}

/// The run as text of at most `width` columns.
pub fn render(results: &ResultSet, detail: Detail, width: usize) -> String {
    let mut table = Table::new(vec![
        Column::left("case"),
        Column::left("metric").toned(state_tone),
        Column::right("value"),
        Column::left(""),
        Column::right("+/-95%").droppable(1),
        Column::right("spread").droppable(3),
        Column::right("n").droppable(2),
        Column::left("").droppable(4).toned(mark_tone),
    ])
    .styled(detail.style);
    for (benchmark, cases) in by_benchmark(results) {
        if is_left_out(&cases) {
            continue;
        }
        let constant = constant_params(&cases);
        table.heading(&heading(benchmark, &cases, &constant));
        for case in cases {
            for row in case_rows(case, &varying(case, &constant), detail) {
                table.row(row);
            }
        }
    }
    let mut text = table.render(2, width);
    text.push('\n');
    text.push_str(&matrix::render(results, detail, width));
    if detail.pictures {
        text.push_str(&tables::render(results, detail, width));
    }
    for note in notes(results) {
        let _ = writeln!(text, "{}", wrap(&inert(&note), width, NOTE_INDENT));
    }
    for line in legend(results) {
        let line = wrap(line, width, NOTE_INDENT);
        let _ = writeln!(text, "{}", detail.style.paint(Tone::Quiet, &line));
    }
    text
}

/// How far the further lines of a note stand in: below the text of the legend.
const NOTE_INDENT: usize = 8;

/// The colour of a case without values, read from its state.
fn state_tone(cell: &str) -> Tone {
    match cell {
        "failed" | "timed-out" => Tone::Bad,
        "skipped" | "not run" => Tone::Quiet,
        _ => Tone::Plain,
    }
}

fn mark_tone(cell: &str) -> Tone {
    if cell == CONTROL { Tone::Quiet } else { Tone::Doubt }
}

/// The mark of a metric that must not change.
const CONTROL: &str = "control";

fn by_benchmark(results: &ResultSet) -> BTreeMap<&str, Vec<&CaseResult>> {
    let mut benchmarks: BTreeMap<&str, Vec<&CaseResult>> = BTreeMap::new();
    for case in &results.cases {
        benchmarks.entry(&case.case.benchmark).or_default().push(case);
    }
    benchmarks
}

/// Several cases that were all skipped, as without a GPU: their reason below says as much.
fn is_left_out(cases: &[&CaseResult]) -> bool {
    let skipped = |case: &&CaseResult| {
        let mut launches = case.launches.iter();
        !case.launches.is_empty()
            && launches.all(|launch| matches!(launch.outcome, Outcome::Skipped { .. }))
    };
    cases.len() > 1 && cases.iter().all(skipped)
}

/// Axes that have one value in all of these cases: said once, above them.
fn constant_params<'r>(cases: &[&'r CaseResult]) -> BTreeMap<&'r str, &'r str> {
    let mut constant: BTreeMap<&str, &str> = BTreeMap::new();
    let Some((first, rest)) = cases.split_first() else { return constant };
    for (axis, value) in &first.case.params {
        if rest.iter().all(|case| case.case.params.get(axis) == Some(value)) {
            constant.insert(axis, value);
        }
    }
    constant
}

fn heading(benchmark: &str, cases: &[&CaseResult], constant: &BTreeMap<&str, &str>) -> String {
    let kind = cases.first().map_or("", |case| &case.kind);
    let pairs: Vec<String> =
        constant.iter().map(|(axis, value)| format!("{axis}={value}")).collect();
    format!("{benchmark}  [{kind}]  {}", pairs.join(" ")).trim_end().to_owned()
}

/// The axes of a case that the heading does not say.
fn varying(case: &CaseResult, constant: &BTreeMap<&str, &str>) -> String {
    let params = case.case.params.iter().filter(|(axis, _)| !constant.contains_key(axis.as_str()));
    let pairs: Vec<String> = params.map(|(axis, value)| format!("{axis}={value}")).collect();
    pairs.join(" ")
}

fn case_rows(case: &CaseResult, name: &str, detail: Detail) -> Vec<Vec<String>> {
    let wanted = |metric: &&Metric| detail.all_metrics || metric.role != Role::Info;
    let summaries: Vec<(&Metric, Summary)> = case
        .metrics
        .iter()
        .filter(wanted)
        .filter_map(|metric| Some((metric, summarize(case, metric)?)))
        .collect();
    if summaries.is_empty() {
        return vec![vec![name.to_owned(), state(case)]];
    }
    let rows = summaries.iter().enumerate().map(|(index, (metric, summary))| {
        let name = if index == 0 { name } else { "" };
        metric_row(name, case, metric, summary)
    });
    rows.collect()
}

fn metric_row(name: &str, case: &CaseResult, metric: &Metric, summary: &Summary) -> Vec<String> {
    let (number, unit) = scaled(summary.headline(case.estimator), &metric.unit);
    let convention = if case.estimator == Estimator::Best { "best" } else { "" };
    let mut marks: Vec<String> = Vec::new();
    if summary.disturbed > 0 {
        marks.push(format!("{} disturbed", summary.disturbed));
    }
    if metric.role == Role::Control {
        marks.push(CONTROL.to_owned());
    }
    let broken = case.launches.iter().filter(|launch| launch.outcome.is_failure()).count();
    if broken > 0 {
        marks.push(format!("{broken} failed"));
    }
    vec![
        name.to_owned(),
        format!("{} {convention}", metric.name).trim_end().to_owned(),
        number,
        unit,
        summary.precision().map(percent).unwrap_or_default(),
        spread(summary).map(percent).unwrap_or_default(),
        format!("{}x{}", summary.launches, summary.samples / summary.launches.max(1)),
        marks.join(", "),
    ]
}

/// Largest over smallest value, less one.
fn spread(summary: &Summary) -> Option<f64> {
    (summary.samples > 1 && summary.min > 0.0).then(|| summary.max / summary.min - 1.0)
}

fn percent(share: f64) -> String {
    if share >= 9.995 {
        "x".to_owned() + &digits(1.0 + share)
    } else {
        format!("{:.1}%", share * 100.0)
    }
}

fn state(case: &CaseResult) -> String {
    case.launches.last().map_or("not run", |launch| launch.outcome.state()).to_owned()
}

/// What a reader must know beside the numbers: levels, skips and failures with reasons, facts.
fn notes(results: &ResultSet) -> Vec<String> {
    let mut notes = super::levels::lines(results);
    notes.extend(reasons(results));
    notes.extend(fact_notes(results));
    notes
}

/// What the columns mean.
fn legend(results: &ResultSet) -> Vec<&'static str> {
    let mut lines = Vec::new();
    if results.cases.iter().any(measured) {
        lines.extend(LEGEND);
    }
    if results.cases.iter().any(|case| case.launches.len() == 1 && measured(case)) {
        lines.push(ONE_LAUNCH);
    }
    lines
}

const LEGEND: [&str; 3] = [
    "value   best of all repeats where it says best, else the typical launch (trimmed mean of logs)",
    "+/-95%  half-width of the interval over launches; repeats of one launch are not independent",
    "spread  largest over smallest value, less one; n: launches x repeats",
];
const ONE_LAUNCH: &str = "one launch has no interval: --launches 3 or more";

fn measured(case: &CaseResult) -> bool {
    case.launches.iter().any(|launch| launch.outcome == Outcome::Measured)
}

/// One line per distinct reason, with the cases it concerns.
fn reasons(results: &ResultSet) -> Vec<String> {
    let mut reasons: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for case in &results.cases {
        let launch = case.launches.iter().find(|launch| launch.outcome.reason().is_some());
        let Some(launch) = launch else { continue };
        let reason = launch.outcome.reason().unwrap_or_default();
        reasons.entry((launch.outcome.state(), reason)).or_default().push(case.case.to_string());
    }
    let line = |((state, reason), cases): ((&str, &str), Vec<String>)| {
        let more =
            if cases.len() > 1 { format!(" and {} more", cases.len() - 1) } else { String::new() };
        format!("{state}: {}{more}: {reason}", cases[0])
    };
    reasons.into_iter().map(line).collect()
}

/// Facts that qualify a number (rules not kept, sizes shrunk), once each.
fn fact_notes(results: &ResultSet) -> Vec<String> {
    let mut notes: BTreeMap<String, usize> = BTreeMap::new();
    for case in &results.cases {
        for launch in case.launches.iter().take(1) {
            for (name, value) in &launch.facts {
                if name.ends_with("_rule") || name.starts_with("note") || name == "stopped_early" {
                    let text = format!("{}: {name}: {value}", case.case.benchmark);
                    *notes.entry(text).or_default() += 1;
                }
            }
        }
    }
    notes.into_keys().collect()
}

#[cfg(test)]
mod tests;
