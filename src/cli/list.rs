//! `list` and `run --list`: what there is, what can run here, and what was run.

use super::args::{Format, ListArgs};
use super::{Console, Ended, OK};
use crate::benchmark::Benchmark;
use crate::host::Host;
use crate::machine::Machine;
use crate::plan::{Case, Ignored, Plan, Selection};
use crate::report::table::{Column, Table, inert};
use crate::store;
use std::collections::BTreeMap;

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
        ignored: Ignored::Include,
        profile: args.profile,
        ..Selection::default()
    };
    let plan = Plan::new(benchmarks, &selection, machine).map_err(|error| error.to_string())?;
    if args.format == Format::Pretty {
        benchmark_table(&plan, console);
        return Ok(OK);
    }
    Ok(cases(&plan, args.format, false, console))
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

fn benchmark_table(plan: &Plan, console: &mut Console<'_>) {
    let mut groups: BTreeMap<String, Vec<&Case>> = BTreeMap::new();
    for case in &plan.cases {
        groups.entry(case.id.benchmark.clone()).or_default().push(case);
    }
    let mut table = Table::new(vec![
        Column::left("benchmark"),
        Column::left("kind").droppable(2),
        Column::left("measures").flexible(),
        Column::left("unit").droppable(3),
        Column::right("cases"),
        Column::left(""),
    ]);
    let mut ready = 0;
    for (id, cases) in &groups {
        let (benchmark, skip) = (cases[0].benchmark, cases[0].skip.as_deref());
        let state = match (skip, benchmark.options.ignore) {
            (Some(reason), _) => format!("skip: {reason}"),
            (None, Some(reason)) => format!("ignored: {reason}"),
            (None, None) => "ready".to_owned(),
        };
        ready += usize::from(state == "ready");
        table.row(vec![
            id.clone(),
            benchmark.kind.to_owned(),
            benchmark.about.to_owned(),
            cases[0].metrics().first().map(|m| m.unit.symbol.to_string()).unwrap_or_default(),
            cases.len().to_string(),
            state,
        ]);
    }
    let _ = write!(console.out, "{}", table.render(0, console.width));
    let longer = match plan.left_out {
        0 => String::new(),
        left_out => format!("; {left_out} more cases in longer profiles"),
    };
    let _ = writeln!(
        console.out,
        "\n{} benchmarks, {ready} ready, {} cases{longer}. Cases: vbench run --list",
        groups.len(),
        plan.cases.len()
    );
}

fn runs(args: &ListArgs, console: &mut Console<'_>) -> u8 {
    let mut table = Table::new(vec![
        Column::left("system"),
        Column::left("config"),
        Column::left("run"),
        Column::left("profile").droppable(1),
        Column::right("cases"),
        Column::left("state"),
    ]);
    for folder in store::runs(&args.out) {
        match store::read(&folder) {
            Ok(stored) => table.row(vec![
                stored.results.run.system.clone(),
                stored.results.run.config.clone(),
                stored.results.run.id.clone(),
                stored.results.run.profile.clone(),
                stored.results.cases.len().to_string(),
                if stored.finished { "finished" } else { "interrupted" }.to_owned(),
            ]),
            Err(error) => {
                let _ = writeln!(console.err, "warning: {}", inert(&error.to_string()));
            }
        }
    }
    if table.rows.is_empty() {
        let _ = writeln!(console.err, "no runs in {}", args.out.display());
    } else {
        let _ = write!(console.out, "{}", table.render(0, console.width));
    }
    OK
}
