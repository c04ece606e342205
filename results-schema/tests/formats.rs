//! The formats: what is written is read back, what is checked in stays readable.

use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use vbench_results::*;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Compares with a checked-in file; `UPDATE=1` writes it.
fn same_as_checked_in(file: &str, text: &str) {
    let path = folder(file);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, text).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == text, "{file} is out of date: UPDATE=1 cargo test -p vbench-results");
}

fn sample_run() -> ResultSet {
    let mut environment = Environment::default();
    let mut fact = |name: &str, reading, stable, identifying| {
        let source = "/proc/example".to_owned();
        environment.facts.insert(name.into(), Fact { reading, source, stable, identifying });
    };
    fact("cpu.model", Reading::Value("Example CPU".into()), true, false);
    fact(
        "numa.distances",
        Reading::Value(Value::List(vec!["10 20".into(), "20 10".into()])),
        true,
        false,
    );
    fact("kernel.hostname", Reading::Value("guest-7".into()), false, true);
    fact("cpu.governor", Reading::Unknown("no such file".into()), false, false);
    let run = Run {
        id: "20260102T030405Z-beef".into(),
        system: "example-cpu".into(),
        config: "vcpu_pin".into(),
        started_at: "2026-01-02T03:04:05Z".into(),
        finished_at: Some("2026-01-02T03:06:05Z".into()),
        vbench_version: "0.1.0".into(),
        command: vec!["run".into(), "--config".into(), "vcpu_pin".into()],
        profile: "quick".into(),
        launches: 2,
        seed: 7,
        labels: BTreeMap::from([("ticket".into(), "42".into())]),
        fingerprint: environment.fingerprint(),
        clock_resolution_s: Some(1e-9),
        clock_cost_s: Some(2.5e-8),
        pairs: None,
        quarantine: None,
    };
    let mut results = ResultSet::new(run, environment);
    results.cases = vec![
        measured_case(),
        ended_case("gpu::copy", Outcome::Skipped { reason: "needs 1 GPU, found 0".into() }),
        ended_case(
            "memory::broken",
            Outcome::Failed { reason: "check failed: \"a\", b\nand c".into() },
        ),
        ended_case(
            "memory::endless",
            Outcome::TimedOut { reason: "killed after its limit of 60 s".into() },
        ),
    ];
    results
}

fn metric(name: &str, unit: Unit, better: Better, role: Role) -> Metric {
    Metric { name: name.into(), unit, better, role, resolution: None, exact: false }
}

fn measured_case() -> CaseResult {
    let metrics = vec![
        metric("triad", Unit::decimal("B/s"), Better::Higher, Role::Gated),
        metric("fairness", Unit::plain("1"), Better::Lower, Role::Info),
    ];
    let repeat = |repeat: u32, triad: f64, fairness: Option<f64>| Repeat {
        repeat,
        at_s: 0.25 * f64::from(repeat),
        elapsed_s: 0.125,
        iterations: 4,
        values: [("triad", Some(triad)), ("fairness", fairness)]
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect(),
        evidence: Evidence::new(
            Counts {
                steal_s: Some(0.0),
                involuntary_switches: Some(u64::from(repeat)),
                ..Counts::default()
            },
            (repeat == 2).then(|| "steal 3.0% of the repeat".to_owned()),
        ),
    };
    let launch = |launch: u32, repeats| Launch {
        launch,
        boot_id: Some("1b4e28ba".into()),
        position: launch,
        at_s: f64::from(launch),
        elapsed_s: 1.5,
        outcome: Outcome::Measured,
        facts: BTreeMap::from([("array_bytes".into(), Value::Integer(1 << 28))]),
        repeats,
    };
    CaseResult {
        case: "memory::stream/stores=cached".parse().unwrap(),
        kind: "memory".into(),
        version: "00ff".into(),
        estimator: Estimator::Best,
        metrics,
        launches: vec![
            launch(1, vec![repeat(1, 2.5e10, Some(0.01)), repeat(2, 2.25e10, None)]),
            launch(2, vec![repeat(1, 2.75e10, Some(0.02))]),
        ],
    }
}

fn ended_case(benchmark: &str, outcome: Outcome) -> CaseResult {
    let launch = Launch {
        launch: 1,
        boot_id: None,
        position: u32::from(outcome.is_failure()),
        at_s: 3.0,
        elapsed_s: 0.5,
        outcome,
        facts: BTreeMap::new(),
        repeats: Vec::new(),
    };
    CaseResult { case: benchmark.parse().unwrap(), launches: vec![launch], ..measured_case() }
}

fn csv_of(results: &ResultSet) -> String {
    let mut bytes = Vec::new();
    write_samples(results, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_schema_and_the_column_table_are_checked_in() {
    same_as_checked_in("schema/v1.json", &json_schema());
    same_as_checked_in("schema/columns.md", &column_table());
}

#[test]
fn the_example_is_what_this_version_writes() {
    let results = sample_run();
    same_as_checked_in("examples/v1/result-1.0.json", &results.to_json());
    same_as_checked_in("examples/v1/samples-1.0.csv", &csv_of(&results));
}

#[test]
fn every_released_example_stays_readable_and_valid() {
    let schema: serde_json::Value = serde_json::from_str(&json_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let (mut json, mut csv) = (0, 0);
    for entry in fs::read_dir(folder("examples/v1")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        if path.extension().is_some_and(|extension| extension == "json") {
            assert!(!ResultSet::read(&path).unwrap().cases.is_empty());
            let value = serde_json::from_str(&text).unwrap();
            assert!(validator.is_valid(&value), "{path:?}: {:?}", validator.validate(&value).err());
            json += 1;
        } else {
            assert!(!read_samples(text.as_bytes(), &path).unwrap().is_empty());
            csv += 1;
        }
    }
    assert!(json > 0 && csv > 0);
}

#[test]
fn json_and_csv_hold_the_same_rows() {
    let results = sample_run();
    let from_json = ResultSet::from_json(&results.to_json(), Path::new("x")).unwrap();
    assert_eq!(from_json, results);
    let from_csv = read_samples(csv_of(&results).as_bytes(), Path::new("x")).unwrap();
    assert_eq!(from_csv, from_json.sample_rows().collect::<Vec<_>>());
    assert_eq!(from_csv.len(), 5 + 3, "a row per value, and one per launch without values");
}

/// What the CSV keeps of a result set.
fn as_csv_keeps_it(mut results: ResultSet) -> ResultSet {
    let run = &results.run;
    results.run = Run {
        id: run.id.clone(),
        system: run.system.clone(),
        config: run.config.clone(),
        started_at: run.started_at.clone(),
        launches: 2,
        ..Run::default()
    };
    results.environment = Environment::default();
    for case in &mut results.cases {
        case.estimator = Estimator::Center;
        let recorded = |metric: &Metric| {
            let mut repeats = case.launches.iter().flat_map(|launch| &launch.repeats);
            repeats.any(|repeat| repeat.values.contains_key(&metric.name))
        };
        case.metrics.retain(recorded);
        for launch in &mut case.launches {
            launch.elapsed_s = 0.0;
            launch.facts.clear();
            launch.at_s = launch.repeats.first().map_or(launch.at_s, |repeat| repeat.at_s);
            for repeat in &mut launch.repeats {
                (repeat.elapsed_s, repeat.iterations) = (0.0, 0);
            }
        }
    }
    results
}

#[test]
fn runs_come_back_from_their_csv() {
    let results = sample_run();
    let runs = read_runs(csv_of(&results).as_bytes(), Path::new("x")).unwrap();
    assert_eq!(runs, [as_csv_keeps_it(results)]);
    assert!(
        read_runs(
            csv_of(&ResultSet::new(Run::default(), Environment::default())).as_bytes(),
            Path::new("x")
        )
        .unwrap()
        .is_empty()
    );
}

#[test]
fn several_runs_of_one_file_stay_apart() {
    let (first, mut second) = (sample_run(), sample_run());
    second.run.config = "numa".into();
    let rows = csv_of(&second);
    let both = csv_of(&first) + rows.split_once('\n').unwrap().1;
    let runs = read_runs(both.as_bytes(), Path::new("x")).unwrap();
    assert_eq!(runs, [as_csv_keeps_it(first), as_csv_keeps_it(second)]);
}

#[test]
fn columns_stand_in_the_documented_order() {
    let csv = csv_of(&sample_run());
    let names: Vec<&str> = SAMPLE_COLUMNS.iter().map(|(name, _)| *name).collect();
    assert_eq!(csv.lines().next().unwrap(), names.join(","));
    // A row written in another order would not read back as the same row.
    let row = serde_json::to_value(sample_run().sample_rows().next().unwrap()).unwrap();
    let object = row.as_object().unwrap();
    assert!(names.iter().all(|name| object.contains_key(*name)) && object.len() == names.len());
}

/// `schema_version` to `reason`: the order that the documentation promises to scripts that cut by place.
const ORDER: &str = "schema_version,run_id,system,config,boot_id,launch,repeat,position,kind,benchmark,\
    params,case,version,metric,unit,better,role,value,at_s,steal_s,involuntary_switches,migrations,\
    major_faults,disturbed,outcome,reason";

#[test]
fn a_file_whose_columns_stand_in_another_order_reads_the_same() {
    let now = csv_of(&sample_run());
    assert_eq!(now.lines().next().unwrap(), ORDER);
    let path = folder("examples/v1/samples-1.0-value-before-unit.csv");
    let earlier = fs::read_to_string(&path).unwrap();
    assert!(earlier.lines().next().unwrap().contains("metric,value,unit,better,role,at_s"));
    let rows = |text: &str| read_samples(text.as_bytes(), &path).unwrap();
    assert_eq!(rows(&earlier), rows(&now));
    let runs = |text: &str| read_runs(text.as_bytes(), &path).unwrap();
    assert_eq!(runs(&earlier), runs(&now));
}

#[test]
fn newer_majors_are_refused_by_name() {
    let newer = sample_run().to_json().replacen("\"1.0\"", "\"2.0\"", 1);
    let error = ResultSet::from_json(&newer, Path::new("r.json")).unwrap_err().to_string();
    assert!(error.starts_with("r.json has schema version 2.0"), "{error}");
    let csv = "schema_version,other\n2.0,x\n";
    let error = read_samples(csv.as_bytes(), Path::new("s.csv")).unwrap_err().to_string();
    assert!(error.starts_with("s.csv has schema version 2.0"), "{error}");
}

#[test]
fn damage_is_named_with_its_place() {
    let csv = csv_of(&sample_run());
    let bad = csv.replace("25000000000.0", "fast");
    let error = read_samples(bad.as_bytes(), Path::new("s.csv")).unwrap_err().to_string();
    assert!(error.contains("s.csv") && error.contains("line: 2"), "{error}");
    let nan = csv.replace("25000000000.0", "NaN");
    assert!(read_samples(nan.as_bytes(), Path::new("s.csv")).is_err());
    let json = sample_run().to_json();
    let error = ResultSet::from_json(&json[..json.len() / 2], Path::new("r.json")).unwrap_err();
    assert!(error.to_string().contains("r.json: not JSON, or cut short"), "{error}");
    let end = json.trim_end().len() - 1;
    let error = ResultSet::from_json(&json[..end], Path::new("r.json")).unwrap_err();
    assert!(error.to_string().contains("cut short: EOF"), "{error}");
    let error = ResultSet::from_json("{\"schema_version\": NaN}", Path::new("r.json")).unwrap_err();
    assert!(error.to_string().ends_with(": NaN") && !error.to_string().contains("cut"), "{error}");
    let error = ResultSet::from_json("{}", Path::new("r.json")).unwrap_err();
    assert!(error.to_string().contains("no schema_version"), "{error}");
}

#[test]
fn no_damage_makes_the_explanation_panic() {
    let json = sample_run().to_json();
    for (at, c) in json.char_indices().step_by(7) {
        let (before, after) = (&json[..at], &json[at + c.len_utf8()..]);
        for text in [format!("{before}\u{1f980}{after}"), format!("{before}NaN{after}")] {
            if let Err(error) = ResultSet::from_json(&text, Path::new("r.json")) {
                assert!(error.to_string().starts_with("r.json"), "{error}");
            }
        }
    }
}

#[test]
fn fingerprints_see_stable_facts_only_and_redaction_hides_names() {
    let mut results = sample_run();
    let before = results.environment.fingerprint();
    results.environment.redact();
    assert_eq!(results.environment.fingerprint(), before);
    assert!(!results.to_json().contains("guest-7"));
    results.environment.facts.get_mut("cpu.model").unwrap().reading =
        Reading::Value("Other".into());
    assert_ne!(results.environment.fingerprint(), before);
}

fn values(runs: &[ResultSet]) -> impl Iterator<Item = f64> {
    let launches = runs.iter().flat_map(|run| &run.cases).flat_map(|case| &case.launches);
    launches.flat_map(|launch| &launch.repeats).flat_map(|repeat| repeat.values.values().copied())
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Cases and metrics sorted by name: shuffled rows do not keep the order in which they were planned.
fn in_order(mut results: ResultSet) -> ResultSet {
    results.cases.sort_by(|a, b| a.case.cmp(&b.case));
    results.cases.iter_mut().for_each(|case| case.metrics.sort_by(|a, b| a.name.cmp(&b.name)));
    results
}

/// Fisher and Yates, with a generator of its own (Knuth's multiplier of 64 bits).
fn shuffle(rows: &mut [String], mut seed: u64) {
    for last in (1..rows.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        rows.swap(last, (seed >> 33) as usize % (last + 1));
    }
}

proptest! {
    #[test]
    fn readers_never_panic(text in ".{0,200}") {
        let _ = ResultSet::from_json(&text, Path::new("x"));
        let _ = read_samples(text.as_bytes(), Path::new("x"));
        let _ = read_runs(text.as_bytes(), Path::new("x"));
        let _ = read_summary(text.as_bytes(), Path::new("x"));
    }

    #[test]
    fn damaged_files_never_panic(cut in 0_usize..4000, byte: u8, at in 0_usize..4000) {
        let mut json = sample_run().to_json().into_bytes();
        let mut csv = csv_of(&sample_run()).into_bytes();
        for bytes in [&mut json, &mut csv] {
            let length = bytes.len();
            bytes[at % length] = byte;
            bytes.truncate(length - cut % length);
        }
        let _ = ResultSet::from_json(&String::from_utf8_lossy(&json), Path::new("x"));
        // Runs are read where rows are, or refused as rows are.
        let rows = read_samples(&csv[..], Path::new("x"));
        let runs = read_runs(&csv, Path::new("x"));
        match (rows, runs) {
            (Err(rows), Err(runs)) => prop_assert_eq!(rows.to_string(), runs.to_string()),
            (Err(rows), Ok(_)) => prop_assert!(false, "rows are refused: {rows}"),
            (Ok(rows), Ok(runs)) => {
                let rows = rows.iter().filter_map(|row| row.value);
                prop_assert_eq!(sorted(rows), sorted(values(&runs)));
            }
            (Ok(_), Err(runs)) => prop_assert!(runs.to_string().starts_with("x: "), "{runs}"),
        }
    }

    #[test]
    fn rows_in_any_order_and_quoting_give_the_same_runs(seed: u64, quoted: bool, escaped: bool) {
        let mut results = sample_run();
        // Quotes within quotes are read another way than the rest.
        let reason = if escaped { "check failed: \"a\", b" } else { "check failed: a, b" };
        results.cases[2].launches[0].outcome = Outcome::Failed { reason: reason.into() };
        let csv = csv_of(&results);
        let (header, rows) = csv.split_once('\n').unwrap();
        let mut rows: Vec<String> = rows.lines().map(str::to_owned).collect();
        shuffle(&mut rows, seed);
        if quoted {
            rows[0] = rows[0].replacen("1.0,", "\"1.0\",", 1);
        }
        let text = format!("{header}\r\n\n{}", rows.join("\n"));
        let runs = read_runs(text.as_bytes(), Path::new("x")).unwrap();
        prop_assert_eq!(runs.into_iter().map(in_order).collect::<Vec<_>>(), [in_order(as_csv_keeps_it(results))]);
    }

    #[test]
    fn any_value_survives_both_formats(value in prop::num::f64::NORMAL, reason in ".{1,40}") {
        let mut results = sample_run();
        results.cases[0].launches[0].repeats[0].values.insert("triad", value);
        results.cases[1].launches[0].outcome = Outcome::Skipped { reason: reason.clone() };
        let json = ResultSet::from_json(&results.to_json(), Path::new("x")).unwrap();
        prop_assert_eq!(&json, &results);
        let rows = read_samples(csv_of(&results).as_bytes(), Path::new("x")).unwrap();
        prop_assert_eq!(rows[0].value, Some(value));
        let runs = read_runs(csv_of(&results).as_bytes(), Path::new("x")).unwrap();
        prop_assert_eq!(runs[0].cases[0].launches[0].repeats[0].values["triad"], value);
        prop_assert_eq!(runs[0].cases[1].launches[0].outcome.reason(), Some(reason.as_str()));
    }
}
