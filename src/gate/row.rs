//! One row under a policy: its state, what was found in it, and what that does to the gate.

use super::policy::{Action, OnControlMoved, Policy, Settings, Waiver};
use super::values::Limit;
use super::{Effect, Finding, Misfit};
use crate::compare::{Comparison, Level, Pair, Pattern, Row, Verdict, Why};
use crate::stats::Test;
use serde::Serialize;
use std::cmp::Ordering;
use vbench_results::Role;

/// What a candidate is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reference {
    /// The base.
    Baseline,
    /// An older base, such as the last release.
    Anchor,
}

impl Reference {
    /// How it is called in a sentence.
    pub fn word(self) -> &'static str {
        match self {
            Self::Baseline => "base",
            Self::Anchor => "anchor",
        }
    }
}

/// What can be said about a row under a policy. The order is that of importance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Really worse.
    Regressed,
    /// No value in the candidate.
    Missing,
    /// Not the same thing, or a value that none can be.
    Incomparable,
    /// The data allow no conclusion, or too few units stand behind one.
    Inconclusive,
    /// No value in the base.
    New,
    /// Really better.
    Improved,
    /// Shown to differ by less than the margin.
    Equivalent,
    /// Shown, not judged.
    Informative,
}

impl State {
    /// The states of gated rows, in the order in which they are counted on screen.
    pub const COUNTED: [Self; 7] = [
        Self::Regressed,
        Self::Improved,
        Self::Equivalent,
        Self::Inconclusive,
        Self::Missing,
        Self::Incomparable,
        Self::New,
    ];

    /// The name in data.
    pub fn name(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Missing => "missing",
            Self::Incomparable => "incomparable",
            Self::Inconclusive => "inconclusive",
            Self::New => "new",
            Self::Improved => "improved",
            Self::Equivalent => "equivalent",
            Self::Informative => "informative",
        }
    }
}

/// A row under a policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged<'c> {
    /// What it was compared with.
    pub reference: Reference,
    /// The case's id; for an expected row that does not exist, its pattern.
    pub case: String,
    /// The metric's name, or its pattern.
    pub metric: String,
    /// Role of the metric under the policy.
    pub role: Role,
    /// What can be said.
    pub state: State,
    /// Everything that was found. None for a row that is as it should be.
    pub findings: Vec<Finding>,
    /// The bounds it was checked against.
    pub bounds: Vec<Bound>,
    /// Who accepted the findings, and for how long.
    pub waived: Option<Waiver>,
    /// What it follows.
    pub settings: Settings,
    /// The numbers; absent for an expected row that does not exist.
    pub row: Option<&'c Row>,
}

/// An absolute bound of a row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bound {
    /// `min` or `max`.
    pub kind: &'static str,
    /// The bound.
    pub limit: Limit,
    /// Whether the candidate keeps it; absent without a value.
    pub held: Option<bool>,
}

impl Bound {
    /// Whether it is known to be kept.
    pub fn is_held(&self) -> bool {
        self.held == Some(true)
    }
}

impl Judged<'_> {
    /// The most that any finding does.
    pub fn effect(&self) -> Effect {
        self.findings.iter().map(|finding| finding.effect).max().unwrap_or(Effect::Pass)
    }

    /// Whether it is one of the rows that are judged and counted.
    pub fn is_gated(&self) -> bool {
        super::is_gated(self.role)
    }

    /// What matters first, larger changes before smaller ones.
    pub fn importance(&self, other: &Self) -> Ordering {
        let size = |judged: &Self| {
            let change = judged.row.and_then(|row| row.change.as_ref());
            change.map_or(0.0, |change| change.estimate_ln.abs())
        };
        let key = |judged: &Self| (judged.effect(), std::cmp::Reverse(judged.state));
        (key(other).cmp(&key(self)))
            .then_with(|| size(other).total_cmp(&size(self)))
            .then_with(|| self.reference.cmp(&other.reference))
            .then_with(|| (&self.case, &self.metric).cmp(&(&other.case, &other.metric)))
    }
}

/// Every row of the pair, and those that should be there and are not.
pub fn judge_all<'c>(
    policy: &Policy,
    comparison: &'c Comparison,
    pair: &'c Pair,
    reference: Reference,
) -> Result<Vec<Judged<'c>>, Misfit> {
    let judge = |row| judge(policy, comparison, row, reference);
    let mut judged: Vec<Judged<'c>> = pair.rows.iter().map(judge).collect::<Result<_, _>>()?;
    if reference == Reference::Baseline {
        judged.extend(absent(policy, pair));
    }
    for row in &mut judged {
        waive(policy, row);
    }
    Ok(judged)
}

fn judge<'c>(
    policy: &Policy,
    comparison: &Comparison,
    row: &'c Row,
    reference: Reference,
) -> Result<Judged<'c>, Misfit> {
    let (case, metric) = (row.case.to_string(), row.metric.name.clone());
    // A control has a margin of its own.
    let margin = row.terms.margin;
    let settings = Settings { margin, ..policy.settings_of(&case, &metric) };
    let bounds = match reference {
        Reference::Baseline => bounds(policy, &case, row)?,
        Reference::Anchor => Vec::new(),
    };
    let shortfall = shortfall(row, &settings);
    let state = state(row, shortfall.is_some());
    let mut findings: Vec<Finding> = bounds.iter().filter_map(|bound| broken(bound, row)).collect();
    let wanted = policy.expect.iter().any(|rows| rows.matches(&case, &metric));
    let wanted = wanted || !bounds.is_empty();
    let absolute_only = comparison.base.runs.is_empty();
    match (row.metric.role, state) {
        (Role::Info, _) if wanted && row.candidate.is_none() => {
            let text = reason(row).unwrap_or_default();
            findings.push(Finding::new(settings.on_missing.effect(), "missing", text));
        }
        (Role::Info, _) => {}
        // Without a base every row is new; bounds are all there is to check.
        (_, State::New) if absolute_only => {}
        (role, state) => findings.extend(stated(policy, &settings, row, role, state, shortfall)),
    }
    // An older base lacks what is newer and has what was dropped: only "worse" counts there.
    let creep = [State::Regressed, State::Improved].contains(&state);
    let lenient = match reference {
        Reference::Anchor => !creep,
        Reference::Baseline => state == State::Missing && !is_expected(policy, &case, &metric),
    };
    if lenient {
        findings.iter_mut().for_each(|finding| finding.effect = finding.effect.min(Effect::Warn));
    }
    let role = match row.metric.role {
        Role::Gated if absolute_only && state == State::New => Role::Info,
        role => role,
    };
    let (waived, row) = (None, Some(row));
    Ok(Judged { reference, case, metric, role, state, findings, bounds, waived, settings, row })
}

/// The bounds of every rule for the row.
fn bounds(policy: &Policy, case: &str, row: &Row) -> Result<Vec<Bound>, Misfit> {
    // A bound judges the candidate alone, but no value that none can be.
    let usable = |code: &str| code.starts_with("baseline:") || code == "version";
    let side = row.candidate.as_ref().filter(|_| row.reasons.iter().all(|r| usable(&r.code)));
    let value = side.map(|side| side.typical.unwrap_or(side.headline));
    let mut bounds: [Option<Bound>; 2] = [None, None];
    for rule in policy.rules.iter().filter(|rule| rule.rows.matches(case, &row.metric.name)) {
        for (place, (kind, limit)) in
            bounds.iter_mut().zip([("min", &rule.min), ("max", &rule.max)])
        {
            let Some(limit) = limit else { continue };
            let unit = &row.metric.unit.symbol;
            if limit.unit.as_ref().is_some_and(|limit| limit != unit) {
                let row = format!("{case} {}", row.metric.name);
                let (text, unit) = (limit.text.clone(), unit.to_string());
                return Err(Misfit::Unit { text, row, unit });
            }
            let keeps = |value: f64| {
                if kind == "min" { value >= limit.value } else { value <= limit.value }
            };
            *place = Some(Bound { kind, limit: limit.clone(), held: value.map(keeps) });
        }
    }
    Ok(bounds.into_iter().flatten().collect())
}

fn broken(bound: &Bound, row: &Row) -> Option<Finding> {
    if bound.held != Some(false) {
        return None;
    }
    let side = if bound.kind == "min" { "below" } else { "above" };
    let unit = if bound.limit.unit.is_none() { row.metric.unit.symbol.as_ref() } else { "" };
    let text = format!("{side} the bound of {} {unit}", bound.limit.text);
    Some(Finding::new(Effect::Fail, format!("bound:{}", bound.kind), text.trim_end()))
}

/// Why a verdict is not believed, though the data gave one.
fn shortfall(row: &Row, settings: &Settings) -> Option<Finding> {
    // Counts that must repeat exactly need no repetition.
    let (level, base, candidate) = (row.level?, row.base.as_ref()?, row.candidate.as_ref()?);
    let effect = settings.on_inconclusive.effect();
    if settings.require_unit == Level::Boot && level != Level::Boot {
        let text = "measured within one boot, and the policy requires boots";
        return Some(Finding::new(effect, "within-boot", text));
    }
    let least = if settings.allow_single { 1 } else { 2 }.max(settings.min_units);
    let (before, after) = (base.units_ln.len(), candidate.units_ln.len());
    if before.min(after) >= least {
        return None;
    }
    let sides = match (before == after, after) {
        (true, 1) => format!("1 {} a side", level.name()),
        (true, _) => format!("{after} {} a side", level.plural()),
        (false, _) => format!("{before} and {after} {}", level.plural()),
    };
    // With a calibrated spread a single boot can be judged, if the policy lets it.
    let members = row.change.iter().flat_map(|change| &change.members);
    let calibrated = members.into_iter().any(|member| member.test == Test::Floor);
    let remedy = match before.min(after) == 1 && calibrated {
        true => ": min_units = 1 and allow_single = true believe one beside a floor",
        false => "",
    };
    let text = format!("{sides}, fewer than {least}{remedy}");
    Some(Finding::new(effect, "underpowered", text))
}

fn state(row: &Row, shortfall: bool) -> State {
    match (row.metric.role, &row.base, &row.candidate) {
        (Role::Info, _, _) => return State::Informative,
        (_, None, Some(_)) => return State::New,
        (_, _, None) => return State::Missing,
        _ => {}
    }
    match row.verdict {
        Verdict::Incomparable => State::Incomparable,
        _ if shortfall => State::Inconclusive,
        Verdict::Regression => State::Regressed,
        Verdict::Improvement => State::Improved,
        Verdict::Equivalent => State::Equivalent,
        Verdict::Inconclusive => State::Inconclusive,
    }
}

/// What the state of a gated or control row means.
fn stated(
    policy: &Policy,
    settings: &Settings,
    row: &Row,
    role: Role,
    state: State,
    shortfall: Option<Finding>,
) -> Option<Finding> {
    let reason = || reason(row).unwrap_or_default();
    let found = |effect, code: &str, text: String| Some(Finding::new(effect, code, text));
    match state {
        State::Regressed | State::Improved if role == Role::Control => {
            let text = "the control moved, so the environment did".to_owned();
            found(policy.on_control_moved.effect(), "control:moved", text)
        }
        State::Regressed => found(Effect::Fail, "regression", "worse".to_owned()),
        State::Improved => {
            found(settings.on_improvement.effect(), "improvement", "better".to_owned())
        }
        State::Missing => found(settings.on_missing.effect(), "missing", reason()),
        State::New => found(settings.on_new.effect(), "new", reason()),
        State::Incomparable => found(settings.on_incomparable.effect(), "incomparable", reason()),
        State::Inconclusive => shortfall.or_else(|| {
            let why = row.why.map_or("noise", Why::name);
            found(settings.on_inconclusive.effect(), why, "unclear".to_owned())
        }),
        State::Equivalent | State::Informative => None,
    }
}

/// Every reason why the sides cannot be compared.
fn reason(row: &Row) -> Option<String> {
    let texts: Vec<&str> = row.reasons.iter().map(|reason| reason.text.as_str()).collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

/// Without expectations the base's rows are expected.
fn is_expected(policy: &Policy, case: &str, metric: &str) -> bool {
    policy.expect.is_empty() || policy.expect.iter().any(|rows| rows.matches(case, metric))
}

/// Expected rows, and rows with a bound, that exist on neither side.
fn absent<'c>(policy: &Policy, pair: &'c Pair) -> Vec<Judged<'c>> {
    let bounded = policy.rules.iter().filter(|rule| rule.min.is_some() || rule.max.is_some());
    let wanted = policy.expect.iter().chain(bounded.map(|rule| &rule.rows));
    let exists = |pattern: &Pattern| super::names_a_row(pattern, pair);
    wanted
        .filter(|pattern| !exists(pattern))
        .map(|pattern| missing(policy, pattern, pair))
        .collect()
}

fn missing<'c>(policy: &Policy, pattern: &Pattern, pair: &Pair) -> Judged<'c> {
    let (case, metric) = (pattern.case.clone(), pattern.metric.clone());
    let settings = policy.settings_of(&case, &metric);
    let text = unmeasured(pattern, pair)
        .map_or("expected, but in neither side".to_owned(), |(case, reason)| {
            format!("no value on either side: {case}: {reason}")
        });
    Judged {
        reference: Reference::Baseline,
        case,
        metric,
        role: Role::Gated,
        state: State::Missing,
        findings: vec![Finding::new(settings.on_missing.effect(), "missing", text)],
        bounds: Vec::new(),
        waived: None,
        settings,
        row: None,
    }
}

/// A case of the pattern without a value on either side, and why it has none.
pub fn unmeasured<'c>(pattern: &Pattern, pair: &'c Pair) -> Option<(&'c str, &'c str)> {
    let named = |case: &str| crate::compare::matches(&pattern.case, case);
    let found = pair.unmeasured.iter().find(|(case, _)| named(case));
    found.map(|(case, reason)| (case.as_str(), reason.as_str()))
}

/// Findings that do more than warn are accepted where a waiver says so.
fn waive(policy: &Policy, row: &mut Judged<'_>) {
    let matches = |waiver: &&Waiver| waiver.rows.matches(&row.case, &row.metric);
    let Some(waiver) = policy.waivers.iter().find(matches) else { return };
    for finding in row.findings.iter_mut().filter(|finding| finding.effect > Effect::Warn) {
        finding.effect = Effect::Waived;
        row.waived = Some(waiver.clone());
    }
}

impl Action {
    /// What it does to the gate when the state is no regression: only a regression says "worse".
    pub fn effect(self) -> Effect {
        match self {
            Self::Pass => Effect::Pass,
            Self::Warn => Effect::Warn,
            Self::Fail => Effect::Incomplete,
        }
    }
}

impl OnControlMoved {
    /// What it does to the gate.
    pub fn effect(self) -> Effect {
        match self {
            Self::Environment => Effect::Environment,
            Self::Warn => Effect::Warn,
        }
    }
}
