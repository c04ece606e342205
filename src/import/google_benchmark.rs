//! Google Benchmark: JSON. Repetitions run in one process: repeats of one launch.

use super::draft::{BANDWIDTH, EVENTS, Measure, TIME, case};
use super::lines::Printed;
use super::{Draft, Fault};
use serde::Deserialize;
use std::collections::BTreeMap;
use vbench_results::Better::{Higher, Lower};
use vbench_results::{CaseId, Outcome, Role};

#[derive(Deserialize)]
struct Document {
    context: Context,
    benchmarks: Vec<Entry>,
}

#[derive(Deserialize)]
struct Context {
    #[serde(default)]
    date: String,
    num_cpus: Option<u32>,
    cpu_scaling_enabled: Option<bool>,
    library_version: Option<String>,
    #[serde(default)]
    library_build_type: String,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    run_name: Option<String>,
    #[serde(default)]
    run_type: String,
    #[serde(default)]
    aggregate_name: String,
    threads: Option<u32>,
    real_time: Option<f64>,
    cpu_time: Option<f64>,
    #[serde(default)]
    time_unit: String,
    bytes_per_second: Option<f64>,
    items_per_second: Option<f64>,
    #[serde(default)]
    error_occurred: bool,
    #[serde(default)]
    error_message: String,
}

/// Reads one run.
///
/// # Errors
/// The line that is not what the library writes there, or the end of a text that is cut short.
pub fn read(text: &str, _name: &str) -> Result<Draft, Fault> {
    let document: Document =
        serde_json::from_str(text).map_err(|error| Fault::json(&error, "Google Benchmark"))?;
    if document.benchmarks.is_empty() {
        return Err(Fault::at(1, "expected benchmarks, found none"));
    }
    let mut draft = start(&document.context);
    // Repetitions of one benchmark may be shuffled: they are gathered by name.
    let mut repeats: BTreeMap<String, Vec<&Entry>> = BTreeMap::new();
    for entry in &document.benchmarks {
        let name = entry.run_name.as_ref().unwrap_or(&entry.name);
        repeats.entry(name.clone()).or_default().push(entry);
    }
    for (name, entries) in repeats {
        add(&mut draft, &name, &entries)?;
    }
    Ok(draft)
}

fn start(context: &Context) -> Draft {
    let version = context.library_version.as_deref().unwrap_or("of unknown version");
    let mut draft = Draft::new("google-benchmark", &format!("Google Benchmark {version}"));
    if !context.date.is_empty() {
        draft.fact("source.start", context.date.as_str());
    }
    if let Some(cpus) = context.num_cpus {
        draft.stable_fact("cpu.count", cpus);
    }
    if let Some(scaling) = context.cpu_scaling_enabled {
        draft.fact("cpu.scaling", scaling);
    }
    if context.library_build_type == "debug" {
        draft.fact("source.build", "debug library: times are not those of a release build");
    }
    draft
}

fn add(draft: &mut Draft, name: &str, entries: &[&Entry]) -> Result<(), Fault> {
    let id = id_of(name, entries.first().and_then(|entry| entry.threads));
    if let Some(failed) = entries.iter().find(|entry| entry.error_occurred) {
        let reason = format!("the benchmark says: {}", failed.error_message);
        draft.ended(id, "benchmark", Outcome::Failed { reason });
        return Ok(());
    }
    let runs: Vec<&&Entry> = entries.iter().filter(|entry| entry.run_type != "aggregate").collect();
    let chosen: Vec<&&Entry> = if runs.is_empty() {
        draft.unknown("source.repeats", "aggregates only: the mean is one value");
        entries.iter().filter(|entry| entry.aggregate_name == "mean").collect()
    } else {
        runs
    };
    if chosen.is_empty() {
        return Err(Fault::at(1, format!("expected runs or a mean of {name:?}, found neither")));
    }
    let repeats: Result<Vec<Vec<Measure>>, Fault> =
        chosen.iter().map(|entry| measures(entry)).collect();
    draft.launch_of(id, "benchmark", repeats?);
    Ok(())
}

/// `BM_Copy/64/threads:4`: the parts that name their value are axes, others are arguments.
fn id_of(name: &str, threads: Option<u32>) -> CaseId {
    let mut parts = name.split('/');
    let function = parts.next().unwrap_or_default();
    let mut id = case(&format!("google-benchmark::{function}"), &[]);
    for (index, part) in parts.enumerate() {
        let (axis, value) = match part.split_once(':') {
            Some((axis, value)) => (axis.to_owned(), value.to_owned()),
            None => (format!("arg{}", index + 1), part.to_owned()),
        };
        id.params.insert(axis, value);
    }
    if let Some(threads) = threads.filter(|threads| *threads > 1) {
        id.params.insert("threads".to_owned(), threads.to_string());
    }
    id
}

fn measures(entry: &Entry) -> Result<Vec<Measure>, Fault> {
    let factor = match entry.time_unit.as_str() {
        "ns" | "" => 1e-9,
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        // Complexity entries have no time.
        other => {
            let message = format!("expected time_unit ns, us, ms or s, found {other:?}");
            return Err(Fault::at(1, message));
        }
    };
    let exact = |value: f64| Printed { value, step: 0.0 };
    let mut measures = Vec::new();
    let mut time = |name: &str, value: Option<f64>| {
        if let Some(value) = value {
            measures.push(Measure::new(name, TIME, Lower, exact(value), factor));
        }
    };
    time("time", entry.real_time);
    time("cpu_time", entry.cpu_time);
    if let Some(rate) = entry.bytes_per_second {
        measures.push(Measure::new("bandwidth", BANDWIDTH, Higher, exact(rate), 1.0).info());
    }
    if let Some(rate) = entry.items_per_second {
        measures.push(Measure::new("items", EVENTS, Higher, exact(rate), 1.0).info());
    }
    // The CPU time says what the process used, and rates are by CPU time unless the benchmark asks
    // for another clock: the wall clock decides.
    for measure in measures.iter_mut().filter(|measure| measure.metric.name == "cpu_time") {
        measure.metric.role = Role::Info;
    }
    Ok(measures)
}
