//! Which configuration a report names for which workload.

use super::stored::Stored;
use super::{page, stored, words};
use vbench::results::{Better, Role, Unit};

/// A run of `config` with the triad bandwidth of memory, in launches that lie this far apart.
fn triad(config: &str, minute: u32, value: f64, spread: f64) -> Stored {
    let metric = ("triad", Unit::decimal("B/s"), Better::Higher, Role::Gated, value, spread);
    Stored::new(config, minute).case("memory::stream", "memory", 5, metric)
}

fn assert_says(runs: &[Stored], sentence: &str) {
    let text = words(&page(stored(runs).path(), &[]));
    assert!(text.contains(sentence), "{sentence:?} is not in:\n{text}");
}

#[test]
fn a_base_that_is_as_good_is_kept() {
    let runs = [
        triad("default", 0, 50e9, 0.001),
        triad("numa", 20, 20e9, 0.001),
        triad("pin", 40, 50.2e9, 0.001),
    ];
    assert_says(
        &runs,
        "Memory-bound CPU work data loading, ETL, CPU inference default STREAM triad: 2.50\u{d7} \
         higher than numa",
    );
}

#[test]
fn a_base_that_no_other_beats_is_kept_and_who_looks_better_is_said() {
    // The base is too scattered to be told from either.
    let runs = [
        triad("default", 0, 35e9, 0.8),
        triad("numa", 20, 20e9, 0.001),
        triad("pin", 40, 50e9, 0.001),
    ];
    assert_says(&runs, "None is shown to differ from default; what differs among the others is in");
    assert_says(
        &runs,
        "CPU inference default STREAM triad: no other is really better; pin looks 43% higher, \
         which is unclear default 35.0",
    );
}

#[test]
fn a_base_that_loses_more_elsewhere_gives_way_to_who_is_better_than_another() {
    let latency = |run: Stored, value: f64| {
        let metric = ("time", Unit::decimal("s"), Better::Lower, Role::Gated, value, 0.001);
        run.case("latency::chase/size=512M", "latency", 5, metric)
    };
    let runs = [
        latency(triad("default", 0, 35e9, 0.8), 140e-9),
        latency(triad("numa", 20, 20e9, 0.001), 140e-9),
        latency(triad("pin", 40, 50e9, 0.001), 100e-9),
    ];
    assert_says(&runs, "CPU inference pin STREAM triad: 2.50\u{d7} higher than numa");
}

#[test]
fn sums_between_gpus_and_between_cpus_are_two_workloads() {
    let busbw =
        |value: f64| ("busbw", Unit::decimal("B/s"), Better::Higher, Role::Gated, value, 0.001);
    let run =
        |config: &str, minute, gpu: f64, cpu: f64| {
            Stored::new(config, minute)
                .case("gpu::all_reduce/size=1GiB", "gpu", 4, busbw(gpu))
                .case("collective::all_reduce/size=64MiB", "collective", 4, busbw(cpu))
        };
    let out = stored(&[run("default", 0, 25e9, 5e9), run("other", 30, 10e9, 9e9)]);
    let text = words(&page(out.path(), &[]));
    for sentence in [
        "Multi-GPU training large all-reduce default All-reduce bus bandwidth: 2.50\u{d7} higher than other",
        "Processes that exchange data MPI, reductions in host memory other All-reduce bus bandwidth: 80% higher than default",
    ] {
        assert!(text.contains(sentence), "{sentence:?} is not in:\n{text}");
    }
}
