//! A candidate beside the base: every row, group, differing fact, and what qualifies them all.

use super::facts::{self, FactDifference};
use super::gather::Gathered;
use super::group::{Group, groups};
use super::note::Note;
use super::obstacles::{missing, obstacles};
use super::policy::Policy;
use super::row::{Analysed, Row};
use super::verdict::Verdict;
use crate::stats::Planner;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use vbench_results::{CaseId, ResultSet, Role};

/// One candidate against the base.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// The candidate.
    pub candidate: SideSummary,
    /// Rows of each verdict among the gated ones.
    pub counts: BTreeMap<Verdict, usize>,
    /// What qualifies every row.
    pub notes: Vec<Note>,
    /// Facts that differ, sorted by name.
    pub facts: Vec<FactDifference>,
    /// Facts that do not.
    pub identical_facts: usize,
    /// Every case and metric with a value on either side, sorted.
    pub rows: Vec<Row>,
    /// The geometric mean of each kind.
    pub groups: Vec<Group>,
    /// Cases without a value on both sides, and why.
    pub unmeasured: BTreeMap<String, String>,
}

/// What a side is made of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SideSummary {
    /// How it is called.
    pub name: String,
    /// The machine's name.
    pub system: String,
    /// The configuration's name.
    pub config: String,
    /// Its runs, in the order of their start.
    pub runs: Vec<String>,
    /// When the newest of them started, RFC 3339.
    pub newest: Option<String>,
    /// Fingerprints of its machine.
    pub fingerprints: BTreeSet<String>,
    /// Profiles of its runs.
    pub profiles: BTreeSet<String>,
    /// Versions of the program that ran.
    pub vbench_versions: BTreeSet<String>,
    /// Most launches of a case.
    pub launches: usize,
    /// Most boots of a case, where they are known.
    pub boots: Option<usize>,
}

impl SideSummary {
    pub(super) fn new(name: &str, runs: &[&ResultSet]) -> Self {
        let set = |field: fn(&ResultSet) -> &String| -> BTreeSet<String> {
            // A CSV does not say everything; what is not known is no value.
            runs.iter().map(|run| field(run).clone()).filter(|text| !text.is_empty()).collect()
        };
        let first = |field: fn(&ResultSet) -> &String| {
            runs.first().map(|run| field(run).clone()).unwrap_or_default()
        };
        Self {
            name: name.to_owned(),
            system: first(|run| &run.run.system),
            config: first(|run| &run.run.config),
            runs: runs.iter().map(|run| run.run.id.clone()).collect(),
            newest: runs.last().map(|run| run.run.started_at.clone()),
            fingerprints: set(|run| &run.run.fingerprint),
            profiles: set(|run| &run.run.profile),
            vbench_versions: set(|run| &run.run.vbench_version),
            launches: 0,
            boots: None,
        }
    }
}

impl Pair {
    pub(super) fn new(
        base: &Gathered<'_>,
        candidate: &Gathered<'_>,
        policy: &Policy,
        planner: &Planner,
    ) -> Self {
        let analysed = analyse(base, candidate, policy, planner);
        let (facts, identical_facts) =
            facts::differences(base.runs, candidate.runs, &policy.expect_differ);
        let mut notes = run_notes(&base.summary, &candidate.summary);
        notes.extend(base.notes().into_iter().chain(candidate.notes()));
        notes.extend(facts::notes(&facts, &policy.expect_differ));
        Self {
            candidate: candidate.summary.clone(),
            counts: BTreeMap::new(),
            notes,
            facts,
            identical_facts,
            groups: groups(&analysed, policy),
            rows: analysed.into_iter().map(|analysed| analysed.row).collect(),
            unmeasured: unmeasured(base, candidate),
        }
    }

    /// Counts verdicts and looks at the controls, once every row has its verdict.
    pub(super) fn conclude(&mut self) {
        self.counts = Verdict::ALL.into_iter().map(|verdict| (verdict, 0)).collect();
        for row in self.rows.iter().filter(|row| row.metric.role == Role::Gated) {
            *self.counts.entry(row.verdict).or_default() += 1;
        }
        let moved = self.rows.iter().filter(|row| {
            let real = matches!(row.verdict, Verdict::Regression | Verdict::Improvement);
            row.metric.role == Role::Control && real
        });
        let moved: Vec<String> =
            moved.map(|row| format!("{} {}", row.case, row.metric.name)).collect();
        if !moved.is_empty() {
            let text = format!("a control moved, so the environment did: {}", moved.join(", "));
            self.notes.insert(0, Note::new("control:moved", text));
        }
    }
}

fn analyse<'a>(
    base: &Gathered<'a>,
    candidate: &Gathered<'a>,
    policy: &Policy,
    planner: &Planner,
) -> Vec<Analysed<'a>> {
    let keys: BTreeSet<(&CaseId, &str)> =
        base.samples.keys().chain(candidate.samples.keys()).copied().collect();
    let row =
        |key: &(&'a CaseId, &'a str)| match (base.samples.get(key), candidate.samples.get(key)) {
            (Some(before), Some(after)) => {
                let reasons = obstacles(before, after, policy);
                if reasons.is_empty() {
                    Row::compared(before, after, policy, planner)
                } else {
                    Row::incomparable(Some(before), Some(after), reasons, policy)
                }
            }
            (None, after) => {
                Row::incomparable(None, after, vec![missing("baseline", base, key.0)], policy)
            }
            (before, None) => Row::incomparable(
                before,
                None,
                vec![missing("candidate", candidate, key.0)],
                policy,
            ),
        };
    keys.iter().filter_map(row).collect()
}

fn unmeasured(base: &Gathered<'_>, candidate: &Gathered<'_>) -> BTreeMap<String, String> {
    let measured: BTreeSet<&CaseId> =
        base.samples.keys().chain(candidate.samples.keys()).map(|(case, _)| *case).collect();
    let all = base.absent.iter().chain(&candidate.absent);
    all.filter(|(case, _)| !measured.contains(*case))
        .map(|(case, reason)| (case.to_string(), reason.clone()))
        .collect()
}

/// How the runs themselves differ.
fn run_notes(base: &SideSummary, candidate: &SideSummary) -> Vec<Note> {
    let join = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
    let mut notes = Vec::new();
    if base.system != candidate.system && !base.runs.is_empty() && !candidate.runs.is_empty() {
        let text = format!("different systems: {} and {}", base.system, candidate.system);
        notes.push(Note::new("run:system", text));
    }
    let differ =
        |a: &BTreeSet<String>, b: &BTreeSet<String>| !a.is_empty() && !b.is_empty() && a != b;
    if differ(&base.profiles, &candidate.profiles) {
        let (before, after) = (join(&base.profiles), join(&candidate.profiles));
        notes.push(Note::new("run:profile", format!("different profiles: {before} and {after}")));
    }
    if differ(&base.vbench_versions, &candidate.vbench_versions) {
        let (before, after) = (join(&base.vbench_versions), join(&candidate.vbench_versions));
        let text = format!("measured by different versions of vbench: {before} and {after}");
        notes.push(Note::new("run:version", text));
    }
    notes
}
