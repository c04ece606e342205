//! The key: facts that must be equal on both sides, or the gate compares two machines.

use super::policy::{KEY, Policy};
use super::row::Reference;
use super::{Effect, Finding};
use crate::compare::{Comparison, FactDifference, Pair, matches};
use std::collections::BTreeSet;
use vbench_results::{Fact, Reading, ResultSet};

/// Stands in a key for every fact that describes the machine and its layout.
const STABLE: &str = "stable";
/// The version of the program that measured, in the form of a fact.
const VERSION: &str = "vbench.version";

/// The patterns of a key: globs of fact names, `stable`, and `!` before what is left out.
#[derive(Clone, Copy, Debug)]
pub struct Key<'k>(pub &'k [String]);

impl<'k> Key<'k> {
    /// Whether the fact belongs to the key.
    pub fn holds(self, fact: &str, stable: bool, identifying: bool) -> bool {
        let named = |pattern: &str| match pattern {
            STABLE => stable && !identifying,
            pattern => matches(pattern, fact),
        };
        let wanted = self.0.iter().filter(|pattern| !pattern.starts_with('!'));
        let left_out = self.0.iter().filter_map(|pattern| pattern.strip_prefix('!'));
        wanted.into_iter().any(|pattern| named(pattern)) && !left_out.into_iter().any(named)
    }

    /// Whole names in the key that no run has as a fact, known or not: slips of the pen.
    pub fn unknown_names(self, runs: &[ResultSet]) -> Vec<&'k str> {
        let recorded = |name: &str| runs.iter().any(|run| run.environment.facts.contains_key(name));
        let whole = |name: &&str| !name.contains(['*', '?']) && ![STABLE, VERSION].contains(name);
        let names = self.0.iter().map(|name| name.strip_prefix('!').unwrap_or(name));
        names.filter(whole).filter(|name| !recorded(name)).collect()
    }

    /// Globs of the key, those of the default key aside, that name no fact of any run.
    pub fn idle_globs(self, runs: &[&ResultSet]) -> Vec<&'k str> {
        let usual = |pattern: &&str| KEY.contains(pattern);
        let wanted = self.0.iter().map(String::as_str).filter(|pattern| !pattern.starts_with('!'));
        let idle = |pattern: &&str| Key(&[(*pattern).to_owned()]).is_blind(runs);
        wanted.filter(|pattern| !usual(pattern)).filter(idle).collect()
    }

    /// Whether the key names no fact of any run, and so takes any machine for any other.
    pub fn is_blind(self, runs: &[&ResultSet]) -> bool {
        self.names(runs.iter().copied()).is_empty()
    }

    /// Whether two sides agree in every fact of the key that both know.
    pub fn agree(self, base: &[ResultSet], candidate: &[ResultSet]) -> bool {
        self.names(base.iter().chain(candidate)).iter().all(|name| {
            let (base, candidate) = (values(base, name), values(candidate, name));
            base.is_empty() || candidate.is_empty() || base == candidate
        })
    }

    fn names<'r>(self, runs: impl Iterator<Item = &'r ResultSet>) -> BTreeSet<&'r str> {
        let facts = runs.flat_map(|run| &run.environment.facts);
        let held =
            |(name, fact): &(&String, &Fact)| self.holds(name, fact.stable, fact.identifying);
        let version = self.holds(VERSION, false, false).then_some(VERSION);
        facts.filter(held).map(|(name, _)| name.as_str()).chain(version).collect()
    }
}

fn values(runs: &[ResultSet], name: &str) -> BTreeSet<String> {
    let value = |run: &ResultSet| match &run.environment.facts.get(name)?.reading {
        Reading::Value(value) => Some(value.to_string()),
        Reading::Unknown(_) => None,
    };
    if name == VERSION {
        let versions = runs.iter().map(|run| run.run.vbench_version.clone());
        // A table does not say it.
        return versions.filter(|version| !version.is_empty()).collect();
    }
    runs.iter().filter_map(value).collect()
}

/// A finding for every fact of the key that differs, and one for those that a side does not know.
pub fn findings(
    policy: &Policy,
    comparison: &Comparison,
    pair: &Pair,
    reference: Reference,
) -> Vec<Finding> {
    let key = Key(&policy.baseline.key);
    let (base, candidate) = (&comparison.base, &pair.candidate);
    let held = |fact: &&FactDifference| key.holds(&fact.fact, fact.stable, fact.identifying);
    // No run at all is no other machine.
    if base.runs.is_empty() {
        return Vec::new();
    }
    let (differing, unsure): (Vec<_>, Vec<_>) =
        pair.facts.iter().filter(held).partition(|fact| fact.known);
    let mut unsure: Vec<&str> = unsure.iter().map(|fact| fact.fact.as_str()).collect();
    let mut findings: Vec<Finding> = differing
        .iter()
        .map(|fact| {
            differs(&fact.fact, &fact.base.join(", "), &fact.candidate.join(", "), reference)
        })
        .collect();
    let versions = [&base.vbench_versions, &candidate.vbench_versions];
    let [before, after] = versions.map(|v| v.iter().cloned().collect::<Vec<_>>().join(", "));
    if key.holds(VERSION, false, false) && before != after {
        match before.is_empty() || after.is_empty() {
            true => unsure.push(VERSION),
            false => findings.push(differs(VERSION, &before, &after, reference)),
        }
    }
    if !unsure.is_empty() {
        let text = format!("not known on one side, so perhaps different: {}", unsure.join(", "));
        findings.push(Finding::new(Effect::Warn, "key:unknown", text));
    }
    findings
}

fn differs(fact: &str, base: &str, candidate: &str, reference: Reference) -> Finding {
    let text =
        format!("{fact} is {base} in the {}, {candidate} in the candidate", reference.word());
    Finding::new(Effect::Environment, format!("key:{fact}"), text)
}

#[cfg(test)]
mod tests {
    use super::Key;

    #[test]
    fn stable_facts_globs_and_exceptions() {
        let key = ["stable", "gpu.*.model", "!numa.*"].map(str::to_owned);
        let key = Key(&key);
        assert!(key.holds("cpu.model", true, false) && key.holds("gpu.0.model", false, false));
        assert!(!key.holds("cpu.model", true, true), "a serial number is no layout");
        assert!(!key.holds("memory.free", false, false) && !key.holds("numa.nodes", true, false));
        assert!(!key.holds("vbench.version", false, false));
        assert_eq!(key.unknown_names(&[]), Vec::<&str>::new());
        let typo = ["cpu.modle".to_owned()];
        assert_eq!(Key(&typo).unknown_names(&[]), ["cpu.modle"]);
    }
}
