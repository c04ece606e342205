//! Two threads that wake each other, one at a time.

use super::sys;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use vbench::prelude::*;

/// Wake-ups that are not recorded, at the beginning.
const WARM_UP: usize = 100;

/// Times of one wake-up, in seconds: half of each round trip, sorted.
///
/// Each thread sleeps until the word holds its number, then gives the other its turn and wakes it.
/// Nothing where the two counted different turns.
pub fn wake_ups(team: &Team, window: Duration) -> Option<Vec<f64>> {
    let (word, done) = (AtomicU32::new(0), AtomicBool::new(false));
    let mut sides = team.broadcast(|worker| {
        worker.barrier();
        match worker.index {
            0 => lead(&word, &done, window),
            _ => (follow(&word, &done), Vec::new()),
        }
    });
    let sound = sides.windows(2).all(|pair| pair[0].0 == pair[1].0);
    let mut times = sides.swap_remove(0).1;
    times.sort_unstable_by(f64::total_cmp);
    sound.then_some(times)
}

fn lead(word: &AtomicU32, done: &AtomicBool, window: Duration) -> (u64, Vec<f64>) {
    let (mut turns, mut times) = (0, Vec::new());
    let began = Instant::now();
    while times.len() < WARM_UP + 1 || began.elapsed() < window {
        let start = Instant::now();
        give(word, 1);
        await_turn(word, 0);
        times.push(start.elapsed().as_secs_f64() / 2.0);
        turns += 1;
    }
    done.store(true, Ordering::Release);
    give(word, 1);
    times.drain(..WARM_UP);
    (turns, times)
}

fn follow(word: &AtomicU32, done: &AtomicBool) -> u64 {
    let mut turns = 0;
    loop {
        await_turn(word, 1);
        if done.load(Ordering::Acquire) {
            return turns;
        }
        turns += 1;
        give(word, 0);
    }
}

fn give(word: &AtomicU32, turn: u32) {
    word.store(turn, Ordering::Release);
    sys::wake(word);
}

fn await_turn(word: &AtomicU32, turn: u32) {
    while word.load(Ordering::Acquire) != turn {
        sys::wait(word, 1 - turn);
    }
}

/// The value below which a share `q` of sorted values lies: the nearest rank.
pub fn quantile(sorted: &[f64], q: f64) -> f64 {
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::{quantile, wake_ups};
    use std::time::Duration;
    use vbench::prelude::*;

    #[test]
    fn both_threads_count_the_same_turns() {
        let team = Team::floating(2).unwrap();
        let times = wake_ups(&team, Duration::ZERO).unwrap();
        assert!(times.len() == 1 && times[0] > 0.0);
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
