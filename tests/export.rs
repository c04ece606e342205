//! Exports as the tools that read them meet them: parsed, exact, and inert.

#[path = "export/openmetrics.rs"]
mod openmetrics;
#[path = "diff/stored.rs"]
mod stored;

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::slice::from_ref;
use stored::{Stored, default, numa};
use tempfile::tempdir;
use vbench::cli::{Console, run_cli};
use vbench::compare::{Comparison, Policy, Side, compare};
use vbench::export::{self, Document, Export, formats};
use vbench::vbench;
use vbench_results::{
    Better, Outcome, ResultSet, Role, SampleRow, Unit, read_samples, read_summary,
};

/// A program without benchmarks would refuse every command.
#[vbench(kind = "cpu")]
fn nothing() {}

/// Exit code, standard output and standard error of `vbench export` on the runs in `out`.
fn run(out: &Path, arguments: &[&str]) -> (u8, String, String) {
    let out = out.display().to_string();
    let all: Vec<String> = ["export", "--out", &out]
        .iter()
        .chain(arguments)
        .map(|argument| (*argument).to_owned())
        .collect();
    let (mut written, mut said) = (Vec::new(), Vec::new());
    let code = run_cli(&all, &mut Console::plain(&mut written, &mut said, 120));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (code, text(written), text(said))
}

fn documents(format: &str, sides: &[Side<'_>]) -> Result<Vec<Document>, String> {
    let known = formats();
    let format = known.iter().find(|known| known.name == format).expect("a known format");
    (format.write)(&Export::new(sides, false))
}

/// The only document of the run in a format.
fn only(format: &str, results: &ResultSet) -> String {
    let side = Side { name: &results.run.config, runs: from_ref(results) };
    let mut documents = documents(format, &[side]).unwrap();
    assert_eq!(documents.len(), 1, "{format}");
    documents.remove(0).text
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// `numa` against `default`.
fn comparison() -> Comparison {
    let (base, candidate) = (default().results, numa().results);
    let candidate = Side { name: "numa", runs: from_ref(&candidate) };
    compare(&Side { name: "default", runs: from_ref(&base) }, &[candidate], &Policy::default())
}

#[test]
fn every_format_has_a_golden_file() {
    let results = numa().results;
    for format in ["bencher", "google-benchmark", "junit", "markdown", "openmetrics"] {
        insta::assert_snapshot!(format!("run_{format}"), only(format, &results));
    }
    let side = Side { name: "numa", runs: from_ref(&results) };
    for document in documents("github-action-benchmark", &[side]).unwrap() {
        let name = format!("run_github-action-benchmark-{}", document.part.unwrap());
        insta::assert_snapshot!(name, document.text);
    }
}

#[test]
fn a_comparison_has_golden_files_too() {
    let comparison = comparison();
    let pair = &comparison.pairs[0];
    insta::assert_snapshot!("comparison_openmetrics", export::openmetrics(&comparison));
    insta::assert_snapshot!("comparison_bencher", export::bencher(pair));
    let [bigger, smaller] = export::github_action_benchmark(pair);
    insta::assert_snapshot!("comparison_bigger", bigger.unwrap());
    insta::assert_snapshot!("comparison_smaller", smaller.unwrap());
}

#[test]
fn every_format_is_listed_with_what_reads_it() {
    let names: Vec<&str> = formats().iter().map(|format| format.name).collect();
    let unique: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(unique.len(), names.len(), "{names:?}");
    let (code, help, _) = run(Path::new("."), &["--help"]);
    assert_eq!(code, 0);
    assert!(formats().iter().all(|format| help.contains(format.name)), "{help}");
    let (code, _, said) = run(Path::new("."), &["excel", "x"]);
    assert!(code == 2 && said.contains("excel") && said.contains("openmetrics"), "{said}");
}

#[test]
fn values_are_typical_with_an_interval_around_them() {
    let bencher = json(&only("bencher", &numa().results));
    let triad = &bencher["memory::stream/stores=cached"]["triad (B/s, higher is better)"];
    let number = |key: &str| triad[key].as_f64().unwrap();
    assert!((number("value") / 561e9 - 1.0).abs() < 1e-6, "{triad}");
    // Five launches, sd of ln 0.003 * sqrt(2.5), t(.975, 4) = 2.776445 (any table).
    let half = 2.776_445 * 0.003 * 2.5_f64.sqrt() / 5.0_f64.sqrt();
    assert!((number("lower_value").ln() - (561e9_f64.ln() - half)).abs() < 1e-5, "{triad}");
    assert!((number("upper_value").ln() - (561e9_f64.ln() + half)).abs() < 1e-5, "{triad}");
}

#[test]
fn one_launch_has_a_value_and_no_interval() {
    let measures = ("rate", Unit::decimal("event/s"), Better::Higher, Role::Gated, 100.0, 0.0);
    let once = Stored::new("once", 0).case("cpu::x", "cpu", 1, measures).results;
    let bencher = json(&only("bencher", &once));
    let rate = bencher["cpu::x"]["rate (event/s, higher is better)"].as_object().unwrap();
    assert_eq!(rate.keys().collect::<Vec<_>>(), ["value"]);
    let samples = openmetrics::read(&only("openmetrics", &once));
    assert!(samples.iter().all(|(name, ..)| !name.contains("ci95")), "{samples:?}");
    let side = Side { name: "once", runs: from_ref(&once) };
    let entries = documents("github-action-benchmark", &[side]).unwrap();
    assert!(json(&entries[0].text)[0].get("range").is_none());
}

#[test]
fn boots_are_units_where_there_are_two() {
    let mut results = numa().results;
    let by_launch = only("openmetrics", &results);
    for launch in results.cases.iter_mut().flat_map(|case| &mut case.launches) {
        launch.boot_id = Some(if launch.launch < 3 { "one" } else { "two" }.to_owned());
    }
    let width = |text: &str| {
        let samples = openmetrics::read(text);
        let of = |name: &str| {
            let case = |labels: &BTreeMap<String, String>| labels["case"].starts_with("latency::");
            samples.iter().find(|(found, labels, _)| found == name && case(labels)).unwrap().2
        };
        of("vbench_typical_ci95_high") - of("vbench_typical_ci95_low")
    };
    assert!(width(&only("openmetrics", &results)) > 2.0 * width(&by_launch));
}

#[test]
fn directions_are_two_files_and_an_empty_one_is_not_written() {
    let comparison = comparison();
    let [bigger, smaller] = export::github_action_benchmark(&comparison.pairs[0]);
    let names = |text: &str| -> Vec<String> {
        let entries = json(text);
        let names = entries.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap());
        names.map(str::to_owned).collect()
    };
    assert!(names(&bigger.unwrap()).contains(&"gpu::allreduce/bytes=1G busbw".to_owned()));
    assert!(names(&smaller.unwrap()).contains(&"latency::chase/size=512M time".to_owned()));
    let measures = ("rate", Unit::decimal("event/s"), Better::Higher, Role::Gated, 100.0, 0.1);
    let rates = Stored::new("rates", 0).case("cpu::x", "cpu", 2, measures).results;
    let side = Side { name: "rates", runs: from_ref(&rates) };
    let documents = documents("github-action-benchmark", &[side]).unwrap();
    assert_eq!(documents.iter().map(|d| d.part).collect::<Vec<_>>(), [Some("bigger")]);
}

#[test]
fn the_range_is_a_number_in_the_unit_of_the_value() {
    let results = numa().results;
    let side = Side { name: "numa", runs: from_ref(&results) };
    for document in documents("github-action-benchmark", &[side]).unwrap() {
        for entry in json(&document.text).as_array().unwrap() {
            let range = entry["range"].as_str().unwrap().strip_prefix("\u{b1} ").unwrap();
            let half: f64 = range.parse().unwrap();
            assert!(half > 0.0 && half < entry["value"].as_f64().unwrap(), "{entry}");
            assert!(entry["extra"].as_str().unwrap().contains("config numa"), "{entry}");
        }
    }
}

#[test]
fn verdicts_are_one_hot() {
    let samples = openmetrics::read(&export::openmetrics(&comparison()));
    let mut rows: BTreeMap<(String, String), Vec<(String, f64)>> = BTreeMap::new();
    for (name, labels, value) in samples {
        if name == "vbench_verdict" {
            let row = (labels["case"].clone(), labels["metric"].clone());
            rows.entry(row).or_default().push((labels["verdict"].clone(), value));
        }
    }
    assert!(rows.values().all(|row| row.len() == 5 && row.iter().map(|v| v.1).sum::<f64>() == 1.0));
    let hot = |case: &str, metric: &str| {
        let row = &rows[&(case.to_owned(), metric.to_owned())];
        row.iter().find(|(_, value)| *value == 1.0).unwrap().0.clone()
    };
    assert_eq!(hot("gpu::allreduce/bytes=1G", "busbw"), "regression");
    assert_eq!(hot("latency::chase/size=512M", "time"), "improvement");
}

#[test]
fn a_case_is_a_test_case() {
    let text = only("junit", &numa().results);
    let document = roxmltree::Document::parse(&text).unwrap();
    let suite = document.descendants().find(|node| node.has_tag_name("testsuite")).unwrap();
    assert_eq!(suite.attribute("name"), Some("7x-H200/numa"));
    let cases = || document.descendants().filter(|node| node.has_tag_name("testcase"));
    let with = |tag: &str| {
        cases().filter(|case| case.children().any(|child| child.has_tag_name(tag))).count()
    };
    for (attribute, count) in
        [("tests", cases().count()), ("failures", with("failure")), ("skipped", with("skipped"))]
    {
        assert_eq!(suite.attribute(attribute).unwrap(), count.to_string(), "{attribute}");
    }
    assert_eq!((with("failure"), with("skipped")), (1, 1));
    let failure = document.descendants().find(|node| node.has_tag_name("failure")).unwrap();
    assert_eq!(failure.attribute("message"), Some("check failed: triad is wrong"));
    let failed = failure.parent().unwrap();
    let name = (failed.attribute("classname").unwrap(), failed.attribute("name").unwrap());
    assert_eq!(name, ("memory", "stream/stores=streaming"));
}

#[test]
fn google_benchmark_has_a_repetition_per_launch_and_no_invented_cpu_time() {
    let document = json(&only("google-benchmark", &numa().results));
    let entries = document["benchmarks"].as_array().unwrap();
    assert!(entries.iter().all(|entry| entry.get("cpu_time").is_none()));
    let chase = |entry: &&Value| entry["name"] == "latency::chase/size=512M";
    let chase: Vec<&Value> = entries.iter().filter(chase).collect();
    assert_eq!(chase.len(), 5);
    assert_eq!(chase[4]["repetition_index"], 4);
    assert_eq!(
        (&chase[2]["time_unit"], chase[2]["real_time"].as_f64().unwrap()),
        (&"ns".into(), 101.0)
    );
    let failed = entries.iter().find(|entry| entry["error_occurred"] == true).unwrap();
    assert_eq!(failed["error_message"], "check failed: triad is wrong");
    assert_eq!(document["context"]["config"], "numa");
}

#[test]
fn native_formats_hold_what_was_stored() {
    let results = numa().results;
    let back = ResultSet::from_json(&only("json", &results), Path::new("x")).unwrap();
    assert_eq!(back, results);
    let rows = read_samples(only("csv", &results).as_bytes(), Path::new("x")).unwrap();
    assert_eq!(rows, results.sample_rows().collect::<Vec<_>>());
    let rows = read_summary(only("summary", &results).as_bytes(), Path::new("x")).unwrap();
    assert_eq!(rows, vbench::store::summary_rows(&results));
}

#[test]
fn several_configurations_are_one_table_with_one_header() {
    let out = tempdir().unwrap();
    default().store(out.path());
    numa().store(out.path());
    let (code, csv, said) = run(out.path(), &["csv", "default", "numa"]);
    assert_eq!(code, 0, "{said}");
    let rows = read_samples(csv.as_bytes(), Path::new("x")).unwrap();
    let configs: BTreeSet<&str> = rows.iter().map(|row| row.config.as_str()).collect();
    assert_eq!(configs, BTreeSet::from(["default", "numa"]));
    let (_, lines, _) = run(out.path(), &["json", "7x-H200/*"]);
    assert!(lines.lines().count() == 2 && lines.lines().all(|line| json(line).is_object()));
    let (_, text, _) = run(out.path(), &["openmetrics", "default", "numa"]);
    let configs =
        openmetrics::read(&text).into_iter().map(|(_, labels, _)| labels["config"].clone());
    assert_eq!(configs.collect::<BTreeSet<_>>().len(), 2);
}

#[test]
fn configurations_are_never_put_into_names() {
    let out = tempdir().unwrap();
    default().store(out.path());
    numa().store(out.path());
    for format in ["bencher", "github-action-benchmark", "google-benchmark"] {
        let (code, written, said) = run(out.path(), &[format, "default", "numa"]);
        assert_eq!((code, written.as_str()), (2, ""), "{format}");
        assert!(said.contains("no place for the names of configurations"), "{said}");
    }
}

#[test]
fn runs_of_one_configuration_are_pooled() {
    let out = tempdir().unwrap();
    numa().store(out.path());
    let mut again = numa();
    again.results.run.id = "20260102T060000Z-beef".into();
    again.store(out.path());
    let (_, text, _) = run(out.path(), &["openmetrics", "20260102T03", "20260102T06"]);
    let launches = openmetrics::read(&text).into_iter().filter(|s| s.0 == "vbench_launches");
    assert!(launches.map(|(_, _, value)| value).all(|launches| launches == 10.0));
    let (code, _, said) = run(out.path(), &["openmetrics", "numa", "numa"]);
    assert!(code == 2 && said.contains("stands twice"), "{said}");
}

#[test]
fn files_are_named_and_what_has_no_value_is_told() {
    let out = tempdir().unwrap();
    numa().store(out.path());
    let file = out.path().join("b.json");
    let name = file.to_str().unwrap();
    let (code, written, said) = run(out.path(), &["github-action-benchmark", "numa", "-o", name]);
    assert_eq!((code, written.as_str()), (0, ""), "{said}");
    for part in ["bigger", "smaller"] {
        let text = std::fs::read_to_string(out.path().join(format!("b-{part}.json"))).unwrap();
        assert!(json(&text).as_array().is_some_and(|entries| !entries.is_empty()));
    }
    assert!(
        said.contains("no value of numa: gpu::nccl and 1 more: skipped: needs libnccl"),
        "{said}"
    );
    let (code, _, said) = run(out.path(), &["github-action-benchmark", "numa"]);
    assert!(code == 2 && said.contains("-o FILE"), "{said}");
    let nowhere = out.path().join("no/such/folder/x");
    let (code, _, said) = run(out.path(), &["csv", "numa", "-o", nowhere.to_str().unwrap()]);
    assert!(code == 2 && said.contains("no/such/folder/x"), "{said}");
}

#[test]
fn a_run_in_which_everything_failed_is_a_junit_file_all_the_same() {
    let out = tempdir().unwrap();
    let failed = Outcome::Failed { reason: "exit 9".into() };
    Stored::new("broken", 0).ended("cpu::x", "cpu", failed).store(out.path());
    let (code, text, said) = run(out.path(), &["junit", "broken"]);
    assert_eq!(code, 0, "{said}");
    let document = roxmltree::Document::parse(&text).unwrap();
    assert_eq!(document.root_element().attribute("failures"), Some("1"));
    let (code, _, said) = run(out.path(), &["github-action-benchmark", "broken", "-o", "x"]);
    assert!(code == 2 && said.contains("no value to write"), "{said}");
}

/// Every name that a user can choose, chosen badly.
fn hostile() -> ResultSet {
    let long = "x".repeat(10_000);
    let measures = |name, unit| (name, unit, Better::Higher, Role::Gated, 2.0, 0.01);
    let mut stored = Stored::new("=cmd|' /C calc'!A0", 0)
        .case(
            "@SUM(1)::\"a\"\n# EOF\n<script>&]]>",
            "+kind",
            3,
            measures("-m\u{202e}\"}", Unit::plain("=1")),
        )
        .case(&format!("cpu::{long}/axis=|*_`"), "cpu", 2, measures(&long, Unit::plain("1")))
        .ended("cpu::f", "cpu", Outcome::Failed { reason: "=1+1\u{1b}[31m\r\n\u{fffe}<b>".into() });
    stored.results.run.system = "<img onerror=alert(1)>\u{2066}\u{0}".into();
    stored.results
}

#[test]
fn hostile_names_stay_names_in_every_format() {
    let results = hostile();
    let side = || Side { name: "=evil\n\u{202e}<b>", runs: from_ref(&results) };
    for format in formats() {
        let documents = (format.write)(&Export::new(&[side()], true)).unwrap();
        for Document { text, .. } in documents {
            // The native CSV quotes line breaks and keeps names as they are, but for formulas.
            let native = ["csv", "summary"].contains(&format.name);
            let obeyed = |c: char| c != '\n' && vbench::text::is_obeyed(c);
            assert!(native || !text.contains(obeyed), "{}: {text}", format.name);
            let page = ["junit", "markdown"].contains(&format.name) || text.starts_with(['{', '[']);
            assert!(!page || !text.contains("<script>"), "{}", format.name);
        }
    }
    let samples = openmetrics::read(&only("openmetrics", &results));
    assert!(samples.iter().any(|(_, labels, _)| labels["case"].contains("# EOF")));
    assert!(roxmltree::Document::parse(&only("junit", &results)).is_ok());
    assert_eq!(ResultSet::from_json(&only("json", &results), Path::new("x")).unwrap(), results);
    for line in only("markdown", &results).lines().filter(|line| line.starts_with('|')) {
        let bars = line.replace("\\|", "").matches('|').count();
        assert_eq!(bars, 9, "{line}");
    }
}

#[test]
fn names_are_bounded_where_the_reader_refuses_longer_ones() {
    let mut results = hostile();
    let bencher = json(&only("bencher", &results));
    for (case, measures) in bencher.as_object().unwrap() {
        assert!(case.chars().count() <= 1024, "{} characters", case.len());
        assert!(measures.as_object().unwrap().keys().all(|name| name.chars().count() <= 64));
    }
    // Names that differ only behind the cut stay two.
    let mut twin = results.cases[1].clone();
    twin.case.benchmark.push('y');
    results.cases.push(twin);
    let more = json(&only("bencher", &results));
    assert_eq!(more.as_object().unwrap().len(), bencher.as_object().unwrap().len() + 1);
}

#[test]
fn no_cell_of_the_csv_is_a_formula() {
    let results = hostile();
    for format in ["csv", "summary"] {
        let text = only(format, &results);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        for record in reader.records() {
            for cell in record.unwrap().iter().filter(|cell| cell.parse::<f64>().is_err()) {
                assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{cell:?}");
            }
        }
    }
    let rows: Vec<SampleRow> =
        read_samples(only("csv", &results).as_bytes(), Path::new("x")).unwrap();
    let stored: Vec<SampleRow> = results.sample_rows().collect();
    assert_eq!(rows[0].config, format!("'{}", stored[0].config));
    let values = |rows: &[SampleRow]| rows.iter().map(|row| row.value).collect::<Vec<_>>();
    assert_eq!(values(&rows), values(&stored));
}
