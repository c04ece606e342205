//! Published numbers as CSV: one row per value, several systems and configurations in one file.
//!
//! Columns: `system, config, benchmark, case, metric, unit, better, value, note`. Every value is
//! one launch with one repeat, because a published number says no more. Rows of `setup`, and those
//! without a direction, are facts; derived numbers (`printed_...`, a generation) are facts of their
//! launch: they were computed, not measured. The configuration `all` speaks for every configuration
//! of its system.

use super::draft::{BANDWIDTH, EVENTS, PLAIN, TIME, case};
use super::lines::{Lines, Printed, expected, printed};
use super::{Draft, Fault};
use crate::import::draft::Measure;
use vbench_results::{Better, CaseId, Outcome, Unit, Value};

/// The columns, in their order.
const COLUMNS: [&str; 9] =
    ["system", "config", "benchmark", "case", "metric", "unit", "better", "value", "note"];

/// The configuration that speaks for every other of its system.
const EVERY: &str = "all";

/// A sentence that marks results which their own source gives up.
const COMPROMISED: &str = "treated as compromised by the test environment";

struct Row {
    line: usize,
    fields: [String; 9],
}

impl Row {
    fn system(&self) -> &str {
        &self.fields[0]
    }

    fn config(&self) -> &str {
        &self.fields[1]
    }

    fn benchmark(&self) -> &str {
        &self.fields[2]
    }

    fn metric(&self) -> &str {
        &self.fields[4]
    }

    fn note(&self) -> &str {
        &self.fields[8]
    }

    fn case(&self) -> CaseId {
        case(&format!("study::{}", self.benchmark()), &[("case", &self.fields[3])])
    }

    fn value(&self) -> Result<Printed, Fault> {
        printed(&self.fields[7])
            .ok_or_else(|| expected(self.line, "a number in column value", &self.fields[7]))
    }

    /// The number is a fact, not a measurement.
    fn is_fact(&self) -> bool {
        self.fields[6] == "none"
    }

    /// The number was derived from others.
    fn is_derived(&self) -> bool {
        self.metric().starts_with("printed_") || self.fields[5] == "generation"
    }

    fn better(&self) -> Result<Better, Fault> {
        match self.fields[6].as_str() {
            "higher" => Ok(Better::Higher),
            "lower" => Ok(Better::Lower),
            other => Err(expected(self.line, "higher, lower or none in column better", other)),
        }
    }
}

/// Reads the table: a draft for each system and configuration.
///
/// # Errors
/// The line of a missing column, a bad number, an unknown unit or direction.
pub fn read(text: &str) -> Result<Vec<Draft>, Fault> {
    let rows = rows(text)?;
    let mut drafts: Vec<Draft> = Vec::new();
    for row in &rows {
        let named = |draft: &&mut Draft| {
            draft.system.as_deref() == Some(row.system())
                && draft.config.as_deref() == Some(row.config())
        };
        let draft = match drafts.iter_mut().find(named) {
            Some(draft) => draft,
            None => {
                drafts.push(start(row));
                let last = drafts.len() - 1;
                &mut drafts[last]
            }
        };
        add(draft, row)?;
    }
    for draft in &mut drafts {
        spread_facts(draft, &rows)?;
    }
    skip_derived(&mut drafts);
    drafts.retain(|draft| !draft.cases.is_empty());
    if drafts.is_empty() {
        return Err(Fault::at(2, "expected a row with a measured value, found none"));
    }
    Ok(drafts)
}

/// A case of nothing but derived values did not fail: nobody measured it.
fn skip_derived(drafts: &mut [Draft]) {
    let cases = drafts.iter_mut().flat_map(|draft| &mut draft.cases);
    for launch in cases.flat_map(|case| &mut case.launches) {
        let nothing =
            |reason: &String| launch.repeats.is_empty() && !reason.starts_with("the source says");
        if matches!(&launch.outcome, Outcome::Failed { reason } if nothing(reason)) {
            let reason = "the table gives what was derived, no measured value".to_owned();
            launch.outcome = Outcome::Skipped { reason };
        }
    }
}

fn rows(text: &str) -> Result<Vec<Row>, Fault> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let fault = |error: &csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        Fault::at(usize::try_from(line).unwrap_or(1), format!("not a row of the table: {error}"))
    };
    let headers = reader.headers().map_err(|error| fault(&error))?;
    if !headers.iter().eq(COLUMNS) {
        let found = headers.iter().collect::<Vec<_>>().join(",");
        return Err(expected(1, &format!("the columns {}", COLUMNS.join(",")), &found));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| fault(&error))?;
        let line = record.position().map_or(1, csv::Position::line);
        let mut fields = record.iter().map(str::to_owned);
        let fields = std::array::from_fn(|_| fields.next().unwrap_or_default());
        let row = Row { line: usize::try_from(line).unwrap_or(1), fields };
        for index in [0, 1, 2, 4] {
            if row.fields[index].trim().is_empty() {
                let column = COLUMNS[index];
                return Err(Fault::at(row.line, format!("expected text in column {column}")));
            }
        }
        rows.push(row);
    }
    Lines::new(text).ended()?;
    Ok(rows)
}

fn start(row: &Row) -> Draft {
    let mut draft = Draft::new("study", "published numbers");
    draft.system = Some(row.system().to_owned());
    draft.config = Some(row.config().to_owned());
    draft.unknown("source.repeats", "published as single values: neither repeats nor launches");
    draft.unknown("source.machine", "the table names GPU, CPU and counts only");
    if row.config() != EVERY {
        for (factor, on) in factors(row.config()) {
            draft.stable_fact(factor, if on { "yes" } else { "no" });
        }
    }
    draft
}

/// What a configuration's name declares. Exposing nodes to the guest and binding its memory to the
/// host's nodes came together in every configuration of the study, and are two factors.
fn factors(config: &str) -> [(&'static str, bool); 4] {
    let has = |word: &str| config.split('_').any(|part| part == word);
    [
        ("factor.pin", has("pin")),
        ("factor.numa.binding", has("numa")),
        ("factor.numa.vnuma", has("numa")),
        ("factor.smt", has("smt")),
    ]
}

fn add(draft: &mut Draft, row: &Row) -> Result<(), Fault> {
    let value = row.value()?;
    if row.note().contains(COMPROMISED) {
        draft.quarantine = Some(COMPROMISED.to_owned());
    }
    if row.is_fact() {
        draft.stable_fact(&format!("guest.{}", row.metric()), fact_of(value));
        return Ok(());
    }
    let better = row.better()?;
    let derived = row.is_derived();
    let measure = (!derived).then(|| measure(row, value, better)).transpose()?;
    let kind = kind_of(row.benchmark());
    // All values of a case in one configuration stand in one launch, as they were printed.
    let id = row.case();
    let found = draft.cases.iter().position(|found| found.case == id);
    let mut other = Draft::new("study", "published numbers");
    let fresh = other.launch(id, kind, measure.into_iter().collect());
    let fact = if derived { row.metric().to_owned() } else { format!("note.{}", row.metric()) };
    let noted = if derived { fact_of(value) } else { Value::from(row.note()) };
    if derived || !row.note().is_empty() {
        fresh.facts.insert(fact, noted);
    }
    match (found, other.cases.pop()) {
        (Some(index), Some(new)) => merge(&mut draft.cases[index], new, row)?,
        (None, Some(new)) => draft.cases.push(new),
        (_, None) => {}
    }
    Ok(())
}

/// Adds the values of `new` to the only launch of `found`.
fn merge(
    found: &mut vbench_results::CaseResult,
    new: vbench_results::CaseResult,
    row: &Row,
) -> Result<(), Fault> {
    let twice = |name: &String| {
        let text = format!("{} {name} stands twice in this configuration", row.case());
        Fault::at(row.line, text)
    };
    if let Some(metric) = new
        .metrics
        .iter()
        .find(|metric| found.metrics.iter().any(|other| other.name == metric.name))
    {
        return Err(twice(&metric.name));
    }
    found.metrics.extend(new.metrics);
    let launches = found.launches.iter_mut().zip(new.launches);
    for (launch, added) in launches {
        launch.facts.extend(added.facts);
        match (launch.repeats.first_mut(), added.repeats.into_iter().next()) {
            (Some(repeat), Some(more)) => repeat.values.extend(more.values),
            (None, Some(more)) => {
                launch.repeats.push(more);
                launch.outcome = added.outcome;
            }
            (_, None) => {}
        }
    }
    Ok(())
}

fn fact_of(printed: Printed) -> Value {
    let whole = printed.value.fract() == 0.0 && printed.value.abs() < 1e15;
    if whole { Value::Integer(printed.value as i64) } else { Value::Number(printed.value) }
}

fn measure(row: &Row, value: Printed, better: Better) -> Result<Measure, Fault> {
    let (unit, factor) = unit_of(&row.fields[5])
        .ok_or_else(|| expected(row.line, "a known unit in column unit", &row.fields[5]))?;
    if value.value <= 0.0 {
        return Err(expected(row.line, "a value above zero", &row.fields[7]));
    }
    let measure = Measure::new(row.metric(), unit, better, value, factor);
    let quoted = row.note().starts_with("derived") || row.note().starts_with("text:");
    Ok(if quoted { measure.info() } else { measure })
}

/// The base unit of a printed one, and how many of them it is.
fn unit_of(text: &str) -> Option<(Unit, f64)> {
    Some(match text {
        "MB/s" => (BANDWIDTH, 1e6),
        "GB/s" => (BANDWIDTH, 1e9),
        "ns" => (TIME, 1e-9),
        "us" => (TIME, 1e-6),
        "ms" | "ms/iter" => (TIME, 1e-3),
        "s" => (TIME, 1.0),
        "EVS" | "EVS/thread" => (EVENTS, 1.0),
        "x" | "count" => (PLAIN, 1.0),
        _ => return None,
    })
}

fn kind_of(benchmark: &str) -> &'static str {
    match benchmark {
        "stream" => "memory",
        "mem_latency" => "latency",
        "sysbench_cpu" => "cpu",
        "matmul" | "pcie_bandwidth" | "nccl_all_reduce" => "gpu",
        _ => "published",
    }
}

/// What a table says about a system holds for each of its configurations that does not say it.
fn spread_facts(draft: &mut Draft, rows: &[Row]) -> Result<(), Fault> {
    let of_system = |row: &&Row| {
        row.is_fact() && row.config() == EVERY && draft.system.as_deref() == Some(row.system())
    };
    let found: Vec<&Row> = rows.iter().filter(of_system).collect();
    for row in found {
        let name = format!("guest.{}", row.metric());
        if !draft.environment.facts.contains_key(&name) {
            draft.stable_fact(&name, fact_of(row.value()?));
        }
        if !row.note().is_empty() && row.metric() == "gpus" {
            draft.stable_fact("guest.hardware", row.note());
        }
    }
    Ok(())
}
