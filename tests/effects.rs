//! The effect matrix on replicated runs: verdicts, what is a pair, and what is none.

#[path = "diff/stored.rs"]
#[allow(dead_code, reason = "shared with the tests of diff")]
mod stored;

use stored::{Stored, default, numa};
use vbench::compare::{Effects, Policy, Side, Verdict, effects};
use vbench_results::ResultSet;

fn declared(stored: Stored, factors: &[(&str, &str)]) -> ResultSet {
    let mut results = stored.results;
    for (factor, value) in factors {
        results.run.labels.insert(format!("factor.{factor}"), (*value).to_owned());
    }
    results
}

fn of(runs: &[ResultSet]) -> Effects {
    let sides: Vec<Side<'_>> = runs
        .iter()
        .map(|run| Side { name: &run.run.config, runs: std::slice::from_ref(run) })
        .collect();
    effects(&sides, &Policy::default())
}

fn verdict(effects: &Effects, case: &str, factor: &str) -> Verdict {
    let line = effects.metrics.iter().find(|line| line.case == case).unwrap();
    line.cells[factor][0].verdict
}

#[test]
fn launches_give_verdicts_and_the_side_without_the_factor_is_the_base() {
    // The configuration with the factor comes first.
    let runs = [declared(numa(), &[("numa", "yes")]), declared(default(), &[("numa", "no")])];
    let effects = of(&runs);
    assert_eq!(effects.factors, ["numa"]);
    assert_eq!(verdict(&effects, "gpu::allreduce/bytes=1G", "numa"), Verdict::Regression);
    assert_eq!(verdict(&effects, "latency::chase/size=512M", "numa"), Verdict::Improvement);
    assert_eq!(verdict(&effects, "gpu::matmul/dtype=f32", "numa"), Verdict::Equivalent);
    assert_eq!(verdict(&effects, "cpu::primes/threads=94", "numa"), Verdict::Inconclusive);
    let line = effects.metrics.iter().find(|line| line.kind == "latency").unwrap();
    let effect = &line.cells["numa"][0];
    assert_eq!((effect.base.as_str(), effect.candidate.as_str()), ("default", "numa"));
    assert_eq!(effect.settings, ["numa: no -> yes"]);
    assert_eq!(effect.also, ["cpu.pinned: no -> yes", "numa.nodes: 1 -> 4"]);
    assert_eq!(effect.units, [5, 5]);
    assert!(effect.interval_95.is_some_and(|(low, high)| low < 0.72 && 0.72 < high));
}

#[test]
fn a_pair_that_differs_in_two_factors_is_confounded() {
    let runs = [
        declared(default(), &[("numa", "no"), ("pin", "no")]),
        declared(numa(), &[("numa", "yes"), ("pin", "yes")]),
    ];
    let effects = of(&runs);
    assert!(effects.metrics.iter().all(|line| line.cells.is_empty()));
    assert!(effects.metrics.iter().all(|line| line.confounded[0].factors == ["numa", "pin"]));
}

#[test]
fn settings_of_one_factor_are_one_factor_and_marked() {
    let settings = |value| [("numa.binding", value), ("numa.vnuma", value)];
    let runs = [declared(default(), &settings("no")), declared(numa(), &settings("yes"))];
    let effects = of(&runs);
    assert_eq!(effects.factors, ["numa"]);
    let mut all = effects.metrics.iter().flat_map(|line| &line.cells["numa"]);
    assert!(all.all(|effect| effect.is_compound() && effect.settings.len() == 2));
}

#[test]
fn what_is_not_declared_on_both_sides_is_no_pair() {
    let runs = [
        declared(default(), &[("numa", "no")]),
        declared(numa(), &[("numa", "no"), ("pin", "yes")]),
    ];
    let effects = of(&runs);
    assert!(effects.metrics.iter().all(|line| line.cells.is_empty()));
    assert_eq!(effects.metrics[0].confounded[0].settings, ["pin: undeclared -> yes"]);
    let silent = of(&[declared(default(), &[]), declared(numa(), &[("pin", "yes")])]);
    assert!(silent.metrics.is_empty());
    let note = &silent.left_out[0];
    assert_eq!(note.text, "no factor is declared by 7x-H200/default");
}

#[test]
fn runs_that_disagree_about_a_factor_are_left_out() {
    let mut second = declared(default(), &[("pin", "yes")]);
    second.run.id = "20260102T040505Z-beef".into();
    let both = [declared(default(), &[("pin", "no")]), second];
    let other = [declared(numa(), &[("pin", "yes")])];
    let sides = [Side { name: "default", runs: &both }, Side { name: "numa", runs: &other }];
    let effects = effects(&sides, &Policy::default());
    assert!(effects.metrics.is_empty());
    let text = "the runs of 7x-H200/default disagree about pin: no and yes";
    assert!(effects.left_out.iter().any(|note| note.text == text), "{:?}", effects.left_out);
}
