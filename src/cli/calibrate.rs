//! `calibrate`: the noise floor of an unchanged configuration, from launches now or boots over time.

use super::args::RunArgs;
use super::run::{Begun, begin};
use super::{Console, Ended, INTERRUPTED, OK, stored};
use crate::benchmark::Benchmark;
use crate::compare::{Level, NoiseFloor, Subject, write_floors};
use crate::report::floors::{View, render};
use crate::store;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::path::PathBuf;
use vbench_results::ResultSet;

/// Launches measured where `--launches` says nothing: as many as the floors of the examined method.
const LAUNCHES: u32 = 10;

pub const EXAMPLES: &str = "\
Examples:
  vbench calibrate                              10 launches of every case now, nothing changed
  vbench calibrate stream --launches 20 --config vcpu_pin
  vbench calibrate --from default               the launches of stored runs instead
  vbench calibrate --level run --launches 5     one run more: at six or more hours of a week
  vbench calibrate --level boot --launches 5    one boot more: after each of ten reboots
  vbench calibrate --level boot --from default  boots of runs that are stored already

  vbench diff default vcpu_pin --noise-floor noise-floor.json

A floor only widens intervals. One of runs says how far hours of the host lie apart, which runs one
after the other are held against. One of boots is worth most: with it, one boot a side can be judged.
Each invocation adds to the file; runs that are in it already are left out. Runs of another machine,
configuration, profile or version are refused: their difference would be taken for noise.
Exit codes: 0, 1 when a case failed, 2 when something cannot be read, written or mixed.";

/// Arguments of `calibrate`.
#[derive(Debug, Args)]
pub struct CalibrateArgs {
    /// Stored runs in place of measuring: paths, run ids, configurations or globs
    #[arg(long, value_name = "RUN", num_args = 1.., conflicts_with = "filters", help_heading = "Floor")]
    pub from: Vec<String>,
    /// What was repeated
    #[arg(long, value_parser = level(), default_value = "launch", help_heading = "Floor")]
    pub level: Level,
    /// Boots to collect, for the count of what is left
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = "Floor")]
    pub boots: usize,
    /// The file that is written, or added to
    #[arg(
        long,
        value_name = "FILE",
        default_value = "noise-floor.json",
        env = "VBENCH_NOISE_FLOOR",
        help_heading = "Floor"
    )]
    pub noise_floor: PathBuf,
    /// Every metric, the informative ones too
    #[arg(long, short, help_heading = "Floor")]
    pub all: bool,
    /// How launches are measured.
    #[command(flatten)]
    pub run: RunArgs,
}

fn level() -> impl TypedValueParser<Value = Level> {
    const LEVELS: [Level; 3] = [Level::Launch, Level::Run, Level::Boot];
    let names = PossibleValuesParser::new(LEVELS.map(Level::name));
    let level = |name: String| LEVELS.into_iter().find(|level| level.name() == name);
    names.map(move |name| level(name).unwrap_or(Level::Launch))
}

/// Adds launches or boots to a noise floor, and shows it.
pub fn calibrate(
    args: &CalibrateArgs,
    benchmarks: &[&'static Benchmark],
    arguments: &[String],
    console: &mut Console<'_>,
) -> Ended {
    // Before hours of measuring: a file that cannot be read cannot be added to.
    let known = existing(args)?;
    let (runs, code) = match args.from.is_empty() {
        false => (stored::runs(&args.run.out, &args.from, console)?, OK),
        true => match measured(args, benchmarks, arguments, console)? {
            (Some(run), code) => (vec![run], code),
            (None, code) => return Ok(code),
        },
    };
    let first = runs.first().ok_or("no runs: nothing to calibrate from")?;
    let mut floors = known.unwrap_or_else(|| NoiseFloor::new(Subject::of(first)));
    let collected = floors.collect(&runs, args.level).map_err(|error| other_file(args, &error))?;
    write_floors(&args.noise_floor, &floors).map_err(|error| error.to_string())?;
    let view = View {
        level: args.level,
        boots_wanted: args.boots,
        all_metrics: args.all,
        width: console.width,
    };
    let file = args.noise_floor.display();
    let _ = write!(console.out, "\n{}", render(&floors, &collected, view));
    let _ = writeln!(
        console.out,
        "written to {file}\n  use it: vbench diff BASE CANDIDATE --noise-floor {file}"
    );
    Ok(code)
}

fn existing(args: &CalibrateArgs) -> Result<Option<NoiseFloor>, String> {
    if !args.noise_floor.exists() {
        return Ok(None);
    }
    NoiseFloor::read(&args.noise_floor).map(Some).map_err(|error| {
        format!("{error}\n  choose another file with --noise-floor FILE, or remove this one")
    })
}

fn other_file(args: &CalibrateArgs, error: &str) -> String {
    format!(
        "{}: {error}\n  nothing was added; a noise floor of its own: --noise-floor FILE",
        args.noise_floor.display()
    )
}

/// A run measured now; none when there was nothing to measure, or it was interrupted.
fn measured(
    args: &CalibrateArgs,
    benchmarks: &[&'static Benchmark],
    arguments: &[String],
    console: &mut Console<'_>,
) -> Result<(Option<ResultSet>, u8), String> {
    let mut run = args.run.clone();
    if run.resume.is_some() {
        return Err("resume with: vbench run --resume\n  \
                    and then: vbench calibrate --from RUN"
            .to_owned());
    }
    if run.until_precision.is_some() {
        // Stopping at a narrow interval prefers small spreads.
        return Err("a calibration has a fixed number of launches: --launches".to_owned());
    }
    run.launches.get_or_insert(LAUNCHES);
    let run = match begin(&run, benchmarks, arguments, console)? {
        Begun::Measured(run) => run,
        Begun::Nothing(code) => return Ok((None, code)),
    };
    if run.code == INTERRUPTED {
        let folder = run.folder.display();
        let _ = writeln!(console.err, "  and then: vbench calibrate --from {folder}");
        return Ok((None, run.code));
    }
    let stored = store::read(&run.folder).map_err(|error| error.to_string())?;
    Ok((Some(stored.results), run.code))
}
