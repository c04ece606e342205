//! Tests of the runner on the simulated executor.

use super::{Ending, Runner, Simulated, Step, Until};
use crate::axis::Axis;
use crate::bencher::Settings;
use crate::benchmark::{Benchmark, Options};
use crate::host::Host;
use crate::machine::Machine;
use crate::plan::{Plan, Selection};
use crate::quantity::{Metrics, Seconds};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use vbench_results::{CaseResult, Outcome};

pub(super) static SWEPT: Benchmark = Benchmark {
    module: "tests::memory",
    name: "swept",
    kind: "memory",
    about: "",
    file: "x.rs",
    line: 1,
    version: "1",
    options: Options::DEFAULT,
    axes: |_| vec![Axis::of("size", 0_u32..4)],
    needs: |_| Ok(()),
    metrics: Seconds::metrics,
    run: |_, _, _| unreachable!("simulated"),
    external: None,
};

fn plan(launches: u32) -> Plan {
    let selection =
        Selection { launches: Some(launches), shuffle: true, seed: 3, ..Selection::default() };
    Plan::new(&[&SWEPT], &selection, &Machine::new(Host::live(), selection.profile)).unwrap()
}

fn runner<'a>(
    plan: &'a Plan,
    executor: &'a dyn super::Executor,
    stop: &'a AtomicBool,
) -> Runner<'a> {
    Runner {
        plan,
        executor,
        stop,
        until: None,
        boot_id: Some("boot".into()),
        began: Instant::now(),
        offset_s: 0.0,
        overdue: None,
    }
}

pub(super) fn empty(plan: &Plan) -> Vec<CaseResult> {
    plan.cases.iter().map(crate::plan::Case::result).collect()
}

fn run(runner: &Runner<'_>, results: &mut [CaseResult]) -> Ending {
    let mut record = |_: &_, _: &_| Ok::<(), std::convert::Infallible>(());
    let Ok(ending) = runner.run(results, &mut record, &mut |_| ());
    ending
}

#[test]
fn rounds_interleave_and_every_launch_runs_once() {
    let (plan, stop) = (plan(3), AtomicBool::new(false));
    let executor = Simulated::new(|_, _| Step::Values(vec![1.0, 2.0]));
    let mut results = empty(&plan);
    assert_eq!(run(&runner(&plan, &executor, &stop), &mut results), Ending::Complete);
    let order = executor.order();
    let launches: Vec<u32> = order.iter().map(|(_, launch)| *launch).collect();
    assert_eq!(launches, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
    let positions: Vec<u32> =
        results.iter().flat_map(|r| r.launches.iter().map(|l| l.position)).collect();
    assert_eq!(positions.iter().sum::<u32>(), (1..=12).sum::<u32>());
    assert_eq!(results[0].launches[0].repeats.len(), 2);
}

#[test]
fn a_failure_is_a_row_and_the_run_goes_on() {
    let (plan, stop) = (plan(1), AtomicBool::new(false));
    let executor = Simulated::new(|case, _| match case.id.params["size"].as_str() {
        "2" => Step::Ends(Outcome::Failed { reason: "wrong".into() }),
        _ => Step::Values(vec![1.0]),
    });
    let mut results = empty(&plan);
    assert_eq!(run(&runner(&plan, &executor, &stop), &mut results), Ending::Complete);
    let states: Vec<&str> = results.iter().map(|r| r.launches[0].outcome.state()).collect();
    assert_eq!(states, ["measured", "measured", "failed", "measured"]);
}

#[test]
fn a_stop_ends_the_run_and_resuming_does_only_the_rest() {
    let plan = plan(2);
    let stop = AtomicBool::new(false);
    let executed = Cell::new(0);
    let executor = Simulated::new(|_, _| {
        executed.set(executed.get() + 1);
        stop.store(executed.get() == 3, Ordering::SeqCst);
        Step::Values(vec![1.0])
    });
    let mut results = empty(&plan);
    assert_eq!(run(&runner(&plan, &executor, &stop), &mut results), Ending::Interrupted);
    assert_eq!(executed.get(), 3, "the launch in flight finishes");
    stop.store(false, Ordering::SeqCst);
    assert_eq!(run(&runner(&plan, &executor, &stop), &mut results), Ending::Complete);
    assert_eq!(executed.get(), 8);
    assert!(results.iter().all(|result| result.launches.len() == 2));
}

#[test]
fn a_journal_that_cannot_be_written_stops_the_run() {
    let (plan, stop) = (plan(1), AtomicBool::new(false));
    let executor = Simulated::new(|_, _| Step::Values(vec![1.0]));
    let mut results = empty(&plan);
    let mut record = |_: &_, _: &_| Err("disk full");
    let ending = runner(&plan, &executor, &stop).run(&mut results, &mut record, &mut |_| ());
    assert_eq!(ending, Err("disk full"));
    assert_eq!(executor.order().len(), 1, "nothing more is launched");
}

#[test]
fn imprecise_cases_get_more_launches_and_precise_ones_do_not() {
    let (plan, stop) = (plan(2), AtomicBool::new(false));
    let executor = Simulated::new(|case, launch| {
        let noise = if case.id.params["size"] == "1" { f64::from(launch % 3) * 0.1 } else { 0.0 };
        Step::Values(vec![1.0 + noise + f64::from(launch) * 1e-6])
    });
    let mut results = empty(&plan);
    let until = Some(Until { precision: 0.01, max_launches: 6 });
    let runner = Runner { until, ..runner(&plan, &executor, &stop) };
    assert_eq!(run(&runner, &mut results), Ending::Complete);
    let launches: Vec<usize> = results.iter().map(|result| result.launches.len()).collect();
    assert_eq!(launches, [2, 6, 2, 2], "the noisy case stops at the limit");
}

#[test]
fn what_is_drawn_differs_between_launches_and_repeats_with_the_seed() {
    let settings = plan(1).cases[0].settings;
    let drawn = |seed: u64| -> Vec<u64> {
        let settings = Settings { seed, ..settings };
        (1..=100).map(|launch| settings.of_launch(launch).seed).collect()
    };
    let mut distinct = drawn(3);
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 100);
    assert_eq!(drawn(3), drawn(3));
    assert_ne!(drawn(3), drawn(4));
}
