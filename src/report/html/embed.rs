//! A figure on the page: its drawing, what it says, and the numbers behind it.

use crate::report::chart::Figure;
use maud::{Markup, PreEscaped, html};

/// With its buttons, for wide screens and narrow ones.
pub fn figure(figure: &Figure) -> Markup {
    let (title, caption) = (format!("{}-t", figure.id), format!("{}-d", figure.id));
    let wide = if figure.narrow.is_some() { "chart wide" } else { "chart" };
    html! {
        figure id=(figure.id) {
            figcaption {
                div .fh {
                    h3 id=(title) { (figure.title) }
                    div .fx .js-only {
                        button type="button" data-act="enlarge" aria-label={ "Enlarge: " (figure.title) } { "Enlarge" }
                        button type="button" data-act="save" aria-label={ "Save as SVG: " (figure.title) } { "SVG" }
                    }
                }
                p id=(caption) { (figure.caption) }
            }
            (PreEscaped(figure.wide.element(wide, &title, &caption)))
            @if let Some(narrow) = &figure.narrow { (PreEscaped(without_readouts(&narrow.element("chart narrow", &title, &caption)))) }
            (numbers(figure))
        }
    }
}

/// A drawing for a phone, where nothing hovers: the readouts would be half of it.
fn without_readouts(drawing: &str) -> String {
    const START: &str = " data-t=\"";
    let mut text = String::with_capacity(drawing.len());
    let mut parts = drawing.split(START);
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        // Values of attributes are escaped: the next quote ends this one.
        text.push_str(part.split_once('"').map_or("", |(_, rest)| rest));
    }
    text
}

/// The numbers behind a figure. A row that is as wide as the head but begins another panel has its
/// own head.
fn numbers(figure: &Figure) -> Markup {
    let Some((head, rows)) = figure.table.split_first() else { return html! {} };
    html! {
        details .numbers {
            summary { "Numbers behind this figure" }
            div .scroll tabindex="0" role="region" aria-label={ "Numbers: " (figure.title) } { @if head.len() > MOST_COLUMNS { (plain(figure)) } @else { table {
                thead { tr { @for cell in head { th scope="col" { (cell) } } } }
                tbody { @for row in rows { tr {
                    @for (column, cell) in row.iter().enumerate() {
                        @if column == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                    }
                } } }
            } } }
        }
    }
}

/// More columns are plain text: elements for tens of thousands of numbers make a page slow.
const MOST_COLUMNS: usize = 17;

/// Two lines a row, its name and its numbers: the script reads them for the readout of pictures.
fn plain(figure: &Figure) -> Markup {
    let width =
        |row: &Vec<String>| row.iter().skip(1).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let width = figure.table.iter().map(width).max().unwrap_or(0);
    let line = |row: &Vec<String>| {
        let cells = row.iter().skip(1).map(|cell| format!(" {cell:>width$}"));
        format!(
            "{}\n{}\n",
            row.first().map_or("", String::as_str),
            cells.collect::<String>().trim_end()
        )
    };
    html! { pre { (figure.table.iter().map(line).collect::<String>()) } }
}
