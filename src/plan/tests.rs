//! Tests of planning.

use super::{Ignored, Plan, PlanError, Selection};
use crate::axis::Axis;
use crate::benchmark::{Benchmark, Options};
use crate::host::Host;
use crate::machine::Machine;
use crate::profile::Profile;
use crate::quantity::Bytes;
use crate::resource::Skip;

const PLAIN: Benchmark = Benchmark {
    module: "tests::memory",
    name: "plain",
    kind: "memory",
    about: "",
    file: "x.rs",
    line: 1,
    version: "1",
    options: Options::DEFAULT,
    axes: |_| Vec::new(),
    needs: |_| Ok(()),
    metrics: Vec::new,
    run: |_, _, _| unreachable!("planning runs nothing"),
    external: None,
};

static SWEPT: Benchmark = Benchmark {
    name: "swept",
    axes: |_| vec![Axis::of("size", [1_u32, 2]), Axis::of("threads", [1_u32, 4])],
    ..PLAIN
};
static SWEEP: Benchmark =
    Benchmark { name: "sweep", axes: |_| vec![Axis::of("up_to", [Bytes(1 << 30)])], ..PLAIN };
static LAST: Benchmark = Benchmark {
    name: "last",
    options: Options { after: Some("swept"), ..Options::DEFAULT },
    ..PLAIN
};
static OFF: Benchmark = Benchmark {
    name: "off",
    options: Options { ignore: Some("slow"), ..Options::DEFAULT },
    ..PLAIN
};
static GPU: Benchmark = Benchmark {
    name: "copy",
    kind: "gpu",
    needs: |_| Err(Skip::because("needs 1 GPU, found 0")),
    ..PLAIN
};
static LONG: Benchmark = Benchmark {
    name: "long",
    options: Options { profile: Profile::Standard, ..Options::DEFAULT },
    ..PLAIN
};

fn plan_of(benchmarks: &[&'static Benchmark], selection: Selection) -> Result<Plan, PlanError> {
    Plan::new(benchmarks, &selection, &Machine::new(Host::live(), selection.profile))
}

fn ids(selection: Selection) -> Vec<String> {
    let plan = plan_of(&[&SWEPT, &LAST, &OFF, &GPU, &LONG], selection).unwrap();
    plan.cases.iter().map(|case| case.id.to_string()).collect()
}

fn filter(text: &str) -> Selection {
    Selection { filters: vec![text.to_owned()], profile: Profile::Quick, ..Selection::default() }
}

#[test]
fn a_largest_size_leaves_out_larger_ones_and_ends_sweeps() {
    let ids = |filter: &str, most, axis: &[&str]| {
        let axes =
            axis.iter().map(|value| ("size".to_owned(), vec![(*value).to_owned()])).collect();
        let selection = Selection {
            filters: vec![filter.to_owned()],
            max_bytes: Some(most),
            axes,
            ..Selection::default()
        };
        let plan = plan_of(&[&SWEPT, &SWEEP], selection).unwrap();
        plan.cases.iter().map(|case| case.id.to_string()).collect::<Vec<_>>()
    };
    let small = ["memory::swept/size=1,threads=1", "memory::swept/size=1,threads=4"];
    assert_eq!(ids("swept", 1, &[]), small);
    assert_eq!(ids("sweep", 64 << 20, &[]), ["memory::sweep/up_to=64MiB"]);
    assert_eq!(ids("sweep", 4 << 30, &[]), ["memory::sweep/up_to=1GiB"]);
    assert_eq!(ids("swept", 1, &["2"]).len(), 2, "what is asked for by name counts");
}

#[test]
fn every_combination_is_a_case() {
    assert_eq!(
        ids(filter("swept")),
        [
            "memory::swept/size=1,threads=1",
            "memory::swept/size=1,threads=4",
            "memory::swept/size=2,threads=1",
            "memory::swept/size=2,threads=4"
        ]
    );
}

#[test]
fn filters_kinds_and_skips_select() {
    assert_eq!(ids(filter("threads=4")).len(), 2);
    let exact = Selection { exact: true, ..filter("memory::swept/size=1,threads=4") };
    assert_eq!(ids(exact).len(), 1);
    assert_eq!(ids(Selection { exact: true, ..filter("memory::swept") }).len(), 4);
    assert_eq!(ids(Selection { skip: vec!["size=2".into()], ..filter("swept") }).len(), 2);
    let gpu = Selection { kinds: vec!["gpu".into()], ..Selection::default() };
    assert_eq!(ids(gpu), ["memory::copy"]);
}

#[test]
fn ignored_benchmarks_run_only_when_asked_for() {
    assert!(ids(filter("off")).is_empty());
    assert_eq!(ids(Selection { ignored: Ignored::Include, ..filter("off") }).len(), 1);
    assert_eq!(ids(Selection { ignored: Ignored::Only, ..Selection::default() }), ["memory::off"]);
}

#[test]
fn a_missing_resource_is_a_skip_with_its_reason() {
    let plan = plan_of(&[&GPU], Selection::default()).unwrap();
    assert_eq!(plan.cases[0].skip.as_deref(), Some("needs 1 GPU, found 0"));
}

#[test]
fn a_longer_profile_contains_more() {
    let plan = plan_of(&[&LONG], filter("long")).unwrap();
    assert_eq!((plan.cases.len(), plan.left_out), (0, 1));
    let told = "1 more case in longer profiles: --profile standard";
    assert_eq!(plan.in_longer("more case").as_deref(), Some(told));
    assert_eq!(ids(Selection { profile: Profile::Standard, ..filter("long") }).len(), 1);
    assert_eq!(ids(Selection { exact: true, ..filter("memory::long") }).len(), 1, "asked by name");
}

#[test]
fn a_benchmark_with_a_time_of_its_own_is_expected_to_take_it() {
    const HOT: Options = Options { samples: Some(600), max_time: Some(600.0), ..Options::DEFAULT };
    static SOAK: Benchmark = Benchmark { name: "soak", options: HOT, ..PLAIN };
    let plan = |profile| plan_of(&[&SOAK], Selection { profile, ..filter("soak") }).unwrap();
    let seconds = |profile| plan(profile).cases[0].settings.effort.typical.as_secs();
    // 60 times the 10 samples that take 30 s, and no longer than the benchmark lasts.
    assert_eq!(seconds(Profile::Thorough), 600);
    assert_eq!(plan(Profile::Smoke).cases[0].settings.effort.typical.as_millis(), 100);
}

#[test]
fn axes_are_overridden_by_name_and_checked() {
    let with = |axis: &str, text: &str| Selection {
        axes: [(axis.to_owned(), vec![text.to_owned(), text.to_owned()])].into(),
        ..filter("swept")
    };
    assert_eq!(ids(with("size", "7")).len(), 2);
    let error = |selection| plan_of(&[&SWEPT], selection).unwrap_err().to_string();
    assert!(error(with("size", "x")).starts_with("--axis size=x is no value of this axis: "));
    assert_eq!(
        error(with("colour", "red")),
        "no selected benchmark has an axis \"colour\" (axes here: size, threads)"
    );
}

#[test]
fn a_value_that_another_benchmark_reads_is_no_error() {
    static WORDS: Benchmark = Benchmark {
        name: "words",
        axes: |_| {
            vec![Axis {
                names: vec!["size"],
                normalise: vec![|text| {
                    text.parse::<bool>().map(|_| text.to_owned()).map_err(|e| e.to_string())
                }],
                rows: vec![vec!["true".into()]],
            }]
        },
        ..PLAIN
    };
    let with = |text: &str, filters: &[&str]| {
        let axes = [("size".to_owned(), vec![text.to_owned()])].into();
        let filters = filters.iter().map(|filter| (*filter).to_owned()).collect();
        let plan = plan_of(&[&SWEPT, &WORDS], Selection { axes, filters, ..Selection::default() })?;
        Ok(plan.cases.iter().map(|case| case.id.benchmark.clone()).collect::<Vec<_>>())
    };
    let error = |plan: Result<Vec<String>, PlanError>| plan.unwrap_err().to_string();
    assert_eq!(with("false", &[]).unwrap(), ["memory::words"]);
    assert_eq!(with("7", &["swept"]).unwrap().len(), 2);
    assert!(error(with("maybe", &[])).starts_with("--axis size=maybe is no value of this axis: "));
    assert!(
        error(with("false", &["swept"]))
            .starts_with("--axis size=false is no value of this axis: ")
    );
}

#[test]
fn zipped_axes_stay_together() {
    static ZIPPED: Benchmark = Benchmark {
        axes: |_| {
            let rows = vec![vec!["1".into(), "8".into()], vec!["2".into(), "9".into()]];
            let normalise = [crate::axis::normalise::<u32> as fn(&str) -> _; 2];
            vec![Axis::zipped(vec!["a", "b"], rows, normalise.to_vec())]
        },
        ..PLAIN
    };
    let all = |axes| {
        let plan = plan_of(&[&ZIPPED], Selection { axes, ..Selection::default() }).unwrap();
        plan.cases.iter().map(|case| case.id.params_text()).collect::<Vec<_>>()
    };
    assert_eq!(all([].into()), ["a=1,b=8", "a=2,b=9"]);
    assert_eq!(all([("b".to_owned(), vec!["9".to_owned()])].into()), ["a=2,b=9"]);
}

#[test]
fn a_round_is_drawn_from_the_seed_and_keeps_after() {
    let shuffled = |seed| {
        let selection = Selection { seed, shuffle: true, ..Selection::default() };
        plan_of(&[&LAST, &SWEPT], selection).unwrap()
    };
    let plan = shuffled(7);
    let all: Vec<usize> = (0..plan.cases.len()).collect();
    assert_eq!(plan.round(1, &all), shuffled(7).round(1, &all), "the same seed, the same order");
    let orders: std::collections::BTreeSet<_> = (1..20).map(|l| plan.round(l, &all)).collect();
    assert!(orders.len() > 5, "rounds differ: {orders:?}");
    for order in orders {
        assert_eq!(order[4], 0, "`last` comes after every case of `swept`");
    }
}

#[test]
fn impossible_orders_are_refused() {
    static LOST: Benchmark =
        Benchmark { options: Options { after: Some("nobody"), ..Options::DEFAULT }, ..PLAIN };
    static CIRCLE: Benchmark =
        Benchmark { options: Options { after: Some("plain"), ..Options::DEFAULT }, ..PLAIN };
    let error = |b| plan_of(&[b], Selection::default()).unwrap_err().to_string();
    assert_eq!(error(&LOST), "memory::plain: after = \"nobody\" names no linked benchmark");
    assert_eq!(error(&CIRCLE), "memory::plain: after = \"plain\" leads back to itself");
}

#[test]
fn command_line_beats_attribute_beats_profile() {
    static TUNED: Benchmark = Benchmark {
        options: Options { samples: Some(20), timeout: Some(5.0), ..Options::DEFAULT },
        ..PLAIN
    };
    let effort = |selection| {
        let plan = plan_of(&[&TUNED], selection).unwrap();
        (plan.cases[0].settings.effort.samples, plan.cases[0].timeout.as_secs())
    };
    let quick = || Selection { profile: Profile::Quick, ..Selection::default() };
    assert_eq!(effort(quick()), (20, 5));
    assert_eq!(effort(Selection { samples: Some(2), timeout: Some(9.0), ..quick() }), (2, 9));
    let smoke = Selection { profile: Profile::Smoke, ..quick() };
    assert_eq!(effort(smoke), (1, 5), "a smoke run stays small");
}

#[test]
fn an_axis_that_only_other_benchmarks_have_is_a_mistake() {
    let with = |name: &str, axis: &str| {
        let axes = [(axis.to_owned(), vec!["1".to_owned()])].into();
        let plan = plan_of(&[&SWEPT, &SWEEP, &LAST], Selection { axes, ..filter(name) });
        plan.map(|plan| plan.cases.len()).map_err(|error| error.to_string())
    };
    assert_eq!(with("swept", "size"), Ok(2));
    assert_eq!(with("memory", "size"), Ok(4), "some of several have it");
    let no = |axis, known| {
        Err(format!("no selected benchmark has an axis {axis:?} (axes here: {known})"))
    };
    assert_eq!(with("swept", "up_to"), no("up_to", "size, threads"));
    assert_eq!(with("last", "size"), no("size", "none"));
    assert_eq!(with("nothing", "size"), Ok(0), "said elsewhere");
}
