//! Stored runs of an invented machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use vbench_results::{
    Better, CaseResult, Environment, Estimator, Evidence, Fact, Launch, Metric, Outcome, Reading,
    Repeat, ResultSet, Role, Run, Unit, Value,
};

/// One run under construction.
pub struct Stored {
    pub results: ResultSet,
}

/// One metric of a case: name, unit, direction, role, typical value, spread of launches.
pub type Measures<'a> = (&'a str, Unit, Better, Role, f64, f64);

impl Stored {
    /// A run of `config` that started in minute `minute`.
    pub fn new(config: &str, minute: u32) -> Self {
        let run = Run {
            id: format!("20260102T03{minute:02}05Z-beef"),
            system: "7x-H200".into(),
            config: config.into(),
            started_at: format!("2026-01-02T03:{minute:02}:05Z"),
            vbench_version: "0.1.0".into(),
            profile: "standard".into(),
            fingerprint: "00".into(),
            ..Run::default()
        };
        Self { results: ResultSet::new(run, Environment::default()) }
    }

    pub fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        let reading = Reading::Value(value.into());
        let fact = Fact { reading, source: "/proc".into(), stable: true, identifying: false };
        self.results.environment.facts.insert(name.into(), fact);
        self
    }

    /// A case of `launches` launches with three repeats each, spread evenly around the value.
    pub fn case(mut self, id: &str, kind: &str, launches: u32, measures: Measures<'_>) -> Self {
        let (name, unit, better, role, value, spread) = measures;
        let metric =
            Metric { name: name.into(), unit, better, role, resolution: None, exact: false };
        let middle = (f64::from(launches) + 1.0) / 2.0;
        let launch = |number: u32| {
            let typical = value * (spread * (f64::from(number) - middle)).exp();
            launch(number, name, &[typical * 0.999, typical, typical * 1.001])
        };
        self.results.cases.push(CaseResult {
            case: id.parse().unwrap(),
            kind: kind.into(),
            version: "1".into(),
            estimator: if kind == "memory" { Estimator::Best } else { Estimator::Center },
            metrics: vec![metric],
            launches: (1..=launches).map(launch).collect(),
        });
        self
    }

    /// A case that did not run.
    pub fn ended(mut self, id: &str, kind: &str, outcome: Outcome) -> Self {
        self.results.cases.push(CaseResult {
            case: id.parse().unwrap(),
            kind: kind.into(),
            version: "1".into(),
            estimator: Estimator::Center,
            metrics: Vec::new(),
            launches: vec![Launch { outcome, ..launch(1, "", &[]) }],
        });
        self
    }

    /// Writes the run under `out`; gives back its folder.
    pub fn store(&self, out: &Path) -> PathBuf {
        let run = &self.results.run;
        let folder = vbench::store::create(out, &run.system, &run.config, &run.id).unwrap();
        vbench::store::finish(&folder, &self.results).unwrap();
        folder
    }
}

fn launch(number: u32, metric: &str, values: &[f64]) -> Launch {
    let repeat = |(index, value): (usize, &f64)| Repeat {
        repeat: index as u32 + 1,
        at_s: f64::from(number),
        elapsed_s: 0.5,
        iterations: 1,
        values: [(metric, *value)].into(),
        evidence: Evidence::default(),
    };
    Launch {
        launch: number,
        boot_id: Some("1b4e28ba".into()),
        position: number,
        at_s: f64::from(number),
        elapsed_s: 2.0,
        outcome: Outcome::Measured,
        facts: BTreeMap::new(),
        repeats: values.iter().enumerate().map(repeat).collect(),
    }
}

const BANDWIDTH: Unit = Unit::decimal("B/s");
const TIME: Unit = Unit::decimal("s");
const EVENTS: Unit = Unit::decimal("event/s");

/// The configuration `default` of the machine.
pub fn default() -> Stored {
    use {Better::*, Role::*};
    Stored::new("default", 0)
        .fact("cpu.model", "Xeon Platinum 8558")
        .fact("numa.nodes", 1_i64)
        .fact("cpu.pinned", false)
        .case(
            "gpu::allreduce/bytes=1G",
            "gpu",
            5,
            ("busbw", BANDWIDTH, Higher, Gated, 20.2e9, 0.004),
        )
        .case("gpu::matmul/dtype=f32", "gpu", 5, ("time", TIME, Lower, Control, 21.3e-3, 0.001))
        .case("latency::chase/size=512M", "latency", 5, ("time", TIME, Lower, Gated, 140e-9, 0.004))
        .case(
            "memory::stream/stores=cached",
            "memory",
            5,
            ("triad", BANDWIDTH, Higher, Gated, 77.2e9, 0.003),
        )
        .case(
            "memory::stream/stores=streaming",
            "memory",
            5,
            ("triad", BANDWIDTH, Higher, Gated, 99.1e9, 0.003),
        )
        .case("cpu::primes/threads=1", "cpu", 5, ("rate", EVENTS, Higher, Gated, 2459.0, 0.002))
        .case("cpu::primes/threads=94", "cpu", 5, ("rate", EVENTS, Higher, Gated, 232_100.0, 0.05))
        .case(
            "cpu::fair/threads=94",
            "cpu",
            5,
            ("fairness", Unit::plain("1"), Higher, Info, 0.98, 0.01),
        )
        .ended("gpu::nccl", "gpu", Outcome::Skipped { reason: "needs libnccl.so.2".into() })
}

/// The configuration `numa` of the machine.
pub fn numa() -> Stored {
    use {Better::*, Role::*};
    Stored::new("numa", 30)
        .fact("cpu.model", "Xeon Platinum 8558")
        .fact("numa.nodes", 4_i64)
        .fact("cpu.pinned", true)
        .case(
            "gpu::allreduce/bytes=1G",
            "gpu",
            5,
            ("busbw", BANDWIDTH, Higher, Gated, 8.6e9, 0.004),
        )
        .case("gpu::matmul/dtype=f32", "gpu", 5, ("time", TIME, Lower, Control, 21.2e-3, 0.001))
        .case("latency::chase/size=512M", "latency", 5, ("time", TIME, Lower, Gated, 101e-9, 0.004))
        .case(
            "memory::stream/stores=cached",
            "memory",
            5,
            ("triad", BANDWIDTH, Higher, Gated, 561e9, 0.003),
        )
        .ended(
            "memory::stream/stores=streaming",
            "memory",
            Outcome::Failed { reason: "check failed: triad is wrong".into() },
        )
        .case("cpu::primes/threads=1", "cpu", 5, ("rate", EVENTS, Higher, Gated, 2470.0, 0.002))
        .case("cpu::primes/threads=94", "cpu", 5, ("rate", EVENTS, Higher, Gated, 236_000.0, 0.05))
        .case(
            "cpu::fair/threads=94",
            "cpu",
            5,
            ("fairness", Unit::plain("1"), Higher, Info, 0.97, 0.01),
        )
        .ended("gpu::nccl", "gpu", Outcome::Skipped { reason: "needs libnccl.so.2".into() })
}
