//! Runs out of `samples.csv`: the same samples as in `result.json`, without what the CSV leaves out.
//!
//! A file as vbench writes it is read in one pass over borrowed text. Whatever that pass does not
//! expect (other columns, escaped quotes, a bad value, a contradiction) is left to the csv crate,
//! row by row, which either reads it or says which line is wrong.

mod row;

use self::row::{Records, Row};
use crate::csv::{SAMPLE_COLUMNS, read_samples};
use crate::{
    CaseId, CaseResult, Environment, Estimator, Launch, Metric, ReadError, Repeat, ResultSet, Run,
    Unit, Values, check_version,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

/// Said of a value whose run, case, launch, repeat and metric an earlier row has as well.
const TWICE: &str = "this value stands twice in the file";

/// Reads every run of a `samples.csv`, in the order of their first rows; `path` is named in errors.
///
/// Several files may stand one after the other without their headers, and rows in any order. What
/// the CSV does not hold is absent from the result sets: facts, fingerprint, profile, resolution,
/// exactness; durations and iteration counts are zero, and every estimator is the center. The start
/// of a run is read from its id.
///
/// # Errors
/// The file and line, and what is wrong: a newer version, a missing column, a bad value, a row that
/// stands twice, rows that contradict each other.
pub fn read_runs(text: &[u8], path: &Path) -> Result<Vec<ResultSet>, ReadError> {
    match as_written(text) {
        Some(runs) => Ok(runs),
        None => row_by_row(text, path),
    }
}

/// The runs of a file as vbench writes it; `None` for anything else.
fn as_written(text: &[u8]) -> Option<Vec<ResultSet>> {
    let mut records = Records { rest: std::str::from_utf8(text).ok()? };
    let header = records.next()??;
    if !header.iter().zip(SAMPLE_COLUMNS).all(|(field, (name, _))| field == name) {
        return None;
    }
    let (mut builder, mut version) = (Builder::default(), "");
    for fields in records {
        let fields = fields?;
        if fields[0] != version {
            version = fields[0];
            check_version(version).ok()?;
        }
        builder.add(&Row::parse(&fields)?).ok()?;
    }
    builder.finish().ok()
}

/// Reads with the csv crate, which knows the line of what is wrong.
fn row_by_row(text: &[u8], path: &Path) -> Result<Vec<ResultSet>, ReadError> {
    let rows = read_samples(text, path)?;
    let invalid = |message: String| ReadError::Invalid { path: path.to_owned(), message };
    let (mut builder, mut seen) = (Builder::default(), BTreeSet::new());
    for (index, row) in rows.iter().enumerate() {
        let row = Row::from(row);
        let added = match row.repeat.is_some() && !seen.insert(row.key()) {
            true => Err(TWICE.to_owned()),
            false => builder.add(&row),
        };
        added.map_err(|what| invalid(format!("row {}: {what}", index + 1)))?;
    }
    builder.finish().map_err(invalid)
}

/// Result sets under construction. Neighbouring rows mostly share run, case, launch and repeat, so
/// each is looked up only where it differs from that of the row before.
#[derive(Default)]
struct Builder {
    runs: Vec<ResultSet>,
    /// Run and case of the row before.
    at: Option<(usize, usize)>,
    run_of: HashMap<(String, String, String), usize>,
    case_of: HashMap<(usize, String), usize>,
    /// Case as text, of every case of every run.
    names: Vec<Vec<String>>,
}

impl Builder {
    /// Adds a row, or says what is wrong with it.
    fn add(&mut self, row: &Row<'_>) -> Result<(), String> {
        let (run, case) = self.place(row)?;
        let case = &mut self.runs[run].cases[case];
        if case.kind != row.kind || case.version != row.version {
            return Err(format!("{} has another kind or version than before", row.case));
        }
        let measured = row.measured()?;
        let launch = launch(case, row)?;
        let Some((number, name, value)) = measured else { return Ok(()) };
        if launch.repeats.last().is_none_or(|repeat| repeat.repeat != number) {
            launch.repeats.push(Repeat {
                repeat: number,
                at_s: row.at_s,
                elapsed_s: 0.0,
                iterations: 0,
                values: Values::new(),
                evidence: row.evidence(),
            });
        }
        let repeat = launch.repeats.last_mut();
        if repeat.is_some_and(|repeat| repeat.values.insert(name.to_owned(), value).is_some()) {
            return Err(TWICE.to_owned());
        }
        same_metric(&mut case.metrics, row, name)
    }

    /// Where the row's case is, made where it is not there yet.
    fn place(&mut self, row: &Row<'_>) -> Result<(usize, usize), String> {
        if let Some((run, case)) = self.at {
            let at = &self.runs[run].run;
            let same = self.names[run][case] == row.case && at.id == row.run_id;
            if same && at.system == row.system && at.config == row.config {
                return Ok((run, case));
            }
        }
        let run = self.run(row);
        let key = (run, row.case.to_owned());
        let case = match self.case_of.get(&key) {
            Some(case) => *case,
            None => {
                let id: CaseId =
                    row.case.parse().map_err(|error: crate::CaseIdError| error.to_string())?;
                self.runs[run].cases.push(empty_case(id, row));
                self.names[run].push(row.case.to_owned());
                let case = self.runs[run].cases.len() - 1;
                self.case_of.insert(key, case);
                case
            }
        };
        self.at = Some((run, case));
        Ok((run, case))
    }

    fn run(&mut self, row: &Row<'_>) -> usize {
        let key = [row.system, row.config, row.run_id].map(str::to_owned).into();
        *self.run_of.entry(key).or_insert_with(|| {
            self.runs.push(empty_run(row));
            self.names.push(Vec::new());
            self.runs.len() - 1
        })
    }

    /// Brings launches and repeats in order, or says which launch contradicts itself.
    fn finish(mut self) -> Result<Vec<ResultSet>, String> {
        for run in &mut self.runs {
            for case in &mut run.cases {
                merge_launches(&mut case.launches)
                    .map_err(|what| format!("{} of run {}: {what}", case.case, run.run.id))?;
            }
            let launches = run.cases.iter().flat_map(|case| &case.launches);
            run.run.launches = launches.map(|launch| launch.launch).max().unwrap_or_default();
        }
        Ok(self.runs)
    }
}

/// The launch of a row: the one before, or one more; those of equal number are merged at the end.
fn launch<'c>(case: &'c mut CaseResult, row: &Row<'_>) -> Result<&'c mut Launch, String> {
    let same = |launch: &Launch| {
        launch.launch == row.launch
            && launch.boot_id.as_deref() == row.boot_id
            && launch.outcome.state() == row.outcome
    };
    if !case.launches.last().is_some_and(same) {
        case.launches.push(Launch {
            launch: row.launch,
            boot_id: row.boot_id.map(str::to_owned),
            position: row.position,
            at_s: row.at_s,
            elapsed_s: 0.0,
            outcome: row.outcome()?,
            facts: BTreeMap::new(),
            repeats: Vec::new(),
        });
    }
    let launch = case.launches.last_mut().ok_or_else(String::new)?;
    launch.at_s = launch.at_s.min(row.at_s);
    Ok(launch)
}

/// Checks that a metric has the unit and direction it had before, and knows a new one.
fn same_metric(metrics: &mut Vec<Metric>, row: &Row<'_>, name: &str) -> Result<(), String> {
    let (Some(unit), Some(better)) = (row.unit, row.better) else {
        return Err(format!("{name} has no unit or no direction"));
    };
    let role = row.role.unwrap_or_default();
    match metrics.iter().find(|metric| metric.name == name) {
        Some(known) if (&*known.unit.symbol, known.better, known.role) == (unit, better, role) => {
            Ok(())
        }
        Some(_) => Err(format!("{name} has another unit, direction or role than before")),
        None => {
            let (name, unit) = (name.to_owned(), Unit::of_symbol(unit));
            metrics.push(Metric { name, unit, better, role, resolution: None, exact: false });
            Ok(())
        }
    }
}

fn merge_launches(launches: &mut Vec<Launch>) -> Result<(), String> {
    if !launches.is_sorted_by(|a, b| a.launch < b.launch) {
        launches.sort_by_key(|launch| launch.launch);
        let mut merged: Vec<Launch> = Vec::new();
        for launch in launches.drain(..) {
            let same = merged.last_mut().filter(|last| last.launch == launch.launch);
            let Some(same) = same else {
                merged.push(launch);
                continue;
            };
            if (&same.boot_id, &same.outcome) != (&launch.boot_id, &launch.outcome) {
                return Err(format!("launch {} has two boots or outcomes", launch.launch));
            }
            same.at_s = same.at_s.min(launch.at_s);
            same.repeats.extend(launch.repeats);
        }
        *launches = merged;
    }
    launches.iter_mut().try_for_each(|launch| {
        merge_repeats(&mut launch.repeats)
            .map_err(|repeat| format!("launch {}: repeat {repeat} stands twice", launch.launch))
    })
}

/// Joins what is known of a repeat; its number when a value of it stands twice.
fn merge_repeats(repeats: &mut Vec<Repeat>) -> Result<(), u32> {
    if repeats.is_sorted_by(|a, b| a.repeat < b.repeat) {
        return Ok(());
    }
    repeats.sort_by_key(|repeat| repeat.repeat);
    let mut merged: Vec<Repeat> = Vec::new();
    for repeat in repeats.drain(..) {
        match merged.last_mut().filter(|last| last.repeat == repeat.repeat) {
            Some(last) => {
                let both = last.values.len() + repeat.values.len();
                last.values.extend(repeat.values);
                if last.values.len() < both {
                    return Err(repeat.repeat);
                }
            }
            None => merged.push(repeat),
        }
    }
    *repeats = merged;
    Ok(())
}

fn empty_run(row: &Row<'_>) -> ResultSet {
    let run = Run {
        id: row.run_id.to_owned(),
        system: row.system.to_owned(),
        config: row.config.to_owned(),
        started_at: started(row.run_id).unwrap_or_default(),
        ..Run::default()
    };
    let mut results = ResultSet::new(run, Environment::default());
    row.schema_version.clone_into(&mut results.schema_version);
    results
}

fn empty_case(case: CaseId, row: &Row<'_>) -> CaseResult {
    CaseResult {
        case,
        kind: row.kind.to_owned(),
        version: row.version.to_owned(),
        estimator: Estimator::Center,
        metrics: Vec::new(),
        launches: Vec::new(),
    }
}

/// `2026-01-02T03:04:05Z` out of `20260102T030405Z-beef`, the form of a run's id.
fn started(id: &str) -> Option<String> {
    let stamp = id.split('-').next().filter(|stamp| stamp.len() == 16 && stamp.is_ascii())?;
    let digits = stamp.bytes().enumerate().all(|(index, byte)| match index {
        8 => byte == b'T',
        15 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    });
    digits.then(|| {
        format!(
            "{}-{}-{}T{}:{}:{}Z",
            &stamp[..4],
            &stamp[4..6],
            &stamp[6..8],
            &stamp[9..11],
            &stamp[11..13],
            &stamp[13..15]
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{as_written, read_runs, started};
    use std::path::Path;

    const EXAMPLE: &str = include_str!("../examples/v1/samples-1.0.csv");

    /// The example without the row whose reason has quotes in it.
    fn plain() -> String {
        let (before, after) = EXAMPLE
            .split_once(
                "1.0,20260102T030405Z-beef,example-cpu,vcpu_pin,,1,,1,memory,memory::broken",
            )
            .unwrap();
        let rest = after.split_once("and c\"\n").unwrap().1;
        format!("{before}{rest}")
    }

    #[test]
    fn what_vbench_writes_is_read_in_one_pass_and_row_by_row_alike() {
        let fast = as_written(plain().as_bytes()).unwrap();
        // A byte order mark is no part of the first column, and takes the other way.
        let marked = format!("\u{feff}{}", plain());
        assert_eq!(as_written(marked.as_bytes()), None);
        assert_eq!(read_runs(marked.as_bytes(), Path::new("x")).unwrap(), fast);
        assert_eq!(as_written(EXAMPLE.as_bytes()), None, "quotes within quotes take the other way");
    }

    #[test]
    fn what_is_not_as_written_is_left_to_the_other_way() {
        let text = plain();
        let first = text.lines().nth(1).unwrap();
        for (what, changed) in [
            ("a field too many", format!("{first},x")),
            ("a field too few", first.rsplit_once(',').unwrap().0.to_owned()),
            ("a quote inside a field", first.replacen("vcpu", "vc\"pu", 1)),
            ("text after a quoted field", first.replacen("1.0,", "\"1.0\"x,", 1)),
            ("a newer version", first.replacen("1.0", "2.0", 1)),
            ("no number", first.replacen(",1,", ",one,", 1)),
            ("no direction", first.replacen("higher", "up", 1)),
        ] {
            assert_eq!(as_written(text.replacen(first, &changed, 1).as_bytes()), None, "{what}");
        }
    }

    #[test]
    fn the_start_of_a_run_is_read_from_its_id() {
        assert_eq!(started("20260102T030405Z-beef").as_deref(), Some("2026-01-02T03:04:05Z"));
        for id in ["", "beef", "20260102T030405", "2026010ZT030405Z-beef", "20260102T03040\u{e9}-x"]
        {
            assert_eq!(started(id), None, "{id}");
        }
    }
}
