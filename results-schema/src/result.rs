//! The stored types of a run.

use crate::fault;
use crate::{
    CaseId, Environment, Evidence, Metric, ReadError, SCHEMA_VERSION, Value, Values, check_version,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Everything one run measured: the content of `result.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResultSet {
    /// `major.minor` of the format.
    pub schema_version: String,
    /// Who ran what, when.
    pub run: Run,
    /// Facts about the machine.
    pub environment: Environment,
    /// Every planned case: benchmarks by id, axis values in declared order.
    pub cases: Vec<CaseResult>,
}

/// One invocation of the harness.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Unique within its configuration; also the folder's name.
    pub id: String,
    /// The machine's name in comparisons, as given or found.
    pub system: String,
    /// The configuration's name, as given.
    pub config: String,
    /// RFC 3339, UTC; empty when an imported source does not say.
    pub started_at: String,
    /// RFC 3339, UTC; absent while the run is unfinished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// Version of the program that ran.
    pub vbench_version: String,
    /// Arguments of the program.
    pub command: Vec<String>,
    /// `smoke`, `quick`, `standard` or `thorough`; `imported` for what another tool measured.
    pub profile: String,
    /// Planned launches of each case.
    pub launches: u32,
    /// Seed of the order and of every benchmark that draws numbers; 0 for an imported run.
    pub seed: u64,
    /// User labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Hash of the environment's stable facts.
    pub fingerprint: String,
    /// Smallest step of the clock that timed the run, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_resolution_s: Option<f64>,
    /// Cost of one reading of that clock, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_cost_s: Option<f64>,
    /// Shared by the two runs of a comparison that was measured in pairs: their launches of equal
    /// number followed each other, and are partners.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs: Option<String>,
    /// Why this run must not be compared, when a user said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<String>,
}

/// All launches of one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CaseResult {
    /// Benchmark and axis values.
    pub case: CaseId,
    /// Label that groups: `cpu`, `memory`, `latency`.
    pub kind: String,
    /// Version of the benchmark's code. Results of different versions do not compare.
    pub version: String,
    /// How the headline is read from the samples.
    pub estimator: Estimator,
    /// What each repeat measures.
    pub metrics: Vec<Metric>,
    /// One entry per launch, in order.
    pub launches: Vec<Launch>,
}

/// How the one printed number is read from the samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Estimator {
    /// The typical value: the center of the launches' centers.
    #[default]
    Center,
    /// Best of all repeats: the convention of STREAM and of copy benchmarks.
    Best,
}

/// One process that executed one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Launch {
    /// Launch number, from 1.
    pub launch: u32,
    /// Boot of the machine, where the kernel tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    /// Place in the order of the whole run, from 1. Zero for a case that was never started.
    pub position: u32,
    /// Seconds since the run began.
    pub at_s: f64,
    /// Seconds the process took, start and set-up included; 0 for an imported run.
    pub elapsed_s: f64,
    /// How it ended.
    pub outcome: Outcome,
    /// What the benchmark said about this launch: sizes used, bindings, rules kept.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, Value>,
    /// The recorded repeats; empty unless measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repeats: Vec<Repeat>,
}

/// How a launch ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Outcome {
    /// It has values.
    Measured,
    /// The machine cannot run it.
    Skipped {
        /// What is missing.
        reason: String,
    },
    /// It ran and did not succeed.
    Failed {
        /// What went wrong.
        reason: String,
    },
    /// It was killed at its time limit.
    TimedOut {
        /// The limit.
        reason: String,
    },
}

impl Outcome {
    /// `measured`, `skipped`, `failed` or `timed-out`, as in the CSV.
    pub fn state(&self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Skipped { .. } => "skipped",
            Self::Failed { .. } => "failed",
            Self::TimedOut { .. } => "timed-out",
        }
    }

    /// Why there is no value.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Measured => None,
            Self::Skipped { reason } | Self::Failed { reason } | Self::TimedOut { reason } => {
                Some(reason)
            }
        }
    }

    /// True for failures and time-outs.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::TimedOut { .. })
    }
}

/// One timed execution: a value for each metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Repeat {
    /// Repeat number within the launch, from 1.
    pub repeat: u32,
    /// Seconds since the run began, at the start of the repeat.
    pub at_s: f64,
    /// Seconds the repeat took; 0 when an imported source does not say.
    pub elapsed_s: f64,
    /// Calls of the body within the repeat; 0 when an imported source does not say.
    pub iterations: u64,
    /// Metric name to value. A metric without a value in this repeat is absent.
    pub values: Values,
    /// What disturbed it.
    pub evidence: Evidence,
}

/// First line of `journal.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalHeader {
    /// `major.minor` of the format.
    pub schema_version: String,
    /// As in the result set.
    pub run: Run,
    /// As in the result set.
    pub environment: Environment,
    /// The planned cases, without launches except the skipped ones.
    pub cases: Vec<CaseResult>,
    /// What a resumed run needs to plan the same again. Opaque to readers.
    pub settings: serde_json::Value,
}

/// A further line of `journal.jsonl`: one finished launch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalLine {
    /// Which case.
    pub case: CaseId,
    /// What happened.
    pub launch: Launch,
}

/// What is read first: a newer major may look different in every other way.
#[derive(Deserialize)]
struct Versioned {
    schema_version: Option<serde_json::Value>,
}

impl ResultSet {
    /// Reads `result.json`.
    ///
    /// # Errors
    /// The file, and what is wrong with it: unreadable, newer, or not a result set.
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
        Self::from_json(&text, path)
    }

    /// Reads the text of a `result.json`; `path` is named in errors.
    ///
    /// # Errors
    /// As [`ResultSet::read`].
    pub fn from_json(text: &str, path: &Path) -> Result<Self, ReadError> {
        // Most files are sound: only one that is not is looked at twice, for what is wrong with it.
        match serde_json::from_str::<Self>(text) {
            Ok(mut set) if check_version(&set.schema_version).is_ok() => {
                if let Some(message) = fault::twice(&set) {
                    return Err(ReadError::Invalid { path: path.to_owned(), message });
                }
                set.shrink();
                Ok(set)
            }
            _ => Self::explained(text, path),
        }
    }

    /// Gives back the room that lists were read into: a list of one launch has room for four, and a
    /// report holds thousands of runs.
    fn shrink(&mut self) {
        self.cases.shrink_to_fit();
        for case in &mut self.cases {
            case.metrics.shrink_to_fit();
            case.launches.shrink_to_fit();
            for launch in &mut case.launches {
                launch.repeats.shrink_to_fit();
            }
        }
    }

    /// Leaves out what was counted during repeats, which nothing compares: marks of disturbed repeats
    /// stay. For readers that hold thousands of runs.
    pub fn leave_out_counts(&mut self) {
        let launches = self.cases.iter_mut().flat_map(|case| &mut case.launches);
        launches.flat_map(|l| &mut l.repeats).for_each(|repeat| repeat.evidence.counts = None);
    }

    /// What is wrong with `text`: first its version, because a newer one may look different.
    fn explained(text: &str, path: &Path) -> Result<Self, ReadError> {
        let invalid = |message| ReadError::Invalid { path: path.to_owned(), message };
        let told = |error: serde_json::Error| invalid(fault::told(text, &error));
        let versioned: Versioned = serde_json::from_str(text).map_err(told)?;
        let version = versioned.schema_version.as_ref().and_then(serde_json::Value::as_str);
        let version =
            version.ok_or_else(|| invalid("no schema_version: not a vbench result".into()))?;
        check_version(version)
            .map_err(|found| ReadError::Newer { path: path.to_owned(), found })?;
        // From the text again, because its errors know the line.
        serde_json::from_str(text).map_err(told)
    }

    /// An empty result set of this version.
    pub fn new(run: Run, environment: Environment) -> Self {
        Self { schema_version: SCHEMA_VERSION.to_owned(), run, environment, cases: Vec::new() }
    }

    /// The text of `result.json`.
    pub fn to_json(&self) -> String {
        let mut text =
            serde_json::to_string_pretty(self).expect("a result set holds only finite numbers");
        text.push('\n');
        text
    }
}
