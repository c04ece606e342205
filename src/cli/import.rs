//! `import`: what other tools wrote, stored as runs.

use super::{Console, Ended, OK};
use crate::import::{self, Draft, KINDS};
use crate::store;
use crate::text::inert;
use crate::text::number::counted;
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use vbench_results::ResultSet;

pub const EXAMPLES: &str = "\
Examples:
  vbench import sysbench one.txt two.txt three.txt --system my-host --config vcpu_pin
  vbench import nccl all_reduce.txt --system 7x-H200 --config default --label factor.pin=no
  vbench import criterion target/criterion --system my-host --config default
  vbench import hyperfine times.json --system my-host --config default
  vbench import study-folder results/

Each file is one process of its tool: one launch. Several files are launches of one configuration.
What a source does not say (boots, repeats, the machine) is stored as unknown with the reason, so
that a comparison never takes one printed number for evidence of a difference.
Exit codes: 0, or 2 when a file cannot be read; then nothing is stored.";

/// Arguments of `import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Which tool wrote it; `--list` names them all
    #[arg(required_unless_present = "list", value_name = "KIND")]
    kind: Option<String>,
    /// Files, or a folder
    #[arg(required_unless_present = "list", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Name of the machine; for a source with several, the one that is wanted
    #[arg(long)]
    system: Option<String>,
    /// Name of the configuration; for a source with several, the one that is wanted
    #[arg(long)]
    config: Option<String>,
    /// A label stored with the run (repeatable): factor.pin=yes
    #[arg(long, value_name = "KEY=VALUE", value_parser = super::args::label)]
    label: Vec<(String, String)>,
    /// Folder of all results
    #[arg(long, value_name = "DIR", default_value = "results", env = "VBENCH_OUT")]
    out: PathBuf,
    /// List the kinds
    #[arg(long)]
    list: bool,
}

/// Stores what other tools wrote.
pub fn import(args: &ImportArgs, arguments: &[String], console: &mut Console<'_>) -> Ended {
    let (Some(kind), false) = (&args.kind, args.list) else {
        for kind in KINDS {
            let _ = writeln!(console.out, "{:20} {}", kind.name, kind.about);
        }
        return Ok(OK);
    };
    let kind = import::kind(kind).ok_or_else(|| unknown(kind))?;
    let drafts = import::read(kind, &args.paths).map_err(|error| {
        format!("{}\n  {} is {}", inert(&error.to_string()), kind.name, kind.about)
    })?;
    let mut runs = Vec::new();
    for draft in select(drafts, args)? {
        runs.push(named(draft, args, arguments)?);
    }
    for (_, results, suffix) in &runs {
        refuse_twice(&args.out, results, suffix)?;
    }
    for (unsaid, results, _) in runs {
        store_one(&args.out, &results, &unsaid, console)?;
    }
    Ok(OK)
}

fn unknown(kind: &str) -> String {
    let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    format!("unknown kind {kind:?}\n  there are: {}", names.join(", "))
}

/// The drafts that are wanted: names choose among several, and name what has none.
fn select(drafts: Vec<Draft>, args: &ImportArgs) -> Result<Vec<Draft>, String> {
    let names = |of: fn(&Draft) -> &Option<String>| -> BTreeSet<String> {
        drafts.iter().filter_map(|draft| of(draft).clone()).collect()
    };
    let wanted = [
        ("--system", &args.system, names(|draft| &draft.system)),
        ("--config", &args.config, names(|draft| &draft.config)),
    ];
    for (flag, given, there) in &wanted {
        if let Some(given) = given
            && there.len() > 1
            && !there.contains(given.as_str())
        {
            let there = there.iter().cloned().collect::<Vec<_>>().join(", ");
            return Err(format!("{flag} {given:?} is not in the source\n  there are: {there}"));
        }
    }
    let several = [wanted[0].2.len() > 1, wanted[1].2.len() > 1];
    let fits = |given: &Option<String>, own: &Option<String>, several: bool| {
        !several || given.is_none() || given == own
    };
    let chosen = drafts.into_iter().filter(|draft| {
        fits(&args.system, &draft.system, several[0])
            && fits(&args.config, &draft.config, several[1])
    });
    Ok(chosen.collect())
}

/// What could not be said, the run, and the end of its id.
type Named = (Vec<String>, ResultSet, String);

fn named(draft: Draft, args: &ImportArgs, arguments: &[String]) -> Result<Named, String> {
    let name = |given: &Option<String>, own: &Option<String>, flag: &str| {
        let name = given.clone().or_else(|| own.clone());
        name.ok_or_else(|| format!("the source does not name it: give {flag} NAME"))
    };
    let system = name(&args.system, &draft.system, "--system")?;
    let config = name(&args.config, &draft.config, "--config")?;
    let labels: BTreeMap<String, String> = args.label.iter().cloned().collect();
    let mut unsaid: Vec<String> =
        draft.unsaid().map(|(fact, reason)| format!("{fact}: {reason}")).collect();
    unsaid.extend(draft.remarks.iter().cloned());
    let suffix = draft.content_name();
    let results =
        draft.into_results((system, config), labels, arguments.to_vec(), SystemTime::now());
    Ok((unsaid, results, suffix))
}

/// The same source twice would count as two launches.
fn refuse_twice(out: &Path, results: &ResultSet, suffix: &str) -> Result<(), String> {
    let run = &results.run;
    let folder = out.join(store::folder_name(&run.system)?).join(store::folder_name(&run.config)?);
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let known = entries
        .map(|entry| entry.path())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(suffix)));
    match known {
        Some(path) => Err(format!(
            "already imported: {}\n  one measurement counts once; remove that folder to import it again",
            path.display()
        )),
        None => Ok(()),
    }
}

fn store_one(
    out: &Path,
    results: &ResultSet,
    unsaid: &[String],
    console: &mut Console<'_>,
) -> Result<(), String> {
    let run = &results.run;
    let folder = store::create(out, &run.system, &run.config, &run.id)
        .and_then(|folder| store::finish(&folder, results).map(|()| folder))
        .map_err(|error| format!("cannot store in {}: {error}", out.display()))?;
    let failed = results.cases.iter().flat_map(|case| &case.launches);
    let failed = failed.filter(|launch| launch.outcome.is_failure()).count();
    let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    let _ = writeln!(
        console.out,
        "{}  {}{failed}  {}",
        counted(results.cases.len(), "case"),
        counted(run.launches as usize, "launch"),
        inert(&folder.display().to_string())
    );
    if let Some(reason) = &run.quarantine {
        let _ = writeln!(console.err, "  quarantined: {}", inert(reason));
    }
    for line in unsaid {
        let _ = writeln!(console.err, "  unknown  {}", inert(line));
    }
    Ok(())
}
