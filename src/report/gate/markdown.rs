//! The decision as a GitHub step summary.

use super::cells::{confirmation, exit, footer, sentence, title};
use super::{Report, label};
use crate::gate::{Effect, Judged};
use crate::report::diff::View;
use crate::report::diff::cells::{change, interval, notes, values};
use crate::report::diff::markdown::line;
use crate::text::markdown as plain;
use std::fmt::Write;
use vbench_results::Role;

/// Most bytes of a summary; GitHub refuses step summaries above 1 MiB.
/// Source: docs.github.com, workflow commands, "Step isolation and limits".
const LIMIT: usize = 900 * 1024;

/// The decision as Markdown of at most 900 KiB: every row, the most important first.
pub fn markdown(report: &Report<'_>, view: View) -> String {
    within(&whole(report, view), LIMIT)
}

/// Whole lines of `text` in at most `limit` bytes; what was cut is said.
pub(super) fn within(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let room = limit.saturating_sub(NOTICE);
    let mut kept = String::new();
    let mut lines = text.split_inclusive('\n');
    let mut left = 0;
    for line in lines.by_ref() {
        if kept.len() + line.len() > room {
            left = 1;
            break;
        }
        kept.push_str(line);
    }
    left += lines.count();
    let _ = write!(kept, "\n**Cut at {} KiB: {left} more lines, see gate.json.**\n", limit / 1024);
    kept
}

/// Room for the sentence that says what was cut.
const NOTICE: usize = 128;

fn whole(report: &Report<'_>, view: View) -> String {
    let name = report.gate.outcome.name();
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
    text.push_str(&table(report, view));
    if let Some(confirmation) = confirmation(report) {
        let _ = write!(text, "\n{}\n", plain(&confirmation));
    }
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
    let state = match judged.role {
        Role::Control => format!("{} (control)", judged.state.name()),
        _ => judged.state.name().to_owned(),
    };
    line(&[
        label(judged.effect()),
        &format!("`{}`", plain(&judged.case)),
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

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn what_is_too_long_is_cut_at_a_line_and_said() {
        let text: String = (0..1000).map(|line| format!("| row {line} größe |\n")).collect();
        assert_eq!(within(&text, text.len()), text);
        let cut = within(&text, 2048);
        assert!(cut.len() <= 2048, "{}", cut.len());
        let rows = cut.lines().filter(|line| line.starts_with('|')).count();
        let said = format!("**Cut at 2 KiB: {} more lines, see gate.json.**", 1000 - rows);
        assert!(rows > 50 && cut.contains(&said), "{cut}");
    }
}
