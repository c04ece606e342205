//! The table of every line by every configuration as elements.

use super::page::{block, sign};
use super::table::{self, Family};
use super::view::{Line, Value, View};
use super::words;
use crate::compare::Verdict;
use crate::report::number::counted;
use maud::{Markup, PreEscaped, html};

pub fn compare(view: &View<'_>) -> Markup {
    let [shown, others, info] = table::tables(view);
    let title = if view.compared() { "Compare" } else { "Numbers" };
    let question = "The typical launch of each metric. A curve is represented by its last point.";
    block(
        view,
        "compare",
        title,
        question,
        html! {
            @if view.compared() { (controls(view)) }
            @if !shown.is_empty() { (lines(view, &shown, true)) }
            @for (families, text) in [(&others, "All other rows"), (&info, "Informative metrics, not judged")] {
                @if !families.is_empty() {
                    details {
                        summary { (text) " (" (families.iter().map(|family| family.lines.len()).sum::<usize>()) ")" }
                        (lines(view, families, false))
                    }
                }
            }
            @let unlisted = view.lines.iter().filter(|line| !line.listed && !line.pictured).count();
            @if unlisted > 0 {
                p .small { (counted(unlisted, "row")) " more: vbench diff " (view.names.join(" ")) " --all, or a report of this group alone." }
            }
            @if view.compared() { script .cells type="application/json" { (PreEscaped(table::data(view))) } }
            @if !view.unmeasured.is_empty() {
                details {
                    summary { "Cases without any value (" (view.unmeasured.len()) ")" }
                    ul .plain { @for (case, reason) in view.unmeasured.iter().take(100) {
                        li { code { (crate::report::table::inert(case)) } ": " (crate::report::table::inert(reason)) }
                    } }
                }
            }
        },
    )
}

fn controls(view: &View<'_>) -> Markup {
    html! {
        div .ctl {
            label .js-only { "Baseline " select .rebase { @for (slot, name) in view.names.iter().enumerate() { option value=(slot) { (name) } } } }
            span .key {
                span { span .y { "\u{2713}" } " better" } span { span .n { "\u{2717}" } " worse" }
                span { span .e { "\u{2248}" } " same within \u{b1}" (view.margin()) }
                span { span .u { "?" } " unclear: more launches needed" }
            }
        }
    }
}

fn lines(view: &View<'_>, families: &[Family<'_>], dots: bool) -> Markup {
    let columns = 1 + view.names.len() + usize::from(dots);
    html! {
        table .cmp {
            thead { tr {
                th scope="col" { button .sort type="button" data-by="name" { "Metric" } }
                @for slot in 0..view.names.len() {
                    th scope="col" { button .sort type="button" data-by=(slot) { (sign(slot)) span { (breakable(&view.names[slot])) } } }
                }
                @if dots { th scope="col" { "Every launch" small { "one dot each" } } }
            } }
            @for family in families {
                tbody {
                    tr .fam { th colspan=(columns) scope="rowgroup" { (family.title) } }
                    @for (_, line) in &family.lines { (row(view, line, dots)) }
                }
            }
        }
    }
}

/// A name that may continue on the next line after its underscores and hyphens.
pub fn breakable(name: &str) -> Markup {
    html! { @for part in name.split_inclusive(['_', '-']) { (part) wbr; } }
}

/// One row. Which column is whose, the style sheet knows: see [`super::page`]. In a cell, `b` is the
/// value, `i` the verdict, what follows its interval, and `small` what qualifies the value.
fn row(view: &View<'_>, line: &Line, dots: bool) -> Markup {
    let best = best(line);
    html! {
        tr {
            th {
                (line.name)
                small { @if !line.detail.is_empty() { (line.detail) br; } (words::unit_and_direction(line)) }
            }
            @for (slot, cell) in line.cells.first().into_iter().flatten().enumerate() {
                @let class = if best == Some(slot) { format!("{} best", table::class(cell)) } else { table::class(cell).to_owned() };
                td class=[Some(class.trim_start()).filter(|class| !class.is_empty())] { (self::cell(view, line, slot, cell)) }
            }
            @if dots { td .rep { (PreEscaped(table::drawing(line).ornament("dots"))) } }
        }
    }
}

fn cell(view: &View<'_>, line: &Line, slot: usize, cell: &super::view::Cell) -> Markup {
    let value = line.values[slot].as_ref();
    html! {
        @if let Some(value) = value {
            b { (line.number(value.typical)) }
        } @else {
            small { (table::number(line, None, cell)) }
        }
        @if view.compared() && (value.is_some() || slot == 0) {
            i { (words::verdict(cell)) }
            (table::beside(line, cell))
        } @else if let Some(value) = value {
            (interval(line, value))
        }
        @if let Some(value) = value {
            @for mark in table::marks(line, value) { small { (mark) } }
        }
    }
}

fn interval(line: &Line, value: &Value) -> String {
    value.interval.map_or(String::new(), |(low, high)| {
        format!("{} to {}", line.number(low), line.number(high))
    })
}

/// The side that is really better than every other.
fn best(line: &Line) -> Option<usize> {
    let sides: Vec<usize> =
        (0..line.values.len()).filter(|side| line.values[*side].is_some()).collect();
    let beats_all = |side: &usize| {
        sides.len() > 1
            && sides.iter().filter(|other| *other != side).all(|other| {
                let cell = line.cells.get(*other).and_then(|cells| cells.get(*side));
                cell.is_some_and(|cell| cell.verdict == Some(Verdict::Improvement))
            })
    };
    sides.iter().copied().find(beats_all)
}
