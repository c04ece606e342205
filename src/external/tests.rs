//! Tests of declared benchmarks.

use super::{declared, read};
use crate::axis::Params;
use crate::bencher::{Bencher, Settings, Stop};
use crate::benchmark::Benchmark;
use crate::profile::Profile;
use std::path::Path;

fn one(body: &str) -> Result<&'static Benchmark, String> {
    let text = format!("schema = 1\n[[bench]]\nname = \"x\"\nkind = \"text\"\n{body}");
    Ok(read(&text, "own", Path::new("own.toml"))?[0])
}

fn run(body: &str, params: &[(&str, &str)]) -> Result<Vec<f64>, Stop> {
    let benchmark = one(body).unwrap();
    let effort = crate::profile::Effort { samples: 2, warmup: 0, ..Profile::Quick.effort() };
    let mut bencher = Bencher::new(Settings { profile: Profile::Quick, effort, seed: 1 });
    let pairs = params.iter().map(|(axis, value)| ((*axis).to_owned(), (*value).to_owned()));
    let recorded =
        super::execute(benchmark.external.unwrap(), &mut bencher, &Params(pairs.collect()))?;
    Ok(recorded.repeats.iter().flat_map(|repeat| repeat.values.values().copied()).collect())
}

#[test]
fn groups_become_metrics_in_base_units_and_axes_are_filled_in() {
    let body = r#"
        run = ["echo", "size {bytes} took 1,250.5 us"]
        axes = { bytes = { pow2 = [3, 5] } }
        check = 'size {bytes}'
        parse = 'size {bytes} took (?P<time>\S+) us'
        metrics = { time = { unit = "us", better = "lower" } }"#;
    let values = run(body, &[("bytes", "16")]).unwrap();
    assert_eq!(values.len(), 2, "one execution per repeat");
    assert!((values[0] - 1250.5e-6).abs() < 1e-12);
    let benchmark = one(body).unwrap();
    assert_eq!(benchmark.external.unwrap().axes()[0].rows, [["8"], ["16"], ["32"]]);
    assert_eq!(benchmark.id(), "own::x");
}

#[test]
fn json_lines_give_a_sample_each() {
    let body = r#"
        run = ["printf", '{"rate": 3}\nnoise\n{"rate": 4}\n']
        parse = "jsonl"
        metrics = { rate = { unit = "token/s", better = "higher" } }"#;
    assert_eq!(run(body, &[]).unwrap(), [3.0, 4.0, 3.0, 4.0]);
}

#[test]
fn without_parse_the_wall_time_is_measured() {
    assert!(run(r#"run = ["true"]"#, &[]).unwrap().iter().all(|time| *time > 0.0));
}

#[test]
fn what_goes_wrong_is_a_failure_with_its_reason() {
    let metric = r#"metrics = { v = { unit = "s", better = "lower" } }"#;
    for (body, reason) in [
        (r#"run = ["false"]"#.to_owned(), "false ended with exit status: 1"),
        (r#"run = ["/no/such/program"]"#.to_owned(), "cannot start /no/such/program"),
        (
            format!("run = [\"echo\", \"1\"]\ncheck = 'ok'\nparse = '(?P<v>1)'\n{metric}"),
            "check failed",
        ),
        (
            format!("run = [\"echo\", \"one\"]\nparse = '(?P<v>\\w+)'\n{metric}"),
            "v is \"one\", not a number",
        ),
        (format!("run = [\"echo\", \"inf\"]\nparse = '(?P<v>\\w+)'\n{metric}"), "v is inf"),
        (format!("run = [\"echo\"]\nparse = '(?P<v>\\d+)'\n{metric}"), "parse matches nothing"),
    ] {
        match run(&body, &[]) {
            Err(Stop::Fail(said)) => assert!(said.contains(reason), "{body}: {said}"),
            other => panic!("{body}: {other:?}"),
        }
    }
}

#[test]
fn declarations_are_checked_and_named() {
    for (body, reason) in [
        ("run = []", "run is empty"),
        ("run = [\"x\"]\ncolour = 1", "unknown field `colour`"),
        ("run = [\"x\"]\nparse = '('", "unclosed group"),
        ("run = [\"x\"]\nparse = 'x'", "parse without metrics"),
        (
            "run = [\"x\"]\nmetrics = { v = { unit = \"s\", better = \"lower\" } }",
            "metrics without parse",
        ),
        (
            "run = [\"x\"]\nparse = 'x'\nmetrics = { v = { unit = \"s\", better = \"lower\" } }",
            "no group (?P<v>",
        ),
        (
            "run = [\"x\"]\nparse = '(?P<v>x)'\nmetrics = { v = { unit = \"s\", better = \"up\" } }",
            "unknown variant `up`",
        ),
        ("run = [\"x\"]\naxes = { n = { pow2 = [9, 3] } }", "first <= last"),
        ("run = [\"x\"]\naxes = { N = [1] }", "axis \"N\""),
        ("run = [\"x\"]\ntimeout = \"soon\"", "expected a time"),
    ] {
        let error = one(body).unwrap_err();
        assert!(error.contains(reason), "{body}: {error}");
    }
    assert!(read("schema = 2", "x", Path::new("x")).unwrap_err().contains("this vbench reads 1"));
}

#[test]
fn a_missing_program_is_a_skip_and_a_missing_folder_no_benchmarks() {
    let machine = crate::machine::Machine::current();
    let skip = one(r#"run = ["no-such-program-here"]"#).unwrap().external.unwrap().needs(machine);
    assert!(skip.unwrap_err().reason().contains("no-such-program-here, not found in PATH"));
    let cpus = one("run = [\"true\"]\nneeds = { cpus = 100000 }").unwrap();
    assert!(
        cpus.external.unwrap().needs(machine).unwrap_err().reason().contains("needs 100000 CPUs")
    );
    assert!(declared(Path::new("/no/such/folder")).unwrap().is_empty());
}

#[test]
fn another_declaration_is_another_version() {
    let version = |body| one(body).unwrap().version;
    assert_eq!(version("run = [\"a\"]"), version("run = [\"a\"]"));
    assert_ne!(version("run = [\"a\"]"), version("run = [\"b\"]"));
}
