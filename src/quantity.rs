//! Typed values: every metric value carries its unit and direction in its type.

use std::fmt;
use std::str::FromStr;
use vbench_results::{Better, Metric, Role, Unit};

/// A value in a base unit. Implement it for a unit of your own:
///
/// ```
/// use vbench::prelude::*;
///
/// #[derive(Clone, Copy)]
/// struct FramesPerSec(f64);
///
/// impl Quantity for FramesPerSec {
///     const NAME: &'static str = "frame_rate";
///     const UNIT: Unit = Unit::decimal("frame/s");
///     const BETTER: Better = Better::Higher;
///     fn value(self) -> f64 {
///         self.0
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no unit",
    label = "not a metric value",
    note = "use a unit type such as `Seconds` or `BytesPerSec`, or implement `vbench::Quantity` for your own"
)]
pub trait Quantity: Copy {
    /// Metric name when the benchmark gives none.
    const NAME: &'static str;
    /// Unit of [`Quantity::value`].
    const UNIT: Unit;
    /// Which way is better.
    const BETTER: Better;

    /// The number, in the base unit.
    fn value(self) -> f64;
}

/// A group of metrics that one sample carries. Derive it for a struct of [`Quantity`] fields.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a set of metrics",
    label = "a metric needs a unit",
    note = "return `Samples<Seconds>` or another unit type, or put `#[derive(Metrics)]` on a struct of them"
)]
pub trait Metrics {
    /// What each value means.
    fn metrics() -> Vec<Metric>;

    /// The values in the order of [`Metrics::metrics`]; `None` where this sample has none.
    fn values(&self) -> Vec<Option<f64>>;
}

#[diagnostic::do_not_recommend]
impl<Q: Quantity> Metrics for Q {
    fn metrics() -> Vec<Metric> {
        vec![metric::<Q>(Q::NAME, Role::Gated)]
    }

    fn values(&self) -> Vec<Option<f64>> {
        vec![Some(self.value())]
    }
}

/// The metric `name` measured in `Q`.
pub fn metric<Q: Quantity>(name: &str, role: Role) -> Metric {
    Metric {
        name: name.to_owned(),
        unit: Q::UNIT,
        better: Q::BETTER,
        role,
        resolution: None,
        exact: false,
    }
}

/// A field of a `#[derive(Metrics)]` struct: a quantity, or `Option` of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no unit",
    label = "not a metric value",
    note = "use a unit type such as `Seconds` or `BytesPerSec`, an `Option` of one, or implement `vbench::Quantity` for your own"
)]
pub trait MetricField {
    /// Its unit type.
    type Quantity: Quantity;
    /// The number, where there is one.
    fn number(&self) -> Option<f64>;
    /// The metric that the field holds.
    fn metric(name: &str, role: Role) -> Metric {
        metric::<Self::Quantity>(name, role)
    }
}

#[diagnostic::do_not_recommend]
impl<Q: Quantity> MetricField for Q {
    type Quantity = Q;
    fn number(&self) -> Option<f64> {
        Some(self.value())
    }
}

#[diagnostic::do_not_recommend]
impl<Q: Quantity> MetricField for Option<Q> {
    type Quantity = Q;
    fn number(&self) -> Option<f64> {
        self.map(Quantity::value)
    }
}

/// Work done by a timed body, so that time becomes a rate.
pub trait Work: Copy {
    /// Work per second.
    type Rate: Quantity;
    /// The rate of doing this work in `seconds`.
    fn per(self, seconds: f64) -> Self::Rate;
    /// The same work `times` over.
    fn times(self, times: u64) -> Self;
}

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $metric:literal, $unit:expr, $better:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
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

quantity!(
    /// Time, in seconds. Lower is better.
    Seconds, "time", Unit::decimal("s"), Lower);
quantity!(
    /// Bandwidth, in bytes per second. Higher is better.
    BytesPerSec, "bandwidth", Unit::decimal("B/s"), Higher);
quantity!(
    /// Events per second. Higher is better.
    EventsPerSec, "rate", Unit::decimal("event/s"), Higher);
quantity!(
    /// Floating-point operations per second. Higher is better.
    FlopsPerSec, "flops", Unit::decimal("FLOP/s"), Higher);
quantity!(
    /// A count that should be low, such as faults. Lower is better.
    Count, "count", Unit::plain("1"), Lower);
quantity!(
    /// A dimensionless share or ratio of which less is better, such as a coefficient of variation.
    Ratio, "ratio", Unit::plain("1"), Lower);

macro_rules! work {
    ($(#[$doc:meta])* $name:ident => $rate:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl Work for $name {
            type Rate = $rate;
            fn per(self, seconds: f64) -> $rate {
                $rate(self.0 as f64 / seconds)
            }
            fn times(self, times: u64) -> Self {
                Self(self.0.saturating_mul(times))
            }
        }
    };
}

work!(
    /// A number of bytes: work, and a size as an axis value (`4KiB`, `64K`, `4096`).
    Bytes => BytesPerSec);
work!(
    /// A number of events.
    Events => EventsPerSec);
work!(
    /// A number of floating-point operations.
    Flops => FlopsPerSec);

const BINARY_PREFIXES: [(char, u32); 5] = [('T', 40), ('G', 30), ('M', 20), ('K', 10), ('k', 10)];

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (prefix, shift) in BINARY_PREFIXES {
            if self.0 >= 1 << shift && self.0.trailing_zeros() >= shift {
                return write!(f, "{}{prefix}iB", self.0 >> shift);
            }
        }
        write!(f, "{}B", self.0)
    }
}

/// A text that is not a size.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a size (examples: 4096, 64K, 4KiB, 1G; K = 1024)")]
pub struct BytesError(String);

impl FromStr for Bytes {
    type Err = BytesError;

    fn from_str(text: &str) -> Result<Self, BytesError> {
        let error = || BytesError(text.to_owned());
        let number = text.strip_suffix('B').unwrap_or(text);
        let number = number.strip_suffix('i').unwrap_or(number);
        let prefix = BINARY_PREFIXES.iter().find(|(prefix, _)| number.ends_with(*prefix));
        let (digits, shift) = match prefix {
            Some((prefix, shift)) => (number.trim_end_matches(*prefix), *shift),
            None => (number, 0),
        };
        let count: u64 = digits.parse().map_err(|_| error())?;
        count.checked_mul(1 << shift).map(Self).ok_or_else(error)
    }
}

impl From<u64> for Bytes {
    fn from(bytes: u64) -> Self {
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::{Bytes, Work};
    use proptest::prelude::*;

    #[test]
    fn sizes_read_and_print_as_people_write_them() {
        for (text, bytes) in
            [("4K", 4096), ("4KiB", 4096), ("4096", 4096), ("3B", 3), ("1G", 1 << 30)]
        {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
        }
        assert_eq!(Bytes(4096).to_string(), "4KiB");
        assert_eq!(Bytes(4097).to_string(), "4097B");
        assert_eq!(Bytes(0).to_string(), "0B");
        for bad in ["", "K", "-1", "1.5K", "99999999999T", "4X"] {
            assert!(bad.parse::<Bytes>().is_err(), "{bad}");
        }
    }

    #[test]
    fn work_over_time_is_a_rate() {
        assert_eq!(Bytes(100).times(3).per(2.0).0, 150.0);
    }

    proptest! {
        #[test]
        fn sizes_round_trip(bytes: u64) {
            prop_assert_eq!(Bytes(bytes).to_string().parse(), Ok(Bytes(bytes)));
        }
    }
}
