//! `samples.csv` and `summary.csv` of many runs, safe to open in a spreadsheet.
//!
//! Stored files keep every name as it was given, because they must read back. Here a text that a
//! spreadsheet would run as a formula gets an apostrophe in front, which spreadsheets do not show.

use super::{Document, Export, Format};
use crate::store;
use crate::text::guard;
use std::io;
use vbench_results::{
    CaseId, CaseResult, Launch, Outcome, ResultSet, write_samples, write_summary,
};

pub const SAMPLES: Format = Format {
    name: "csv",
    about: "one row per sample, as samples.csv; formulas in names are made harmless",
    write: |export| table(export, |run, out| write_samples(run, out)),
};

pub const SUMMARY: Format = Format {
    name: "summary",
    about: "one row per case and metric, as summary.csv; likewise",
    write: |export| table(export, |run, out| write_summary(&store::summary_rows(run), out)),
};

fn table(
    export: &Export<'_>,
    write: impl Fn(&ResultSet, &mut Vec<u8>) -> io::Result<()>,
) -> Result<Vec<Document>, String> {
    let mut text = String::new();
    for run in export.configurations.iter().flat_map(|configuration| configuration.runs) {
        let mut rows = Vec::new();
        let written = write(&guarded(run), &mut rows).map_err(|error| error.to_string());
        let written = written.and_then(|()| String::from_utf8(rows).map_err(|e| e.to_string()));
        let rows = written.map_err(|error| format!("cannot write CSV: {error}"))?;
        // Column names hold no line break: the first line is the header, once.
        let rows = if text.is_empty() {
            &rows
        } else {
            rows.split_once('\n').map_or("", |(_, rest)| rest)
        };
        text.push_str(rows);
    }
    Ok(Document::only(text))
}

/// The run with every text that becomes a cell guarded; numbers are not touched.
fn guarded(run: &ResultSet) -> ResultSet {
    let mut safe = run.clone();
    for text in [&mut safe.run.id, &mut safe.run.system, &mut safe.run.config] {
        *text = guard(text);
    }
    safe.cases.iter_mut().for_each(guard_case);
    safe
}

fn guard_case(case: &mut CaseResult) {
    let CaseId { benchmark, params } = &case.case;
    let params = params.iter().map(|(axis, value)| (guard(axis), value.clone())).collect();
    case.case = CaseId { benchmark: guard(benchmark), params };
    case.kind = guard(&case.kind);
    case.version = guard(&case.version);
    for metric in &mut case.metrics {
        metric.name = guard(&metric.name);
        metric.unit.symbol = guard(&metric.unit.symbol).into();
    }
    case.launches.iter_mut().for_each(guard_launch);
}

fn guard_launch(launch: &mut Launch) {
    launch.boot_id = launch.boot_id.as_deref().map(guard);
    match &mut launch.outcome {
        Outcome::Measured => {}
        Outcome::Skipped { reason } | Outcome::Failed { reason } | Outcome::TimedOut { reason } => {
            *reason = guard(reason);
        }
    }
    for repeat in &mut launch.repeats {
        repeat.values =
            repeat.values.iter().map(|(metric, value)| (guard(metric), *value)).collect();
        repeat.evidence.disturbed = repeat.evidence.disturbed.as_deref().map(guard);
    }
}
