//! nccl-tests and rccl-tests: the table on the screen, or the JSON of `-J FILE`.
//!
//! Columns are found by their names, never by position: since the table gained a column `root`, the
//! seventh number of a row is the algorithm bandwidth, and readers that count columns report it as
//! bus bandwidth. Every row is checked against `busbw = algbw x factor(ranks)`, the definition in
//! the tests' PERFORMANCE.md: 2(n-1)/n for all-reduce, (n-1)/n for all-gather, reduce-scatter and
//! all-to-all, 1 for broadcast, reduce and send/receive.

mod json;

use super::draft::{BANDWIDTH, Measure, TIME, case};
use super::lines::{Lines, expected, number_in};
use super::{Draft, Fault};
use vbench_results::Better::{Higher, Lower};
use vbench_results::{Outcome, Value};

/// Bus bandwidth over algorithm bandwidth, for a number of ranks.
type Factor = fn(f64) -> f64;

/// The collectives, with the factor between their bandwidths as a function of ranks.
const COLLECTIVES: [(&str, Factor); 11] = [
    ("all_reduce", |n| 2.0 * (n - 1.0) / n),
    ("all_gather", |n| (n - 1.0) / n),
    ("reduce_scatter", |n| (n - 1.0) / n),
    ("alltoall", |n| (n - 1.0) / n),
    ("gather", |n| (n - 1.0) / n),
    ("scatter", |n| (n - 1.0) / n),
    ("broadcast", |_| 1.0),
    ("reduce", |_| 1.0),
    ("sendrecv", |_| 1.0),
    ("hypercube", |n| (n - 1.0) / n),
    ("bisection", |_| 1.0),
];

/// What one row says about one place (out of place, in place).
struct Cell {
    line: usize,
    /// Microseconds.
    time: super::lines::Printed,
    /// GB/s.
    algbw: super::lines::Printed,
    /// GB/s.
    busbw: super::lines::Printed,
    /// Wrong elements; `None` where the test did not check.
    wrong: Option<f64>,
}

/// One row of the table.
struct Row {
    size: String,
    datatype: String,
    redop: String,
    root: String,
    /// Out of place, in place.
    places: [Option<Cell>; 2],
}

/// What stands around the rows.
struct Test {
    collective: String,
    ranks: Option<usize>,
    rows: Vec<Row>,
    /// GB/s, with the line it was printed in.
    average: (usize, super::lines::Printed),
}

/// Reads one run.
///
/// # Errors
/// The line that is not what the tests print there, a row whose bandwidths contradict each other,
/// or the end of a text that is cut short.
pub fn read(text: &str, name: &str) -> Result<Draft, Fault> {
    let (mut draft, test) = if text.trim_start().starts_with('{') {
        json::read(text, name)?
    } else {
        let draft = Draft::new("nccl", &version(text));
        (draft, table(text, name)?)
    };
    check(&test)?;
    if let Some(ranks) = test.ranks {
        draft.stable_fact("gpu.ranks", ranks);
    } else {
        draft.unknown("gpu.ranks", "the source lists no devices");
    }
    draft.unknown("source.repeats", "the mean of all iterations is printed, not each");
    fill(&mut draft, &test);
    Ok(draft)
}

fn version(text: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix("# nccl-tests version "));
    match line.and_then(|line| line.split_whitespace().next()) {
        Some(version) => format!("nccl-tests {version}"),
        None => "nccl-tests".to_owned(),
    }
}

/// The collective that a program's or file's name contains: the longest, as `all_reduce` contains
/// `reduce`.
fn collective_in(name: &str) -> Option<&'static str> {
    let known = COLLECTIVES.iter().map(|(collective, _)| *collective);
    known.filter(|collective| name.contains(collective)).max_by_key(|collective| collective.len())
}

fn table(text: &str, name: &str) -> Result<Test, Fault> {
    let lines = Lines::new(text);
    let started =
        lines.numbered().find_map(|(_, line)| line.strip_prefix("# Collective test starting:"));
    let collective = started.and_then(collective_in).or_else(|| collective_in(name));
    let header = lines.numbered().find(|(_, line)| line.starts_with('#') && line.contains("busbw"));
    let (at, header) = header.ok_or_else(|| lines.cut("#  size  count  type ... busbw"))?;
    let columns = Columns::find(at, header)?;
    let (line, units) = lines.numbered().nth(at).ok_or_else(|| lines.cut("(us) (GB/s) (GB/s)"))?;
    columns.units(line, units)?;
    let mut rows = Vec::new();
    for (line, text) in lines.numbered().skip(at) {
        let first = text.trim_start().chars().next();
        if first.is_some_and(|c| c.is_ascii_digit()) {
            rows.push(columns.row(line, text)?);
        }
    }
    let average = lines.numbered().find_map(|(line, text)| {
        let rest = text.strip_prefix("# Avg bus bandwidth")?.trim_start().strip_prefix(':')?;
        Some((line, rest.split_whitespace().next().unwrap_or_default()))
    });
    let (line, average) = average.ok_or_else(|| lines.cut("# Avg bus bandwidth"))?;
    if line == lines.end() {
        lines.ended()?;
    }
    let average = (line, number_in(line, "the average bus bandwidth", average)?);
    let ranks = lines.numbered().filter(|(_, line)| line.starts_with("#  Rank ")).count();
    let ranks = (ranks > 0).then_some(ranks);
    let collective = collective.unwrap_or("collective").to_owned();
    Ok(Test { collective, ranks, rows, average })
}

/// Where each column stands in a row, as its header says.
struct Columns {
    count: usize,
    size: usize,
    datatype: Option<usize>,
    redop: Option<usize>,
    root: Option<usize>,
    /// Out of place, in place: time, algbw, busbw, wrong.
    places: Vec<[usize; 4]>,
}

impl Columns {
    fn find(line: usize, header: &str) -> Result<Self, Fault> {
        let names: Vec<&str> = header.trim_start_matches('#').split_whitespace().collect();
        let all = |wanted: &[&str]| -> Vec<usize> {
            let named = names.iter().enumerate().filter(|(_, name)| wanted.contains(name));
            named.map(|(index, _)| index).collect()
        };
        let (time, alg) = (all(&["time", "cputime"]), all(&["algbw"]));
        let (bus, wrong) = (all(&["busbw"]), all(&["#wrong", "error"]));
        let counts = [time.len(), alg.len(), bus.len(), wrong.len()];
        let same = counts.iter().all(|count| *count == counts[0]);
        let size = all(&["size"]).first().copied();
        let (Some(size), true, 1..=2) = (size, same, counts[0]) else {
            let what = "the columns size, time, algbw, busbw and #wrong, once or twice";
            return Err(expected(line, what, header));
        };
        let places = (0..counts[0]).map(|i| [time[i], alg[i], bus[i], wrong[i]]).collect();
        let one = |name: &str| all(&[name]).first().copied();
        let (datatype, redop, root) = (one("type"), one("redop"), one("root"));
        Ok(Self { count: names.len(), size, datatype, redop, root, places })
    }

    /// The row below the header: each place in microseconds and twice in GB/s.
    fn units(&self, line: usize, text: &str) -> Result<(), Fault> {
        let count = |unit: &str| text.split_whitespace().filter(|word| *word == unit).count();
        let places = self.places.len();
        if text.starts_with('#') && count("(us)") == places && count("(GB/s)") == 2 * places {
            return Ok(());
        }
        Err(expected(line, &format!("the units (us) (GB/s) (GB/s) {places} times"), text))
    }

    fn row(&self, line: usize, text: &str) -> Result<Row, Fault> {
        let cells: Vec<&str> = text.split_whitespace().collect();
        // A time stamp, printed on request, is two words more than its header.
        if !(self.count..=self.count + 1).contains(&cells.len()) {
            return Err(expected(line, &format!("{} columns", self.count), text));
        }
        let cell = |index: usize| cells.get(index).copied().unwrap_or_default();
        let word = |index: Option<usize>| index.map_or(String::new(), |i| cell(i).to_owned());
        let mut places = [None, None];
        for (place, columns) in places.iter_mut().zip(&self.places) {
            let number = |index: usize, what: &str| {
                number_in(line, &format!("a number in column {what}"), cell(index))
            };
            let [time, algbw, busbw, wrong] = *columns;
            *place = Some(Cell {
                line,
                time: number(time, "time")?,
                algbw: number(algbw, "algbw")?,
                busbw: number(busbw, "busbw")?,
                wrong: match cell(wrong) {
                    "N/A" => None,
                    _ => Some(number(wrong, "#wrong")?.value),
                },
            });
        }
        let size =
            number_in(line, "a size", cell(self.size)).map(|_| cell(self.size).to_owned())?;
        let (datatype, redop) = (word(self.datatype), word(self.redop));
        Ok(Row { size, datatype, redop, root: word(self.root), places })
    }
}

/// The table against itself: both bandwidths of each row, and the average of all.
fn check(test: &Test) -> Result<(), Fault> {
    let (line, average) = test.average;
    let known = COLLECTIVES.iter().find(|(name, _)| *name == test.collective);
    let factor = known.zip(test.ranks).map(|((_, factor), ranks)| factor(ranks as f64));
    let cells: Vec<&Cell> = test.rows.iter().flat_map(|row| row.places.iter().flatten()).collect();
    if cells.is_empty() {
        return Err(Fault::at(line, "expected rows of sizes before this line, found none"));
    }
    for cell in &cells {
        let Some(factor) = factor else { continue };
        let slack = cell.algbw.step * factor + cell.busbw.step;
        if (cell.busbw.value - cell.algbw.value * factor).abs() > slack {
            let (alg, bus) = (cell.algbw.value, cell.busbw.value);
            let ranks = test.ranks.unwrap_or_default();
            let message = format!(
                "busbw {bus} is not algbw {alg} x {factor:.4} of {} over {ranks} ranks: \
                 columns moved, or rows are missing",
                test.collective
            );
            return Err(Fault::at(cell.line, message));
        }
    }
    let sum: f64 = cells.iter().map(|cell| cell.busbw.value).sum();
    let mean = sum / cells.len() as f64;
    let step = cells.iter().map(|cell| cell.busbw.step).fold(average.step, f64::max);
    if (mean - average.value).abs() > step + 1e-4 * mean {
        let message = format!(
            "the average bus bandwidth is {}, the rows above have {mean:.4}: rows are missing",
            average.value
        );
        return Err(Fault::at(line, message));
    }
    Ok(())
}

fn fill(draft: &mut Draft, test: &Test) {
    let benchmark = format!("nccl-tests::{}", test.collective);
    for row in &test.rows {
        for (place, cell) in ["out", "in"].iter().zip(&row.places) {
            let Some(cell) = cell else { continue };
            let all = [
                ("place", *place),
                ("redop", row.redop.as_str()),
                ("root", row.root.as_str()),
                ("size", row.size.as_str()),
                ("type", row.datatype.as_str()),
            ];
            // A root of -1 says that the collective has none.
            let said = all.into_iter().filter(|(_, value)| !matches!(*value, "" | "none" | "-1"));
            let id = case(&benchmark, &said.collect::<Vec<_>>());
            match cell.wrong {
                // Old versions print the largest error, far below one, in place of a count.
                Some(wrong) if wrong >= 1.0 => {
                    let reason = format!("the source counts {wrong} wrong elements");
                    draft.ended(id, "gpu", Outcome::Failed { reason });
                }
                _ => {
                    let launch = draft.launch(id, "gpu", cell.measures());
                    let checked = if cell.wrong.is_some() { "yes" } else { "no" };
                    launch.facts.insert("validated".to_owned(), Value::from(checked));
                }
            }
        }
    }
    let average = Measure::new("busbw_mean", BANDWIDTH, Higher, test.average.1, 1e9).info();
    let launch = draft.launch(case(&benchmark, &[]), "gpu", vec![average]);
    let sizes: Vec<&str> = test.rows.iter().map(|row| row.size.as_str()).collect();
    let span = format!("{} to {}", sizes.first().unwrap_or(&""), sizes.last().unwrap_or(&""));
    launch.facts.insert("sizes".to_owned(), Value::from(span));
    launch.facts.insert(
        "definition".to_owned(),
        Value::from("mean of busbw over all sizes and both places; differs with the sweep"),
    );
}

impl Cell {
    fn measures(&self) -> Vec<Measure> {
        vec![
            Measure::new("busbw", BANDWIDTH, Higher, self.busbw, 1e9),
            Measure::new("algbw", BANDWIDTH, Higher, self.algbw, 1e9).info(),
            Measure::new("time", TIME, Lower, self.time, 1e-6),
        ]
    }
}
