//! Benchmarks without Rust: external programs declared in `benches/vbench.d/*.toml`.
//!
//! ```toml
//! schema = 1
//!
//! [[bench]]
//! name = "all_reduce"
//! kind = "collective"
//! about = "nccl-tests over the GPUs of this machine"
//! run = ["all_reduce_perf", "-b", "{bytes}", "-e", "{bytes}"]
//! env = { NCCL_ALGO = "Ring" }
//! needs = { program = "all_reduce_perf", cpus = 2 }
//! axes = { bytes = { pow2 = [3, 30] } }
//! samples = 5
//! timeout = "120s"
//! check = '# Out of bounds values\s*: 0 OK'
//! parse = '(?m)^\s*{bytes}\s+\d+\s+float\s+sum\s+-?\d+\s+(?P<time>\S+)\s+\S+\s+(?P<busbw>\S+)'
//!
//! [bench.metrics]
//! time = { unit = "us", better = "lower" }
//! busbw = { unit = "GB/s", better = "higher" }
//! ```
//!
//! `{axis}` stands for the case's value. Every match of `parse` is a sample, its named groups are
//! the metrics; `parse = "jsonl"` takes every line of standard output that is a JSON object instead.
//! Without `parse` the one metric is `time`, the program's wall time. An output that `check` does
//! not match is a failed case, never a number.

mod program;
pub(crate) mod unit;

use crate::axis::Axis;
use crate::benchmark::{Benchmark, Options};
use crate::machine::Machine;
use crate::resource::Skip;
use regex::Regex;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use vbench_results::{Better, Metric, Role, Unit};

pub(crate) use self::program::execute;

/// The folder that is looked into, below the working directory.
pub const FOLDER: &str = "benches/vbench.d";

/// The only version of the files.
const SCHEMA: u32 = 1;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    #[serde(default)]
    bench: Vec<Declared>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Declared {
    name: String,
    kind: String,
    #[serde(default)]
    about: String,
    run: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    needs: Needs,
    #[serde(default)]
    axes: BTreeMap<String, Values>,
    samples: Option<u32>,
    warmup: Option<u32>,
    timeout: Option<Duration>,
    #[serde(default)]
    control: bool,
    ignore: Option<String>,
    version: Option<String>,
    check: Option<String>,
    parse: Option<String>,
    #[serde(default)]
    metrics: BTreeMap<String, DeclaredMetric>,
}

/// What the machine must have.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Needs {
    program: Option<String>,
    cpus: Option<usize>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Values {
    PowersOfTwo { pow2: [u32; 2] },
    Listed(Vec<Scalar>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Integer(i64),
    Number(f64),
    Text(String),
}

/// `120`, `"120s"`, `"2m"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Duration {
    Seconds(f64),
    Text(String),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeclaredMetric {
    unit: String,
    better: Better,
    #[serde(default)]
    role: Role,
}

/// What a declared benchmark runs, and how its output is read.
#[derive(Debug)]
pub struct External {
    run: Vec<String>,
    env: BTreeMap<String, String>,
    needs: Needs,
    axes: Vec<(&'static str, Vec<String>)>,
    check: Option<String>,
    parse: Parse,
    metrics: Vec<ReadMetric>,
}

#[derive(Debug)]
enum Parse {
    /// The wall time is the value.
    WallTime,
    /// Named groups of every match.
    Groups(String),
    /// Every line that is a JSON object.
    JsonLines,
}

#[derive(Debug)]
struct ReadMetric {
    metric: Metric,
    /// Base units per unit of the output.
    factor: f64,
}

impl External {
    /// The axes, in the order of their names.
    pub fn axes(&self) -> Vec<Axis> {
        let axis = |(name, values): &(&'static str, Vec<String>)| Axis::of(name, values.clone());
        self.axes.iter().map(axis).collect()
    }

    /// What the machine lacks.
    ///
    /// # Errors
    /// The skip.
    pub fn needs(&self, machine: &Machine) -> Result<(), Skip> {
        let cpus = machine.topology.allowed.len();
        if let Some(wanted) = self.needs.cpus.filter(|wanted| *wanted > cpus) {
            return Err(Skip::because(format!("needs {wanted} CPUs, {cpus} allowed")));
        }
        let program = self.needs.program.as_deref().unwrap_or(&self.run[0]);
        if program.contains('{') || on_path(program) {
            Ok(())
        } else {
            Err(Skip::because(format!("needs the program {program}, not found in PATH")))
        }
    }

    /// The declared metrics.
    pub fn metrics(&self) -> Vec<Metric> {
        self.metrics.iter().map(|read| read.metric.clone()).collect()
    }
}

fn on_path(program: &str) -> bool {
    if program.contains('/') {
        return Path::new(program).is_file();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// The benchmarks declared in `folder`; none where there is no such folder. They live as long as
/// the process, like those of the registry.
///
/// # Errors
/// The file and what is wrong in it.
pub fn declared(folder: &Path) -> Result<Vec<&'static Benchmark>, String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file)
            .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        let module = file.file_stem().unwrap_or_default().to_string_lossy().replace('-', "_");
        let found = read(&text, &module, &file);
        all.extend(found.map_err(|error| format!("{}: {error}", file.display()))?);
    }
    Ok(all)
}

fn read(text: &str, module: &str, file: &Path) -> Result<Vec<&'static Benchmark>, String> {
    let parsed: File = toml::from_str(text).map_err(|error| error.to_string())?;
    if parsed.schema != SCHEMA {
        return Err(format!("schema = {}, this vbench reads {SCHEMA}", parsed.schema));
    }
    let named = |declared: Declared| {
        let name = declared.name.clone();
        benchmark(declared, module, file).map_err(|error| format!("bench {name:?}: {error}"))
    };
    parsed.bench.into_iter().map(named).collect()
}

fn benchmark(declared: Declared, module: &str, file: &Path) -> Result<&'static Benchmark, String> {
    let version = declared.version.clone().unwrap_or_else(|| hash(&format!("{declared:?}")));
    let options = Options {
        samples: declared.samples,
        warmup: Some(declared.warmup.unwrap_or(0)),
        timeout: declared.timeout.as_ref().map(seconds).transpose()?,
        control: declared.control,
        ignore: declared.ignore.as_deref().map(leak),
        ..Options::DEFAULT
    };
    let (name, kind, about) = (leak(&declared.name), leak(&declared.kind), leak(&declared.about));
    let external = Box::leak(Box::new(external(declared)?));
    Ok(Box::leak(Box::new(Benchmark {
        // `Benchmark::id` leaves the crate out; a file has none.
        module: leak(&format!("external::{module}")),
        name,
        kind,
        about,
        file: leak(&file.display().to_string()),
        line: 1,
        version: leak(&version),
        options,
        axes: |_| Vec::new(),
        needs: |_| Ok(()),
        metrics: Vec::new,
        run: |_, _, _| Err("an external benchmark runs a program".to_owned().into()),
        external: Some(external),
    })))
}

fn external(declared: Declared) -> Result<External, String> {
    if declared.run.is_empty() {
        return Err("run is empty: give the program and its arguments".to_owned());
    }
    let plain =
        |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if let Some(bad) = declared.axes.keys().find(|name| !plain(name)) {
        return Err(format!("axis {bad:?}: use lower-case letters, digits and _"));
    }
    for pattern in declared.check.iter().chain(&declared.parse).filter(|text| *text != "jsonl") {
        Regex::new(&neutral(pattern, declared.axes.keys())).map_err(|error| error.to_string())?;
    }
    let axes = declared.axes.iter().map(|(name, values)| Ok((leak(name), texts(values)?)));
    Ok(External {
        metrics: metrics(&declared)?,
        axes: axes.collect::<Result<_, String>>()?,
        parse: match declared.parse.as_deref() {
            None => Parse::WallTime,
            Some("jsonl") => Parse::JsonLines,
            Some(pattern) => Parse::Groups(pattern.to_owned()),
        },
        run: declared.run,
        env: declared.env,
        needs: declared.needs,
        check: declared.check,
    })
}

/// The pattern with a digit for every axis, to see whether it is one.
fn neutral<'a>(pattern: &str, axes: impl Iterator<Item = &'a String>) -> String {
    axes.fold(pattern.to_owned(), |text, axis| text.replace(&format!("{{{axis}}}"), "0"))
}

fn metrics(declared: &Declared) -> Result<Vec<ReadMetric>, String> {
    if declared.parse.is_none() {
        if !declared.metrics.is_empty() {
            return Err(
                "metrics without parse: say how they are read, or leave them out".to_owned()
            );
        }
        let metric = Metric {
            name: "time".to_owned(),
            unit: Unit::decimal("s"),
            better: Better::Lower,
            role: Role::Gated,
            resolution: None,
            exact: false,
        };
        return Ok(vec![ReadMetric { metric, factor: 1.0 }]);
    }
    if declared.metrics.is_empty() {
        return Err("parse without metrics: give each value a unit and a direction".to_owned());
    }
    let parse = declared.parse.as_deref().unwrap_or_default();
    let read = |(name, metric): (&String, &DeclaredMetric)| {
        if parse != "jsonl"
            && !parse.contains(&format!("(?P<{name}>"))
            && !parse.contains(&format!("(?<{name}>"))
        {
            return Err(format!("metric {name:?}: parse has no group (?P<{name}>..)"));
        }
        let (unit, factor) = unit::base(&metric.unit);
        let (better, role) = (metric.better, metric.role);
        let metric =
            Metric { name: name.clone(), unit, better, role, resolution: None, exact: false };
        Ok(ReadMetric { metric, factor })
    };
    declared.metrics.iter().map(read).collect()
}

fn texts(values: &Values) -> Result<Vec<String>, String> {
    match values {
        Values::PowersOfTwo { pow2: [first, last] } if first <= last && *last < 64 => {
            Ok((*first..=*last).map(|exponent| (1_u64 << exponent).to_string()).collect())
        }
        Values::PowersOfTwo { pow2 } => {
            Err(format!("pow2 = {pow2:?}: expected [first, last], first <= last < 64"))
        }
        Values::Listed(values) => Ok(values.iter().map(Scalar::text).collect()),
    }
}

impl Scalar {
    fn text(&self) -> String {
        match self {
            Self::Integer(integer) => integer.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

fn seconds(duration: &Duration) -> Result<f64, String> {
    match duration {
        Duration::Seconds(seconds) => Ok(*seconds),
        Duration::Text(text) => humantime::parse_duration(text)
            .map(|duration| duration.as_secs_f64())
            .map_err(|_| format!("timeout = {text:?}: expected a time such as \"120s\"")),
    }
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

/// FNV-1a over the declaration: another declaration is another version.
fn hash(text: &str) -> String {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", text.bytes().fold(0xcbf2_9ce4_8422_2325, mix))
}

#[cfg(test)]
mod tests;
