//! Google Benchmark's JSON: an entry per case and launch, each launch a repetition.
//!
//! `real_time` is the launch's own value of the first time metric, else the mean time of one
//! iteration; every metric stands beside it as a counter in its base unit. CPU time is not measured,
//! so `cpu_time` is absent and readers that need it leave the entry out.

use super::json::pretty;
use super::point::rounded;
use super::{Configuration, Document, Export, Format};
use crate::stats::{launch_center, median};
use crate::text::inert;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use vbench_results::{Better, CaseId, CaseResult, Launch, Metric, Outcome, Role};

pub const FORMAT: Format = Format {
    name: "google-benchmark",
    about: "Google Benchmark JSON, a repetition per launch",
    write,
};

const NS_PER_S: f64 = 1e9;

fn write(export: &Export<'_>) -> Result<Vec<Document>, String> {
    let configuration = export.only(FORMAT.name)?;
    let document =
        json!({ "context": context(configuration), "benchmarks": entries(configuration) });
    Ok(Document::only(pretty(&document)))
}

fn context(configuration: &Configuration<'_>) -> Value {
    let side = &configuration.single.side;
    let run = configuration.runs.first().map(|run| &run.run);
    let mut context = json!({
        "date": run.map(|run| &run.started_at),
        "executable": "vbench",
        "caches": [],
        "library_version": run.map(|run| &run.vbench_version),
        "system": inert(&side.system),
        "config": inert(&side.config),
        "runs": side.runs,
    });
    let environment = configuration.runs.first().map(|run| &run.environment);
    let cpus = environment.and_then(|environment| environment.value("cpu.count.online"));
    if let Some(cpus) = cpus.and_then(|cpus| cpus.to_string().parse::<u64>().ok()) {
        context["num_cpus"] = cpus.into();
    }
    context
}

fn entries(configuration: &Configuration<'_>) -> Vec<Value> {
    let mut launches: BTreeMap<&CaseId, Vec<(&CaseResult, &Launch)>> = BTreeMap::new();
    for case in configuration.runs.iter().flat_map(|run| &run.cases) {
        launches.entry(&case.case).or_default().extend(case.launches.iter().map(|l| (case, l)));
    }
    let of_case = |(id, launches): (usize, Vec<(&CaseResult, &Launch)>)| {
        let repetitions = launches.len();
        let entry = move |(index, (case, launch)): (usize, (&CaseResult, &Launch))| {
            entry(case, launch, id, index, repetitions)
        };
        launches.into_iter().enumerate().map(entry).collect::<Vec<Value>>()
    };
    launches.into_values().enumerate().flat_map(of_case).collect()
}

fn entry(case: &CaseResult, launch: &Launch, family: usize, index: usize, of: usize) -> Value {
    let name = inert(&case.case.to_string());
    let mut entry = Map::new();
    let mut set = |key: &str, value: Value| drop(entry.insert(key.to_owned(), value));
    set("name", name.clone().into());
    set("run_name", name.into());
    set("run_type", "iteration".into());
    set("family_index", family.into());
    set("repetitions", of.into());
    set("repetition_index", index.into());
    if let Some(threads) = case.case.params.get("threads").and_then(|n| n.parse::<u64>().ok()) {
        set("threads", threads.into());
    }
    match &launch.outcome {
        Outcome::Measured => {
            set("iterations", iterations(launch).into());
            set("time_unit", "ns".into());
            if let Some(seconds) = real_time(case, launch) {
                set("real_time", rounded(seconds * NS_PER_S).into());
            }
        }
        Outcome::Skipped { reason } => {
            set("skipped", true.into());
            set("skip_message", inert(reason).into());
        }
        Outcome::Failed { reason } | Outcome::TimedOut { reason } => {
            set("error_occurred", true.into());
            set("error_message", inert(reason).into());
        }
    }
    for metric in &case.metrics {
        if let Some(value) = value(launch, metric) {
            // A counter must not take the place of a field of the format.
            entry.entry(inert(&metric.name)).or_insert(value.into());
        }
    }
    entry.into()
}

fn iterations(launch: &Launch) -> u64 {
    launch.repeats.iter().map(|repeat| repeat.iterations).sum()
}

fn real_time(case: &CaseResult, launch: &Launch) -> Option<f64> {
    let is_time = |metric: &&Metric| {
        metric.unit.symbol == "s" && metric.better == Better::Lower && metric.role != Role::Info
    };
    let timed = case.metrics.iter().find(is_time).and_then(|metric| value(launch, metric));
    let elapsed: f64 = launch.repeats.iter().map(|repeat| repeat.elapsed_s).sum();
    let iterations = iterations(launch);
    timed.or_else(|| (iterations > 0).then(|| elapsed / iterations as f64))
}

/// The launch's center, or the median of values without logarithm.
fn value(launch: &Launch, metric: &Metric) -> Option<f64> {
    let values = launch.repeats.iter().filter_map(|repeat| repeat.values.get(&metric.name));
    let mut values: Vec<f64> = values.copied().collect();
    values.sort_by(f64::total_cmp);
    let center = launch_center(&values).map(|center| rounded(center.exp()));
    center
        .or_else(|| (!values.is_empty()).then(|| median(&values)))
        .filter(|value| value.is_finite())
}
