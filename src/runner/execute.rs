//! Executes a case in this process, with panics contained.

use super::{Executed, Executor};
use crate::axis::Params;
use crate::bencher::{Bencher, Recorded, Settings, Stop};
use crate::benchmark::Benchmark;
use crate::machine::Machine;
use crate::plan::Case;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, Once, PoisonError};
use vbench_results::Outcome;

/// Runs cases inside the harness process: for profilers and debuggers (`--isolate no`).
pub struct InProcess;

impl Executor for InProcess {
    fn execute(&self, case: &Case, launch: u32) -> Executed {
        let settings = case.settings.of_launch(launch);
        execute(case.benchmark, &case.params(), settings, Machine::current())
    }

    fn is_here(&self, _: &Case) -> bool {
        true
    }
}

/// Runs one launch of `benchmark` here.
pub fn execute(
    benchmark: &Benchmark,
    params: &Params,
    settings: Settings,
    machine: &Machine,
) -> Executed {
    remember_panics();
    let mut bencher = Bencher::new(settings);
    let body = AssertUnwindSafe(|| benchmark.run(&mut bencher, params, machine));
    let answer = catch_unwind(body);
    let (facts, failure) = bencher.into_notes();
    let (outcome, repeats) = match answer {
        Err(_) => (Outcome::Failed { reason: last_panic() }, Vec::new()),
        Ok(answer) => outcome(answer, failure),
    };
    Executed { outcome, facts, repeats }
}

fn outcome(
    answer: Result<Recorded, Stop>,
    failure: Option<String>,
) -> (Outcome, Vec<vbench_results::Repeat>) {
    match (answer, failure) {
        (Err(Stop::Skip(reason)), _) => (Outcome::Skipped { reason }, Vec::new()),
        (Err(Stop::Fail(reason)), _) | (Ok(_), Some(reason)) => {
            (Outcome::Failed { reason }, Vec::new())
        }
        (Ok(recorded), None) if recorded.repeats.is_empty() => {
            let reason = "the benchmark returned no samples".to_owned();
            (Outcome::Failed { reason }, Vec::new())
        }
        (Ok(recorded), None) => (Outcome::Measured, recorded.repeats),
    }
}

static LAST_PANIC: Mutex<Option<String>> = Mutex::new(None);
static HOOK: Once = Once::new();

/// Keeps the first panic's text and place: that of a team thread is lost otherwise.
fn remember_panics() {
    HOOK.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let text = info.payload_as_str().unwrap_or("a value that is no text");
            let place = info.location().map(|at| format!(" at {}:{}", at.file(), at.line()));
            let text = format!("panicked{}: {text}", place.unwrap_or_default());
            LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(text);
            print(info);
        }));
    });
    *LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

fn last_panic() -> String {
    let mut last = LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner);
    last.take().unwrap_or_else(|| "panicked".to_owned())
}
