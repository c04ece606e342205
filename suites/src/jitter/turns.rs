//! Two threads that wake each other, one at a time, or interrupt each other.

use super::sys;
use crate::effort::by_profile;
use std::fs::File;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use vbench::prelude::*;

/// Wake-ups that are not recorded, at the beginning.
const WARM_UP: usize = 100;

/// What a thread sleeps on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AxisValue)]
pub enum Sleep {
    /// A word in memory, as locks and channels of most programs.
    Futex,
    /// A descriptor, as event loops and virtual machine monitors.
    #[axis(rename = "eventfd")]
    EventFd,
}

impl Sleep {
    /// A word in the quick profile, both in longer ones.
    pub fn choices() -> Vec<Self> {
        by_profile([Self::Futex], Self::ALL)
    }
}

/// Whose turn it is, and how it is passed on: to thread 0 or 1.
enum Turn {
    Word(AtomicU32),
    Events([File; 2]),
}

impl Turn {
    fn new(sleep: Sleep) -> Result<Self, Skip> {
        match sleep {
            Sleep::Futex => Ok(Self::Word(AtomicU32::new(0))),
            Sleep::EventFd => {
                let event =
                    || sys::event().map_err(|error| Skip::because(format!("no eventfd: {error}")));
                Ok(Self::Events([event()?, event()?]))
            }
        }
    }

    fn give(&self, to: u32) {
        match self {
            Self::Word(word) => {
                word.store(to, Ordering::Release);
                sys::wake(word);
            }
            // An event that cannot be written ends in a thread that waits for ever, and the
            // harness's time limit: writing 1 to a counter of 64 bits does not fail.
            Self::Events(events) => drop((&events[to as usize]).write_all(&1_u64.to_ne_bytes())),
        }
    }

    fn wait(&self, of: u32) {
        match self {
            Self::Word(word) => {
                while word.load(Ordering::Acquire) != of {
                    sys::wait(word, 1 - of);
                }
            }
            Self::Events(events) => drop((&events[of as usize]).read_exact(&mut [0; 8])),
        }
    }
}

/// Times of one wake-up, in seconds: half of each round trip, sorted.
///
/// Each thread sleeps until it is its turn, then gives the other its turn and wakes it. Nothing
/// where the two counted different turns.
///
/// # Errors
/// There is nothing to sleep on.
pub fn wake_ups(team: &Team, sleep: Sleep, window: Duration) -> Result<Option<Vec<f64>>, Skip> {
    let (turn, done) = (Turn::new(sleep)?, AtomicBool::new(false));
    let mut sides = team.broadcast(|worker| {
        worker.barrier();
        match worker.index {
            0 => lead(&turn, &done, window),
            _ => (follow(&turn, &done), Vec::new()),
        }
    });
    let sound = sides.windows(2).all(|pair| pair[0].0 == pair[1].0);
    let mut times = sides.swap_remove(0).1;
    times.sort_unstable_by(f64::total_cmp);
    Ok(sound.then_some(times))
}

fn lead(turn: &Turn, done: &AtomicBool, window: Duration) -> (u64, Vec<f64>) {
    let (mut turns, mut times) = (0, Vec::new());
    let began = Instant::now();
    while times.len() < WARM_UP + 1 || began.elapsed() < window {
        let start = Instant::now();
        turn.give(1);
        turn.wait(0);
        times.push(start.elapsed().as_secs_f64() / 2.0);
        turns += 1;
    }
    done.store(true, Ordering::Release);
    turn.give(1);
    times.drain(..WARM_UP);
    (turns, times)
}

fn follow(turn: &Turn, done: &AtomicBool) -> u64 {
    let mut turns = 0;
    loop {
        turn.wait(1);
        if done.load(Ordering::Acquire) {
            return turns;
        }
        turns += 1;
        turn.give(0);
    }
}

/// Times of interrupts of the first thread's that the second one, which never stops, answers, in
/// seconds, sorted.
///
/// # Errors
/// The kernel does not offer them.
pub fn interrupts(team: &Team, window: Duration) -> Result<Vec<f64>, Skip> {
    let refused = |error| Skip::because(format!("no membarrier(2) here: {error}"));
    sys::register_interrupts().map_err(refused)?;
    let done = AtomicBool::new(false);
    let sides = team.broadcast(|worker| {
        worker.barrier();
        if worker.index > 0 {
            while !done.load(Ordering::Acquire) {
                std::hint::spin_loop();
            }
            return Ok(Vec::new());
        }
        let times = interrupt(window);
        done.store(true, Ordering::Release);
        times
    });
    let mut times = sides.into_iter().next().unwrap_or_else(|| Ok(Vec::new())).map_err(refused)?;
    times.sort_unstable_by(f64::total_cmp);
    Ok(times)
}

fn interrupt(window: Duration) -> std::io::Result<Vec<f64>> {
    let mut times = Vec::new();
    let began = Instant::now();
    while times.len() < WARM_UP + 1 || began.elapsed() < window {
        let start = Instant::now();
        sys::interrupt_others()?;
        times.push(start.elapsed().as_secs_f64());
    }
    times.drain(..WARM_UP);
    Ok(times)
}

/// The value below which a share `q` of sorted values lies: the nearest rank.
pub fn quantile(sorted: &[f64], q: f64) -> f64 {
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::{Sleep, interrupts, quantile, wake_ups};
    use std::time::Duration;
    use vbench::prelude::*;

    #[test]
    fn both_threads_count_the_same_turns() {
        let team = Team::floating(2).unwrap();
        for sleep in Sleep::ALL {
            let times = wake_ups(&team, sleep, Duration::ZERO).unwrap().unwrap();
            assert!(times.len() == 1 && times[0] > 0.0, "{sleep}");
            assert_eq!(sleep.to_string().parse(), Ok(sleep));
        }
        assert!("signal".parse::<Sleep>().is_err());
    }

    #[test]
    fn interrupts_are_answered_or_refused_with_the_reason() {
        let team = Team::floating(2).unwrap();
        match interrupts(&team, Duration::ZERO) {
            Ok(times) => assert!(times.len() == 1 && times[0] > 0.0),
            Err(skip) => assert!(skip.reason().contains("membarrier"), "{skip}"),
        }
    }

    #[test]
    fn quantiles_are_values_that_occurred() {
        let values: Vec<f64> = (1..=1000).map(f64::from).collect();
        assert_eq!(quantile(&values, 0.5), 500.0);
        assert_eq!(quantile(&values, 0.999), 999.0);
        assert_eq!(quantile(&values, 1.0), 1000.0);
        assert!(quantile(&[], 0.5).is_nan());
    }
}
