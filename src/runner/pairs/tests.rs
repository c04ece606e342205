//! Pairs on the simulated executor: order, interruption, and a machine that drifts.

use super::super::tests::{SWEPT, empty};
use super::super::{Ending, Executor, Runner, Simulated, Step};
use super::{Pairs, Which};
use crate::compare::{Comparison, Policy, Side, Verdict, compare, partners};
use crate::host::Host;
use crate::machine::Machine;
use crate::plan::{Case, Plan, Selection};
use std::cell::{Cell, RefCell};
use std::slice::from_ref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use vbench_results::{CaseResult, Environment, Outcome, ResultSet, Run};

fn plan(pairs: u32, seed: u64) -> Plan {
    let selection =
        Selection { launches: Some(pairs), shuffle: true, seed, ..Selection::default() };
    Plan::new(&[&SWEPT], &selection, &Machine::new(Host::live(), selection.profile)).unwrap()
}

/// What happened, in order: side, case index and pair.
type Log = Vec<(Which, String, u32)>;

struct Ran {
    results: [Vec<CaseResult>; 2],
    ending: Ending,
    log: Log,
}

fn run(plan: &Plan, executors: [&dyn Executor; 2], stop: &AtomicBool) -> Ran {
    let side = |executor| Runner {
        plan,
        executor,
        stop,
        until: None,
        boot_id: Some("boot".into()),
        began: Instant::now(),
        offset_s: 0.0,
        overdue: None,
    };
    let pairs = Pairs { sides: executors.map(side) };
    let mut results = [empty(plan), empty(plan)];
    let log = RefCell::new(Log::new());
    let mut record = |which, case: &vbench_results::CaseId, launch: &vbench_results::Launch| {
        log.borrow_mut().push((which, case.to_string(), launch.launch));
        Ok::<(), std::convert::Infallible>(())
    };
    let [base, candidate] = &mut results;
    let Ok(ending) = pairs.run([base, candidate], &mut record, &mut |_, _| ());
    Ran { results, ending, log: log.into_inner() }
}

/// Both sides of a run as they are stored.
fn stored(results: [Vec<CaseResult>; 2]) -> [ResultSet; 2] {
    let mut letters = ["a", "b"].into_iter();
    results.map(|cases| {
        let letter = letters.next().unwrap();
        let run = Run {
            id: format!("20260102T030405Z-beef-{letter}"),
            started_at: "2026-01-02T03:04:05Z".into(),
            config: letter.into(),
            pairs: Some("20260102T030405Z-beef".into()),
            ..Run::default()
        };
        ResultSet { cases, ..ResultSet::new(run, Environment::default()) }
    })
}

fn compared(sets: &[ResultSet; 2], paired: bool) -> Comparison {
    let found = partners(from_ref(&sets[0]), from_ref(&sets[1])).unwrap();
    let policy = Policy { paired, ..Policy::default() };
    let base = Side { name: "a", runs: &found.base };
    compare(&base, &[Side { name: "b", runs: &found.candidate }], &policy)
}

fn verdicts(comparison: &Comparison) -> Vec<Verdict> {
    comparison.pairs[0].rows.iter().map(|row| row.verdict).collect()
}

#[test]
fn partners_follow_each_other_and_take_turns() {
    let (plan, stop) = (plan(6, 3), AtomicBool::new(false));
    let steady = Simulated::new(|_, _| Step::Values(vec![1.0]));
    let ran = run(&plan, [&steady, &steady], &stop);
    assert_eq!(ran.ending, Ending::Complete);
    assert_eq!(ran.log.len(), 2 * 4 * 6);
    for partners in ran.log.chunks(2) {
        let [(first, case, pair), (second, other, other_pair)] = partners else { panic!() };
        assert_eq!((case, pair), (other, other_pair));
        assert_ne!(first, second);
    }
    let firsts = |case: &str| -> Vec<Which> {
        let of_case = ran.log.iter().filter(|(_, id, _)| id == case);
        of_case.step_by(2).map(|(which, ..)| *which).collect()
    };
    for case in ran.results[0].iter().map(|result| result.case.to_string()) {
        let firsts = firsts(&case);
        assert!(firsts.windows(2).all(|two| two[0] != two[1]), "{case}: {firsts:?}");
    }
    let mut positions: Vec<u32> =
        ran.results.iter().flatten().flat_map(|r| r.launches.iter().map(|l| l.position)).collect();
    positions.sort_unstable();
    assert_eq!(positions, (1..=48).collect::<Vec<_>>(), "positions count through both sides");
}

#[test]
fn a_seed_repeats_the_order_and_another_changes_it() {
    let stop = AtomicBool::new(false);
    let steady = Simulated::new(|_, _| Step::Values(vec![1.0]));
    let log = |seed| run(&plan(4, seed), [&steady, &steady], &stop).log;
    assert_eq!(log(3), log(3));
    assert!((4..9).any(|seed| log(seed) != log(3)));
    let first = |seed| log(seed)[0].0;
    assert!((0..20).any(|seed| first(seed) != first(3)), "either side can begin");
}

#[test]
fn an_interrupted_run_keeps_its_finished_pairs() {
    let stop = AtomicBool::new(false);
    let executed = Cell::new(0);
    let executor = Simulated::new(|_, _| {
        executed.set(executed.get() + 1);
        // In the third pair of the four cases, between partners.
        stop.store(executed.get() == 21, Ordering::SeqCst);
        Step::Values(vec![1.0 + 0.001 * f64::from(executed.get() % 3)])
    });
    let ran = run(&plan(5, 3), [&executor, &executor], &stop);
    assert_eq!((ran.ending, executed.get()), (Ending::Interrupted, 21));
    let launches = |side: &Vec<CaseResult>| side.iter().map(|r| r.launches.len()).sum::<usize>();
    assert_eq!(ran.results.iter().map(launches).sum::<usize>(), 21, "the last launch counts");
    let sets = stored(ran.results);
    let found = partners(from_ref(&sets[0]), from_ref(&sets[1])).unwrap();
    assert_eq!(found.alone, 1);
    for row in &compared(&sets, true).pairs[0].rows {
        let units = |side: &Option<crate::compare::Measured>| side.as_ref().unwrap().units_ln.len();
        assert_eq!(units(&row.base), units(&row.candidate), "{}", row.case);
        assert!(row.warnings.iter().all(|warning| warning.code != "design:unpaired"));
    }
}

#[test]
fn a_case_that_one_side_skips_is_given_up_and_one_that_fails_is_not() {
    let stop = AtomicBool::new(false);
    let steady = Simulated::new(|_, _| Step::Values(vec![1.0]));
    let ends = Simulated::new(|case: &Case, _| match case.id.params["size"].as_str() {
        "1" => Step::Ends(Outcome::Skipped { reason: "needs 2 CPUs, 1 allowed".into() }),
        "2" => Step::Ends(Outcome::Failed { reason: "wrong".into() }),
        _ => Step::Values(vec![1.0]),
    });
    let ran = run(&plan(4, 3), [&steady, &ends], &stop);
    let launches = |side: usize| -> Vec<usize> {
        ran.results[side].iter().map(|result| result.launches.len()).collect()
    };
    assert_eq!((launches(0), launches(1)), (vec![4, 1, 4, 4], vec![4, 1, 4, 4]));
    let sets = stored(ran.results);
    let comparison = compared(&sets, true);
    assert_eq!(verdicts(&comparison)[1..3], [Verdict::Incomparable; 2]);
    let reason = |row: usize| comparison.pairs[0].rows[row].reasons[0].text.clone();
    assert_eq!(reason(1), "no value in b: skipped: needs 2 CPUs, 1 allowed");
    assert_eq!(reason(2), "no value in b: failed: wrong");
}

/// A machine whose every launch is 2% slower than the one before, with a little noise, and a
/// candidate that is 5% slower on top in the cases that `hit` names.
fn drifting(hit: impl Fn(&str) -> bool + Copy) -> [ResultSet; 2] {
    let clock = Cell::new(0.0_f64);
    let noise = RefCell::new(fastrand::Rng::with_seed(7));
    let launch = |factor: f64| {
        clock.set(clock.get() + 0.02);
        let jitter = 1.0 + 0.004 * (noise.borrow_mut().f64() - 0.5);
        Step::Values(vec![clock.get().exp() * jitter * factor; 3])
    };
    let base = Simulated::new(|_, _| launch(1.0));
    let candidate = Simulated::new(|case: &Case, _| {
        launch(if hit(&case.id.params["size"]) { 1.05 } else { 1.0 })
    });
    stored(run(&plan(10, 3), [&base, &candidate], &AtomicBool::new(false)).results)
}

#[test]
fn pairs_find_under_drift_what_independent_launches_do_not() {
    let sets = drifting(|size| size == "1");
    let unpaired = verdicts(&compared(&sets, false));
    assert_eq!(unpaired, [Verdict::Inconclusive; 4], "the drift hides everything");
    let paired = compared(&sets, true);
    use Verdict::{Equivalent, Regression};
    assert_eq!(verdicts(&paired), [Equivalent, Regression, Equivalent, Equivalent]);
    let change = paired.pairs[0].rows[1].change.as_ref().unwrap();
    assert!((change.ratio - 1.05).abs() < 0.01, "{}", change.ratio);
}
