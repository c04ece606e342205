//! How reports and comparisons grow with the number of runs.

use super::page;
use super::stored::Stored;
use std::path::Path;
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

/// Seconds that `f` takes, and the most memory in MB that this process has held so far.
fn measured(f: impl FnOnce()) -> (f64, u64) {
    let start = std::time::Instant::now();
    f();
    let seconds = start.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    (seconds, peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1000)
}

/// 1,000 runs of 300 rows: 5 s, 500 MB, a page of 5 MB. In a release build:
/// `cargo test --release --test report -- --ignored --nocapture`.
#[test]
#[ignore = "writes and reads 1,000 runs, three times"]
fn a_thousand_runs_are_reported_and_compared_in_five_seconds() {
    let layouts: [(u32, &[&str]); 3] =
        [(1, &["default", "pin"]), (10, &["default", "pin", "numa", "smt"]), (1000, &["default"])];
    for (systems, configs) in layouts {
        let out = tempdir().unwrap();
        store_a_thousand(out.path(), systems, configs);
        let mut size = 0;
        let (seconds, peak) = measured(|| size = page(out.path(), &[]).len());
        println!("report of {systems} systems: {seconds:.2} s, {peak} MB, page {} kB", size / 1000);
        assert!(seconds < 5.0 && peak < 500 && size < 5_000_000);
        if systems == 1 {
            let folder = out.path().display().to_string();
            let diff = ["diff", "default", "pin", "--out", &folder].map(str::to_owned);
            let (mut written, mut said) = (Vec::new(), Vec::new());
            let mut console = Console::plain(&mut written, &mut said, 120);
            let (seconds, peak) = measured(|| assert_eq!(run_cli(&diff, &mut console), 0));
            println!("diff of 500 with 500 runs: {seconds:.2} s, {peak} MB");
            assert!(seconds < 5.0 && peak < 500);
        }
    }
}
