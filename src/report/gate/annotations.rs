//! The decision as GitHub workflow commands: `::error title=..::..` and `::warning`.

use super::Report;
use super::cells::{footer, listed, sentence};
use crate::gate::Effect;
use crate::report::diff::View;
use crate::text::inert;
use std::fmt::Write;

/// Annotations of a kind that are printed before the rest is only counted: GitHub shows ten of a
/// kind a step and drops others without a word.
/// Source: github.com/orgs/community/discussions/26680.
const SHOWN: usize = 9;

/// One annotation per row or finding that is not just as it should be: errors, then warnings.
pub fn annotations(report: &Report<'_>, view: View) -> String {
    let mut all: Vec<(Effect, String, String)> = Vec::new();
    for finding in &report.gate.findings {
        all.push((finding.effect, "vbench gate".to_owned(), finding.text.clone()));
    }
    for row in listed(report) {
        let title = format!("vbench gate: {} {}", row.case, row.metric);
        all.push((row.effect(), title, sentence(row, view)));
    }
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    for (effect, title, text) in all {
        match effect {
            Effect::Pass | Effect::Waived => {}
            Effect::Warn => warnings.push((title, text)),
            _ => errors.push((title, text)),
        }
    }
    let rest = format!("{}: see the step summary", footer(report));
    kind("error", &errors, &rest) + &kind("warning", &warnings, &rest)
}

fn kind(command: &str, found: &[(String, String)], rest: &str) -> String {
    // The last of ten may be a finding just as well as a count.
    let shown = if found.len() <= SHOWN + 1 { found.len() } else { SHOWN };
    let mut text = String::new();
    for (title, message) in found.iter().take(shown) {
        text.push_str(&annotation(command, title, message));
    }
    if found.len() > shown {
        let more = format!("and {} more", found.len() - shown);
        text.push_str(&annotation(command, &format!("vbench gate: {more}"), rest));
    }
    text
}

fn annotation(command: &str, title: &str, message: &str) -> String {
    let mut text = String::new();
    let (title, message) = (property(&inert(title)), data(&inert(message)));
    let _ = writeln!(text, "::{command} title={title}::{message}");
    text
}

/// Source: github.com/actions/toolkit, packages/core/src/command.ts, `escapeData`.
pub(super) fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Source: as [`data`], `escapeProperty`.
pub(super) fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::{annotation, data, kind, property};
    use proptest::prelude::*;

    #[test]
    fn nothing_ends_a_command_or_begins_another() {
        assert_eq!(data("100%\r\n::error::x"), "100%25%0D%0A::error::x");
        assert_eq!(property("a:b,c%"), "a%3Ab%2Cc%25");
        let hostile = annotation("error", "m::f,x=1\n::error::", "5% slower\n::warning::");
        assert_eq!(
            hostile,
            "::error title=m%3A%3Af%2Cx=1\\n%3A%3Aerror%3A%3A::5%25 slower\\n::warning::\n"
        );
    }

    #[test]
    fn ten_are_shown_and_of_more_nine_and_their_number() {
        let found = |count: usize| -> Vec<(String, String)> {
            (0..count).map(|index| (format!("t{index}"), "m".to_owned())).collect()
        };
        assert_eq!(kind("error", &found(0), ""), "");
        assert_eq!(kind("error", &found(10), "").lines().count(), 10);
        let many = kind("warning", &found(30), "30 rows");
        assert_eq!(many.lines().count(), 10);
        let last = many.lines().last();
        assert_eq!(last, Some("::warning title=vbench gate%3A and 21 more::30 rows"));
    }

    proptest! {
        #[test]
        fn an_annotation_is_one_line_whose_title_ends_where_it_should(title in ".*", text in ".*") {
            let line = annotation("error", &title, &text);
            prop_assert_eq!(line.matches('\n').count(), 1);
            let title = line.strip_prefix("::error title=").unwrap();
            let title = title.split("::").next().unwrap();
            prop_assert!(!title.contains([':', ',']));
        }
    }
}
