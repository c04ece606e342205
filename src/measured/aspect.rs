//! One thing that was measured of the topology, beside the claim, and its form as facts.

use super::Groups;
use crate::host::cpulist;
use std::collections::BTreeMap;
use vbench_results::{Fact, Outcome, Reading, ResultSet, Value};

/// How the reason begins where a run did not measure an aspect.
const NOT_MEASURED: &str = "not measured";

/// Groups that are listed in a sentence.
const LISTED: usize = 12;

/// One thing measured of the topology.
#[derive(Clone, Debug, PartialEq)]
pub struct Aspect {
    /// `cores`, `caches`, `distances`, `bandwidths`, `hidden_nodes`.
    pub name: &'static str,
    /// What was found, or why nothing was.
    pub measured: Result<Value, String>,
    /// What the guest claims, where it claims anything.
    pub claimed: Option<Value>,
    /// How the two differ, in a sentence.
    pub disagreement: Option<String>,
    /// The case that was measured, or the benchmark that would measure it.
    pub source: String,
}

impl Aspect {
    /// An aspect that the run did not measure: why it was skipped, or what would measure it.
    pub(super) fn missing(name: &'static str, benchmark: &str, results: &ResultSet) -> Self {
        let cases = results.cases.iter().filter(|case| case.case.benchmark == benchmark);
        let reason =
            cases.flat_map(|case| &case.launches).find_map(|launch| match &launch.outcome {
                Outcome::Skipped { reason } => Some(format!("{benchmark} was skipped: {reason}")),
                _ => None,
            });
        Self {
            name,
            measured: Err(reason.unwrap_or_else(|| NOT_MEASURED.to_owned())),
            claimed: None,
            disagreement: None,
            source: benchmark.to_owned(),
        }
    }

    /// What was measured in an emulator is not known: the claim stands alone.
    pub(super) fn emulated(self) -> Self {
        let why = "the CPUs are emulated by software (virt.hypervisor: qemu-tcg), and times show the \
                   emulator";
        let measured = self.measured.and_then(|_| Err(why.to_owned()));
        Self { measured, disagreement: None, ..self }
    }
}

/// Tells of everything that was not measured the one command that measures all of it. By its exact
/// name a benchmark of a longer profile runs in any.
pub(super) fn with_hints(mut aspects: Vec<Aspect>) -> Vec<Aspect> {
    let missing = |aspect: &&mut Aspect| {
        aspect.measured.as_ref().err().is_some_and(|why| why == NOT_MEASURED)
    };
    let benchmarks: Vec<String> =
        aspects.iter_mut().filter(missing).map(|aspect| aspect.source.clone()).collect();
    for aspect in aspects.iter_mut().filter(missing) {
        let command = benchmarks.join(" ");
        aspect.measured = Err(format!("{NOT_MEASURED}: vbench run --exact {command}"));
    }
    aspects
}

/// The aspects as facts, for other parts of the program and for `--json`: `measured.caches`,
/// `measured.caches.claimed`, `measured.caches.disagreement`.
pub fn facts(aspects: &[Aspect]) -> BTreeMap<String, Fact> {
    let mut facts = BTreeMap::new();
    for aspect in aspects {
        let name = format!("measured.{}", aspect.name);
        let mut add = |name: String, reading: Reading| {
            let source = aspect.source.clone();
            facts.insert(name, Fact { reading, source, stable: false, identifying: false });
        };
        if let Some(claimed) = &aspect.claimed {
            add(format!("{name}.claimed"), Reading::Value(claimed.clone()));
        }
        if let Some(text) = &aspect.disagreement {
            add(format!("{name}.disagreement"), Reading::Value(text.as_str().into()));
        }
        let reading = aspect.measured.clone().map_or_else(Reading::Unknown, Reading::Value);
        add(name, reading);
    }
    facts
}

/// `0-3 4-7 and 6 more groups`.
pub(super) fn listed(groups: &[Vec<usize>]) -> String {
    let shown: Vec<String> =
        groups.iter().take(LISTED).map(|group| cpulist::format(group)).collect();
    match groups.len().saturating_sub(LISTED) {
        0 => shown.join(" "),
        rest => format!("{} and {rest} more groups", shown.join(" ")),
    }
}

/// The groups in a fact, without CPUs that are not among `cpus`.
pub(super) fn restricted(claim: &Value, cpus: &[usize]) -> Option<Groups> {
    let Value::List(lists) = claim else { return None };
    let mut groups = Groups::new();
    for list in lists {
        // A group of one CPU may have become a number on its way through a file.
        let group = cpulist::parse(&list.to_string()).ok()?;
        let group: Vec<usize> = group.into_iter().filter(|cpu| cpus.contains(cpu)).collect();
        if !group.is_empty() {
            groups.push(group);
        }
    }
    groups.sort();
    Some(groups)
}
