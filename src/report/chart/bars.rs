//! Bars in groups: one per configuration, from zero, with an interval as a whisker and its value at
//! its end. They lie, so that names and values have room on any screen.

use super::line::short;
use super::scale::Scale;
use super::svg::{Drawing, SIZE, Text, V, segments, step, units};
use super::theme::{self, AXIS, GRID, INK};
use super::{Frame, text_width, wrapped};

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Bars {
    /// Quantity and unit of the abscissa.
    pub title: String,
    /// From top to bottom.
    pub groups: Vec<Group>,
}

/// Bars that stand together.
#[derive(Clone, Debug)]
pub struct Group {
    /// Beside them.
    pub name: String,
    /// One per configuration that has a value.
    pub bars: Vec<Bar>,
}

/// One bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Colour.
    pub slot: usize,
    /// Length.
    pub value: f64,
    /// The ends of its interval.
    pub interval: Option<(f64, f64)>,
    /// At its end.
    pub label: String,
    /// Value with unit and interval.
    pub text: String,
}

/// From one bar to the next, and its height.
const EACH: f64 = 15.0;
const HEIGHT: f64 = 12.0;
/// Between groups.
const GAP: f64 = 13.0;
const TOP: f64 = 24.0;

/// Where things stand.
struct Plot {
    left: f64,
    right: f64,
    scale: Scale,
}

impl Plot {
    fn new(bars: &Bars, frame: Frame) -> Self {
        let all = || bars.groups.iter().flat_map(|group| &group.bars);
        let widest = |texts: &mut dyn Iterator<Item = f64>| texts.fold(0.0, f64::max);
        let names = widest(&mut bars.groups.iter().map(|group| text_width(&group.name, SIZE)));
        let labels = widest(&mut all().map(|bar| text_width(&bar.label, SIZE)));
        // An interval may be wider than the value; the bars decide the scale.
        let reach = |bar: &Bar| {
            bar.value.max(bar.interval.map_or(0.0, |(_, high)| high.min(bar.value * 1.6)))
        };
        let most = widest(&mut all().map(reach));
        Self {
            left: (names + 10.0).clamp(24.0, frame.width * 0.3),
            right: frame.width - labels.min(frame.width * 0.3) - 12.0,
            // From zero to one where nothing is above zero: a bar begins at zero.
            scale: Scale::linear(0.0, if most > 0.0 { most } else { 1.0 }),
        }
    }

    fn x(&self, value: f64) -> f64 {
        let share = self.scale.place(value).unwrap_or(0.0).clamp(0.0, 1.0);
        self.left + share * (self.right - self.left)
    }
}

/// The drawing.
pub fn draw(bars: &Bars, frame: Frame) -> Drawing {
    let plot = Plot::new(bars, frame);
    let height = |group: &Group| EACH * group.bars.len().max(1) as f64 + GAP;
    let mut bottom = TOP;
    let mut tops = Vec::new();
    for group in &bars.groups {
        tops.push(bottom);
        bottom += height(group);
    }
    let mut drawing = Drawing::new(frame.width, bottom + 22.0);
    ground(&mut drawing, &plot, &bars.title, bottom);
    names(&mut drawing, &plot, bars, &tops);
    for slot in 0..theme::SLOTS {
        self::slot(&mut drawing, &plot, bars, &tops, slot);
    }
    drawing.lines(&[((plot.left, TOP - 4.0), (plot.left, bottom))], AXIS);
    drawing
}

fn ground(drawing: &mut Drawing, plot: &Plot, title: &str, bottom: f64) {
    drawing.text((plot.left, 12.0), title, Text::default());
    let ticks = plot.scale.ticks(4);
    let line = |tick: &f64| ((plot.x(*tick), TOP - 4.0), (plot.x(*tick), bottom));
    drawing.lines(&ticks.iter().map(line).collect::<Vec<_>>(), GRID);
    drawing.open_texts("", Text::MIDDLE);
    for tick in ticks {
        drawing.text((plot.x(tick), bottom + 16.0), &short(tick), Text::MIDDLE);
    }
    drawing.close_texts();
}

/// The name of each group beside its bars, on as many lines as these are high. The page's script
/// finds the row of a pointer by the first line's `data-r`.
fn names(drawing: &mut Drawing, plot: &Plot, bars: &Bars, tops: &[f64]) {
    let how = Text { fill: INK, ..Text::default() };
    drawing.open_texts("rows", how);
    for (number, (group, top)) in bars.groups.iter().zip(tops).enumerate() {
        for (line, text) in
            wrapped(&group.name, SIZE, plot.left - 8.0, group.bars.len()).iter().enumerate()
        {
            let at = (0.0, top + 10.5 + EACH * line as f64);
            let number = [("data-r", V::N(number as f64))];
            drawing.named(at, text, how, if line == 0 { &number } else { &[] });
        }
    }
    drawing.close_texts();
}

/// The bars of one configuration in all groups.
fn slot(drawing: &mut Drawing, plot: &Plot, bars: &Bars, tops: &[f64], slot: usize) {
    let place = |(group, top): (&'_ Group, &f64)| {
        let index = group.bars.iter().position(|bar| bar.slot == slot)?;
        Some((group.bars[index].clone(), top + EACH * index as f64))
    };
    let own: Vec<(Bar, f64)> = bars.groups.iter().zip(tops).filter_map(place).collect();
    if own.is_empty() {
        return;
    }
    drawing.open(&format!("s{slot}"));
    let outline = |(bar, y): &(Bar, f64)| {
        let long = plot.x(bar.value) - plot.left;
        let corner = format!("M{} {}", units(plot.left), units(*y));
        corner + &step(long, 0.0) + &step(0.0, HEIGHT) + &step(-long, 0.0) + "z"
    };
    let mut fill = vec![("fill", V::T(theme::color(slot)))];
    if !theme::filled(slot) {
        fill.extend([("fill-opacity", V::N(0.3)), ("stroke", V::T(theme::color(slot)))]);
    }
    drawing.path(&own.iter().map(outline).collect::<String>(), &fill);
    let whiskers: String =
        own.iter().map(|(bar, y)| whisker(plot, bar, y + HEIGHT / 2.0)).collect();
    drawing.path(&whiskers, &[("stroke", V::T(INK)), ("stroke-width", V::N(1.3))]);
    let how = Text { fill: INK, ..Text::default() };
    drawing.open_texts("", how);
    for (bar, y) in own {
        let end = bar.interval.map_or(bar.value, |(_, high)| high.max(bar.value));
        drawing.text((plot.x(end) + 6.0, y + 10.5), &bar.label, how);
    }
    drawing.close_texts();
    drawing.close();
}

fn whisker(plot: &Plot, bar: &Bar, y: f64) -> String {
    let Some((low, high)) = bar.interval else { return String::new() };
    let (low, high) = (plot.x(low), plot.x(high));
    segments(&[
        ((low, y), (high, y)),
        ((low, y - 3.0), (low, y + 3.0)),
        ((high, y - 3.0), (high, y + 3.0)),
    ])
}
