//! Values of a policy file as people write them: percentages, limits with a unit, days, ages.

use crate::external::unit;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use toml::Value;

/// `"3%"`, as a share. A bare number is refused, because 3 and 0.03 are both meant by it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "Value")]
pub struct Percent(pub f64);

impl TryFrom<Value> for Percent {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let error =
            || format!("{value} is no margin: write a percentage in quotes, such as \"3%\"");
        let text = value.as_str().and_then(|text| text.trim().strip_suffix('%'));
        let number: f64 = text.and_then(|text| text.trim().parse().ok()).ok_or_else(error)?;
        let usable = number > 0.0 && number.is_finite();
        usable.then_some(Self(number / 100.0)).ok_or_else(error)
    }
}

/// A bound: a number with its unit, or a number in the metric's base unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct Limit {
    /// As it was written.
    pub text: String,
    /// In the base unit.
    pub value: f64,
    /// Symbol of the base unit; absent for a bare number.
    pub unit: Option<String>,
}

impl TryFrom<Value> for Limit {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let text = match &value {
            Value::String(text) => text.trim().to_owned(),
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            other => other.to_string(),
        };
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
        if let Some(value) = number(&text) {
            return Ok(Self { text, value, unit: None });
        }
        // The unit begins where no number can go on: "45 GB/s", "5%", "1e3ns".
        let ends = text.char_indices().map(|(at, _)| at).rev();
        let split = ends.map(|at| text.split_at(at)).find_map(|(n, unit)| Some((number(n)?, unit)));
        let (number, symbol) = split.ok_or_else(|| {
            format!("{value} is no bound: write a number and its unit, such as \"45 GB/s\"")
        })?;
        let (base, factor) = unit::base(symbol.trim());
        Ok(Self { value: number * factor, unit: Some(base.symbol.into_owned()), text })
    }
}

/// A day, `2026-12-31`. Days sort as their text does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct Day(String);

impl TryFrom<Value> for Day {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let error = || format!("{value} is no day: write one such as 2026-12-31");
        let read = match &value {
            Value::Datetime(day) => *day,
            Value::String(text) => text.trim().parse().map_err(|_| error())?,
            _ => return Err(error()),
        };
        match (read.date, read.time) {
            (Some(day), None) => Ok(Self(day.to_string())),
            _ => Err(error()),
        }
    }
}

impl Day {
    /// The day of `now` in UTC; before 1970 it is the first of that year.
    pub fn of(now: SystemTime) -> Self {
        let text = humantime::format_rfc3339_seconds(now.max(UNIX_EPOCH)).to_string();
        Self(text.split('T').next().unwrap_or_default().to_owned())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `"30d"`, `"12h"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct Age {
    /// As it was written.
    pub text: String,
    /// In seconds.
    pub seconds: u64,
}

impl TryFrom<Value> for Age {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let error = || format!("{value} is no age: write one such as \"30d\" or \"12h\"");
        let text = value.as_str().ok_or_else(error)?;
        let age = humantime::parse_duration(text).map_err(|_| error())?;
        Ok(Self { text: text.to_owned(), seconds: age.as_secs() })
    }
}

impl Age {
    /// True when `then`, an RFC 3339 time, lies longer before `now`.
    pub fn is_exceeded(&self, then: &str, now: SystemTime) -> bool {
        let then = humantime::parse_rfc3339_weak(then).ok();
        let age = then.and_then(|then| now.duration_since(then).ok());
        age.is_some_and(|age| age > Duration::from_secs(self.seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::{Age, Day, Limit, Percent};
    use proptest::prelude::*;
    use std::time::{Duration, UNIX_EPOCH};
    use toml::Value;

    fn limit(text: &str) -> Result<Limit, String> {
        Limit::try_from(Value::String(text.to_owned()))
    }

    #[test]
    fn bounds_become_base_units() {
        for (text, value, unit) in [
            ("45 GB/s", 45e9, Some("B/s")),
            ("90ns", 90.0 * 1e-9, Some("s")),
            ("1e3 ns", 1e3 * 1e-9, Some("s")),
            ("5%", 0.05, Some("1")),
            ("1.5 GiB/s", 1.5 * 1_073_741_824.0, Some("B/s")),
            ("12 token/s", 12.0, Some("token/s")),
            ("7", 7.0, None),
        ] {
            let read = limit(text).unwrap();
            assert_eq!((read.value, read.unit.as_deref()), (value, unit), "{text}");
        }
        assert_eq!(Limit::try_from(Value::Integer(7)).unwrap().value, 7.0);
        for bad in ["", "fast", "GB/s", "nan", "inf GB/s"] {
            assert!(limit(bad).unwrap_err().contains("45 GB/s"), "{bad}");
        }
    }

    #[test]
    fn a_margin_is_a_percentage_and_nothing_else() {
        assert_eq!(Percent::try_from(Value::String("2.5%".into())).unwrap().0, 0.025);
        let text = |text: &str| Value::String(text.into());
        for bad in [Value::Float(0.03), Value::Integer(3), text("3"), text("-1%"), text("nan%")] {
            assert!(Percent::try_from(bad.clone()).unwrap_err().contains("\"3%\""), "{bad}");
        }
    }

    #[test]
    fn days_are_days_and_sort() {
        let day = |text: &str| Day::try_from(Value::String(text.into()));
        assert!(day("2026-09-01").unwrap() < day("2026-10-01").unwrap());
        let today = Day::of(UNIX_EPOCH + Duration::from_secs(86_400));
        assert_eq!(today.to_string(), "1970-01-02");
        for bad in ["", "soon", "2026-13-01", "2026-01-01T00:00:00Z"] {
            assert!(day(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_age_is_exceeded_only_by_times_that_can_be_read() {
        let age = Age::try_from(Value::String("2d".into())).unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(10 * 86_400);
        assert!(age.is_exceeded("1970-01-08T00:00:00Z", now));
        assert!(!age.is_exceeded("1970-01-10T00:00:00Z", now));
        assert!(
            !age.is_exceeded("yesterday", now) && !age.is_exceeded("2100-01-01T00:00:00Z", now)
        );
        assert!(Age::try_from(Value::Integer(3)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,12}") {
            let value = Value::String(text);
            let _ = (Limit::try_from(value.clone()), Percent::try_from(value.clone()));
            let _ = (Day::try_from(value.clone()), Age::try_from(value));
        }
    }
}
