//! What devices were seen to do during a sample, beside what was measured.

use vbench::gpu::Reading;
use vbench::prelude::*;
use vbench::results::Metric;

/// What was measured, and how the devices were while they worked.
pub struct Watched<M> {
    /// The benchmark's own metrics.
    pub measured: M,
    /// Evidence for or against them.
    pub state: State,
}

impl<M: Metrics> Metrics for Watched<M> {
    fn metrics() -> Vec<Metric> {
        [M::metrics(), State::metrics()].concat()
    }

    fn values(&self) -> Vec<Option<f64>> {
        [self.measured.values(), self.state.values()].concat()
    }
}

/// The devices during one sample, as their drivers tell it; of several, the one that is worst off.
/// Absent: nobody looked during the work, as in samples of microseconds, or it is not told.
#[derive(Metrics)]
pub struct State {
    /// Least clock of the processors.
    #[metric(info)]
    gpu_clock: Option<Hertz>,
    /// Most power drawn.
    #[metric(info)]
    gpu_power: Option<Watts>,
    /// Most heat.
    #[metric(info)]
    gpu_temperature: Option<Celsius>,
    /// 1 where the power limit held the clocks down, else 0: the mean is the share of samples.
    #[metric(info)]
    gpu_power_capped: Option<Ratio>,
}

impl State {
    /// Of the readings of each look, `during` the work alone, and `all` with those before and
    /// after it.
    pub fn of(during: &[Vec<Reading>], all: &[Vec<Reading>]) -> Self {
        let told = |of: fn(&Reading) -> Option<f64>| during.iter().flatten().filter_map(of);
        let most = |of: fn(&Reading) -> Option<f64>| told(of).reduce(f64::max);
        Self {
            gpu_clock: told(|reading| reading.clock_hz).reduce(f64::min).map(Hertz),
            gpu_power: most(|reading| reading.power_w).map(Watts),
            gpu_temperature: most(|reading| reading.celsius).map(Celsius),
            gpu_power_capped: is_capped(all).map(|capped| Ratio(f64::from(u8::from(capped)))),
        }
    }
}

/// Whether the power limit held the clocks of any device down at or between these looks; unknown
/// where no device tells.
pub fn is_capped(rows: &[Vec<Reading>]) -> Option<bool> {
    let tells = |reading: &Reading| reading.power_capped.is_some() || !reading.held.is_empty();
    rows.iter().flatten().any(tells).then(|| {
        let steps = rows.iter().zip(rows.iter().skip(1));
        steps.flat_map(|(from, to)| from.iter().zip(to)).any(|(from, to)| from.is_capped_until(to))
    })
}

macro_rules! plain {
    ($(#[$doc:meta])* $name:ident, $metric:literal, $unit:expr, $better:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name(pub f64);

        impl Quantity for $name {
            const NAME: &'static str = $metric;
            const UNIT: Unit = $unit;
            const BETTER: Better = Better::$better;
            fn value(self) -> f64 {
                self.0
            }
        }
    };
}

plain!(
    /// A clock, in Hz.
    Hertz, "clock", Unit::decimal("Hz"), Higher);
plain!(
    /// Power, in W.
    Watts, "power", Unit::plain("W"), Lower);
plain!(
    /// Temperature, in degrees Celsius.
    Celsius, "temperature", Unit::plain("degC"), Lower);

#[cfg(test)]
mod tests {
    use super::{State, Watched, is_capped};
    use vbench::gpu::Reading;
    use vbench::prelude::*;

    fn reading(clock: f64, power: f64, capped: Option<bool>) -> Reading {
        let (clock_hz, power_w) = (Some(clock), Some(power));
        Reading { clock_hz, power_w, power_capped: capped, ..Reading::default() }
    }

    #[test]
    fn the_worst_of_all_devices_during_the_work_stands_beside_what_was_measured() {
        let idle = vec![reading(3e8, 90.0, Some(false)); 2];
        let busy = vec![reading(1.9e9, 690.0, Some(false)), reading(1.7e9, 650.0, Some(true))];
        let rows = [idle.clone(), busy, idle];
        let state = State::of(&rows[1..2], &rows);
        let watched = Watched { measured: Seconds(0.5), state };
        let names = Watched::<Seconds>::metrics().into_iter().map(|metric| metric.name);
        let values: Vec<(String, Option<f64>)> = names.zip(watched.values()).collect();
        let told = [
            ("time", Some(0.5)),
            ("gpu_clock", Some(1.7e9)),
            ("gpu_power", Some(690.0)),
            ("gpu_temperature", None),
            ("gpu_power_capped", Some(1.0)),
        ];
        assert_eq!(values, told.map(|(name, value)| (name.to_owned(), value)));
    }

    #[test]
    fn what_no_device_tells_is_not_said() {
        assert_eq!(is_capped(&[vec![Reading::default()], vec![Reading::default()]]), None);
        let calm = vec![reading(1e9, 90.0, Some(false))];
        assert_eq!(is_capped(&[calm.clone(), calm.clone()]), Some(false));
        let state = State::of(&[], &[calm.clone(), calm]);
        assert!(state.values()[0].is_none(), "nobody looked during the work");
    }
}
