//! A loop that does nothing but read the clock: where it jumps, somebody else had the CPU.

use super::sys;
use std::time::{Duration, Instant};
use vbench::host::Host;
use vbench::prelude::*;

/// A step of the clock from here on is an interruption: 20 to 50 readings long. The kernel's own
/// tracer of this noise uses the same bound (Documentation/trace/osnoise-tracer.rst,
/// `tracing_threshold`).
const THRESHOLD: Duration = Duration::from_micros(1);
/// Upper bounds of the buckets that gaps are counted in, in seconds; the last has none.
pub const BUCKETS: [f64; 7] = [2e-6, 5e-6, 10e-6, 50e-6, 100e-6, 1e-3, 10e-3];
/// Most gaps that are kept one by one; further ones are counted.
const KEPT: usize = 1 << 20;

/// What one vCPU lost in a window.
#[derive(Clone, Debug, Default)]
pub struct Noise {
    /// Each gap in seconds.
    pub gaps: Vec<f64>,
    /// Gaps by bucket; one bucket more than bounds.
    pub counts: [u64; BUCKETS.len() + 1],
    /// Sum of all gaps, in seconds.
    pub lost: f64,
    /// Involuntary switches of the thread meanwhile.
    pub switches: Option<u64>,
    /// Time that the hypervisor gave to others, in seconds, by the guest's counter.
    pub steal: Option<f64>,
}

impl Noise {
    /// Counts a gap.
    fn add(&mut self, seconds: f64) {
        let bucket = BUCKETS.iter().filter(|bound| seconds >= **bound).count();
        self.counts[bucket] += 1;
        self.lost += seconds;
        if self.gaps.len() < KEPT {
            self.gaps.push(seconds);
        }
    }

    /// Interruptions in all.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Joins the gaps of another window.
    pub fn join(&mut self, other: &Self) {
        self.gaps.extend(&other.gaps);
        self.counts.iter_mut().zip(other.counts).for_each(|(count, more)| *count += more);
        self.lost += other.lost;
        self.switches = self.switches.zip(other.switches).map(|(a, b)| a + b);
        self.steal = self.steal.zip(other.steal).map(|(a, b)| a + b);
    }
}

/// Watches every vCPU of the team at once.
pub fn watch(team: &Team, window: Duration) -> Vec<Noise> {
    let host = Host::live();
    let before = steal(&host);
    let mut all = team.broadcast(|worker| {
        worker.barrier();
        spin(window)
    });
    let after = steal(&host);
    for (noise, cpu) in all.iter_mut().zip(team.cpus()) {
        let of = |table: &[(usize, f64)]| {
            table.iter().find(|(id, _)| Some(*id) == *cpu).map(|(_, seconds)| *seconds)
        };
        noise.steal = of(&before).zip(of(&after)).map(|(before, after)| (after - before).max(0.0));
    }
    all
}

fn spin(window: Duration) -> Noise {
    let mut noise = Noise::default();
    let switches = sys::switches();
    let start = Instant::now();
    let mut before = start;
    while before - start < window {
        let now = Instant::now();
        let gap = now - before;
        if gap >= THRESHOLD {
            noise.add(gap.as_secs_f64());
        }
        before = now;
    }
    noise.switches = switches.zip(sys::switches()).map(|([before, _], [after, _])| after - before);
    noise
}

/// Seconds stolen from each CPU since boot: the ninth column of its line in `/proc/stat`, in ticks
/// of a hundredth of a second (proc(5)).
fn steal(host: &Host) -> Vec<(usize, f64)> {
    const TICK: f64 = 0.01;
    let stat = host.read("/proc/stat").unwrap_or_default();
    let lines = stat.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        let cpu = fields.next()?.strip_prefix("cpu")?.parse().ok()?;
        Some((cpu, fields.nth(7)?.parse::<f64>().ok()? * TICK))
    });
    lines.collect()
}

/// `under 2 us: 812, under 5 us: 30, ..`, without empty buckets.
pub fn histogram(noise: &Noise) -> Vec<String> {
    let label = |bucket: usize| match BUCKETS.get(bucket) {
        Some(bound) => format!("under {} us", bound * 1e6),
        None => format!("{} us and more", BUCKETS[BUCKETS.len() - 1] * 1e6),
    };
    let counted = noise.counts.iter().enumerate().filter(|(_, count)| **count > 0);
    counted.map(|(bucket, count)| format!("{}: {count}", label(bucket))).collect()
}

#[cfg(test)]
mod tests {
    use super::{Noise, histogram, steal, watch};
    use std::time::Duration;
    use vbench::prelude::*;

    #[test]
    fn gaps_are_counted_by_length() {
        let mut noise = Noise { switches: Some(1), ..Noise::default() };
        for gap in [1.5e-6, 1.9e-6, 4e-6, 0.5e-3, 20e-3] {
            noise.add(gap);
        }
        let text = histogram(&noise);
        assert_eq!(
            text,
            ["under 2 us: 2", "under 5 us: 1", "under 1000 us: 1", "10000 us and more: 1"]
        );
        let other = noise.clone();
        noise.join(&other);
        assert_eq!((noise.count(), noise.gaps.len(), noise.switches), (10, 10, Some(2)));
        assert_eq!(noise.steal, None);
    }

    #[test]
    fn the_steal_of_each_cpu_is_read() {
        let all = steal(&vbench::host::Host::live());
        assert!(all.iter().all(|(_, seconds)| *seconds >= 0.0));
        let team = Team::floating(2).unwrap();
        assert_eq!(watch(&team, Duration::from_micros(20)).len(), 2);
    }
}
