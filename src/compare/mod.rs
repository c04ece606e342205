//! Is the difference real? Configurations against a base: rows, verdicts, groups, facts that differ.
//!
//! A row is a case, a metric and a pair of sides. Units are boots when both sides have two of them,
//! else launches; repeats are never units. Everything here is a pure function of stored runs and a
//! policy, without random numbers: equal input gives equal output, byte for byte.

mod advice;
mod calibration;
mod claims;
mod effects;
mod facts;
mod floors;
mod gather;
mod group;
mod note;
mod obstacles;
mod order;
mod pair;
mod partners;
mod policy;
mod row;
mod single;
#[cfg(test)]
mod tests;
mod units;
mod verdict;
mod warnings;

pub use self::advice::{Advice, Boots, Design, Wanted, advise};
pub use self::calibration::Collected;
pub use self::claims::{Check, Claim, Computed, How, Standing, claims, read_checks};
pub use self::effects::{Effect, Effects, MetricEffects, effects};
pub use self::facts::{FactDifference, matches};
pub use self::floors::{
    Batch, FloorsError, LEAST_DF, NoiseFloor, Source, Spread, Subject, read_floors, write_floors,
};
pub use self::group::Group;
pub use self::note::Note;
pub use self::pair::{Pair, SideSummary};
pub use self::partners::{Partners, partners};
pub use self::policy::{
    Correction, Exception, FailRule, FloorKey, Pattern, Policy, Statistic, Terms,
};
pub use self::row::{BestOf, Change, Measured, PairPlan, Row};
pub use self::single::{Single, SingleRow, single};
pub use self::units::Level;
pub use self::verdict::{Verdict, Why};

use self::gather::Gathered;
use crate::stats::{Planner, benjamini_hochberg, holm};
use rayon::prelude::*;
use serde::Serialize;
use vbench_results::{ResultSet, Role};

/// One configuration: its name, and the runs that are pooled as launches of it.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// How it is called.
    pub name: &'a str,
    /// Its runs.
    pub runs: &'a [ResultSet],
}

/// Every candidate against the base.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// What the verdicts follow.
    pub policy: Policy,
    /// The side that others are compared with.
    pub base: SideSummary,
    /// One entry per candidate, in the order given.
    pub pairs: Vec<Pair>,
}

/// Compares each candidate with the base. All gated rows of all pairs are one family of tests;
/// controls are a family of their own, and so are the metrics that are only informative.
pub fn compare(base: &Side<'_>, candidates: &[Side<'_>], policy: &Policy) -> Comparison {
    let planner = Planner::new(policy.alpha, policy.power);
    let base = Gathered::new(base);
    let pair = |candidate| Pair::new(&base, &Gathered::new(candidate), policy, &planner);
    concluded(&base, candidates.iter().map(pair).collect(), policy)
}

/// Each side in turn as the base of all others; a side alone against itself, for its numbers only.
pub fn compare_each(sides: &[Side<'_>], policy: &Policy) -> Vec<Comparison> {
    let planner = Planner::new(policy.alpha, policy.power);
    let gathered: Vec<Gathered<'_>> = sides.par_iter().map(Gathered::new).collect();
    let against = |base: usize| {
        let others = (0..sides.len()).filter(|other| *other != base || sides.len() == 1);
        let pair = |other: usize| Pair::new(&gathered[base], &gathered[other], policy, &planner);
        concluded(&gathered[base], others.map(pair).collect(), policy)
    };
    (0..sides.len()).into_par_iter().map(against).collect()
}

/// The verdicts of pairs, of which all rows are one family of tests per role.
fn concluded(base: &Gathered<'_>, mut pairs: Vec<Pair>, policy: &Policy) -> Comparison {
    for role in [Role::Gated, Role::Control, Role::Info] {
        let rows = pairs.iter_mut().flat_map(|pair| &mut pair.rows);
        adjust(rows.filter(|row| row.metric.role == role).collect(), policy);
    }
    for pair in &mut pairs {
        pair.conclude();
    }
    Comparison { policy: policy.clone(), base: base.summary.clone(), pairs }
}

/// Adjusts the p values of a family and gives each of its rows a verdict. Rows that are judged by
/// their interval alone are no tests of the family.
fn adjust(rows: Vec<&mut Row>, policy: &Policy) {
    let alone = |row: &&mut Row| row.terms.fail_rule == FailRule::BeyondMargin;
    let (alone, mut family): (Vec<&mut Row>, Vec<&mut Row>) = rows.into_iter().partition(alone);
    for row in alone {
        row.q = row.change.as_ref().and_then(|change| change.p);
        row.judge();
    }
    let p: Vec<f64> = family.iter().filter_map(|row| row.change.as_ref()?.p).collect();
    let adjusted = match policy.correction {
        Correction::Bh => benjamini_hochberg(&p),
        Correction::Holm => holm(&p),
        Correction::None => p,
    };
    let mut adjusted = adjusted.into_iter();
    for row in &mut family {
        let tested = row.change.as_ref().is_some_and(|change| change.p.is_some());
        row.q = if tested { adjusted.next() } else { None };
        row.judge();
    }
}
