//! Copies between devices.

use super::choices::{Pair, Peers};
use super::copies::{Rate, per_sample};
use super::device::{Pairs, check, drawn, scaled};
use super::watch::Watch;
use super::watched::Watched;
use vbench::gpu::Dtype;
use vbench::prelude::*;

/// Copies of `size` over one pair of devices.
pub fn measure(
    b: &mut Bencher,
    gpus: &Pairs,
    pair: Pair,
    peers: Peers,
    size: Bytes,
) -> Result<Samples<Watched<Rate>>, Stop> {
    let missing = |index| Skip::because(format!("no GPU {index}: there are {}", gpus.all().len()));
    let gpu = |index: usize| gpus.all().get(index).ok_or_else(|| missing(index));
    let (from, to) = (gpu(pair.from)?, gpu(pair.to)?);
    let driver = from.driver();
    let reaches = driver.reaches(pair.from, pair.to)? && driver.reaches(pair.to, pair.from)?;
    if peers == Peers::Default {
        if !reaches {
            let text = format!("GPU {} does not reach GPU {} without the host", pair.from, pair.to);
            return Err(Skip::because(text).into());
        }
        driver.reach(pair.from, pair.to)?;
        driver.reach(pair.to, pair.from)?;
    }
    let bytes = scaled(b, size);
    let (source, target) = (from.memory(bytes)?, to.memory(bytes)?);
    from.batch(0, |queue| queue.draw(&source, Dtype::F32, 9))?;
    to.batch(0, |queue| queue.fill(&target, 0xff))?;
    let watch = Watch::over(b, from);
    let count = per_sample(b, bytes);
    let samples = watch.samples(b, |look| {
        let copies = || {
            from.batch(2, |queue| {
                queue.mark()?;
                (0..count).try_for_each(|_| queue.duplicate(&target, &source, bytes))?;
                queue.mark()
            })
        };
        let times = look.during(bytes * count, copies)?;
        Ok(Rate::of(bytes, count, times.total()?))
    })?;
    check(b, "the other device's memory", &target, 0.0, |at| drawn(9, at))?;
    b.fact("to_pci", to.identity().pci.as_str());
    b.fact("peers_reach", reaches);
    b.fact("path", if peers == Peers::Default { "between devices" } else { "through the host" });
    b.fact("bytes", bytes);
    Ok(samples)
}
