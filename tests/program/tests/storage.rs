//! Nothing measured is lost: interruption, kills, damage, full disks, hostile names.

mod support;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use support::{case, clean, only_run, program, results, runs, stderr, stdout, tiny_run};
use tempfile::tempdir;
use vbench_results::{read_samples, read_summary};

/// Starts a run of twelve short launches and waits until `finished` of them are in the journal.
fn begin(out: &Path, finished: usize) -> Child {
    let mut child = program()
        .args(["run", "good::waits", "--include-ignored", "--samples", "2", "--launches", "2"])
        .args(["--format", "json", "--label", "ticket=42", "--out"])
        .arg(out)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A line on standard output comes after the launch is in the journal.
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert_eq!(lines.take(finished).count(), finished);
    child
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id() as i32), signal).unwrap();
}

fn resume(out: &Path) -> Output {
    program().args(["run", "--resume"]).arg("--out").arg(out).output().unwrap()
}

/// Every one of the twelve launches is there once, with both repeats.
fn assert_whole(out: &Path) {
    let results = results(out);
    assert_eq!(results.cases.len(), 6);
    for case in &results.cases {
        let launches: Vec<u32> = case.launches.iter().map(|launch| launch.launch).collect();
        assert_eq!(launches, [1, 2], "{}", case.case);
        assert!(case.launches.iter().all(|launch| launch.repeats.len() == 2));
    }
    let mut positions: Vec<u32> =
        results.cases.iter().flat_map(|case| case.launches.iter().map(|l| l.position)).collect();
    positions.sort_unstable();
    positions.dedup();
    assert_eq!(positions.len(), 12, "no position stands twice");
    assert_eq!(results.run.labels["ticket"], "42");
    assert!(!only_run(out).join("journal.jsonl").exists());
}

#[test]
fn ctrl_c_finishes_the_launch_keeps_the_journal_and_says_how_to_go_on() {
    let out = tempdir().unwrap();
    let child = begin(out.path(), 2);
    signal(&child, Signal::SIGINT);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    let folder = only_run(out.path());
    let advice = format!("vbench run --resume={}", folder.display());
    assert!(stderr(&output).contains(&advice), "{}", stderr(&output));
    assert!(folder.join("journal.jsonl").exists() && !folder.join("result.json").exists());
    let resumed = resume(out.path());
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    assert_whole(out.path());
}

#[test]
fn a_killed_run_loses_at_most_the_launch_in_flight() {
    let out = tempdir().unwrap();
    let mut child = begin(out.path(), 3);
    signal(&child, Signal::SIGKILL);
    child.wait().unwrap();
    let shown = program().arg("show").arg("--out").arg(out.path()).output().unwrap();
    assert!(shown.status.success(), "{}", stderr(&shown));
    let text = stdout(&shown);
    assert!(text.contains("unfinished: vbench run --resume="), "{text}");
    assert!(text.matches("turn=").count() >= 3, "{text}");
    assert!(resume(out.path()).status.success());
    assert_whole(out.path());
    let again = resume(out.path());
    assert_eq!(again.status.code(), Some(2));
    assert!(stderr(&again).contains("nothing to resume"), "{}", stderr(&again));
}

/// Kills a run after three launches and lets `damage` change its journal.
fn damaged(out: &Path, damage: impl FnOnce(Vec<u8>) -> Vec<u8>) {
    let mut child = begin(out, 3);
    signal(&child, Signal::SIGKILL);
    child.wait().unwrap();
    let journal = only_run(out).join("journal.jsonl");
    let bytes = damage(std::fs::read(&journal).unwrap());
    std::fs::write(&journal, bytes).unwrap();
}

/// The same with a change of its first line, or of those after it.
fn begun_otherwise(out: &Path, change: impl FnOnce(&mut serde_json::Value, &mut String)) {
    damaged(out, |bytes| {
        let text = String::from_utf8(bytes).unwrap();
        let (header, lines) = text.split_once('\n').unwrap();
        let (mut header, mut lines) = (serde_json::from_str(header).unwrap(), lines.to_owned());
        change(&mut header, &mut lines);
        format!("{header}\n{lines}").into_bytes()
    });
}

#[test]
fn a_cut_journal_gives_back_every_whole_line() {
    let out = tempdir().unwrap();
    damaged(out.path(), |mut bytes| {
        bytes.truncate(bytes.len() - 20);
        bytes
    });
    let resumed = resume(out.path());
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    assert!(stderr(&resumed).contains("the last line is cut short"), "{}", stderr(&resumed));
    assert_whole(out.path());
}

#[test]
fn a_damaged_line_is_named_and_measured_again() {
    let out = tempdir().unwrap();
    damaged(out.path(), |bytes| {
        let text = String::from_utf8(bytes).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines[2] = "{\"case\": \u{0}garbage";
        lines.join("\n").into_bytes().into_iter().chain(*b"\n").collect()
    });
    let resumed = resume(out.path());
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    assert!(stderr(&resumed).contains("journal.jsonl line 3: damaged"), "{}", stderr(&resumed));
    assert_whole(out.path());
}

#[test]
fn a_journal_without_a_head_or_of_a_newer_schema_is_refused_by_name() {
    let refused = |damage: fn(String) -> String, expected: &str| {
        let out = tempdir().unwrap();
        damaged(out.path(), |bytes| damage(String::from_utf8(bytes).unwrap()).into_bytes());
        for command in ["run --resume", "show"] {
            let mut run = program();
            run.args(command.split(' ')).arg("--out").arg(out.path());
            let output = run.output().unwrap();
            assert_eq!(output.status.code(), Some(2), "{command}");
            let said = stderr(&output);
            assert!(said.contains("journal.jsonl") && said.contains(expected), "{said}");
        }
    };
    refused(|text| text[50..].to_owned(), "line 1 is damaged");
    refused(|text| text.replacen("\"1.0\"", "\"9.0\"", 1), "schema version 9.0");
    refused(|_| String::new(), "line 1 is damaged");
}

#[test]
fn a_run_in_progress_is_called_so_and_has_one_writer() {
    let out = tempdir().unwrap();
    let mut child = begin(out.path(), 2);
    let ask = |words: &[&str]| program().args(words).arg("--out").arg(out.path()).output().unwrap();
    let list = stdout(&ask(&["list", "--results"]));
    assert!(list.contains("in progress") && !list.contains("interrupted"), "{list}");
    let shown = stdout(&ask(&["show"]));
    assert!(shown.contains("in progress") && !shown.contains("--resume"), "{shown}");
    let run = only_run(out.path());
    let resume = format!("--resume={}", run.display());
    let second = ask(&["run", &resume]);
    assert_eq!(second.status.code(), Some(2), "{}", stdout(&second));
    assert!(stderr(&second).contains("still in progress"), "{}", stderr(&second));
    signal(&child, Signal::SIGKILL);
    child.wait().unwrap();
    assert!(stdout(&ask(&["list", "--results"])).contains("interrupted"));
}

#[test]
fn a_run_of_another_machine_is_not_gone_on_with() {
    let out = tempdir().unwrap();
    begun_otherwise(out.path(), |header, _| {
        header["run"]["fingerprint"] = "0123".into();
        header["environment"]["cpu.model"]["value"] = "another CPU".into();
    });
    let refused = resume(out.path());
    assert_eq!(refused.status.code(), Some(2));
    let said = stderr(&refused);
    assert!(
        said.contains("begun on another machine") && said.contains("--config default"),
        "{said}"
    );
    assert!(said.contains("cpu.model was another CPU, is "), "{said}");
}

#[test]
fn after_a_reboot_a_run_goes_on_and_says_so() {
    let out = tempdir().unwrap();
    begun_otherwise(out.path(), |header, lines| {
        header["environment"]["kernel.boot_id"]["value"] = "an earlier one".into();
        *lines = lines.replace("\"boot_id\":\"", "\"boot_id\":\"before ");
    });
    let resumed = resume(out.path());
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    assert!(stderr(&resumed).contains("booted anew"), "{}", stderr(&resumed));
    let results = results(out.path());
    let launches = results.cases.iter().flat_map(|case| &case.launches);
    let boots: std::collections::BTreeSet<_> = launches.map(|l| l.boot_id.clone()).collect();
    assert_eq!(boots.len(), 2, "{boots:?}");
}

#[test]
fn a_plan_is_not_changed_by_going_on() {
    let out = tempdir().unwrap();
    damaged(out.path(), |bytes| bytes);
    let mut changed = program();
    changed.args(["run", "--resume", "--launches", "5", "good"]).arg("--out").arg(out.path());
    let output = changed.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("a filter and --launches would change it"), "{said}");
}

#[test]
fn a_damaged_run_does_not_hide_the_others() {
    let out = tempdir().unwrap();
    assert!(tiny_run(out.path(), &["good::adds"]).output().unwrap().status.success());
    let newer = only_run(out.path()).with_file_name("99990101T000000Z-0000");
    std::fs::create_dir(&newer).unwrap();
    std::fs::write(newer.join("journal.jsonl"), "").unwrap();
    let shown = program().arg("show").arg("--out").arg(out.path()).output().unwrap();
    assert!(shown.status.success(), "{}", stderr(&shown));
    assert!(stdout(&shown).contains("good::adds"), "{}", stdout(&shown));
    assert!(stderr(&shown).contains("left out: ") && stderr(&shown).contains("99990101"));
}

#[test]
fn a_configuration_is_found_by_the_name_it_was_given() {
    let out = tempdir().unwrap();
    for name in ["numa pinned", "../../x"] {
        let run = tiny_run(out.path(), &["good::adds", "--config", name]).output().unwrap();
        assert!(run.status.success(), "{}", stderr(&run));
        let shown = program().args(["show", name, "--out"]).arg(out.path()).output().unwrap();
        assert!(stdout(&shown).contains("good::adds"), "{}", stderr(&shown));
        assert!(stdout(&shown).contains(name), "{}", stdout(&shown));
    }
}

#[test]
fn a_result_of_a_newer_schema_is_refused_by_name() {
    let out = tempdir().unwrap();
    assert!(tiny_run(out.path(), &["good::adds"]).output().unwrap().status.success());
    let file = only_run(out.path()).join("result.json");
    let newer = std::fs::read_to_string(&file).unwrap().replacen("\"1.0\"", "\"2.0\"", 1);
    std::fs::write(&file, newer).unwrap();
    let output = program().arg("show").arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("has schema version 2.0, this vbench reads up to 1.0"));
}

#[test]
fn a_folder_that_cannot_be_made_is_said_before_anything_is_measured() {
    let out = tempdir().unwrap();
    let file = out.path().join("file");
    std::fs::write(&file, "").unwrap();
    let output = tiny_run(&file, &["good::adds"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("cannot make a folder for the results") && said.contains("--out DIR"),
        "{said}"
    );
}

/// The program as another shell command would start it: `script` runs it as `"$@"`.
fn within(script: &str) -> Command {
    let mut command = Command::new("unshare");
    clean(&mut command);
    command.args(["--map-root-user", "--mount", "sh", "-c", script, "sh"]);
    command.arg(env!("CARGO_BIN_EXE_program"));
    command
}

/// False, said aloud, where this machine allows no mount namespaces; with
/// `VBENCH_REQUIRE_NAMESPACES` set that is a failure.
fn can_mount() -> bool {
    let script = "mount -t tmpfs -o size=64k none /mnt";
    let tried =
        Command::new("unshare").args(["--map-root-user", "--mount", "sh", "-c", script]).output();
    let can = tried.is_ok_and(|output| output.status.success());
    if !can {
        assert!(std::env::var_os("VBENCH_REQUIRE_NAMESPACES").is_none(), "no mount namespaces");
        eprintln!("skipped: no mount namespaces here (unshare --map-root-user --mount)");
    }
    can
}

/// Thirty launches, some 60 KB each in the journal: more than the tests of room leave.
const LARGE_RUN: [&str; 9] = [
    "run",
    "--exact",
    "good::adds",
    "--samples=300",
    "--time=10us",
    "--launches=30",
    "--seed=1",
    "--format=json",
    "--out",
];

/// A run that lost its journal's file says so in one message, and goes on from what is kept.
fn assert_kept(ended: &Output, out: &Path, why: &str, remedy: &str) {
    let said = stderr(ended);
    assert_eq!(ended.status.code(), Some(2), "{said}");
    assert_eq!(said.matches("error:").count(), 1, "{said}");
    for part in [why, "finished before are kept", remedy, "vbench run --resume="] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let shown = program().args(["show", "--out"]).arg(out).output().unwrap();
    assert!(stdout(&shown).contains("good::adds"), "{}", stderr(&shown));
    assert!(stdout(&shown).contains("unfinished: vbench run --resume="), "{}", stdout(&shown));
    let resumed = resume(out);
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    assert_eq!(case(&results(out), "good::adds").launches.len(), 30);
}

#[test]
fn a_full_disk_is_said_with_what_is_kept() {
    if !can_mount() {
        return;
    }
    let out = tempdir().unwrap();
    // The file system dies with the namespace: what it held is copied out first.
    let script = r#"mount -t tmpfs -o size=300k none /mnt && mkdir /mnt/out && "$@"; code=$?; cp -r /mnt/out "$COPY"; exit $code"#;
    let kept = out.path().join("copy");
    let output =
        within(script).args(LARGE_RUN).arg("/mnt/out").env("COPY", &kept).output().unwrap();
    assert_kept(&output, &kept, "No space left on device", "make room and");
}

/// A large run that may write files of so many blocks of 512 bytes.
fn limited(blocks: u32, out: &Path) -> Output {
    let mut command = Command::new("sh");
    clean(&mut command);
    command.args(["-c", &format!(r#"ulimit -f {blocks} && exec "$@""#), "sh"]);
    command.arg(env!("CARGO_BIN_EXE_program")).args(LARGE_RUN).arg(out).output().unwrap()
}

#[test]
fn a_limit_of_file_sizes_is_said_with_what_is_kept() {
    let out = tempdir().unwrap();
    let output = limited(600, out.path());
    assert_kept(&output, out.path(), "journal.jsonl: File too large", "(ulimit -f) and");
}

#[test]
fn a_run_that_cannot_begin_leaves_nothing_behind() {
    let out = tempdir().unwrap();
    let output = limited(1, out.path());
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("journal.jsonl: File too large"), "{said}");
    assert!(said.contains("nothing was measured; raise") && said.contains("--out DIR"), "{said}");
    assert!(!said.contains("at path"), "a temporary file's name helps nobody: {said}");
    assert_eq!(runs(out.path()), [] as [PathBuf; 0]);
}

#[test]
fn hostile_names_stay_below_the_results_folder_and_are_stored_as_given() {
    let long = "x".repeat(300);
    for name in ["../../x", "größe 試験", "a\nb", "/etc/passwd", "..", "-rf", &long, "\u{202e}evil"]
    {
        let parent = tempdir().unwrap();
        let out = parent.path().join("out");
        let output = tiny_run(&out, &["good::adds"])
            .arg(format!("--config={name}"))
            .arg(format!("--system={name}"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{name:?}: {}", stderr(&output));
        assert_eq!(
            std::fs::read_dir(parent.path()).unwrap().count(),
            1,
            "{name:?} left the folder"
        );
        let results = results(&out);
        assert_eq!((results.run.config.as_str(), results.run.system.as_str()), (name, name));
        let said = stdout(&output) + &stderr(&output);
        assert!(!said.contains('\u{202e}') && !said.contains("a\nb"), "{name:?} is printed raw");
    }
}

#[test]
fn the_three_files_hold_the_same_run() {
    let out = tempdir().unwrap();
    assert!(
        tiny_run(out.path(), &["good::adds", "good::swept", "good::rare"])
            .status()
            .unwrap()
            .success()
    );
    let folder = only_run(out.path());
    let rows = |file: &str| std::fs::File::open(folder.join(file)).unwrap();
    let samples = read_samples(rows("samples.csv"), Path::new("samples.csv")).unwrap();
    assert_eq!(samples, results(out.path()).sample_rows().collect::<Vec<_>>());
    assert_eq!(samples.len(), 4 * 2 + 1);
    let summary = read_summary(rows("summary.csv"), Path::new("summary.csv")).unwrap();
    assert_eq!(summary.len(), 5);
    let adds = summary.iter().find(|row| row.case == "good::adds").unwrap();
    assert_eq!((adds.launches, adds.samples, adds.ci95_low), (1, 2, None));
    assert!(adds.reason.as_deref().unwrap().contains("one launch"), "{adds:?}");
    let files: usize = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(files, 3, "no journal and no temporary file is left");
}

#[test]
fn redaction_leaves_no_host_name() {
    let out = tempdir().unwrap();
    assert!(
        tiny_run(out.path(), &["good::adds"]).arg("--redact").output().unwrap().status.success()
    );
    let text = std::fs::read_to_string(only_run(out.path()).join("result.json")).unwrap();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    for secret in [boot.trim(), host.trim()] {
        assert!(secret.is_empty() || !text.contains(&format!("\"{secret}\"")), "{secret}");
    }
}
