//! Sums over devices by NCCL or RCCL, measured and counted as nccl-tests does.

use super::choices::{Arm, Peers, Place};
use super::device::scaled;
use super::watch::{Watch, note_versions};
use vbench::gpu::{self, Communicator, Fault, Gpu, Memory, Queue};
use vbench::prelude::*;

/// Operations before the first timed one, and in a sample. Source: nccl-tests warms up with 5 and
/// times 20.
const WARM_UPS: usize = 5;
const TIMED: usize = 20;
/// Names a larger or smaller end of the sweep, as nccl-tests' `-e`.
const MOST: &str = "VBENCH_MAX_BYTES";

/// One way of summing.
pub struct Reduce {
    /// Whether devices may reach each other.
    pub peers: Peers,
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
    /// `algbw * 2 (n - 1) / n` for n ranks: what crosses each link of a perfect ring.
    busbw: BytesPerSec,
}

impl Sum {
    fn of(bytes: usize, seconds: f64, ranks: usize) -> Self {
        let algbw = Bytes(bytes as u64).per(seconds);
        let share = 2.0 * (ranks as f64 - 1.0) / ranks as f64;
        Self { time: Seconds(seconds), algbw, busbw: BytesPerSec(algbw.0 * share) }
    }
}

/// 8 B to 1 GiB by factors of two, of four in the standard profile, and three of them for a first
/// look: every size is a process that joins all devices.
pub fn sizes() -> Vec<Bytes> {
    let most = std::env::var(MOST).ok().and_then(|text| text.parse().ok());
    let all = doubling(Bytes(8), most.unwrap_or(Bytes(1 << 30)));
    match Machine::current().profile {
        Profile::Smoke | Profile::Quick => vec![Bytes(8), Bytes(1 << 20), super::LARGE],
        Profile::Standard => all.into_iter().rev().step_by(2).collect(),
        Profile::Thorough => all,
    }
}

/// The memories of every rank.
struct Ranks {
    from: Vec<Memory>,
    to: Vec<Memory>,
    wrong: Vec<Memory>,
}

impl Ranks {
    fn new(gpus: &[Gpu], bytes: usize) -> Result<Self, Fault> {
        let all = |bytes: usize| gpus.iter().map(|gpu| gpu.memory(bytes)).collect::<Result<_, _>>();
        Ok(Self { from: all(bytes)?, to: all(bytes)?, wrong: all(4)? })
    }

    /// Where the sums go.
    fn target(&self, place: Place) -> &[Memory] {
        if place == Place::In { &self.from } else { &self.to }
    }

    /// Writes the summands anew, sums once, and counts wrong entries over all ranks.
    fn count_wrong(
        &self,
        gpus: &[Gpu],
        communicator: &Communicator,
        count: usize,
        place: Place,
    ) -> Result<u32, Fault> {
        let (ranks, target) = (gpus.len(), self.target(place));
        Gpu::batch_all(gpus, 0, |queues| {
            for (rank, (queue, from)) in queues.iter_mut().zip(&self.from).enumerate() {
                queue.contribute(from, count, rank)?;
            }
            communicator.sum(queues, &self.from, target, count)?;
            for ((queue, sums), wrong) in queues.iter_mut().zip(target).zip(&self.wrong) {
                queue.fill(wrong, 0)?;
                queue.count_wrong(sums, count, ranks, wrong)?;
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
}

impl Reduce {
    /// Sums over `gpus`, all ranks in this process.
    pub fn measure(&self, b: &mut Bencher, gpus: &[Gpu]) -> Result<Samples<Sum>, Stop> {
        let first = gpus.first().ok_or_else(|| Skip::because("no GPU"))?;
        if gpus.len() < 2 {
            return Err(Skip::because("a sum needs 2 GPUs, 1 here").into());
        }
        self.set_peers()?;
        let summing = first.driver().collectives()?;
        b.fact("collectives", summing.version());
        note_environment(b);
        // The thread that enqueues is placed as the ranks are, by the first device.
        self.arm.apply(first)?;
        let communicator = Communicator::join(summing, gpus, |rank| {
            gpus.get(rank).map_or(Ok(()), |gpu| self.arm.apply(gpu))
        })?;
        let bytes = scaled(b, self.size).max(4) / 4 * 4;
        let count = bytes / 4;
        let ranks = Ranks::new(gpus, bytes)?;
        let watch = Watch::over(b, first);
        self.check(b, &ranks, gpus, &communicator, count)?;
        let (warm_ups, timed) = if b.is_smoke() { (0, 1) } else { (WARM_UPS, TIMED) };
        let samples = watch.samples(b, |look| {
            let times = Gpu::batch_all(gpus, 2, |queues| {
                let target = ranks.target(self.place);
                for _ in 0..warm_ups {
                    communicator.sum(queues, &ranks.from, target, count)?;
                }
                queues.iter_mut().try_for_each(Queue::mark)?;
                for _ in 0..timed {
                    communicator.sum(queues, &ranks.from, target, count)?;
                }
                queues.iter_mut().try_for_each(Queue::mark)?;
                look.link(bytes * timed);
                Ok(())
            })?;
            let totals = times.iter().map(gpu::Times::total);
            let slowest = totals.collect::<Result<Vec<_>, _>>()?.into_iter().fold(0.0, f64::max);
            Ok(Sum::of(bytes, slowest / timed as f64, gpus.len()))
        })?;
        self.check(b, &ranks, gpus, &communicator, count)?;
        note_versions(b, first);
        b.fact("ranks", gpus.len());
        b.fact("bytes", bytes);
        b.fact("peers_reach", reaches(gpus)?);
        b.fact("arm", self.arm.to_string());
        Ok(samples)
    }

    /// The library reads its settings from the environment. One that is set already is obeyed, so
    /// a case whose name says otherwise does not run.
    fn set_peers(&self) -> Result<(), Skip> {
        let set = std::env::var(gpu::FORBID_PEERS).ok().filter(|value| value != "0");
        match (self.peers, set) {
            (Peers::Default, Some(value)) => {
                let name = gpu::FORBID_PEERS;
                Err(Skip::because(format!("{name}={value} is set: that is the case peers=off")))
            }
            (Peers::Default, None) => Ok(()),
            (Peers::Off, _) => {
                gpu::forbid_peers();
                Ok(())
            }
        }
    }

    fn check(
        &self,
        b: &mut Bencher,
        ranks: &Ranks,
        gpus: &[Gpu],
        communicator: &Communicator,
        count: usize,
    ) -> Result<(), Stop> {
        let wrong = ranks.count_wrong(gpus, communicator, count, self.place)?;
        let all = count * gpus.len();
        b.check(wrong == 0, format!("{wrong} of {all} sums are wrong"));
        Ok(())
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

/// Settings of the libraries that change their numbers.
fn note_environment(b: &mut Bencher) {
    let of_library =
        |name: &str| ["NCCL_", "RCCL_", "HSA_"].iter().any(|prefix| name.starts_with(prefix));
    let set = std::env::vars_os().filter_map(|(name, value)| {
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    });
    let mut set: Vec<_> = set.filter(|(name, _)| of_library(name)).collect();
    set.sort();
    let text: Vec<_> = set.iter().map(|(name, value)| format!("{name}={value}")).collect();
    b.fact("collective_settings", text.join(" "));
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
    }
}
