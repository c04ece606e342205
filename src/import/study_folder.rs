//! A results folder of the study's scripts: `results/<gpu>/<config>/*.txt` with `metadata.json` and
//! `summary.csv`.
//!
//! Each text file is read by the kind whose tool it names; all files of a configuration are one
//! launch of each case. What `metadata.json` says becomes facts. `summary.csv` repeats the text
//! files, with columns that were found by position: it is kept as facts and never as values.

use super::draft::hash;
use super::{Draft, ImportError, bandwidth_test, mem_latency, nccl, nvbandwidth};
use super::{rocm_bandwidth, stream, sysbench, text_of};
use crate::import::Fault;
use std::fs;
use std::path::{Path, PathBuf};
use vbench_results::{CaseResult, Value};

type Read = fn(&str, &str) -> Result<Draft, Fault>;

/// A text that only this tool prints, and the parser of that tool.
const TOOLS: [(&str, Read); 6] = [
    ("Running the test with following options", sysbench::read),
    ("STREAM version", stream::read),
    ("busbw", nccl::read),
    ("nvbandwidth Version", nvbandwidth::read),
    ("RocmBandwidthTest", rocm_bandwidth::read),
    ("CUDA Bandwidth Test", bandwidth_test::read),
];

/// Reads a configuration's folder, a system's, or the folder of all.
///
/// # Errors
/// A folder without text files, or a file of a known tool that cannot be read.
pub fn read(folder: &Path) -> Result<Vec<Draft>, ImportError> {
    let mut found = Vec::new();
    for level in 0..=2 {
        configurations(folder, level, &mut found)?;
        if !found.is_empty() {
            break;
        }
    }
    found.sort();
    if found.is_empty() {
        let message = "expected text files in <gpu>/<config>/ below, found none";
        return Err(ImportError::new(folder, message));
    }
    found.iter().map(|folder| configuration(folder)).collect()
}

fn children(folder: &Path) -> Result<Vec<PathBuf>, ImportError> {
    let entries = fs::read_dir(folder)
        .map_err(|error| ImportError::new(folder, format!("cannot read the folder: {error}")))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

fn texts(folder: &Path) -> Result<Vec<PathBuf>, ImportError> {
    let is_text = |path: &PathBuf| path.is_file() && path.extension().is_some_and(|e| e == "txt");
    Ok(children(folder)?.into_iter().filter(is_text).collect())
}

/// Folders `level` below that hold text files.
fn configurations(
    folder: &Path,
    level: usize,
    found: &mut Vec<PathBuf>,
) -> Result<(), ImportError> {
    if level == 0 {
        if !texts(folder)?.is_empty() {
            found.push(folder.to_owned());
        }
        return Ok(());
    }
    for child in children(folder)?.into_iter().filter(|path| path.is_dir() && !path.is_symlink()) {
        configurations(&child, level - 1, found)?;
    }
    Ok(())
}

fn name(path: &Path) -> Option<String> {
    path.file_name().map(|name| name.to_string_lossy().into_owned())
}

fn configuration(folder: &Path) -> Result<Draft, ImportError> {
    let mut draft = Draft::new("study-folder", "several tools");
    // A folder given as `.` has its name in its absolute path.
    let whole = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    draft.config = name(&whole);
    draft.system = whole.parent().and_then(name);
    for path in texts(folder)? {
        file(&mut draft, &path)?;
    }
    if draft.cases.is_empty() {
        let message = format!("no file of a known tool\n  {}", draft.remarks.join("\n  "));
        return Err(ImportError::new(folder, message));
    }
    metadata(&mut draft, &folder.join("metadata.json"))?;
    summary(&mut draft, &folder.join("summary.csv"))?;
    Ok(draft)
}

/// Adds the cases of one text file; the name of the file is an axis, because the same tool ran
/// several times (one thread and all, node 0 and node 1).
fn file(draft: &mut Draft, path: &Path) -> Result<(), ImportError> {
    let text = text_of(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let tool = TOOLS.iter().find(|(mark, _)| text.contains(mark)).map(|(_, read)| *read);
    let read = match tool {
        Some(read) => read(&text, &name),
        None if name.contains("latency") && !text.trim().is_empty() => {
            mem_latency::read(&text, &name)
        }
        None => {
            let why = match text.trim().is_empty() {
                true => "empty: its tool wrote nothing, or it was cut short",
                false => "of no known tool, or cut short before the line that names it",
            };
            draft.remarks.push(format!("not imported: {name}: {why}"));
            return Ok(());
        }
    };
    let read = read.map_err(|fault| ImportError { path: path.to_owned(), fault })?;
    draft.content = hash(draft.content, text.as_bytes());
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    for (fact, found) in read.environment.facts {
        if fact != "source.kind" && fact != "source.tool" {
            draft.environment.facts.entry(fact).or_insert(found);
        }
    }
    draft.cases.extend(read.cases.into_iter().map(|case| of_file(case, &stem)));
    Ok(())
}

fn of_file(mut case: CaseResult, stem: &str) -> CaseResult {
    case.case.params.insert("file".to_owned(), stem.to_owned());
    case
}

/// Top-level numbers, texts and flags of `metadata.json`, where there is one.
fn metadata(draft: &mut Draft, path: &Path) -> Result<(), ImportError> {
    if !path.exists() {
        draft.unknown("source.machine", "there is no metadata.json");
        return Ok(());
    }
    let text = text_of(path)?;
    let read: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text)
        .map_err(|error| Fault::json(&error, "metadata.json"))
        .map_err(|fault| ImportError { path: path.to_owned(), fault })?;
    for (name, value) in read {
        let value = match value {
            serde_json::Value::Bool(flag) => Value::from(flag),
            serde_json::Value::String(text) => Value::from(text),
            serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Value::from(whole),
                (None, Some(number)) => Value::from(number),
                (None, None) => continue,
            },
            other => Value::from(other.to_string()),
        };
        draft.fact(&format!("metadata.{name}"), value);
    }
    Ok(())
}

/// The summary as text, where there is one.
fn summary(draft: &mut Draft, path: &Path) -> Result<(), ImportError> {
    if path.exists() {
        let text = text_of(path)?;
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        draft.fact("metadata.summary_csv", Value::from(lines));
    }
    Ok(())
}
