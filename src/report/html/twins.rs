//! Systems that should be alike: the metrics that really differ beside the facts that differ.

use super::page::{block, classes, sign};
use super::view::{Kind, Line, View};
use super::{environment, table, words};
use crate::report::number::counted;
use maud::{Markup, html};

/// Most metrics, and most facts: the whole is in *Compare* and *Environment*.
const MOST: usize = 12;

/// Both tables; nothing for configurations of one system.
pub fn twins(view: &View<'_>) -> Markup {
    if view.group.kind != Kind::Twins || !view.compared() {
        return html! {};
    }
    let question = "What differs in the numbers, beside what differs in the machines.";
    block(
        view,
        "twins",
        "What is not alike",
        question,
        html! { div .two { div { (metrics(view)) } div { (facts(view)) } } },
    )
}

/// The lines that decide and differ, the largest difference first.
fn metrics(view: &View<'_>) -> Markup {
    let size = |line: &Line| largest(line).map_or(0.0, |(_, ratio)| ratio.ln().abs());
    let decides = |line: &&Line| line.gated() && line.representative && line.moved();
    let mut lines: Vec<&Line> = view.lines.iter().filter(decides).collect();
    lines.sort_by(|a, b| size(b).total_cmp(&size(a)));
    let more = lines.len().saturating_sub(MOST);
    html! {
        h3 { "Metrics" }
        @if lines.is_empty() {
            p .same-note { "No metric is shown to differ." }
        } @else {
            table .env.twin {
                (head(view, "Metric", true))
                tbody { @for line in lines.iter().take(MOST) { tr {
                    th scope="row" { (line.name) small { (detail(line)) } }
                    @for (slot, value) in line.values.iter().enumerate() {
                        @let cell = &line.cells[0][slot];
                        td class=(classes("", slot)) data-l=(view.names[slot]) { (table::number(line, value.as_ref(), cell)) }
                    }
                    @if let Some((slot, _)) = largest(line) {
                        @let cell = &line.cells[0][slot];
                        td class=(table::class(cell)) data-l="Difference" { i { (words::verdict(cell)) } }
                    }
                } } }
            }
            @if more > 0 { p .small { (counted(more, "metric")) " more below." } }
        }
    }
}

fn detail(line: &Line) -> String {
    let unit = words::unit_and_direction(line);
    if line.detail.is_empty() { unit } else { format!("{}; {unit}", line.detail) }
}

/// The side that differs most from the first, and its ratio.
fn largest(line: &Line) -> Option<(usize, f64)> {
    let real = line.changes().filter(|(_, cell)| cell.real());
    let ratios = real.filter_map(|(slot, cell)| Some((slot, cell.ratio?)));
    ratios.max_by(|a, b| a.1.ln().abs().total_cmp(&b.1.ln().abs()))
}

fn facts(view: &View<'_>) -> Markup {
    let facts = environment::differences(view).layout;
    let more = facts.len().saturating_sub(MOST);
    html! {
        h3 { "Facts" }
        @if facts.is_empty() {
            p .same-note { "No known fact about the machines differs." }
        } @else {
            table .env.twin {
                (head(view, "Fact", false))
                tbody { @for fact in facts.iter().take(MOST) { tr {
                    th scope="row" { (fact.fact) }
                    @for (slot, value) in fact.values.iter().enumerate() {
                        @let differs = fact.differs.get(slot) == Some(&true);
                        td class=(classes(if differs { "diff" } else { "" }, slot)) data-l=(view.names[slot]) { (value) }
                    }
                } } }
            }
            @if more > 0 { p .small { (counted(more, "fact")) " more below." } }
        }
    }
}

fn head(view: &View<'_>, first: &str, difference: bool) -> Markup {
    html! {
        thead { tr {
            th scope="col" { (first) }
            @for (slot, name) in view.names.iter().enumerate() {
                th scope="col" class=(classes("", slot)) { (sign(slot)) " " (name) }
            }
            @if difference { th scope="col" { "Difference" } }
        } }
    }
}
