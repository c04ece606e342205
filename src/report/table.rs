//! Columns of text: padded, never wrapped, cut only with an ellipsis, inert whatever they hold.

use crate::terminal::{Style, Tone};
pub use crate::text::{cut, inert};
use std::collections::BTreeSet;
use unicode_width::UnicodeWidthStr;

/// A table of texts.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Title and alignment of each column.
    pub columns: Vec<Column>,
    /// One text per column.
    pub rows: Vec<Vec<String>>,
    /// Lines of their own, each before the row of that number.
    headings: Vec<(usize, String)>,
    style: Style,
}

/// One column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its title; may be empty.
    pub title: String,
    /// Numbers are aligned to the right.
    pub right: bool,
    /// Columns of a higher number are dropped first where the terminal is narrow; zero stays.
    pub drop: u8,
    /// Cut, in place of the first column, where dropping was not enough.
    pub flexible: bool,
    /// What a cell is, read from its text.
    pub tone: fn(&str) -> Tone,
}

impl Column {
    /// Text, aligned to the left, never dropped.
    pub fn left(title: &str) -> Self {
        let tone = |_: &str| Tone::Plain;
        Self { title: title.to_owned(), right: false, drop: 0, flexible: false, tone }
    }

    /// Numbers, aligned to the right, never dropped.
    pub fn right(title: &str) -> Self {
        Self { right: true, ..Self::left(title) }
    }

    /// The same column, dropped on narrow terminals in the order of `drop`, highest first.
    pub fn droppable(self, drop: u8) -> Self {
        Self { drop, ..self }
    }

    /// The same column, cut before any other where the terminal is narrow.
    pub fn flexible(self) -> Self {
        Self { flexible: true, ..self }
    }

    /// The same column, its cells in the colour of what they say.
    pub fn toned(self, tone: fn(&str) -> Tone) -> Self {
        Self { tone, ..self }
    }
}

/// Columns that one cell takes at most.
const LONGEST_CELL: usize = 72;
/// Between two columns.
const GAP: usize = 2;
/// A name that would keep less than this stands on a line of its own instead; shorter cuts tell few
/// case ids apart.
const LEAST_NAME: usize = 20;

impl Table {
    /// A table without rows.
    pub fn new(columns: Vec<Column>) -> Self {
        Self { columns, ..Self::default() }
    }

    /// The same table for a stream that shows this.
    pub fn styled(self, style: Style) -> Self {
        Self { style, ..self }
    }

    /// Adds a row. A cell of a column that gives no way is cut where no number or name of sense ends.
    pub fn row(&mut self, cells: Vec<String>) {
        let gives =
            |column: usize| column == 0 || self.columns.get(column).is_some_and(|c| c.flexible);
        let shown = |(column, cell): (usize, String)| match gives(column) {
            true => inert(&cell),
            false => cut(&inert(&cell), LONGEST_CELL),
        };
        let row = cells.into_iter().enumerate().map(shown).collect();
        self.rows.push(row);
    }

    /// Adds a line of its own before the next row.
    pub fn heading(&mut self, text: &str) {
        self.headings.push((self.rows.len(), inert(text)));
    }

    /// The table as lines of at most `width` columns, each indented by `indent`.
    ///
    /// Where it is too wide, columns that may be dropped go first, the highest number first. Then the
    /// flexible column is cut, or else the first; but where a name would keep less than 20 columns, or
    /// two names would look alike, every first cell stands on a line of its own, and the others have
    /// the whole width below it.
    pub fn render(&self, indent: usize, width: usize) -> String {
        let (layout, short) = self.layout(indent, width);
        let mut text = self.titles(&layout);
        let mut above = None;
        for (index, row) in self.rows.iter().enumerate() {
            for (_, heading) in self.headings.iter().filter(|(before, _)| *before == index) {
                text.push_str(&self.style.paint(Tone::Title, &cut(heading, width)));
                text.push('\n');
                above = None;
            }
            // A name that stands above already heads this row too.
            if short && row.first().is_some_and(|name| !name.is_empty()) && above != row.first() {
                above = row.first();
                text.push_str(&self.name_line(row, indent, width));
            }
            let line = self.line(row, &layout);
            // A row of nothing but its name is told already.
            if !(short && line == "\n") {
                text.push_str(&line);
            }
        }
        text
    }

    /// Titles of the columns that `render` drops for this width.
    pub fn dropped(&self, indent: usize, width: usize) -> Vec<&str> {
        let shown = self.layout(indent, width).0.shown;
        let columns = self.columns.iter().enumerate().skip(1);
        let dropped = columns.filter(|(column, _)| !shown.contains(column));
        dropped.map(|(_, column)| column.title.as_str()).collect()
    }

    /// The columns that fit, and whether names stand on lines of their own.
    fn layout(&self, indent: usize, width: usize) -> (Layout, bool) {
        let whole = self.fit(0, indent, width);
        let name = whole.widths.first().copied().unwrap_or(0);
        let unclear = name < LEAST_NAME.min(self.width(0)) || self.looks_alike(name);
        let short = self.columns.len() > 1 && unclear;
        (if short { self.fit(1, indent + GAP, width) } else { whole }, short)
    }

    /// The first cell on a line of its own.
    fn name_line(&self, row: &[String], indent: usize, width: usize) -> String {
        let name = cut(row.first().map_or("", String::as_str), width.saturating_sub(indent));
        let tone = self.columns.first().map_or(Tone::Plain, |column| (column.tone)(&name));
        format!("{}{}\n", " ".repeat(indent), self.style.paint(tone, &name))
    }

    /// The columns that the whole table takes, nothing dropped or cut.
    pub fn full_width(&self) -> usize {
        self.total(&(0..self.columns.len()).collect::<Vec<_>>())
    }

    /// True where two names that differ would not, cut to `width`.
    fn looks_alike(&self, width: usize) -> bool {
        let names: BTreeSet<&str> =
            self.rows.iter().filter_map(|row| Some(row.first()?.as_str())).collect();
        let shown: BTreeSet<String> = names.iter().map(|name| cut(name, width)).collect();
        shown.len() < names.len()
    }

    /// The columns from `first` on that fit into `width`.
    fn fit(&self, first: usize, indent: usize, width: usize) -> Layout {
        let mut shown: Vec<usize> = (first..self.columns.len()).collect();
        while self.total(&shown) + indent > width {
            let last = shown.iter().copied().max_by_key(|column| self.columns[*column].drop);
            match last.filter(|column| self.columns[*column].drop > 0) {
                Some(column) => shown.retain(|other| *other != column),
                None => break,
            }
        }
        let excess = (self.total(&shown) + indent).saturating_sub(width);
        let mut widths: Vec<usize> = shown.iter().map(|column| self.width(*column)).collect();
        let flexible = shown.iter().position(|column| self.columns[*column].flexible);
        // Numbers are never cut: without a flexible column only the name gives way.
        let gives = flexible.or((first == 0).then_some(0));
        if let Some(width) = gives.and_then(|column| widths.get_mut(column)) {
            *width = width.saturating_sub(excess).max(8.min(*width));
        }
        Layout { shown, widths, indent }
    }

    fn titles(&self, layout: &Layout) -> String {
        let titles: Vec<String> = self.columns.iter().map(|column| column.title.clone()).collect();
        if titles.iter().all(String::is_empty) {
            return String::new();
        }
        let plain = Self {
            columns: self.columns.iter().cloned().map(|c| c.toned(|_| Tone::Quiet)).collect(),
            style: self.style,
            ..Self::default()
        };
        plain.line(&titles, layout)
    }

    fn line(&self, row: &[String], layout: &Layout) -> String {
        let mut line = " ".repeat(layout.indent);
        let mut padding = String::new();
        for (&column, &width) in layout.shown.iter().zip(&layout.widths) {
            let cell = cut(row.get(column).map_or("", String::as_str), width);
            let free = " ".repeat(width - cell.width().min(width));
            let column = &self.columns[column];
            let (before, after) =
                if column.right { (free, String::new()) } else { (String::new(), free) };
            if !cell.is_empty() {
                line.push_str(&padding);
                line.push_str(&before);
                line.push_str(&self.style.paint((column.tone)(&cell), &cell));
                padding.clear();
            } else {
                padding.push_str(&before);
            }
            padding.push_str(&after);
            padding.push_str(&" ".repeat(GAP));
        }
        if line.trim().is_empty() { "\n".to_owned() } else { line + "\n" }
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width());
        let title = self.columns.get(column).map(|column| column.title.width());
        cells.chain(title).max().unwrap_or(0)
    }

    fn total(&self, shown: &[usize]) -> usize {
        let widths: usize = shown.iter().map(|column| self.width(*column)).sum();
        widths + GAP * shown.len().saturating_sub(1)
    }
}

/// Which columns are shown, how wide, and how far in.
struct Layout {
    shown: Vec<usize>,
    widths: Vec<usize>,
    indent: usize,
}

#[cfg(test)]
mod tests {
    use super::{Column, Table};
    use crate::terminal::{Style, Tone};

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
        assert_eq!(sample().dropped(0, 36), ["interval"]);
        assert!(sample().dropped(0, 80).is_empty());
        assert_eq!(
            sample().render(0, 30),
            "case                     value\n\
             memory::stream/store...   26.4\n\
             größe                    1,024\n"
        );
    }

    #[test]
    fn a_very_narrow_terminal_puts_names_on_lines_of_their_own() {
        assert_eq!(
            sample().render(0, 24),
            "  value  interval\n\
             memory::stream/stores...\n   \
                26.4  26.1 to 26.6\n\
             größe\n  \
               1,024\n"
        );
    }

    #[test]
    fn names_are_cut_only_while_they_stay_apart() {
        let mut table = sample();
        let twin = "memory::stream/stores=streaming".to_owned();
        table.row(vec![twin.clone(), "26.9".into(), String::new()]);
        assert!(
            table.render(0, 33).contains("memory::stream/stores=c..."),
            "{}",
            table.render(0, 33)
        );
        assert!(table.render(0, 32).lines().any(|line| line == twin), "{}", table.render(0, 32));
    }

    #[test]
    fn colour_changes_no_column() {
        let mut table = sample();
        table.columns[1].tone = |text| if text == "26.4" { Tone::Good } else { Tone::Plain };
        let plain = table.render(2, 80);
        let painted = table.styled(Style { unicode: false, colour: true }).render(2, 80);
        assert!(painted.contains("   \u{1b}[32m26.4\u{1b}[0m  26.1 to 26.6\n"), "{painted}");
        let mut stripped = painted;
        for code in ["\u{1b}[32m", "\u{1b}[2m", "\u{1b}[1m", "\u{1b}[0m"] {
            stripped = stripped.replace(code, "");
        }
        assert_eq!(stripped, plain);
    }

    #[test]
    fn a_table_without_columns_shows_none() {
        let mut table = Table::new(Vec::new());
        table.row(vec!["a cell of no column".into()]);
        assert_eq!(table.render(2, 80).trim(), "");
    }

    #[test]
    fn numbers_are_never_cut() {
        for width in 1..60 {
            let text = sample().render(2, width);
            assert!(text.contains("26.4") && text.contains("1,024"), "{width}: {text}");
        }
    }
}
