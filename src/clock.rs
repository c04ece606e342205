//! Clocks: how a section is timed, and how finely.

use std::time::Instant;

/// Times sections. Implement it for a device's own clock (GPU events).
pub trait Clock {
    /// Begins a section.
    fn start(&mut self);
    /// Ends the section and gives its length in seconds.
    fn stop(&mut self) -> f64;
    /// The smallest length it can tell from zero, in seconds.
    fn resolution(&self) -> f64;
    /// What one start and stop cost, in seconds.
    fn cost(&self) -> f64;
}

/// The system's monotonic clock, with its resolution and cost as measured on this machine.
#[derive(Clone, Debug)]
pub struct Monotonic {
    started: Instant,
    resolution: f64,
    cost: f64,
}

/// Readings taken to measure the clock; enough to meet its smallest step many times.
const READINGS: usize = 2_000;

impl Monotonic {
    /// Measures the clock: its cost is the mean time between readings in a tight loop, its
    /// resolution the smallest step seen between two different readings.
    pub fn measured() -> Self {
        let readings: Vec<Instant> = (0..READINGS).map(|_| Instant::now()).collect();
        let steps = readings.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64());
        let resolution = steps.filter(|step| *step > 0.0).fold(f64::INFINITY, f64::min);
        let span = (readings[READINGS - 1] - readings[0]).as_secs_f64();
        let cost = span / (READINGS - 1) as f64;
        let resolution = if resolution.is_finite() { resolution } else { span.max(1e-9) };
        Self { started: readings[0], resolution, cost }
    }
}

impl Clock for Monotonic {
    #[inline]
    fn start(&mut self) {
        self.started = Instant::now();
    }

    #[inline]
    fn stop(&mut self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    fn resolution(&self) -> f64 {
        self.resolution
    }

    fn cost(&self) -> f64 {
        self.cost
    }
}
