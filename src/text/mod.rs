//! Text for people: numbers with units, lines that fit, names that nothing obeys.

pub mod number;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// True for what a terminal or a viewer would obey instead of show: control characters, and marks
/// that change the direction of text or hide in it (Unicode's `Cf` characters used for this).
pub fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// `text` with everything that would be obeyed shown as its code.
pub fn inert(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_obeyed(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// `text` without anything that Markdown or a browser would obey.
pub fn markdown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in inert(text).chars() {
        match c {
            '<' => shown.push_str("&lt;"),
            '&' => shown.push_str("&amp;"),
            '|' | '*' | '[' | ']' | '`' | '\\' | '#' => shown.extend(['\\', c]),
            c => shown.push(c),
        }
    }
    shown
}

/// First characters of a cell that spreadsheets take for a formula, their wide twins included.
const FORMULA: [char; 11] =
    ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// `text` as a cell of a table that a spreadsheet may open: nothing of it is computed.
pub fn guard(text: &str) -> String {
    if text.starts_with(FORMULA) { format!("'{text}") } else { text.to_owned() }
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

/// The name that was probably meant: at most a third of the letters of `typed` differ.
pub fn nearest<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let most = typed.chars().count().div_ceil(3);
    // Names come from folders: what is far longer is not compared.
    let near = names.into_iter().filter(|name| name.len().abs_diff(typed.len()) <= 4 * most);
    let found = near.map(|name| (edits(typed, name), name)).min();
    found
        .filter(|(edits, name)| *edits <= most && *edits < name.chars().count())
        .map(|(_, name)| name)
}

/// Letters to insert, remove or replace between two texts (Levenshtein 1966; the table by rows of
/// Wagner and Fischer 1974).
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (index, letter) in a.chars().enumerate() {
        let mut next = vec![index + 1];
        for (other, window) in b.iter().zip(row.windows(2)) {
            let left = next.last().copied().unwrap_or(0);
            let replaced = window[0] + usize::from(letter != *other);
            next.push(replaced.min(window[1] + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

/// `text` broken at spaces into lines of at most `width` columns, all but the first indented by
/// `indent`. A longer word keeps a line of its own: paths and names are never broken.
pub fn wrap(text: &str, width: usize, indent: usize) -> String {
    let mut wrapped = String::with_capacity(text.len());
    let mut used = 0;
    for (index, word) in text.split(' ').enumerate() {
        let wide = word.width();
        if index > 0 && used + 1 + wide > width && used > indent {
            wrapped.push('\n');
            wrapped.push_str(&" ".repeat(indent));
            used = indent;
        } else if index > 0 {
            wrapped.push(' ');
            used += 1;
        }
        wrapped.push_str(word);
        used += wide;
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::{cut, inert, markdown, nearest, wrap};
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn nothing_is_obeyed() {
        assert_eq!(inert("a\u{1b}[31m\n\u{202e}b"), "a\\u{1b}[31m\\n\\u{202e}b");
    }

    #[test]
    fn names_cannot_leave_their_cell() {
        assert_eq!(markdown("a|b\n<img> [x](y)"), "a\\|b\\\\n&lt;img> \\[x\\](y)");
    }

    #[test]
    fn the_name_that_was_meant_is_found() {
        let names = ["default", "pin", "numa", "numa_smt"];
        for (typed, meant) in [
            ("numaa", Some("numa")),
            ("defualt", Some("default")),
            ("nunma_smt", Some("numa_smt")),
            ("pi", Some("pin")),
            ("everything", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, names), meant, "{typed}");
        }
    }

    #[test]
    fn sentences_break_at_spaces_and_names_stay_whole() {
        assert_eq!(wrap("one two  three", 9, 2), "one two \n  three");
        assert_eq!(wrap("see /a/long/path now", 8, 2), "see\n  /a/long/path\n  now");
        assert_eq!(wrap("short", 80, 2), "short");
    }

    proptest! {
        #[test]
        fn cutting_fits(text in ".*", width in 1_usize..40) {
            prop_assert!(cut(&inert(&text), width).width() <= width.max(3));
        }

        #[test]
        fn wrapping_fits_and_keeps_every_word(words in prop::collection::vec("[a-z]{1,9}", 1..20), width in 12_usize..60) {
            let wrapped = wrap(&words.join(" "), width, 2);
            prop_assert!(wrapped.lines().all(|line| line.width() <= width));
            let kept: Vec<&str> = wrapped.split_whitespace().collect();
            prop_assert_eq!(kept, words);
        }
    }
}
