//! A figure on the page: its drawing, what it says, and the numbers behind it.

use crate::report::chart::Figure;
use maud::{Markup, PreEscaped, html};

/// For wide screens and narrow ones; the script adds its buttons.
pub fn figure(figure: &Figure) -> Markup {
    let (title, caption) = (format!("{}-t", figure.id), format!("{}-d", figure.id));
    let wide = if figure.narrow.is_some() { "chart wide" } else { "chart" };
    html! {
        figure id=(figure.id) {
            figcaption {
                h3 id=(title) { (figure.title) }
                p id=(caption) { (figure.caption) }
            }
            @if figure.parts.is_empty() {
                (PreEscaped(figure.wide.element(wide, &title, &caption)))
            } @else {
                div .parts role="img" aria-labelledby=(title) aria-describedby=(caption) {
                    @for part in &figure.parts { (PreEscaped(part.part("chart"))) }
                }
            }
            @if let Some(narrow) = &figure.narrow { (PreEscaped(narrow.element("chart narrow", &title, &caption))) }
            (numbers(figure, &title))
        }
    }
}

/// The numbers behind a figure, from which the script also takes its readouts. A row that is as wide
/// as the head but begins another panel has its own head.
fn numbers(figure: &Figure, title: &str) -> Markup {
    let Some((head, rows)) = figure.table.split_first() else { return html! {} };
    html! {
        details .numbers {
            summary { "Numbers behind this figure" }
            div .scroll tabindex="0" role="region" aria-labelledby=(title) { @if head.len() > MOST_COLUMNS { (plain(figure)) } @else { table {
                thead { tr { @for cell in head { th { (cell) } } } }
                tbody { @for row in rows { tr {
                    @for (column, cell) in row.iter().enumerate() {
                        @if column == 0 { th { (cell) } } @else { td { (cell) } }
                    }
                } } }
            } } }
        }
    }
}

/// More columns are plain text: elements for tens of thousands of numbers make a page slow.
const MOST_COLUMNS: usize = 17;

/// Two lines a row: its name, and its numbers between tabs, which the style sheet sets below one
/// another.
fn plain(figure: &Figure) -> Markup {
    let line = |row: &Vec<String>| {
        let (name, numbers) = row.split_first().map_or(("", &[][..]), |(n, rest)| (n, rest));
        format!("{name}\n{}\n", numbers.join("\t"))
    };
    html! { pre { (figure.table.iter().map(line).collect::<String>()) } }
}
