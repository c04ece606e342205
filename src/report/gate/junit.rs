//! The decision as JUnit XML: a suite per kind, a test case per row.
//!
//! What fails the gate is a failure, what is not known and should be an error, what is unclear,
//! waived or only warned about is skipped. Numbers are properties of the test case.

use super::Report;
use super::cells::sentence;
use crate::gate::{Effect, Judged, Reference, State};
use crate::report::diff::View;
use crate::report::diff::data::number;
use crate::text::inert;
use std::collections::BTreeMap;
use std::fmt::Write;
use vbench_results::Role;

/// How a test case ended, and why.
struct Test {
    name: String,
    properties: Vec<(&'static str, String)>,
    ended: Ended,
    why: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Passed,
    Failure,
    Error,
    Skipped,
}

/// The decision as JUnit XML.
pub fn junit(report: &Report<'_>, view: View) -> String {
    let mut suites: BTreeMap<String, Vec<Test>> = BTreeMap::new();
    for finding in &report.gate.findings {
        let (ended, why) = (ended(finding.effect, None), finding.text.clone());
        let test = Test { name: finding.code.clone(), properties: Vec::new(), ended, why };
        suites.entry("gate".to_owned()).or_default().push(test);
    }
    let judged = |row: &&Judged<'_>| row.role != Role::Info || row.effect() > Effect::Pass;
    for row in report.gate.rows.iter().filter(judged) {
        let kind = row.row.map_or("expected", |row| &row.kind);
        suites.entry(kind.to_owned()).or_default().push(test(row, view));
    }
    let all: Vec<&Test> = suites.values().flatten().collect();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(text, "<testsuites name=\"vbench gate\"{}>", counts(&all));
    for (kind, tests) in &suites {
        let all: Vec<&Test> = tests.iter().collect();
        let _ = writeln!(text, "  <testsuite name=\"{}\"{}>", escaped(kind), counts(&all));
        for test in tests {
            text.push_str(&test_case(kind, test));
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn ended(effect: Effect, state: Option<State>) -> Ended {
    let unknown = [State::Inconclusive, State::Missing, State::Incomparable];
    match (effect, state) {
        (Effect::Fail, _) => Ended::Failure,
        (Effect::Incomplete | Effect::Environment, _) => Ended::Error,
        (Effect::Waived, _) => Ended::Skipped,
        (_, Some(state)) if unknown.contains(&state) => Ended::Skipped,
        _ => Ended::Passed,
    }
}

fn test(judged: &Judged<'_>, view: View) -> Test {
    let against = if judged.reference == Reference::Anchor { " (anchor)" } else { "" };
    Test {
        name: format!("{} {}{against}", judged.case, judged.metric),
        properties: properties(judged),
        ended: ended(judged.effect(), Some(judged.state)),
        why: sentence(judged, view),
    }
}

fn properties(judged: &Judged<'_>) -> Vec<(&'static str, String)> {
    let mut properties = vec![("state", judged.state.name().to_owned())];
    let Some(row) = judged.row else { return properties };
    let change = row.change.as_ref();
    let typical = |side: &Option<crate::compare::Measured>| {
        side.as_ref().map(|side| side.typical.unwrap_or(side.headline))
    };
    let interval = change.and_then(|change| change.interval_95);
    let numbers = [
        ("base", typical(&row.base)),
        ("candidate", typical(&row.candidate).filter(|_| !row.changes_unit())),
        ("ratio", change.map(|change| change.ratio)),
        ("ci95_low", interval.map(|(low, _)| low)),
        ("ci95_high", interval.map(|(_, high)| high)),
        ("p", change.and_then(|change| change.p)),
        ("q", row.q),
        ("need_units", change.and_then(|change| change.need_units).map(|units| units as f64)),
        ("margin", Some(judged.settings.margin)),
    ];
    properties.push(("unit", row.metric.unit.symbol.to_string()));
    properties
        .extend(numbers.into_iter().filter_map(|(name, value)| Some((name, number(Some(value?))))));
    properties
}

fn counts(tests: &[&Test]) -> String {
    let count = |ended: Ended| tests.iter().filter(|test| test.ended == ended).count();
    format!(
        " tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"",
        tests.len(),
        count(Ended::Failure),
        count(Ended::Error),
        count(Ended::Skipped)
    )
}

fn test_case(kind: &str, test: &Test) -> String {
    let (kind, name) = (escaped(kind), escaped(&test.name));
    let mut text = format!("    <testcase classname=\"{kind}\" name=\"{name}\">\n");
    if !test.properties.is_empty() {
        text.push_str("      <properties>\n");
        for (name, value) in &test.properties {
            let value = escaped(value);
            let _ = writeln!(text, "        <property name=\"{name}\" value=\"{value}\"/>");
        }
        text.push_str("      </properties>\n");
    }
    let why = escaped(&test.why);
    let _ = match test.ended {
        Ended::Passed if test.why.is_empty() => Ok(()),
        Ended::Passed => writeln!(text, "      <system-out>{why}</system-out>"),
        Ended::Failure => writeln!(text, "      <failure message=\"{why}\"/>"),
        Ended::Error => writeln!(text, "      <error message=\"{why}\"/>"),
        Ended::Skipped => writeln!(text, "      <skipped message=\"{why}\"/>"),
    };
    text.push_str("    </testcase>\n");
    text
}

/// `text` for an attribute or as content. Control characters, which XML 1.0 does not allow in any
/// form, are shown as their code; so are the two code points that are no characters.
pub(super) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in inert(text).chars() {
        match c {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::escaped;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_a_well_formed_attribute(text in any::<String>()) {
            let xml = format!("<a b=\"{}\"/>", escaped(&text));
            let read = roxmltree::Document::parse(&xml);
            prop_assert!(read.is_ok(), "{xml}: {read:?}");
        }
    }
}
