//! Sums over the devices of several processes, on one host or several: each process of an MPI
//! launcher is one rank with one device. MPI carries the group's identifier and what the ranks
//! agree on; the numbers go by NCCL or RCCL.
//!
//! No rank goes on alone: whatever one of them lacks or fails at is told to all before any of
//! them calls the library, which would wait for ever.

use super::choices::Place;
use super::sums::{self, Group, Sum, floats, rounds};
use super::watch::Watch;
use super::watched::Watched;
use crate::collective::mpi::{self, Ranks, World, hosts};
use crate::collective::whole;
use vbench::gpu::{self, Communicator, Fault, Gpu};
use vbench::launcher::HOSTS;
use vbench::prelude::*;

/// With one of these a launcher has given each process a device of its own.
const VISIBLE: [&str; 3] = ["CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"];

/// Sums over one device of each process of an MPI launcher, 32-bit floats.
// In the program's own process: each rank is one.
#[vbench(kind = "gpu", isolate = false)]
fn all_reduce(
    b: &mut Bencher,
    ranks: Ranks,
    #[axis(Place::choices())] place: Place,
    #[axis(sums::sizes())] size: Bytes,
) -> Result<Samples<Watched<Sum>>, Stop> {
    let world = &*ranks.world;
    let own = Own::of_all(world)?;
    let gpus = [own.gpu.clone()];
    let (bytes, rounds) = (floats(b, whole(size)?), rounds(b));
    let group = join(world, &gpus, bytes)?;
    check(world, &group, bytes, place)?;
    if world.rank > 0 {
        while world.tell(0)? > 0 {
            timed(world, &group, bytes, place, rounds)?;
        }
        check(world, &group, bytes, place)?;
        return Err(Stop::Skip(format!("rank {}: rank 0 stores the results", world.rank)));
    }
    let watch = Watch::over(b, &own.gpu);
    let samples = watch.samples(b, |look| {
        world.tell(1).map_err(failed)?;
        let sum = || timed(world, &group, bytes, place, rounds).map_err(lost);
        let seconds = look.during(bytes * rounds.1, sum)?;
        Ok(Sum::of(bytes, seconds, world.ranks))
    })?;
    world.tell(0)?;
    check(world, &group, bytes, place)?;
    own.note(b, world);
    b.fact("bytes", bytes);
    Ok(samples)
}

fn failed(fault: mpi::Fault) -> Fault {
    Fault::Failed(fault.into())
}

fn lost(stop: Stop) -> Fault {
    let (Stop::Skip(why) | Stop::Fail(why)) = stop;
    Fault::Failed(why)
}

/// What each rank has, or the first reason why one has it not, for all of them.
fn agreed<T>(world: &World, own: Result<T, Stop>) -> Result<T, Stop> {
    let said = match &own {
        Ok(_) => String::new(),
        Err(Stop::Skip(why)) => format!("skip {why}"),
        Err(Stop::Fail(why)) => format!("fail {why}"),
    };
    let all = world.gather(&said)?;
    match first_reason(&all) {
        None => own,
        Some(stop) => Err(stop),
    }
}

fn first_reason(said: &[String]) -> Option<Stop> {
    let (rank, said) = said.iter().enumerate().find(|(_, said)| !said.is_empty())?;
    Some(match said.strip_prefix("skip ") {
        Some(why) => Stop::Skip(format!("rank {rank}: {why}")),
        None => Stop::Fail(format!("rank {rank}: {}", said.strip_prefix("fail ").unwrap_or(said))),
    })
}

/// This rank's device, and what all ranks have.
struct Own {
    gpu: Gpu,
    names: Vec<String>,
    devices: Vec<String>,
    settings: Vec<String>,
}

impl Own {
    /// A device for every rank, or for none.
    fn of_all(world: &World) -> Result<Self, Stop> {
        let names = world.names()?;
        let gpu = agreed(world, local(&names, world.rank))?;
        let identity = gpu.identity();
        let devices = world.gather(&format!("{} {}", identity.pci, identity.name))?;
        apart(&names, &devices)?;
        let settings = world.gather(&sums::settings::in_force())?;
        Ok(Self { gpu, names, devices, settings })
    }

    fn note(&self, b: &mut Bencher, world: &World) {
        b.fact("ranks", world.ranks);
        b.fact(HOSTS, hosts(&self.names));
        b.fact("devices", self.devices.clone());
        b.fact("library", world.version.as_str());
        b.fact("collective_settings", self.settings.first().cloned().unwrap_or_default());
        // Launchers do not hand the environment on to other hosts unless they are told to.
        let ranks = self.settings.iter().enumerate();
        let other = ranks.filter(|(_, text)| Some(*text) != self.settings.first());
        let other: Vec<String> = other.map(|(rank, text)| format!("rank {rank}: {text}")).collect();
        if !other.is_empty() {
            b.fact("collective_settings_differ", other);
        }
    }
}

/// The device of `rank`: as many ranks of its host come before it as devices do.
fn local(names: &[String], rank: usize) -> Result<Gpu, Stop> {
    let driver = gpu::driver().map_err(super::device::no_gpu)?;
    let count = driver.count()?;
    let same = |name: &&String| Some(*name) == names.get(rank);
    let before = names.iter().take(rank).filter(same).count();
    let ranks = names.iter().filter(same).count();
    let given = VISIBLE.iter().any(|name| std::env::var_os(name).is_some());
    Ok(Gpu::new(driver, device(before, ranks, count, given)?)?)
}

/// `before` ranks of this host's `ranks` come first; `given`: the launcher chose the devices.
fn device(before: usize, ranks: usize, count: usize, given: bool) -> Result<usize, Skip> {
    match before {
        _ if given && count == 1 => Ok(0),
        before if before < count => Ok(before),
        _ => {
            let gpus = if count == 1 { "1 GPU".to_owned() } else { format!("{count} GPUs") };
            Err(Skip::because(format!("{ranks} ranks on a host with {gpus}: one each")))
        }
    }
}

/// Two ranks with one device would wait for each other in the library.
fn apart(names: &[String], devices: &[String]) -> Result<(), Skip> {
    let places: Vec<_> = names.iter().zip(devices).collect();
    for (rank, place) in places.iter().enumerate() {
        if let Some(other) = places.iter().take(rank).position(|other| other == place) {
            let device = place.1;
            return Err(Skip::because(format!("ranks {other} and {rank} share GPU {device}")));
        }
    }
    Ok(())
}

/// Rank 0 names the group and tells the others; all join.
fn join<'g>(world: &World, gpus: &'g [Gpu; 1], bytes: usize) -> Result<Group<'g>, Stop> {
    let [gpu] = gpus;
    let summing = agreed(world, gpu.driver().collectives().map_err(Stop::from))?;
    let id = if world.rank == 0 { summing.identifier() } else { Ok([0; 128]) };
    let mut id = agreed(world, id.map_err(Stop::from))?;
    world.share(&mut id)?;
    let place = (world.rank, world.ranks);
    let joined = Communicator::enter(summing, gpu, place, &id).map_err(Stop::from);
    let joined = agreed(world, joined)?;
    agreed(world, Group::new(gpus, joined, bytes, place).map_err(Stop::from))
}

/// Every rank's sums are right, or all fail.
fn check(world: &World, group: &Group<'_>, bytes: usize, place: Place) -> Result<(), Stop> {
    let wrong = match group.count_wrong(bytes, place) {
        Ok(0) => Ok(()),
        Ok(wrong) => Err(Stop::Fail(format!("check failed: {}", group.complaint(wrong, bytes)))),
        Err(fault) => Err(fault.into()),
    };
    agreed(world, wrong)
}

/// Seconds of one operation on the slowest rank of all.
fn timed(
    world: &World,
    group: &Group<'_>,
    bytes: usize,
    place: Place,
    rounds: (usize, usize),
) -> Result<f64, Stop> {
    world.barrier()?;
    let own = agreed(world, group.time(bytes, place, rounds).map_err(Stop::from))?;
    Ok(world.max(own)?)
}

#[cfg(test)]
mod tests {
    use super::{apart, device, first_reason};
    use vbench::prelude::Stop;

    #[test]
    fn each_rank_of_a_host_takes_the_next_device() {
        assert_eq!(device(0, 2, 2, false), Ok(0));
        assert_eq!(device(1, 2, 2, false), Ok(1));
        let why = device(2, 3, 2, false).unwrap_err().to_string();
        assert_eq!(why, "3 ranks on a host with 2 GPUs: one each");
        assert_eq!(device(2, 3, 1, true), Ok(0), "the launcher shows each rank one of its own");
    }

    #[test]
    fn two_ranks_never_share_a_device() {
        let texts = |words: [&str; 3]| words.map(str::to_owned).to_vec();
        let hosts = texts(["a", "b", "a"]);
        assert!(apart(&hosts, &texts(["01:00.0", "01:00.0", "02:00.0"])).is_ok());
        let why = apart(&hosts, &texts(["01:00.0", "02:00.0", "01:00.0"])).unwrap_err();
        assert_eq!(why.to_string(), "ranks 0 and 2 share GPU 01:00.0");
    }

    #[test]
    fn the_first_rank_that_cannot_speaks_for_all() {
        let said = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            match first_reason(&words) {
                None => "all can".to_owned(),
                Some(Stop::Skip(why)) => format!("skipped: {why}"),
                Some(Stop::Fail(why)) => format!("failed: {why}"),
            }
        };
        assert_eq!(said(&["", ""]), "all can");
        assert_eq!(said(&["", "skip no GPU"]), "skipped: rank 1: no GPU");
        assert_eq!(said(&["fail lost", "skip no GPU"]), "failed: rank 0: lost");
    }
}
