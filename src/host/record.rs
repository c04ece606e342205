//! Recordings: every question that was asked, with its answer, and how they are stored.

use super::tree::{MANIFEST, Manifest};
use super::{Answer, Kind, Question, Unreadable};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What was asked so far.
#[derive(Debug, Default)]
pub(super) struct Record {
    answers: Mutex<BTreeMap<Question, Answer>>,
}

/// What a stored recording holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Files stored.
    pub files: usize,
    /// Their size.
    pub bytes: u64,
    /// Questions without an answer.
    pub failures: usize,
}

/// A file of a recording that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct WriteError {
    path: PathBuf,
    source: io::Error,
}

impl Record {
    pub(super) fn answer(&self, question: Question, ask: impl Fn(&Question) -> Answer) -> Answer {
        if let Some(answer) = self.lock().get(&question) {
            return answer.clone();
        }
        let answer = ask(&question);
        self.lock().entry(question).or_insert(answer).clone()
    }

    /// Takes back what files said, and all questions about control groups, whose paths are names.
    pub(super) fn forget(&self, paths: &BTreeSet<String>) {
        self.lock().retain(|question, _| !question.subject.starts_with("/sys/fs/cgroup"));
        for (question, answer) in self.lock().iter_mut() {
            if question.kind == Kind::File && paths.contains(&question.subject) {
                *answer = Err(Unreadable::because("redacted"));
            }
        }
    }

    /// Writes the files, then the manifest: a folder without one is no capture.
    pub(super) fn write(&self, dir: &Path) -> Result<Recorded, WriteError> {
        let mut manifest = Manifest::new();
        let mut recorded = Recorded::default();
        for (question, answer) in self.lock().iter() {
            match answer {
                Err(why) => {
                    recorded.failures += 1;
                    manifest.failures.insert(question.to_string(), why.to_string());
                }
                Ok(bytes) if question.kind == Kind::File && store(dir, question, bytes).is_ok() => {
                    recorded.files += 1;
                    recorded.bytes += bytes.len() as u64;
                }
                Ok(bytes) => {
                    let text = String::from_utf8_lossy(bytes).into_owned();
                    manifest.answers.insert(question.to_string(), text);
                }
            }
        }
        let path = dir.join(MANIFEST);
        let text = serde_json::to_vec_pretty(&manifest).map_err(io::Error::from);
        let written = text.and_then(|text| fs::write(&path, text));
        written.map(|()| recorded).map_err(|source| WriteError { path, source })
    }

    /// A thread that panicked while asking leaves the answers as they were.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Question, Answer>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file under its own path. A name that the disk refuses goes into the manifest instead.
fn store(dir: &Path, question: &Question, bytes: &[u8]) -> io::Result<()> {
    let path = dir.join(question.subject.trim_start_matches('/'));
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, bytes)
}

#[cfg(test)]
mod tests {
    use super::super::Host;

    #[test]
    fn a_replay_answers_as_the_machine_did() {
        let first = Host::of(&[
            ("file /proc/version", " Linux \n"),
            ("file /proc", "a file where a folder must be"),
            ("list /sys", "b\na"),
            ("link /sys/a", "../b"),
            ("cpuid hypervisor", "KVMKVMKVM"),
            ("tool echo hi", "hi"),
        ])
        .recorded();
        let ask = |host: &Host| {
            (
                (host.read("/proc/version"), host.bytes("/proc/version"), host.read("/proc")),
                (host.list("/sys"), host.canonical("/sys/a"), host.read("/sys/none")),
                (host.cpuid_hypervisor(), host.tool("echo hi"), host.tool("ls"), host.affinity()),
            )
        };
        let said = ask(&first);
        let dir = tempfile::tempdir().expect("a temporary folder");
        let recorded = first.write_record(dir.path()).expect("written");
        assert_eq!((recorded.files, recorded.failures), (1, 3));
        assert_eq!(ask(&Host::tree(dir.path()).expect("a capture")), said);
    }
}
