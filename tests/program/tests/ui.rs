//! What people read when a benchmark does not compile. After a change of words on purpose:
//! `TRYBUILD=overwrite cargo test -p vbench-test-program --test ui`, and read the difference.

use std::process::Command;

/// The compiler whose words stand beside ours in the expected texts.
const WORDS_OF: &str = "rustc 1.95.";

#[test]
fn errors_say_what_to_write() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().unwrap().stdout;
    let version = String::from_utf8_lossy(&version).into_owned();
    if !version.starts_with(WORDS_OF) {
        eprintln!("not compared: the texts hold words of {WORDS_OF}x, this is {version}");
        return;
    }
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/*.rs");
}
