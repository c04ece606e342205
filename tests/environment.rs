//! Stored machines: what is found on them, how it is shown, and that captures replay exactly.

#[path = "hosts/generator.rs"]
mod generator;

use std::fs;
use std::path::{Path, PathBuf};
use vbench::environment::{NO_NODE, capture, capture_of, capture_redacted_of, probe, system_name};
use vbench::host::Host;
use vbench::report::info;
use vbench::results::{Environment, Reading, Value};
use vbench::topology::{Available, Limit, Topology};

const HOSTS: [&str; 8] = [
    "cgroup-limited",
    "flat-seven-gpus",
    "four-node-smt",
    "garbage",
    "hidden-sys",
    "one-cpu",
    "one-node-guest",
    "two-node-mi300x",
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts").join(name)
}

fn host(name: &str) -> Host {
    Host::tree(&folder(name)).expect("a fixture")
}

fn found(name: &str) -> (Environment, Topology) {
    (probe(&host(name)), Topology::read(&host(name)))
}

fn value(environment: &Environment, name: &str) -> String {
    match &environment.facts.get(name).expect("a fact").reading {
        Reading::Value(value) => value.to_string(),
        Reading::Unknown(reason) => format!("unknown: {reason}"),
    }
}

/// One fact a line, with `*` for stable and `!` for identifying ones.
fn facts(environment: &Environment) -> String {
    let lines = environment.facts.iter().map(|(name, fact)| {
        let stable = if fact.stable { "*" } else { "" };
        let identifying = if fact.identifying { "!" } else { "" };
        let reading = match &fact.reading {
            Reading::Value(Value::Text(text)) => format!("{text:?}"),
            Reading::Value(value) => value.to_string(),
            Reading::Unknown(reason) => format!("unknown: {reason:?}"),
        };
        format!("{name}{stable}{identifying} = {reading}\n")
    });
    lines.collect()
}

#[test]
fn the_fixtures_are_what_the_generator_writes() {
    for (name, machine) in generator::machines() {
        let path = folder(name).join("capture.json");
        if std::env::var_os("VBENCH_BLESS").is_some() {
            fs::create_dir_all(folder(name)).expect("a folder");
            fs::write(&path, machine.manifest()).expect("a fixture");
        }
        let stored = fs::read_to_string(&path).expect("a fixture");
        assert!(stored == machine.manifest(), "{name}: run again with VBENCH_BLESS=1");
    }
}

#[test]
fn every_host_is_shown_on_one_page() {
    for name in HOSTS {
        let (environment, topology) = found(name);
        let text = info::render(&environment, &topology, 80);
        insta::assert_snapshot!(format!("info_{name}"), text);
    }
}

#[test]
fn every_fact_of_every_host_is_as_before() {
    for name in HOSTS {
        insta::assert_snapshot!(format!("facts_{name}"), facts(&found(name).0));
    }
}

#[test]
fn pages_fit_narrow_and_wide_screens() {
    for name in HOSTS {
        let (environment, topology) = found(name);
        for width in [0, 40, 79, 200] {
            let text = info::render(&environment, &topology, width);
            let wide = |line: &&str| unicode_width::UnicodeWidthStr::width(*line) > width.max(40);
            assert_eq!(text.lines().find(wide), None, "{name} at {width}");
            assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{name}");
        }
    }
}

/// What a capture found, what its replay finds, and what a capture of the replay finds.
fn replays(host: Host) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let summary = capture_of(host, dir.path()).expect("a capture");
    let replay = Host::tree(dir.path()).expect("a capture");
    assert_eq!(probe(&replay), summary.environment);
    assert_eq!(Topology::read(&replay), summary.topology);
    let again = tempfile::tempdir().expect("a temporary folder");
    let second = capture_of(replay, again.path()).expect("a capture of a capture");
    assert_eq!(second, summary);
}

#[test]
fn a_capture_of_this_machine_replays_exactly() {
    replays(Host::live());
    let dir = tempfile::tempdir().expect("a temporary folder");
    let summary = capture(&dir.path().join("new/folder")).expect("a capture");
    assert!(summary.recorded.files > 10, "{:?}", summary.recorded);
    assert!(capture(dir.path()).is_err(), "a folder with something in it");
}

#[test]
fn captures_of_stored_machines_replay_exactly() {
    for name in HOSTS {
        replays(host(name));
    }
}

#[test]
fn a_redacted_capture_holds_no_names_and_replays_exactly() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let summary = capture_redacted_of(host("four-node-smt"), dir.path()).expect("a capture");
    let replay = Host::tree(dir.path()).expect("a capture");
    assert_eq!(probe(&replay), summary.environment);
    assert_eq!(Topology::read(&replay), summary.topology);
    assert_eq!(value(&summary.environment, "kernel.hostname"), "unknown: redacted");
    assert_eq!(value(&summary.environment, "gpu.0.model"), "NVIDIA H200");
    assert_eq!(value(&summary.environment, "numa.nodes"), "4");
    let found = std::process::Command::new("grep")
        .args(["-rqE", "5a1c7c5e|GPU-0000|/dev/vda1|session-1"])
        .arg(dir.path())
        .status();
    assert_eq!(found.expect("grep").code(), Some(1), "a name is left");
}

#[test]
fn nodes_distances_and_threads_are_read() {
    let (environment, topology) = found("four-node-smt");
    assert_eq!(topology.node_of(6), Some(1));
    assert_eq!(topology.smt_siblings(6), [6, 7]);
    assert_eq!(topology.cpu(6).map(|cpu| (cpu.package, cpu.die)), Some((Some(0), Some(1))));
    assert_eq!(topology.llc_total_bytes(), Some(64 << 20));
    assert_eq!(
        value(&environment, "numa.distances"),
        "10 12 21 21 12 10 21 21 21 21 10 12 21 21 12 10"
    );
    assert_eq!(value(&environment, "numa.node.3.huge_pages.1GiB.free"), "1");
    assert_eq!(value(&environment, "cpu.cores_per_socket"), "4");
    assert_eq!(value(&environment, "cpu.frequency_max"), "3800000000");
}

#[test]
fn gpus_are_placed_and_their_links_judged_along_the_path() {
    let (environment, topology) = found("four-node-smt");
    assert_eq!(value(&environment, "gpu.0.node"), "1");
    assert_eq!(
        value(&environment, "gpu.0.path_to_root"),
        "0000:42:00.0 0000:41:00.0 0000:40:01.0 pci0000:40"
    );
    assert_eq!(value(&environment, "gpu.0.link_speed"), "16000000000");
    assert_eq!(value(&environment, "gpu.0.upstream.2.link_width_max"), "16");
    assert_eq!(value(&environment, "gpu.0.driver_version"), "570.86.15");
    let text = info::render(&environment, &topology, 200);
    assert_eq!(text.matches("FEWER LANES").count(), 1, "{text}");
}

#[test]
fn a_device_without_a_node_is_not_on_node_zero() {
    let (environment, _) = found("flat-seven-gpus");
    assert_eq!(value(&environment, "gpu.6.node"), format!("unknown: {NO_NODE}"));
    assert_eq!(
        value(&environment, "gpu.0.upstream.0.link_speed_max"),
        "unknown: the port tells no link speed"
    );
    assert_eq!(value(&environment, "memory.balloon"), "yes");
}

#[test]
fn the_limit_that_binds_is_named() {
    let (environment, topology) = found("cgroup-limited");
    let available = Available { bytes: (1 << 30) + (512 << 20), limit: Limit::Cgroup };
    assert_eq!(topology.memory_available(), Some(available));
    assert_eq!(value(&environment, "memory.limit"), "control group");
    assert_eq!(value(&environment, "cgroup.cpu_max"), "2.5");
    assert_eq!(value(&environment, "cgroup.memory_max"), "2147483648");
    assert_eq!(value(&environment, "virt.container"), "kubepods");
}

#[test]
fn a_hidden_sys_leaves_what_proc_tells() {
    let (environment, topology) = found("hidden-sys");
    assert_eq!(value(&environment, "cpu.count.online"), "4");
    assert_eq!(value(&environment, "cpu.threads_per_core"), "2");
    let hidden = "/sys is hidden here, so there may be some";
    assert_eq!(value(&environment, "gpu.count"), format!("unknown: {hidden}"));
    assert_eq!(value(&environment, "memory.balloon"), "unknown: no such file");
    assert_eq!(value(&environment, "virt.boot"), "unknown: no such file");
    let page = info::render(&environment, &topology, 80);
    assert!(page.contains(&format!("GPUs: unknown ({hidden})")), "{page}");
    assert!(page.contains("\n  /sys is hidden: 33 facts"), "{page}");
    let line = info::line(&environment, &topology);
    assert_eq!(line, "4 CPUs, 8 GiB, GPUs unknown");
}

#[test]
fn systems_have_names() {
    let names = HOSTS.map(|name| system_name(&found(name).0));
    assert_eq!(
        names,
        [
            "intel-xeon-gold-6430",
            "7x-nvidia-h200",
            "2x-nvidia-h200",
            "unknown-system",
            "amd-epyc-9654",
            "amd-epyc-7763",
            "intel-xeon-2.80ghz",
            "4x-amd-instinct-mi300x",
        ]
    );
}

#[test]
fn redaction_leaves_no_names_behind() {
    let (mut environment, _) = found("four-node-smt");
    environment.redact();
    let json = serde_json::to_string(&environment).expect("facts serialise");
    for secret in ["fixture", "5a1c7c5e", "GPU-0000", "/dev/vda1"] {
        assert!(!json.contains(secret), "{secret}");
    }
}

#[test]
fn the_fingerprint_outlives_a_reboot_and_sees_a_new_layout() {
    let (environment, _) = found("four-node-smt");
    let mut rebooted = environment.clone();
    for name in ["kernel.boot_id", "kernel.release", "memory.available", "steal.ticks"] {
        let fact = rebooted.facts.get_mut(name).expect("a fact");
        fact.reading = Reading::Value(Value::from("something else"));
    }
    assert_eq!(rebooted.fingerprint(), environment.fingerprint());
    rebooted.facts.get_mut("numa.nodes").expect("a fact").reading =
        Reading::Value(Value::from(2_u32));
    assert_ne!(rebooted.fingerprint(), environment.fingerprint());
}
