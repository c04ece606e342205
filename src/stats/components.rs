//! How much of the spread lies between launches, and how much within them.

use super::moments::{mean, squares};
use serde::Serialize;

/// Components of variance of ln values, from the analysis of variance with one random factor
/// (Searle, Casella and McCulloch, Variance Components, 1992, section 3.6).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Components {
    /// Launches with values.
    pub launches: usize,
    /// Spread of repeats within a launch; absent when no launch has two.
    pub sd_within: Option<f64>,
    /// Spread of launches beyond what their repeats explain; absent with one launch.
    pub sd_launch: Option<f64>,
    /// Share of the variance that lies between launches.
    pub icc: Option<f64>,
}

/// The components of `launches`, each a list of ln values that is not empty.
pub fn components(launches: &[Vec<f64>]) -> Components {
    components_within(&[launches])
}

/// The components of batches of launches: what differs between batches (runs, boots) is left out.
pub fn components_within(batches: &[&[Vec<f64>]]) -> Components {
    let launches = || batches.iter().copied().flatten();
    let count: usize = launches().map(Vec::len).sum();
    let within: f64 = launches().map(|values| squares(values)).sum();
    let freedom = count - launches().count();
    let within = (freedom > 0).then(|| within / freedom as f64);
    let several = batches.iter().any(|batch| batch.len() > 1);
    let between = within.filter(|_| several).map(|within| between(batches, within));
    let icc = between.zip(within).filter(|(between, within)| between + within > 0.0);
    Components {
        launches: launches().count(),
        sd_within: within.map(f64::sqrt),
        sd_launch: between.map(f64::sqrt),
        icc: icc.map(|(between, within)| between / (between + within)),
    }
}

/// Variance between launches; an estimate below zero is zero. With sizes n of the launches of a
/// batch, squares between launches have the expectation (launches - 1) within + (N - sum of n^2 / N)
/// between, N being the sum of n; both sides are summed over batches.
fn between(batches: &[&[Vec<f64>]], within: f64) -> f64 {
    let (mut spread, mut freedom, mut size) = (0.0, 0.0, 0.0);
    for launches in batches.iter().filter(|launches| !launches.is_empty()) {
        let sizes = || launches.iter().map(|values| values.len() as f64);
        let count: f64 = sizes().sum();
        let all: Vec<f64> = launches.iter().flatten().copied().collect();
        let grand = mean(&all);
        freedom += launches.len() as f64 - 1.0;
        spread += launches
            .iter()
            .map(|values| values.len() as f64 * (mean(values) - grand).powi(2))
            .sum::<f64>();
        size += count - sizes().map(|size| size * size).sum::<f64>() / count;
    }
    ((spread / freedom - within) / (size / freedom)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::{components, components_within};

    #[test]
    fn repeats_that_agree_leave_everything_to_the_launches() {
        let found = components(&[vec![1.0, 1.0], vec![3.0, 3.0]]);
        assert_eq!((found.sd_within, found.icc), (Some(0.0), Some(1.0)));
        assert_eq!(found.sd_launch, Some(2.0_f64.sqrt()));
    }

    #[test]
    fn what_differs_between_runs_is_no_spread_of_launches() {
        let near = [vec![1.0, 1.0], vec![3.0, 3.0]];
        let far = [vec![101.0, 101.0], vec![103.0, 103.0]];
        let found = components_within(&[&near, &far]);
        assert_eq!((found.launches, found.sd_launch), (4, Some(2.0_f64.sqrt())));
        assert_eq!(components_within(&[&near]), components(&near));
        let single = components_within(&[&near[..1], &far[..1]]);
        assert_eq!((single.launches, single.sd_launch), (2, None));
    }

    #[test]
    fn what_was_not_replicated_is_unknown() {
        assert_eq!(components(&[vec![1.0, 2.0]]).sd_launch, None);
        let single = components(&[vec![1.0], vec![2.0]]);
        assert_eq!((single.sd_within, single.sd_launch, single.icc), (None, None, None));
        assert_eq!(components(&[]).launches, 0);
    }
}
