//! Curves: a line and markers per configuration, its interval as a ribbon, and what is known about
//! the abscissa. Readers can zoom in on a range of it, so every place on it stands where the page's
//! script can move it: in an `x`, or behind an `M` or `L` of a path. The path of class `at` has an
//! `M` for each named value, from which the script knows what a pointer is at.

use super::scale::Scale;
use super::svg::{Drawing, SIZE, Text, V, polyline, segments};
use super::theme::{self, AXIS, GRID, INK, MUTE};
use super::{Frame, fitted, text_width};

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Lines {
    /// Unique on the page.
    pub id: String,
    /// The curves.
    pub series: Vec<Series>,
    /// Below the drawing.
    pub x: Ruler,
    /// Beside the drawing.
    pub y: Ruler,
    /// Named places on the abscissa.
    pub places: Vec<Place>,
    /// Flat parts of curves.
    pub plateaus: Vec<Plateau>,
    /// A range of ordinates that means no difference, as low and high.
    pub band: Option<(f64, f64)>,
}

/// One curve.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its colour and marker.
    pub slot: usize,
    /// Its name.
    pub name: String,
    /// Ascending in x.
    pub points: Vec<Point>,
}

/// A point of a curve.
#[derive(Clone, Debug)]
pub struct Point {
    /// Its place.
    pub x: f64,
    /// Its value.
    pub y: f64,
    /// The ends of its interval.
    pub interval: Option<(f64, f64)>,
    /// Its value with unit and interval.
    pub text: String,
}

/// An axis.
#[derive(Clone, Debug)]
pub struct Ruler {
    /// Quantity and unit.
    pub title: String,
    /// Equal distances for equal ratios.
    pub log: bool,
    /// For the abscissa: the values that have a name, ascending. Empty on the ordinate.
    pub names: Vec<(f64, String)>,
}

/// A named place on the abscissa.
#[derive(Clone, Debug)]
pub struct Place {
    /// Where.
    pub x: f64,
    /// What is there.
    pub name: String,
}

/// A flat part of a curve.
#[derive(Clone, Debug)]
pub struct Plateau {
    /// Whose.
    pub slot: usize,
    /// From and to.
    pub x: (f64, f64),
    /// At.
    pub y: f64,
}

/// The rectangle of the curves within the drawing, and its scales.
struct Plot {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    x: Scale,
    y: Scale,
}

impl Plot {
    fn new(lines: &Lines, frame: Frame) -> Self {
        let right = if frame.narrow { 10.0 } else { label_room(lines, frame) };
        let top = 26.0 + 14.0 * place_rows(lines) as f64;
        let points = || lines.series.iter().flat_map(|series| &series.points);
        let xs = points().map(|point| point.x);
        let ends = |point: &Point| {
            let (low, high) = point.interval.unwrap_or((point.y, point.y));
            // A very wide interval must not squeeze the curves.
            [point.y, low.max(point.y / 3.0), high.min(point.y * 3.0)]
        };
        let y = Scale::over(points().flat_map(ends), lines.y.log, 0.06);
        let ticks = y.ticks(most_ticks(frame)).into_iter();
        let left = ticks.map(|tick| text_width(&short(tick), SIZE) + 8.0).fold(36.0, f64::max);
        Self {
            left,
            top,
            width: (frame.width - left - right).max(80.0),
            height: if frame.narrow { 210.0 } else { 300.0_f64.min(frame.width * 0.5) },
            x: Scale::over(xs, lines.x.log, 0.02),
            y,
        }
    }

    fn x(&self, x: f64) -> Option<f64> {
        Some(self.left + self.x.place(x)? * self.width)
    }

    fn y(&self, y: f64) -> Option<f64> {
        Some(self.top + (1.0 - self.y.place(y)?) * self.height)
    }

    fn bottom(&self) -> f64 {
        self.top + self.height
    }

    fn at(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        Some((self.x(x)?, self.y(y)?))
    }
}

fn most_ticks(frame: Frame) -> usize {
    if frame.narrow { 5 } else { 8 }
}

/// Rows of names above the plot; neighbours alternate.
fn place_rows(lines: &Lines) -> usize {
    lines.places.len().min(2)
}

fn label_room(lines: &Lines, frame: Frame) -> f64 {
    let label = |series| text_width(&end_label(series, frame), SIZE) + 32.0;
    let widths = lines.series.iter().map(label);
    widths.fold(20.0, f64::max).min(frame.width * 0.3)
}

/// Name and last value; in half of the page the value, beside the marker.
fn end_label(series: &Series, frame: Frame) -> String {
    let value = series.points.last().map_or("", |point| point.text.as_str());
    let value = value.split(" (").next().unwrap_or_default();
    if frame.width < Frame::FULL.width {
        value.to_owned()
    } else {
        format!("{} {value}", series.name)
    }
}

/// The drawing.
pub fn draw(lines: &Lines, frame: Frame) -> Drawing {
    let plot = Plot::new(lines, frame);
    let mut drawing = Drawing::new(frame.width, plot.bottom() + 40.0);
    let clip = format!("{}-{}", lines.id, if frame.narrow { "n" } else { "w" });
    drawing.clip(&clip, (plot.left, plot.top - 4.0), (plot.width, plot.height + 8.0));
    ordinate(&mut drawing, &plot, lines, frame);
    drawing.text((plot.left, 12.0), &lines.y.title, Text::default());
    drawing.open("zoom");
    names(&mut drawing, &plot, lines);
    places(&mut drawing, &plot, lines);
    drawing.open_clipped("curves", &clip);
    marks_of_names(&mut drawing, &plot, lines);
    for series in &lines.series {
        curve(&mut drawing, &plot, lines, series);
    }
    drawing.close();
    drawing.close();
    let title = Text { fill: MUTE, ..Text::END };
    drawing.text((plot.left + plot.width, plot.bottom() + 36.0), &lines.x.title, title);
    if !frame.narrow {
        labels(&mut drawing, &plot, lines, frame);
    }
    drawing
}

fn ordinate(drawing: &mut Drawing, plot: &Plot, lines: &Lines, frame: Frame) {
    if let Some((low, high)) = lines.band
        && let Some((low, high)) = plot.y(low).zip(plot.y(high))
    {
        let (low, high) = (low.min(plot.bottom()), high.max(plot.top));
        let fill = [("fill", V::T(theme::EQUAL))];
        drawing.rect((plot.left, high), (plot.width, low - high), &fill);
    }
    let ticks = plot.y.ticks(most_ticks(frame));
    let ticks: Vec<(f64, f64)> =
        ticks.into_iter().filter_map(|tick| Some((tick, plot.y(tick)?))).collect();
    let (left, right) = (plot.left, plot.left + plot.width);
    let across = |y: f64| ((left, y), (right, y));
    drawing.lines(&ticks.iter().map(|(_, y)| across(*y)).collect::<Vec<_>>(), GRID);
    drawing.open_texts("", Text::END);
    for (tick, y) in ticks {
        drawing.text((left - 6.0, y + 4.0), &short(tick), Text::END);
    }
    drawing.close_texts();
    drawing.lines(&[across(plot.bottom())], AXIS);
}

/// As many names of values as have room.
fn names(drawing: &mut Drawing, plot: &Plot, lines: &Lines) {
    let widest = lines.x.names.iter().map(|(_, name)| text_width(name, SIZE)).fold(10.0, f64::max);
    let room = (plot.width / (widest + 10.0)).floor().max(1.0) as usize;
    let every = lines.x.names.len().div_ceil(room).max(1);
    let mut before = f64::NEG_INFINITY;
    drawing.open_texts("", Text::MIDDLE);
    for (value, name) in lines.x.names.iter().step_by(every) {
        if let Some(x) = plot.x(*value).filter(|x| x - before > widest + 6.0) {
            // A long name near an end moves inwards.
            let name = fitted(name, SIZE, plot.width);
            let half = text_width(&name, SIZE) / 2.0;
            let place = x.max(half).min((drawing.width - half).max(half));
            drawing.text((place, plot.bottom() + 18.0), &name, Text::MIDDLE);
            before = x;
        }
    }
    drawing.close_texts();
}

/// A mark for every named value, also for those that no place on the scale has.
fn marks_of_names(drawing: &mut Drawing, plot: &Plot, lines: &Lines) {
    let place = |value: f64| plot.x(value).unwrap_or(plot.left);
    let mark = |(value, _): &(f64, String)| {
        let x = place(*value);
        ((x, plot.bottom()), (x, plot.bottom() + 4.0))
    };
    let marks: Vec<_> = lines.x.names.iter().map(mark).collect();
    if !marks.is_empty() {
        drawing.path(&segments(&marks), &[("class", V::T("at")), ("stroke", V::T(AXIS))]);
    }
}

fn places(drawing: &mut Drawing, plot: &Plot, lines: &Lines) {
    for (index, place) in lines.places.iter().enumerate() {
        let Some(x) = plot.x(place.x).filter(|x| *x <= plot.left + plot.width + 1.0) else {
            continue;
        };
        let row = 26.0 + 14.0 * (index % 2) as f64;
        let dashed = [("stroke", V::T(AXIS)), ("stroke-dasharray", V::T("3 3"))];
        drawing.path(&segments(&[((x, row + 4.0), (x, plot.bottom()))]), &dashed);
        let middle = plot.left + plot.width / 2.0;
        let anchor = if x > middle { Text::END } else { Text::default() };
        let beside = if x > middle { x - 4.0 } else { x + 4.0 };
        drawing.text((beside, row + 4.0), &place.name, anchor);
    }
}

fn curve(drawing: &mut Drawing, plot: &Plot, lines: &Lines, series: &Series) {
    let color = V::T(theme::color(series.slot));
    drawing.open(&format!("s{}", series.slot));
    let ribbon = ribbon(plot, series);
    if !ribbon.is_empty() {
        drawing.path(&ribbon, &[("fill", color), ("fill-opacity", V::N(0.2))]);
    }
    let flat = lines.plateaus.iter().filter(|plateau| plateau.slot == series.slot);
    let ends = flat.filter_map(|flat| {
        Some(polyline(&[plot.at(flat.x.0, flat.y)?, plot.at(flat.x.1, flat.y)?]))
    });
    let plateaus: String = ends.collect();
    if !plateaus.is_empty() {
        let wide = [("stroke-width", V::N(9.0)), ("stroke-opacity", V::T("0.28"))];
        let fill = [("fill", V::T("none")), ("stroke", color)];
        drawing.path(&plateaus, &[&fill[..], &wide].concat());
    }
    let places: Vec<(f64, f64)> =
        series.points.iter().filter_map(|point| plot.at(point.x, point.y)).collect();
    let mut stroke = vec![("fill", V::T("none")), ("stroke", color), ("stroke-width", V::N(2.0))];
    stroke.extend(theme::dash(series.slot).map(|dash| ("stroke-dasharray", V::T(dash))));
    drawing.path(&polyline(&places), &stroke);
    marks(drawing, series.slot, &places, 0.85);
    drawing.close();
}

/// The marker of a slot at each of several places, as one path.
pub fn marks(drawing: &mut Drawing, slot: usize, places: &[(f64, f64)], size: f64) {
    if places.is_empty() {
        return;
    }
    let color = V::T(theme::color(slot));
    let d: String = places.iter().map(|place| theme::outline(slot, *place, size)).collect();
    if theme::filled(slot) {
        return drawing.path(&d, &[("fill", color)]);
    }
    let hollow = [("fill", V::T("var(--card)")), ("stroke", color), ("stroke-width", V::N(1.6))];
    drawing.path(&d, &hollow);
}

/// Upper ends there, lower ends back: through points that have an interval.
fn ribbon(plot: &Plot, series: &Series) -> String {
    let known: Vec<(f64, (f64, f64))> =
        series.points.iter().filter_map(|point| Some((point.x, point.interval?))).collect();
    let (least, most) = plot.y.ends();
    let place = |x: f64, y: f64| plot.at(x, y.clamp(least, most));
    let upper = known.iter().filter_map(|(x, (_, high))| place(*x, *high));
    let lower = known.iter().rev().filter_map(|(x, (low, _))| place(*x, *low));
    let outline: Vec<(f64, f64)> = upper.chain(lower).collect();
    if outline.len() < 4 { String::new() } else { polyline(&outline) }
}

/// Name and last value of each curve beside its end, moved apart where they would overlap.
fn labels(drawing: &mut Drawing, plot: &Plot, lines: &Lines, frame: Frame) {
    let end = |series: &Series| {
        let point = series.points.last()?;
        let y = plot.y(point.y)?;
        Some((y, series.slot, end_label(series, frame)))
    };
    let mut ends: Vec<(f64, usize, String)> = lines.series.iter().filter_map(end).collect();
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let places = spread(&ends.iter().map(|(y, _, _)| *y).collect::<Vec<_>>(), 15.0, plot.bottom());
    let left = plot.left + plot.width + 10.0;
    for ((_, slot, label), y) in ends.into_iter().zip(places) {
        drawing.open(&format!("s{slot}"));
        marks(drawing, slot, &[(left + 2.0, y)], 0.85);
        let label = fitted(&label, SIZE, frame.width - left - 10.0);
        drawing.text((left + 10.0, y + 4.0), &label, Text { fill: INK, ..Text::default() });
        drawing.close();
    }
}

/// Places at least `gap` apart, none below `bottom`, in the order and near the places given.
fn spread(places: &[f64], gap: f64, bottom: f64) -> Vec<f64> {
    let mut spread: Vec<f64> = Vec::with_capacity(places.len());
    for place in places {
        let least = spread.last().map_or(f64::NEG_INFINITY, |last| last + gap);
        spread.push(place.max(least));
    }
    let mut most = bottom;
    for place in spread.iter_mut().rev() {
        *place = place.min(most);
        most = *place - gap;
    }
    spread
}

/// A round number as it stands beside an axis.
pub fn short(number: f64) -> String {
    let size = number.abs();
    if number != 0.0 && !(1e-3..1e6).contains(&size) {
        return format!("{number:e}");
    }
    let digits = if size >= 100.0 || size == 0.0 { 0 } else { 4 };
    let text = format!("{number:.digits$}");
    if digits > 0 { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::{short, spread};

    #[test]
    fn labels_move_apart_and_stay_in_their_order() {
        assert_eq!(spread(&[10.0, 12.0, 100.0], 15.0, 100.0), [10.0, 25.0, 100.0]);
        assert_eq!(spread(&[98.0, 99.0], 15.0, 100.0), [85.0, 100.0]);
        assert_eq!(spread(&[], 15.0, 100.0), Vec::<f64>::new());
    }

    #[test]
    fn axis_numbers_are_short() {
        let read: Vec<String> = [0.0, 0.2, 1.5, 20.0, 1000.0, 1e9, 2e-7].map(short).into();
        assert_eq!(read, ["0", "0.2", "1.5", "20", "1000", "1e9", "2e-7"]);
    }
}
