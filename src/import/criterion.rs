//! criterion.rs: a folder `target/criterion`, in which every benchmark's newest run stands under
//! `new/` as `benchmark.json`, `sample.json` and `estimates.json`.
//!
//! Samples run in one process: repeats of one launch. A sample's value is its time over its
//! iterations. Linear sampling gives small samples more noise than large ones, which no reader of
//! plain values can weigh.

use super::draft::{BANDWIDTH, EVENTS, Measure, TIME, case, hash};
use super::lines::Printed;
use super::{Draft, Fault, ImportError};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use vbench_results::Better::{Higher, Lower};
use vbench_results::CaseId;

#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
    value_str: Option<String>,
    throughput: Option<Throughput>,
}

#[derive(Deserialize)]
enum Throughput {
    Bytes(u64),
    BytesDecimal(u64),
    Elements(u64),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Sample {
    #[serde(default)]
    sampling_mode: String,
    iters: Vec<f64>,
    times: Vec<f64>,
}

#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

/// Deepest nesting of groups that is searched.
const DEEPEST: usize = 12;

/// Reads every benchmark below a folder.
///
/// # Errors
/// A folder without benchmarks, or a file that is not what criterion writes there.
pub fn read(folder: &Path) -> Result<Vec<Draft>, ImportError> {
    let mut found = Vec::new();
    search(folder, DEEPEST, &mut found)?;
    found.sort();
    if found.is_empty() {
        let message = "expected folders new/ with benchmark.json and sample.json below, found none";
        return Err(ImportError::new(folder, message));
    }
    let mut draft = Draft::new("criterion", "criterion.rs");
    draft.fact("source.design", "one process per bench target: repeats of one launch");
    for new in found {
        let [benchmark, sample, estimates] =
            ["benchmark.json", "sample.json", "estimates.json"].map(|name| new.join(name));
        let benchmark_text = super::text_of(&benchmark)?;
        let sample_text = super::text_of(&sample)?;
        let estimates_text = super::text_of(&estimates)?;
        for text in [&benchmark_text, &sample_text] {
            draft.content = hash(draft.content, text.as_bytes());
        }
        add(&mut draft, [&benchmark_text, &sample_text, &estimates_text])
            .map_err(|(file, fault)| ImportError { path: new.join(file), fault })?;
    }
    Ok(vec![draft])
}

/// Every folder `new` that holds a sample.
fn search(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), ImportError> {
    let entries = fs::read_dir(folder)
        .map_err(|error| ImportError::new(folder, format!("cannot read the folder: {error}")))?;
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()) {
        if path.is_symlink() {
            continue;
        }
        if path.file_name().is_some_and(|name| name == "new") && path.join("sample.json").exists() {
            found.push(path);
        } else if depth > 0 {
            search(&path, depth - 1, found)?;
        }
    }
    Ok(())
}

/// Adds one benchmark from the texts of its three files; an error names the file.
pub fn add(
    draft: &mut Draft,
    [benchmark, sample, estimates]: [&str; 3],
) -> Result<(), (&'static str, Fault)> {
    let of = |file| move |error: serde_json::Error| (file, Fault::json(&error, "criterion"));
    let benchmark: Benchmark = serde_json::from_str(benchmark).map_err(of("benchmark.json"))?;
    let sample: Sample = serde_json::from_str(sample).map_err(of("sample.json"))?;
    let estimates: Estimates = serde_json::from_str(estimates).map_err(of("estimates.json"))?;
    if sample.iters.len() != sample.times.len() || sample.iters.is_empty() {
        let (iters, times) = (sample.iters.len(), sample.times.len());
        let message = format!("expected as many iters as times, found {iters} and {times}");
        return Err(("sample.json", Fault::at(1, message)));
    }
    let id = id_of(&benchmark);
    let repeats = sample.iters.iter().zip(&sample.times);
    let repeats =
        repeats.map(|(iters, time)| measures(*iters, *time, benchmark.throughput.as_ref()));
    let launch = draft.launch_of(id, "benchmark", repeats.collect());
    launch.facts.insert("sampling".to_owned(), sample.sampling_mode.as_str().into());
    let median = estimates.median.point_estimate * 1e-9;
    launch.facts.insert("criterion_median_s".to_owned(), median.into());
    Ok(())
}

fn id_of(benchmark: &Benchmark) -> CaseId {
    let name = match &benchmark.function_id {
        Some(function) => format!("{}/{function}", benchmark.group_id),
        None => benchmark.group_id.clone(),
    };
    let name = name.replace('/', "::");
    match &benchmark.value_str {
        Some(value) => case(&format!("criterion::{name}"), &[("value", value)]),
        None => case(&format!("criterion::{name}"), &[]),
    }
}

fn measures(iters: f64, nanoseconds: f64, work: Option<&Throughput>) -> Vec<Measure> {
    let seconds = nanoseconds * 1e-9 / iters;
    let exact = |value| Printed { value, step: 0.0 };
    let mut measures = vec![Measure::new("time", TIME, Lower, exact(seconds), 1.0)];
    let rate = |name: &str, unit, amount: u64| {
        Measure::new(name, unit, Higher, exact(amount as f64 / seconds), 1.0).info()
    };
    match work {
        Some(Throughput::Bytes(bytes) | Throughput::BytesDecimal(bytes)) => {
            measures.push(rate("bandwidth", BANDWIDTH, *bytes));
        }
        Some(Throughput::Elements(elements)) => measures.push(rate("items", EVENTS, *elements)),
        Some(Throughput::Other) | None => {}
    }
    measures
}
