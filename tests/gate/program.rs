//! The program on stored runs, and decisions on runs in memory.

use crate::stored::Stored;
use std::path::{Path, PathBuf};
use std::slice::from_ref;
use std::time::SystemTime;
use tempfile::{TempDir, tempdir};
use vbench::cli::{Console, run_cli};
use vbench::compare::{Comparison, Side, compare};
use vbench::gate::{Gate, Misfit, Policy, decide};
use vbench_results::{Better, Role, Unit};

/// Exit code, standard output and standard error of the program.
pub fn vbench(arguments: &[&str]) -> (u8, String, String) {
    let all: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let (mut written, mut said) = (Vec::new(), Vec::new());
    let mut console = Console::plain(&mut written, &mut said, 120);
    let code = run_cli(&all, &mut console);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (code, text(written), text(said))
}

/// A folder of results and a policy.
pub struct Place {
    pub folder: TempDir,
}

impl Place {
    /// With these runs and this policy.
    pub fn new(runs: &[Stored], policy: &str) -> Self {
        let place = Self { folder: tempdir().unwrap() };
        runs.iter().for_each(|run| drop(run.store(&place.out())));
        std::fs::write(place.policy(), policy).unwrap();
        place
    }

    pub fn out(&self) -> PathBuf {
        self.folder.path().join("results")
    }

    pub fn policy(&self) -> PathBuf {
        self.folder.path().join("policy.toml")
    }

    pub fn run(&self, command: &[&str], arguments: &[&str]) -> (u8, String, String) {
        let out = self.out().display().to_string();
        vbench(&[command, &["--out", &out], arguments].concat())
    }

    pub fn gate(&self, arguments: &[&str]) -> (u8, String, String) {
        let policy = self.policy().display().to_string();
        self.run(&["gate", "--policy", &policy], arguments)
    }

    /// Of `new` against `old`: exit code, and both outputs together.
    pub fn decide(&self) -> (u8, String) {
        let (code, out, err) = self.gate(&["--baseline", "old", "--candidate", "new"]);
        (code, out + &err)
    }
}

/// A run of `config` with a row per value: `m::f0 time`, `m::f1 time`, ... in seconds.
pub fn run(config: &str, minute: u32, launches: u32, values: &[f64]) -> Stored {
    let mut stored = Stored::new(config, minute);
    stored.results.run.finished_at = Some(format!("2026-01-02T03:{minute:02}:59Z"));
    let time = |value: f64| ("time", Unit::decimal("s"), Better::Lower, Role::Gated, value, 0.002);
    for (index, value) in values.iter().enumerate() {
        stored = stored.case(&format!("m::f{index}"), "cpu", launches, time(*value));
    }
    stored
}

/// The same with five launches, as `old`.
pub fn old(values: &[f64]) -> Stored {
    run("old", 0, 5, values)
}

/// The same with five launches, as `new`.
pub fn new(values: &[f64]) -> Stored {
    run("new", 30, 5, values)
}

pub fn policy(text: &str) -> Policy {
    Policy::parse(text).unwrap()
}

pub fn compared(base: &Stored, candidate: &Stored, policy: &Policy) -> Comparison {
    let side = |run: &'static str, stored: &'_ Stored| (run, stored.results.clone());
    let ((base_name, base), (name, candidate)) = (side("old", base), side("new", candidate));
    let candidate = [Side { name, runs: from_ref(&candidate) }];
    let base = Side { name: base_name, runs: from_ref(&base) };
    compare(&base, &candidate, &policy.comparison(Default::default()))
}

/// The day on which decisions in memory are made: 2026-01-03.
pub fn today() -> SystemTime {
    humantime::parse_rfc3339_weak("2026-01-03T00:00:00Z").unwrap()
}

pub fn judged<'c>(policy: &Policy, comparison: &'c Comparison) -> Result<Gate<'c>, Misfit> {
    decide(policy, comparison, None, today())
}

pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}
