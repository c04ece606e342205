//! Every benchmark on the simulated driver: right results, wrong results, refusals.

use super::choices::{Arm, Exchange, Pair, Peers, Place, Route, Staging, Thread};
use super::copies::{Copies, measure_together};
use super::sums::settings::Setup;
use super::sums::{Reduce, sweep};
use super::{device, loader, peers, products, starts, sums};
use std::sync::Arc;
use vbench::bencher::{Return, Settings};
use vbench::gpu::stub::{Answer, Call, Stub};
use vbench::gpu::{Driver, Dtype, Fault, Gpu, Reading, gpus};
use vbench::prelude::*;

fn devices(stub: Stub) -> Vec<Gpu> {
    let driver: Arc<dyn Driver> = Arc::new(stub);
    gpus(&driver).unwrap()
}

/// Runs a benchmark's body as the runner does: its values of each metric, or why there are none.
fn run<M: Metrics>(
    body: impl FnOnce(&mut Bencher) -> Result<Samples<M>, Stop>,
) -> Result<Vec<(String, f64)>, String> {
    let profile = Profile::Smoke;
    let mut b = Bencher::new(Settings { profile, effort: profile.effort(), seed: 3 });
    let recorded = body(&mut b).finish().map_err(|stop| match stop {
        Stop::Skip(why) => format!("skip: {why}"),
        Stop::Fail(why) => format!("fail: {why}"),
    })?;
    let values = recorded.repeats.into_iter().flat_map(|repeat| repeat.values);
    match b.failure() {
        Some(why) => Err(format!("fail: {why}")),
        None => Ok(values.map(|(name, value)| (name.to_string(), value)).collect()),
    }
}

fn value(values: &[(String, f64)], name: &str) -> f64 {
    values.iter().find(|(metric, _)| metric == name).map_or(f64::NAN, |(_, value)| *value)
}

fn matmul(stub: Stub, dtype: Dtype) -> Result<Vec<(String, f64)>, String> {
    let gpus = devices(stub);
    run(|b| products::measure(b, &gpus[0], dtype, 8192))
}

#[test]
fn products_are_timed_by_the_device() {
    let values = matmul(Stub::with_devices(1), Dtype::F16).unwrap();
    // 64 rows in a smoke run: 2 x 64^3 operations at 50 TFLOP/s, and 5 us.
    let seconds = 5e-6 + 2.0 * 64_f64.powi(3) / 50e12;
    assert!((value(&values, "time") / seconds - 1.0).abs() < 1e-9, "{values:?}");
    assert!((value(&values, "flops") * seconds / 524_288.0 - 1.0).abs() < 1e-9);
    assert!(value(&values, "of_peak").is_nan(), "nobody knows the peak of a simulated device");
}

#[test]
fn a_wrong_product_is_a_failed_case() {
    let stub = Stub::with_devices(1).answering(Call::Multiply, 0, Answer::Wrong);
    let why = matmul(stub, Dtype::F32).unwrap_err();
    assert!(why.starts_with("fail: check failed: entry ("), "{why}");
}

#[test]
fn a_product_that_turns_wrong_later_is_found_too() {
    let stub = Stub::with_devices(1).answering(Call::Multiply, 1, Answer::Wrong);
    assert!(matmul(stub, Dtype::F32).unwrap_err().starts_with("fail: check failed"));
}

#[test]
fn what_a_device_cannot_is_a_skip_and_what_it_does_not_a_failure() {
    let why = matmul(Stub::with_devices(1), Dtype::F8).unwrap_err();
    assert_eq!(why, "skip: the simulated device has no fp8 units");
    let full = Fault::Memory("needs 9 MiB of GPU 0, 1 MiB free".to_owned());
    let stub = Stub::with_devices(1).answering(Call::Allocate, 1, Answer::Fault(full));
    assert_eq!(matmul(stub, Dtype::F32).unwrap_err(), "skip: needs 9 MiB of GPU 0, 1 MiB free");
    let lost = Fault::Failed("CUDA, synchronize: the device was lost".to_owned());
    let stub = Stub::with_devices(1).answering(Call::Synchronize, 2, Answer::Fault(lost));
    let why = matmul(stub, Dtype::F32).unwrap_err();
    assert_eq!(why, "fail: CUDA, synchronize: the device was lost");
}

#[test]
fn a_device_that_is_slowed_down_disturbs_the_sample() {
    let hot = Reading { slowed: vec!["hardware thermal slowdown".into()], ..Reading::default() };
    let gpus = devices(Stub::with_devices(1).reading(vec![Reading::default(), hot]));
    let profile = Profile::Smoke;
    let mut b = Bencher::new(Settings { profile, effort: profile.effort(), seed: 3 });
    let recorded = products::measure(&mut b, &gpus[0], Dtype::F32, 64).finish().unwrap();
    let disturbed = recorded.repeats[0].evidence.disturbed.clone();
    assert_eq!(disturbed.as_deref(), Some("the GPU was slowed down: hardware thermal slowdown"));
}

fn copies(stub: Stub, route: Route, memory: Staging) -> Result<Vec<(String, f64)>, String> {
    let gpus = devices(stub);
    let copies = Copies { route, memory, size: Bytes(1 << 14), policy: Policy::FirstTouch };
    run(|b| copies.measure(b, &gpus[0]))
}

#[test]
fn copies_of_every_kind_arrive_and_both_ways_count_both() {
    for memory in Staging::ALL {
        for route in Route::ALL {
            let copied = copies(Stub::with_devices(1), route, memory);
            if (memory, route) == (Staging::Pageable, Route::Both) {
                let why = copied.unwrap_err();
                assert!(why.starts_with("skip: a pageable copy holds the thread"), "{why}");
                continue;
            }
            let values = copied.unwrap();
            let ways = if route == Route::Both { 2.0 } else { 1.0 };
            let alone = value(&values, "round_trip");
            assert_eq!(alone > 0.0, route != Route::Both, "{values:?}");
            let expected = ways * 16384.0 / (5e-6 + 16384.0 / 50e9);
            let found = value(&values, "bandwidth");
            assert!((found / expected - 1.0).abs() < 1e-9, "{route} {memory}: {found} {expected}");
        }
    }
}

#[test]
fn a_copy_that_changes_a_byte_is_a_failed_case() {
    for route in Route::ALL {
        // The first copy fills the device and is right; the timed ones are wrong.
        let stub = Stub::with_devices(1).answering(Call::Copy, 1, Answer::Wrong);
        let why = copies(stub, route, Staging::Pinned).unwrap_err();
        assert_eq!(why, "fail: check failed: what arrived is not what was sent", "{route}");
    }
}

#[test]
fn memory_that_may_not_be_locked_is_a_skip() {
    let why = Fault::Memory("CUDA, pinned memory: out of memory".to_owned());
    let stub = Stub::with_devices(1).answering(Call::Pin, 0, Answer::Fault(why));
    let why = copies(stub, Route::Upload, Staging::Pinned).unwrap_err();
    assert_eq!(why, "skip: CUDA, pinned memory: out of memory");
}

#[test]
fn devices_together_move_the_bytes_of_all() {
    let gpus = devices(Stub::with_devices(4));
    let values = run(|b| measure_together(b, &gpus, Route::Upload, Bytes(1 << 14))).unwrap();
    assert!((value(&values, "bandwidth") / value(&values, "slowest") - 4.0).abs() < 1e-9);
}

#[test]
fn a_device_shows_its_own_memory() {
    let gpus = devices(Stub::with_devices(1));
    let copy = run(|b| device::measure_copy(b, &gpus[0], Bytes(1 << 14))).unwrap();
    assert!((value(&copy, "traffic") / value(&copy, "payload") - 2.0).abs() < 1e-9);
    let kernels = run(|b| device::measure_kernels(b, &gpus[0], Bytes(1 << 14))).unwrap();
    assert!(value(&kernels, "triad") > value(&kernels, "copy"), "{kernels:?}");
    let why = Fault::Absent("no libnvrtc.so here".to_owned());
    let gpus = devices(Stub::with_devices(1).answering(Call::Load, 0, Answer::Fault(why)));
    let why = run(|b| device::measure_kernels(b, &gpus[0], Bytes(1 << 14))).unwrap_err();
    assert_eq!(why, "skip: no libnvrtc.so here");
}

#[test]
fn copies_and_kernels_that_do_less_than_they_say_are_failed_cases() {
    let large = Bytes(1 << 16);
    let half = || Stub::with_devices(2).answering(Call::Duplicate, 0, Answer::Wrong);
    let gpus = devices(half());
    let why = run(|b| device::measure_copy(b, &gpus[0], large)).unwrap_err();
    assert!(why.starts_with("fail: check failed: the copy gives NaN at entry 8192, not"), "{why}");
    let several = device::Several::of(devices(half())).unwrap();
    let pair = Pair { from: 0, to: 1 };
    let why = run(|b| peers::measure(b, &several, pair, Peers::Off, large)).unwrap_err();
    assert!(why.contains("the other device's memory gives NaN at entry 8192"), "{why}");
    // Two draw, then each kernel runs 21 times, then the copy is checked alone.
    for (from, what) in [(2, "the triad"), (44, "the copy kernel")] {
        let gpus = devices(Stub::with_devices(1).answering(Call::Launch, from, Answer::Wrong));
        let why = run(|b| device::measure_kernels(b, &gpus[0], large)).unwrap_err();
        assert!(why.contains(&format!("{what} gives NaN at entry 0, not")), "{why}");
    }
}

#[test]
fn any_device_of_several_disturbs() {
    let hot = Reading { slowed: vec!["power brake".into()], ..Reading::default() };
    let gpus = devices(Stub::with_devices(4).reading_of(2, vec![hot]));
    let mut b = Bencher::new(Settings {
        profile: Profile::Smoke,
        effort: Profile::Smoke.effort(),
        seed: 3,
    });
    let large = Bytes(1 << 14);
    let together = measure_together(&mut b, &gpus, Route::Upload, large).finish().unwrap();
    let disturbed = together.repeats[0].evidence.disturbed.as_deref();
    assert_eq!(disturbed, Some("GPU 2: the GPU was slowed down: power brake"));
}

/// A launch may use all of its time, so that a limit below that would always kill it.
#[test]
fn limits_are_longer_than_what_they_limit() {
    let all = vbench::benchmark::benchmarks().unwrap();
    for benchmark in all.into_iter().filter(|benchmark| benchmark.kind == "gpu") {
        let options = &benchmark.options;
        for profile in Profile::ALL.into_iter().filter(|profile| *profile >= options.profile) {
            let effort = profile.effort();
            let most = options.max_time.unwrap_or(effort.max_time.as_secs_f64());
            let limit = options.timeout.unwrap_or(effort.timeout.as_secs_f64());
            assert!(limit >= 1.4 * most, "{} in {profile}: {limit} s", benchmark.id());
        }
    }
}

fn reduce(stub: Stub, place: Place) -> Result<Vec<(String, f64)>, String> {
    let gpus = devices(stub);
    let size = Bytes(1 << 12);
    let settings = Setup::of(Peers::Default);
    run(|b| Reduce { settings, place, size, arm: Arm::Unbound }.measure(b, &gpus))
}

#[test]
fn sums_in_and_out_of_place_are_right_or_failed() {
    for place in Place::ALL {
        let values = reduce(Stub::with_devices(4), place).unwrap();
        let time = 5e-6 + 4096.0 / 50e9;
        assert!((value(&values, "time") / time - 1.0).abs() < 1e-9, "{values:?}");
        assert!((value(&values, "busbw") / (1.5 * 4096.0 / time) - 1.0).abs() < 1e-9);
        let stub = Stub::with_devices(4).answering(Call::Sum, 0, Answer::Wrong);
        let why = reduce(stub, place).unwrap_err();
        assert_eq!(why, "fail: check failed: 4 of 4096 sums are wrong");
    }
    assert_eq!(
        reduce(Stub::with_devices(1), Place::Out).unwrap_err(),
        "skip: a sum needs 2 GPUs, 1 here"
    );
}

#[test]
fn every_other_operation_is_right_or_failed_and_counts_as_nccl_tests_does() {
    let exchanged = |stub: Stub, exchange: Exchange| {
        let gpus = devices(stub);
        run(|b| sums::exchange::measure(b, &gpus, exchange, Bytes(1 << 13)))
    };
    for exchange in Exchange::ALL {
        // Three ranks: 2048 floats are filled up to 2049, so that all have 683.
        let values = exchanged(Stub::with_devices(3), exchange).unwrap();
        let (bytes, time) = (4.0 * 2049.0, 5e-6 + 4.0 * 2049.0 / 50e9);
        assert!((value(&values, "time") / time - 1.0).abs() < 1e-9, "{values:?}");
        assert!((value(&values, "busbw") / (bytes / time * 2.0 / 3.0) - 1.0).abs() < 1e-9);
        let stub = Stub::with_devices(3).answering(Call::Sum, 0, Answer::Wrong);
        let why = exchanged(stub, exchange).unwrap_err();
        assert!(why.starts_with("fail: check failed: rank 0 gives"), "{exchange}: {why}");
    }
}

#[test]
fn one_rank_is_right_and_has_a_time_and_no_bus() {
    let alone = |stub: Stub| {
        let gpus = devices(stub);
        let (settings, size) = (Setup::of(Peers::Default), Bytes(1 << 12));
        let reduce = Reduce { settings, place: Place::Out, size, arm: Arm::Unbound };
        run(|b| reduce.measure_alone(b, &gpus[0]))
    };
    let values = alone(Stub::with_devices(1)).unwrap();
    assert!(value(&values, "time") > 0.0 && value(&values, "busbw").is_nan(), "{values:?}");
    let wrong = Stub::with_devices(1).answering(Call::Sum, 0, Answer::Wrong);
    assert_eq!(alone(wrong).unwrap_err(), "fail: check failed: 1 of 1024 sums are wrong");
}

#[test]
fn a_sweep_has_a_peak_and_a_mean_over_sizes_and_places() {
    let swept = |stub: Stub| {
        let gpus = devices(stub);
        run(|b| sweep::measure(b, &gpus, Peers::Default, Bytes(1 << 20)))
    };
    let values = swept(Stub::with_devices(4)).unwrap();
    // A smoke run sums 8 to 64 B; both places take the same time here.
    let busbw = |bytes: f64| 1.5 * bytes / (5e-6 + bytes / 50e9);
    let mean = [8.0, 16.0, 32.0, 64.0].map(busbw).iter().sum::<f64>() / 4.0;
    assert!((value(&values, "busbw_average") / mean - 1.0).abs() < 1e-9, "{values:?}");
    assert!((value(&values, "busbw_peak") / busbw(64.0) - 1.0).abs() < 1e-9, "{values:?}");
    let wrong = Stub::with_devices(4).answering(Call::Sum, 3, Answer::Wrong);
    assert!(swept(wrong).unwrap_err().contains("sums are wrong"));
}

#[test]
fn devices_of_a_node_are_those_that_the_firmware_puts_there() {
    let several = device::Several::of(devices(Stub::with_devices(4))).unwrap();
    let known = |pci: &str| Ok(usize::from(pci != "0000:01:00.0"));
    let own = several.of_node(1, known).unwrap();
    assert_eq!(own.iter().map(Gpu::index).collect::<Vec<_>>(), [1, 2, 3]);
    let why = several.of_node(0, known).err().unwrap().to_string();
    assert_eq!(why, "1 of 4 GPUs are on node 0: a sum needs 2");
    let hidden = |_: &str| Err("the firmware names no node".to_owned());
    let why = several.of_node(1, hidden).err().unwrap().to_string();
    assert_eq!(why, "GPU 0: the firmware names no node");
}

#[test]
fn pairs_that_do_not_reach_each_other_are_skipped_and_go_through_the_host() {
    let pair = Pair { from: 0, to: 1 };
    let measured = |stub: Stub, peers| {
        let several = device::Several::of(devices(stub)).unwrap();
        run(|b| peers::measure(b, &several, pair, peers, Bytes(1 << 12)))
    };
    assert!(measured(Stub::with_devices(2), Peers::Default).is_ok());
    let why = measured(Stub::with_devices(2).without_peers(), Peers::Default).unwrap_err();
    assert_eq!(why, "skip: GPU 0 does not reach GPU 1 without the host");
    assert!(measured(Stub::with_devices(2).without_peers(), Peers::Off).is_ok());
    assert!(device::Several::of(devices(Stub::with_devices(1))).is_err());
}

#[test]
fn kernels_start_and_loaded_data_is_added_up() {
    let gpus = devices(Stub::with_devices(1));
    let start = run(|b| starts::measure(b, &gpus[0], Thread::Unbound)).unwrap();
    assert!(value(&start, "round_trip") > 0.0);
    let cpus = Cpus::acquire(Machine::current()).unwrap();
    let loaded = run(|b| loader::measure(b, &gpus[0], &cpus, Thread::Unbound)).unwrap();
    assert!((0.0..=1.0).contains(&value(&loaded, "idle")), "{loaded:?}");
    let soak = run(|b| products::soak(b, &gpus[0], Dtype::F32, 64)).unwrap();
    assert!(value(&soak, "flops") > 0.0 && value(&soak, "gpu_clock").is_nan());
}
