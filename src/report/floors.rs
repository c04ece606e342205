//! A noise floor as a table: what spreads most stands first.

use super::number::counted;
use super::table::{Column, Table, inert};
use crate::compare::{Collected, LEAST_DF, Level, NoiseFloor, Spread};
use crate::stats::Planner;
use std::collections::BTreeMap;
use std::fmt::Write;
use vbench_results::Role;

/// What is shown of a noise floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// The floors of this level.
    pub level: Level,
    /// Boots to collect.
    pub boots_wanted: usize,
    /// Metrics of role `info` too.
    pub all_metrics: bool,
    /// Columns of the terminal.
    pub width: usize,
}

/// Fewest runs that give a floor.
const LEAST_RUNS: usize = LEAST_DF + 1;

/// The floors of one level, what has none and why, and what was added.
pub fn render(floors: &NoiseFloor, collected: &Collected, view: View) -> String {
    let mut text = format!("{}\n", inert(&title(floors, view.level)));
    let shown: Vec<&Spread> = floors
        .of_level(view.level)
        .filter(|spread| view.all_metrics || spread.role != Role::Info)
        .collect();
    if shown.iter().any(|spread| spread.sd_ln.is_some()) {
        let _ = write!(text, "\n{}", table(&shown, view.level).render(2, view.width));
        let _ = writeln!(text, "\n{}", legend(view.level));
    }
    for (reason, spreads) in without(&shown) {
        let _ = writeln!(text, "without a floor, {reason}: {}", some(&spreads));
    }
    for line in progress(floors, collected, view) {
        let _ = writeln!(text, "{}", inert(&line));
    }
    text
}

fn title(floors: &NoiseFloor, level: Level) -> String {
    let subject = &floors.subject;
    let runs = floors.sources.iter().filter(|source| source.level == level).count();
    format!(
        "noise floor  {}  {}  profile {}  {} of {}",
        subject.system,
        subject.config,
        subject.profile,
        level.plural(),
        counted(runs, "run")
    )
}

/// Units a side for which the table says what they can show.
fn sides(level: Level) -> [usize; 3] {
    match level {
        Level::Launch => [3, 5, 10],
        // With a floor of runs or boots, one a side is enough for a verdict.
        Level::Run | Level::Boot => [1, 3, 5],
    }
}

fn table(shown: &[&Spread], level: Level) -> Table {
    let mut columns = vec![
        Column::left("case"),
        Column::left("metric"),
        Column::right("sd"),
        Column::right("df").droppable(1),
    ];
    columns.extend(sides(level).map(|units| Column::right(&format!("{units}v{units}"))));
    let mut table = Table::new(columns);
    let planner = Planner::new(0.05, 0.8);
    let mut known: Vec<&&Spread> = shown.iter().filter(|spread| spread.sd_ln.is_some()).collect();
    known.sort_by(|a, b| b.sd_ln.partial_cmp(&a.sd_ln).unwrap_or(std::cmp::Ordering::Equal));
    for spread in known {
        let Some(floor) = spread.floor() else { continue };
        let detectable = |units: usize| planner.detectable_above(floor, units, units);
        let mut cells = vec![
            spread.case.clone(),
            spread.metric.clone(),
            percent(Some(floor.sd)),
            format!("{:.0}", floor.df),
        ];
        cells.extend(sides(level).map(|units| percent(detectable(units))));
        table.row(cells);
    }
    table
}

/// A difference in ln as a percentage.
fn percent(ln: Option<f64>) -> String {
    ln.map(|ln| format!("{:.1}%", 100.0 * ln.exp_m1())).unwrap_or_default()
}

fn legend(level: Level) -> String {
    format!(
        "sd    standard deviation of {units} of this unchanged configuration; df: its degrees of freedom\n\
         3v3   smallest change that so many {units} a side show with a power of 80%, about",
        units = level.plural()
    )
    .replace("3v3", if level == Level::Launch { "3v3" } else { "1v1" })
}

/// Spreads without a floor, by reason.
fn without<'s>(shown: &[&'s Spread]) -> BTreeMap<&'s str, Vec<&'s Spread>> {
    let mut reasons: BTreeMap<&str, Vec<&Spread>> = BTreeMap::new();
    for spread in shown {
        if let Some(reason) = &spread.reason {
            reasons.entry(reason).or_default().push(spread);
        }
    }
    reasons
}

/// The first names, and how many more.
fn some(spreads: &[&Spread]) -> String {
    const SHOWN: usize = 3;
    let names = spreads.iter().take(SHOWN);
    let names: Vec<String> =
        names.map(|spread| inert(&format!("{} {}", spread.case, spread.metric))).collect();
    match spreads.len().saturating_sub(SHOWN) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

fn progress(floors: &NoiseFloor, collected: &Collected, view: View) -> Vec<String> {
    let mut lines = Vec::new();
    if !collected.known.is_empty() {
        lines.push(format!("already in it: {}", collected.known.join(", ")));
    }
    if view.level == Level::Run {
        let runs = floors.sources.iter().filter(|source| source.level == Level::Run).count();
        let left = LEAST_RUNS.saturating_sub(runs);
        lines.push(match left {
            0 => format!("{}; more hours make it better", counted(runs, "run")),
            left => {
                format!("{}: calibrate again at other hours, {left} more", counted(runs, "run"))
            }
        });
    }
    if view.level == Level::Boot {
        let (have, wanted) = (floors.boots(), view.boots_wanted);
        lines.push(match wanted.saturating_sub(have) {
            0 => format!("{} of {wanted} wanted", counted(have, "boot")),
            left => format!(
                "{} of {wanted} wanted: reboot and calibrate again, {left} more",
                counted(have, "boot")
            ),
        });
    }
    lines
}
