//! JUnit XML of runs: a suite per run, a test case per case; failed is a failure, skipped is skipped.
//! The numbers stand beside each test case as properties, in base units.

use super::{Configuration, Document, Export, Format, Point};
use crate::compare::{Side, single};
use crate::store;
use crate::text::inert;
use std::collections::BTreeMap;
use std::fmt::Write;
use vbench_results::{CaseId, CaseResult, ResultSet, Role};

pub const FORMAT: Format = Format {
    name: "junit",
    about: "JUnit XML: a test case per case, failed and skipped ones as such",
    write: |export| Ok(Document::only(document(export))),
};

fn document(export: &Export<'_>) -> String {
    let suites: Vec<String> = export
        .configurations
        .iter()
        .flat_map(|configuration| configuration.runs.iter().map(move |run| (configuration, run)))
        .map(|(configuration, run)| suite(configuration, run, export.all_metrics))
        .collect();
    let cases = export.configurations.iter().flat_map(|configuration| configuration.runs);
    let totals = totals(cases.flat_map(|run| &run.cases));
    let suites = suites.concat();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"vbench\"{totals}>\n{suites}</testsuites>\n"
    )
}

fn suite(configuration: &Configuration<'_>, run: &ResultSet, all: bool) -> String {
    let side = &configuration.single.side;
    let mut name = format!("{}/{}", side.system, side.config);
    if configuration.runs.len() > 1 {
        name = format!("{name}/{}", run.run.id);
    }
    let (name, started) = (attribute(&name), attribute(&run.run.started_at));
    let totals = totals(run.cases.iter());
    let mut text = format!("  <testsuite name=\"{name}\" timestamp=\"{started}\"{totals}>\n");
    let about = [
        ("run", &run.run.id),
        ("system", &run.run.system),
        ("config", &run.run.config),
        ("profile", &run.run.profile),
        ("vbench", &run.run.vbench_version),
    ];
    properties(&mut text, 4, about.iter().map(|(name, value)| (*name, value.as_str())));
    // What this run alone shows, not what its configuration does.
    let alone = single(&Side { name: &side.name, runs: std::slice::from_ref(run) });
    let mut points: BTreeMap<&CaseId, Vec<Point<'_>>> = BTreeMap::new();
    for row in alone.rows.iter().filter(|row| all || row.metric.role != Role::Info) {
        points.entry(&row.case).or_default().push(row.into());
    }
    for case in &run.cases {
        let points = points.get(&case.case).map_or(&[][..], Vec::as_slice);
        text.push_str(&test_case(case, points));
    }
    text + "  </testsuite>\n"
}

/// Counts and seconds, as attributes.
fn totals<'r>(cases: impl Iterator<Item = &'r CaseResult>) -> String {
    let (mut tests, mut failures, mut skipped, mut seconds) = (0, 0, 0, 0.0);
    for case in cases {
        tests += 1;
        match store::worst(case).0.as_str() {
            "measured" => {}
            "skipped" => skipped += 1,
            _ => failures += 1,
        }
        seconds += elapsed(case);
    }
    format!(
        " tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" time=\"{seconds:.3}\""
    )
}

fn elapsed(case: &CaseResult) -> f64 {
    let seconds: f64 = case.launches.iter().map(|launch| launch.elapsed_s).sum();
    if seconds.is_finite() { seconds } else { 0.0 }
}

fn test_case(case: &CaseResult, points: &[Point<'_>]) -> String {
    let id = case.case.to_string();
    // `memory::stream/threads=8`: the module is the class, the rest the name, as viewers group them.
    let module = case.case.benchmark.rsplit_once("::").map_or("", |(module, _)| module);
    let name = id.get(module.len()..).unwrap_or(&id).trim_start_matches("::");
    let class = if module.is_empty() { &case.kind } else { module };
    let mut text = format!(
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\">\n",
        attribute(&class.replace("::", ".")),
        attribute(name),
        elapsed(case)
    );
    let values = points.iter().flat_map(|point| {
        let interval = point.interval();
        let ends = interval.map(|(low, high)| [(" ci95_low", low), (" ci95_high", high)]);
        let ends = ends.into_iter().flatten();
        let all = [("", point.value())].into_iter().chain(ends);
        all.map(|(what, value)| (format!("{}{what}", point.measure()), format!("{value:?}")))
    });
    let values: Vec<(String, String)> = values.collect();
    properties(&mut text, 6, values.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let (state, reason) = store::worst(case);
    let message = attribute(&reason.unwrap_or_default());
    let _ = match state.as_str() {
        "measured" => Ok(()),
        "skipped" => writeln!(text, "      <skipped message=\"{message}\"/>"),
        state => writeln!(text, "      <failure type=\"{state}\" message=\"{message}\"/>"),
    };
    text + "    </testcase>\n"
}

fn properties<'p>(
    text: &mut String,
    indent: usize,
    properties: impl Iterator<Item = (&'p str, &'p str)>,
) {
    let indent = " ".repeat(indent);
    let mut properties = properties.peekable();
    if properties.peek().is_none() {
        return;
    }
    let _ = writeln!(text, "{indent}<properties>");
    for (name, value) in properties {
        let (name, value) = (attribute(name), attribute(value));
        let _ = writeln!(text, "{indent}  <property name=\"{name}\" value=\"{value}\"/>");
    }
    let _ = writeln!(text, "{indent}</properties>");
}

/// `text` as the value of an attribute: inert, and without the two characters beyond controls that
/// XML 1.0 forbids.
fn attribute(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in inert(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
