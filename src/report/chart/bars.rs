//! Bars in groups: one per configuration, from zero, with an interval as a whisker.

use super::line::short;
use super::scale::Scale;
use super::svg::{Drawing, Text, V, polyline};
use super::theme::{self, AXIS, GRID, INK};
use super::{Frame, fitted, text_width};

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Bars {
    /// Quantity and unit of the ordinate.
    pub title: String,
    /// From left to right.
    pub groups: Vec<Group>,
}

/// Bars that stand together.
#[derive(Clone, Debug)]
pub struct Group {
    /// Below them.
    pub name: String,
    /// One per configuration that has a value.
    pub bars: Vec<Bar>,
}

/// One bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Colour.
    pub slot: usize,
    /// Configuration.
    pub name: String,
    /// Height.
    pub value: f64,
    /// The ends of its interval.
    pub interval: Option<(f64, f64)>,
    /// Above it.
    pub label: String,
    /// Value with unit and interval.
    pub text: String,
}

/// The drawing.
pub fn draw(bars: &Bars, frame: Frame) -> Drawing {
    let (left, top) = (if frame.narrow { 40.0 } else { 52.0 }, 30.0);
    let height = if frame.narrow { 180.0 } else { 220.0 };
    let mut drawing = Drawing::new(frame.width, top + height + 40.0);
    let all = || bars.groups.iter().flat_map(|group| &group.bars);
    // An interval may be wider than the value; the bars decide the scale.
    let most = all()
        .map(|bar| bar.value.max(bar.interval.map_or(0.0, |(_, high)| high.min(bar.value * 1.6))));
    let scale = Scale::linear(0.0, most.fold(0.0, f64::max) * 1.08);
    let y = |value: f64| top + height * (1.0 - scale.place(value).unwrap_or(0.0).clamp(0.0, 1.0));
    drawing.text((left, 12.0), &bars.title, Text::default());
    for tick in scale.ticks(5) {
        drawing.line((left, y(tick)), (frame.width - 4.0, y(tick)), GRID);
        drawing.text((left - 6.0, y(tick) + 4.0), &short(tick), Text::END);
    }
    let each = (frame.width - left - 8.0) / bars.groups.len().max(1) as f64;
    for (index, group) in bars.groups.iter().enumerate() {
        let from = left + 4.0 + each * index as f64;
        self::group(&mut drawing, group, from, each, &y);
        name(&mut drawing, &group.name, (from + each / 2.0, top + height + 17.0), each - 4.0);
    }
    drawing.line((left, top + height), (frame.width - 4.0, top + height), AXIS);
    drawing
}

/// A name below its bars: on two lines where one is too short, smaller where two are.
fn name(drawing: &mut Drawing, name: &str, (x, y): (f64, f64), room: f64) {
    let how = |size: f64| Text { fill: INK, size, ..Text::MIDDLE };
    if text_width(name, 12.0) <= room {
        return drawing.text((x, y), name, how(12.0));
    }
    let middle = name.len() / 2;
    let near = |(at, _): &(usize, &str)| at.abs_diff(middle);
    let (first, rest) = match name.match_indices(' ').min_by_key(near) {
        Some((at, _)) => (&name[..at], name[at..].trim_start()),
        None => (name, ""),
    };
    let widest = text_width(first, 1.0).max(text_width(rest, 1.0));
    let size = (room / widest).clamp(9.8, 12.0);
    for (line, text) in [first, rest].into_iter().enumerate() {
        drawing.text((x, y + 14.0 * line as f64), &fitted(text, size, room), how(size));
    }
}

fn group(drawing: &mut Drawing, group: &Group, from: f64, room: f64, y: &dyn Fn(f64) -> f64) {
    let count = group.bars.len().max(1) as f64;
    let width = (room * 0.78 / count).min(64.0);
    let start = from + (room - width * count) / 2.0;
    for (index, bar) in group.bars.iter().enumerate() {
        let x = start + width * index as f64;
        let color = theme::color(bar.slot);
        let text = format!("{}\n{}|{}|{}", group.name, bar.slot, bar.name, bar.text);
        drawing.open(&format!("s{}", bar.slot));
        let hollow = bar.slot >= theme::HUES;
        let mut fill = vec![("fill", V::T(color)), ("data-t", V::T(&text))];
        if hollow {
            fill.extend([("fill-opacity", V::N(0.3)), ("stroke", V::T(color))]);
        }
        drawing.rect((x + 1.5, y(bar.value)), (width - 3.0, y(0.0) - y(bar.value)), &fill);
        let above = whisker(drawing, bar, x + width / 2.0, y);
        if width >= text_width(&bar.label, 11.0) + 2.0 {
            let how = Text { size: 11.0, fill: INK, ..Text::MIDDLE };
            drawing.text((x + width / 2.0, above - 4.0), &bar.label, how);
        }
        drawing.close();
    }
}

/// The interval; gives the highest place that it or its bar takes.
fn whisker(drawing: &mut Drawing, bar: &Bar, x: f64, y: &dyn Fn(f64) -> f64) -> f64 {
    let Some((low, high)) = bar.interval else { return y(bar.value) };
    let (low, high) = (y(low), y(high));
    let d = [
        polyline(&[(x, low), (x, high)]),
        polyline(&[(x - 4.0, low), (x + 4.0, low)]),
        polyline(&[(x - 4.0, high), (x + 4.0, high)]),
    ];
    drawing.path(&d.concat(), &[("stroke", V::T(INK)), ("stroke-width", V::N(1.3))]);
    high.min(y(bar.value))
}
