//! The journal: a line per finished launch, so that a killed run loses only the one in flight.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use vbench_results::{
    CaseId, JournalHeader, JournalLine, Launch, ReadError, ResultSet, check_version,
};

/// File name of the journal inside a run's folder.
pub const JOURNAL: &str = "journal.jsonl";

/// An open journal. Every line is on disk before the next launch starts, and no other process writes
/// it meanwhile.
pub struct Journal {
    file: File,
    path: PathBuf,
}

/// A journal as found on disk.
#[derive(Debug)]
pub struct Recovered {
    /// Its first line.
    pub header: JournalHeader,
    /// Finished launches, without the damaged ones.
    pub lines: Vec<JournalLine>,
    /// What was damaged, one sentence each.
    pub damage: Vec<String>,
    /// Length of the part up to the last whole line.
    whole: u64,
}

impl Journal {
    /// Starts the journal of a new run.
    ///
    /// # Errors
    /// The file cannot be made or written.
    pub fn create(folder: &Path, header: &JournalHeader) -> io::Result<Self> {
        let path = folder.join(JOURNAL);
        let header = serde_json::to_string(header)?;
        // Whole or not at all: a journal without its header could not be read.
        super::replace(&path, |out| out.write_all(format!("{header}\n").as_bytes()))?;
        Self::open(path)
    }

    fn open(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).open(&path)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let message = "another process writes it: that run is still in progress";
                Err(io::Error::new(io::ErrorKind::WouldBlock, message))
            }
            // Some network file systems have no locks; there nobody is kept out.
            _ => Ok(Self { file, path }),
        }
    }

    /// Continues the journal of an interrupted run, after its last whole line.
    ///
    /// # Errors
    /// The file cannot be opened or cut, or another process is writing it.
    pub fn reopen(folder: &Path, recovered: &Recovered) -> io::Result<Self> {
        let journal = Self::open(folder.join(JOURNAL))?;
        journal.file.set_len(recovered.whole)?;
        Ok(journal)
    }

    /// Adds a finished launch.
    ///
    /// # Errors
    /// The line cannot be written: a full disk, say.
    pub fn append(&mut self, case: &CaseId, launch: &Launch) -> io::Result<()> {
        let line = JournalLine { case: case.clone(), launch: launch.clone() };
        self.write(&serde_json::to_string(&line)?)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        self.file.write_all(format!("{line}\n").as_bytes())?;
        self.file.sync_data()
    }
}

/// Whether a process is writing the journal in `folder` now.
pub fn in_progress(folder: &Path) -> bool {
    let open = File::open(folder.join(JOURNAL));
    open.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

impl Recovered {
    /// Reads the journal in `folder`. A line that is cut short or damaged is left out and named.
    ///
    /// # Errors
    /// No journal, one of a newer vbench, or one whose first line is damaged.
    pub fn read(folder: &Path) -> Result<Self, ReadError> {
        let path = folder.join(JOURNAL);
        let bytes =
            std::fs::read(&path).map_err(|source| ReadError::Io { path: path.clone(), source })?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut lines = bytes[..whole].split(|byte| *byte == b'\n');
        let header = read_header(lines.next().unwrap_or_default(), &path)?;
        let mut recovered =
            Self { header, lines: Vec::new(), damage: Vec::new(), whole: whole as u64 };
        for (index, line) in lines.enumerate().filter(|(_, line)| !line.is_empty()) {
            match serde_json::from_slice(line) {
                Ok(line) => recovered.lines.push(line),
                Err(error) => recovered.damage.push(format!(
                    "{} line {}: damaged ({error}); that launch runs again",
                    path.display(),
                    index + 2
                )),
            }
        }
        if whole < bytes.len() {
            recovered.damage.push(format!(
                "{}: the last line is cut short; that launch runs again",
                path.display()
            ));
        }
        Ok(recovered)
    }

    /// The run so far, as a result set without an end.
    pub fn results(&self) -> ResultSet {
        let mut results = ResultSet::new(self.header.run.clone(), self.header.environment.clone());
        results.schema_version.clone_from(&self.header.schema_version);
        results.cases.clone_from(&self.header.cases);
        for line in &self.lines {
            let case = results.cases.iter_mut().find(|result| result.case == line.case);
            let Some(case) = case else { continue };
            if !case.launches.iter().any(|launch| launch.launch == line.launch.launch) {
                case.launches.push(line.launch.clone());
            }
        }
        results
    }
}

fn read_header(line: &[u8], path: &Path) -> Result<JournalHeader, ReadError> {
    let invalid = |message: String| ReadError::Invalid { path: path.to_owned(), message };
    let value: serde_json::Value = serde_json::from_slice(line).map_err(|error| {
        invalid(format!("line 1 is damaged ({error}): nothing can be resumed from it"))
    })?;
    let version = value.get("schema_version").and_then(serde_json::Value::as_str);
    check_version(version.unwrap_or_default())
        .map_err(|found| ReadError::Newer { path: path.to_owned(), found })?;
    serde_json::from_value(value).map_err(|error| invalid(format!("line 1: {error}")))
}
