//! Printed claims against stored numbers: does the claim follow from them?
//!
//! A claim is a quantity computed from stored values (a value, a ratio, a change, or equality) and
//! the range that its words allow. Stored values are as exact as they were printed: each stands for
//! an interval of one unit of its last digit, and a claim is contradicted only when no numbers
//! within these intervals give it.

use super::policy::Policy;
use super::verdict::Verdict;
use super::{Side, compare};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use vbench_results::{ResultSet, Unit, Value};

/// One thing that a claim says about stored numbers. Several checks of one id are one claim.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Check {
    /// The claim it belongs to.
    pub id: String,
    /// The claim in its own words.
    pub claim: String,
    /// The number as printed.
    pub printed: String,
    /// What is computed.
    pub how: How,
    /// Numerator, or the candidate: `system | config | case | metric`; `*` stands for each system.
    pub top: String,
    /// Denominator, or the base; `fact:NAME` in place of a metric is a fact.
    pub bottom: String,
    /// Least value that the words allow.
    pub low: Option<f64>,
    /// Largest value that the words allow.
    pub high: Option<f64>,
    /// Why stored numbers cannot decide it, or how its words were read.
    pub reason: String,
}

/// What is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// The value itself.
    Value,
    /// Top over bottom.
    Ratio,
    /// Top over bottom, less one.
    Change,
    /// The change of at least one system.
    SomeChange,
    /// No change: needs enough launches to show equivalence.
    Same,
    /// Nothing: the claim is not about stored numbers.
    Nothing,
}

/// What a claim is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The stored numbers give it.
    Supported,
    /// They cannot decide it.
    Undecidable,
    /// They exclude it.
    Contradicted,
}

impl Standing {
    /// `supported`, `undecidable` or `contradicted`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Undecidable => "undecidable",
            Self::Contradicted => "contradicted",
        }
    }
}

/// A claim with the numbers that decide it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Claim {
    /// Its id.
    pub id: String,
    /// Its words.
    pub claim: String,
    /// The number as printed.
    pub printed: String,
    /// What it is worth: the worst of its checks.
    pub standing: Standing,
    /// What was computed.
    pub computed: Vec<Computed>,
    /// Why it cannot be decided, or how its words were read.
    pub reasons: Vec<String>,
}

/// A number computed for a claim.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Computed {
    /// The machine.
    pub system: String,
    /// The number from the stored values.
    pub value: f64,
    /// Least number that values which print alike would give.
    pub low: f64,
    /// Largest such number.
    pub high: f64,
    /// Its unit; none for ratios and changes.
    pub unit: Option<Unit>,
    /// Whether it is a change, shown in percent.
    pub percent: bool,
    /// Whether the claim's words allow it.
    pub fits: bool,
}

/// Where a number is stored.
#[derive(Clone, Debug, PartialEq)]
struct Term {
    system: String,
    config: String,
    case: String,
    quantity: String,
}

/// A stored number and the interval it stands for.
#[derive(Clone)]
struct Stored {
    value: f64,
    low: f64,
    high: f64,
    /// None for facts, which count something.
    unit: Option<Unit>,
}

impl FromStr for Term {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<String> = text.split('|').map(|part| part.trim().to_owned()).collect();
        match <[String; 4]>::try_from(parts) {
            Ok([system, config, case, quantity]) => Ok(Self { system, config, case, quantity }),
            Err(_) => Err(format!("expected system | config | case | metric, found {text:?}")),
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {} {}", self.system, self.config, self.case, self.quantity)
    }
}

impl Term {
    fn on(&self, system: &str) -> Self {
        let own = if self.system == "*" { system } else { &self.system };
        Self { system: own.to_owned(), ..self.clone() }
    }

    fn runs<'r>(&self, runs: &'r [ResultSet]) -> impl Iterator<Item = &'r ResultSet> {
        let (system, config) = (self.system.clone(), self.config.clone());
        runs.iter().filter(move |run| run.run.system == system && run.run.config == config)
    }

    /// The center of the stored values, with their printed precision.
    fn find(&self, runs: &[ResultSet]) -> Option<Stored> {
        if let Some(fact) = self.quantity.strip_prefix("fact:") {
            let run = self.runs(runs).next()?;
            let value = match run.environment.value(fact)? {
                Value::Integer(whole) => *whole as f64,
                Value::Number(number) => *number,
                _ => return None,
            };
            return Some(Stored { value, low: value, high: value, unit: None });
        }
        let mut launches = Vec::new();
        let mut half = 0.0_f64;
        let mut unit = None;
        for case in self.runs(runs).flat_map(|run| &run.cases) {
            if case.case.to_string() != self.case {
                continue;
            }
            let metric = case.metrics.iter().find(|metric| metric.name == self.quantity)?;
            half = half.max(metric.resolution.unwrap_or(0.0) / 2.0);
            unit = Some(metric.unit.clone());
            let values = |launch: &vbench_results::Launch| -> Vec<f64> {
                let repeats = launch.repeats.iter();
                repeats.filter_map(|repeat| repeat.values.get(&self.quantity).copied()).collect()
            };
            launches.extend(case.launches.iter().map(values).filter(|values| !values.is_empty()));
        }
        let centers: Option<Vec<f64>> =
            launches.iter().map(|values| crate::stats::launch_center(values)).collect();
        let centers = centers.filter(|centers| !centers.is_empty())?;
        let value = crate::stats::mean(&centers).exp();
        Some(Stored { value, low: value - half, high: value + half, unit })
    }
}

/// Reads checks from CSV with the columns of [`Check`].
///
/// # Errors
/// The line, and what is wrong with it.
pub fn read_checks(text: &str) -> Result<Vec<Check>, String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut checks = Vec::new();
    for row in reader.deserialize::<Check>() {
        let check = row.map_err(|error| error.to_string())?;
        let line = checks.len() + 2;
        if check.how != How::Nothing {
            let terms = [&check.top, &check.bottom];
            for term in terms.iter().take(if check.how == How::Value { 1 } else { 2 }) {
                term.parse::<Term>().map_err(|error| format!("row {line}: {error}"))?;
            }
        }
        checks.push(check);
    }
    Ok(checks)
}

/// Every claim, in the order of its first check.
pub fn claims(checks: &[Check], runs: &[ResultSet], policy: &Policy) -> Vec<Claim> {
    let mut claims: Vec<Claim> = Vec::new();
    for check in checks {
        let (standing, computed, reason) = decide(check, runs, policy);
        let index = claims.iter().position(|claim| claim.id == check.id);
        let claim = match index {
            Some(index) => &mut claims[index],
            None => {
                claims.push(Claim {
                    id: check.id.clone(),
                    claim: check.claim.clone(),
                    printed: check.printed.clone(),
                    standing: Standing::Supported,
                    computed: Vec::new(),
                    reasons: Vec::new(),
                });
                let last = claims.len() - 1;
                &mut claims[last]
            }
        };
        claim.standing = claim.standing.max(standing);
        claim.computed.extend(computed);
        for reason in [reason, check.reason.clone()] {
            if !reason.is_empty() && !claim.reasons.contains(&reason) {
                claim.reasons.push(reason);
            }
        }
    }
    claims
}

type Decision = (Standing, Vec<Computed>, String);

fn decide(check: &Check, runs: &[ResultSet], policy: &Policy) -> Decision {
    let undecided = |reason: &str| (Standing::Undecidable, Vec::new(), reason.to_owned());
    let top: Term = match (check.how, check.top.parse()) {
        (How::Nothing, _) => return undecided(""),
        (_, Ok(top)) => top,
        (_, Err(reason)) => return undecided(&reason),
    };
    let bottom = check.bottom.parse::<Term>().ok();
    let mut computed = Vec::new();
    for system in systems(&top, bottom.as_ref(), runs) {
        let bottom = bottom.as_ref().map(|term| term.on(&system));
        computed.extend(compute(check, &system, &top.on(&system), bottom.as_ref(), runs));
    }
    if computed.is_empty() {
        return undecided(&format!("not stored: {top}"));
    }
    if check.how == How::Same {
        return same(check, &top, bottom.as_ref(), computed, runs, policy);
    }
    let fits = computed.iter().filter(|computed| computed.fits).count();
    match (check.how, fits) {
        (How::SomeChange, 0) => {
            let reason = format!("no stored pair gives {}", check.printed);
            (Standing::Undecidable, computed, reason)
        }
        (How::SomeChange, _) => (Standing::Supported, computed, String::new()),
        _ if fits == computed.len() => (Standing::Supported, computed, String::new()),
        _ => (Standing::Contradicted, computed, String::new()),
    }
}

/// The systems a check is about: every one that is stored, where a term says `*`.
fn systems(top: &Term, bottom: Option<&Term>, runs: &[ResultSet]) -> Vec<String> {
    let every = top.system == "*" || bottom.is_some_and(|bottom| bottom.system == "*");
    if !every {
        return vec![top.system.clone()];
    }
    let all: BTreeSet<&str> = runs.iter().map(|run| run.run.system.as_str()).collect();
    all.into_iter().map(str::to_owned).collect()
}

fn compute(
    check: &Check,
    system: &str,
    top: &Term,
    bottom: Option<&Term>,
    runs: &[ResultSet],
) -> Option<Computed> {
    let top = top.find(runs)?;
    let percent = matches!(check.how, How::Change | How::SomeChange | How::Same);
    let number = if check.how == How::Value {
        top
    } else {
        let bottom = bottom?.find(runs)?;
        let less = if percent { 1.0 } else { 0.0 };
        Stored {
            value: top.value / bottom.value - less,
            low: top.low / bottom.high - less,
            high: top.high / bottom.low - less,
            // A value for each of something counted keeps its unit.
            unit: top.unit.filter(|_| bottom.unit.is_none()),
        }
    };
    let fits = check.low.is_none_or(|low| number.high >= low)
        && check.high.is_none_or(|high| number.low <= high);
    let Stored { value, low, high, unit } = number;
    Some(Computed { system: system.to_owned(), value, low, high, unit, percent, fits })
}

/// Equality is a verdict over launches; one value a side never shows it.
fn same(
    check: &Check,
    top: &Term,
    bottom: Option<&Term>,
    mut computed: Vec<Computed>,
    runs: &[ResultSet],
    policy: &Policy,
) -> Decision {
    let mut standing = Standing::Supported;
    for number in &mut computed {
        let verdict = bottom.and_then(|bottom| {
            let (top, bottom) = (top.on(&number.system), bottom.on(&number.system));
            verdict(&top, &bottom, runs, policy)
        });
        number.fits = verdict == Some(Verdict::Equivalent);
        standing = standing.max(match verdict {
            Some(Verdict::Equivalent) => Standing::Supported,
            Some(Verdict::Improvement | Verdict::Regression) => Standing::Contradicted,
            _ => Standing::Undecidable,
        });
    }
    let reason = match standing {
        Standing::Undecidable => {
            format!("{:?} needs launches on both sides, or more of them", check.printed)
        }
        _ => String::new(),
    };
    (standing, computed, reason)
}

fn verdict(top: &Term, bottom: &Term, runs: &[ResultSet], policy: &Policy) -> Option<Verdict> {
    let side = |term: &Term| -> Vec<ResultSet> { term.runs(runs).cloned().collect() };
    let (before, after) = (side(bottom), side(top));
    let base = Side { name: &bottom.config, runs: &before };
    let compared = compare(&base, &[Side { name: &top.config, runs: &after }], policy);
    let rows = &compared.pairs.first()?.rows;
    let row =
        rows.iter().find(|row| row.case.to_string() == top.case && row.metric.name == top.quantity);
    row.map(|row| row.verdict)
}
