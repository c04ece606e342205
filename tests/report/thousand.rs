//! How reports and comparisons grow with the number of runs.

use super::stored::Stored;
use std::path::Path;
use std::process::Command;
use std::time::Instant;
use tempfile::tempdir;
use vbench::cli::{Console, run_cli};
use vbench::results::{Better, Role, Unit};

/// Stores 1,000 runs of 300 rows: `systems` systems with these configurations each.
fn store_a_thousand(out: &Path, systems: u32, configs: &[&str]) {
    let metric =
        |value: f64| ("rate", Unit::decimal("event/s"), Better::Higher, Role::Gated, value, 0.01);
    for number in 0..1000_u32 {
        let config = number as usize % configs.len();
        let mut run = Stored::new(configs[config], 0);
        run.results.run.id = format!("20260102T030405Z-{number:04x}");
        run.results.run.system = format!("system-{}", number * systems / 1000);
        run.results.run.started_at =
            format!("2026-01-02T{:02}:{:02}:05Z", number / 60, number % 60);
        for case in 0..300_u32 {
            let value = f64::from(1000 + case)
                * (1.0 + config as f64 * 0.02 + f64::from(number * 7919 % 101) * 1e-4);
            run = run.case(&format!("many::case{case}"), "many", 1, metric(value));
        }
        run.store(out);
    }
}

/// Names the command of a process of its own, with a space between words.
const COMMAND: &str = "VBENCH_TEST_COMMAND";

/// Seconds that a command takes, and the most memory that it holds, in MB: in a process of its own.
fn measured(command: &[&str]) -> (f64, u64) {
    let name = "thousand::a_command_in_a_process_of_its_own";
    let output = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--ignored", "--nocapture"])
        .env(COMMAND, command.join(" "))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    let found = text.lines().find_map(|line| line.split_once("took ")?.1.split_once(" s, "));
    let (seconds, peak) = found.unwrap_or_else(|| panic!("{text}"));
    (seconds.parse().unwrap(), peak.trim_end_matches(" MB").parse().unwrap())
}

#[test]
#[ignore = "does what the test of a thousand runs asks for"]
fn a_command_in_a_process_of_its_own() {
    let Ok(command) = std::env::var(COMMAND) else { return };
    let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
    let (mut written, mut said) = (Vec::new(), Vec::new());
    let start = Instant::now();
    let code = run_cli(&words, &mut Console::plain(&mut written, &mut said, 120));
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(code, 0, "{}", String::from_utf8_lossy(&said));
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak = peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1000;
    println!("took {seconds:.2} s, {peak} MB");
}

/// 1,000 runs of 300 rows: 5 s, 500 MB, a page of 5 MB. In a release build:
/// `cargo test --release --test report a_thousand -- --ignored --nocapture`.
#[test]
#[ignore = "writes and reads 1,000 runs, three times"]
fn a_thousand_runs_are_reported_and_compared_in_five_seconds() {
    let layouts: [(u32, &[&str]); 3] = [
        (1, &["default", "pin"]),
        (10, &["default", "pin", "numa", "smt"]),
        (50, &["default", "pin", "numa", "smt"]),
    ];
    for (systems, configs) in layouts {
        let out = tempdir().unwrap();
        store_a_thousand(out.path(), systems, configs);
        let page = out.path().join("report.html");
        let (folder, file) = (out.path().to_str().unwrap(), page.to_str().unwrap());
        let (seconds, peak) = measured(&["report", "--out", folder, "-o", file]);
        let size = std::fs::metadata(&page).unwrap().len();
        println!("report of {systems} systems: {seconds:.2} s, {peak} MB, page {} kB", size / 1000);
        assert!(seconds < 5.0 && peak < 500 && size < 5_000_000);
        if systems == 1 {
            let (seconds, peak) = measured(&["diff", "default", "pin", "--out", folder]);
            println!("diff of 500 with 500 runs: {seconds:.2} s, {peak} MB");
            assert!(seconds < 5.0 && peak < 500);
        }
    }
}
