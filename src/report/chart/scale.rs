//! From numbers to places, and the numbers that are written beside an axis.

/// How numbers become places. Equal ends are widened, so that every number has a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
    log: bool,
}

impl Scale {
    /// Equal distances for equal differences.
    pub fn linear(low: f64, high: f64) -> Self {
        let (low, high) =
            if low.is_finite() && high.is_finite() { (low, high) } else { (0.0, 1.0) };
        let room = if low == 0.0 { 1.0 } else { low.abs() / 2.0 };
        if low < high {
            Self { low, high, log: false }
        } else {
            Self { low: low - room, high: low + room, log: false }
        }
    }

    /// Equal distances for equal ratios. Ends that are not positive give a scale from 1 to 10.
    pub fn log(low: f64, high: f64) -> Self {
        let sound = low > 0.0 && high.is_finite() && low <= high;
        let (low, high) = if sound { (low, high) } else { (1.0, 10.0) };
        if low < high {
            Self { low, high, log: true }
        } else {
            Self { low: low / 2.0, high: low * 2.0, log: true }
        }
    }

    /// The scale over all of `numbers`, with `room` as a share of it at both ends.
    pub fn over(numbers: impl Iterator<Item = f64>, log: bool, room: f64) -> Self {
        let usable = numbers.filter(|number| number.is_finite() && (!log || *number > 0.0));
        let (low, high) = usable.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), number| {
            (low.min(number), high.max(number))
        });
        if !log {
            let more = (high - low) * room;
            return Self::linear(low - more, high + more);
        }
        let more = ((high / low).ln() * room).exp();
        Self::log(low / more, high * more)
    }

    /// The place of `number`: 0 at the low end, 1 at the high end, and nothing for a number that has
    /// no place.
    pub fn place(&self, number: f64) -> Option<f64> {
        let share = if self.log {
            if number <= 0.0 {
                return None;
            }
            (number / self.low).ln() / (self.high / self.low).ln()
        } else {
            (number - self.low) / (self.high - self.low)
        };
        share.is_finite().then_some(share)
    }

    /// Both ends.
    pub fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// About `wanted` round numbers within the ends: 1, 2 and 5 times powers of ten.
    pub fn ticks(&self, wanted: usize) -> Vec<f64> {
        if self.log { self.log_ticks(wanted) } else { self.linear_ticks(wanted) }
    }

    fn linear_ticks(&self, wanted: usize) -> Vec<f64> {
        let rough = (self.high - self.low) / wanted.max(1) as f64;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| step * power >= rough * 0.999);
        let step = step.unwrap_or(10.0) * power;
        let first = (self.low / step - 1e-9).ceil();
        let inside = |tick: &f64| *tick <= self.high + step * 1e-9;
        // Rounding: 3 * 0.1 must read 0.3.
        let tick = |index: usize| {
            let tick = (first + index as f64) * step;
            (tick / power * 10.0).round() / 10.0 * power
        };
        (0..64).map(tick).take_while(inside).collect()
    }

    fn log_ticks(&self, wanted: usize) -> Vec<f64> {
        // Within a factor of five, equal steps are easier to read.
        if self.high / self.low < 5.0 {
            return self.linear_ticks(wanted);
        }
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let of = |steps: &[f64]| -> Vec<f64> {
            let decades = (first..=last).flat_map(|power| {
                steps.iter().map(move |step| step * 10_f64.powi(power)).collect::<Vec<f64>>()
            });
            decades.filter(|tick| (self.low * 0.999..=self.high * 1.001).contains(tick)).collect()
        };
        let all = [&[1.0, 2.0, 3.0, 5.0, 7.0][..], &[1.0, 2.0, 5.0], &[1.0]].map(of);
        let fitting = all.iter().find(|ticks| ticks.len() <= wanted.max(2) && ticks.len() >= 2);
        if let Some(ticks) = fitting {
            return ticks.clone();
        }
        let every = all[2].len().div_ceil(wanted.max(2)).max(1);
        all[2].iter().copied().step_by(every).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Scale;
    use proptest::prelude::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(Scale::linear(0.0, 0.57).ticks(6), [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]);
        assert_eq!(Scale::linear(0.0, 561.0).ticks(5), [0.0, 200.0, 400.0]);
        assert_eq!(Scale::log(1.4, 170.0).ticks(8), [2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
        assert_eq!(Scale::log(1e-9, 1e12).ticks(4).len(), 4);
    }

    #[test]
    fn every_scale_has_two_ends() {
        for scale in [
            Scale::linear(5.0, 5.0),
            Scale::linear(0.0, 0.0),
            Scale::linear(f64::NAN, 1.0),
            Scale::log(0.0, 1.0),
            Scale::log(3.0, 3.0),
            Scale::over([].into_iter(), true, 0.1),
            Scale::over([f64::INFINITY, -1.0].into_iter(), true, 0.1),
        ] {
            let (low, high) = scale.ends();
            assert!(low < high, "{scale:?}");
        }
    }

    proptest! {
        #[test]
        fn numbers_keep_their_order(a in 1e-9..1e12_f64, b in 1e-9..1e12_f64, log in any::<bool>()) {
            let scale = Scale::over([a, b].into_iter(), log, 0.05);
            let (x, y) = (scale.place(a).unwrap(), scale.place(b).unwrap());
            prop_assert!((-1e-9..=1.0 + 1e-9).contains(&x));
            prop_assert!(a.total_cmp(&b) == x.total_cmp(&y) || (x - y).abs() < 1e-9);
        }

        #[test]
        fn ticks_stay_inside_and_few(low in 1e-9..1e12_f64, factor in 1.0..1e9_f64, log in any::<bool>(), wanted in 2_usize..12) {
            let scale = if log { Scale::log(low, low * factor) } else { Scale::linear(low, low * factor) };
            let ticks = scale.ticks(wanted);
            let (low, high) = scale.ends();
            let room = (high - low) * 0.01;
            prop_assert!(ticks.iter().all(|tick| (low - room..=high + room).contains(tick)), "{ticks:?}");
            prop_assert!(ticks.len() <= 2 * wanted + 2, "{ticks:?}");
        }
    }
}
