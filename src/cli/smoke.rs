//! `run --test`: every case once, tiny, nothing stored, told the way `cargo test` tells it.

use super::args::RunArgs;
use super::{Console, FAILED, OK};
use crate::plan::{Case, Plan};
use crate::runner::{ChildProcess, Executor, InProcess, overdue};
use std::io::{self, Write};
use std::time::Instant;
use vbench_results::Outcome;

/// Runs one tiny repeat of every case.
pub fn check(args: &RunArgs, plan: &Plan, console: &mut Console<'_>) -> u8 {
    let began = Instant::now();
    let executor = executor(args);
    let mut tally = Tally::default();
    let _ = writeln!(console.out, "\nrunning {} benchmarks, once each", plan.cases.len());
    for case in &plan.cases {
        let outcome = match &case.skip {
            Some(reason) => Outcome::Skipped { reason: reason.clone() },
            None if executor.is_here(case) => {
                let execute = || executor.execute(case, 1).outcome;
                overdue::within(case.timeout, || give_up(case), execute)
            }
            None => executor.execute(case, 1).outcome,
        };
        let _ = writeln!(console.out, "test {} ... {}", case.id, word(&outcome));
        tally.count(case, outcome);
    }
    tally.close(began, console)
}

/// Ends the process in which `case` hangs.
fn give_up(case: &Case) {
    let (id, limit) = (&case.id, case.timeout.as_secs_f64());
    let _ = writeln!(
        io::stderr(),
        "error: {id}: did not end within its limit of {limit} s inside the program's own process, \
         which ends with it\n  the other cases: --skip {}",
        id.benchmark
    );
    overdue::end(FAILED)
}

/// How launches are executed under these arguments.
pub fn executor(args: &RunArgs) -> Box<dyn Executor> {
    if args.isolate {
        Box::new(ChildProcess { capture: !args.nocapture, setting: None })
    } else {
        Box::new(InProcess)
    }
}

fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Measured => "ok".to_owned(),
        Outcome::Skipped { reason } => format!("ignored, {reason}"),
        Outcome::Failed { .. } | Outcome::TimedOut { .. } => "FAILED".to_owned(),
    }
}

#[derive(Default)]
struct Tally {
    passed: usize,
    ignored: usize,
    failures: Vec<(String, String)>,
}

impl Tally {
    fn count(&mut self, case: &Case, outcome: Outcome) {
        match outcome {
            Outcome::Measured => self.passed += 1,
            Outcome::Skipped { .. } => self.ignored += 1,
            Outcome::Failed { reason } | Outcome::TimedOut { reason } => {
                self.failures.push((case.id.to_string(), reason));
            }
        }
    }

    fn close(&self, began: Instant, console: &mut Console<'_>) -> u8 {
        if !self.failures.is_empty() {
            let _ = writeln!(console.out, "\nfailures:");
        }
        for (case, reason) in &self.failures {
            let _ = writeln!(console.out, "    {case}: {reason}");
        }
        let ok = self.failures.is_empty();
        let _ = writeln!(
            console.out,
            "\ntest result: {}. {} passed; {} failed; {} ignored; 0 measured; 0 filtered out; finished in {:.2}s\n",
            if ok { "ok" } else { "FAILED" },
            self.passed,
            self.failures.len(),
            self.ignored,
            began.elapsed().as_secs_f64()
        );
        if ok { OK } else { FAILED }
    }
}
