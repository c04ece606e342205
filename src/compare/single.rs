//! One side by itself: what its cases and metrics show, by the rules with which sides are compared.

use super::Side;
use super::gather::{Gathered, Sample};
use super::pair::SideSummary;
use super::policy::Policy;
use super::row::Measured;
use super::units::{self, Level, Units};
use std::collections::{BTreeMap, BTreeSet};
use vbench_results::{CaseId, Estimator, Metric};

/// One configuration by itself, its runs pooled.
#[derive(Clone, Debug, PartialEq)]
pub struct Single {
    /// What it is made of.
    pub side: SideSummary,
    /// Every case and metric with a value, sorted.
    pub rows: Vec<SingleRow>,
    /// Cases, and metrics of cases, without a value that could be given, and why.
    pub left_out: BTreeMap<String, String>,
}

/// What one metric of one case shows.
#[derive(Clone, Debug, PartialEq)]
pub struct SingleRow {
    /// Benchmark and axis values.
    pub case: CaseId,
    /// Label that groups.
    pub kind: String,
    /// What is measured.
    pub metric: Metric,
    /// How the headline is read.
    pub estimator: Estimator,
    /// What the units of the interval are; none where a value has no logarithm.
    pub level: Option<Level>,
    /// The values.
    pub measured: Measured,
}

/// Describes one side: boots are units where it has two of them, else launches.
pub fn single(side: &Side<'_>) -> Single {
    let gathered = Gathered::new(side);
    let (mut rows, mut left_out) = (Vec::new(), BTreeMap::new());
    for ((case, metric), sample) in &gathered.samples {
        match describe(sample) {
            Ok(row) => rows.push(row),
            Err(reason) => {
                left_out.insert(format!("{case} {metric}"), reason);
            }
        }
    }
    let measured: BTreeSet<&CaseId> = gathered.samples.keys().map(|(case, _)| *case).collect();
    let absent = gathered.absent.iter().filter(|(case, _)| !measured.contains(*case));
    left_out.extend(absent.map(|(case, reason)| (case.to_string(), reason.clone())));
    Single { side: gathered.summary, rows, left_out }
}

fn describe(sample: &Sample<'_>) -> Result<SingleRow, String> {
    if sample.mixed {
        return Err("its runs disagree about unit or direction".to_owned());
    }
    if sample.versions.len() > 1 {
        return Err("its runs measured with different code: name one run".to_owned());
    }
    let level = units::level(sample, sample, &Policy::default());
    let units = Units::new(sample, level);
    let measured = Measured::new(sample, units.as_ref())
        .ok_or_else(|| "a value is not a finite number".to_owned())?;
    Ok(SingleRow {
        case: sample.case.case.clone(),
        kind: sample.case.kind.clone(),
        metric: sample.metric.clone(),
        estimator: sample.case.estimator,
        level: units.map(|_| level),
        measured,
    })
}
