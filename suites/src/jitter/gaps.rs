//! A loop that does nothing but read the clock: where it jumps, somebody else had the CPU.

use super::sys;
use super::turns::quantile;
use std::time::{Duration, Instant};
use vbench::host::Host;
use vbench::prelude::*;
use vbench::results::Value;

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
    /// How long the loop ran, in seconds: longer than its window when the last gap outlasts it.
    pub elapsed: f64,
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

    /// Share of its time that was lost; nothing of no time.
    pub fn share(&self) -> f64 {
        if self.elapsed > 0.0 { self.lost / self.elapsed } else { 0.0 }
    }

    /// Interruptions in all.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// One row of numbers about a vCPU, under [`columns`]; what is not known says so.
    pub fn row(&self, cpu: usize) -> Vec<Value> {
        let unknown = || Value::from("unknown");
        let mut gaps = self.gaps.clone();
        gaps.sort_unstable_by(f64::total_cmp);
        let at = |q| if gaps.is_empty() { 0.0 } else { quantile(&gaps, q) };
        let mut row = vec![cpu.into(), self.share().into(), self.count().into()];
        row.extend([at(0.99).into(), at(1.0).into()]);
        row.push(self.steal.map_or_else(unknown, Value::from));
        row.push(self.switches.map_or_else(unknown, Value::from));
        row.extend(self.counts.map(Value::from));
        row
    }

    /// Joins the gaps of another window.
    pub fn join(&mut self, other: &Self) {
        self.gaps.extend(&other.gaps);
        self.counts.iter_mut().zip(other.counts).for_each(|(count, more)| *count += more);
        self.lost += other.lost;
        self.elapsed += other.elapsed;
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
    noise.elapsed = (before - start).as_secs_f64();
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

/// What the numbers of [`Noise::row`] are, with units.
pub fn columns() -> Vec<String> {
    let told = ["cpu", "lost_share", "gaps", "p99_s", "max_s", "steal_s", "switches"];
    let under = BUCKETS.iter().map(|bound| format!("gaps_under_{}us", bound * 1e6));
    told.map(String::from).into_iter().chain(under).chain(["gaps_longer".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::{Noise, columns, steal, watch};
    use std::time::Duration;
    use vbench::prelude::*;

    #[test]
    fn gaps_are_counted_by_length() {
        let mut noise = Noise { switches: Some(1), ..Noise::default() };
        for gap in [1.5e-6, 1.9e-6, 4e-6, 0.5e-3, 20e-3] {
            noise.add(gap);
        }
        assert_eq!(noise.counts, [2, 1, 0, 0, 0, 1, 0, 1]);
        let told: Vec<(String, String)> =
            columns().into_iter().zip(noise.row(3).iter().map(ToString::to_string)).collect();
        assert_eq!(noise.row(3).len(), columns().len());
        for (column, value) in
            [("cpu", "3"), ("gaps", "5"), ("steal_s", "unknown"), ("gaps_under_1000us", "1")]
        {
            assert!(told.contains(&(column.to_owned(), value.to_owned())), "{told:?}");
        }
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
        // However long a loop is interrupted, it loses no more than all of its time.
        let seen = watch(&team, Duration::from_micros(20));
        assert!(seen.len() == 2 && seen.iter().all(|noise| noise.share() <= 1.0), "{seen:?}");
    }
}
