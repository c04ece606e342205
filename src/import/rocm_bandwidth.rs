//! rocm-bandwidth-test up to 2.6: the matrices of peak copy bandwidth between devices.

use super::draft::{BANDWIDTH, Measure, case};
use super::lines::{Lines, expected, number_in};
use super::{Draft, Fault};
use vbench_results::Better::Higher;

/// The titles of matrices that are measured, as releases spell them.
const TITLES: [(&str, &str); 3] = [
    ("Unidirectional copy peak bandwidth GB/s", "unidirectional"),
    ("Bidirectional copy peak bandwidth GB/s", "bidirectional"),
    ("Bdirectional copy peak bandwidth GB/s", "bidirectional"),
];

/// Reads one run.
///
/// # Errors
/// The line that is not what rocm-bandwidth-test prints there, or the end of a text cut short.
pub fn read(text: &str, _name: &str) -> Result<Draft, Fault> {
    let mut lines = Lines::new(text);
    let version = "RocmBandwidthTest Version";
    let (_, version) =
        lines.labelled(version).ok_or_else(|| lines.cut("RocmBandwidthTest Version:"))?;
    let mut draft = Draft::new("rocm-bandwidth-test", &format!("RocmBandwidthTest {version}"));
    draft.unknown("source.repeats", "the best of the copies is printed, not each");
    draft.unknown("source.complete", "the tool prints no last line: a matrix may be missing");
    devices(&mut draft, &lines);
    let mut found = false;
    while let Some((_, text)) = lines.next() {
        if let Some((_, name)) = TITLES.iter().find(|(title, _)| text.trim() == *title) {
            matrix(&mut draft, &mut lines, name)?;
            found = true;
        }
    }
    lines.ended()?;
    if found { Ok(draft) } else { Err(lines.cut(TITLES[0].0)) }
}

/// `Device: 1,  AMD Radeon Graphics,  GPU-XX,  c2:0.0`.
fn devices(draft: &mut Draft, lines: &Lines<'_>) {
    for (_, line) in lines.numbered() {
        let Some(rest) = line.trim().strip_prefix("Device:") else { continue };
        let mut fields = rest.split(',').map(str::trim);
        if let (Some(number), Some(name)) = (fields.next(), fields.next())
            && number.parse::<u32>().is_ok()
        {
            draft.stable_fact(&format!("device.{number}"), name);
        }
    }
}

fn matrix(draft: &mut Draft, lines: &mut Lines<'_>, name: &str) -> Result<(), Fault> {
    let (line, header) = lines.next().ok_or_else(|| lines.cut("D/D and device numbers"))?;
    let mut columns = header.split_whitespace();
    if columns.next() != Some("D/D") {
        return Err(expected(line, "D/D and device numbers", header));
    }
    let columns: Vec<&str> = columns.collect();
    if columns.is_empty() || columns.iter().any(|column| column.parse::<u32>().is_err()) {
        return Err(expected(line, "D/D and device numbers", header));
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
                let id = case(&format!("rocm-bandwidth::{name}"), &[("from", row), ("to", column)]);
                let measure = Measure::new("bandwidth", BANDWIDTH, Higher, value, 1e9);
                draft.launch(id, "gpu", vec![measure]);
            }
        }
        rows += 1;
        lines.next();
    }
    // Rows and columns name the same devices.
    match (rows == columns.len(), lines.peek()) {
        (true, _) => Ok(()),
        (false, Some((line, text))) => Err(expected(line, "a row for each device", text)),
        (false, None) => Err(lines.cut("a row for each device")),
    }
}
