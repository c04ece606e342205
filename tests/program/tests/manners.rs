//! The manners of a test framework: lists, filters, exact names, exit codes.

mod support;

use support::{case, program, results, stderr, stdout, tiny_run};
use tempfile::tempdir;
use vbench_results::Outcome;

fn ok(arguments: &[&str]) -> String {
    let output = program().args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    stdout(&output)
}

const ALL: [&str; 8] = [
    "faults::error: benchmark",
    "good::adds: benchmark",
    "good::rare: benchmark",
    "good::slow: benchmark",
    "good::swept/size=16KiB: benchmark",
    "good::swept/size=4KiB: benchmark",
    "good::swept/size=8KiB: benchmark",
    "good::together: benchmark",
];

#[test]
fn the_terse_list_is_what_test_runners_expect() {
    let list = ok(&["--list", "--format", "terse"]);
    assert!(list.lines().all(|line| line.ends_with(": benchmark")), "{list}");
    for line in ALL {
        assert!(list.lines().any(|listed| listed == line), "{line} is missing in {list}");
    }
}

#[test]
fn the_ignored_list_holds_what_a_plain_run_leaves_out() {
    let list = ok(&["--list", "--format", "terse", "--ignored"]);
    assert!(list.contains("good::slow: benchmark") && list.contains("faults::aborts: benchmark"));
    assert!(list.contains("good::rare: benchmark"), "unmet requirements count: {list}");
    assert!(!list.contains("good::adds") && !list.contains("good::swept"), "{list}");
}

#[test]
fn the_json_list_tells_metrics_axes_and_reasons_without_running() {
    let list = ok(&["--list", "--format", "json"]);
    let find = |id: &str| -> serde_json::Value {
        let mut lines = list.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.find(|case: &serde_json::Value| case["case"] == id).unwrap()
    };
    let swept = find("good::swept/size=4KiB");
    assert_eq!(swept["metrics"][0]["unit"]["symbol"], "B/s");
    assert_eq!(swept["metrics"][0]["better"], "higher");
    assert_eq!(
        (&swept["params"]["size"], &swept["about"]),
        (&"4KiB".into(), &"Counts bytes of a buffer.".into())
    );
    assert_eq!(find("good::rare")["skip"], "needs 1 unobtainium, found 0");
    assert_eq!(find("good::slow")["ignore"], "takes an hour");
}

#[test]
fn what_the_list_prints_is_what_exact_takes() {
    let out = ok(&["--exact", "good::swept/size=8KiB", "--nocapture"]);
    assert!(out.contains("test good::swept/size=8KiB ... ok"), "{out}");
    assert!(out.contains("1 passed; 0 failed; 0 ignored"), "{out}");
}

#[test]
fn without_arguments_everything_is_checked_once_and_nothing_stored() {
    let folder = tempdir().unwrap();
    let output = program().current_dir(folder.path()).output().unwrap();
    let out = stdout(&output);
    assert!(output.status.success(), "{out}");
    assert!(out.contains("test good::adds ... ok"), "{out}");
    assert!(out.contains("test good::rare ... ignored, needs 1 unobtainium, found 0"), "{out}");
    assert!(out.contains("test result: ok. 5 passed; 0 failed; 1 ignored"), "{out}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_failed_check_run_exits_with_1_and_names_the_failure() {
    let output = program().args(["--exact", "faults::wrong_answer"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("faults::wrong_answer: check failed: 1 + 1 is 2"));
}

#[test]
fn a_filter_without_match_warns_and_an_exact_one_is_an_error() {
    let run = |arguments: &[&str]| program().args(arguments).output().unwrap();
    let filtered = run(&["nobody", "--bench"]);
    assert_eq!(filtered.status.code(), Some(0));
    assert!(stderr(&filtered).contains("no case matches \"nobody\""), "{}", stderr(&filtered));
    assert!(!stderr(&filtered).contains("did you mean"), "{}", stderr(&filtered));
    let mistyped = program().args(["run", "shwo"]).output().unwrap();
    let said = stderr(&mistyped);
    assert!(said.contains("did you mean the command show?"), "{said}");
    assert_eq!(run(&["--exact", "nobody"]).status.code(), Some(2));
}

#[test]
fn words_that_match_nothing_beside_others_are_named_and_a_mistyped_command_measures_nothing() {
    let dir = tempdir().unwrap();
    let run =
        |arguments: &[&str]| program().args(arguments).current_dir(dir.path()).output().unwrap();
    let mistyped = run(&["shwo", "adds"]);
    assert_eq!(mistyped.status.code(), Some(2));
    assert!(stderr(&mistyped).contains("did you mean: vbench show"), "{}", stderr(&mistyped));
    assert!(!dir.path().join("results").exists());
    // Cargo hands the words to every bench program, and says so by a flag.
    let by_cargo = run(&["--bench", "shwo", "adds", "--list"]);
    assert_eq!(by_cargo.status.code(), Some(0), "{}", stderr(&by_cargo));
    let kinds = run(&["run", "--kind", "falut,fault", "--list"]);
    let said = stderr(&kinds);
    assert!(said.contains("no benchmark is of kind \"falut\" (kinds here: "), "{said}");
    let word = run(&["run", "adds", "nobody", "--list"]);
    assert!(stderr(&word).contains("no case matches \"nobody\""), "{}", stderr(&word));
}

#[test]
fn bad_usage_exits_with_2_and_says_what_was_expected() {
    let cases: [(&[&str], &str); 6] = [
        (&["--no-such-flag"], "--no-such-flag"),
        (&["--profile", "fast"], "smoke, quick, standard, thorough"),
        (&["--axis", "size=big"], "\"big\" is not a size"),
        (&["--axis", "colour=red"], "no selected benchmark has an axis \"colour\""),
        (&["--time", "never"], "expected a time"),
        (&["--config", ""], "a name must not be empty"),
    ];
    for (arguments, expected) in cases {
        let output = program()
            .arg("run")
            .args(arguments)
            .arg("--exact")
            .arg("good::swept")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(expected), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn axes_skips_kinds_and_ignored_select() {
    let swept = ok(&["--list", "--axis", "size=1M,4096", "swept"]);
    assert_eq!(swept, "good::swept/size=1MiB: benchmark\ngood::swept/size=4KiB: benchmark\n");
    assert!(!ok(&["--list", "--skip", "swept"]).contains("swept"));
    assert_eq!(ok(&["--list", "--kind", "gpu"]), "good::rare: benchmark\n");
}

#[test]
fn every_flag_has_an_environment_twin() {
    let output = program()
        .env("VBENCH_PROFILE", "smoke")
        .env("VBENCH_FILTER", "swept")
        .env("VBENCH_AXIS", "size=4K,1K")
        .output();
    // Without arguments the program checks; the twins still select.
    let out = stdout(&output.unwrap());
    assert!(out.contains("size=1KiB ... ok") && out.contains("2 passed"), "{out}");
}

#[test]
fn an_exact_name_of_nothing_is_no_list() {
    let output = program().args(["--list", "--exact", "no::such"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no case matches \"no::such\""), "{}", stderr(&output));
}

#[test]
fn switches_are_set_by_their_twins_too() {
    for name in ["EXACT", "IGNORED", "INCLUDE_IGNORED", "NOCAPTURE", "TEST", "REDACT"] {
        for value in ["1", "yes", "true", "0", "no"] {
            let output = program()
                .args(["--list", "--format", "terse", "good::adds"])
                .env(format!("VBENCH_{name}"), value)
                .output();
            let output = output.unwrap();
            assert!(output.status.success(), "VBENCH_{name}={value}: {}", stderr(&output));
        }
    }
}

#[test]
fn launches_interleave_in_a_drawn_order_that_a_seed_repeats() {
    let order = |seed: &str| {
        let out = tempdir().unwrap();
        let output = program()
            .args([
                "run",
                "--samples",
                "1",
                "--time",
                "1ms",
                "--launches",
                "2",
                "--seed",
                seed,
                "good",
            ])
            .arg("--out")
            .arg(out.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let results = results(out.path());
        assert_eq!(results.run.seed.to_string(), seed);
        let mut order: Vec<(u32, u32, String)> = results
            .cases
            .iter()
            .flat_map(|case| {
                case.launches.iter().map(|l| (l.position, l.launch, case.case.to_string()))
            })
            .filter(|(position, ..)| *position > 0)
            .collect();
        order.sort();
        order
    };
    let first = order("5");
    let rounds: Vec<u32> = first.iter().map(|(_, launch, _)| *launch).collect();
    assert_eq!(rounds, [1, 1, 1, 1, 1, 2, 2, 2, 2, 2]);
    assert_eq!(first, order("5"));
}

#[test]
fn skipped_cases_are_stored_with_their_reason() {
    let out = tempdir().unwrap();
    let output = tiny_run(out.path(), &["good::rare", "good::adds"]).output().unwrap();
    assert!(output.status.success());
    let results = results(out.path());
    let skipped = &case(&results, "good::rare").launches[0];
    let reason = "needs 1 unobtainium, found 0".to_owned();
    assert_eq!(skipped.outcome, Outcome::Skipped { reason });
    assert!(stdout(&output).contains("skipped: good::rare: needs 1 unobtainium, found 0"));
}

#[test]
fn json_progress_is_one_object_per_launch_on_stdout() {
    let out = tempdir().unwrap();
    let output = tiny_run(out.path(), &["good::adds"]).args(["--format", "json"]).output().unwrap();
    let line = stdout(&output).lines().next().unwrap().to_owned();
    let launch: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(launch["case"], "good::adds");
    assert_eq!(launch["launch"]["outcome"]["state"], "measured");
}

#[test]
fn help_completions_man_page_and_schema_are_there() {
    let help = ok(&["--help"]);
    assert!(help.contains("vbench run --resume") && help.contains("Exit codes"), "{help}");
    assert!(ok(&["completions", "bash"]).contains("--until-precision"));
    assert!(ok(&["man"]).starts_with(".ie"));
    assert!(ok(&["schema"]).contains("\"ResultSet\""));
    assert!(ok(&["schema", "columns"]).contains("| steal_s |"));
}

/// What `vbench list` writes with these variables and arguments.
fn list_with(variables: &[(&str, &str)], arguments: &[&str]) -> String {
    let output =
        program().arg("list").args(arguments).envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}

#[test]
fn colour_goes_where_it_is_wanted_and_nowhere_else() {
    let coloured = |text: &str| text.contains("\u{1b}[32mready\u{1b}[0m");
    let plain = list_with(&[("TERM", "xterm")], &[]);
    assert!(plain.contains("ready") && !plain.contains('\u{1b}'), "a pipe is plain: {plain}");
    let force = ("CLICOLOR_FORCE", "1");
    assert!(coloured(&list_with(&[force], &[])));
    assert!(!coloured(&list_with(&[force, ("NO_COLOR", "1")], &[])));
    assert!(!coloured(&list_with(&[force], &["--color", "never"])));
    assert!(coloured(&list_with(&[("NO_COLOR", "1")], &["--color=always"])));
    assert!(coloured(&list_with(&[("VBENCH_COLOR", "always")], &[])));
}

#[test]
fn columns_are_kept_to() {
    let widest = |columns: &str| {
        let text = list_with(&[("COLUMNS", columns)], &[]);
        text.lines().map(|line| line.chars().count()).max().unwrap()
    };
    assert!(widest("60") <= 60 && widest("80") <= 80, "{} {}", widest("60"), widest("80"));
}
