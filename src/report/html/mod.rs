//! The report: one self-contained page from stored runs and their comparison.
//!
//! [`View`] turns runs into lines, cells and words; the other modules write one section each from
//! it. Nothing here reads a file, a clock or a random number: equal runs give equal bytes.

mod attention;
mod choose;
mod embed;
mod environment;
mod figures;
mod headline;
mod matrices;
mod method;
mod page;
mod paper;
mod provenance;
mod rows;
mod sections;
mod sha256;
mod sweeps;
mod table;
#[cfg(test)]
mod tests;
mod twins;
mod view;
mod words;

pub use self::page::page;
pub use self::paper::pages;
pub use self::view::{Group, Kind, Room, Side, View};

use super::chart::Figure;

/// Every figure of a group, in the order of the page.
pub fn figures(view: &View<'_>) -> Vec<Figure> {
    let forest = figures::forest(view).into_iter();
    let chapters = sections::all(view).into_iter().flat_map(|section| section.figures);
    let machines = environment::topology(view).into_iter().chain(method::launches(view));
    forest.chain(chapters).chain(machines).collect()
}
