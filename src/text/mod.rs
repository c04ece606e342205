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
    use super::{cut, inert, markdown, wrap};
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
