//! The decision for programs: JSON with everything, CSV with one line per row.

use super::Report;
use crate::compare::{FactDifference, Group, Note, Pair, Row, SideSummary};
use crate::gate::{Bound, Effect, Finding, Judged, Policy, Reference, Settings, State, Waiver};
use crate::report::diff::DIFF_COLUMNS;
use crate::report::diff::data::{fields, line, name, number};
use crate::report::gate::Input;
use serde::Serialize;
use std::collections::BTreeMap;
use vbench_results::{Role, SCHEMA_VERSION};

#[derive(Serialize)]
struct Document<'r> {
    schema_version: &'static str,
    document: &'static str,
    outcome: &'static str,
    /// What the decision stands for, also where `--report-only` makes the program exit with 0.
    exit_code: u8,
    report_only: bool,
    rows_judged: usize,
    counts: &'r BTreeMap<State, usize>,
    findings: &'r [Finding],
    confirm: Vec<&'r str>,
    inputs: &'r [Input],
    policy: &'r Policy,
    base: &'r SideSummary,
    candidate: Option<&'r SideSummary>,
    anchor: Option<&'r SideSummary>,
    notes: &'r [Note],
    facts: &'r [FactDifference],
    groups: &'r [Group],
    unmeasured: Option<&'r BTreeMap<String, String>>,
    rows: Vec<RowDocument<'r>>,
}

#[derive(Serialize)]
struct RowDocument<'r> {
    reference: Reference,
    case: &'r str,
    metric: &'r str,
    role: Role,
    state: State,
    effect: Effect,
    findings: &'r [Finding],
    bounds: &'r [Bound],
    waived: Option<&'r Waiver>,
    settings: &'r Settings,
    comparison: Option<&'r Row>,
}

/// Everything, as JSON with stable keys in a stable order.
pub fn json(report: &Report<'_>) -> String {
    let pair = report.pair();
    let document = Document {
        schema_version: SCHEMA_VERSION,
        document: "gate",
        outcome: report.gate.outcome.name(),
        exit_code: report.gate.outcome.exit_code(),
        report_only: report.report_only,
        rows_judged: report.gate.judged(),
        counts: &report.gate.counts,
        findings: &report.gate.findings,
        confirm: report.doubtful(),
        inputs: report.inputs,
        policy: report.policy,
        base: &report.base.base,
        candidate: pair.map(|pair| &pair.candidate),
        anchor: report.anchor.map(|anchor| &anchor.base),
        notes: pair.map_or(&[], |pair| &pair.notes),
        facts: pair.map_or(&[], |pair| &pair.facts),
        groups: pair.map_or(&[], |pair| &pair.groups),
        unmeasured: pair.map(|pair| &pair.unmeasured),
        rows: report.gate.rows.iter().map(row_document).collect(),
    };
    let text = serde_json::to_string_pretty(&document);
    text.expect("a decision has text keys only") + "\n"
}

fn row_document<'r>(judged: &'r Judged<'_>) -> RowDocument<'r> {
    RowDocument {
        reference: judged.reference,
        case: &judged.case,
        metric: &judged.metric,
        role: judged.role,
        state: judged.state,
        effect: judged.effect(),
        findings: &judged.findings,
        bounds: &judged.bounds,
        waived: judged.waived.as_ref(),
        settings: &judged.settings,
        comparison: judged.row,
    }
}

/// The columns that the gate's CSV has after those of [`DIFF_COLUMNS`].
pub const GATE_COLUMNS: &[(&str, &str)] = &[
    ("reference", "baseline or anchor"),
    (
        "state",
        "regressed, missing, incomparable, inconclusive, new, improved, equivalent or informative",
    ),
    ("effect", "pass, waived, warn, incomplete, fail or environment"),
    ("findings", "codes of what was found, separated by spaces"),
    ("min", "least value the candidate may have, in the base unit"),
    ("max", "largest value the candidate may have, in the base unit"),
    ("waived_until", "last day of the waiver that accepts the findings"),
    ("margin", "smallest change that matters, as a share"),
    ("alpha", "largest adjusted p value of a real difference"),
    ("min_units", "fewest units a side with which the row is believed"),
];

/// One line per row.
pub fn csv(report: &Report<'_>) -> String {
    let mut text = String::new();
    let columns = DIFF_COLUMNS.iter().chain(GATE_COLUMNS);
    line(&mut text, columns.map(|(name, _)| (*name).to_owned()));
    for judged in &report.gate.rows {
        let comparison = match judged.reference {
            Reference::Baseline => Some(report.base),
            Reference::Anchor => report.anchor,
        };
        let numbers = comparison
            .and_then(|comparison| Some((comparison, comparison.pairs.first()?, judged.row?)))
            .map_or_else(|| nothing(report, judged), |(c, pair, row)| fields(c, pair, row));
        line(&mut text, numbers.into_iter().chain(decision(judged)));
    }
    text
}

/// A row that should be there and is not.
fn nothing(report: &Report<'_>, judged: &Judged<'_>) -> Vec<String> {
    let known = |column: &str| match column {
        "schema_version" => SCHEMA_VERSION.to_owned(),
        "base" => report.base.base.name.clone(),
        "candidate" => {
            report.pair().map_or(String::new(), |pair: &Pair| pair.candidate.name.clone())
        }
        "case" => judged.case.clone(),
        "metric" => judged.metric.clone(),
        "role" => name(&judged.role),
        _ => String::new(),
    };
    DIFF_COLUMNS.iter().map(|(column, _)| known(column)).collect()
}

fn decision(judged: &Judged<'_>) -> [String; 10] {
    let codes: Vec<&str> = judged.findings.iter().map(|finding| finding.code.as_str()).collect();
    let limit = |kind: &str| {
        let bound = judged.bounds.iter().find(|bound| bound.kind == kind);
        number(bound.map(|bound| bound.limit.value))
    };
    [
        name(&judged.reference),
        judged.state.name().to_owned(),
        name(&judged.effect()),
        codes.join(" "),
        limit("min"),
        limit("max"),
        judged.waived.as_ref().map(|waiver| waiver.until.to_string()).unwrap_or_default(),
        number(Some(judged.settings.margin)),
        number(Some(judged.settings.alpha)),
        judged.settings.min_units.to_string(),
    ]
}
