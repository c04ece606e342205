//! All-reduce between processes, on one host or several, through the system's MPI.
//!
//! Every process runs the same benchmark. The first one leads: before each sample it tells the
//! others how many operations it wants, and 0 ends it, so that no process waits for one that has
//! stopped early.

mod library;

pub use library::{Fault, World};

use super::{Place, RanksOn, SMOKE, Speed, WARM_UPS, contribution, fits, sizes, whole, wrong};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;
use vbench::launcher::{HOSTS, Launched};
use vbench::prelude::*;

/// How to have several ranks.
const EXAMPLE: &str = "mpirun -n 2 vbench run mpi";

/// The processes that an MPI launcher started, ready to work together.
pub struct Ranks {
    /// What they speak through.
    pub world: MutexGuard<'static, World>,
}

impl Require for Ranks {
    fn acquire(_: &Machine) -> Result<Self, Skip> {
        static WORLD: OnceLock<Result<Mutex<World>, String>> = OnceLock::new();
        let launched = launched()?;
        let world = WORLD.get_or_init(|| World::enter(launched).map(Mutex::new));
        let world = world.as_ref().map_err(Skip::because)?;
        Ok(Self { world: world.lock().unwrap_or_else(PoisonError::into_inner) })
    }

    fn probe(_: &Machine) -> Result<(), Skip> {
        library::exists(launched()?).map_err(Skip::because)
    }
}

fn launched() -> Result<Launched, Skip> {
    match Launched::current() {
        None => Err(Skip::because(format!("started without an MPI launcher: {EXAMPLE}"))),
        Some(Launched { ranks: 1, .. }) => {
            Err(Skip::because(format!("an all-reduce needs 2 ranks, 1 was launched: {EXAMPLE}")))
        }
        Some(launched) => Ok(launched),
    }
}

/// All-reduce between the processes of an MPI launcher: the sum of 32-bit floats.
// In the program's own process: each rank is one.
#[vbench(kind = "collective", isolate = false)]
fn all_reduce(
    b: &mut Bencher,
    ranks: Ranks,
    #[axis(Place::choices())] place: Place,
    #[axis(sizes())] size: Bytes,
) -> Result<Samples<Speed>, Stop> {
    let world = &*ranks.world;
    let size = whole(if b.is_smoke() { size.min(SMOKE) } else { size })?;
    let names = world.names()?;
    let mut buffers = Buffers::on_all(world, place, size)?;
    let warm = buffers.time(world, if b.is_smoke() { 1 } else { WARM_UPS })?;
    buffers.verify(world)?;
    if world.rank > 0 {
        while let operations @ 1.. = world.tell(0)? {
            buffers.time(world, operations)?;
        }
        buffers.verify(world)?;
        return Err(Stop::Skip(format!("rank {}: rank 0 stores the results", world.rank)));
    }
    let operations = super::operations(warm, b);
    let mut failure = None;
    let samples = b.samples(|_| {
        let time = world.tell(operations).and_then(|_| buffers.time(world, operations));
        let seconds = time.unwrap_or_else(|error| {
            failure.get_or_insert(error);
            f64::NAN
        });
        Speed::of(size, seconds, world.ranks)
    });
    failure.map_or(Ok(()), Err)?;
    world.tell(0)?;
    buffers.verify(world)?;
    b.fact("ranks", world.ranks);
    b.fact(HOSTS, hosts(&names));
    b.fact("library", world.version.as_str());
    b.fact("thread_level", world.thread_level);
    b.fact("operations_per_sample", operations);
    Ok(samples)
}

/// `a: 2 ranks, b: 1 rank`, in the order of the ranks.
pub fn hosts(names: &[String]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for name in names {
        match counts.iter_mut().find(|(known, _)| known == name) {
            Some((_, count)) => *count += 1,
            None => counts.push((name, 1)),
        }
    }
    let told = counts.iter().map(|(name, count)| match count {
        1 => format!("{name}: 1 rank"),
        _ => format!("{name}: {count} ranks"),
    });
    told.collect::<Vec<_>>().join(", ")
}

/// What this rank contributes, and where the sum goes.
struct Buffers {
    input: Buffer<f32>,
    output: Buffer<f32>,
    place: Place,
}

impl Buffers {
    /// Buffers of `size` on every rank, or on none.
    fn on_all(world: &World, place: Place, size: Bytes) -> Result<Self, Stop> {
        let own = Self::new(place, size);
        let lacking = world.max(if own.is_ok() { 0.0 } else { 1.0 })?;
        match own {
            Ok(buffers) if lacking == 0.0 => Ok(buffers),
            Ok(_) => Err(Stop::Skip("another rank has too little memory".to_owned())),
            Err(skip) => Err(skip.into()),
        }
    }

    fn new(place: Place, size: Bytes) -> Result<Self, Skip> {
        fits(size, place, &RanksOn::from([(None, 1.0)]))?;
        let len = usize::try_from(size.0 / size_of::<f32>() as u64).unwrap_or(usize::MAX).max(1);
        let buffer = |len| Buffer::new(len, Pages::Default, Policy::FirstTouch);
        let input = buffer(if place == Place::Out { len } else { 0 })?;
        Ok(Self { input, output: buffer(len)?, place })
    }

    fn fill(&mut self, rank: usize) {
        let own = if self.place == Place::Out { &mut self.input } else { &mut self.output };
        own.iter_mut().enumerate().for_each(|(at, number)| *number = contribution(rank, at));
    }

    fn all_reduce(&mut self, world: &World) -> Result<(), Fault> {
        match self.place {
            Place::Out => world.sum(&self.input, &mut self.output),
            Place::In => world.sum_in_place(&mut self.output),
        }
    }

    /// Seconds of one operation on the slowest rank: `operations` in a row after a barrier.
    fn time(&mut self, world: &World, operations: u32) -> Result<f64, Fault> {
        self.fill(world.rank);
        self.all_reduce(world)?;
        world.barrier()?;
        let start = Instant::now();
        for _ in 0..operations {
            self.all_reduce(world)?;
        }
        world.max(start.elapsed().as_secs_f64() / f64::from(operations.max(1)))
    }

    /// One more operation on fresh numbers, compared with the exact sums on every rank.
    fn verify(&mut self, world: &World) -> Result<(), Stop> {
        self.fill(world.rank);
        self.all_reduce(world)?;
        let found = wrong(&self.output, world.ranks);
        let any = world.max(if found.is_some() { 1.0 } else { 0.0 })?;
        match found {
            Some((at, found)) => {
                Err(Stop::Fail(format!("rank {}: sum {at} is {found}", world.rank)))
            }
            None if any > 0.0 => Err(Stop::Fail("another rank has a wrong sum".to_owned())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::hosts;

    #[test]
    fn every_host_is_named_once_with_its_ranks() {
        let names = ["a", "b", "a"].map(str::to_owned);
        assert_eq!(hosts(&names), "a: 2 ranks, b: 1 rank");
        assert_eq!(hosts(&[]), "");
    }
}
