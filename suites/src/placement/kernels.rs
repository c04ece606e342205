//! Work that fills a core, or its way to memory, alone and beside a neighbour.

use crate::claims;
use crate::effort::by_profile;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
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
/// Numbers of memory that are read in one chunk: 128 KiB, some 10 us.
const PART: usize = (128 << 10) / size_of::<u64>();
/// Memory that each CPU reads, so that a line is met again only when the caches have forgotten it:
/// so many times the last-level cache, at least so much, and at most a share of what is available.
const TIMES_CACHE: u64 = 2;
const LEAST: u64 = 64 << 20;
const SHARE: u64 = 4;
const SMOKE: u64 = 1 << 20;
/// A window begins this long after its team was called, so that both threads are awake.
const HEAD_START: Duration = Duration::from_micros(300);
/// A thread that begins later than this share of the window has missed it.
const LATE: f64 = 0.05;

/// What the work fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AxisValue)]
pub enum Kernel {
    /// The arithmetic units.
    Alu,
    /// The load units, from the first-level cache.
    Loads,
    /// The way to memory: each CPU reads an array of its own that no cache holds.
    Memory,
}

impl Kernel {
    /// Arithmetic in the quick profile, all in longer ones.
    pub fn choices() -> Vec<Self> {
        by_profile([Self::Alu], Self::ALL)
    }

    /// Bytes of the array that each of `cpus` CPUs reads.
    pub fn bytes(self, cpus: usize, smoke: bool) -> u64 {
        match self {
            Self::Alu => 0,
            Self::Loads => (NUMBERS * size_of::<u64>()) as u64,
            Self::Memory if smoke => SMOKE,
            Self::Memory => {
                let cache = claims::cache_levels().last().copied().unwrap_or(0);
                let wanted = cache.saturating_mul(TIMES_CACHE).max(LEAST);
                let room = claims::memory_available();
                wanted.min(room.map_or(wanted, |room| room.bytes / SHARE / cpus.max(1) as u64))
            }
        }
    }

    /// One chunk of work, with the same answer each time.
    fn chunk(self, material: &Material) -> u64 {
        match self {
            Self::Alu => arithmetic(black_box(TURNS)),
            Self::Loads => loads(black_box(&material.numbers), PASSES),
            Self::Memory => loads(black_box(material.next_part()), 1),
        }
    }
}

/// What the work of one CPU reads, on that CPU's own node.
struct Material {
    numbers: Buffer<u64>,
    next: AtomicUsize,
}

impl Material {
    /// Touched first by the calling thread; every part of it has one sum.
    fn new(bytes: u64) -> Result<Self, Skip> {
        let len = (bytes as usize / size_of::<u64>()).max(1);
        let len = if len > PART { len / PART * PART } else { len };
        let mut numbers = Buffer::<u64>::new(len, Pages::Default, Policy::FirstTouch)?;
        numbers.iter_mut().enumerate().for_each(|(place, number)| *number = (place % PART) as u64);
        Ok(Self { numbers, next: AtomicUsize::new(0) })
    }

    /// The part after the last one, from one window to the next too.
    fn next_part(&self) -> &[u64] {
        let part = PART.min(self.numbers.len());
        let parts = self.numbers.len() / part;
        let start = self.next.fetch_add(1, Ordering::Relaxed) % parts * part;
        &self.numbers[start..start + part]
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
fn loads(numbers: &[u64], passes: usize) -> u64 {
    let mut sums = [0_u64; CHAINS];
    for _ in 0..passes {
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
    /// The pairs that never began a window together, or of which one never began one alone.
    pub silent: Vec<(usize, usize)>,
    /// True when every chunk gave the same answer.
    pub sound: bool,
}

/// What a thread did in a window: chunks per second, nothing where it came late; and whether every
/// answer was the expected one.
type Done = (Option<f64>, bool);

/// Measures each CPU alone, then each pair together. The best window counts, because whatever
/// disturbs one lowers it. A pair without an answer leaves the others theirs.
///
/// # Errors
/// A CPU cannot be bound to.
pub fn sweep(work: &Work, pairs: &[(usize, usize)], effort: Effort) -> Result<Sweep, Skip> {
    let mut sound = true;
    let mut alone: BTreeMap<usize, f64> = BTreeMap::new();
    for &cpu in work.materials.keys() {
        let rates = work.best(&[cpu], effort, &mut sound)?;
        alone.extend(rates.map(|rates| (cpu, rates[0])));
    }
    let (mut kept, mut silent) = (Pairs::default(), Vec::new());
    for &(one, other) in pairs {
        let rates = work.best(&[one, other], effort, &mut sound)?;
        match (rates.as_deref(), alone.get(&one), alone.get(&other)) {
            (Some([there, back]), Some(first), Some(second)) => {
                kept.insert(one, other, there / first, back / second);
            }
            _ => silent.push((one, other)),
        }
    }
    Ok(Sweep { kept, silent, sound })
}

/// The work, and what each CPU reads for it.
pub struct Work {
    kernel: Kernel,
    materials: BTreeMap<usize, Material>,
}

impl Work {
    /// What `cpus` read, `bytes` each, touched first by them.
    ///
    /// # Errors
    /// A CPU cannot be bound to, or the memory cannot be had.
    pub fn new(kernel: Kernel, cpus: &[usize], bytes: u64) -> Result<Self, Skip> {
        let mut materials = BTreeMap::new();
        for &cpu in cpus {
            let made = Team::pinned(&[cpu])?.broadcast(|_| Material::new(bytes));
            for material in made {
                materials.insert(cpu, material?);
            }
        }
        Ok(Self { kernel, materials })
    }

    /// The best rate of each CPU over the windows that all began in time; `None` when none did.
    fn best(
        &self,
        cpus: &[usize],
        effort: Effort,
        sound: &mut bool,
    ) -> Result<Option<Vec<f64>>, Skip> {
        /// Windows that are tried for each one wanted.
        const TRIES: usize = 20;
        let team = Team::pinned(cpus)?;
        let mut rates: Vec<Vec<f64>> = vec![Vec::new(); cpus.len()];
        for _ in 0..effort.windows * TRIES {
            let begin = Instant::now() + HEAD_START;
            let done = team.broadcast(|worker| {
                let material = worker.cpu.and_then(|cpu| self.materials.get(&cpu));
                material.map_or((None, false), |material| {
                    window(self.kernel, material, begin, effort.window)
                })
            });
            *sound &= done.iter().all(|(_, right)| *right);
            if let Some(all) = done.into_iter().map(|(rate, _)| rate).collect::<Option<Vec<f64>>>()
            {
                rates.iter_mut().zip(all).for_each(|(rates, rate)| rates.push(rate));
            }
            if rates[0].len() == effort.windows {
                break;
            }
        }
        Ok(rates.into_iter().map(|rates| rates.into_iter().reduce(f64::max)).collect())
    }
}

fn window(kernel: Kernel, material: &Material, begin: Instant, length: Duration) -> Done {
    let expected = kernel.chunk(material);
    while Instant::now() < begin {
        std::hint::spin_loop();
    }
    let start = Instant::now();
    let late = (start - begin).as_secs_f64() > LATE * length.as_secs_f64();
    let (mut chunks, mut right) = (0_u32, true);
    loop {
        right &= kernel.chunk(material) == expected;
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
    use super::{CHAINS, Effort, Kernel, Material, PART, Work, arithmetic, loads, sweep, window};
    use std::time::{Duration, Instant};
    use vbench::measured::MEMORY_KERNEL;
    use vbench::prelude::*;

    #[test]
    fn the_work_is_what_it_says() {
        let numbers: Vec<u64> = (0..2048).collect();
        let sum: u64 = numbers.iter().sum();
        assert_eq!(loads(&numbers, 3), sum * 3);
        assert_eq!(arithmetic(0), (1..=CHAINS as u64).sum::<u64>());
        assert_ne!(arithmetic(1), arithmetic(2));
    }

    #[test]
    fn reading_goes_on_where_the_last_window_ended_and_comes_around() {
        let material = Material::new(3 * (PART * size_of::<u64>()) as u64 + 100).unwrap();
        assert_eq!(material.numbers.len(), 3 * PART);
        let starts: Vec<*const u64> = (0..4).map(|_| material.next_part().as_ptr()).collect();
        assert!(starts[0] < starts[1] && starts[1] < starts[2]);
        assert_eq!(starts[3], starts[0]);
    }

    #[test]
    fn a_pair_without_an_answer_leaves_the_others_theirs() {
        let allowed = Cpus::acquire(Machine::current()).unwrap();
        let cpu = allowed.ids()[0];
        let work = Work::new(Kernel::Alu, &[cpu], 0).unwrap();
        // No window is asked for, so that none began.
        let none = Effort { windows: 0, ..Effort::over(1, true) };
        let swept = sweep(&work, &[(cpu, cpu)], none).unwrap();
        assert_eq!((swept.silent, swept.kept.is_empty()), (vec![(cpu, cpu)], true));
    }

    #[test]
    fn a_window_counts_right_answers() {
        for kernel in Kernel::ALL {
            let material = Material::new(kernel.bytes(2, true)).unwrap();
            let (_, right) = window(kernel, &material, Instant::now(), Duration::from_micros(1));
            assert!(right, "{kernel}");
            assert_eq!(kernel.to_string().parse(), Ok(kernel));
        }
        assert_eq!(Kernel::Memory.to_string(), MEMORY_KERNEL, "left out where cores are found");
        let mut material = Material::new(Kernel::Memory.bytes(2, true)).unwrap();
        let right = Kernel::Memory.chunk(&material);
        material.numbers[PART] += 7;
        assert_eq!(Kernel::Memory.chunk(&material), right + 7, "the second part");
        assert_eq!(Kernel::Memory.chunk(&material), right);
        assert!("fpu".parse::<Kernel>().is_err());
        assert_eq!(Effort::over(4560, false).windows, 3);
    }
}
