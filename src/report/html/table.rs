//! The table of every line by every configuration, and what its script needs to change the base.

use super::view::{Cell, Line, Value, View};
use super::words::{self, Chapter};
use super::{matrices, sweeps};
use crate::compare::Verdict;
use crate::report::chart::dots::{self, Dots};
use crate::report::chart::svg::Drawing;
use std::collections::{BTreeMap, BTreeSet};
use vbench_results::{Estimator, Role};

/// Most lines that stand in the table itself; the others are folded below it.
const MOST: usize = 60;

/// Which lines stand for the others: not what is informative, of a square nothing, and of a curve
/// its end. Where there are too many, those with real differences come first.
pub fn representatives(lines: &[Line]) -> Vec<bool> {
    let decided: Vec<&Line> = lines.iter().filter(|line| line.metric.role != Role::Info).collect();
    let inner: BTreeSet<*const Line> = sweeps::sweeps(&decided)
        .into_iter()
        .flat_map(|sweep| {
            let before_last = sweep.points.len().saturating_sub(1);
            sweep.points.into_iter().take(before_last).map(|(_, _, line)| std::ptr::from_ref(line))
        })
        .collect();
    let stands = |line: &Line| {
        line.metric.role != Role::Info
            && !in_square(line)
            && !inner.contains(&std::ptr::from_ref(line))
    };
    let mut chosen: Vec<usize> = (0..lines.len()).filter(|index| stands(&lines[*index])).collect();
    chosen.sort_by_key(|index| !lines[*index].moved());
    chosen.truncate(MOST);
    let chosen: BTreeSet<usize> = chosen.into_iter().collect();
    (0..lines.len()).map(|index| chosen.contains(&index)).collect()
}

/// One cell of a matrix.
pub fn in_square(line: &Line) -> bool {
    let axes: BTreeMap<&str, BTreeSet<&str>> =
        line.case.params.keys().map(|axis| (axis.as_str(), BTreeSet::from(["0", "1"]))).collect();
    matrices::axes(&axes).is_some()
}

/// A heading and the lines under it.
pub struct Family<'v> {
    /// The chapter.
    pub title: String,
    /// Its lines, each with its place in the embedded data.
    pub lines: Vec<(usize, &'v Line)>,
}

/// The lines that stand in the table, or the others that decide, or the informative ones.
pub fn families<'v>(view: &'v View<'_>, which: impl Fn(&Line) -> bool) -> Vec<Family<'v>> {
    let mut families: Vec<Family<'v>> = Vec::new();
    for (index, line) in
        view.lines.iter().enumerate().filter(|(_, line)| line.listed && which(line))
    {
        let title = match line.metric.role {
            Role::Control => "Controls: must not change".to_owned(),
            _ => Chapter::of(&line.kind, &line.case.benchmark).title(),
        };
        match families.iter_mut().find(|family| family.title == title) {
            Some(family) => family.lines.push((index, line)),
            None => families.push(Family { title, lines: vec![(index, line)] }),
        }
    }
    families
}

/// The class of a cell.
pub fn class(cell: &Cell) -> &'static str {
    match cell.verdict {
        None => "base",
        Some(Verdict::Improvement) => "better",
        Some(Verdict::Regression) => "worse",
        Some(Verdict::Equivalent) => "same",
        Some(Verdict::Inconclusive) => "unclear",
        Some(Verdict::Incomparable) => "apart",
    }
}

/// The class of the cell of a side that beats all others.
pub fn class_of_best(cell: &Cell) -> &'static str {
    match class(cell) {
        "base" => "base best",
        _ => "better best",
    }
}

/// The number of a cell, or why there is none.
pub fn number(line: &Line, value: Option<&Value>, cell: &Cell) -> String {
    match value {
        Some(value) => line.number(value.typical),
        None => cell.reason.clone().unwrap_or_else(|| "not measured".to_owned()),
    }
}

/// The interval of the change, or what is missing for a verdict.
pub fn beside(line: &Line, cell: &Cell) -> String {
    match (cell.verdict, cell.interval) {
        (None, _) => String::new(),
        (Some(Verdict::Incomparable), _) => cell.reason.clone().unwrap_or_default(),
        (Some(Verdict::Inconclusive), None) => words::unclear(cell, line.level.name()),
        (_, Some((low, high))) => words::range(low, high),
        (_, None) => String::new(),
    }
}

/// What qualifies a value: repeats beside the typical launch, disturbances, failures.
pub fn marks(line: &Line, value: &Value) -> Vec<String> {
    let mut marks = Vec::new();
    if line.estimator == Estimator::Best && value.headline != value.typical {
        marks.push(format!("best {}", line.number(value.headline)));
    }
    if value.launches == 1 {
        marks.push("1 launch".to_owned());
    }
    if value.disturbed > 0 {
        marks.push(format!("{} of {} disturbed", value.disturbed, value.samples));
    }
    if value.failed > 0 {
        marks.push(format!("{} failed", crate::report::number::counted(value.failed, "launch")));
    }
    marks
}

/// The dots of a line.
pub fn drawing(line: &Line) -> Drawing {
    let of = |(slot, value): (usize, &Option<Value>)| {
        Some(Dots { slot, values: value.as_ref()?.units.clone() })
    };
    let all: Vec<Dots> = line.values.iter().enumerate().filter_map(of).collect();
    let values = || all.iter().flat_map(|dots| dots.values.iter().copied());
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    dots::draw(&all, low > 0.0 && high / low > 3.0)
}

/// For every line, base and side: class, verdict, what stands beside it, and how much better in ln.
/// The page's script swaps these; it computes nothing.
pub fn data(view: &View<'_>) -> String {
    let cell = |line: &Line, cell: &Cell| {
        let gain = cell.ratio.map_or(0.0, |ratio| line.gain(ratio).ln());
        let gain = if gain.is_finite() { (gain * 1e4).round() / 1e4 } else { 0.0 };
        serde_json::json!([class(cell), words::verdict(cell), beside(line, cell), gain])
    };
    let lines: Vec<serde_json::Value> = view
        .lines
        .iter()
        .map(|line| {
            if line.pictured || !line.listed {
                return serde_json::Value::Null;
            }
            let bases = line
                .cells
                .iter()
                .map(|cells| cells.iter().map(|c| cell(line, c)).collect::<Vec<_>>());
            serde_json::json!(bases.collect::<Vec<_>>())
        })
        .collect();
    // Within a script element only `<` could end it.
    serde_json::to_string(&lines).unwrap_or_default().replace('<', "\\u003c")
}
