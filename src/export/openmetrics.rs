//! OpenMetrics text: what Prometheus scrapes, and what its node exporter and Pushgateway take.
//!
//! Every family is a gauge: the older text parsers know no `info` or `stateset`, and gauges without
//! time stamps read the same in both formats.

use super::point::rounded;
use super::{Document, Export, Format, Point};
use crate::compare::{Change, Comparison, Pair, Row, SideSummary, Verdict};
use crate::store;
use crate::text::inert;
use std::collections::BTreeMap;
use std::fmt::Write;
use vbench_results::{Better, CaseResult, Role};

pub const FORMAT: Format = Format {
    name: "openmetrics",
    about: "OpenMetrics text, for Prometheus, its node exporter or Pushgateway",
    write: |export| Ok(Document::only(runs(export))),
};

/// A family of samples: name, help, and the samples as labels and value.
struct Family {
    name: &'static str,
    help: &'static str,
    samples: Vec<(String, f64)>,
}

impl Family {
    fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, samples: Vec::new() }
    }

    fn add(&mut self, labels: &[(&str, &str)], value: f64) {
        if value.is_finite() {
            self.samples.push((label_set(labels), value));
        }
    }
}

/// Typical values, their intervals and how many launches are behind them.
struct Values {
    typical: Family,
    low: Family,
    high: Family,
    launches: Family,
}

impl Values {
    fn new() -> Self {
        Self {
            typical: Family::new("vbench_typical", "Typical value of a metric, in its base unit."),
            low: Family::new("vbench_typical_ci95_low", "Lower end of its 95% interval."),
            high: Family::new("vbench_typical_ci95_high", "Upper end of its 95% interval."),
            launches: Family::new("vbench_launches", "Launches behind the value."),
        }
    }

    fn add(&mut self, point: &Point<'_>, side: &SideSummary) {
        let case = point.case.to_string();
        let key = [("case", case.as_str()), ("metric", &point.metric.name), ("config", &side.name)];
        let more = [
            ("system", side.system.as_str()),
            ("unit", &point.metric.unit.symbol),
            ("better", better(point.metric.better)),
            ("role", role(point.metric.role)),
            ("statistic", point.statistic()),
        ];
        self.typical.add(&[key.as_slice(), &more].concat(), point.value());
        let key = [key.as_slice(), &more[..1]].concat();
        if let Some((low, high)) = point.interval() {
            self.low.add(&key, low);
            self.high.add(&key, high);
        }
        self.launches.add(&key, point.measured.launches as f64);
    }

    fn families(self) -> [Family; 4] {
        [self.typical, self.low, self.high, self.launches]
    }
}

/// Both sides of every pair, the ratios and the verdicts, of the metrics that are judged.
pub fn openmetrics(comparison: &Comparison) -> String {
    let mut values = Values::new();
    let mut judged = Judgements::new();
    // A base stands once, whatever it is compared with.
    let mut bases: BTreeMap<(String, &str), Point<'_>> = BTreeMap::new();
    for pair in &comparison.pairs {
        for row in pair.rows.iter().filter(|row| row.metric.role != Role::Info) {
            if let Some(point) = Point::base(row) {
                bases.insert((row.case.to_string(), &row.metric.name), point);
            }
            judged.add(comparison, pair, row);
        }
        for point in Point::candidates(pair) {
            values.add(&point, &pair.candidate);
        }
    }
    for point in bases.values() {
        values.add(point, &comparison.base);
    }
    document(values.families().into_iter().chain(judged.families()))
}

struct Judgements {
    ratio: Family,
    low: Family,
    high: Family,
    verdict: Family,
}

impl Judgements {
    fn new() -> Self {
        Self {
            ratio: Family::new("vbench_ratio", "Candidate over base, of the typical values."),
            low: Family::new("vbench_ratio_ci95_low", "Lower end of its 95% interval."),
            high: Family::new("vbench_ratio_ci95_high", "Upper end of its 95% interval."),
            verdict: Family::new("vbench_verdict", "One for the verdict of a row, else zero."),
        }
    }

    fn add(&mut self, comparison: &Comparison, pair: &Pair, row: &Row) {
        let case = row.case.to_string();
        let key = [
            ("case", case.as_str()),
            ("metric", &row.metric.name),
            ("config", &pair.candidate.name),
            ("base", &comparison.base.name),
        ];
        if let Some(Change { ratio, interval_95, .. }) = &row.change {
            self.ratio.add(&key, rounded(*ratio));
            if let Some((low, high)) = interval_95 {
                self.low.add(&key, rounded(*low));
                self.high.add(&key, rounded(*high));
            }
        }
        for verdict in Verdict::ALL {
            let one_hot = [key.as_slice(), &[("verdict", verdict.name())]].concat();
            self.verdict.add(&one_hot, f64::from(u8::from(verdict == row.verdict)));
        }
    }

    fn families(self) -> [Family; 4] {
        [self.ratio, self.low, self.high, self.verdict]
    }
}

fn runs(export: &Export<'_>) -> String {
    let mut values = Values::new();
    let mut outcomes =
        Family::new("vbench_outcome", "One for the worst outcome of a case's launches, else zero.");
    for configuration in &export.configurations {
        let side = &configuration.single.side;
        for point in export.points(configuration) {
            values.add(&point, side);
        }
        for (case, worst) in worst(configuration.runs.iter().flat_map(|run| &run.cases)) {
            for state in STATES {
                let labels = [
                    ("case", case.as_str()),
                    ("config", &side.name),
                    ("system", &side.system),
                    ("outcome", state),
                ];
                outcomes.add(&labels, f64::from(u8::from(state == worst)));
            }
        }
    }
    document(values.families().into_iter().chain([outcomes]))
}

/// Outcomes as the CSV names them, the worst last.
const STATES: [&str; 4] = ["measured", "skipped", "timed-out", "failed"];

/// The worst outcome of each case over all runs.
fn worst<'r>(cases: impl Iterator<Item = &'r CaseResult>) -> BTreeMap<String, &'static str> {
    let mut worst: BTreeMap<String, usize> = BTreeMap::new();
    for case in cases {
        let (state, _) = store::worst(case);
        let rank = STATES.iter().position(|known| *known == state).unwrap_or_default();
        let known = worst.entry(case.case.to_string()).or_insert(rank);
        *known = rank.max(*known);
    }
    worst.into_iter().map(|(case, rank)| (case, STATES[rank])).collect()
}

fn document(families: impl Iterator<Item = Family>) -> String {
    let mut text = String::new();
    for Family { name, help, samples } in families.filter(|family| !family.samples.is_empty()) {
        let _ = write!(text, "# TYPE {name} gauge\n# HELP {name} {help}\n");
        for (labels, value) in samples {
            let _ = writeln!(text, "{name}{labels} {value:?}");
        }
    }
    text + "# EOF\n"
}

/// `{case="...",metric="..."}`, each value inert and escaped as the format asks.
fn label_set(labels: &[(&str, &str)]) -> String {
    let escape = |value: &str| inert(value).replace('\\', "\\\\").replace('"', "\\\"");
    let pairs = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value)));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
}

fn better(better: Better) -> &'static str {
    match better {
        Better::Higher => "higher",
        Better::Lower => "lower",
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Gated => "gated",
        Role::Info => "info",
        Role::Control => "control",
    }
}
