//! A simulated machine under the real plan, runner, store and command: what is planted is found,
//! and nothing else.

#[path = "measured/machine.rs"]
mod machine;

use machine::{Nodes, Shape, Simulated};
use std::convert::Infallible;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::time::Instant;
use vbench::cli::{Console, run_cli};
use vbench::host::Host;
use vbench::machine::Machine;
use vbench::measured::{Aspect, aspects};
use vbench::plan::{Plan, Selection};
use vbench::profile::Profile;
use vbench::results::{CaseResult, Environment, ResultSet, Run};
use vbench::runner::Runner;
use vbench_suites as _;

/// As many machines of each shape; at most one may be judged wrongly.
const SEEDS: u64 = 100;
const WRONG: usize = 1;

/// Two sockets of two caches with four cores of two threads: 32 CPUs that claim to be alike.
fn planted() -> Shape {
    Shape {
        cpus: 32,
        threads_per_core: 2,
        cpus_per_cache: 8,
        cpus_per_socket: 16,
        host_nodes: 2,
        claimed_cores: (0..32).map(|cpu| NAMES[cpu]).collect(),
        claimed_caches: vec!["0-31"],
        nodes: Nodes::Crossed,
    }
}

/// Sixteen cores behind one cache and one node, as claimed.
fn flat() -> Shape {
    Shape {
        cpus: 16,
        threads_per_core: 1,
        cpus_per_cache: 16,
        cpus_per_socket: 16,
        host_nodes: 1,
        claimed_cores: NAMES[..16].to_vec(),
        claimed_caches: vec!["0-15"],
        nodes: Nodes::Two,
    }
}

/// A small guest over two caches, without threads.
fn small() -> Shape {
    Shape {
        cpus: 6,
        cpus_per_cache: 3,
        cpus_per_socket: 6,
        host_nodes: 4,
        claimed_cores: NAMES[..6].to_vec(),
        claimed_caches: vec!["0-2", "3-5"],
        nodes: Nodes::One,
        ..flat()
    }
}

const NAMES: [&str; 32] = [
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16",
    "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31",
];

/// A run of the placement benchmarks by the real runner, five launches each.
fn measure(shape: Shape, seed: u64) -> ResultSet {
    let plan = PLAN.get_or_init(plan);
    let executor = Simulated::new(shape, seed);
    let stop = AtomicBool::new(false);
    let runner = Runner {
        plan,
        executor: &executor,
        stop: &stop,
        until: None,
        boot_id: None,
        began: Instant::now(),
        offset_s: 0.0,
        overdue: None,
    };
    let mut cases: Vec<CaseResult> = plan.cases.iter().map(vbench::plan::Case::result).collect();
    let Ok(_) = runner.run(&mut cases, &mut |_, _| Ok::<(), Infallible>(()), &mut |_| ());
    let run = Run {
        id: "20260102T030405Z-beef".into(),
        system: "simulated".into(),
        config: "default".into(),
        ..Run::default()
    };
    ResultSet { cases, ..ResultSet::new(run, Environment::default()) }
}

static PLAN: OnceLock<Plan> = OnceLock::new();

/// The placement benchmarks of the standard profile, planned for this machine.
fn plan() -> Plan {
    let benchmarks = vbench::benchmark::benchmarks().unwrap();
    let placement = [
        "placement::core_to_core",
        "placement::interference",
        "placement::region_map",
        "latency::pointer_chase_nodes",
    ];
    let axes = [
        ("transfer", "store"),
        ("kernel", "alu"),
        ("node", "0"),
        ("cpu_node", "0,1"),
        ("memory_node", "0,1"),
    ];
    let values = |values: &str| values.split(',').map(String::from).collect();
    let selection = Selection {
        axes: axes.map(|(axis, text)| (axis.to_owned(), values(text))).into(),
        filters: placement.map(String::from).to_vec(),
        exact: true,
        profile: Profile::Standard,
        launches: Some(5),
        shuffle: true,
        ..Selection::default()
    };
    let machine = Machine::new(Host::live(), Profile::Standard);
    let mut plan = Plan::new(&benchmarks, &selection, &machine).unwrap();
    // What this machine lacks, the simulated one has.
    plan.cases.iter_mut().for_each(|case| case.skip = None);
    plan
}

/// Cores, caches, memory and nodes of a run, of which every twentieth went through its file format.
fn judged(shape: Shape, seed: u64) -> [String; 4] {
    let mut results = measure(shape, seed);
    if seed.is_multiple_of(20) {
        results = ResultSet::from_json(&results.to_json(), Path::new("result.json")).unwrap();
    }
    let found = aspects(&results);
    let named = |name: &str| -> String {
        let aspect: &Aspect = found.iter().find(|aspect| aspect.name == name).unwrap();
        match &aspect.measured {
            Ok(value) => value.to_string(),
            Err(why) => why.clone(),
        }
    };
    let distances = found.iter().find(|aspect| aspect.name == "distances").unwrap();
    let nodes = match (distances.measured.as_ref(), distances.disagreement.as_deref()) {
        (Err(why), _) => why,
        (Ok(_), None) => "as claimed",
        (_, Some(text)) if text.contains("not two nodes") => "not two nodes",
        (_, Some(text)) if text.contains("claimed nearer") => "crossed",
        (_, Some(text)) => text,
    };
    let [cores, caches, memory] = ["cores", "caches", "hidden_nodes"].map(named);
    [cores, caches, memory, nodes.to_owned()]
}

/// How many machines of a shape were judged otherwise than expected, per aspect, with the answers.
fn wrong(shape: fn() -> Shape, expected: [&str; 4]) -> [Vec<String>; 4] {
    let mut wrong: [Vec<String>; 4] = Default::default();
    for seed in 0..SEEDS {
        for ((found, expected), wrong) in
            judged(shape(), seed).into_iter().zip(expected).zip(&mut wrong)
        {
            if found != expected {
                wrong.push(format!("seed {seed}: {found}"));
            }
        }
    }
    wrong
}

#[test]
fn planted_cores_caches_and_hidden_nodes_are_found() {
    let cores =
        "0-1 2-3 4-5 6-7 8-9 10-11 12-13 14-15 16-17 18-19 20-21 22-23 24-25 26-27 28-29 30-31";
    let wrong = wrong(planted, [cores, "0-7 8-15 16-23 24-31", "node 0: 2 distances", "crossed"]);
    assert!(wrong.iter().all(|wrong| wrong.len() <= WRONG), "{wrong:#?}");
}

#[test]
fn nothing_is_invented_on_a_flat_machine() {
    let wrong = wrong(flat, ["", "0-15", "node 0: one distance", "as claimed"]);
    assert!(wrong.iter().all(|wrong| wrong.len() <= WRONG), "{wrong:#?}");
}

#[test]
fn a_small_guest_over_two_caches_and_four_host_nodes_is_seen_through() {
    let wrong = wrong(small, ["", "0-2 3-5", "node 0: 4 distances", "not two nodes"]);
    assert!(wrong.iter().all(|wrong| wrong.len() <= WRONG), "{wrong:#?}");
}

/// `info --measured` of a run stored under `out`.
fn info(out: &Path, arguments: &[&str]) -> (u8, String) {
    let (mut printed, mut err) = (Vec::new(), Vec::new());
    let mut console = Console::plain(&mut printed, &mut err, 90);
    let given = ["info", "--out", out.to_str().unwrap(), "--measured"];
    let arguments: Vec<String> =
        given.iter().chain(arguments).map(|argument| (*argument).to_owned()).collect();
    let code = run_cli(&arguments, &mut console);
    (code, String::from_utf8(if code == 0 { printed } else { err }).unwrap())
}

#[test]
fn the_command_shows_what_differs_from_the_claim() {
    let out = tempfile::tempdir().unwrap();
    let results = measure(planted(), 1);
    let run = &results.run;
    let folder = vbench::store::create(out.path(), &run.system, &run.config, &run.id).unwrap();
    vbench::store::finish(&folder, &results).unwrap();

    let (code, text) = info(out.path(), &["simulated/default"]);
    assert_eq!(code, 0, "{text}");
    insta::assert_snapshot!(text);
    let (_, json) = info(out.path(), &["simulated/default", "--json"]);
    let facts: Environment = serde_json::from_str(&json).unwrap();
    let said = facts.value("measured.caches.disagreement").map(ToString::to_string);
    assert_eq!(said.as_deref(), Some("claimed 0-31, measured 0-7 8-15 16-23 24-31"));

    let (code, error) = info(out.path(), &[]);
    assert_eq!(code, 2);
    assert!(error.contains("measure it: vbench run placement"), "{error}");
}
