//! nvbandwidth: matrices on the screen, or the JSON of `-j`.
//!
//! A cell is the median (or mean, on request) of its samples: one value. The sum of a test case
//! mixes pairs and is not stored.

use super::draft::{BANDWIDTH, Measure, case};
use super::lines::{Lines, Printed, expected, number_in, printed};
use super::{Draft, Fault};
use serde::Deserialize;
use vbench_results::Better::Higher;
use vbench_results::{Outcome, Value};

/// Reads one run.
///
/// # Errors
/// The line that is not what nvbandwidth prints there, or the end of a text that is cut short.
pub fn read(text: &str, _name: &str) -> Result<Draft, Fault> {
    let mut draft = if text.trim_start().starts_with('{') { json(text)? } else { matrices(text)? };
    draft.unknown("source.repeats", "the median of the samples is printed, not each");
    Ok(draft)
}

/// One cell of a matrix: row and column are device numbers.
fn store(draft: &mut Draft, test: &str, title: &str, at: (&str, &str), value: Printed) {
    let id = case(&format!("nvbandwidth::{test}"), &[("from", at.0), ("to", at.1)]);
    let measure = if title.contains("(ns)") {
        let unit = super::draft::TIME;
        Measure::new("latency", unit, vbench_results::Better::Lower, value, 1e-9)
    } else {
        Measure::new("bandwidth", BANDWIDTH, Higher, value, 1e9)
    };
    let launch = draft.launch(id, "gpu", vec![measure]);
    launch.facts.insert("matrix".to_owned(), Value::from(title));
}

fn matrices(text: &str) -> Result<Draft, Fault> {
    let mut lines = Lines::new(text);
    let (line, first) = lines.next().ok_or_else(|| lines.cut("nvbandwidth Version:"))?;
    let version = first.strip_prefix("nvbandwidth Version:");
    let version = version.ok_or_else(|| expected(line, "nvbandwidth Version:", first))?;
    let mut draft = Draft::new("nvbandwidth", &format!("nvbandwidth {}", version.trim()));
    for (label, fact) in
        [("Driver Version", "gpu.driver"), ("CUDA Runtime Version", "gpu.cuda_runtime")]
    {
        if let Some((_, value)) = lines.labelled(label) {
            draft.stable_fact(fact, value);
        }
    }
    if let Some((_, device)) = lines.labelled("Device 0") {
        draft.stable_fact("gpu.model", device.split(" (").next().unwrap_or(device));
    }
    let mut found = false;
    while let Some((_, text)) = lines.next() {
        let Some(test) = text.strip_prefix("Running ").and_then(|text| text.strip_suffix('.'))
        else {
            continue;
        };
        found = true;
        if let Some((_, text)) = lines.peek()
            && (text.starts_with("Waived") || text.starts_with("Error"))
        {
            let reason = format!("nvbandwidth says: {}", text.trim());
            let id = case(&format!("nvbandwidth::{test}"), &[]);
            draft.ended(id, "gpu", Outcome::Skipped { reason });
            continue;
        }
        matrix(&mut draft, &mut lines, test)?;
    }
    // Printed last since 0.6; before that first, with other words.
    if !lines.numbered().any(|(_, line)| line.starts_with("NOTE: The reported results")) {
        lines.ended()?;
        draft.unknown("source.complete", "no last line is printed: test cases may be missing");
    }
    if found { Ok(draft) } else { Err(lines.cut("Running TEST.")) }
}

/// A title says the unit of its matrix: one of two.
fn with_unit(line: usize, title: &str) -> Result<(), Fault> {
    if title.contains("(GB/s)") != title.contains("(ns)") {
        return Ok(());
    }
    Err(expected(line, "the title of a matrix with its unit, (GB/s) or (ns)", title))
}

/// A title, a line of column numbers, a line for each row, and the sum that ends it.
fn matrix(draft: &mut Draft, lines: &mut Lines<'_>, test: &str) -> Result<(), Fault> {
    let (line, title) = lines.next().ok_or_else(|| lines.cut("a matrix"))?;
    with_unit(line, title)?;
    let (line, header) = lines.next().ok_or_else(|| lines.cut("column numbers"))?;
    let columns: Vec<&str> = header.split_whitespace().collect();
    if columns.is_empty() || columns.iter().any(|column| printed(column).is_none()) {
        return Err(expected(line, "column numbers", header));
    }
    let mut rows = 0;
    while let Some((line, text)) = lines.peek() {
        let mut cells = text.split_whitespace();
        let Some(row) = cells.next().filter(|row| row.parse::<u32>().is_ok()) else { break };
        let cells: Vec<&str> = cells.collect();
        if cells.len() != columns.len() {
            return Err(expected(line, &format!("{} values", columns.len()), text));
        }
        for (column, cell) in columns.iter().zip(cells) {
            if cell != "N/A" {
                let value = number_in(line, "a bandwidth or N/A", cell)?;
                store(draft, test, title.trim(), (row, column), value);
            }
        }
        rows += 1;
        lines.next();
    }
    let end = lines.peek();
    match end {
        Some((_, text)) if rows > 0 && text.starts_with("SUM ") => Ok(()),
        Some((line, text)) if rows == 0 => Err(expected(line, "a row of the matrix", text)),
        Some((line, text)) => Err(expected(line, &format!("SUM {test}"), text)),
        None => Err(lines.cut(&format!("SUM {test}"))),
    }
}

#[derive(Deserialize)]
struct Document {
    nvbandwidth: Root,
}

#[derive(Deserialize)]
struct Root {
    #[serde(default)]
    version: String,
    #[serde(default, rename = "Driver Version")]
    driver: String,
    #[serde(rename = "CUDA Runtime Version")]
    runtime: Option<i64>,
    error: Option<String>,
    #[serde(default)]
    testcases: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    name: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    bandwidth_description: String,
    #[serde(default)]
    bandwidth_matrix: Vec<Vec<String>>,
}

fn json(text: &str) -> Result<Draft, Fault> {
    let document: Document =
        serde_json::from_str(text).map_err(|error| Fault::json(&error, "nvbandwidth"))?;
    let root = document.nvbandwidth;
    if let Some(error) = root.error {
        return Err(Fault::at(1, format!("expected results, found the error {error:?}")));
    }
    if root.testcases.is_empty() {
        return Err(Fault::at(1, "expected testcases, found none"));
    }
    let mut draft = Draft::new("nvbandwidth", format!("nvbandwidth {}", root.version).trim());
    if !root.driver.is_empty() {
        draft.stable_fact("gpu.driver", root.driver);
    }
    if let Some(runtime) = root.runtime {
        draft.stable_fact("gpu.cuda_runtime", runtime.to_string());
    }
    for test in &root.testcases {
        if test.bandwidth_matrix.is_empty() {
            let reason = format!("nvbandwidth says: {}", test.status);
            let id = case(&format!("nvbandwidth::{}", test.name), &[]);
            draft.ended(id, "gpu", Outcome::Skipped { reason });
            continue;
        }
        with_unit(1, &test.bandwidth_description)?;
        for (row, cells) in test.bandwidth_matrix.iter().enumerate() {
            for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| *cell != "N/A") {
                let what = format!("a number in the matrix of {}", test.name);
                let value = number_in(1, &what, cell)?;
                let at = (row.to_string(), column.to_string());
                let title = &test.bandwidth_description;
                store(&mut draft, &test.name, title, (&at.0, &at.1), value);
            }
        }
    }
    Ok(draft)
}
