//! Charts as SVG: pure functions from numbers to text. Nothing here knows what was measured.
//!
//! Colours are CSS variables (`var(--c0)`), so that one drawing serves a light and a dark page;
//! [`svg::Drawing::document`] replaces them for files.

pub mod bars;
pub mod dots;
pub mod forest;
pub mod image;
pub mod line;
pub mod matrix;
pub mod scale;
pub mod strip;
pub mod svg;
#[cfg(test)]
pub(crate) mod tests;
pub mod theme;

use self::svg::{Drawing, SIZE, Text};

/// The room a drawing has: width in units, and whether it is for a phone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// Width in units; one unit is about a pixel.
    pub width: f64,
    /// Few units: shorter texts, no labels beside the plot.
    pub narrow: bool,
}

impl Frame {
    /// A figure as wide as the page.
    pub const FULL: Self = Self { width: 1080.0, narrow: false };
    /// Two figures side by side, or one on a phone.
    pub const HALF: Self = Self { width: 460.0, narrow: false };
    /// A phone.
    pub const NARROW: Self = Self { width: 360.0, narrow: true };
}

/// A drawing for every screen, and the words that replace it.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Unique on the page: letters, digits and hyphens.
    pub id: String,
    /// What the figure shows, as a result where there is one.
    pub title: String,
    /// How it was measured and is drawn.
    pub caption: String,
    /// The whole of it; what files show.
    pub wide: Drawing,
    /// On pages in place of the whole: its parts, beside one another where there is room.
    pub parts: Vec<Drawing>,
    /// On phones, where another arrangement is needed.
    pub narrow: Option<Drawing>,
    /// The numbers: a head and rows.
    pub table: Vec<Vec<String>>,
    /// Half of the page is enough.
    pub half: bool,
    /// Slots and names of the configurations, where the drawing does not name them: on a page they
    /// stand beside their signs once for all figures.
    pub key: Vec<(usize, String)>,
}

impl Figure {
    /// The whole of it below a line that names the configurations, for where the page does not.
    pub fn alone(&self) -> Drawing {
        keyed(&self.wide, &self.key)
    }
}

/// A drawing below the signs and names of configurations.
fn keyed(drawing: &Drawing, key: &[(usize, String)]) -> Drawing {
    const LINE: f64 = 20.0;
    if key.is_empty() {
        return drawing.clone();
    }
    let (mut places, mut x, mut y) = (Vec::new(), 0.0, 0.0);
    for (slot, name) in key {
        let name = squeezed(name, SIZE, drawing.width - 24.0);
        let room = text_width(&name, SIZE) + 34.0;
        if x > 0.0 && x + room - 16.0 > drawing.width {
            (x, y) = (0.0, y + LINE);
        }
        places.push((*slot, name, (x, y)));
        x += room;
    }
    let top = y + LINE + 8.0;
    let mut whole = Drawing::new(drawing.width, drawing.height + top);
    for (slot, name, (x, y)) in places {
        line::marks(&mut whole, slot, &[(x + 7.0, y + 9.0)], 1.0);
        whole.text((x + 18.0, y + 13.0), &name, Text { fill: theme::INK, ..Text::default() });
    }
    whole.nest((0.0, top), 1.0, drawing);
    whole
}

/// Parts of a figure, two in a row.
pub fn joined(parts: &[Drawing]) -> Drawing {
    const GAP: f64 = 24.0;
    let widest = parts.iter().map(|part| part.width).fold(0.0, f64::max);
    let highest = |row: &[Drawing]| row.iter().map(|part| part.height).fold(0.0, f64::max);
    let columns = parts.len().clamp(1, 2) as f64;
    let height = parts.chunks(2).map(highest).sum::<f64>().max(1.0);
    let mut all = Drawing::new((columns * (widest + GAP) - GAP).max(1.0), height);
    let mut y = 0.0;
    for row in parts.chunks(2) {
        for (index, part) in row.iter().enumerate() {
            all.nest(((widest + GAP) * index as f64, y), 1.0, part);
        }
        y += highest(row);
    }
    all
}

/// About how wide `text` is at `size`, in units: digits and lower-case letters of common sans-serif
/// fonts are 0.5 to 0.6 em wide.
pub fn text_width(text: &str, size: f64) -> f64 {
    unicode_width::UnicodeWidthStr::width(text) as f64 * size * 0.56
}

/// `text`, cut with an ellipsis to fit into `width` units.
pub fn fitted(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut used = size;
    let fits = |c: &char| {
        used += text_width(c.encode_utf8(&mut [0; 4]), size);
        used <= width
    };
    let cut: String = text.chars().take_while(fits).collect();
    format!("{}\u{2026}", cut.trim_end())
}

/// `text`, cut in its middle to fit into `width` units: names that begin alike differ at their end.
pub fn squeezed(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let half = (width - size) / 2.0;
    let fitting = |used: &mut f64, c: char| {
        *used += text_width(c.encode_utf8(&mut [0; 4]), size);
        (*used <= half).then_some(c)
    };
    let begin: String = text.chars().scan(0.0, fitting).collect();
    let end: Vec<char> = text.chars().rev().scan(0.0, fitting).collect();
    let end: String = end.into_iter().rev().collect();
    format!("{}\u{2026}{}", begin.trim_end(), end.trim_start())
}

/// `text` on at most `most` lines of `width` units; what has no room is cut with an ellipsis.
pub fn wrapped(text: &str, size: f64, width: f64, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let room = width - size * 0.4 - text_width(word, size);
        // The last line takes all that is left.
        let is_last = lines.len() >= most.max(1);
        match lines.last_mut() {
            Some(line) if is_last || text_width(line, size) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| fitted(line, size, width)).collect()
}
