//! A stored machine: a folder of files, with `capture.json` for what files cannot hold.
//!
//! A file is stored under its own path (`DIR/proc/stat`). `capture.json` holds listings, links,
//! program outputs and failures, and may hold files as text, which keeps hand-made trees small.
//! Links are text and are resolved inside the folder: no path leads out of it.

use super::{Answer, Kind, Question, Unreadable, is_name, live};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The file that makes a folder a capture.
pub(super) const MANIFEST: &str = "capture.json";
const FORMAT: u32 = 1;
/// As many links in one path as Linux follows (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// A folder that is not a capture.
#[derive(Debug, thiserror::Error)]
#[error("{}: not a capture: {reason}", dir.display())]
pub struct NotACapture {
    dir: PathBuf,
    reason: String,
}

/// What `capture.json` holds. Keys are questions: `list /sys/devices/system/node`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// Version of this layout.
    pub format: u32,
    /// The program that wrote it.
    #[serde(default)]
    pub vbench_version: String,
    /// True when the tree is a whole machine: what it lacks did not exist there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub complete: bool,
    /// Answers that are not files of their own.
    #[serde(default)]
    pub answers: BTreeMap<String, String>,
    /// Questions without an answer, and why.
    #[serde(default)]
    pub failures: BTreeMap<String, String>,
}

impl Manifest {
    pub(super) fn new() -> Self {
        Self {
            format: FORMAT,
            vbench_version: env!("CARGO_PKG_VERSION").to_owned(),
            complete: false,
            answers: BTreeMap::new(),
            failures: BTreeMap::new(),
        }
    }
}

#[derive(Debug)]
pub(super) struct Tree {
    root: Option<PathBuf>,
    answers: BTreeMap<Question, Answer>,
    complete: bool,
}

impl Tree {
    pub(super) fn open(dir: &Path) -> Result<Self, NotACapture> {
        let no = |reason: String| NotACapture { dir: dir.to_owned(), reason };
        let text =
            fs::read(dir.join(MANIFEST)).map_err(|error| no(format!("{MANIFEST}: {error}")))?;
        let manifest: Manifest =
            serde_json::from_slice(&text).map_err(|error| no(format!("{MANIFEST}: {error}")))?;
        if manifest.format > FORMAT {
            let newer = format!("its format is {}, this program reads {FORMAT}", manifest.format);
            return Err(no(newer));
        }
        let answers = manifest.answers.into_iter().map(|(key, text)| (key, Ok(text.into_bytes())));
        let failures = manifest.failures.into_iter();
        let failures = failures.map(|(key, reason)| (key, Err(Unreadable::because(reason))));
        let all = failures.chain(answers);
        let answers = all.filter_map(|(key, answer)| Some((Question::parse(&key)?, answer)));
        Ok(Self {
            root: Some(dir.to_owned()),
            answers: answers.collect(),
            complete: manifest.complete,
        })
    }

    #[cfg(test)]
    pub(super) fn in_memory(answers: Vec<(String, Vec<u8>)>) -> Self {
        let answers = answers.into_iter();
        let answers = answers.filter_map(|(key, bytes)| Some((Question::parse(&key)?, Ok(bytes))));
        Self { root: None, answers: answers.collect(), complete: true }
    }

    pub(super) fn ask(&self, question: &Question) -> Answer {
        let mut question = question.clone();
        for _ in 0..MAX_LINKS {
            match self.answers.get(&question) {
                Some(answer) => return answer.clone(),
                None => match self.followed(&question) {
                    Some(further) => question = further,
                    None => return self.stored_or_absent(&question),
                },
            }
        }
        Err(Unreadable::because("too many links"))
    }

    /// The same question with the first link in its path followed, where the manifest has it.
    fn followed(&self, question: &Question) -> Option<Question> {
        let path = question.subject.as_str();
        // The last part of a path is followed by all but the question for the link itself.
        let whole = (question.kind != Kind::Link).then_some(path.len());
        let ends = path.match_indices('/').map(|(end, _)| end).skip(1).chain(whole);
        ends.filter(|_| path.starts_with('/')).find_map(|end| {
            let link = Question { kind: Kind::Link, subject: path[..end].to_owned() };
            let target =
                String::from_utf8_lossy(self.answers.get(&link)?.as_ref().ok()?).into_owned();
            let parent = path[..end].rsplit_once('/').map_or("", |(parent, _)| parent);
            let base = if target.starts_with('/') { "" } else { parent };
            Some(Question::about(question.kind, &format!("{base}/{target}{}", &path[end..])))
        })
    }

    fn stored_or_absent(&self, question: &Question) -> Answer {
        match question.kind {
            Kind::File => self.file(&question.subject),
            Kind::List => self.list(&question.subject),
            Kind::Link => self.link(&question.subject),
            _ => Err(Unreadable::because("not in the capture")),
        }
    }

    fn absent(&self) -> Unreadable {
        let known = self.complete;
        Unreadable::because(if known { live::NO_SUCH_FILE } else { "not in the capture" })
    }

    /// What the disk says, with a file that is missing there put in the tree's own words.
    fn stored(&self, answer: Answer) -> Answer {
        answer.map_err(|why| if why.is_absent() { self.absent() } else { why })
    }

    fn file(&self, path: &str) -> Answer {
        let place = self.place(path).ok_or_else(|| self.absent())?;
        self.stored(live::file(&place))
    }

    fn link(&self, path: &str) -> Answer {
        let (parent, name) = path.rsplit_once('/').ok_or_else(|| self.absent())?;
        let place = self.place(parent).ok_or_else(|| self.absent())?;
        self.stored(live::link(&place.join(name)))
    }

    /// The names that occur below `path`, in the manifest or on disk.
    fn list(&self, path: &str) -> Answer {
        let prefix = format!("{}/", path.trim_end_matches('/'));
        let mut names = BTreeSet::new();
        for kind in [Kind::File, Kind::List, Kind::Link] {
            let from = Question { kind, subject: prefix.clone() };
            let below = self.answers.range(from..).filter(|(_, answer)| answer.is_ok());
            let below = below.map_while(|(question, _)| {
                (question.kind == kind).then(|| question.subject.strip_prefix(&prefix))?
            });
            names.extend(below.filter_map(|rest| rest.split('/').next()).map(String::from));
        }
        let place = self.place(path).ok_or_else(|| self.absent());
        match place.and_then(|place| self.stored(live::list(&place))) {
            Ok(stored) => names.extend(String::from_utf8_lossy(&stored).lines().map(String::from)),
            Err(why) if names.is_empty() => return Err(why),
            Err(_) => {}
        }
        Ok(Vec::from_iter(names).join("\n").into_bytes())
    }

    /// Where a path lies on disk, with links followed inside the tree.
    fn place(&self, path: &str) -> Option<PathBuf> {
        let root = self.root.as_ref()?;
        let mut left: Vec<String> = path.split('/').rev().map(String::from).collect();
        let mut done: Vec<String> = Vec::new();
        let mut links = 0;
        while let Some(part) = left.pop() {
            if !is_name(&part) {
                if part == ".." {
                    done.pop();
                }
                continue;
            }
            done.push(part);
            let Ok(target) = fs::read_link(root.join(done.join("/"))) else { continue };
            links += 1;
            if links > MAX_LINKS {
                return None;
            }
            done.pop();
            if target.is_absolute() {
                done.clear();
            }
            left.extend(target.to_string_lossy().split('/').rev().map(String::from));
        }
        Some(root.join(done.join("/")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Host;
    use super::MANIFEST;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    fn tree(manifest: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a temporary folder");
        fs::write(dir.path().join(MANIFEST), manifest).expect("a manifest");
        dir
    }

    #[test]
    fn a_folder_that_is_not_a_capture_is_named() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let error = Host::tree(dir.path()).expect_err("no capture").to_string();
        assert!(error.starts_with(&format!("{}: not a capture", dir.path().display())), "{error}");
        for manifest in ["", "[]", "{", r#"{"format": 99}"#, r#"{"format": "x"}"#] {
            assert!(Host::tree(tree(manifest).path()).is_err(), "{manifest}");
        }
        let newer = Host::tree(tree(r#"{"format": 2}"#).path()).expect_err("newer").to_string();
        assert!(newer.ends_with("its format is 2, this program reads 1"), "{newer}");
        assert!(Host::tree(Path::new("/no/such/folder")).is_err());
    }

    #[test]
    fn files_come_from_disk_or_from_the_manifest() {
        let dir = tree(
            r#"{"format": 1, "answers": {"file /sys/a/b": "inline", "link /sys/c": "a"},
                "failures": {"file /sys/secret": "permission denied"}}"#,
        );
        fs::create_dir_all(dir.path().join("sys/a")).expect("a folder");
        fs::write(dir.path().join("sys/a/d"), " stored \n").expect("a file");
        let host = Host::tree(dir.path()).expect("a capture");
        assert_eq!(host.read("/sys/a/b").as_deref(), Ok("inline"));
        assert_eq!(host.read("/sys/a/d").as_deref(), Ok("stored"));
        assert_eq!(host.list("/sys/a"), Ok(vec!["b".to_owned(), "d".to_owned()]));
        assert_eq!(host.list("/sys"), Ok(vec!["a".to_owned(), "c".to_owned()]));
        assert_eq!(host.read("/sys/c/b").as_deref(), Ok("inline"), "behind a link");
        assert_eq!(host.read("/sys/secret").expect_err("kept").reason(), "permission denied");
        assert_eq!(host.read("/sys/none").expect_err("none").reason(), "not in the capture");
    }

    #[test]
    fn no_path_leads_out_of_the_tree() {
        let outside = tempfile::tempdir().expect("a temporary folder");
        fs::write(outside.path().join("secret"), "outside").expect("a file");
        let dir = tree(r#"{"format": 1}"#);
        let sys = dir.path().join("sys");
        fs::create_dir_all(&sys).expect("a folder");
        fs::write(sys.join("real"), "inside").expect("a file");
        symlink(outside.path().join("secret"), sys.join("absolute")).expect("a link");
        symlink("../../../../../../../etc/passwd", sys.join("up")).expect("a link");
        symlink(outside.path(), sys.join("folder")).expect("a link");
        symlink("loop", sys.join("loop")).expect("a link");
        symlink("/sys/real", sys.join("good")).expect("a link");
        let host = Host::tree(dir.path()).expect("a capture");
        for path in
            ["/sys/absolute", "/sys/up", "/sys/folder/secret", "/sys/loop", "/../../etc/passwd"]
        {
            assert!(host.read(path).is_err(), "{path}");
        }
        assert!(host.list("/sys/folder").is_err());
        assert_eq!(host.read("/sys/good").as_deref(), Ok("inside"));
    }
}
