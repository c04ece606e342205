//! Where runs are kept: `results/<system>/<config>/<run-id>/`, and how they get there whole.

pub mod baselines;
pub mod journal;

use self::journal::{JOURNAL, Recovered};
use crate::stats::{Summary, summarize};
use nix::sys::signal::{SigSet, Signal};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::NamedTempFile;
use vbench_results::{
    CaseResult, Metric, Outcome, ReadError, ResultSet, SummaryRow, read_runs, write_samples,
    write_summary,
};

/// Everything of a run.
pub const RESULT: &str = "result.json";
/// One row per sample.
pub const SAMPLES: &str = "samples.csv";
/// One row per case and metric.
pub const SUMMARY: &str = "summary.csv";

/// Longest folder name made from a user's name, in bytes; file systems allow 255.
const NAME_BYTES: usize = 80;

/// Makes a file that reaches the limit of its size (`ulimit -f`) an error of the write, which is told
/// with the file's name. Linux sends SIGXFSZ as well, which ends a process without a word unless it
/// is blocked or ignored (setrlimit(2)); threads and processes started later have it blocked, too.
pub fn outlive_size_limit() {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGXFSZ);
    let _ = signals.thread_block();
}

/// What to do about a file that cannot grow, as an imperative.
pub fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::FileTooLarge => "raise the limit of a file's size (ulimit -f)",
        _ => "make room",
    }
}

/// A folder name made from a name that is not trusted: letters, digits, `.`, `_` and `-` stay,
/// everything else becomes `-`. A changed name gets a hash, so that two names never share a folder.
///
/// # Errors
/// The name is empty or blank.
pub fn folder_name(name: &str) -> Result<String, String> {
    if name.trim().is_empty() {
        return Err("a name must not be empty".to_owned());
    }
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    let mut folder: String = name.chars().map(safe).collect();
    while folder.len() > NAME_BYTES {
        folder.pop();
    }
    let folder = folder.trim_start_matches(['.', '-']).to_owned();
    if folder == name {
        return Ok(folder);
    }
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let separator = if folder.is_empty() { "name-" } else { "-" };
    Ok(format!("{folder}{separator}{:08x}", hash as u32))
}

/// A new run id: UTC time to the second, and four hex digits drawn once.
pub fn run_id(now: SystemTime, draw: u16) -> String {
    let stamp = timestamp(now).replace([':', '-'], "");
    format!("{stamp}-{draw:04x}")
}

/// RFC 3339, UTC, to the second. A clock set before 1970 is shown as 1970.
pub fn timestamp(now: SystemTime) -> String {
    humantime::format_rfc3339_seconds(now.max(UNIX_EPOCH)).to_string()
}

/// Makes the folder of a new run.
///
/// # Errors
/// The folder that cannot be made, and why.
pub fn create(out: &Path, system: &str, config: &str, id: &str) -> io::Result<PathBuf> {
    let named = |name: &str| {
        folder_name(name).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
    };
    let folder = out.join(named(system)?).join(named(config)?).join(id);
    std::fs::create_dir_all(folder.parent().unwrap_or(out))?;
    std::fs::create_dir(&folder)?;
    Ok(folder)
}

/// Writes the three files of a finished run, each whole or not at all, then removes the journal.
///
/// # Errors
/// The file that cannot be written; the journal stays, so that nothing is lost.
pub fn finish(folder: &Path, results: &ResultSet) -> io::Result<()> {
    replace(&folder.join(SAMPLES), |out| write_samples(results, out))?;
    replace(&folder.join(SUMMARY), |out| write_summary(&summary_rows(results), out))?;
    replace(&folder.join(RESULT), |out| out.write_all(results.to_json().as_bytes()))?;
    match std::fs::remove_file(folder.join(JOURNAL)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes a file beside its place and moves it there: whole or not at all.
///
/// # Errors
/// The file that cannot be written, and why.
pub fn replace(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let name_it = |error: io::Error| {
        io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()))
    };
    let beside = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = beside.unwrap_or(Path::new("."));
    let attempt = || {
        let file = NamedTempFile::new_in(folder)?;
        // Past the temporary file's own writer, whose errors name it too.
        let mut out = io::BufWriter::new(file.as_file());
        write(&mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        // Temporary files are private; results are for everybody who may read the folder.
        let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        file.as_file().set_permissions(readable)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    attempt().map_err(name_it)
}

/// Whether a path is that of a `samples.csv`, by its extension.
pub fn is_csv(path: &Path) -> bool {
    path.is_file() && path.extension().is_some_and(|extension| extension == "csv")
}

/// Reads every run of a `samples.csv`.
///
/// # Errors
/// The file, and the row that is wrong.
pub fn read_csv(path: &Path) -> Result<Vec<ResultSet>, ReadError> {
    let text =
        std::fs::read(path).map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
    read_runs(&text, path)
}

/// Reads a run: a folder, finished or not, a `result.json`, or a `samples.csv` of one run.
///
/// # Errors
/// The file, and what is wrong with it.
pub fn read(path: &Path) -> Result<Stored, ReadError> {
    if is_csv(path) {
        let results = only_run(read_csv(path)?, path)?;
        return Ok(Stored::finished(results));
    }
    if path.is_file() {
        return Ok(Stored::finished(ResultSet::read(path)?));
    }
    let result = path.join(RESULT);
    if result.exists() || !path.join(JOURNAL).exists() {
        return Ok(Stored::finished(ResultSet::read(&result)?));
    }
    let running = journal::in_progress(path);
    let recovered = Recovered::read(path)?;
    // The last line of a run in progress may be half there.
    let damage = if running { Vec::new() } else { recovered.damage.clone() };
    Ok(Stored { results: recovered.results(), damage, finished: false, running })
}

fn only_run(mut runs: Vec<ResultSet>, path: &Path) -> Result<ResultSet, ReadError> {
    match (runs.pop(), runs.len()) {
        (Some(only), 0) => Ok(only),
        (last, others) => Err(ReadError::Invalid {
            path: path.to_owned(),
            message: format!(
                "holds {} runs, one is expected",
                others + usize::from(last.is_some())
            ),
        }),
    }
}

/// A run as read back.
pub struct Stored {
    /// What it holds.
    pub results: ResultSet,
    /// Damaged lines of an unfinished run.
    pub damage: Vec<String>,
    /// False for a run that ended before it was complete.
    pub finished: bool,
    /// A process is measuring it now.
    pub running: bool,
}

impl Stored {
    fn finished(results: ResultSet) -> Self {
        Self { results, damage: Vec::new(), finished: true, running: false }
    }
}

/// Every run folder under `out`, newest last by id.
pub fn runs(out: &Path) -> Vec<PathBuf> {
    let children = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
    };
    let configs = children(out).into_iter().flat_map(|system| children(&system));
    let mut runs: Vec<PathBuf> = configs
        .flat_map(|config| children(&config))
        .filter(|run| run.join(RESULT).exists() || run.join(JOURNAL).exists())
        .collect();
    runs.sort_by_key(|run| run.file_name().map(std::ffi::OsStr::to_owned));
    runs
}

/// The rows of `summary.csv`.
pub fn summary_rows(results: &ResultSet) -> Vec<SummaryRow> {
    results.cases.iter().flat_map(|case| case_rows(results, case)).collect()
}

fn case_rows(results: &ResultSet, case: &CaseResult) -> Vec<SummaryRow> {
    let summaries =
        case.metrics.iter().filter_map(|metric| Some((metric, summarize(case, metric)?)));
    let rows: Vec<SummaryRow> = summaries
        .map(|(metric, summary)| measured_row(empty_row(results, case), case, metric, summary))
        .collect();
    if rows.is_empty() { vec![empty_row(results, case)] } else { rows }
}

fn empty_row(results: &ResultSet, case: &CaseResult) -> SummaryRow {
    let (outcome, reason) = worst(case);
    SummaryRow {
        schema_version: results.schema_version.clone(),
        run_id: results.run.id.clone(),
        system: results.run.system.clone(),
        config: results.run.config.clone(),
        kind: case.kind.clone(),
        case: case.case.to_string(),
        version: case.version.clone(),
        metric: None,
        unit: None,
        better: None,
        role: None,
        estimator: case.estimator,
        headline: None,
        launches: 0,
        samples: 0,
        disturbed: 0,
        best: None,
        center: None,
        median: None,
        mean: None,
        sd_within: None,
        sd_between: None,
        cv: None,
        min: None,
        max: None,
        ci95_low: None,
        ci95_high: None,
        outcome,
        reason,
    }
}

fn measured_row(
    row: SummaryRow,
    case: &CaseResult,
    metric: &Metric,
    summary: Summary,
) -> SummaryRow {
    SummaryRow {
        metric: Some(metric.name.clone()),
        unit: Some(metric.unit.symbol.to_string()),
        better: Some(metric.better),
        role: Some(metric.role),
        headline: Some(summary.headline(case.estimator)),
        launches: summary.launches as u32,
        samples: summary.samples as u32,
        disturbed: summary.disturbed as u32,
        best: Some(summary.best),
        center: summary.center,
        median: Some(summary.median),
        mean: Some(summary.mean),
        sd_within: summary.sd_within,
        sd_between: summary.sd_between,
        cv: summary.sd_between.zip(summary.center).map(|(sd, center)| sd / center),
        min: Some(summary.min),
        max: Some(summary.max),
        ci95_low: summary.interval.map(|(low, _)| low),
        ci95_high: summary.interval.map(|(_, high)| high),
        reason: row.reason.clone().or(summary.reason),
        ..row
    }
}

/// The worst outcome of a case's launches, and its reason.
pub fn worst(case: &CaseResult) -> (String, Option<String>) {
    let severity = |outcome: &Outcome| match outcome {
        Outcome::Measured => 0,
        Outcome::Skipped { .. } => 1,
        Outcome::TimedOut { .. } => 2,
        Outcome::Failed { .. } => 3,
    };
    let worst = case.launches.iter().map(|launch| &launch.outcome).max_by_key(|o| severity(o));
    match worst {
        Some(outcome) => (outcome.state().to_owned(), outcome.reason().map(str::to_owned)),
        None => ("skipped".to_owned(), Some("not run yet".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::{folder_name, run_id};
    use proptest::prelude::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn plain_names_stay_as_they_are() {
        for name in ["default", "vcpu_pin_numa", "7x-H200", "größe", "v1.2"] {
            assert_eq!(folder_name(name).as_deref(), Ok(name));
        }
    }

    #[test]
    fn hostile_names_become_harmless_and_stay_apart() {
        assert!(folder_name("").is_err());
        assert!(folder_name(" \n").is_err());
        assert_ne!(folder_name("a/b"), folder_name("a-b"));
        assert_ne!(folder_name("a/b"), folder_name("a\nb"));
        assert!(folder_name(&"x".repeat(300)).unwrap().len() < 100);
    }

    #[test]
    fn run_ids_sort_by_time() {
        let at = |seconds| run_id(UNIX_EPOCH + Duration::from_secs(seconds), 0xbeef);
        assert_eq!(at(0), "19700101T000000Z-beef");
        assert!(at(1_000_000_000) < at(1_700_000_000));
    }

    proptest! {
        #[test]
        fn a_folder_name_is_one_plain_component(name in ".{1,300}") {
            if let Ok(folder) = folder_name(&name) {
                let path = std::path::Path::new(&folder);
                prop_assert_eq!(path.components().count(), 1);
                let normal = matches!(path.components().next(), Some(std::path::Component::Normal(_)));
                prop_assert!(normal && folder.len() <= 120);
                prop_assert!(!folder.chars().any(|c| c.is_control() || c == '/'));
            }
        }
    }
}
