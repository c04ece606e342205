//! `run` under a launcher such as `mpirun`: every process runs the same cases in the same order,
//! and the first one stores.

use super::args::RunArgs;
use super::{Console, Ended, FAILED, OK, smoke};
use crate::launcher::{HOSTS, Launched};
use crate::plan::{Case, Plan, Selection};
use crate::profile::Profile;
use crate::runner::{Executed, Executor, InProcess, Runner, overdue};
use std::convert::Infallible;
use std::io;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Seed where none is given: all processes must draw the same order.
const SEED: u32 = 1;

/// What holds for every process: one seed, and one launch, because all repeats of one invocation
/// of the launcher share their processes.
///
/// # Errors
/// What one process would decide and the others could not know.
pub fn selection(args: &RunArgs, launched: Launched) -> Result<Selection, String> {
    let alone = [
        ("--resume", args.resume.is_some()),
        ("--until-precision", args.until_precision.is_some()),
    ];
    if let Some((flag, _)) = alone.iter().find(|(_, given)| *given) {
        return Err(format!(
            "{flag} works in one process, and {} were launched by {}",
            launched.ranks, launched.by
        ));
    }
    let mut selection = args.selection(args.seed.unwrap_or(SEED));
    selection.launches = selection.launches.or(Some(1));
    Ok(selection)
}

/// How much longer than the first process the others wait for a case that hangs.
const LATER: Duration = Duration::from_secs(10);

/// Leaves out what measures one process: several at once would measure each other.
pub fn leave_out_single(plan: &mut Plan, launched: Launched) {
    let single = plan.cases.iter_mut().filter(|case| case.benchmark.options.isolate);
    for case in single {
        case.skip = Some(format!("measures one process, and {} were launched", launched.ranks));
    }
}

/// Runs the cases beside the first process: nothing is said and nothing is stored.
pub fn follow(args: &RunArgs, plan: &Plan) -> Ended {
    let (mut out, mut err) = (io::sink(), io::sink());
    let mut silent = Console::plain(&mut out, &mut err, 100);
    if args.list || plan.cases.is_empty() {
        return Ok(OK);
    }
    // The first process is late first, so that it can keep what it has.
    let mut plan = plan.clone();
    plan.cases.iter_mut().for_each(|case| case.timeout = case.timeout.saturating_add(LATER));
    if plan.cases[0].settings.profile == Profile::Smoke {
        smoke::check(args, &plan, &mut silent);
        return Ok(OK);
    }
    let runner = Runner {
        plan: &plan,
        executor: &InProcess,
        stop: &AtomicBool::new(false),
        until: None,
        boot_id: None,
        began: Instant::now(),
        offset_s: 0.0,
        overdue: Some(&|_, _| overdue::end(FAILED)),
    };
    let mut results: Vec<_> = plan.cases.iter().map(Case::result).collect();
    let ended = runner.run(&mut results, &mut |_, _| Ok::<(), Infallible>(()), &mut |_| {});
    ended.map(|_| OK).map_err(|never| match never {})
}

/// Leaves the names of hosts out of what a launch notes.
pub struct Redacted(pub Box<dyn Executor>);

impl Executor for Redacted {
    fn execute(&self, case: &Case, launch: u32) -> Executed {
        let mut executed = self.0.execute(case, launch);
        executed.facts.remove(HOSTS);
        executed
    }

    fn is_here(&self, case: &Case) -> bool {
        self.0.is_here(case)
    }
}
