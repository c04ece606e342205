//! Stored runs made from the reference datasets.

use serde_json::Value;
use std::collections::BTreeMap;
use vbench_results::{
    Better, CaseResult, Environment, Estimator, Evidence, Launch, Metric, Outcome, Repeat,
    ResultSet, Role, Run, Unit,
};

/// A run of every dataset's `side`. Not-a-number stays one, as no file could hold it.
pub fn run(datasets: &[&Value], side: &str) -> ResultSet {
    let run = Run {
        id: format!("{side}-1"),
        system: "reference".into(),
        config: side.into(),
        started_at: "2026-01-01T00:00:00Z".into(),
        ..Run::default()
    };
    let mut results = ResultSet::new(run, Environment::default());
    results.cases = datasets.iter().map(|dataset| case(dataset, side)).collect();
    results
}

/// The id of a dataset's case.
pub fn case_id(dataset: &str) -> String {
    format!("reference::{dataset}")
}

fn case(dataset: &Value, side: &str) -> CaseResult {
    let text = |field: &str| dataset[field].as_str().unwrap().to_owned();
    let control = dataset["control"].as_bool().unwrap_or(false);
    let metric = Metric {
        name: "value".into(),
        unit: Unit { symbol: text("unit").into(), scale: vbench_results::Scale::Plain },
        better: if text("better") == "lower" { Better::Lower } else { Better::Higher },
        role: if control { Role::Control } else { Role::Gated },
        resolution: dataset["resolution"].as_f64(),
        exact: false,
    };
    let boots = dataset[side].as_array().unwrap().iter().enumerate();
    let launches = boots.flat_map(|(boot, launches)| {
        launches.as_array().unwrap().iter().map(move |repeats| (boot, repeats))
    });
    CaseResult {
        case: case_id(&text("id")).parse().unwrap(),
        kind: dataset["group"].as_str().unwrap_or("all").to_owned(),
        version: "1".into(),
        estimator: Estimator::Center,
        metrics: vec![metric],
        launches: launches
            .enumerate()
            .map(|(index, (boot, repeats))| launch(index, boot, repeats))
            .collect(),
    }
}

fn launch(index: usize, boot: usize, repeats: &Value) -> Launch {
    let repeat = |(index, value): (usize, &Value)| Repeat {
        repeat: index as u32 + 1,
        at_s: 0.0,
        elapsed_s: 0.0,
        iterations: 1,
        values: [("value", value.as_f64().unwrap_or(f64::NAN))].into(),
        evidence: Evidence::default(),
    };
    Launch {
        launch: index as u32 + 1,
        boot_id: Some(format!("boot-{boot:03}")),
        position: index as u32 + 1,
        at_s: index as f64,
        elapsed_s: 1.0,
        outcome: Outcome::Measured,
        facts: BTreeMap::new(),
        repeats: repeats.as_array().unwrap().iter().enumerate().map(repeat).collect(),
    }
}
