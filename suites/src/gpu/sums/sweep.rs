//! One process through all sizes and both places, as nccl-tests runs: its peak and its average.

use super::settings::Setup;
use super::{Group, Sum, join, note_ranks, rounds};
use crate::gpu::choices::{Arm, Peers, Place};
use crate::gpu::watch::Watch;
use crate::gpu::watched::Watched;
use vbench::gpu::{Fault, Gpu};
use vbench::prelude::*;
use vbench::results::Value;

/// The smallest sum. Source: nccl-tests' documentation starts its tables at 8 B.
const LEAST: Bytes = Bytes(8);
/// The largest one when only the working is of interest.
const SMOKE: Bytes = Bytes(64);

/// Two numbers that say different things of one curve.
#[derive(Metrics)]
pub struct Sweep {
    /// The largest bus bandwidth of one size and place.
    busbw_peak: BytesPerSec,
    /// The mean over all sizes and both places, as the last line of nccl-tests: small sizes, which
    /// show latency, count as much as large ones, so that it says something only beside the sizes.
    busbw_average: BytesPerSec,
}

impl Sweep {
    fn of(busbw: &[f64]) -> Result<Self, Fault> {
        let peak = busbw.iter().copied().reduce(f64::max);
        let peak = peak.ok_or_else(|| Fault::Failed("there is no size to sum".to_owned()))?;
        let average = busbw.iter().sum::<f64>() / busbw.len() as f64;
        Ok(Self { busbw_peak: BytesPerSec(peak), busbw_average: BytesPerSec(average) })
    }
}

/// Sums of 8 B to `up_to` over `gpus`, out of place and in place.
pub fn measure(
    b: &mut Bencher,
    gpus: &[Gpu],
    peers: Peers,
    up_to: Bytes,
) -> Result<Samples<Watched<Sweep>>, Stop> {
    let up_to = if b.is_smoke() { up_to.min(SMOKE) } else { up_to };
    let communicator = join(b, gpus, &Setup::of(peers), Arm::Unbound)?;
    let sizes: Vec<usize> = doubling(LEAST, up_to).iter().map(|size| size.0 as usize).collect();
    let largest = sizes.last().copied();
    let largest = largest.ok_or_else(|| Skip::because(format!("{up_to} is less than {LEAST}")))?;
    let group = Group::new(gpus, communicator, largest, (0, gpus.len()))?;
    let watch = Watch::over_all(b, gpus)?;
    let points: Vec<(usize, Place)> =
        sizes.iter().flat_map(|size| Place::ALL.map(|place| (*size, place))).collect();
    for (bytes, place) in &points {
        group.check(b, *bytes, *place)?;
    }
    let rounds = rounds(b);
    let mut last = Vec::new();
    let samples = watch.samples(b, |look| {
        let sum = |(bytes, place): &(usize, Place)| {
            let seconds = group.watched(look, *bytes, *place, rounds)?;
            Ok(Sum::of(*bytes, seconds, gpus.len()))
        };
        last = points.iter().map(sum).collect::<Result<Vec<Sum>, Fault>>()?;
        Sweep::of(&last.iter().map(|sum| sum.busbw.0).collect::<Vec<_>>())
    })?;
    note_ranks(b, gpus)?;
    b.fact("sweep_columns", "bytes, place, s, algbw B/s, busbw B/s; of the last repeat");
    let row = |((bytes, place), sum): (&(usize, Place), &Sum)| {
        let numbers = [sum.time.0, sum.algbw.0, sum.busbw.0].map(Value::Number);
        let row = [Value::Integer(*bytes as i64), Value::Text(place.to_string())];
        Value::List(row.into_iter().chain(numbers).collect())
    };
    b.fact("sweep", Value::List(points.iter().zip(&last).map(row).collect()));
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::Sweep;

    #[test]
    fn the_average_counts_every_size_alike_and_the_peak_is_one_of_them() {
        let sweep = Sweep::of(&[1.0, 2.0, 300.0, 297.0]).unwrap();
        assert_eq!((sweep.busbw_peak.0, sweep.busbw_average.0), (300.0, 150.0));
        assert!(Sweep::of(&[]).is_err());
    }
}
