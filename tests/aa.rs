//! The real A/A: pairs of runs between which nothing changed, judged as a user would judge them, and
//! beside that what a rank test of pooled repeats would have said of the same data.
//!
//! `tests/aa/measure RESULTS` measures the pairs (about 12 minutes) and runs this analysis;
//! `tests/aa/judge RESULTS` runs it alone.

#[path = "bars/generators.rs"]
#[allow(dead_code, reason = "each test program uses a part")]
mod generators;
#[path = "bars/stored.rs"]
#[allow(dead_code, reason = "each test program uses a part")]
mod simulated;

use fastrand::Rng;
use generators::{Noise, Which};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use vbench::compare::{Comparison, Policy, Side, Verdict, compare};
use vbench::stats::{median, rank_test_asymptotic, rank_test_exact};
use vbench::store;
use vbench_results::{CaseResult, Metric, ResultSet, Role};

/// What was said about the gated rows of one pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    rows: usize,
    worse: usize,
    better: usize,
    same: usize,
    unclear: usize,
    /// Rows that would be better or worse if the host were believed to be steady.
    steady: usize,
    /// Rows that Mann and Whitney's test of pooled repeats rejects at 5%.
    ranks: usize,
    /// Those of them whose medians differ by the margin.
    ranks_beyond: usize,
}

impl Counts {
    fn of(base: &[ResultSet], candidate: &[ResultSet]) -> Self {
        let policy = Policy::default();
        let comparison = compared(base, candidate, &policy);
        let count = |verdict| comparison.pairs[0].counts[&verdict];
        let steady = compared(base, candidate, &Policy { drift: 0.0, ..Policy::default() });
        let steady = |verdict| steady.pairs[0].counts[&verdict];
        let mut counts = Self {
            rows: comparison.pairs[0].counts.values().sum::<usize>() - count(Verdict::Incomparable),
            worse: count(Verdict::Regression),
            better: count(Verdict::Improvement),
            same: count(Verdict::Equivalent),
            unclear: count(Verdict::Inconclusive),
            steady: steady(Verdict::Regression) + steady(Verdict::Improvement),
            ..Self::default()
        };
        let (before, after) = (repeats(base), repeats(candidate));
        for (row, x) in &before {
            let Some(y) = after.get(row) else { continue };
            let test = rank_test_exact(x, y).or_else(|| rank_test_asymptotic(x, y));
            let rejected = test.is_some_and(|test| test.p < policy.alpha);
            let change = (median(y) / median(x)).ln().abs();
            counts.ranks += usize::from(rejected);
            counts.ranks_beyond += usize::from(rejected && change >= policy.tau());
        }
        counts
    }

    fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.worse += other.worse;
        self.better += other.better;
        self.same += other.same;
        self.unclear += other.unclear;
        self.steady += other.steady;
        self.ranks += other.ranks;
        self.ranks_beyond += other.ranks_beyond;
    }
}

fn compared(base: &[ResultSet], candidate: &[ResultSet], policy: &Policy) -> Comparison {
    let candidates = [Side { name: "candidate", runs: candidate }];
    compare(&Side { name: "base", runs: base }, &candidates, policy)
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, worse, better, same, unclear, steady, ranks, ranks_beyond } = self;
        write!(f, "{rows:6} {worse:6} {better:6} {same:6} {unclear:8} {steady:8}")?;
        write!(f, " {ranks:12} {ranks_beyond:15}")
    }
}

/// Every repeat of each gated row, all launches pooled, ascending.
fn repeats(runs: &[ResultSet]) -> BTreeMap<(String, String), Vec<f64>> {
    let mut pooled: BTreeMap<_, Vec<f64>> = BTreeMap::new();
    let cases = runs.iter().flat_map(|run| &run.cases);
    let gated = cases.flat_map(|case| case.metrics.iter().map(move |metric| (case, metric)));
    for (case, metric) in gated.filter(|(_, metric)| metric.role == Role::Gated) {
        let row = pooled.entry((case.case.to_string(), metric.name.clone())).or_default();
        row.extend(values(case, metric));
        row.sort_by(f64::total_cmp);
    }
    pooled.retain(|_, values| !values.is_empty());
    pooled
}

fn values(case: &CaseResult, metric: &Metric) -> impl Iterator<Item = f64> {
    let repeats = case.launches.iter().flat_map(|launch| &launch.repeats);
    repeats.filter_map(|repeat| repeat.values.get(&metric.name).copied())
}

/// The runs of every pair, by the number in the names `aa-NN-a` and `aa-NN-b` of configurations.
fn pairs(results: &Path) -> BTreeMap<String, [Vec<ResultSet>; 2]> {
    let mut pairs: BTreeMap<String, [Vec<ResultSet>; 2]> = BTreeMap::new();
    for folder in store::runs(results) {
        let run = store::read(&folder).unwrap().results;
        let config = run.run.config.clone();
        let pair = config.strip_prefix("aa-").and_then(|rest| rest.split_once('-'));
        match pair {
            Some((pair, "a")) => pairs.entry(pair.to_owned()).or_default()[0].push(run),
            Some((pair, "b")) => pairs.entry(pair.to_owned()).or_default()[1].push(run),
            _ => {}
        }
    }
    pairs
}

fn table(pairs: &BTreeMap<String, [Vec<ResultSet>; 2]>) -> (String, Counts) {
    let mut text = format!(
        "{:6} {:>6} {:>6} {:>6} {:>6} {:>8} {:>8} {:>12} {:>15}\n",
        "pair",
        "rows",
        "worse",
        "better",
        "same",
        "unclear",
        "steady",
        "ranks p<.05",
        "ranks and > 3%"
    );
    let mut total = Counts::default();
    for (pair, [base, candidate]) in pairs {
        let counts = Counts::of(base, candidate);
        text.push_str(&format!("{pair:6} {counts}\n"));
        total.add(counts);
    }
    text.push_str(&format!("{:6} {total}\n", "all"));
    (text, total)
}

#[test]
#[ignore = "needs measured pairs: tests/aa/measure RESULTS"]
fn nothing_changed_and_nothing_is_worse() {
    let results = std::env::var("VBENCH_AA").expect("VBENCH_AA names a folder of results");
    let pairs = pairs(Path::new(&results));
    assert!(!pairs.is_empty(), "no configurations aa-NN-a and aa-NN-b in {results}");
    let (text, total) = table(&pairs);
    println!("{text}");
    println!("verdicts: the default policy. steady: better or worse if the host did not drift.");
    println!("ranks: Mann and Whitney's U of pooled repeats.");
    assert!(total.rows > 0, "no row was compared");
    assert_eq!(total.worse, 0, "nothing changed, and something is said to be worse");
}

/// A stored pair of simulated rows between which nothing changed.
fn simulated_pairs(count: u32) -> BTreeMap<String, [Vec<ResultSet>; 2]> {
    let mut rng = Rng::with_seed(20_261_121);
    let mut side = || {
        let rows: Vec<_> =
            (0..10).map(|_| Noise::LaunchDom.side(&mut rng, 5, 5, Which::Base)).collect();
        vec![simulated::run(rows.iter())]
    };
    (1..=count).map(|pair| (format!("{pair:02}"), [side(), side()])).collect()
}

#[test]
fn pooled_repeats_see_changes_where_there_are_none() {
    let (text, total) = table(&simulated_pairs(6));
    assert_eq!(total.rows, 60);
    assert_eq!(total.worse + total.better + total.same + total.unclear, total.rows, "{text}");
    // At launch level none of 60 rows, of pooled repeats about 40% of them.
    assert_eq!(total.worse + total.better, 0, "{text}");
    assert!(
        total.ranks > 15 && total.ranks_beyond > 0 && total.ranks_beyond <= total.ranks,
        "{text}"
    );
}

#[test]
fn pairs_are_found_by_the_names_of_their_configurations() {
    let out = tempfile::tempdir().unwrap();
    for (pair, [base, candidate]) in simulated_pairs(2) {
        for (side, mut runs) in [("a", base), ("b", candidate)] {
            let mut run = runs.remove(0);
            run.run.id = "20260102T030405Z-beef".into();
            run.run.config = format!("aa-{pair}-{side}");
            let folder = store::create(out.path(), "here", &run.run.config, &run.run.id).unwrap();
            store::finish(&folder, &run).unwrap();
        }
    }
    let found = pairs(out.path());
    assert_eq!(found.keys().collect::<Vec<_>>(), ["01", "02"]);
    assert_eq!(table(&found).1, table(&simulated_pairs(2)).1);
}
