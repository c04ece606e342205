//! One value of one configuration, whichever way it was found.

use crate::compare::{Measured, Pair, Row, SingleRow};
use crate::text::inert;
use vbench_results::{Better, CaseId, Estimator, Metric, Role};

/// One value: what a metric shows in a case.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a> {
    /// Benchmark and axis values.
    pub case: &'a CaseId,
    /// What is measured.
    pub metric: &'a Metric,
    /// How the headline is read.
    pub estimator: Estimator,
    /// The values behind it.
    pub measured: &'a Measured,
}

impl<'a> From<&'a SingleRow> for Point<'a> {
    fn from(row: &'a SingleRow) -> Self {
        let SingleRow { case, metric, estimator, measured, .. } = row;
        Self { case, metric, estimator: *estimator, measured }
    }
}

impl<'a> Point<'a> {
    /// The candidate of a row, where it has a value.
    pub fn candidate(row: &'a Row) -> Option<Self> {
        Self::of(row, row.candidate.as_ref())
    }

    /// The base of a row, where it has a value.
    pub fn base(row: &'a Row) -> Option<Self> {
        Self::of(row, row.base.as_ref())
    }

    fn of(row: &'a Row, measured: Option<&'a Measured>) -> Option<Self> {
        let Row { case, metric, estimator, .. } = row;
        Some(Self { case, metric, estimator: *estimator, measured: measured? })
    }

    /// The judged values of a pair's candidate.
    pub fn candidates(pair: &'a Pair) -> impl Iterator<Item = Self> {
        let judged = pair.rows.iter().filter(|row| row.metric.role != Role::Info);
        judged.filter_map(Self::candidate)
    }

    /// The value, in the metric's base unit: the typical one, or where a value has no logarithm the
    /// headline that [`Point::statistic`] names.
    pub fn value(&self) -> f64 {
        rounded(self.measured.typical.unwrap_or(self.measured.headline))
    }

    /// What the value is: `typical`, `median` or `best`.
    pub fn statistic(&self) -> &'static str {
        match (self.measured.typical, self.estimator) {
            (Some(_), _) => "typical",
            (None, Estimator::Center) => "median",
            (None, Estimator::Best) => "best",
        }
    }

    /// 95% interval of the value over launches or boots.
    pub fn interval(&self) -> Option<(f64, f64)> {
        self.measured.interval_95().map(|(low, high)| (rounded(low), rounded(high)))
    }

    /// The case, inert in whatever shows it.
    pub fn case_name(&self) -> String {
        inert(&self.case.to_string())
    }

    /// `higher is better` or `lower is better`.
    pub fn direction(&self) -> &'static str {
        match self.metric.better {
            Better::Higher => "higher is better",
            Better::Lower => "lower is better",
        }
    }

    /// Metric, unit and direction in one name: `triad (B/s, higher is better)`.
    pub fn measure(&self) -> String {
        let Metric { name, unit, .. } = self.metric;
        inert(&format!("{name} ({}, {})", unit.symbol, self.direction()))
    }
}

/// Twelve significant digits: further ones only tell how logarithms were rounded.
pub fn rounded(value: f64) -> f64 {
    format!("{value:.11e}").parse().unwrap_or(value)
}
