//! What the table of a run looks like, word for word.

use super::{Detail, render};
use crate::quantity::{BytesPerSec, Ratio, Seconds, metric};
use std::collections::BTreeMap;
use vbench_results::{
    CaseResult, Environment, Estimator, Evidence, Fact, Launch, Metric, Outcome, Reading, Repeat,
    ResultSet, Role, Run, Value,
};

fn launch(launch: u32, metrics: &[Metric], values: &[f64], disturbed: bool) -> Launch {
    let repeat = |(index, value): (usize, &f64)| Repeat {
        repeat: index as u32 + 1,
        at_s: 0.0,
        elapsed_s: 0.1,
        iterations: 1,
        values: metrics.iter().map(|metric| (metric.name.clone(), *value)).collect(),
        evidence: Evidence {
            disturbed: disturbed.then(|| "steal 3.0% of the repeat".to_owned()),
            ..Evidence::default()
        },
    };
    Launch {
        launch,
        boot_id: None,
        position: launch,
        at_s: 0.0,
        elapsed_s: 1.0,
        outcome: Outcome::Measured,
        facts: BTreeMap::new(),
        repeats: values.iter().enumerate().map(repeat).collect(),
    }
}

fn case(id: &str, metrics: Vec<Metric>, launches: Vec<Launch>) -> CaseResult {
    CaseResult {
        case: id.parse().unwrap(),
        kind: id.split("::").next().unwrap().to_owned(),
        version: "1".into(),
        estimator: Estimator::Center,
        metrics,
        launches,
    }
}

/// STREAM with two launches, one of them disturbed; a sweep with two levels; a skip; a failure.
fn results() -> ResultSet {
    let bandwidth =
        vec![metric::<BytesPerSec>("triad", Role::Gated), metric::<Ratio>("share", Role::Info)];
    let mut stream = case(
        "memory::stream/pages=thp,stores=cached",
        bandwidth.clone(),
        vec![
            launch(1, &bandwidth, &[24e9, 25e9, 26e9], false),
            launch(2, &bandwidth, &[25e9, 26e9, 27e9], true),
        ],
    );
    stream.estimator = Estimator::Best;
    stream.launches[0].facts.insert("size_rule".into(), "not kept: 64 MiB < 4 x 48 MiB".into());
    let mut results = ResultSet::new(Run::default(), Environment::default());
    results.cases.push(stream);
    let latency = vec![metric::<Seconds>("latency", Role::Gated)];
    for exponent in 12..=20 {
        let value = if exponent <= 15 { 1.5e-9 } else { 6e-9 };
        let id = format!("latency::chase/size={}", crate::quantity::Bytes(1 << exponent));
        results.cases.push(case(&id, latency.clone(), vec![launch(1, &latency, &[value], false)]));
    }
    for (id, outcome) in [
        ("gpu::copy", Outcome::Skipped { reason: "needs 1 GPU, found 0".into() }),
        ("cpu::wrong", Outcome::Failed { reason: "check failed: \u{1b}[31m2 + 2".into() }),
    ] {
        let mut ended = launch(1, &latency, &[], false);
        ended.outcome = outcome;
        results.cases.push(case(id, latency.clone(), vec![ended]));
    }
    let source = "/sys".to_owned();
    let reading = Reading::Value(32_768_u32.into());
    let fact = Fact { reading, source, stable: true, identifying: false };
    results.environment.facts.insert("cpu.cache.l1d.size".into(), fact);
    results
}

const WIDE: &str = "  \
  case         metric      value        +/-95%  spread    n
cpu::wrong  [cpu]
               failed
gpu::copy  [gpu]
               skipped
latency::chase  [latency]
  size=4KiB    latency      1.50  ns                    1x1
  size=8KiB    latency      1.50  ns                    1x1
  size=16KiB   latency      1.50  ns                    1x1
  size=32KiB   latency      1.50  ns                    1x1
  size=64KiB   latency      6.00  ns                    1x1
  size=128KiB  latency      6.00  ns                    1x1
  size=256KiB  latency      6.00  ns                    1x1
  size=512KiB  latency      6.00  ns                    1x1
  size=1MiB    latency      6.00  ns                    1x1
memory::stream  [memory]  pages=thp stores=cached
               triad best   27.0  GB/s   28.3%   12.5%  2x3  3 disturbed

levels of latency::chase
   1.50 ns  4KiB to 32KiB, ends between 32KiB and 64KiB
   6.00 ns  64KiB to 1MiB, the largest size measured is still on it
  claimed L1D 32KiB: agrees with the level of 1.50 ns
failed: cpu::wrong: check failed: \\u{1b}[31m2 + 2
skipped: gpu::copy: needs 1 GPU, found 0
memory::stream: size_rule: not kept: 64 MiB < 4 x 48 MiB
value   best of all repeats where it says best, else the typical launch (trimmed mean of logs)
+/-95%  half-width of the interval over launches; repeats of one launch are not independent
spread  largest over smallest value, less one; n: launches x repeats
one launch has no interval: --launches 3 or more
";

#[test]
fn a_run_is_one_aligned_table_with_what_must_be_known() {
    assert_eq!(render(&results(), Detail::default(), 100), WIDE);
}

#[test]
fn a_benchmark_that_was_skipped_as_a_whole_is_one_line() {
    let mut results = results();
    for gpu in 0..8 {
        let mut skipped = launch(1, &[], &[], false);
        skipped.outcome = Outcome::Skipped { reason: "no NVIDIA driver".into() };
        results.cases.push(case(&format!("gpu::matmul/gpu={gpu}"), Vec::new(), vec![skipped]));
    }
    let text = render(&results, Detail::default(), 100);
    let lines: Vec<_> = text.lines().filter(|line| line.contains("matmul")).collect();
    assert_eq!(lines, ["skipped: gpu::matmul/gpu=0 and 7 more: no NVIDIA driver"]);
    results.cases.push(case("gpu::matmul/gpu=8", Vec::new(), Vec::new()));
    let text = render(&results, Detail::default(), 100);
    assert!(text.contains("gpu=8"), "what did not run at all is shown: {text}");
}

#[test]
fn a_narrow_terminal_keeps_values_and_units() {
    let text = render(&results(), Detail::default(), 44);
    let row = text.lines().find(|line| line.contains("triad")).unwrap();
    assert_eq!(row.trim(), "triad best   27.0  GB/s");
}

#[test]
fn informative_metrics_are_shown_when_asked_for() {
    assert!(!render(&results(), Detail::default(), 100).contains("share"));
    assert!(
        render(&results(), Detail { all_metrics: true, ..Detail::default() }, 100)
            .contains("share")
    );
}

fn list<V: Into<Value>>(values: impl IntoIterator<Item = V>) -> Value {
    Value::List(values.into_iter().map(Into::into).collect())
}

/// A run of one case with these facts in the second of its two launches; the first failed.
fn with_facts(id: &str, facts: &[(&str, Value)]) -> ResultSet {
    let metrics = vec![metric::<Seconds>("latency", Role::Gated)];
    let mut failed = launch(1, &metrics, &[], false);
    failed.outcome = Outcome::Failed { reason: "killed".into() };
    let mut measured = launch(2, &metrics, &[95e-9], false);
    measured.facts =
        facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let mut results = ResultSet::new(Run::default(), Environment::default());
    results.cases.push(case(id, metrics, vec![failed, measured]));
    results
}

/// The run without its table and legend.
fn below(results: &ResultSet, width: usize) -> String {
    let detail = Detail { pictures: true, ..Detail::default() };
    let text = render(results, detail, width);
    let start = text.find("\n\n").map_or(0, |at| at + 2);
    let end = text.find("failed: ").unwrap_or(text.len());
    text[start..end].to_owned()
}

/// Forty blocks, of which the last ten are further from the first vCPU and nearer to the second.
fn region_map() -> ResultSet {
    let block = |at: usize| {
        let noise = 1.0 + 0.01 * (at % 3) as f64;
        let (near, far) = (100e-9 * noise, 150e-9 * noise);
        list(if at < 30 { [near, far] } else { [far, near] })
    };
    let facts = [
        ("blocks", list((0..40).map(block))),
        ("block_bandwidths", list((0..40).map(|at| if at < 30 { 9e9 } else { 6e9 }))),
        ("block_bytes", Value::Integer(32 << 20)),
        ("cpus", list([0_u32, 9])),
    ];
    with_facts("placement::region_map/node=0", &facts)
}

#[test]
fn blocks_of_memory_are_a_digit_each_and_their_distances_a_sentence() {
    let expected = "\
placement::region_map/node=0  latency of each 32MiB of memory, launch 2 of 2
  cpu 0  000000000000000000000000000000999999
         9999
  cpu 9  999999999999999999999999999999000000
         0000
  0 is 100 ns, 9 is 153 ns
placement::region_map/node=0  bandwidth of each 32MiB of memory, launch 2 of 2
  cpu 0  999999999999999999999999999999000000
         0000
  0 is 6.00 GB/s, 9 is 9.00 GB/s
  40 blocks at 2 distances: 30 and 10;
  whether launches agree: vbench info
  --measured
";
    assert_eq!(below(&region_map(), 45), expected);
    let unasked = render(&region_map(), Detail::default(), 100);
    assert!(!unasked.contains("of memory"), "{unasked}");
}

#[test]
fn blocks_that_differ_by_noise_look_alike() {
    let mut results = region_map();
    let flat = (0..40).map(|at| list([100e-9 * (1.0 + 0.01 * (at % 2) as f64); 2]));
    results.cases[0].launches[1].facts.insert("blocks".into(), list(flat));
    let text = below(&results, 100);
    assert!(text.contains("40 blocks, all at one distance"), "{text}");
    assert!(text.contains("  cpu 0  01010101"), "{text}");
}

#[test]
fn noise_has_a_row_for_each_vcpu_and_unknown_is_no_zero() {
    let row = |cpu: u32, lost: f64, steal: Value| {
        let known: [Value; 5] =
            [cpu.into(), lost.into(), 1200_u32.into(), 8e-6.into(), 1.5e-3.into()];
        let rest: [Value; 4] = [steal, 7_u32.into(), 1190_u32.into(), 10_u32.into()];
        Value::List(known.into_iter().chain(rest).collect())
    };
    let names = ["cpu", "lost_share", "gaps", "p99_s", "max_s", "steal_s", "switches"];
    let columns = names.into_iter().chain(["gaps_under_2us", "gaps_under_10000us"]);
    let facts =
        |rows: Vec<Value>| [("vcpu_columns", list(columns.clone())), ("vcpus", Value::List(rows))];
    let two = vec![row(0, 0.0012, 0.01.into()), row(1, 0.25, "unknown".into())];
    let expected = "\
jitter::noise  each vCPU, launch 2 of 2
  cpu    lost   gaps      p99      max    steal  switches   <2us  <10ms
    0  0.120%  1,200  8.00 us  1.50 ms  10.0 ms         7  1,190     10
    1   25.0%  1,200  8.00 us  1.50 ms        ?         7  1,190     10
";
    assert_eq!(below(&with_facts("jitter::noise", &facts(two.clone())), 100), expected);
    let narrow = below(&with_facts("jitter::noise", &facts(two)), 60);
    let head = narrow.lines().nth(1).unwrap();
    assert!(head.contains("switches") && !head.contains("<2us"), "{narrow}");
    assert!(narrow.ends_with("  left out for the width: <2us, <10ms\n"), "{narrow}");
    let many = (0..40).map(|cpu| row(cpu, f64::from(cpu) / 100.0, 0.0.into())).collect();
    let many = below(&with_facts("jitter::noise", &facts(many)), 100);
    assert!(many.contains("32 of 40 vCPUs: those that lost most"), "{many}");
    assert!(many.contains("   39  39.0%") && !many.contains("    7  7.00%"), "{many}");
}

#[test]
fn facts_of_another_shape_are_left_out() {
    for (name, value) in
        [("blocks", Value::from("x")), ("vcpus", list([1_u32])), ("cpus", list(["a"]))]
    {
        let mut results = region_map();
        results.cases[0].launches[1].facts.insert(name.into(), value);
        let _ = below(&results, 80);
    }
}
