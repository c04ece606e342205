//! What one measurement shows: headline, center, spread and interval.
//!
//! The center of a launch is the mean of ln(value) over its repeats after dropping
//! max(1, floor(R/5)) at each end (nothing below three repeats); the center of a case is the mean
//! of its launches' centers, printed as e^mean. Logs make a time and its reciprocal rate agree.

use super::distribution::t_quantile;
use super::moments::{mean, median, sd, squares};
use vbench_results::{Better, CaseResult, Estimator, Metric};

/// What a measurement shows. Absent values have too few samples behind them.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Launches with a value.
    pub launches: usize,
    /// Values over all launches.
    pub samples: usize,
    /// Values marked as disturbed.
    pub disturbed: usize,
    /// Best value of all repeats.
    pub best: f64,
    /// Center over launches; none when a value is not positive.
    pub center: Option<f64>,
    /// Median of all values.
    pub median: f64,
    /// Mean of all values.
    pub mean: f64,
    /// Pooled standard deviation of repeats within a launch.
    pub sd_within: Option<f64>,
    /// Standard deviation of the launches' centers.
    pub sd_between: Option<f64>,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// 95% interval of the center, over launches.
    pub interval: Option<(f64, f64)>,
    /// Why center or interval are missing.
    pub reason: Option<String>,
}

impl Summary {
    /// The one printed number.
    pub fn headline(&self, estimator: Estimator) -> f64 {
        match estimator {
            Estimator::Best => self.best,
            Estimator::Center => self.center.unwrap_or(self.median),
        }
    }

    /// Half the 95% interval as a share of the center.
    pub fn precision(&self) -> Option<f64> {
        let (low, high) = self.interval?;
        Some((high / low).sqrt() - 1.0)
    }
}

/// Summarises `metric` over the launches of `case`; `None` without any value.
pub fn summarize(case: &CaseResult, metric: &Metric) -> Option<Summary> {
    let mut launches: Vec<Vec<f64>> = Vec::new();
    let mut disturbed = 0;
    for launch in &case.launches {
        let with_value = launch.repeats.iter().filter(|r| r.values.contains_key(&metric.name));
        disturbed += with_value.clone().filter(|r| r.evidence.disturbed.is_some()).count();
        let values: Vec<f64> = with_value.map(|repeat| repeat.values[&metric.name]).collect();
        if !values.is_empty() {
            launches.push(values);
        }
    }
    Some(Summary { disturbed, ..summarize_values(&launches, metric.better)? })
}

/// Summarises values grouped by launch; `None` without any value.
pub fn summarize_values(launches: &[Vec<f64>], better: Better) -> Option<Summary> {
    let mut all: Vec<f64> = launches.iter().flatten().copied().collect();
    all.sort_by(f64::total_cmp);
    let (min, max) = (*all.first()?, *all.last()?);
    let centers: Option<Vec<f64>> = launches.iter().map(|values| launch_center(values)).collect();
    let interval = centers.as_deref().and_then(center_interval);
    Some(Summary {
        launches: launches.len(),
        samples: all.len(),
        disturbed: 0,
        best: if better == Better::Higher { max } else { min },
        center: centers.as_deref().map(|centers| mean(centers).exp()),
        median: median(&all),
        mean: mean(&all),
        sd_within: sd_within(launches),
        sd_between: centers
            .as_ref()
            .and_then(|centers| sd(&centers.iter().map(|center| center.exp()).collect::<Vec<_>>())),
        min,
        max,
        interval,
        reason: reason(centers.is_some(), launches.len()),
    })
}

fn reason(positive: bool, launches: usize) -> Option<String> {
    if !positive {
        Some("a value is zero or negative: it has no logarithm".to_owned())
    } else if launches < 2 {
        Some("one launch: no interval (repeats of one launch are not independent)".to_owned())
    } else {
        None
    }
}

/// 20% trimmed mean of the logs of one launch's values; `None` when one is not positive.
pub fn launch_center(values: &[f64]) -> Option<f64> {
    let mut logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    if values.is_empty() || logs.iter().any(|log| !log.is_finite()) {
        return None;
    }
    logs.sort_by(f64::total_cmp);
    let drop = if logs.len() < 3 { 0 } else { (logs.len() / 5).max(1) };
    Some(mean(&logs[drop..logs.len() - drop]))
}

/// Expected best of `r` values drawn from `values` without replacement: comparable between launches
/// of unequal length, which the plain best is not. `None` for fewer than `r` values or `r` = 0.
///
/// The i-th best is the best of the draw with probability C(R-1-i, r-1) / C(R, r).
pub fn expected_best(values: &[f64], r: usize, better: Better) -> Option<f64> {
    let count = values.len();
    if r == 0 || r > count {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| if better == Better::Lower { a.total_cmp(b) } else { b.total_cmp(a) });
    let (mut expected, mut share) = (0.0, r as f64 / count as f64);
    for (index, value) in sorted[..=count - r].iter().enumerate() {
        expected += value * share;
        share *= (count - index - r) as f64 / (count - 1 - index).max(1) as f64;
    }
    Some(expected)
}

/// 95% interval of e^mean by Student's t over ln centers of launches or boots; none below two.
pub fn center_interval(centers: &[f64]) -> Option<(f64, f64)> {
    let half = t_quantile(0.975, centers.len() as f64 - 1.0)? * sd(centers)?
        / (centers.len() as f64).sqrt();
    let center = mean(centers);
    Some(((center - half).exp(), (center + half).exp()))
}

/// Pooled over launches with at least two repeats.
fn sd_within(launches: &[Vec<f64>]) -> Option<f64> {
    let (mut sum, mut freedom) = (0.0, 0);
    for values in launches.iter().filter(|values| values.len() > 1) {
        sum += squares(values);
        freedom += values.len() - 1;
    }
    (freedom > 0).then(|| (sum / freedom as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::{expected_best, launch_center, summarize_values};
    use proptest::prelude::*;
    use vbench_results::{Better, Estimator};

    #[test]
    fn the_center_drops_the_ends() {
        let center = launch_center(&[1.0, 2.0, 2.0, 2.0, 1000.0]).unwrap().exp();
        assert!((center - 2.0).abs() < 1e-12);
        assert_eq!(launch_center(&[1.0, 0.0]), None);
        assert_eq!(launch_center(&[]), None);
    }

    #[test]
    fn one_launch_has_no_interval_and_says_why() {
        let summary = summarize_values(&[vec![1.0, 2.0, 3.0]], Better::Higher).unwrap();
        assert_eq!(summary.interval, None);
        assert!(summary.reason.unwrap().contains("one launch"));
        assert_eq!(summary.best, 3.0);
    }

    #[test]
    fn zeros_have_no_center_and_the_median_stands_in() {
        let summary = summarize_values(&[vec![0.0, 2.0, 4.0], vec![1.0]], Better::Lower).unwrap();
        assert_eq!(summary.center, None);
        assert_eq!(summary.headline(Estimator::Center), 1.5);
        assert_eq!(summary.headline(Estimator::Best), 0.0);
    }

    #[test]
    fn the_interval_is_students_over_launches() {
        // Three launches at ln = 0, 0.1, 0.2: mean 0.1, sd 0.1, t(.975, 2) = 4.302653 (any table).
        let launches: Vec<Vec<f64>> = [0.0_f64, 0.1, 0.2].iter().map(|ln| vec![ln.exp()]).collect();
        let (low, high) = summarize_values(&launches, Better::Lower).unwrap().interval.unwrap();
        let half = 4.302_652_7 * 0.1 / 3.0_f64.sqrt();
        assert!((low.ln() - (0.1 - half)).abs() < 1e-6, "{low}");
        assert!((high.ln() - (0.1 + half)).abs() < 1e-6, "{high}");
    }

    #[test]
    fn the_expected_best_does_not_reward_more_repeats() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(expected_best(&values, 4, Better::Lower), Some(1.0));
        assert_eq!(expected_best(&values, 1, Better::Lower), Some(2.5));
        // Of the six pairs of 1, 2, 3, 4, three have best 1, two have 2, one has 3.
        let pairs = expected_best(&values, 2, Better::Lower).unwrap();
        assert!((pairs - 10.0 / 6.0).abs() < 1e-12, "{pairs}");
        let pairs = expected_best(&values, 2, Better::Higher).unwrap();
        assert!((pairs - 20.0 / 6.0).abs() < 1e-12, "{pairs}");
        assert_eq!(expected_best(&values, 5, Better::Lower), None);
        assert_eq!(expected_best(&[], 0, Better::Lower), None);
    }

    proptest! {
        #[test]
        fn a_time_and_its_rate_mirror(times in prop::collection::vec(prop::collection::vec(1e-9..1e3_f64, 1..6), 2..5)) {
            let rates: Vec<Vec<f64>> = times.iter().map(|l| l.iter().map(|t| 1.0 / t).collect()).collect();
            let time = summarize_values(&times, Better::Lower).unwrap();
            let rate = summarize_values(&rates, Better::Higher).unwrap();
            prop_assert!((time.center.unwrap() * rate.center.unwrap() - 1.0).abs() < 1e-9);
            prop_assert!((time.best * rate.best - 1.0).abs() < 1e-9);
            let (a, b) = (time.interval.unwrap(), rate.interval.unwrap());
            prop_assert!((a.0 * b.1 - 1.0).abs() < 1e-6);
        }
    }
}
