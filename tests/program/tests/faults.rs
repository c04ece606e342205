//! A benchmark that fails is a row with one clear reason; every other case keeps its values.

mod support;

use support::{case, results, stderr, stdout, tiny_run};
use tempfile::tempdir;
use vbench_results::Outcome;

/// Runs a fault beside a good case; the fault's outcome must say `reason`.
fn fails_with(fault: &str, state: &str, reason: &str) {
    let out = tempdir().unwrap();
    let fault = format!("faults::{fault}");
    let output = tiny_run(out.path(), &[&fault, "good::adds"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let results = results(out.path());
    let failed = &case(&results, &fault).launches[0].outcome;
    assert_eq!(failed.state(), state, "{failed:?}");
    assert!(failed.reason().unwrap().contains(reason), "{failed:?}");
    assert_eq!(case(&results, "good::adds").launches[0].outcome, Outcome::Measured);
    assert!(stdout(&output).contains(&format!("{state}: {fault}")), "{}", stdout(&output));
}

#[test]
fn a_panic_is_told_with_its_place_and_text() {
    fails_with("panics", "failed", "numbers differ");
    fails_with("panics", "failed", "faults.rs:");
}

#[test]
fn a_panic_on_a_team_thread_is_told() {
    fails_with("panics_on_thread", "failed", "worker 1 gives up");
}

#[test]
fn an_abort_is_told_with_the_last_words() {
    fails_with("aborts", "failed", "killed by signal 6 (SIGABRT): last words");
}

#[test]
fn an_exit_is_told_with_its_code() {
    fails_with("exits", "failed", "exited with code 3 before it gave a result");
    fails_with("exits_quietly", "failed", "exited with code 0 before it gave a result");
}

#[test]
fn an_endless_loop_is_killed_at_its_limit() {
    fails_with("never_ends", "timed-out", "killed after its limit of 1 s");
}

#[test]
fn what_a_killed_case_started_is_killed_too() {
    fails_with("never_ends_with_child", "timed-out", "killed after its limit of 1 s");
}

#[test]
fn a_segmentation_fault_is_told() {
    fails_with("segfaults", "failed", "killed by signal 11 (SIGSEGV)");
}

#[test]
fn a_stack_overflow_is_told() {
    fails_with("overflows_stack", "failed", "stack overflow");
}

#[test]
fn an_allocation_failure_is_told() {
    fails_with(
        "allocates_too_much",
        "failed",
        "memory allocation of 1152921504606846976 bytes failed",
    );
}

#[test]
fn a_wrong_answer_is_a_failure_and_not_a_fast_result() {
    fails_with("wrong_answer", "failed", "check failed: 1 + 1 is 2, expected 3");
}

#[test]
fn an_error_is_told() {
    fails_with("error", "failed", "No such file or directory");
}

#[test]
fn values_that_are_no_numbers_are_failures() {
    fails_with("not_a_number", "failed", "metric time is NaN, not a number");
}

#[test]
fn times_under_the_resolution_are_failures_and_never_zeros() {
    fails_with("too_short", "failed", "under the clock's resolution of 1.0 ns");
}

#[test]
fn without_isolation_a_panic_is_still_a_row() {
    let out = tempdir().unwrap();
    let mut command = tiny_run(out.path(), &["faults::panics", "good::adds"]);
    let output = command.arg("--isolate=no").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let results = results(out.path());
    assert!(case(&results, "faults::panics").launches[0].outcome.is_failure());
    assert_eq!(case(&results, "good::adds").launches[0].outcome, Outcome::Measured);
}

/// Runs a simulated GPU in trouble beside a good case, which is measured all the same.
fn gpu_ends_with(trouble: &str, state: &str, reason: &str, code: i32) {
    let out = tempdir().unwrap();
    let mut run = tiny_run(out.path(), &["faults::gpu", "good::adds"]);
    let output = run.args(["--axis", &format!("trouble={trouble}")]).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
    let results = results(out.path());
    let failed = &case(&results, &format!("faults::gpu/trouble={trouble}")).launches[0].outcome;
    assert_eq!(failed.state(), state, "{failed:?}");
    assert!(failed.reason().unwrap().contains(reason), "{failed:?}");
    assert_eq!(case(&results, "good::adds").launches[0].outcome, Outcome::Measured);
}

#[test]
fn a_gpu_that_hangs_is_killed_and_the_run_lives() {
    gpu_ends_with("hangs", "timed-out", "killed after its limit of 1 s", 1);
}

#[test]
fn a_lost_gpu_and_a_wrong_product_fail_their_case() {
    gpu_ends_with("lost", "failed", "the GPU fell off the bus", 1);
    gpu_ends_with("wrong", "failed", "of the fp32 product is", 1);
}

#[test]
fn what_a_gpu_lacks_is_a_skip() {
    gpu_ends_with("full", "skipped", "needs 9 MiB, 1 MiB free", 0);
    gpu_ends_with("olddriver", "skipped", "the driver knows CUDA 11.4", 0);
}
