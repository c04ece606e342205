//! Reports: what was found, as text.

pub mod info;
