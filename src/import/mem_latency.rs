//! A table of sizes and latencies of a pointer chase, one line per working set: `64 KB  2.1`,
//! `4096 1.3 ns`, `size_kb,latency_ns` and its like.
//!
//! The unit of a size stands in its line or in the header's column; without either it is bytes.
//! Latencies are nanoseconds unless the header or the line says `us`. A latency of zero is the
//! known fault of a timer that counts whole nanoseconds: a failed case, never a value.

use super::draft::{Measure, TIME, case};
use super::lines::{Lines, Printed, expected, printed};
use super::{Draft, Fault};
use vbench_results::Better::Lower;

/// Reads one run.
///
/// # Errors
/// A line that starts with a size and has no latency; a table of fewer than two lines, or with
/// sizes that do not rise.
pub fn read(text: &str, _name: &str) -> Result<Draft, Fault> {
    let lines = Lines::new(text);
    let mut draft = Draft::new("mem-latency", "pointer chase");
    draft.unknown("source.repeats", "one latency per size is printed");
    draft.unknown("source.complete", "the table has no last line: sizes may be missing");
    draft.unknown("source.order", "the source does not say how its chase is ordered");
    let mut header = Header::default();
    let mut last = 0.0_f64;
    for (line, text) in lines.numbered() {
        let cells: Vec<&str> = text
            .split(|c: char| c.is_whitespace() || matches!(c, ',' | ':' | '|' | '=' | ';'))
            .filter(|cell| !cell.is_empty())
            .collect();
        let Some(size) = cells.first().and_then(|cell| size_of(cell)) else {
            header.read(text);
            continue;
        };
        if !header.found {
            return Err(expected(line, "a line that names latency before the table", text));
        }
        let (bytes, latency) = header.row(line, text, size, &cells)?;
        if bytes <= last {
            return Err(expected(line, "sizes that rise from line to line", text));
        }
        last = bytes;
        let size = format!("{bytes:.0}");
        let unit = header.time.unwrap_or(1e-9);
        let measure = Measure::new("latency", TIME, Lower, latency, unit);
        draft.launch(case("mem-latency::chase", &[("size", &size)]), "latency", vec![measure]);
    }
    if draft.cases.len() < 2 {
        return Err(lines.cut("SIZE LATENCY, at least two lines"));
    }
    lines.ended()?;
    Ok(draft)
}

/// Units that a header names.
#[derive(Default)]
struct Header {
    /// A line has named latency.
    found: bool,
    /// Bytes of one unit of size.
    size: Option<f64>,
    /// Seconds of one unit of latency.
    time: Option<f64>,
}

impl Header {
    fn read(&mut self, text: &str) {
        let lower = text.to_ascii_lowercase();
        self.found |= lower.contains("latency");
        let mut words = lower.split(|c: char| !c.is_ascii_alphanumeric());
        if !lower.contains("size") && !lower.contains("latency") {
            return;
        }
        for word in words.by_ref() {
            self.size = self.size.or_else(|| bytes_of(word).filter(|_| !word.is_empty()));
            self.time = self.time.or(match word {
                "ns" => Some(1e-9),
                "us" => Some(1e-6),
                _ => None,
            });
        }
    }

    /// Bytes, and the latency as printed.
    fn row(
        &self,
        line: usize,
        text: &str,
        (size, unit): (f64, Option<f64>),
        cells: &[&str],
    ) -> Result<(f64, Printed), Fault> {
        let own = cells.get(1).copied().and_then(bytes_of).filter(|_| unit.is_none());
        let at = if own.is_some() { 2 } else { 1 };
        let factor = unit.or(own).or(self.size).unwrap_or(1.0);
        let cell = cells.get(at).copied().unwrap_or_default();
        let rest = cells.get(at + 1..).unwrap_or_default();
        let latency = printed(cell.strip_suffix("ns").unwrap_or(cell));
        let latency = latency.filter(|_| matches!(rest, [] | ["ns"]));
        let latency = latency.ok_or_else(|| expected(line, "a size and a latency", text))?;
        Ok((size * factor, latency))
    }
}

/// `4096`, `64KB`: the number, and the bytes of its unit where one is attached.
fn size_of(cell: &str) -> Option<(f64, Option<f64>)> {
    let split = cell.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(cell.len());
    let (number, unit) = cell.split_at(split);
    let value = printed(number)?.value;
    if unit.is_empty() {
        return (value > 0.0).then_some((value, None));
    }
    Some((value, Some(bytes_of(unit)?))).filter(|_| value > 0.0)
}

/// Bytes of a unit of size. Sizes of working sets are powers of two, whatever the prefix.
fn bytes_of(unit: &str) -> Option<f64> {
    match unit.to_ascii_lowercase().as_str() {
        "b" | "bytes" => Some(1.0),
        "k" | "kb" | "kib" => Some(1024.0),
        "m" | "mb" | "mib" => Some(1024.0 * 1024.0),
        "g" | "gb" | "gib" => Some(1024.0 * 1024.0 * 1024.0),
        _ => None,
    }
}
