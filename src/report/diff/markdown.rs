//! The comparison as GitHub's Markdown, whole or as a comment.

use super::cells::{
    View, basis, change, detectable, interval, members, notes, obstacles, ratio, remark, sections,
    summary, values,
};
use crate::compare::{Comparison, Group, Pair, Row};
use crate::report::fit::{COMMENT, fit};
use crate::text::{inert, markdown as plain};
use std::fmt::Write;
use vbench_results::Role;

/// The comparison as Markdown: a section per candidate.
pub fn markdown(comparison: &Comparison, view: View) -> String {
    let pairs: Vec<String> =
        comparison.pairs.iter().map(|pair| pair_text(comparison, pair, view)).collect();
    pairs.join("\n")
}

/// The same short enough for a comment on a pull request.
pub fn comment(comparison: &Comparison, view: View) -> String {
    fit(&markdown(comparison, view), COMMENT, "see vbench diff --format markdown")
}

fn pair_text(comparison: &Comparison, pair: &Pair, view: View) -> String {
    let (base, candidate) = (plain(&comparison.base.name), plain(&pair.candidate.name));
    let mut text = format!(
        "## {base} {} {candidate}\n\n{}\n\n**{}**\n\n",
        view.arrow(),
        plain(&basis(comparison, pair)),
        summary(pair, &comparison.policy)
    );
    text.push_str(&facts(pair, view));
    for note in notes(pair) {
        let _ = writeln!(text, "- {}", plain(&note));
    }
    for section in sections(pair, view) {
        let _ = write!(text, "\n### {}\n\n", plain(section.title));
        text.push_str(&line(&[
            "case",
            "metric",
            &base,
            &candidate,
            "unit",
            "change",
            "95% interval",
            "verdict",
            "note",
            "detects",
        ]));
        text.push_str("|---|---|--:|--:|---|---|---|---|---|--:|\n");
        for row in section.rows {
            text.push_str(&row_line(row, comparison, view));
        }
        if let Some(group) = section.group {
            text.push_str(&group_line(group, view));
        }
    }
    let obstacles = obstacles(pair, view);
    if !obstacles.is_empty() {
        text.push('\n');
    }
    for obstacle in obstacles {
        let _ = writeln!(text, "- {}", plain(&obstacle));
    }
    text
}

fn row_line(row: &Row, comparison: &Comparison, view: View) -> String {
    let [base, candidate, unit] = values(row);
    let judged = row.metric.role != Role::Info;
    let interval = row.change.as_ref().map(interval).unwrap_or_default();
    let verdict = if judged { view.verdict(row.verdict) } else { String::new() };
    let remark = if judged { remark(row, &comparison.policy) } else { String::new() };
    let (case, metric) = (code(&row.case.to_string()), plain(&row.metric.name));
    let (change, detects) = (change(row), detectable(row));
    line(&[
        &case,
        &metric,
        &base,
        &candidate,
        &unit,
        &change,
        &interval,
        &verdict,
        &plain(&remark),
        &detects,
    ])
}

fn group_line(group: &Group, view: View) -> String {
    let (metrics, ratio) = (members(group), ratio(group.change.ratio));
    let (interval, verdict) = (interval(&group.change), view.verdict(group.verdict));
    line(&["geometric mean", &metrics, "", "", "", &ratio, &interval, &verdict, "", ""])
}

fn facts(pair: &Pair, view: View) -> String {
    let shown = || pair.facts.iter().filter(|fact| !fact.identifying);
    let mut text = String::new();
    for fact in shown() {
        let (base, candidate) = (fact.base.join(", "), fact.candidate.join(", "));
        let declared = if fact.expected { " (declared)" } else { "" };
        let _ = writeln!(
            text,
            "- {}: {} {} {}{declared}",
            code(&fact.fact),
            plain(&base),
            view.arrow(),
            plain(&candidate)
        );
    }
    text
}

/// `text` as code. A code span takes no escapes and no entities (CommonMark 0.31, 6.1), so what would
/// end it, or the cell it stands in, is shown as plain text.
pub(in crate::report) fn code(text: &str) -> String {
    let shown = inert(text);
    match shown.trim().is_empty() || shown.contains(['`', '|']) {
        true => plain(text),
        false => format!("`{shown}`"),
    }
}

pub(in crate::report) fn line(cells: &[&str]) -> String {
    format!("| {} |\n", cells.join(" | "))
}
