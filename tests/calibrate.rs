//! `vbench calibrate` and `vbench plan-samples` as their users meet them, on stored runs.

#[path = "diff/stored.rs"]
#[allow(dead_code, reason = "each test program uses a part")]
mod stored;

use std::path::{Path, PathBuf};
use stored::Stored;
use tempfile::{TempDir, tempdir};
use vbench::cli::{Console, run_cli};
use vbench::compare::{FloorKey, Level, read_floors};
use vbench::vbench;
use vbench_results::{Better, Role, Unit};

/// A program without benchmarks would refuse every command.
#[vbench(kind = "cpu")]
fn nothing() {}

const RATE: Unit = Unit::decimal("event/s");
const CASE: &str = "cpu::primes/threads=1";

/// A folder of results with a noise-floor file beside it.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempdir().unwrap() }
    }

    fn out(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("floor.json")
    }

    /// Exit code, standard output and standard error, paths of this test left out.
    fn run(&self, command: &str, arguments: &[&str]) -> (u8, String, String) {
        let folder = self.out().display().to_string();
        let all: Vec<String> = [command, "--out", &folder]
            .iter()
            .chain(arguments)
            .map(|argument| argument.replace("FLOOR", &format!("{folder}/floor.json")))
            .collect();
        let (mut written, mut said) = (Vec::new(), Vec::new());
        let mut console = Console::plain(&mut written, &mut said, 120);
        let code = run_cli(&all, &mut console);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&folder, "DIR");
        (code, text(written), text(said))
    }

    fn calibrate(&self, arguments: &[&str]) -> (u8, String, String) {
        self.run("calibrate", &[&["--noise-floor", "FLOOR"], arguments].concat())
    }

    /// The sentence with which a calibration is refused.
    fn refused(&self, arguments: &[&str]) -> String {
        let (code, written, said) = self.calibrate(arguments);
        assert_eq!((code, written.as_str()), (2, ""), "{said}");
        said
    }
}

/// A run of `config`: a quiet case, one with a spread of about 2%, a case that never varies, and a
/// metric that is only informative.
fn calm(config: &str, minute: u32, launches: u32) -> Stored {
    use {Better::Higher, Role::*};
    Stored::new(config, minute)
        .case("cpu::primes/threads=94", "cpu", launches, ("rate", RATE, Higher, Gated, 2e5, 0.007))
        .case(CASE, "cpu", launches, ("rate", RATE, Higher, Gated, 2459.0, 0.001))
        .case("cpu::steady", "cpu", launches, ("rate", RATE, Higher, Gated, 100.0, 0.0))
        .case("cpu::fair", "cpu", launches, ("fairness", Unit::plain("1"), Higher, Info, 0.9, 0.01))
}

/// A run of one boot whose typical values are `factor` times those of the others.
fn booted(minute: u32, boot: &str, factor: f64) -> Stored {
    let mut run = calm("default", minute, 3);
    for launch in run.results.cases.iter_mut().flat_map(|case| &mut case.launches) {
        launch.boot_id = Some(boot.to_owned());
        let values = launch.repeats.iter_mut().flat_map(|repeat| repeat.values.values_mut());
        values.for_each(|value| *value *= factor);
    }
    run
}

fn key(level: Level) -> FloorKey {
    FloorKey { case: CASE.into(), metric: "rate".into(), level }
}

#[test]
fn the_screen_after_a_calibration() {
    let bench = Bench::new();
    calm("default", 0, 10).store(bench.out());
    let (code, text, said) = bench.calibrate(&["--from", "default"]);
    assert_eq!((code, said.as_str()), (0, ""));
    insta::assert_snapshot!(text);
}

#[test]
fn the_file_after_a_calibration() {
    let bench = Bench::new();
    calm("default", 0, 6).store(bench.out());
    bench.calibrate(&["--from", "default"]);
    insta::assert_snapshot!(std::fs::read_to_string(bench.file()).unwrap());
}

#[test]
fn launches_of_several_runs_are_pooled_around_the_mean_of_their_run() {
    let bench = Bench::new();
    calm("default", 0, 10).store(bench.out());
    bench.calibrate(&["--from", "default"]);
    let one = read_floors(&bench.file()).unwrap()[&key(Level::Launch)];
    // The second run is twice as fast: no spread of launches.
    booted(10, "1b4e28ba", 2.0).store(bench.out());
    let (code, text, said) = bench.calibrate(&["--from", "default"]);
    assert_eq!(code, 0, "{said}");
    assert!(text.contains("already in it: 20260102T030005Z-beef"), "{text}");
    let both = read_floors(&bench.file()).unwrap()[&key(Level::Launch)];
    assert_eq!((one.df, both.df), (9.0, 11.0));
    // Ten launches 0.1% apart, and three: (82.5 + 2) x 0.001^2 over 11.
    assert!((both.sd - (84.5_f64 / 11.0).sqrt() * 0.001).abs() < 1e-9, "{both:?}");
}

#[test]
fn boots_are_collected_over_time() {
    let bench = Bench::new();
    let boot = |index: u32| {
        let factor = (f64::from(index) * 0.01).exp();
        booted(index, &format!("boot-{index}"), factor).store(bench.out());
        let (code, text, said) = bench.calibrate(&["--level", "boot", "--from", "default"]);
        assert_eq!(code, 0, "{said}");
        text
    };
    let first = boot(0);
    assert!(first.contains("1 boot so far, 6 are needed"), "{first}");
    assert!(first.contains("1 boot of 10 wanted: reboot and calibrate again, 9 more"), "{first}");
    (1..5).for_each(|index| drop(boot(index)));
    assert!(read_floors(&bench.file()).unwrap().is_empty());
    let sixth = boot(5);
    assert!(sixth.contains("6 boots of 10 wanted") && sixth.contains("1v1"), "{sixth}");
    let floor = read_floors(&bench.file()).unwrap()[&key(Level::Boot)];
    // Means 1% apart: variance 17.5 x 0.01^2 over 5.
    assert!((floor.sd - 0.01 * 3.5_f64.sqrt()).abs() < 1e-9 && floor.df == 5.0, "{floor:?}");
    let again = bench.calibrate(&["--level", "boot", "--from", "default"]).1;
    assert!(again.contains("6 boots of 10 wanted"), "{again}");
    assert_eq!(read_floors(&bench.file()).unwrap()[&key(Level::Boot)], floor);
}

#[test]
fn runs_are_collected_over_hours_and_say_what_a_host_drifts() {
    let bench = Bench::new();
    // The middle of three launches 0.7% apart is 0.1% off in every other run.
    let hour = |index: u32| {
        booted(index, "1b4e28ba", 1.0 + 0.001 * f64::from(index % 2)).store(bench.out());
        bench.calibrate(&["--level", "run", "--from", "default"]).1
    };
    let first = hour(0);
    assert!(first.contains("1 run: calibrate again at other hours, 5 more"), "{first}");
    (1..5).for_each(|index| drop(hour(index)));
    let sixth = hour(5);
    assert!(sixth.contains("6 runs; more hours") && sixth.contains("1v1"), "{sixth}");
    let floor = read_floors(&bench.file()).unwrap()[&key(Level::Run)];
    assert!((floor.sd - 0.0005 * 1.2_f64.sqrt()).abs() < 1e-5 && floor.df == 5.0, "{floor:?}");
    // Five launches 0.7% apart, 5% slower an hour later.
    for (config, minute, value) in [("before", 30, 1.05), ("after", 40, 1.0)] {
        let rate = ("rate", RATE, Better::Higher, Role::Gated, 2e5 * value, 0.007);
        let run = Stored::new(config, minute).case("cpu::primes/threads=94", "cpu", 5, rate);
        run.store(bench.out());
    }
    let verdict = |more: &[&str]| {
        let text = bench.run("diff", &[&["before", "after"], more].concat()).1;
        assert!(text.contains("one side after the other"), "{text}");
        let row = text.lines().find(|line| line.contains("primes/threads=94  rate")).unwrap();
        ["not in turns", "worse"].map(|word| row.contains(word))
    };
    assert_eq!(verdict(&[]), [true, false], "allowed for: 2 x the spread of launches");
    assert_eq!(verdict(&["--noise-floor", "FLOOR"]), [false, true], "known: runs are 0.05% apart");
    assert_eq!(verdict(&["--drift", "0"]), [false, true], "believed");
}

#[test]
fn several_runs_of_one_boot_are_one_boot() {
    let bench = Bench::new();
    for minute in 0..7 {
        booted(minute, "the-same", 1.0).store(bench.out());
    }
    let (_, text, _) = bench.calibrate(&["--level", "boot", "--from", "default"]);
    assert!(text.contains("1 boot so far") && text.contains("1 boot of 10"), "{text}");
}

#[test]
fn what_is_not_the_same_is_never_mixed() {
    let bench = Bench::new();
    calm("default", 0, 10).store(bench.out());
    bench.calibrate(&["--from", "default"]);
    let before = std::fs::read(bench.file()).unwrap();
    let refused = |change: fn(&mut Stored), minute: u32| {
        let mut run = calm("other", minute, 10);
        run.results.run.config = "default".into();
        change(&mut run);
        let folder = run.store(bench.out());
        let said = bench.refused(&["--from", folder.to_str().unwrap()]);
        assert!(said.contains("DIR/floor.json") && said.contains("--noise-floor FILE"), "{said}");
        assert_eq!(std::fs::read(bench.file()).unwrap(), before);
        said
    };
    let said = refused(|run| run.results.run.fingerprint = "01".into(), 1);
    assert!(
        said.contains("20260102T030105Z-beef") && said.contains("fingerprint (\"00\" and \"01\")"),
        "{said}"
    );
    let said = refused(|run| run.results.run.config = "numa".into(), 2);
    assert!(said.contains("configuration (\"default\" and \"numa\")"), "{said}");
    let said = refused(|run| run.results.run.vbench_version = "9.9.9".into(), 3);
    assert!(said.contains("version of vbench"), "{said}");
    let said = refused(|run| run.results.run.profile = "thorough".into(), 4);
    assert!(said.contains("profile"), "{said}");
    let said = refused(|run| run.results.cases[1].version = "2".into(), 5);
    assert!(
        said.contains("the code, unit or direction of cpu::primes/threads=1 differs"),
        "{said}"
    );
    let said = refused(|run| run.results.run.fingerprint.clear(), 6);
    assert!(said.contains("does not say which machine"), "{said}");
}

#[test]
fn a_damaged_file_is_refused_before_anything_is_measured() {
    let bench = Bench::new();
    std::fs::write(bench.file(), "{\"document\": \"gate\"}").unwrap();
    let said = bench.refused(&["nothing"]);
    assert!(said.contains("DIR/floor.json: not a noise floor"), "{said}");
    assert!(!bench.out().join("7x-H200").exists());
}

#[test]
fn what_a_calibration_cannot_do_is_said() {
    let bench = Bench::new();
    assert!(bench.refused(&["--until-precision", "1%"]).contains("fixed number of launches"));
    assert!(bench.refused(&["--resume"]).contains("vbench run --resume"));
    assert!(bench.refused(&["--from", "nowhere"]).contains("no run \"nowhere\""));
    assert!(bench.refused(&["--level", "core"]).contains("launch, run, boot"));
}

/// A change of 5% in a quiet case, on a machine whose calibration saw a spread of 6%.
fn small_change(bench: &Bench, fingerprint: &str) {
    use {Better::Higher, Role::Gated};
    for (config, minute, rate) in [("default", 20, 2000.0), ("pin", 30, 2100.0)] {
        let measures = ("rate", RATE, Higher, Gated, rate, 0.001);
        Stored::new(config, minute).case(CASE, "cpu", 5, measures).store(bench.out());
    }
    let noisy = ("rate", RATE, Higher, Gated, 2000.0, 0.02);
    let mut noisy = Stored::new("default", 0).case(CASE, "cpu", 10, noisy);
    noisy.results.run.fingerprint = fingerprint.into();
    let folder = noisy.store(bench.out());
    let (code, _, said) = bench.calibrate(&["--from", folder.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
}

const PAIR: [&str; 2] = ["20260102T0320", "20260102T0330"];

#[test]
fn a_floor_widens_a_comparison() {
    let bench = Bench::new();
    small_change(&bench, "00");
    let (_, plain, _) = bench.run("diff", &PAIR);
    assert!(plain.contains("1 better"), "{plain}");
    let with = ["--noise-floor", "FLOOR"];
    let (code, text, said) = bench.run("diff", &[&PAIR[..], &with].concat());
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(text.contains("0 better") && text.contains("1 unclear"), "{text}");
    assert!(!text.contains("another machine"), "{text}");
    let (_, json, _) = bench.run("diff", &[&PAIR[..], &with, &["--format", "json"]].concat());
    assert!(json.contains("\"test\": \"floor\""), "{json}");
}

#[test]
fn a_floor_of_another_machine_warns() {
    let bench = Bench::new();
    small_change(&bench, "77");
    let with = [&PAIR[..], &["--noise-floor", "FLOOR"]].concat();
    let (code, text, _) = bench.run("diff", &with);
    assert_eq!(code, 0);
    assert!(text.contains("the noise floor is of another machine"), "{text}");
    let (_, json, _) = bench.run("diff", &[&with[..], &["--format", "json"]].concat());
    assert!(json.contains("floor:foreign"), "{json}");
}

#[test]
fn a_floor_that_is_none_is_refused_by_diff() {
    let bench = Bench::new();
    small_change(&bench, "00");
    std::fs::write(bench.file(), "[]").unwrap();
    let (code, _, said) = bench.run("diff", &[&PAIR[..], &["--noise-floor", "FLOOR"]].concat());
    assert!(code == 2 && said.contains("DIR/floor.json: not a noise floor"), "{said}");
    let (code, _, said) =
        bench.run("diff", &[&PAIR[..], &["--noise-floor", "nowhere.json"]].concat());
    assert!(code == 2 && said.contains("cannot read nowhere.json"), "{said}");
}

/// A run whose launches take 10 s beside three repeats of 0.5 s.
fn pilot(config: &str, minute: u32, launches: u32) -> Stored {
    let mut run = calm(config, minute, launches);
    for launch in run.results.cases.iter_mut().flat_map(|case| &mut case.launches) {
        launch.elapsed_s = 11.5;
    }
    run
}

#[test]
fn the_plan_on_screen() {
    let bench = Bench::new();
    pilot("default", 0, 5).store(bench.out());
    let (code, text, said) = bench.run("plan-samples", &["default"]);
    assert_eq!((code, said.as_str()), (0, ""));
    insta::assert_snapshot!(text);
}

/// The row of a case in the JSON of a plan.
fn planned(bench: &Bench, arguments: &[&str], case: &str) -> serde_json::Value {
    let all = [arguments, &["--format", "json"]].concat();
    let (code, json, said) = bench.run("plan-samples", &all);
    assert_eq!(code, 0, "{said}");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let rows = json["rows"].as_array().unwrap();
    rows.iter().find(|row| row["case"] == case).unwrap().clone()
}

#[test]
fn the_plan_follows_from_the_components() {
    let bench = Bench::new();
    pilot("default", 0, 5).store(bench.out());
    let row = planned(&bench, &["default"], "cpu::primes/threads=94");
    let number = |path: &str| row.pointer(path).unwrap().as_f64().unwrap();
    // Launches 0.7% apart: sd 0.007 x root 2.5; with 3% and 80% five launches are more than enough.
    assert!((number("/sd_units") - 0.007 * 2.5_f64.sqrt()).abs() < 1e-9, "{row}");
    assert_eq!((number("/cost_launch_s"), number("/cost_repeat_s")), (10.0, 0.5));
    let (within, launch) = (number("/components/sd_within"), number("/components/sd_launch"));
    let best = (20.0_f64.sqrt() * within / launch).round().max(1.0);
    assert_eq!(number("/best/repeats"), best);
    let launches = number("/now/launches");
    assert_eq!(number("/now/time_s"), 2.0 * launches * 11.5);
    // Costs and wishes can be given.
    let dear = planned(
        &bench,
        &["default", "--cost-launch", "1h", "--cost-repeat", "1s", "--margin", "1%"],
        "cpu::primes/threads=94",
    );
    assert!(dear["best"]["repeats"].as_u64() > row["best"]["repeats"].as_u64(), "{dear}");
    assert!(dear["now"]["launches"].as_u64() > row["now"]["launches"].as_u64(), "{dear}");
}

#[test]
fn what_cannot_be_planned_has_a_reason() {
    let bench = Bench::new();
    calm("single", 0, 1).store(bench.out());
    let row = planned(&bench, &["single"], CASE);
    assert!(
        row["now"].is_null() && row["reason"].as_str().unwrap().contains("one launch"),
        "{row}"
    );
    // A CSV holds no durations.
    let folder = calm("default", 1, 5).store(bench.out());
    let csv = folder.join("samples.csv");
    let row = planned(&bench, &[csv.to_str().unwrap()], "cpu::primes/threads=94");
    assert!(row["reason"].as_str().unwrap().contains("--cost-launch"), "{row}");
    assert!(row["now"]["launches"].is_u64() && row["best"].is_null(), "{row}");
    let (code, _, said) = bench.run("plan-samples", &["default", "single"]);
    assert!(code == 2 && said.contains("runs of 2 configurations"), "{said}");
    assert_eq!(bench.run("plan-samples", &["default", "--power", "0.3"]).0, 2);
    assert_eq!(bench.run("plan-samples", &["default", "--power", "100%"]).0, 2);
}

#[test]
fn boots_are_planned_where_there_are_several() {
    let bench = Bench::new();
    for index in 0..3 {
        let factor = (f64::from(index) * 0.02).exp();
        booted(index, &format!("boot-{index}"), factor).store(bench.out());
    }
    let row = planned(&bench, &["default"], CASE);
    assert_eq!(row["boots"]["measured"], 3);
    assert!((row["boots"]["sd"].as_f64().unwrap() - 0.02).abs() < 1e-9, "{row}");
    // Launches within a boot are as quiet as ever.
    assert!((row["sd_units"].as_f64().unwrap() - 0.001).abs() < 1e-9, "{row}");
    assert!(row["boots"]["wanted"].as_u64() > row["now"]["launches"].as_u64(), "{row}");
}

#[test]
fn plans_for_programs_hold_the_same_rows() {
    let bench = Bench::new();
    pilot("default", 0, 5).store(bench.out());
    let (_, json, _) = bench.run("plan-samples", &["default", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let (_, csv, _) = bench.run("plan-samples", &["default", "--format", "csv"]);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), json["rows"].as_array().unwrap().len() + 1);
    let width = lines[0].split(',').count();
    assert!(lines.iter().all(|line| line.split(',').count() == width), "{csv}");
    let again = bench.run("plan-samples", &["default", "--format", "csv"]).1;
    assert_eq!(csv, again);
}
