//! The sentences of a decision, the same in every format that people read.

use super::Report;
use crate::compare::{Pair, Row, Why};
use crate::gate::{Effect, Finding, Judged, Reference, State};
use crate::report::diff::View;
use crate::report::diff::cells::{basis, change, in_turns, interval, is_shared, needed, values};
use crate::text::number::{counted, percent, with_unit};
use vbench_results::Role;

/// Every finding of a row in one sentence; empty for a row without any.
pub fn sentence(judged: &Judged<'_>, view: View) -> String {
    let findings = judged.findings.iter().map(|finding| told(judged, finding, view));
    let mut text = findings.collect::<Vec<_>>().join("; ");
    if let Some(waiver) = &judged.waived {
        text.push_str(&format!(" (waived until {}: {}", waiver.until, waiver.reason));
        let link = waiver.link.as_ref().map(|link| format!(", {link}"));
        text.push_str(&link.unwrap_or_default());
        text.push(')');
    }
    if judged.reference == Reference::Anchor && !text.is_empty() {
        text = format!("against the anchor: {text}");
    }
    text
}

fn told(judged: &Judged<'_>, finding: &Finding, view: View) -> String {
    let Some(row) = judged.row else { return finding.text.clone() };
    let margin = format!("margin {}", percent(judged.settings.margin));
    match finding.code.as_str() {
        "regression" | "improvement" => {
            let (moved, doubts) = (moved(row, view), doubts(row));
            format!("{moved}, {margin}{doubts}")
        }
        "control:moved" => format!("{}, {margin}: {}", moved(row, view), finding.text),
        code if code.starts_with("bound:") => {
            let value = row.candidate.as_ref().map(|side| side.typical.unwrap_or(side.headline));
            let value = value.map(|value| with_unit(value, &row.metric.unit)).unwrap_or_default();
            format!("{value} is {}", finding.text)
        }
        "confirmed" | "unconfirmed" | "unanswered" => finding.text.clone(),
        "underpowered" | "within-boot" => format!("unclear: {}", finding.text),
        _ if judged.state == State::Inconclusive => unclear(row),
        _ => finding.text.clone(),
    }
}

/// `8.60 → 7.90 GB/s, 8.1% lower (-9.4 to -6.6%)`.
fn moved(row: &Row, view: View) -> String {
    let [base, candidate, unit] = values(row);
    let unit = if unit.is_empty() { unit } else { format!(" {unit}") };
    let values = format!("{base} {} {candidate}{unit}, {}", view.arrow(), change(row));
    match row.change.as_ref().map(interval).filter(|interval| !interval.is_empty()) {
        Some(interval) => format!("{values} ({interval})"),
        None => values,
    }
}

/// What qualifies this row alone, in brackets.
fn doubts(row: &Row) -> String {
    let warnings = row.warnings.iter().filter(|warning| !is_shared(warning));
    let texts: Vec<&str> = warnings.map(|warning| warning.text.as_str()).collect();
    if texts.is_empty() { String::new() } else { format!(" [{}]", texts.join("; ")) }
}

fn unclear(row: &Row) -> String {
    let units = |side: &Option<crate::compare::Measured>| {
        side.as_ref().map_or(0, |side| side.units_ln.len())
    };
    let (base, candidate) = (units(&row.base), units(&row.candidate));
    let level = row.level.map_or("launch", crate::compare::Level::name);
    let sides = match base == candidate {
        true => format!("{} a side", counted(base, level)),
        false => format!("{base} and {}", counted(candidate, level)),
    };
    match row.why {
        Some(Why::Noise) => match needed(row) {
            near if near.starts_with("close") => format!("unclear: {sides}, {near}"),
            needed => format!("unclear: {sides}, {needed} would settle it"),
        },
        Some(Why::Drift) => {
            let change = change(row);
            let turns = in_turns(row).map(|turns| format!("; {turns} would settle it"));
            let turns = turns.unwrap_or_default();
            format!("unclear: {change}, {sides}, not in turns: the host may have drifted{turns}")
        }
        Some(Why::Unreplicated) => format!("unclear: {sides} show no spread"),
        Some(Why::ZeroVariance) => format!("unclear: a difference, but no spread ({sides})"),
        Some(Why::NotExact) => "unclear: the values vary, though they should repeat".to_owned(),
        None => "unclear".to_owned(),
    }
}

/// `13 rows: 1 regressed, 0 improved, 11 equivalent, 1 inconclusive, 0 missing`, and further states
/// where there are any; then what regressed against the anchor, and what is waived.
pub fn footer(report: &Report<'_>) -> String {
    let count = |state: State| report.gate.counts.get(&state).copied().unwrap_or_default();
    let always = State::COUNTED.iter().take(5);
    let others = State::COUNTED.iter().skip(5).filter(|state| count(**state) > 0);
    let named = always.chain(others).map(|state| format!("{} {}", count(*state), state.name()));
    let mut text = format!(
        "{}: {}",
        counted(report.gate.judged(), "row"),
        named.collect::<Vec<_>>().join(", ")
    );
    let bounds = || report.gate.rows.iter().flat_map(|row| &row.bounds);
    let kept = counted(bounds().filter(|bound| bound.held == Some(true)).count(), "bound");
    match bounds().filter(|bound| bound.held == Some(false)).count() {
        0 if bounds().count() == 0 => {}
        0 => text.push_str(&format!(", {kept} kept")),
        broken => text.push_str(&format!(", {} broken", counted(broken, "bound"))),
    }
    let creep = |row: &&Judged<'_>| {
        row.is_gated() && row.reference == Reference::Anchor && row.state == State::Regressed
    };
    let rows = || report.gate.rows.iter();
    let aside = [
        (rows().filter(creep).count(), "against the anchor"),
        (rows().filter(|row| row.waived.is_some()).count(), "waived"),
    ];
    for (count, what) in aside.into_iter().filter(|(count, _)| *count > 0) {
        text.push_str(&format!(", {count} {what}"));
    }
    text
}

/// Both sides, and what every number stands on.
pub fn title(report: &Report<'_>, pair: &Pair, view: View) -> [String; 2] {
    let (base, candidate) = (&report.base.base, &pair.candidate);
    if base.runs.is_empty() {
        let launches = counted(candidate.launches, "launch");
        let basis = format!("{}, {launches}; no base: only bounds are checked", candidate.system);
        return [candidate.name.clone(), basis];
    }
    let names = format!("{} {} {}", base.name, view.arrow(), candidate.name);
    [names, basis(report.base, pair)]
}

/// `exit 1`, and what it would be without `--report-only`.
pub fn exit(report: &Report<'_>) -> String {
    let decided = report.gate.outcome.exit_code();
    match report.exit_code() {
        code if code == decided => format!("exit {code}"),
        code => format!("exit {code} (report only, else {decided})"),
    }
}

/// The rows that somebody has to read, the most important first.
pub fn listed<'r>(report: &'r Report<'_>) -> Vec<&'r Judged<'r>> {
    let mut rows: Vec<&Judged<'_>> =
        report.gate.rows.iter().filter(|row| row.effect() > Effect::Pass).collect();
    rows.sort_by(|a, b| a.importance(b));
    rows
}

/// What passed, as one line: `11 rows`, `3 better, 8 same`; `None` where nothing did.
pub fn passed(report: &Report<'_>) -> Option<(String, String)> {
    let rows = report.gate.rows.iter();
    let rows: Vec<_> = rows
        .filter(|row| row.is_gated() && row.reference == Reference::Baseline)
        .filter(|row| row.effect() == Effect::Pass)
        .collect();
    let words = [
        (State::Improved, "better"),
        (State::Equivalent, "same"),
        (State::Inconclusive, "unclear"),
        (State::Missing, "missing"),
        (State::Incomparable, "not comparable"),
        (State::New, "new"),
    ];
    let named = words.iter().filter_map(|(state, word)| {
        let count = rows.iter().filter(|row| row.state == *state).count();
        (count > 0).then(|| format!("{count} {word}"))
    });
    let named = named.collect::<Vec<_>>().join(", ");
    (!rows.is_empty()).then(|| (counted(rows.len(), "row"), named))
}

/// The controls that stood still.
pub fn steady<'r>(report: &'r Report<'_>) -> Vec<&'r Judged<'r>> {
    let still = |row: &&Judged<'_>| row.role == Role::Control && row.state == State::Equivalent;
    report.gate.rows.iter().filter(still).collect()
}

/// The command that measures again what failed, and the controls beside it.
pub fn confirmation(report: &Report<'_>) -> Option<String> {
    let mut cases = report.doubtful();
    let failing = !cases.is_empty();
    let controls = report.gate.rows.iter().filter(|row| row.role == Role::Control);
    cases.extend(controls.map(|row| row.case.as_str()));
    cases.sort_unstable();
    cases.dedup();
    let candidate = &report.pair()?.candidate;
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let named: Vec<String> = cases.iter().map(|case| quoted(case)).collect();
    let times = counted(report.policy.confirm.runs as usize, "time");
    let out = report.out.map(|out| format!(" --out {}", quoted(&out.display().to_string())));
    let out = out.unwrap_or_default();
    failing.then(|| {
        format!(
            "to confirm: measure again {times}, best after another boot, and add --confirm RUN: \
             vbench run --config {} --launches {}{out} --exact {}",
            quoted(&candidate.config),
            candidate.launches,
            named.join(" ")
        )
    })
}
