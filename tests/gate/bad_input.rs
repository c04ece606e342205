//! Bad input: each the documented exit code, and a sentence that names the file and the row.

use crate::program::{Place, new, old};
use crate::stored::Stored;
use vbench_results::{Better, Unit};

/// Lets `damage` change the candidate; gives back what the gate says of it.
fn changed(damage: impl FnOnce(&mut Stored)) -> (u8, String) {
    let mut candidate = new(&[1.0, 1.0]);
    damage(&mut candidate);
    Place::new(&[old(&[1.0, 1.0]), candidate], "").decide()
}

/// The same for the text of its file.
fn torn(damage: impl FnOnce(String) -> String) -> (u8, String) {
    let place = Place::new(&[old(&[1.0, 1.0])], "");
    let file = new(&[1.0, 1.0]).store(&place.out()).join("result.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, damage(text)).unwrap();
    place.decide()
}

#[track_caller]
fn says((code, said): (u8, String), expected: u8, parts: &[&str]) {
    assert_eq!(code, expected, "{said}");
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
}

/// Where the candidate lies, and the row that is damaged.
const FILE: &str = "7x-H200/new/20260102T033005Z-beef";
const ROW: &str = "m::f1 time";

#[test]
fn a_side_that_is_not_there() {
    let place = Place::new(&[old(&[1.0])], "");
    says(place.decide(), 2, &["no run \"new\"", "7x-H200/old"]);
    let (code, _, said) = place.gate(&["--baseline", "missing", "--candidate", "old"]);
    says((code, said), 2, &["no run \"missing\"", "promoted baselines in", "none"]);
}

#[test]
fn a_unit_or_a_direction_that_changed() {
    let unit = changed(|run| run.results.cases[1].metrics[0].unit = Unit::decimal("B/s"));
    says(unit, 3, &[FILE, ROW, "the unit differs: s and B/s"]);
    // A number in another unit does not stand in the column of this one.
    let mut candidate = new(&[1.0, 7.0]);
    candidate.results.cases[1].metrics[0].unit = Unit::decimal("B/s");
    let place = Place::new(&[old(&[1.0, 1.0]), candidate], "");
    let arguments = ["--baseline", "old", "--candidate", "new", "--format"];
    let (_, table, _) = place.gate(&[&arguments[..], &["markdown"]].concat());
    assert!(table.contains("| time | 1.00 |  | s |"), "{table}");
    let (_, table, _) = place.gate(&[&arguments[..], &["csv"]].concat());
    assert!(table.lines().any(|line| line.contains("m::f1")) && !table.contains("7.0"), "{table}");
    let better = changed(|run| run.results.cases[1].metrics[0].better = Better::Higher);
    says(better, 3, &[FILE, ROW, "the sides disagree about which way is better"]);
}

#[test]
fn values_that_none_can_be() {
    for (value, text) in [(0.0, "is zero"), (-1.0, "is negative")] {
        let damaged = changed(|run| {
            run.results.cases[1].launches[2].repeats[0].values.insert("time", value);
        });
        let said = format!("the candidate {text} (run 20260102T033005Z-beef, launch 3)");
        says(damaged, 3, &[FILE, ROW, &said]);
    }
    for value in ["NaN", "null", "1e999", "\"fast\""] {
        let damaged =
            torn(|text| text.replacen("\"time\": 1", &format!("\"time\": {value} //"), 1));
        says(damaged, 2, &[FILE, "result.json", "line "]);
    }
    // The second case's third launch.
    for (value, what) in [
        ("NaN", "not JSON: expected value at line "),
        ("Infinity", "not JSON: expected value at line "),
        ("null", "not a vbench result: invalid type: null"),
    ] {
        let (code, said) = torn(|text| {
            let case = text.rfind("\"m::f0\"").unwrap();
            let launch = case + text[case..].find("\"launch\": 3").unwrap();
            let at = launch + text[launch..].find("\"time\": ").unwrap() + 8;
            let end = at + text[at..].find('\n').unwrap();
            format!("{}{value}{}", &text[..at], &text[end..])
        });
        says((code, said.clone()), 2, &[FILE, what, &format!(": {value}, in m::f0 launch 3")]);
        assert!(!said.contains("cut short"), "{said}");
    }
}

#[test]
fn code_that_changed() {
    let version = changed(|run| run.results.cases[1].version = "2".into());
    says(version, 3, &[FILE, ROW, "the benchmark's code differs: 1 and 2"]);
}

#[test]
fn a_newer_schema_and_a_newer_minor_of_ours() {
    says(torn(|text| text.replacen("\"1.0\"", "\"2.0\"", 1)), 2, &[FILE, "schema version 2.0"]);
    says(torn(|text| text.replacen("\"1.0\"", "\"1.9\"", 1)), 0, &["gate: PASS"]);
}

#[test]
fn a_file_cut_short() {
    says(torn(|text| text[..text.len() / 2].to_owned()), 2, &[FILE, "cut short"]);
    says(torn(|_| String::new()), 2, &[FILE, "cut short"]);
}

#[test]
fn a_candidate_without_values_is_incomplete_and_a_base_without_is_an_error() {
    let empty = changed(|run| run.results.cases.clear());
    says(empty, 3, &[FILE, ROW, "no value in new: the run does not contain this case"]);
    let place = Place::new(&[old(&[]), new(&[1.0])], "");
    says(place.decide(), 2, &["7x-H200/old/20260102T030005Z-beef", "no value in 0 cases"]);
}

#[test]
fn another_machine() {
    let place = Place::new(
        &[
            old(&[1.0]).fact("cpu.model", "Xeon Platinum 8558").fact("numa.nodes", 1_i64),
            new(&[1.0]).fact("cpu.model", "Xeon Platinum 8480").fact("numa.nodes", 1_i64),
        ],
        "",
    );
    let said = "cpu.model is Xeon Platinum 8558 in the base, Xeon Platinum 8480 in the candidate";
    says(place.decide(), 4, &[FILE, said, "listed, not believed", "gate: ENVIRONMENT"]);
}

#[test]
fn a_fact_that_one_side_does_not_know_is_said() {
    let place = Place::new(&[old(&[1.0]).fact("cpu.model", "Xeon"), new(&[1.0])], "");
    says(place.decide(), 0, &["not known on one side, so perhaps different: cpu.model"]);
}

#[test]
fn the_same_run_twice() {
    let place = Place::new(&[old(&[1.0])], "");
    let (code, _, said) = place.gate(&["--baseline", "old", "--candidate", "20260102T0300"]);
    says((code, said), 2, &["run 20260102T030005Z-beef stands twice"]);
}

#[test]
fn what_stands_twice_in_a_file() {
    let case = changed(|run| run.results.cases.push(run.results.cases[1].clone()));
    says(case, 2, &[FILE, "result.json", "the case m::f1 stands twice"]);
    let launch = changed(|run| run.results.cases[1].launches[4].launch = 3);
    says(launch, 2, &[FILE, "m::f1: launch 3 stands twice"]);
    let repeat = changed(|run| run.results.cases[1].launches[1].repeats[2].repeat = 1);
    says(repeat, 2, &[FILE, "m::f1: launch 2: repeat 1 stands twice"]);
}

#[test]
fn a_table_without_a_column_of_values() {
    let place = Place::new(&[old(&[1.0]), new(&[1.5])], "");
    let table = place.out().join(FILE).join("samples.csv");
    let text = std::fs::read_to_string(&table).unwrap();
    std::fs::write(&table, text.replacen(",value,", ",vaule,", 1)).unwrap();
    let named = table.display().to_string();
    let (code, text, said) = place.gate(&["--baseline", "old", "--candidate", &named]);
    says((code, text + &said), 2, &["samples.csv", "line 1: there is no column \"value\""]);
}

#[test]
fn a_key_that_holds_no_fact() {
    let place = Place::new(
        &[
            old(&[1.0]).fact("cpu.model", "Xeon Platinum 8558"),
            new(&[1.0]).fact("cpu.model", "Xeon Platinum 8480"),
        ],
        "",
    );
    let with = |key: &str| {
        std::fs::write(place.policy(), format!("[baseline]\nkey = [{key}]")).unwrap();
        place.decide()
    };
    for key in ["", "\"!cpu.*\"", "\"cpus.*\"", "\"cpu.*\", \"!cpu.model\""] {
        says(with(key), 2, &["policy.toml", "[baseline] holds no fact of either side"]);
    }
    says(with("\"cpus.*\""), 2, &["\"cpus.*\" matches nothing", "vbench info --json"]);
    let idle = with("\"cpus.*\", \"vbench.version\"");
    says(idle, 0, &["WARN", "\"cpus.*\" in the key matches no fact of either side"]);
    // Machines without a GPU have nothing for two globs of the default key.
    let usual = with("\"gpu.*.model\", \"cpu.*\"");
    assert!(!usual.1.contains("matches no fact"), "{}", usual.1);
    says(usual, 4, &["cpu.model is Xeon Platinum 8558 in the base"]);
}

#[test]
fn a_policy_with_unknown_keys() {
    let place = Place::new(&[old(&[1.0]), new(&[1.0])], "margin = \"3%\"\nmarign = \"5%\"\n");
    says(place.decide(), 2, &["policy.toml", "line 2", "marign", "`margin`", "`on_missing`"]);
    for (text, parts) in [
        ("[[rule]]\nmatch = { cases = \"*\" }", ["cases", "`case`"]),
        ("[[rule]]\nmax_margin = 1", ["max_margin", "`margin`"]),
        ("[[rule]]\nmargin = \"1%\"", ["[[rule]] has no match", "case"]),
        ("[baseline]\nkeys = []", ["keys", "`key`"]),
        ("correction = \"bonferroni\"", ["bonferroni", "`holm`"]),
        ("margin = 0.03", ["0.03", "such as \"3%\""]),
        ("alpha = 5.0", ["alpha = 5", "between 0 and 1"]),
        ("power = 0.1", ["power = 0.1", "between 0.5 and 1"]),
        ("min_units = 0", ["min_units = 0", "at least one"]),
        ("drift = -1.0", ["drift = -1", "0 for a steady host"]),
        ("require_unit = \"run\"", ["require_unit = \"run\"", "launches or by boots"]),
        ("noise_floor = -1.0", ["-1.0", "standard deviation"]),
        ("[[waive]]\nmatch = {}\nreason = \"r\"", ["until", "missing field"]),
        ("[[waive]]\nmatch = {}\nreason = \"r\"\nuntil = \"soon\"", ["soon", "2026-12-31"]),
        ("[[waive]]\nmatch = {}\nreason = \" \"\nuntil = 2027-01-01", ["empty reason", "*"]),
        ("[[rule]]\nmatch = {}\nmin = \"fast\"", ["fast", "45 GB/s"]),
        (
            "[[rule]]\nmatch = { case = \"m::*\" }\nmin = \"2 s\"\nmax = \"1500 ms\"",
            ["min = \"2 s\" is above max = \"1500 ms\"", "m::*"],
        ),
        ("schema = 2\nfuture = 1", ["schema = 2", "reads 1"]),
        ("margin", ["line 1", "="]),
    ] {
        std::fs::write(place.policy(), text).unwrap();
        says(place.decide(), 2, &[&["policy.toml"], &parts[..]].concat());
    }
}

#[test]
fn a_policy_that_does_not_fit() {
    let place = Place::new(&[old(&[1.0]), new(&[1.0])], "[[rule]]\nmatch = { case = \"gpu::*\" }");
    says(place.decide(), 2, &["policy.toml", "gpu::*", "matches nothing", "m::f0 time"]);
    std::fs::write(place.policy(), "[baseline]\nkey = [\"cpu.modle\"]").unwrap();
    says(place.decide(), 2, &["policy.toml", "cpu.modle", "no fact of new"]);
    let expired = "[[waive]]\nmatch = {}\nreason = \"r\"\nuntil = 2020-01-01";
    std::fs::write(place.policy(), expired).unwrap();
    says(place.decide(), 2, &["policy.toml", "expired on 2020-01-01"]);
    std::fs::remove_file(place.policy()).unwrap();
    says(place.decide(), 2, &["policy.toml", "vbench gate --init RUN"]);
}

#[test]
fn a_noise_floor_from_a_file_widens() {
    let floors = r#"{"schema_version": "1.0", "document": "noise-floor",
        "subject": {"system": "7x-H200", "config": "old", "fingerprint": "00",
                    "profile": "standard", "vbench_version": "0.1.0"},
        "sources": [],
        "floors": [{"case": "m::f0", "metric": "time", "level": "launch", "version": "1",
                    "sd_ln": 0.2, "df": 9.0}]}"#;
    let place = Place::new(&[old(&[1.0, 1.0]), new(&[1.1, 1.0])], "");
    assert_eq!(place.decide().0, 1);
    let path = place.folder.path().join("floors.json");
    std::fs::write(&path, floors).unwrap();
    let named = path.display().to_string();
    let arguments = ["--baseline", "old", "--candidate", "new", "--noise-floor", &named];
    let (code, text, said) = place.gate(&arguments);
    says((code, text + &said), 0, &["floors.json", "WARN", "m::f0 time", "1 inconclusive"]);
}

#[test]
fn a_table_tells_less_and_is_believed_as_far_as_it_goes() {
    let place = Place::new(&[old(&[1.0]), new(&[1.5])], "");
    let table = place.out().join(FILE).join("samples.csv").display().to_string();
    let (code, text, said) = place.gate(&["--baseline", "old", "--candidate", &table]);
    says((code, text + &said), 1, &["samples.csv", "perhaps different: vbench.version"]);
    // What is promoted from a table reads back.
    let promoted = place.run(&["baseline", "promote"], &[&table, "--force"]);
    assert_eq!(promoted.0, 0, "{}", promoted.2);
    let (code, text, said) = place.gate(&["--baseline", "main", "--candidate", "old"]);
    says((code, text + &said), 0, &["1 improved"]);
}

#[test]
fn a_noise_floor_that_is_none() {
    let place = Place::new(&[old(&[1.0]), new(&[1.0])], "noise_floor = \"floors.json\"");
    // Paths in a policy are taken from its folder.
    let path = place.folder.path().join("floors.json");
    says(place.decide(), 2, &[&path.display().to_string()]);
    std::fs::write(&path, "{}").unwrap();
    says(place.decide(), 2, &["floors.json"]);
}
