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
    /// Its lines, each with its number among all lines of the group.
    pub lines: Vec<(usize, &'v Line)>,
}

/// The tables of a group from top to bottom: the lines that stand for others, the others that
/// decide, and the informative ones.
pub fn tables<'v>(view: &'v View<'_>) -> [Vec<Family<'v>>; 3] {
    let informative = |line: &Line| line.metric.role == Role::Info;
    let folded = |line: &Line| !line.representative && !line.pictured;
    [
        families(view, |line| line.representative),
        families(view, |line| folded(line) && !informative(line)),
        families(view, |line| folded(line) && informative(line)),
    ]
}

/// The number of each row's line, in the order of the rows.
pub fn order(view: &View<'_>) -> Vec<usize> {
    let families = tables(view).into_iter().flatten();
    families.flat_map(|family| family.lines).map(|(index, _)| index).collect()
}

/// The lines of a kind under their headings.
fn families<'v>(view: &'v View<'_>, which: impl Fn(&Line) -> bool) -> Vec<Family<'v>> {
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

/// The class of a cell: better, worse or unclear by one letter, as pages have thousands; nothing for
/// what is the base, the same or not comparable.
pub fn class(cell: &Cell) -> &'static str {
    match cell.verdict {
        Some(Verdict::Improvement) => "b",
        Some(Verdict::Regression) => "w",
        Some(Verdict::Inconclusive) => "q",
        None | Some(Verdict::Equivalent | Verdict::Incomparable) => "",
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
        (Some(Verdict::Inconclusive), Some((low, high))) => {
            format!("{}; {}", words::range(low, high), words::unclear(cell, line.level.name()))
        }
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

/// A verdict as one letter.
fn letter(verdict: Option<Verdict>) -> char {
    match verdict {
        None => '0',
        Some(Verdict::Improvement) => 'b',
        Some(Verdict::Regression) => 'w',
        Some(Verdict::Equivalent) => 's',
        Some(Verdict::Inconclusive) => 'u',
        Some(Verdict::Incomparable) => 'a',
    }
}

/// How the most frequent sentence ends, which is `^` in the data.
const SETTLES: &str = " launches a side would settle it";

/// What the page's script swaps for a cell when the base changes, in few letters, as pages have
/// thousands. The letter of the verdict; the change where it is real, ended by `~`; and what stands
/// beside it. Of a percentage the sign stands for higher or lower, and zeros before the point are
/// left out: the script only says them again.
fn swapped(line: &Line, cell: &Cell) -> String {
    let plain = |text: String| text.replace(['|', '~', '^'], "/").replace(SETTLES, "^");
    let change = cell.real().then_some(cell.ratio).flatten().map(words::change);
    let short = |change: String| {
        let change = change.replace("% higher", "+").replace("% lower", "-");
        plain(change.replace(" higher", "")) + "~"
    };
    let beside = match (cell.verdict, cell.interval) {
        (Some(Verdict::Incomparable | Verdict::Inconclusive), _) | (_, None) => {
            plain(beside(line, cell))
        }
        (_, Some((low, high))) => {
            let range = words::range(low, high);
            let range = range.trim_end_matches('%').replace("-0.", "-.").replace("+0.", "+.");
            let factor = range.ends_with('\u{d7}');
            range.replacen(" to ", if factor { " " } else { "" }, 1)
        }
    };
    format!("{}{}{beside}", letter(cell.verdict), change.map_or(String::new(), short))
}

/// How much better each side of a line is than the first that has a value, in ln times 10,000 between
/// blanks, to sort by; `-` for what has no value.
fn gains(line: &Line) -> String {
    let first = line.values.iter().position(Option::is_some);
    let cells = first.and_then(|first| line.cells.get(first)).into_iter().flatten().enumerate();
    let gain = |(side, cell): (usize, &Cell)| {
        let ratio = if Some(side) == first { Some(1.0) } else { cell.ratio };
        let gain = ratio.map(|ratio| line.gain(ratio).ln()).filter(|gain| gain.is_finite());
        gain.map_or("-".to_owned(), |gain| ((gain * 1e4).round() as i64).to_string())
    };
    cells.map(gain).collect::<Vec<_>>().join(" ")
}

/// For every row one text of parts between bars: its gains; then for every base but the first, which
/// stands in the rows themselves, the cells of all other sides.
pub fn data(view: &View<'_>) -> String {
    let row = |index: usize| {
        let line = &view.lines[index];
        let bases = line.cells.iter().enumerate().skip(1);
        let cells = bases.flat_map(|(base, cells)| {
            let others = cells.iter().enumerate().filter(move |(side, _)| *side != base);
            others.map(|(_, cell)| swapped(line, cell))
        });
        [gains(line)].into_iter().chain(cells).collect::<Vec<_>>().join("|")
    };
    let rows: Vec<String> = order(view).into_iter().map(row).collect();
    let words: BTreeMap<char, [String; 3]> = [None]
        .into_iter()
        .chain(Verdict::ALL.into_iter().map(Some))
        .map(|verdict| {
            let cell = Cell { verdict, ..Cell::BASE };
            let sign = verdict.map_or("", |verdict| verdict.sign());
            let said = [class(&cell).to_owned(), sign.to_owned(), words::verdict(&cell)];
            (letter(verdict), said)
        })
        .collect();
    let data = serde_json::json!({ "words": words, "rows": rows });
    // Within a script element only `<` could end it.
    serde_json::to_string(&data).unwrap_or_default().replace('<', "\\u003c")
}
