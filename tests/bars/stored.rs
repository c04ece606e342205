//! Simulated values as stored runs, so that the bars examine what users run.

use super::generators::Values;
use std::collections::BTreeMap;
use std::slice::from_ref;
use vbench::compare::{Comparison, Policy, Side, compare};
use vbench_results::{
    Better, CaseResult, Environment, Estimator, Evidence, Launch, Metric, Outcome, Repeat,
    ResultSet, Role, Run, Scale, Unit,
};

/// Compares simulated rows: each is one case, its values on both sides.
pub fn compared(rows: &[[Values; 2]], policy: &Policy) -> Comparison {
    let [base, candidate] = [0, 1].map(|side| run(rows.iter().map(|row| &row[side])));
    both(&base, &candidate, policy)
}

/// The same where the candidate is a run of its own, hours later, and the base one run or several.
pub fn compared_later(rows: &[(Vec<Values>, Values)], policy: &Policy) -> Comparison {
    let started = |hour: usize, mut run: ResultSet| {
        run.run.id = format!("hour-{hour:02}");
        run.run.started_at = format!("2026-01-01T{hour:02}:00:00Z");
        run
    };
    let count = rows.first().map_or(0, |(base, _)| base.len());
    let base: Vec<ResultSet> = (0..count)
        .map(|index| started(index, run(rows.iter().map(|(base, _)| &base[index]))))
        .collect();
    let candidate = started(23, run(rows.iter().map(|(_, candidate)| candidate)));
    let candidate = Side { name: "candidate", runs: from_ref(&candidate) };
    compare(&Side { name: "base", runs: &base }, &[candidate], policy)
}

/// Compares two runs.
pub fn both(base: &ResultSet, candidate: &ResultSet, policy: &Policy) -> Comparison {
    let candidate = Side { name: "candidate", runs: from_ref(candidate) };
    compare(&Side { name: "base", runs: from_ref(base) }, &[candidate], policy)
}

/// A run of one case per entry.
pub fn run<'v>(rows: impl Iterator<Item = &'v Values>) -> ResultSet {
    let run = Run { started_at: "2026-01-01T00:00:00Z".into(), ..Run::default() };
    let mut results = ResultSet::new(run, Environment::default());
    results.cases = rows.enumerate().map(|(index, values)| case(index, values)).collect();
    results
}

/// The id of the case of a row.
pub fn case_id(row: usize) -> String {
    format!("simulated::row/i={row:07}")
}

fn case(index: usize, launches: &Values) -> CaseResult {
    let metric = Metric {
        name: "time".into(),
        unit: Unit { symbol: "s".into(), scale: Scale::Decimal },
        better: Better::Lower,
        role: Role::Gated,
        resolution: None,
        exact: false,
    };
    CaseResult {
        case: case_id(index).parse().unwrap(),
        kind: "simulated".into(),
        version: "1".into(),
        estimator: Estimator::Center,
        metrics: vec![metric],
        launches: launches.iter().enumerate().map(launch).collect(),
    }
}

fn launch((index, values): (usize, &Vec<f64>)) -> Launch {
    let repeat = |(index, value): (usize, &f64)| Repeat {
        repeat: index as u32 + 1,
        at_s: 0.0,
        elapsed_s: 0.0,
        iterations: 1,
        values: [("time", *value)].into(),
        evidence: Evidence::default(),
    };
    Launch {
        launch: index as u32 + 1,
        boot_id: Some("boot".to_owned()),
        position: index as u32 + 1,
        at_s: index as f64,
        elapsed_s: 1.0,
        outcome: Outcome::Measured,
        facts: BTreeMap::new(),
        repeats: values.iter().enumerate().map(repeat).collect(),
    }
}
