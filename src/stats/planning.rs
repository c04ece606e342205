//! How many units decide, and the smallest change that so many can show.

use super::components::Components;
use super::distribution::t_quantile;
use super::moments::squares;
use super::shift::Floor;
use std::sync::OnceLock;

/// Most units a side that are ever advised.
const MOST_UNITS: usize = 1000;

/// Answers for one significance level and power; quantiles are looked up once.
#[derive(Clone, Debug)]
pub struct Planner {
    alpha: f64,
    power: f64,
    /// Smallest detectable change with K = 2, 3, ... units a side, in standard deviations.
    factors: Vec<OnceLock<Option<f64>>>,
}

impl Planner {
    /// Plans two-sided tests at `alpha` that find a change with probability `power`.
    pub fn new(alpha: f64, power: f64) -> Self {
        Self { alpha, power, factors: vec![OnceLock::new(); MOST_UNITS - 1] }
    }

    /// Sum of the quantiles of significance and power.
    fn reach(&self, df: f64) -> Option<f64> {
        Some(t_quantile(1.0 - self.alpha / 2.0, df)? + t_quantile(self.power, df)?)
    }

    /// Smallest detectable change with `units` a side, in standard deviations.
    fn factor(&self, units: usize) -> Option<f64> {
        let cell = self.factors.get(units.checked_sub(2)?)?;
        *cell.get_or_init(|| {
            Some(self.reach(2.0 * units as f64 - 2.0)? * (2.0 / units as f64).sqrt())
        })
    }

    /// Smallest difference in ln that `n` against `m` units of spread `sd` show.
    pub fn detectable(&self, sd: f64, n: usize, m: usize) -> Option<f64> {
        if n == m && n <= MOST_UNITS {
            return Some(self.factor(n)? * sd);
        }
        let enough = n > 0 && m > 0 && n + m > 2;
        let df = (n + m).checked_sub(2).filter(|_| enough)?;
        Some(self.reach(df as f64)? * sd * share(n, m))
    }

    /// Smallest difference in ln that `n` against `m` units show where a calibrated spread is one of
    /// the tests: units must pass their own test and that of the floor.
    pub fn detectable_above(&self, floor: Floor, n: usize, m: usize) -> Option<f64> {
        let by_floor = self.reach(floor.df)? * floor.sd * share(n, m);
        let by_units = self.detectable(floor.sd, n, m);
        (n > 0 && m > 0).then(|| by_units.map_or(by_floor, |by_units| by_units.max(by_floor)))
    }

    /// Half of the interval that `units` a side of spread `sd` are expected to give, in ln.
    pub fn half_width(&self, sd: f64, units: usize) -> Option<f64> {
        let df = (2 * units).checked_sub(2).filter(|df| *df > 0)?;
        Some(t_quantile(1.0 - self.alpha / 2.0, df as f64)? * sd * share(units, units))
    }

    /// Fewest units a side that show a difference of `tau` in ln; `None` above a thousand. About
    /// right: from a pilot of five launches the real power is near 77% for a wanted 80%.
    pub fn units(&self, sd: f64, tau: f64) -> Option<usize> {
        let shows = |units| Some(self.factor(units)? * sd <= tau);
        if !shows(MOST_UNITS)? {
            return None;
        }
        // More units show less: halve the span between too few and enough.
        let (mut few, mut enough) = (1, MOST_UNITS);
        while enough - few > 1 {
            let middle = few.midpoint(enough);
            if shows(middle)? { enough = middle } else { few = middle }
        }
        Some(enough)
    }
}

/// Standard error of a difference of means, in standard deviations.
fn share(n: usize, m: usize) -> f64 {
    (1.0 / n as f64 + 1.0 / m as f64).sqrt()
}

/// Repeats a launch that give the narrowest interval for a given time: the root of the ratio of
/// costs times the ratio of variances (Kalibera and Jones, Rigorous Benchmarking in Reasonable Time,
/// 2013, section 5). Costs are what a launch takes beside its repeats and what each repeat takes, in
/// one unit. `None` where launches do not differ beyond their repeats, or a cost is not positive.
pub fn best_repeats(cost_launch: f64, cost_repeat: f64, components: &Components) -> Option<f64> {
    let (within, launch) = (components.sd_within?, components.sd_launch?);
    let usable = cost_launch > 0.0 && cost_repeat > 0.0 && launch > 0.0;
    usable.then(|| (cost_launch / cost_repeat).sqrt() * within / launch)
}

impl Planner {
    /// Smallest difference in ln that so many pairs show, whose differences have spread `sd`.
    pub fn detectable_pairs(&self, sd: f64, pairs: usize) -> Option<f64> {
        let freedom = pairs.checked_sub(1).filter(|freedom| *freedom > 0)?;
        Some(self.reach(freedom as f64)? * sd / (pairs as f64).sqrt())
    }

    /// Fewest pairs that show a difference of `tau` in ln; `None` above a thousand.
    pub fn pairs(&self, sd: f64, tau: f64) -> Option<usize> {
        let shows = |pairs: usize| self.detectable_pairs(sd, pairs).is_some_and(|d| d <= tau);
        let enough = shows(MOST_UNITS).then_some(MOST_UNITS)?;
        let counts: Vec<usize> = (2..=enough).collect();
        counts.get(counts.partition_point(|pairs| !shows(*pairs))).copied()
    }
}

/// One standard deviation for both sides; `None` when neither has two units.
pub fn pooled_sd(base: &[f64], candidate: &[f64]) -> Option<f64> {
    let sides = [base, candidate].into_iter().filter(|units| units.len() > 1);
    let (sum, freedom) =
        sides.fold((0.0, 0), |(sum, df), units| (sum + squares(units), df + units.len() - 1));
    (freedom > 0).then(|| (sum / freedom as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::{Planner, best_repeats, pooled_sd};
    use crate::stats::{Components, Floor};

    #[test]
    fn the_factors_of_the_plan() {
        // Two-sided 5%, power 80%: 3.04, 2.02, 1.33, 0.91 standard deviations at 3, 5, 10, 20.
        let planner = Planner::new(0.05, 0.8);
        for (units, factor) in [(3, 3.04), (5, 2.02), (10, 1.33), (20, 0.91)] {
            let found = planner.detectable(1.0, units, units).unwrap();
            assert!((found - factor).abs() < 0.006, "{units}: {found}");
        }
        assert!(planner.detectable(1.0, 10, 3) > planner.detectable(1.0, 10, 10));
        assert_eq!(planner.detectable(1.0, 1, 1), None);
    }

    #[test]
    fn the_plan_reaches_its_margin_and_gives_up_at_a_thousand() {
        let planner = Planner::new(0.05, 0.8);
        let units = planner.units(0.02, 0.03).unwrap();
        assert!(planner.detectable(0.02, units, units).unwrap() <= 0.03);
        assert!(planner.detectable(0.02, units - 1, units - 1).unwrap() > 0.03);
        assert_eq!(planner.units(0.0, 0.03), Some(2));
        assert_eq!(planner.units(10.0, 0.001), None);
        assert_eq!(Planner::new(0.0, 2.0).units(0.02, 0.03), None);
    }

    #[test]
    fn a_floor_asks_for_more_than_the_units_alone() {
        let planner = Planner::new(0.05, 0.8);
        let floor = Floor { sd: 0.02, df: 9.0 };
        // t(.975, 9) = 2.2622, t(.8, 9) = 0.8834 (any table), at one unit a side times root 2.
        let one = planner.detectable_above(floor, 1, 1).unwrap();
        assert!((one - 3.1456 * 0.02 * 2.0_f64.sqrt()).abs() < 1e-5, "{one}");
        // Ten a side have 18 degrees of freedom of their own, more than the floor; three have 4.
        assert!(planner.detectable_above(floor, 10, 10) > planner.detectable(0.02, 10, 10));
        assert_eq!(planner.detectable_above(floor, 3, 3), planner.detectable(0.02, 3, 3));
        assert_eq!(planner.detectable_above(floor, 0, 3), None);
    }

    #[test]
    fn dear_launches_and_noisy_repeats_ask_for_more_repeats() {
        let components = |sd_within, sd_launch| Components {
            launches: 5,
            sd_within: Some(sd_within),
            sd_launch: Some(sd_launch),
            icc: None,
        };
        // Half of the variance between launches that cost ten repeats: about three.
        let repeats = best_repeats(10.0, 1.0, &components(0.01, 0.01)).unwrap();
        assert!((repeats - 10.0_f64.sqrt()).abs() < 1e-12, "{repeats}");
        assert_eq!(best_repeats(1.0, 1.0, &components(0.02, 0.01)), Some(2.0));
        assert_eq!(best_repeats(1.0, 1.0, &components(0.02, 0.0)), None);
        assert_eq!(best_repeats(1.0, 0.0, &components(0.02, 0.01)), None);
    }

    #[test]
    fn the_interval_shrinks_with_the_units() {
        let planner = Planner::new(0.05, 0.8);
        // t(.975, 8) = 2.3060, times 0.02 times the root of 2/5.
        let half = planner.half_width(0.02, 5).unwrap();
        assert!((half - 2.3060 * 0.02 * 0.4_f64.sqrt()).abs() < 1e-5, "{half}");
        assert_eq!(planner.half_width(0.02, 1), None);
    }

    #[test]
    fn pairs_are_planned_by_the_spread_of_their_differences() {
        // t(.975, 9) + t(.8, 9) = 2.262 + 0.883, over the square root of 10.
        let planner = Planner::new(0.05, 0.8);
        assert!((planner.detectable_pairs(1.0, 10).unwrap() - 0.9947).abs() < 0.001);
        let pairs = planner.pairs(0.02, 0.03).unwrap();
        assert!(planner.detectable_pairs(0.02, pairs).unwrap() <= 0.03);
        assert!(planner.detectable_pairs(0.02, pairs - 1).unwrap() > 0.03);
        assert_eq!((planner.pairs(0.0, 0.03), planner.pairs(10.0, 0.001)), (Some(2), None));
        assert_eq!(planner.detectable_pairs(1.0, 1), None);
    }

    #[test]
    fn single_units_have_no_spread() {
        assert_eq!(pooled_sd(&[1.0], &[2.0]), None);
        assert_eq!(pooled_sd(&[1.0, 3.0], &[2.0]), Some(2.0_f64.sqrt()));
    }
}
