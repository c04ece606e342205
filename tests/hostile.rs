//! Names and values that were chosen to be obeyed: whatever shows them, nothing does.

#[path = "diff/stored.rs"]
#[expect(dead_code, reason = "its two invented configurations are for other tests")]
mod stored;

use std::path::Path;
use stored::Stored;
use tempfile::{TempDir, tempdir};
use vbench::cli::{Console, run_cli};
use vbench::results::{Better, Outcome, Role, Unit, Value};
use vbench::text::is_obeyed;
use vbench::vbench;

/// A program without benchmarks would refuse every command.
#[vbench(kind = "cpu")]
fn nothing() {}

/// Markup, quotes, a formula, a command of GitHub's log, an escape sequence, text that runs backwards.
const NAME: &str =
    "=cmd|' /C calc'!A0\n::error::owned\n\u{1b}[2J\u{202e}\"><script>alert(1)</script>";
const WIDTH: usize = 80;

fn measures(name: &str, value: f64) -> stored::Measures<'_> {
    (name, Unit::plain("<b>"), Better::Higher, Role::Gated, value, 0.01)
}

fn run(minute: u32, value: f64) -> Stored {
    let long = "x".repeat(10_000);
    let mut run = Stored::new(&format!("{NAME}{minute}"), minute)
        .fact("cpu.model", NAME)
        .fact(NAME, i64::from(minute))
        .fact("numa.distances", NAME)
        .fact("numa.node.0.cpus", NAME)
        .case(&format!("@SUM(1)::{}", NAME.replace('/', "|")), NAME, 3, measures(NAME, value))
        .case(&format!("memory::{long}/axis={long}"), &long, 3, measures(&long, value))
        .case(
            "memory::stream_nodes/cpu_node=<i>,memory_node=0",
            "memory",
            3,
            measures("triad", value),
        )
        .case(
            "memory::stream_nodes/cpu_node=1,memory_node=+1",
            "memory",
            3,
            measures("triad", value),
        )
        .ended("cpu::fails", "cpu", Outcome::Failed { reason: format!("{NAME}{long}") })
        .ended("cpu::skips", "cpu", Outcome::Skipped { reason: NAME.into() });
    for launch in run.results.cases.iter_mut().flat_map(|case| &mut case.launches) {
        launch.facts.insert("note".into(), NAME.into());
        launch.facts.insert("claimed".into(), NAME.into());
        launch.facts.insert("pairs".into(), NAME.into());
        launch.facts.extend(picture_facts());
    }
    run.results.run.system = NAME.into();
    run.results.run.command = vec![NAME.into(), long.clone()];
    run.results.run.profile = NAME.into();
    run.results.run.labels.insert(format!("factor.{NAME}"), format!("{long}{minute}"));
    run
}

/// Facts that `show BENCHMARK` draws, with names where a program of good will stores numbers.
fn picture_facts() -> [(String, Value); 6] {
    let list = |values: Vec<Value>| Value::List(values);
    let name = || Value::from(NAME);
    [
        ("vcpu_columns", list(vec![name(), "cpu".into(), "lost_share".into()])),
        ("vcpus", list(vec![list(vec![name(), name(), name()]), list(vec![])])),
        ("cpus", list(vec![name(), Value::Integer(1)])),
        ("blocks", list(vec![list(vec![Value::Number(1e-7), Value::Number(2e-7)])])),
        ("block_bytes", Value::Integer(1 << 30)),
        ("block_bandwidths", list(vec![Value::Number(1e9), name()])),
    ]
    .map(|(fact, value)| (fact.to_owned(), value))
}

fn stored() -> TempDir {
    let out = tempdir().unwrap();
    for run in [run(0, 1.0), run(30, 2.0)] {
        run.store(out.path());
    }
    std::fs::write(out.path().join("policy.toml"), "").unwrap();
    out
}

/// What a command writes, on both streams.
fn said(out: &Path, arguments: &[&str]) -> String {
    let folder = out.display().to_string();
    let all: Vec<String> =
        arguments.iter().map(|argument| argument.replace("OUT", &folder)).collect();
    let (mut written, mut told) = (Vec::new(), Vec::new());
    let code = run_cli(&all, &mut Console::plain(&mut written, &mut told, WIDTH));
    let text = [written, told].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    assert!(code != 2 || arguments[0] == "gate", "{arguments:?}: {text}");
    assert!(text.len() > 20, "{arguments:?} wrote nothing");
    text
}

const BASE: &str = "20260102T030005Z-beef";
const CANDIDATE: &str = "20260102T033005Z-beef";

fn gate<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let policy = ["gate", "--policy", "OUT/policy.toml", "--out", "OUT"];
    [&policy[..], &["--baseline", BASE, "--candidate", CANDIDATE], more].concat()
}

fn assert_inert(text: &str, what: &[&str]) {
    // Programs read JSON: what runs backwards on a screen stays as it was stored.
    let json = what.contains(&"json");
    let obeyed = |c: char| c != '\n' && if json { c.is_control() } else { is_obeyed(c) };
    assert!(!text.contains(obeyed), "{what:?}: {text}");
    // GitHub obeys a line that begins with two colons.
    assert!(
        !text.lines().any(|line| line.trim_start().starts_with("::error::owned")),
        "{what:?}: {text}"
    );
}

#[test]
fn screens_show_names_and_obey_none() {
    let out = stored();
    let show = ["show", BASE, "--out", "OUT"];
    let commands: [&[&str]; 6] = [
        &show,
        &["show", BASE, "stream_nodes", "--out", "OUT"],
        &["list", "--results", "--out", "OUT"],
        &["diff", BASE, CANDIDATE, "--out", "OUT", "--all"],
        &["effects", "--out", "OUT"],
        &gate(&["--github"]),
    ];
    for command in commands {
        let text = said(out.path(), command);
        assert_inert(&text, command);
        assert!(text.contains("=cmd|'"), "{command:?} does not show the name: {text}");
    }
    let drawn = said(out.path(), commands[1]);
    let pictures = ["each vCPU", "latency of each 1GiB of memory", "bandwidth of each 1GiB"];
    assert!(pictures.iter().all(|heading| drawn.contains(heading)), "{drawn}");
    // Cells of a table are cut; only sentences keep a name whole.
    let shown = said(out.path(), &show);
    let rows: Vec<&str> = shown.lines().filter(|line| line.contains("<b>")).collect();
    assert!(!rows.is_empty() && rows.iter().all(|row| row.chars().count() <= 3 * WIDTH), "{shown}");
}

#[test]
fn empty_pictures_are_left_out() {
    let out = tempdir().unwrap();
    let mut run = run(0, 1.0);
    for launch in run.results.cases.iter_mut().flat_map(|case| &mut case.launches) {
        for fact in ["vcpu_columns", "blocks"] {
            launch.facts.insert(fact.into(), Value::List(Vec::new()));
        }
    }
    run.store(out.path());
    let shown = said(out.path(), &["show", BASE, "stream_nodes", "--out", "OUT"]);
    for heading in ["each vCPU", "of memory", "0 blocks"] {
        assert!(!shown.contains(heading), "{shown}");
    }
}

#[test]
fn pages_and_tables_hold_names_as_text() {
    let out = stored();
    for format in ["markdown", "json", "csv"] {
        for command in [
            vec!["diff", BASE, CANDIDATE, "--out", "OUT", "--format", format],
            vec!["effects", "--out", "OUT", "--format", format],
            gate(&["--format", format]),
        ] {
            let text = said(out.path(), &command);
            match format {
                "csv" => assert_no_formula(&text, &command),
                _ => assert_inert(&text, &command),
            }
            assert!(
                format == "csv" || format == "json" || !text.contains("<script"),
                "{command:?}: {text}"
            );
            assert!(
                format != "json" || serde_json::from_str::<serde_json::Value>(&text).is_ok(),
                "{text}"
            );
        }
    }
    let gate = gate(&["--format", "junit"]);
    let junit = said(out.path(), &gate);
    assert_inert(&junit, &gate);
    roxmltree::Document::parse(&junit).unwrap();
}

/// What a spreadsheet would compute.
fn assert_no_formula(text: &str, what: &[&str]) {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let headers = reader.headers().unwrap().clone();
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert!(!records.is_empty(), "{what:?}");
    for cell in records.iter().chain([&headers]).flatten().filter(|c| c.parse::<f64>().is_err()) {
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{what:?}: {cell:?}");
    }
}
