//! Partners: the launches of two sides that were measured next to each other.

use super::note::Note;
use crate::setting::AXIS_FACT;
use std::collections::{BTreeMap, BTreeSet};
use vbench_results::{CaseId, Outcome, Reading, ResultSet};

/// What is left of two sides when every launch must have its partner. Launches of equal number in
/// runs of equal order are partners, as a paired [`super::Policy`] wants it.
#[derive(Clone, Debug, PartialEq)]
pub struct Partners {
    /// The base's runs.
    pub base: Vec<ResultSet>,
    /// The candidate's runs.
    pub candidate: Vec<ResultSet>,
    /// Measured launches that were left out because their partner is not there.
    pub alone: usize,
}

/// Identifies a launch on both sides: what its two runs share, and its number.
type Number = (String, u32);
/// The launches of each case that were measured.
type Measured = BTreeMap<CaseId, BTreeSet<Number>>;

/// Pairs up two sides; `None` when no run of one was measured in pairs with a run of the other.
///
/// A launch without a measured partner is left out, unless its case has no pair at all: then the
/// comparison says what is missing. Axes that the two sides were set to differ in are taken out of
/// the names of cases, so that partners have one name.
pub fn partners(base: &[ResultSet], candidate: &[ResultSet]) -> Option<Partners> {
    let named = |runs: &[ResultSet]| -> BTreeSet<String> {
        runs.iter().filter_map(|set| set.run.pairs.clone()).collect()
    };
    let shared: BTreeSet<String> = named(base).intersection(&named(candidate)).cloned().collect();
    if shared.is_empty() {
        return None;
    }
    let has_partner = |set: &&ResultSet| set.run.pairs.as_ref().is_some_and(|p| shared.contains(p));
    let (kept, rest): (Vec<_>, Vec<_>) = base.iter().chain(candidate).partition(has_partner);
    let axes = varied(&kept);
    let taken = |runs: &[ResultSet]| -> Vec<ResultSet> {
        runs.iter().filter(has_partner).map(|set| without_axes(set.clone(), &axes)).collect()
    };
    let (mut base, mut candidate) = (taken(base), taken(candidate));
    let common = common(&measured(&base), &measured(&candidate));
    let sides = base.iter_mut().chain(&mut candidate);
    let alone: usize = sides.map(|set| leave_out(set, &common)).sum();
    let elsewhere = rest.iter().flat_map(|set| measured_in(set)).count();
    Some(Partners { base, candidate, alone: alone + elsewhere })
}

impl Partners {
    /// What was left out, for the readers of the comparison.
    pub fn note(&self) -> Option<Note> {
        let text = match self.alone {
            0 => return None,
            1 => "1 launch has no partner and is left out".to_owned(),
            many => format!("{many} launches have no partner and are left out"),
        };
        Some(Note::new("pairs:alone", text))
    }
}

/// Axes whose value was set for every one of these runs.
fn varied(sets: &[&ResultSet]) -> BTreeSet<String> {
    let axes = |set: &ResultSet| -> BTreeSet<String> {
        let facts = set.environment.facts.iter();
        let set_to = facts.filter(|(_, fact)| matches!(fact.reading, Reading::Value(_)));
        set_to.filter_map(|(name, _)| name.strip_prefix(AXIS_FACT)).map(str::to_owned).collect()
    };
    let all = sets.iter().map(|set| axes(set));
    all.reduce(|a, b| a.intersection(&b).cloned().collect()).unwrap_or_default()
}

fn without_axes(mut set: ResultSet, axes: &BTreeSet<String>) -> ResultSet {
    for case in &mut set.cases {
        case.case.params.retain(|axis, _| !axes.contains(axis));
    }
    set
}

/// Case and number of every measured launch.
fn measured_in(set: &ResultSet) -> impl Iterator<Item = (&CaseId, Number)> {
    let pairs = set.run.pairs.clone().unwrap_or_default();
    set.cases.iter().flat_map(move |case| {
        let pairs = pairs.clone();
        let ended = case.launches.iter().filter(|launch| launch.outcome == Outcome::Measured);
        ended.map(move |launch| (&case.case, (pairs.clone(), launch.launch)))
    })
}

fn measured(sets: &[ResultSet]) -> Measured {
    let mut found = Measured::new();
    for (case, number) in sets.iter().flat_map(measured_in) {
        found.entry(case.clone()).or_default().insert(number);
    }
    found
}

/// The pairs of every case that has some.
fn common(base: &Measured, candidate: &Measured) -> Measured {
    let both = base.iter().filter_map(|(case, numbers)| {
        let common = numbers.intersection(candidate.get(case)?).cloned().collect();
        Some((case.clone(), common))
    });
    both.filter(|(_, common): &(_, BTreeSet<Number>)| !common.is_empty()).collect()
}

/// Takes out of `set` what was measured without a partner; how much that was.
fn leave_out(set: &mut ResultSet, common: &Measured) -> usize {
    let pairs = set.run.pairs.clone().unwrap_or_default();
    let mut left_out = 0;
    for case in &mut set.cases {
        let Some(numbers) = common.get(&case.case) else { continue };
        let before = case.launches.len();
        case.launches.retain(|launch| {
            launch.outcome != Outcome::Measured || numbers.contains(&(pairs.clone(), launch.launch))
        });
        left_out += before - case.launches.len();
    }
    left_out
}

#[cfg(test)]
mod tests {
    use super::partners;
    use std::collections::BTreeMap;
    use std::slice::from_ref;
    use vbench_results::{
        CaseResult, Environment, Estimator, Fact, Launch, Outcome, Reading, ResultSet, Run,
    };

    fn set(pairs: Option<&str>, case: &str, launches: &[(u32, bool)]) -> ResultSet {
        let run = Run { pairs: pairs.map(str::to_owned), ..Run::default() };
        let mut set = ResultSet::new(run, Environment::default());
        let launch = |(number, measured): &(u32, bool)| Launch {
            launch: *number,
            boot_id: None,
            position: *number,
            at_s: 0.0,
            elapsed_s: 0.0,
            outcome: match measured {
                true => Outcome::Measured,
                false => Outcome::Failed { reason: "wrong".into() },
            },
            facts: BTreeMap::new(),
            repeats: Vec::new(),
        };
        set.cases.push(CaseResult {
            case: case.parse().unwrap(),
            kind: "cpu".into(),
            version: "1".into(),
            estimator: Estimator::Center,
            metrics: Vec::new(),
            launches: launches.iter().map(launch).collect(),
        });
        set
    }

    fn with_axis(mut set: ResultSet, value: &str) -> ResultSet {
        let reading = Reading::Value(value.into());
        let fact = Fact { reading, source: "--a".into(), stable: true, identifying: false };
        set.environment.facts.insert("setting.axis:pages".into(), fact);
        set
    }

    fn numbers(set: &ResultSet) -> Vec<u32> {
        set.cases[0].launches.iter().map(|launch| launch.launch).collect()
    }

    #[test]
    fn runs_that_were_not_measured_together_have_no_partners() {
        let (alone, paired) = (set(None, "a::b", &[(1, true)]), set(Some("x"), "a::b", &[]));
        let other = set(Some("y"), "a::b", &[]);
        for (base, candidate) in [(&alone, &alone), (&alone, &paired), (&paired, &other)] {
            assert_eq!(partners(from_ref(base), from_ref(candidate)), None);
        }
    }

    #[test]
    fn a_launch_whose_partner_failed_or_is_missing_is_left_out_and_failures_stay() {
        let base = set(Some("x"), "a::b", &[(1, true), (2, true), (3, false), (4, true)]);
        let candidate = set(Some("x"), "a::b", &[(1, true), (2, false), (3, true)]);
        let found = partners(&[base], &[candidate]).unwrap();
        assert_eq!(numbers(&found.base[0]), [1, 3]);
        assert_eq!(numbers(&found.candidate[0]), [1, 2]);
        assert_eq!(found.alone, 3);
        let text = found.note().unwrap().text;
        assert_eq!(text, "3 launches have no partner and are left out");
    }

    #[test]
    fn a_case_without_any_pair_keeps_what_it_has() {
        let (base, candidate) =
            (set(Some("x"), "a::b", &[(1, true)]), set(Some("x"), "a::b", &[(1, false)]));
        let found = partners(from_ref(&base), &[candidate]).unwrap();
        assert_eq!((&found.base[0], found.alone, found.note()), (&base, 0, None));
    }

    #[test]
    fn runs_of_other_pairs_are_left_out() {
        let base = [set(Some("x"), "a::b", &[(1, true)]), set(Some("y"), "a::b", &[(1, true)])];
        let found = partners(&base, &[set(Some("x"), "a::b", &[(1, true)])]).unwrap();
        assert_eq!((found.base.len(), found.alone), (1, 1));
    }

    #[test]
    fn an_axis_that_was_set_on_both_sides_leaves_the_names() {
        let base = with_axis(set(Some("x"), "a::b/pages=4k,size=1", &[(1, true)]), "4k");
        let candidate = with_axis(set(Some("x"), "a::b/pages=thp,size=1", &[(1, true)]), "thp");
        let found = partners(&[base], &[candidate]).unwrap();
        for side in [&found.base[0], &found.candidate[0]] {
            assert_eq!(side.cases[0].case.to_string(), "a::b/size=1");
            assert_eq!(numbers(side), [1]);
        }
    }
}
