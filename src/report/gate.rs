//! A gate's decision as text, JSON, CSV, Markdown, GitHub annotations or JUnit XML.

mod annotations;
mod cells;
mod data;
mod junit;
mod markdown;
mod text;

pub use self::annotations::annotations;
pub use self::data::{GATE_COLUMNS, csv, json};
pub use self::junit::junit;
pub use self::markdown::{comment, markdown};
pub use self::text::text;

use crate::compare::{Comparison, Pair};
use crate::gate::{Effect, Gate, Judged, Policy};
use serde::Serialize;
use std::path::Path;

/// Everything that is written about a decision.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The decision.
    pub gate: &'a Gate<'a>,
    /// What it followed.
    pub policy: &'a Policy,
    /// The candidate against the base.
    pub base: &'a Comparison,
    /// The candidate against an older base.
    pub anchor: Option<&'a Comparison>,
    /// The files that were read.
    pub inputs: &'a [Input],
    /// The folder of all results, where it is not the usual one.
    pub out: Option<&'a Path>,
    /// The decision does not become the exit code.
    pub report_only: bool,
}

/// A file that the decision stands on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Input {
    /// `policy`, `noise-floor`, `baseline`, `candidate`, `anchor` or `confirmation`.
    pub role: &'static str,
    /// Where it was read.
    pub path: String,
    /// SHA-256 of its content, in hex.
    pub sha256: String,
}

impl Report<'_> {
    /// What the program exits with.
    pub fn exit_code(&self) -> u8 {
        if self.report_only { 0 } else { self.gate.outcome.exit_code() }
    }

    fn pair(&self) -> Option<&Pair> {
        self.base.pairs.first()
    }

    fn candidate(&self) -> &str {
        self.pair().map_or("", |pair| &pair.candidate.name)
    }

    /// The cases to measure again before a failure is believed, where the policy asks for it.
    fn doubtful(&self) -> Vec<&str> {
        let asked = self.policy.confirm.runs as usize;
        let said =
            |row: &&Judged<'_>| row.findings.iter().filter(|f| f.code == "confirmed").count();
        let failing = self.gate.failing().filter(|row| said(row) < asked);
        let mut cases: Vec<&str> = failing.map(|row| row.case.as_str()).collect();
        cases.sort_unstable();
        cases.dedup();
        cases
    }
}

/// The outcome in words: a gate that passes without having decided anything says so.
fn conclusion(gate: &Gate<'_>) -> [&'static str; 2] {
    [gate.outcome.name(), if gate.is_undecided() { " (nothing decided)" } else { "" }]
}

/// The word before a row on screen.
fn label(effect: Effect) -> &'static str {
    match effect {
        Effect::Pass => "PASS",
        Effect::Waived => "WAIVED",
        Effect::Warn => "WARN",
        Effect::Incomplete => "INCOMPLETE",
        Effect::Fail => "FAIL",
        Effect::Environment => "ENVIRONMENT",
    }
}
