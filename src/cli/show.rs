//! `show`, `info` and `capture`: what was stored, and what this machine is.

use super::args::{CaptureArgs, Format, ShowArgs};
use super::measured::measured;
use super::{Console, Ended, OK};
use crate::environment;
use crate::host::Host;
use crate::report::number::counted;
use crate::report::run::Detail;
use crate::store::Stored;
use crate::terminal::Tone;
use crate::text::{inert, wrap};
use crate::topology::Topology;
use crate::{report, store};
use clap::Args;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use vbench_results::{ResultSet, Run};

pub(super) const INFO_EXAMPLES: &str = "\
Examples:
  vbench info                               what the guest claims
  vbench run placement                      measure it
  vbench info --measured                    the newest such run: does the claim hold?
  vbench info --measured my-host/numa --json  the same of another run, as facts
  vbench info --under-load                  GPU links while something is copied: idle ones slow down";

pub(super) const SHOW_EXAMPLES: &str = "\
Examples:
  vbench show                               the newest run
  vbench show numa stream_nodes             one benchmark of the newest run of a configuration
  vbench show core_to_core                  pairs of vCPUs as a picture
  vbench show region_map                    each block of memory as a digit
  vbench show noise                         what each vCPU lost
  vbench show my-host/default --all         every metric, the informative ones too";

/// Arguments of `info`.
#[derive(Debug, Args)]
pub struct InfoArgs {
    /// Every fact with its source, as JSON
    #[arg(long)]
    pub json: bool,
    /// Leave host names, addresses, serial numbers and UUIDs out
    #[arg(long)]
    pub redact: bool,
    /// Show a captured machine
    #[arg(long, value_name = "DIR")]
    pub host: Option<PathBuf>,
    /// Cores, caches, node distances and hidden nodes as a run measured them, beside what the
    /// guest claims [default: the newest run of this machine that measured any]
    #[arg(long, value_name = "RUN", num_args = 0..=1, default_missing_value = "")]
    pub measured: Option<String>,
    /// Copies to each GPU for a moment, and shows its links meanwhile
    #[arg(long, conflicts_with_all = ["host", "measured"])]
    pub under_load: bool,
    /// Folder of all results, for --measured
    #[arg(long, value_name = "DIR", default_value = "results", env = "VBENCH_OUT")]
    pub out: PathBuf,
}

/// A stored run as a table, or as JSON.
pub fn show(args: &ShowArgs, console: &mut Console<'_>) -> Ended {
    let (folder, mut stored, filters) = named(args, console)?;
    for damage in &stored.damage {
        console.warn(damage);
    }
    if args.format == Format::Json {
        let _ = console.out.write_all(stored.results.to_json().as_bytes());
        return Ok(OK);
    }
    if !filters.is_empty() {
        only(&mut stored.results, filters)?;
    }
    let title = wrap(&inert(&title(&stored.results.run)), console.width, 2);
    let _ = writeln!(console.out, "{}", console.style.paint(Tone::Title, &title));
    if stored.running {
        let _ = writeln!(console.out, "in progress: what is finished so far");
    } else if !stored.finished && stored.results.run.pairs.is_some() {
        let _ =
            writeln!(console.out, "unfinished: one side of `vbench ab`, which cannot be resumed");
    } else if !stored.finished {
        let _ = writeln!(console.out, "unfinished: vbench run --resume={}", folder.display());
    }
    let detail =
        Detail { all_metrics: args.all, pictures: !filters.is_empty(), style: console.style };
    let table = report::run::render(&stored.results, detail, console.width);
    let _ = write!(console.out, "\n{table}{}\n", folder.display());
    Ok(OK)
}

/// The run that is meant, as it was read, and the benchmarks of it. A first word that names no run but a benchmark
/// of the newest means that.
fn named<'a>(
    args: &'a ShowArgs,
    console: &mut Console<'_>,
) -> Result<(PathBuf, Stored, &'a [String]), String> {
    let Some((run, filters)) = args.words.split_first() else {
        let (folder, stored) = newest(&args.out, console)?;
        return Ok((folder, stored, &[]));
    };
    let found = find(&args.out, Some(run));
    if found.is_err()
        && let Ok((folder, stored)) = newest(&args.out, console)
        && stored.results.cases.iter().any(|case| case.case.to_string().contains(run.as_str()))
    {
        return Ok((folder, stored, &args.words));
    }
    let folder = found?;
    let stored = store::read(&folder).map_err(|error| error.to_string())?;
    Ok((folder, stored, filters))
}

/// The newest run that can be read; newer ones that cannot are named.
fn newest(out: &Path, console: &mut Console<'_>) -> Result<(PathBuf, Stored), String> {
    let mut damaged = Vec::new();
    for folder in store::runs(out).into_iter().rev() {
        match store::read(&folder) {
            Ok(stored) => {
                damaged.iter().for_each(|error| console.warn(&format!("left out: {error}")));
                return Ok((folder, stored));
            }
            Err(error) => damaged.push(error.to_string()),
        }
    }
    Err(damaged.into_iter().next().unwrap_or_else(|| none_found(out, None, &[])))
}

/// Leaves only the cases whose id contains one of `filters`.
fn only(results: &mut ResultSet, filters: &[String]) -> Result<(), String> {
    let benchmarks: BTreeSet<String> =
        results.cases.iter().map(|case| case.case.benchmark.clone()).collect();
    let wanted = |id: &str| filters.iter().any(|filter| id.contains(filter.as_str()));
    results.cases.retain(|case| wanted(&case.case.to_string()));
    if results.cases.is_empty() {
        let there: Vec<String> = benchmarks.into_iter().collect();
        return Err(format!(
            "the run has no case that contains {}\n  there: {}",
            filters.join(" or "),
            there.join(", ")
        ));
    }
    Ok(())
}

/// Who ran what. The source of an imported run tells neither its start nor a seed.
fn title(run: &Run) -> String {
    let (system, config, launches) =
        (&run.system, &run.config, counted(run.launches as usize, "launch"));
    if run.profile == "imported" {
        return format!("{system}  {config}  imported: {}  {launches}", run.command.join(" "));
    }
    format!(
        "{system}  {config}  {}  profile {}  {launches}  seed {}  vbench {}",
        run.started_at, run.profile, run.seed, run.vbench_version
    )
}

/// The run that `run` names: a path, an id or the start of it, `config`, `system/config`, or the
/// newest.
///
/// # Errors
/// No such run, with those there are.
pub fn find(out: &Path, run: Option<&str>) -> Result<PathBuf, String> {
    if let Some(path) = run.map(Path::new).filter(|path| path.exists()) {
        return Ok(path.to_owned());
    }
    let runs = store::runs(out);
    // A name as it was given, and as its folder has it.
    let stored = run.map(super::stored::as_stored).unwrap_or_default();
    let matches = |folder: &&PathBuf| {
        let below = folder.strip_prefix(out).unwrap_or(folder).to_string_lossy().into_owned();
        let id = folder.file_name().map(|id| id.to_string_lossy().into_owned()).unwrap_or_default();
        let is = |run: &str| {
            let run = run.trim_end_matches('/');
            let config = below.split('/').nth(1) == Some(run);
            config || id.starts_with(run) || below.starts_with(&format!("{run}/"))
        };
        run.is_none_or(is) || stored.iter().any(|stored| is(stored))
    };
    // Ids begin with their time, so the last match is the newest.
    runs.iter().rfind(matches).cloned().ok_or_else(|| none_found(out, run, &runs))
}

fn none_found(out: &Path, run: Option<&str>, runs: &[PathBuf]) -> String {
    match run {
        Some(run) => super::stored::none_found(out, run, runs),
        None => format!("no runs in {}\n  measure one: vbench run", out.display()),
    }
}

/// What this machine is.
pub fn info(args: &InfoArgs, console: &mut Console<'_>) -> Ended {
    if let Some(run) = &args.measured {
        return measured(args, run, console);
    }
    let host = match &args.host {
        Some(dir) => Host::tree(dir).map_err(|error| error.to_string())?,
        None => Host::live(),
    };
    let mut environment = environment::probe(&host);
    if args.under_load {
        environment::gpus_under_load(&host, &mut environment);
    }
    if args.redact {
        environment.redact();
    }
    let text = if args.json {
        let json = serde_json::to_string_pretty(&environment);
        json.map_err(|error| error.to_string())? + "\n"
    } else {
        report::info::render(&environment, &Topology::read(&host), console.width)
    };
    let _ = console.out.write_all(text.as_bytes());
    Ok(OK)
}

/// Stores what the harness reads about this machine.
pub fn capture(args: &CaptureArgs, console: &mut Console<'_>) -> Ended {
    let summary = environment::capture(&args.dir).map_err(|error| error.to_string())?;
    let recorded = summary.recorded;
    let _ = writeln!(
        console.out,
        "{}, {} KiB, {} without an answer\n  replay: vbench info --host {}",
        counted(recorded.files, "file"),
        recorded.bytes >> 10,
        counted(recorded.failures, "question"),
        args.dir.display()
    );
    Ok(OK)
}
