//! A remark with a code for programs and a sentence for people.

use serde::Serialize;

/// A remark: why a row cannot be compared, or what qualifies it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Note {
    /// Stable, for programs.
    pub code: String,
    /// For people.
    pub text: String,
}

impl Note {
    /// A remark.
    pub fn new(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self { code: code.into(), text: text.into() }
    }
}
