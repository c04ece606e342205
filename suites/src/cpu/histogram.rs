//! Durations in bounded memory: a log-linear histogram, exact at the top, within 0.2% elsewhere.

use std::time::Duration;

/// Each power of two is cut into this many equal steps, so a step is at most 1/256 of its value
/// and its middle at most 0.2% from any value in it.
const STEPS: u64 = 256;
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// Longer durations count in the last step: 2^40 ns are 18 minutes.
const TOP_BIT: u32 = 40;
const SIZE: usize = (TOP_BIT - STEP_BITS + 1) as usize * STEPS as usize;

/// Counts of durations, in nanoseconds. 33 KiB whatever it counts.
pub struct Histogram {
    counts: Vec<u32>,
    total: u64,
    longest: u64,
}

impl Histogram {
    /// Without any duration.
    pub fn new() -> Self {
        Self { counts: vec![0; SIZE], total: 0, longest: 0 }
    }

    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let count = &mut self.counts[step_of(nanos)];
        *count = count.saturating_add(1);
        self.total += 1;
        self.longest = self.longest.max(nanos);
    }

    /// Counts what `other` counted too.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count = count.saturating_add(*more);
        }
        self.total += other.total;
        self.longest = self.longest.max(other.longest);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The duration in seconds that `share` of all do not exceed: the nearest rank. Nothing when
    /// nothing was counted.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let rank = ((share * self.total as f64).ceil() as u64).clamp(1, self.total.max(1));
        let mut seen = 0;
        let step = self.counts.iter().position(|count| {
            seen += u64::from(*count);
            seen >= rank
        })?;
        Some(middle_of(step).min(self.longest as f64) * 1e-9)
    }

    /// The longest duration in seconds, exactly.
    pub fn longest(&self) -> Option<f64> {
        (self.total > 0).then_some(self.longest as f64 * 1e-9)
    }
}

/// Below 512 ns every nanosecond has a step of its own; above, the nine leading bits choose it.
fn step_of(nanos: u64) -> usize {
    let nanos = nanos.min((1 << TOP_BIT) - 1);
    let shift = (nanos | STEPS).ilog2() - STEP_BITS;
    (u64::from(shift) * STEPS + (nanos >> shift)) as usize
}

fn middle_of(step: usize) -> f64 {
    let step = step as u64;
    let shift = (step / STEPS).saturating_sub(1);
    let lowest = (step - shift * STEPS) << shift;
    lowest as f64 + ((1_u64 << shift) - 1) as f64 / 2.0
}

#[cfg(test)]
mod tests {
    use super::Histogram;
    use std::time::Duration;

    fn of(nanos: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::new();
        nanos.into_iter().for_each(|nanos| histogram.record(Duration::from_nanos(nanos)));
        histogram
    }

    #[test]
    fn quantiles_are_within_a_fifth_of_a_percent() {
        let histogram = of((0..1_000).map(|i| 300_000 + 137 * i));
        for (share, rank) in [(0.5, 500), (0.95, 950), (0.99, 990), (1.0, 1_000)] {
            let exact = (300_000 + 137 * (rank - 1)) as f64 * 1e-9;
            let found = histogram.quantile(share).unwrap();
            assert!((found / exact - 1.0).abs() < 0.002, "{share}: {found} {exact}");
        }
        assert_eq!(histogram.longest(), Some(436_863e-9));
    }

    #[test]
    fn every_size_of_duration_is_told_apart_and_none_panics() {
        for bit in 0..40 {
            let nanos = 1_u64 << bit;
            let found = of([nanos]).quantile(0.5).unwrap();
            assert!((found / (nanos as f64 * 1e-9) - 1.0).abs() < 0.002, "2^{bit}: {found}");
        }
        let forever = of([u64::MAX]);
        assert!(forever.quantile(0.5).unwrap() > 1_000.0);
        assert!(of([0]).quantile(0.5) == Some(0.0));
    }

    #[test]
    fn nothing_has_no_quantile_and_counts_add_up() {
        assert_eq!(Histogram::new().quantile(0.5), None);
        assert_eq!(Histogram::new().longest(), None);
        let mut all = of([10, 20]);
        all.add(&of([30]));
        assert_eq!(all.count(), 3);
        assert!((all.quantile(1.0).unwrap() - 30e-9).abs() < 1e-15);
    }
}
