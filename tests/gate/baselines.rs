//! Promoted baselines, and a policy written from a run.

use crate::program::{Place, compared, judged, new, old, read, run};
use vbench::gate::{Outcome, Policy, commented_policy};
use vbench_results::Outcome as Ended;

fn promote(place: &Place, arguments: &[&str]) -> (u8, String, String) {
    place.run(&["baseline", "promote"], arguments)
}

#[test]
fn a_promoted_run_is_what_gates_compare_with() {
    let place = Place::new(&[old(&[1.0]), new(&[1.5])], "");
    assert_eq!(
        promote(&place, &["old"]),
        (0, "main is now 20260102T030005Z-beef\n".into(), String::new())
    );
    assert_eq!(promote(&place, &["old"]).1, "main is 20260102T030005Z-beef already\n");
    // What is compared is the promoted copy.
    std::fs::remove_dir_all(place.out().join("7x-H200/old")).unwrap();
    let (code, text, said) = place.gate(&["--baseline", "main", "--candidate", "new"]);
    assert_eq!(code, 1, "{text}{said}");
    assert!(text.contains("baseline main") && text.contains(".baselines/objects/"), "{text}");
    std::fs::write(place.policy(), "[baseline]\nsource = \"main\"").unwrap();
    assert_eq!(place.gate(&["--candidate", "new"]).0, 1, "the policy may name the base");
}

#[test]
fn the_newest_promotion_that_fits_the_machine_is_used() {
    let on = |model: &str, minute: u32, value: f64| {
        run("old", minute, 5, &[value]).fact("cpu.model", model)
    };
    let place = Place::new(
        &[on("Xeon", 0, 1.0), on("Epyc", 10, 2.0), new(&[1.0]).fact("cpu.model", "Xeon")],
        "",
    );
    assert_eq!(promote(&place, &["20260102T0300"]).0, 0);
    assert_eq!(promote(&place, &["20260102T0310"]).0, 0);
    let (code, text, _) = place.gate(&["--baseline", "main", "--candidate", "new"]);
    assert_eq!(code, 0, "{text}");
    let (_, list, _) = place.run(&["baseline", "list"], &[]);
    assert_eq!(list.lines().count(), 3, "{list}");
    assert!(
        list.contains("20260102T030005Z-beef") && list.contains("20260102T031005Z-beef"),
        "{list}"
    );
    let (code, shown, _) = place.run(&["baseline", "show", "main"], &[]);
    assert_eq!(code, 0);
    assert!(shown.contains("1 older promotion") && shown.contains("m::f0"), "{shown}");
}

#[test]
fn a_machine_without_a_promotion_is_told_what_differs() {
    let place = Place::new(
        &[old(&[1.0]).fact("cpu.model", "Xeon"), new(&[1.0]).fact("cpu.model", "Epyc")],
        "",
    );
    promote(&place, &["old"]);
    let (code, text, _) = place.gate(&["--baseline", "main", "--candidate", "new"]);
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("cpu.model is Xeon in the base, Epyc in the candidate"), "{text}");
}

#[test]
fn failed_and_unfinished_runs_are_refused_unless_forced() {
    let mut failed = old(&[1.0]);
    failed = failed.ended("m::g", "cpu", Ended::Failed { reason: "check failed: sum".into() });
    let mut unfinished = new(&[1.0]);
    unfinished.results.run.finished_at = None;
    let place = Place::new(&[failed, unfinished], "");
    let (code, _, said) = promote(&place, &["old"]);
    assert_eq!(code, 2);
    assert!(
        said.contains("1 launch of m::g failed: check failed: sum") && said.contains("--force"),
        "{said}"
    );
    assert!(promote(&place, &["new"]).2.contains("20260102T033005Z-beef is unfinished"));
    assert_eq!(
        place.run(&["baseline", "list"], &[]).1,
        "no baselines\n  make one: vbench baseline promote RUN\n"
    );
    assert_eq!(promote(&place, &["new", "--force"]).0, 0);
    assert!(place.run(&["baseline", "list"], &[]).1.contains("forced"));
    assert!(place.run(&["baseline", "show", "main"], &[]).1.contains("is unfinished"));
}

#[test]
fn names_that_lead_elsewhere_or_mean_two_things_are_refused() {
    let place = Place::new(&[old(&[1.0]), new(&[1.0])], "");
    for name in ["../up", "objects", ""] {
        let (code, _, said) = promote(&place, &["old", "--name", name]);
        assert_eq!(code, 2);
        assert!(said.contains("cannot be the name of a baseline"), "{said}");
    }
    promote(&place, &["old", "--name", "old"]);
    let (code, _, said) = place.gate(&["--baseline", "old", "--candidate", "new"]);
    assert_eq!(code, 2);
    assert!(said.contains("both a promoted baseline and a run"), "{said}");
    assert_eq!(place.gate(&["--baseline", "baseline:old", "--candidate", "new"]).0, 0);
    assert_eq!(place.gate(&["--baseline", "7x-H200/old", "--candidate", "new"]).0, 0);
    let (code, _, said) = place.run(&["baseline", "show", "gone"], &[]);
    assert_eq!(code, 2);
    assert!(
        said.contains("no promoted baseline \"gone\"") && said.contains("there: old"),
        "{said}"
    );
}

#[test]
fn a_baseline_that_was_tampered_with_is_refused() {
    let place = Place::new(&[old(&[1.0]), new(&[1.0])], "");
    promote(&place, &["old"]);
    let objects = place.out().join(".baselines/objects");
    let object = std::fs::read_dir(&objects).unwrap().next().unwrap().unwrap().path();
    let text = read(&object).replace("\"time\": 1", "\"time\": 2");
    std::fs::remove_file(&object).unwrap();
    std::fs::write(&object, text).unwrap();
    let (code, _, said) = place.gate(&["--baseline", "main", "--candidate", "new"]);
    assert_eq!(code, 2);
    assert!(said.contains("changed since it was promoted") && said.contains("objects"), "{said}");
    assert!(said.contains("promote what it was made of again"), "{said}");
    assert!(said.contains("20260102T030005Z-beef"), "{said}");
    let (code, said, _) = promote(&place, &["old"]);
    assert_eq!(code, 0);
    assert_eq!(said, "main is 20260102T030005Z-beef already; stored again: 1 run\n");
    assert_eq!(place.gate(&["--baseline", "main", "--candidate", "new"]).0, 0);
}

#[test]
fn of_two_promotions_within_a_second_the_later_is_used() {
    let values = [(0, 1.0), (5, 2.0), (10, 4.0), (15, 8.0)];
    let runs = values
        .map(|(minute, value)| run("old", minute, 5, &[value]))
        .into_iter()
        .chain([new(&[1.0])])
        .collect::<Vec<_>>();
    let place = Place::new(&runs, "");
    for minute in ["0310", "0305", "0315", "0300"] {
        assert_eq!(promote(&place, &[&format!("20260102T{minute}")]).0, 0);
    }
    let (code, said, _) = place.gate(&["--baseline", "main", "--candidate", "new"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("1 equivalent"), "{said}");
}

#[test]
fn the_first_policy_reads_back_and_passes_its_own_run() {
    let example = crate::stored::default();
    let text =
        commented_policy(std::slice::from_ref(&example.results), |value, _| value.to_string());
    let policy = Policy::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let comparison = compared(&example, &example, &policy);
    assert_eq!(judged(&policy, &comparison).unwrap().outcome, Outcome::Pass);
    // A run that lost a benchmark is not what the policy expects.
    let mut poorer = crate::stored::default();
    poorer.results.cases.retain(|case| case.kind != "gpu");
    let comparison = compared(&poorer, &poorer, &policy);
    assert_eq!(judged(&policy, &comparison).unwrap().outcome, Outcome::Incomplete);
    insta::assert_snapshot!(text);
}

#[test]
fn a_policy_is_written_once() {
    let place = Place::new(&[run("old", 0, 1, &[1.0])], "");
    let (code, _, said) = place.gate(&["--init", "old"]);
    assert_eq!(code, 2);
    assert!(said.contains("policy.toml") && said.contains("--policy FILE"), "{said}");
    std::fs::remove_file(place.policy()).unwrap();
    assert_eq!(place.gate(&["--init", "old"]).0, 0);
    let text = read(&place.policy());
    assert!(text.contains("This run has at most 1 launch a case"), "{text}");
    assert!(Policy::parse(&text).is_ok());
}

#[test]
fn every_suggested_bound_can_be_taken_as_it_stands() {
    let place = Place::new(&[crate::stored::default()], "");
    std::fs::remove_file(place.policy()).unwrap();
    assert_eq!(place.gate(&["--init", "default"]).0, 0);
    let text = read(&place.policy());
    // What a user uncomments: the rules, with their bounds.
    let taken = |line: &str| ["[[rule]]", "min", "max"].iter().any(|word| line.starts_with(word));
    let mut inside = false;
    let lines = text.lines().map(|line| {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        inside = bare == "[[rule]]" || (inside && line.starts_with('#'));
        if inside && (taken(bare) || bare.starts_with("match")) { bare } else { line }
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    let policy = Policy::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let example = crate::stored::default();
    let comparison = compared(&example, &example, &policy);
    let gate = judged(&policy, &comparison).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(gate.outcome, Outcome::Pass, "{text}");
    let bounds: Vec<_> = gate.rows.iter().flat_map(|row| &row.bounds).collect();
    assert_eq!((policy.rules.len(), bounds.len()), (4, 6), "{text}");
    assert!(bounds.iter().all(|bound| bound.is_held()), "{bounds:?}");
    // Bandwidths are bounded from below, latencies from above, each in its unit.
    assert!(
        text.contains("\nmin = \"16.2 GB/s\"\n") && text.contains("\nmax = \"175 ns\"\n"),
        "{text}"
    );
}

#[test]
fn hostile_names_stay_within_their_comment() {
    let mut hostile = run("x\nmargin = 1", 0, 5, &[1.0]).fact("a\nb = 1", "x");
    hostile.results.cases[0].case.benchmark = "m::\"f\n[[rule]]".into();
    let text =
        commented_policy(std::slice::from_ref(&hostile.results), |value, _| value.to_string());
    let policy = Policy::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert!(policy.rules.is_empty());
    assert_eq!(policy.expect[0].case, "m::\"f\n[[rule]]");
}
