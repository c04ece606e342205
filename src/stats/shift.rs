//! The cautious t: how far two sets of units lie apart, by the most careful of several tests.
//!
//! Units are ln values, one per launch or boot. Each member of the test can only widen the answer,
//! so the 95% interval excludes zero exactly when p is below 0.05.

use super::distribution::{t_quantile, t_tail};
use super::moments::{mean, squares};
use super::runs::Runs;
use serde::Serialize;

/// What a calibration without any change found: the spread of units.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Floor {
    /// Standard deviation of the units, in ln.
    pub sd: f64,
    /// Its degrees of freedom.
    pub df: f64,
}

/// A member of the cautious t.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// Unequal variances, degrees of freedom by Satterthwaite (Welch 1947).
    Welch,
    /// One variance for both sides; with a single unit a side it is the prediction interval.
    Pooled,
    /// Differences of partners.
    Paired,
    /// The calibrated spread.
    Floor,
    /// The spread of runs, calibrated or that of the runs at hand: see [`Runs`].
    Runs,
    /// The spread of runs that is assumed where none is known: see [`Runs`].
    Drift,
}

impl Test {
    /// Whether it widens the answer because launches of the two sides did not take turns.
    pub fn is_of_order(self) -> bool {
        matches!(self, Self::Runs | Self::Drift)
    }
}

/// What one member says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Member {
    /// Which.
    pub test: Test,
    /// Standard error of the difference.
    pub se: f64,
    /// Degrees of freedom; absent where they are not defined.
    pub df: Option<f64>,
    /// Two-sided p value; absent where a difference stands against no spread at all.
    pub p: Option<f64>,
    /// Half of the 95% interval.
    pub half_95: f64,
    /// Half of the 90% interval.
    pub half_90: f64,
}

/// A difference between two sets of units.
#[derive(Clone, Debug, PartialEq)]
pub struct Shift {
    /// Mean of the candidate's units less mean of the base's.
    pub estimate: f64,
    /// Every test that the data allow; none for one unit against one without a floor.
    pub members: Vec<Member>,
}

impl Shift {
    /// Independent units. `quantum` is the smallest step of the values as a share of their size:
    /// its rounding error is the least variance a side can have.
    pub fn unpaired(base: &[f64], candidate: &[f64], quantum: f64, floor: Option<Floor>) -> Self {
        let estimate = mean(candidate) - mean(base);
        let sides = [Side::new(base, quantum), Side::new(candidate, quantum)];
        let members = [welch(&sides), pooled(&sides), calibrated(&sides, floor)];
        Self::of(estimate, members)
    }

    /// Independent launches of runs that did not take turns: an hour of the host is part of a side.
    pub fn in_blocks(
        base: &[f64],
        candidate: &[f64],
        quantum: f64,
        floor: Option<Floor>,
        runs: &Runs,
    ) -> Self {
        let mut shift = Self::unpaired(base, candidate, quantum, floor);
        let sides = [Side::new(base, quantum), Side::new(candidate, quantum)];
        let members = runs.members(&sides, quantum, floor).into_iter();
        let estimate = shift.estimate;
        shift.members.extend(members.map(|(test, se, df)| Member::new(test, estimate, se, df)));
        shift
    }

    /// Units with a partner each, in the same order; `None` when they are not equally many, or
    /// fewer than two.
    pub fn paired(
        base: &[f64],
        candidate: &[f64],
        quantum: f64,
        floor: Option<Floor>,
    ) -> Option<Self> {
        if base.len() != candidate.len() || base.len() < 2 {
            return None;
        }
        let differences: Vec<f64> = candidate.iter().zip(base).map(|(c, b)| c - b).collect();
        let n = differences.len() as f64;
        let variance = (squares(&differences) / (n - 1.0)).max(2.0 * rounding_variance(quantum));
        let paired = Some((Test::Paired, (variance / n).sqrt(), n - 1.0));
        let sides = [Side::new(base, quantum), Side::new(candidate, quantum)];
        let estimate = mean(candidate) - mean(base);
        Some(Self::of(estimate, [paired, calibrated(&sides, floor), None]))
    }

    fn of(estimate: f64, members: [Option<(Test, f64, f64)>; 3]) -> Self {
        let members = members.into_iter().flatten();
        let members = members.map(|(test, se, df)| Member::new(test, estimate, se, df)).collect();
        Self { estimate, members }
    }

    /// The largest p value; `None` without members, or where one has none.
    pub fn p(&self) -> Option<f64> {
        let all: Option<Vec<f64>> = self.members.iter().map(|member| member.p).collect();
        all?.into_iter().reduce(f64::max)
    }

    /// Half of the widest 95% interval.
    pub fn half_95(&self) -> Option<f64> {
        self.members.iter().map(|member| member.half_95).reduce(f64::max)
    }

    /// Half of the widest 90% interval.
    pub fn half_90(&self) -> Option<f64> {
        self.members.iter().map(|member| member.half_90).reduce(f64::max)
    }

    /// p value of two one-sided tests (Schuirmann 1987) against a difference of `tau` or more.
    pub fn p_equivalence(&self, tau: f64) -> Option<f64> {
        let nearest = tau - self.estimate.abs();
        let tails = self.members.iter().map(|member| member.p_equivalence(nearest));
        tails.collect::<Option<Vec<f64>>>()?.into_iter().reduce(f64::max)
    }
}

impl Member {
    fn new(test: Test, estimate: f64, se: f64, df: f64) -> Self {
        let quantiles = t_quantile(0.975, df).zip(t_quantile(0.95, df)).filter(|_| se > 0.0);
        let p = match quantiles {
            Some(_) => t_tail((estimate / se).abs(), df).map(|tail| 2.0 * tail),
            None => (estimate == 0.0).then_some(1.0),
        };
        let (t_95, t_90) = quantiles.unwrap_or_default();
        let df = df.is_finite().then_some(df);
        Self { test, se, df, p, half_95: t_95 * se, half_90: t_90 * se }
    }

    fn p_equivalence(&self, nearest: f64) -> Option<f64> {
        if self.se > 0.0 { t_tail(nearest / self.se, self.df?) } else { None }
    }
}

/// Number of units and variance of one side.
#[derive(Clone, Copy)]
pub(super) struct Side {
    pub n: f64,
    /// Variance of the side's mean as a share of that of a unit: 1/n for independent units.
    pub of_mean: f64,
    /// Absent for a single unit.
    pub variance: Option<f64>,
}

impl Side {
    pub fn new(units: &[f64], quantum: f64) -> Self {
        let n = units.len() as f64;
        let variance = (squares(units) / (n - 1.0)).max(rounding_variance(quantum));
        Self { n, of_mean: 1.0 / n, variance: (units.len() > 1).then_some(variance) }
    }

    fn squares(&self) -> f64 {
        self.variance.map_or(0.0, |variance| variance * (self.n - 1.0))
    }
}

/// Variance of rounding to a step: uniform over its width (Sheppard 1898).
fn rounding_variance(quantum: f64) -> f64 {
    quantum * quantum / 12.0
}

pub(super) fn welch([base, candidate]: &[Side; 2]) -> Option<(Test, f64, f64)> {
    let (a, b) = (base.variance? * base.of_mean, candidate.variance? * candidate.of_mean);
    // Shares of the sum keep the squares of tiny variances from vanishing.
    let (share_a, share_b) = (a / (a + b), b / (a + b));
    let df = 1.0 / (share_a * share_a / (base.n - 1.0) + share_b * share_b / (candidate.n - 1.0));
    Some((Test::Welch, (a + b).sqrt(), df))
}

pub(super) fn pooled([base, candidate]: &[Side; 2]) -> Option<(Test, f64, f64)> {
    let df = base.n + candidate.n - 2.0;
    if df < 1.0 {
        return None;
    }
    let variance = (base.squares() + candidate.squares()) / df;
    Some((Test::Pooled, (variance * (base.of_mean + candidate.of_mean)).sqrt(), df))
}

pub(super) fn calibrated(
    [base, candidate]: &[Side; 2],
    floor: Option<Floor>,
) -> Option<(Test, f64, f64)> {
    let floor = floor?;
    Some((Test::Floor, floor.sd * (base.of_mean + candidate.of_mean).sqrt(), floor.df))
}

#[cfg(test)]
mod tests {
    use super::{Floor, Shift, Test};
    use proptest::prelude::*;

    fn tests(shift: &Shift) -> Vec<Test> {
        shift.members.iter().map(|member| member.test).collect()
    }

    #[test]
    fn the_data_decide_which_tests_are_possible() {
        let floor = Some(Floor { sd: 0.02, df: 9.0 });
        let members = |n: usize, m: usize, floor| {
            tests(&Shift::unpaired(&vec![0.0; n], &vec![0.1; m], 0.01, floor))
        };
        assert_eq!(members(3, 3, None), [Test::Welch, Test::Pooled]);
        assert_eq!(members(8, 1, None), [Test::Pooled]);
        assert_eq!(members(1, 1, None), []);
        assert_eq!(members(1, 1, floor), [Test::Floor]);
        assert_eq!(members(3, 2, floor), [Test::Welch, Test::Pooled, Test::Floor]);
    }

    #[test]
    fn no_spread_and_a_difference_is_no_evidence() {
        let shift = Shift::unpaired(&[0.1; 3], &[0.3; 3], 0.0, None);
        assert_eq!((shift.p(), shift.p_equivalence(0.03)), (None, None));
        assert_eq!(Shift::unpaired(&[0.1; 3], &[0.1; 3], 0.0, None).p(), Some(1.0));
        assert!(Shift::unpaired(&[0.1; 3], &[0.3; 3], 0.01, None).p().unwrap() < 1e-3);
    }

    #[test]
    fn a_useless_floor_gives_no_verdict_rather_than_a_lucky_one() {
        for floor in [Floor { sd: 0.0, df: 9.0 }, Floor { sd: 0.01, df: 0.0 }] {
            let shift = Shift::unpaired(&[0.0, 0.001], &[0.5, 0.501], 0.0, Some(floor));
            assert_eq!(shift.p(), None, "{floor:?}");
        }
    }

    #[test]
    fn pairs_share_their_drift() {
        let base = [0.0, 0.5, 1.0, 1.5];
        let candidate = [0.101, 0.599, 1.1, 1.602];
        let paired = Shift::paired(&base, &candidate, 0.0, None).unwrap();
        assert_eq!(tests(&paired), [Test::Paired]);
        assert!(paired.p().unwrap() < 1e-4);
        assert!(Shift::unpaired(&base, &candidate, 0.0, None).p().unwrap() > 0.5);
        assert_eq!(Shift::paired(&base, &candidate[..3], 0.0, None), None);
    }

    proptest! {
        #[test]
        fn swapping_sides_negates_and_the_interval_agrees_with_p(
            base in prop::collection::vec(-1.0..1.0_f64, 1..8),
            candidate in prop::collection::vec(-1.0..1.0_f64, 2..8),
        ) {
            let there = Shift::unpaired(&base, &candidate, 0.0, None);
            let back = Shift::unpaired(&candidate, &base, 0.0, None);
            prop_assert_eq!(there.estimate, -back.estimate);
            prop_assert_eq!((there.p(), there.half_95()), (back.p(), back.half_95()));
            let excludes_zero = there.estimate.abs() > there.half_95().unwrap();
            prop_assert_eq!(excludes_zero, there.p().unwrap() < 0.05);
        }
    }
}
