//! The built-in benchmarks where little is allowed: one CPU, little memory, no root, no network,
//! no `/sys`. Each runs, or says why it does not.

use std::process::{Command, Output};
use tempfile::tempdir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_vbench");

/// The program started by `wrapper`, without any `VBENCH_*` of the environment.
fn within(wrapper: &[&str], arguments: &[&str]) -> Output {
    let mut command = Command::new(wrapper[0]);
    command.args(&wrapper[1..]).arg(PROGRAM).args(arguments);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("VBENCH_")) {
        command.env_remove(name);
    }
    command.output().unwrap_or_else(|error| panic!("{wrapper:?}: {error}"))
}

/// False, said aloud, where the machine does not allow the wrapper itself; with
/// `VBENCH_REQUIRE_NAMESPACES` set that is a failure.
fn allowed(wrapper: &[&str]) -> bool {
    let tried = Command::new(wrapper[0]).args(&wrapper[1..]).arg("true").output();
    let allowed = tried.is_ok_and(|output| output.status.success());
    if !allowed {
        assert!(std::env::var_os("VBENCH_REQUIRE_NAMESPACES").is_none(), "{wrapper:?}");
        eprintln!("skipped: {wrapper:?} is not allowed here");
    }
    allowed
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Every case works once, or is skipped with a reason.
fn every_case_works(wrapper: &[&str]) {
    if !allowed(wrapper) {
        return;
    }
    let output = within(wrapper, &["run", "--test"]);
    let said = text(&output.stdout);
    assert!(output.status.success(), "{wrapper:?}: {said}{}", text(&output.stderr));
    assert!(said.contains("test result: ok.") && !said.contains(" 0 passed"), "{said}");
    let info = within(wrapper, &["info"]);
    assert!(info.status.success(), "{}", text(&info.stderr));
}

#[test]
fn on_one_cpu() {
    every_case_works(&["taskset", "--cpu-list", "0"]);
}

#[test]
fn in_256_mib() {
    every_case_works(&["prlimit", "--as=268435456"]);
}

#[test]
fn without_root() {
    every_case_works(&["unshare", "--user"]);
}

#[test]
fn without_a_network() {
    every_case_works(&["unshare", "--map-root-user", "--net"]);
}

#[test]
fn without_sys() {
    let hide = "mount -t tmpfs none /sys && exec \"$@\"";
    every_case_works(&["unshare", "--map-root-user", "--mount", "sh", "-c", hide, "sh"]);
}

#[test]
fn little_memory_shrinks_sizes_and_says_so() {
    let wrapper = ["prlimit", "--as=268435456"];
    if !allowed(&wrapper) {
        return;
    }
    let out = tempdir().unwrap();
    let folder = out.path().to_str().unwrap();
    let run = |arguments: &[&str]| {
        let common = ["--samples", "2", "--time", "1ms", "--launches", "1", "--out", folder];
        let output = within(&wrapper, &[&["run"], arguments, &common].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        // A sentence goes on in the next line where it is long.
        text(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let chase = run(&["pointer_chase", "--axis", "size=4K,512M", "--axis", "order=random"]);
    assert!(chase.contains("skipped: latency::pointer_chase"), "{chase}");
    assert!(chase.contains("needs 512 MiB of memory"), "{chase}");
    assert!(chase.contains("MiB available (address-space limit)"), "{chase}");
    let stream = run(&["memory::stream", "--axis", "stores=cached"]);
    assert!(stream.contains("size_rule: "), "{stream}");
    assert!(stream.contains("GB/s") && !stream.contains("skipped: memory::stream"), "{stream}");
}
