//! What differs between the machines of two sides, and whether it was meant to.

use super::Note;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use vbench_results::{Fact, Reading, ResultSet};

/// A fact that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FactDifference {
    /// Its name.
    pub fact: String,
    /// Every value on the base's side; what is unknown stands with its reason.
    pub base: Vec<String>,
    /// Every value on the candidate's side.
    pub candidate: Vec<String>,
    /// The fact describes the machine or its layout, and does not change by itself.
    pub stable: bool,
    /// The fact names a host, person, address or serial number.
    pub identifying: bool,
    /// Both sides know it. A fact that one side could not read may or may not differ.
    pub known: bool,
    /// It was declared to differ.
    pub expected: bool,
}

/// The facts that differ, sorted by name, and the number of those that do not.
pub fn differences(
    base: &[ResultSet],
    candidate: &[ResultSet],
    expected: &[String],
) -> (Vec<FactDifference>, usize) {
    let (base, candidate) = (readings(base), readings(candidate));
    let names: BTreeSet<&str> = base.keys().chain(candidate.keys()).copied().collect();
    let none = Vec::new();
    let found = names.iter().filter_map(|name| {
        let (base, candidate) =
            (base.get(name).unwrap_or(&none), candidate.get(name).unwrap_or(&none));
        difference(name, base, candidate, expected)
    });
    let found: Vec<FactDifference> = found.collect();
    let identical = names.len() - found.len();
    (found, identical)
}

fn readings(runs: &[ResultSet]) -> BTreeMap<&str, Vec<&Fact>> {
    let mut facts: BTreeMap<&str, Vec<&Fact>> = BTreeMap::new();
    for (name, fact) in runs.iter().flat_map(|run| &run.environment.facts) {
        facts.entry(name).or_default().push(fact);
    }
    facts
}

fn difference(
    name: &str,
    base: &[&Fact],
    candidate: &[&Fact],
    expected: &[String],
) -> Option<FactDifference> {
    let known = |facts: &[&Fact]| -> BTreeSet<String> {
        facts.iter().filter_map(|fact| value(fact)).collect()
    };
    let (base_values, candidate_values) = (known(base), known(candidate));
    if base_values == candidate_values {
        return None;
    }
    let both = || base.iter().chain(candidate);
    Some(FactDifference {
        fact: name.to_owned(),
        base: texts(base),
        candidate: texts(candidate),
        stable: both().all(|fact| fact.stable),
        identifying: both().any(|fact| fact.identifying),
        known: !base_values.is_empty() && !candidate_values.is_empty(),
        expected: expected.iter().any(|pattern| matches(pattern, name)),
    })
}

fn value(fact: &Fact) -> Option<String> {
    match &fact.reading {
        Reading::Value(value) => Some(value.to_string()),
        Reading::Unknown(_) => None,
    }
}

fn texts(facts: &[&Fact]) -> Vec<String> {
    let text = |fact: &&Fact| match &fact.reading {
        Reading::Value(value) => value.to_string(),
        Reading::Unknown(reason) => format!("unknown: {reason}"),
    };
    let texts: BTreeSet<String> = facts.iter().map(text).collect();
    if texts.is_empty() {
        vec!["unknown: not recorded".to_owned()]
    } else {
        texts.into_iter().collect()
    }
}

/// What the differences mean for every row.
pub fn notes(differences: &[FactDifference], expected: &[String]) -> Vec<Note> {
    let mut notes = Vec::new();
    let of_layout =
        || differences.iter().filter(|fact| fact.stable && fact.known && !fact.identifying);
    let count = of_layout().count();
    if count > 1 {
        let text = format!("{count} facts differ, so no single one can be credited");
        notes.push(Note::new("facts:several", text));
    }
    let surprises: Vec<&str> =
        of_layout().filter(|fact| !fact.expected).map(|fact| fact.fact.as_str()).collect();
    if !expected.is_empty() && !surprises.is_empty() {
        let text = format!("not declared to differ, but does: {}", surprises.join(", "));
        notes.push(Note::new("facts:unexpected", text));
    }
    for pattern in expected {
        if !differences.iter().any(|fact| matches(pattern, &fact.fact)) {
            let text = format!("declared to differ, but does not: {pattern}");
            notes.push(Note::new("facts:same", text));
        }
    }
    notes
}

/// The stable facts in which runs of one side differ among themselves.
pub fn mixed(runs: &[ResultSet]) -> Vec<String> {
    let several = |(name, facts): (&str, Vec<&Fact>)| {
        let values: BTreeSet<String> = facts.iter().filter_map(|fact| value(fact)).collect();
        (facts.iter().all(|fact| fact.stable) && values.len() > 1).then(|| name.to_owned())
    };
    readings(runs).into_iter().filter_map(several).collect()
}

/// Whether `name` is `pattern`, in which `*` stands for any text and `?` for any character.
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where to go on after a star that took too little.
    let mut retry = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => (p, n) = (p + 1, n + 1),
            _ => {
                let Some((star, taken)) = retry else { return false };
                retry = Some((star, taken + 1));
                (p, n) = (star + 1, taken + 1);
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;
    use proptest::prelude::*;

    #[test]
    fn globs_match_as_in_a_shell() {
        for (pattern, name) in [
            ("*", ""),
            ("a*c", "abbc"),
            ("numa.*", "numa.nodes"),
            ("?b*", "abc"),
            ("a*b*c", "axxbbyc"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("", "a"), ("a", "ab"), ("a?", "a"), ("*x", "abc"), ("numa", "numa.nodes")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    proptest! {
        #[test]
        fn a_name_matches_itself_and_a_star(name in "[^*?]{0,20}", tail in ".{0,5}") {
            prop_assert!(matches(&name, &name));
            let longer = format!("{name}{tail}");
            let pattern = format!("{name}*");
            prop_assert!(matches(&pattern, &longer));
        }
    }
}
