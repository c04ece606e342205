//! What `#[vbench]` and `#[derive(Metrics)]` make of the functions and types they stand on.

#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub)]

use std::collections::BTreeMap;
use vbench::axis::Params;
use vbench::bencher::{Recorded, Settings};
use vbench::benchmark::{Benchmark, benchmarks};
use vbench::prelude::*;
use vbench::results::{Estimator, Role};

fn find(id: &str) -> &'static Benchmark {
    let all = benchmarks().expect("ids differ");
    all.into_iter().find(|benchmark| benchmark.id() == id).unwrap_or_else(|| panic!("no {id}"))
}

fn run(id: &str, params: &[(&str, &str)]) -> Result<Recorded, Stop> {
    let profile = Profile::Smoke;
    let mut bencher = Bencher::new(Settings { profile, effort: profile.effort(), seed: 1 });
    let params = params.iter().map(|(axis, text)| (axis.to_string(), text.to_string())).collect();
    (find(id).run)(&mut bencher, &Params(params), Machine::current())
}

/// The values of the only repeat.
fn values(id: &str, params: &[(&str, &str)]) -> BTreeMap<String, f64> {
    let recorded = run(id, params).expect("runs");
    assert_eq!(recorded.repeats.len(), 1);
    recorded.repeats[0].values.clone()
}

mod plain {
    use vbench::prelude::*;

    /// Adds numbers. It is the simplest benchmark.
    #[vbench(kind = "cpu")]
    fn sums() -> u64 {
        (0..100).sum()
    }

    #[vbench(kind = "cpu")]
    fn squares(#[axis([2, 3])] n: u64) -> u64 {
        n * n
    }
}

#[test]
fn a_plain_function_is_timed() {
    let sums = find("plain::sums");
    assert_eq!((sums.name, sums.kind, sums.about), ("sums", "cpu", "Adds numbers."));
    assert!(sums.file.ends_with("macros.rs") && sums.line > 1);
    assert!(values("plain::sums", &[]).contains_key("time"));
    assert!(values("plain::squares", &[("n", "3")]).contains_key("time"));
}

mod driven {
    use super::*;

    pub(super) struct Absent;

    impl Require for Absent {
        fn acquire(_: &Machine) -> Result<Self, Skip> {
            Err(Skip::because("no such device"))
        }
    }

    #[derive(Metrics)]
    struct Two {
        copy: BytesPerSec,
        #[metric(info, name = "late", resolution = 1e-9)]
        delay: Option<Seconds>,
        #[metric(control, exact)]
        faults: Count,
    }

    #[vbench(
        kind = "memory",
        name = "stream-2",
        samples = 20,
        warmup = 0,
        max_time = 1.5,
        timeout = 60,
        estimator = Best,
        control,
        after = "sweep",
        isolate = false,
        version = 3,
        ignore = "takes long",
        profile = Thorough
    )]
    fn stream(b: &mut Bencher, cpus: Cpus) -> Result<Samples<Two>, Skip> {
        let copy = BytesPerSec(cpus.count() as f64);
        Ok(b.samples(|_| Two { copy, delay: None, faults: Count(2.0) }))
    }

    #[vbench(kind = "memory")]
    fn sweep(
        cpus: &Cpus,
        #[axis(pow2(12..=14))] size: Bytes,
        b: &mut Bencher,
        #[axis([(1, 2), (3, 4)])] (_left, right): (u8, u16),
    ) -> Samples<Count> {
        assert!(cpus.count() > 0);
        let value = Count(size.0 as f64 + f64::from(_left) * f64::from(right));
        b.samples(|_| value)
    }

    #[vbench(kind = "memory")]
    fn needy(b: &mut Bencher, _: Absent) -> Samples<Seconds> {
        b.iter(|| ())
    }
}

#[test]
fn every_key_arrives() {
    let stream = find("driven::stream-2");
    let options = stream.options;
    assert_eq!(stream.version, "3");
    assert_eq!((options.samples, options.warmup), (Some(20), Some(0)));
    assert_eq!((options.max_time, options.timeout), (Some(1.5), Some(60.0)));
    assert_eq!((options.estimator, options.control), (Estimator::Best, true));
    assert_eq!((options.after, options.isolate), (Some("sweep"), false));
    assert_eq!((options.ignore, options.profile), (Some("takes long"), Profile::Thorough));
}

#[test]
fn a_derived_struct_is_several_metrics() {
    let metrics = (find("driven::stream-2").metrics)();
    let names: Vec<_> = metrics.iter().map(|metric| (&*metric.name, metric.role)).collect();
    assert_eq!(names, [("copy", Role::Gated), ("late", Role::Info), ("faults", Role::Control)]);
    assert_eq!(metrics[0].unit.symbol, "B/s");
    assert_eq!((metrics[1].resolution, metrics[1].exact), (Some(1e-9), false));
    assert_eq!((metrics[2].resolution, metrics[2].exact), (None, true));
    let values = values("driven::stream-2", &[]);
    assert!(values["copy"] >= 1.0);
    assert_eq!(values.get("late"), None);
    assert_eq!(values["faults"], 2.0);
}

#[test]
fn axes_are_named_after_arguments() {
    let axes = (find("driven::sweep").axes)(Machine::current());
    assert_eq!(axes[0].names, ["size"]);
    assert_eq!(axes[0].rows, [["4KiB"], ["8KiB"], ["16KiB"]]);
    assert_eq!(axes[1].names, ["left", "right"]);
    assert_eq!(axes[1].rows, [["1", "2"], ["3", "4"]]);
    let values = values("driven::sweep", &[("size", "4K"), ("left", "5"), ("right", "6")]);
    assert_eq!(values["count"], 4096.0 + 30.0);
}

#[test]
fn an_absent_resource_is_a_skip_with_its_reason() {
    assert_eq!((find("driven::sweep").needs)(Machine::current()), Ok(()));
    let needs = (find("driven::needy").needs)(Machine::current());
    assert_eq!(needs, Err(Skip::because("no such device")));
    assert_eq!(run("driven::needy", &[]), Err(Stop::Skip("no such device".into())));
}
