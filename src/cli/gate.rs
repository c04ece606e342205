//! `gate`: reads policy and runs, lets the policy decide, writes what was decided.

use super::output::write_file;
use super::stored::{Configuration, configurations, each_run_once, folders, measured, names, one};
use super::{Console, Ended, OK};
use crate::compare::{Comparison, NoiseFloor, Side, compare};
use crate::export::{bencher, github_action_benchmark, openmetrics};
use crate::gate::{Confirmation, Key, Policy, commented_policy, decide};
use crate::report::diff::View;
use crate::report::gate::{Input, Report, annotations, comment, csv, json, junit, markdown, text};
use crate::store::baselines::{Baselines, sha256};
use crate::store::{RESULT, journal::JOURNAL};
use crate::terminal::Style;
use crate::text::number::with_unit;
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use vbench_results::{Metric, ResultSet};

pub const GATE_EXAMPLES: &str = "\
Examples:
  vbench gate --init default                     write a commented policy from a run
  vbench gate --baseline main --candidate numa   the newest promoted baseline that fits
  vbench gate --baseline 20260102T0304 --candidate 20260105 --write gate
  vbench gate --baseline main --anchor v1.0 --candidate new --github --write gate
  vbench gate --baseline main --candidate new --confirm 20260106   [confirm] runs = 1: fail twice or pass

A margin of 3% means worse by a factor of at least 1.03, the same in both directions: 100 ns
regressed from 103 ns up, 100 GB/s from 97.1 GB/s down.
--write DIR writes gate.txt, gate.json, gate.csv, gate.md, comment.md (for a pull request: under
65,536 characters), gate.xml (JUnit), bencher.json, github-action-benchmark-bigger.json and
-smaller.json, and openmetrics.txt.
Exit codes: 0 pass, 1 it got worse or a bound is broken, 2 it could not be decided (usage, policy,
unreadable input), 3 incomplete (rows missing or not comparable, nothing judged), 4 a control moved
or the machine is another one. Where several apply 2 comes before 4, then 1, then 3.";

/// Arguments of `gate`.
#[derive(Debug, Args)]
pub struct GateArgs {
    /// What is judged: a path, a run id or the start of it, or a configuration
    #[arg(long, value_name = "RUN", required_unless_present = "init")]
    candidate: Option<String>,
    /// What it is compared with: a promoted baseline, or named like the candidate
    #[arg(long, value_name = "RUN")]
    baseline: Option<String>,
    /// An older base that must hold as well, such as the last release: against slow creep
    #[arg(long, value_name = "RUN")]
    anchor: Option<String>,
    /// Fresh runs of what failed: a row fails only if it fails there as well (repeatable, at most
    /// as often as [confirm] runs of the policy says)
    #[arg(long, value_name = "RUN")]
    confirm: Vec<String>,
    /// The policy
    #[arg(long, value_name = "FILE", default_value = "vbench-gate.toml", env = "VBENCH_POLICY")]
    policy: PathBuf,
    /// Calibrated spreads, in place of the policy's
    #[arg(long, value_name = "FILE")]
    noise_floor: Option<PathBuf>,
    /// Keep the decision in what is written, and exit with 0 (2 stays 2)
    #[arg(long)]
    report_only: bool,
    /// Write a commented policy made from a run, and decide nothing
    #[arg(long, value_name = "RUN", conflicts_with_all = ["candidate", "baseline", "anchor", "confirm"])]
    init: Option<String>,

    /// How it is written on standard output
    #[arg(long, help_heading = "Output", value_enum, default_value_t)]
    format: GateFormat,
    /// Write every format into this folder
    #[arg(long, help_heading = "Output", value_name = "DIR")]
    write: Option<PathBuf>,
    /// Print GitHub annotations too, and add to the step summary
    #[arg(long, help_heading = "Output")]
    github: bool,
    /// The step summary that --github adds to
    #[arg(long, help_heading = "Output", value_name = "FILE", env = "GITHUB_STEP_SUMMARY")]
    step_summary: Option<PathBuf>,

    /// Folder of all results
    #[arg(
        long,
        help_heading = "Where",
        value_name = "DIR",
        default_value = OUT,
        env = "VBENCH_OUT"
    )]
    out: PathBuf,
    /// Folder of promoted baselines [default: .baselines in the folder of all results]
    #[arg(long, help_heading = "Where", value_name = "DIR", env = "VBENCH_STORE")]
    store: Option<PathBuf>,
}

/// How a decision is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum GateFormat {
    /// For people.
    #[default]
    Text,
    /// Everything.
    Json,
    /// One line per row.
    Csv,
    /// For step summaries.
    Markdown,
    /// The same in less than the 65,536 characters of a comment.
    Comment,
    /// For test dashboards.
    Junit,
}

/// Decides, or writes a first policy.
pub fn gate(args: &GateArgs, console: &mut Console<'_>) -> Ended {
    if let Some(run) = &args.init {
        return init(args, run, console);
    }
    let policy = Policy::read(&args.policy)?;
    let sides = Sides::read(args, &policy, console)?;
    sides.check_key(&policy).map_err(|error| format!("{}: {error}", args.policy.display()))?;
    let floor_file = args.noise_floor.as_ref().or(policy.noise_floor_file.as_ref());
    let noise = floor_file.map(|path| NoiseFloor::read(path)).transpose();
    let noise = noise.map_err(|error| error.to_string())?;
    let base = sides.compare(sides.base.as_ref(), &sides.candidate, &policy, noise.as_ref());
    let anchor = sides.anchor.as_ref();
    let anchor = anchor.map(|a| sides.compare(Some(a), &sides.candidate, &policy, noise.as_ref()));
    let again = sides.confirmations(&policy, noise.as_ref());
    let again: Vec<Confirmation<'_>> = again.iter().map(Again::confirmation).collect();
    let compares = sides.base.is_some() || anchor.is_some();
    let gate = decide(&policy, &base, anchor.as_ref(), SystemTime::now())
        .map(|gate| if compares { gate.with_idle_key(&policy, &sides.runs()) } else { gate })
        .and_then(|gate| gate.confirmed(&policy, &again))
        .map_err(|error| format!("{}: {error}", args.policy.display()))?;
    let mut inputs = vec![input("policy", &args.policy)?];
    inputs.extend(floor_file.map(|path| input("noise-floor", path)).transpose()?);
    inputs.extend(sides.inputs()?);
    let (gate, policy, anchor) = (&gate, &policy, anchor.as_ref());
    let report = Report {
        gate,
        policy,
        base: &base,
        anchor,
        inputs: &inputs,
        out: (args.out != Path::new(OUT)).then_some(&args.out),
        report_only: args.report_only,
    };
    write(args, &report, console)?;
    Ok(report.exit_code())
}

/// One side: its runs and how they are called.
struct Named {
    name: String,
    set: Configuration,
}

/// What is compared.
struct Sides {
    candidate: Named,
    /// Absent where the policy only bounds values.
    base: Option<Named>,
    anchor: Option<Named>,
    /// The candidate measured again.
    again: Vec<Named>,
}

/// A confirmation's comparisons.
struct Again<'s> {
    name: &'s str,
    base: Comparison,
    anchor: Option<Comparison>,
}

impl Again<'_> {
    fn confirmation(&self) -> Confirmation<'_> {
        Confirmation { name: self.name, base: &self.base, anchor: self.anchor.as_ref() }
    }
}

impl Sides {
    fn read(args: &GateArgs, policy: &Policy, console: &mut Console<'_>) -> Result<Self, String> {
        let named = args.candidate.as_deref().unwrap_or_default();
        let mut candidate = one(named, configurations(&args.out, named, console)?)?;
        let again = again(args, policy, &mut candidate, console)?;
        let base = args.baseline.as_ref().or(policy.baseline.source.as_ref());
        let anchor = args.anchor.as_ref().or(policy.baseline.anchor.as_ref());
        let bounded = policy.rules.iter().any(|rule| rule.min.is_some() || rule.max.is_some());
        if base.is_none() && !bounded {
            return Err("nothing to compare with: give --baseline, a [baseline] source in the \
                        policy, or rules with min or max"
                .to_owned());
        }
        let mut side = |named: Option<&String>| -> Result<Option<Named>, String> {
            named.map(|named| reference(args, named, policy, &candidate.runs, console)).transpose()
        };
        let (base, anchor) = (side(base)?, side(anchor)?);
        for other in base.iter().chain(&anchor) {
            let sides = [&other.set, &candidate].into_iter();
            each_run_once(sides.chain(again.iter().map(|again| &again.set)))?;
        }
        let candidate = Named { name: String::new(), set: candidate };
        Ok(Self { candidate, base, anchor, again }.with_names_apart())
    }

    /// The shortest names that tell the sides apart; promoted baselines keep theirs.
    fn with_names_apart(mut self) -> Self {
        let base = self.base.iter_mut().filter(|base| base.name.is_empty());
        let anchor = self.anchor.iter_mut().filter(|anchor| anchor.name.is_empty());
        let mut unnamed: Vec<&mut Named> = base.chain(anchor).collect();
        unnamed.push(&mut self.candidate);
        let names = names(unnamed.iter().map(|named| &named.set));
        for (named, name) in unnamed.iter_mut().zip(names) {
            named.name = name;
        }
        self
    }

    fn all(&self) -> impl Iterator<Item = (&'static str, &Named)> {
        let candidate = std::iter::once(("candidate", &self.candidate));
        let base = self.base.iter().map(|base| ("baseline", base));
        let anchor = self.anchor.iter().map(|anchor| ("anchor", anchor));
        let again = self.again.iter().map(|again| ("confirmation", again));
        base.chain(candidate).chain(anchor).chain(again)
    }

    /// A key that names no fact would make every machine the same.
    fn check_key(&self, policy: &Policy) -> Result<(), String> {
        let key = Key(&policy.baseline.key);
        if let Some(name) = key.unknown_names(&self.candidate.set.runs).first() {
            return Err(format!(
                "the key {name:?} in [baseline] is no fact of {}\n  facts: vbench info --json, or \
                 leave it out",
                self.candidate.name
            ));
        }
        let runs = self.runs();
        if (self.base.is_some() || self.anchor.is_some()) && key.is_blind(&runs) {
            let idle = key.idle_globs(&runs);
            let idle = idle.iter().map(|glob| format!("; {glob:?} matches nothing"));
            return Err(format!(
                "the key in [baseline] holds no fact of either side, so any machine would do{}\n  \
                 facts: vbench info --json, or leave key out",
                idle.collect::<String>()
            ));
        }
        Ok(())
    }

    /// Every run whose facts are compared.
    fn runs(&self) -> Vec<&ResultSet> {
        self.all().flat_map(|(_, named)| &named.set.runs).collect()
    }

    fn confirmations(&self, policy: &Policy, noise: Option<&NoiseFloor>) -> Vec<Again<'_>> {
        let anchor = self.anchor.as_ref();
        let compared = |again: &'_ Named| {
            let base = self.compare(self.base.as_ref(), again, policy, noise);
            (base, anchor.map(|anchor| self.compare(Some(anchor), again, policy, noise)))
        };
        let named = self.again.iter().map(|again| (again.name.as_str(), compared(again)));
        named.map(|(name, (base, anchor))| Again { name, base, anchor }).collect()
    }

    fn compare(
        &self,
        base: Option<&Named>,
        candidate: &Named,
        policy: &Policy,
        noise: Option<&NoiseFloor>,
    ) -> Comparison {
        let nothing = Side { name: "nothing", runs: &[] };
        let base = base.map_or(nothing, |base| Side { name: &base.name, runs: &base.set.runs });
        let candidate = Side { name: &candidate.name, runs: &candidate.set.runs };
        let floors = noise.map(NoiseFloor::floors).unwrap_or_default();
        let mut comparison = compare(&base, &[candidate], &policy.comparison(floors));
        if let Some(noise) = noise {
            noise.remark(&mut comparison);
        }
        comparison
    }

    fn inputs(&self) -> Result<Vec<Input>, String> {
        let files = self.all().flat_map(|(role, named)| {
            named.set.folders.iter().map(move |folder| input(role, folder))
        });
        files.collect()
    }
}

/// The runs that confirm, taken out of the candidate: what was measured because a row failed must
/// not dilute what it failed by.
fn again(
    args: &GateArgs,
    policy: &Policy,
    candidate: &mut Configuration,
    console: &mut Console<'_>,
) -> Result<Vec<Named>, String> {
    let (asked, given) = (policy.confirm.runs as usize, args.confirm.len());
    if given > asked {
        return Err(format!(
            "{}: [confirm] runs = {asked}, and --confirm names {given}\n  measuring until it passes \
             confirms nothing: let the policy say how often",
            args.policy.display()
        ));
    }
    let mut found = Vec::new();
    for named in &args.confirm {
        let set = one(named, measured(&args.out, named, console)?)?;
        if set.key() != candidate.key() {
            let [(_, again), (_, first)] = [set.key(), candidate.key()];
            return Err(format!("--confirm {named} is of {again}, the candidate is {first}"));
        }
        candidate.leave_out(&set);
        if candidate.runs.is_empty() {
            let text = "holds every run of the candidate: nothing is left to confirm";
            return Err(format!("--confirm {named} {text}"));
        }
        let ids: Vec<&str> = set.runs.iter().map(|run| run.run.id.as_str()).collect();
        found.push(Named { name: ids.join("+"), set });
    }
    Ok(found)
}

/// A promoted baseline, else what the name means as in `diff`.
fn reference(
    args: &GateArgs,
    named: &str,
    policy: &Policy,
    candidate: &[ResultSet],
    console: &mut Console<'_>,
) -> Result<Named, String> {
    let store = store(args.store.as_deref(), &args.out);
    let told = named.strip_prefix(PROMOTED);
    let name = told.unwrap_or(named);
    let promoted = Baselines::new(&store);
    let known = promoted.names().iter().any(|other| other == name);
    if told.is_some() || (known && !Path::new(named).exists()) {
        if told.is_none() && folders(&args.out, named).is_ok() {
            return Err(format!(
                "{named:?} is both a promoted baseline and a run\n  write {PROMOTED}{named}, or \
                 the run as system/config"
            ));
        }
        let set = fitting(&promoted, name, policy, candidate)?;
        return Ok(Named { name: format!("baseline {name}"), set });
    }
    let found = measured(&args.out, named, console).map_err(|error| {
        let names = promoted.names();
        let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        format!("{error}\n  promoted baselines in {}: {there}", store.display())
    })?;
    let set = one(named, found)?;
    Ok(Named { name: String::new(), set })
}

/// The folder of all results where none is given.
const OUT: &str = "results";

/// Before the name of a promoted baseline where it could be a run as well.
const PROMOTED: &str = "baseline:";

/// The folder of promoted baselines.
pub fn store(given: Option<&Path>, out: &Path) -> PathBuf {
    given.map_or_else(|| out.join(".baselines"), Path::to_owned)
}

/// The newest promotion that was measured on a machine like the candidate's; where there is none,
/// the newest of all, so that what differs can be said.
fn fitting(
    store: &Baselines,
    name: &str,
    policy: &Policy,
    candidate: &[ResultSet],
) -> Result<Configuration, String> {
    let promotions = store.of(name).map_err(|error| error.to_string())?;
    let mut newest = None;
    for promotion in promotions.iter().rev() {
        let runs = store.runs(promotion).map_err(|error| {
            let ids: Vec<&str> = promotion.runs.iter().map(|run| run.run_id.as_str()).collect();
            let ids = ids.join(", ");
            format!("{error}\n  promote what it was made of again, which repairs it: {ids}")
        })?;
        let (runs, folders): (Vec<ResultSet>, Vec<PathBuf>) = runs.into_iter().unzip();
        let fits = Key(&policy.baseline.key).agree(&runs, candidate);
        let set = Configuration { runs, folders };
        if fits {
            return Ok(set);
        }
        newest.get_or_insert(set);
    }
    newest.ok_or_else(|| {
        format!(
            "no promoted baseline {name:?}\n  make one: vbench baseline promote RUN --name {name}"
        )
    })
}

/// The file of a run's folder, or the file itself, with its hash.
fn input(role: &'static str, path: &Path) -> Result<Input, String> {
    let files = [path.join(RESULT), path.join(JOURNAL), path.to_owned()];
    let file = files.iter().find(|file| file.is_file()).unwrap_or(&files[2]);
    let bytes =
        std::fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    Ok(Input { role, path: file.display().to_string(), sha256: sha256(&bytes) })
}

type Writer = fn(&Report<'_>, View) -> String;

/// Every format, with the name of its file.
const FORMATS: [(GateFormat, &str, Writer); 6] = [
    (GateFormat::Text, "gate.txt", text),
    (GateFormat::Json, "gate.json", |report, _| json(report)),
    (GateFormat::Csv, "gate.csv", |report, _| csv(report)),
    (GateFormat::Markdown, "gate.md", markdown),
    (GateFormat::Comment, "comment.md", comment),
    (GateFormat::Junit, "gate.xml", junit),
];

fn write(args: &GateArgs, report: &Report<'_>, console: &mut Console<'_>) -> Result<(), String> {
    let Style { unicode, colour } = console.style;
    let screen = View { width: console.width, unicode, colour, all_metrics: false };
    // Files are read elsewhere: in UTF-8, by no terminal.
    let file = View { unicode: true, colour: false, ..screen };
    for (format, _, writer) in FORMATS.iter().filter(|(format, ..)| *format == args.format) {
        let view = if *format == GateFormat::Text { screen } else { file };
        let _ = console.out.write_all(writer(report, view).as_bytes());
    }
    if args.github {
        let _ = console.out.write_all(annotations(report, file).as_bytes());
        if let Some(summary) = &args.step_summary {
            append(summary, &markdown(report, file))?;
        }
    }
    let Some(folder) = &args.write else { return Ok(()) };
    let failed =
        |path: &Path, error: std::io::Error| format!("cannot write {}: {error}", path.display());
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let own = FORMATS.iter().map(|(_, name, writer)| (*name, writer(report, file)));
    for (name, text) in own.chain(exports(report.base)) {
        let path = folder.join(name);
        write_file(&path, text.as_bytes(), "name another folder with --write DIR")?;
    }
    Ok(())
}

/// The candidate's values for the tools that keep their history.
fn exports(comparison: &Comparison) -> Vec<(&'static str, String)> {
    let mut files = vec![("openmetrics.txt", openmetrics(comparison))];
    for pair in &comparison.pairs {
        files.push(("bencher.json", bencher(pair)));
        let names = ["github-action-benchmark-bigger.json", "github-action-benchmark-smaller.json"];
        let lists = names.into_iter().zip(github_action_benchmark(pair));
        // The action refuses an empty list.
        files.extend(lists.filter_map(|(name, list)| Some((name, list?))));
    }
    files
}

fn append(path: &Path, text: &str) -> Result<(), String> {
    let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Writes a first policy, never over another.
fn init(args: &GateArgs, run: &str, console: &mut Console<'_>) -> Ended {
    let set = one(run, measured(&args.out, run, console)?)?;
    let shown = |value: f64, metric: &Metric| with_unit(value, &metric.unit);
    let text = commented_policy(&set.runs, shown);
    let path = args.policy.display();
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&args.policy);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
        let remedy = "name another file: --policy FILE";
        format!("cannot write {path}: {error}\n  {remedy}")
    })?;
    let _ = writeln!(
        console.out,
        "{path}\n  decide: vbench gate --policy {path} --baseline X --candidate Y"
    );
    Ok(OK)
}
