//! What every section reads: the lines of a group, each a case and a metric over all of its
//! configurations, with the verdict of each against every other.

use super::words;
use crate::compare::{
    Comparison, FactDifference, FailRule, Level, Measured, Note, Policy, Row, Verdict, Why,
    compare_each,
};
use crate::report::chart::theme::SLOTS;
use crate::report::number::digits;
use crate::report::table::inert;
use crate::stats::{mean, sd, t_quantile};
use std::collections::{BTreeMap, BTreeSet};
use vbench_results::{Better, CaseId, Estimator, Metric, ResultSet, Role};

/// Runs that are shown together.
#[derive(Debug)]
pub struct Group {
    /// What differs within it.
    pub kind: Kind,
    /// Its name: the system, or the configuration that twins share.
    pub name: String,
    /// At most [`SLOTS`], the base first.
    pub sides: Vec<Side>,
}

/// What differs within a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Configurations of one system.
    Configurations,
    /// Systems with one configuration.
    Twins,
}

/// The runs of one configuration of one system.
#[derive(Debug)]
pub struct Side {
    /// Its name within the group.
    pub name: String,
    /// Its runs.
    pub runs: Vec<ResultSet>,
    /// Where each run's files are, as a link from the page.
    pub links: Vec<String>,
}

/// A group, compared.
pub struct View<'a> {
    /// Prefix of every id on the page.
    pub id: String,
    /// What is shown.
    pub group: &'a Group,
    /// What may be shown.
    pub room: Room,
    /// What verdicts follow.
    pub policy: Policy,
    /// Names of the sides, harmless.
    pub names: Vec<String>,
    /// Every case and metric, by section, kind and case.
    pub lines: Vec<Line>,
    /// For each side but the base: what qualifies its rows.
    pub notes: Vec<Vec<Note>>,
    /// For each side but the base: the facts in which it differs from it.
    pub facts: Vec<Vec<FactDifference>>,
    /// Cases without any value, and why.
    pub unmeasured: BTreeMap<String, String>,
    /// For each side: most launches of a case, and boots where they are known.
    pub launches: Vec<(usize, Option<usize>)>,
}

/// One case and metric over all sides.
#[derive(Clone, Debug)]
pub struct Line {
    /// Benchmark and axis values.
    pub case: CaseId,
    /// Label that groups.
    pub kind: String,
    /// Unit, direction, role.
    pub metric: Metric,
    /// How the headline is read.
    pub estimator: Estimator,
    /// What it is called.
    pub name: String,
    /// Its axis values in words.
    pub detail: String,
    /// Base units in one shown unit, and that unit.
    pub shown: (f64, String),
    /// One per side.
    pub values: Vec<Option<Value>>,
    /// By base, then by side.
    pub cells: Vec<Vec<Cell>>,
    /// What a dot is.
    pub level: Level,
    /// Stands in the table itself, for the others of its curve.
    pub representative: bool,
    /// A cell of a matrix that is a picture: not in any table.
    pub pictured: bool,
    /// Has a row in a table. All have, unless there are very many.
    pub listed: bool,
}

/// How much of a group is shown, so that a page about many stays small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Most rows of its tables.
    pub rows: usize,
    /// Most rows of its forest.
    pub forest: usize,
    /// Most figures of a kind in a chapter.
    pub figures: usize,
}

impl Room {
    /// The room of one group among `groups`: a page of one stays below half a megabyte for usual
    /// runs, one of 50 below five.
    pub fn of(groups: usize) -> Self {
        match groups {
            0..=2 => Self { rows: 1000, forest: 40, figures: 6 },
            3..=8 => Self { rows: 240, forest: 24, figures: 4 },
            _ => Self { rows: (1200 / groups).max(8), forest: 6, figures: 1 },
        }
    }
}

/// What one side measured, in base units.
#[derive(Clone, Debug)]
pub struct Value {
    /// What verdicts are about.
    pub typical: f64,
    /// The number that the benchmark's convention prints.
    pub headline: f64,
    /// One number per launch or boot.
    pub units: Vec<f64>,
    /// 95% interval of the typical value.
    pub interval: Option<(f64, f64)>,
    /// Launches with a value.
    pub launches: usize,
    /// Values.
    pub samples: usize,
    /// Values marked as disturbed.
    pub disturbed: usize,
    /// Launches that failed.
    pub failed: usize,
}

/// One side of a line against a base.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// Nothing for the base itself.
    pub verdict: Option<Verdict>,
    /// Why it is unclear.
    pub why: Option<Why>,
    /// Side over base.
    pub ratio: Option<f64>,
    /// 95% interval of the ratio.
    pub interval: Option<(f64, f64)>,
    /// About how many units would settle it.
    pub need: Option<usize>,
    /// Units of the side that has fewer.
    pub least: usize,
    /// Its interval lies wholly beyond the margin and its own p value is small enough: the
    /// adjustment for this many differences makes it unclear.
    pub among: Option<usize>,
    /// Why there is nothing to compare.
    pub reason: Option<String>,
    /// Codes of what qualifies the verdict.
    pub warnings: Vec<String>,
}

impl Cell {
    /// The base against itself.
    pub const BASE: Self = Self {
        verdict: None,
        why: None,
        ratio: None,
        interval: None,
        need: None,
        least: 0,
        among: None,
        reason: None,
        warnings: Vec::new(),
    };

    /// `tests` is how many differences are judged together with the row.
    fn of(row: &Row, tests: usize) -> Self {
        let change = row.change.as_ref();
        let first = row.reasons.first().map(|reason| inert(&reason.text));
        Self {
            verdict: Some(row.verdict),
            why: row.why,
            ratio: change.map(|change| change.ratio).or(exact_ratio(row)),
            interval: change.and_then(|change| change.interval_95),
            need: change.and_then(|change| change.need_units),
            least: units(&row.base).min(units(&row.candidate)),
            among: is_real_alone(row).then_some(tests),
            reason: first,
            warnings: row.warnings.iter().map(|warning| warning.code.clone()).collect(),
        }
    }

    /// True for a difference of the margin or more.
    pub fn real(&self) -> bool {
        matches!(self.verdict, Some(Verdict::Improvement | Verdict::Regression))
    }
}

/// True where a difference is beyond the margin by its interval and by its own p value.
fn is_real_alone(row: &Row) -> bool {
    let Some(change) = &row.change else { return false };
    let Some((low, high)) = change.interval_95 else { return false };
    let tau = row.terms.tau();
    let beyond = low.ln() >= tau || high.ln() <= -tau;
    beyond && is_tested(row) && change.p.is_some_and(|p| p <= row.terms.alpha)
}

/// True where the verdict follows a p value that is adjusted for others of its role.
fn is_tested(row: &Row) -> bool {
    let adjusted = row.terms.fail_rule == FailRule::Significant;
    adjusted && row.change.as_ref().is_some_and(|change| change.p.is_some())
}

fn units(side: &Option<Measured>) -> usize {
    side.as_ref().map_or(0, |side| side.units_ln.len())
}

fn exact_ratio(row: &Row) -> Option<f64> {
    let ratio = row.candidate.as_ref()?.headline / row.base.as_ref()?.headline;
    (row.difference.is_some() && ratio.is_finite() && ratio > 0.0).then_some(ratio)
}

impl Line {
    /// `value` in the shown unit, without it.
    pub fn number(&self, value: f64) -> String {
        digits(value / self.shown.0)
    }

    /// `value` with its unit.
    pub fn with_unit(&self, value: f64) -> String {
        let number = self.number(value);
        if self.shown.1.is_empty() { number } else { format!("{number} {}", self.shown.1) }
    }

    /// How much better a ratio of side to base is: above one is better.
    pub fn gain(&self, ratio: f64) -> f64 {
        if self.metric.better == Better::Higher { ratio } else { 1.0 / ratio }
    }

    /// Decides about something: neither informative nor a control.
    pub fn gated(&self) -> bool {
        self.metric.role == Role::Gated
    }

    /// Worth a figure: all but what is only informative.
    pub fn drawn(&self) -> bool {
        self.metric.role != Role::Info
    }

    /// The last part of the benchmark's name.
    pub fn function(&self) -> &str {
        self.case.benchmark.rsplit("::").next().unwrap_or_default()
    }

    /// The cells of all sides but the base against the first side.
    pub fn changes(&self) -> impl Iterator<Item = (usize, &Cell)> {
        self.cells.first().into_iter().flatten().enumerate().skip(1)
    }

    /// Any real difference from the first side.
    pub fn moved(&self) -> bool {
        self.changes().any(|(_, cell)| cell.real())
    }
}

impl<'a> View<'a> {
    /// Compares every side of `group` with every other. `number` tells groups apart; `room` is what
    /// may be shown.
    pub fn new(group: &'a Group, number: usize, policy: &Policy, room: Room) -> Self {
        let names: Vec<String> = group.sides.iter().map(|side| inert(&side.name)).collect();
        let comparisons = comparisons(group, &names, policy);
        let mut lines = lines(&comparisons, names.len());
        lines.sort_by_key(words::order);
        words::tell_apart(&mut lines);
        let chosen = super::table::representatives(&lines);
        let pictured = super::matrices::pictured(&lines);
        for (index, line) in lines.iter_mut().enumerate() {
            line.representative = chosen[index];
            line.pictured = pictured[index];
        }
        list(&mut lines, room.rows);
        let first = &comparisons[0];
        let pairs = || first.pairs.iter().filter(|_| names.len() > 1);
        let of = |side: &crate::compare::SideSummary| (side.launches, side.boots);
        let mut launches = vec![of(&first.base)];
        launches.extend(pairs().map(|pair| of(&pair.candidate)));
        let notes = pairs().map(|pair| pair.notes.clone()).collect();
        let facts = pairs().map(|pair| pair.facts.clone()).collect();
        let unmeasured = pairs().flat_map(|pair| pair.unmeasured.clone()).collect();
        let (id, policy) = (format!("g{number}"), policy.clone());
        Self { id, group, room, policy, names, lines, notes, facts, unmeasured, launches }
    }

    /// Slot and name of each side from the `first` on, for figures that show them.
    pub fn key(&self, first: usize) -> Vec<(usize, String)> {
        self.names.iter().cloned().enumerate().skip(first).collect()
    }

    /// Several sides: there is something to compare.
    pub fn compared(&self) -> bool {
        self.names.len() > 1
    }

    /// The margin as it is written, such as `3%`.
    pub fn margin(&self) -> String {
        format!("{}%", crate::report::chart::line::short(100.0 * self.policy.margin))
    }

    /// Every run with its side's number.
    pub fn runs(&self) -> impl Iterator<Item = (usize, &ResultSet)> {
        let sides = self.group.sides.iter().enumerate();
        sides.flat_map(|(slot, side)| side.runs.iter().map(move |run| (slot, run)))
    }
}

/// Lists the `most` most telling lines: those that stand for others, then those that moved.
fn list(lines: &mut [Line], most: usize) {
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by_key(|index| {
        let line = &lines[*index];
        (line.pictured, !line.representative, !line.moved())
    });
    for index in order.into_iter().skip(most) {
        lines[index].listed = false;
    }
}

/// Each side in turn as the base of all others.
fn comparisons(group: &Group, names: &[String], policy: &Policy) -> Vec<Comparison> {
    let sides = group.sides.iter().zip(names).take(SLOTS);
    let sides: Vec<crate::compare::Side<'_>> =
        sides.map(|(side, name)| crate::compare::Side { name, runs: &side.runs }).collect();
    compare_each(&sides, policy)
}

type Key<'c> = (&'c CaseId, &'c str);

fn lines(comparisons: &[Comparison], sides: usize) -> Vec<Line> {
    let keyed = |pair: &'_ crate::compare::Pair| -> BTreeMap<(CaseId, String), usize> {
        let key = |row: &Row| (row.case.clone(), row.metric.name.clone());
        pair.rows.iter().enumerate().map(|(index, row)| (key(row), index)).collect()
    };
    let indexed: Vec<Vec<BTreeMap<(CaseId, String), usize>>> =
        comparisons.iter().map(|comparison| comparison.pairs.iter().map(keyed).collect()).collect();
    let all: BTreeSet<Key<'_>> = comparisons
        .iter()
        .flat_map(|comparison| &comparison.pairs)
        .flat_map(|pair| &pair.rows)
        .map(|row| (&row.case, row.metric.name.as_str()))
        .collect();
    let families: Vec<BTreeMap<u8, usize>> = comparisons.iter().map(families).collect();
    let tests = |base: usize, row: &Row| {
        let of = families.get(base).and_then(|roles| roles.get(&(row.metric.role as u8)));
        of.copied().unwrap_or_default()
    };
    let found = all.into_iter().filter_map(|(case, metric)| {
        let key = (case.clone(), metric.to_owned());
        let row = |base: usize, side: usize| -> Option<&Row> {
            // The base is not among its own candidates.
            let place = if side > base { side - 1 } else { side };
            let index = indexed.get(base)?.get(place)?.get(&key)?;
            comparisons.get(base)?.pairs.get(place)?.rows.get(*index)
        };
        line(sides, &row, &tests)
    });
    found.collect()
}

/// For each role how many differences of a comparison are tested together.
fn families(comparison: &Comparison) -> BTreeMap<u8, usize> {
    let mut families = BTreeMap::new();
    for row in comparison.pairs.iter().flat_map(|pair| &pair.rows).filter(|row| is_tested(row)) {
        *families.entry(row.metric.role as u8).or_default() += 1;
    }
    families
}

fn line<'c>(
    sides: usize,
    row: &dyn Fn(usize, usize) -> Option<&'c Row>,
    tests: &dyn Fn(usize, &Row) -> usize,
) -> Option<Line> {
    let others = |base: usize| (0..sides.max(2)).filter(move |side| *side != base);
    let any = (0..sides).find_map(|base| others(base).find_map(|side| row(base, side)))?;
    let measured = |side: usize| {
        let as_base = others(side).find_map(|other| row(side, other)?.base.as_ref());
        as_base.or_else(|| others(side).find_map(|base| row(base, side)?.candidate.as_ref()))
    };
    let values: Vec<Option<Value>> =
        (0..sides).map(|side| measured(side).and_then(Value::of)).collect();
    // Why the base itself has no value, each of its rows says.
    let lost = |base: usize| {
        let reasons = others(base).filter_map(|side| row(base, side)).flat_map(|row| &row.reasons);
        let mut own = reasons.filter(|reason| reason.code == "base:missing");
        own.next().map(|reason| inert(&reason.text))
    };
    let cell = |base: usize, side: usize| match row(base, side) {
        _ if base == side && values[side].is_some() => Cell::BASE,
        _ if base == side => Cell { reason: lost(base), ..Cell::BASE },
        Some(row) => Cell::of(row, tests(base, row)),
        None => Cell {
            verdict: Some(Verdict::Incomparable),
            reason: Some("no value on either side".to_owned()),
            ..Cell::BASE
        },
    };
    let first = values.iter().flatten().next().map(|value| value.typical).unwrap_or_default();
    let shown = words::prefixed(first, &any.metric.unit);
    let mut cells: Vec<Vec<Cell>> =
        (0..sides).map(|base| (0..sides).map(|side| cell(base, side)).collect()).collect();
    agree(&mut cells);
    Some(Line {
        name: inert(&words::name(&any.case, &any.metric.name)),
        detail: inert(&words::detail(&any.case)),
        case: any.case.clone(),
        kind: inert(&any.kind),
        metric: any.metric.clone(),
        estimator: any.estimator,
        shown,
        values,
        cells,
        level: any.level.unwrap_or(Level::Launch),
        representative: false,
        pictured: false,
        listed: true,
    })
}

/// Makes both directions of every pair say the same. Each base has its own family of tests, so that
/// a pair near the limit can be decided against one base and not against the other: a page that can
/// change its base calls such a pair unclear.
fn agree(cells: &mut [Vec<Cell>]) {
    let pairs = (0..cells.len()).flat_map(|base| (0..base).map(move |side| (base, side)));
    for (base, side) in pairs {
        let (there, back) = (cells[base][side].clone(), cells[side][base].clone());
        let Some((a, b)) = there.verdict.zip(back.verdict) else { continue };
        if a != mirrored(b) && a != Verdict::Incomparable && b != Verdict::Incomparable {
            let unclear = |cell: &Cell, other: &Cell| Cell {
                verdict: Some(Verdict::Inconclusive),
                why: cell.why.or(other.why),
                need: cell.need.or(other.need),
                among: cell.among.or(other.among),
                ..cell.clone()
            };
            cells[base][side] = unclear(&there, &back);
            cells[side][base] = unclear(&back, &there);
        }
    }
}

/// The verdict with base and side exchanged.
fn mirrored(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Improvement => Verdict::Regression,
        Verdict::Regression => Verdict::Improvement,
        other => other,
    }
}

impl Value {
    /// Nothing where the typical value is unknown and the headline is no number.
    fn of(measured: &Measured) -> Option<Self> {
        let units: Vec<f64> = measured.units_ln.iter().map(|unit| unit.exp()).collect();
        let typical = measured.typical.unwrap_or(measured.headline);
        typical.is_finite().then(|| Self {
            typical,
            headline: measured.headline,
            interval: interval(&measured.units_ln),
            units: if units.is_empty() { vec![typical] } else { units },
            launches: measured.launches,
            samples: measured.samples,
            disturbed: measured.disturbed,
            failed: measured.failed,
        })
    }
}

/// 95% interval of e to the mean of `logs` by Student's t.
fn interval(logs: &[f64]) -> Option<(f64, f64)> {
    let count = logs.len() as f64;
    let half = t_quantile(0.975, count - 1.0)? * sd(logs)? / count.sqrt();
    let center = mean(logs);
    half.is_finite().then(|| ((center - half).exp(), (center + half).exp()))
}

#[cfg(test)]
mod tests;
