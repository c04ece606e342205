//! JSON as stored, and how every exported JSON is written.

use super::{Document, Export, Format};
use crate::text::is_obeyed;
use serde::Serialize;
use std::fmt::Write;

pub const FORMAT: Format = Format {
    name: "json",
    about: "native: one stored run per line; a single one is a result.json",
    write: |export| Ok(Document::only(lines(export)?)),
};

fn lines(export: &Export<'_>) -> Result<String, String> {
    let runs = export.configurations.iter().flat_map(|configuration| configuration.runs);
    let line = |run| serde_json::to_string(run).map(|line| inert_json(&line) + "\n");
    runs.map(line).collect::<Result<_, _>>().map_err(|error| format!("cannot write JSON: {error}"))
}

/// Indented JSON of plain data.
pub fn pretty(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value).expect("exported data have text keys only");
    inert_json(&text) + "\n"
}

/// The same JSON value with everything escaped that a viewer would obey. Outside of strings JSON has
/// none of these characters but line breaks.
fn inert_json(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        // `<` cannot close the element of a page that the JSON is pasted into.
        if c == '<' || (is_obeyed(c) && c != '\n') {
            let _ = write!(text, "\\u{:04x}", u32::from(c));
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::pretty;

    #[test]
    fn nothing_is_obeyed_and_nothing_changes() {
        let hostile = "</script>\u{202e}\u{7f}\n\"\\u{2028}\u{2028}";
        let text = pretty(&hostile);
        assert!(text.trim_end().chars().all(|c| c != '<' && !super::is_obeyed(c)), "{text}");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), hostile);
    }
}
