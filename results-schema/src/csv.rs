//! `samples.csv` and `summary.csv`: rows, writers and readers.

use crate::{Better, CaseResult, Launch, ReadError, Repeat, ResultSet, Role, check_version};
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::path::Path;

/// The columns of `samples.csv`, with the meaning of each.
pub const SAMPLE_COLUMNS: &[(&str, &str)] = &[
    ("schema_version", "major.minor of the format"),
    ("run_id", "unique within system and config"),
    ("system", "the machine's name"),
    ("config", "the configuration's name"),
    ("boot_id", "boot of the machine; empty when unknown"),
    ("launch", "launch number, from 1"),
    ("repeat", "repeat within the launch, from 1; empty without a value"),
    ("position", "place of the launch in the run's order, from 1; 0 when never started"),
    ("kind", "label that groups benchmarks"),
    ("benchmark", "module::function"),
    ("params", "axis=value, comma-separated, sorted by axis"),
    ("case", "benchmark and params: the id"),
    ("version", "version of the benchmark's code"),
    ("metric", "metric name; empty without a value"),
    ("unit", "base unit: s, B/s, event/s, FLOP/s, or a user's own"),
    ("better", "higher or lower"),
    ("role", "gated, info or control"),
    ("value", "in the base unit; empty without a value"),
    ("at_s", "seconds since the run began"),
    ("steal_s", "CPU time taken by the hypervisor during the repeat, seconds; empty when unknown"),
    ("involuntary_switches", "during the repeat; empty when unknown"),
    ("migrations", "thread moves between CPUs during the repeat; empty when unknown"),
    ("major_faults", "page faults from disk during the repeat; empty when unknown"),
    ("disturbed", "true when the evidence passed a limit"),
    ("outcome", "measured, skipped, failed or timed-out"),
    ("reason", "why there is no value, or why it is disturbed"),
];

/// One row of `samples.csv`: one recorded value, or one launch without any.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "every column is described in SAMPLE_COLUMNS")]
pub struct SampleRow {
    pub schema_version: String,
    pub run_id: String,
    pub system: String,
    pub config: String,
    pub boot_id: Option<String>,
    pub launch: u32,
    pub repeat: Option<u32>,
    pub position: u32,
    pub kind: String,
    pub benchmark: String,
    pub params: String,
    pub case: String,
    pub version: String,
    pub metric: Option<String>,
    pub unit: Option<String>,
    pub better: Option<Better>,
    pub role: Option<Role>,
    pub value: Option<f64>,
    pub at_s: f64,
    pub steal_s: Option<f64>,
    pub involuntary_switches: Option<u64>,
    pub migrations: Option<u64>,
    pub major_faults: Option<u64>,
    pub disturbed: bool,
    pub outcome: String,
    pub reason: Option<String>,
}

/// The columns of `summary.csv`, with the meaning of each.
pub const SUMMARY_COLUMNS: &[(&str, &str)] = &[
    ("schema_version", "major.minor of the format"),
    ("run_id", "unique within system and config"),
    ("system", "the machine's name"),
    ("config", "the configuration's name"),
    ("kind", "label that groups benchmarks"),
    ("case", "benchmark and params"),
    ("version", "version of the benchmark's code"),
    ("metric", "metric name; empty without a value"),
    ("unit", "base unit"),
    ("better", "higher or lower"),
    ("role", "gated, info or control"),
    ("estimator", "how the headline is read: best or center"),
    ("headline", "the printed number: best or center"),
    ("launches", "launches with a value"),
    ("samples", "values over all launches"),
    ("disturbed", "values marked as disturbed"),
    ("best", "best value of all repeats"),
    ("center", "geometric mean over launches of each launch's 20% trimmed mean of logs"),
    ("median", "of all values"),
    ("mean", "of all values"),
    ("sd_within", "standard deviation of repeats within a launch, pooled; empty below 2 repeats"),
    ("sd_between", "standard deviation of the launches' centers; empty below 2 launches"),
    ("cv", "sd_between / center; empty below 2 launches"),
    ("min", "of all values"),
    ("max", "of all values"),
    ("ci95_low", "95% interval of the center over launches; empty below 2 launches"),
    ("ci95_high", "95% interval of the center over launches; empty below 2 launches"),
    ("outcome", "measured, skipped, failed or timed-out: the worst of the launches"),
    ("reason", "why a value or an interval is missing"),
];

/// One row of `summary.csv`: one case and metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "every column is described in SUMMARY_COLUMNS")]
pub struct SummaryRow {
    pub schema_version: String,
    pub run_id: String,
    pub system: String,
    pub config: String,
    pub kind: String,
    pub case: String,
    pub version: String,
    pub metric: Option<String>,
    pub unit: Option<String>,
    pub better: Option<Better>,
    pub role: Option<Role>,
    pub estimator: crate::Estimator,
    pub headline: Option<f64>,
    pub launches: u32,
    pub samples: u32,
    pub disturbed: u32,
    pub best: Option<f64>,
    pub center: Option<f64>,
    pub median: Option<f64>,
    pub mean: Option<f64>,
    pub sd_within: Option<f64>,
    pub sd_between: Option<f64>,
    pub cv: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub ci95_low: Option<f64>,
    pub ci95_high: Option<f64>,
    pub outcome: String,
    pub reason: Option<String>,
}

impl ResultSet {
    /// Every row of `samples.csv`, in the order of cases, launches, repeats and metrics.
    pub fn sample_rows(&self) -> impl Iterator<Item = SampleRow> + '_ {
        self.cases.iter().flat_map(move |case| {
            let blank = self.blank_row(case);
            case.launches.iter().flat_map(move |launch| launch_rows(case, launch, blank.clone()))
        })
    }

    fn blank_row(&self, case: &CaseResult) -> SampleRow {
        SampleRow {
            schema_version: self.schema_version.clone(),
            run_id: self.run.id.clone(),
            system: self.run.system.clone(),
            config: self.run.config.clone(),
            boot_id: None,
            launch: 0,
            repeat: None,
            position: 0,
            kind: case.kind.clone(),
            benchmark: case.case.benchmark.clone(),
            params: case.case.params_text(),
            case: case.case.to_string(),
            version: case.version.clone(),
            metric: None,
            unit: None,
            better: None,
            role: None,
            value: None,
            at_s: 0.0,
            steal_s: None,
            involuntary_switches: None,
            migrations: None,
            major_faults: None,
            disturbed: false,
            outcome: String::new(),
            reason: None,
        }
    }
}

fn launch_rows(case: &CaseResult, launch: &Launch, blank: SampleRow) -> Vec<SampleRow> {
    let row = SampleRow {
        boot_id: launch.boot_id.clone(),
        launch: launch.launch,
        position: launch.position,
        at_s: launch.at_s,
        outcome: launch.outcome.state().to_owned(),
        reason: launch.outcome.reason().map(str::to_owned),
        ..blank
    };
    if launch.repeats.is_empty() {
        return vec![row];
    }
    launch.repeats.iter().flat_map(|repeat| repeat_rows(case, repeat, &row)).collect()
}

fn repeat_rows(case: &CaseResult, repeat: &Repeat, launch: &SampleRow) -> Vec<SampleRow> {
    let (counts, disturbed) = (repeat.evidence.counts(), &repeat.evidence.disturbed);
    let rows = case.metrics.iter().filter_map(|metric| {
        Some(SampleRow {
            repeat: Some(repeat.repeat),
            metric: Some(metric.name.clone()),
            unit: Some(metric.unit.symbol.to_string()),
            better: Some(metric.better),
            role: Some(metric.role),
            value: Some(*repeat.values.get(&metric.name)?),
            at_s: repeat.at_s,
            steal_s: counts.steal_s,
            involuntary_switches: counts.involuntary_switches,
            migrations: counts.migrations,
            major_faults: counts.major_faults,
            disturbed: disturbed.is_some(),
            reason: disturbed.clone(),
            ..launch.clone()
        })
    });
    rows.collect()
}

/// Writes `samples.csv`.
///
/// # Errors
/// What the writer says.
pub fn write_samples(results: &ResultSet, out: impl Write) -> io::Result<()> {
    write_rows(results.sample_rows(), SAMPLE_COLUMNS, out)
}

/// Writes `summary.csv`.
///
/// # Errors
/// What the writer says.
pub fn write_summary(rows: &[SummaryRow], out: impl Write) -> io::Result<()> {
    write_rows(rows.iter(), SUMMARY_COLUMNS, out)
}

fn write_rows<R: Serialize>(
    rows: impl Iterator<Item = R>,
    columns: &[(&str, &str)],
    out: impl Write,
) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(out);
    writer.write_record(columns.iter().map(|(name, _)| name))?;
    for row in rows {
        writer.serialize(row)?;
    }
    writer.flush()
}

/// Reads `samples.csv`; `path` is named in errors.
///
/// # Errors
/// The file and line, and what is wrong: a newer version, a missing column, a bad value.
pub fn read_samples(input: impl Read, path: &Path) -> Result<Vec<SampleRow>, ReadError> {
    let rows = read_rows::<SampleRow>(input, path, &["repeat", "metric", "value"])?;
    let bad = rows.iter().position(|row| row.value.is_some_and(|value| !value.is_finite()));
    match bad {
        Some(index) => Err(ReadError::Invalid {
            path: path.to_owned(),
            message: format!("row {}: value is not a finite number", index + 1),
        }),
        None => Ok(rows),
    }
}

/// Reads `summary.csv`; `path` is named in errors.
///
/// # Errors
/// As [`read_samples`].
pub fn read_summary(input: impl Read, path: &Path) -> Result<Vec<SummaryRow>, ReadError> {
    read_rows(input, path, &[])
}

/// Rows under a header. `optional` are columns whose fields may be empty, but which must be there: a
/// missing one would read as a column of empty fields.
fn read_rows<R: for<'de> Deserialize<'de>>(
    input: impl Read,
    path: &Path,
    optional: &[&str],
) -> Result<Vec<R>, ReadError> {
    let invalid = |message: String| ReadError::Invalid { path: path.to_owned(), message };
    let mut reader = csv::Reader::from_reader(input);
    let headers = reader.headers().map_err(|error| invalid(error.to_string()))?.clone();
    if headers.get(0) != Some("schema_version") {
        return Err(invalid("line 1: the first column must be schema_version".into()));
    }
    let mut rows = Vec::new();
    let missing = optional.iter().find(|name| !headers.iter().any(|header| header == **name));
    for record in reader.records() {
        let record = record.map_err(|error| invalid(error.to_string()))?;
        // A newer major may have other columns: its version is looked at first.
        check_version(record.get(0).unwrap_or_default()).map_err(|found| {
            let line = record.position().map(|at| format!(" in line {}", at.line()));
            let found = found + &line.unwrap_or_default();
            ReadError::Newer { path: path.to_owned(), found }
        })?;
        if let Some(name) = missing {
            return Err(invalid(format!("line 1: there is no column {name:?}")));
        }
        rows.push(record.deserialize(Some(&headers)).map_err(|error| invalid(error.to_string()))?);
    }
    Ok(rows)
}
