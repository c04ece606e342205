//! `info --measured`: what a stored run says about the topology.

use super::show::{InfoArgs, find};
use super::{Console, Ended, OK};
use crate::host::Host;
use crate::measured::{Aspect, aspects, facts, newest};
use crate::{environment, report, store};
use std::path::{Path, PathBuf};
use vbench_results::{Environment, Run};

/// The topology as the run measured it, as text or as facts in JSON.
pub fn measured(args: &InfoArgs, run: &str, console: &mut Console<'_>) -> Ended {
    let (run, aspects) = match run {
        "" => of_system(args)?,
        run => judged(&find(&args.out, Some(run))?)?,
    };
    let text = if args.json {
        let environment = Environment { facts: facts(&aspects) };
        let json = serde_json::to_string_pretty(&environment);
        json.map_err(|error| error.to_string())? + "\n"
    } else {
        report::info::measured(&run, &aspects, console.width)
    };
    let _ = console.out.write_all(text.as_bytes());
    Ok(OK)
}

type Judged = (Run, Vec<Aspect>);

fn judged(folder: &Path) -> Result<Judged, String> {
    let stored = store::read(folder).map_err(|error| error.to_string())?;
    let aspects = aspects(&stored.results);
    Ok((stored.results.run, aspects))
}

/// What the runs of this system measured of the topology, the newest answer of each benchmark.
fn of_system(args: &InfoArgs) -> Result<Judged, String> {
    let host = match &args.host {
        Some(dir) => Host::tree(dir).map_err(|error| error.to_string())?,
        None => Host::live(),
    };
    let system = environment::system_name(&environment::probe(&host));
    let folder = args.out.join(store::folder_name(&system)?);
    let runs: Vec<PathBuf> = store::runs(&args.out);
    let own = runs.iter().rev().filter(|run| run.starts_with(&folder));
    // A run that cannot be read is passed over: an older one may tell.
    let results = own.filter_map(|run| store::read(run).ok()).map(|stored| stored.results);
    newest(results).ok_or_else(|| {
        format!(
            "no run of {system:?} in {} measured the topology\n  measure it: vbench run placement",
            args.out.display()
        )
    })
}
