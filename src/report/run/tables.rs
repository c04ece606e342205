//! What a launch stored of each vCPU and of each block of memory, shown to whoever asks for the
//! benchmark by its name: a row per vCPU, a digit per block.

use super::Detail;
use crate::measured::{self, BLOCK_BANDWIDTHS, BLOCKS, rows};
use crate::quantity::{Bytes, BytesPerSec, Quantity, Seconds};
use crate::report::number::{counted, digits, with_unit};
use crate::report::table::{Column, Table, inert};
use crate::terminal::{SHADES, Tone};
use crate::text::wrap;
use std::collections::BTreeMap;
use std::fmt::Write;
use vbench_results::{CaseResult, Launch, Outcome, ResultSet, Unit, Value};

/// Facts of `jitter::noise`: a row for each vCPU, and what its numbers are.
const VCPUS: &str = "vcpus";
const VCPU_COLUMNS: &str = "vcpu_columns";
/// Facts of `placement::region_map`: the vCPUs that measured, and the size of a block.
const CPUS: &str = "cpus";
const BLOCK_BYTES: &str = "block_bytes";
/// Rows that are shown of a table; of more, those that lost most.
const ROWS: usize = 32;
/// The last digit stands for at least this many times the first: less is no other distance, and
/// noise would look like one (`measured` tells regions apart from this factor on).
const LEAST_SPAN: f64 = 1.15;

/// Tables and pictures of every case that stored some, each of its first launch with values.
pub fn render(results: &ResultSet, detail: Detail, width: usize) -> String {
    let mut text = String::new();
    for case in &results.cases {
        let measured = |launch: &&Launch| launch.outcome == Outcome::Measured;
        let Some(launch) = case.launches.iter().find(measured) else { continue };
        let shown = Shown { case, launch, detail, width };
        text.push_str(&shown.vcpus().unwrap_or_default());
        text.push_str(&shown.blocks().unwrap_or_default());
    }
    text
}

/// A launch on a screen.
struct Shown<'r> {
    case: &'r CaseResult,
    launch: &'r Launch,
    detail: Detail,
    width: usize,
}

impl Shown<'_> {
    fn heading(&self, what: &str) -> String {
        let of = self.case.launches.len();
        let launch = format!("launch {} of {of}", self.launch.launch);
        let text = inert(&format!("{}  {what}, {launch}", self.case.case));
        format!("{}\n", self.detail.style.paint(Tone::Title, &text))
    }

    /// A table with a row for each vCPU.
    fn vcpus(&self) -> Option<String> {
        let names: Vec<String> =
            list(self.launch.facts.get(VCPU_COLUMNS)?)?.iter().map(Value::to_string).collect();
        let mut rows: Vec<&Vec<Value>> =
            list(self.launch.facts.get(VCPUS)?)?.iter().filter_map(list).collect();
        if names.is_empty() || rows.is_empty() {
            return None;
        }
        let all = rows.len();
        if all > ROWS {
            rows.sort_by(|a, b| number(b.get(1)).total_cmp(&number(a.get(1))));
            rows.truncate(ROWS);
        }
        let mut table = Table::new(names.iter().enumerate().map(column).collect());
        for row in &rows {
            table
                .row(names.iter().zip(row.iter()).map(|(name, value)| cell(name, value)).collect());
        }
        let mut text = self.heading("each vCPU");
        let table = table.styled(self.detail.style);
        text.push_str(&table.render(2, self.width));
        let dropped = table.dropped(2, self.width);
        if !dropped.is_empty() {
            let told = format!("left out for the width: {}", dropped.join(", "));
            let _ = writeln!(text, "  {}", wrap(&told, self.width.saturating_sub(2), 2));
        }
        if all > ROWS {
            let _ = writeln!(text, "  {ROWS} of {all} vCPUs: those that lost most");
        }
        Some(text)
    }

    /// Latency and bandwidth of each block of memory, and at how many distances they lie.
    fn blocks(&self) -> Option<String> {
        let facts = &self.launch.facts;
        let latencies = rows(facts.get(BLOCKS)?)?;
        let size = match facts.get(BLOCK_BYTES) {
            Some(Value::Integer(bytes)) => Bytes(u64::try_from(*bytes).ok()?),
            _ => return None,
        };
        let cpus = list(facts.get(CPUS)?)?;
        let column = |at: usize| latencies.iter().filter_map(|row| row.get(at).copied()).collect();
        let strips: Vec<Strip> = cpus
            .iter()
            .enumerate()
            .map(|(at, cpu)| Strip { name: inert(&format!("cpu {cpu}")), values: column(at) })
            .collect();
        let mut text = self.picture(&format!("latency of each {size}"), &strips, &Seconds::UNIT)?;
        let bandwidths = facts.get(BLOCK_BANDWIDTHS).and_then(list);
        if let Some((values, first)) = bandwidths.zip(strips.first()) {
            let values = values.iter().map(|value| number(Some(value))).collect();
            let strip = Strip { name: first.name.clone(), values };
            let what = format!("bandwidth of each {size}");
            text.extend(self.picture(&what, &[strip], &BytesPerSec::UNIT));
        }
        let told = wrap(&distances(&latencies), self.width.saturating_sub(2), 2);
        let _ = writeln!(text, "  {told}");
        Some(text)
    }

    /// A digit for each value, one strip below the other, and what the digits stand for; nothing
    /// where there is no value.
    fn picture(&self, what: &str, strips: &[Strip], unit: &Unit) -> Option<String> {
        let scale = Scale::of(strips.iter().flat_map(|strip| &strip.values))?;
        let label = strips.iter().map(|strip| strip.name.chars().count()).max().unwrap_or(0);
        let room = self.width.saturating_sub(label + 4).max(8);
        let mut text = self.heading(&format!("{what} of memory"));
        for strip in strips {
            let digits: Vec<char> = strip.values.iter().map(|value| scale.digit(*value)).collect();
            for (line, digits) in digits.chunks(room).enumerate() {
                let name = if line == 0 { strip.name.as_str() } else { "" };
                let digits: String = digits.iter().collect();
                let _ = writeln!(text, "  {name:label$}  {digits}");
            }
        }
        let at = |value| with_unit(value, unit);
        let _ = writeln!(text, "  0 is {}, {} is {}", at(scale.low), SHADES - 1, at(scale.high));
        Some(text)
    }
}

/// The blocks as one vCPU sees them.
struct Strip {
    name: String,
    values: Vec<f64>,
}

/// What the first and the last digit stand for.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// From the least to the largest of the positive values; nothing without any.
    fn of<'v>(values: impl Iterator<Item = &'v f64>) -> Option<Self> {
        let positive = values.copied().filter(|value| *value > 0.0 && value.is_finite());
        let (low, high) = positive.fold((f64::INFINITY, 0.0), |(low, high), value| {
            (f64::min(low, value), f64::max(high, value))
        });
        low.is_finite().then_some(Self { low, high: high.max(LEAST_SPAN * low) })
    }

    fn digit(&self, value: f64) -> char {
        if value <= 0.0 || !value.is_finite() {
            return '.';
        }
        let share = (value / self.low).ln() / (self.high / self.low).ln();
        let digit = (share.clamp(0.0, 1.0) * (SHADES - 1) as f64).round() as u32;
        char::from_digit(digit, 10).unwrap_or('.')
    }
}

/// At how many distances the blocks of this launch lie, and how many at each.
fn distances(latencies: &[Vec<f64>]) -> String {
    let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
    let regions = measured::regions(latencies);
    regions.iter().flatten().for_each(|region| *sizes.entry(*region).or_default() += 1);
    let blocks = counted(latencies.len(), "block");
    match sizes.len() {
        0 | 1 => format!("{blocks}, all at one distance"),
        several => {
            let sizes: Vec<String> = sizes.values().map(ToString::to_string).collect();
            format!(
                "{blocks} at {several} distances: {}; whether launches agree: vbench info --measured",
                sizes.join(" and ")
            )
        }
    }
}

fn list(value: &Value) -> Option<&Vec<Value>> {
    match value {
        Value::List(values) => Some(values),
        _ => None,
    }
}

/// A number, and a negative one where there is none.
fn number(value: Option<&Value>) -> f64 {
    match value {
        Some(Value::Integer(number)) => *number as f64,
        Some(Value::Number(number)) => *number,
        _ => -1.0,
    }
}

/// Counts by length give way first where the screen is narrow, the longest last.
fn column((at, name): (usize, &String)) -> Column {
    let title =
        match name.strip_prefix("gaps_under_").map(|bound| (bound, bound.strip_suffix("000us"))) {
            Some((_, Some(milliseconds))) => format!("<{milliseconds}ms"),
            Some((bound, None)) => format!("<{bound}"),
            None => name.trim_end_matches("_s").trim_end_matches("_share").replace("gaps_", ""),
        };
    let column = Column::right(&inert(&title));
    let counts = name.starts_with("gaps_");
    if counts {
        column.droppable(100_u8.saturating_sub(u8::try_from(at).unwrap_or(99)))
    } else {
        column
    }
}

/// A value as its column's name says: seconds, a share, or a plain number.
fn cell(name: &str, value: &Value) -> String {
    match value {
        Value::Integer(_) | Value::Number(_) => {
            let number = number(Some(value));
            match name {
                _ if name.ends_with("_share") && number == 0.0 => "0%".to_owned(),
                _ if name.ends_with("_share") => format!("{}%", digits(100.0 * number)),
                _ if name.ends_with("_s") => with_unit(number, &Seconds::UNIT),
                "cpu" => format!("{number}"),
                _ if number == 0.0 => "0".to_owned(),
                _ if number < 1000.0 && number.fract() == 0.0 => format!("{number}"),
                _ => digits(number),
            }
        }
        Value::Text(text) if text == "unknown" => "?".to_owned(),
        other => inert(&other.to_string()),
    }
}
