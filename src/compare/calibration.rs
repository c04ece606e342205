//! From stored runs of one unchanged configuration to the batches of a noise floor.

use super::Side;
use super::floors::{Batch, NoiseFloor, Source, Subject};
use super::gather::{Gathered, Launched, Sample};
use super::policy::FloorKey;
use super::units::Level;
use crate::stats::{launch_center, mean, squares};
use std::collections::{BTreeMap, BTreeSet};
use vbench_results::ResultSet;

/// What a collection found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Ids of the runs that were added.
    pub added: Vec<String>,
    /// Ids of the runs that the noise floor had already.
    pub known: Vec<String>,
}

impl Subject {
    /// What a run measured.
    pub fn of(results: &ResultSet) -> Self {
        let run = &results.run;
        Self {
            system: run.system.clone(),
            config: run.config.clone(),
            fingerprint: run.fingerprint.clone(),
            profile: run.profile.clone(),
            vbench_version: run.vbench_version.clone(),
        }
    }

    /// In what `other` is something else: name, own value, its value.
    fn differences(&self, other: &Self) -> Vec<String> {
        let fields = [
            ("system", &self.system, &other.system),
            ("configuration", &self.config, &other.config),
            ("fingerprint", &self.fingerprint, &other.fingerprint),
            ("profile", &self.profile, &other.profile),
            ("version of vbench", &self.vbench_version, &other.vbench_version),
        ];
        let differ = fields.into_iter().filter(|(_, own, other)| own != other);
        differ.map(|(name, own, other)| format!("{name} ({own:?} and {other:?})")).collect()
    }
}

impl NoiseFloor {
    /// Adds the launches of `runs` to the floors of `level`; runs that it has are left out.
    ///
    /// # Errors
    /// A run of another machine, configuration, profile or version, or of another version of a
    /// benchmark: its change would be taken for noise. Nothing is added then.
    pub fn collect(&mut self, runs: &[ResultSet], level: Level) -> Result<Collected, String> {
        let mut collected = Collected::default();
        let mut fresh = Vec::new();
        for results in runs {
            let run = &results.run;
            if self.sources.iter().any(|known| known.level == level && known.run == run.id) {
                collected.known.push(run.id.clone());
                continue;
            }
            self.same_subject(results)?;
            collected.added.push(run.id.clone());
            fresh.push(results.clone());
        }
        let gathered = Gathered::new(&Side { name: "calibration", runs: &fresh });
        for sample in gathered.samples.values() {
            self.same_version(sample)?;
        }
        for sample in gathered.samples.values().filter(|sample| !sample.metric.exact) {
            self.add(sample, &gathered.summary.runs, level);
        }
        self.sources.extend(fresh.iter().map(|results| Source {
            level,
            started_at: results.run.started_at.clone(),
            run: results.run.id.clone(),
        }));
        self.sources.sort();
        Ok(collected)
    }

    /// Distinct boots behind the floors of boots.
    pub fn boots(&self) -> usize {
        let batches = self.of_level(Level::Boot).flat_map(|spread| &spread.batches);
        batches.filter_map(|batch| batch.boot.as_deref()).collect::<BTreeSet<_>>().len()
    }

    fn same_subject(&self, results: &ResultSet) -> Result<(), String> {
        if results.run.fingerprint.is_empty() {
            return Err(format!(
                "run {} does not say which machine it is of: use its result.json",
                results.run.id
            ));
        }
        let differences = self.subject.differences(&Subject::of(results));
        if differences.is_empty() {
            return Ok(());
        }
        Err(format!(
            "run {} is not what the noise floor was measured on: {}",
            results.run.id,
            differences.join(", ")
        ))
    }

    fn same_version(&self, sample: &Sample<'_>) -> Result<(), String> {
        let case = sample.case.case.to_string();
        let of_case = self.floors.iter().filter(|spread| spread.case == case);
        let mut versions = sample.versions.clone();
        versions.extend(of_case.map(|spread| spread.version.as_str()));
        if versions.len() < 2 && !sample.mixed {
            return Ok(());
        }
        let versions: Vec<&str> = versions.into_iter().collect();
        Err(format!("the code, unit or direction of {case} differs between the runs: {versions:?}"))
    }

    fn add(&mut self, sample: &Sample<'_>, runs: &[String], level: Level) {
        let case = sample.case.case.to_string();
        let key = FloorKey { case, metric: sample.metric.name.clone(), level };
        let spread = self.spread(&key, &sample.case.version, sample.metric.role);
        match batches(sample, runs) {
            Some(batches) => batches.into_iter().for_each(|batch| spread.add(batch)),
            None => spread.refuse("a value is zero or negative: it has no logarithm".to_owned()),
        }
    }
}

/// The launches of a sample by run and boot; `None` when a value has no logarithm.
fn batches(sample: &Sample<'_>, runs: &[String]) -> Option<Vec<Batch>> {
    let of_batch = |((run, boot), launches): ((u32, Option<&str>), Vec<&Launched<'_>>)| {
        let centers: Option<Vec<f64>> =
            launches.iter().map(|launch| launch_center(&launch.values)).collect();
        let centers = centers?;
        Some(Batch {
            run: runs.get(run as usize)?.clone(),
            boot: boot.map(str::to_owned),
            launches: centers.len(),
            mean_ln: mean(&centers),
            squares_ln: squares(&centers),
        })
    };
    by_batch(sample).into_iter().map(of_batch).collect()
}

/// The launches of each run in each boot.
pub(super) fn by_batch<'s, 'a>(
    sample: &'s Sample<'a>,
) -> BTreeMap<(u32, Option<&'a str>), Vec<&'s Launched<'a>>> {
    let mut batches: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for launch in &sample.launches {
        batches.entry((launch.number.0, launch.boot)).or_default().push(launch);
    }
    batches
}
