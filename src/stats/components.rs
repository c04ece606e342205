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
    let count: usize = launches.iter().map(Vec::len).sum();
    let within: f64 = launches.iter().map(|values| squares(values)).sum();
    let freedom = count - launches.len();
    let within = (freedom > 0).then(|| within / freedom as f64);
    let between = within.filter(|_| launches.len() > 1).map(|within| between(launches, within));
    let icc = between.zip(within).filter(|(between, within)| between + within > 0.0);
    Components {
        launches: launches.len(),
        sd_within: within.map(f64::sqrt),
        sd_launch: between.map(f64::sqrt),
        icc: icc.map(|(between, within)| between / (between + within)),
    }
}

/// Variance between launches; an estimate below zero is zero.
fn between(launches: &[Vec<f64>], within: f64) -> f64 {
    let sizes = || launches.iter().map(|values| values.len() as f64);
    let count: f64 = sizes().sum();
    let all: Vec<f64> = launches.iter().flatten().copied().collect();
    let grand = mean(&all);
    let freedom = launches.len() as f64 - 1.0;
    let spread: f64 =
        launches.iter().map(|values| values.len() as f64 * (mean(values) - grand).powi(2)).sum();
    let typical_size = (count - sizes().map(|size| size * size).sum::<f64>() / count) / freedom;
    ((spread / freedom - within) / typical_size).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::components;

    #[test]
    fn repeats_that_agree_leave_everything_to_the_launches() {
        let found = components(&[vec![1.0, 1.0], vec![3.0, 3.0]]);
        assert_eq!((found.sd_within, found.icc), (Some(0.0), Some(1.0)));
        assert_eq!(found.sd_launch, Some(2.0_f64.sqrt()));
    }

    #[test]
    fn what_was_not_replicated_is_unknown() {
        assert_eq!(components(&[vec![1.0, 2.0]]).sd_launch, None);
        let single = components(&[vec![1.0], vec![2.0]]);
        assert_eq!((single.sd_within, single.sd_launch, single.icc), (None, None, None));
        assert_eq!(components(&[]).launches, 0);
    }
}
