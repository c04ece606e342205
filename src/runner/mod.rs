//! Runs a plan: rounds of launches, one process each, a journal line per finished launch.

pub mod child;
mod execute;
pub mod overdue;
mod pairs;
mod process;
mod simulated;

pub use self::child::ChildProcess;
pub use self::execute::InProcess;
pub use self::pairs::{Pairs, Which};
pub use self::simulated::{Simulated, Step};

use crate::plan::{Case, Plan};
use crate::stats::summarize;
use std::collections::BTreeMap;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use vbench_results::{CaseId, CaseResult, Launch, Outcome, Repeat, Value};

/// What one launch of a case produced. Times are relative to the launch's start.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Executed {
    /// How it ended.
    pub outcome: Outcome,
    /// What the benchmark said about it.
    pub facts: BTreeMap<String, Value>,
    /// The repeats; empty unless measured.
    pub repeats: Vec<Repeat>,
}

impl Executed {
    /// A launch that ended without values.
    pub fn without_values(outcome: Outcome) -> Self {
        Self { outcome, facts: BTreeMap::new(), repeats: Vec::new() }
    }

    /// A failed launch.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::without_values(Outcome::Failed { reason: reason.into() })
    }
}

/// Executes one launch of a case: in a child process, in this one, or in a simulation.
pub trait Executor {
    /// Runs the case once. Never panics: whatever happens is an outcome.
    fn execute(&self, case: &Case, launch: u32) -> Executed;

    /// Whether it executes the case inside this process, where nothing can end it alone.
    fn is_here(&self, _: &Case) -> bool {
        false
    }
}

/// What the run tells while it goes on.
#[derive(Debug)]
pub enum Event<'a> {
    /// A launch begins.
    Started {
        /// Of this case.
        case: &'a Case,
        /// Its number.
        launch: u32,
    },
    /// A launch ended and stands in the journal.
    Finished {
        /// Of this case.
        case: &'a Case,
        /// What it gave.
        launch: &'a Launch,
        /// All launches of the case so far.
        result: &'a CaseResult,
        /// Launches done, and planned as far as known.
        progress: Progress,
    },
}

/// How far the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Launches that ended, earlier ones of a resumed run included.
    pub done: usize,
    /// Launches planned as far as known.
    pub planned: usize,
}

/// When to stop launching.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Until {
    /// Half-width of the 95% interval, as a share of the center, that every gated metric must reach.
    pub precision: f64,
    /// Launches after which a case is given up on.
    pub max_launches: u32,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every planned launch is done.
    Complete,
    /// Somebody asked to stop; the journal holds what is done.
    Interrupted,
}

/// A run in progress.
pub struct Runner<'a> {
    /// What to run.
    pub plan: &'a Plan,
    /// How to run it.
    pub executor: &'a dyn Executor,
    /// Set from outside to stop after the launch in flight.
    pub stop: &'a AtomicBool,
    /// Launch further rounds until results are precise.
    pub until: Option<Until>,
    /// Boot of this machine.
    pub boot_id: Option<String>,
    /// When the run began.
    pub began: Instant,
    /// Seconds the run had lasted before it was resumed.
    pub offset_s: f64,
    /// What is done on another thread, at the latest, with a launch inside this process that
    /// outlasts its limit: it is kept, and the process ends.
    pub overdue: Option<&'a Overdue<'a>>,
}

/// Keeps a launch that did not end, and ends the process.
pub type Overdue<'a> = dyn Fn(&CaseId, &Launch) + Sync + 'a;

impl Runner<'_> {
    /// Runs every launch that `results` does not hold yet. `results` has one entry per planned
    /// case, in the plan's order; `record` must make a launch durable before it returns.
    ///
    /// # Errors
    /// What `record` says; nothing further is launched then.
    pub fn run<E>(
        &self,
        results: &mut [CaseResult],
        record: &mut dyn FnMut(&CaseId, &Launch) -> Result<(), E>,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<Ending, E> {
        let runnable: Vec<usize> =
            (0..results.len()).filter(|index| self.plan.cases[*index].skip.is_none()).collect();
        let mut done = Done::of(results);
        let mut round = 1;
        loop {
            let wanted = self.wanted(round, &runnable, results);
            if wanted.is_empty() {
                return Ok(Ending::Complete);
            }
            for index in self.plan.round(round, &wanted) {
                let case = &self.plan.cases[index];
                if done.contains(index, round) {
                    continue;
                }
                if self.stop.load(Ordering::SeqCst) {
                    return Ok(Ending::Interrupted);
                }
                on_event(Event::Started { case, launch: round });
                let launch = self.launch(case, round, done.next_position());
                if self.interrupted(&launch) {
                    return Ok(Ending::Interrupted);
                }
                record(&case.id, &launch)?;
                results[index].launches.push(launch);
                done.insert(index, round);
                let planned = done.planned(self.planned(runnable.len(), round));
                on_event(Event::Finished {
                    case,
                    launch: results[index].launches.last().expect("one was pushed"),
                    result: &results[index],
                    progress: Progress { done: done.count(), planned },
                });
            }
            round += 1;
        }
    }

    /// The cases to launch in this round.
    fn wanted(&self, round: u32, runnable: &[usize], results: &[CaseResult]) -> Vec<usize> {
        if round <= self.plan.launches {
            return runnable.to_vec();
        }
        let Some(until) = self.until.filter(|until| round <= until.max_launches) else {
            return Vec::new();
        };
        let imprecise = |index: &&usize| !is_precise(&results[**index], until.precision);
        runnable.iter().filter(imprecise).copied().collect()
    }

    fn planned(&self, cases: usize, round: u32) -> usize {
        cases * self.plan.launches.max(round) as usize
    }

    fn launch(&self, case: &Case, launch: u32, position: u32) -> Launch {
        let at_s = self.offset_s + self.began.elapsed().as_secs_f64();
        let started = Instant::now();
        let kept = |executed: Executed, elapsed: Duration| Launch {
            launch,
            boot_id: self.boot_id.clone(),
            position,
            at_s,
            elapsed_s: elapsed.as_secs_f64(),
            outcome: executed.outcome,
            facts: executed.facts,
            repeats: executed.repeats,
        };
        let execute = || self.executor.execute(case, launch);
        let mut executed = match self.overdue.filter(|_| self.executor.is_here(case)) {
            None => execute(),
            Some(overdue) => {
                let late = kept(too_late(case), case.timeout);
                overdue::within(case.timeout, move || overdue(&case.id, &late), execute)
            }
        };
        for repeat in &mut executed.repeats {
            repeat.at_s += at_s;
        }
        kept(executed, started.elapsed())
    }

    /// A launch that failed while a stop was asked for was killed by whoever asked.
    fn interrupted(&self, launch: &Launch) -> bool {
        launch.outcome.is_failure() && self.stop.load(Ordering::SeqCst)
    }
}

fn too_late(case: &Case) -> Executed {
    let reason = format!(
        "did not end within its limit of {} s inside the program's own process",
        case.timeout.as_secs_f64()
    );
    Executed::without_values(Outcome::TimedOut { reason })
}

/// True when nothing is gained by another launch: every gated metric is precise, or the case
/// does not measure.
fn is_precise(result: &CaseResult, precision: f64) -> bool {
    let measured = result.launches.iter().any(|launch| launch.outcome == Outcome::Measured);
    let gated = result.metrics.iter().filter(|m| m.role != vbench_results::Role::Info);
    !measured
        || gated
            .filter_map(|metric| summarize(result, metric))
            .all(|summary| summary.precision().is_some_and(|half| half <= precision))
}

/// Which launches are done.
struct Done {
    launches: HashSet<(usize, u32)>,
    position: u32,
}

impl Done {
    fn of(results: &[CaseResult]) -> Self {
        let mut done = Self { launches: HashSet::new(), position: 0 };
        for (index, result) in results.iter().enumerate() {
            for launch in result.launches.iter().filter(|launch| launch.position > 0) {
                done.launches.insert((index, launch.launch));
                done.position = done.position.max(launch.position);
            }
        }
        done
    }

    fn contains(&self, index: usize, launch: u32) -> bool {
        self.launches.contains(&(index, launch))
    }

    fn insert(&mut self, index: usize, launch: u32) {
        self.launches.insert((index, launch));
    }

    fn next_position(&mut self) -> u32 {
        self.position += 1;
        self.position
    }

    fn count(&self) -> usize {
        self.launches.len()
    }

    fn planned(&self, planned: usize) -> usize {
        planned.max(self.count())
    }
}

#[cfg(test)]
mod tests;
