//! What is written about a decision.

use crate::program::{Place, compared, judged, new, old, policy, read};
use crate::stored::{default, numa};
use proptest::prelude::*;
use vbench::gate::Policy;
use vbench::report::diff::{DIFF_COLUMNS, View};
use vbench::report::gate::{
    GATE_COLUMNS, Input, Report, annotations, csv, json, junit, markdown, text,
};

const VIEW: View = View { width: 120, unicode: true, colour: false, all_metrics: false };

/// One row of every kind.
const POLICY: &str = "
[baseline]
key = [\"cpu.model\"]
[[rule]]
match = { case = \"gpu::allreduce/*\", metric = \"busbw\" }
min = \"15 GB/s\"
margin = \"5%\"
[[expect]]
match = { case = \"gpu::h2d\" }
[[expect]]
match = { case = \"memory::*\" }
[[waive]]
match = { case = \"memory::stream/stores=streaming\" }
reason = \"firmware 1.2 breaks it\"
link = \"https://example.org/1\"
until = 2030-12-31
[confirm]
runs = 1
";

fn with<T>(example: &str, write: impl Fn(&Report<'_>) -> T) -> T {
    let policy = policy(example);
    let comparison = compared(&default(), &numa(), &policy);
    written(&policy, &comparison, write)
}

fn written<T>(
    policy: &Policy,
    comparison: &vbench::compare::Comparison,
    write: impl Fn(&Report<'_>) -> T,
) -> T {
    let gate = judged(policy, comparison).unwrap();
    let input = |role, path: &str| Input { role, path: path.into(), sha256: "00ff".repeat(16) };
    let inputs = [
        input("policy", "vbench-gate.toml"),
        input("baseline", "results/old/result.json"),
        input("candidate", "results/new/result.json"),
    ];
    let report = Report {
        gate: &gate,
        policy,
        base: comparison,
        anchor: None,
        inputs: &inputs,
        out: None,
        report_only: false,
    };
    write(&report)
}

#[test]
fn the_screen() {
    insta::assert_snapshot!(with(POLICY, |report| text(report, VIEW)));
}

#[test]
fn the_screen_without_unicode() {
    let text = with(POLICY, |report| text(report, View { unicode: false, ..VIEW }));
    assert!(text.is_ascii(), "{text}");
}

#[test]
fn colours_say_nothing_that_words_do_not() {
    let plain = with(POLICY, |report| text(report, VIEW));
    let coloured = with(POLICY, |report| text(report, View { colour: true, ..VIEW }));
    assert_ne!(plain, coloured);
    let codes = ["\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m", "\u{1b}[2m", "\u{1b}[0m"];
    let stripped = codes.iter().fold(coloured, |text, code| text.replace(code, ""));
    assert_eq!(stripped, plain);
}

#[test]
fn the_step_summary() {
    insta::assert_snapshot!(with(POLICY, |report| markdown(report, VIEW)));
}

#[test]
fn the_annotations() {
    insta::assert_snapshot!(with(POLICY, |report| annotations(report, VIEW)));
}

#[test]
fn the_junit_file() {
    let xml = with(POLICY, |report| junit(report, VIEW));
    let read = roxmltree::Document::parse(&xml).unwrap();
    let named = |name: &str| read.descendants().filter(|node| node.has_tag_name(name)).count();
    let root = read.root_element();
    assert_eq!(root.attribute("tests"), Some(named("testcase").to_string().as_str()));
    assert_eq!(root.attribute("failures"), Some(named("failure").to_string().as_str()));
    assert_eq!(root.attribute("errors"), Some(named("error").to_string().as_str()));
    assert_eq!(root.attribute("skipped"), Some(named("skipped").to_string().as_str()));
    insta::assert_snapshot!(xml);
}

#[test]
fn the_csv_file() {
    insta::assert_snapshot!(with(POLICY, csv));
}

#[test]
fn the_json_file() {
    let policy = policy("[[rule]]\nmatch = { case = \"m::f1\" }\nmax = \"1.2 s\"");
    let comparison = compared(&old(&[1.0, 1.0]), &new(&[1.0, 1.5]), &policy);
    let text = written(&policy, &comparison, json);
    let read: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(read["document"], "gate");
    insta::assert_snapshot!(text);
}

#[test]
fn json_and_csv_hold_the_same_rows() {
    let (json, csv) = with(POLICY, |report| (json(report), csv(report)));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let rows = json["rows"].as_array().unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), rows.len() + 1);
    let columns = DIFF_COLUMNS.len() + GATE_COLUMNS.len();
    for (line, row) in lines[1..].iter().zip(rows) {
        assert!(line.contains(row["case"].as_str().unwrap()), "{line}");
        assert!(line.contains(row["state"].as_str().unwrap()), "{line}");
    }
    assert_eq!(lines[0].split(',').count(), columns);
    // Axis values hold commas nowhere in the example.
    assert!(lines.iter().all(|line| line.split(',').count() == columns), "{csv}");
}

#[test]
fn equal_input_gives_equal_files() {
    let place = Place::new(&[old(&[1.0, 1.0]), new(&[1.0, 1.5])], "");
    let write = |folder: &str| {
        let folder = place.folder.path().join(folder);
        let named = folder.display().to_string();
        let arguments = ["--baseline", "old", "--candidate", "new", "--write", &named];
        assert_eq!(place.gate(&arguments).0, 1);
        let files = ["gate.txt", "gate.json", "gate.csv", "gate.md", "comment.md", "gate.xml"];
        let others = ["bencher.json", "openmetrics.txt", "github-action-benchmark-smaller.json"];
        // Every metric of the example is a time.
        assert!(!folder.join("github-action-benchmark-bigger.json").exists());
        [&files[..], &others[..]]
            .concat()
            .into_iter()
            .map(|file| read(&folder.join(file)))
            .collect::<Vec<_>>()
    };
    let first = write("first");
    assert!(first.iter().all(|text| text.contains("m::f1")));
    assert_eq!(first, write("second"));
}

#[test]
fn standard_output_takes_any_format() {
    let place = Place::new(&[old(&[1.0]), new(&[1.5])], "");
    for (format, begins) in [
        ("text", "old"),
        ("json", "{\n"),
        ("csv", "schema_version,"),
        ("markdown", "## vbench gate: fail"),
        ("junit", "<?xml"),
    ] {
        let arguments = ["--baseline", "old", "--candidate", "new", "--format", format];
        let (code, text, _) = place.gate(&arguments);
        assert_eq!(code, 1);
        assert!(text.starts_with(begins), "{format}: {text}");
    }
}

#[test]
fn github_gets_annotations_and_a_longer_step_summary() {
    let place = Place::new(&[old(&[1.0]), new(&[1.5])], "");
    let summary = place.folder.path().join("summary.md");
    std::fs::write(&summary, "# before\n").unwrap();
    let path = summary.display().to_string();
    let arguments =
        ["--baseline", "old", "--candidate", "new", "--github", "--step-summary", &path];
    let (code, text, _) = place.gate(&arguments);
    assert_eq!(code, 1);
    assert!(text.contains("\n::error title=vbench gate%3A m%3A%3Af0 time::"), "{text}");
    assert!(read(&summary).starts_with("# before\n## vbench gate: fail"));
}

#[test]
fn a_comment_fits_and_says_what_it_leaves_out() {
    let many = vec![1.0; 1200];
    let place = Place::new(&[old(&many), new(&many)], "");
    for command in [
        &["gate", "--baseline", "old", "--candidate", "new"][..],
        &["diff", "old", "new", "--any-version"],
    ] {
        let policy = place.policy().display().to_string();
        let policy = if command[0] == "gate" { vec!["--policy", &policy] } else { Vec::new() };
        let written = |format: &str| {
            let arguments = [&command[1..], &policy, &["--format", format]].concat();
            let (code, text, said) = place.run(&command[..1], &arguments);
            assert_eq!(code, 0, "{said}");
            text
        };
        let rows = |text: &str| text.lines().filter(|line| line.starts_with("| ")).count();
        let (whole, text) = (written("markdown"), written("comment"));
        assert!((60_000..65_536).contains(&text.chars().count()), "{}", text.len());
        let left = rows(&whole) - rows(&text);
        let said = format!("**{left} rows left out to stay within 65000 bytes: see ");
        assert!(left > 100 && text.contains(&said), "{left} rows, {:?}", text.lines().last());
    }
}

#[test]
fn a_step_summary_is_cut_where_github_would_refuse_it() {
    let mut runs = [old(&[1.0; 700]), new(&[1.0; 700])];
    for run in &mut runs {
        for (index, case) in run.results.cases.iter_mut().enumerate() {
            case.case.benchmark = format!("m::f{index}_{}", "x".repeat(1500));
        }
    }
    let policy = Policy::default();
    let comparison = compared(&runs[0], &runs[1], &policy);
    let text = written(&policy, &comparison, |report| markdown(report, VIEW));
    let limit = 900 * 1024;
    assert!((limit - 4096..=limit).contains(&text.len()), "{}", text.len());
    let rows = text.lines().filter(|line| line.starts_with("| PASS")).count();
    let said =
        format!("**{} rows left out to stay within {limit} bytes: see gate.json.**", 700 - rows);
    assert!(rows > 500 && text.trim_end().ends_with(&said), "{:?}", text.lines().last());
}

#[test]
fn odd_ids_are_shown_as_they_are() {
    let (mut base, mut candidate) = (old(&[1.0; 3]), new(&[1.0; 3]));
    for run in [&mut base, &mut candidate] {
        let names = ["m::a<b>&c*d", "m::a|b", "m::a`b"];
        for (case, name) in run.results.cases.iter_mut().zip(names) {
            case.case.benchmark = name.into();
        }
    }
    let policy = Policy::default();
    let comparison = compared(&base, &candidate, &policy);
    let gate = written(&policy, &comparison, |report| markdown(report, VIEW));
    for text in [gate, vbench::report::diff::markdown(&comparison, VIEW)] {
        // Code spans know neither entities nor escapes; what would end one stands outside.
        for cell in ["| `m::a<b>&c*d` |", r"| m::a\|b |", r"| m::a\`b |"] {
            assert!(text.contains(cell), "{cell}\n{text}");
        }
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error() {
    let place = Place::new(&[old(&[1.0]), new(&[1.0])], "");
    let file = place.policy().display().to_string();
    let (code, _, said) =
        place.gate(&["--baseline", "old", "--candidate", "new", "--write", &file]);
    assert_eq!(code, 2);
    assert!(said.contains("cannot write") && said.contains("policy.toml"), "{said}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn hostile_names_stay_names(case in "[^/]{1,12}", metric in ".{0,12}", kind in ".{0,12}", config in ".{0,12}") {
        let (mut base, mut candidate) = (old(&[1.0]), new(&[1.5]));
        for run in [&mut base, &mut candidate] {
            run.results.run.config = config.clone();
            let row = &mut run.results.cases[0];
            row.case.benchmark = case.clone();
            row.kind = kind.clone();
            row.metrics[0].name = metric.clone();
            for repeat in row.launches.iter_mut().flat_map(|launch| &mut launch.repeats) {
                repeat.values = repeat.values.values().map(|value| (metric.clone(), *value)).collect();
            }
        }
        let policy = Policy::default();
        let comparison = compared(&base, &candidate, &policy);
        written(&policy, &comparison, |report| {
            let xml = junit(report, VIEW);
            let read = roxmltree::Document::parse(&xml);
            prop_assert!(read.is_ok(), "{:?}\n{}", read, xml);
            prop_assert_eq!(annotations(report, VIEW).lines().count(), 1);
            let markdown = markdown(report, VIEW);
            let rows = markdown.lines().filter(|line| line.starts_with("| FAIL")).count();
            prop_assert_eq!(rows, 1, "{}", markdown);
            let obeyed = |c: char| c.is_control() && c != '\n';
            prop_assert!(!text(report, VIEW).contains(obeyed));
            prop_assert!(serde_json::from_str::<serde_json::Value>(&json(report)).is_ok());
            Ok(())
        })?;
    }
}
