//! The noise floor: how far units of one unchanged configuration lie apart, and the file that holds it.
//!
//! `vbench calibrate` writes the file; `vbench diff` and the gate read it. A floor is one more member
//! of the cautious t and can only widen its answer. The file keeps what each batch of launches
//! contributed, so that a later boot can be added without the runs of the earlier ones.

use super::Comparison;
use super::note::Note;
use super::pair::SideSummary;
use super::policy::FloorKey;
use super::units::Level;
use crate::stats::{Floor, sd};
use crate::store;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use vbench_results::{Role, SCHEMA_VERSION, check_version};

/// Why a noise floor could not be read.
pub use vbench_results::ReadError as FloorsError;

/// What the file says it is.
const DOCUMENT: &str = "noise-floor";

/// Fewest degrees of freedom of a floor that is used: six boots, the fewest for which the method
/// was examined (six to ten boots: 4.5% to 5.5% false alarms), or six launches of one run. With
/// fewer the quantile of t is so wide that a floor decides every verdict.
pub const LEAST_DF: usize = 5;

/// The content of a noise-floor file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoiseFloor {
    /// `major.minor` of the format.
    pub schema_version: String,
    /// `noise-floor`.
    pub document: String,
    /// What was calibrated: never mixed.
    pub subject: Subject,
    /// The runs behind the floors, sorted by level, start and id.
    pub sources: Vec<Source>,
    /// Sorted by case, metric and level.
    pub floors: Vec<Spread>,
}

/// What all runs of a calibration have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The machine's name.
    pub system: String,
    /// The configuration's name.
    pub config: String,
    /// Hash of the machine's stable facts.
    pub fingerprint: String,
    /// Profile of the runs.
    pub profile: String,
    /// Version of the program that ran.
    pub vbench_version: String,
}

/// A run behind the floors of one level.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Source {
    /// What its launches were collected for.
    pub level: Level,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Its id.
    pub run: String,
}

/// How far the units of one case and metric lie apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The case's id.
    pub case: String,
    /// The metric's name.
    pub metric: String,
    /// What was repeated.
    pub level: Level,
    /// What a change in the metric means.
    #[serde(default)]
    pub role: Role,
    /// Version of the benchmark's code.
    pub version: String,
    /// Standard deviation of the units, in ln.
    pub sd_ln: Option<f64>,
    /// Its degrees of freedom.
    pub df: Option<f64>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was measured, sorted by run and boot.
    #[serde(default)]
    pub batches: Vec<Batch>,
}

/// The launches of one run in one boot: centers in ln.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// The run's id.
    pub run: String,
    /// The boot; absent where it is not known.
    pub boot: Option<String>,
    /// Number of launches.
    pub launches: usize,
    /// Mean of their centers.
    pub mean_ln: f64,
    /// Sum of the squared distances of their centers from that mean.
    pub squares_ln: f64,
}

/// Reads the floors of a noise-floor file, in the form that a policy takes.
///
/// # Errors
/// The file, and what is wrong with it: unreadable, newer, no noise floor, a spread that is none.
pub fn read_floors(path: &Path) -> Result<BTreeMap<FloorKey, Floor>, FloorsError> {
    Ok(NoiseFloor::read(path)?.floors())
}

/// Writes a noise-floor file, whole or not at all.
///
/// # Errors
/// The file, and what the system says.
pub fn write_floors(path: &Path, floors: &NoiseFloor) -> io::Result<()> {
    store::replace(path, |out| out.write_all(floors.to_json().as_bytes()))
}

impl NoiseFloor {
    /// A noise floor without any spread.
    pub fn new(subject: Subject) -> Self {
        Self {
            schema_version: SCHEMA_VERSION.to_owned(),
            document: DOCUMENT.to_owned(),
            subject,
            sources: Vec::new(),
            floors: Vec::new(),
        }
    }

    /// Reads the file.
    ///
    /// # Errors
    /// As [`read_floors`].
    pub fn read(path: &Path) -> Result<Self, FloorsError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| FloorsError::Io { path: path.to_owned(), source })?;
        Self::from_json(&text, path)
    }

    /// Reads the text of a file; `path` is named in errors.
    ///
    /// # Errors
    /// As [`read_floors`].
    pub fn from_json(text: &str, path: &Path) -> Result<Self, FloorsError> {
        let invalid = |message| FloorsError::Invalid { path: path.to_owned(), message };
        let head: Head = serde_json::from_str(text)
            .map_err(|error| invalid(format!("not a noise floor: {error}")))?;
        if head.document.as_deref() != Some(DOCUMENT) {
            let text = "not a noise floor: its document is not \"noise-floor\"\n  \
                        make one: vbench calibrate";
            return Err(invalid(text.to_owned()));
        }
        check_version(&head.schema_version.unwrap_or_default())
            .map_err(|found| FloorsError::Newer { path: path.to_owned(), found })?;
        // From the text again, because its errors know the line.
        let floors: Self = serde_json::from_str(text)
            .map_err(|error| invalid(format!("not a noise floor: {error}")))?;
        match floors.floors.iter().find_map(Spread::fault) {
            Some(fault) => Err(invalid(fault)),
            None => Ok(floors),
        }
    }

    /// The text of the file.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.expect("a noise floor has text keys only") + "\n"
    }

    /// The floors that are known.
    pub fn floors(&self) -> BTreeMap<FloorKey, Floor> {
        self.floors.iter().filter_map(|spread| Some((spread.key(), spread.floor()?))).collect()
    }

    /// The spreads of one level.
    pub fn of_level(&self, level: Level) -> impl Iterator<Item = &Spread> {
        self.floors.iter().filter(move |spread| spread.level == level)
    }

    /// Remarks in every pair of a comparison whose machines are not the one that was calibrated.
    pub fn remark(&self, comparison: &mut Comparison) {
        for pair in &mut comparison.pairs {
            pair.notes.extend(self.foreign(&comparison.base, &pair.candidate));
        }
    }

    /// A remark when the floors belong to a machine that is on neither side.
    fn foreign(&self, base: &SideSummary, candidate: &SideSummary) -> Option<Note> {
        let own = &self.subject.fingerprint;
        let known = base.fingerprints.contains(own) || candidate.fingerprints.contains(own);
        let text = format!(
            "the noise floor is of another machine: {} {} with fingerprint {own}; calibrate here",
            self.subject.system, self.subject.config
        );
        (!known).then(|| Note::new("floor:foreign", text))
    }

    /// The spread of a case and metric, made where it is not there yet.
    pub(super) fn spread(&mut self, key: &FloorKey, version: &str, role: Role) -> &mut Spread {
        let place = self.floors.binary_search_by(|spread| spread.key().cmp(key));
        let index = place.unwrap_or_else(|index| {
            self.floors.insert(index, Spread::new(key, version, role));
            index
        });
        &mut self.floors[index]
    }
}

/// What is read first: another document or a newer major may look different in every other way.
#[derive(Deserialize)]
struct Head {
    schema_version: Option<String>,
    document: Option<String>,
}

impl Spread {
    fn new(key: &FloorKey, version: &str, role: Role) -> Self {
        Self {
            case: key.case.clone(),
            metric: key.metric.clone(),
            level: key.level,
            role,
            version: version.to_owned(),
            sd_ln: None,
            df: None,
            reason: None,
            batches: Vec::new(),
        }
    }

    /// What it belongs to.
    pub fn key(&self) -> FloorKey {
        FloorKey { case: self.case.clone(), metric: self.metric.clone(), level: self.level }
    }

    /// The floor, where it is known.
    pub fn floor(&self) -> Option<Floor> {
        Some(Floor { sd: self.sd_ln?, df: self.df? })
    }

    /// What makes it no spread at all, in a sentence.
    fn fault(&self) -> Option<String> {
        let good = |number: Option<f64>, least: f64| {
            number.is_none_or(|number| number.is_finite() && number > 0.0 && number >= least)
        };
        let fault = if !good(self.sd_ln, 0.0) {
            "sd_ln must be above zero"
        } else if !good(self.df, 1.0) {
            "df must be at least 1"
        } else if self.sd_ln.is_some() != self.df.is_some() {
            "sd_ln and df must stand together"
        } else {
            return None;
        };
        Some(format!("{} {} at level {}: {fault}", self.case, self.metric, self.level.name()))
    }

    /// Distinct boots, where all are known.
    pub fn boots(&self) -> Option<usize> {
        Some(self.boot_means()?.len())
    }

    /// Launches behind it.
    pub fn launches(&self) -> usize {
        self.batches.iter().map(|batch| batch.launches).sum()
    }

    /// Mean of each boot over its launches, in ln.
    fn boot_means(&self) -> Option<BTreeMap<&str, f64>> {
        self.means_by(|batch| batch.boot.as_deref())
    }

    /// Mean over the launches of the batches that have a key in common, in ln; `None` when a key is
    /// not known.
    fn means_by<'s>(
        &'s self,
        key: impl Fn(&'s Batch) -> Option<&'s str>,
    ) -> Option<BTreeMap<&'s str, f64>> {
        let mut sums: BTreeMap<&str, (f64, usize)> = BTreeMap::new();
        for batch in &self.batches {
            let (sum, count) = sums.entry(key(batch)?).or_default();
            *sum += batch.mean_ln * batch.launches as f64;
            *count += batch.launches;
        }
        let mean = |(key, (sum, count)): (_, (f64, usize))| (key, sum / count as f64);
        Some(sums.into_iter().map(mean).collect())
    }

    /// Adds a batch and estimates the spread anew.
    pub(super) fn add(&mut self, batch: Batch) {
        let order = |batch: &Batch| (batch.run.clone(), batch.boot.clone());
        self.batches.push(batch);
        self.batches.sort_by_key(order);
        let estimate = match self.level {
            Level::Launch => self.of_launches(),
            Level::Run => self.of_runs(),
            Level::Boot => self.of_boots(),
        };
        (self.sd_ln, self.df, self.reason) = match estimate {
            Ok(floor) => (Some(floor.sd), Some(floor.df), None),
            Err(reason) => (None, None, Some(reason)),
        };
    }

    /// Says why there will be no spread.
    pub(super) fn refuse(&mut self, reason: String) {
        (self.sd_ln, self.df, self.reason) = (None, None, Some(reason));
    }

    /// Launches around the mean of their own run and boot: what differs between runs or boots is no
    /// spread of launches.
    fn of_launches(&self) -> Result<Floor, String> {
        let squares: f64 = self.batches.iter().map(|batch| batch.squares_ln).sum();
        let df = self.launches() - self.batches.len();
        checked((squares / df.max(1) as f64).sqrt(), df, "launch", "launches")
    }

    /// Means of runs, in whatever boot: launches within one share its hour.
    fn of_runs(&self) -> Result<Floor, String> {
        let means = self.means_by(|batch| Some(&batch.run)).unwrap_or_default();
        let means: Vec<f64> = means.into_values().collect();
        checked(sd(&means).unwrap_or_default(), means.len().max(1) - 1, "run", "runs")
    }

    /// Means of boots: repeats and launches within one are not independent of each other.
    fn of_boots(&self) -> Result<Floor, String> {
        let means = self.boot_means().ok_or("the boot of a run is not known")?;
        let means: Vec<f64> = means.into_values().collect();
        checked(sd(&means).unwrap_or_default(), means.len().max(1) - 1, "boot", "boots")
    }
}

fn checked(sd: f64, df: usize, unit: &str, units: &str) -> Result<Floor, String> {
    if df < LEAST_DF {
        let (have, noun) = (df + 1, if df == 0 { unit } else { units });
        return Err(format!("{have} {noun} so far, {} are needed", LEAST_DF + 1));
    }
    if sd > 0.0 && sd.is_finite() {
        Ok(Floor { sd, df: df as f64 })
    } else {
        Err(format!("its {units} do not differ at all"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Batch, NoiseFloor, Subject, read_floors, write_floors};
    use crate::compare::{FloorKey, Level};
    use crate::stats::Floor;
    use std::path::Path;
    use vbench_results::Role;

    fn subject() -> Subject {
        Subject {
            system: "7x-H200".into(),
            config: "default".into(),
            fingerprint: "00ff".into(),
            profile: "quick".into(),
            vbench_version: "0.1.0".into(),
        }
    }

    fn key(level: Level) -> FloorKey {
        FloorKey { case: "cpu::prime/threads=1".into(), metric: "rate".into(), level }
    }

    /// Launch centers of one run in one boot.
    fn batch(run: &str, boot: &str, centers: &[f64]) -> Batch {
        Batch {
            run: run.into(),
            boot: Some(boot.into()),
            launches: centers.len(),
            mean_ln: crate::stats::mean(centers),
            squares_ln: crate::stats::squares(centers),
        }
    }

    #[test]
    fn launches_are_pooled_around_the_mean_of_their_run() {
        let mut floors = NoiseFloor::new(subject());
        let spread = floors.spread(&key(Level::Launch), "1", Role::Gated);
        // Two runs far apart: only the spread within each counts, 2 x 0.01^2 over (3 - 1).
        spread.add(batch("a", "x", &[0.0, 0.01, 0.02]));
        assert_eq!(spread.reason.as_deref(), Some("3 launches so far, 6 are needed"));
        spread.add(batch("b", "x", &[5.0, 5.01, 5.02]));
        spread.add(batch("c", "y", &[9.0, 9.01, 9.02]));
        let floor = spread.floor().unwrap();
        assert!((floor.sd - 0.01).abs() < 1e-12 && floor.df == 6.0, "{floor:?}");
    }

    #[test]
    fn a_boot_is_the_mean_of_all_its_launches_however_many_runs_it_had() {
        let mut floors = NoiseFloor::new(subject());
        let spread = floors.spread(&key(Level::Boot), "1", Role::Gated);
        for boot in 0..6 {
            let center = f64::from(boot) * 0.01;
            spread.add(batch(&format!("a{boot}"), &format!("{boot}"), &[center - 1.0, center]));
            spread.add(batch(&format!("b{boot}"), &format!("{boot}"), &[center + 1.0; 1]));
        }
        assert_eq!((spread.boots(), spread.launches()), (Some(6), 18));
        // Means 0, 0.01, .. 0.05: variance 17.5 x 0.01^2 / 5.
        let floor = spread.floor().unwrap();
        assert!((floor.sd - 0.01 * 3.5_f64.sqrt()).abs() < 1e-12 && floor.df == 5.0, "{floor:?}");
        spread.add(Batch { boot: None, ..batch("c", "", &[0.0]) });
        assert_eq!(spread.reason.as_deref(), Some("the boot of a run is not known"));
    }

    #[test]
    fn a_run_is_the_mean_of_its_launches_in_whatever_boot() {
        let mut floors = NoiseFloor::new(subject());
        let spread = floors.spread(&key(Level::Run), "1", Role::Gated);
        for run in 0..6 {
            let center = f64::from(run) * 0.01;
            spread.add(batch(&format!("r{run}"), "x", &[center - 1.0, center + 1.0]));
        }
        let floor = spread.floor().unwrap();
        assert!((floor.sd - 0.01 * 3.5_f64.sqrt()).abs() < 1e-12 && floor.df == 5.0, "{floor:?}");
    }

    #[test]
    fn no_spread_at_all_is_no_floor() {
        let mut floors = NoiseFloor::new(subject());
        floors.spread(&key(Level::Launch), "1", Role::Gated).add(batch("a", "x", &[1.5; 10]));
        assert!(floors.floors[0].reason.as_deref().unwrap().contains("do not differ"));
        assert!(floors.floors().is_empty());
    }

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("floor.json");
        let mut floors = NoiseFloor::new(subject());
        let centers: Vec<f64> = (0..10).map(|i| f64::from(i) * 0.1 / 3.0).collect();
        floors.spread(&key(Level::Launch), "1", Role::Gated).add(batch("a", "x", &centers));
        write_floors(&path, &floors).unwrap();
        assert_eq!(NoiseFloor::read(&path).unwrap(), floors);
        let read = read_floors(&path).unwrap();
        let floor: Floor = read[&key(Level::Launch)];
        assert_eq!((Some(floor.sd), floor.df), (crate::stats::sd(&centers), 9.0));
    }

    #[test]
    fn bad_files_are_refused_by_name() {
        let mut floors = NoiseFloor::new(subject());
        let centers: Vec<f64> = (0..10).map(f64::from).collect();
        floors.spread(&key(Level::Launch), "1", Role::Gated).add(batch("a", "x", &centers));
        let good = floors.to_json();
        let bad = |from: &str, to: &str| {
            assert!(good.contains(from), "{good}");
            let error = NoiseFloor::from_json(&good.replacen(from, to, 1), Path::new("f.json"));
            error.unwrap_err().to_string()
        };
        assert!(bad("\"1.0\"", "\"2.0\"").starts_with("f.json has schema version 2.0"));
        assert!(bad("\"noise-floor\"", "\"diff\"").contains("f.json: not a noise floor"));
        assert!(bad("\"df\": 9.0", "\"df\": 0.5").contains("rate at level launch: df must be"));
        assert!(bad("\"df\": 9.0", "\"df\": null").contains("must stand together"));
        assert!(bad("\"sd_ln\": 3", "\"sd_ln\": -3").contains("sd_ln must be above zero"));
        assert!(bad("\"launch\"", "\"core\"").contains("line "));
        assert!(bad("{", "").contains("f.json: not a noise floor"));
    }
}
