//! Pairs: two sides of a comparison, every launch of one next to its partner of the other.
//!
//! The host drifts more between two launches than within a minute. Partners follow each other and
//! take turns in who goes first (A B, B A), so that a steady drift cancels between two pairs and
//! whatever lasts longer than a pair cancels within it.

use super::{Done, Ending, Event, Progress, Runner};
use std::sync::atomic::Ordering;
use vbench_results::{CaseId, CaseResult, Launch, Outcome};

/// A side of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// What the other is compared with.
    Base,
    /// What is compared.
    Candidate,
}

impl Which {
    /// Both, the base first.
    pub const BOTH: [Self; 2] = [Self::Base, Self::Candidate];

    /// 0 for the base, 1 for the candidate.
    pub fn index(self) -> usize {
        match self {
            Self::Base => 0,
            Self::Candidate => 1,
        }
    }
}

/// Two runs in lock-step. Their plans have the same cases in the same order, except for what the
/// comparison varies; seed, order and number of pairs are those of the base.
pub struct Pairs<'a> {
    /// Base and candidate.
    pub sides: [Runner<'a>; 2],
}

/// Makes a launch durable.
type Record<'r, E> = dyn FnMut(Which, &CaseId, &Launch) -> Result<(), E> + 'r;

impl Pairs<'_> {
    /// Runs every pair. `results` has the planned cases of both sides, without launches. A case
    /// that one side skips is given up after its first pair.
    ///
    /// # Errors
    /// What `record` says; nothing further is launched then.
    pub fn run<E>(
        &self,
        results: [&mut [CaseResult]; 2],
        record: &mut Record<'_, E>,
        on_event: &mut dyn FnMut(Which, Event<'_>),
    ) -> Result<Ending, E> {
        let plan = self.sides[0].plan;
        let mut done = Done::of(&[]);
        for pair in 1..=plan.launches {
            let wanted = self.wanted(&results);
            let planned = done.count() + 2 * wanted.len() * (plan.launches - pair + 1) as usize;
            for index in plan.round(pair, &wanted) {
                for which in order(plan.seed, index, pair) {
                    if self.sides[0].stop.load(Ordering::SeqCst) {
                        return Ok(Ending::Interrupted);
                    }
                    let side = &self.sides[which.index()];
                    let case = &side.plan.cases[index];
                    on_event(which, Event::Started { case, launch: pair });
                    let launch = side.launch(case, pair, done.next_position());
                    if side.interrupted(&launch) {
                        return Ok(Ending::Interrupted);
                    }
                    record(which, &case.id, &launch)?;
                    let result = &mut results[which.index()][index];
                    result.launches.push(launch);
                    done.insert(2 * index + which.index(), pair);
                    let Some(launch) = result.launches.last() else { continue };
                    let progress = Progress { done: done.count(), planned };
                    on_event(which, Event::Finished { case, launch, result, progress });
                }
            }
        }
        Ok(Ending::Complete)
    }

    /// The cases to launch, by index.
    fn wanted(&self, results: &[&mut [CaseResult]; 2]) -> Vec<usize> {
        let skips = |result: &CaseResult| {
            let last = result.launches.last().map(|launch| &launch.outcome);
            matches!(last, Some(Outcome::Skipped { .. }))
        };
        let planned = |index: usize| {
            self.sides
                .iter()
                .all(|side| side.plan.cases.get(index).is_some_and(|c| c.skip.is_none()))
        };
        let measures =
            |index: usize| results.iter().all(|side| !side.get(index).is_some_and(skips));
        (0..results[0].len()).filter(|index| planned(*index) && measures(*index)).collect()
    }
}

/// Who goes first in a pair: drawn from the seed for the first pair of each case, then in turns.
fn order(seed: u64, index: usize, pair: u32) -> [Which; 2] {
    let mixed = seed ^ (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let drawn = fastrand::Rng::with_seed(mixed).bool();
    if drawn == (pair.is_multiple_of(2)) {
        [Which::Base, Which::Candidate]
    } else {
        [Which::Candidate, Which::Base]
    }
}

#[cfg(test)]
mod tests;
