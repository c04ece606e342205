//! Tables of numbers by row and column as colours: with the numbers in the cells while these are
//! few, as a picture with a readout when they are many. Yellow is near: fast or cheap. Every panel
//! is a drawing of its own, so that a page can put them beside or below one another.

use super::image::{SHADES, heat};
use super::svg::{At, Drawing, SIZE, Text, V, step, units};
use super::theme::{INK, hex, over, viridis};
use super::{Frame, fitted};
use std::collections::BTreeMap;

/// What is drawn: one panel per configuration.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// Above the columns, such as "memory of node".
    pub columns_are: String,
    /// Beside the rows, such as "CPUs of node".
    pub rows_are: String,
    /// Unit of the numbers.
    pub unit: String,
    /// Small numbers are near.
    pub low_is_near: bool,
    /// Side by side where there is room.
    pub panels: Vec<Panel>,
}

/// The numbers of one configuration.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Colour of the name.
    pub slot: usize,
    /// Configuration.
    pub name: String,
    /// Names of the rows.
    pub rows: Vec<String>,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Row by row; nothing where there is no number.
    pub values: Vec<Option<f64>>,
    /// Rows, and columns, before which a line is drawn: where a node begins.
    pub borders: Vec<usize>,
}

impl Panel {
    fn value(&self, row: usize, column: usize) -> Option<f64> {
        let value = self.values.get(row * self.columns.len() + column).copied().flatten();
        value.filter(|value| value.is_finite())
    }

    /// Cells carry no numbers.
    fn is_picture(&self) -> bool {
        self.columns.len() >= MANY || self.rows.len() >= MANY
    }
}

/// From here on cells carry no numbers.
const MANY: usize = 17;

/// Room for the names of rows, and above the cells.
const LEFT: f64 = 62.0;
const TOP: f64 = 51.0;
/// Highest cell with a number.
const HIGHEST: f64 = 44.0;

/// Width and height of a cell: those of pictures are squares.
fn cell(panel: &Panel, frame: Frame) -> (f64, f64) {
    let width = (frame.width - LEFT - 4.0) / panel.columns.len().max(1) as f64;
    if panel.is_picture() { (width, width) } else { (width.min(98.0), width.min(HIGHEST)) }
}

/// A drawing for each panel, and one of the colours where any number has one.
pub fn draw(matrix: &Matrix, frame: Frame) -> Vec<Drawing> {
    let ends = ends(matrix);
    let panels = matrix.panels.iter().enumerate();
    let mut drawings: Vec<Drawing> = panels
        .map(|(number, panel)| self::panel(matrix, panel, number, cell(panel, frame), ends, frame))
        .collect();
    drawings.extend(ends.map(|ends| key(matrix, frame, ends)));
    drawings
}

/// Smallest and largest number of all panels; of pictures all but the outermost half percent, as
/// one pair that was disturbed would take the colours of all others.
fn ends(matrix: &Matrix) -> Option<(f64, f64)> {
    let values = matrix.panels.iter().flat_map(|panel| panel.values.iter().copied().flatten());
    let mut usable: Vec<f64> = values.filter(|value| value.is_finite() && *value > 0.0).collect();
    usable.sort_by(f64::total_cmp);
    let outer = if usable.len() < MANY * MANY { 0 } else { usable.len() / 200 };
    let high = usable.len().checked_sub(1 + outer).and_then(|last| usable.get(last));
    usable.get(outer).zip(high).map(|(low, high)| (*low, *high))
}

/// How near: 0 is far, 1 is near, on a scale of ratios. All is near where all is equal.
fn nearness(value: f64, (low, high): (f64, f64), low_is_near: bool) -> f64 {
    let share = if high > low { (value / low).ln() / (high / low).ln() } else { 1.0 };
    let share = if low_is_near && high > low { 1.0 - share } else { share };
    if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
}

fn panel(
    matrix: &Matrix,
    panel: &Panel,
    number: usize,
    cell: (f64, f64),
    ends: Option<(f64, f64)>,
    frame: Frame,
) -> Drawing {
    let size = (cell.0 * panel.columns.len() as f64, cell.1 * panel.rows.len() as f64);
    let mut drawing = Drawing::new(frame.width, TOP + size.1 + 20.0);
    drawing.open(&format!("s{}", panel.slot));
    super::line::marks(&mut drawing, panel.slot, &[(8.0, 11.0)], 1.0);
    let strong = Text { bold: true, fill: INK, ..Text::default() };
    drawing.text((18.0, 15.0), &fitted(&panel.name, SIZE, frame.width - 20.0), strong);
    drawing.text((LEFT, 33.0), &matrix.columns_are, Text::default());
    names(&mut drawing, panel, cell);
    drawing.text((LEFT, TOP + size.1 + 14.0), &matrix.rows_are, Text::default());
    let nearness = |value: f64| ends.map_or(1.0, |ends| nearness(value, ends, matrix.low_is_near));
    if panel.is_picture() {
        picture(&mut drawing, panel, cell.0, size, &nearness);
    } else {
        cells(&mut drawing, panel, cell, &nearness);
    }
    // Which numbers the readout finds in the table below the figure.
    let found = [
        ("class", V::T("heat")),
        ("fill", V::T("transparent")),
        ("data-panel", V::N(number as f64)),
        ("data-unit", V::T(&matrix.unit)),
    ];
    drawing.rect((LEFT, TOP), size, &found);
    drawing.close();
    drawing
}

/// The names of rows and columns, as many as have room.
fn names(drawing: &mut Drawing, panel: &Panel, (width, height): (f64, f64)) {
    let every = |count: usize, fits: bool| if fits { 1 } else { count.div_ceil(8).max(1) };
    drawing.open_texts("", Text::END);
    let shown = every(panel.rows.len(), height >= 14.0);
    for (index, name) in panel.rows.iter().enumerate().step_by(shown) {
        let y = TOP + height * (index as f64 + 0.5) + 4.0;
        drawing.text((LEFT - 6.0, y), &fitted(name, SIZE, LEFT - 10.0), Text::END);
    }
    drawing.close_texts();
    drawing.open_texts("", Text::MIDDLE);
    let shown = every(panel.columns.len(), width >= 24.0);
    for (index, name) in panel.columns.iter().enumerate().step_by(shown) {
        let x = LEFT + width * (index as f64 + 0.5);
        drawing.text((x, TOP - 4.0), &fitted(name, SIZE, width.max(30.0)), Text::MIDDLE);
    }
    drawing.close_texts();
}

/// Cells of one colour are one path, numbers of one colour one group.
fn cells(
    drawing: &mut Drawing,
    panel: &Panel,
    (width, height): (f64, f64),
    nearness: &dyn Fn(f64) -> f64,
) {
    let mut shapes: BTreeMap<[u8; 3], String> = BTreeMap::new();
    let mut numbers: BTreeMap<&'static str, Vec<(At, String)>> = BTreeMap::new();
    let places = (0..panel.rows.len())
        .flat_map(|row| (0..panel.columns.len()).map(move |column| (row, column)));
    for (row, column) in places {
        let (left, top) = (LEFT + width * column as f64, TOP + height * row as f64);
        let middle = (left + width / 2.0, top + height / 2.0 + 4.0);
        let Some(value) = panel.value(row, column) else {
            numbers.entry(super::theme::MUTE).or_default().push((middle, "\u{2013}".to_owned()));
            continue;
        };
        // As many colours as a picture has.
        let shades = f64::from(SHADES - 1);
        let color = viridis((nearness(value) * shades).round() / shades);
        let (wide, high) = (width - 1.0, height - 1.0);
        let shape = shapes.entry(color).or_default();
        shape.push_str(&format!("M{} {}", units(left), units(top)));
        shape.push_str(&(step(wide, 0.0) + &step(0.0, high) + &step(-wide, 0.0) + "z"));
        let number = crate::report::number::digits(value);
        numbers.entry(over(color)).or_default().push((middle, number));
    }
    for (color, shape) in shapes {
        drawing.path(&shape, &[("fill", V::T(&hex(color)))]);
    }
    // A number that is wider than its cell stands in the readout and the table.
    let fits = |text: &str| super::text_width(text, SIZE) <= width + 2.0;
    for (fill, numbers) in numbers {
        let how = Text { fill, ..Text::MIDDLE };
        drawing.open_texts("", how);
        for (at, number) in numbers.iter().filter(|(_, number)| fits(number)) {
            drawing.text(*at, number, how);
        }
        drawing.close_texts();
    }
}

/// A pixel per cell. The page's readout takes the numbers from the table below the figure.
fn picture(
    drawing: &mut Drawing,
    panel: &Panel,
    cell: f64,
    (width, height): (f64, f64),
    nearness: &dyn Fn(f64) -> f64,
) {
    let shade = |value: &Option<f64>| match value {
        Some(value) if value.is_finite() => {
            (nearness(*value) * f64::from(SHADES - 1)).round() as u8
        }
        _ => SHADES,
    };
    let shades: Vec<u8> = panel.values.iter().map(shade).collect();
    let png = heat(panel.columns.len(), panel.rows.len(), &shades);
    drawing.picture((LEFT, TOP), (width, height), &png);
    let borders = panel.borders.iter().flat_map(|border| {
        let at = cell * *border as f64;
        [
            ((LEFT, TOP + at), (LEFT + width, TOP + at)),
            ((LEFT + at, TOP), (LEFT + at, TOP + height)),
        ]
    });
    drawing.lines(&borders.collect::<Vec<_>>(), "#FFFFFF");
}

/// The colours from far to near, with the numbers at their ends.
fn key(matrix: &Matrix, frame: Frame, (low, high): (f64, f64)) -> Drawing {
    let (far, near) = if matrix.low_is_near { (high, low) } else { (low, high) };
    let mut drawing = Drawing::new(frame.width, 44.0);
    let width = 210.0;
    let shades: Vec<u8> = (0..SHADES).collect();
    drawing.picture((LEFT, 8.0), (width, 9.0), &heat(shades.len(), 1, &shades));
    let text = |value: f64| format!("{} {}", crate::report::number::digits(value), matrix.unit);
    drawing.text((LEFT, 32.0), &text(far), Text::default());
    drawing.text((LEFT + width, 32.0), &text(near), Text::END);
    drawing
}
