//! The decision on a terminal.

use super::cells::{confirmation, exit, footer, listed, passed, sentence, steady, title};
use super::{Report, conclusion, label};
use crate::gate::{Effect, Judged, Outcome};
use crate::report::diff::View;
use crate::report::diff::cells::notes;
use crate::terminal::Tone;
use crate::text::{cut, inert};
use std::fmt::Write;
use unicode_width::UnicodeWidthStr;

/// Longest name of a row that is shown whole.
const NAME_WIDTH: usize = 56;

/// The decision as text. Sentences are never cut: a terminal wraps them.
pub fn text(report: &Report<'_>, view: View) -> String {
    let mut text = head(report, view);
    text.push_str(&lines(report, view));
    let outcome = report.gate.outcome;
    if outcome == Outcome::Environment {
        text.push_str(
            "what was compared is not the same thing: the rows are listed, not believed\n",
        );
    }
    if let Some(confirmation) = confirmation(report) {
        let _ = writeln!(text, "{}", inert(&confirmation));
    }
    let tone = match outcome {
        Outcome::Pass if report.gate.is_undecided() => Tone::Doubt,
        Outcome::Pass => Tone::Good,
        Outcome::Incomplete => Tone::Doubt,
        Outcome::Fail | Outcome::Environment => Tone::Bad,
    };
    let [name, doubt] = conclusion(report.gate);
    let name = view.style().paint(tone, &format!("{}{doubt}", name.to_uppercase()));
    let _ = writeln!(text, "\ngate: {name}   {}   {}", footer(report), exit(report));
    text
}

fn head(report: &Report<'_>, view: View) -> String {
    let Some(pair) = report.pair() else { return String::new() };
    let [names, basis] = title(report, pair, view).map(|text| inert(&text));
    let mut text = format!("{names}   {basis}\n");
    for input in report.inputs {
        let _ = writeln!(text, "  {:<11} {}", input.role, inert(&input.path));
    }
    for note in notes(pair) {
        let _ = writeln!(text, "note: {}", inert(&note));
    }
    text
}

/// A line per row that somebody has to read, one for all others, one per control.
fn lines(report: &Report<'_>, view: View) -> String {
    let mut lines: Vec<(Effect, [String; 3])> = Vec::new();
    for finding in &report.gate.findings {
        let cells = [label(finding.effect).to_owned(), String::new(), finding.text.clone()];
        lines.push((finding.effect, cells));
    }
    for row in listed(report) {
        let cells = [label(row.effect()).to_owned(), name(row), sentence(row, view)];
        lines.push((row.effect(), cells));
    }
    if let Some((rows, states)) = passed(report) {
        lines.push((Effect::Pass, [label(Effect::Pass).to_owned(), rows, states]));
    }
    for row in steady(report) {
        let against = match report.anchor {
            Some(_) => format!("against the {}: ", row.reference.word()),
            None => String::new(),
        };
        let said = format!("{against}same: the environment did not move");
        lines.push((Effect::Pass, ["control".to_owned(), name(row), said]));
    }
    let width =
        |column: usize| lines.iter().map(|(_, cells)| cells[column].width()).max().unwrap_or(0);
    let (first, second) = (width(0), width(1));
    let mut text = String::from(if lines.is_empty() { "" } else { "\n" });
    for (effect, [label, name, said]) in &lines {
        let said = inert(said);
        let name_width = if name.is_empty() { 0 } else { second };
        let label = view.style().paint(tone(*effect), &pad(label, first));
        let name = pad(name, name_width);
        let gap = if name.is_empty() { "" } else { "  " };
        let _ = writeln!(text, "{}", format!("  {label}  {name}{gap}{said}").trim_end());
    }
    text
}

/// The colour of what a finding does; the word before it says the same.
fn tone(effect: Effect) -> Tone {
    match effect {
        Effect::Pass => Tone::Good,
        Effect::Waived => Tone::Quiet,
        Effect::Warn | Effect::Incomplete => Tone::Doubt,
        Effect::Fail | Effect::Environment => Tone::Bad,
    }
}

fn name(row: &Judged<'_>) -> String {
    cut(&inert(&format!("{} {}", row.case, row.metric)), NAME_WIDTH)
}

fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}
