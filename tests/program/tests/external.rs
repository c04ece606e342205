//! Benchmarks declared by files run, store and fail like any other.

mod support;

use support::{case, program, results, stderr, stdout, tiny_run};
use tempfile::{TempDir, tempdir};

fn folder_with(toml: &str) -> TempDir {
    let folder = tempdir().unwrap();
    let declared = folder.path().join("benches/vbench.d");
    std::fs::create_dir_all(&declared).unwrap();
    std::fs::write(declared.join("shell.toml"), toml).unwrap();
    folder
}

const GOOD: &str = r#"
schema = 1

[[bench]]
name = "answer"
kind = "external"
about = "Says a number"
run = ["sh", "-c", "echo took {n}.5 ms"]
axes = { n = [1, 2] }
parse = 'took (?P<time>\S+) ms'
metrics = { time = { unit = "ms", better = "lower" } }

[[bench]]
name = "broken"
kind = "external"
run = ["sh", "-c", "echo out of luck >&2; exit 9"]

[[bench]]
name = "endless"
kind = "external"
run = ["sleep", "1000"]
timeout = 1
"#;

#[test]
fn declared_programs_are_cases_like_any_other() {
    let folder = folder_with(GOOD);
    let out = folder.path().join("out");
    let list = program().current_dir(&folder).args(["--list", "shell"]).output().unwrap();
    assert!(stdout(&list).contains("shell::answer/n=2: benchmark"), "{}", stdout(&list));
    let output = tiny_run(&out, &["shell::answer", "shell::broken", "shell::endless"])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let results = results(&out);
    let answer = &case(&results, "shell::answer/n=2").launches[0];
    assert_eq!(answer.repeats[1].values["time"], 2.5e-3);
    assert_eq!(answer.facts["command"].to_string(), "sh -c echo took 2.5 ms");
    let reason = |id| case(&results, id).launches[0].outcome.reason().unwrap().to_owned();
    assert!(reason("shell::broken").contains("exit status: 9: out of luck"));
    assert!(reason("shell::endless").contains("killed after its limit of 1 s"));
}

#[test]
fn a_bad_declaration_is_named_and_nothing_runs() {
    let folder = folder_with(
        "schema = 1\n[[bench]]\nname = \"x\"\nkind = \"y\"\nrun = [\"z\"]\ncolor = 1\n",
    );
    let output = program().current_dir(&folder).arg("--list").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("shell.toml") && said.contains("color"), "{said}");
}
