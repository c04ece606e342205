//! The fleet query of results-schema/README.md, word for word, run by DuckDB over stored runs.
//!
//! DuckDB is not a dependency: the test needs a Python with the package `duckdb`, named by
//! `VBENCH_DUCKDB_PYTHON` or found as `python3`. Without it the test says so and passes; with
//! `VBENCH_REQUIRE_DUCKDB=1` it fails.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use tempfile::tempdir;
use vbench_results::{
    Better, CaseResult, Counts, Environment, Estimator, Evidence, Launch, Metric, Outcome, Repeat,
    ResultSet, Role, Run, Unit,
};

/// Reads the query from standard input and prints its rows, tab-separated, with a header.
const SCRIPT: &str = "\
import sys, duckdb
found = duckdb.sql(sys.stdin.read())
print('\\t'.join(found.columns))
for row in found.fetchall():
    print('\\t'.join(str(value) for value in row))
";

/// A Python that has DuckDB.
fn python() -> Option<String> {
    let named = std::env::var("VBENCH_DUCKDB_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&named).args(["-c", "import duckdb"]).output();
    found.is_ok_and(|output| output.status.success()).then_some(named)
}

/// The SQL block of the README.
fn query() -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("results-schema/README.md");
    let text = std::fs::read_to_string(readme).unwrap();
    let (_, after) = text.split_once("```sql\n").expect("a block of SQL");
    after.split_once("```").unwrap().0.to_owned()
}

fn run(python: &str, folder: &Path) -> Vec<Vec<String>> {
    let input = folder.join("query.sql");
    std::fs::write(&input, query()).unwrap();
    let output = Command::new(python)
        .args(["-c", SCRIPT])
        .current_dir(folder)
        .stdin(std::fs::File::open(input).unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// A run with one case of `values`, a launch for each list.
fn stored(out: &Path, (system, config, id): (&str, &str, &str), values: &[&[f64]], run: Run) {
    let launch = |(index, values): (usize, &&[f64])| Launch {
        launch: index as u32 + 1,
        boot_id: (index % 2 == 0).then(|| "1b4e28ba".to_owned()),
        position: index as u32 + 1,
        at_s: 0.0,
        elapsed_s: 1.0,
        outcome: if values.is_empty() {
            Outcome::Failed { reason: "check failed: \"a\", b\nand c".into() }
        } else {
            Outcome::Measured
        },
        facts: BTreeMap::new(),
        repeats: values.iter().enumerate().map(repeat).collect(),
    };
    let run = Run {
        id: id.into(),
        system: system.into(),
        config: config.into(),
        started_at: "2026-01-02T03:04:05Z".into(),
        profile: "quick".into(),
        ..run
    };
    let mut results = ResultSet::new(run, Environment::default());
    results.cases.push(CaseResult {
        case: "memory::stream/stores=cached".parse().unwrap(),
        kind: "memory".into(),
        version: "1".into(),
        estimator: Estimator::Best,
        metrics: vec![Metric {
            name: "triad".into(),
            unit: Unit::decimal("B/s"),
            better: Better::Higher,
            role: Role::Gated,
            resolution: None,
            exact: false,
        }],
        launches: values.iter().enumerate().map(launch).collect(),
    });
    let folder = vbench::store::create(&out.join("results"), system, config, id).unwrap();
    vbench::store::finish(&folder, &results).unwrap();
}

fn repeat((index, value): (usize, &f64)) -> Repeat {
    let disturbed = (index == 2).then(|| "steal".to_owned());
    Repeat {
        repeat: index as u32 + 1,
        at_s: 0.5,
        elapsed_s: 0.5,
        iterations: 1,
        values: [("triad", *value)].into(),
        // Known in some runs and empty in others, as on machines that differ.
        evidence: Evidence::new(
            Counts { steal_s: (index > 0).then_some(0.01), ..Counts::default() },
            disturbed,
        ),
    }
}

#[test]
fn the_documented_query_gives_medians_over_launches() {
    let Some(python) = python() else {
        assert!(std::env::var_os("VBENCH_REQUIRE_DUCKDB").is_none(), "DuckDB is required");
        println!("not run: no Python with the package duckdb (pip install duckdb)");
        return;
    };
    let out = tempdir().unwrap();
    let hostile = "7x \"H200\", =cmd";
    let plain = Run::default();
    // Launch medians 2, 4, 9: their median is 4, that of all values is 3.
    let values: &[&[f64]] = &[&[1.0, 2.0, 3.0], &[4.0], &[9.0]];
    stored(out.path(), ("a", "default", "20260102T030405Z-0001"), values, plain.clone());
    stored(out.path(), ("a", "pin", "20260102T030405Z-0001"), &[&[5.0], &[]], plain.clone());
    stored(out.path(), ("a", "pin", "20260102T030405Z-0002"), &[&[7.0]], plain.clone());
    stored(out.path(), (hostile, "default", "20260102T030405Z-0001"), &[&[8.0]], plain.clone());
    stored(out.path(), ("a", "failed", "20260102T030405Z-0001"), &[&[]], plain);
    let quarantine = Some("the host was broken".to_owned());
    let broken = Run { quarantine, ..Run::default() };
    stored(out.path(), ("a", "pin", "20260102T030405Z-0003"), &[&[1e6]], broken);
    for run in 0..40 {
        let id = format!("20260103T030405Z-{run:04x}");
        stored(out.path(), ("fleet", "default", &id), &[&[f64::from(run) + 1.0]], Run::default());
    }
    let mut rows = run(&python, out.path());
    let header = rows.remove(0).join(" ");
    assert_eq!(header, "system config case metric unit typical low high launches runs disturbed");
    let case = ["memory::stream/stores=cached", "triad", "B/s"];
    let expected = [
        [hostile, "default", case[0], case[1], case[2], "8.0", "8.0", "8.0", "1", "1", "0"],
        ["a", "default", case[0], case[1], case[2], "4.0", "2.0", "9.0", "3", "1", "1"],
        ["a", "pin", case[0], case[1], case[2], "6.0", "5.0", "7.0", "2", "2", "0"],
        ["fleet", "default", case[0], case[1], case[2], "20.5", "1.0", "40.0", "40", "40", "0"],
    ];
    assert_eq!(rows, expected);
}
