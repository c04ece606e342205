//! bandwidthTest of the CUDA samples: the table on the screen, or the lines of `--csv`.
//!
//! NVIDIA calls its numbers not meant for performance measurements, and counts device-to-device
//! copies as read plus write: the note says so.

use super::draft::{BANDWIDTH, Measure, case};
use super::lines::{Lines, Printed, expected, number_in};
use super::{Draft, Fault};
use vbench_results::Better::Higher;
use vbench_results::Value;

const DIRECTIONS: [(&str, &str); 3] =
    [("Host to Device", "h2d"), ("Device to Host", "d2h"), ("Device to Device", "d2d")];

/// One bandwidth.
struct Copy<'t> {
    direction: &'static str,
    memory: &'t str,
    size: &'t str,
    rate: Printed,
    /// Bytes per second of the printed unit.
    factor: f64,
}

/// Reads one run.
///
/// # Errors
/// The line that is not what bandwidthTest prints there, or the end of a text that is cut short.
pub fn read(text: &str, _name: &str) -> Result<Draft, Fault> {
    let lines = Lines::new(text);
    let csv: Vec<(usize, &str)> =
        lines.numbered().filter(|(_, line)| line.starts_with("bandwidthTest-")).collect();
    let mut draft = Draft::new("bandwidthtest", "bandwidthTest");
    let devices: Vec<&str> = lines
        .numbered()
        .filter_map(|(_, line)| line.trim().strip_prefix("Device ")?.split_once(": "))
        .map(|(_, name)| name)
        .collect();
    if let Some(first) = devices.first() {
        draft.stable_fact("gpu.model", *first);
    }
    let copies = if csv.is_empty() { sections(&lines)? } else { csv_lines(&csv)? };
    let passed = lines.numbered().find(|(_, line)| line.trim_start().starts_with("Result = "));
    match passed {
        Some((_, line)) if line.contains("PASS") => {}
        Some((number, line)) => return Err(expected(number, "Result = PASS", line)),
        // The lines of --csv end without a result.
        None if !csv.is_empty() => {
            lines.ended()?;
            draft.unknown("source.complete", "--csv prints no last line: rows may be missing");
        }
        None => return Err(lines.cut("Result = PASS")),
    }
    draft.unknown("source.repeats", "the mean over its copies is printed, not each");
    for copy in copies {
        let params = [("memory", copy.memory), ("size", copy.size)];
        let id = case(&format!("bandwidthtest::{}", copy.direction), &params);
        let measure = Measure::new("bandwidth", BANDWIDTH, Higher, copy.rate, copy.factor);
        let launch = draft.launch(id, "gpu", vec![measure]);
        if copy.direction == "d2d" {
            let text = "counts bytes read plus bytes written: twice the payload";
            launch.facts.insert("definition".to_owned(), Value::from(text));
        }
    }
    Ok(draft)
}

fn factor(unit: &str) -> Option<f64> {
    match unit {
        "GB/s" => Some(1e9),
        "MB/s" => Some(1e6),
        _ => None,
    }
}

fn sections<'t>(lines: &Lines<'t>) -> Result<Vec<Copy<'t>>, Fault> {
    let mut copies = Vec::new();
    let mut direction = None;
    let mut memory = "";
    let mut unit = None;
    for (number, line) in lines.numbered() {
        let text = line.trim();
        if let Some((_, name)) =
            DIRECTIONS.iter().find(|(label, _)| text.starts_with(&format!("{label} Bandwidth")))
        {
            (direction, unit) = (Some(*name), None);
        } else if let Some(kind) = text.strip_suffix(" Memory Transfers") {
            memory = if kind == "PINNED" { "pinned" } else { "pageable" };
        } else if text.starts_with("Transfer Size (Bytes)") {
            let (_, rest) = text.split_once("Bandwidth(").unwrap_or_default();
            let found = factor(rest.trim_end_matches(')'));
            unit = Some(found.ok_or_else(|| expected(number, "Bandwidth(GB/s) or (MB/s)", text))?);
        } else if let (Some(direction), Some(factor)) = (direction, unit)
            && text.starts_with(|c: char| c.is_ascii_digit())
        {
            let mut cells = text.split_whitespace();
            let (Some(size), Some(rate), None) = (cells.next(), cells.next(), cells.next()) else {
                return Err(expected(number, "a size and a bandwidth", text));
            };
            number_in(number, "a size in bytes", size)?;
            let rate = number_in(number, "a bandwidth", rate)?;
            copies.push(Copy { direction, memory, size, rate, factor });
        }
    }
    if copies.is_empty() { Err(lines.cut("Host to Device Bandwidth")) } else { Ok(copies) }
}

/// `bandwidthTest-H2D-Pinned, Bandwidth = 11.6 GB/s, Time = 0.01 s, Size = 134217728 bytes, ...`.
fn csv_lines<'t>(lines: &[(usize, &'t str)]) -> Result<Vec<Copy<'t>>, Fault> {
    lines.iter().map(|(number, line)| csv_line(*number, line)).collect()
}

fn csv_line(number: usize, line: &str) -> Result<Copy<'_>, Fault> {
    let mut name = line.split(',').next().unwrap_or_default().split('-').skip(1);
    let direction = match name.next() {
        Some("H2D") => "h2d",
        Some("D2H") => "d2h",
        Some("D2D") => "d2d",
        _ => return Err(expected(number, "bandwidthTest-H2D, -D2H or -D2D", line)),
    };
    let memory = match name.next() {
        Some("Pinned") => "pinned",
        Some("Paged") => "pageable",
        _ => "device",
    };
    let field = |label: &str| {
        let found = line
            .split(',')
            .find_map(|field| field.trim().strip_prefix(label)?.trim_start().strip_prefix('='));
        let mut words = found.unwrap_or_default().split_whitespace();
        let pair = words.next().zip(words.next());
        pair.ok_or_else(|| expected(number, &format!("{label} = NUMBER UNIT"), line))
    };
    let (rate, unit) = field("Bandwidth")?;
    let (size, _) = field("Size")?;
    number_in(number, "a size in bytes", size)?;
    let factor = factor(unit).ok_or_else(|| expected(number, "GB/s or MB/s", unit))?;
    let rate = number_in(number, "a bandwidth", rate)?;
    Ok(Copy { direction, memory, size, rate, factor })
}
