//! The table of every line by every configuration, and what its script needs to change the base.

use super::sweeps;
use super::view::{Cell, Line, Value, View};
use super::words::{self, Chapter};
use crate::compare::{Verdict, Why};
use crate::report::chart::dots::{self, Dots};
use crate::report::chart::svg::Drawing;
use crate::report::square;
use std::collections::{BTreeMap, BTreeSet};
use vbench_results::{CaseId, Estimator, Role};

/// Most lines that stand in the table itself; the others are folded below it.
const MOST: usize = 60;

/// Which lines stand for the others: not what is informative, of a square nothing, of a curve its
/// end, of devices the one that differs most, of a rate and the time that it was made of the rate.
/// Where there are too many, those with real differences come first.
pub fn representatives(lines: &[Line]) -> Vec<bool> {
    let decided: Vec<&Line> = lines.iter().filter(|line| line.drawn()).collect();
    let inner: BTreeSet<*const Line> = sweeps::sweeps(&decided)
        .into_iter()
        .flat_map(|sweep| {
            let before_last = sweep.points.len().saturating_sub(1);
            sweep.points.into_iter().take(before_last).map(|(_, _, line)| std::ptr::from_ref(line))
        })
        .collect();
    let rates: BTreeSet<&CaseId> = decided
        .iter()
        .filter(|line| sweeps::DRAWN.contains(&line.metric.name.as_str()))
        .map(|line| &line.case)
        .collect();
    let first = devices(&decided);
    let stands = |line: &Line| {
        let derived = line.metric.name == "time" && rates.contains(&line.case);
        line.drawn()
            && !derived
            && !in_square(line)
            && !inner.contains(&std::ptr::from_ref(line))
            && first.contains(&std::ptr::from_ref(line))
    };
    let mut chosen: Vec<usize> = (0..lines.len()).filter(|index| stands(&lines[*index])).collect();
    chosen.sort_by_key(|index| !lines[*index].moved());
    chosen.truncate(MOST);
    let chosen: BTreeSet<usize> = chosen.into_iter().collect();
    (0..lines.len()).map(|index| chosen.contains(&index)).collect()
}

/// Of lines that differ in the name of a device only, the one that differs most from the base, else
/// the first; every line that has no such twin.
fn devices(lines: &[&Line]) -> BTreeSet<*const Line> {
    let mut alike: BTreeMap<(CaseId, &str), (&Line, f64)> = BTreeMap::new();
    for line in lines {
        let mut case = line.case.clone();
        case.params.retain(|axis, _| !sweeps::is_name(axis));
        let moved = line.changes().filter(|(_, cell)| cell.real());
        let sizes = moved.filter_map(|(_, cell)| Some(cell.ratio?.ln().abs()));
        let size = sizes.fold(0.0, f64::max);
        let chosen = alike.entry((case, &line.metric.name)).or_insert((line, size));
        if size > chosen.1 {
            *chosen = (line, size);
        }
    }
    alike.into_values().map(|(line, _)| std::ptr::from_ref(line)).collect()
}

/// One cell of a matrix.
pub fn in_square(line: &Line) -> bool {
    square::place(&line.case).is_some()
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
        None => cell.reason.as_deref().map_or("not measured", missing).to_owned(),
    }
}

/// Why there is no number, without what its place in the table says: the configuration.
fn missing(reason: &str) -> &str {
    let why = match reason.strip_prefix("no value in ").and_then(|rest| rest.split_once(": ")) {
        Some((_, why)) => why,
        None => reason,
    };
    match why {
        "the run does not contain this case" | "no value on either side" => "not measured",
        why => why,
    }
}

/// The interval of the change, or what is missing for a verdict.
pub fn beside(line: &Line, cell: &Cell) -> String {
    match (cell.verdict, cell.interval) {
        (None, _) => String::new(),
        (Some(Verdict::Incomparable), _) => cell.reason.clone().unwrap_or_default(),
        // The value itself says that it is one launch.
        (Some(Verdict::Inconclusive), None) if cell.why == Some(Why::Unreplicated) => String::new(),
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

/// A class as one letter.
fn letter(cell: &Cell) -> char {
    match cell.verdict {
        None => '0',
        Some(Verdict::Improvement) => 'b',
        Some(Verdict::Regression) => 'w',
        Some(Verdict::Equivalent) => 's',
        Some(Verdict::Inconclusive) => 'u',
        Some(Verdict::Incomparable) => 'a',
    }
}

/// For every line, base and side what the page's script swaps; it computes nothing: the first letter
/// of the class, the verdict where the class does not say it, what stands beside it, and how much
/// better in ln, separated by bars.
pub fn data(view: &View<'_>) -> String {
    let cell = |line: &Line, cell: &Cell| {
        let gain = cell.ratio.map_or(0.0, |ratio| line.gain(ratio).ln());
        let gain = if gain.is_finite() { (gain * 1e4).round() as i64 } else { 0 };
        let letter = letter(cell);
        let verdict = if cell.real() { words::verdict(cell) } else { String::new() };
        let plain = |text: String| text.replace('|', "/");
        format!("{letter}|{}|{}|{gain}", plain(verdict), plain(beside(line, cell)))
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
    let verdicts = [
        None,
        Some(Verdict::Improvement),
        Some(Verdict::Regression),
        Some(Verdict::Equivalent),
        Some(Verdict::Inconclusive),
        Some(Verdict::Incomparable),
    ];
    let words: BTreeMap<char, [String; 2]> = verdicts
        .into_iter()
        .map(|verdict| {
            let cell = Cell { verdict, ..Cell::BASE };
            (letter(&cell), [class(&cell).to_owned(), words::verdict(&cell)])
        })
        .collect();
    let data = serde_json::json!({ "words": words, "lines": lines });
    // Within a script element only `<` could end it.
    serde_json::to_string(&data).unwrap_or_default().replace('<', "\\u003c")
}
