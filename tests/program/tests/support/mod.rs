//! The program under test, and what it left behind.
#![allow(dead_code, reason = "each test program uses a part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use vbench_results::{CaseResult, ResultSet};

/// The program, without any `VBENCH_*` of the environment.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_program"));
    clean(&mut command);
    command
}

/// Takes every `VBENCH_*` variable away from `command`, and what says how a terminal looks.
pub fn clean(command: &mut Command) {
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("VBENCH_")) {
        command.env_remove(name);
    }
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS"] {
        command.env_remove(name);
    }
}

/// The smallest real run of cases, stored in `out`.
pub fn tiny_run(out: &Path, cases: &[&str]) -> Command {
    let mut command = program();
    command.args([
        "run",
        "--exact",
        "--samples",
        "2",
        "--time",
        "1ms",
        "--launches",
        "1",
        "--seed",
        "1",
    ]);
    command.arg("--out").arg(out).args(cases);
    command
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn stdout(output: &Output) -> String {
    text(&output.stdout)
}

pub fn stderr(output: &Output) -> String {
    text(&output.stderr)
}

/// Every run folder under `out`.
pub fn runs(out: &Path) -> Vec<PathBuf> {
    let children = |folder: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
    };
    let mut runs = Vec::new();
    for system in children(out) {
        for config in children(&system) {
            runs.extend(children(&config));
        }
    }
    runs
}

/// The only run in `out`.
pub fn only_run(out: &Path) -> PathBuf {
    let runs = runs(out);
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs.into_iter().next().unwrap()
}

/// What the only run in `out` stored.
pub fn results(out: &Path) -> ResultSet {
    ResultSet::read(&only_run(out).join("result.json")).unwrap()
}

pub fn case<'r>(results: &'r ResultSet, id: &str) -> &'r CaseResult {
    let found = results.cases.iter().find(|case| case.case.to_string() == id);
    found.unwrap_or_else(|| panic!("no case {id}"))
}
