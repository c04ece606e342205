//! `baseline`: runs become what gates compare with, and nothing else ever changes that.

use super::gate::store;
use super::stored::{Configuration, measured, one};
use super::{Console, Ended, OK};
use crate::report::run::{Detail, render};
use crate::report::table::{Column, Table};
use crate::store::baselines::{BaselineError, Baselines, Promotion, Step};
use crate::store::{RESULT, is_csv, remedy};
use crate::text::inert;
use crate::text::number::counted;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::time::SystemTime;
use vbench_results::ResultSet;

const BASELINE_EXAMPLES: &str = "\
Examples:
  vbench baseline promote default                 every run of the configuration, as \"main\"
  vbench baseline promote 20260102T0304 --name v1.0
  vbench baseline list
  vbench baseline show main

Baselines hold the raw runs, by the hash of their content. Promoting adds and never replaces: a
gate uses the newest promotion that was measured on a machine like the candidate's.
Exit codes: 0, or 2 when something cannot be promoted or read.";

/// Arguments of `baseline`.
#[derive(Debug, Args)]
#[command(after_help = BASELINE_EXAMPLES)]
pub struct BaselineArgs {
    #[command(subcommand)]
    action: Action,
    /// Folder of all results
    #[arg(long, global = true, value_name = "DIR", default_value = "results", env = "VBENCH_OUT")]
    out: PathBuf,
    /// Folder of promoted baselines [default: .baselines in the folder of all results]
    #[arg(long, global = true, value_name = "DIR", env = "VBENCH_STORE")]
    store: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make runs the newest baseline of a name
    Promote {
        /// A path, a run id or the start of it, or a configuration, whose runs are pooled
        run: String,
        /// Name of the baseline
        #[arg(long, default_value = "main")]
        name: String,
        /// Promote runs that failed or are unfinished too; what was wrong is recorded
        #[arg(long)]
        force: bool,
    },
    /// Show every promotion, the newest last
    List {
        /// Only of this baseline
        name: Option<String>,
    },
    /// Show the newest promotion of a baseline, with the values of its runs
    Show {
        /// Name of the baseline
        name: String,
        /// Every metric, the informative ones too
        #[arg(long, short)]
        all: bool,
    },
}

/// Promotes, lists or shows.
pub fn baseline(args: &BaselineArgs, console: &mut Console<'_>) -> Ended {
    let store = Baselines::new(store(args.store.as_deref(), &args.out));
    match &args.action {
        Action::Promote { run, name, force } => {
            let set = one(run, measured(&args.out, run, console)?)?;
            promote(&store, name, &set, *force, console)
        }
        Action::List { name } => list(&store, name.as_deref(), console),
        Action::Show { name, all } => show(&store, name, *all, console),
    }
}

fn promote(
    store: &Baselines,
    name: &str,
    set: &Configuration,
    force: bool,
    console: &mut Console<'_>,
) -> Ended {
    let faults: Vec<String> = set.runs.iter().flat_map(faults).collect();
    if let (Some(first), false) = (faults.first(), force) {
        let more = faults.len() - 1;
        let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
        return Err(
            inert(&format!("not promoted: {first}{more}")) + "\n  promote it nevertheless: --force"
        );
    }
    let runs = set.runs.iter().zip(&set.folders).map(|(run, folder)| {
        let file = if folder.is_file() { folder.clone() } else { folder.join(RESULT) };
        // A forced run may have a journal only, and a table holds several runs.
        let bytes = std::fs::read(&file).ok().filter(|_| !is_csv(&file));
        let bytes = bytes.unwrap_or_else(|| run.to_json().into_bytes());
        (run.clone(), bytes)
    });
    let runs: Vec<(ResultSet, Vec<u8>)> = runs.collect();
    let promoted = store.promote(name, &runs, faults, SystemTime::now());
    let ids: Vec<&str> = set.runs.iter().map(|run| run.run.id.as_str()).collect();
    let ids = inert(&ids.join(", "));
    let _ = match promoted.map_err(|error| not_kept(&error))? {
        Step::New(_) => writeln!(console.out, "{name} is now {ids}"),
        Step::Already { repaired: 0 } => writeln!(console.out, "{name} is {ids} already"),
        Step::Already { repaired } => {
            let runs = counted(repaired, "run");
            writeln!(console.out, "{name} is {ids} already; stored again: {runs}")
        }
    };
    Ok(OK)
}

/// Of a promotion that failed, with what to do where the store cannot be written.
fn not_kept(error: &BaselineError) -> String {
    match error {
        BaselineError::Io { what: "write", source, .. } => {
            let remedy = remedy(source);
            format!("{error}\n  not promoted; {remedy}, or choose another place with --store DIR")
        }
        _ => error.to_string(),
    }
}

/// Why a run should not become what others are measured by.
fn faults(run: &ResultSet) -> Vec<String> {
    let id = &run.run.id;
    let mut faults = Vec::new();
    if run.run.finished_at.is_none() {
        faults.push(format!("run {id} is unfinished"));
    }
    for case in &run.cases {
        let failed = || case.launches.iter().filter(|launch| launch.outcome.is_failure());
        if let Some(first) = failed().next() {
            let (outcome, reason) = (first.outcome.state(), first.outcome.reason());
            let count = counted(failed().count(), "launch");
            let reason = reason.unwrap_or_default();
            faults.push(format!("run {id}: {count} of {} {outcome}: {reason}", case.case));
        }
    }
    faults
}

fn list(store: &Baselines, name: Option<&str>, console: &mut Console<'_>) -> Ended {
    let names = name.map_or_else(|| store.names(), |name| vec![name.to_owned()]);
    let mut table = Table::new(vec![
        Column::left("baseline"),
        Column::left("promoted"),
        Column::left("system"),
        Column::left("config"),
        Column::left("runs").flexible(),
        Column::left("fingerprint").droppable(1),
        Column::left(""),
    ]);
    for name in names {
        for promotion in store.of(&name).map_err(|error| error.to_string())? {
            table.row(cells(&promotion));
        }
    }
    let _ = match table.rows.is_empty() {
        true => writeln!(console.out, "no baselines\n  make one: vbench baseline promote RUN"),
        false => write!(console.out, "{}", table.render(0, console.width)),
    };
    Ok(OK)
}

fn cells(promotion: &Promotion) -> Vec<String> {
    let ids: Vec<&str> = promotion.runs.iter().map(|run| run.run_id.as_str()).collect();
    let fingerprints: Vec<&str> = promotion.fingerprints.iter().map(String::as_str).collect();
    vec![
        promotion.name.clone(),
        promotion.promoted_at.clone(),
        promotion.system.clone(),
        promotion.config.clone(),
        ids.join(" "),
        fingerprints.join(" "),
        if promotion.forced.is_empty() { String::new() } else { "forced".to_owned() },
    ]
}

fn show(store: &Baselines, name: &str, all: bool, console: &mut Console<'_>) -> Ended {
    let promotions = store.of(name).map_err(|error| error.to_string())?;
    let Some(newest) = promotions.last() else {
        let names = store.names();
        let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        return Err(format!("no promoted baseline {name:?}\n  there: {there}"));
    };
    let older = counted(promotions.len() - 1, "older promotion");
    let title = format!("{name}  promoted {}  {older}", newest.promoted_at);
    let _ = writeln!(console.out, "{}", inert(&title));
    for fault in &newest.forced {
        let _ = writeln!(console.out, "forced: {}", inert(fault));
    }
    for (run, path) in store.runs(newest).map_err(|error| error.to_string())? {
        let described = &run.run;
        let title = format!(
            "{}  {}  {}  fingerprint {}",
            described.system, described.config, described.started_at, described.fingerprint
        );
        let table = render(
            &run,
            Detail { all_metrics: all, style: console.style, ..Detail::default() },
            console.width,
        );
        let _ = write!(console.out, "\n{}\n\n{table}{}\n", inert(&title), path.display());
    }
    Ok(OK)
}
