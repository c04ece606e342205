//! One side's samples by case and metric, its runs pooled as launches of one configuration.

use super::Side;
use super::facts;
use super::note::Note;
use super::pair::SideSummary;
use std::collections::{BTreeMap, BTreeSet};
use std::time::UNIX_EPOCH;
use vbench_results::{CaseId, CaseResult, Metric, Outcome, ResultSet};

/// A side in the form in which rows are made of it.
pub struct Gathered<'a> {
    pub summary: SideSummary,
    pub runs: &'a [ResultSet],
    /// By case and metric, where there is a value.
    pub samples: BTreeMap<(&'a CaseId, &'a str), Sample<'a>>,
    /// Why a planned case has no value: the reason of its last launch without one.
    pub absent: BTreeMap<&'a CaseId, String>,
}

/// All values of one metric in one case.
pub struct Sample<'a> {
    pub case: &'a CaseResult,
    pub metric: &'a Metric,
    pub versions: BTreeSet<&'a str>,
    /// Unit or direction differ between the runs of this side.
    pub mixed: bool,
    /// In the order of runs and launches.
    pub launches: Vec<Launched<'a>>,
    /// Launches that failed or timed out.
    pub failed: usize,
}

/// The values of one launch.
pub struct Launched<'a> {
    /// Run and launch number: runs are counted in the order of their start.
    pub number: (u32, u32),
    /// The run's id.
    pub run: &'a str,
    pub boot: Option<&'a str>,
    /// Seconds since 1970, where the run's start can be read.
    pub at: Option<f64>,
    /// Ascending.
    pub values: Vec<f64>,
    pub disturbed: usize,
}

/// The run that launches are of.
struct Origin<'a> {
    /// Its place in the order of starts.
    index: u32,
    id: &'a str,
    /// Seconds since 1970.
    started: Option<f64>,
}

impl<'a> Gathered<'a> {
    pub fn new(side: &Side<'a>) -> Self {
        let mut runs: Vec<&ResultSet> = side.runs.iter().collect();
        runs.sort_by(|a, b| (&a.run.started_at, &a.run.id).cmp(&(&b.run.started_at, &b.run.id)));
        let mut gathered = Self {
            summary: SideSummary::new(side.name, &runs),
            runs: side.runs,
            samples: BTreeMap::new(),
            absent: BTreeMap::new(),
        };
        for (index, run) in runs.into_iter().enumerate() {
            let started = started(run);
            let origin = Origin { index: index as u32, id: &run.run.id, started };
            for case in &run.cases {
                gathered.add(case, &origin);
            }
        }
        for sample in gathered.samples.values_mut() {
            sample.launches.sort_by_key(|launch| launch.number);
        }
        let launches = gathered.samples.values().map(|sample| sample.launches.len()).max();
        gathered.summary.launches = launches.unwrap_or_default();
        let boots = gathered.samples.values().filter_map(Sample::boots).map(|boots| boots.len());
        gathered.summary.boots = boots.max();
        gathered
    }

    fn add(&mut self, case: &'a CaseResult, origin: &Origin<'a>) {
        for metric in &case.metrics {
            let launches = launches(case, metric, origin);
            if !launches.is_empty() {
                let sample = self.samples.entry((&case.case, &metric.name));
                sample.or_insert_with(|| Sample::new(case, metric)).add(case, metric, launches);
            }
        }
        let ended = case.launches.iter().rfind(|launch| launch.outcome != Outcome::Measured);
        let reason = match ended {
            Some(launch) => {
                let reason = launch.outcome.reason().unwrap_or_default();
                format!("{}: {reason}", launch.outcome.state())
            }
            None if case.launches.is_empty() => "it was not run yet".to_owned(),
            None => "it recorded no such metric".to_owned(),
        };
        self.absent.insert(&case.case, reason);
    }

    /// What this side is, where its runs are not one thing.
    pub fn notes(&self) -> Vec<Note> {
        let mixed = facts::mixed(self.runs);
        if mixed.is_empty() {
            return Vec::new();
        }
        let text = format!("the runs of {} differ in {}", self.summary.name, mixed.join(", "));
        vec![Note::new("side:mixed", text)]
    }
}

impl<'a> Sample<'a> {
    fn new(case: &'a CaseResult, metric: &'a Metric) -> Self {
        let (versions, launches) = (BTreeSet::new(), Vec::new());
        Self { case, metric, versions, mixed: false, launches, failed: 0 }
    }

    fn add(&mut self, case: &'a CaseResult, metric: &'a Metric, launches: Vec<Launched<'a>>) {
        self.versions.insert(&case.version);
        self.mixed |=
            (&metric.unit.symbol, metric.better) != (&self.metric.unit.symbol, self.metric.better);
        self.failed += case.launches.iter().filter(|launch| launch.outcome.is_failure()).count();
        self.launches.extend(launches);
    }

    /// Every boot with a launch; `None` when that of a launch is not known.
    pub fn boots(&self) -> Option<BTreeSet<&'a str>> {
        self.launches.iter().map(|launch| launch.boot).collect()
    }

    pub fn values(&self) -> impl Iterator<Item = f64> {
        self.launches.iter().flat_map(|launch| launch.values.iter().copied())
    }
}

fn launches<'a>(case: &'a CaseResult, metric: &Metric, origin: &Origin<'a>) -> Vec<Launched<'a>> {
    let launched = |launch: &'a vbench_results::Launch| {
        let mut disturbed = 0;
        let values = launch.repeats.iter().filter_map(|repeat| {
            let value = repeat.values.get(&metric.name)?;
            disturbed += usize::from(repeat.evidence.disturbed.is_some());
            Some(*value)
        });
        let mut values: Vec<f64> = values.collect();
        // Sums must not depend on the order of stored rows, not even in their last digit.
        values.sort_by(f64::total_cmp);
        let at = origin.started.map(|started| started + launch.at_s);
        let boot = launch.boot_id.as_deref();
        let (number, run) = ((origin.index, launch.launch), origin.id);
        (!values.is_empty()).then_some(Launched { number, run, boot, at, values, disturbed })
    };
    case.launches.iter().filter_map(launched).collect()
}

fn started(run: &ResultSet) -> Option<f64> {
    let time = humantime::parse_rfc3339_weak(&run.run.started_at).ok()?;
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs_f64())
}
