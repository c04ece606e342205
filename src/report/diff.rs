//! A comparison as text, Markdown, CSV or JSON.

pub(in crate::report) mod cells;
pub(in crate::report) mod data;
pub(in crate::report) mod markdown;
mod text;

pub use self::cells::View;
pub use self::data::{DIFF_COLUMNS, csv, json};
pub(in crate::report) use self::data::{line, name, number};
pub use self::markdown::{comment, markdown};
pub use self::text::text;
