//! The geometric mean over the metrics of a kind, built per unit.

use super::policy::Policy;
use super::row::{Analysed, Change};
use super::units::{Key, Level, runs};
use super::verdict::{Verdict, Why, judge};
use crate::stats::{Runs, Shift, mean};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use vbench_results::{Better, Role};

/// The geometric mean of a kind's gated metrics.
///
/// Composites are averaged over the metrics within each launch or boot and then tested like a row:
/// metrics of one launch share its noise, so their errors must not be combined as if independent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// The kind.
    pub kind: String,
    /// Metrics in the mean: those with a value in every unit of both sides.
    pub metrics: usize,
    /// Gated metrics of the kind that are not in it.
    pub left_out: usize,
    /// Direction of the mean. Where metrics disagree, all are turned into rates: higher.
    pub better: Better,
    /// Whether metrics disagree, and so times stand in the mean as their reciprocals.
    pub as_rates: bool,
    /// What the units are.
    pub level: Level,
    /// Change of the mean.
    pub change: Change,
    /// The verdict, without adjustment; never gated.
    pub verdict: Verdict,
    /// Why it is inconclusive.
    pub why: Option<Why>,
}

/// The group of every kind with at least two metrics.
pub fn groups(rows: &[Analysed<'_>], policy: &Policy) -> Vec<Group> {
    let mut kinds: BTreeMap<&str, Vec<&Analysed<'_>>> = BTreeMap::new();
    for analysed in rows.iter().filter(|analysed| analysed.row.metric.role == Role::Gated) {
        kinds.entry(&analysed.row.kind).or_default().push(analysed);
    }
    kinds.into_iter().filter_map(|(kind, rows)| group(kind, &rows, policy)).collect()
}

fn group(kind: &str, rows: &[&Analysed<'_>], policy: &Policy) -> Option<Group> {
    let level = rows.iter().find_map(|analysed| analysed.row.level)?;
    let everywhere = complete(rows, level);
    let first = everywhere.first()?.row.metric.better;
    let agree = everywhere.iter().all(|analysed| analysed.row.metric.better == first);
    let better = if agree { first } else { Better::Higher };
    if everywhere.len() < 2 {
        return None;
    }
    let [before, after] = [0, 1].map(|side| composites(&everywhere, side, better));
    let partners = policy.paired && keys(everywhere[0], 0) == keys(everywhere[0], 1);
    let shift = partners.then(|| Shift::paired(&before, &after, 0.0, None)).flatten();
    let shift = shift.unwrap_or_else(|| match everywhere.iter().any(|row| row.in_blocks) {
        true => {
            let of = |side: usize, values: &[f64]| runs(keys(everywhere[0], side), values);
            let (base, candidate) = (of(0, &before), of(1, &after));
            let runs = Runs { base, candidate, floor: None, drift: policy.drift };
            Shift::in_blocks(&before, &after, 0.0, None, &runs)
        }
        false => Shift::unpaired(&before, &after, 0.0, None),
    });
    let terms = policy.terms();
    let change = Change::of(&shift, &terms);
    let (verdict, why) = judge(&change, change.p, better, &terms);
    let (metrics, left_out) = (everywhere.len(), rows.len() - everywhere.len());
    let (kind, as_rates) = (kind.to_owned(), !agree);
    Some(Group { kind, metrics, left_out, better, as_rates, level, change, verdict, why })
}

/// The rows that have a value in every unit that any of them has.
fn complete<'r, 'a>(rows: &[&'r Analysed<'a>], level: Level) -> Vec<&'r Analysed<'a>> {
    let candidates = || rows.iter().filter(|analysed| analysed.row.level == Some(level));
    let all = |side: usize| -> BTreeSet<Key<'a>> {
        candidates().flat_map(|analysed| keys(analysed, side).iter().copied()).collect()
    };
    let (before, after) = (all(0), all(1));
    candidates()
        .filter(|a| keys(a, 0).len() == before.len() && keys(a, 1).len() == after.len())
        .copied()
        .collect()
}

fn keys<'r, 'a>(analysed: &'r Analysed<'a>, side: usize) -> &'r [Key<'a>] {
    analysed.units.as_ref().map_or(&[], |units| units[side].keys.as_slice())
}

/// Mean over the metrics of each unit, every metric turned into the direction `better`.
fn composites(rows: &[&Analysed<'_>], side: usize, better: Better) -> Vec<f64> {
    let units = keys(rows[0], side).len();
    let of_unit = |unit: usize| {
        let values = rows.iter().filter_map(|analysed| {
            let value = *analysed.units.as_ref()?[side].values.get(unit)?;
            Some(if analysed.row.metric.better == better { value } else { -value })
        });
        mean(&values.collect::<Vec<f64>>())
    };
    (0..units).map(of_unit).collect()
}
