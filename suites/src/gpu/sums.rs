//! Sums over devices by NCCL or RCCL, measured and counted as nccl-tests does.

pub mod exchange;
pub mod settings;
pub mod sweep;

use super::choices::{Arm, Place};
use super::device::scaled;
use super::watch::{Look, Watch};
use super::watched::Watched;
use crate::collective::whole;
use settings::Setup;
use vbench::gpu::{self, Communicator, Fault, Gpu, Memory, Queue};
use vbench::prelude::*;

/// Operations before the first timed one, and in a sample. Source: nccl-tests warms up with 5 and
/// times 20.
const WARM_UPS: usize = 5;
const TIMED: usize = 20;

/// One way of summing.
pub struct Reduce {
    /// What the library is told.
    pub settings: Setup,
    /// Where the sums go.
    pub place: Place,
    /// Of each rank.
    pub size: Bytes,
    /// Where the library's threads and buffers lie.
    pub arm: Arm,
}

/// How fast a sum is, by the formulas of nccl-tests (its `doc/PERFORMANCE.md`).
#[derive(Metrics)]
pub struct Sum {
    /// Of one operation, by the slowest rank.
    time: Seconds,
    /// Bytes of one rank over the time.
    #[metric(info)]
    algbw: BytesPerSec,
    /// What crosses each link of a perfect ring: `algbw * 2 (n - 1) / n` for sums over n ranks, half
    /// of it for the other operations.
    busbw: BytesPerSec,
}

impl Sum {
    /// A sum of `bytes` of each of `ranks`.
    pub fn of(bytes: usize, seconds: f64, ranks: usize) -> Self {
        Self::crossing(bytes, seconds, 2.0 * (ranks as f64 - 1.0) / ranks as f64)
    }

    /// Another operation, whose larger memory has `bytes`.
    pub fn of_exchange(bytes: usize, seconds: f64, ranks: usize) -> Self {
        Self::crossing(bytes, seconds, (ranks as f64 - 1.0) / ranks as f64)
    }

    fn crossing(bytes: usize, seconds: f64, share: f64) -> Self {
        let algbw = Bytes(bytes as u64).per(seconds);
        Self { time: Seconds(seconds), algbw, busbw: BytesPerSec(algbw.0 * share) }
    }
}

/// What one rank alone shows: nothing is exchanged, so there is no bus to have a bandwidth.
#[derive(Metrics)]
pub struct Alone {
    /// Of one operation: what the library itself costs, and a copy out of place.
    time: Seconds,
}

/// 8 B to 1 GiB by factors of two, of four in the standard profile, and three of them for a first
/// look: every size is a process that joins all devices.
pub fn sizes() -> Vec<Bytes> {
    let all = pow2(3..=30);
    match Machine::current().profile {
        Profile::Smoke | Profile::Quick => vec![Bytes(8), Bytes(1 << 20), super::LARGE],
        Profile::Standard => all.into_iter().rev().step_by(2).collect(),
        Profile::Thorough => all,
    }
}

/// `size` in whole floats, at least one.
pub fn floats(b: &Bencher, size: Bytes) -> usize {
    scaled(b, size).max(4) / 4 * 4
}

/// Operations before the timed ones, and those.
pub fn rounds(b: &Bencher) -> (usize, usize) {
    if b.is_smoke() { (0, 1) } else { (WARM_UPS, TIMED) }
}

/// The devices of this process in a group, and their memories.
pub struct Group<'g> {
    gpus: &'g [Gpu],
    communicator: Communicator,
    /// The rank of the first device, and how many ranks there are in all processes.
    first: usize,
    ranks: usize,
    from: Vec<Memory>,
    to: Vec<Memory>,
    wrong: Vec<Memory>,
}

impl<'g> Group<'g> {
    /// With memory for sums of up to `bytes`; the devices are the ranks from `first` on.
    pub fn new(
        gpus: &'g [Gpu],
        communicator: Communicator,
        bytes: usize,
        (first, ranks): (usize, usize),
    ) -> Result<Self, Fault> {
        let all = |bytes: usize| gpus.iter().map(|gpu| gpu.memory(bytes)).collect::<Result<_, _>>();
        let (from, to, wrong) = (all(bytes)?, all(bytes)?, all(4)?);
        Ok(Self { gpus, communicator, first, ranks, from, to, wrong })
    }

    /// Where the sums go.
    fn target(&self, place: Place) -> &[Memory] {
        if place == Place::In { &self.from } else { &self.to }
    }

    /// Writes the summands anew, sums once, and counts wrong entries over the ranks of this
    /// process.
    pub fn count_wrong(&self, bytes: usize, place: Place) -> Result<u32, Fault> {
        let (count, target) = (bytes / 4, self.target(place));
        Gpu::batch_all(self.gpus, 0, |queues| {
            for (number, (queue, from)) in queues.iter_mut().zip(&self.from).enumerate() {
                queue.contribute(from, count, self.first + number)?;
            }
            self.communicator.sum(queues, &self.from, target, count)?;
            for ((queue, sums), wrong) in queues.iter_mut().zip(target).zip(&self.wrong) {
                queue.fill(wrong, 0)?;
                queue.count_wrong(sums, count, self.ranks, wrong)?;
            }
            Ok(())
        })?;
        let words = self.wrong.iter().map(|wrong| {
            let bytes = wrong.read(0, 4)?;
            let word = <[u8; 4]>::try_from(bytes.as_slice()).map(u32::from_le_bytes);
            Ok(word.unwrap_or(u32::MAX))
        });
        words.sum()
    }

    /// Fails the case where a sum is wrong.
    pub fn check(&self, b: &mut Bencher, bytes: usize, place: Place) -> Result<(), Fault> {
        let wrong = self.count_wrong(bytes, place)?;
        b.check(wrong == 0, self.complaint(wrong, bytes));
        Ok(())
    }

    /// What is to be said of `wrong` sums.
    pub fn complaint(&self, wrong: u32, bytes: usize) -> String {
        format!("{wrong} of {} sums are wrong", bytes / 4 * self.gpus.len())
    }

    /// Seconds of one operation on the slowest rank of this process.
    pub fn time(
        &self,
        bytes: usize,
        place: Place,
        (warm_ups, timed): (usize, usize),
    ) -> Result<f64, Fault> {
        let (count, target) = (bytes / 4, self.target(place));
        let times = Gpu::batch_all(self.gpus, 2, |queues| {
            for _ in 0..warm_ups {
                self.communicator.sum(queues, &self.from, target, count)?;
            }
            queues.iter_mut().try_for_each(Queue::mark)?;
            for _ in 0..timed {
                self.communicator.sum(queues, &self.from, target, count)?;
            }
            queues.iter_mut().try_for_each(Queue::mark)
        })?;
        let totals = times.iter().map(gpu::Times::total);
        let slowest = totals.collect::<Result<Vec<_>, _>>()?.into_iter().fold(0.0, f64::max);
        Ok(slowest / timed as f64)
    }

    /// As [`Group::time`], looked at meanwhile.
    fn watched(
        &self,
        look: &Look<'_>,
        bytes: usize,
        place: Place,
        rounds: (usize, usize),
    ) -> Result<f64, Fault> {
        look.during(bytes * rounds.1, || self.time(bytes, place, rounds))
    }
}

/// Joins `gpus`, all ranks in this process, under the settings that the case names.
fn join(b: &mut Bencher, gpus: &[Gpu], settings: &Setup, arm: Arm) -> Result<Communicator, Stop> {
    let first = gpus.first().ok_or_else(|| Skip::because("no GPU"))?;
    settings.apply()?;
    let summing = first.driver().collectives()?;
    b.fact("collectives", summing.version());
    b.fact("collective_settings", settings::in_force());
    // The thread that enqueues is placed as the ranks are, by the first device.
    arm.apply(first)?;
    let place = |rank: usize| gpus.get(rank).map_or(Ok(()), |gpu| arm.apply(gpu));
    Ok(Communicator::join(summing, gpus, place)?)
}

/// Notes who took part.
fn note_ranks(b: &mut Bencher, gpus: &[Gpu]) -> Result<(), Fault> {
    b.fact("ranks", gpus.len());
    b.fact("peers_reach", reaches(gpus)?);
    Ok(())
}

impl Reduce {
    /// Sums over `gpus`, all ranks in this process.
    pub fn measure(&self, b: &mut Bencher, gpus: &[Gpu]) -> Result<Samples<Watched<Sum>>, Stop> {
        if gpus.len() < 2 {
            return Err(Skip::because(format!("a sum needs 2 GPUs, {} here", gpus.len())).into());
        }
        self.with_group(b, gpus, |bytes, seconds| Sum::of(bytes, seconds, gpus.len()))
    }

    /// One rank: the library works, and its sums are right.
    pub fn measure_alone(
        &self,
        b: &mut Bencher,
        gpu: &Gpu,
    ) -> Result<Samples<Watched<Alone>>, Stop> {
        let gpus = std::slice::from_ref(gpu);
        self.with_group(b, gpus, |_, seconds| Alone { time: Seconds(seconds) })
    }

    fn with_group<M: Metrics>(
        &self,
        b: &mut Bencher,
        gpus: &[Gpu],
        shown: impl Fn(usize, f64) -> M,
    ) -> Result<Samples<Watched<M>>, Stop> {
        whole(self.size)?;
        let communicator = join(b, gpus, &self.settings, self.arm)?;
        let (bytes, rounds) = (floats(b, self.size), rounds(b));
        let group = Group::new(gpus, communicator, bytes, (0, gpus.len()))?;
        let watch = Watch::over_all(b, gpus)?;
        group.check(b, bytes, self.place)?;
        let samples = watch.samples(b, |look| {
            group.watched(look, bytes, self.place, rounds).map(|seconds| shown(bytes, seconds))
        })?;
        group.check(b, bytes, self.place)?;
        note_ranks(b, gpus)?;
        b.fact("bytes", bytes);
        b.fact("arm", self.arm.to_string());
        Ok(samples)
    }
}

/// How many ordered pairs of devices reach each other without the host.
fn reaches(gpus: &[Gpu]) -> Result<String, Fault> {
    let (mut reached, mut pairs) = (0, 0);
    for from in gpus {
        for to in gpus.iter().filter(|to| to.index() != from.index()) {
            pairs += 1;
            reached += usize::from(from.driver().reaches(from.index(), to.index())?);
        }
    }
    Ok(format!("{reached} of {pairs} pairs"))
}

#[cfg(test)]
mod tests {
    use super::Sum;

    /// As nccl-tests defines them: 2 ranks have a bus bandwidth equal to the algorithm's.
    #[test]
    fn bandwidths_follow_the_formulas() {
        let sum = Sum::of(1_000, 0.5, 2);
        assert_eq!((sum.algbw.0, sum.busbw.0), (2_000.0, 2_000.0));
        assert_eq!(Sum::of(1_000, 0.5, 8).busbw.0, 3_500.0);
        let exchange = Sum::of_exchange(1_000, 0.5, 8);
        assert_eq!((exchange.algbw.0, exchange.busbw.0), (2_000.0, 1_750.0));
    }
}
