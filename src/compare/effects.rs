//! What each declared factor does to each metric: a matrix of pairs that differ in one factor.
//!
//! A configuration declares factors as labels or facts: `factor.pin=yes`, `factor.numa.vnuma=no`.
//! The first part of the name is the factor; further parts are settings that belong to it. A pair
//! whose settings of one factor alone differ stands in that factor's cell; where several settings
//! of it change at once the pair says which, because their shares cannot be told apart. A pair that
//! differs in several factors stands in no cell, and is listed as confounded.
//!
//! Effects are never averaged over systems: the same factor helps one and hurts another.

use super::gather::Gathered;
use super::note::Note;
use super::pair::Pair;
use super::policy::Policy;
use super::row::Row;
use super::units::Level;
use super::verdict::{Verdict, Why};
use super::{Side, adjust};
use crate::stats::Planner;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use vbench_results::{Metric, Reading, ResultSet, Role};

/// How labels and facts that declare a factor begin.
const FACTOR: &str = "factor.";

/// What a factor without value on one side is called.
const UNDECLARED: &str = "undeclared";

/// The matrix.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effects {
    /// What the verdicts follow.
    pub policy: Policy,
    /// Every factor that some pair differs in, sorted.
    pub factors: Vec<String>,
    /// Every case and metric with a pair, by kind, case and name.
    pub metrics: Vec<MetricEffects>,
    /// Configurations and metrics that stand in no pair, and why.
    pub left_out: Vec<Note>,
}

/// One line of the matrix.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricEffects {
    /// Label that groups.
    pub kind: String,
    /// Benchmark and axis values.
    pub case: String,
    /// What is measured.
    pub metric: Metric,
    /// By factor: every pair that differs in it alone.
    pub cells: BTreeMap<String, Vec<Effect>>,
    /// Pairs that differ in several factors.
    pub confounded: Vec<Effect>,
}

/// One pair: a metric with and without a change.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effect {
    /// The machine.
    pub system: String,
    /// The configuration before.
    pub base: String,
    /// The configuration after.
    pub candidate: String,
    /// Factors that differ.
    pub factors: Vec<String>,
    /// Settings that differ: `numa.vnuma: no -> yes`.
    pub settings: Vec<String>,
    /// Other facts of the machine that differ: `guest.vcpus: 24 -> 22`.
    pub also: Vec<String>,
    /// Typical value before, in the metric's unit.
    pub before: Option<f64>,
    /// Typical value after.
    pub after: Option<f64>,
    /// After over before.
    pub ratio: Option<f64>,
    /// 95% interval of the ratio.
    pub interval_95: Option<(f64, f64)>,
    /// What the units are.
    pub level: Option<Level>,
    /// Units of both sides.
    pub units: [usize; 2],
    /// What can be said.
    pub verdict: Verdict,
    /// Why it is inconclusive.
    pub why: Option<Why>,
    /// Why it is incomparable.
    pub reasons: Vec<Note>,
}

impl Effect {
    /// Several settings of the one factor change at once.
    pub fn is_compound(&self) -> bool {
        self.factors.len() == 1 && self.settings.len() > 1
    }
}

/// A configuration and what it declares.
struct Declared<'s> {
    side: &'s Side<'s>,
    system: &'s str,
    config: &'s str,
    factors: BTreeMap<String, String>,
}

/// The effects of every factor. Each side is one configuration of one system; quarantined runs must
/// have been left out. The rows of all cells are one family of tests.
pub fn effects(sides: &[Side<'_>], policy: &Policy) -> Effects {
    let planner = Planner::new(policy.alpha, policy.power);
    let mut left_out = Vec::new();
    let mut silent = Vec::new();
    let declared: Vec<Declared<'_>> =
        sides.iter().filter_map(|side| declare(side, &mut left_out, &mut silent)).collect();
    if !silent.is_empty() {
        let text = format!("no factor is declared by {}", silent.join(", "));
        left_out.push(Note::new("factor:none", text));
    }
    let gathered: Vec<Gathered<'_>> =
        declared.iter().map(|declared| Gathered::new(declared.side)).collect();
    let mut pairs = Vec::new();
    for (i, j) in partners(&declared) {
        let settings = settings(&declared[i], &declared[j]);
        if !settings.is_empty() {
            let pair = Pair::new(&gathered[i], &gathered[j], policy, &planner);
            pairs.push(Compared { base: &declared[i], candidate: &declared[j], settings, pair });
        }
    }
    for single in [true, false] {
        for role in [Role::Gated, Role::Control, Role::Info] {
            let chosen = pairs.iter_mut().filter(|pair| (pair.factors().len() == 1) == single);
            let rows = chosen.flat_map(|pair| &mut pair.pair.rows);
            adjust(rows.filter(|row| row.metric.role == role).collect(), policy);
        }
    }
    let factors: BTreeSet<String> = pairs.iter().flat_map(Compared::factors).collect();
    let metrics = matrix(&pairs);
    left_out.extend(lonely(sides, &metrics));
    Effects { policy: policy.clone(), factors: factors.into_iter().collect(), metrics, left_out }
}

/// Two configurations of one system that differ in some setting.
struct Compared<'d> {
    base: &'d Declared<'d>,
    candidate: &'d Declared<'d>,
    /// Name, value before, value after.
    settings: Vec<(String, String, String)>,
    pair: Pair,
}

impl Compared<'_> {
    fn factors(&self) -> Vec<String> {
        let groups: BTreeSet<String> =
            self.settings.iter().map(|(name, _, _)| group(name).to_owned()).collect();
        groups.into_iter().collect()
    }

    /// Both sides declare every setting that differs, and all belong to one factor.
    fn cell(&self) -> Option<String> {
        let known = |(_, before, after): &(String, String, String)| {
            before != UNDECLARED && after != UNDECLARED
        };
        let mut factors = self.factors();
        (factors.len() == 1 && self.settings.iter().all(known)).then(|| factors.remove(0))
    }

    fn effect(&self, row: &Row) -> Effect {
        let change = row.change.as_ref();
        let typical = |side: &Option<super::Measured>| side.as_ref().and_then(|side| side.typical);
        let units = |side: &Option<super::Measured>| {
            side.as_ref().map_or(0, |side| side.units_ln.len().max(usize::from(side.samples > 0)))
        };
        let arrow = |(name, before, after): &(String, String, String)| {
            format!("{name}: {before} -> {after}")
        };
        Effect {
            system: self.base.system.to_owned(),
            base: self.base.config.to_owned(),
            candidate: self.candidate.config.to_owned(),
            factors: self.factors(),
            settings: self.settings.iter().map(arrow).collect(),
            also: self.also(),
            before: typical(&row.base),
            after: typical(&row.candidate),
            ratio: change.map(|change| change.ratio),
            interval_95: change.and_then(|change| change.interval_95),
            level: row.level,
            units: [units(&row.base), units(&row.candidate)],
            verdict: row.verdict,
            why: row.why,
            reasons: row.reasons.clone(),
        }
    }

    /// Facts of the layout that changed besides what was declared.
    fn also(&self) -> Vec<String> {
        let layout = self.pair.facts.iter().filter(|fact| {
            fact.stable && fact.known && !fact.identifying && !fact.fact.starts_with(FACTOR)
        });
        layout
            .map(|fact| {
                let (before, after) = (fact.base.join(", "), fact.candidate.join(", "));
                format!("{}: {before} -> {after}", fact.fact)
            })
            .collect()
    }
}

fn group(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// What the runs of a side declare; its name when that is nothing, a note when not one thing.
fn declare<'s>(
    side: &'s Side<'s>,
    left_out: &mut Vec<Note>,
    silent: &mut Vec<String>,
) -> Option<Declared<'s>> {
    let run = &side.runs.first()?.run;
    let mut declared: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for run in side.runs {
        for (name, value) in declared_by(run) {
            declared.entry(name).or_default().insert(value);
        }
    }
    let name = format!("{}/{}", run.system, run.config);
    if declared.is_empty() {
        silent.push(name);
        return None;
    }
    if let Some((factor, values)) = declared.iter().find(|(_, values)| values.len() > 1) {
        let values = values.iter().cloned().collect::<Vec<_>>().join(" and ");
        let text = format!("the runs of {name} disagree about {factor}: {values}");
        left_out.push(Note::new("factor:mixed", text));
        return None;
    }
    let factors =
        declared.into_iter().filter_map(|(name, values)| Some((name, values.into_iter().next()?)));
    let (system, config) = (run.system.as_str(), run.config.as_str());
    Some(Declared { side, system, config, factors: factors.collect() })
}

/// Labels first: what a user said stands above what was found.
fn declared_by(run: &ResultSet) -> BTreeMap<String, String> {
    let mut declared = BTreeMap::new();
    for (name, fact) in &run.environment.facts {
        if let (Some(factor), Reading::Value(value)) = (name.strip_prefix(FACTOR), &fact.reading) {
            declared.insert(factor.to_owned(), value.to_string());
        }
    }
    for (name, value) in &run.run.labels {
        if let Some(factor) = name.strip_prefix(FACTOR) {
            declared.insert(factor.to_owned(), value.clone());
        }
    }
    declared
}

/// Every two configurations of one system, that with less of everything first.
fn partners(declared: &[Declared<'_>]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for (i, first) in declared.iter().enumerate() {
        for (j, second) in declared.iter().enumerate().skip(i + 1) {
            if first.system == second.system {
                let swapped = ranks(second) < ranks(first);
                pairs.push(if swapped { (j, i) } else { (i, j) });
            }
        }
    }
    pairs
}

/// Sorts `no` and its like before other words, and numbers by size.
fn ranks(declared: &Declared<'_>) -> Vec<(bool, u64, String)> {
    let rank = |value: &String| {
        let on = !matches!(value.as_str(), "no" | "off" | "false" | "none" | "0");
        (on, value.parse().unwrap_or(u64::MAX), value.clone())
    };
    declared.factors.values().map(rank).collect()
}

fn settings(base: &Declared<'_>, candidate: &Declared<'_>) -> Vec<(String, String, String)> {
    let names: BTreeSet<&String> = base.factors.keys().chain(candidate.factors.keys()).collect();
    let value = |side: &Declared<'_>, name: &String| {
        side.factors.get(name).cloned().unwrap_or_else(|| UNDECLARED.to_owned())
    };
    names
        .into_iter()
        .map(|name| (name.clone(), value(base, name), value(candidate, name)))
        .filter(|(_, before, after)| before != after)
        .collect()
}

fn matrix(pairs: &[Compared<'_>]) -> Vec<MetricEffects> {
    let mut lines: BTreeMap<(&str, String, &str), MetricEffects> = BTreeMap::new();
    for compared in pairs {
        let both = |row: &&Row| row.base.is_some() && row.candidate.is_some();
        for row in compared.pair.rows.iter().filter(both) {
            let key = (row.kind.as_str(), row.case.to_string(), row.metric.name.as_str());
            let line = lines.entry(key).or_insert_with(|| MetricEffects {
                kind: row.kind.clone(),
                case: row.case.to_string(),
                metric: row.metric.clone(),
                cells: BTreeMap::new(),
                confounded: Vec::new(),
            });
            let effect = compared.effect(row);
            match compared.cell() {
                Some(factor) => line.cells.entry(factor).or_default().push(effect),
                None => line.confounded.push(effect),
            }
        }
    }
    lines.into_values().collect()
}

/// Metrics that are stored and stand in no pair.
fn lonely(sides: &[Side<'_>], metrics: &[MetricEffects]) -> Vec<Note> {
    let paired: BTreeSet<(&str, &str)> =
        metrics.iter().map(|line| (line.case.as_str(), line.metric.name.as_str())).collect();
    let mut alone: BTreeMap<(String, &str), BTreeSet<String>> = BTreeMap::new();
    let mut together: BTreeMap<BTreeSet<String>, Vec<String>> = BTreeMap::new();
    for run in sides.iter().flat_map(|side| side.runs) {
        for case in &run.cases {
            let id = case.case.to_string();
            for metric in &case.metrics {
                if !paired.contains(&(id.as_str(), metric.name.as_str())) {
                    let name = format!("{}/{}", run.run.system, run.run.config);
                    alone.entry((id.clone(), &metric.name)).or_default().insert(name);
                }
            }
        }
    }
    for ((case, metric), names) in alone {
        together.entry(names).or_default().push(format!("{case} {metric}"));
    }
    let note = |(names, metrics): (BTreeSet<String>, Vec<String>)| {
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        Note::new("metric:alone", format!("only in {names}: {}", metrics.join(", ")))
    };
    together.into_iter().map(note).collect()
}
