//! The machine as files: one object through which every sysfs and procfs file and tool is read.
//!
//! A [`Host`] is this machine, or a stored tree that stands in for one. Every read is a question
//! with one answer, a failure included, so that a recording holds exactly what was asked and a
//! replay of it says the same again.

pub mod affinity;
pub mod cgroup;
pub mod cpulist;
pub mod evidence;
mod live;
pub mod memory;
mod record;
pub mod room;
pub mod thp;
mod tree;

pub use self::record::{Recorded, WriteError};
pub use self::tree::NotACapture;

use self::record::Record;
use self::tree::Tree;
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

/// Why something could not be read: a lower-case fragment such as "permission denied".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

impl Unreadable {
    /// Nothing, for this reason.
    pub fn because(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }

    /// The reason.
    pub fn reason(&self) -> &str {
        &self.0
    }

    /// True when the thing does not exist, rather than being kept from us.
    pub fn is_absent(&self) -> bool {
        self.0 == live::NO_SUCH_FILE
    }
}

/// What was read, or why nothing was.
type Answer = Result<Vec<u8>, Unreadable>;

/// One thing that can be asked of a machine. Its text form is the key in a stored tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Question {
    kind: Kind,
    subject: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    File,
    List,
    Link,
    Tool,
    Cpuid,
    Affinity,
}

impl Kind {
    const ALL: [(Self, &str); 6] = [
        (Self::File, "file"),
        (Self::List, "list"),
        (Self::Link, "link"),
        (Self::Tool, "tool"),
        (Self::Cpuid, "cpuid"),
        (Self::Affinity, "affinity"),
    ];
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Kind::ALL.iter().find(|(kind, _)| *kind == self.kind).map_or("", |(_, n)| n);
        write!(f, "{name} {}", self.subject)
    }
}

impl Question {
    fn about(kind: Kind, path: &str) -> Self {
        Self { kind, subject: normalised(path) }
    }

    fn parse(text: &str) -> Option<Self> {
        let (name, subject) = text.split_once(' ')?;
        let (kind, _) = Kind::ALL.into_iter().find(|(_, known)| *known == name)?;
        match kind {
            Kind::File | Kind::List | Kind::Link => Some(Self::about(kind, subject)),
            _ => Some(Self { kind, subject: subject.to_owned() }),
        }
    }
}

/// Where facts are read from.
#[derive(Debug)]
pub struct Host {
    source: Source,
    record: Option<Record>,
}

#[derive(Debug)]
enum Source {
    Live,
    Tree(Tree),
}

impl Host {
    /// This machine.
    pub fn live() -> Self {
        Self { source: Source::Live, record: None }
    }

    /// True for this machine, whose drivers can be asked as well.
    pub fn is_live(&self) -> bool {
        matches!(self.source, Source::Live)
    }

    /// A stored machine: a folder that [`crate::environment::capture`] wrote.
    ///
    /// # Errors
    /// The folder, and why it is not a capture.
    pub fn tree(dir: &Path) -> Result<Self, NotACapture> {
        Ok(Self { source: Source::Tree(Tree::open(dir)?), record: None })
    }

    /// The same machine, with every answer kept. A question asked twice gets its first answer
    /// again, so that what is computed while recording equals what a replay computes.
    #[must_use]
    pub fn recorded(self) -> Self {
        Self { record: Some(Record::default()), ..self }
    }

    /// Replaces what these files said by "redacted", in the recording and for later reads, and
    /// drops what was asked of control groups, whose folders are named after containers.
    pub fn forget(&self, paths: &BTreeSet<String>) {
        if let Some(record) = &self.record {
            record.forget(paths);
        }
    }

    /// Writes what was recorded into the folder `dir`, which exists.
    ///
    /// # Errors
    /// The file that cannot be written, and why.
    pub fn write_record(&self, dir: &Path) -> Result<Recorded, WriteError> {
        self.record
            .as_ref()
            .map_or_else(|| Record::default().write(dir), |record| record.write(dir))
    }

    /// The text of a file, without the white space around it. At most the first MiB of a file is
    /// read, up to the end of a line, and a line is added that says so.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn read(&self, path: &str) -> Result<String, Unreadable> {
        Ok(String::from_utf8_lossy(&self.bytes(path)?).trim().to_owned())
    }

    /// The bytes of a file, for what is not text, such as PCI configuration space.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn bytes(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        self.ask(Question::about(Kind::File, path))
    }

    /// The names in a folder, sorted.
    ///
    /// # Errors
    /// Why it cannot be listed.
    pub fn list(&self, dir: &str) -> Result<Vec<String>, Unreadable> {
        let answer = self.ask(Question::about(Kind::List, dir))?;
        let text = String::from_utf8_lossy(&answer);
        let mut names: Vec<_> =
            text.lines().filter(|name| is_name(name)).map(String::from).collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// The target of a symbolic link, as it is written there.
    ///
    /// # Errors
    /// Why there is none.
    pub fn link(&self, path: &str) -> Result<String, Unreadable> {
        let answer = self.ask(Question::about(Kind::Link, path))?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// The absolute path that a symbolic link leads to, by its text alone: what sysfs needs, where
    /// links lead to real folders.
    ///
    /// # Errors
    /// Why there is no link.
    pub fn canonical(&self, path: &str) -> Result<String, Unreadable> {
        let target = self.link(path)?;
        let parent = path.trim_end_matches('/').rsplit_once('/').map_or("", |(parent, _)| parent);
        Ok(if target.starts_with('/') {
            normalised(&target)
        } else {
            normalised(&format!("{parent}/{target}"))
        })
    }

    /// What a program prints on standard output: the program and its arguments, separated by
    /// spaces, without quoting. A program that takes longer than five seconds is stopped.
    ///
    /// # Errors
    /// It is not installed, fails, or takes too long.
    pub fn tool(&self, command: &str) -> Result<String, Unreadable> {
        let question = Question { kind: Kind::Tool, subject: command.to_owned() };
        Ok(String::from_utf8_lossy(&self.ask(question)?).trim_end().to_owned())
    }

    /// The signature of the hypervisor in CPUID (`KVMKVMKVM`); `None` where CPUID says that there
    /// is no hypervisor.
    ///
    /// # Errors
    /// This is not an x86 CPU, or the tree holds no answer.
    pub fn cpuid_hypervisor(&self) -> Result<Option<String>, Unreadable> {
        let question = Question { kind: Kind::Cpuid, subject: "hypervisor".to_owned() };
        let signature = String::from_utf8_lossy(&self.ask(question)?).trim().to_owned();
        Ok(Some(signature).filter(|signature| !signature.is_empty()))
    }

    /// The CPUs that the calling thread may run on, asked of the scheduler: for machines whose
    /// procfs does not tell.
    ///
    /// # Errors
    /// What the system says.
    pub fn affinity(&self) -> Result<Vec<usize>, Unreadable> {
        let question = Question { kind: Kind::Affinity, subject: "thread".to_owned() };
        let list = String::from_utf8_lossy(&self.ask(question)?).into_owned();
        cpulist::parse(&list).map_err(Unreadable::because)
    }

    fn ask(&self, question: Question) -> Answer {
        let answer = |question: &Question| match &self.source {
            Source::Live => live::ask(question),
            Source::Tree(tree) => tree.ask(question),
        };
        match &self.record {
            Some(record) => record.answer(question, answer),
            None => answer(&question),
        }
    }
}

/// True for a name that can stand in a path without leading elsewhere.
fn is_name(text: &str) -> bool {
    !matches!(text, "" | "." | "..") && !text.contains(['/', '\0'])
}

/// The absolute path with `.`, `..` and doubled slashes resolved; `..` stops at the root.
fn normalised(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
impl Host {
    /// A machine that consists of these answers (`file /proc/stat`, `link ..`) and nothing else.
    pub(crate) fn of(answers: &[(&str, &str)]) -> Self {
        let owned = answers.iter().map(|(key, text)| ((*key).to_owned(), text.as_bytes().to_vec()));
        Self::of_bytes(owned.collect())
    }

    /// As [`Host::of`], with any bytes.
    pub(crate) fn of_bytes(answers: Vec<(String, Vec<u8>)>) -> Self {
        Self { source: Source::Tree(Tree::in_memory(answers)), record: None }
    }
}

#[cfg(test)]
mod tests {
    use super::{Host, normalised};

    #[test]
    fn paths_are_resolved_and_stop_at_the_root() {
        assert_eq!(normalised("/sys/bus/pci/devices/../../../devices/x/"), "/sys/devices/x");
        assert_eq!(normalised("/../../etc/passwd"), "/etc/passwd");
        assert_eq!(normalised("//a/./b"), "/a/b");
    }

    #[test]
    fn links_lead_to_absolute_paths() {
        let host = Host::of(&[
            ("link /sys/bus/pci/devices/0000:00:01.0", "../../../devices/pci0000:00/0000:00:01.0"),
            ("link /a/b", "/c"),
        ]);
        let device = host.canonical("/sys/bus/pci/devices/0000:00:01.0");
        assert_eq!(device.as_deref(), Ok("/sys/devices/pci0000:00/0000:00:01.0"));
        assert_eq!(host.canonical("/a/b").as_deref(), Ok("/c"));
        assert!(host.canonical("/a/none").is_err());
    }

    #[test]
    fn listings_hold_names_only() {
        let host = Host::of(&[("list /x", "b\na\n../up\n/etc\n..\n")]);
        assert_eq!(host.list("/x"), Ok(vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn an_answer_is_kept_while_recording() {
        let host = Host::live().recorded();
        let first = host.read("/proc/uptime");
        assert_eq!(host.read("/proc/uptime"), first);
    }
}
