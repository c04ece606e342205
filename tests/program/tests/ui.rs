//! What people read when a benchmark does not compile. After a change of words on purpose:
//! `TRYBUILD=overwrite cargo test -p vbench-test-program --test ui`, and read the difference.
//!
//! Whole texts are compared under one compiler, beside whose words they were written. Under every
//! compiler, that one included, each sentence of ours must be in the error of its case.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::tempdir;

/// The compiler whose words stand beside ours in the expected texts.
const WORDS_OF: &str = "rustc 1.95.";
/// A folder of cases whose errors this program writes beside them, and does nothing else.
const WRITE_IN: &str = "VBENCH_UI_WRITE_IN";

#[test]
fn errors_say_what_to_write() {
    if let Some(folder) = std::env::var_os(WRITE_IN) {
        let cases = trybuild::TestCases::new();
        cases.compile_fail(Path::new(&folder).join("*.rs"));
        return;
    }
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    let compiler = compiler();
    match compiler.starts_with(WORDS_OF) {
        true => cases.compile_fail("tests/ui/*.rs"),
        false => eprintln!("our sentences alone are looked for: {WORDS_OF}x is not {compiler}"),
    }
}

fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().unwrap().stdout;
    String::from_utf8_lossy(&version).trim().to_owned()
}

/// Files of the cases with this extension.
fn cases(extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|file| file.extension() == Some(extension.as_ref())).collect();
    files.sort();
    files
}

/// The sentences of an expected text that are ours: errors without a code, which only macros give
/// here, and what we let the compiler say of a missing implementation (E0277).
fn sentences(text: &str) -> Vec<&str> {
    let (mut ours, mut of_ours) = (Vec::new(), false);
    for line in text.lines() {
        if let Some((kind @ ("error" | "error[E0277]"), sentence)) = line.split_once(": ") {
            of_ours = kind != "error";
            ours.push(sentence);
            continue;
        }
        of_ours &= !line.starts_with("error");
        let line = line.trim_start();
        let note = line.strip_prefix("= note: ").filter(|note| !note.starts_with("required for"));
        ours.extend(note.filter(|_| of_ours).or(line.strip_prefix("valid keys: ")));
    }
    ours
}

#[test]
fn every_compiler_shows_our_sentences() {
    if std::env::var_os(WRITE_IN).is_some() {
        return;
    }
    let folder = tempdir().unwrap();
    for case in cases("rs") {
        fs::copy(&case, folder.path().join(case.file_name().unwrap())).unwrap();
    }
    let program = std::env::current_exe().unwrap();
    let mut written = Command::new(program);
    written.env(WRITE_IN, folder.path()).env("TRYBUILD", "overwrite");
    let written = written.args(["--exact", "errors_say_what_to_write"]).output().unwrap();
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    for expected in cases("stderr") {
        let name = expected.file_name().unwrap();
        let found = fs::read_to_string(folder.path().join(name)).unwrap();
        for sentence in sentences(&fs::read_to_string(&expected).unwrap()) {
            assert!(found.contains(sentence), "{name:?} lacks {sentence:?}:\n{found}");
        }
    }
}

#[test]
fn every_case_has_sentences_of_ours_and_none_of_the_compiler() {
    let texts = cases("stderr").into_iter().map(|file| fs::read_to_string(file).unwrap());
    let texts: Vec<String> = texts.collect();
    assert_eq!(texts.len(), cases("rs").len());
    for text in &texts {
        let ours = sentences(text);
        assert!(!ours.is_empty(), "{text}");
        let errors = |kind: &str| text.lines().filter(|line| line.starts_with(kind)).count();
        assert!(ours.len() >= errors("error: ") + errors("error[E0277]: "), "{ours:?}");
        for words in
            ["mismatched types", "is not implemented for", "expected struct", "macro-backtrace"]
        {
            assert!(!ours.iter().any(|sentence| sentence.contains(words)), "{ours:?}");
        }
    }
}
