//! `vbench report` as its readers meet it: what the page says, that it is one harmless file, and
//! how it grows.

#[path = "report/choose.rs"]
mod choose;
#[path = "report/honest.rs"]
mod honest;
#[path = "diff/stored.rs"]
mod stored;
#[path = "report/thousand.rs"]
mod thousand;
#[path = "report/whole.rs"]
mod whole;

use std::collections::BTreeSet;
use std::path::Path;
use stored::{Stored, default, numa};
use tempfile::{TempDir, tempdir};
use vbench::cli::{Console, run_cli};
use vbench::results::{Better, Outcome, Role, Unit};
use vbench::vbench;

/// A program without benchmarks would refuse every command.
#[vbench(kind = "cpu")]
fn nothing() {}

/// Exit code, standard output and error of `vbench report` on the runs in `out`.
fn report(out: &Path, arguments: &[&str]) -> (u8, String, String) {
    let page = out.join("report.html").display().to_string();
    let out = out.display().to_string();
    let fixed = ["report", "--out", &out, "-o", &page];
    let all: Vec<String> = fixed.iter().chain(arguments).map(|a| (*a).to_owned()).collect();
    let (mut written, mut said) = (Vec::new(), Vec::new());
    let mut console = Console::plain(&mut written, &mut said, 120);
    let code = run_cli(&all, &mut console);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (code, text(written), text(said))
}

/// The page about the runs in `out`.
fn page(out: &Path, arguments: &[&str]) -> String {
    let (code, _, said) = report(out, arguments);
    assert_eq!((code, said.as_str()), (0, ""));
    std::fs::read_to_string(out.join("report.html")).unwrap()
}

fn stored(runs: &[Stored]) -> TempDir {
    let out = tempdir().unwrap();
    for run in runs {
        run.store(out.path());
    }
    out
}

/// What a reader sees: the page without its elements, one space between words.
fn words(page: &str) -> String {
    let body = &page[page.find("<body>").unwrap()..page.rfind("<script>").unwrap()];
    let mut text = String::new();
    for part in body.split('<') {
        text.push(' ');
        text.push_str(part.split_once('>').map_or(part, |(_, text)| text));
    }
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_first_sentence_says_what_to_know() {
    let out = stored(&[default(), numa()]);
    let text = words(&page(out.path(), &[]));
    for sentence in [
        "numa gives 7.3\u{d7} the memory bandwidth of default and loses 57% of its all-reduce. No configuration wins everywhere.",
        "STREAM triad: 7.27\u{d7} higher than default",
        "57% of all-reduce",
        "default 20.2, numa 8.60 GB/s",
        "28% lower memory latency",
        "GPU compute only kernels, no transfers any the same within \u{b1}3%",
    ] {
        assert!(text.contains(sentence), "{sentence:?} is not in:\n{text}");
    }
    assert!(!text.contains("NaN") && !text.contains("inf "), "{text}");
}

#[test]
fn what_is_missing_has_a_reason_and_no_number() {
    let out = stored(&[default(), numa()]);
    let text = words(&page(out.path(), &[]));
    assert!(text.contains("failed: check failed: triad is wrong"), "{text}");
    assert!(text.contains("needs libnccl.so.2"), "{text}");
}

#[test]
fn one_launch_shows_nothing_to_be_real() {
    let metric =
        |value: f64| ("triad", Unit::decimal("B/s"), Better::Higher, Role::Gated, value, 0.0);
    let run = |config: &str, minute, value| {
        Stored::new(config, minute).case("m::stream", "memory", 1, metric(value))
    };
    let out = stored(&[run("default", 0, 77.2e9), run("numa", 30, 561e9)]);
    let text = words(&page(out.path(), &[]));
    assert!(text.contains("No difference of 3% or more is shown: 1 of 1 are unclear."), "{text}");
    assert!(text.contains("Every number is one launch"), "{text}");
    assert!(text.contains("? unclear"), "{text}");
    assert!(!text.contains("\u{2713} 7.27"), "{text}");
}

#[test]
fn the_base_is_default_or_as_asked_for() {
    let out = stored(&[default(), numa()]);
    let text = words(&page(out.path(), &["--base", "numa"]));
    assert!(
        text.contains(
            "default gives 2.3\u{d7} the all-reduce of numa and loses 86% of its memory bandwidth."
        ),
        "{text}"
    );
    let text = words(&page(out.path(), &["numa", "default"]));
    assert!(text.contains("default gives 2.3\u{d7} the all-reduce of numa"), "{text}");
}

#[test]
fn one_configuration_has_numbers_and_no_verdicts() {
    let out = stored(&[default()]);
    let html = page(out.path(), &[]);
    let text = words(&html);
    assert!(text.contains("default has 77.2 GB/s of memory bandwidth, 20.2 GB/s of all-reduce and 140 ns of memory latency."), "{text}");
    assert!(!text.contains('\u{2713}') && !html.contains("class=\"chip\""), "{text}");
}

/// A run of `default` on another system.
fn twin(mut run: Stored, system: &str) -> Stored {
    run.results.run.system = system.into();
    run.results.run.config = "default".into();
    run
}

#[test]
fn twins_stand_side_by_side() {
    let out = stored(&[default(), twin(numa(), "vm-b")]);
    let html = page(out.path(), &[]);
    assert_self_contained(&html);
    let text = words(&html);
    for sentence in [
        "default on 2 systems",
        "Twins differ in numbers and in facts",
        "Facts that differ: cpu.pinned, numa.nodes.",
        // The largest difference first, beside the facts.
        "What is not alike",
        "STREAM triad cached; GB/s, higher is better 77.2 561 \u{2713} 7.27\u{d7} higher",
        "cpu.pinned no yes numa.nodes 1 4",
    ] {
        assert!(text.contains(sentence), "{sentence:?} is not in:\n{text}");
    }
    let at = |what: &str| text.find(what).unwrap();
    assert!(at("Metrics Metric") < at("Facts Fact"), "{text}");
    assert!(at("Facts Fact") < at("Every launch"), "{text}");
}

#[test]
fn twins_that_are_alike_say_so_and_unknown_causes_are_not_guessed() {
    let out = stored(&[default(), twin(default(), "vm-b")]);
    let text = words(&page(out.path(), &[]));
    assert!(text.contains("No metric is shown to differ."), "{text}");
    assert!(text.contains("No known fact about the machines differs."), "{text}");
    let mut slow = twin(numa(), "vm-b");
    slow.results.environment = default().results.environment;
    let out = stored(&[default(), slow]);
    let text = words(&page(out.path(), &[]));
    assert!(text.contains("Twins differ in numbers, not in what is known of them"), "{text}");
    assert!(text.contains("outside of what a guest can see"), "{text}");
}

#[test]
fn three_twins_are_one_group_and_other_systems_stay_apart() {
    let mut alone = twin(default(), "other");
    alone.results.run.config = "pin".into();
    let out = stored(&[default(), twin(numa(), "vm-b"), twin(default(), "vm-c"), alone]);
    let text = words(&page(out.path(), &[]));
    assert!(
        text.contains("default on 3 systems") && text.contains("other, 1 configuration"),
        "{text}"
    );
}

/// Every value of an attribute of the page.
fn attributes<'p>(page: &'p str, name: &str) -> Vec<&'p str> {
    let start = format!(" {name}=\"");
    page.split(start.as_str()).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

/// The page is one file that loads, runs and styles nothing but its own.
fn assert_self_contained(page: &str) {
    let policy =
        attributes(page, "content").into_iter().find(|text| text.contains("default-src")).unwrap();
    assert!(
        policy.starts_with("default-src &#39;none&#39;")
            || policy.starts_with("default-src 'none'"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    let markup = &page[page.find("<body>").unwrap()..page.rfind("<script>").unwrap()];
    for forbidden in
        [" style=\"", " onclick", " onload", " onerror", " src=\"", "<iframe", "<link", "url(http"]
    {
        assert!(!markup.contains(forbidden), "{forbidden}");
    }
    for link in attributes(markup, "href") {
        assert!(
            ["#", "./", "data:image/png;base64,"].iter().any(|start| link.starts_with(start)),
            "{link}"
        );
    }
    let ids = attributes(markup, "id");
    let distinct: BTreeSet<&&str> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "an id stands twice");
    for link in attributes(markup, "href").iter().filter_map(|link| link.strip_prefix('#')) {
        assert!(ids.contains(&link), "#{link} leads nowhere");
    }
    for named in
        attributes(markup, "aria-labelledby").iter().chain(&attributes(markup, "aria-describedby"))
    {
        assert!(ids.contains(named), "{named} names nothing");
    }
}

#[test]
fn the_page_is_one_file_and_the_same_for_the_same_runs() {
    let out = stored(&[default(), numa()]);
    let first = page(out.path(), &[]);
    assert_self_contained(&first);
    assert_eq!(first, page(out.path(), &[]));
    assert!(first.len() < 450_000, "{}", first.len());
}

#[test]
fn hostile_names_and_values_are_harmless() {
    let hostile = "\"><script>alert(1)</script>\u{202e}'=1+1";
    let label = "x".repeat(10_000);
    let metric = |name: &str, value: f64| {
        let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
        (name, Unit::decimal("<b>"), Better::Higher, Role::Gated, value, 0.001)
    };
    let run = |config: &str, minute, value| {
        let mut run = Stored::new(config, minute)
            .fact("cpu.model", hostile)
            .fact(hostile, config)
            .fact("long", label.clone() + config)
            .case(
                "evil::<img src=x>/size=1,x=%22%3E%3Cscript%3E",
                hostile,
                3,
                metric(hostile, value),
            )
            .case("evil::long", &label, 3, metric(&label, value))
            .ended("evil::fails", "cpu", Outcome::Failed { reason: format!("{hostile}{label}") });
        run.results.run.command = vec![hostile.into(), label.clone()];
        run.results.run.labels.insert(hostile.into(), label.clone());
        run
    };
    let out = stored(&[run(hostile, 0, 1.0), run("javascript:alert(1)", 30, 2.0)]);
    let page = page(out.path(), &[]);
    assert_self_contained(&page);
    assert_eq!(page.matches("<script").count(), 2, "the cells and the script");
    assert!(!page.contains("<img") && !page.contains("<b>alert"), "an element came from data");
    assert!(!page.contains('\u{202e}'));
    assert!(page.contains("&lt;script&gt;alert(1)"));
}

#[test]
fn zeros_and_huge_numbers_are_drawn() {
    let metric = |value: f64| ("rate", Unit::plain("1"), Better::Higher, Role::Gated, value, 0.0);
    let run = |config: &str, minute, factor: f64| {
        let mut run = Stored::new(config, minute);
        for (size, value) in [("1", 0.0), ("2", 1e-9), ("3", 1.0), ("4", 1e12), ("5", -1.0)] {
            run = run.case(&format!("odd::sweep/n={size}"), "odd", 3, metric(value * factor));
            run = run.case(&format!("odd::f{size}"), "odd", 3, metric(value * factor));
        }
        run
    };
    let out = stored(&[run("default", 0, 1.0), run("other", 30, 1.5)]);
    let page = page(out.path(), &[]);
    assert_self_contained(&page);
    assert!(
        !page.contains("NaN") && !page.contains("inf\""),
        "a number that is none reached the page"
    );
    assert!(words(&page).contains("a value of the base is zero"), "{}", words(&page));
}

#[test]
fn figures_are_files_too() {
    let out = stored(&[default(), numa()]);
    let folder = out.path().join("figures");
    let (code, written, _) = report(out.path(), &["--svg", folder.to_str().unwrap()]);
    assert_eq!(code, 0);
    let files: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 2 && written.contains(&format!("{} figures", files.len())), "{written}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(
            text.starts_with("<svg xmlns=") && text.contains("<title>") && text.contains("<desc>")
        );
        assert!(!text.contains("var(--"), "{}", file.display());
        roxmltree::Document::parse(&text).unwrap();
    }
}

#[test]
fn what_cannot_be_reported_is_said() {
    let empty = tempdir().unwrap();
    let (code, _, said) = report(empty.path(), &[]);
    assert_eq!(code, 2);
    assert!(said.contains("no stored runs in") && said.contains("vbench run"), "{said}");
    let out = stored(&[default()]);
    let (code, _, said) = report(out.path(), &["nobody"]);
    assert_eq!(code, 2);
    assert!(said.contains("no run \"nobody\"") && said.contains("7x-H200/default"), "{said}");
    let many: Vec<Stored> = (0..9)
        .map(|number| {
            let mut run = default();
            run.results.run.config = format!("c{number}");
            run
        })
        .collect();
    let out = stored(&many);
    let (code, _, said) = report(out.path(), &[]);
    assert_eq!(code, 2);
    assert!(said.contains("9 configurations") && said.contains("8"), "{said}");
    assert!(said.contains("vbench report '7x-H200/CONFIG'"), "{said}");
    let many: Vec<Stored> = (0..9).map(|number| twin(default(), &format!("s{number}"))).collect();
    let (code, _, said) = report(stored(&many).path(), &[]);
    assert_eq!(code, 2);
    assert!(said.contains("9 systems have default alone"), "{said}");
    assert!(said.contains("vbench report 'SYSTEM/default'"), "{said}");
    let out = stored(&[default()]);
    std::fs::create_dir(out.path().join("report.html")).unwrap();
    let (code, _, said) = report(out.path(), &[]);
    assert_eq!(code, 2);
    assert!(said.contains("cannot write") && said.contains("-o FILE"), "{said}");
}

#[test]
fn of_several_runs_a_damaged_one_is_left_out_by_name() {
    let out = stored(&[default()]);
    let broken = numa().store(out.path()).join("result.json");
    std::fs::write(&broken, "{").unwrap();
    let (code, written, said) = report(out.path(), &[]);
    assert_eq!(code, 0, "{said}");
    assert!(written.contains("1 run in 1 group"), "{written}");
    assert!(said.contains(&format!("left out: {}", broken.display())), "{said}");
    assert!(said.contains("cut short"), "{said}");
    // One that is named is wanted.
    let (code, _, said) = report(out.path(), &["numa"]);
    assert_eq!(code, 2);
    assert!(said.contains("cut short") && !said.contains("left out"), "{said}");
}

#[test]
fn published_numbers_say_what_they_cannot_show() {
    let out = tempdir().unwrap();
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/study/study-results.csv");
    let folder = out.path().display().to_string();
    let import =
        ["import", "study", &table.display().to_string(), "--out", &folder].map(str::to_owned);
    let (mut written, mut said) = (Vec::new(), Vec::new());
    assert_eq!(run_cli(&import, &mut Console::plain(&mut written, &mut said, 120)), 0);
    let html = page(out.path(), &["H200"]);
    assert_self_contained(&html);
    let text = words(&html);
    for sentence in [
        "Every number is one launch",
        "Imported: published numbers",
        "published as single values: neither repeats nor launches",
        "\u{201c}Bus bandwidth\u{201d} is probably algorithm bandwidth",
        "1.71 times as high; ratios between configurations hold",
        "Matmul is labelled FP16 and probably ran in FP32",
        "at once",
        "No difference of 3% or more is shown",
        "As measured once, vcpu_pin_numa gives 7.3\u{d7} the memory bandwidth of default and loses 57% of its all-reduce.",
    ] {
        assert!(text.contains(sentence), "{sentence:?} is not in:\n{text}");
    }
    assert!(
        !html.contains("<td class=\"b") && !html.contains("<td class=\"w"),
        "a single value decided"
    );
}

/// Two configurations with a case of these metrics for each size; the second is worse by a tenth.
fn swept(benchmark: &str, kind: &str, axis: &str, metrics: &[(&str, Role)]) -> Vec<Stored> {
    let run = |config: &str, minute, factor: f64| {
        let mut run = Stored::new(config, minute);
        for size in 0..5_u32 {
            let first = (
                metrics[0].0,
                Unit::decimal("B/s"),
                Better::Higher,
                metrics[0].1,
                1e9 * factor,
                0.001,
            );
            run = run.case(&format!("{benchmark}/{axis}={size}"), kind, 4, first);
        }
        for case in &mut run.results.cases {
            let first = case.metrics[0].clone();
            for (name, role) in &metrics[1..] {
                let metric =
                    vbench::results::Metric { name: (*name).into(), role: *role, ..first.clone() };
                case.metrics.push(metric);
                for repeat in case.launches.iter_mut().flat_map(|launch| &mut launch.repeats) {
                    let first = repeat.values.get(metrics[0].0).copied().unwrap_or_default();
                    repeat.values.insert(*name, 2.0 * first);
                }
            }
        }
        run
    };
    vec![run("default", 0, 1.0), run("other", 30, 0.9)]
}

#[test]
fn an_all_reduce_is_drawn_by_its_bus_bandwidth() {
    let metrics = [("algbw", Role::Info), ("time", Role::Gated), ("busbw", Role::Gated)];
    let out = stored(&swept("gpu::all_reduce", "gpu", "size", &metrics));
    let text = words(&page(out.path(), &[]));
    assert!(text.contains("All-reduce bus bandwidth at 4 falls from 2.00 to 1.80 GB/s"), "{text}");
    assert!(!text.contains("All-reduce time at 4"), "{text}");
}

#[test]
fn numbers_of_devices_are_no_curve() {
    let out = stored(&swept("gpu::copy", "gpu", "gpu", &[("bandwidth", Role::Gated)]));
    let text = words(&page(out.path(), &[]));
    assert!(text.contains("Copy bandwidth is 10% lower with other"), "{text}");
    assert!(!text.contains("by GPU") && !text.contains("at 4 falls"), "{text}");
    // One device stands for all of them in the table.
    assert!(text.contains("All other rows (4)"), "{text}");
}

/// A run with a table of pairs, as the placement suite stores it: two nodes, one vCPU further away.
fn with_pairs(config: &str, minute: u32, far: f64) -> Stored {
    let time = ("median", Unit::decimal("s"), Better::Lower, Role::Gated, 90e-9, 0.01);
    let mut run = Stored::new(config, minute)
        .fact("numa.node.0.cpus", "0-11")
        .fact("numa.node.1.cpus", "12-23")
        .case("placement::core_to_core/transfer=store", "placement", 3, time);
    let mut pairs = vbench::measured::Pairs::default();
    for a in 0..24_usize {
        for b in a + 1..24 {
            let near = if a / 12 == b / 12 { 58e-9 } else { 146e-9 };
            let value = if a == 13 || b == 13 { near * far } else { near };
            pairs.insert(a, b, value, value);
        }
    }
    for launch in &mut run.results.cases[0].launches {
        launch.facts.insert("pairs".into(), pairs.to_value());
    }
    run
}

#[test]
fn pairs_of_vcpus_are_a_picture_that_names_the_odd_one() {
    let out = stored(&[with_pairs("default", 0, 1.0), with_pairs("other", 30, 1.4)]);
    let html = page(out.path(), &[]);
    assert_self_contained(&html);
    let text = words(&html);
    for sentence in [
        "Core to core, every pair of vCPUs",
        "default: same node 58.0 ns, other node 146 ns. other: same node 58.0 ns, other node 146 ns; vCPU 13 is 40% above the median of pairs as near.",
        "A cell is the 25% quantile of its pair over launches",
    ] {
        assert!(text.contains(sentence), "{sentence:?} is not in:\n{text}");
    }
    assert_eq!(html.matches("class=\"heat\"").count(), 2, "one for each side");
    assert!(html.contains("data:image/png;base64,"));
}

#[test]
fn without_the_feature_the_program_says_how_to_get_pdf() {
    let out = stored(&[default()]);
    let file = out.path().join("report.pdf");
    let (code, _, said) = report(out.path(), &["--pdf", file.to_str().unwrap()]);
    if cfg!(feature = "pdf") {
        assert_eq!(code, 0, "{said}");
        assert!(std::fs::read(file).unwrap().starts_with(b"%PDF-"));
    } else {
        assert_eq!(code, 2);
        assert!(said.contains("--features") && said.contains("print the page"), "{said}");
    }
}
