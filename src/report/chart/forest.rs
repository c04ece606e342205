//! Is it real? Each difference with its interval beside the band of the margin, on a scale of
//! ratios on which right is better.

use super::line::mark;
use super::scale::Scale;
use super::svg::{Drawing, Text, V, polyline};
use super::theme::{self, AXIS, EQUAL, GRID, INK};
use super::{Frame, fitted};

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
    /// Everything, for readers who point at it.
    pub tip: String,
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
        let share = self.scale.place(gain).unwrap_or(0.5);
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
    let (left, right) = if frame.narrow { (14.0, 128.0) } else { (270.0, 200.0) };
    let plot = Plot { left, right: frame.width - right, scale: Scale::log(1.0 / reach, reach) };
    let heights: Vec<f64> = forest.rows.iter().map(|row| height(row, frame)).collect();
    let bottom = HEAD + heights.iter().sum::<f64>();
    let mut drawing = Drawing::new(frame.width, bottom + 24.0);
    ground(&mut drawing, &plot, forest, bottom, frame);
    let mut y = HEAD;
    for (row, height) in forest.rows.iter().zip(heights) {
        self::row(&mut drawing, &plot, row, y, frame);
        y += height;
    }
    drawing
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
    for tick in ticks(plot) {
        let x = plot.x(tick);
        drawing.line((x, HEAD - 8.0), (x, bottom), GRID);
        drawing.text((x, bottom + 16.0), &change_of(tick), Text::MIDDLE);
    }
    let middle = plot.x(1.0);
    drawing.line((middle, HEAD - 8.0), (middle, bottom), AXIS);
    let strong = |anchor: Text<'static>, fill| Text { fill, bold: true, ..anchor };
    drawing.text((middle - 16.0, 14.0), "\u{2190} worse", strong(Text::END, "var(--bad)"));
    drawing.text((middle + 16.0, 14.0), "better \u{2192}", strong(Text::default(), "var(--good)"));
    if !frame.narrow {
        let note = format!("grey: within \u{b1}{}%", super::line::short(100.0 * forest.margin));
        drawing.text((middle, 32.0), &note, Text { size: 11.0, ..Text::MIDDLE });
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

fn row(drawing: &mut Drawing, plot: &Plot, row: &Row, y: f64, frame: Frame) {
    if row.heading {
        let name = row.name.to_uppercase();
        drawing.text((0.0, y + 20.0), &name, Text { size: 11.0, bold: true, ..Text::default() });
        return;
    }
    let room = if frame.narrow { frame.width } else { plot.left - 16.0 };
    let how = Text { size: 12.5, fill: INK, ..Text::default() };
    if frame.narrow && !row.detail.is_empty() {
        let name = format!("{}, {}", row.name, row.detail);
        drawing.text((0.0, y + 13.0), &fitted(&name, 12.5, room), how);
    } else {
        drawing.text((0.0, y + 13.0), &fitted(&row.name, 12.5, room), how);
        let how = Text { size: 11.5, ..Text::default() };
        drawing.text((0.0, y + 29.0), &fitted(&row.detail, 11.5, room), how);
    }
    let first = if frame.narrow { y + LINE } else { y };
    for (index, change) in row.changes.iter().enumerate() {
        drawing.open(&format!("s{}", change.slot));
        self::change(drawing, plot, change, first + LINE * index as f64 + 9.0, frame);
        drawing.close();
    }
}

fn change(drawing: &mut Drawing, plot: &Plot, change: &Change, y: f64, frame: Frame) {
    let color = theme::color(change.slot);
    let x = plot.x(change.gain);
    if let Some((low, high)) = change.interval {
        let (from, to) = (plot.x(low), plot.x(high));
        let stroke = [("stroke", V::T(color)), ("stroke-width", V::N(2.0))];
        drawing.path(&polyline(&[(from, y), (to, y)]), &stroke);
    }
    if plot.holds(change.gain) {
        mark(drawing, change.slot, (x, y), 1.0);
    } else {
        // Off the scale: an arrow, and its number beside it.
        let tip = if change.gain > 1.0 { 7.0 } else { -7.0 };
        let d = format!(
            "{}Z",
            polyline(&[(x + tip, y), (x - tip / 2.0, y - 5.0), (x - tip / 2.0, y + 5.0)])
        );
        drawing.path(&d, &[("fill", V::T(color))]);
    }
    let text = fitted(&change.text, 12.0, frame.width - plot.right - 14.0);
    drawing.text(
        (plot.right + 14.0, y + 4.0),
        &text,
        Text { fill: change.fill, ..Text::default() },
    );
    let hit = [("fill", V::T("transparent")), ("data-t", V::T(&change.tip))];
    drawing.rect((plot.left, y - LINE / 2.0), (plot.right - plot.left, LINE), &hit);
}
