//! The command line: every command, flag and environment twin, from which help, completions and
//! the man page are generated.

use super::baseline::BaselineArgs;
use super::gate::{GATE_EXAMPLES, GateArgs};
use super::show::{INFO_EXAMPLES, InfoArgs};
use super::{effects, import};
use crate::plan::{Ignored, Selection};
use crate::profile::Profile;
use crate::quantity::Bytes;
use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Measures this machine and stores what it measured.
#[derive(Debug, Parser)]
#[command(name = "vbench", version, about, long_about = None, after_help = EXAMPLES)]
pub struct Cli {
    /// When to colour: always, never, or auto (a terminal, and no NO_COLOR)
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    #[arg(env = "VBENCH_COLOR", hide_possible_values = true, hide_env = true)]
    pub color: Color,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// When output is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// Where a terminal shows it, unless the environment says otherwise.
    #[default]
    Auto,
    /// Also into files and pipes.
    Always,
    /// Nowhere.
    Never,
}

impl Color {
    /// What the user asked for; `None` leaves it to the stream.
    pub fn wanted(self) -> Option<bool> {
        match self {
            Self::Auto => None,
            Self::Always => Some(true),
            Self::Never => Some(false),
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  vbench info                               what this machine is, and what could not be read
  vbench run                                every benchmark, quick profile, under three minutes
  vbench run --config vcpu_pin --launches 5 the same, stored under results/<system>/vcpu_pin/
  vbench run stream --axis stores=cached    some cases, one axis value
  vbench run --resume                       go on with the run that was interrupted
  vbench show                               the newest stored run as a table
  vbench diff default vcpu_pin              which differences are real
  vbench ab prime --a cpus=0 --b cpus=0-1   does it help here: two settings in turns
  vbench export csv default -o samples.csv  for other tools: also JUnit, OpenMetrics, Bencher ...
  vbench gate --baseline main --candidate X may this pass? one exit code for CI
  vbench effects                            what each declared factor does to each metric
  vbench report                             all stored runs as one page: report.html

Without a command the arguments are those of `run`, so `cargo bench -- stream` works.
Every flag of `run` has an environment twin: VBENCH_ and its name, such as VBENCH_PROFILE.
Exit codes: 0 ok, 1 a case failed, 2 usage or nothing to run, 130 interrupted.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Measure, and store the results (the default command)
    #[command(after_help = RUN_EXAMPLES)]
    Run(Box<RunArgs>),
    /// Show which benchmarks this program contains and which can run here
    #[command(after_help = LIST_EXAMPLES)]
    List(ListArgs),
    /// Show what this machine is: CPUs, nodes, memory, GPUs, limits
    #[command(after_help = INFO_EXAMPLES)]
    Info(InfoArgs),
    /// Store every file the harness reads about this machine, for `--host DIR`
    #[command(after_help = CAPTURE_EXAMPLES)]
    Capture(CaptureArgs),
    /// Show a stored run as a table
    #[command(after_help = super::show::SHOW_EXAMPLES)]
    Show(ShowArgs),
    /// Compare stored configurations: what is better, worse, the same, or unclear
    #[command(after_help = DIFF_EXAMPLES)]
    Diff(super::diff::DiffArgs),
    /// Measure two settings in pairs, and compare them: what needs no reboot
    #[command(after_help = super::ab::EXAMPLES)]
    Ab(Box<super::ab::AbArgs>),
    /// Write stored runs in a format that other tools read
    #[command(after_help = super::export::EXAMPLES)]
    Export(super::export::ExportArgs),
    /// Find the noise floor: how far unchanged launches, runs or boots lie apart
    #[command(after_help = super::calibrate::EXAMPLES)]
    Calibrate(Box<super::calibrate::CalibrateArgs>),
    /// Plan how many launches and repeats show a change of a wanted size
    #[command(after_help = super::plan_samples::EXAMPLES)]
    PlanSamples(super::plan_samples::PlanSamplesArgs),
    /// Decide whether a candidate may pass: one exit code for CI, and files for other tools
    #[command(after_help = GATE_EXAMPLES)]
    Gate(Box<GateArgs>),
    /// Promote runs to a baseline that gates compare with; list and show them
    Baseline(BaselineArgs),
    /// Show what each declared factor does to each metric, from pairs that differ in one of them
    #[command(after_help = effects::EFFECTS_EXAMPLES)]
    Effects(effects::EffectsArgs),
    /// Check printed claims against stored numbers
    #[command(after_help = effects::CLAIMS_EXAMPLES)]
    Claims(effects::ClaimsArgs),
    /// Store what another tool wrote as a run: sysbench, STREAM, nccl-tests, hyperfine, ...
    #[command(after_help = import::EXAMPLES)]
    Import(import::ImportArgs),
    /// Write a report: one HTML page of stored runs, for people
    #[command(after_help = super::report::EXAMPLES)]
    Report(super::report::ReportArgs),
    /// Print the JSON Schema of result.json, or the columns of the CSV files
    #[command(
        after_help = "Examples:\n  vbench schema > result.schema.json\n  vbench schema columns"
    )]
    Schema(super::SchemaArgs),
    /// Print shell completions
    #[command(
        after_help = "Example:\n  vbench completions bash > ~/.local/share/bash-completion/completions/vbench"
    )]
    Completions {
        /// For this shell.
        shell: clap_complete::Shell,
    },
    /// Print the man page (roff)
    #[command(after_help = "Example:\n  vbench man | man -l -")]
    Man,
}

const LIST_EXAMPLES: &str = "\
Examples:
  vbench list                               what the quick profile runs here, and what it takes
  vbench list stream --profile standard     some benchmarks, in a longer profile
  vbench list --host guest-7                what another machine could run: see vbench capture
  vbench list --results                     the stored runs";

const CAPTURE_EXAMPLES: &str = "\
Examples:
  vbench capture guest-7                    on the machine
  vbench info --host guest-7                anywhere: what it is
  vbench list --host guest-7                and what it could run";

const RUN_EXAMPLES: &str = "\
Examples:
  vbench run --list                         the cases, and run nothing
  vbench run latency --profile standard     one suite, more sizes, more launches
  vbench run --kind memory,cpu --launches 10
  vbench run prime --axis threads=1,2 --time 5s
  vbench run gpu::all_reduce --max-bytes 64M
  vbench run --until-precision 1%           launch until every interval is within 1%
  vbench run --exact 'memory::stream/pages=default,stores=cached'

A run keeps a journal: Ctrl-C finishes the launch in flight and says how to go on.";

const DIFF_EXAMPLES: &str = "\
Examples:
  vbench diff default pin                   every run of each configuration, pooled
  vbench diff default pin numa              two candidates against one base
  vbench diff my-host/default 'my-host/*'   every other configuration of a machine
  vbench diff 20260102T0304 20260105        two runs, by the start of their ids
  vbench diff default numa --expect-differ 'numa.*' --format markdown
  vbench diff default pin --noise-floor noise-floor.json
  vbench diff before/samples.csv after/samples.csv

A margin of 3% means worse by a factor of at least 1.03, the same in both directions.
One launch a side is never better or worse: measure with --launches 5 or more, in turns. Where one
side was measured after the other, a change must be larger than the drift of the host may be.
Exit codes: 0, or 2 when something cannot be read or compared.";

/// How lists and progress are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Pretty,
    /// For test runners: `id: benchmark`.
    Terse,
    /// For programs: one JSON value per line.
    Json,
}

/// Arguments of `run`.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Which cases")]
pub struct RunArgs {
    /// Only cases whose id contains one of these
    #[arg(value_name = "FILTER", env = "VBENCH_FILTER")]
    pub filters: Vec<String>,
    /// Filters must equal a case id or a benchmark id
    #[arg(long, env = "VBENCH_EXACT", value_parser = BoolishValueParser::new())]
    pub exact: bool,
    /// Not the cases whose id contains this (repeatable)
    #[arg(long, value_name = "FILTER", env = "VBENCH_SKIP")]
    pub skip: Vec<String>,
    /// Only these kinds, comma-separated
    #[arg(long, value_name = "KIND", value_delimiter = ',', env = "VBENCH_KIND")]
    pub kind: Vec<String>,
    /// Values of an axis in place of the benchmark's own (repeatable): size=4K,64K
    #[arg(long, value_name = "AXIS=VALUE,..", value_parser = axis, value_delimiter = ';', env = "VBENCH_AXIS")]
    pub axis: Vec<(String, Vec<String>)>,
    /// No larger sizes: leaves out what exceeds it on an axis `size`, and ends an axis `up_to` there
    #[arg(long, value_name = "BYTES", env = "VBENCH_MAX_BYTES")]
    pub max_bytes: Option<Bytes>,
    /// Only benchmarks that are ignored by default
    #[arg(long, env = "VBENCH_IGNORED", value_parser = BoolishValueParser::new(), conflicts_with = "include_ignored")]
    pub ignored: bool,
    /// Ignored benchmarks too
    #[arg(long, env = "VBENCH_INCLUDE_IGNORED", value_parser = BoolishValueParser::new())]
    pub include_ignored: bool,
    /// List the cases and run nothing
    #[arg(long)]
    pub list: bool,
    /// How lists and progress are written
    #[arg(long, value_enum, default_value_t, env = "VBENCH_FORMAT")]
    pub format: Format,

    /// How much is measured: smoke (one tiny repeat, nothing stored), quick (3 launches, under 3
    /// minutes), standard (5 longer ones, to decide with), thorough (10, to publish)
    #[arg(long, help_heading = "How much", default_value_t = Profile::Quick, env = "VBENCH_PROFILE")]
    pub profile: Profile,
    /// Processes per case; the unit of every interval
    #[arg(long, help_heading = "How much", value_name = "K", value_parser = clap::value_parser!(u32).range(1..=100_000), env = "VBENCH_LAUNCHES")]
    pub launches: Option<u32>,
    /// Recorded repeats per launch
    #[arg(long, help_heading = "How much", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000), env = "VBENCH_SAMPLES")]
    pub samples: Option<u32>,
    /// Length of one sample, and of the window of benchmarks that count events: 500ms, 2s
    #[arg(long, help_heading = "How much", value_name = "TIME", value_parser = time, env = "VBENCH_TIME")]
    pub time: Option<f64>,
    /// Kill a launch after this long
    #[arg(long, help_heading = "How much", value_name = "TIME", value_parser = time, env = "VBENCH_TIMEOUT")]
    pub timeout: Option<f64>,
    /// Launch until the 95% interval of every gated metric is within this share of its value
    #[arg(long, help_heading = "How much", value_name = "PERCENT", value_parser = percent, env = "VBENCH_UNTIL_PRECISION")]
    pub until_precision: Option<f64>,
    /// Most launches for --until-precision [default: 30, or --launches where that is more]
    #[arg(long, help_heading = "How much", value_name = "K", env = "VBENCH_MAX_LAUNCHES")]
    pub max_launches: Option<u32>,

    /// Seed of the order and of drawn numbers [default: drawn, and stored]
    #[arg(long, help_heading = "How", env = "VBENCH_SEED")]
    pub seed: Option<u32>,
    /// Draw the order of cases in each round
    #[arg(long, help_heading = "How", value_name = "YES|NO", value_parser = yes_no, default_value = "yes", num_args = 0..=1, require_equals = true, default_missing_value = "yes", env = "VBENCH_SHUFFLE")]
    pub shuffle: bool,
    /// Run each launch in a process of its own (no: in this one, for profilers; a time limit then
    /// ends the whole program)
    #[arg(long, help_heading = "How", value_name = "YES|NO", value_parser = yes_no, default_value = "yes", num_args = 0..=1, require_equals = true, default_missing_value = "yes", env = "VBENCH_ISOLATE")]
    pub isolate: bool,
    /// Let benchmarks print
    #[arg(long, help_heading = "How", env = "VBENCH_NOCAPTURE", value_parser = BoolishValueParser::new(), alias = "no-capture")]
    pub nocapture: bool,
    /// Only check that every case works: one tiny repeat, nothing stored
    #[arg(long, help_heading = "How", env = "VBENCH_TEST", value_parser = BoolishValueParser::new())]
    pub test: bool,

    /// Name of this machine's configuration
    #[arg(long, help_heading = "Where", default_value = "default", env = "VBENCH_CONFIG")]
    pub config: String,
    /// Name of this machine [default: its GPUs, else its CPU]
    #[arg(long, help_heading = "Where", env = "VBENCH_SYSTEM")]
    pub system: Option<String>,
    /// Folder of all results
    #[arg(
        long,
        help_heading = "Where",
        value_name = "DIR",
        default_value = "results",
        env = "VBENCH_OUT"
    )]
    pub out: PathBuf,
    /// A label stored with the run (repeatable)
    #[arg(long, help_heading = "Where", value_name = "KEY=VALUE", value_parser = label, env = "VBENCH_LABEL")]
    pub label: Vec<(String, String)>,
    /// Go on with an interrupted run [default: the newest]
    #[arg(long, help_heading = "Where", value_name = "RUN", num_args = 0..=1, require_equals = true, default_missing_value = "", env = "VBENCH_RESUME")]
    pub resume: Option<String>,
    /// Leave host names, addresses, serial numbers and UUIDs out of what is stored
    #[arg(long, help_heading = "Where", env = "VBENCH_REDACT", value_parser = BoolishValueParser::new())]
    pub redact: bool,

    /// Accepted from test runners, without effect
    #[arg(long, hide = true, action = ArgAction::Set)]
    pub test_threads: Option<String>,
    /// Accepted from test runners, without effect
    #[arg(long, short, hide = true)]
    pub quiet: bool,
    /// Accepted from test runners, without effect
    #[arg(long, hide = true)]
    pub show_output: bool,
}

/// Arguments of `list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only benchmarks whose cases contain one of these
    #[arg(value_name = "FILTER")]
    pub filters: Vec<String>,
    /// Only these kinds, comma-separated
    #[arg(long, value_delimiter = ',')]
    pub kind: Vec<String>,
    /// How the list is written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// What the profile contains
    #[arg(long, default_value_t = Profile::Quick)]
    pub profile: Profile,
    /// Plan for a captured machine
    #[arg(long, value_name = "DIR")]
    pub host: Option<PathBuf>,
    /// List the stored runs instead
    #[arg(long)]
    pub results: bool,
    /// Folder of all results
    #[arg(long, value_name = "DIR", default_value = "results", env = "VBENCH_OUT")]
    pub out: PathBuf,
}

/// Arguments of `capture`.
#[derive(Debug, Args)]
pub struct CaptureArgs {
    /// New or empty folder
    pub dir: PathBuf,
}

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// A run's folder, its id or the start of it, config, or system/config [default: the newest]; then parts
    /// of the names of benchmarks: only these, and their matrices as pictures
    #[arg(value_name = "RUN [BENCHMARK]")]
    pub words: Vec<String>,
    /// Folder of all results
    #[arg(long, value_name = "DIR", default_value = "results", env = "VBENCH_OUT")]
    pub out: PathBuf,
    /// Every metric, the informative ones too
    #[arg(long, short)]
    pub all: bool,
    /// How it is written: pretty, or json for the whole result set
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

impl RunArgs {
    /// The selection these arguments make.
    pub fn selection(&self, seed: u32) -> Selection {
        let mut axes: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (axis, values) in &self.axis {
            axes.entry(axis.clone()).or_default().extend(values.clone());
        }
        Selection {
            filters: self.filters.clone(),
            exact: self.exact,
            skip: self.skip.clone(),
            kinds: self.kind.clone(),
            axes,
            max_bytes: self.max_bytes.map(|most| most.0),
            ignored: self.ignored_choice(),
            profile: if self.test { Profile::Smoke } else { self.profile },
            launches: self.launches,
            samples: self.samples,
            time: self.time,
            timeout: self.timeout,
            seed: u64::from(seed),
            shuffle: self.shuffle,
        }
    }

    /// Test runners name a case exactly and may add `--ignored`; then the name decides. A list
    /// names every case.
    fn ignored_choice(&self) -> Ignored {
        match (self.ignored, self.exact || self.include_ignored || self.list) {
            (_, true) => Ignored::Include,
            (true, false) => Ignored::Only,
            (false, false) => Ignored::Exclude,
        }
    }
}

pub(super) fn axis(text: &str) -> Result<(String, Vec<String>), String> {
    let (name, values) = text.split_once('=').ok_or("expected AXIS=VALUE,VALUE")?;
    let values: Vec<String> =
        values.split(',').filter(|value| !value.is_empty()).map(str::to_owned).collect();
    if name.is_empty() || values.is_empty() {
        return Err("expected AXIS=VALUE,VALUE".to_owned());
    }
    Ok((name.to_owned(), values))
}

pub fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// `2`, `0.5`, `500ms`, `1m 30s`; in seconds.
pub(super) fn time(text: &str) -> Result<f64, String> {
    let duration = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?,
        Err(_) => humantime::parse_duration(text)
            .map_err(|_| "expected a time such as 2, 500ms or 10s".to_owned())?,
    };
    if duration.is_zero() {
        return Err("a time must be more than zero".to_owned());
    }
    Ok(duration.as_secs_f64())
}

/// `1%`, `1`, `0.5%`; as a share.
pub(super) fn percent(text: &str) -> Result<f64, String> {
    let number: f64 =
        text.trim_end_matches('%').parse().map_err(|_| "expected a percentage such as 1%")?;
    if number > 0.0 && number <= 100.0 {
        Ok(number / 100.0)
    } else {
        Err("expected a percentage above 0 and up to 100".to_owned())
    }
}

/// A factor of zero or more.
pub(super) fn drift(text: &str) -> Result<f64, String> {
    let factor = text.parse().ok().filter(|factor: &f64| *factor >= 0.0 && factor.is_finite());
    factor.ok_or_else(|| "expected 0 or a factor such as 2".to_owned())
}

fn yes_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" | "true" | "1" => Ok(true),
        "no" | "false" | "0" => Ok(false),
        _ => Err("expected yes or no".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Cli, Command};
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn values_are_read_as_people_write_them() {
        let read = |args: &[&str]| match Cli::try_parse_from([&["vbench", "run"], args].concat()) {
            Ok(Cli { command: Command::Run(args), .. }) => *args,
            other => panic!("{other:?}"),
        };
        let args = read(&["--axis", "size=4K,64K", "--time", "500ms", "--until-precision", "1%"]);
        assert_eq!(args.axis, [("size".into(), vec!["4K".into(), "64K".into()])]);
        assert_eq!((args.time, args.until_precision), (Some(0.5), Some(0.01)));
        assert!(args.shuffle && args.isolate && args.resume.is_none());
        let args = read(&["--isolate=no", "--shuffle=no", "--resume", "stream"]);
        assert!(!args.shuffle && !args.isolate);
        assert_eq!((args.resume.as_deref(), args.filters), (Some(""), vec!["stream".into()]));
    }

    #[test]
    fn bad_values_are_refused_with_what_was_expected() {
        for bad in [
            ["--axis", "size"],
            ["--time", "0"],
            ["--time", "soon"],
            ["--time", "-1"],
            ["--until-precision", "0"],
            ["--launches", "0"],
            ["--profile", "fast"],
        ] {
            assert!(Cli::try_parse_from(["vbench", "run", bad[0], bad[1]]).is_err(), "{bad:?}");
        }
    }
}
