//! What an importer makes of a source, before it is stored as a run.

use super::lines::Printed;
use std::collections::BTreeMap;
use std::time::SystemTime;
use vbench_results::{
    Better, CaseId, CaseResult, Environment, Estimator, Evidence, Fact, Launch, Metric, Outcome,
    Reading, Repeat, ResultSet, Role, Run, Unit, Value, Values,
};

/// Bandwidth.
pub const BANDWIDTH: Unit = Unit::decimal("B/s");
/// Time.
pub const TIME: Unit = Unit::decimal("s");
/// Events per second.
pub const EVENTS: Unit = Unit::decimal("event/s");
/// A number without unit.
pub const PLAIN: Unit = Unit::plain("1");

/// The launches of one configuration, as a source tells them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// The machine's name, where the source has one.
    pub system: Option<String>,
    /// The configuration's name, where the source has one.
    pub config: Option<String>,
    /// Facts: what the source said, and what it could not say, with the reason.
    pub environment: Environment,
    /// The cases.
    pub cases: Vec<CaseResult>,
    /// Why the results must not be compared, when the source says so.
    pub quarantine: Option<String>,
    /// What was found and not imported.
    pub remarks: Vec<String>,
    /// Hash of everything it was read from.
    pub content: u64,
    /// The tool, with its version where known: stored as the version of each case.
    tool: String,
}

/// One value of a metric, as it was printed.
pub struct Measure {
    /// What it is.
    pub metric: Metric,
    /// Its value, in the metric's unit.
    pub value: f64,
}

impl Measure {
    /// A number that was printed in `factor` base units of `unit`.
    pub fn new(name: &str, unit: Unit, better: Better, printed: Printed, factor: f64) -> Self {
        let metric = Metric {
            name: name.to_owned(),
            unit,
            better,
            role: Role::Gated,
            resolution: Some(scaled(printed.step, factor))
                .filter(|step| *step > 0.0 && step.is_finite()),
            exact: false,
        };
        Self { metric, value: scaled(printed.value, factor) }
    }

    /// The same, shown and not judged.
    pub fn info(mut self) -> Self {
        self.metric.role = Role::Info;
        self
    }
}

impl Draft {
    /// A draft of what `tool` wrote. Everything that text of a tool does not hold is unknown.
    pub fn new(kind: &str, tool: &str) -> Self {
        let mut draft = Self { tool: tool.to_owned(), ..Self::default() };
        draft.fact("source.kind", kind);
        draft.fact("source.tool", tool);
        draft.unknown("source.boot", "the source does not say in which boot it ran");
        draft.unknown("source.start", "the source does not say when it ran");
        draft.unknown("source.evidence", "the source counts no steal, switches or migrations");
        draft
    }

    /// Stores a fact of the source.
    pub fn fact(&mut self, name: &str, value: impl Into<Value>) {
        self.reading(name, Reading::Value(value.into()), false);
    }

    /// Stores a fact of the machine or its layout.
    pub fn stable_fact(&mut self, name: &str, value: impl Into<Value>) {
        self.reading(name, Reading::Value(value.into()), true);
    }

    /// Stores what the source could not say.
    pub fn unknown(&mut self, name: &str, reason: &str) {
        self.reading(name, Reading::Unknown(reason.to_owned()), false);
    }

    fn reading(&mut self, name: &str, reading: Reading, stable: bool) {
        let fact = Fact { reading, source: "imported".to_owned(), stable, identifying: false };
        self.environment.facts.insert(name.to_owned(), fact);
    }

    /// Adds a launch with one repeat to a case; a new case when there is none of that id.
    ///
    /// A value that is zero or negative is not a result but a failed measurement or a rounded one:
    /// it is left out, and a launch without any other value is a failed one.
    pub fn launch(&mut self, case: CaseId, kind: &str, measures: Vec<Measure>) -> &mut Launch {
        self.launch_of(case, kind, vec![measures])
    }

    /// Adds a launch with several repeats.
    pub fn launch_of(
        &mut self,
        case: CaseId,
        kind: &str,
        repeats: Vec<Vec<Measure>>,
    ) -> &mut Launch {
        let index = self.index_of(&case, kind);
        let result = &mut self.cases[index];
        let number = result.launches.len() as u32 + 1;
        let mut launch = empty_launch(number);
        let mut refused = None;
        for (repeat, measures) in repeats.into_iter().enumerate() {
            let mut values = Values::new();
            for Measure { metric, value } in measures {
                if !(value > 0.0 && value.is_finite()) {
                    refused = Some(format!("the source says {} {value}", metric.name));
                } else {
                    values.insert(metric.name.clone(), value);
                }
                add_metric(&mut result.metrics, metric);
            }
            if !values.is_empty() {
                launch.repeats.push(repeat_of(repeat as u32 + 1, values));
            }
        }
        if launch.repeats.is_empty() {
            let reason = refused.unwrap_or_else(|| "the source holds no value".to_owned());
            launch.outcome = Outcome::Failed { reason };
        }
        result.launches.push(launch);
        let last = result.launches.len() - 1;
        &mut result.launches[last]
    }

    /// Adds a launch without a value.
    pub fn ended(&mut self, case: CaseId, kind: &str, outcome: Outcome) {
        let index = self.index_of(&case, kind);
        let result = &mut self.cases[index];
        let number = result.launches.len() as u32 + 1;
        result.launches.push(Launch { outcome, ..empty_launch(number) });
    }

    /// The headline of a case is the best of its repeats.
    pub fn best(&mut self, case: &CaseId) {
        if let Some(found) = self.cases.iter_mut().find(|found| found.case == *case) {
            found.estimator = Estimator::Best;
        }
    }

    fn index_of(&mut self, case: &CaseId, kind: &str) -> usize {
        if let Some(index) = self.cases.iter().position(|found| found.case == *case) {
            return index;
        }
        self.cases.push(CaseResult {
            case: case.clone(),
            kind: kind.to_owned(),
            version: self.tool.clone(),
            estimator: Estimator::Center,
            metrics: Vec::new(),
            launches: Vec::new(),
        });
        self.cases.len() - 1
    }

    /// The same draft, read from `bytes`.
    pub fn of_content(mut self, bytes: &[u8]) -> Self {
        self.content = hash(self.content, bytes);
        self
    }

    /// Adds the launches of another process of the same tool on the same configuration.
    ///
    /// # Errors
    /// A metric whose unit or direction differs.
    pub fn join(&mut self, other: Self) -> Result<(), String> {
        let offset = self.launches();
        self.join_facts(&other.environment);
        self.content = hash(self.content, &other.content.to_le_bytes());
        self.remarks.extend(other.remarks);
        self.quarantine = self.quarantine.take().or(other.quarantine);
        for mut case in other.cases {
            for launch in &mut case.launches {
                launch.launch += offset;
                launch.position = launch.launch;
            }
            match self.cases.iter_mut().find(|found| found.case == case.case) {
                Some(found) => join_case(found, case)?,
                None => self.cases.push(case),
            }
        }
        Ok(())
    }

    /// A fact on which the files disagree is not known for all of them.
    fn join_facts(&mut self, other: &Environment) {
        for (name, fact) in &other.facts {
            let found = self.environment.facts.entry(name.clone()).or_insert_with(|| fact.clone());
            if let (Reading::Value(a), Reading::Value(b)) = (&found.reading, &fact.reading)
                && a != b
            {
                found.reading = Reading::Unknown(format!("the files differ: {a}, {b}"));
            }
        }
    }

    /// Most launches of a case.
    pub fn launches(&self) -> u32 {
        let last = |case: &CaseResult| case.launches.iter().map(|launch| launch.launch).max();
        self.cases.iter().filter_map(last).max().unwrap_or_default()
    }

    /// What the source could not say: fact and reason.
    pub fn unsaid(&self) -> impl Iterator<Item = (&str, &str)> {
        self.environment.facts.iter().filter_map(|(name, fact)| match &fact.reading {
            Reading::Unknown(reason) => Some((name.as_str(), reason.as_str())),
            Reading::Value(_) => None,
        })
    }

    /// The draft as a run of `system` and `config`, imported at `now` by `command`.
    pub fn into_results(
        self,
        (system, config): (String, String),
        labels: BTreeMap<String, String>,
        command: Vec<String>,
        now: SystemTime,
    ) -> ResultSet {
        let stamp = crate::store::timestamp(now).replace([':', '-'], "");
        let run = Run {
            id: format!("{stamp}-{}", self.content_name()),
            system,
            config,
            started_at: String::new(),
            finished_at: None,
            vbench_version: env!("CARGO_PKG_VERSION").to_owned(),
            command,
            profile: "imported".to_owned(),
            launches: self.launches(),
            seed: 0,
            labels,
            fingerprint: self.environment.fingerprint(),
            clock_resolution_s: None,
            clock_cost_s: None,
            quarantine: self.quarantine,
            pairs: None,
        };
        let mut results = ResultSet::new(run, self.environment);
        results.cases = self.cases;
        results
    }

    /// The end of the run's id: the same for the same source, so that nothing is imported twice.
    pub fn content_name(&self) -> String {
        format!("i{:016x}", self.content)
    }
}

fn join_case(found: &mut CaseResult, case: CaseResult) -> Result<(), String> {
    for metric in case.metrics {
        let same = |other: &&Metric| other.name == metric.name;
        if let Some(other) = found.metrics.iter().find(same)
            && (&other.unit, other.better) != (&metric.unit, metric.better)
        {
            let (id, name) = (&found.case, &metric.name);
            return Err(format!("{id} {name}: unit or direction differs from a file before it"));
        }
        add_metric(&mut found.metrics, metric);
    }
    found.launches.extend(case.launches);
    Ok(())
}

/// Adds a metric, or widens the step of the one there is.
fn add_metric(metrics: &mut Vec<Metric>, metric: Metric) {
    match metrics.iter_mut().find(|found| found.name == metric.name) {
        Some(found) => {
            let steps = [found.resolution, metric.resolution];
            found.resolution = steps.into_iter().flatten().reduce(f64::max);
        }
        None => metrics.push(metric),
    }
}

fn empty_launch(number: u32) -> Launch {
    Launch {
        launch: number,
        boot_id: None,
        position: number,
        at_s: 0.0,
        elapsed_s: 0.0,
        outcome: Outcome::Measured,
        facts: BTreeMap::new(),
        repeats: Vec::new(),
    }
}

fn repeat_of(repeat: u32, values: Values) -> Repeat {
    let evidence = Evidence::default();
    Repeat { repeat, at_s: 0.0, elapsed_s: 0.0, iterations: 0, values, evidence }
}

/// `value` in base units. A power of ten moves the decimal point of the shortest digits, so that
/// 32.73 GB/s are stored as 32730000000 B/s and not as their neighbour.
fn scaled(value: f64, factor: f64) -> f64 {
    let exponent = factor.log10();
    let shifted = format!("{value}e{exponent:.0}").parse();
    match shifted {
        Ok(shifted) if (exponent - exponent.round()).abs() < 1e-9 => shifted,
        _ => value * factor,
    }
}

/// 64-bit FNV-1a, continued from `from`.
pub fn hash(from: u64, bytes: &[u8]) -> u64 {
    let start = if from == 0 { 0xcbf2_9ce4_8422_2325 } else { from };
    bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The case `benchmark` with its axis values.
pub fn case(benchmark: &str, params: &[(&str, &str)]) -> CaseId {
    let params = params.iter().map(|(axis, value)| ((*axis).to_owned(), (*value).to_owned()));
    CaseId { benchmark: benchmark.to_owned(), params: params.collect() }
}
