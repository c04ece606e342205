//! What `#[vbench]` and `#[derive(Metrics)]` make of the functions and types they stand on.

#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub)]

use vbench::axis::Params;
use vbench::bencher::{Recorded, Settings};
use vbench::benchmark::{Benchmark, benchmarks};
use vbench::prelude::*;
use vbench::results::{Estimator, Role, Values};

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
fn values(id: &str, params: &[(&str, &str)]) -> Values {
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

mod words {
    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, Eq, AxisValue)]
    pub(super) enum Route {
        #[axis(rename = "h2d")]
        Upload,
        BothWays,
    }

    #[vbench(kind = "unit")]
    fn copies(b: &mut Bencher, #[axis(Route::ALL)] route: Route) -> Samples<Seconds> {
        b.iter(|| route == Route::Upload)
    }
}

#[test]
fn an_enum_of_words_is_an_axis() {
    use words::Route;
    let axes = (find("words::copies").axes)(Machine::current());
    assert_eq!(axes[0].rows, [["h2d"], ["both-ways"]]);
    assert_eq!("both-ways".parse(), Ok(Route::BothWays));
    assert_eq!("Upload".parse::<Route>().unwrap_err(), "\"Upload\" is not one of h2d, both-ways");
}

#[test]
fn an_absent_resource_is_a_skip_with_its_reason() {
    assert_eq!((find("driven::sweep").needs)(Machine::current()), Ok(()));
    let needs = (find("driven::needy").needs)(Machine::current());
    assert_eq!(needs, Err(Skip::because("no such device")));
    assert_eq!(run("driven::needy", &[]), Err(Stop::Skip("no such device".into())));
}

#[test]
fn what_the_attribute_leaves_out_has_defaults() {
    let sums = find("plain::sums");
    assert_eq!(sums.options, vbench::benchmark::Options::DEFAULT);
    assert_eq!((sums.axes)(Machine::current()), []);
    assert_eq!(find("plain::squares").about, "");
}

mod generic {
    use vbench::prelude::*;

    #[vbench(kind = "cpu", types = [u8, Vec<u16>], consts = [2, -3, 2 * 2])]
    fn both<const N: i8, T: Default + Sized>(b: &mut Bencher) -> Samples<Count> {
        let value = size_of::<T>() as f64 * 1_000.0 + f64::from(N);
        b.samples(|_| Count(value))
    }

    #[vbench(kind = "cpu", types = [u8, u64])]
    fn timed<T: std::iter::Sum<T> + From<u8>>(#[axis([3])] n: u8) -> T {
        (0..n).map(T::from).sum()
    }
}

#[test]
fn generic_parameters_are_axes() {
    let axes = (find("generic::both").axes)(Machine::current());
    assert_eq!((&*axes[0].names, &*axes[1].names), (&["N"][..], &["T"][..]));
    assert_eq!(axes[0].rows, [["2"], ["-3"], ["2*2"]]);
    assert_eq!(axes[1].rows, [["u8"], ["Vec<u16>"]]);
    let both = |n, t| values("generic::both", &[("N", n), ("T", t)])["count"];
    assert_eq!(both("-3", "u8"), 997.0);
    assert_eq!(both("2*2", "Vec<u16>"), size_of::<Vec<u16>>() as f64 * 1_000.0 + 4.0);
    assert!(values("generic::timed", &[("T", "u64"), ("n", "4")]).contains_key("time"));
}

#[test]
fn other_generic_values_are_refused() {
    let axes = (find("generic::both").axes)(Machine::current());
    let error = (axes[1].normalise[0])("u32").unwrap_err();
    assert!(error.contains("u8, Vec<u16>"), "{error}");
    assert!(matches!(run("generic::timed", &[("T", "i128"), ("n", "4")]), Err(Stop::Fail(_))));
}

mod future {
    use std::future::poll_fn;
    use std::task::Poll;
    use vbench::prelude::*;

    #[vbench(kind = "io", ignore)]
    async fn pends_once(cpus: &Cpus, #[axis(["a".to_owned()])] r#type: String) -> usize {
        let mut pending = true;
        poll_fn(|context| match std::mem::replace(&mut pending, false) {
            true => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            false => Poll::Ready(()),
        })
        .await;
        cpus.count() + r#type.len()
    }
}

#[test]
fn an_async_function_is_driven_to_its_end() {
    assert!(find("future::pends_once").options.ignore.is_some());
    assert_eq!((find("future::pends_once").axes)(Machine::current())[0].names, ["type"]);
    assert!(values("future::pends_once", &[("type", "b")]).contains_key("time"));
}

mod versions {
    pub(super) mod one {
        use vbench::prelude::*;

        /// One.
        #[vbench(kind = "cpu")]
        fn work(b: &mut Bencher, #[axis([1, 2])] n: u64) -> Samples<Seconds> {
            b.iter(|| n + 1)
        }
    }

    pub(super) mod same {
        use vbench::prelude::*;

        /// Other words, values, options and layout.
        #[vbench(kind = "memory", samples = 7)]
        #[rustfmt::skip]
        fn work(
            b: &mut Bencher, #[axis([4])] n: u64,
        ) -> Samples<Seconds> {
            b.iter(|| n + 1) // A comment.
        }
    }

    pub(super) mod changed {
        use vbench::prelude::*;

        #[vbench(kind = "cpu")]
        fn work(b: &mut Bencher, #[axis([1, 2])] n: u64) -> Samples<Seconds> {
            b.iter(|| n + 2)
        }
    }

    pub(super) mod named {
        use vbench::prelude::*;

        #[vbench(kind = "cpu", version = "2024 kernel")]
        fn work(b: &mut Bencher, #[axis([1, 2])] n: u64) -> Samples<Seconds> {
            b.iter(|| n + 1)
        }
    }
}

#[test]
fn the_version_follows_the_code() {
    let version = |name: &str| find(&format!("versions::{name}::work")).version;
    assert_eq!(version("one").len(), 16);
    assert_eq!(version("one"), version("same"));
    assert_ne!(version("one"), version("changed"));
    assert_eq!(version("named"), "2024 kernel");
}

mod failing {
    use vbench::prelude::*;

    #[vbench(kind = "cpu")]
    fn panics(b: &mut Bencher) -> Samples<Seconds> {
        b.iter(|| panic!("the answer is wrong"))
    }

    #[vbench(kind = "cpu")]
    fn skips(_b: &mut Bencher) -> Result<Samples<Seconds>, Skip> {
        Err(Skip::because("needs 4 CPUs, 2 allowed"))
    }

    #[vbench(kind = "cpu")]
    fn fails(b: &mut Bencher, #[axis([1])] _n: u8) -> Result<Samples<Seconds>, Failed> {
        let number: u64 = "x".parse()?;
        Ok(b.iter(|| number))
    }

    #[vbench(kind = "cpu")]
    fn parses(#[axis(["7".to_owned()])] text: String) -> Result<u64, std::num::ParseIntError> {
        text.parse()
    }

    #[vbench(kind = "cpu")]
    async fn finds_nothing() -> Result<u64, Skip> {
        Err(Skip::because("nothing to find"))
    }
}

#[test]
fn a_body_ends_in_a_skip_a_failure_or_a_panic() {
    assert_eq!(run("failing::skips", &[]), Err(Stop::Skip("needs 4 CPUs, 2 allowed".into())));
    let parse = "x".parse::<u64>().unwrap_err().to_string();
    assert_eq!(run("failing::fails", &[("n", "1")]), Err(Stop::Fail(parse)));
    let Err(Stop::Fail(why)) = run("failing::fails", &[("n", "256")]) else { panic!("no u8") };
    assert!(why.contains("n=256"), "{why}");
    let panic = std::panic::catch_unwind(|| run("failing::panics", &[])).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"the answer is wrong"));
}

#[test]
fn the_way_to_an_error_has_no_speed() {
    assert!(values("failing::parses", &[("text", "7")]).contains_key("time"));
    let error = "x".parse::<u64>().unwrap_err().to_string();
    assert_eq!(run("failing::parses", &[("text", "x")]), Err(Stop::Fail(error)));
    assert_eq!(run("failing::finds_nothing", &[]), Err(Stop::Skip("nothing to find".into())));
}

mod conditional {
    use vbench::prelude::*;

    #[cfg(any())]
    #[vbench(kind = "cpu")]
    fn above(b: &mut NoSuchType) {}

    #[vbench(kind = "cpu")]
    #[cfg(any())]
    fn below(b: &mut Bencher) -> NoSuchType {}

    macro_rules! benchmark {
        ($name:ident, $ty:ty, $value:expr, $resource:ty) => {
            #[vbench(kind = "cpu")]
            fn $name(b: &mut Bencher, #[axis([$value])] x: $ty, r: $resource) -> Samples<Seconds> {
                b.iter(|| r.count() + usize::from(x))
            }
        };
    }

    benchmark!(by_macro, u16, 2 + 2, &Cpus);
}

#[test]
fn works_under_cfg_and_inside_macro_rules() {
    let ids: Vec<_> = benchmarks().unwrap().iter().map(|benchmark| benchmark.id()).collect();
    assert!(!ids.iter().any(|id| id.ends_with("above") || id.ends_with("below")), "{ids:?}");
    assert_eq!((find("conditional::by_macro").axes)(Machine::current())[0].rows, [["4"]]);
    assert!(values("conditional::by_macro", &[("x", "4")]).contains_key("time"));
}

/// What the example promises to somebody who reads it before anything else.
#[test]
fn the_example_shows_each_kind_of_benchmark_in_under_sixty_lines() {
    let text = include_str!("../examples/custom-workload/benches/workload.rs");
    let lines = text.lines().count();
    assert!(lines < 60, "{lines} lines");
    assert_eq!(text.matches("#[vbench(").count(), 3);
    for part in ["#[axis(", "impl Require for ", "impl Quantity for ", "#[derive(Metrics)]"] {
        assert!(text.contains(part), "it shows no {part}");
    }
}
