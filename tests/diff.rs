//! `vbench diff` as its users meet it: what it says, what it accepts, what it refuses.

#[path = "diff/stored.rs"]
mod stored;

use std::path::Path;
use std::slice::from_ref;
use stored::{Stored, default, numa};
use tempfile::{TempDir, tempdir};
use vbench::cli::{Console, run_cli};
use vbench::compare::{Policy, Side, Why, compare};
use vbench::report::diff::{View, markdown, text};
use vbench::vbench;
use vbench_results::{Better, Role, Unit};

/// A program without benchmarks would refuse every command.
#[vbench(kind = "cpu")]
fn nothing() {}

/// Exit code, standard output and standard error of `vbench diff` on the runs in `out`.
fn diff(out: &Path, arguments: &[&str]) -> (u8, String, String) {
    let out = out.display().to_string();
    let all: Vec<String> = ["diff", "--out", &out]
        .iter()
        .chain(arguments)
        .map(|argument| (*argument).to_owned())
        .collect();
    let (mut written, mut said) = (Vec::new(), Vec::new());
    let mut console = Console::plain(&mut written, &mut said, 120);
    let code = run_cli(&all, &mut console);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (code, text(written), text(said))
}

fn both_stored() -> TempDir {
    let out = tempdir().unwrap();
    default().store(out.path());
    numa().store(out.path());
    out
}

/// The sentence with which a comparison is refused.
fn refused(out: &Path, arguments: &[&str]) -> String {
    let (code, written, said) = diff(out, arguments);
    assert_eq!((code, written.as_str()), (2, ""), "{said}");
    said
}

fn example(view: View) -> String {
    let (base, candidate) = (default().results, numa().results);
    let policy = Policy { expect_differ: vec!["numa.*".into()], ..Policy::default() };
    let candidate = Side { name: "numa", runs: from_ref(&candidate) };
    text(&compare(&Side { name: "default", runs: from_ref(&base) }, &[candidate], &policy), view)
}

#[test]
fn the_screen_at_120_columns() {
    insta::assert_snapshot!(example(View {
        width: 120,
        unicode: true,
        colour: false,
        all_metrics: true
    }));
}

#[test]
fn the_screen_at_80_columns_without_unicode() {
    let text = example(View { width: 80, unicode: false, colour: false, all_metrics: false });
    assert!(text.is_ascii());
    insta::assert_snapshot!(text);
}

#[test]
fn markdown_is_a_table_per_kind() {
    let (base, candidate) = (default().results, numa().results);
    let candidate = Side { name: "numa|x", runs: from_ref(&candidate) };
    let base = Side { name: "default", runs: from_ref(&base) };
    let view = View { width: 80, unicode: true, colour: false, all_metrics: false };
    insta::assert_snapshot!(markdown(&compare(&base, &[candidate], &Policy::default()), view));
}

#[test]
fn a_mean_over_metrics_of_two_directions_says_that_it_is_one_of_rates() {
    // Bandwidth a tenth lower, latency a half higher: as rates both are lower.
    let of = |config: &str, minute, values: [f64; 2]| {
        let rate = ("read", Unit::decimal("B/s"), Better::Higher, Role::Gated, values[0], 0.002);
        let time = ("time", Unit::decimal("s"), Better::Lower, Role::Gated, values[1], 0.002);
        let run = Stored::new(config, minute).fact("numa.nodes", 1_i64);
        run.case("m::a", "memory", 5, rate).case("m::b", "memory", 5, time).results
    };
    let (base, candidate) = (of("old", 0, [1e9, 1.0]), of("new", 30, [0.9e9, 1.5]));
    let candidate = Side { name: "new", runs: from_ref(&candidate) };
    let base = Side { name: "old", runs: from_ref(&base) };
    let view = View { width: 120, unicode: true, colour: false, all_metrics: false };
    let compared = compare(&base, &[candidate], &Policy::default());
    assert!(compared.pairs[0].groups[0].as_rates);
    assert!(markdown(&compared, view).contains("| geometric mean | of 2, as rates |"));
    let text = text(&compared, view);
    assert!(text.contains("of 2, as rates") && text.contains("lower"), "{text}");
    assert!(text.contains("  1 fact is identical\n"), "{text}");
    assert!(!example(view).contains("as rates"), "metrics of one direction stand as they are");
}

#[test]
fn one_test_is_not_adjusted_with_others() {
    let time = |value| ("time", Unit::decimal("s"), Better::Lower, Role::Gated, value, 0.002);
    let runs = [("old", 0, 1.0), ("new", 30, 2.0)].map(|(config, minute, value)| {
        Stored::new(config, minute).case("m::a", "cpu", 5, time(value))
    });
    let [base, candidate] = runs.map(|run| run.results);
    let candidate = Side { name: "new", runs: from_ref(&candidate) };
    let base = Side { name: "old", runs: from_ref(&base) };
    let view = View { width: 120, unicode: true, colour: false, all_metrics: false };
    let text = text(&compare(&base, &[candidate], &Policy::default()), view);
    assert!(text.contains("or more (1 test). same:"), "{text}");
}

#[test]
fn a_difference_without_spread_plans_nothing() {
    let time = |value| ("time", Unit::decimal("s"), Better::Lower, Role::Gated, value, 0.0);
    let flat = |config: &str, minute, value| {
        let mut run = Stored::new(config, minute).case("m::a", "cpu", 5, time(value)).results;
        let launches = run.cases.iter_mut().flat_map(|case| &mut case.launches);
        for repeat in launches.flat_map(|launch| &mut launch.repeats) {
            repeat.values.insert("time", value);
        }
        run
    };
    let (base, candidate) = (flat("old", 0, 1.0), flat("new", 30, 1.5));
    let candidate = Side { name: "new", runs: from_ref(&candidate) };
    let base = Side { name: "old", runs: from_ref(&base) };
    // On a host that is known to be steady only the launches speak.
    let compared = compare(&base, &[candidate], &Policy { drift: 0.0, ..Policy::default() });
    let row = &compared.pairs[0].rows[0];
    let change = row.change.as_ref().unwrap();
    assert_eq!(row.why, Some(Why::ZeroVariance));
    assert_eq!((change.need_units, change.detectable), (None, None));
    let view = View { width: 120, unicode: true, colour: false, all_metrics: false };
    assert!(!text(&compared, view).contains("detects"), "{}", text(&compared, view));
}

#[test]
fn configurations_are_named_in_many_ways() {
    let out = both_stored();
    let folder = out.path().join("7x-H200/numa");
    let (code, plain, said) = diff(out.path(), &["default", "numa"]);
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(
        plain.contains("2 better, 1 worse, 1 same within 3%, 1 unclear, 1 not comparable"),
        "{plain}"
    );
    for named in ["7x-H200/numa", "20260102T0330", "7x-H200/*", "n*", folder.to_str().unwrap()] {
        let (code, text, said) = diff(out.path(), &["default", named]);
        assert_eq!((code, text.as_str()), (0, plain.as_str()), "{named}: {said}");
    }
}

#[test]
fn equal_input_gives_equal_output_in_every_format() {
    let out = both_stored();
    for format in ["text", "json", "csv", "markdown"] {
        let arguments = ["default", "numa", "--format", format];
        let first = diff(out.path(), &arguments);
        assert_eq!(first.0, 0);
        assert_eq!(first, diff(out.path(), &arguments), "{format}");
    }
}

#[test]
fn data_use_the_words_of_data_and_hold_the_same_rows() {
    let out = both_stored();
    let (_, json, _) = diff(out.path(), &["default", "numa", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["schema_version"], "1.0");
    let rows = json["pairs"][0]["rows"].as_array().unwrap();
    let (_, csv, _) = diff(out.path(), &["default", "numa", "--format", "csv"]);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), rows.len() + 1);
    let width = lines[0].split(',').count();
    for (line, row) in lines[1..].iter().zip(rows) {
        assert_eq!(line.split(',').count(), width, "{line}");
        assert!(line.contains(row["case"].as_str().unwrap()), "{line}");
        assert!(line.contains(row["verdict"].as_str().unwrap()), "{line}");
    }
    let stream = rows.iter().find(|row| row["case"] == "memory::stream/stores=cached").unwrap();
    assert_eq!(stream["verdict"], "improvement");
    assert!((stream["change"]["ratio"].as_f64().unwrap() - 561.0 / 77.2).abs() < 1e-3);
}

#[test]
fn a_wider_margin_makes_small_changes_the_same() {
    let out = both_stored();
    let (_, text, _) = diff(out.path(), &["default", "numa", "--margin", "50%"]);
    assert!(text.contains("same within 50%"), "{text}");
    assert!(text.contains("1 better, 1 worse"), "{text}");
    assert_eq!(diff(out.path(), &["default", "numa", "--margin", "0"]).0, 2);
}

#[test]
fn several_runs_of_a_configuration_are_pooled_and_turns_are_recognised() {
    let out = tempdir().unwrap();
    let again = |mut run: Stored, minute: u32| {
        run.results.run.id = format!("20260102T04{minute:02}05Z-beef");
        run.results.run.started_at = format!("2026-01-02T04:{minute:02}:05Z");
        run.store(out.path());
    };
    for turn in 0..3 {
        again(default(), 4 * turn);
        again(numa(), 4 * turn + 2);
    }
    let (_, text, _) = diff(out.path(), &["default", "numa"]);
    assert!(text.contains("15 launches each"), "{text}");
    assert!(!text.contains("one side after the other"), "{text}");
    // One run of each is still one side after the other.
    let (_, text, _) = diff(out.path(), &["20260102T0400", "20260102T0402"]);
    assert!(
        text.contains("5 launches each") && text.contains("one side after the other"),
        "{text}"
    );
    let said = refused(out.path(), &["default", "20260102T04"]);
    assert!(said.contains("begins 6 run ids"), "{said}");
}

#[test]
fn two_runs_of_one_configuration_are_told_apart_by_their_ids() {
    let out = tempdir().unwrap();
    let (first, mut second) = (default(), default());
    second.results.run.id = "20260102T050505Z-beef".into();
    first.store(out.path());
    second.store(out.path());
    let (code, text, _) = diff(out.path(), &["20260102T03", "20260102T05"]);
    assert_eq!(code, 0);
    assert!(
        text.contains("20260102T030005Z-beef") && text.contains("20260102T050505Z-beef"),
        "{text}"
    );
    assert!(text.contains("0 better, 0 worse"), "{text}");
}

#[test]
fn a_missing_side_is_named_with_what_is_there() {
    let out = both_stored();
    let said = refused(out.path(), &["default", "numaa"]);
    assert!(said.contains("numaa") && said.contains("7x-H200/default, 7x-H200/numa"), "{said}");
    assert!(refused(&out.path().join("nowhere"), &["default", "numa"]).contains("no runs at all"));
    assert!(refused(out.path(), &["default"]).contains("CANDIDATE"));
}

#[test]
fn a_run_is_not_compared_with_itself() {
    let out = both_stored();
    let said = refused(out.path(), &["default", "default"]);
    assert!(said.contains("run 20260102T030005Z-beef stands twice"), "{said}");
    assert!(
        refused(out.path(), &["default", "d*"]).contains("matches no configuration but the base")
    );
}

#[test]
fn configurations_are_never_mixed() {
    let out = both_stored();
    let said = refused(out.path(), &["7x-H200/*", "numa"]);
    assert!(said.contains("means 2 configurations"), "{said}");
}

/// Stores both runs, lets `damage` change the text of the candidate, and gives back the refusal.
fn damaged(damage: impl Fn(String) -> String) -> String {
    let out = tempdir().unwrap();
    default().store(out.path());
    let file = numa().store(out.path()).join("result.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, damage(text)).unwrap();
    let said = refused(out.path(), &["default", "numa"]);
    assert!(said.contains("7x-H200/numa"), "the run is named: {said}");
    said
}

#[test]
fn what_no_value_can_be_is_refused_with_its_line() {
    for value in ["NaN", "null", "\"fast\"", "1e999"] {
        let said =
            damaged(|text| text.replacen("\"triad\": 5", &format!("\"triad\": {value} //"), 1));
        assert!(said.contains("result.json") && said.contains("line "), "{value}: {said}");
    }
}

#[test]
fn a_newer_schema_is_refused() {
    let said = damaged(|text| text.replacen("\"1.0\"", "\"2.0\"", 1));
    assert!(said.contains("schema version 2.0"), "{said}");
}

#[test]
fn an_empty_set_is_refused() {
    let said = damaged(|_| Stored::new("numa", 30).results.to_json());
    assert!(said.contains("no value in 0 cases"), "{said}");
    let said = damaged(|_| String::new());
    assert!(said.contains("cut short"), "{said}");
}

#[test]
fn a_quarantined_run_is_left_out_and_said() {
    let out = both_stored();
    let mut again = numa();
    again.results.run.id = "20260102T060000Z-beef".into();
    again.results.run.quarantine = Some("fan failed".into());
    again.store(out.path());
    let (code, text, said) = diff(out.path(), &["default", "numa"]);
    assert_eq!(code, 0);
    assert!(said.contains("left out") && said.contains("fan failed"), "{said}");
    assert!(text.contains("5 launches each"), "{text}");
    assert!(diff(out.path(), &["default", "20260102T06"]).2.contains("quarantined: fan failed"));
}

#[test]
fn amounts_of_the_moment_are_named_and_settings_are_shown() {
    let out = tempdir().unwrap();
    for (mut run, free, governor) in [(default(), 10_i64, "schedutil"), (numa(), 20, "performance")]
    {
        run = run.fact("memory.free", free).fact("cpu.governor", governor);
        for name in ["memory.free", "cpu.governor"] {
            run.results.environment.facts.get_mut(name).unwrap().stable = false;
        }
        run.store(out.path());
    }
    let (_, text, _) = diff(out.path(), &["default", "numa", "--format", "text"]);
    assert!(text.contains("amounts of the moment: memory.free\n"), "{text}");
    let governor = text.lines().find(|line| line.contains("cpu.governor")).unwrap();
    assert!(governor.contains("schedutil") && governor.contains("may change by itself"), "{text}");
    assert!(text.contains("2 facts differ"), "only what is stable can be credited: {text}");
}

#[test]
fn names_from_files_cannot_draw_on_the_terminal() {
    let out = tempdir().unwrap();
    default().store(out.path());
    let mut hostile = numa().fact("cpu.model", "\u{1b}[2J\u{202e}evil");
    hostile.results.run.config = "numa\u{1b}[31m".into();
    let folder = hostile.store(out.path());
    for format in ["text", "markdown"] {
        let (code, text, said) =
            diff(out.path(), &["default", folder.to_str().unwrap(), "--format", format]);
        assert_eq!(code, 0, "{said}");
        assert!(text.contains("evil") && !text.contains(['\u{1b}', '\u{202e}']), "{text}");
    }
}
