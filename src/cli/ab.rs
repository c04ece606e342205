//! `ab`: two settings that need no reboot, measured in pairs and compared.

mod args;
mod measure;
mod sides;

pub use self::args::{AbArgs, EXAMPLES};

use super::diff::DiffFormat;
use super::{Console, Ended, FAILED, INTERRUPTED, OK, USAGE, diff};
use crate::benchmark::Benchmark;
use crate::compare::{Comparison, NoiseFloor, Policy, Side, compare, partners};
use crate::host::Host;
use crate::machine::Machine;
use crate::plan::Plan;
use crate::runner::Ending;
use crate::setting::{FACT, Setting};
use crate::text::inert;
use measure::Measured;
use std::path::Path;
use std::slice::from_ref;
use vbench_results::{CaseResult, Outcome, ResultSet};

/// How the sides are called where their settings are too long.
const LETTERS: [&str; 2] = ["A", "B"];

/// Measures both sides in pairs, stores them, and compares them.
pub fn ab(
    args: &AbArgs,
    benchmarks: &[&'static Benchmark],
    arguments: &[String],
    console: &mut Console<'_>,
) -> Ended {
    let settings = [Setting::new(args.a.clone())?, Setting::new(args.b.clone())?];
    let seed = args.seed.unwrap_or_else(|| fastrand::u32(..));
    let selections = sides::selections(args, &settings, seed)?;
    let machine = Machine::new(Host::live(), args.profile).install();
    let plans = sides::plans(benchmarks, &selections, &settings, machine)?;
    if plans[0].cases.is_empty() {
        return Ok(nothing_to_run(args, &plans[0], console));
    }
    // Before minutes of measuring: a file that cannot be read.
    let noise = args.noise_floor.as_deref().map(NoiseFloor::read).transpose();
    let noise = noise.map_err(|error| error.to_string())?;
    // Nothing is measured under a setting that has no effect.
    let in_force = sides::in_force(&settings)?;
    let session = measure::Session { args, settings: &settings, plans: &plans };
    let measured = session.measure(&selections[0], in_force, arguments, console)?;
    if measured.ending == Ending::Interrupted {
        let _ = writeln!(console.err, "interrupted: compared is what was finished");
    }
    if !measured.results.iter().all(has_values) {
        return Ok(nothing_measured(args, &measured, console));
    }
    let comparison = compared(&measured.results, args.margin, noise.as_ref())?;
    diff::write(&comparison, args.format, args.all, console);
    where_it_is(args, &measured, args.format, console);
    Ok(code(&measured))
}

/// The paired comparison of two sides, named after their settings.
fn compared(
    sets: &[ResultSet; 2],
    margin: f64,
    noise: Option<&NoiseFloor>,
) -> Result<Comparison, String> {
    let [base, candidate] = sets;
    let found = partners(from_ref(base), from_ref(candidate))
        .ok_or("the two runs were not measured in pairs")?;
    let expect_differ = vec![format!("{FACT}*")];
    let floors = noise.map(NoiseFloor::floors).unwrap_or_default();
    let policy = Policy { margin, paired: true, expect_differ, floors, ..Policy::default() };
    let base = Side { name: &base.run.config, runs: &found.base };
    let candidate = Side { name: &candidate.run.config, runs: &found.candidate };
    let mut comparison = compare(&base, &[candidate], &policy);
    if let Some(noise) = noise {
        noise.remark(&mut comparison);
    }
    comparison.pairs.iter_mut().for_each(|pair| pair.notes.extend(found.note()));
    Ok(comparison)
}

fn has_values(set: &ResultSet) -> bool {
    let launches = set.cases.iter().flat_map(|case| &case.launches);
    launches.flat_map(|launch| &launch.repeats).any(|repeat| !repeat.values.is_empty())
}

fn nothing_to_run(args: &AbArgs, plan: &Plan, console: &mut Console<'_>) -> u8 {
    let named = args.filters.join(" ");
    let longer = plan.in_longer("case").map(|told| format!("\n  {told}")).unwrap_or_default();
    let _ = writeln!(
        console.err,
        "warning: no case matches {named:?} on both sides; `list` shows the benchmarks{longer}"
    );
    if args.exact { USAGE } else { OK }
}

/// Says for each side why it has no value at all.
fn nothing_measured(args: &AbArgs, measured: &Measured, console: &mut Console<'_>) -> u8 {
    for (set, letter) in measured.results.iter().zip(LETTERS).filter(|(set, _)| !has_values(set)) {
        let mut launches = set.cases.iter().flat_map(|c| c.launches.iter().map(move |l| (c, l)));
        let first = launches.find_map(|(case, launch)| {
            let reason = launch.outcome.reason()?;
            Some(format!(": {}: {}: {reason}", case.case, launch.outcome.state()))
        });
        let (reason, config) = (inert(&first.unwrap_or_default()), inert(&set.run.config));
        let _ = writeln!(console.err, "{letter} ({config}) holds no value{reason}");
    }
    where_it_is(args, measured, DiffFormat::Json, console);
    match code(measured) {
        OK => FAILED,
        code => code,
    }
}

/// Where both sides are stored, and how they are compared again.
fn where_it_is(args: &AbArgs, measured: &Measured, format: DiffFormat, console: &mut Console<'_>) {
    let [a, b] = measured.folders.each_ref().map(|folder| folder.display());
    let again = again(&args.out, &measured.results);
    let text = format!("stored in {a}\n      and {b}\nagain: {again}\n");
    // What other programs read stays as it is.
    let to = if format == DiffFormat::Text { &mut console.out } else { &mut console.err };
    let _ = to.write_all(text.as_bytes());
}

/// The command that compares both sides as they are stored in `out`.
fn again(out: &Path, [a, b]: &[ResultSet; 2]) -> String {
    let elsewhere = match out == Path::new("results") {
        true => String::new(),
        false => format!(" --out {}", out.display()),
    };
    format!("vbench diff {} {} --paired{elsewhere}", a.run.id, b.run.id)
}

fn code(measured: &Measured) -> u8 {
    let failed =
        |case: &CaseResult| case.launches.iter().any(|launch| Outcome::is_failure(&launch.outcome));
    match measured.ending {
        Ending::Interrupted => INTERRUPTED,
        Ending::Complete if measured.results.iter().flat_map(|s| &s.cases).any(failed) => FAILED,
        Ending::Complete => OK,
    }
}
