//! The words and numbers of a row, the same in text and Markdown.

use crate::compare::{
    Change, Comparison, Group, Level, Measured, Note, Pair, Policy, Row, Verdict, Why,
};
use crate::report::number::{counted, digits, percent, prefixed};
use crate::terminal::Style;
use std::collections::{BTreeMap, BTreeSet};
use vbench_results::{Estimator, Role};

/// How a comparison is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Columns of the terminal.
    pub width: usize,
    /// Signs beyond ASCII can be shown.
    pub unicode: bool,
    /// Verdicts have the colour of what they say.
    pub colour: bool,
    /// Metrics of role `info` too.
    pub all_metrics: bool,
}

impl View {
    /// Between what was and what is.
    pub fn arrow(self) -> &'static str {
        if self.unicode { "\u{2192}" } else { "->" }
    }

    /// What the stream can show.
    pub fn style(self) -> Style {
        Style { unicode: self.unicode, colour: self.colour }
    }

    /// Sign and word of a verdict.
    pub fn verdict(self, verdict: Verdict) -> String {
        let sign = if self.unicode { verdict.sign() } else { verdict.ascii_sign() };
        format!("{sign} {}", verdict.word())
    }
}

/// A heading, and the rows under it in the order of what matters.
pub struct Section<'c> {
    pub title: &'c str,
    pub rows: Vec<&'c Row>,
    pub group: Option<&'c Group>,
}

/// The rows by kind, then the controls, then what is only informative.
pub fn sections(pair: &Pair, view: View) -> Vec<Section<'_>> {
    let of = |role: Role| pair.rows.iter().filter(move |row| row.metric.role == role);
    let mut kinds: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in of(Role::Gated) {
        kinds.entry(&row.kind).or_default().push(row);
    }
    let group = |kind: &str| pair.groups.iter().find(|group| group.kind == kind);
    let mut sections: Vec<Section<'_>> = kinds
        .into_iter()
        .map(|(kind, rows)| Section { title: kind, rows, group: group(kind) })
        .collect();
    let controls = of(Role::Control).collect();
    sections.push(Section { title: "controls (must not change)", rows: controls, group: None });
    if view.all_metrics {
        let rows = of(Role::Info).collect();
        sections.push(Section { title: "informative (not judged)", rows, group: None });
    }
    sections.retain(|section| !section.rows.is_empty());
    for section in &mut sections {
        section.rows.sort_by(|a, b| importance(a).cmp(&importance(b)).then(larger_first(a, b)));
    }
    sections
}

fn importance(row: &Row) -> Verdict {
    row.verdict
}

fn larger_first(a: &Row, b: &Row) -> std::cmp::Ordering {
    let size = |row: &Row| row.change.as_ref().map_or(0.0, |change| change.estimate_ln.abs());
    size(b)
        .total_cmp(&size(a))
        .then_with(|| (&a.case, &a.metric.name).cmp(&(&b.case, &b.metric.name)))
}

/// Base value, candidate value and their unit; a side without value is named so, and a candidate in
/// another unit is left blank.
pub fn values(row: &Row) -> [String; 3] {
    let shown = |measured: &Measured| measured.typical.unwrap_or(measured.headline);
    pair_of(row, shown)
}

/// The same for the best of all repeats, where the benchmark's convention asks for it.
pub fn bests(row: &Row, view: View) -> String {
    if row.estimator != Estimator::Best {
        return String::new();
    }
    let [base, candidate, _] = pair_of(row, |measured| measured.best);
    format!("{base} {} {candidate}", view.arrow())
}

fn pair_of(row: &Row, value: impl Fn(&Measured) -> f64) -> [String; 3] {
    let values = [&row.base, &row.candidate].map(|side| side.as_ref().map(&value));
    let Some(first) = values.iter().copied().flatten().next() else {
        return ["-".to_owned(), "-".to_owned(), String::new()];
    };
    let (factor, unit) = prefixed(first, &row.metric.unit);
    let [base, candidate] =
        values.map(|value| value.map_or("-".to_owned(), |value| digits(value / factor)));
    [base, if row.changes_unit() { String::new() } else { candidate }, unit]
}

/// `27.9% lower`, `7.26x higher`; for exact metrics the difference.
pub fn change(row: &Row) -> String {
    match (&row.change, row.difference) {
        (Some(change), _) => ratio(change.ratio),
        (None, Some(0.0)) => "equal".to_owned(),
        (None, Some(difference)) if difference > 0.0 => format!("+{}", digits(difference)),
        (None, Some(difference)) => digits(difference),
        (None, None) => String::new(),
    }
}

/// How many metrics are in a geometric mean, and what of them where they disagree about what is
/// better: a higher rate is a lower time.
pub fn members(group: &Group) -> String {
    let of_all = match group.left_out {
        0 => format!("of {}", group.metrics),
        left_out => format!("{} of {}", group.metrics, group.metrics + left_out),
    };
    if group.as_rates { format!("{of_all}, as rates") } else { of_all }
}

/// Percent below a factor of two, the factor from there.
pub fn ratio(ratio: f64) -> String {
    let percent = format!("{:.1}%", 100.0 * (ratio - 1.0).abs());
    if ratio >= 2.0 {
        format!("{}x higher", digits(ratio))
    } else if percent == "0.0%" {
        percent
    } else {
        format!("{percent} {}", if ratio > 1.0 { "higher" } else { "lower" })
    }
}

/// `-29.8 to -25.6%`, or as factors where the change is one or the interval is very wide.
pub fn interval(change: &Change) -> String {
    let Some((low, high)) = change.interval_95 else { return String::new() };
    if change.ratio >= 2.0 || high >= 3.0 {
        return format!("{} to {}x", digits(low), digits(high));
    }
    format!("{:+.1} to {:+.1}%", 100.0 * (low - 1.0), 100.0 * (high - 1.0))
}

/// The smallest change that this many units would have shown.
pub fn detectable(row: &Row) -> String {
    let share = row.change.as_ref().and_then(Change::shows);
    share.map_or(String::new(), |share| match share {
        wide if wide >= 9.995 => format!("{}x", digits(1.0 + wide)),
        share => format!("{:.1}%", 100.0 * share),
    })
}

/// What stands beside a verdict: how it could be decided, and what qualifies this row alone.
pub fn remark(row: &Row, policy: &Policy) -> String {
    let mut remarks: Vec<String> = decision(row, policy).into_iter().collect();
    for warning in &row.warnings {
        let word = match warning.code.rsplit(':').next().unwrap_or_default() {
            "disturbed" => "disturbed",
            "failed" => "launches failed",
            "bimodal" => "two groups",
            "disagrees" => "best disagrees",
            "unpaired" => "not paired",
            _ => continue,
        };
        if !remarks.iter().any(|remark| remark == word) {
            remarks.push(word.to_owned());
        }
    }
    remarks.join(", ")
}

fn decision(row: &Row, policy: &Policy) -> Option<String> {
    match (row.verdict, row.why) {
        // The sentence stands below the table.
        (Verdict::Incomparable, _) => Some(obstacle(&row.reasons.first()?.code).to_owned()),
        (Verdict::Equivalent, _) if row.q.is_some_and(|q| q <= policy.alpha) => {
            Some("real, but small".to_owned())
        }
        (_, Some(Why::Unreplicated)) => Some("1 launch a side".to_owned()),
        (_, Some(Why::ZeroVariance)) => Some("no spread".to_owned()),
        (_, Some(Why::NotExact)) => Some("values vary".to_owned()),
        (_, Some(Why::Noise)) => Some(needed(row)),
        (_, Some(Why::Drift)) => Some("not in turns".to_owned()),
        _ => None,
    }
}

/// Why a row cannot be compared, in two words.
fn obstacle(code: &str) -> &'static str {
    match code {
        "version" => "code differs",
        "unit" | "better" | "exact" => "metric differs",
        code if code.ends_with(":missing") => "no value",
        code if code.ends_with(":mixed") => "runs disagree",
        _ => "bad value",
    }
}

/// About how many launches or boots a side, or pairs, would show a change of the margin's size.
pub fn needed(row: &Row) -> String {
    let paired = row.change.as_ref().is_some_and(|change| change.pairs.is_some());
    let unit = if paired { "pair" } else { row.level.unwrap_or(Level::Launch).name() };
    let units = |side: &Option<Measured>| side.as_ref().map_or(0, |side| side.units_ln.len());
    let least = units(&row.base).min(units(&row.candidate));
    let members = row.change.iter().flat_map(|change| &change.members);
    // One side after the other, no number of launches is enough.
    let turns = if members.into_iter().any(|m| m.test.is_of_order()) { " in turns" } else { "" };
    match row.change.as_ref().and_then(Change::needed) {
        Some(needed) if needed > least => format!("about {}{turns}", counted(needed, unit)),
        Some(_) => "close to the margin".to_owned(),
        None => format!("over {}{turns}", counted(1000, unit)),
    }
}

/// About how many launches would decide a row that only lacks turns, had they been taken in turns.
pub fn in_turns(row: &Row) -> Option<String> {
    let needed = row.change.as_ref()?.needed()?;
    Some(format!("about {} in turns", counted(needed, row.level.unwrap_or(Level::Launch).name())))
}

/// `3 better, 1 worse, 4 same within 3%, 0 unclear`; other verdicts where there are any.
pub fn summary(pair: &Pair, policy: &Policy) -> String {
    let count = |verdict: Verdict| pair.counts.get(&verdict).copied().unwrap_or_default();
    let mut text = format!(
        "{} better, {} worse, {} same within {}, {} unclear",
        count(Verdict::Improvement),
        count(Verdict::Regression),
        count(Verdict::Equivalent),
        margin(policy),
        count(Verdict::Inconclusive),
    );
    let apart = count(Verdict::Incomparable);
    if apart > 0 {
        text.push_str(&format!(", {apart} not comparable"));
    }
    text
}

/// The margin as it is written.
pub fn margin(policy: &Policy) -> String {
    percent(policy.margin)
}

/// Machine, launches, boots and order: what every number of the pair stands on.
pub fn basis(comparison: &Comparison, pair: &Pair) -> String {
    let (base, candidate) = (&comparison.base, &pair.candidate);
    let mut parts = vec![match base.system == candidate.system {
        true => base.system.clone(),
        false => format!("{} and {}", base.system, candidate.system),
    }];
    parts.push(both(base.launches, candidate.launches, "launch"));
    match base.boots.zip(candidate.boots) {
        Some((before, after)) => parts.push(both(before, after, "boot")),
        None => parts.push("boots not known".to_owned()),
    }
    if comparison.policy.paired {
        parts.push("in pairs".to_owned());
    }
    let sequential = |row: &&Row| row.warnings.iter().any(|w| w.code == "design:sequential");
    let judged = |row: &&Row| row.change.is_some() && row.metric.role != Role::Control;
    let replicated = pair.rows.iter().filter(judged);
    if replicated.clone().count() > 0 && replicated.clone().all(|row| sequential(&row)) {
        parts.push("one side after the other".to_owned());
    }
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

fn both(before: usize, after: usize, noun: &str) -> String {
    match before == after {
        true => format!("{} each", counted(after, noun)),
        false => format!("{before} and {}", counted(after, noun)),
    }
}

/// What must be known to read every row, once each: the notes of the pair, then the warnings that
/// most rows share.
pub fn notes(pair: &Pair) -> Vec<String> {
    let mut notes: Vec<String> = pair.notes.iter().map(|note| note.text.clone()).collect();
    let mut shared: BTreeSet<(&str, &str)> = BTreeSet::new();
    for row in pair.rows.iter().filter(|row| row.metric.role != Role::Control) {
        let of_all = row.warnings.iter().filter(|warning| is_shared(warning));
        shared.extend(of_all.map(|warning| (warning.code.as_str(), warning.text.as_str())));
    }
    notes.extend(shared.into_iter().map(|(_, text)| text.to_owned()));
    if let Some((case, reason)) = pair.unmeasured.iter().next() {
        let case = and_more(case, pair.unmeasured.len());
        notes.push(format!("no value on either side: {case}: {reason}"));
    }
    notes
}

/// Whether a warning is about how both sides were measured, and so of nearly every row.
pub fn is_shared(warning: &Note) -> bool {
    let of_order = ["design:sequential", "design:blocks", "design:unknown"];
    warning.code == "within-boot" || of_order.contains(&warning.code.as_str())
}

/// Most rows that a line names.
const NAMED: usize = 4;

/// How the rows that are unclear for noise could be decided: a line, if there are any.
pub fn unsettled(pair: &Pair) -> Option<String> {
    let noisy = |row: &&Row| row.metric.role == Role::Gated && row.why == Some(Why::Noise);
    let mut rows: Vec<&Row> = pair.rows.iter().filter(noisy).collect();
    rows.sort_by_key(|row| row.change.as_ref()?.needed().map(std::cmp::Reverse));
    let named = rows.iter().rev().take(NAMED);
    let named = named.map(|row| format!("{} for {} {}", needed(row), row.case, row.metric.name));
    let mut named: Vec<String> = named.collect();
    if rows.len() > NAMED {
        named.push(format!("{} more in --format json", rows.len() - NAMED));
    }
    (!rows.is_empty()).then(|| format!("to settle what is unclear: {}", named.join("; ")))
}

/// How many rows only lack turns: a line, if there are any.
pub fn out_of_turn(pair: &Pair) -> Option<String> {
    let drifting = |row: &&Row| row.metric.role == Role::Gated && row.why == Some(Why::Drift);
    let count = pair.rows.iter().filter(drifting).count();
    (count > 0).then(|| {
        let only = "unclear only because the sides were not measured in turns";
        format!("{} {only}: vbench ab, or runs of one launch in turns", counted(count, "row"))
    })
}

/// One sentence per distinct reason of shown rows that cannot be compared.
pub fn obstacles(pair: &Pair, view: View) -> Vec<String> {
    let mut reasons: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    let shown = |row: &&Row| view.all_metrics || row.metric.role != Role::Info;
    for row in pair.rows.iter().filter(shown) {
        for reason in &row.reasons {
            reasons.entry(&reason.text).or_default().push(row);
        }
    }
    let sentence = |(text, rows): (&str, Vec<&Row>)| {
        let first = format!("{} {}", rows[0].case, rows[0].metric.name);
        format!("not comparable: {}: {text}", and_more(&first, rows.len()))
    };
    reasons.into_iter().map(sentence).collect()
}

fn and_more(first: &str, count: usize) -> String {
    if count > 1 { format!("{first} and {} more", count - 1) } else { first.to_owned() }
}
