//! `vbench ab`: settings reach one side only, pairs are compared and kept, mistakes cost nothing.

mod support;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value as Json;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use support::{program, runs, stderr, stdout};
use tempfile::tempdir;
use vbench_results::{Launch, ResultSet, Value};

/// The smallest real comparison of `case`.
fn ab(out: &Path, case: &str, arguments: &[&str]) -> Command {
    let mut command = program();
    command.args(["ab", "--exact", case, "--samples", "2", "--time", "1ms", "--seed", "1"]);
    command.arg("--out").arg(out).args(arguments);
    command
}

fn ok(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    output
}

/// What both sides stored, A first.
fn sides(out: &Path) -> [ResultSet; 2] {
    let mut folders = runs(out);
    folders.sort_by_key(|folder| folder.file_name().map(std::ffi::OsStr::to_owned));
    let [a, b] = folders.as_slice() else { panic!("{folders:?}") };
    [a, b].map(|folder| ResultSet::read(&folder.join("result.json")).unwrap())
}

fn fact(set: &ResultSet, name: &str) -> Value {
    set.cases[0].launches[0].facts[name].clone()
}

fn json(output: &Output) -> Json {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stdout));
    })
}

/// Case and verdict of every row.
fn verdicts(comparison: &Json) -> Vec<(String, String)> {
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    let rows = comparison["pairs"][0]["rows"].as_array().unwrap().iter();
    rows.map(|row| (text(&row["case"]), text(&row["verdict"]))).collect()
}

/// Two CPUs that this process may use; none, said aloud, on a machine with one.
fn two_cpus() -> Option<[usize; 2]> {
    let cpus = vbench::host::affinity::allowed_cpus().unwrap();
    if let [first, second, ..] = cpus[..] {
        return Some([first, second]);
    }
    eprintln!("skipped: needs two CPUs");
    None
}

#[test]
fn a_variable_reaches_one_side_and_its_effect_is_found() {
    let out = tempdir().unwrap();
    let output = ok(&mut ab(out.path(), "told::by_variable", &["--b", "env:TOLD_MILLIS=2"]));
    let text = stdout(&output);
    assert!(text.contains("unchanged") && text.contains("setting.env:TOLD_MILLIS"), "{text}");
    assert!(text.contains("worse") && text.contains("6 launches each"), "{text}");
    let [a, b] = sides(out.path());
    assert_eq!((a.run.config.as_str(), b.run.config.as_str()), ("unchanged", "env:TOLD_MILLIS=2"));
    assert_eq!((fact(&a, "told"), fact(&b, "told")), ("".into(), "2".into()));
    assert_eq!(a.environment.value("setting.env:TOLD_MILLIS"), Some(&"unset".into()));
    assert_eq!((a.run.fingerprint, &a.run.pairs), (b.run.fingerprint, &b.run.pairs));
    assert!(a.run.pairs.is_some());
}

#[test]
fn a_noise_floor_is_read_first_and_widens() {
    let folder = tempdir().unwrap();
    let (out, file) = (folder.path().join("results"), folder.path().join("floor.json"));
    let floor = file.to_str().unwrap();
    let arguments = ["--b", "env:TOLD_MILLIS=2", "--noise-floor", floor];
    let output = ab(&out, "told::by_variable", &arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("floor.json"), "{}", stderr(&output));
    assert!(!out.exists(), "nothing is measured before the floor can be read");
    let floors = r#"{"schema_version": "1.0", "document": "noise-floor",
        "subject": {"system": "x", "config": "y", "fingerprint": "00", "profile": "quick",
                    "vbench_version": "0.1.0"},
        "sources": [],
        "floors": [{"case": "told::by_variable", "metric": "time", "level": "launch",
                    "version": "1", "sd_ln": 5.0, "df": 9.0}]}"#;
    std::fs::write(&file, floors).unwrap();
    let text = stdout(&ok(&mut ab(&out, "told::by_variable", &arguments)));
    assert!(text.contains("unclear") && !text.contains("worse\n"), "{text}");
    assert!(text.contains("the noise floor is of another machine"), "{text}");
}

#[test]
fn partners_stand_next_to_each_other_in_turns() {
    let out = tempdir().unwrap();
    ok(&mut ab(out.path(), "told::by_variable", &["--b", "env:X=1", "--pairs", "4"]));
    let [a, b] = sides(out.path());
    let positions = |set: &ResultSet| -> Vec<u32> {
        set.cases[0].launches.iter().map(|launch: &Launch| launch.position).collect()
    };
    let (a, b) = (positions(&a), positions(&b));
    assert!(a.iter().zip(&b).all(|(a, b)| a.abs_diff(*b) == 1), "{a:?} {b:?}");
    let first: Vec<bool> = a.iter().zip(&b).map(|(a, b)| a < b).collect();
    assert!(first.windows(2).all(|two| two[0] != two[1]), "{first:?}");
}

#[test]
fn affinity_holds_in_the_process_of_one_side() {
    let Some([first, second]) = two_cpus() else { return };
    let out = tempdir().unwrap();
    let (one, two) = (format!("cpus={first}"), format!("cpus={first},{second}"));
    ok(&mut ab(out.path(), "told::by_variable", &["--a", &one, "--b", &two, "--pairs", "1"]));
    let [a, b] = sides(out.path());
    assert_eq!((fact(&a, "cpus"), fact(&b, "cpus")), (1_i64.into(), 2_i64.into()));
    assert_eq!(fact(&a, "setting.cpus"), first.to_string().into());
}

#[test]
fn a_prefix_starts_the_process_of_one_side() {
    let out = tempdir().unwrap();
    let nicer = ["--b", "prefix=nice -n 3", "--pairs", "1"];
    ok(&mut ab(out.path(), "told::by_variable", &nicer));
    let [a, b] = sides(out.path());
    let niceness = |set: &ResultSet| match fact(set, "niceness") {
        Value::Integer(niceness) => niceness,
        other => panic!("{other}"),
    };
    assert_eq!(niceness(&b), (niceness(&a) + 3).min(19));
    // `timeout` stays between the harness and the process that measures.
    let out = tempdir().unwrap();
    let between = ["--b", "prefix=timeout 60", "--pairs", "1"];
    ok(&mut ab(out.path(), "told::by_variable", &between));
}

#[test]
fn an_axis_is_compared_where_the_rest_of_the_case_is_equal() {
    let out = tempdir().unwrap();
    let sizes = ["--a", "axis:millis=2", "--b", "axis:millis=1", "--format", "json"];
    let comparison = json(&ok(&mut ab(out.path(), "told::by_axis", &sizes)));
    let better = "improvement".to_owned();
    let expected = ["told::by_axis/room=1", "told::by_axis/room=2"];
    assert_eq!(verdicts(&comparison), expected.map(|case| (case.to_owned(), better.clone())));
    let [a, _] = sides(out.path());
    assert_eq!(a.cases[0].case.to_string(), "told::by_axis/millis=2,room=1", "stored whole");
}

#[test]
fn stored_pairs_give_the_same_rows_later() {
    let out = tempdir().unwrap();
    let setting = ["--b", "env:TOLD_MILLIS=1.01", "--format", "json"];
    let output = ok(&mut ab(out.path(), "told::by_variable", &setting));
    let said = stderr(&output);
    let again = said.lines().find_map(|line| line.strip_prefix("again: vbench ")).unwrap();
    let later = |arguments: &[&str]| {
        let mut command = program();
        command.args(arguments).args(["--format", "json"]).env("VBENCH_OUT", out.path());
        json(&ok(&mut command))["pairs"][0]["rows"].clone()
    };
    let first = json(&output)["pairs"][0]["rows"].clone();
    assert_eq!(first[0]["verdict"], "equivalent");
    assert_eq!(first[0]["change"]["members"][0]["test"], "paired");
    assert!(again.ends_with(&format!("--out {}", out.path().display())), "{again}");
    assert_eq!(later(&again.split(' ').collect::<Vec<_>>()), first);
    // A configuration is also known by the setting's text.
    assert_eq!(later(&["diff", "unchanged", "env:TOLD_MILLIS=1.01", "--paired"]), first);
    let unpaired = later(&["diff", "unchanged", "env:TOLD_MILLIS=1.01"]);
    assert_eq!(unpaired[0]["change"]["members"][0]["test"], "welch");
}

#[test]
fn runs_that_were_not_measured_in_pairs_are_not_compared_so() {
    let out = tempdir().unwrap();
    for config in ["one", "two"] {
        let mut run = support::tiny_run(out.path(), &["good::adds"]);
        ok(run.args(["--config", config]));
    }
    let mut diff = program();
    let output = diff.args(["diff", "one", "two", "--paired", "--out"]).arg(out.path());
    let output = output.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("no two runs of one and two were measured in pairs"), "{said}");
}

#[test]
fn a_side_that_fails_or_skips_is_not_comparable_and_says_why() {
    let out = tempdir().unwrap();
    let failing = ["--b", "env:TOLD_TO_FAIL=1", "--pairs", "2"];
    let output = ab(out.path(), "told::by_variable", &failing).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(said.contains("B (env:TOLD_TO_FAIL=1) holds no value: told::by_variable: failed"));

    let out = tempdir().unwrap();
    let mut both = ab(out.path(), "told::by_variable", &failing);
    let output = both.args(["good::adds", "--a", "env:TOLD_MILLIS=1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("not comparable: told::by_variable time: no value in env:TOLD_TO_FAIL"));
    assert!(text.contains("good::adds"), "{text}");
}

#[test]
fn a_case_that_one_side_cannot_run_is_tried_once() {
    let Some([first, second]) = two_cpus() else { return };
    let out = tempdir().unwrap();
    let (one, two) = (format!("cpus={first}"), format!("cpus={first},{second}"));
    let mut command = ab(out.path(), "told::by_two", &["--a", &one, "--b", &two]);
    let output = command.arg("told::by_variable").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("skipped: needs 2 CPUs, 1 allowed"), "{text}");
    let [a, _] = sides(out.path());
    let launches: Vec<usize> = a.cases.iter().map(|case| case.launches.len()).collect();
    assert_eq!(launches, [1, 6]);
}

#[test]
fn mistakes_are_said_before_anything_is_measured() {
    let parent = tempdir().unwrap();
    let out = parent.path().join("out");
    let refused = |arguments: &[&str], expected: &str| {
        let output = ab(&out, "told::by_axis", arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = stderr(&output);
        assert!(said.contains(expected), "{arguments:?}: {said}");
        assert!(!out.exists(), "{arguments:?} left something behind");
    };
    refused(&[], "A (unchanged) and B (unchanged) are the same here");
    refused(&["--b", "colour=red"], "\"colour\" is no setting");
    refused(&["--b", "cpus=0", "--b", "cpus=1"], "cpus is set twice on one side");
    refused(&["--b", "cpus=8191"], "B: cpus=8191 has no effect here: CPU 8191 cannot be used");
    refused(&["--b", "memory=bind:1000"], "B: memory=bind:1000 has no effect here");
    refused(&["--a", "prefix=/nonexistent/numactl"], "A: cannot start a child process with prefix");
    refused(&["--a", "prefix=false"], "A: exited with code 1 before it gave a result");
    refused(&["--b", "prefix=echo so"], "exited with code 0 before it gave a result: so /");
    refused(&["--b", "prefix=env -u X", "--b", "env:X=1"], "did not reach the process");
    refused(&["--b", "axis:millis=1"], "axis:millis has a value on one side");
    refused(&["--a", "axis:depth=1", "--b", "axis:depth=2"], "no selected benchmark has an axis");
    refused(&["--a", "axis:millis=x", "--b", "axis:millis=1"], "--axis millis=x");
    let both = ["--a", "axis:millis=1", "--b", "axis:millis=2", "--axis", "millis=1"];
    refused(&both, "no --axis millis as well");
    let output = ab(&out, "nobody", &["--b", "env:X=1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no case matches \"nobody\" on both sides"));
}

/// Starts 12 pairs of short launches and waits until `finished` launches are in the journals.
fn begin(out: &Path, finished: usize) -> Child {
    let mut command = program();
    command.args(["ab", "good::waits", "--include-ignored", "--samples", "2", "--pairs", "2"]);
    command.args(["--b", "env:X=1", "--seed", "1", "--out"]).arg(out);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.as_mut().unwrap()).lines().map_while(Result::ok);
    let launched = lines.filter(|line| line.contains("  good::waits/"));
    assert_eq!(launched.take(finished).count(), finished);
    child
}

#[test]
fn ctrl_c_compares_and_keeps_the_pairs_so_far() {
    let out = tempdir().unwrap();
    let child = begin(out.path(), 9);
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("in pairs") && text.contains("again: vbench diff"), "{text}");
    let launches: Vec<usize> = sides(out.path())
        .iter()
        .map(|set| set.cases.iter().map(|case| case.launches.len()).sum())
        .collect();
    assert!(launches.iter().sum::<usize>() >= 9 && launches[0].abs_diff(launches[1]) <= 1);
}

#[test]
fn a_killed_comparison_keeps_its_pairs_and_does_not_go_on_with_one_side() {
    let out = tempdir().unwrap();
    let mut child = begin(out.path(), 9);
    child.kill().unwrap();
    child.wait().unwrap();
    let told = |arguments: &[&str]| {
        let mut command = program();
        command.args(arguments).arg("--out").arg(out.path()).output().unwrap()
    };
    let resumed = told(&["run", "--resume"]);
    assert_eq!(resumed.status.code(), Some(2));
    assert!(stderr(&resumed).contains("does not go on"), "{}", stderr(&resumed));
    let compared = told(&["diff", "unchanged", "env:X=1", "--paired"]);
    assert!(compared.status.success(), "{}", stderr(&compared));
    assert!(stdout(&compared).contains("in pairs"), "{}", stdout(&compared));
}

#[test]
fn the_help_teaches_the_settings() {
    let output = ok(program().args(["ab", "--help"]).env_remove("COLUMNS"));
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn cargo_bench_reaches_it_too() {
    let out = tempdir().unwrap();
    let mut command = ab(out.path(), "told::by_variable", &["--b", "env:TOLD_MILLIS=2"]);
    let output = ok(command.args(["--bench", "--pairs", "2"]));
    assert!(stdout(&output).contains("worse") || stdout(&output).contains("unclear"));
}
