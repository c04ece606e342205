//! How many units decide, and the smallest change that so many can show.

use super::distribution::t_quantile;
use super::moments::squares;
use std::cell::OnceCell;

/// Most units a side that are ever advised.
const MOST_UNITS: usize = 1000;

/// Answers for one significance level and power; quantiles are looked up once.
#[derive(Clone, Debug)]
pub struct Planner {
    alpha: f64,
    power: f64,
    /// Smallest detectable change with K = 2, 3, ... units a side, in standard deviations.
    factors: Vec<OnceCell<Option<f64>>>,
}

impl Planner {
    /// Plans two-sided tests at `alpha` that find a change with probability `power`.
    pub fn new(alpha: f64, power: f64) -> Self {
        Self { alpha, power, factors: vec![OnceCell::new(); MOST_UNITS - 1] }
    }

    /// Sum of the quantiles of significance and power.
    fn reach(&self, df: usize) -> Option<f64> {
        let df = df as f64;
        Some(t_quantile(1.0 - self.alpha / 2.0, df)? + t_quantile(self.power, df)?)
    }

    /// Smallest detectable change with `units` a side, in standard deviations.
    fn factor(&self, units: usize) -> Option<f64> {
        let cell = self.factors.get(units.checked_sub(2)?)?;
        *cell.get_or_init(|| Some(self.reach(2 * units - 2)? * (2.0 / units as f64).sqrt()))
    }

    /// Smallest difference in ln that `n` against `m` units of spread `sd` show.
    pub fn detectable(&self, sd: f64, n: usize, m: usize) -> Option<f64> {
        if n == m && n <= MOST_UNITS {
            return Some(self.factor(n)? * sd);
        }
        let enough = n > 0 && m > 0 && n + m > 2;
        let share = (1.0 / n as f64 + 1.0 / m as f64).sqrt();
        Some(self.reach((n + m).checked_sub(2).filter(|_| enough)?)? * sd * share)
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

impl Planner {
    /// Smallest difference in ln that so many pairs show, whose differences have spread `sd`.
    pub fn detectable_pairs(&self, sd: f64, pairs: usize) -> Option<f64> {
        let freedom = pairs.checked_sub(1).filter(|freedom| *freedom > 0)?;
        Some(self.reach(freedom)? * sd / (pairs as f64).sqrt())
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
    use super::{Planner, pooled_sd};

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
