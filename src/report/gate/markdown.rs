//! The decision as a GitHub step summary, or as a comment.

use super::cells::{confirmation, exit, footer, sentence, title};
use super::{Report, conclusion, label};
use crate::gate::{Effect, Judged, Reference};
use crate::report::diff::View;
use crate::report::diff::cells::{change, interval, notes, values};
use crate::report::diff::markdown::{code, line};
use crate::report::fit::{COMMENT, SUMMARY, fit};
use crate::text::markdown as plain;
use std::fmt::Write;
use vbench_results::Role;

/// The decision as Markdown of at most 900 KiB: every row, the most important first.
pub fn markdown(report: &Report<'_>, view: View) -> String {
    fit(&whole(report, view), SUMMARY, "see gate.json")
}

/// The same short enough for a comment on a pull request.
pub fn comment(report: &Report<'_>, view: View) -> String {
    fit(&whole(report, view), COMMENT, "see gate.md or gate.json of the same run")
}

fn whole(report: &Report<'_>, view: View) -> String {
    let name = conclusion(report.gate).concat();
    let mut text =
        format!("## vbench gate: {name}\n\n**{}** ({})\n\n", footer(report), exit(report));
    if let Some(pair) = report.pair() {
        let [names, basis] = title(report, pair, view).map(|text| plain(&text));
        let _ = write!(text, "{names}: {basis}\n\n");
    }
    for finding in &report.gate.findings {
        let _ = writeln!(text, "- **{}** {}", label(finding.effect), plain(&finding.text));
    }
    for note in report.pair().map(notes).unwrap_or_default() {
        let _ = writeln!(text, "- {}", plain(&note));
    }
    if let Some(confirmation) = confirmation(report) {
        let _ = writeln!(text, "- {}", plain(&confirmation));
    }
    text.push_str(&table(report, view));
    text
}

fn table(report: &Report<'_>, view: View) -> String {
    let shown = |row: &&Judged<'_>| row.role != Role::Info || row.effect() > Effect::Pass;
    let mut rows: Vec<&Judged<'_>> = report.gate.rows.iter().filter(shown).collect();
    rows.sort_by(|a, b| a.importance(b));
    if rows.is_empty() {
        return String::new();
    }
    let (base, candidate) = (plain(&report.base.base.name), plain(report.candidate()));
    let mut text = String::from("\n");
    text.push_str(&line(&[
        "",
        "case",
        "metric",
        &base,
        &candidate,
        "unit",
        "change",
        "95% interval",
        "state",
        "why",
    ]));
    text.push_str("|---|---|---|--:|--:|---|---|---|---|---|\n");
    for row in rows {
        text.push_str(&row_line(row, view));
    }
    text
}

fn row_line(judged: &Judged<'_>, view: View) -> String {
    let [base, candidate, unit] = judged.row.map(values).unwrap_or_default();
    let change_text = judged.row.map(change).unwrap_or_default();
    let interval = judged.row.and_then(|row| row.change.as_ref()).map(interval).unwrap_or_default();
    let state = match (judged.role, judged.reference) {
        (Role::Control, Reference::Baseline) => format!("{} (control)", judged.state.name()),
        (Role::Control, Reference::Anchor) => format!("{} (control, anchor)", judged.state.name()),
        (_, Reference::Anchor) => format!("{} (anchor)", judged.state.name()),
        (_, Reference::Baseline) => judged.state.name().to_owned(),
    };
    line(&[
        label(judged.effect()),
        &code(&judged.case),
        &plain(&judged.metric),
        &base,
        &candidate,
        &plain(&unit),
        &change_text,
        &interval,
        &state,
        &plain(&sentence(judged, view)),
    ])
}
