//! Results of other tools as stored runs.
//!
//! An importer turns what a tool wrote into a [`Draft`]: cases, values in base units, and facts.
//! What the source could not say (repeats, boots, the machine, the start) stays unknown with a
//! reason, so that a comparison of imported runs claims no more than their sources allow: one file
//! is one launch, and a tool that prints one number of many repeats gives one value.
//!
//! A new kind is one file here and one line in [`KINDS`]. Parsers are pure functions of text; a
//! file that is cut short or of another tool is refused with its line and what was expected there.

mod bandwidth_test;
mod criterion;
mod draft;
mod google_benchmark;
mod hyperfine;
mod lines;
mod mem_latency;
mod mlc;
mod nccl;
mod nvbandwidth;
mod rocm_bandwidth;
mod stream;
mod study;
mod study_folder;
mod sysbench;

pub use self::draft::Draft;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

/// Largest file that is read, in bytes: far above any tool's output.
const LARGEST: u64 = 256 << 20;

/// A source that can be imported.
pub struct Kind {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it reads, in a few words.
    pub about: &'static str,
    /// How it reads.
    pub reader: Reader,
}

/// How a kind reads.
#[derive(Clone, Copy)]
pub enum Reader {
    /// The text of one file and the file's name: one process of the tool.
    Text(fn(&str, &str) -> Result<Draft, Fault>),
    /// The text of one file that holds several systems or configurations.
    Table(fn(&str) -> Result<Vec<Draft>, Fault>),
    /// A folder of files.
    Folder(fn(&Path) -> Result<Vec<Draft>, ImportError>),
}

/// Every kind, by name.
pub static KINDS: &[Kind] = &[
    Kind {
        name: "bandwidthtest",
        about: "text of bandwidthTest of the CUDA samples, with or without --csv",
        reader: Reader::Text(bandwidth_test::read),
    },
    Kind {
        name: "criterion",
        about: "a folder target/criterion of criterion.rs",
        reader: Reader::Folder(criterion::read),
    },
    Kind {
        name: "google-benchmark",
        about: "JSON of Google Benchmark (--benchmark_out_format=json)",
        reader: Reader::Text(google_benchmark::read),
    },
    Kind {
        name: "hyperfine",
        about: "JSON of hyperfine --export-json; each run is a launch",
        reader: Reader::Text(hyperfine::read),
    },
    Kind {
        name: "mem-latency",
        about: "a table of sizes and latencies of a pointer chase",
        reader: Reader::Text(mem_latency::read),
    },
    Kind {
        name: "mlc",
        about: "text of Intel Memory Latency Checker",
        reader: Reader::Text(mlc::read),
    },
    Kind {
        name: "nccl",
        about: "text or JSON of nccl-tests or rccl-tests; columns are found by name",
        reader: Reader::Text(nccl::read),
    },
    Kind {
        name: "nvbandwidth",
        about: "text or JSON of nvbandwidth",
        reader: Reader::Text(nvbandwidth::read),
    },
    Kind {
        name: "rocm-bandwidth-test",
        about: "text of rocm-bandwidth-test up to 2.6",
        reader: Reader::Text(rocm_bandwidth::read),
    },
    Kind { name: "stream", about: "text of stream.c 5.10", reader: Reader::Text(stream::read) },
    Kind {
        name: "study",
        about: "CSV of published numbers: system,config,benchmark,case,metric,unit,better,value,note",
        reader: Reader::Table(study::read),
    },
    Kind {
        name: "study-folder",
        about: "a folder results/, results/<gpu>/ or results/<gpu>/<config>/ of text files",
        reader: Reader::Folder(study_folder::read),
    },
    Kind {
        name: "sysbench",
        about: "text of sysbench cpu or sysbench memory, 1.0",
        reader: Reader::Text(sysbench::read),
    },
];

/// The kind called `name`.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// Why a text cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Line, from 1, where one can be named.
    pub line: Option<usize>,
    /// What was expected, and what stands there.
    pub message: String,
}

impl Fault {
    /// A fault in line `line`.
    pub fn at(line: usize, message: impl Into<String>) -> Self {
        Self { line: Some(line), message: message.into() }
    }

    /// A JSON text that is not what `kind` writes.
    fn json(error: &serde_json::Error, kind: &str) -> Self {
        let what = if error.is_eof() { "cut short" } else { "not JSON" };
        let what = if error.is_data() { "not the JSON" } else { what };
        Self::at(error.line().max(1), format!("{what} of {kind}: {error}"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// A file or folder that cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {fault}", path.display())]
pub struct ImportError {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub fault: Fault,
}

impl ImportError {
    fn new(path: &Path, message: impl Into<String>) -> Self {
        let fault = Fault { line: None, message: message.into() };
        Self { path: path.to_owned(), fault }
    }
}

/// Reads `paths` as `kind`: a draft for each system and configuration. Files that name none are
/// launches of one draft, in the order given.
///
/// # Errors
/// The file, the line, and what was expected there; a file given twice.
pub fn read(kind: &Kind, paths: &[PathBuf]) -> Result<Vec<Draft>, ImportError> {
    let mut drafts: Vec<Draft> = Vec::new();
    let mut seen = BTreeSet::new();
    for path in paths {
        let found = read_one(kind, path)?;
        for draft in found {
            if !seen.insert((draft.content, draft.system.clone(), draft.config.clone())) {
                let message = "holds the same as a file before it: one measurement counts once";
                return Err(ImportError::new(path, message));
            }
            let names = (&draft.system, &draft.config);
            match drafts.iter_mut().find(|other| (&other.system, &other.config) == names) {
                Some(other) => {
                    other.join(draft).map_err(|message| ImportError::new(path, message))?;
                }
                None => drafts.push(draft),
            }
        }
    }
    Ok(drafts)
}

fn read_one(kind: &Kind, path: &Path) -> Result<Vec<Draft>, ImportError> {
    let drafts = match kind.reader {
        Reader::Text(read) => {
            let text = text_of(path)?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            read(&text, &name).map(|draft| vec![draft.of_content(text.as_bytes())])
        }
        Reader::Table(read) => {
            let text = text_of(path)?;
            read(&text).map(|drafts| {
                drafts.into_iter().map(|draft| draft.of_content(text.as_bytes())).collect()
            })
        }
        Reader::Folder(read) => return read(path),
    };
    drafts.map_err(|fault| ImportError { path: path.to_owned(), fault })
}

/// The text of a file.
fn text_of(path: &Path) -> Result<String, ImportError> {
    let fail = |error: std::io::Error| ImportError::new(path, format!("cannot read: {error}"));
    let size = std::fs::metadata(path).map_err(fail)?.len();
    if size > LARGEST {
        let limit = LARGEST >> 20;
        return Err(ImportError::new(path, format!("{size} bytes: more than {limit} MiB")));
    }
    let bytes = std::fs::read(path).map_err(fail)?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count() + 1;
        let fault = Fault::at(line, "expected text (UTF-8), found other bytes");
        ImportError { path: path.to_owned(), fault }
    })
}

/// The parser of one file's text, for those kinds that have one: what fuzzing calls.
pub fn parse(kind: &Kind, text: &str, name: &str) -> Option<Result<Vec<Draft>, Fault>> {
    match kind.reader {
        Reader::Text(read) => Some(read(text, name).map(|draft| vec![draft])),
        Reader::Table(read) => Some(read(text)),
        Reader::Folder(_) => None,
    }
}
