//! The study's published numbers: what they give, what they contradict, and what they cannot decide.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;
use tempfile::{TempDir, tempdir};
use vbench::cli::{Console, run_cli};
use vbench::compare::{
    Check, Claim, How, Policy, Side, Standing, Verdict, Why, claims, compare, effects, read_checks,
};
use vbench::import::{kind, read};
use vbench::report::diff::View;
use vbench::report::effects as report;
use vbench::vbench;
use vbench_results::ResultSet;

/// A program without benchmarks would refuse every command.
#[vbench(kind = "cpu")]
fn nothing() {}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/study").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap()
}

/// Exit code, standard output and standard error of the program.
fn vbench(arguments: &[&str]) -> (u8, String, String) {
    let all: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let (mut written, mut said) = (Vec::new(), Vec::new());
    let mut console = Console::plain(&mut written, &mut said, 120);
    let code = run_cli(&all, &mut console);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (code, text(written), text(said))
}

/// The study, imported as a user imports it.
fn imported() -> (TempDir, Vec<ResultSet>) {
    let out = tempdir().unwrap();
    let table = file("study-results.csv").display().to_string();
    let (code, _, said) =
        vbench(&["import", "study", &table, "--out", &out.path().display().to_string()]);
    assert_eq!(code, 0, "{said}");
    let runs = vbench::store::runs(out.path());
    let results = runs.iter().map(|run| vbench::store::read(run).unwrap().results).collect();
    (out, results)
}

/// The same runs, without a disk.
fn study() -> &'static [ResultSet] {
    static RUNS: OnceLock<Vec<ResultSet>> = OnceLock::new();
    RUNS.get_or_init(|| {
        let drafts = read(kind("study").unwrap(), &[file("study-results.csv")]).unwrap();
        let results = drafts.into_iter().map(|draft| {
            let names = (draft.system.clone().unwrap(), draft.config.clone().unwrap());
            draft.into_results(names, BTreeMap::new(), Vec::new(), SystemTime::UNIX_EPOCH)
        });
        results.collect()
    })
}

fn of<'r>(runs: &'r [ResultSet], system: &str, config: &str) -> &'r ResultSet {
    let found = runs.iter().find(|run| run.run.system == system && run.run.config == config);
    found.unwrap_or_else(|| panic!("{system}/{config}"))
}

/// The ratio that `diff` gives, and its verdict.
fn ratio(runs: &[ResultSet], at: [&str; 5]) -> (f64, Verdict, Option<Why>) {
    let [system, base, candidate, case, metric] = at;
    let base = Side { name: base, runs: std::slice::from_ref(of(runs, system, base)) };
    let candidate =
        Side { name: candidate, runs: std::slice::from_ref(of(runs, system, candidate)) };
    let compared = compare(&base, &[candidate], &Policy::default());
    let rows = &compared.pairs[0].rows;
    let row = rows.iter().find(|row| row.case.to_string() == case && row.metric.name == metric);
    let row = row.unwrap_or_else(|| panic!("{at:?}"));
    (row.change.as_ref().unwrap().ratio, row.verdict, row.why)
}

const STREAM: [&str; 2] = ["study::stream/case=aggregate", "bandwidth"];
const DRAM: [&str; 2] = ["study::mem_latency/case=DRAM", "latency"];
const EVENTS: [&str; 2] = ["study::sysbench_cpu/case=multi_thread", "events_per_second"];
const SEVEN: [&str; 2] = ["study::nccl_all_reduce/case=7%20GPUs", "busbw_peak"];
const EIGHT: [&str; 2] = ["study::nccl_all_reduce/case=8%20GPUs", "busbw_peak"];
const PRO: &str = "RTX PRO 6000 Blackwell";

#[test]
fn diff_gives_the_printed_multipliers_and_percentages_and_no_verdict() {
    let runs = study();
    let (pin, numa, smt) = ("vcpu_pin", "vcpu_pin_numa", "vcpu_pin_numa_smt");
    // System, base, candidate, case and metric, printed ratio, one unit of its last digit.
    let printed = [
        ("H200", "default", numa, STREAM, 7.3, 0.1),
        (PRO, "default", numa, STREAM, 3.2, 0.1),
        ("RTX 4090", "default", numa, STREAM, 2.0, 1.0),
        ("H200", "default", pin, DRAM, 0.80, 0.01),
        ("H200", "default", numa, DRAM, 0.72, 0.01),
        ("H200", "default", smt, DRAM, 0.71, 0.01),
        // Printed -7%, reached only from numbers before they were rounded.
        ("MI350X", "default", numa, DRAM, 0.93, 0.02),
        ("MI350X", "default", smt, DRAM, 0.95, 0.01),
        ("MI350X", pin, smt, EVENTS, 1.026, 0.001),
        ("H200", pin, smt, EVENTS, 1.023, 0.001),
        (PRO, "default", pin, EIGHT, 2.44, 0.01),
        ("H200", "default", pin, SEVEN, 0.91, 0.01),
        ("H200", "default", numa, SEVEN, 0.43, 0.01),
        ("H200", "default", smt, SEVEN, 0.41, 0.01),
    ];
    for (system, base, candidate, [case, metric], wanted, digit) in printed {
        let at = [system, base, candidate, case, metric];
        let (found, verdict, why) = ratio(runs, at);
        assert!((found - wanted).abs() <= digit / 2.0, "{at:?} {found} {wanted}");
        assert_eq!((verdict, why), (Verdict::Inconclusive, Some(Why::Unreplicated)), "{at:?}");
    }
    // The printed multiplier of MI350X is 2.8: no pair of its table gives it.
    let (default, _, _) = ratio(runs, ["MI350X", "default", numa, STREAM[0], STREAM[1]]);
    let (pinned, _, _) = ratio(runs, ["MI350X", pin, numa, STREAM[0], STREAM[1]]);
    assert_eq!((format!("{default:.2}"), format!("{pinned:.2}")), ("3.37".into(), "2.57".into()));
}

#[test]
fn no_pair_of_the_study_is_called_better_or_worse() {
    let runs = study();
    let mut pairs = 0;
    for base in runs {
        for candidate in runs.iter().filter(|run| !std::ptr::eq(*run, base)) {
            let side = |run| Side { name: "x", runs: std::slice::from_ref(run) };
            let compared = compare(&side(base), &[side(candidate)], &Policy::default());
            for row in &compared.pairs[0].rows {
                let decided = [Verdict::Regression, Verdict::Improvement, Verdict::Equivalent];
                assert!(!decided.contains(&row.verdict), "{} {}", row.case, row.metric.name);
            }
            pairs += 1;
        }
    }
    assert!(pairs > 200, "{pairs}");
    let (out, _) = imported();
    let out = out.path().display().to_string();
    let (code, written, said) =
        vbench(&["diff", "H200/default", "H200/vcpu_pin_numa", "--out", &out]);
    assert_eq!(code, 0, "{said}");
    assert!(written.contains("0 better, 0 worse, 0 same"), "{written}");
    assert!(written.contains("1 launch each"), "{written}");
    assert!(written.contains("facts differ, so no single one can be credited"), "{written}");
}

#[test]
fn a_host_that_the_study_gives_up_is_left_out() {
    let (out, runs) = imported();
    let reason = of(&runs, "RTX 5090", "default").run.quarantine.as_deref().unwrap();
    assert!(reason.contains("compromised"), "{reason}");
    let out = out.path().display().to_string();
    let (code, _, said) = vbench(&["diff", "RTX 5090/default", "RTX 5090/vcpu_pin", "--out", &out]);
    assert_eq!(code, 2);
    assert!(said.contains("quarantined"), "{said}");
}

#[test]
fn derived_numbers_are_facts_and_ranges_are_two_metrics() {
    let runs = study();
    let numa = of(runs, "MI350X", "vcpu_pin_numa");
    let stream = numa.cases.iter().find(|case| case.case.to_string() == STREAM[0]).unwrap();
    assert_eq!(stream.metrics.len(), 1);
    assert_eq!(stream.launches[0].facts["printed_multiplier"].to_string(), "2.8");
    let all = of(runs, "H200", "all");
    let copy = all.cases.iter().find(|case| case.case.to_string().ends_with("d2h")).unwrap();
    let values = &copy.launches[0].repeats[0].values;
    assert_eq!((values["bandwidth_lo"], values["bandwidth_hi"]), (41.5e9, 55.3e9));
    let cpus =
        |config: &str| of(runs, "RTX 4080", config).environment.value("guest.vcpus").cloned();
    assert_eq!(cpus("default"), Some(24_i64.into()));
    assert_eq!(cpus("vcpu_pin"), Some(22_i64.into()));
}

fn judged() -> (Vec<Check>, BTreeMap<String, Claim>) {
    let runs = study();
    let checks = read_checks(&text("checks.csv")).unwrap();
    let claims = claims(&checks, runs, &Policy::default());
    (checks, claims.into_iter().map(|claim| (claim.id.clone(), claim)).collect())
}

/// The claims with their verdicts, as they were worked out by hand.
fn by_hand() -> BTreeMap<String, String> {
    let mut reader = csv_rows(&text("study-claims.csv"));
    let header = reader.remove(0);
    let column = |name: &str| header.iter().position(|found| found == name).unwrap();
    let (id, verdict) = (column("id"), column("verdict"));
    reader.into_iter().map(|row| (row[id].clone(), row[verdict].clone())).collect()
}

/// The fields of each line of a CSV text (RFC 4180, without line breaks in fields).
fn csv_rows(text: &str) -> Vec<Vec<String>> {
    let fields = |line: &str| {
        let mut fields = vec![String::new()];
        let mut quoted = false;
        for c in line.chars() {
            match c {
                '"' => quoted = !quoted,
                ',' if !quoted => fields.push(String::new()),
                c => fields.last_mut().unwrap().push(c),
            }
        }
        fields
    };
    text.lines().map(fields).collect()
}

#[test]
fn every_claim_is_judged_as_by_hand() {
    let (checks, claims) = judged();
    let by_hand = by_hand();
    assert_eq!((claims.len(), by_hand.len()), (62, 62));
    for (id, claim) in &claims {
        let computed = checks.iter().any(|check| check.id == *id && check.how != How::Nothing);
        let expected: &[Standing] = match (by_hand[id].as_str(), computed) {
            (_, false) => &[Standing::Undecidable],
            ("reproduces" | "rounding-only", true) => &[Standing::Supported],
            ("contradicted", true) => &[Standing::Contradicted],
            ("needs-measurement" | "not-in-tables", true) => &[Standing::Undecidable],
            // One system has it, another has not.
            ("confounded", true) => &[Standing::Contradicted, Standing::Undecidable],
            other => panic!("{id} {other:?}"),
        };
        assert!(expected.contains(&claim.standing), "{id} {:?} {:?}", claim.standing, by_hand[id]);
        assert!(!claim.computed.is_empty() || !claim.reasons.is_empty(), "{id}");
    }
}

#[test]
fn what_no_stored_number_can_judge_is_listed() {
    let (checks, claims) = judged();
    let nothing = checks.iter().filter(|check| check.how == How::Nothing);
    let mut ids: Vec<&str> = nothing.map(|check| check.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(
        ids,
        [
            "C-06", "C-07", "C-15", "C-18", "C-20", "C-21", "C-22", "C-25", "C-30", "C-37", "C-39",
            "C-41", "C-42", "C-43", "C-44", "C-45", "C-46", "C-47", "C-49", "C-50", "C-51", "C-52",
            "C-53", "C-54", "C-55", "C-56", "C-58", "C-59", "C-60", "C-61", "C-62"
        ]
    );
    for id in ids {
        let claim = &claims[id];
        assert_eq!((claim.standing, claim.computed.len()), (Standing::Undecidable, 0), "{id}");
        assert!(claim.reasons.iter().any(|reason| !reason.is_empty()), "{id} has no reason");
    }
}

#[test]
fn what_the_tables_contradict_is_named_with_the_numbers() {
    let (_, claims) = judged();
    let contradicted: Vec<&str> = claims
        .values()
        .filter(|claim| claim.standing == Standing::Contradicted)
        .map(|claim| claim.id.as_str())
        .collect();
    assert_eq!(contradicted, ["C-02", "C-05", "C-23", "C-33", "C-36", "C-48"]);
    let numbers = |id: &str| -> Vec<(String, String, bool)> {
        let computed = claims[id].computed.iter();
        computed.map(|n| (n.system.clone(), format!("{:.3}", n.value), n.fits)).collect()
    };
    assert_eq!(numbers("C-02"), [("MI350X".into(), "3.371".into(), false)]);
    assert_eq!(
        numbers("C-05"),
        [
            ("H200".into(), "-0.025".into(), true),
            ("MI350X".into(), "0.310".into(), false),
            ("RTX 4090".into(), "-0.387".into(), false),
            ("RTX 5090".into(), "-0.194".into(), false),
            (PRO.into(), "-0.017".into(), true),
        ]
    );
    assert_eq!(claims["C-11"].standing, Standing::Undecidable);
    assert!(claims["C-11"].reasons[0].contains("needs launches"), "{:?}", claims["C-11"].reasons);
}

#[test]
fn the_claims_on_the_screen() {
    let (out, _) = imported();
    let checks = file("checks.csv").display().to_string();
    let (code, written, said) =
        vbench(&["claims", &checks, "--out", &out.path().display().to_string()]);
    assert_eq!(code, 0, "{said}");
    insta::assert_snapshot!(written);
}

fn study_effects() -> vbench::compare::Effects {
    let mut runs = study().to_vec();
    runs.retain(|run| run.run.quarantine.is_none());
    runs.sort_by(|a, b| (&a.run.system, &a.run.config).cmp(&(&b.run.system, &b.run.config)));
    let sides: Vec<Side<'_>> = runs
        .iter()
        .map(|run| Side { name: &run.run.config, runs: std::slice::from_ref(run) })
        .collect();
    effects(&sides, &Policy::default())
}

#[test]
fn the_effect_matrix_names_the_pairs_behind_each_cell() {
    let effects = study_effects();
    assert_eq!(effects.factors, ["numa", "pin", "smt"]);
    let line = |at: [&str; 2]| {
        effects.metrics.iter().find(|line| line.case == at[0] && line.metric.name == at[1]).unwrap()
    };
    let cell = |at, factor: &str| -> Vec<(String, String)> {
        let found = line(at).cells.get(factor).into_iter().flatten();
        found
            .map(|e| {
                (
                    format!("{} {} -> {}", e.system, e.base, e.candidate),
                    format!("{:.3}", e.ratio.unwrap()),
                )
            })
            .collect()
    };
    let pair = |pair: &str, ratio: &str| (pair.to_owned(), ratio.to_owned());
    assert_eq!(
        cell(STREAM, "pin"),
        [
            pair("H200 default -> vcpu_pin", "0.975"),
            pair("MI350X default -> vcpu_pin", "1.310"),
            pair("RTX 4090 default -> vcpu_pin", "0.613"),
            pair(&format!("{PRO} default -> vcpu_pin"), "0.983"),
        ]
    );
    // The study prints 7.3x and 3.2x against default, where pinning changed as well.
    assert_eq!(cell(STREAM, "numa")[0], pair("H200 vcpu_pin -> vcpu_pin_numa", "7.451"));
    assert_eq!(cell(SEVEN, "numa"), [pair("H200 vcpu_pin -> vcpu_pin_numa", "0.467")]);
    assert_eq!(cell(DRAM, "smt").len(), 2);
    for effect in effects.metrics.iter().flat_map(|line| line.cells.values().flatten()) {
        assert!(effect.factors.len() == 1 && effect.is_compound() == (effect.factors[0] == "numa"));
        assert_eq!(effect.why, Some(Why::Unreplicated));
    }
    // SMT's gain in throughput was printed from a pair in which NUMA changed too: no pair shows it.
    assert!(cell(EVENTS, "smt").is_empty());
    let confounded = &line(EVENTS).confounded;
    assert!(confounded.iter().all(|effect| effect.factors == ["numa", "smt"]));
    assert_eq!(confounded.len(), 2);
    // Two CPUs went with the pinning of the desktop.
    let desktop = line(EVENTS).cells["pin"].iter().find(|effect| effect.system == "RTX 4080");
    assert_eq!(desktop.unwrap().also, ["guest.vcpus: 24 -> 22"]);
    let out: Vec<&str> = effects.left_out.iter().map(|note| note.text.as_str()).collect();
    assert!(
        out.iter().any(|text| text.starts_with("no factor is declared by H200/all, MI350X/all")),
        "{out:?}"
    );
    assert!(out.iter().any(|text| text.contains("study::matmul")), "{out:?}");
}

#[test]
fn the_effect_matrix_in_every_format() {
    let effects = study_effects();
    let view = View { width: 120, unicode: true, colour: false, all_metrics: false };
    insta::assert_snapshot!("effects_text", report::text(&effects, view));
    insta::assert_snapshot!("effects_markdown", report::markdown(&effects, view));
    let csv = report::csv(&effects);
    let pairs: usize = effects
        .metrics
        .iter()
        .map(|line| line.cells.values().map(Vec::len).sum::<usize>() + line.confounded.len())
        .sum();
    assert_eq!(csv.lines().count(), pairs + 1);
    assert!(
        csv.contains("study::stream/case=aggregate,bandwidth,B/s,higher,pin,H200,default,vcpu_pin")
    );
    let json: serde_json::Value = serde_json::from_str(&report::json(&effects)).unwrap();
    assert_eq!(json["factors"], serde_json::json!(["numa", "pin", "smt"]));
}

#[test]
fn the_command_reads_what_is_stored_and_labels_declare_factors() {
    let (out, _) = imported();
    let folder = out.path().display().to_string();
    let (code, written, said) = vbench(&["effects", "--out", &folder]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("left out: ") && said.contains("quarantined"), "{said}");
    assert!(written.starts_with("effects of numa, pin, smt: "), "{written}");
    let out = tempdir().unwrap();
    let folder = out.path().display().to_string();
    let stream = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/imports/stream.txt");
    let faster = out.path().join("faster.txt");
    let text = std::fs::read_to_string(&stream).unwrap().replace("27911.6", "54911.6");
    std::fs::write(&faster, text).unwrap();
    for (config, path, pages) in [("small", &stream, "no"), ("huge", &faster, "yes")] {
        let (path, label) = (path.display().to_string(), format!("factor.hugepages={pages}"));
        let (code, _, said) = vbench(&[
            "import", "stream", &path, "--system", "host", "--config", config, "--label", &label,
            "--out", &folder,
        ]);
        assert_eq!(code, 0, "{said}");
    }
    let (_, written, _) = vbench(&["effects", "host/*", "--out", &folder]);
    assert!(
        written.contains("effects of hugepages: 1 pair of configurations on 1 system"),
        "{written}"
    );
    assert!(written.contains("    host  small "), "{written}");
}
