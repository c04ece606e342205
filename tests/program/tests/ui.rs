//! What people read when a benchmark does not compile. After a change of words on purpose:
//! `TRYBUILD=overwrite cargo test -p vbench-test-program --test ui`, and read the difference.

#[test]
fn errors_say_what_to_write() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/*.rs");
}
