//! Columns of text: padded, never wrapped, cut only with an ellipsis, inert whatever they hold.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A table of texts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Title and alignment of each column.
    pub columns: Vec<Column>,
    /// One text per column.
    pub rows: Vec<Vec<String>>,
    /// Lines of their own, each before the row of that number.
    headings: Vec<(usize, String)>,
}

/// One column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its title; may be empty.
    pub title: String,
    /// Numbers are aligned to the right.
    pub right: bool,
    /// Columns of a higher number are dropped first where the terminal is narrow; zero stays.
    pub drop: u8,
    /// Cut, in place of the first column, where dropping was not enough.
    pub flexible: bool,
}

impl Column {
    /// Text, aligned to the left, never dropped.
    pub fn left(title: &str) -> Self {
        Self { title: title.to_owned(), right: false, drop: 0, flexible: false }
    }

    /// Numbers, aligned to the right, never dropped.
    pub fn right(title: &str) -> Self {
        Self { title: title.to_owned(), right: true, drop: 0, flexible: false }
    }

    /// The same column, dropped on narrow terminals in the order of `drop`, highest first.
    pub fn droppable(self, drop: u8) -> Self {
        Self { drop, ..self }
    }

    /// The same column, cut before any other where the terminal is narrow.
    pub fn flexible(self) -> Self {
        Self { flexible: true, ..self }
    }
}

/// Between two columns.
const GAP: usize = 2;

impl Table {
    /// A table without rows.
    pub fn new(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new(), headings: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.into_iter().map(|cell| inert(&cell)).collect());
    }

    /// Adds a line of its own before the next row.
    pub fn heading(&mut self, text: &str) {
        self.headings.push((self.rows.len(), inert(text)));
    }

    /// The table as lines of at most `width` columns, each indented by `indent`. Where columns must
    /// go, those that may be dropped go first; then the flexible column is cut, or the first.
    pub fn render(&self, indent: usize, width: usize) -> String {
        let mut shown: Vec<usize> = (0..self.columns.len()).collect();
        while self.total(&shown) + indent > width {
            let last = shown.iter().copied().max_by_key(|column| self.columns[*column].drop);
            match last.filter(|column| self.columns[*column].drop > 0) {
                Some(column) => shown.retain(|other| *other != column),
                None => break,
            }
        }
        let excess = (self.total(&shown) + indent).saturating_sub(width);
        let mut widths: Vec<usize> = shown.iter().map(|column| self.width(*column)).collect();
        let flexible = shown.iter().position(|column| self.columns[*column].flexible).unwrap_or(0);
        if let Some(width) = widths.get_mut(flexible) {
            *width = width.saturating_sub(excess).max(8.min(*width));
        }
        self.lines(&shown, &widths, indent)
    }

    fn lines(&self, shown: &[usize], widths: &[usize], indent: usize) -> String {
        let titles: Vec<String> = self.columns.iter().map(|column| column.title.clone()).collect();
        let mut text = String::new();
        if titles.iter().any(|title| !title.is_empty()) {
            text.push_str(&self.line(&titles, shown, widths, indent));
        }
        for (index, row) in self.rows.iter().enumerate() {
            for (_, heading) in self.headings.iter().filter(|(before, _)| *before == index) {
                text.push_str(&format!("{heading}\n"));
            }
            text.push_str(&self.line(row, shown, widths, indent));
        }
        text
    }

    fn line(&self, row: &[String], shown: &[usize], widths: &[usize], indent: usize) -> String {
        let mut line = " ".repeat(indent);
        for (index, (&column, &width)) in shown.iter().zip(widths).enumerate() {
            let cell = cut(row.get(column).map_or("", String::as_str), width);
            let padding = " ".repeat(width - cell.width().min(width));
            let gap = if index == 0 { "" } else { "  " };
            let (before, after) = if self.columns[column].right {
                (padding.as_str(), "")
            } else {
                ("", padding.as_str())
            };
            line.push_str(&format!("{gap}{before}{cell}{after}"));
        }
        format!("{}\n", line.trim_end())
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width());
        cells.chain([self.columns[column].title.width()]).max().unwrap_or(0)
    }

    fn total(&self, shown: &[usize]) -> usize {
        let widths: usize = shown.iter().map(|column| self.width(*column)).sum();
        widths + GAP * shown.len().saturating_sub(1)
    }
}

/// `text` in at most `width` columns; an ellipsis stands for what was cut.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used + 3 > width {
            break;
        }
        kept.push(c);
    }
    format!("{kept}...").chars().take(width.max(1)).collect()
}

/// `text` without anything a terminal would obey: control characters and marks that change the
/// direction of text are shown as their code.
pub fn inert(text: &str) -> String {
    let obeyed = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if obeyed(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{Column, Table, cut, inert};
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    fn sample() -> Table {
        let mut table = Table::new(vec![
            Column::left("case"),
            Column::right("value"),
            Column::left("interval").droppable(1),
        ]);
        table.row(vec![
            "memory::stream/stores=cached".into(),
            "26.4".into(),
            "26.1 to 26.6".into(),
        ]);
        table.row(vec!["größe".into(), "1,024".into(), String::new()]);
        table
    }

    #[test]
    fn columns_line_up() {
        assert_eq!(
            sample().render(2, 80),
            "  case                          value  interval\n  \
               memory::stream/stores=cached   26.4  26.1 to 26.6\n  \
               größe                         1,024\n"
        );
    }

    #[test]
    fn a_narrow_terminal_loses_intervals_before_values() {
        assert_eq!(
            sample().render(0, 36),
            "case                          value\n\
             memory::stream/stores=cached   26.4\n\
             größe                         1,024\n"
        );
        assert_eq!(
            sample().render(0, 20),
            "case           value\nmemory::st...   26.4\ngröße          1,024\n"
        );
    }

    #[test]
    fn nothing_is_obeyed() {
        assert_eq!(inert("a\u{1b}[31m\n\u{202e}b"), "a\\u{1b}[31m\\n\\u{202e}b");
    }

    proptest! {
        #[test]
        fn cutting_fits(text in ".*", width in 1_usize..40) {
            prop_assert!(cut(&inert(&text), width).width() <= width.max(3));
        }
    }
}
