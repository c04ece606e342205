//! What `vbench diff` says to stored runs that are damaged, contradictory or not comparable: the exit
//! code, and a sentence that names the file and the row.

#[path = "diff/stored.rs"]
#[allow(dead_code, reason = "each test program uses a part")]
mod stored;

use std::path::{Path, PathBuf};
use stored::{Stored, default, numa};
use tempfile::{TempDir, tempdir};
use vbench::cli::{Console, run_cli};
use vbench::vbench;
use vbench_results::{Better, ResultSet};

/// A program without benchmarks would refuse every command.
#[vbench(kind = "cpu")]
fn nothing() {}

/// The case that tests damage.
const STREAM: &str = "memory::stream/stores=cached";

fn diff(arguments: &[&str]) -> (u8, String, String) {
    let all: Vec<String> =
        ["diff"].iter().chain(arguments).map(|argument| (*argument).to_owned()).collect();
    let (mut written, mut said) = (Vec::new(), Vec::new());
    let mut console = Console::plain(&mut written, &mut said, 120);
    let code = run_cli(&all, &mut console);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (code, text(written), text(said))
}

/// Two stored runs, whose files tests change.
struct Sides {
    _folder: TempDir,
    base: PathBuf,
    candidate: PathBuf,
}

impl Sides {
    fn new() -> Self {
        Self::of(&default(), &numa())
    }

    fn of(base: &Stored, candidate: &Stored) -> Self {
        let folder = tempdir().unwrap();
        let base = base.store(folder.path());
        let candidate = candidate.store(folder.path());
        Self { _folder: folder, base, candidate }
    }

    /// Compares the same file of both runs.
    fn diff(&self, file: &str, more: &[&str]) -> (u8, String, String) {
        let [base, candidate] = [&self.base, &self.candidate].map(|run| run.join(file));
        diff(&[&[base.to_str().unwrap(), candidate.to_str().unwrap()], more].concat())
    }

    /// Changes a file of the candidate, and gives back the sentence with which it is refused.
    fn refused(&self, file: &str, change: impl Fn(String) -> String) -> String {
        let path = self.candidate.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let changed = change(text.clone());
        assert_ne!(changed, text, "the test changes something");
        std::fs::write(&path, changed).unwrap();
        let (code, written, said) = self.diff(file, &[]);
        std::fs::write(&path, text).unwrap();
        assert_eq!((code, written.as_str()), (2, ""), "{said}");
        assert!(said.contains(path.to_str().unwrap()), "the file is named: {said}");
        said
    }
}

/// Changes the lines of a CSV that hold `marker`, the first of which is data row `row`.
fn edited(text: &str, marker: &str, change: impl Fn(&str) -> String) -> (String, usize) {
    let row = text.lines().skip(1).position(|line| line.contains(marker)).unwrap() + 1;
    let mut first = true;
    let lines = text.lines().map(|line| {
        if line.contains(marker) && std::mem::take(&mut first) { change(line) } else { line.into() }
    });
    (lines.map(|line: String| line + "\n").collect(), row)
}

/// The row of [`STREAM`] as JSON, after `change` to the candidate.
fn row_after(change: impl Fn(&mut ResultSet)) -> serde_json::Value {
    let mut candidate = numa();
    change(&mut candidate.results);
    let sides = Sides::of(&default(), &candidate);
    let (code, json, said) = sides.diff("result.json", &["--format", "json"]);
    assert_eq!(code, 0, "{said}");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let rows = json["pairs"][0]["rows"].as_array().unwrap();
    rows.iter().find(|row| row["case"] == STREAM).unwrap().clone()
}

fn stream(results: &mut ResultSet) -> &mut vbench_results::CaseResult {
    results.cases.iter_mut().find(|case| case.case.to_string() == STREAM).unwrap()
}

fn reason(row: &serde_json::Value) -> &str {
    assert_eq!(row["verdict"], "incomparable", "{row}");
    row["reasons"][0]["text"].as_str().unwrap()
}

#[test]
fn csv_and_json_give_the_same_rows() {
    let sides = Sides::new();
    let columns = |file: &str| -> Vec<Vec<String>> {
        let (code, csv, said) = sides.diff(file, &["--format", "csv"]);
        assert_eq!((code, said.as_str()), (0, ""));
        let mut reader = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let names = reader.next().unwrap();
        // Which number is the headline is not in the CSV.
        let kept = |name: &&str| !name.contains("headline");
        reader
            .map(|row| {
                names
                    .iter()
                    .zip(row)
                    .filter(|(name, _)| kept(name))
                    .map(|(_, cell)| cell.to_owned())
                    .collect()
            })
            .collect()
    };
    assert_eq!(columns("samples.csv"), columns("result.json"));
}

#[test]
fn shuffled_rows_give_the_same_output() {
    let sides = Sides::new();
    for format in ["text", "json", "csv", "markdown"] {
        let plain = sides.diff("samples.csv", &["--format", format]);
        assert_eq!(plain.0, 0);
        for run in [&sides.base, &sides.candidate] {
            let path = run.join("samples.csv");
            let text = std::fs::read_to_string(&path).unwrap();
            let (header, rows) = text.split_once('\n').unwrap();
            let mut rows: Vec<&str> = rows.lines().collect();
            fastrand::Rng::with_seed(7).shuffle(&mut rows);
            std::fs::write(&path, format!("{header}\n{}\n", rows.join("\n"))).unwrap();
        }
        assert_eq!(sides.diff("samples.csv", &["--format", format]), plain, "{format}");
    }
}

#[test]
fn values_that_are_no_measurement_are_refused_with_their_row() {
    let sides = Sides::new();
    for value in ["NaN", "inf", "fast", ""] {
        let said = sides.refused("samples.csv", |text| {
            let column = text.lines().next().unwrap().split(',').position(|name| name == "value");
            edited(&text, "memory::stream", |line| {
                let value_at = line.split(',').nth(column.unwrap()).unwrap();
                line.replacen(&format!(",{value_at},"), &format!(",{value},"), 1)
            })
            .0
        });
        let text = std::fs::read_to_string(sides.candidate.join("samples.csv")).unwrap();
        let (_, row) = edited(&text, "memory::stream", str::to_owned);
        let named = [format!("row {row}:"), format!("record {row} ")];
        assert!(named.iter().any(|name| said.contains(name)), "{value:?}, row {row}: {said}");
    }
}

#[test]
fn zeros_and_negatives_are_not_comparable_and_name_their_launch() {
    for (value, word) in [(0.0, "zero"), (-1.0, "negative")] {
        let row = row_after(|results| {
            let repeat = &mut stream(results).launches[2].repeats[1];
            repeat.values.insert("triad", value);
        });
        let text = reason(&row);
        assert!(text.contains(word), "{text}");
        assert!(
            text.contains("candidate") && text.contains("run 20260102T033005Z-beef, launch 3"),
            "{text}"
        );
    }
}

#[test]
fn a_unit_or_direction_that_changed_is_not_compared() {
    let row = row_after(|results| stream(results).metrics[0].unit.symbol = "GB/s".into());
    assert!(reason(&row).contains("the unit differs: B/s and GB/s"), "{row}");
    let row = row_after(|results| stream(results).metrics[0].better = Better::Lower);
    assert!(reason(&row).contains("which way is better"), "{row}");
    let row = row_after(|results| stream(results).version = "2".into());
    assert!(reason(&row).contains("the benchmark's code differs: 1 and 2"), "{row}");
}

#[test]
fn a_unit_or_direction_that_changes_within_a_csv_is_refused() {
    let sides = Sides::new();
    for (from, to) in [(",B/s,", ",GB/s,"), (",higher,", ",lower,"), (",gated,", ",info,")] {
        let row = std::cell::Cell::new(0);
        let said = sides.refused("samples.csv", |text| {
            // The second of its rows contradicts the first.
            let marker = "memory::stream/stores=cached,1,triad";
            let lines = text.lines().enumerate();
            let (line, _) = lines.filter(|(_, line)| line.contains(marker)).nth(1).unwrap();
            row.set(line);
            let change = |(index, text): (usize, &str)| match index == line {
                true => text.replacen(from, to, 1) + "\n",
                false => format!("{text}\n"),
            };
            text.lines().enumerate().map(change).collect()
        });
        let expected = format!("row {}: triad has another unit, direction or role", row.get());
        assert!(said.contains(&expected), "{said}");
    }
}

#[test]
fn a_side_that_is_missing_is_named() {
    let sides = Sides::new();
    let nowhere = sides.candidate.join("nowhere.csv");
    let (code, _, said) = diff(&[sides.base.to_str().unwrap(), nowhere.to_str().unwrap()]);
    assert!(code == 2 && said.contains("nowhere.csv"), "{said}");
    // A case that one side lost is a row with its reason, and no failure of the command.
    let row = row_after(|results| results.cases.retain(|case| case.case.to_string() != STREAM));
    assert!(reason(&row).contains("the run does not contain this case"), "{row}");
}

#[test]
fn mixed_schema_versions_are_read_by_their_major() {
    let sides = Sides::new();
    let path = sides.candidate.join("samples.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    let (newer_minor, _) = edited(&text, "memory::stream", |line| line.replacen("1.0", "1.7", 1));
    std::fs::write(&path, newer_minor).unwrap();
    assert_eq!(sides.diff("samples.csv", &[]).0, 0);
    std::fs::write(&path, &text).unwrap();
    let said = sides.refused("samples.csv", |text| {
        edited(&text, "memory::stream", |line| line.replacen("1.0", "2.0", 1)).0
    });
    let line = edited(&text, "memory::stream", str::to_owned).1 + 1;
    assert!(said.contains(&format!("has schema version 2.0 in line {line}")), "{said}");
    let said = sides.refused("result.json", |text| text.replacen("\"1.0\"", "\"3.1\"", 1));
    assert!(said.contains("has schema version 3.1"), "{said}");
}

#[test]
fn empty_files_are_refused() {
    let sides = Sides::new();
    let said = sides.refused("samples.csv", |_| String::new());
    assert!(said.contains("schema_version"), "{said}");
    let said = sides.refused("samples.csv", |text| text.lines().next().unwrap().to_owned() + "\n");
    assert!(said.contains("holds no row"), "{said}");
    let said = sides.refused("samples.csv", |text| {
        let kept = |line: &&str| line.starts_with("schema_version") || line.contains("gpu::nccl");
        text.lines().filter(kept).map(|line| format!("{line}\n")).collect()
    });
    assert!(said.contains("no value in 1 cases"), "{said}");
    let said = sides.refused("samples.csv", |text| text.replace("schema_version,", "version,"));
    assert!(said.contains("the first column must be schema_version"), "{said}");
    let said = sides.refused("samples.csv", |text| text.replacen(",value,", ",number,", 1));
    assert!(said.contains("value"), "{said}");
}

#[test]
fn a_value_that_stands_twice_is_refused_with_its_row() {
    let sides = Sides::new();
    let twice = |text: &str| edited(text, "memory::stream", |line| format!("{line}\n{line}"));
    let said = sides.refused("samples.csv", |text| twice(&text).0);
    let text = std::fs::read_to_string(sides.candidate.join("samples.csv")).unwrap();
    let row = twice(&text).1 + 1;
    assert!(said.contains(&format!("row {row}: this value stands twice")), "{said}");
    // Also far from the first, where only the whole file shows it.
    let said = sides.refused("samples.csv", |text| {
        let again = text.lines().find(|line| line.contains("memory::stream")).unwrap().to_owned();
        text + &again + "\n"
    });
    let last = text.lines().count();
    assert!(said.contains(&format!("row {last}: this value stands twice")), "{said}");
}

#[test]
fn a_launch_with_two_outcomes_is_refused() {
    let sides = Sides::new();
    let said = sides.refused("samples.csv", |text| {
        let line = text.lines().find(|line| line.contains("stores=streaming")).unwrap();
        let other = line.replace(",failed,", ",skipped,");
        format!("{text}{other}\n")
    });
    assert!(said.contains("launch 1 has two boots or outcomes"), "{said}");
    assert!(said.contains("memory::stream/stores=streaming of run"), "{said}");
}

#[test]
fn a_run_given_twice_is_refused_wherever_it_stands() {
    let sides = Sides::new();
    let [base, candidate] = [&sides.base, &sides.candidate].map(|run| run.display().to_string());
    let csv = format!("{base}/samples.csv");
    for arguments in [[&base, &base], [&base, &csv]] {
        let (code, written, said) = diff(&arguments.map(String::as_str));
        assert_eq!((code, written.as_str()), (2, ""));
        assert!(said.contains("run 20260102T030005Z-beef stands twice"), "{said}");
        assert!(said.contains(&base), "{said}");
    }
    let (code, _, said) = diff(&[&base, &candidate, &candidate]);
    assert!(code == 2 && said.contains("run 20260102T033005Z-beef stands twice"), "{said}");
}

#[test]
fn different_machines_are_compared_and_said() {
    let mut other = numa().fact("cpu.model", "EPYC 9654");
    other.results.run.fingerprint = "11".into();
    other.results.run.system = "8x-H100".into();
    let sides = Sides::of(&default(), &other);
    let (code, text, _) = sides.diff("result.json", &[]);
    assert_eq!(code, 0);
    assert!(text.contains("different systems: 7x-H200 and 8x-H100"), "{text}");
    assert!(text.contains("Xeon Platinum 8558") && text.contains("EPYC 9654"), "{text}");
}

#[test]
fn a_csv_is_no_machine_and_says_so() {
    let sides = Sides::new();
    let csv = sides.candidate.join("samples.csv");
    let (code, text, said) = diff(&[sides.base.to_str().unwrap(), csv.to_str().unwrap()]);
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(!text.contains("different profiles") && !text.contains("different versions"), "{text}");
    assert!(Path::new(&csv).exists());
}
