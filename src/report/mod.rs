//! What a person sees: numbers with units, columns, and the tables of a run.

pub mod advice;
pub mod chart;
pub mod claims;
pub mod diff;
pub mod effects;
#[cfg(feature = "pdf")]
pub mod files;
mod fit;
pub mod floors;
pub mod gate;
pub mod html;
pub mod info;
pub mod levels;
pub mod run;
pub mod square;
pub mod table;

pub use crate::text::number;
