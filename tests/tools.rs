//! Importers on what installed tools print on this machine, not on stored texts of theirs.
//!
//! A tool that is not installed is named and left out; with `VBENCH_REQUIRE_TOOLS` set that is a
//! failure. Nothing here is about speed: each number stored is compared with the one printed.

use std::path::Path;
use std::process::Command;
use tempfile::{TempDir, tempdir};
use vbench::cli::{Console, run_cli};
use vbench::results::ResultSet;
use vbench::store;
use vbench::vbench;

/// A program without benchmarks would refuse every command.
#[vbench(kind = "cpu")]
fn nothing() {}

/// What a tool writes to standard output; nothing where it is not installed.
fn output(tool: &str, arguments: &[&str]) -> Option<String> {
    match Command::new(tool).args(arguments).output() {
        Ok(output) => {
            assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
            Some(String::from_utf8(output.stdout).unwrap())
        }
        Err(error) => {
            missing(&format!("{tool}: {error}"));
            None
        }
    }
}

fn missing(what: &str) {
    assert!(std::env::var_os("VBENCH_REQUIRE_TOOLS").is_none(), "required: {what}");
    println!("not run: {what}");
}

/// The run that `vbench import KIND` stores of a text.
fn imported(kind: &str, text: &str) -> ResultSet {
    let out = tempdir().unwrap();
    let file = out.path().join("output.txt");
    std::fs::write(&file, text).unwrap();
    stored(kind, &file, &out)
}

fn stored(kind: &str, file: &Path, out: &TempDir) -> ResultSet {
    let (file, results) = (file.display().to_string(), out.path().join("results"));
    let folder = results.display().to_string();
    let arguments =
        ["import", kind, &file, "--system", "here", "--config", "now", "--out", &folder];
    let (mut written, mut said) = (Vec::new(), Vec::new());
    let all = arguments.map(str::to_owned);
    let code = run_cli(&all, &mut Console::plain(&mut written, &mut said, 100));
    assert_eq!(code, 0, "{}", String::from_utf8_lossy(&said));
    store::read(&store::runs(&results)[0]).unwrap().results
}

/// The only value of a metric in all cases.
fn value(results: &ResultSet, metric: &str) -> f64 {
    let repeats = results.cases.iter().flat_map(|case| &case.launches).flat_map(|l| &l.repeats);
    let values: Vec<f64> = repeats.filter_map(|r| r.values.get(metric).copied()).collect();
    assert_eq!(values.len(), 1, "{metric}: {values:?}");
    values[0]
}

/// The number behind `label` in a text.
fn printed(text: &str, label: &str) -> f64 {
    let line = text.lines().find_map(|line| line.split_once(label)).unwrap().1;
    let number: String = line
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    number.parse().unwrap()
}

#[test]
fn sysbench_as_it_prints_here() {
    let Some(text) = output("sysbench", &["cpu", "--time=1", "--threads=2", "run"]) else { return };
    let results = imported("sysbench", &text);
    assert_eq!(value(&results, "rate"), printed(&text, "events per second:"));
    assert_eq!(results.cases[0].case.params["threads"], "2");
    let memory = ["memory", "--time=1", "--memory-total-size=256M", "run"];
    let Some(text) = output("sysbench", &memory) else { return };
    let results = imported("sysbench", &text);
    let bandwidth = printed(&text, "MiB transferred (") * f64::from(1 << 20);
    assert!((value(&results, "bandwidth") / bandwidth - 1.0).abs() < 1e-9);
}

#[test]
fn hyperfine_as_it_writes_here() {
    let out = tempdir().unwrap();
    let file = out.path().join("hyperfine.json");
    let json = file.display().to_string();
    let arguments = ["--runs", "4", "--export-json", &json, "sleep 0.02"];
    if output("hyperfine", &arguments).is_none() {
        return;
    }
    let document: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let times = document["results"][0]["times"].as_array().unwrap();
    let results = stored("hyperfine", &file, &out);
    let repeats = results.cases[0].launches.iter().flat_map(|launch| &launch.repeats);
    let stored: Vec<f64> =
        repeats.filter_map(|repeat| repeat.values.get("time").copied()).collect();
    assert_eq!(stored, times.iter().filter_map(|time| time.as_f64()).collect::<Vec<_>>());
    assert_eq!(stored.len(), 4);
}

const BENCHMARK: &str = r#"
#include <benchmark/benchmark.h>
#include <cstdint>
static void sum(benchmark::State& state) {
    std::uint64_t total = 0;
    for (auto _ : state) {
        for (int i = 0; i < state.range(0); i++) benchmark::DoNotOptimize(total += i);
    }
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(sum)->Arg(64)->Arg(4096);
BENCHMARK_MAIN();
"#;

#[test]
fn google_benchmark_as_it_writes_here() {
    let out = tempdir().unwrap();
    let (source, program) = (out.path().join("sum.cc"), out.path().join("sum"));
    std::fs::write(&source, BENCHMARK).unwrap();
    let built = Command::new("g++")
        .args(["-O1", "-o"])
        .args([&program, &source])
        .args(["-lbenchmark", "-lpthread"])
        .output();
    if !built.is_ok_and(|built| built.status.success()) {
        return missing("g++ with libbenchmark");
    }
    let arguments =
        ["--benchmark_format=json", "--benchmark_repetitions=3", "--benchmark_min_time=0.01"];
    let program = program.display().to_string();
    let Some(text) = output(&program, &arguments) else { return };
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let single = |entry: &&serde_json::Value| entry["run_type"] == "iteration";
    let entries = document["benchmarks"].as_array().unwrap().iter().filter(single);
    let mut times: Vec<f64> =
        entries.map(|entry| entry["real_time"].as_f64().unwrap() * 1e-9).collect();
    times.sort_by(f64::total_cmp);
    let results = imported("google-benchmark", &text);
    let repeats = results.cases.iter().flat_map(|case| &case.launches).flat_map(|l| &l.repeats);
    let mut stored: Vec<f64> =
        repeats.filter_map(|repeat| repeat.values.get("time").copied()).collect();
    stored.sort_by(f64::total_cmp);
    assert_eq!((results.cases.len(), stored.len(), times.len()), (2, 6, 6));
    for (stored, printed) in stored.iter().zip(&times) {
        assert!((stored / printed - 1.0).abs() < 1e-9, "{stored} {printed}");
    }
}
