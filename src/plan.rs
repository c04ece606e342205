//! What will run: cases from benchmarks and axes, filtered, in an order drawn from a seed.

use crate::axis::{Axis, Params};
use crate::bencher::Settings;
use crate::benchmark::Benchmark;
use crate::gpu;
use crate::machine::Machine;
use crate::profile::{Effort, Profile};
use crate::quantity::Bytes;
use crate::text::nearest;
use crate::text::number::counted;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use vbench_results::{CaseId, CaseResult, Metric, Role};

/// Which cases, and how much of each. Stored with the run, so that `--resume` plans the same.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Selection {
    /// Substrings of case ids, any of which selects; all cases when empty.
    pub filters: Vec<String>,
    /// Filters must equal a case id or a benchmark id.
    pub exact: bool,
    /// Substrings that deselect.
    pub skip: Vec<String>,
    /// Kinds to keep; all when empty.
    pub kinds: Vec<String>,
    /// Axis name to the values to use in place of the benchmark's.
    pub axes: BTreeMap<String, Vec<String>>,
    /// The largest size: cases beyond it on an axis `size` are left out, an axis `up_to` ends there.
    pub max_bytes: Option<u64>,
    /// What to do with ignored benchmarks.
    pub ignored: Ignored,
    /// How much is measured.
    pub profile: Profile,
    /// Overrides of the profile and of the attribute.
    pub launches: Option<u32>,
    /// Recorded repeats per launch.
    pub samples: Option<u32>,
    /// Seconds per sample, and per window of a benchmark that counts events.
    pub time: Option<f64>,
    /// Seconds after which a launch is killed.
    pub timeout: Option<f64>,
    /// Seed of order and numbers.
    pub seed: u64,
    /// False: every case runs in declared order.
    pub shuffle: bool,
}

/// What to do with benchmarks marked `ignore`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ignored {
    /// Leave them out.
    #[default]
    Exclude,
    /// Run them too.
    Include,
    /// Run nothing else.
    Only,
}

/// One benchmark with axis values and the effort to spend on it.
#[derive(Clone, Debug)]
pub struct Case {
    /// Benchmark and axis values.
    pub id: CaseId,
    /// What runs.
    pub benchmark: &'static Benchmark,
    /// How a launch measures.
    pub settings: Settings,
    /// When a launch is killed.
    pub timeout: Duration,
    /// Why it cannot run here.
    pub skip: Option<String>,
}

/// Everything that will run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Sorted by benchmark, axis values in declared order.
    pub cases: Vec<Case>,
    /// Launches of each case.
    pub launches: u32,
    /// Seed of the order.
    pub seed: u64,
    /// Whether the order is drawn.
    pub shuffle: bool,
    /// Cases that only a longer profile contains.
    pub left_out: usize,
    /// The shortest profile that contains some of those.
    pub longer: Option<Profile>,
}

/// A selection that makes no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// `--axis` names an axis that no selected benchmark has.
    #[error("no selected benchmark has an axis {axis:?} (axes here: {known})")]
    UnknownAxis {
        /// As given.
        axis: String,
        /// Those that exist.
        known: String,
    },
    /// `--axis` gives a text that the axis cannot read.
    #[error("--axis {axis}={text} is no value of this axis: {why}")]
    BadValue {
        /// The axis.
        axis: String,
        /// As given.
        text: String,
        /// What the type says.
        why: String,
    },
    /// `after` names no benchmark, or itself in a circle.
    #[error("{benchmark}: after = {after:?} {why}")]
    BadOrder {
        /// The benchmark with the key.
        benchmark: String,
        /// What it names.
        after: String,
        /// What is wrong.
        why: &'static str,
    },
}

impl Plan {
    /// Plans the selected cases of `benchmarks` on `machine`.
    ///
    /// # Errors
    /// An unknown axis, a bad axis value, a bad `after`.
    pub fn new(
        benchmarks: &[&'static Benchmark],
        selection: &Selection,
        machine: &Machine,
    ) -> Result<Self, PlanError> {
        check_order(benchmarks)?;
        let profile = selection.profile;
        let mut plan = Self {
            cases: Vec::new(),
            launches: selection.launches.unwrap_or(profile.effort().launches).max(1),
            seed: selection.seed,
            shuffle: selection.shuffle,
            left_out: 0,
            longer: None,
        };
        let mut axes_here: BTreeSet<String> = BTreeSet::new();
        let mut unread = Vec::new();
        for &benchmark in benchmarks.iter().filter(|b| selection.wants_benchmark(b)) {
            let (seen, asks) = gpu::unopened(|| benchmark.axes(machine));
            let axes = match asks {
                false => seen,
                true if selection.may_want(benchmark, seen) => benchmark.axes(machine),
                true => continue,
            };
            let axes = axes.into_iter().map(|axis| selection.bounded(axis)).collect();
            let combined = match combinations(axes, &selection.axes) {
                Ok(combined) => combined,
                Err(bad) => {
                    unread.extend(selection.wants_some(benchmark, machine).then_some(bad));
                    continue;
                }
            };
            let mut skip = None;
            for params in combined {
                let id = CaseId { benchmark: benchmark.id(), params: params.0 };
                if !selection.wants_case(&id) {
                    continue;
                }
                if benchmark.options.profile > profile && !selection.exact {
                    plan.left_out += 1;
                    let least = plan.longer.unwrap_or(Profile::Thorough);
                    plan.longer = Some(least.min(benchmark.options.profile));
                    continue;
                }
                axes_here.extend(id.params.keys().cloned());
                // Probed once per benchmark, and only when a case of it is wanted.
                let skip = skip.get_or_insert_with(|| benchmark.needs(machine).err());
                plan.cases.push(Case {
                    settings: selection.settings(benchmark),
                    timeout: selection.timeout(benchmark),
                    skip: skip.as_ref().map(|skip| skip.reason().to_owned()),
                    id,
                    benchmark,
                });
            }
        }
        if let Some(bad) = unread.into_iter().find(|bad| !plan.has_axis_of(bad)) {
            return Err(bad);
        }
        // An axis that none of them has would change nothing: a mistake. Without a case there is
        // nothing to change: Cargo hands the same words to every bench program.
        match selection.axes.keys().find(|axis| !axes_here.contains(*axis)) {
            Some(axis) if !plan.cases.is_empty() => Err(plan.unknown_axis(axis, &axes_here)),
            _ => Ok(plan),
        }
    }

    fn unknown_axis(&self, axis: &str, here: &BTreeSet<String>) -> PlanError {
        let names: Vec<&str> = here.iter().map(String::as_str).collect();
        let listed = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let longer = self.in_longer("case").map(|told| format!("; {told}")).unwrap_or_default();
        let meant = nearest(axis, names).map(|name| format!("; did you mean {name}?"));
        let known = format!("{listed}{longer}{}", meant.unwrap_or_default());
        PlanError::UnknownAxis { axis: axis.to_owned(), known }
    }

    /// True when a case has the axis whose value another benchmark could not read: axes of one name
    /// may take different values in different benchmarks.
    fn has_axis_of(&self, bad: &PlanError) -> bool {
        match bad {
            PlanError::BadValue { axis, .. } => {
                self.cases.iter().any(|case| case.id.params.contains_key(axis))
            }
            _ => false,
        }
    }

    /// How many cases longer profiles add, as `noun`s, and which to ask for; nothing where none do.
    pub fn in_longer(&self, noun: &str) -> Option<String> {
        let profile = self.longer?;
        Some(format!("{} in longer profiles: --profile {profile}", counted(self.left_out, noun)))
    }

    /// The order of one round of launches, as indices into `cases`: drawn from the seed and the
    /// round, then changed only where `after` asks for it.
    pub fn round(&self, launch: u32, wanted: &[usize]) -> Vec<usize> {
        let mut order = wanted.to_vec();
        if self.shuffle {
            let mixed = self.seed ^ u64::from(launch).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            fastrand::Rng::with_seed(mixed).shuffle(&mut order);
        }
        let mut sorted = Vec::with_capacity(order.len());
        while !order.is_empty() {
            let waits = |index: &usize| {
                let after = self.cases[*index].benchmark.options.after;
                after.is_some_and(|after| {
                    order.iter().any(|other| names(after, self.cases[*other].benchmark))
                })
            };
            // `check_order` left no circles, so some case waits for nothing.
            let next = order.iter().position(|index| !waits(index)).unwrap_or(0);
            sorted.push(order.remove(next));
        }
        sorted
    }
}

impl Case {
    /// The metrics of the case. In a control all that are judged are controls; the others stay
    /// evidence, which may move.
    pub fn metrics(&self) -> Vec<Metric> {
        let mut metrics = self.benchmark.metrics();
        if self.benchmark.options.control {
            let judged = metrics.iter_mut().filter(|metric| metric.role == Role::Gated);
            judged.for_each(|metric| metric.role = Role::Control);
        }
        metrics
    }

    /// The stored form, without any launch yet.
    pub fn result(&self) -> CaseResult {
        CaseResult {
            case: self.id.clone(),
            kind: self.benchmark.kind.to_owned(),
            version: self.benchmark.version.to_owned(),
            estimator: self.benchmark.options.estimator,
            metrics: self.metrics(),
            launches: Vec::new(),
        }
    }

    /// The axis values.
    pub fn params(&self) -> Params {
        Params(self.id.params.clone())
    }
}

impl Selection {
    /// The axis up to the largest size; an override counts as it stands.
    fn bounded(&self, mut axis: Axis) -> Axis {
        let Some(most) = self.max_bytes else { return axis };
        let size = |row: &[String], column: usize| row.get(column)?.parse::<Bytes>().ok();
        for (column, name) in axis.names.iter().enumerate() {
            match *name {
                "size" => {
                    axis.rows.retain(|row| size(row, column).is_none_or(|size| size.0 <= most));
                }
                "up_to" => {
                    for row in &mut axis.rows {
                        let beyond = size(row, column).is_some_and(|size| size.0 > most);
                        if let Some(text) = row.get_mut(column).filter(|_| beyond) {
                            *text = Bytes(most).to_string();
                        }
                    }
                }
                _ => {}
            }
        }
        axis
    }

    fn wants_benchmark(&self, benchmark: &Benchmark) -> bool {
        let ignored = benchmark.options.ignore.is_some();
        let by_ignore = match self.ignored {
            Ignored::Exclude => !ignored,
            Ignored::Include => true,
            Ignored::Only => ignored,
        };
        by_ignore && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == benchmark.kind))
    }

    /// Whether a case may be wanted once the driver of the GPUs was asked, which can take long or
    /// hang; `seen` are the axes of a machine with one device. Devices have numbers, so that only a
    /// pattern with a digit can mean another one.
    fn may_want(&self, benchmark: &Benchmark, seen: Vec<Axis>) -> bool {
        let patterns = self.filters.iter().chain(&self.skip);
        let numbered = |pattern: &String| pattern.bytes().any(|byte| byte.is_ascii_digit());
        let given = combinations(seen.clone(), &self.axes);
        let params = given.or_else(|_| combinations(seen, &BTreeMap::new())).unwrap_or_default();
        let id = |params: Params| CaseId { benchmark: benchmark.id(), params: params.0 };
        let wanted = params.into_iter().any(|params| self.wants_case(&id(params)));
        wanted || patterns.into_iter().any(numbered)
    }

    /// True when a case with the benchmark's own axis values is wanted.
    fn wants_some(&self, benchmark: &Benchmark, machine: &Machine) -> bool {
        let own = combinations(benchmark.axes(machine), &BTreeMap::new()).unwrap_or_default();
        own.into_iter()
            .any(|params| self.wants_case(&CaseId { benchmark: benchmark.id(), params: params.0 }))
    }

    fn wants_case(&self, id: &CaseId) -> bool {
        let text = id.to_string();
        let hit = |pattern: &String| {
            if self.exact {
                *pattern == text || *pattern == id.benchmark
            } else {
                text.contains(pattern.as_str())
            }
        };
        let skipped = |pattern: &String| {
            if self.exact { *pattern == text } else { text.contains(pattern.as_str()) }
        };
        (self.filters.is_empty() || self.filters.iter().any(hit)) && !self.skip.iter().any(skipped)
    }

    /// Command line over attribute over profile. A smoke run stays tiny whatever the attribute says.
    fn settings(&self, benchmark: &Benchmark) -> Settings {
        let options = &benchmark.options;
        let base = self.profile.effort();
        let attribute = |value: Option<u32>| value.filter(|_| self.profile != Profile::Smoke);
        let mut effort = Effort {
            samples: self.samples.or(attribute(options.samples)).unwrap_or(base.samples).max(1),
            warmup: attribute(options.warmup).unwrap_or(base.warmup),
            max_time: options.max_time.and_then(seconds).unwrap_or(base.max_time),
            ..base
        };
        if options.max_time.is_some() {
            let share = f64::from(effort.samples) / f64::from(base.samples.max(1));
            effort.typical = base.typical.mul_f64(share).min(effort.max_time);
        }
        if let Some(time) = self.time.and_then(seconds) {
            effort.sample_time = time;
            effort.window = time;
            effort.max_time = effort.max_time.max(time * effort.samples);
        }
        Settings { profile: self.profile, effort, seed: self.seed }
    }

    fn timeout(&self, benchmark: &Benchmark) -> Duration {
        let asked = self.timeout.or(benchmark.options.timeout).and_then(seconds);
        asked.unwrap_or(self.profile.effort().timeout)
    }
}

fn seconds(value: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(value).ok().filter(|duration| !duration.is_zero())
}

/// Every combination of axis values, with overrides applied.
fn combinations(
    axes: Vec<Axis>,
    overrides: &BTreeMap<String, Vec<String>>,
) -> Result<Vec<Params>, PlanError> {
    let mut all = vec![Params::default()];
    for axis in axes {
        let rows = overridden(&axis, overrides)?;
        let extend = |params: &Params| -> Vec<Params> {
            let with_row = |row: &Vec<String>| {
                let mut params = params.clone();
                let pairs = axis.names.iter().map(|name| (*name).to_owned()).zip(row.clone());
                params.0.extend(pairs);
                params
            };
            rows.iter().map(with_row).collect()
        };
        all = all.iter().flat_map(extend).collect();
    }
    Ok(all)
}

/// The rows of an axis: those given on the command line in place of its own. A zipped axis keeps
/// the rows that hold a given value, because its columns belong together.
fn overridden(
    axis: &Axis,
    overrides: &BTreeMap<String, Vec<String>>,
) -> Result<Vec<Vec<String>>, PlanError> {
    let mut rows = axis.rows.clone();
    for (column, name) in axis.names.iter().enumerate() {
        let Some(texts) = overrides.get(*name) else { continue };
        let read = |text: &String| {
            (axis.normalise[column])(text).map_err(|why| PlanError::BadValue {
                axis: (*name).to_owned(),
                text: text.clone(),
                why,
            })
        };
        let mut values = Vec::new();
        for text in texts {
            let value = read(text)?;
            if !values.contains(&value) {
                values.push(value);
            }
        }
        if axis.names.len() == 1 {
            rows = values.into_iter().map(|value| vec![value]).collect();
        } else {
            rows.retain(|row| values.contains(&row[column]));
        }
    }
    Ok(rows)
}

/// True when `after`, a function name or an id, means `benchmark`.
fn names(after: &str, benchmark: &Benchmark) -> bool {
    after == benchmark.name || after == benchmark.id()
}

/// Every `after` names a benchmark, and following them ends.
fn check_order(benchmarks: &[&'static Benchmark]) -> Result<(), PlanError> {
    for &start in benchmarks {
        let mut at = start;
        for _ in 0..=benchmarks.len() {
            let Some(after) = at.options.after else { break };
            let bad =
                |why| PlanError::BadOrder { benchmark: at.id(), after: after.to_owned(), why };
            at = benchmarks
                .iter()
                .find(|other| names(after, other))
                .ok_or_else(|| bad("names no linked benchmark"))?;
            if std::ptr::eq(at, start) {
                return Err(bad("leads back to itself"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
