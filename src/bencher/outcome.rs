//! How a body ends: with samples, a skip or a failure.

use super::Samples;
use crate::gpu::Fault;
use crate::quantity::Metrics;
use crate::resource::Skip;
use std::fmt;
use vbench_results::{Metric, Repeat, Values};

/// Why a body ended without samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The machine cannot run it.
    Skip(String),
    /// It did not succeed.
    Fail(String),
}

impl From<Skip> for Stop {
    fn from(skip: Skip) -> Self {
        Self::Skip(skip.reason().to_owned())
    }
}

/// A failure with its text. Every error converts into it, so that `?` works in a body that returns
/// `Result<Samples<M>, Failed>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed(pub String);

impl<E: std::error::Error> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Fault> for Stop {
    /// What the machine lacks is a skip; anything else that a driver says is a failure.
    fn from(fault: Fault) -> Self {
        if fault.is_lack() { Self::Skip(fault.to_string()) } else { Self::Fail(fault.to_string()) }
    }
}

impl From<Failed> for Stop {
    fn from(failed: Failed) -> Self {
        Self::Fail(failed.0)
    }
}

impl From<String> for Stop {
    fn from(error: String) -> Self {
        Self::Fail(error)
    }
}

/// Samples with their type erased: what a launch stores.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The repeats in order.
    pub repeats: Vec<Repeat>,
}

/// What a benchmark may return: samples, or a result of them.
#[diagnostic::on_unimplemented(
    message = "a benchmark with a `Bencher` returns its samples, not `{Self}`",
    label = "expected `Samples<..>` or `Result<Samples<..>, Skip>`",
    note = "write `-> Samples<Seconds>` and end the body with `b.iter(..)`, without a semicolon"
)]
pub trait Return {
    /// What each sample carries.
    fn metrics() -> Vec<Metric>;

    /// The samples, or why there are none.
    ///
    /// # Errors
    /// A skip or a failure.
    fn finish(self) -> Result<Recorded, Stop>;
}

impl<M: Metrics, E: Into<Stop>> Return for Result<Samples<M>, E> {
    fn metrics() -> Vec<Metric> {
        M::metrics()
    }

    fn finish(self) -> Result<Recorded, Stop> {
        self.map_err(Into::into)?.finish()
    }
}

/// The values by metric name. Infinite values and NaN are failures, never results.
pub(super) fn named(metrics: &[Metric], sample: &impl Metrics) -> Result<Values, Stop> {
    let mut values = Values::new();
    for (metric, value) in metrics.iter().zip(sample.values()) {
        match value {
            Some(value) if value.is_finite() => {
                values.insert(metric.name.clone(), value);
            }
            Some(value) => {
                return Err(Stop::Fail(format!("metric {} is {value}, not a number", metric.name)));
            }
            None => {}
        }
    }
    Ok(values)
}
