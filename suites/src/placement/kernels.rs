//! Work that fills a core, alone and beside a neighbour.

use std::collections::BTreeMap;
use std::fmt;
use std::hint::black_box;
use std::str::FromStr;
use std::time::{Duration, Instant};
use vbench::measured::Pairs;
use vbench::prelude::*;

/// Independent chains: more than a core has units for, so that a second thread finds none free.
const CHAINS: usize = 8;
/// Turns of the arithmetic in one chunk: some 10 us, a hundred times a reading of the clock.
const TURNS: u64 = 4_000;
/// Numbers in the array that is loaded: 16 KiB, half of the smallest first-level cache, so that
/// two of them fit where a core is shared.
const NUMBERS: usize = 2_048;
/// Passes over it in one chunk.
const PASSES: usize = 8;
/// A window begins this long after its team was called, so that both threads are awake.
const HEAD_START: Duration = Duration::from_micros(300);
/// A thread that begins later than this share of the window has missed it.
const LATE: f64 = 0.05;

/// What the work fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// The arithmetic units.
    Alu,
    /// The load units, from the first-level cache.
    Loads,
}

impl Kernel {
    const ALL: [Self; 2] = [Self::Alu, Self::Loads];

    /// Arithmetic in the quick profile, both in longer ones.
    pub fn choices() -> Vec<Self> {
        match Machine::current().profile {
            Profile::Smoke | Profile::Quick => vec![Self::Alu],
            Profile::Standard | Profile::Thorough => Self::ALL.to_vec(),
        }
    }

    /// One chunk of work, with the same answer each time.
    fn chunk(self, numbers: &[u64]) -> u64 {
        match self {
            Self::Alu => arithmetic(black_box(TURNS)),
            Self::Loads => loads(black_box(numbers)),
        }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alu => "alu",
            Self::Loads => "loads",
        })
    }
}

impl FromStr for Kernel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kernel| kernel.to_string() == text);
        found.ok_or_else(|| format!("{text:?} is neither alu nor loads"))
    }
}

#[inline(never)]
fn arithmetic(turns: u64) -> u64 {
    let mut chains: [u64; CHAINS] = std::array::from_fn(|chain| chain as u64 + 1);
    for turn in 0..turns {
        for chain in &mut chains {
            *chain = (chain.rotate_left(7) ^ turn).wrapping_add(0x9E37_79B9_7F4A_7C15);
        }
    }
    chains.into_iter().fold(0, u64::wrapping_add)
}

#[inline(never)]
fn loads(numbers: &[u64]) -> u64 {
    let mut sums = [0_u64; CHAINS];
    for _ in 0..PASSES {
        for eight in black_box(numbers).chunks_exact(CHAINS) {
            for (sum, number) in sums.iter_mut().zip(eight) {
                *sum = sum.wrapping_add(*number);
            }
        }
    }
    sums.into_iter().fold(0, u64::wrapping_add)
}

/// How a sweep measures: windows of one length, so many of each kind.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    window: Duration,
    windows: usize,
}

impl Effort {
    /// Eight windows of 2 ms for each pair; three where there are more than a hundred pairs.
    pub fn over(pairs: usize, smoke: bool) -> Self {
        let windows = if smoke {
            1
        } else if pairs > 100 {
            3
        } else {
            8
        };
        Self { window: Duration::from_millis(2), windows }
    }
}

/// One sweep.
pub struct Sweep {
    /// Share that each CPU of each pair keeps.
    pub kept: Pairs,
    /// True when every chunk gave the same answer.
    pub sound: bool,
}

/// What a thread did in a window: chunks per second, nothing where it came late; and whether every
/// answer was the expected one.
type Work = (Option<f64>, bool);

/// Measures each CPU alone, then each pair together. The best window counts, because whatever
/// disturbs one lowers it.
///
/// # Errors
/// A CPU cannot be bound to, or never began a window in time.
pub fn sweep(
    cpus: &[usize],
    pairs: &[(usize, usize)],
    kernel: Kernel,
    effort: Effort,
) -> Result<Sweep, Skip> {
    let mut sound = true;
    let mut alone: BTreeMap<usize, f64> = BTreeMap::new();
    for &cpu in cpus {
        let rates = best(&[cpu], kernel, effort, &mut sound)?;
        alone.insert(cpu, rates[0]);
    }
    let mut kept = Pairs::default();
    for &(one, other) in pairs {
        let rates = best(&[one, other], kernel, effort, &mut sound)?;
        if let (Some(first), Some(second)) = (alone.get(&one), alone.get(&other)) {
            kept.insert(one, other, rates[0] / first, rates[1] / second);
        }
    }
    Ok(Sweep { kept, sound })
}

/// The best rate of each CPU over the windows that all began in time.
fn best(
    cpus: &[usize],
    kernel: Kernel,
    effort: Effort,
    sound: &mut bool,
) -> Result<Vec<f64>, Skip> {
    /// Windows that are tried for each one wanted.
    const TRIES: usize = 20;
    let team = Team::pinned(cpus)?;
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); cpus.len()];
    for _ in 0..effort.windows * TRIES {
        let begin = Instant::now() + HEAD_START;
        let work = team.broadcast(|_| window(kernel, begin, effort.window));
        *sound &= work.iter().all(|(_, right)| *right);
        if let Some(all) = work.into_iter().map(|(rate, _)| rate).collect::<Option<Vec<f64>>>() {
            rates.iter_mut().zip(all).for_each(|(rates, rate)| rates.push(rate));
        }
        if rates[0].len() == effort.windows {
            break;
        }
    }
    match rates.iter().any(Vec::is_empty) {
        true => Err(Skip::because(format!("CPUs {cpus:?} never began a window together"))),
        false => {
            Ok(rates.into_iter().flat_map(|rates| rates.into_iter().reduce(f64::max)).collect())
        }
    }
}

fn window(kernel: Kernel, begin: Instant, length: Duration) -> Work {
    let numbers: Vec<u64> = (0..NUMBERS as u64).collect();
    let expected = kernel.chunk(&numbers);
    while Instant::now() < begin {
        std::hint::spin_loop();
    }
    let start = Instant::now();
    let late = (start - begin).as_secs_f64() > LATE * length.as_secs_f64();
    let (mut chunks, mut right) = (0_u32, true);
    loop {
        right &= kernel.chunk(&numbers) == expected;
        chunks += 1;
        let elapsed = start.elapsed();
        if elapsed >= length {
            let rate = f64::from(chunks) / elapsed.as_secs_f64();
            return ((!late).then_some(rate), right);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CHAINS, Effort, Kernel, NUMBERS, PASSES, arithmetic, loads, window};
    use std::time::{Duration, Instant};

    #[test]
    fn the_work_is_what_it_says() {
        let numbers: Vec<u64> = (0..NUMBERS as u64).collect();
        let sum: u64 = numbers.iter().sum();
        assert_eq!(loads(&numbers), sum * PASSES as u64);
        assert_eq!(arithmetic(0), (1..=CHAINS as u64).sum::<u64>());
        assert_ne!(arithmetic(1), arithmetic(2));
    }

    #[test]
    fn a_window_counts_right_answers() {
        for kernel in Kernel::ALL {
            let (_, right) = window(kernel, Instant::now(), Duration::from_micros(1));
            assert!(right);
            assert_eq!(kernel.to_string().parse(), Ok(kernel));
        }
        assert!("fpu".parse::<Kernel>().is_err());
        assert_eq!(Effort::over(4560, false).windows, 3);
    }
}
