//! Two threads that pass one cache line to and fro.

use super::pairing::median;
use crate::effort::by_profile;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use vbench::prelude::*;

/// Round trips between two readings of the clock: it costs under 0.3% of a batch, and a batch is short
/// enough to lie between two interruptions.
const TRIPS: u64 = 200;
/// A direction that has not come this far after this long ends: its vCPUs hardly run together.
const PATIENCE: Duration = Duration::from_secs(5);
/// Tries between looks at the clock: some 10 us.
const TRIES: u32 = 1 << 12;
/// What the leading thread leaves in the line at the end.
const STOP: u64 = u64::MAX;

/// A line of its own, and the neighbour that some processors fetch along with it.
#[repr(align(128))]
struct Line(AtomicU64);

/// How the line is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AxisValue)]
pub enum Transfer {
    /// The waiting thread loads until it reads its turn, then stores: the line is shared while it
    /// is watched, and taken once.
    Store,
    /// The waiting thread compares and exchanges until it succeeds: the line is fought over.
    Exchange,
}

impl Transfer {
    /// Stores in the quick profile, both in longer ones.
    pub fn choices() -> Vec<Self> {
        by_profile([Self::Store], Self::ALL)
    }

    /// What is measured, in words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Store => "load until it is my turn, then store; one way is half a round trip",
            Self::Exchange => {
                "compare and exchange until it succeeds; one way is half a round trip"
            }
        }
    }

    /// Waits until the line holds `turn` and passes it on; false when the other side stopped, or
    /// did not answer until `deadline`.
    #[inline]
    fn pass(self, line: &AtomicU64, turn: u64, deadline: Instant) -> bool {
        match self {
            Self::Store => pass_when(line, deadline, || {
                let mine = line.load(Ordering::Acquire) == turn;
                if mine {
                    line.store(turn + 1, Ordering::Release);
                }
                mine
            }),
            Self::Exchange => pass_when(line, deadline, || {
                let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
                line.compare_exchange(turn, turn + 1, success, failure).is_ok()
            }),
        }
    }
}

/// Tries until it succeeds. Nothing else stands between two tries but a count: it would delay the
/// one that succeeds.
#[inline]
fn pass_when(line: &AtomicU64, deadline: Instant, attempt: impl Fn() -> bool) -> bool {
    loop {
        for _ in 0..TRIES {
            if attempt() {
                return true;
            }
        }
        if line.load(Ordering::Acquire) == STOP || Instant::now() > deadline {
            return false;
        }
    }
}

/// How long one direction is measured: at least so many batches, and so much time.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Least batches.
    pub batches: usize,
    /// Least time.
    pub time: Duration,
}

/// One direction of a pair, in seconds for one way.
pub struct OneWay {
    /// Median over batches.
    pub median: f64,
    /// Least of the batches.
    pub best: f64,
    /// True when both threads counted the same turns.
    pub sound: bool,
}

/// Measures from `one` to `other`, then the other way; nothing where a vCPU did not answer.
///
/// # Errors
/// A CPU cannot be bound to.
pub fn both_ways(
    one: usize,
    other: usize,
    transfer: Transfer,
    effort: Effort,
) -> Result<Option<[OneWay; 2]>, Skip> {
    let team = Team::pinned(&[one, other])?;
    let there = one_way(&team, 0, transfer, effort);
    let back = one_way(&team, 1, transfer, effort);
    Ok(there.zip(back).map(|(there, back)| [there, back]))
}

/// The direction in which the worker `first` leads.
fn one_way(team: &Team, first: usize, transfer: Transfer, effort: Effort) -> Option<OneWay> {
    let line = Line(AtomicU64::new(0));
    let deadline = Instant::now() + PATIENCE + effort.time * 2;
    let sides = team.broadcast(|worker| match worker.index == first {
        true => lead(&line.0, transfer, effort, deadline),
        false => (Some(follow(&line.0, transfer, deadline)), Vec::new()),
    });
    let (led, batches) = sides.get(first)?;
    let best = batches.iter().copied().reduce(f64::min)?;
    let sound = led.is_none() || sides.iter().all(|(turns, _)| turns == led);
    Some(OneWay { median: median(batches), best, sound })
}

/// Passes the even turns on: how many, where the partner answered the last one, and the seconds of
/// one way in each whole batch. The first batch warms up.
fn lead(
    line: &AtomicU64,
    transfer: Transfer,
    effort: Effort,
    deadline: Instant,
) -> (Option<u64>, Vec<f64>) {
    let (mut turns, mut batches) = (0, Vec::new());
    let began = Instant::now();
    let mut start = began;
    let mut warm = false;
    'batches: while batches.len() < effort.batches || began.elapsed() < effort.time {
        for _ in 0..TRIPS {
            if !transfer.pass(line, 2 * turns, deadline) {
                break 'batches;
            }
            turns += 1;
        }
        let end = Instant::now();
        if warm {
            batches.push((end - start).as_secs_f64() / (2 * TRIPS) as f64);
        }
        (warm, start) = (true, end);
    }
    // The answer to the last turn, so that the partner stops with as many turns.
    while line.load(Ordering::Acquire) != 2 * turns && Instant::now() < deadline {
        std::hint::spin_loop();
    }
    let answered = line.swap(STOP, Ordering::AcqRel) == 2 * turns;
    (answered.then_some(turns), batches)
}

/// Passes the odd turns on until the leading thread stops, and counts them.
fn follow(line: &AtomicU64, transfer: Transfer, deadline: Instant) -> u64 {
    let mut turns = 0;
    while transfer.pass(line, 2 * turns + 1, deadline) {
        turns += 1;
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::{Effort, Transfer, one_way};
    use std::time::Duration;
    use vbench::prelude::*;

    #[test]
    fn both_sides_count_the_same_turns() {
        let team = Team::floating(2).unwrap();
        for transfer in Transfer::ALL {
            let effort = Effort { batches: 1, time: Duration::ZERO };
            // Two threads on one busy CPU may not finish in time: then there is no number.
            if let Some(found) = one_way(&team, 1, transfer, effort) {
                assert!(found.sound && found.best > 0.0 && found.median >= found.best);
            }
        }
    }

    #[test]
    fn a_partner_that_never_answers_gives_no_number() {
        let line = std::sync::atomic::AtomicU64::new(0);
        let deadline = std::time::Instant::now();
        assert!(Transfer::Store.pass(&line, 0, deadline));
        assert!(!Transfer::Store.pass(&line, 2, deadline));
        assert!(!Transfer::Exchange.pass(&line, 2, deadline));
    }

    #[test]
    fn transfers_read_back() {
        for transfer in Transfer::ALL {
            assert_eq!(transfer.to_string().parse(), Ok(transfer));
        }
        assert!("cas".parse::<Transfer>().is_err());
    }
}
