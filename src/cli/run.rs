//! `run`: list, check or measure.

use super::args::RunArgs;
use super::measure::Measured;
use super::{Console, Ended, OK, USAGE, list, measure, ranks, smoke};
use crate::benchmark::Benchmark;
use crate::host::Host;
use crate::launcher::Launched;
use crate::machine::Machine;
use crate::plan::{Plan, PlanError};
use crate::profile::Profile;
use crate::text::nearest;
use std::collections::BTreeSet;

/// Does what the arguments of `run` ask for.
pub fn run(
    args: &RunArgs,
    benchmarks: &[&'static Benchmark],
    arguments: &[String],
    console: &mut Console<'_>,
) -> Ended {
    if let (Some(run), None) = (&args.resume, Launched::several()) {
        let given = super::given(arguments, &["resume", "out", "format", "color", "quiet"]);
        return measure::resume(args, run, &given, benchmarks, console);
    }
    match begin(args, benchmarks, arguments, console)? {
        Begun::Measured(run) => Ok(run.code),
        Begun::Nothing(code) => Ok(code),
    }
}

/// What became of a new run.
pub enum Begun {
    /// It is stored.
    Measured(Measured),
    /// There was nothing to measure, or it was only listed or checked.
    Nothing(u8),
}

/// Plans and measures.
pub fn begin(
    args: &RunArgs,
    benchmarks: &[&'static Benchmark],
    arguments: &[String],
    console: &mut Console<'_>,
) -> Result<Begun, String> {
    let launched = Launched::several();
    let selection = match launched {
        Some(launched) => ranks::selection(args, launched)?,
        None => args.selection(args.seed.unwrap_or_else(|| fastrand::u32(..))),
    };
    let machine = Machine::new(Host::live(), selection.profile).install();
    let mut plan = Plan::new(benchmarks, &selection, machine)
        .map_err(|error| format!("{error}{}", origin(&error, arguments)))?;
    if let Some(launched) = launched {
        ranks::leave_out_single(&mut plan, launched);
        if launched.rank > 0 {
            return ranks::follow(args, &plan).map(Begun::Nothing);
        }
    }
    words(args, benchmarks, &plan, arguments, console)?;
    if args.list && !(args.exact && plan.cases.is_empty()) {
        return Ok(Begun::Nothing(list::cases(&plan, args.format, args.ignored, console)));
    }
    if plan.cases.is_empty() {
        return Ok(Begun::Nothing(nothing_to_run(args, &plan, console)));
    }
    if selection.profile == Profile::Smoke {
        if !args.test {
            let _ = writeln!(console.err, "note: the smoke profile checks and stores nothing");
        }
        return Ok(Begun::Nothing(smoke::check(args, &plan, console)));
    }
    measure::start(args, &selection, &plan, arguments, console).map(Begun::Measured)
}

/// Where an axis that is wrong comes from, if not from a flag.
fn origin(error: &PlanError, arguments: &[String]) -> &'static str {
    let of_axes = matches!(error, PlanError::UnknownAxis { .. } | PlanError::BadValue { .. });
    let by_flag = arguments.iter().any(|word| word.starts_with("--axis"));
    if of_axes && !by_flag { " (from VBENCH_AXIS)" } else { "" }
}

/// Names what matches nothing while other words do: a mistyped command is an error, because its
/// arguments would be taken for benchmarks; a filter or a kind is a warning. Cargo hands the same
/// words to every bench program, where others may know them.
fn words(
    args: &RunArgs,
    benchmarks: &[&'static Benchmark],
    plan: &Plan,
    arguments: &[String],
    console: &mut Console<'_>,
) -> Result<(), String> {
    let kinds: BTreeSet<&str> = benchmarks.iter().map(|benchmark| benchmark.kind).collect();
    for kind in args.kind.iter().filter(|kind| !kinds.contains(kind.as_str())) {
        let meant = nearest(kind, kinds.iter().copied());
        let meant = meant.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
        let here: Vec<&str> = kinds.iter().copied().collect();
        let here = here.join(", ");
        let _ = writeln!(
            console.err,
            "warning: no benchmark is of kind {kind:?} (kinds here: {here}{meant})"
        );
    }
    let by_cargo = arguments.iter().any(|word| word == "--bench");
    if by_cargo || args.exact || plan.cases.is_empty() {
        return Ok(());
    }
    let known = |word: &str| {
        benchmarks.iter().any(|benchmark| benchmark.id().contains(word))
            || plan.cases.iter().any(|case| case.id.to_string().contains(word))
    };
    let commands = super::command_names();
    for word in args.filters.iter().filter(|word| !known(word)) {
        let meant = nearest(word, commands.iter().map(String::as_str));
        if let (Some(command), Some(first)) = (meant, arguments.first())
            && first == word
        {
            return Err(format!(
                "no command and no benchmark is called {word:?}; did you mean: vbench {command}"
            ));
        }
        let _ = writeln!(console.err, "warning: no case matches {word:?}; others do");
    }
    Ok(())
}

/// Cargo hands one filter to every bench program, so an empty match is no error unless an exact
/// name was given.
fn nothing_to_run(args: &RunArgs, plan: &Plan, console: &mut Console<'_>) -> u8 {
    let named = match args.filters.as_slice() {
        [] => "what is selected".to_owned(),
        filters => format!("{:?}", filters.join(" ")),
    };
    let narrowed: Vec<String> = [("--skip", &args.skip), ("--kind", &args.kind)]
        .into_iter()
        .filter(|(_, values)| !values.is_empty())
        .map(|(flag, values)| format!("{flag} {}", values.join(",")))
        .collect();
    let with = match narrowed.is_empty() {
        true => String::new(),
        false => format!(" with {}", narrowed.join(" and ")),
    };
    let longer = plan.in_longer("case").map(|told| format!("\n  {told}")).unwrap_or_default();
    let commands = super::command_names();
    let meant =
        args.filters.first().and_then(|word| nearest(word, commands.iter().map(String::as_str)));
    let meant =
        meant.map(|command| format!("\n  did you mean the command {command}?")).unwrap_or_default();
    let _ = writeln!(
        console.err,
        "warning: no case matches {named}{with}; `list` shows the benchmarks{longer}{meant}"
    );
    if args.exact { USAGE } else { OK }
}
