//! What verdicts follow: significance, margin, correction, calibrated floors.

use super::Level;
use crate::stats::Floor;
use serde::Serialize;
use std::collections::BTreeMap;

/// What the verdicts follow.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Policy {
    /// Largest adjusted p value of a difference that counts as real.
    pub alpha: f64,
    /// Wanted chance to find a change of the margin's size; plans only.
    pub power: f64,
    /// Smallest change that matters, as a share: worse by a factor of at least one plus this, the
    /// same in both directions.
    pub margin: f64,
    /// How p values of a family are adjusted.
    pub correction: Correction,
    /// Compares results of different versions of a benchmark's code.
    pub any_version: bool,
    /// Launches of equal number are partners, measured next to each other: see [`super::partners`].
    pub paired: bool,
    /// Facts that are meant to differ, as names or globs.
    pub expect_differ: Vec<String>,
    /// Calibrated spreads.
    #[serde(skip)]
    pub floors: BTreeMap<FloorKey, Floor>,
}

/// What a calibrated spread belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FloorKey {
    /// The case's id.
    pub case: String,
    /// The metric's name.
    pub metric: String,
    /// What was repeated to find it.
    pub level: Level,
}

/// How p values of a family are adjusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Correction {
    /// Benjamini and Hochberg: few false discoveries among the discoveries.
    #[default]
    Bh,
    /// Holm: rarely any false discovery.
    Holm,
    /// None.
    None,
}

impl Default for Policy {
    /// 5% significance, 80% power, 3% margin: the values with which the method was examined.
    fn default() -> Self {
        Self {
            alpha: 0.05,
            power: 0.8,
            margin: 0.03,
            correction: Correction::Bh,
            any_version: false,
            paired: false,
            expect_differ: Vec::new(),
            floors: BTreeMap::new(),
        }
    }
}

impl Policy {
    /// The margin in ln.
    pub fn tau(&self) -> f64 {
        self.margin.ln_1p()
    }

    /// The calibrated spread of a row, if any.
    pub fn floor(&self, case: &str, metric: &str, level: Level) -> Option<Floor> {
        if self.floors.is_empty() {
            return None;
        }
        let key = FloorKey { case: case.to_owned(), metric: metric.to_owned(), level };
        self.floors.get(&key).copied()
    }
}
