//! What a user of a comparison would notice.

use super::{Comparison, Policy, Row, Side, Verdict, Why, compare};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::slice::from_ref;
use vbench_results::{
    Better, CaseResult, Environment, Estimator, Evidence, Fact, Launch, Metric, Outcome, Reading,
    Repeat, ResultSet, Role, Run, Unit,
};

type Values = Vec<Vec<f64>>;

fn metric() -> Metric {
    Metric {
        name: "time".into(),
        unit: Unit::decimal("s"),
        better: Better::Lower,
        role: Role::Gated,
        resolution: None,
        exact: false,
    }
}

fn launch(number: u32, boot: &str, values: &[f64]) -> Launch {
    let repeat = |(index, value): (usize, &f64)| Repeat {
        repeat: index as u32 + 1,
        at_s: 0.0,
        elapsed_s: 1.0,
        iterations: 1,
        values: [("time", *value)].into(),
        evidence: Evidence::default(),
    };
    Launch {
        launch: number,
        boot_id: Some(boot.to_owned()),
        position: number,
        at_s: f64::from(number),
        elapsed_s: 1.0,
        outcome: Outcome::Measured,
        facts: BTreeMap::new(),
        repeats: values.iter().enumerate().map(repeat).collect(),
    }
}

fn case(id: &str, launches: &[Vec<f64>]) -> CaseResult {
    let numbered = launches.iter().enumerate();
    CaseResult {
        case: id.parse().unwrap(),
        kind: "cpu".into(),
        version: "1".into(),
        estimator: Estimator::Center,
        metrics: vec![metric()],
        launches: numbered.map(|(i, values)| launch(i as u32 + 1, "boot", values)).collect(),
    }
}

fn run(id: &str, cases: Vec<CaseResult>) -> ResultSet {
    let run = Run { id: id.into(), started_at: "2026-01-01T00:00:00Z".into(), ..Run::default() };
    ResultSet { cases, ..ResultSet::new(run, Environment::default()) }
}

fn compared(base: &[ResultSet], candidate: &[ResultSet], policy: &Policy) -> Comparison {
    let base = Side { name: "base", runs: base };
    compare(&base, &[Side { name: "candidate", runs: candidate }], policy)
}

/// The only row of two runs.
fn row(base: &ResultSet, candidate: &ResultSet) -> Row {
    let mut comparison = compared(from_ref(base), from_ref(candidate), &Policy::default());
    assert_eq!(comparison.pairs[0].rows.len(), 1);
    comparison.pairs[0].rows.remove(0)
}

fn quiet(center: f64, launches: usize) -> Values {
    (0..launches).map(|i| vec![center * (1.0 + 0.001 * i as f64); 3]).collect()
}

fn one(id: &str, values: &[Vec<f64>]) -> ResultSet {
    run(id, vec![case("m::f", values)])
}

fn codes(notes: &[super::Note]) -> Vec<&str> {
    notes.iter().map(|note| note.code.as_str()).collect()
}

#[test]
fn one_run_of_one_launch_never_says_better_or_worse() {
    let row = row(&one("a", &quiet(1.0, 1)), &one("b", &quiet(2.0, 1)));
    assert_eq!((row.verdict, row.why), (Verdict::Inconclusive, Some(Why::Unreplicated)));
}

#[test]
fn slower_is_worse_and_faster_is_better() {
    let (slow, fast) = (one("a", &quiet(1.1, 5)), one("b", &quiet(1.0, 5)));
    assert_eq!(row(&fast, &slow).verdict, Verdict::Regression);
    assert_eq!(row(&slow, &fast).verdict, Verdict::Improvement);
    assert_eq!(row(&slow, &slow).verdict, Verdict::Equivalent);
}

#[test]
fn a_case_that_one_side_lost_is_a_row_with_the_reason() {
    let mut broken = case("m::f", &[]);
    broken.launches = vec![Launch {
        outcome: Outcome::Failed { reason: "check failed: sum".into() },
        ..launch(1, "boot", &[])
    }];
    let row = row(&one("a", &quiet(1.0, 3)), &run("b", vec![broken]));
    assert_eq!(row.verdict, Verdict::Incomparable);
    assert_eq!(codes(&row.reasons), ["candidate:missing"]);
    assert!(row.reasons[0].text.contains("check failed: sum"), "{:?}", row.reasons);
    assert!(row.base.is_some() && row.candidate.is_none());
}

#[test]
fn what_is_not_the_same_thing_is_not_compared() {
    let base = one("a", &quiet(1.0, 3));
    let changed = |change: fn(&mut CaseResult)| {
        let mut other = one("b", &quiet(1.0, 3));
        change(&mut other.cases[0]);
        let row = row(&base, &other);
        assert_eq!(row.verdict, Verdict::Incomparable);
        codes(&row.reasons).join(" ")
    };
    assert_eq!(changed(|case| case.metrics[0].unit = Unit::decimal("B/s")), "unit");
    assert_eq!(changed(|case| case.metrics[0].better = Better::Higher), "better");
    assert_eq!(changed(|case| case.metrics[0].exact = true), "exact");
    assert_eq!(changed(|case| case.version = "2".into()), "version");
    for (bad, code) in [
        (f64::NAN, "candidate:nan"),
        (f64::INFINITY, "candidate:infinite"),
        (0.0, "candidate:zero"),
        (-1.0, "candidate:negative"),
    ] {
        let mut other = one("b", &quiet(1.0, 3));
        other.cases[0].launches[1].repeats[0].values.insert("time", bad);
        let row = row(&base, &other);
        assert_eq!((row.verdict, codes(&row.reasons)), (Verdict::Incomparable, vec![code]));
        assert!(row.reasons[0].text.contains("launch 2"));
    }
}

#[test]
fn other_versions_are_compared_when_the_user_says_so() {
    let mut other = one("b", &quiet(1.0, 5));
    other.cases[0].version = "2".into();
    let policy = Policy { any_version: true, ..Policy::default() };
    let comparison = compared(&[one("a", &quiet(1.0, 5))], &[other], &policy);
    assert_eq!(comparison.pairs[0].rows[0].verdict, Verdict::Equivalent);
}

#[test]
fn counts_are_compared_for_equality_zeros_included() {
    let exact = |id: &str, value: f64| {
        let mut run = one(id, &vec![vec![value; 2]; 2]);
        run.cases[0].metrics[0].exact = true;
        run
    };
    assert_eq!(row(&exact("a", 0.0), &exact("b", 0.0)).verdict, Verdict::Equivalent);
    let more = row(&exact("a", 0.0), &exact("b", 3.0));
    assert_eq!((more.verdict, more.difference), (Verdict::Regression, Some(3.0)));
    let mut wavering = exact("b", 3.0);
    wavering.cases[0].launches[0].repeats[0].values.insert("time", 4.0);
    assert_eq!(row(&exact("a", 3.0), &wavering).why, Some(Why::NotExact));
}

#[test]
fn boots_are_the_units_once_both_sides_have_two() {
    let booted = |center: f64, boots: [&str; 2], prefix: &str| -> Vec<ResultSet> {
        let runs = boots.iter().enumerate().map(|(i, boot)| {
            let mut run = one(&format!("{prefix}{i}"), &quiet(center * (1.0 + 0.01 * i as f64), 4));
            for launch in &mut run.cases[0].launches {
                launch.boot_id = Some((*boot).to_owned());
            }
            run
        });
        runs.collect()
    };
    let (base, candidate) = (booted(1.0, ["p", "q"], "a"), booted(1.1, ["r", "s"], "b"));
    let comparison = compared(&base, &candidate, &Policy::default());
    let row = &comparison.pairs[0].rows[0];
    assert_eq!(row.level.map(super::Level::name), Some("boot"));
    assert_eq!(row.base.as_ref().unwrap().units_ln.len(), 2);
    assert!(!codes(&row.warnings).contains(&"within-boot"));
    let one_boot = compared(&base[..1], &candidate, &Policy::default());
    let row = &one_boot.pairs[0].rows[0];
    assert_eq!(row.level.map(super::Level::name), Some("launch"));
    assert!(codes(&row.warnings).contains(&"within-boot"));
}

#[test]
fn one_side_after_the_other_is_said_and_turns_are_not() {
    let (base, mut later) = (one("a", &quiet(1.0, 3)), one("b", &quiet(1.0, 3)));
    assert!(!codes(&row(&base, &later).warnings).contains(&"design:sequential"));
    later.run.started_at = "2026-01-01T01:00:00Z".into();
    assert!(codes(&row(&base, &later).warnings).contains(&"design:sequential"));
    later.run.started_at = String::new();
    assert!(codes(&row(&base, &later).warnings).contains(&"design:unknown"));
}

#[test]
fn runs_of_one_launch_in_turns_are_turns_and_longer_ones_are_blocks() {
    let sides = |launches: usize| {
        let at = |hours: [u32; 2]| {
            hours.map(|hour_of| {
                let mut run = hour(hour_of, 1.0);
                run.cases[0].launches.truncate(launches);
                run
            })
        };
        let comparison = compared(&at([0, 2]), &at([1, 3]), &Policy::default());
        codes(&comparison.pairs[0].rows[0].warnings).join(" ")
    };
    assert_eq!(sides(1), "within-boot");
    assert_eq!(sides(5), "within-boot design:blocks");
}

/// Launches 1% apart, of a run that started in the hour.
fn hour(hour: u32, center: f64) -> ResultSet {
    let values: Values =
        (0..5).map(|i| vec![center * (0.01 * f64::from(i - 2)).exp(); 3]).collect();
    let mut run = one(&format!("hour-{hour}"), &values);
    run.run.started_at = format!("2026-01-01T{hour:02}:00:00Z");
    run
}

fn judged(base: &[ResultSet], candidate: &[ResultSet], policy: &Policy) -> (Verdict, Option<Why>) {
    let row = compared(base, candidate, policy).pairs.remove(0).rows.remove(0);
    (row.verdict, row.why)
}

#[test]
fn runs_one_after_the_other_are_believed_beyond_what_a_host_may_drift() {
    let (any, base) = (Policy::default(), [hour(0, 1.0)]);
    // 8% in launches 1.6% apart: real, were it not for the hour.
    let unclear = (Verdict::Inconclusive, Some(Why::Drift));
    assert_eq!(judged(&base, &[hour(0, 1.08)], &any), (Verdict::Regression, None));
    assert_eq!(judged(&base, &[hour(1, 1.08)], &any), unclear);
    assert_eq!(judged(&base, &[hour(1, 0.92)], &any), unclear);
    assert_eq!(judged(&base, &[hour(1, 2.0)], &any), (Verdict::Regression, None));
    let steady = Policy { drift: 0.0, ..Policy::default() };
    assert_eq!(judged(&base, &[hour(1, 1.08)], &steady), (Verdict::Regression, None));
    // Nothing is "the same" either, where drift may hide a change.
    assert_eq!(judged(&base, &[hour(1, 1.0)], &any), unclear);
    assert_eq!(judged(&base, &[hour(1, 1.0)], &steady), (Verdict::Equivalent, None));
}

#[test]
fn a_history_or_a_floor_of_runs_says_how_far_runs_lie_apart() {
    let (any, regression) = (Policy::default(), (Verdict::Regression, None));
    let history = [hour(0, 1.0), hour(1, 1.004), hour(2, 0.996)];
    assert_eq!(judged(&history, &[hour(3, 1.08)], &any), regression);
    let wide = [hour(0, 1.0), hour(1, 1.06), hour(2, 0.95)];
    assert_eq!(judged(&wide, &[hour(3, 1.08)], &any).0, Verdict::Inconclusive);
    let floor = |sd: f64| {
        let mut policy = Policy::default();
        let (case, metric) = ("m::f".to_owned(), "time".to_owned());
        let key = super::FloorKey { case, metric, level: super::Level::Run };
        policy.floors.insert(key, crate::stats::Floor { sd, df: 9.0 });
        judged(&[hour(0, 1.0)], &[hour(1, 1.08)], &policy).0
    };
    assert_eq!((floor(0.005), floor(0.05)), (Verdict::Regression, Verdict::Inconclusive));
}

#[test]
fn a_control_is_there_to_show_drift() {
    let control = |hour_of: u32, center: f64| {
        let mut run = hour(hour_of, center);
        run.cases[0].metrics[0].role = Role::Control;
        run
    };
    let comparison = compared(&[control(0, 1.0)], &[control(1, 1.08)], &Policy::default());
    assert_eq!(codes(&comparison.pairs[0].notes)[0], "control:moved");
}

#[test]
fn groups_allow_for_drift_as_rows_do() {
    let two = |hour_of: u32, center: f64| {
        let mut run = hour(hour_of, center);
        let mut other = run.cases[0].clone();
        other.case = "m::g".parse().unwrap();
        run.cases.push(other);
        run
    };
    let group = |hour_of: u32| {
        let comparison = compared(&[two(0, 1.0)], &[two(hour_of, 1.08)], &Policy::default());
        let group = &comparison.pairs[0].groups[0];
        (group.verdict, group.why)
    };
    assert_eq!(group(0), (Verdict::Regression, None));
    assert_eq!(group(1), (Verdict::Inconclusive, Some(Why::Drift)));
}

#[test]
fn disturbed_failed_and_two_moded_launches_are_said() {
    let mut values = quiet(1.0, 4);
    values.extend(quiet(1.08, 4));
    let mut odd = one("b", &values);
    odd.cases[0].launches[0].repeats[0].evidence.disturbed = Some("steal 3%".into());
    let failed = Outcome::Failed { reason: "x".into() };
    odd.cases[0].launches.push(Launch { outcome: failed, ..launch(9, "boot", &[]) });
    let row = row(&one("a", &quiet(1.0, 8)), &odd);
    let codes = codes(&row.warnings);
    for code in ["candidate:disturbed", "candidate:failed", "candidate:bimodal"] {
        assert!(codes.contains(&code), "{codes:?}");
    }
    assert!(!codes.iter().any(|code| code.starts_with("baseline")), "{codes:?}");
}

#[test]
fn a_best_that_moves_the_other_way_is_said() {
    // The same best of five is reached more rarely: jitter grew while the typical value fell.
    let base: Values = (0..5).map(|i| vec![1.0 + 0.001 * f64::from(i); 5]).collect();
    let jittery: Values =
        (0..5).map(|i| vec![0.9, 1.1, 1.1 + 0.001 * f64::from(i), 1.1, 1.1]).collect();
    let row = row(&one("a", &base), &one("b", &jittery));
    assert_eq!(row.verdict, Verdict::Regression);
    assert!(codes(&row.warnings).contains(&"best:disagrees"));
}

#[test]
fn a_moved_control_is_the_first_thing_said() {
    let control = |id: &str, center: f64| {
        let mut run = one(id, &quiet(center, 5));
        run.cases[0].metrics[0].role = Role::Control;
        run
    };
    let comparison = compared(&[control("a", 1.0)], &[control("b", 1.2)], &Policy::default());
    let pair = &comparison.pairs[0];
    assert_eq!(codes(&pair.notes)[0], "control:moved");
    assert!(pair.counts.values().all(|count| *count == 0), "controls are not counted as changes");
}

#[test]
fn facts_that_differ_are_told_apart_from_declared_ones() {
    let on = |id: &str, nodes: i64, pinned: bool| {
        let mut run = one(id, &quiet(1.0, 3));
        for (name, value) in [("numa.nodes", nodes.into()), ("cpu.pinned", pinned.into())] {
            let reading = Reading::Value(value);
            let fact = Fact { reading, source: "x".into(), stable: true, identifying: false };
            run.environment.facts.insert(name.into(), fact);
        }
        run
    };
    let expect_differ = vec!["numa.*".to_owned(), "gpu.count".to_owned()];
    let policy = Policy { expect_differ, ..Policy::default() };
    let comparison = compared(&[on("a", 1, false)], &[on("b", 4, true)], &policy);
    let pair = &comparison.pairs[0];
    let told: Vec<(&str, bool)> =
        pair.facts.iter().map(|fact| (fact.fact.as_str(), fact.expected)).collect();
    assert_eq!(told, [("cpu.pinned", false), ("numa.nodes", true)]);
    assert_eq!(codes(&pair.notes), ["facts:several", "facts:unexpected", "facts:same"]);
    assert!(pair.notes[2].text.contains("gpu.count"));
}

#[test]
fn the_family_is_every_gated_row_of_the_invocation() {
    let base = run("a", vec![case("m::f", &quiet(1.0, 3)), case("m::g", &quiet(1.0, 3))]);
    let other = run("b", vec![case("m::f", &quiet(1.1, 3)), case("m::g", &quiet(1.0, 3))]);
    let sides = [Side { name: "b", runs: from_ref(&other) }; 2];
    let comparison =
        compare(&Side { name: "a", runs: from_ref(&base) }, &sides, &Policy::default());
    let row = &comparison.pairs[0].rows[0];
    // Four tests, two of them with the same smallest p: both are doubled.
    let (p, q) = (row.change.as_ref().unwrap().p.unwrap(), row.q.unwrap());
    assert!((q / p - 2.0).abs() < 1e-12, "{p} {q}");
}

#[test]
fn a_group_leaves_out_what_a_launch_lacks() {
    let mut base = run("a", ["m::f", "m::g", "m::h"].map(|id| case(id, &quiet(1.0, 4))).into());
    let other = run("b", ["m::f", "m::g", "m::h"].map(|id| case(id, &quiet(1.1, 4))).into());
    base.cases[2].launches.pop();
    let comparison = compared(&[base], &[other], &Policy::default());
    let group = &comparison.pairs[0].groups[0];
    assert_eq!((group.metrics, group.left_out), (2, 1));
    assert!((group.change.ratio - 1.1).abs() < 1e-3);
    assert_eq!(group.verdict, Verdict::Regression);
}

fn shown(comparison: &Comparison) -> String {
    serde_json::to_string(comparison).unwrap()
}

fn any_values() -> impl Strategy<Value = Values> {
    prop::collection::vec(prop::collection::vec(0.5..2.0_f64, 1..6), 1..7)
}

proptest! {
    #[test]
    fn swapping_sides_mirrors(a in any_values(), b in any_values()) {
        let (a, b) = (one("a", &a), one("b", &b));
        let (there, back) = (row(&a, &b), row(&b, &a));
        let (x, y) = (there.change.unwrap(), back.change.unwrap());
        prop_assert_eq!(x.estimate_ln, -y.estimate_ln);
        prop_assert_eq!(x.p, y.p);
        let mirrored = match there.verdict {
            Verdict::Regression => Verdict::Improvement,
            Verdict::Improvement => Verdict::Regression,
            same => same,
        };
        prop_assert_eq!(mirrored, back.verdict);
    }

    #[test]
    fn the_unit_does_not_matter(a in any_values(), b in any_values(), factor in 1e-9..1e9_f64) {
        let scaled = |values: &Values, f: &dyn Fn(f64) -> f64| -> Values {
            values.iter().map(|launch| launch.iter().map(|v| f(*v)).collect()).collect()
        };
        let plain = row(&one("a", &a), &one("b", &b));
        let larger = |v: f64| v * factor;
        let large = row(&one("a", &scaled(&a, &larger)), &one("b", &scaled(&b, &larger)));
        let inverse = |v: f64| 1.0 / v;
        let rates = [one("a", &scaled(&a, &inverse)), one("b", &scaled(&b, &inverse))].map(|mut run| {
            run.cases[0].metrics[0].better = Better::Higher;
            run
        });
        let rate = row(&rates[0], &rates[1]);
        prop_assert_eq!((plain.verdict, plain.why), (large.verdict, large.why));
        prop_assert_eq!((plain.verdict, plain.why), (rate.verdict, rate.why));
        let (x, y, z) = (plain.change.unwrap(), large.change.unwrap(), rate.change.unwrap());
        prop_assert!((x.estimate_ln - y.estimate_ln).abs() < 1e-12);
        prop_assert!((x.estimate_ln + z.estimate_ln).abs() < 1e-12);
        for other in [y.p, z.p] {
            prop_assert_eq!(x.p.is_some(), other.is_some());
            if let Some((p, other)) = x.p.zip(other) {
                prop_assert!((p - other).abs() < 1e-12, "{} {}", p, other);
            }
        }
    }

    #[test]
    fn the_order_of_stored_rows_does_not_matter(a in any_values(), b in any_values(), seed in 0_u64..1000) {
        let base = run("a", vec![case("m::f", &a), case("m::g", &b)]);
        let other = run("b", vec![case("m::f", &b), case("m::g", &a)]);
        let mut shuffled = base.clone();
        let mut rng = fastrand::Rng::with_seed(seed);
        rng.shuffle(&mut shuffled.cases);
        for case in &mut shuffled.cases {
            rng.shuffle(&mut case.launches);
            for launch in &mut case.launches {
                rng.shuffle(&mut launch.repeats);
            }
        }
        let policy = Policy::default();
        let plain = compared(from_ref(&base), from_ref(&other), &policy);
        let mixed = compared(from_ref(&shuffled), from_ref(&other), &policy);
        prop_assert_eq!(shown(&plain), shown(&mixed));
    }

    #[test]
    fn no_values_make_it_panic(a in prop::collection::vec(prop::collection::vec(any::<f64>(), 0..4), 0..5), b in prop::collection::vec(prop::collection::vec(any::<f64>(), 0..4), 0..5)) {
        let comparison = compared(&[one("a", &a)], &[one("b", &b)], &Policy::default());
        let _ = shown(&comparison);
    }
}
