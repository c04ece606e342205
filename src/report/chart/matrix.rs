//! Tables of numbers by row and column as colours: with the numbers in the cells while these are
//! few, as a picture with a readout when they are many. Yellow is near: fast or cheap.

use super::image::heat;
use super::svg::{Drawing, Text, V};
use super::theme::{INK, hex, over, viridis};
use super::{Frame, fitted};

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
}

/// From here on cells carry no numbers.
const MANY: usize = 17;

/// The drawing.
pub fn draw(matrix: &Matrix, frame: Frame) -> Drawing {
    let across = match (frame.narrow, matrix.panels.len()) {
        (true, _) | (false, 0 | 1) => 1,
        (false, 2 | 4) => 2,
        (false, _) => 3,
    };
    let room = frame.width / across as f64;
    let side =
        |panel: &Panel| (room - 70.0).min(if panel.columns.len() < MANY { 340.0 } else { 470.0 });
    let height = |panel: &Panel| {
        let cell = side(panel) / panel.columns.len().max(1) as f64;
        cell.min(90.0) * panel.rows.len() as f64 + 68.0
    };
    let rows: Vec<&[Panel]> = matrix.panels.chunks(across).collect();
    let heights: Vec<f64> =
        rows.iter().map(|row| row.iter().map(height).fold(0.0, f64::max)).collect();
    let mut drawing = Drawing::new(frame.width, heights.iter().sum::<f64>() + 44.0);
    let ends = ends(matrix);
    let mut y = 0.0;
    for (row, height) in rows.iter().zip(&heights) {
        for (index, panel) in row.iter().enumerate() {
            let at = (room * index as f64, y);
            self::panel(&mut drawing, matrix, panel, at, side(panel), ends);
        }
        y += height;
    }
    key(&mut drawing, matrix, y, frame, ends);
    drawing
}

/// Smallest and largest number of all panels; of pictures all but the outermost half percent, as
/// one pair that was disturbed would take the colours of all others.
fn ends(matrix: &Matrix) -> (f64, f64) {
    let values = matrix.panels.iter().flat_map(|panel| panel.values.iter().copied().flatten());
    let mut usable: Vec<f64> = values.filter(|value| value.is_finite() && *value > 0.0).collect();
    usable.sort_by(f64::total_cmp);
    let outer = if usable.len() < MANY * MANY { 0 } else { usable.len() / 200 };
    let high = usable.len().checked_sub(1 + outer).and_then(|last| usable.get(last));
    usable.get(outer).zip(high).map_or((1.0, 1.0), |(low, high)| (*low, *high))
}

/// How near: 0 is far, 1 is near, on a scale of ratios. All is near where all is equal.
fn nearness(value: f64, (low, high): (f64, f64), low_is_near: bool) -> f64 {
    let share = if high > low { (value / low).ln() / (high / low).ln() } else { 1.0 };
    let share = if low_is_near && high > low { 1.0 - share } else { share };
    if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
}

fn panel(
    drawing: &mut Drawing,
    matrix: &Matrix,
    panel: &Panel,
    (x, y): (f64, f64),
    side: f64,
    ends: (f64, f64),
) {
    let cell = (side / panel.columns.len().max(1) as f64).min(90.0);
    let (left, top) = (x + 62.0, y + 51.0);
    drawing.open(&format!("s{}", panel.slot));
    super::line::mark(drawing, panel.slot, (x + 8.0, y + 11.0), 1.0);
    let name = fitted(&panel.name, 12.5, side + 40.0);
    drawing.text(
        (x + 18.0, y + 15.0),
        &name,
        Text { size: 12.5, bold: true, fill: INK, ..Text::default() },
    );
    drawing.text((left, y + 33.0), &matrix.columns_are, Text { size: 11.0, ..Text::default() });
    names(drawing, panel, (left, top), cell, &matrix.rows_are);
    if panel.columns.len() < MANY && panel.rows.len() < MANY {
        cells(drawing, matrix, panel, (left, top), cell, ends);
    } else {
        picture(drawing, matrix, panel, (left, top), cell, ends);
    }
    drawing.close();
}

fn names(drawing: &mut Drawing, panel: &Panel, (left, top): (f64, f64), cell: f64, rows_are: &str) {
    let every = (14.0 / cell).ceil().max(1.0) as usize;
    let shown = if every == 1 { 1 } else { panel.rows.len().div_ceil(8).max(every) };
    for (index, name) in panel.rows.iter().enumerate().step_by(shown) {
        let y = top + cell * (index as f64 + 0.5) + 4.0;
        drawing.text((left - 6.0, y), &fitted(name, 11.0, 44.0), Text { size: 11.0, ..Text::END });
    }
    let shown = if cell >= 22.0 { 1 } else { panel.columns.len().div_ceil(8).max(1) };
    for (index, name) in panel.columns.iter().enumerate().step_by(shown) {
        let x = left + cell * (index as f64 + 0.5);
        let name = fitted(name, 11.0, cell.max(30.0));
        drawing.text((x, top - 4.0), &name, Text { size: 11.0, ..Text::MIDDLE });
    }
    let below = top + cell * panel.rows.len() as f64 + 13.0;
    drawing.text((left, below), rows_are, Text { size: 11.0, ..Text::default() });
}

fn cells(
    drawing: &mut Drawing,
    matrix: &Matrix,
    panel: &Panel,
    (left, top): (f64, f64),
    cell: f64,
    ends: (f64, f64),
) {
    for (r, row) in panel.rows.iter().enumerate() {
        for (c, column) in panel.columns.iter().enumerate() {
            let at = (left + cell * c as f64, top + cell * r as f64);
            let Some(value) = panel.value(r, c) else {
                drawing.text(
                    (at.0 + cell / 2.0, at.1 + cell / 2.0 + 4.0),
                    "\u{2013}",
                    Text::MIDDLE,
                );
                continue;
            };
            let color = viridis(nearness(value, ends, matrix.low_is_near));
            let number = crate::report::number::digits(value);
            let text = format!(
                "{} {row}, {} {column}\n{}|{}|{number} {}",
                matrix.rows_are, matrix.columns_are, panel.slot, panel.name, matrix.unit
            );
            let fill = hex(color);
            let attributes = [("fill", V::T(&fill)), ("data-t", V::T(&text))];
            drawing.rect(at, (cell - 1.0, cell - 1.0), &attributes);
            if cell >= 26.0 {
                let how = Text { fill: over(color), ..Text::MIDDLE };
                drawing.text((at.0 + cell / 2.0, at.1 + cell / 2.0 + 4.0), &number, how);
            }
        }
    }
}

/// A pixel per cell. The page's readout takes the numbers from the table below the figure.
fn picture(
    drawing: &mut Drawing,
    matrix: &Matrix,
    panel: &Panel,
    (left, top): (f64, f64),
    cell: f64,
    ends: (f64, f64),
) {
    let (rows, columns) = (panel.rows.len(), panel.columns.len());
    let shade = |value: &Option<f64>| match value {
        Some(value) if value.is_finite() => {
            (nearness(*value, ends, matrix.low_is_near) * 254.0).round() as u8
        }
        _ => 255,
    };
    let shades: Vec<u8> = panel.values.iter().map(shade).collect();
    let size = (cell * columns as f64, cell * rows as f64);
    drawing.picture((left, top), size, &heat(columns, rows, &shades));
    for border in &panel.borders {
        let at = cell * *border as f64;
        drawing.line((left, top + at), (left + size.0, top + at), "#FFFFFF");
        drawing.line((left + at, top), (left + at, top + size.1), "#FFFFFF");
    }
    // Which numbers the readout finds in the table below the figure.
    let number = matrix.panels.iter().position(|other| std::ptr::eq(other, panel)).unwrap_or(0);
    drawing.rect(
        (left, top),
        size,
        &[
            ("class", V::T("heat")),
            ("fill", V::T("transparent")),
            ("data-panel", V::N(number as f64)),
            ("data-unit", V::T(&matrix.unit)),
        ],
    );
}

/// The colours from far to near, with the numbers at their ends.
fn key(drawing: &mut Drawing, matrix: &Matrix, y: f64, frame: Frame, (low, high): (f64, f64)) {
    let (far, near) = if matrix.low_is_near { (high, low) } else { (low, high) };
    let left = 62.0;
    let width = 180.0_f64.min(frame.width / 2.0);
    for step in 0..30 {
        let x = left + width * f64::from(step) / 30.0;
        let fill = hex(viridis(f64::from(step) / 29.0));
        drawing.rect((x, y + 8.0), (width / 30.0 + 0.3, 9.0), &[("fill", V::T(&fill))]);
    }
    let text = |value: f64| format!("{} {}", crate::report::number::digits(value), matrix.unit);
    drawing.text((left, y + 32.0), &text(far), Text { size: 11.0, ..Text::default() });
    drawing.text((left + width, y + 32.0), &text(near), Text { size: 11.0, ..Text::END });
}
