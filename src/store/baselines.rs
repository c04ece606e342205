//! Promoted baselines: raw runs by the hash of their content, and one record per promotion.
//!
//! ```text
//! <store>/objects/<sha256>.json               a run's result.json, byte for byte
//! <store>/<name>/<time>-<count>-<hash>.json   a promotion: which runs became the baseline, when, of which machine
//! ```
//!
//! Nothing is ever changed or removed: a new promotion stands beside the old ones, and the newest
//! that fits the machine is used. Promotions of one second are told apart by their count; names of
//! older stores have none. Raw runs are kept because a stored mean cannot be tested again.

use super::folder_name;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use tempfile::NamedTempFile;
use vbench_results::{ReadError, ResultSet, SCHEMA_VERSION, check_version};

/// Folder of the runs themselves.
const OBJECTS: &str = "objects";

/// A folder of promoted baselines.
#[derive(Clone, Debug)]
pub struct Baselines {
    folder: PathBuf,
}

/// Runs that became a baseline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// `major.minor` of the format.
    pub schema_version: String,
    /// Name of the baseline.
    pub name: String,
    /// RFC 3339, UTC.
    pub promoted_at: String,
    /// The machine's name.
    pub system: String,
    /// The configuration's name.
    pub config: String,
    /// Hashes of the stable facts of the runs' machines.
    pub fingerprints: BTreeSet<String>,
    /// The runs, in the order of their start.
    pub runs: Vec<Promoted>,
    /// What was wrong with them when somebody promoted them nevertheless.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forced: Vec<String>,
}

/// What a promotion did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A further promotion stands in the store.
    New(Promotion),
    /// The newest promotion holds just these runs; so many of them were lost or damaged in the store
    /// and are whole again.
    Already {
        /// Runs that were written again.
        repaired: usize,
    },
}

/// One run of a promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promoted {
    /// Its id.
    pub run_id: String,
    /// SHA-256 of its `result.json`, in hex.
    pub sha256: String,
}

/// Why a baseline cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// The name cannot be that of a folder of promotions.
    #[error("{0:?} cannot be the name of a baseline: use letters, digits, '.', '_' and '-'")]
    Name(String),
    /// A file or folder cannot be read or written.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// `read` or `write`.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{path}: {message}")]
    Invalid {
        /// Which.
        path: PathBuf,
        /// What was found.
        message: String,
    },
    /// A run in it cannot be read.
    #[error(transparent)]
    Run(#[from] ReadError),
}

/// SHA-256 of `bytes`, in hex.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Baselines {
    /// The baselines in `folder`, which need not exist.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Promotes runs, given with the bytes of their files. Runs that the store holds already are
    /// looked at, and written again where they are not what they were.
    ///
    /// # Errors
    /// The name is not one, or the file that cannot be written.
    pub fn promote(
        &self,
        name: &str,
        runs: &[(ResultSet, Vec<u8>)],
        forced: Vec<String>,
        now: SystemTime,
    ) -> Result<Step, BaselineError> {
        let folder = self.named(name)?;
        let promotion = describe(name, runs, forced, now);
        let there = self.of(name)?;
        let mut repaired = 0;
        for ((_, bytes), run) in runs.iter().zip(&promotion.runs) {
            repaired += usize::from(self.keep(&run.sha256, bytes)?);
        }
        if there.last().is_some_and(|newest| newest.runs == promotion.runs) {
            return Ok(Step::Already { repaired });
        }
        let text = serde_json::to_string_pretty(&promotion).map_err(io::Error::from);
        let path = folder.join(promotion.file_name(there.len()));
        let text = text.map_err(|source| failed("write", &path, source))? + "\n";
        create(&path, text.as_bytes()).map_err(|source| failed("write", &path, source))?;
        Ok(Step::New(promotion))
    }

    /// Every name that has a promotion, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.path().is_dir());
        let names = folders.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.filter(|name| name != OBJECTS).collect();
        names.sort();
        names
    }

    /// Every promotion of `name`, the newest last; none where there is no such baseline.
    ///
    /// # Errors
    /// The name is not one, or a record that cannot be read.
    pub fn of(&self, name: &str) -> Result<Vec<Promotion>, BaselineError> {
        let entries = std::fs::read_dir(self.named(name)?).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        files.sort_by_cached_key(|path| order(path));
        files.iter().map(|path| record(path)).collect()
    }

    /// The runs of a promotion, and the files that hold them.
    ///
    /// # Errors
    /// The file that cannot be read, or that is no longer what was promoted.
    pub fn runs(&self, promotion: &Promotion) -> Result<Vec<(ResultSet, PathBuf)>, BaselineError> {
        promotion.runs.iter().map(|run| self.run(run)).collect()
    }

    fn run(&self, run: &Promoted) -> Result<(ResultSet, PathBuf), BaselineError> {
        // The hash comes from a file: it must not lead out of the folder.
        let path = self.object(&run.sha256);
        let invalid = |message: &str| BaselineError::Invalid {
            path: path.clone(),
            message: message.to_owned(),
        };
        if run.sha256.len() != 64 || !run.sha256.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(invalid("the promotion names no SHA-256"));
        }
        let bytes = std::fs::read(&path).map_err(|source| failed("read", &path, source))?;
        if sha256(&bytes) != run.sha256 {
            return Err(invalid("changed since it was promoted: its content has another SHA-256"));
        }
        let text = String::from_utf8(bytes).map_err(|_| invalid("not text"))?;
        Ok((ResultSet::from_json(&text, &path)?, path))
    }

    fn named(&self, name: &str) -> Result<PathBuf, BaselineError> {
        match folder_name(name) {
            Ok(folder) if folder == name && name != OBJECTS => Ok(self.folder.join(folder)),
            _ => Err(BaselineError::Name(name.to_owned())),
        }
    }

    fn object(&self, sha256: &str) -> PathBuf {
        self.folder.join(OBJECTS).join(format!("{sha256}.json"))
    }

    /// Whether the content had to be written: what is there already and whole is left alone, what
    /// is damaged makes place.
    fn keep(&self, sha256: &str, bytes: &[u8]) -> Result<bool, BaselineError> {
        let path = self.object(sha256);
        let whole = std::fs::read(&path).is_ok_and(|there| self::sha256(&there) == sha256);
        if whole {
            return Ok(false);
        }
        let written = prepared(&path, bytes)
            .and_then(|file| file.persist(&path).map_err(|error| error.error));
        written.map(|_| true).map_err(|source| failed("write", &path, source))
    }
}

impl Promotion {
    /// `older` promotions of the name stand there already.
    fn file_name(&self, older: usize) -> String {
        let hashes: Vec<&str> = self.runs.iter().map(|run| run.sha256.as_str()).collect();
        let content = sha256(hashes.join(" ").as_bytes());
        let stamp = self.promoted_at.replace([':', '-'], "");
        format!("{stamp}-{:06}-{}.json", older + 1, content.get(..12).unwrap_or(&content))
    }
}

/// The place of a record among others: its time, then its count, none in the names of older stores,
/// then the rest.
fn order(path: &Path) -> (String, usize, String) {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let (stamp, rest) = name.split_once('-').unwrap_or((&name, ""));
    let counted = rest.split_once('-').and_then(|(count, hash)| Some((count.parse().ok()?, hash)));
    let (count, hash) = counted.unwrap_or((0, rest));
    (stamp.to_owned(), count, hash.to_owned())
}

fn describe(
    name: &str,
    runs: &[(ResultSet, Vec<u8>)],
    forced: Vec<String>,
    now: SystemTime,
) -> Promotion {
    let first = |field: fn(&ResultSet) -> &String| {
        runs.first().map(|(run, _)| field(run).clone()).unwrap_or_default()
    };
    let promoted = |(run, bytes): &(ResultSet, Vec<u8>)| Promoted {
        run_id: run.run.id.clone(),
        sha256: sha256(bytes),
    };
    Promotion {
        schema_version: SCHEMA_VERSION.to_owned(),
        name: name.to_owned(),
        promoted_at: super::timestamp(now),
        system: first(|run| &run.run.system),
        config: first(|run| &run.run.config),
        fingerprints: runs.iter().map(|(run, _)| run.run.fingerprint.clone()).collect(),
        runs: runs.iter().map(promoted).collect(),
        forced,
    }
}

fn record(path: &Path) -> Result<Promotion, BaselineError> {
    let invalid = |message: String| BaselineError::Invalid { path: path.to_owned(), message };
    let text = std::fs::read_to_string(path).map_err(|source| failed("read", path, source))?;
    let promotion: Promotion = serde_json::from_str(&text)
        .map_err(|error| invalid(format!("not a promoted baseline: {error}")))?;
    check_version(&promotion.schema_version).map_err(|found| {
        invalid(format!("schema version {found}, this vbench reads up to {SCHEMA_VERSION}"))
    })?;
    Ok(promotion)
}

fn failed(what: &'static str, path: &Path, source: io::Error) -> BaselineError {
    BaselineError::Io { what, path: path.to_owned(), source }
}

/// Writes a new file whole or not at all, and never over another.
fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    prepared(path, bytes)?.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(())
}

/// The content of `path`, beside it.
fn prepared(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let file = NamedTempFile::new_in(folder)?;
    // Past the temporary file's own writer, whose errors name it.
    file.as_file().write_all(bytes)?;
    file.as_file().sync_all()?;
    // A baseline is for everybody who may read the folder, and for nobody to change.
    let read_only = std::os::unix::fs::PermissionsExt::from_mode(0o444);
    file.as_file().set_permissions(read_only)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::{BaselineError, Baselines, Promotion, Step, sha256};
    use std::time::{Duration, UNIX_EPOCH};
    use vbench_results::{Environment, ResultSet, Run};

    fn run(id: &str) -> (ResultSet, Vec<u8>) {
        let run = Run { id: id.into(), fingerprint: "f".into(), ..Run::default() };
        let results = ResultSet::new(run, Environment::default());
        let bytes = results.to_json().into_bytes();
        (results, bytes)
    }

    fn new(step: Step) -> Promotion {
        match step {
            Step::New(promotion) => promotion,
            Step::Already { .. } => panic!("it was there"),
        }
    }

    fn ids(store: &Baselines) -> Vec<String> {
        let all = store.of("main").unwrap();
        all.iter().flat_map(|promotion| &promotion.runs).map(|run| run.run_id.clone()).collect()
    }

    #[test]
    fn promotions_stand_beside_each_other_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = Baselines::new(folder.path());
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert!(store.of("main").unwrap().is_empty() && store.names().is_empty());
        let first = new(store.promote("main", &[run("a")], Vec::new(), at(1)).unwrap());
        let again = store.promote("main", &[run("a")], Vec::new(), at(2)).unwrap();
        assert_eq!(again, Step::Already { repaired: 0 }, "it is the baseline already");
        new(store.promote("main", &[run("b"), run("c")], Vec::new(), at(3)).unwrap());
        // Back to the first: its run is stored once.
        new(store.promote("main", &[run("a")], vec!["unfinished".into()], at(4)).unwrap());
        let all = store.of("main").unwrap();
        let ids: Vec<Vec<&str>> =
            all.iter().map(|p| p.runs.iter().map(|r| r.run_id.as_str()).collect()).collect();
        assert_eq!(ids, [vec!["a"], vec!["b", "c"], vec!["a"]]);
        assert_eq!(store.names(), ["main"]);
        assert_eq!(store.runs(&first).unwrap()[0].0, run("a").0);
        assert_eq!(std::fs::read_dir(folder.path().join("objects")).unwrap().count(), 3);
    }

    #[test]
    fn promotions_of_one_second_stay_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let store = Baselines::new(folder.path());
        let order: Vec<&str> = "a b c b a c b".split(' ').collect();
        for id in &order {
            new(store.promote("main", &[run(id)], Vec::new(), UNIX_EPOCH).unwrap());
        }
        assert_eq!(ids(&store), order);
    }

    #[test]
    fn a_record_of_an_older_store_reads_and_comes_before_those_of_its_second() {
        let folder = tempfile::tempdir().unwrap();
        let store = Baselines::new(folder.path());
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        new(store.promote("main", &[run("a")], Vec::new(), at(1)).unwrap());
        let records = folder.path().join("main");
        let file = std::fs::read_dir(&records).unwrap().next().unwrap().unwrap().path();
        std::fs::rename(file, records.join("19700101T000001Z-ffffffffffff.json")).unwrap();
        new(store.promote("main", &[run("b")], Vec::new(), at(1)).unwrap());
        new(store.promote("main", &[run("c")], Vec::new(), at(2)).unwrap());
        assert_eq!(ids(&store), ["a", "b", "c"]);
    }

    #[test]
    fn promoting_a_run_again_repairs_what_the_store_lost_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Baselines::new(folder.path());
        let first = new(store.promote("main", &[run("a")], Vec::new(), UNIX_EPOCH).unwrap());
        let path = folder.path().join("objects").join(format!("{}.json", first.runs[0].sha256));
        for damage in [None, Some("{}")] {
            std::fs::remove_file(&path).unwrap();
            damage.iter().for_each(|text| std::fs::write(&path, text).unwrap());
            assert!(store.runs(&first).is_err());
            let again = store.promote("main", &[run("a")], Vec::new(), UNIX_EPOCH).unwrap();
            assert_eq!(again, Step::Already { repaired: 1 });
            assert_eq!(store.runs(&first).unwrap()[0].0, run("a").0);
        }
        assert_eq!(store.of("main").unwrap(), [first]);
    }

    #[test]
    fn a_changed_run_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Baselines::new(folder.path());
        let promotion = new(store.promote("main", &[run("a")], Vec::new(), UNIX_EPOCH).unwrap());
        let path = folder.path().join("objects").join(format!("{}.json", promotion.runs[0].sha256));
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, run("b").1).unwrap();
        let said = store.runs(&promotion).unwrap_err().to_string();
        assert!(
            said.contains(&*path.to_string_lossy()) && said.contains("changed since"),
            "{said}"
        );
        let mut hostile = promotion;
        hostile.runs[0].sha256 = "../../etc/passwd".into();
        assert!(matches!(store.runs(&hostile), Err(BaselineError::Invalid { .. })));
    }

    #[test]
    fn names_stay_in_the_folder() {
        let store = Baselines::new("nowhere");
        for name in ["", "..", "a/b", "objects", ".hidden"] {
            assert!(matches!(store.of(name), Err(BaselineError::Name(_))), "{name}");
        }
    }

    #[test]
    fn the_hash_is_sha256() {
        // FIPS 180-2, appendix B.1.
        assert!(sha256(b"abc").starts_with("ba7816bf8f01cfea414140de5dae2223"));
    }
}
