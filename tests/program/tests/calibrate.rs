//! `calibrate` measures, stores the run like any other, and writes the floors of what it measured.

mod support;

use support::{only_run, program, results, stderr, stdout};
use tempfile::tempdir;

#[test]
fn launches_measured_now_become_floors() {
    let out = tempdir().unwrap();
    let floors = out.path().join("floors/floor.json");
    std::fs::create_dir(floors.parent().unwrap()).unwrap();
    let results_folder = out.path().join("results");
    let calibrate = || {
        let mut command = program();
        command
            .args(["calibrate", "good::swept", "--exact", "--samples", "2", "--time", "1ms"])
            .args(["--launches", "6", "--seed", "1", "--config", "calm", "--noise-floor"])
            .arg(&floors)
            .arg("--out")
            .arg(&results_folder);
        command.output().unwrap()
    };
    let output = calibrate();
    assert!(output.status.success(), "{}", stderr(&output));
    let said = stdout(&output);
    assert!(said.contains("noise floor") && said.contains("launches of 1 run"), "{said}");
    assert!(said.contains(&format!("written to {}", floors.display())), "{said}");
    let run = results(&results_folder);
    assert_eq!(run.run.config, "calm");
    assert!(run.cases.iter().all(|case| case.launches.len() == 6));
    let read = vbench::compare::read_floors(&floors).unwrap();
    assert_eq!(read.len(), run.cases.len());
    assert!(read.values().all(|floor| floor.sd > 0.0 && floor.df == 5.0), "{read:?}");

    // A second calibration adds its launches to the first.
    let output = calibrate();
    assert!(output.status.success(), "{}", stderr(&output));
    let read = vbench::compare::read_floors(&floors).unwrap();
    assert!(read.values().all(|floor| floor.df == 10.0), "{read:?}");
}

#[test]
fn nothing_to_calibrate_writes_nothing() {
    let out = tempdir().unwrap();
    let floors = out.path().join("floor.json");
    let output = program()
        .args(["calibrate", "nowhere", "--noise-floor"])
        .arg(&floors)
        .arg("--out")
        .arg(out.path())
        .output()
        .unwrap();
    assert!(output.status.success() && stderr(&output).contains("no case matches"));
    assert!(!floors.exists());
}

#[test]
fn a_calibration_run_is_a_run_like_any_other() {
    let out = tempdir().unwrap();
    let output = program()
        .args(["calibrate", "good::swept/size=8KiB", "--exact", "--samples", "2", "--time", "1ms"])
        .args(["--launches", "2", "--noise-floor"])
        .arg(out.path().join("floor.json"))
        .arg("--out")
        .arg(out.path().join("results"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).contains("2 launches so far, 6 are needed"), "{}", stdout(&output));
    assert!(only_run(&out.path().join("results")).join("samples.csv").exists());
}
