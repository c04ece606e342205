//! Intel Memory Latency Checker: idle latencies, peak and node-to-node bandwidths, loaded latencies
//! and cache-to-cache transfers, each where the text has it.

use super::draft::{BANDWIDTH, Measure, TIME, case};
use super::lines::{Lines, expected, number_in};
use super::{Draft, Fault};
use vbench_results::Better::{Higher, Lower};

/// Reads one run.
///
/// # Errors
/// The line that is not what the tool prints there, or the end of a text that is cut short.
pub fn read(text: &str, _name: &str) -> Result<Draft, Fault> {
    let mut lines = Lines::new(text);
    let title = "Intel(R) Memory Latency Checker";
    let (line, first) = lines.peek().ok_or_else(|| lines.cut(title))?;
    let version = first.strip_prefix(title).ok_or_else(|| expected(line, title, first))?;
    let version = version.trim_matches(|c: char| c.is_whitespace() || c == '-');
    let mut draft = Draft::new("mlc", &format!("mlc {version}"));
    draft.unknown("source.repeats", "one number per cell is printed");
    draft.unknown("source.complete", "the tool prints no last line: sections may be missing");
    if lines.numbered().any(|(_, line)| line.contains("Unable to modify prefetchers")) {
        draft.fact("source.prefetchers", "left on");
    }
    let mut found = false;
    while let Some((line, text)) = lines.next() {
        let text = text.trim();
        if text.starts_with("Measuring idle latencies") {
            matrix(&mut draft, &mut lines, &Matrix::of_nodes("idle_latency"))?;
        } else if text.starts_with("Measuring Memory Bandwidths between nodes") {
            matrix(&mut draft, &mut lines, &Matrix::of_nodes("node_bandwidth"))?;
        } else if text.starts_with("Measuring Peak") || text.starts_with("Measuring Maximum") {
            peaks(&mut draft, &mut lines)?;
        } else if text.starts_with("Measuring Loaded Latencies") {
            loaded(&mut draft, &mut lines)?;
        } else if text.starts_with("Measuring cache-to-cache") {
            transfers(&mut draft, &mut lines)?;
        } else if text.starts_with("Measuring ") {
            return Err(expected(line, "a known measurement", text));
        } else {
            continue;
        }
        found = true;
    }
    lines.ended()?;
    if found { Ok(draft) } else { Err(lines.cut("Measuring ...")) }
}

/// Which matrix: its cases and what its cells are.
struct Matrix<'m> {
    name: &'static str,
    /// Axes of rows and columns.
    axes: [&'static str; 2],
    /// A further axis.
    also: Option<(&'static str, &'m str)>,
}

impl Matrix<'_> {
    fn of_nodes(name: &'static str) -> Self {
        Self { name, axes: ["cpu_node", "mem_node"], also: None }
    }
}

/// `Numa node  0  1` and a row for each node; lines before it say how it was measured.
fn matrix(draft: &mut Draft, lines: &mut Lines<'_>, matrix: &Matrix<'_>) -> Result<(), Fault> {
    let columns = columns(lines)?;
    let mut rows = 0;
    while let Some((line, text)) = lines.peek() {
        let mut cells = text.split_whitespace();
        let Some(row) = cells.next().filter(|row| row.parse::<u32>().is_ok()) else { break };
        let cells: Vec<&str> = cells.collect();
        if cells.len() != columns.len() {
            return Err(expected(line, &format!("{} values", columns.len()), text));
        }
        for (column, cell) in columns.iter().zip(cells) {
            // The tool prints a dash where there is nothing to measure.
            if cell != "-" {
                let value = number_in(line, "a number or a dash", cell)?;
                let measure = match matrix.name {
                    "node_bandwidth" => Measure::new("bandwidth", BANDWIDTH, Higher, value, 1e6),
                    _ => Measure::new("latency", TIME, Lower, value, 1e-9),
                };
                let [of_row, of_column] = matrix.axes;
                let axes = [(of_row, row), (of_column, *column)].into_iter().chain(matrix.also);
                let id = case(&format!("mlc::{}", matrix.name), &axes.collect::<Vec<_>>());
                draft.launch(id, kind(matrix.name), vec![measure]);
            }
        }
        rows += 1;
        lines.next();
    }
    if rows == 0 { Err(lines.cut("a row of the matrix")) } else { Ok(()) }
}

fn kind(name: &str) -> &'static str {
    if name == "node_bandwidth" { "memory" } else { "latency" }
}

/// The node numbers of a matrix's columns.
fn columns<'t>(lines: &mut Lines<'t>) -> Result<Vec<&'t str>, Fault> {
    for (_, text) in lines.by_ref() {
        let titles = ["Numa node", "Socket", "Memory node", "Writer Numa Node"];
        let Some(rest) = titles.iter().find_map(|title| text.trim().strip_prefix(title)) else {
            if text.starts_with("Measuring ") {
                break;
            }
            continue;
        };
        let columns: Vec<&str> = rest.split_whitespace().collect();
        if !columns.is_empty() && columns.iter().all(|column| column.parse::<u32>().is_ok()) {
            return Ok(columns);
        }
    }
    Err(lines.cut("Numa node 0 1 ..."))
}

/// `ALL Reads        :  225097.1`.
fn peaks(draft: &mut Draft, lines: &mut Lines<'_>) -> Result<(), Fault> {
    let mut rows = 0;
    while let Some((line, text)) = lines.peek() {
        if text.starts_with("Measuring ") {
            break;
        }
        // The ratio in `3:1 Reads-Writes :` has a colon too.
        if let Some((name, value)) = text.rsplit_once(':')
            && (name.contains("Reads") || name.contains("like"))
        {
            let value = number_in(line, "a bandwidth after the colon", value)?;
            let traffic = name.trim().to_ascii_lowercase().replace(' ', "-");
            let id = case("mlc::peak_bandwidth", &[("traffic", &traffic)]);
            draft.launch(
                id,
                "memory",
                vec![Measure::new("bandwidth", BANDWIDTH, Higher, value, 1e6)],
            );
            rows += 1;
        }
        lines.next();
    }
    if rows == 0 { Err(lines.cut("ALL Reads : BANDWIDTH")) } else { Ok(()) }
}

/// `00000  130.31   135655.9`, under a line of `=`.
fn loaded(draft: &mut Draft, lines: &mut Lines<'_>) -> Result<(), Fault> {
    let mut units = false;
    for (line, text) in lines.by_ref() {
        units |= text.contains("(ns)") && text.contains("MB/sec");
        if text.starts_with("===") {
            break;
        }
        if text.starts_with("Measuring ") {
            return Err(expected(line, "a table under a line of =", text));
        }
    }
    let mut rows = 0_usize;
    while let Some((line, text)) = lines.peek() {
        let cells: Vec<&str> = text.split_whitespace().collect();
        let Some(delay) = cells.first().and_then(|cell| cell.parse::<u32>().ok()) else { break };
        let [_, latency, bandwidth] = cells[..] else {
            return Err(expected(line, "delay, latency and bandwidth", text));
        };
        let latency = number_in(line, "a latency", latency)?;
        let bandwidth = number_in(line, "a bandwidth", bandwidth)?;
        let measures = vec![
            Measure::new("latency", TIME, Lower, latency, 1e-9),
            Measure::new("bandwidth", BANDWIDTH, Higher, bandwidth, 1e6),
        ];
        let id = case("mlc::loaded_latency", &[("delay", &delay.to_string())]);
        draft.launch(id, "latency", measures);
        rows += 1;
        lines.next();
    }
    match (rows, units) {
        (1.., true) => Ok(()),
        (_, false) => Err(lines.cut("Delay (ns) MB/sec")),
        (0, _) => Err(lines.cut("a row of delay, latency and bandwidth")),
    }
}

/// `Local Socket L2->L2 HIT  latency  54.1`; between sockets, a matrix of writers and readers.
fn transfers(draft: &mut Draft, lines: &mut Lines<'_>) -> Result<(), Fault> {
    let mut rows = 0;
    while let Some((line, text)) = lines.peek() {
        let Some((name, value)) = text.split_once("latency") else { break };
        if text.starts_with("Measuring ") || !name.contains("->") {
            break;
        }
        lines.next();
        let mut name = name.trim().to_ascii_lowercase().replace("->", "-to-");
        if let Some(homed) = value.trim().strip_prefix('(') {
            name = format!("{name} {}", homed.trim_end_matches(')'));
        }
        let name = name.split_whitespace().collect::<Vec<_>>().join("-");
        if value.trim().starts_with('(') {
            let axes = ["writer_node", "reader_node"];
            let also = Some(("transfer", name.as_str()));
            matrix(draft, lines, &Matrix { name: "cache_to_cache", axes, also })?;
        } else {
            let value = number_in(line, "a latency", value)?;
            let id = case("mlc::cache_to_cache", &[("transfer", &name)]);
            draft.launch(id, "latency", vec![Measure::new("latency", TIME, Lower, value, 1e-9)]);
        }
        rows += 1;
    }
    if rows == 0 { Err(lines.cut("Local Socket L2->L2 HIT latency")) } else { Ok(()) }
}
