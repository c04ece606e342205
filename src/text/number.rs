//! Numbers as people read them: three or four significant digits, a prefix, a unit.

use std::time::Duration;
use vbench_results::{Scale, Unit};

const DECIMAL: [(f64, &str); 8] = [
    (1e-9, "n"),
    (1e-6, "u"),
    (1e-3, "m"),
    (1.0, ""),
    (1e3, "k"),
    (1e6, "M"),
    (1e9, "G"),
    (1e12, "T"),
];
const BINARY: [(f64, &str); 5] = [
    (1.0, ""),
    (1024.0, "Ki"),
    (1_048_576.0, "Mi"),
    (1_073_741_824.0, "Gi"),
    (1_099_511_627_776.0, "Ti"),
];

/// `value` in `unit` with the prefix that suits it: `43.2 GB/s`, `1.68 ns`, `2,713 event/s`.
pub fn with_unit(value: f64, unit: &Unit) -> String {
    let (number, symbol) = scaled(value, unit);
    if symbol.is_empty() { number } else { format!("{number} {symbol}") }
}

/// The number and the prefixed unit apart.
pub fn scaled(value: f64, unit: &Unit) -> (String, String) {
    let (factor, symbol) = prefixed(value, unit);
    (digits(value / factor), symbol)
}

/// The prefixed unit that suits `value`, and its size in base units: for numbers that stand side
/// by side.
pub fn prefixed(value: f64, unit: &Unit) -> (f64, String) {
    // Counts per second read better whole: 2,713 event/s, not 2.71 kevent/s.
    let counts = unit.scale == Scale::Decimal && unit.symbol.ends_with("/s");
    let counts = counts && unit.symbol != "B/s" && unit.symbol != "FLOP/s";
    let plain = unit.scale == Scale::Plain || (counts && value.abs() < 1e6);
    let prefixes: &[(f64, &str)] = match unit.scale {
        Scale::Binary => &BINARY,
        _ if plain => &[(1.0, "")],
        _ => &DECIMAL,
    };
    let (factor, prefix) = prefix_of(value, prefixes);
    let symbol = if unit.symbol == "1" { "" } else { &unit.symbol };
    (factor, format!("{prefix}{symbol}"))
}

fn prefix_of(value: f64, prefixes: &[(f64, &'static str)]) -> (f64, &'static str) {
    let fits = |(factor, _): &&(f64, &str)| value.abs() >= *factor * 0.9995;
    let found = prefixes.iter().rev().find(fits).or(prefixes.first());
    if value == 0.0 { (1.0, "") } else { found.copied().unwrap_or((1.0, "")) }
}

/// Three significant digits below 1000, whole with separators above.
pub fn digits(value: f64) -> String {
    let size = value.abs();
    if size >= 999.5 {
        grouped(value)
    } else if size >= 99.95 {
        format!("{value:.0}")
    } else if size >= 9.995 {
        format!("{value:.1}")
    } else if size >= 0.9995 || size == 0.0 {
        format!("{value:.2}")
    } else if size >= 0.09995 {
        format!("{value:.3}")
    } else if size >= 0.009995 {
        format!("{value:.4}")
    } else {
        format!("{value:.2e}")
    }
}

fn grouped(value: f64) -> String {
    let plain = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in plain.chars().enumerate() {
        if index > 0 && (plain.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

/// `3%`, `2.5%`: a share.
pub fn percent(share: f64) -> String {
    let text = format!("{:.3}", 100.0 * share);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// `1 case`, `2 cases`: a count with its noun.
pub fn counted(count: usize, noun: &str) -> String {
    let plural = match (count, noun.ends_with("ch")) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{count} {noun}{plural}")
}

/// `850 ms`, `41 s`, `2 min 05 s`, `1 h 45 min`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 1.0 {
        return format!("{:.0} ms", seconds * 1e3);
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::{counted, digits, duration, with_unit};
    use crate::quantity::{BytesPerSec, EventsPerSec, Quantity, Ratio, Seconds};
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn values_carry_the_prefix_that_suits_them() {
        assert_eq!(with_unit(43.2e9, &BytesPerSec::UNIT), "43.2 GB/s");
        assert_eq!(with_unit(1.684e-9, &Seconds::UNIT), "1.68 ns");
        assert_eq!(with_unit(4.2e-10, &Seconds::UNIT), "0.420 ns");
        assert_eq!(with_unit(2652.6, &EventsPerSec::UNIT), "2,653 event/s");
        assert_eq!(with_unit(232_610.0, &EventsPerSec::UNIT), "232,610 event/s");
        assert_eq!(with_unit(0.013, &Ratio::UNIT), "0.0130");
        assert_eq!(with_unit(0.99962, &Ratio::UNIT), "1.00");
        assert_eq!(with_unit(0.00123, &Ratio::UNIT), "1.23e-3");
        assert_eq!(with_unit(999.9e6, &BytesPerSec::UNIT), "1.00 GB/s");
        assert_eq!(with_unit(0.0, &Seconds::UNIT), "0.00 s");
    }

    #[test]
    fn counts_agree_with_their_nouns() {
        assert_eq!(counted(1, "case"), "1 case");
        assert_eq!(counted(0, "launch"), "0 launches");
    }

    #[test]
    fn durations_read_aloud() {
        let read = |seconds: f64| duration(Duration::from_secs_f64(seconds));
        assert_eq!(read(0.85), "850 ms");
        assert_eq!(read(59.6), "1 min 00 s");
        assert_eq!(read(125.0), "2 min 05 s");
        assert_eq!(read(6300.0), "1 h 45 min");
    }

    proptest! {
        #[test]
        fn digits_keep_the_value(value in -1e12..1e12_f64) {
            let read: f64 = digits(value).replace(',', "").parse().unwrap();
            prop_assert!((read - value).abs() <= 0.006 * value.abs().max(1e-300));
        }

        #[test]
        fn digits_are_three_also_of_shares(power in -9.0..3.0_f64) {
            let value = 10_f64.powf(power);
            let text = digits(value);
            let figures = text.split('e').next().unwrap().replace('.', "");
            prop_assert_eq!(figures.trim_start_matches('0').len(), 3, "{}", text);
        }
    }
}
