//! A simulated executor: no clock, no process, values from a model. For tests of the pipeline.

use super::{Executed, Executor};
use crate::plan::Case;
use std::cell::RefCell;
use std::collections::BTreeMap;
use vbench_results::{Evidence, Outcome, Repeat};

/// What one simulated launch gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// One value per repeat, of every metric.
    Values(Vec<f64>),
    /// No values.
    Ends(Outcome),
}

/// Gives what a model says for each case and launch, and remembers the order.
pub struct Simulated<F> {
    model: F,
    order: RefCell<Vec<(String, u32)>>,
}

impl<F: Fn(&Case, u32) -> Step> Simulated<F> {
    /// An executor over `model`.
    pub fn new(model: F) -> Self {
        Self { model, order: RefCell::new(Vec::new()) }
    }

    /// Case id and launch number of every execution so far, in order.
    pub fn order(&self) -> Vec<(String, u32)> {
        self.order.borrow().clone()
    }
}

impl<F: Fn(&Case, u32) -> Step> Executor for Simulated<F> {
    fn execute(&self, case: &Case, launch: u32) -> Executed {
        self.order.borrow_mut().push((case.id.to_string(), launch));
        let values = match (self.model)(case, launch) {
            Step::Values(values) => values,
            Step::Ends(outcome) => return Executed::without_values(outcome),
        };
        let metrics = case.metrics();
        let repeat = |(index, value): (usize, f64)| Repeat {
            repeat: index as u32 + 1,
            at_s: index as f64,
            elapsed_s: 1.0,
            iterations: 1,
            values: metrics.iter().map(|metric| (metric.name.clone(), value)).collect(),
            evidence: Evidence::default(),
        };
        let repeats = values.into_iter().enumerate().map(repeat).collect();
        Executed { outcome: Outcome::Measured, facts: BTreeMap::new(), repeats }
    }
}
