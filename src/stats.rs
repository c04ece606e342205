//! Statistics of one measurement: the launch is the unit of evidence, repeats only describe it.
//!
//! The center of a launch is the mean of ln(value) over its repeats after dropping
//! max(1, floor(R/5)) at each end (nothing below three repeats); the center of a case is the mean
//! of its launches' centers, printed as e^mean. Logs make a time and its reciprocal rate agree.

use statrs::distribution::{ContinuousCDF, StudentsT};
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
    (!launches.is_empty())
        .then(|| Summary { disturbed, ..summarize_values(&launches, metric.better) })
}

/// Summarises values grouped by launch. Neither the outer nor an inner list may be empty.
fn summarize_values(launches: &[Vec<f64>], better: Better) -> Summary {
    let mut all: Vec<f64> = launches.iter().flatten().copied().collect();
    all.sort_by(f64::total_cmp);
    let (min, max) = (all[0], all[all.len() - 1]);
    let centers: Option<Vec<f64>> = launches.iter().map(|values| launch_center(values)).collect();
    let interval = centers.as_deref().and_then(interval);
    Summary {
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
    }
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

/// 95% interval of e^mean by Student's t over the launches' centers.
fn interval(centers: &[f64]) -> Option<(f64, f64)> {
    let half = t_quantile_975(centers.len() - 1)? * sd(centers)? / (centers.len() as f64).sqrt();
    let center = mean(centers);
    Some(((center - half).exp(), (center + half).exp()))
}

/// The 97.5% quantile of Student's t; `None` for zero degrees of freedom.
fn t_quantile_975(df: usize) -> Option<f64> {
    let t = StudentsT::new(0.0, 1.0, df as f64).ok()?;
    Some(t.inverse_cdf(0.975))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

fn sd(values: &[f64]) -> Option<f64> {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
}

/// Pooled over launches with at least two repeats.
fn sd_within(launches: &[Vec<f64>]) -> Option<f64> {
    let (mut squares, mut freedom) = (0.0, 0);
    for values in launches.iter().filter(|values| values.len() > 1) {
        squares += sd(values)?.powi(2) * (values.len() - 1) as f64;
        freedom += values.len() - 1;
    }
    (freedom > 0).then(|| (squares / freedom as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::{launch_center, summarize_values};
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
        let summary = summarize_values(&[vec![1.0, 2.0, 3.0]], Better::Higher);
        assert_eq!(summary.interval, None);
        assert!(summary.reason.unwrap().contains("one launch"));
        assert_eq!(summary.best, 3.0);
    }

    #[test]
    fn zeros_have_no_center_and_the_median_stands_in() {
        let summary = summarize_values(&[vec![0.0, 2.0, 4.0], vec![1.0]], Better::Lower);
        assert_eq!(summary.center, None);
        assert_eq!(summary.headline(Estimator::Center), 1.5);
        assert_eq!(summary.headline(Estimator::Best), 0.0);
    }

    #[test]
    fn the_interval_is_students_over_launches() {
        // Three launches at ln = 0, 0.1, 0.2: mean 0.1, sd 0.1, t(.975, 2) = 4.302653 (any table).
        let launches: Vec<Vec<f64>> = [0.0_f64, 0.1, 0.2].iter().map(|ln| vec![ln.exp()]).collect();
        let (low, high) = summarize_values(&launches, Better::Lower).interval.unwrap();
        let half = 4.302_652_7 * 0.1 / 3.0_f64.sqrt();
        assert!((low.ln() - (0.1 - half)).abs() < 1e-6, "{low}");
        assert!((high.ln() - (0.1 + half)).abs() < 1e-6, "{high}");
    }

    proptest! {
        #[test]
        fn a_time_and_its_rate_mirror(times in prop::collection::vec(prop::collection::vec(1e-9..1e3_f64, 1..6), 2..5)) {
            let rates: Vec<Vec<f64>> = times.iter().map(|l| l.iter().map(|t| 1.0 / t).collect()).collect();
            let (time, rate) = (summarize_values(&times, Better::Lower), summarize_values(&rates, Better::Higher));
            prop_assert!((time.center.unwrap() * rate.center.unwrap() - 1.0).abs() < 1e-9);
            prop_assert!((time.best * rate.best - 1.0).abs() < 1e-9);
            let (a, b) = (time.interval.unwrap(), rate.interval.unwrap());
            prop_assert!((a.0 * b.1 - 1.0).abs() < 1e-6);
        }
    }
}
