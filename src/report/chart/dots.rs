//! Every launch as a dot: a small drawing for one row of a table.

use super::scale::Scale;
use super::svg::V;
use super::svg::{Drawing, units};
use super::theme;
use std::collections::BTreeSet;
use std::fmt::Write;

/// The dots of one configuration.
#[derive(Clone, Debug)]
pub struct Dots {
    /// Colour and line.
    pub slot: usize,
    /// One value per launch.
    pub values: Vec<f64>,
}

const WIDTH: f64 = 210.0;
const LINE: f64 = 9.0;

/// Smallest to largest value from left to right, one line of dots per configuration. Dots that
/// would fall on one another are drawn once.
pub fn draw(all: &[Dots], log: bool) -> Drawing {
    let values = || all.iter().flat_map(|dots| dots.values.iter().copied());
    let scale = Scale::over(values(), log, 0.0);
    let mut drawing = Drawing::new(WIDTH, LINE * all.len() as f64 + 3.0);
    // Said once for all: tables have hundreds of these drawings.
    drawing.open_with(&[
        ("stroke-width", V::N(6.0)),
        ("stroke-linecap", V::T("round")),
        ("stroke-opacity", V::T("0.75")),
    ]);
    for (index, dots) in all.iter().enumerate() {
        let y = LINE * (index as f64 + 0.5) + 1.5;
        let places = dots.values.iter().filter_map(|value| scale.place(*value));
        // Half a unit apart is one place.
        let places: BTreeSet<i64> =
            places.map(|share| (2.0 * (5.0 + share * (WIDTH - 10.0))).round() as i64).collect();
        let mut d = String::new();
        let mut before = None;
        for place in places {
            // A path's start is absolute; where a dot is next to another, only the way to it is said.
            let _ = match before {
                None => write!(d, "M{} {}h0", units(place as f64 / 2.0), units(y)),
                Some(before) => write!(d, "m{} 0h0", units((place - before) as f64 / 2.0)),
            };
            before = Some(place);
        }
        let class = format!("s{}", dots.slot);
        let color = theme::color(dots.slot);
        drawing.path(&d, &[("class", V::T(&class)), ("stroke", V::T(color))]);
    }
    drawing.close();
    drawing
}
