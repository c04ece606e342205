//! Which configuration for which workload: a rule over verdicts, never written by hand.
//!
//! Each class of workload has a primary metric. The configurations that no other is really better
//! than in it are its winners. Named is one of them that beats another, or the base; among several
//! the one with the fewest real losses elsewhere, and the base before others that have as few. What
//! it gives up are its real losses against the best of every other class.

use super::view::{Line, View};
use super::words::{self, Chapter};
use crate::compare::Verdict;
use std::cmp::Reverse;
use vbench_results::Better;

/// A kind of work and the line that decides about it.
#[derive(Clone, Debug)]
pub struct Class<'v> {
    /// If the machine mostly does this ...
    pub title: String,
    /// Examples of it.
    pub hint: String,
    /// What the metric is called in a sentence.
    pub noun: String,
    /// The primary metric.
    pub line: &'v Line,
}

/// How a known class finds its line: title, examples, noun, names of functions, metrics.
struct Known {
    title: &'static str,
    hint: &'static str,
    noun: &'static str,
    functions: &'static [&'static str],
    metrics: &'static [&'static str],
    /// Whether it runs on CPUs, where benchmarks of one name run on CPUs and on GPUs.
    on_cpus: Option<bool>,
}

/// Modules whose collective operations run on CPUs.
const ON_CPUS: [&str; 2] = ["collective", "mpi"];

const KNOWN: &[Known] = &[
    Known {
        title: "Memory-bound CPU work",
        hint: "data loading, ETL, CPU inference",
        noun: "memory bandwidth",
        functions: &["stream", "mbw"],
        metrics: &["triad", "bandwidth"],
        on_cpus: None,
    },
    Known {
        title: "Multi-GPU training",
        hint: "large all-reduce",
        noun: "all-reduce",
        functions: &["allreduce", "all_reduce", "nccl_all_reduce", "all_reduce_perf"],
        metrics: &["busbw", "busbw_peak", "algbw"],
        on_cpus: Some(false),
    },
    Known {
        title: "Processes that exchange data",
        hint: "MPI, reductions in host memory",
        noun: "all-reduce between CPUs",
        functions: &["all_reduce"],
        metrics: &["busbw"],
        on_cpus: Some(true),
    },
    Known {
        title: "Latency-sensitive serving",
        hint: "lookups, small requests",
        noun: "memory latency",
        functions: &["pointer_chase", "chase", "mem_latency", "memory_latency", "latency"],
        metrics: &["latency", "time"],
        on_cpus: None,
    },
    Known {
        title: "Many CPU threads",
        hint: "compilation, preprocessing",
        noun: "CPU throughput",
        functions: &["prime", "primes", "sysbench_cpu"],
        metrics: &["rate", "events_per_second", "events"],
        on_cpus: None,
    },
    Known {
        title: "Event loops and timers",
        hint: "many short sleeps, small requests",
        noun: "wake-up delay",
        functions: &["timer_wake"],
        metrics: &["p99", "p50"],
        on_cpus: None,
    },
    Known {
        title: "GPU compute only",
        hint: "kernels, no transfers",
        noun: "matrix multiplication",
        functions: &["matmul", "gemm"],
        metrics: &["rate", "tflops", "flops", "time", "time_lo"],
        on_cpus: None,
    },
];

/// Most classes of the reader's own benchmarks.
const MOST_OWN: usize = 4;

impl Known {
    /// How well a line stands for the class: metric, plain settings, then the largest case.
    fn fits(&self, line: &Line) -> Option<(Reverse<usize>, usize, u64)> {
        let function = line.function().to_lowercase();
        let module = line.case.benchmark.split("::").next().unwrap_or_default();
        let elsewhere = self.on_cpus.is_some_and(|on_cpus| on_cpus != ON_CPUS.contains(&module));
        if elsewhere || !self.functions.contains(&function.as_str()) || !line.drawn() {
            return None;
        }
        let metric = self.metrics.iter().position(|metric| *metric == line.metric.name)?;
        let is_plain = |value: &&String| PLAIN.contains(&value.as_str());
        let plain = line.case.params.values().filter(is_plain).count();
        let sizes = line.case.params.values().map(|value| words::rank(value));
        let largest = sizes.filter(|rank| *rank < u64::MAX).max().unwrap_or(0);
        Some((Reverse(metric), plain, largest))
    }
}

/// Settings that most readers mean when they name none.
const PLAIN: &[&str] =
    &["cached", "random", "yes", "DRAM", "f32", "fp16", "default", "out", "normal", "idle"];

/// The classes that the stored results can tell something about.
pub fn classes<'v>(view: &'v View<'_>) -> Vec<Class<'v>> {
    let mut classes: Vec<Class<'v>> = Vec::new();
    for known in KNOWN {
        let fitting = view.lines.iter().filter_map(|line| Some((known.fits(line)?, line)));
        if let Some((_, line)) = fitting.max_by_key(|(fit, _)| *fit) {
            classes.push(Class {
                title: known.title.to_owned(),
                hint: known.hint.to_owned(),
                noun: known.noun.to_owned(),
                line,
            });
        }
    }
    classes.extend(own(view).into_iter().take(MOST_OWN));
    classes
}

/// A class for each benchmark of a kind that no chapter of ours covers.
fn own<'v>(view: &'v View<'_>) -> Vec<Class<'v>> {
    let mut seen: Vec<&str> = Vec::new();
    let mut classes = Vec::new();
    for line in view.lines.iter().filter(|line| line.representative && line.gated()) {
        let other = matches!(Chapter::of(&line.kind, &line.case.benchmark), Chapter::Other(_));
        if other && !seen.contains(&line.case.benchmark.as_str()) {
            seen.push(&line.case.benchmark);
            let function = crate::report::table::inert(&words::spelt(line.function()));
            classes.push(Class {
                title: format!("Work like {function}"),
                hint: line.detail.clone(),
                noun: line.name.clone(),
                line,
            });
        }
    }
    classes
}

/// What is chosen for a class.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// This side is at least as good as any, and really better than some.
    Side(usize),
    /// All are shown to be the same.
    Any,
    /// Nothing is shown: some are unclear.
    Unclear,
}

/// True when `side` is shown to be better than `base`: by either as the base, see `View`.
fn beats(line: &Line, side: usize, base: usize) -> bool {
    cell(line, base, side).is_some_and(|cell| cell.verdict == Some(Verdict::Improvement))
}

/// True when `side` is shown to be the same as `base`.
fn is_same(line: &Line, side: usize, base: usize) -> bool {
    cell(line, base, side).is_some_and(|cell| cell.verdict == Some(Verdict::Equivalent))
}

fn cell(line: &Line, base: usize, side: usize) -> Option<&super::view::Cell> {
    line.cells.get(base)?.get(side)
}

fn measured(line: &Line) -> Vec<usize> {
    (0..line.values.len()).filter(|side| line.values[*side].is_some()).collect()
}

/// The sides that no other is really better than.
pub fn winners(line: &Line) -> Vec<usize> {
    let sides = measured(line);
    let unbeaten = |side: &usize| !sides.iter().any(|other| beats(line, *other, *side));
    sides.iter().copied().filter(unbeaten).collect()
}

/// The choice for `class` among `classes`.
pub fn choose(class: &Class<'_>, classes: &[Class<'_>]) -> Choice {
    let line = class.line;
    let (sides, winners) = (measured(line), winners(line));
    if winners.len() < sides.len() {
        let value = |side: usize| line.values[side].as_ref().map_or(0.0, |value| value.typical);
        // Only a side that beats another has earned its place, and a base that no other beats: to
        // leave everything as it is needs no further reason.
        let beats_any = |side: usize| sides.iter().any(|other| beats(line, side, *other));
        let eligible = winners.into_iter().filter(|side| *side == 0 || beats_any(*side));
        let better = |a: f64, b: f64| match line.metric.better {
            Better::Higher => b.total_cmp(&a),
            Better::Lower => a.total_cmp(&b),
        };
        let best = eligible.min_by(|a, b| {
            let losses = |side: usize| losses(side, class, classes);
            let count = |side: usize| losses(side).len();
            let size =
                |side: usize| losses(side).iter().map(|(_, ratio)| ratio.ln().abs()).sum::<f64>();
            let losses = count(*a).cmp(&count(*b)).then(size(*a).total_cmp(&size(*b)));
            let base_first = (*a != 0).cmp(&(*b != 0));
            losses.then(base_first).then(better(value(*a), value(*b))).then(a.cmp(b))
        });
        return best.map_or(Choice::Unclear, Choice::Side);
    }
    let all_same = sides.iter().all(|base| {
        sides.iter().filter(|side| *side != base).all(|side| is_same(line, *side, *base))
    });
    if all_same && sides.len() > 1 { Choice::Any } else { Choice::Unclear }
}

/// The classes other than `class` in which `side` is really worse than their best, with the ratio
/// of `side` to that best.
pub fn losses<'c, 'v>(
    side: usize,
    class: &Class<'v>,
    classes: &'c [Class<'v>],
) -> Vec<(&'c Class<'v>, f64)> {
    let others = classes.iter().filter(|other| !std::ptr::eq(other.line, class.line));
    others.filter_map(|other| Some((other, loss(side, other.line)?))).collect()
}

/// The largest real loss of `side` against any other, as the ratio of `side` to it.
pub fn loss(side: usize, line: &Line) -> Option<f64> {
    let beaten = measured(line).into_iter().filter(|other| beats(line, *other, side));
    let ratios = beaten.filter_map(|other| cell(line, other, side)?.ratio);
    ratios.max_by(|a, b| a.ln().abs().total_cmp(&b.ln().abs()))
}

/// A class's row: what to use, why, what else there is, what it gives up.
pub struct Advice {
    /// What is chosen.
    pub choice: Choice,
    /// Why.
    pub because: String,
    /// The numbers behind it.
    pub numbers: String,
    /// What it costs elsewhere.
    pub gives_up: String,
}

/// The row of `class`.
pub fn advice(view: &View<'_>, class: &Class<'_>, classes: &[Class<'_>]) -> Advice {
    let choice = choose(class, classes);
    let line = class.line;
    let (because, gives_up) = match &choice {
        Choice::Side(side) => (because(view, line, *side), given_up(view, *side, class, classes)),
        Choice::Any => (format!("the same within \u{b1}{}", view.margin()), "nothing".to_owned()),
        Choice::Unclear => (unclear(line), "not known yet".to_owned()),
    };
    Advice { choice, because, numbers: numbers(view, line), gives_up }
}

/// Against the base where that is a real difference, else against the worst that is really worse;
/// and who looks better without being shown to be.
fn because(view: &View<'_>, line: &Line, side: usize) -> String {
    let gain = |other: usize| {
        cell(line, other, side).and_then(|cell| cell.ratio).map_or(0.0, |ratio| line.gain(ratio))
    };
    let open = match rival(line, side) {
        Some((other, ratio)) => {
            let (name, change) = (&view.names[other], words::change(ratio));
            format!("; {name} looks {change}, which is unclear")
        }
        None => String::new(),
    };
    let mut beaten = measured(line);
    beaten.retain(|other| beats(line, side, *other));
    let worst = beaten.iter().copied().max_by(|a, b| gain(*a).total_cmp(&gain(*b)));
    let other = if beaten.contains(&0) { Some(0) } else { worst };
    match other.and_then(|other| Some((other, cell(line, other, side)?.ratio?))) {
        Some((other, ratio)) => {
            format!("{}: {} than {}{open}", line.name, words::change(ratio), view.names[other])
        }
        None => format!("{}: no other is really better{open}", line.name),
    }
}

/// Of the sides that look better than `side` and are not told from it the best-looking, with its
/// ratio to `side`.
fn rival(line: &Line, side: usize) -> Option<(usize, f64)> {
    let open = |other: &usize| {
        cell(line, side, *other).is_some_and(|cell| cell.verdict == Some(Verdict::Inconclusive))
    };
    let others = measured(line).into_iter().filter(open);
    let looks = others.filter_map(|other| Some((other, cell(line, side, other)?.ratio?)));
    let better = looks.filter(|(_, ratio)| line.gain(*ratio) > 1.0);
    better.max_by(|a, b| line.gain(a.1).total_cmp(&line.gain(b.1)))
}

fn numbers(view: &View<'_>, line: &Line) -> String {
    let each = line.values.iter().enumerate().filter_map(|(side, value)| {
        Some(format!("{} {}", view.names[side], line.number(value.as_ref()?.typical)))
    });
    let each: Vec<String> = each.collect();
    let unit = if line.shown.1.is_empty() { String::new() } else { format!(" {}", line.shown.1) };
    let detail = if line.detail.is_empty() { String::new() } else { format!(" ({})", line.detail) };
    format!("{}{unit}{detail}", each.join(", "))
}

fn given_up(view: &View<'_>, side: usize, class: &Class<'_>, classes: &[Class<'_>]) -> String {
    let lost = losses(side, class, classes);
    if lost.is_empty() {
        let mut decide = view.lines.iter().filter(|line| line.gated());
        let elsewhere = decide.any(|line| loss(side, line).is_some());
        let of = if elsewhere { "nothing of these workloads" } else { "nothing measurable" };
        return of.to_owned();
    }
    lost.into_iter().map(|(other, ratio)| lost_part(other, ratio)).collect::<Vec<_>>().join(", ")
}

/// `57% of all-reduce`, `38% higher memory latency`.
pub fn lost_part(class: &Class<'_>, ratio: f64) -> String {
    lost_of(class.line, &class.noun, ratio)
}

/// The same of any line, by the noun it is called.
pub fn lost_of(line: &Line, noun: &str, ratio: f64) -> String {
    match line.metric.better {
        Better::Higher => format!("{} of {noun}", percent(1.0 - ratio)),
        Better::Lower => format!("{} {noun}", words::change(ratio)),
    }
}

/// `57%`, with a decimal below ten.
pub fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent.abs() < 9.5 { format!("{percent:.1}%") } else { format!("{percent:.0}%") }
}

/// Why nothing can be chosen, from the cell that needs least.
fn unclear(line: &Line) -> String {
    let cells =
        line.cells.iter().flatten().filter(|cell| cell.verdict == Some(Verdict::Inconclusive));
    let least = cells.min_by_key(|cell| cell.need.unwrap_or(usize::MAX));
    match least {
        Some(cell) => format!("unclear: {}", words::unclear(cell, line.level.name())),
        None => "nothing to compare".to_owned(),
    }
}
