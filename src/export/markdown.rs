//! Runs as GitHub's Markdown: a table per configuration.

use super::{Configuration, Document, Export, Format, Point};
use crate::text::markdown as plain;
use crate::text::number::{counted, digits, prefixed};
use std::fmt::Write;
use vbench_results::Role;

pub const FORMAT: Format = Format {
    name: "markdown",
    about: "a table per configuration, for issues and step summaries",
    write: |export| Ok(Document::only(document(export))),
};

fn document(export: &Export<'_>) -> String {
    let sections = export.configurations.iter().map(|configuration| section(export, configuration));
    sections.collect::<Vec<_>>().join("\n")
}

fn section(export: &Export<'_>, configuration: &Configuration<'_>) -> String {
    let side = &configuration.single.side;
    let mut text = format!("## {}\n\n", plain(&side.name));
    let runs: Vec<String> = side.runs.iter().map(|run| plain(run)).collect();
    let boots = side.boots.map_or("boots not known".to_owned(), |boots| counted(boots, "boot"));
    let _ = writeln!(
        text,
        "{}, config {}, {}, {boots}, {}\n",
        plain(&side.system),
        plain(&side.config),
        counted(side.launches, "launch"),
        if let [run] = runs.as_slice() { format!("run {run}") } else { counted(runs.len(), "run") },
    );
    text.push_str("| case | metric | value | unit | +/-95% | better | launches | note |\n");
    text.push_str("|---|---|--:|---|--:|---|--:|---|\n");
    for point in export.points(configuration) {
        text.push_str(&line(&point));
    }
    if !configuration.single.left_out.is_empty() {
        text.push('\n');
    }
    for (case, reason) in &configuration.single.left_out {
        let _ = writeln!(text, "- no value: {}: {}", plain(case), plain(reason));
    }
    text
}

fn line(point: &Point<'_>) -> String {
    let (factor, unit) = prefixed(point.value(), &point.metric.unit);
    // As in the terminal: half the width, as a share.
    let precision = point.interval().map(|(low, high)| (high / low).sqrt() - 1.0);
    let precision = precision.filter(|share| share.is_finite());
    let precision = precision.map(|share| format!("{:.1}%", 100.0 * share));
    let better = point.direction().trim_end_matches(" is better");
    format!(
        "| `{}` | {} | {} | {} | {} | {better} | {} | {} |\n",
        plain(&point.case.to_string()),
        plain(&point.metric.name),
        digits(point.value() / factor),
        plain(&unit),
        precision.unwrap_or_default(),
        point.measured.launches,
        note(point)
    )
}

fn note(point: &Point<'_>) -> String {
    let measured = point.measured;
    let mut notes = Vec::new();
    if point.metric.role == Role::Control {
        notes.push("control".to_owned());
    }
    if point.statistic() != "typical" {
        notes.push(point.statistic().to_owned());
    }
    if measured.disturbed > 0 {
        notes.push(format!("{} disturbed", measured.disturbed));
    }
    if measured.failed > 0 {
        notes.push(format!("{} failed", counted(measured.failed, "launch")));
    }
    notes.join(", ")
}
