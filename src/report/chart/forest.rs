//! Is it real? Each difference with its interval beside the band of the margin, on a scale of
//! ratios on which right is better.

use super::scale::Scale;
use super::svg::{Drawing, SIZE, Text, V, segments, step};
use super::theme::{self, AXIS, EQUAL, GRID, INK};
use super::{Frame, fitted, squeezed};
use std::collections::BTreeSet;

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Forest {
    /// Smallest change that matters, as a share.
    pub margin: f64,
    /// From top to bottom.
    pub rows: Vec<Row>,
}

/// One metric, or a heading.
#[derive(Clone, Debug)]
pub struct Row {
    /// Metric or heading.
    pub name: String,
    /// Below the name.
    pub detail: String,
    /// Its number among the rows of the table with the same numbers.
    pub number: usize,
    /// No changes stand beside a heading.
    pub heading: bool,
    /// One per candidate.
    pub changes: Vec<Change>,
}

/// One difference. Ratios are turned so that above one is better.
#[derive(Clone, Debug)]
pub struct Change {
    /// Colour and marker.
    pub slot: usize,
    /// How much better.
    pub gain: f64,
    /// Its interval.
    pub interval: Option<(f64, f64)>,
    /// Sign, change and verdict.
    pub text: String,
    /// Colour of the text.
    pub fill: &'static str,
}

/// Ends of the scale that are tried in turn: the first that holds most intervals is taken.
const REACHES: [f64; 4] = [1.1, 1.25, 1.6, 2.5];
/// The share of intervals that must fit.
const MOST: f64 = 0.6;

fn reach(forest: &Forest) -> f64 {
    let changes = || forest.rows.iter().flat_map(|row| &row.changes);
    let farthest = |change: &Change| {
        let (low, high) = change.interval.unwrap_or((change.gain, change.gain));
        low.ln().abs().max(high.ln().abs())
    };
    let holds = |reach: &f64| {
        let fitting = changes().filter(|change| farthest(change) <= reach.ln()).count();
        *reach > 1.0 + 2.0 * forest.margin && fitting as f64 >= MOST * changes().count() as f64
    };
    REACHES.into_iter().find(holds).unwrap_or(REACHES[3])
}

/// Where things stand.
struct Plot {
    left: f64,
    right: f64,
    scale: Scale,
}

impl Plot {
    fn x(&self, gain: f64) -> f64 {
        // Nothing left is as bad as can be.
        let end = if gain <= 0.0 {
            0.0
        } else if gain == f64::INFINITY {
            1.0
        } else {
            0.5
        };
        let share = self.scale.place(gain).unwrap_or(end);
        self.left + share.clamp(0.0, 1.0) * (self.right - self.left)
    }

    fn holds(&self, gain: f64) -> bool {
        self.scale.place(gain).is_some_and(|share| (0.0..=1.0).contains(&share))
    }
}

const LINE: f64 = 17.0;
const HEAD: f64 = 46.0;

/// The drawing.
pub fn draw(forest: &Forest, frame: Frame) -> Drawing {
    let reach = reach(forest);
    let (left, right) = if frame.narrow { (18.0, 128.0) } else { (270.0, 200.0) };
    let plot = Plot { left, right: frame.width - right, scale: Scale::log(1.0 / reach, reach) };
    let heights: Vec<f64> = forest.rows.iter().map(|row| height(row, frame)).collect();
    let bottom = HEAD + heights.iter().sum::<f64>();
    let mut drawing = Drawing::new(frame.width, bottom + 24.0);
    ground(&mut drawing, &plot, forest, bottom, frame);
    let rows = tops(forest, frame);
    names(&mut drawing, &plot, &rows, frame);
    for slot in 0..theme::SLOTS {
        self::slot(&mut drawing, &plot, &rows, slot, frame);
    }
    drawing
}

/// Every row with its top.
fn tops(forest: &Forest, frame: Frame) -> Vec<(&Row, f64)> {
    let mut y = HEAD;
    let mut top = |row| {
        y += height(row, frame);
        (row, y - height(row, frame))
    };
    forest.rows.iter().map(&mut top).collect()
}

fn height(row: &Row, frame: Frame) -> f64 {
    let lines = row.changes.len() as f64;
    match (row.heading, frame.narrow) {
        (true, _) => 30.0,
        (false, true) => LINE * (lines.max(1.0) + 1.0) + 9.0,
        // Name and detail need two lines.
        (false, false) => LINE * lines.max(if row.detail.is_empty() { 1.0 } else { 2.0 }) + 9.0,
    }
}

fn ground(drawing: &mut Drawing, plot: &Plot, forest: &Forest, bottom: f64, frame: Frame) {
    let (low, high) = (plot.x(1.0 / (1.0 + forest.margin)), plot.x(1.0 + forest.margin));
    drawing.rect((low, HEAD - 8.0), (high - low, bottom - HEAD + 8.0), &[("fill", V::T(EQUAL))]);
    let down = |x: f64| ((x, HEAD - 8.0), (x, bottom));
    let ticks = ticks(plot);
    drawing.lines(&ticks.iter().map(|tick| down(plot.x(*tick))).collect::<Vec<_>>(), GRID);
    drawing.open_texts("", Text::MIDDLE);
    for tick in ticks {
        drawing.text((plot.x(tick), bottom + 16.0), &change_of(tick), Text::MIDDLE);
    }
    drawing.close_texts();
    let middle = plot.x(1.0);
    drawing.lines(&[down(middle)], AXIS);
    let strong = |anchor: Text<'static>, fill| Text { fill, bold: true, ..anchor };
    drawing.text((middle - 16.0, 14.0), "\u{2190} worse", strong(Text::END, "var(--bad)"));
    drawing.text((middle + 16.0, 14.0), "better \u{2192}", strong(Text::default(), "var(--good)"));
    if !frame.narrow {
        let note = format!("grey: within \u{b1}{}%", super::line::short(100.0 * forest.margin));
        drawing.text((middle, 32.0), &note, Text::MIDDLE);
    }
}

fn ticks(plot: &Plot) -> Vec<f64> {
    let (_, reach) = plot.scale.ends();
    let steps: &[f64] = match reach {
        reach if reach < 1.15 => &[1.05, 1.1],
        reach if reach < 1.3 => &[1.1, 1.25],
        reach if reach < 2.0 => &[1.25, 1.6],
        _ => &[1.5, 2.5],
    };
    let down = steps.iter().rev().map(|step| 1.0 / step);
    down.chain([1.0]).chain(steps.iter().copied()).collect()
}

/// A ratio as a change: `+25%`, `1/4`, `4×`.
fn change_of(ratio: f64) -> String {
    match ratio {
        ratio if ratio >= 2.0 => {
            format!("{}\u{d7}", super::line::short((ratio * 10.0).round() / 10.0))
        }
        ratio if ratio <= 0.5 => format!("1/{}", super::line::short((10.0 / ratio).round() / 10.0)),
        ratio if (ratio - 1.0).abs() < 1e-9 => "0".to_owned(),
        ratio => format!("{:+.0}%", 100.0 * (ratio - 1.0)),
    }
}

/// The names of all rows. The page's script finds the row of a pointer by `data-r`.
fn names(drawing: &mut Drawing, plot: &Plot, rows: &[(&Row, f64)], frame: Frame) {
    let room = if frame.narrow { frame.width } else { plot.left - 16.0 };
    let name = |row: &Row| match frame.narrow && !row.detail.is_empty() {
        true => format!("{}, {}", row.name, row.detail),
        false => row.name.clone(),
    };
    for (row, y) in rows.iter().filter(|(row, _)| row.heading) {
        let how = Text { bold: true, ..Text::default() };
        drawing.text((0.0, y + 20.0), &row.name.to_uppercase(), how);
    }
    let ink = Text { fill: INK, ..Text::default() };
    drawing.open_texts("rows", ink);
    for (row, y) in rows.iter().filter(|(row, _)| !row.heading) {
        let number = [("data-r", V::N(row.number as f64))];
        drawing.named((0.0, y + 13.0), &squeezed(&name(row), SIZE, room), ink, &number);
    }
    drawing.close_texts();
    let detailed = |(row, _): &&(&Row, f64)| !frame.narrow && !row.detail.is_empty();
    for (row, y) in rows.iter().filter(detailed) {
        drawing.text((0.0, y + 29.0), &squeezed(&row.detail, SIZE, room), Text::default());
    }
}

/// The changes of one configuration in all rows.
fn slot(drawing: &mut Drawing, plot: &Plot, rows: &[(&Row, f64)], slot: usize, frame: Frame) {
    let own: Vec<(&Change, f64)> = rows
        .iter()
        .flat_map(|(row, y)| {
            let first = if frame.narrow { y + LINE } else { *y };
            let line = move |(index, change)| (change, first + LINE * index as f64 + 9.0);
            row.changes.iter().enumerate().map(line)
        })
        .filter(|(change, _)| change.slot == slot)
        .collect();
    if own.is_empty() {
        return;
    }
    drawing.open(&format!("s{slot}"));
    let color = V::T(theme::color(slot));
    let lines = own.iter().filter_map(|(change, y)| {
        let (low, high) = change.interval?;
        Some(((plot.x(low), *y), (plot.x(high), *y)))
    });
    let lines: Vec<_> = lines.collect();
    drawing.path(&segments(&lines), &[("stroke", color), ("stroke-width", V::N(2.0))]);
    let (on, off): (Vec<_>, Vec<_>) =
        own.iter().copied().partition(|(change, _)| plot.holds(change.gain));
    let places: Vec<(f64, f64)> = on.iter().map(|(change, y)| (plot.x(change.gain), *y)).collect();
    super::line::marks(drawing, slot, &places, 1.0);
    // Off the scale: an arrow, and its number beside it.
    let arrow = |(change, y): &(&Change, f64)| {
        let tip = if change.gain > 1.0 { 7.0 } else { -7.0 };
        let from = (plot.x(change.gain) - tip / 2.0, y - 5.0);
        let point = (from.0 + 1.5 * tip, *y);
        segments(&[(from, point)]) + &step(-1.5 * tip, 5.0) + "z"
    };
    drawing.path(&off.iter().map(arrow).collect::<String>(), &[("fill", color)]);
    told(drawing, plot, &own, frame);
    drawing.close();
}

/// What each change is, one group for each colour.
fn told(drawing: &mut Drawing, plot: &Plot, own: &[(&Change, f64)], frame: Frame) {
    let fills: BTreeSet<&'static str> = own.iter().map(|(change, _)| change.fill).collect();
    for fill in fills {
        let how = Text { fill, ..Text::default() };
        drawing.open_texts("", how);
        for (change, y) in own.iter().filter(|(change, _)| change.fill == fill) {
            let text = fitted(&change.text, SIZE, frame.width - plot.right - 14.0);
            drawing.text((plot.right + 14.0, y + 4.0), &text, how);
        }
        drawing.close_texts();
    }
}
