//! The built-in GPU benchmarks through the real runner, on simulated devices: what a user sees of
//! every failure, and that nothing but the one case suffers from it.

mod support;

use std::path::Path;
use std::process::{Command, Output};
use support::{case, clean, only_run, results, stderr, stdout};
use tempfile::tempdir;
use vbench_results::{Outcome, ResultSet};

fn program(script: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simulated-gpu"));
    clean(&mut command);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("NCCL_")) {
        command.env_remove(name);
    }
    command.env("GPU_SCRIPT", script);
    command
}

/// Small cases, measured and stored.
fn run(script: &str, out: &Path, cases: &[&str], extra: &[&str]) -> Output {
    let mut command = program(script);
    command.args(["run", "--exact", "--samples", "2", "--time", "1ms", "--launches", "1"]);
    command.args(["--seed", "1"]).args(extra).args(cases);
    command.arg("--out").arg(out).output().unwrap()
}

const MATMUL: &str = "gpu::matmul/dtype=fp32,gpu=0,n=16";
const COPY: &str = "gpu::copy/gpu=0,memory=pinned,route=h2d,size=4KiB";
const SMALL: [&str; 4] = ["--axis", "n=16", "--axis", "size=4K"];

/// A product in trouble beside a copy that has none: its outcome, and the exit code.
fn product_ends(script: &str, state: &str, reason: &str, code: i32, extra: &[&str]) {
    let out = tempdir().unwrap();
    let output = run(script, out.path(), &[MATMUL, COPY], &[&SMALL, extra].concat());
    assert_eq!(output.status.code(), Some(code), "{}{}", stdout(&output), stderr(&output));
    let results = results(out.path());
    let ended = &case(&results, MATMUL).launches[0].outcome;
    assert_eq!(ended.state(), state, "{ended:?}");
    let told = ended.reason().unwrap_or_default();
    assert!(told.contains(reason), "{ended:?}");
    assert_eq!(case(&results, COPY).launches[0].outcome, Outcome::Measured, "the run goes on");
}

#[test]
fn a_healthy_device_is_measured_and_labelled() {
    let out = tempdir().unwrap();
    let output = run("devices=1", out.path(), &[MATMUL, COPY], &SMALL);
    assert!(output.status.success(), "{}", stderr(&output));
    let results = results(out.path());
    let launch = &case(&results, MATMUL).launches[0];
    assert_eq!(launch.outcome, Outcome::Measured);
    // 2 n^3 over the time, whatever the time is.
    let values = &launch.repeats[0].values;
    assert!((values["flops"] * values["time"] / (2.0 * 16_f64.powi(3)) - 1.0).abs() < 1e-9);
    assert!(!values.contains_key("of_peak"), "nobody knows the peak of a simulated device");
    for (fact, value) in [("api", "simulated"), ("gpu_pci", "0000:01:00.0"), ("rows", "16")] {
        assert_eq!(launch.facts[fact].to_string(), value);
    }
    assert!(launch.facts["peak_flops"].to_string().starts_with("unknown: no data sheet"));
}

#[test]
fn a_wrong_result_is_a_failed_case() {
    let reason = "of the fp32 product is";
    product_ends("multiply@0=wrong", "failed", reason, 1, &[]);
    // Right while it is checked before the timing, wrong from the 150th product on.
    product_ends("multiply@150=wrong", "failed", reason, 1, &[]);
}

#[test]
fn a_lost_device_fails_its_case_with_the_drivers_words() {
    product_ends("multiply@20=lost", "failed", "the GPU fell off the bus", 1, &[]);
}

#[test]
fn a_device_that_hangs_is_killed_at_the_limit() {
    let limit = ["--timeout", "2s"];
    product_ends("multiply@20=hang", "timed-out", "killed after its limit of 2 s", 1, &limit);
}

/// Nothing can end a thread that waits in a library: the process ends, and keeps what it has.
#[test]
fn a_device_that_hangs_in_the_programs_own_process_ends_it_at_the_limit() {
    let out = tempdir().unwrap();
    let own = ["--isolate=no", "--timeout", "2s"];
    let output = run("multiply@20=hang", out.path(), &[MATMUL, COPY], &[&SMALL[..], &own].concat());
    assert_eq!(output.status.code(), Some(1), "{}{}", stdout(&output), stderr(&output));
    let why = format!("error: {MATMUL}: did not end within its limit of 2 s");
    assert!(stderr(&output).contains(&why), "{}", stderr(&output));
    let journal = std::fs::read_to_string(only_run(out.path()).join("journal.jsonl")).unwrap();
    let last = journal.lines().last().unwrap();
    assert!(last.contains("gpu::matmul") && last.contains("timed-out"), "{last}");
    let shown = program("").args(["show", "--out"]).arg(out.path()).output().unwrap();
    assert!(stdout(&shown).contains("did not end within"), "{}", stdout(&shown));

    let tested = program("multiply@0=hang")
        .args(["run", "--test", "--isolate=no", "--timeout", "1s", "--exact", MATMUL])
        .args(&SMALL[..2])
        .output()
        .unwrap();
    assert_eq!(tested.status.code(), Some(1), "{}", stderr(&tested));
    assert!(stderr(&tested).contains("within its limit of 1 s"), "{}", stderr(&tested));
}

#[test]
fn too_little_memory_and_missing_compilers_are_skips() {
    let needs = "needs 9 MiB of GPU 0, 1 MiB free";
    // Copies take their memory in two pieces.
    product_ends("allocate@2=full", "skipped", needs, 0, &[]);
    product_ends("load@0=missing", "skipped", "no libnvrtc.so here", 0, &[]);
}

#[test]
fn no_device_and_an_old_driver_are_reasons_before_anything_runs() {
    for (script, reason) in [
        ("devices=0", "no GPU: simulated lists no device"),
        ("count@0=old", "no GPU: the NVIDIA driver knows CUDA 11.4, vbench needs 12.0"),
    ] {
        let output = program(script).args(["run", "--test", "--kind", "gpu"]).output().unwrap();
        let said = stdout(&output);
        assert!(output.status.success(), "{said}{}", stderr(&output));
        assert!(
            said.contains(&format!("gpu::copy_on_device/gpu=0 ... ignored, {reason}")),
            "{said}"
        );
        assert!(said.contains("test result: ok. 0 passed; 0 failed"), "{said}");
    }
}

#[test]
fn a_device_that_is_slowed_down_marks_its_samples() {
    let out = tempdir().unwrap();
    let output = run("hot", out.path(), &[MATMUL], &SMALL[..2]);
    assert!(output.status.success(), "{}", stderr(&output));
    let results = results(out.path());
    let repeats = &case(&results, MATMUL).launches[0].repeats;
    assert!(!repeats.is_empty());
    for repeat in repeats {
        let why = repeat.evidence.disturbed.as_deref();
        assert_eq!(why, Some("the GPU was slowed down: hardware thermal slowdown"));
    }
}

#[test]
fn every_benchmark_works_on_one_device_and_on_four() {
    for (script, few) in [("devices=1", true), ("devices=4", false)] {
        let mut command = program(script);
        command.args(["run", "--test", "--kind", "gpu", "--axis", "n=16"]);
        let output = command.output().unwrap();
        let said = stdout(&output);
        assert!(output.status.success(), "{said}{}", stderr(&output));
        let told = |case: &str| {
            let start = format!("test {case} ... ");
            let line = said.lines().find_map(|line| line.strip_prefix(&start));
            line.unwrap_or_else(|| panic!("no {case}: {said}")).to_owned()
        };
        let several = if few { "ignored, needs 2 GPUs, 1 here" } else { "ok" };
        assert_eq!(told("gpu::all_reduce/peers=default,place=out,size=8B"), several);
        assert_eq!(told("gpu::all_reduce/peers=off,place=out,size=8B"), several);
        assert_eq!(told("gpu::all_reduce_sweep/peers=default,up_to=1GiB"), several);
        assert_eq!(told("gpu::peer_copy/pair=0>1,peers=default,size=4B"), several);
        assert_eq!(told("gpu::all_reduce_one_rank/gpu=0,place=out,size=8B"), "ok");
        assert_eq!(told("gpu::copy_on_device/gpu=0"), "ok");
        assert_eq!(
            told("gpu::matmul/dtype=fp8,gpu=0,n=16"),
            "ignored, the simulated device has no fp8 units"
        );
        let alone = told("gpu::mpi::all_reduce/place=out,size=8B");
        assert!(alone.starts_with("ignored, started without an MPI launcher"), "{alone}");
    }
}

#[test]
fn every_benchmark_of_longer_profiles_works_too() {
    let longer = [
        "matmul_sizes",
        "copy_sizes",
        "copy_under_load",
        "all_reduce_placed",
        "all_reduce_ways",
        "all_reduce_ranks",
        "exchange",
        "data_loader",
        "soak",
    ];
    let mut command = program("devices=4");
    command.args(["run", "--test", "--exact", "--axis", "n=16", "--skip", "dtype=fp8"]);
    command.args(longer.map(|name| format!("gpu::{name}")));
    let output = command.output().unwrap();
    let said = stdout(&output);
    assert!(output.status.success(), "{said}{}", stderr(&output));
    for name in longer {
        let first = said.lines().find(|line| line.starts_with(&format!("test gpu::{name}")));
        assert!(first.is_some_and(|line| line.ends_with("... ok")), "{name}: {said}");
    }
}

#[test]
fn what_the_environment_says_of_the_library_never_contradicts_a_name() {
    let out = tempdir().unwrap();
    let cases = [
        "gpu::all_reduce_ways/algorithm=default,protocol=default,size=8B",
        "gpu::all_reduce_ways/algorithm=Tree,protocol=default,size=8B",
        "gpu::all_reduce/peers=default,place=out,size=8B",
        "gpu::all_reduce/peers=off,place=out,size=8B",
    ];
    let mut command = program("devices=2");
    command.args(["run", "--exact", "--samples", "1", "--launches", "1"]).args(cases);
    command.env("NCCL_ALGO", "Ring").env("HOME", out.path());
    std::fs::write(out.path().join(".nccl.conf"), "NCCL_P2P_DISABLE=1\n").unwrap();
    let output = command.arg("--out").arg(out.path().join("results")).output().unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let results = results(&out.path().join("results"));
    let reason =
        |id: &str| case(&results, id).launches[0].outcome.reason().unwrap_or("").to_owned();
    assert!(reason(cases[0]).contains("is set in ~/.nccl.conf: that is the case peers=off"));
    assert!(reason(cases[2]).contains("is set in ~/.nccl.conf: that is the case peers=off"));
    let off = case(&results, cases[3]);
    assert_eq!(off.launches[0].outcome, Outcome::Measured);
    let settings = off.launches[0].facts["collective_settings"].to_string();
    assert!(settings.contains("NCCL_P2P_DISABLE=1 "), "{settings}");
    assert!(settings.contains("NCCL_P2P_DISABLE=1 (~/.nccl.conf)"), "{settings}");
    assert!(settings.contains("NCCL_ALGO=Ring"), "{settings}");
}

/// Libraries read their settings once, and peers stay let: in one process the first case decides.
#[test]
fn cases_that_would_share_a_process_under_other_settings_are_skipped() {
    for benchmark in ["gpu::all_reduce", "gpu::peer_copy"] {
        let mut command = program("devices=2");
        let output = command
            .args(["run", "--test", "--isolate=no", "--exact", "--axis", "size=4K", benchmark])
            .output()
            .unwrap();
        let said = stdout(&output);
        assert!(output.status.success(), "{said}{}", stderr(&output));
        let of = |peers: &str| {
            let lines = said.lines().filter(|line| line.contains(&format!("peers={peers}")));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert!(of("default").iter().all(|line| line.ends_with("... ok")), "{said}");
        let told = "ignored, another case of this process has settled how GPUs reach each other";
        assert!(of("off").iter().all(|line| line.contains(told)), "{said}");
        assert!(!of("off").is_empty());
    }
}

/// NCCL 2.24 or newer would take host buffers from the driver, past the memory policy of an arm.
#[test]
fn placed_sums_take_host_buffers_by_the_policy_and_name_devices_and_versions() {
    let out = tempdir().unwrap();
    let sum = "gpu::all_reduce_placed/arm=unbound,peers=default,size=8B";
    let output = run("devices=2", out.path(), &[sum], &[]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let results = results(out.path());
    let facts = &case(&results, sum).launches[0].facts;
    let settings = facts["collective_settings"].to_string();
    assert!(settings.contains("NCCL_CUMEM_HOST_ENABLE=0"), "{settings}");
    assert_eq!(facts["devices"].to_string(), "0000:01:00.0 0000:02:00.0");
    assert_eq!(facts["driver"].to_string(), "simulated 1.0");
}

#[test]
fn sums_of_a_sweep_are_stored_as_nccl_tests_counts_them() {
    let out = tempdir().unwrap();
    let sweep = "gpu::all_reduce_sweep/peers=default,up_to=32KiB";
    let output = run("devices=4", out.path(), &[sweep], &["--max-bytes", "32K"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let results = results(out.path());
    let launch = &case(&results, sweep).launches[0];
    let values = &launch.repeats[0].values;
    assert!(values["busbw_peak"] > values["busbw_average"], "{values:?}");
    let table = launch.facts["sweep"].to_string();
    assert!(table.contains("32768") && table.contains("in"), "{table}");
    assert_eq!(launch.facts["ranks"].to_string(), "4");
}

/// `mpirun`, with more ranks than CPUs, as root, and yielding while they wait; `None`, said aloud,
/// where it is not installed.
fn mpirun(ranks: &str, script: &str) -> Option<Command> {
    let allowed = [
        ("OMPI_ALLOW_RUN_AS_ROOT", "1"),
        ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"),
        ("OMPI_MCA_rmaps_base_oversubscribe", "1"),
        ("OMPI_MCA_mpi_yield_when_idle", "1"),
    ];
    let mut probe = Command::new("mpirun");
    let works = probe.envs(allowed).args(["-n", "1", "true"]).output();
    if !works.is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("VBENCH_REQUIRE_MPI").is_none(), "mpirun starts nothing");
        eprintln!("skipped: mpirun is not installed or starts nothing (Debian: openmpi-bin)");
        return None;
    }
    let mut command = Command::new("mpirun");
    clean(&mut command);
    command.envs(allowed).env("GPU_SCRIPT", script);
    command.args(["-n", ranks, env!("CARGO_BIN_EXE_simulated-gpu"), "run", "gpu::mpi"]);
    Some(command)
}

const TINY: [&str; 6] = ["--samples", "2", "--axis", "size=8,4K", "--config", "mpi"];

#[test]
fn ranks_of_two_processes_take_a_device_each_and_store_one_result() {
    let Some(mut command) = mpirun("2", "devices=2") else { return };
    let out = tempdir().unwrap();
    let output = command.args(TINY).arg("--out").arg(out.path()).output().unwrap();
    let said = stdout(&output) + &stderr(&output);
    assert!(output.status.success(), "{said}");
    assert_eq!(said.matches("stored in").count(), 1, "{said}");
    let results: ResultSet = results(out.path());
    assert_eq!(results.cases.len(), 2);
    for case in &results.cases {
        let launch = &case.launches[0];
        assert_eq!(launch.outcome, Outcome::Measured, "{said}");
        let fact = |name: &str| launch.facts[name].to_string();
        assert_eq!(fact("ranks"), "2");
        assert!(fact("hosts").ends_with(": 2 ranks"), "{}", fact("hosts"));
        let devices = fact("devices");
        assert!(devices.contains("0000:01:00.0") && devices.contains("0000:02:00.0"), "{devices}");
        let values = &launch.repeats[1].values;
        assert_eq!(values["busbw"], values["algbw"], "2 ranks: the factor is 1");
    }
}

#[test]
fn a_rank_that_has_no_device_skips_all_with_its_reason() {
    for (script, reason) in [
        ("devices=1", "rank 1: 2 ranks on a host with 1 GPU: one each"),
        ("devices=0", "rank 0: no GPU: simulated lists no device"),
    ] {
        let Some(mut command) = mpirun("2", script) else { return };
        let output = command.args(["--test", "--axis", "size=8"]).output().unwrap();
        let said = stdout(&output) + &stderr(&output);
        assert!(output.status.success(), "{said}");
        assert!(said.contains(&format!("ignored, {reason}")), "{said}");
    }
}

#[test]
fn a_sum_that_is_wrong_on_any_rank_fails_the_case_for_all() {
    let Some(mut command) = mpirun("2", "devices=2 sum@0=wrong") else { return };
    let out = tempdir().unwrap();
    let output = command.args(TINY).arg("--out").arg(out.path()).output().unwrap();
    let said = stdout(&output) + &stderr(&output);
    assert_ne!(output.status.code(), Some(0), "{said}");
    let results = results(out.path());
    let why = results.cases[0].launches[0].outcome.reason().unwrap_or_default();
    assert!(why.contains("rank 0: check failed: 1 of 2 sums are wrong"), "{why}");
}
