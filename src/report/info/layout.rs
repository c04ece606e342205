//! A page of plain text: sections, paragraphs, tables, all inert and no wider than the screen.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Narrower screens get this and wrap by themselves.
const NARROWEST: usize = 40;

pub(super) struct Page {
    width: usize,
    text: String,
}

impl Page {
    pub(super) fn new(width: usize) -> Self {
        Self { width: width.max(NARROWEST), text: String::new() }
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    /// Begins a section, with an empty line before it.
    pub(super) fn section(&mut self, title: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.line(title);
    }

    /// Words, wrapped; further lines are indented by `hang`.
    pub(super) fn paragraph(&mut self, indent: usize, hang: usize, text: &str) {
        let mut line = " ".repeat(indent);
        let mut empty = true;
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            if !empty && line.width() + 1 + word.width() > self.width {
                self.line(&line);
                line = " ".repeat(hang);
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        self.line(&line);
    }

    /// A label and what belongs to it, in two columns.
    pub(super) fn entry(&mut self, label: &str, text: &str) {
        const LABEL: usize = 14;
        self.paragraph(
            2,
            LABEL + 4,
            &format!("{}\u{a0}\u{a0}{text}", no_break(&pad(label, LABEL))),
        );
    }

    /// Columns as wide as their widest cell.
    pub(super) fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
        let column = |c: usize| {
            let cells = rows.iter().chain([&head]).filter_map(move |row| row.get(c));
            cells.map(|cell| inert(cell).width()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..head.len()).map(column).collect();
        for row in [&head].into_iter().chain(rows) {
            let cells = row.iter().zip(&widths).map(|(cell, width)| pad(&inert(cell), *width));
            self.line(&format!("  {}", cells.collect::<Vec<_>>().join("  ")));
        }
    }

    /// One line, cut where the screen ends.
    pub(super) fn line(&mut self, text: &str) {
        let text = inert(text).replace('\u{a0}', " ");
        let text = text.trim_end();
        if text.width() <= self.width {
            self.text.push_str(text);
        } else {
            self.text.push_str(&start(text, self.width - 3));
            self.text.push_str("...");
        }
        self.text.push('\n');
    }
}

/// The text without anything that moves a cursor, changes a colour or reorders what is read.
pub(super) fn inert(text: &str) -> String {
    text.chars().map(|c| if acts(c) { '?' } else { c }).collect()
}

/// Control characters, and the invisible ones that reorder or join text (Unicode UAX #9, UTS #39).
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{61c}')
}

fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

fn no_break(text: &str) -> String {
    text.replace(' ', "\u{a0}")
}

/// As much of the beginning as fits.
fn start(text: &str, width: usize) -> String {
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= width
    };
    text.chars().take_while(fits).collect()
}

/// A size with a binary prefix and three digits: `64 GiB`, `15.6 GiB`, `1.25 MiB`.
pub(super) fn bytes(bytes: u64) -> String {
    const PREFIXES: [(&str, u32); 5] =
        [("PiB", 50), ("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    for (unit, shift) in PREFIXES {
        let scaled = bytes as f64 / (1_u64 << shift) as f64;
        if scaled >= 1.0 {
            let digits = if scaled < 10.0 { 2 } else { usize::from(scaled < 100.0) };
            let number = format!("{scaled:.digits$}");
            let short = number.trim_end_matches('0').trim_end_matches('.');
            return format!("{} {unit}", if digits == 0 { &number } else { short });
        }
    }
    format!("{bytes} B")
}

/// "1 core", "2 cores".
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::{Page, bytes, inert};
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn sizes_read_well() {
        for (size, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (32 << 10, "32 KiB"),
            (1280 << 10, "1.25 MiB"),
            (100 << 20, "100 MiB"),
            (64 << 30, "64 GiB"),
            (u64::MAX, "16384 PiB"),
        ] {
            assert_eq!(bytes(size), text);
        }
    }

    #[test]
    fn nothing_acts_on_the_terminal() {
        assert_eq!(inert("a\u{1b}[2Jb\r\u{202e}\u{9b}"), "a?[2Jb???");
    }

    #[test]
    fn lines_fit_the_screen() {
        let mut page = Page::new(40);
        page.section("title");
        page.paragraph(2, 4, &"word ".repeat(30));
        page.entry("label", &"x".repeat(100));
        page.table(&["a", "b"], &[vec!["漢字".repeat(20), "x".repeat(30)]]);
        let text = page.finish();
        assert!(text.lines().all(|line| line.width() <= 40), "{text}");
        assert!(text.contains("..."));
    }
}
