//! The two sides: what each runs, and what is in force on each.

use super::{AbArgs, LETTERS};
use crate::benchmark::Benchmark;
use crate::machine::Machine;
use crate::plan::{Case, Ignored, Plan, Selection};
use crate::runner::ChildProcess;
use crate::setting::{Change, FACT, Setting};
use std::collections::{BTreeMap, BTreeSet};
use vbench_results::{CaseId, Reading};

/// Facts about a setting that is in force, by name.
pub type InForce = BTreeMap<String, Reading>;

/// What each side selects: the same, but for the axes that it sets.
pub fn selections(
    args: &AbArgs,
    settings: &[Setting; 2],
    seed: u32,
) -> Result<[Selection; 2], String> {
    let mut axes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (axis, values) in &args.axis {
        axes.entry(axis.clone()).or_default().extend(values.clone());
    }
    let names = |setting: &Setting| -> BTreeSet<String> {
        setting.axes().map(|(name, _)| name.to_owned()).collect()
    };
    let [first, second] = settings.each_ref().map(names);
    if let Some(axis) = first.symmetric_difference(&second).next() {
        return Err(format!("axis:{axis} has a value on one side: the other needs one too"));
    }
    if let Some(axis) = first.iter().find(|axis| axes.contains_key(*axis)) {
        return Err(format!("axis:{axis} is what the sides differ in: no --axis {axis} as well"));
    }
    let include_ignored = args.exact || args.include_ignored;
    let common = Selection {
        filters: args.filters.clone(),
        exact: args.exact,
        skip: args.skip.clone(),
        kinds: args.kind.clone(),
        axes,
        ignored: if include_ignored { Ignored::Include } else { Ignored::Exclude },
        profile: args.profile,
        launches: Some(args.pairs),
        samples: args.samples,
        time: args.time,
        timeout: args.timeout,
        seed: u64::from(seed),
        max_bytes: None,
        shuffle: true,
    };
    Ok(settings.each_ref().map(|setting| {
        let mut selection = common.clone();
        let own = setting.axes().map(|(name, value)| (name.to_owned(), vec![value.to_owned()]));
        selection.axes.extend(own);
        selection
    }))
}

/// The plans of both sides: cases that exist on both, in one order.
pub fn plans(
    benchmarks: &[&'static Benchmark],
    selections: &[Selection; 2],
    settings: &[Setting; 2],
    machine: &Machine,
) -> Result<[Plan; 2], String> {
    let plan = |selection: &Selection| {
        Plan::new(benchmarks, selection, machine).map_err(|error| error.to_string())
    };
    let [first, second] = selections;
    let (mut first, mut second) = (plan(first)?, plan(second)?);
    let axes: BTreeSet<&str> = settings[0].axes().map(|(name, _)| name).collect();
    let shared = |case: &Case| {
        let mut id = case.id.clone();
        id.params.retain(|axis, _| !axes.contains(axis.as_str()));
        id
    };
    let varies = |case: &Case| axes.iter().all(|axis| case.id.params.contains_key(*axis));
    let mut partners: BTreeMap<CaseId, Case> =
        second.cases.drain(..).map(|case| (shared(&case), case)).collect();
    first.cases.retain(|case| varies(case) && partners.contains_key(&shared(case)));
    second.cases = first.cases.iter().filter_map(|case| partners.remove(&shared(case))).collect();
    Ok([first, second])
}

/// What is in force on each side, as a process started under it says.
///
/// # Errors
/// A setting has no effect here, or the sides are the same.
pub fn in_force(settings: &[Setting; 2]) -> Result<[InForce; 2], String> {
    let of = |side: usize| {
        let child = ChildProcess { capture: true, setting: Some(settings[side].clone()) };
        child.in_force().map_err(|error| format!("{}: {error}", LETTERS[side]))
    };
    let mut sides = [of(0)?, of(1)?];
    // What one side changes has a value on the other too.
    for (facts, other) in sides.iter_mut().zip([&settings[1], &settings[0]]) {
        for change in other.changes() {
            let name = format!("{FACT}{}", change.key());
            facts.entry(name).or_insert_with(|| Reading::Value(unchanged(change).into()));
        }
    }
    if sides[0] == sides[1] {
        return Err(same(settings, &sides[0]));
    }
    Ok(sides)
}

/// The value of what `change` changes, where it is left alone.
fn unchanged(change: &Change) -> String {
    match change {
        Change::Env { name, .. } => std::env::var(name).unwrap_or_else(|_| "unset".to_owned()),
        _ => "none".to_owned(),
    }
}

fn same(settings: &[Setting; 2], facts: &InForce) -> String {
    let text = |(name, reading): (&String, &Reading)| match reading {
        Reading::Value(value) => format!("{} {value}", name.trim_start_matches(FACT)),
        Reading::Unknown(_) => format!("{} not known", name.trim_start_matches(FACT)),
    };
    let facts: Vec<String> = facts.iter().map(text).collect();
    let [a, b] = settings;
    format!(
        "A ({a}) and B ({b}) are the same here: {}\n  name what differs with --a or --b: vbench ab --help",
        facts.join(", ")
    )
}
