//! Bars of what is no curve, and the forest of differences.

use super::view::{Line, View};
use super::{sweeps, table, words};
use crate::compare::Verdict;
use crate::report::chart::bars::{self, Bar, Bars};
use crate::report::chart::forest::{self, Change, Forest};
use crate::report::chart::{Figure, Frame, theme};
use crate::report::number::counted;
use std::collections::BTreeMap;
use vbench_results::Role;

/// More groups of bars than these are left to the tables.
const MOST_GROUPS: usize = 12;

/// A figure per benchmark and unit: the lines that are no curve and fill no square.
pub fn bars(view: &View<'_>, lines: &[&Line], id: &str) -> Vec<Figure> {
    let gated: Vec<&Line> =
        lines.iter().copied().filter(|line| line.metric.role != Role::Info).collect();
    let mut benchmarks: BTreeMap<(&str, &str), Vec<&Line>> = BTreeMap::new();
    for line in &gated {
        benchmarks.entry((&line.case.benchmark, &line.metric.unit.symbol)).or_default().push(line);
    }
    let swept: Vec<&Line> = sweeps::sweeps(&gated)
        .into_iter()
        .flat_map(|sweep| sweep.points)
        .map(|(_, _, line)| line)
        .collect();
    let is_swept = |line: &Line| swept.iter().any(|other| std::ptr::eq(*other, line));
    let fitting = benchmarks.into_iter().filter(|((_, _), lines)| {
        let several = lines.len() > 1 || view.compared();
        several && !lines.iter().any(|line| is_swept(line) || table::in_square(line))
    });
    let drawn =
        fitting.filter(|(_, lines)| !view.compared() || lines.iter().any(|line| line.moved()));
    drawn
        .take(view.room.figures)
        .enumerate()
        .map(|(index, (_, lines))| {
            figure(view, &telling(view, &lines), lines.len(), &format!("{id}-bars{index}"))
        })
        .collect()
}

/// Of many lines those that differ most, in their order; of a side alone the first.
fn telling<'v>(view: &View<'_>, lines: &[&'v Line]) -> Vec<&'v Line> {
    let size = |line: &Line| {
        let real = line.changes().filter(|(_, cell)| cell.real());
        let sizes = real.filter_map(|(_, cell)| Some(cell.ratio?.ln().abs()));
        sizes.fold(0.0, f64::max)
    };
    let mut order: Vec<usize> = (0..lines.len()).collect();
    if view.compared() {
        order.sort_by(|a, b| size(lines[*b]).total_cmp(&size(lines[*a])));
    }
    order.truncate(MOST_GROUPS);
    order.sort_unstable();
    order.into_iter().map(|index| lines[index]).collect()
}

fn figure(view: &View<'_>, lines: &[&Line], all: usize, id: &str) -> Figure {
    let largest =
        lines.iter().flat_map(|line| line.values.iter().flatten()).map(|value| value.typical);
    let (factor, unit) = words::prefixed(largest.fold(0.0, f64::max), &lines[0].metric.unit);
    let one_metric = lines.iter().all(|line| line.metric.name == lines[0].metric.name);
    let group = |line: &&Line| bars::Group {
        name: match (one_metric, line.detail.is_empty()) {
            (true, false) => line.detail.clone(),
            (true, true) => line.name.clone(),
            (false, true) => words::spelt(&line.metric.name),
            (false, false) => format!("{} {}", words::spelt(&line.metric.name), line.detail),
        },
        bars: line
            .values
            .iter()
            .enumerate()
            .filter_map(|(slot, value)| {
                let value = value.as_ref()?;
                Some(Bar {
                    slot,
                    value: value.typical / factor,
                    interval: value.interval.map(|(low, high)| (low / factor, high / factor)),
                    label: crate::report::number::digits(value.typical / factor),
                    text: sweeps::told(value, (factor, &unit)),
                })
            })
            .collect(),
    };
    let groups: Vec<bars::Group> = lines.iter().map(group).collect();
    let title = words::unit_and_direction(&Line { shown: (factor, unit), ..lines[0].clone() });
    let bars = Bars { title, groups };
    let function = words::sentence(&words::spelt(lines[0].function()));
    Figure {
        id: id.to_owned(),
        title: headline(view, lines).unwrap_or(function),
        caption: caption(view, lines, all),
        wide: bars::draw(&bars, Frame::HALF),
        parts: Vec::new(),
        narrow: None,
        table: numbers(view, &bars),
        half: true,
        key: view.key(0),
    }
}

/// The largest real change as a sentence.
fn headline(view: &View<'_>, lines: &[&Line]) -> Option<String> {
    let real =
        lines.iter().flat_map(|line| line.changes().map(move |(slot, cell)| (*line, slot, cell)));
    let size = |cell: &super::view::Cell| cell.ratio.map_or(0.0, |ratio| ratio.ln().abs());
    let (line, slot, cell) =
        real.filter(|(_, _, cell)| cell.real()).max_by(|a, b| size(a.2).total_cmp(&size(b.2)))?;
    let change = words::change(cell.ratio?);
    Some(format!("{} is {change} with {}", line.name, view.names[slot]))
}

fn caption(view: &View<'_>, lines: &[&Line], all: usize) -> String {
    let detail = match lines {
        [only] if !only.detail.is_empty() => format!("{}. ", words::sentence(&only.detail)),
        _ => String::new(),
    };
    let whiskers = if view.launches.iter().any(|(launches, _)| *launches > 1) {
        "The typical launch; whiskers are 95% intervals."
    } else {
        "One launch: no intervals."
    };
    let most = if view.compared() { "that differ most" } else { "in the order of the table" };
    let rest = if all > lines.len() {
        format!(" These {} of {all} {most}.", lines.len())
    } else {
        String::new()
    };
    format!("{detail}{whiskers}{rest}")
}

fn numbers(view: &View<'_>, bars: &Bars) -> Vec<Vec<String>> {
    let mut head = vec![String::from("what")];
    head.extend(view.names.iter().cloned());
    let row = |group: &bars::Group| {
        let cell = |slot: usize| {
            let bar = group.bars.iter().find(|bar| bar.slot == slot);
            bar.map_or("not measured".to_owned(), |bar| bar.text.clone())
        };
        [group.name.clone()].into_iter().chain((0..view.names.len()).map(cell)).collect()
    };
    [head].into_iter().chain(bars.groups.iter().map(row)).collect()
}

/// Most rows of the forest in which all is the same: beside them the others are easier to judge.
const MOST_SAME: usize = 8;

/// The lines of the forest, and how many are left to the table.
fn compared<'v>(view: &'v View<'_>) -> (Vec<&'v Line>, usize) {
    let has = |line: &&Line| line.changes().any(|(_, cell)| cell.ratio.is_some());
    let all: Vec<&Line> =
        view.lines.iter().filter(|line| line.representative).filter(has).collect();
    let is_same =
        |line: &Line| line.changes().all(|(_, cell)| cell.verdict == Some(Verdict::Equivalent));
    let mut same = 0;
    let mut shown: Vec<&Line> = all.clone();
    shown.retain(|line| {
        same += usize::from(is_same(line));
        !is_same(line) || same <= MOST_SAME
    });
    shown.truncate(view.room.forest);
    let left_out = all.len() - shown.len();
    (shown, left_out)
}

/// The differences of all lines that stand in the table from the first side.
pub fn forest(view: &View<'_>) -> Option<Figure> {
    let mut rows: Vec<forest::Row> = Vec::new();
    let mut chapter = None;
    let (shown, left_out) = compared(view);
    let order = table::order(view);
    for line in shown {
        let of = words::Chapter::of(&line.kind, &line.case.benchmark);
        if chapter.as_ref() != Some(&of) {
            rows.push(forest::Row {
                name: of.title(),
                detail: String::new(),
                number: 0,
                heading: true,
                changes: Vec::new(),
            });
            chapter = Some(of);
        }
        let number = order.iter().position(|index| std::ptr::eq(&view.lines[*index], line));
        rows.push(row(line, number.unwrap_or_default()));
    }
    if !view.compared() || rows.is_empty() {
        return None;
    }
    let forest = Forest { margin: view.policy.margin, rows };
    Some(Figure {
        id: format!("{}-forest", view.id),
        title: format!("Every metric against {}", view.names[0]),
        caption: format!(
            "Marks are the change of the typical launch, lines its 95% interval; right is better, whichever way \
             the metric counts. In the grey band of \u{b1}{} no difference matters. An arrow is off the scale.{}",
            view.margin(),
            match left_out {
                0 => String::new(),
                more => format!(
                    " {} more, all the same or less telling, are in the table.",
                    counted(more, "row")
                ),
            }
        ),
        wide: forest::draw(&forest, Frame::FULL),
        parts: Vec::new(),
        narrow: Some(forest::draw(&forest, Frame::NARROW)),
        // The table above the figure has the same numbers.
        table: Vec::new(),
        half: false,
        key: view.key(1),
    })
}

fn row(line: &Line, number: usize) -> forest::Row {
    let change = |(slot, cell): (usize, &super::view::Cell)| {
        let ratio = cell.ratio?;
        let interval = cell.interval.map(|(low, high)| {
            let (a, b) = (line.gain(low), line.gain(high));
            (a.min(b), a.max(b))
        });
        Some(Change {
            slot,
            gain: line.gain(ratio),
            interval,
            text: words::verdict(cell),
            fill: match cell.verdict {
                Some(Verdict::Improvement) => "var(--good)",
                Some(Verdict::Regression) => "var(--bad)",
                Some(Verdict::Inconclusive) => "var(--warn)",
                _ => theme::MUTE,
            },
        })
    };
    let changes = line.changes().filter_map(change).collect();
    let (name, detail) = (line.name.clone(), line.detail.clone());
    forest::Row { name, detail, number, heading: false, changes }
}
