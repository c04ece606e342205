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
mod tests;
pub mod theme;

use self::svg::Drawing;

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
    /// Two figures side by side.
    pub const HALF: Self = Self { width: 530.0, narrow: false };
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
    /// On desks.
    pub wide: Drawing,
    /// On phones; nothing where the wide one is narrow enough.
    pub narrow: Option<Drawing>,
    /// The numbers: a head and rows.
    pub table: Vec<Vec<String>>,
    /// Half of the page is enough.
    pub half: bool,
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
