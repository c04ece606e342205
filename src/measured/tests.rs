//! Tests of the aspects on invented result sets.

use super::{BLOCKS, CLAIMED, CLAIMED_DISTANCE, PAIRS, Pairs, aspects, facts, newest};
use vbench_results::{
    Better, CaseResult, Environment, Estimator, Evidence, Launch, Metric, Outcome, Reading, Repeat,
    ResultSet, Role, Run, Unit, Value,
};

fn case(id: &str, latency: f64, facts: &[(&str, Value)]) -> CaseResult {
    let metric = Metric {
        name: "latency".into(),
        unit: Unit::decimal("s"),
        better: Better::Lower,
        role: Role::Gated,
        resolution: None,
        exact: false,
    };
    let repeat = Repeat {
        repeat: 1,
        at_s: 0.0,
        elapsed_s: 1.0,
        iterations: 1,
        values: [("latency".to_owned(), latency)].into_iter().collect(),
        evidence: Evidence::default(),
    };
    let launch = Launch {
        launch: 1,
        boot_id: None,
        position: 1,
        at_s: 0.0,
        elapsed_s: 1.0,
        outcome: Outcome::Measured,
        facts: facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        repeats: vec![repeat],
    };
    CaseResult {
        case: id.parse().unwrap(),
        kind: "placement".into(),
        version: "1".into(),
        estimator: Estimator::Center,
        metrics: vec![metric],
        launches: vec![launch],
    }
}

fn results(cases: Vec<CaseResult>) -> ResultSet {
    ResultSet { cases, ..ResultSet::new(Run::default(), Environment::default()) }
}

/// Every pair of `cpus` CPUs by a model.
fn table(cpus: usize, value: impl Fn(usize, usize) -> f64) -> (&'static str, Value) {
    let mut pairs = Pairs::default();
    for b in 1..cpus {
        for a in 0..b {
            pairs.insert(a, b, value(a, b), value(a, b));
        }
    }
    (PAIRS, pairs.to_value())
}

fn claim(groups: &[&str]) -> (&'static str, Value) {
    (CLAIMED, groups.to_vec().into())
}

fn latency(a: usize, b: usize) -> f64 {
    if a / 2 == b / 2 {
        9e-9
    } else if a / 4 == b / 4 {
        40e-9
    } else {
        120e-9
    }
}

fn kept(a: usize, b: usize) -> f64 {
    if a / 2 == b / 2 { 0.55 } else { 0.97 }
}

#[test]
fn a_claim_that_holds_agrees() {
    let found = aspects(&results(vec![
        case(
            "placement::core_to_core/transfer=store",
            1.0,
            &[table(8, latency), claim(&["0-3", "4-7"])],
        ),
        case(
            "placement::interference/kernel=alu",
            1.0,
            &[table(8, kept), claim(&["0-1", "2-3", "4-5", "6-7"])],
        ),
    ]));
    let [cores, caches, ..] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(cores.measured, Ok(vec!["0-1", "2-3", "4-5", "6-7"].into()));
    assert_eq!(caches.measured, Ok(vec!["0-3", "4-7"].into()));
    assert!(found.iter().all(|aspect| aspect.disagreement.is_none()), "{found:?}");
}

#[test]
fn hidden_siblings_and_a_cache_that_is_two_are_told() {
    let found = aspects(&results(vec![
        case("placement::core_to_core/transfer=store", 1.0, &[table(8, latency), claim(&["0-7"])]),
        case(
            "placement::interference/kernel=alu",
            1.0,
            &[table(8, kept), claim(&["0", "1", "2", "3", "4", "5", "6", "7"])],
        ),
    ]));
    let said: Vec<&str> = found.iter().filter_map(|a| a.disagreement.as_deref()).collect();
    assert_eq!(
        said,
        [
            "claimed no CPUs that share a core; of 8 CPUs measured, 0-1 2-3 4-5 6-7 slow each other as threads of one core do",
            "claimed 0-7, measured 0-3 4-7",
        ]
    );
    let facts = facts(&found);
    assert!(facts.contains_key("measured.cores.disagreement"));
    assert!(
        matches!(&facts["measured.distances"].reading, Reading::Unknown(why) if why.contains("not measured"))
    );
}

#[test]
fn two_cores_and_one_thread_per_cache_decide_nothing() {
    let two = aspects(&results(vec![case(
        "placement::core_to_core/transfer=store",
        1.0,
        &[table(2, |_, _| 60e-9), claim(&["0", "1"])],
    )]));
    assert!(two[1].measured.as_ref().unwrap_err().contains("2 cores"), "{two:?}");
    let far = aspects(&results(vec![case(
        "placement::core_to_core/transfer=store",
        1.0,
        &[table(4, |_, _| 120e-9), claim(&["0", "1", "2", "3"])],
    )]));
    assert_eq!(
        (far[1].measured.clone(), far[1].disagreement.clone()),
        (Ok(vec!["0-3"].into()), None)
    );
    let pairs = aspects(&results(vec![case(
        "placement::core_to_core/transfer=store",
        1.0,
        &[table(4, |a, b| if a / 2 == b / 2 { 20e-9 } else { 60e-9 })],
    )]));
    assert!(
        pairs[1].measured.as_ref().unwrap_err().contains("placement::interference"),
        "{pairs:?}"
    );
}

fn chase(cpu: usize, memory: usize, latency: f64) -> CaseResult {
    let distance = if cpu == memory { 10_i64 } else { 20 };
    let id = format!("latency::pointer_chase_nodes/cpu_node={cpu},memory_node={memory}");
    case(&id, latency, &[(CLAIMED_DISTANCE, distance.into())])
}

#[test]
fn distances_are_ratios_to_a_nodes_own_memory() {
    let table = |remote: f64| {
        let cells = [(0, 0), (0, 1), (1, 0), (1, 1)];
        let cell = |(cpu, memory)| chase(cpu, memory, if cpu == memory { 90e-9 } else { remote });
        aspects(&results(cells.map(cell).to_vec())).swap_remove(2)
    };
    let real = table(153e-9);
    assert_eq!(real.measured, Ok(vec!["from 0 to 0:10 1:17", "from 1 to 0:17 1:10"].into()));
    assert_eq!(real.claimed, Some(vec!["from 0 to 0:10 1:20", "from 1 to 0:20 1:10"].into()));
    assert_eq!(real.disagreement, None);
    assert!(table(92e-9).disagreement.unwrap().contains("1.02 times"));
    assert!(table(60e-9).disagreement.unwrap().contains("claimed nearer"));
}

#[test]
fn bandwidths_are_shares_of_a_nodes_own_memory() {
    let read = |cpu: usize, memory: usize, bytes_per_second: f64| {
        let mut case = chase(cpu, memory, bytes_per_second);
        let id = format!("memory::read_nodes/cpu_node={cpu},memory_node={memory}");
        case.case = id.parse().unwrap();
        case.metrics[0].name = "read".into();
        let values = [("read".to_owned(), bytes_per_second)];
        case.launches[0].repeats[0].values = values.into_iter().collect();
        case
    };
    let table = |remote: f64| {
        let cells = [(0, 0), (0, 1), (1, 0), (1, 1)];
        let cell = |(cpu, memory)| read(cpu, memory, if cpu == memory { 40e9 } else { remote });
        aspects(&results(cells.map(cell).to_vec())).swap_remove(3)
    };
    let real = table(18e9);
    assert_eq!(
        real.measured,
        Ok(vec!["from 0 to 0:1.00 1:0.45", "from 1 to 0:0.45 1:1.00"].into())
    );
    assert_eq!((real.name, &real.disagreement), ("bandwidths", &None));
    // One core may read no faster from its own memory than over the link.
    assert_eq!(table(40e9).disagreement, None);
    assert!(table(60e9).disagreement.unwrap().contains("claimed nearer"));
}

#[test]
fn filling_the_memory_channels_says_nothing_about_cores() {
    let all_slowed = |id: &str| case(id, 1.0, &[table(2, |_, _| 0.55), claim(&["0", "1"])]);
    let found = aspects(&results(vec![all_slowed("placement::interference/kernel=memory")]));
    assert!(found[0].measured.as_ref().unwrap_err().contains("not measured"), "{found:?}");
    let found = aspects(&results(vec![
        all_slowed("placement::interference/kernel=memory"),
        all_slowed("placement::interference/kernel=loads"),
    ]));
    assert_eq!(found[0].source, "placement::interference/kernel=loads");
}

#[test]
fn what_was_skipped_says_why_and_what_was_not_run_says_how() {
    let mut skipped = case("latency::pointer_chase_nodes/cpu_node=0,memory_node=0", 1.0, &[]);
    skipped.launches[0].outcome =
        Outcome::Skipped { reason: "needs 2 memory nodes, 1 here".into() };
    skipped.launches[0].repeats.clear();
    let found = aspects(&results(vec![skipped]));
    let why = |place: usize| found[place].measured.clone().unwrap_err();
    assert_eq!(why(2), "latency::pointer_chase_nodes was skipped: needs 2 memory nodes, 1 here");
    let hint = "not measured: vbench run --exact placement::interference placement::core_to_core \
                memory::read_nodes placement::region_map";
    assert_eq!([why(0), why(4)], [hint, hint], "one command for all");
}

#[test]
fn what_the_newest_run_did_not_measure_an_older_one_tells() {
    let run = |id: &str, cases: Vec<CaseResult>| {
        let mut set = results(cases);
        (set.run.id, set.run.config) = (id.to_owned(), "default".to_owned());
        set
    };
    let transfer = |claims: &[&str]| {
        let facts = [table(8, latency), claim(claims)];
        case("placement::core_to_core/transfer=store", 1.0, &facts)
    };
    let cores = case("placement::interference/kernel=alu", 1.0, &[table(8, kept)]);
    let runs = vec![
        run("3", vec![chase(0, 0, 90e-9)]),
        run("2", vec![cores, transfer(&["0-7"])]),
        run("1", vec![transfer(&["0-3", "4-7"])]),
    ];
    let (newest_run, found) = newest(runs.into_iter()).unwrap();
    assert_eq!(newest_run.id, "3");
    assert_eq!(found[1].measured, Ok(vec!["0-3", "4-7"].into()));
    assert!(found[1].disagreement.is_some(), "the claim of run 2, not of run 1");
    assert_eq!(found[1].source, "placement::core_to_core/transfer=store in default/2");
    assert_eq!(found[2].source, "latency::pointer_chase_nodes");
    assert!(newest([run("1", Vec::new())].into_iter()).is_none());
}

#[test]
fn an_emulator_has_no_topology_to_measure() {
    let mut set = results(vec![case(
        "placement::core_to_core/transfer=store",
        1.0,
        &[table(8, latency), claim(&["0-7"])],
    )]);
    assert!(aspects(&set)[1].disagreement.is_some());
    let fact = vbench_results::Fact {
        reading: Reading::Value("qemu-tcg".into()),
        source: "CPUID".into(),
        stable: true,
        identifying: false,
    };
    set.environment.facts.insert("virt.hypervisor".into(), fact);
    let found = aspects(&set);
    assert!(found[1].measured.as_ref().unwrap_err().contains("emulated by software"), "{found:?}");
    assert_eq!((&found[1].claimed, &found[1].disagreement), (&Some(vec!["0-7"].into()), &None));
    assert!(found[2].measured.as_ref().unwrap_err().contains("not measured"), "{found:?}");
}

#[test]
fn two_modes_within_a_node_are_hidden_nodes() {
    let blocks = |far: f64| -> Vec<Vec<f64>> {
        (0..32)
            .map(|block| {
                vec![(if block % 4 == 0 { far } else { 90e-9 }) + 1e-10 * f64::from(block % 5)]
            })
            .collect()
    };
    let mapped = |far: &[f64]| {
        let mut mapped = case("placement::region_map/node=0", 1.0, &[]);
        let launch = mapped.launches.remove(0);
        let launch = |far: &f64| Launch {
            facts: [(BLOCKS.to_owned(), blocks(*far).into())].into(),
            ..launch.clone()
        };
        mapped.launches = far.iter().map(launch).collect();
        mapped
    };
    let found = |case| aspects(&results(vec![case])).swap_remove(4);
    assert_eq!(found(mapped(&[90e-9])).measured, Ok(vec!["node 0: one distance"].into()));
    let two = found(mapped(&[150e-9, 90e-9, 150e-9]));
    assert_eq!(two.measured, Ok(vec!["node 0: 2 distances"].into()));
    assert!(two.disagreement.unwrap().contains("guest does not see"));
    // A mode that does not repeat is no node, and one launch alone repeats nothing.
    assert_eq!(found(mapped(&[150e-9, 90e-9, 90e-9])).disagreement, None);
    let alone = found(mapped(&[150e-9]));
    assert!(alone.measured.unwrap_err().contains("none confirms it"));
    assert_eq!(alone.disagreement, None);
    let mut disturbed = mapped(&[150e-9, 150e-9]);
    for repeat in disturbed.launches.iter_mut().flat_map(|launch| &mut launch.repeats) {
        repeat.evidence.disturbed = Some("steal 12%".into());
    }
    assert!(found(disturbed).measured.unwrap_err().contains("every repeat of 2 launches"));
}

#[test]
fn facts_that_are_no_tables_are_as_good_as_none() {
    let broken = case("placement::core_to_core/transfer=store", 1.0, &[(PAIRS, "?".into())]);
    let found = aspects(&results(vec![broken]));
    assert!(found.iter().all(|aspect| aspect.measured.is_err()), "{found:?}");
}
