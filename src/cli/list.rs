//! `list` and `run --list`: what there is, what can run here, and what was run.

use super::args::{Format, ListArgs};
use super::{Console, Ended, OK, ranks};
use crate::benchmark::Benchmark;
use crate::host::Host;
use crate::launcher::Launched;
use crate::machine::Machine;
use crate::plan::{Case, Ignored, Plan, Selection};
use crate::report::table::{Column, Table};
use crate::store::{self, Stored};
use crate::terminal::Tone;
use crate::text::number::{counted, duration};
use crate::text::{inert, nearest, wrap};
use crate::{environment, report};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use vbench_results::CaseResult;

/// The benchmarks of this program, or the stored runs.
pub fn list(
    args: &ListArgs,
    benchmarks: &[&'static Benchmark],
    console: &mut Console<'_>,
) -> Ended {
    if args.results {
        return Ok(runs(args, console));
    }
    let host = match &args.host {
        Some(dir) => Host::tree(dir).map_err(|error| error.to_string())?,
        None => Host::live(),
    };
    let machine = Machine::new(host, args.profile).install();
    let selection = Selection {
        filters: args.filters.clone(),
        kinds: args.kind.clone(),
        ignored: Ignored::Include,
        profile: args.profile,
        ..Selection::default()
    };
    let mut plan = Plan::new(benchmarks, &selection, machine).map_err(|error| error.to_string())?;
    if plan.cases.is_empty() {
        return Err(nothing(args, benchmarks));
    }
    // What `run` would leave out under this launcher is not ready here.
    if let Some(launched) = Launched::several() {
        ranks::leave_out_single(&mut plan, launched);
    }
    if args.format == Format::Pretty {
        benchmark_table(&plan, machine, console);
        return Ok(OK);
    }
    Ok(cases(&plan, args.format, false, console))
}

/// What there is instead of what was asked for.
fn nothing(args: &ListArgs, benchmarks: &[&'static Benchmark]) -> String {
    let ids: Vec<String> = benchmarks.iter().map(|benchmark| benchmark.id()).collect();
    let parts = || ids.iter().flat_map(|id| id.split("::").chain([id.as_str()]));
    let meant: BTreeSet<&str> =
        args.filters.iter().filter_map(|filter| nearest(filter, parts())).collect();
    let meant: Vec<&str> = meant.into_iter().collect();
    let asked = args.filters.iter().chain(&args.kind).map(|word| inert(word));
    let asked = format!("no benchmark matches {:?}", asked.collect::<Vec<_>>().join(" "));
    match meant.is_empty() {
        true => format!("{asked}\n  all there are: vbench list --profile thorough"),
        false => format!("{asked}\n  did you mean {}?", meant.join(" or ")),
    }
}

/// One line per case. With `unrunnable`, only those that a plain run would leave out.
pub fn cases(plan: &Plan, format: Format, unrunnable: bool, console: &mut Console<'_>) -> u8 {
    let left_out = |case: &&Case| case.skip.is_some() || case.benchmark.options.ignore.is_some();
    let wanted = plan.cases.iter().filter(|case| !unrunnable || left_out(case));
    for case in wanted {
        let line = match format {
            Format::Json => case_json(case).to_string(),
            Format::Terse | Format::Pretty => format!("{}: benchmark", case.id),
        };
        let _ = writeln!(console.out, "{line}");
    }
    OK
}

fn case_json(case: &Case) -> serde_json::Value {
    let benchmark = case.benchmark;
    serde_json::json!({
        "case": case.id.to_string(),
        "benchmark": case.id.benchmark,
        "params": case.id.params,
        "kind": benchmark.kind,
        "about": benchmark.about,
        "version": benchmark.version,
        "source": format!("{}:{}", benchmark.file, benchmark.line),
        "metrics": case.metrics(),
        "skip": case.skip,
        "ignore": benchmark.options.ignore,
    })
}

/// The benchmarks of a plan, one line each, then why some cannot run and how long the rest takes.
fn benchmark_table(plan: &Plan, machine: &Machine, console: &mut Console<'_>) {
    let mut groups: BTreeMap<String, Vec<&Case>> = BTreeMap::new();
    for case in &plan.cases {
        groups.entry(case.id.benchmark.clone()).or_default().push(case);
    }
    let mut table = Table::new(vec![
        Column::left("benchmark"),
        Column::left("kind").droppable(2),
        Column::left("measures").flexible(),
        Column::left("unit").droppable(3),
        Column::right("cases").droppable(1),
        Column::right("takes"),
        Column::left("").toned(state_tone),
    ])
    .styled(console.style);
    let mut left_out: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    let mut ready = 0;
    for (id, cases) in &groups {
        let (benchmark, state) = (cases[0].benchmark, state(cases[0]));
        let time = match state {
            None => duration(planned(cases, plan)),
            Some(_) => "-".to_owned(),
        };
        ready += usize::from(state.is_none());
        if let Some(state) = state {
            left_out.entry(state).or_default().push(id);
        }
        table.row(vec![
            id.clone(),
            benchmark.kind.to_owned(),
            benchmark.about.to_owned(),
            cases[0].metrics().first().map(|m| m.unit.symbol.to_string()).unwrap_or_default(),
            cases.len().to_string(),
            time,
            state.map_or("ready", |(state, _)| state).to_owned(),
        ]);
    }
    let environment = environment::probe(&machine.host);
    let machine = report::info::line(&environment, &machine.topology);
    let machine = wrap(&inert(&machine), console.width, 2);
    let _ = writeln!(console.out, "{}\n", console.style.paint(Tone::Title, &machine));
    let _ = writeln!(console.out, "{}", table.render(0, console.width));
    for line in reasons(&left_out) {
        let _ = writeln!(console.out, "{}", wrap(&inert(&line), console.width, 2));
    }
    let total = totals(plan, groups.len(), ready);
    let _ = writeln!(console.out, "{}", wrap(&total, console.width, 2));
}

/// Why a plain run leaves the case out: a word and the reason.
fn state(case: &Case) -> Option<(&str, &str)> {
    let skip = case.skip.as_deref().map(|reason| ("skip", reason));
    skip.or(case.benchmark.options.ignore.map(|reason| ("ignored", reason)))
}

fn state_tone(cell: &str) -> Tone {
    if cell == "ready" { Tone::Good } else { Tone::Quiet }
}

/// What the profile expects of a first run of these cases.
fn planned(cases: &[&Case], plan: &Plan) -> Duration {
    let launch: Duration = cases.iter().map(|case| case.settings.effort.typical).sum();
    launch * plan.launches
}

/// One line per distinct reason, with the benchmarks it concerns.
fn reasons(left_out: &BTreeMap<(&str, &str), Vec<&str>>) -> Vec<String> {
    let line = |((state, reason), benchmarks): (&(&str, &str), &Vec<&str>)| {
        format!("{state}: {}: {reason}", benchmarks.join(", "))
    };
    left_out.iter().map(line).collect()
}

fn totals(plan: &Plan, benchmarks: usize, ready: usize) -> String {
    let runnable: Vec<&Case> = plan.cases.iter().filter(|case| state(case).is_none()).collect();
    let longer = match plan.left_out {
        0 => String::new(),
        left_out => format!("; {} in longer profiles", counted(left_out, "more case")),
    };
    format!(
        "{}, {ready} ready: {} x {} takes about {}{longer}. Cases: vbench run --list",
        counted(benchmarks, "benchmark"),
        counted(runnable.len(), "case"),
        counted(plan.launches as usize, "launch"),
        duration(planned(&runnable, plan)),
    )
}

/// The stored runs, by configuration.
fn runs(args: &ListArgs, console: &mut Console<'_>) -> u8 {
    let mut table = Table::new(vec![
        Column::left("run"),
        Column::left("profile").droppable(1),
        Column::right("launches"),
        Column::right("boots").droppable(2),
        Column::right("cases"),
        Column::left("").flexible().toned(run_tone),
    ])
    .styled(console.style);
    let mut by_config: BTreeMap<(String, String), Vec<Stored>> = BTreeMap::new();
    for folder in store::runs(&args.out) {
        match store::read(&folder) {
            Ok(stored) => {
                let run = &stored.results.run;
                let key = (run.system.clone(), run.config.clone());
                by_config.entry(key).or_default().push(stored);
            }
            Err(error) => console.warn(&error.to_string()),
        }
    }
    for ((system, config), runs) in &by_config {
        table.heading(&format!("{system}/{config}"));
        for stored in runs {
            if args.format == Format::Json {
                let _ = writeln!(console.out, "{}", run_json(stored));
            }
            table.row(run_cells(stored));
        }
    }
    if table.rows.is_empty() {
        let _ = writeln!(console.err, "no runs in {}", args.out.display());
    } else if args.format != Format::Json {
        let _ = write!(console.out, "{}", table.render(2, console.width));
    }
    OK
}

fn run_json(stored: &Stored) -> serde_json::Value {
    let run = &stored.results.run;
    serde_json::json!({
        "system": run.system,
        "config": run.config,
        "run": run.id,
        "started_at": run.started_at,
        "profile": run.profile,
        "launches": launches(stored),
        "boots": boots(stored),
        "cases": stored.results.cases.len(),
        "state": run_state(stored),
    })
}

fn run_cells(stored: &Stored) -> Vec<String> {
    vec![
        stored.results.run.id.clone(),
        stored.results.run.profile.clone(),
        launches(stored).to_string(),
        boots(stored).map_or("?".to_owned(), |boots| boots.to_string()),
        stored.results.cases.len().to_string(),
        run_state(stored),
    ]
}

/// Most launches of a case.
fn launches(stored: &Stored) -> usize {
    stored.results.cases.iter().map(|case| case.launches.len()).max().unwrap_or(0)
}

/// Boots of the launches; `None` when that of a launch that ran is not known.
fn boots(stored: &Stored) -> Option<usize> {
    let launches = stored.results.cases.iter().flat_map(|case| &case.launches);
    let ran = launches.filter(|launch| launch.position > 0);
    Some(ran.map(|launch| launch.boot_id.as_deref()).collect::<Option<BTreeSet<&str>>>()?.len())
}

const FINISHED: &str = "finished";

fn run_state(stored: &Stored) -> String {
    let failed = |case: &&CaseResult| case.launches.iter().any(|l| l.outcome.is_failure());
    let failed = stored.results.cases.iter().filter(failed).count();
    let quarantine = stored.results.run.quarantine.as_ref();
    let remarks = [
        stored.running.then(|| "in progress".to_owned()),
        (!stored.finished && !stored.running).then(|| "interrupted".to_owned()),
        quarantine.map(|reason| format!("quarantined: {reason}")),
        (failed > 0).then(|| format!("{} failed", counted(failed, "case"))),
    ];
    let remarks: Vec<String> = remarks.into_iter().flatten().collect();
    if remarks.is_empty() { FINISHED.to_owned() } else { remarks.join(", ") }
}

fn run_tone(cell: &str) -> Tone {
    if cell == FINISHED { Tone::Plain } else { Tone::Doubt }
}
