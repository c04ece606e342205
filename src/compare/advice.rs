//! How much to measure: launches and repeats for a wanted margin and power, from what is stored.

use super::Side;
use super::calibration::by_batch;
use super::gather::{Gathered, Launched, Sample};
use crate::stats::{
    Components, Planner, best_repeats, components_within, launch_center, mean, median, sd, squares,
};
use serde::Serialize;
use std::collections::BTreeMap;
use vbench_results::{Launch, Repeat, ResultSet, Role};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Wanted {
    /// Largest p value of a difference that counts as real.
    pub alpha: f64,
    /// Chance to find a change of the margin's size.
    pub power: f64,
    /// Smallest change that matters, as a share.
    pub margin: f64,
    /// What a launch costs beside its repeats, in seconds; measured where absent.
    pub cost_launch_s: Option<f64>,
    /// What a repeat costs, in seconds; measured where absent.
    pub cost_repeat_s: Option<f64>,
}

/// Advice for one case and metric. Everything is about right: a spread found from five launches is
/// itself uncertain by a third.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// The case's id.
    pub case: String,
    /// Label that groups.
    pub kind: String,
    /// The metric's name.
    pub metric: String,
    /// What a change in the metric means.
    pub role: Role,
    /// Where the spread lies, within runs.
    pub components: Components,
    /// Spread of launch centers within a run, in ln.
    pub sd_units: Option<f64>,
    /// What a launch costs beside its repeats, in seconds.
    pub cost_launch_s: Option<f64>,
    /// What a repeat costs, in seconds.
    pub cost_repeat_s: Option<f64>,
    /// Repeats a launch as measured.
    pub now: Option<Design>,
    /// The best split of the same time over launches and repeats.
    pub best: Option<Design>,
    /// The same over boots, where the runs come from several.
    pub boots: Option<Boots>,
    /// Why something is missing.
    pub reason: Option<String>,
}

/// Launches and repeats, and what they give.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Design {
    /// Repeats a launch.
    pub repeats: usize,
    /// Spread of launch centers that it leads to, in ln.
    pub sd_units: f64,
    /// Launches a side that show a change of the margin's size; absent above 1000.
    pub launches: Option<usize>,
    /// Expected half of the 95% interval with so many launches, as a share.
    pub half_width: Option<f64>,
    /// Time for the launches of both sides, in seconds.
    pub time_s: Option<f64>,
}

/// What several boots say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Boots {
    /// Boots with a value.
    pub measured: usize,
    /// Spread of their means, in ln.
    pub sd: f64,
    /// Boots a side that show a change of the margin's size; absent above 1000.
    pub wanted: Option<usize>,
}

/// Most repeats a launch that are ever advised.
const MOST_REPEATS: f64 = 1000.0;

/// Advice for every case and metric of runs of one configuration, in the order of their names.
/// Metrics that repeat exactly need no advice and get none.
pub fn advise(runs: &[ResultSet], wanted: &Wanted) -> Vec<Advice> {
    let planner = Planner::new(wanted.alpha, wanted.power);
    let gathered = Gathered::new(&Side { name: "pilot", runs });
    let costs = costs(runs);
    let samples = gathered.samples.values().filter(|sample| !sample.metric.exact);
    samples
        .map(|sample| {
            let case = sample.case.case.to_string();
            let measured = costs.get(&case).copied().unwrap_or_default();
            Pilot { sample, case, measured }.advice(wanted, &planner)
        })
        .collect()
}

/// What a launch costs beside its repeats, and what a repeat costs; seconds.
#[derive(Clone, Copy, Default)]
struct Costs {
    launch: Option<f64>,
    repeat: Option<f64>,
}

/// Medians over the launches of each case. A duration of zero is one that was not stored.
fn costs(runs: &[ResultSet]) -> BTreeMap<String, Costs> {
    let mut launches: BTreeMap<String, Vec<&Launch>> = BTreeMap::new();
    for case in runs.iter().flat_map(|run| &run.cases) {
        launches.entry(case.case.to_string()).or_default().extend(&case.launches);
    }
    let of_case = |launches: Vec<&Launch>| {
        let timed = |repeats: &[Repeat]| repeats.iter().map(|repeat| repeat.elapsed_s).sum::<f64>();
        let beside = |launch: &&&Launch| launch.elapsed_s - timed(&launch.repeats);
        let measured = || launches.iter().filter(|launch| !launch.repeats.is_empty());
        let repeats = measured().flat_map(|launch| &launch.repeats);
        Costs {
            launch: middle(measured().map(|launch| beside(&launch))),
            repeat: middle(repeats.map(|repeat| repeat.elapsed_s)),
        }
    };
    launches.into_iter().map(|(case, launches)| (case, of_case(launches))).collect()
}

/// The median of the values above zero.
fn middle(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.filter(|value| *value > 0.0).collect();
    values.sort_by(f64::total_cmp);
    (!values.is_empty()).then(|| median(&values))
}

/// What was measured of one case and metric.
struct Pilot<'s, 'a> {
    sample: &'s Sample<'a>,
    case: String,
    measured: Costs,
}

impl Pilot<'_, '_> {
    fn advice(&self, wanted: &Wanted, planner: &Planner) -> Advice {
        let batches: Vec<Vec<&Launched<'_>>> = by_batch(self.sample).into_values().collect();
        let cost = Costs {
            launch: wanted.cost_launch_s.or(self.measured.launch),
            repeat: wanted.cost_repeat_s.or(self.measured.repeat),
        };
        let components = in_ln(&batches);
        let sd_units = spread_of_centers(&batches);
        let plan = Plan { wanted, planner, cost };
        let best = plan.best(&components);
        let now = sd_units.map(|sd| plan.design(self.repeats(), sd));
        Advice {
            case: self.case.clone(),
            kind: self.sample.case.kind.clone(),
            metric: self.sample.metric.name.clone(),
            role: self.sample.metric.role,
            reason: self.missing(sd_units, &components, best),
            sd_units,
            components,
            cost_launch_s: cost.launch,
            cost_repeat_s: cost.repeat,
            now,
            best,
            boots: self.boots(&plan),
        }
    }

    /// The middle number of repeats of a launch.
    fn repeats(&self) -> usize {
        let mut counts: Vec<usize> =
            self.sample.launches.iter().map(|launch| launch.values.len()).collect();
        counts.sort_unstable();
        counts.get(counts.len() / 2).copied().unwrap_or_default()
    }

    fn missing(
        &self,
        sd_units: Option<f64>,
        components: &Components,
        best: Option<Design>,
    ) -> Option<String> {
        let reason = if self.sample.values().any(|value| !(value > 0.0 && value.is_finite())) {
            "a value is zero or negative: it has no logarithm"
        } else if sd_units.is_none() {
            "one launch a run: its spread is not known; measure with --launches 5"
        } else if best.is_some() {
            return None;
        } else if components.sd_within.is_none() {
            "one repeat a launch: their spread is not known"
        } else if components.sd_launch == Some(0.0) {
            "launches do not differ beyond their repeats: any split does"
        } else {
            "no durations are stored: give --cost-launch and --cost-repeat"
        };
        Some(reason.to_owned())
    }

    /// The spread of boots, where there are several.
    fn boots(&self, plan: &Plan<'_>) -> Option<Boots> {
        let mut boots: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for launch in &self.sample.launches {
            boots.entry(launch.boot?).or_default().push(launch_center(&launch.values)?);
        }
        let means: Vec<f64> = boots.values().map(|centers| mean(centers)).collect();
        let sd = sd(&means)?;
        let wanted = plan.planner.units(sd, plan.wanted.margin.ln_1p());
        Some(Boots { measured: means.len(), sd, wanted })
    }
}

/// Components of variance of ln values, within runs and boots; unknown where a value has no logarithm.
fn in_ln(batches: &[Vec<&Launched<'_>>]) -> Components {
    let logs = |launch: &&Launched<'_>| launch.values.iter().map(|value| value.ln()).collect();
    let batches: Vec<Vec<Vec<f64>>> =
        batches.iter().map(|batch| batch.iter().map(logs).collect()).collect();
    let batches: Vec<&[Vec<f64>]> = batches.iter().map(Vec::as_slice).collect();
    let found = components_within(&batches);
    if found.sd_within.is_none_or(f64::is_finite) {
        return found;
    }
    Components { sd_within: None, sd_launch: None, icc: None, ..found }
}

/// Spread of launch centers around the mean of their run and boot.
fn spread_of_centers(batches: &[Vec<&Launched<'_>>]) -> Option<f64> {
    let (mut sum, mut freedom) = (0.0, 0);
    for batch in batches {
        let centers: Option<Vec<f64>> =
            batch.iter().map(|launch| launch_center(&launch.values)).collect();
        let centers = centers?;
        sum += squares(&centers);
        freedom += centers.len() - 1;
    }
    (freedom > 0).then(|| (sum / freedom as f64).sqrt())
}

/// What turns spreads into launches and time.
struct Plan<'w> {
    wanted: &'w Wanted,
    planner: &'w Planner,
    cost: Costs,
}

impl Plan<'_> {
    fn design(&self, repeats: usize, sd_units: f64) -> Design {
        let launches = self.planner.units(sd_units, self.wanted.margin.ln_1p());
        let half = launches.and_then(|launches| self.planner.half_width(sd_units, launches));
        let time = launches.zip(self.cost.launch).zip(self.cost.repeat);
        Design {
            repeats,
            sd_units,
            launches,
            half_width: half.map(f64::exp_m1),
            time_s: time.map(|((launches, launch), repeat)| {
                2.0 * launches as f64 * (launch + repeats as f64 * repeat)
            }),
        }
    }

    /// The cheapest number of repeats; the spread of a launch's center follows from the components.
    fn best(&self, components: &Components) -> Option<Design> {
        let repeats = best_repeats(self.cost.launch?, self.cost.repeat?, components)?;
        let repeats = repeats.round().clamp(1.0, MOST_REPEATS);
        let (within, launch) = (components.sd_within?, components.sd_launch?);
        let sd = (launch * launch + within * within / repeats).sqrt();
        Some(self.design(repeats as usize, sd))
    }
}
