//! What the table of a run looks like, word for word.

use super::{Detail, render};
use crate::quantity::{BytesPerSec, Ratio, Seconds, metric};
use std::collections::BTreeMap;
use vbench_results::{
    CaseResult, Environment, Estimator, Evidence, Fact, Launch, Metric, Outcome, Reading, Repeat,
    ResultSet, Role, Run,
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
