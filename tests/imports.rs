//! Importers: what each makes of its tool's output, and what it refuses.

#[path = "imports/fixtures.rs"]
mod fixtures;

use fixtures::{FILES, known, path, text};
use std::fmt::Write;
use std::path::PathBuf;
use tempfile::tempdir;
use vbench::cli::{Console, run_cli};
use vbench::import::{Draft, Fault, KINDS, Reader, parse, read};
use vbench::vbench;
use vbench_results::{CaseResult, Reading, ResultSet};

/// A program without benchmarks would refuse every command.
#[vbench(kind = "cpu")]
fn nothing() {}

/// Everything that a draft holds, as lines.
fn told(drafts: &[Draft]) -> String {
    let mut text = String::new();
    for draft in drafts {
        let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "?".into());
        let _ = writeln!(text, "{} / {}", name(&draft.system), name(&draft.config));
        for (fact, found) in &draft.environment.facts {
            let _ = match &found.reading {
                Reading::Value(value) => writeln!(text, "  {fact} = {value}"),
                Reading::Unknown(reason) => writeln!(text, "  {fact} unknown: {reason}"),
            };
        }
        draft.cases.iter().for_each(|case| text.push_str(&told_case(case)));
    }
    text
}

fn told_case(case: &CaseResult) -> String {
    let mut text = format!("{} [{}] {} {:?}\n", case.case, case.kind, case.version, case.estimator);
    for launch in &case.launches {
        let _ = write!(text, "  launch {} {}", launch.launch, launch.outcome.state());
        let _ = writeln!(text, " {}", launch.outcome.reason().unwrap_or_default());
        for repeat in &launch.repeats {
            for metric in case.metrics.iter().filter(|m| repeat.values.contains_key(&m.name)) {
                let value = repeat.values[&metric.name];
                let step =
                    metric.resolution.map_or(String::new(), |step| format!(" step {step:e}"));
                let (name, unit) = (&metric.name, &metric.unit.symbol);
                let (better, role) = (metric.better, metric.role);
                let _ = writeln!(text, "    {name} {value:e} {unit} {better:?} {role:?}{step}");
            }
        }
    }
    text
}

fn parsed(kind: &str, file: &str) -> Result<Vec<Draft>, Fault> {
    parse(known(kind), &text(file), file).unwrap_or_else(|| panic!("{kind} reads no text"))
}

#[test]
fn every_fixture_reads_as_it_says() {
    for (kind, file) in FILES.iter().filter(|(kind, _)| *kind != "study") {
        let drafts = parsed(kind, file).unwrap_or_else(|fault| panic!("{file}: {fault}"));
        insta::assert_snapshot!(file.replace('.', "-"), told(&drafts));
    }
}

#[test]
fn criterion_folders_read_as_they_say() {
    let drafts = read(known("criterion"), &[path("criterion")]).unwrap();
    insta::assert_snapshot!(told(&drafts));
}

#[test]
fn every_kind_has_a_fixture_and_a_fact_about_what_was_not_said() {
    for kind in KINDS.iter().filter(|kind| !matches!(kind.reader, Reader::Folder(_))) {
        let found = FILES.iter().find(|(name, _)| *name == kind.name);
        let (name, file) = found.unwrap_or_else(|| panic!("no fixture of {}", kind.name));
        for draft in parsed(name, file).unwrap() {
            let unsaid: Vec<&str> = draft.unsaid().map(|(fact, _)| fact).collect();
            assert!(unsaid.contains(&"source.boot"), "{name} {unsaid:?}");
        }
    }
}

#[test]
fn a_file_of_another_tool_is_refused_with_its_line() {
    for (kind, _) in FILES {
        for (other, file) in FILES.iter().filter(|(other, _)| other != kind) {
            let fault = parsed(kind, file).err();
            let fault = fault.unwrap_or_else(|| panic!("{kind} took {file} of {other}"));
            assert!(fault.line.is_some(), "{kind} of {file}: {fault}");
        }
    }
}

/// Kinds whose tools print nothing that says the output is whole: cut at the end of a table, a
/// part looks like a shorter run. They say so.
const WITHOUT_END: [&str; 3] = ["mlc", "mem-latency", "rocm-bandwidth-test"];

#[test]
fn a_file_that_is_cut_short_is_refused_with_its_line() {
    for (kind, file) in FILES {
        let whole = text(file);
        let all = parsed(kind, file).unwrap();
        let sometimes = ["bandwidthtest-csv.txt", "nvbandwidth.txt"].contains(file);
        let open = WITHOUT_END.contains(kind) || sometimes || *kind == "study";
        // Every place in short files, every seventh in long ones, and every end of a line.
        let step = if whole.len() < 2000 { 1 } else { 7 };
        let places = whole.char_indices().map(|(end, _)| end);
        let line_end = |end: usize| whole[..end].ends_with('\n');
        for end in places.filter(|end| end % step == 0 || line_end(*end)) {
            let cut = &whole[..end];
            match parse(known(kind), cut, file).unwrap() {
                Err(fault) => assert!(fault.line.is_some(), "{file} cut at {end}: {fault}"),
                Ok(drafts) if open => assert!(part_of(&drafts, &all), "{file} cut at {end}"),
                Ok(drafts) => assert!(told(&drafts) == told(&all), "{file} cut at {end}"),
            }
        }
    }
}

/// Every value of `part` stands in `all`.
fn part_of(part: &[Draft], all: &[Draft]) -> bool {
    let values = |drafts: &[Draft]| -> Vec<String> {
        let mut found = Vec::new();
        for draft in drafts {
            for case in &draft.cases {
                for repeat in case.launches.iter().flat_map(|launch| &launch.repeats) {
                    found.extend(repeat.values.iter().map(|(name, value)| {
                        format!(
                            "{:?} {:?} {} {name} {value:e}",
                            draft.system, draft.config, case.case
                        )
                    }));
                }
            }
        }
        found
    };
    let all = values(all);
    values(part).iter().all(|value| all.contains(value))
}

#[test]
fn tools_without_an_end_are_marked() {
    for kind in WITHOUT_END {
        let (_, file) = FILES.iter().find(|(name, _)| *name == kind).unwrap();
        let draft = parsed(kind, file).unwrap().remove(0);
        assert!(draft.unsaid().any(|(fact, _)| fact == "source.complete"), "{kind}");
    }
}

fn nccl(change: impl Fn(&str) -> String) -> String {
    let changed = change(&text("nccl-all_reduce.txt"));
    parse(known("nccl"), &changed, "x").unwrap().unwrap_err().to_string()
}

#[test]
fn moved_columns_are_errors_and_never_other_numbers() {
    // Both bandwidths change places in the header only: the rows contradict it.
    let swapped = nccl(|text| text.replace("algbw   busbw", "busbw   algbw"));
    assert!(swapped.contains("is not algbw") && swapped.contains("line "), "{swapped}");
    let renamed = nccl(|text| text.replace("busbw", "busBW"));
    assert!(renamed.contains("busbw"), "{renamed}");
    let short = nccl(|text| text.replace("     sum      -1", "     sum"));
    assert!(short.contains("13 columns"), "{short}");
    let gone = nccl(|text| {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("536870912"));
        lines.map(|line| format!("{line}\n")).collect()
    });
    assert!(gone.contains("rows are missing"), "{gone}");
}

/// What `kind` says to its fixture with one text in place of another.
fn refusal(kind: &str, file: &str, from: &str, to: &str) -> String {
    let whole = text(file);
    assert!(whole.contains(from), "{file} has no {from}");
    let changed = whole.replacen(from, to, 1);
    let drafts = parse(known(kind), &changed, file).unwrap();
    drafts.err().unwrap_or_else(|| panic!("{file} with {to} was taken")).to_string()
}

#[test]
fn other_units_are_errors_and_never_gigabytes() {
    for (kind, file, from, to, line) in [
        ("nccl", "nccl-all_reduce.txt", "(GB/s)", "(MB/s)", "line 16"),
        ("nccl", "nccl-all_reduce.txt", "(us)", "(ms)", "line 16"),
        ("nccl", "rccl-all_reduce.txt", "(GB/s)  (GB/s)", "(GiB/s) (GiB/s)", "line 15"),
        ("nvbandwidth", "nvbandwidth.txt", "(GB/s)", "(MB/s)", "line 13"),
        ("nvbandwidth", "nvbandwidth.txt", " bandwidth (GB/s)", "", "line 13"),
        ("nvbandwidth", "nvbandwidth.json", "(GB/s)", "(MB/s)", "line 1"),
    ] {
        let said = refusal(kind, file, from, to);
        assert!(said.starts_with(line) && said.contains("(GB/s)"), "{file} {to}: {said}");
    }
}

#[test]
fn negative_values_are_errors_with_their_line() {
    for (kind, file, from, to) in [
        ("stream", "stream.txt", "Triad:          ", "Triad:          -"),
        ("sysbench", "sysbench-cpu.txt", "events per second:  ", "events per second:  -"),
        ("sysbench", "sysbench-memory.txt", "transferred (", "transferred (-"),
    ] {
        let said = refusal(kind, file, from, to);
        assert!(said.starts_with("line ") && said.contains("none below zero"), "{file}: {said}");
    }
}

#[test]
fn the_bus_bandwidth_is_that_column_with_and_without_root() {
    for (file, ranks) in [("nccl-all_reduce.txt", 7.0), ("nccl-all_reduce-without-root.txt", 8.0)] {
        let draft = parsed("nccl", file).unwrap().remove(0);
        let case = draft.cases.iter().find(|case| {
            case.case.params.get("size").is_some_and(|size| size == "536870912")
                && case.case.params.get("place").is_some_and(|place| place == "out")
        });
        let values = &case.unwrap().launches[0].repeats[0].values;
        let factor = values["busbw"] / values["algbw"];
        assert!((factor - 2.0 * (ranks - 1.0) / ranks).abs() < 0.002, "{file} {factor}");
    }
}

/// Exit code, standard output and standard error of `vbench import`.
fn import(arguments: &[&str]) -> (u8, String, String) {
    let all: Vec<String> =
        ["import"].iter().chain(arguments).map(|argument| (*argument).to_owned()).collect();
    let (mut written, mut said) = (Vec::new(), Vec::new());
    let mut console = Console::plain(&mut written, &mut said, 120);
    let code = run_cli(&all, &mut console);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (code, text(written), text(said))
}

fn stored(out: &std::path::Path) -> Vec<ResultSet> {
    let runs: Vec<PathBuf> = vbench::store::runs(out);
    runs.iter().map(|run| vbench::store::read(run).unwrap().results).collect()
}

#[test]
fn several_files_are_launches_of_one_configuration() {
    let out = tempdir().unwrap();
    let folder = out.path().display().to_string();
    let (one, two) = (path("sysbench-cpu.txt"), path("sysbench-memory.txt"));
    let (one, two) = (one.display().to_string(), two.display().to_string());
    let target = ["--system", "host", "--config", "default", "--out", &folder];
    let again = out.path().join("again.txt");
    let text = std::fs::read_to_string(&one).unwrap();
    std::fs::write(&again, text.replace("events per second:  1", "events per second:  2")).unwrap();
    let again = again.display().to_string();
    let files = ["sysbench", &one, &again, &two];
    let (code, written, said) =
        import(&[&files[..], &target, &["--label", "factor.pin=no"]].concat());
    assert_eq!(code, 0, "{said}");
    assert!(written.contains("2 cases  3 launches"), "{written}");
    assert!(said.contains("source.boot: the source does not say"), "{said}");
    let run = stored(out.path()).remove(0);
    assert_eq!((run.run.launches, run.run.profile.as_str()), (3, "imported"));
    assert_eq!(run.run.labels["factor.pin"], "no");
    let numbers: Vec<Vec<u32>> = run
        .cases
        .iter()
        .map(|case| case.launches.iter().map(|launch| launch.launch).collect())
        .collect();
    assert_eq!(numbers, [vec![1, 2], vec![3]]);

    let (code, _, said) = import(&[&files[..], &target].concat());
    assert_eq!(code, 2);
    assert!(said.contains("already imported"), "{said}");
    let (code, _, said) = import(&[&["sysbench", &one, &one][..], &target].concat());
    assert_eq!(code, 2);
    assert!(said.contains("one measurement counts once"), "{said}");
}

#[test]
fn refusals_name_the_file_the_line_and_the_remedy() {
    let out = tempdir().unwrap();
    let folder = out.path().display().to_string();
    let stream = path("stream.txt").display().to_string();
    let target = ["--system", "host", "--config", "default", "--out", &folder];
    let refused = |arguments: &[&str]| {
        let (code, written, said) = import(&[arguments, &target[..]].concat());
        assert_eq!((code, written.as_str()), (2, ""), "{said}");
        said
    };
    let said = refused(&["sysbench", &stream]);
    assert!(said.contains("stream.txt: line 1: expected"), "{said}");
    assert!(said.contains("sysbench is text of"), "{said}");
    assert!(refused(&["sysbnch", &stream]).contains("there are: bandwidthtest, criterion"));
    assert!(refused(&["sysbench", "no-such-file"]).contains("no-such-file: cannot read"));
    let binary = out.path().join("binary");
    std::fs::write(&binary, b"sysbench 1\n\xff\xfe").unwrap();
    let said = refused(&["sysbench", &binary.display().to_string()]);
    assert!(said.contains("binary: line 2: expected text"), "{said}");
    let (code, _, said) = import(&["stream", &stream, "--out", &folder]);
    assert_eq!(code, 2);
    assert!(said.contains("--system NAME"), "{said}");
    assert!(stored(out.path()).is_empty());
}

#[test]
fn the_kinds_are_listed() {
    let (code, written, _) = import(&["--list"]);
    assert_eq!((code, written.lines().count()), (0, KINDS.len()));
}

#[test]
fn a_results_folder_is_read_by_the_tools_it_names() {
    let folder = tempdir().unwrap();
    let config = folder.path().join("NVIDIA_H200/vcpu_pin");
    std::fs::create_dir_all(&config).unwrap();
    for (from, to) in [
        ("sysbench-cpu-one.txt", "sysbench_cpu_single.txt"),
        ("sysbench-cpu.txt", "sysbench_cpu_multi.txt"),
        ("stream.txt", "stream.txt"),
        ("mem-latency.txt", "mem_latency.txt"),
        ("nccl-all_reduce.txt", "nccl_all_reduce.txt"),
    ] {
        std::fs::copy(path(from), config.join(to)).unwrap();
    }
    std::fs::write(config.join("matmul.txt"), "8192 21.1 ms\n").unwrap();
    std::fs::write(config.join("stream_numa.txt"), "\n").unwrap();
    std::fs::write(config.join("metadata.json"), r#"{"gpu": "NVIDIA H200", "vcpus": 94}"#).unwrap();
    std::fs::write(config.join("summary.csv"), "metric,value\nnccl_peak,20.2\n").unwrap();
    for level in ["", "NVIDIA_H200", "NVIDIA_H200/vcpu_pin"] {
        let drafts = read(known("study-folder"), &[folder.path().join(level)]).unwrap();
        assert_eq!(drafts.len(), 1);
        let draft = &drafts[0];
        assert_eq!(draft.system.as_deref(), Some("NVIDIA_H200"));
        assert_eq!(draft.config.as_deref(), Some("vcpu_pin"));
        let no_tool = "of no known tool, or cut short before the line that names it";
        let empty = "empty: its tool wrote nothing, or it was cut short";
        assert_eq!(
            draft.remarks,
            [
                format!("not imported: matmul.txt: {no_tool}"),
                format!("not imported: stream_numa.txt: {empty}"),
            ]
        );
        let facts = &draft.environment;
        assert_eq!(facts.value("metadata.vcpus").unwrap().to_string(), "94");
        assert_eq!(
            facts.value("metadata.summary_csv").unwrap().to_string(),
            "metric,value nccl_peak,20.2"
        );
        let kinds: std::collections::BTreeSet<&str> =
            draft.cases.iter().map(|case| case.kind.as_str()).collect();
        assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["cpu", "gpu", "latency", "memory"]);
    }
    let cut: String = text("stream.txt").lines().take(20).map(|line| format!("{line}\n")).collect();
    std::fs::write(config.join("stream.txt"), cut).unwrap();
    let error = read(known("study-folder"), &[folder.path().to_owned()]).unwrap_err().to_string();
    assert!(error.contains("stream.txt: line 20:"), "{error}");
}
