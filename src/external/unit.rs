//! Units as programs print them, and the base units they are stored in.

use vbench_results::Unit;

/// The base unit of `text` and how many of it one of `text` is: `us` is 1e-6 s, `GiB/s` is
/// 1073741824 B/s. A unit that is not known is stored as it is.
pub fn base(text: &str) -> (Unit, f64) {
    let (amount, per) = match text.split_once('/') {
        Some((amount, per)) => (amount, format!("/{per}")),
        None => (text, String::new()),
    };
    // Longer names first: `ms` is no `s` with a prefix `m`, but it reads the same; `min` is not.
    for symbol in ["FLOP", "event", "B", "s"] {
        let Some(prefix) = amount.strip_suffix(symbol) else { continue };
        let Some(factor) = prefix_factor(prefix) else { continue };
        let known = match (symbol, per.as_str()) {
            ("s", "") => Unit::decimal("s"),
            ("B", "/s") => Unit::decimal("B/s"),
            ("B", "") => Unit::binary("B"),
            ("FLOP", "/s") => Unit::decimal("FLOP/s"),
            ("event", "/s") => Unit::decimal("event/s"),
            _ => continue,
        };
        return (known, factor);
    }
    if text == "%" {
        return (Unit::plain("1"), 0.01);
    }
    (Unit { symbol: text.to_owned().into(), scale: vbench_results::Scale::Plain }, 1.0)
}

fn prefix_factor(prefix: &str) -> Option<f64> {
    Some(match prefix {
        "" => 1.0,
        "n" => 1e-9,
        "u" | "µ" => 1e-6,
        "m" => 1e-3,
        "k" | "K" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::base;

    #[test]
    fn printed_units_become_base_units() {
        for (text, symbol, factor) in [
            ("us", "s", 1e-6),
            ("ms", "s", 1e-3),
            ("s", "s", 1.0),
            ("GB/s", "B/s", 1e9),
            ("GiB/s", "B/s", 1_073_741_824.0),
            ("MiB", "B", 1_048_576.0),
            ("TFLOP/s", "FLOP/s", 1e12),
            ("event/s", "event/s", 1.0),
            ("%", "1", 0.01),
            ("token/s", "token/s", 1.0),
            ("min", "min", 1.0),
        ] {
            let (unit, found) = base(text);
            assert_eq!((&*unit.symbol, found), (symbol, factor), "{text}");
        }
    }
}
