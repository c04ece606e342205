//! What a policy makes of a comparison.

use crate::program::{Place, compared, judged, new, old, policy, run, today};
use crate::stored::Stored;
use proptest::prelude::*;
use vbench::compare::{FloorKey, Level, Side, compare};
use vbench::gate::{Effect, Gate, Misfit, Outcome, Policy, State, decide};
use vbench::stats::Floor;
use vbench_results::Role;

fn outcome(policy: &Policy, base: &[f64], candidate: &[f64]) -> Outcome {
    judged(policy, &compared(&old(base), &new(candidate), policy)).unwrap().outcome
}

fn state(gate: &Gate<'_>, index: usize) -> (State, Effect) {
    (gate.rows[index].state, gate.rows[index].effect())
}

#[test]
fn worse_fails_and_everything_else_of_a_healthy_run_passes() {
    let any = Policy::default();
    assert_eq!(outcome(&any, &[1.0, 1.0], &[1.0, 1.0]), Outcome::Pass);
    assert_eq!(outcome(&any, &[1.0, 1.0], &[1.0, 0.5]), Outcome::Pass);
    assert_eq!(outcome(&any, &[1.0, 1.0], &[1.0, 1.1]), Outcome::Fail);
    assert_eq!(outcome(&policy("margin = \"20%\""), &[1.0], &[1.1]), Outcome::Pass);
}

#[test]
fn a_gate_that_judged_nothing_does_not_pass() {
    let policy = Policy::default();
    let comparison = compared(&old(&[]), &new(&[]), &policy);
    let gate = judged(&policy, &comparison).unwrap();
    assert_eq!((gate.outcome, gate.judged()), (Outcome::Incomplete, 0));
    let (mut base, mut candidate) = (old(&[1.0]), new(&[1.0]));
    for run in [&mut base, &mut candidate] {
        run.results.cases[0].metrics[0].role = Role::Info;
    }
    let comparison = compared(&base, &candidate, &policy);
    assert_eq!(judged(&policy, &comparison).unwrap().outcome, Outcome::Incomplete);
}

#[test]
fn lost_rows_are_missing_and_further_ones_are_new() {
    let any = Policy::default();
    let comparison = compared(&old(&[1.0, 1.0]), &new(&[1.0]), &any);
    let gate = judged(&any, &comparison).unwrap();
    assert_eq!(state(&gate, 1), (State::Missing, Effect::Incomplete));
    assert_eq!(gate.outcome, Outcome::Incomplete);
    let comparison = compared(&old(&[1.0]), &new(&[1.0, 1.0]), &any);
    let gate = judged(&any, &comparison).unwrap();
    assert_eq!(state(&gate, 1), (State::New, Effect::Warn));
    assert_eq!(gate.outcome, Outcome::Pass);
    let strict = policy("on_new = \"fail\"");
    assert_eq!(judged(&strict, &comparison).unwrap().outcome, Outcome::Incomplete);
    let lax = policy("on_missing = \"warn\"");
    assert_eq!(outcome(&lax, &[1.0, 1.0], &[1.0]), Outcome::Pass);
}

#[test]
fn expectations_replace_the_rows_of_the_base() {
    // The base's second row is lost and nobody expects it.
    let expects = policy("[[expect]]\nmatch = { case = \"m::f0\" }");
    assert_eq!(outcome(&expects, &[1.0, 1.0], &[1.0]), Outcome::Pass);
    // A row that neither side has is a row all the same.
    let expects = policy("[[expect]]\nmatch = { case = \"m::g\" }");
    let comparison = compared(&old(&[1.0]), &new(&[1.0]), &expects);
    let gate = judged(&expects, &comparison).unwrap();
    assert_eq!((gate.outcome, gate.counts[&State::Missing]), (Outcome::Incomplete, 1));
    assert_eq!((gate.rows[1].case.as_str(), gate.rows[1].row), ("m::g", None));
}

#[test]
fn few_launches_are_not_believed_whatever_they_say() {
    let three = [run("old", 0, 3, &[1.0]), run("new", 30, 3, &[1.5])];
    let any = Policy::default();
    let comparison = compared(&three[0], &three[1], &any);
    let gate = judged(&any, &comparison).unwrap();
    assert_eq!(state(&gate, 0), (State::Inconclusive, Effect::Warn));
    assert_eq!(gate.rows[0].findings[0].code, "underpowered");
    let fewer = policy("min_units = 3");
    assert_eq!(
        judged(&fewer, &compared(&three[0], &three[1], &fewer)).unwrap().outcome,
        Outcome::Fail
    );
    let boots = policy("require_unit = \"boot\"\non_inconclusive = \"fail\"");
    let comparison = compared(&old(&[1.0]), &new(&[1.5]), &boots);
    let gate = judged(&boots, &comparison).unwrap();
    assert_eq!(gate.rows[0].findings[0].code, "within-boot");
    assert_eq!(gate.outcome, Outcome::Incomplete);
}

#[test]
fn a_gate_that_could_decide_nothing_says_so() {
    let any = Policy::default();
    let few = |config, minute, rows: &[f64]| run(config, minute, 3, rows);
    let comparison = compared(&few("old", 0, &[1.0; 2]), &few("new", 30, &[1.0; 2]), &any);
    let gate = judged(&any, &comparison).unwrap();
    assert_eq!((gate.outcome, gate.findings[0].code.as_str()), (Outcome::Pass, "undecided"));
    let place = Place::new(&[few("old", 0, &[1.0; 2]), few("new", 30, &[1.0; 2])], "");
    let (code, said) = place.decide();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("3 launches a side, fewer than 5"), "{said}");
    assert!(said.contains("gate: PASS (nothing decided)   2 rows: "), "{said}");
    let arguments = ["--baseline", "old", "--candidate", "new", "--format", "markdown"];
    let (_, table, _) = place.gate(&arguments);
    assert!(table.starts_with("## vbench gate: pass (nothing decided)\n"), "{table}");
    let comparison = compared(&old(&[1.0; 2]), &new(&[1.0; 2]), &any);
    assert_eq!(judged(&any, &comparison).unwrap().findings, []);
}

#[test]
fn a_single_launch_needs_two_permissions() {
    let (base, candidate) = (run("old", 0, 8, &[1.0]), run("new", 30, 1, &[1.5]));
    let decided = |text: &str| {
        let policy = policy(text);
        judged(&policy, &compared(&base, &candidate, &policy)).unwrap().outcome
    };
    assert_eq!(decided("min_units = 1"), Outcome::Pass);
    assert_eq!(decided("allow_single = true"), Outcome::Pass);
    assert_eq!(decided("min_units = 1\nallow_single = true"), Outcome::Fail);
}

#[test]
fn rules_change_single_rows_and_the_later_wins() {
    let text = "
        [[rule]]
        match = { case = \"m::*\", metric = \"time\" }
        margin = \"50%\"
        [[rule]]
        match = { case = \"m::f1\" }
        margin = \"5%\"";
    let rules = policy(text);
    let comparison = compared(&old(&[1.0, 1.0]), &new(&[1.1, 1.1]), &rules);
    let gate = judged(&rules, &comparison).unwrap();
    assert_eq!(state(&gate, 0).0, State::Equivalent);
    assert_eq!(state(&gate, 1), (State::Regressed, Effect::Fail));
    assert_eq!(comparison.pairs[0].rows[1].terms.margin, 0.05);
}

#[test]
fn beyond_the_margin_asks_for_more_than_significance() {
    // 3.1% slower, give or take 0.4%: real and above 3%, and not wholly beyond it.
    let values = ([1.0], [1.031]);
    assert_eq!(outcome(&Policy::default(), &values.0, &values.1), Outcome::Fail);
    let strict = policy("fail_rule = \"beyond-margin\"");
    assert_eq!(outcome(&strict, &values.0, &values.1), Outcome::Pass);
    assert_eq!(outcome(&strict, &[1.0], &[1.1]), Outcome::Fail);
}

#[test]
fn the_best_is_compared_where_the_policy_says_so() {
    let (base, mut candidate) = (old(&[1.0]), new(&[1.2]));
    // Every launch reaches 1.0 once.
    for launch in &mut candidate.results.cases[0].launches {
        launch.repeats[0].values.insert("time", 1.0);
    }
    let decided = |text: &str| {
        let policy = policy(text);
        judged(&policy, &compared(&base, &candidate, &policy)).unwrap().outcome
    };
    assert_eq!(decided(""), Outcome::Fail);
    assert_eq!(decided("statistic = \"best\"\nmin_units = 2"), Outcome::Pass);
}

#[test]
fn a_base_of_another_hour_is_believed_as_far_as_the_host_may_drift() {
    // Launches 0.3% apart: 2% half an hour later is real if the host is steady. A factor is.
    let decided = |text: &str, candidate: f64| {
        let policy = policy(text);
        let comparison = compared(&old(&[1.0]), &new(&[candidate]), &policy);
        let gate = judged(&policy, &comparison).unwrap();
        let codes = gate.rows[0].findings.iter().map(|finding| finding.code.clone());
        (gate.outcome, codes.collect::<Vec<_>>().join(" "))
    };
    let margin = "margin = \"1%\"";
    assert_eq!(decided(margin, 1.02), (Outcome::Pass, "drift".into()));
    assert_eq!(decided(margin, 2.0), (Outcome::Fail, "regression".into()));
    assert_eq!(decided(&format!("{margin}\ndrift = 0.0"), 1.02).0, Outcome::Fail);
    let place = Place::new(&[old(&[1.0]), new(&[1.02])], margin);
    let said = place.decide().1;
    assert!(said.contains("the host may have drifted; about 3 launches in turns"), "{said}");
    let strict = format!("{margin}\non_inconclusive = \"fail\"");
    assert_eq!(decided(&strict, 1.02).0, Outcome::Incomplete);
    // Three runs of the base know how far runs lie apart.
    let history = [(0, 1.0), (5, 1.001), (10, 0.999)].map(|(m, value)| run("old", m, 5, &[value]));
    let place = Place::new(&history, margin);
    new(&[1.02]).store(&place.out());
    let (code, said) = place.decide();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("intervals allow for how far runs lie apart"), "{said}");
}

#[test]
fn a_noise_floor_only_widens() {
    assert_eq!(outcome(&policy("noise_floor = 0.2"), &[1.0], &[1.1]), Outcome::Pass);
    assert_eq!(outcome(&policy("noise_floor = 0.0001"), &[1.0], &[1.1]), Outcome::Fail);
}

#[test]
fn bounds_hold_whatever_the_base_says() {
    let bounded =
        |limit: &str| policy(&format!("[[rule]]\nmatch = {{ case = \"m::f0\" }}\n{limit}"));
    assert_eq!(outcome(&bounded("max = \"1.1 s\""), &[1.2], &[1.2]), Outcome::Fail);
    assert_eq!(outcome(&bounded("max = \"1300 ms\""), &[1.2], &[1.2]), Outcome::Pass);
    assert_eq!(outcome(&bounded("min = 1.3"), &[1.2], &[1.2]), Outcome::Fail);
    let other = bounded("max = \"45 GB/s\"");
    let said = judged(&other, &compared(&old(&[1.0]), &new(&[1.0]), &other)).unwrap_err();
    assert_eq!(
        said.to_string(),
        "the bound \"45 GB/s\" does not fit m::f0 time, which is measured in s"
    );
}

#[test]
fn a_moved_control_says_that_nothing_is_believed() {
    let (base, candidate) = ([1.0, 1.0], [1.5, 1.1]);
    let control = "[[control]]\nmatch = { case = \"m::f1\" }\nmargin = \"2%\"";
    assert_eq!(outcome(&policy(control), &base, &candidate), Outcome::Environment);
    let warn = format!("on_control_moved = \"warn\"\n{control}");
    assert_eq!(outcome(&policy(&warn), &base, &candidate), Outcome::Fail);
    let wide = control.replace("2%", "20%");
    assert_eq!(outcome(&policy(&wide), &base, &candidate), Outcome::Fail);
    // Faster is moved, too.
    assert_eq!(outcome(&policy(control), &base, &[1.0, 0.9]), Outcome::Environment);
}

#[test]
fn the_key_tells_machines_apart() {
    let on = |nodes: i64, run: crate::stored::Stored| run.fact("numa.nodes", nodes);
    let decided = |text: &str| {
        let policy = policy(text);
        let comparison = compared(&on(1, old(&[1.0])), &on(4, new(&[1.0])), &policy);
        let gate = judged(&policy, &comparison).unwrap();
        (gate.outcome, gate.findings.first().map(|finding| finding.text.clone()))
    };
    let (outcome, said) = decided("");
    assert_eq!(outcome, Outcome::Environment);
    assert_eq!(said.as_deref(), Some("numa.nodes is 1 in the base, 4 in the candidate"));
    assert_eq!(decided("[baseline]\nkey = [\"stable\", \"!numa.*\"]"), (Outcome::Pass, None));
    assert_eq!(decided("[baseline]\nkey = []"), (Outcome::Pass, None));
    let newer = policy("");
    let mut candidate = new(&[1.0]);
    candidate.results.run.vbench_version = "0.2.0".into();
    let comparison = compared(&old(&[1.0]), &candidate, &newer);
    assert_eq!(judged(&newer, &comparison).unwrap().outcome, Outcome::Environment);
}

#[test]
fn waivers_accept_until_their_day() {
    let waived = |until: &str| {
        policy(&format!(
            "[[waive]]\nmatch = {{ case = \"m::f0\" }}\nreason = \"known\"\nuntil = {until}"
        ))
    };
    let decided = |until: &str| {
        let policy = waived(until);
        let comparison = compared(&old(&[1.0]), &new(&[1.5]), &policy);
        judged(&policy, &comparison).map(|gate| (gate.outcome, gate.rows[0].effect()))
    };
    // The last day is still one.
    assert_eq!(decided("2026-01-03"), Ok((Outcome::Pass, Effect::Waived)));
    let expired = decided("\"2026-01-02\"").unwrap_err().to_string();
    assert!(expired.contains("m::f0") && expired.contains("expired on 2026-01-02"), "{expired}");
    // Another row is not covered.
    let policy = waived("2027-01-01");
    assert_eq!(outcome(&policy, &[1.0, 1.0], &[1.5, 1.5]), Outcome::Fail);
}

#[test]
fn a_pattern_that_matches_nothing_is_an_error() {
    for (table, rest) in
        [("rule", ""), ("control", ""), ("waive", "reason = \"r\"\nuntil = 2027-01-01\n")]
    {
        let policy = policy(&format!("[[{table}]]\nmatch = {{ case = \"m::g*\" }}\n{rest}"));
        let comparison = compared(&old(&[1.0]), &new(&[1.0]), &policy);
        let said = judged(&policy, &comparison).unwrap_err();
        assert!(matches!(said, Misfit::MatchesNothing { .. }), "{said}");
        let said = said.to_string();
        assert!(
            said.contains(table) && said.contains("m::g*") && said.contains("m::f0 time"),
            "{said}"
        );
    }
}

#[test]
fn slow_creep_fails_against_the_anchor() {
    let policy = Policy::default();
    let anchor = compared(&run("old", 0, 5, &[1.0]), &new(&[1.04]), &policy);
    let base = compared(&old(&[1.02]), &new(&[1.04]), &policy);
    assert_eq!(judged(&policy, &base).unwrap().outcome, Outcome::Pass);
    let gate = decide(&policy, &base, Some(&anchor), today()).unwrap();
    assert_eq!(gate.outcome, Outcome::Fail);
    assert_eq!((gate.judged(), gate.rows.len()), (1, 2), "the footer counts rows of the base");
    let place = Place::new(
        &[run("first", 0, 5, &[1.0, 1.0]), run("old", 20, 5, &[1.02, 1.0]), new(&[1.04, 1.0])],
        "drift = 0.0\n[[control]]\nmatch = { case = \"m::f1\" }",
    );
    let arguments = ["--baseline", "old", "--anchor", "first", "--candidate", "new"];
    let (code, said, _) = place.gate(&arguments);
    assert_eq!(code, 1, "{said}");
    let last = said.lines().last().unwrap();
    assert!(last.starts_with("gate: FAIL   1 row: 0 regressed, "), "{last}");
    assert!(last.ends_with(", 0 missing, 1 against the anchor   exit 1"), "{last}");
    // A control stands beside what it was held against.
    for reference in ["base", "anchor"] {
        assert!(
            said.contains(&format!("against the {reference}: same: the environment")),
            "{said}"
        );
    }
}

#[test]
fn the_last_line_counts_what_is_waived() {
    let waive = "[[waive]]\nmatch = {}\nreason = \"known\"\nuntil = 2099-01-01";
    let place = Place::new(&[old(&[1.0, 1.0]), new(&[1.5, 1.5])], waive);
    let (code, said) = place.decide();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("gate: PASS   2 rows: 2 regressed, "), "{said}");
    assert!(said.contains(" 0 missing, 2 waived   exit 0\n"), "{said}");
}

#[test]
fn one_boot_beside_a_floor_names_the_settings_that_let_it_be_judged() {
    let base = run("old", 0, 5, &[1.0]);
    let candidate = run("new", 30, 5, &[1.0]);
    let key =
        |case: &str| FloorKey { case: case.into(), metric: "time".into(), level: Level::Boot };
    let judged_by = |text: &str| {
        let policy = policy(text);
        let floors = [(key("m::f0"), Floor { sd: 0.01, df: 9.0 })].into();
        let side = |name, run: &'_ Stored| (name, run.results.clone());
        let ((base_name, base), (name, candidate)) = (side("old", &base), side("new", &candidate));
        let candidate = [Side { name, runs: std::slice::from_ref(&candidate) }];
        let base = Side { name: base_name, runs: std::slice::from_ref(&base) };
        let comparison = compare(&base, &candidate, &policy.comparison(floors));
        let gate = judged(&policy, &comparison).unwrap();
        gate.rows[0].findings.iter().map(|found| found.text.clone()).collect::<String>()
    };
    let said = judged_by("");
    assert!(
        said.starts_with("1 boot a side, fewer than 5: min_units = 1 and allow_single"),
        "{said}"
    );
    let said = judged_by("min_units = 1\nallow_single = true");
    assert!(!said.contains("min_units"), "{said}");
}

#[test]
fn an_old_base_is_warned_about() {
    let place = Place::new(&[old(&[1.0]), new(&[1.0])], "[baseline]\nmax_age = \"1h\"");
    let (code, said) = place.decide();
    assert_eq!(code, 0, "{said}");
    let expected = "WARN  old was measured on 2026-01-02T03:00:05Z, more than 1h ago";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn failing_rows_are_named_for_confirmation() {
    let place = Place::new(&[old(&[1.0, 1.0]), new(&[1.0, 1.5])], "[confirm]\nruns = 1");
    let (code, said) = place.decide();
    assert_eq!(code, 1);
    assert!(
        said.contains("to confirm: measure again 1 time") && said.contains("--exact 'm::f1'\n"),
        "{said}"
    );
    // Where the runs are, and what tells whether the environment moved.
    assert!(said.contains(&format!(" --out '{}' --exact", place.out().display())), "{said}");
    let control = "[confirm]\nruns = 1\n[[control]]\nmatch = { case = \"m::f0\" }";
    let place = Place::new(&[old(&[1.0, 1.0]), new(&[1.0, 1.5])], control);
    let said = place.decide().1;
    assert!(said.contains(" --exact 'm::f0' 'm::f1'\n"), "{said}");
}

#[test]
fn report_only_keeps_the_decision_and_exits_with_zero() {
    let place = Place::new(&[old(&[1.0]), new(&[1.5])], "");
    let arguments = ["--baseline", "old", "--candidate", "new", "--report-only"];
    let (code, text, _) = place.gate(&arguments);
    assert_eq!(code, 0);
    assert!(text.contains("gate: FAIL") && text.contains("exit 0 (report only, else 1)"), "{text}");
    std::fs::write(place.policy(), "margin = 3").unwrap();
    assert_eq!(place.gate(&arguments).0, 2, "an error stays one");
}

#[test]
fn without_a_base_only_bounds_are_checked() {
    let bounds = "[[rule]]\nmatch = { case = \"m::f0\" }\nmax = \"1.1 s\"";
    let place = Place::new(&[new(&[1.0, 9.0])], bounds);
    let (code, text, said) = place.gate(&["--candidate", "new"]);
    assert_eq!(code, 0, "{text}{said}");
    assert!(text.contains("no base: only bounds are checked"), "{text}");
    assert!(text.contains("0 missing, 1 bound kept   exit 0"), "{text}");
    let place = Place::new(&[new(&[1.2, 9.0])], bounds);
    let (code, text, _) = place.gate(&["--candidate", "new"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("1.20 s is above the bound of 1.1 s"), "{text}");
    let place = Place::new(&[new(&[1.2])], "");
    let (code, _, said) = place.gate(&["--candidate", "new"]);
    assert_eq!(code, 2);
    assert!(said.contains("nothing to compare with: give --baseline"), "{said}");
}

/// What a row of the invented candidate does.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Same,
    Worse,
    Better,
    Zero,
    Lost,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn environment_comes_before_failure_and_failure_before_gaps(
        fates in prop::collection::vec(prop::sample::select(vec![Fate::Same, Fate::Worse, Fate::Better, Fate::Zero, Fate::Lost]), 1..6),
        moved: bool,
        elsewhere: bool,
    ) {
        let policy = policy("[[control]]\nmatch = { case = \"m::f0\" }");
        let count = fates.len() + 1;
        let mut values = vec![if moved { 2.0 } else { 1.0 }];
        values.extend(fates.iter().map(|fate| match fate {
            Fate::Worse => 1.5,
            Fate::Better => 0.5,
            _ => 1.0,
        }));
        let mut candidate = new(&values);
        if elsewhere {
            candidate = candidate.fact("cpu.model", "other");
        }
        for (fate, case) in fates.iter().zip(&mut candidate.results.cases[1..]) {
            if let Fate::Zero = fate {
                case.launches[0].repeats[0].values.insert("time", 0.0);
            }
        }
        let lost = |index: usize| index > 0 && matches!(fates.get(index - 1), Some(Fate::Lost));
        let mut index = 0;
        candidate.results.cases.retain(|_| { index += 1; !lost(index - 1) });
        let base = old(&vec![1.0; count]).fact("cpu.model", "one");
        let candidate = if elsewhere { candidate } else { candidate.fact("cpu.model", "one") };
        let comparison = compared(&base, &candidate, &policy);
        let found = judged(&policy, &comparison).unwrap().outcome;
        let any = |wanted: fn(&Fate) -> bool| fates.iter().any(wanted);
        let expected = if moved || elsewhere {
            Outcome::Environment
        } else if any(|fate| matches!(fate, Fate::Worse)) {
            Outcome::Fail
        } else if any(|fate| matches!(fate, Fate::Zero | Fate::Lost)) {
            Outcome::Incomplete
        } else {
            Outcome::Pass
        };
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn swapping_sides_swaps_worse_and_better(a in prop::collection::vec(0.5..2.0_f64, 1..5), b in prop::collection::vec(0.5..2.0_f64, 5)) {
        let policy = Policy::default();
        let there = compared(&old(&a), &new(&b[..a.len()]), &policy);
        let back = compared(&old(&b[..a.len()]), &new(&a), &policy);
        let (there, back) = (judged(&policy, &there).unwrap(), judged(&policy, &back).unwrap());
        for (there, back) in there.rows.iter().zip(&back.rows) {
            let mirrored = match there.state {
                State::Regressed => State::Improved,
                State::Improved => State::Regressed,
                state => state,
            };
            prop_assert_eq!(mirrored, back.state);
        }
    }
}
