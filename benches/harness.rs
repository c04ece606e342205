//! What the harness itself costs, by criterion:
//! `cargo bench --bench harness --features harness-benches`.
//!
//! The empty closure is timed by this harness, by criterion and by divan side by side: each loop's
//! cost per iteration is what a benchmark of nothing reads there.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::slice::from_ref;
use std::time::Duration;
use vbench::bencher::{Bencher, Settings};
use vbench::compare::{Policy, Side, compare};
use vbench::machine::Machine;
use vbench::plan::{Plan, Selection};
use vbench::profile::Profile;
use vbench::report::diff::{View, text};
use vbench::results::{
    CaseResult, Counts, Environment, Estimator, Evidence, Launch, Metric, Outcome, Repeat,
    ResultSet, Run, Values, read_runs, read_samples, write_samples,
};
use vbench_suites as _;

fn settings() -> Settings {
    Settings { profile: Profile::Quick, effort: Profile::Quick.effort(), seed: 1 }
}

/// Nanoseconds per call of an empty closure, as each harness reads it.
fn empty_iteration(c: &mut Criterion) {
    let ours = || {
        let mut bencher = Bencher::new(settings());
        let samples = bencher.iter(|| black_box(0_u64));
        samples.values().map(|time| time.0).fold(f64::INFINITY, f64::min)
    };
    let mut group = c.benchmark_group("empty_iter");
    group.sample_size(10).warm_up_time(Duration::from_millis(500));
    group.bench_function("criterion", |b| b.iter(|| black_box(0_u64)));
    // What this harness reads for one call, times the calls that criterion asks for.
    group.bench_function("vbench", |b| {
        b.iter_custom(|calls| Duration::from_secs_f64(ours() * calls as f64));
    });
    group.finish();
}

#[divan::bench]
fn empty_iter_divan() -> u64 {
    black_box(0)
}

/// Finding, sorting and planning every linked benchmark.
fn listing(c: &mut Criterion) {
    let mut group = c.benchmark_group("listing");
    group.sample_size(20).warm_up_time(Duration::from_millis(500));
    group.bench_function("registry", |b| b.iter(|| vbench::benchmark::benchmarks().unwrap().len()));
    let benchmarks = vbench::benchmark::benchmarks().unwrap();
    let machine = Machine::current();
    group.bench_function("plan", |b| {
        b.iter(|| Plan::new(&benchmarks, &Selection::default(), machine).unwrap().cases.len());
    });
    group.finish();
}

/// 100 cases x 10 launches x `repeats` repeats, named as a real run is.
fn stored(repeats: u32) -> ResultSet {
    let metric: Metric =
        vbench::quantity::metric::<vbench::prelude::Seconds>("time", vbench::results::Role::Gated);
    let repeat = |launch: u32, repeat: u32| Repeat {
        repeat,
        at_s: f64::from(repeat) * 0.1,
        elapsed_s: 0.1,
        iterations: 1000,
        // Spread by a percent between launches and within them.
        values: Values::from([(
            "time",
            1e-9 * (1.0 + 0.01 * (f64::from(launch * 7 % 10 + repeat * 37 % 101) / 111.0)),
        )]),
        evidence: Evidence::new(
            Counts {
                steal_s: Some(0.0),
                involuntary_switches: Some(0),
                migrations: Some(0),
                major_faults: Some(0),
                ..Counts::default()
            },
            None,
        ),
    };
    let launch = |launch| Launch {
        launch,
        boot_id: Some("1b4e28ba-2fa1-11d2-883f-0016d3cca427".into()),
        position: launch,
        at_s: 1.0,
        elapsed_s: 10.0,
        outcome: Outcome::Measured,
        facts: BTreeMap::new(),
        repeats: (1..=repeats).map(|index| repeat(launch, index)).collect(),
    };
    let case = |index: u32| CaseResult {
        case: format!("memory::example/size={index}").parse().unwrap(),
        kind: "memory".into(),
        version: "f928ac04b8e94641".into(),
        estimator: Estimator::Center,
        metrics: vec![metric.clone()],
        launches: (1..=10).map(launch).collect(),
    };
    let run = Run {
        id: "20260102T030405Z-beef".into(),
        system: "intel-xeon-2.80ghz".into(),
        config: "default".into(),
        started_at: "2026-01-02T03:04:05Z".into(),
        ..Run::default()
    };
    let mut results = ResultSet::new(run, Environment::default());
    results.cases = (0..100).map(case).collect();
    results
}

fn storage(c: &mut Criterion) {
    let results = stored(100);
    let (json, mut csv) = (results.to_json(), Vec::new());
    write_samples(&results, &mut csv).unwrap();
    println!("100,000 samples: {} MB of JSON, {} MB of CSV", json.len() >> 20, csv.len() >> 20);
    let mut group = c.benchmark_group("100k_samples");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    group.bench_function("write_csv", |b| {
        b.iter_batched(
            || Vec::with_capacity(csv.len()),
            |mut out| write_samples(&results, &mut out).map(|()| out),
            BatchSize::LargeInput,
        );
    });
    group.bench_function("read_csv_rows", |b| {
        b.iter(|| read_samples(&csv[..], Path::new("samples.csv")).unwrap().len());
    });
    group.bench_function("write_json", |b| b.iter(|| results.to_json().len()));
    group.bench_function("read_json", |b| {
        b.iter(|| ResultSet::from_json(&json, Path::new("result.json")).unwrap().cases.len());
    });
    group.bench_function("summarize", |b| b.iter(|| vbench::store::summary_rows(&results).len()));
    group.finish();
}

/// What `vbench diff` does with a million samples: reading them as CSV, in bytes a second, and from
/// there to verdicts and text.
fn comparing(c: &mut Criterion) {
    let base = stored(500);
    let mut candidate = base.clone();
    candidate.run.config = "vcpu_pin".into();
    let mut csv = Vec::new();
    write_samples(&base, &mut csv).unwrap();
    let mut group = c.benchmark_group("million_samples");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    group.throughput(Throughput::Bytes(csv.len() as u64));
    group.bench_function("read_csv_half", |b| {
        b.iter_with_large_drop(|| read_runs(&csv, Path::new("samples.csv")).unwrap());
    });
    group.throughput(Throughput::Elements(1_000_000));
    let view = View { width: 120, unicode: true, colour: false, all_metrics: true };
    group.bench_function("to_verdicts", |b| {
        b.iter(|| {
            let candidate = Side { name: "vcpu_pin", runs: from_ref(&candidate) };
            let base = Side { name: "default", runs: from_ref(&base) };
            text(&compare(&base, &[candidate], &Policy::default()), view).len()
        });
    });
    group.finish();
}

criterion_group!(harness, empty_iteration, listing, storage, comparing);

fn divan_side() {
    println!("the empty closure by divan:");
    divan::main();
}

criterion_main!(divan_side, harness);
