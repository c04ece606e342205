//! May this candidate pass? A decision over a comparison and a policy: pure, without files or clocks.
//!
//! ```
//! use vbench::compare::{Side, compare};
//! use vbench::gate::{Outcome, Policy, decide};
//!
//! let policy = Policy::parse("margin = \"5%\"").unwrap();
//! let nothing = Side { name: "none", runs: &[] };
//! let comparison = compare(&nothing, &[nothing], &policy.comparison(Default::default()));
//! let gate = decide(&policy, &comparison, None, std::time::SystemTime::UNIX_EPOCH).unwrap();
//! assert_eq!(gate.outcome, Outcome::Incomplete, "a gate that judged nothing does not pass");
//! ```

mod confirm;
mod file;
mod init;
mod key;
mod policy;
mod row;
mod values;

pub use self::confirm::Confirmation;
pub use self::init::commented_policy;
pub use self::key::Key;
pub use self::policy::{
    Action, BaselineChoice, Confirm, Control, OnControlMoved, Overrides, Policy, Rule, Settings,
    Waiver,
};
pub use self::row::{Bound, Judged, Reference, State};
pub use self::values::{Age, Day, Limit};

use crate::compare::{Comparison, Pair, Pattern};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::SystemTime;
use vbench_results::{ResultSet, Role};

/// What a finding does to the gate. The order is that of precedence: the largest decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Nothing.
    Pass,
    /// It would do something, and is accepted for now.
    Waived,
    /// It is said.
    Warn,
    /// Something that must be known is not.
    Incomplete,
    /// It got worse.
    Fail,
    /// What was compared is not the same thing: nothing is believed.
    Environment,
}

/// Something that was found, and what it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it does to the gate.
    pub effect: Effect,
    /// Stable, for programs.
    pub code: String,
    /// For people.
    pub text: String,
}

impl Finding {
    /// A finding.
    pub fn new(effect: Effect, code: impl Into<String>, text: impl Into<String>) -> Self {
        Self { effect, code: code.into(), text: text.into() }
    }
}

/// What a gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Every row is allowed by the policy.
    Pass,
    /// Something got worse, or a bound is broken.
    Fail,
    /// Something that must be known is not, or nothing was judged.
    Incomplete,
    /// A control moved, or the machine is another one.
    Environment,
}

impl Outcome {
    /// The exit code. 2 is for what could not be decided at all.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Incomplete => 3,
            Self::Environment => 4,
        }
    }

    /// The name in data.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Incomplete => "incomplete",
            Self::Environment => "environment",
        }
    }
}

impl From<Effect> for Outcome {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Pass | Effect::Waived | Effect::Warn => Self::Pass,
            Effect::Incomplete => Self::Incomplete,
            Effect::Fail => Self::Fail,
            Effect::Environment => Self::Environment,
        }
    }
}

/// The decision, and every row and finding that it stands on.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate<'c> {
    /// What it says.
    pub outcome: Outcome,
    /// Gated rows of each state against the base.
    pub counts: BTreeMap<State, usize>,
    /// What was found beside the rows.
    pub findings: Vec<Finding>,
    /// Every row, those against the base first, in the order of their cases.
    pub rows: Vec<Judged<'c>>,
}

impl Gate<'_> {
    /// With a warning for every glob of the policy's key that names no fact of the runs.
    pub fn with_idle_key(mut self, policy: &Policy, runs: &[&ResultSet]) -> Self {
        let warning = |glob: &str| {
            let text = format!("{glob:?} in the key matches no fact of either side");
            Finding::new(Effect::Warn, "key:idle", text)
        };
        self.findings.extend(Key(&policy.baseline.key).idle_globs(runs).into_iter().map(warning));
        self
    }

    /// Whether it passes though none of its rows could be decided.
    pub fn is_undecided(&self) -> bool {
        self.outcome == Outcome::Pass && self.findings.iter().any(|found| found.code == UNDECIDED)
    }

    /// Gated rows against the base.
    pub fn judged(&self) -> usize {
        self.counts.values().sum()
    }

    /// Rows that were judged and fail: to be measured again where the policy asks for it.
    pub fn failing(&self) -> impl Iterator<Item = &Judged<'_>> {
        self.rows.iter().filter(|row| row.effect() == Effect::Fail)
    }
}

/// Why a policy does not fit what it is applied to.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// A pattern names no row.
    #[error(
        "the [[{table}]] for case {case:?}, metric {metric:?} matches nothing; there are {rows} rows, such as {example}"
    )]
    MatchesNothing {
        /// `rule`, `control` or `waive`.
        table: &'static str,
        /// Its glob of cases.
        case: String,
        /// Its glob of metrics.
        metric: String,
        /// Rows there are.
        rows: usize,
        /// One of them.
        example: String,
    },
    /// A waiver's last day has passed.
    #[error(
        "the [[waive]] for case {case:?} expired on {until} ({reason}): fix it, or decide again"
    )]
    Expired {
        /// Its glob of cases.
        case: String,
        /// Its last day.
        until: Day,
        /// Its reason.
        reason: String,
    },
    /// A bound is in another unit than the rows it is for.
    #[error("the bound {text:?} does not fit {row}, which is measured in {unit}")]
    Unit {
        /// The bound.
        text: String,
        /// The row.
        row: String,
        /// Its unit.
        unit: String,
    },
}

/// Decides. `base` and `anchor` are comparisons of one candidate each, made with
/// [`Policy::comparison`]; waivers and ages are judged at `now`.
///
/// # Errors
/// The policy does not fit: a pattern matches nothing, a waiver expired, a bound has another unit.
pub fn decide<'c>(
    policy: &Policy,
    base: &'c Comparison,
    anchor: Option<&'c Comparison>,
    now: SystemTime,
) -> Result<Gate<'c>, Misfit> {
    let today = Day::of(now);
    check_waivers(policy, &today)?;
    let (mut rows, mut findings) = (Vec::new(), Vec::new());
    let references = [(Reference::Baseline, Some(base)), (Reference::Anchor, anchor)];
    for (reference, comparison) in references {
        let Some((comparison, pair)) = comparison.and_then(only_pair) else { continue };
        if reference == Reference::Baseline {
            check_patterns(policy, pair)?;
        }
        findings.extend(key::findings(policy, comparison, pair, reference));
        findings.extend(age(policy, comparison, reference, now));
        rows.extend(row::judge_all(policy, comparison, pair, reference)?);
    }
    findings.extend(nothing_known(&rows));
    Ok(Gate { outcome: outcome(&rows, &findings), counts: counts(&rows), findings, rows })
}

/// What the most that was found makes of the gate.
fn outcome(rows: &[Judged<'_>], findings: &[Finding]) -> Outcome {
    let effects = rows.iter().map(Judged::effect);
    let effects = effects.chain(findings.iter().map(|finding| finding.effect));
    effects.max().unwrap_or(Effect::Incomplete).into()
}

/// Code of the finding that no row could be decided.
const UNDECIDED: &str = "undecided";

/// Neither a gate without rows nor one that could decide none says that nothing got worse.
fn nothing_known(rows: &[Judged<'_>]) -> Option<Finding> {
    let judged = |row: &&Judged<'_>| row.is_gated() || !row.bounds.is_empty();
    if !rows.iter().any(|row| judged(&row)) {
        let text = "no row is gated: nothing was judged";
        return Some(Finding::new(Effect::Incomplete, "empty", text));
    }
    let known = |row: &Judged<'_>| {
        row.state != State::Inconclusive || row.bounds.iter().any(Bound::is_held)
    };
    let text = "no row could be decided: whether anything got worse is not known";
    let undecided = !rows.iter().filter(judged).any(known);
    undecided.then(|| Finding::new(Effect::Warn, UNDECIDED, text))
}

fn only_pair(comparison: &Comparison) -> Option<(&Comparison, &Pair)> {
    Some((comparison, comparison.pairs.first()?))
}

fn counts(rows: &[Judged<'_>]) -> BTreeMap<State, usize> {
    let mut counts: BTreeMap<State, usize> = State::COUNTED.map(|state| (state, 0)).into();
    let gated = |row: &&Judged<'_>| row.is_gated() && row.reference == Reference::Baseline;
    for row in rows.iter().filter(gated) {
        *counts.entry(row.state).or_default() += 1;
    }
    counts
}

fn check_waivers(policy: &Policy, today: &Day) -> Result<(), Misfit> {
    let expired = policy.waivers.iter().find(|waiver| waiver.until < *today);
    expired.map_or(Ok(()), |waiver| {
        let (until, reason) = (waiver.until.clone(), waiver.reason.clone());
        Err(Misfit::Expired { case: waiver.rows.case.clone(), until, reason })
    })
}

/// A pattern that names nothing is a slip of the pen, and would be a gate that cannot fail. Cases
/// that were planned and have no value on either side count as named.
fn check_patterns(policy: &Policy, pair: &Pair) -> Result<(), Misfit> {
    let tables = (policy.rules.iter().map(|rule| ("rule", &rule.rows)))
        .chain(policy.controls.iter().map(|control| ("control", &control.rows)))
        .chain(policy.waivers.iter().map(|waiver| ("waive", &waiver.rows)));
    for (table, pattern) in tables {
        if !names_a_row(pattern, pair) && row::unmeasured(pattern, pair).is_none() {
            let row = |row: &crate::compare::Row| format!("{} {}", row.case, row.metric.name);
            return Err(Misfit::MatchesNothing {
                table,
                case: pattern.case.clone(),
                metric: pattern.metric.clone(),
                rows: pair.rows.len(),
                example: pair.rows.first().map_or("none".to_owned(), row),
            });
        }
    }
    Ok(())
}

fn names_a_row(pattern: &Pattern, pair: &Pair) -> bool {
    pair.rows.iter().any(|row| pattern.matches(&row.case.to_string(), &row.metric.name))
}

fn age(
    policy: &Policy,
    comparison: &Comparison,
    reference: Reference,
    now: SystemTime,
) -> Option<Finding> {
    let (limit, measured) = (policy.baseline.max_age.as_ref()?, comparison.base.newest.as_ref()?);
    // An anchor is old on purpose.
    let too_old = reference == Reference::Baseline && limit.is_exceeded(measured, now);
    let (name, limit) = (&comparison.base.name, &limit.text);
    let text = format!("{name} was measured on {measured}, more than {limit} ago");
    too_old.then(|| Finding::new(Effect::Warn, "baseline:old", text))
}

/// Controls and informative rows are not gated.
fn is_gated(role: Role) -> bool {
    role == Role::Gated
}
