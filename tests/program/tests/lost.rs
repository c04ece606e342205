//! What cannot be written: it is said with its remedy, and what stood there before stays.

mod support;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use support::{clean, runs, stderr, stdout, tiny_run};
use tempfile::tempdir;

/// The program, which may write files of so many blocks of 512 bytes.
fn limited(blocks: &str, out: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("sh");
    clean(&mut command);
    command.args(["-c", &format!(r#"ulimit -f {blocks} && exec "$@""#), "sh"]);
    command.arg(env!("CARGO_BIN_EXE_program")).args(arguments).arg("--out").arg(out);
    command.output().unwrap()
}

/// What a command says that cannot write all: an error, and no name of a temporary file.
fn refused(output: &Output) -> String {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("File too large") && said.contains("ulimit -f"), "{said}");
    assert!(!said.contains("at path"), "a temporary file's name helps nobody: {said}");
    said
}

/// A folder with one run.
fn measured() -> tempfile::TempDir {
    let out = tempdir().unwrap();
    let output = tiny_run(out.path(), &["good::adds"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    out
}

#[test]
fn a_page_or_table_that_cannot_be_written_leaves_the_earlier_one() {
    let out = measured();
    let files = tempdir().unwrap();
    let file = files.path().join("file");
    std::fs::write(&file, "earlier").unwrap();
    let name = file.to_str().unwrap();
    for command in [&["report", "-o", name][..], &["export", "csv", "default", "-o", name]] {
        refused(&limited("0", out.path(), command));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "earlier");
        assert_eq!(std::fs::read_dir(files.path()).unwrap().count(), 1, "{command:?}");
        let output = limited("unlimited", out.path(), command);
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(std::fs::read_to_string(&file).unwrap().len() > 100);
        std::fs::write(&file, "earlier").unwrap();
    }
}

#[test]
fn a_promotion_that_cannot_be_written_says_what_to_do() {
    let out = measured();
    let said = refused(&limited("1", out.path(), &["baseline", "promote", "default"]));
    assert!(said.contains("not promoted; raise") && said.contains("--store DIR"), "{said}");
}

#[test]
fn a_full_disk_is_one_error_of_whatever_is_printed() {
    for arguments in [&["completions", "bash"][..], &["man"], &["schema"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = support::program().args(arguments).stdout(full).output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.lines().count() == 1 && said.contains("No space left"), "{said}");
    }
    let script = support::program().args(["completions", "bash"]).output().unwrap();
    assert!(stdout(&script).contains("complete -F"), "{}", stdout(&script));
}

const AB: [&str; 10] =
    ["ab", "good::adds", "--exact", "--b", "env:X=1", "--time", "1ms", "--seed", "1", "--samples"];

#[test]
fn a_comparison_that_cannot_begin_leaves_no_side_behind() {
    let out = tempdir().unwrap();
    let said = refused(&limited("1", out.path(), &[&AB[..], &["2"]].concat()));
    assert!(said.contains("nothing was measured; raise"), "{said}");
    assert!(runs(out.path()).is_empty(), "{:?}", runs(out.path()));
}

#[test]
fn a_comparison_that_cannot_go_on_says_how_to_see_its_pairs() {
    let out = tempdir().unwrap();
    let long = [&AB[..], &["50", "--pairs", "40"]].concat();
    let said = refused(&limited("300", out.path(), &long));
    assert!(said.contains("pairs finished before are kept: vbench diff"), "{said}");
    // The command as it was printed.
    let printed = said.split("kept: vbench ").nth(1).unwrap().lines().next().unwrap();
    let seen = support::program().args(printed.split(' ')).output().unwrap();
    assert!(stdout(&seen).contains("env:X=1"), "{printed}: {}{}", stdout(&seen), stderr(&seen));
    let shown = support::program().args(["show", "--out"]).arg(out.path()).output().unwrap();
    let shown = stdout(&shown);
    assert!(shown.contains("one side of `vbench ab`") && !shown.contains("--resume"), "{shown}");
}

#[test]
fn the_command_that_compares_again_works_as_it_is_printed() {
    let out = tempdir().unwrap();
    let command = [&AB[..], &["2", "--pairs", "2"]].concat();
    let measured = limited("unlimited", out.path(), &command);
    let text = stdout(&measured);
    let printed = text.lines().find_map(|line| line.strip_prefix("again: vbench ")).unwrap();
    let again = support::program().args(printed.split(' ')).stdin(Stdio::null()).output().unwrap();
    assert!(stdout(&again).contains("env:X=1"), "{printed}: {}", stderr(&again));
}
