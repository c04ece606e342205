//! The units of evidence of a row: boots when both sides have two of them, else launches.

use super::gather::Sample;
use super::policy::Policy;
use crate::stats::{RunMeans, expected_best, launch_center, mean};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Boots of the machine.
    Boot,
    /// Invocations of the program, each with launches of one hour. Units of a noise floor only.
    Run,
    /// Processes; where all ran in one boot, the verdict holds for that boot.
    Launch,
}

impl Level {
    /// `boot`, `run` or `launch`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boot => "boot",
            Self::Run => "run",
            Self::Launch => "launch",
        }
    }

    /// `boots`, `runs` or `launches`.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Boot => "boots",
            Self::Run => "runs",
            Self::Launch => "launches",
        }
    }
}

/// Identifies a unit within its side, the same for every row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key<'a> {
    Boot(&'a str),
    Launch(u32, u32),
}

/// The units of one side: ln values, in the order of their keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Units<'a> {
    pub keys: Vec<Key<'a>>,
    pub values: Vec<f64>,
}

/// Fewest boots a side that make the boot the unit.
const LEAST_BOOTS: usize = 2;

/// The level of a row. With a spread calibrated over boots, one boot a side is enough.
pub fn level(base: &Sample<'_>, candidate: &Sample<'_>, policy: &Policy) -> Level {
    let (Some(before), Some(after)) = (base.boots(), candidate.boots()) else {
        return Level::Launch;
    };
    let floor = || policy.floor(&base.case.case.to_string(), &base.metric.name, Level::Boot);
    if before.len().min(after.len()) >= LEAST_BOOTS || floor().is_some() {
        Level::Boot
    } else {
        Level::Launch
    }
}

impl<'a> Units<'a> {
    /// The units of `sample`; `None` when a value has no logarithm.
    pub fn new(sample: &Sample<'a>, level: Level) -> Option<Self> {
        Self::of(sample, level, launch_center)
    }

    /// The same of the best expected of `repeats` values, which every launch must have.
    pub fn best(sample: &Sample<'a>, level: Level, repeats: usize) -> Option<Self> {
        let best = |values: &[f64]| {
            let best = expected_best(values, repeats, sample.metric.better)?.ln();
            best.is_finite().then_some(best)
        };
        Self::of(sample, level, best)
    }

    /// The means of the runs that launches are of.
    pub fn runs(&self) -> RunMeans {
        runs(&self.keys, &self.values)
    }

    fn of(
        sample: &Sample<'a>,
        level: Level,
        of_launch: impl Fn(&[f64]) -> Option<f64>,
    ) -> Option<Self> {
        let mut grouped: BTreeMap<Key<'a>, Vec<f64>> = BTreeMap::new();
        for launch in &sample.launches {
            let key = match (level, launch.boot) {
                (Level::Boot, Some(boot)) => Key::Boot(boot),
                _ => Key::Launch(launch.number.0, launch.number.1),
            };
            grouped.entry(key).or_default().push(of_launch(&launch.values)?);
        }
        let (keys, values) =
            grouped.into_iter().map(|(key, centers)| (key, mean(&centers))).unzip();
        Some(Self { keys, values })
    }
}

/// The means of the runs that launches are of.
pub fn runs(keys: &[Key<'_>], values: &[f64]) -> RunMeans {
    let mut runs: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for (key, value) in keys.iter().zip(values) {
        if let Key::Launch(run, _) = key {
            runs.entry(*run).or_default().push(*value);
        }
    }
    RunMeans::new(runs.values())
}
