//! Evidence of what disturbed a repeat: steal, switches, migrations, faults.

use nix::sys::resource::{UsageWho, getrusage};
use vbench_results::{Counts, Evidence};

/// Steal above this share of one CPU's time marks a repeat. One percent is the noise margin that
/// comparisons use by default; a repeat that lost more to the hypervisor cannot support it.
const STEAL_SHARE: f64 = 0.01;
/// Kernel clock ticks per second in `/proc/stat` (USER_HZ), fixed at 100 on every supported system.
const TICKS_PER_SECOND: f64 = 100.0;
/// Involuntary switches per second above which a repeat is marked: a CPU-bound thread with a CPU
/// of its own is preempted by kernel threads a few times a second; 50 is a competitor.
const SWITCHES_PER_SECOND: f64 = 50.0;

/// Reads the counters before and after a repeat.
#[derive(Debug, Default)]
pub struct Meter {
    before: Counters,
    switches_itself: bool,
}

#[derive(Clone, Debug, Default)]
struct Counters {
    steal_ticks: Option<u64>,
    involuntary_switches: Option<u64>,
    migrations: Option<u64>,
    major_faults: Option<u64>,
    minor_faults: Option<u64>,
    numa_misses: Option<u64>,
}

impl Meter {
    /// A meter of this process on this machine.
    pub fn live() -> Self {
        Self::default()
    }

    /// Switches are what is measured: they are counted, and mark nothing.
    pub fn expect_switches(&mut self) {
        self.switches_itself = true;
    }

    /// Begins a repeat.
    pub fn start(&mut self) {
        self.before = Counters::now();
    }

    /// Ends a repeat that took `elapsed_s`.
    pub fn stop(&mut self, elapsed_s: f64) -> Evidence {
        let counts = counted(&self.before, &Counters::now());
        Evidence::new(counts, disturbance(&counts, elapsed_s, self.switches_itself))
    }
}

impl Counters {
    fn now() -> Self {
        let usage = getrusage(UsageWho::RUSAGE_SELF).ok();
        let counter = |value: i64| u64::try_from(value).ok();
        Self {
            steal_ticks: std::fs::read_to_string("/proc/stat").ok().and_then(|t| steal_ticks(&t)),
            involuntary_switches: usage.and_then(|u| counter(u.involuntary_context_switches())),
            migrations: migrations(),
            major_faults: usage.and_then(|u| counter(u.major_page_faults())),
            minor_faults: usage.and_then(|u| counter(u.minor_page_faults())),
            numa_misses: std::fs::read_to_string("/proc/vmstat").ok().and_then(|t| numa_misses(&t)),
        }
    }
}

/// The ninth column of the `cpu` line: ticks stolen by the hypervisor, all CPUs.
fn steal_ticks(stat: &str) -> Option<u64> {
    let all = stat.lines().find(|line| line.starts_with("cpu "))?;
    all.split_whitespace().nth(8)?.parse().ok()
}

fn numa_misses(vmstat: &str) -> Option<u64> {
    vmstat.lines().find_map(|line| line.strip_prefix("numa_miss "))?.parse().ok()
}

/// Migrations of all threads of this process. Unknown on kernels without scheduler statistics.
fn migrations() -> Option<u64> {
    let mut total = 0;
    for task in std::fs::read_dir("/proc/self/task").ok()? {
        let sched = std::fs::read_to_string(task.ok()?.path().join("sched")).ok()?;
        let line = sched.lines().find(|line| line.starts_with("se.nr_migrations"))?;
        total += line.rsplit(':').next()?.trim().parse::<u64>().ok()?;
    }
    Some(total)
}

fn counted(before: &Counters, after: &Counters) -> Counts {
    let delta = |a: Option<u64>, b: Option<u64>| Some(b?.saturating_sub(a?));
    Counts {
        steal_s: delta(before.steal_ticks, after.steal_ticks)
            .map(|ticks| ticks as f64 / TICKS_PER_SECOND),
        involuntary_switches: delta(before.involuntary_switches, after.involuntary_switches),
        migrations: delta(before.migrations, after.migrations),
        major_faults: delta(before.major_faults, after.major_faults),
        minor_faults: delta(before.minor_faults, after.minor_faults),
        numa_misses: delta(before.numa_misses, after.numa_misses),
    }
}

/// The first limit that the evidence passed. One tick of steal is the counter's grain and proves
/// nothing about a short repeat, so at least two are asked for.
fn disturbance(counts: &Counts, elapsed_s: f64, switches_itself: bool) -> Option<String> {
    let steal = counts.steal_s.unwrap_or(0.0);
    if steal * TICKS_PER_SECOND >= 2.0 && steal > STEAL_SHARE * elapsed_s {
        return Some(format!("steal {:.1}% of the repeat", 100.0 * steal / elapsed_s));
    }
    if let Some(faults @ 1..) = counts.major_faults {
        return Some(format!("{faults} page faults from disk"));
    }
    let switches = counts.involuntary_switches.unwrap_or(0);
    if !switches_itself && switches >= 2 && switches as f64 > SWITCHES_PER_SECOND * elapsed_s {
        return Some(format!("{switches} involuntary switches"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Counters, counted, disturbance, numa_misses, steal_ticks};
    use vbench_results::Counts;

    #[test]
    fn reads_the_kernels_tables() {
        assert_eq!(steal_ticks("cpu  1 2 3 4 5 6 7 89 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n"), Some(89));
        assert_eq!(steal_ticks("cpu  1 2 3 4\n"), None);
        assert_eq!(numa_misses("numa_hit 7\nnuma_miss 3\n"), Some(3));
    }

    #[test]
    fn unknown_stays_unknown_and_does_not_disturb() {
        let found = counted(&Counters::default(), &Counters::default());
        assert_eq!(found, Counts::default());
        assert_eq!(disturbance(&found, 1.0, false), None);
    }

    #[test]
    fn steal_switches_and_disk_faults_mark_a_repeat() {
        let zero = Counters {
            steal_ticks: Some(0),
            involuntary_switches: Some(0),
            major_faults: Some(0),
            ..Counters::default()
        };
        let disturbed = |after: Counters| disturbance(&counted(&zero, &after), 1.0, false);
        assert_eq!(disturbed(zero.clone()), None);
        assert_eq!(disturbed(Counters { steal_ticks: Some(1), ..zero.clone() }), None);
        let steal = disturbed(Counters { steal_ticks: Some(31), ..zero.clone() });
        assert_eq!(steal.as_deref(), Some("steal 31.0% of the repeat"));
        assert!(disturbed(Counters { major_faults: Some(1), ..zero.clone() }).is_some());
        let switched = Counters { involuntary_switches: Some(51), ..zero.clone() };
        assert!(disturbed(switched.clone()).is_some());
        assert_eq!(disturbance(&counted(&zero, &switched), 1.0, true), None);
    }
}
