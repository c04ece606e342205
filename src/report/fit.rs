//! Markdown that fits where it is shown.

use crate::text::number::counted;

/// Most bytes of a step summary: GitHub refuses what is above 1 MiB.
/// Source: docs.github.com, workflow commands, "Step isolation and limits".
pub const SUMMARY: usize = 900 * 1024;

/// Fewer bytes than the 65,536 characters that GitHub takes as a comment; GitLab takes more.
/// Source: github.com/orgs/community/discussions/41331.
pub const COMMENT: usize = 65_000;

/// Room for the sentence that says what was left out.
const NOTICE: usize = 200;

/// Whole lines of `text` in at most `limit` bytes. What was left out is said, and `rest` where it is.
pub fn fit(text: &str, limit: usize, rest: &str) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let room = limit.saturating_sub(NOTICE + rest.len());
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        if end + line.len() > room {
            break;
        }
        end += line.len();
    }
    let (kept, left) = text.split_at(end);
    let is_row = |line: &&str| line.starts_with("| ");
    let what = match left.lines().filter(is_row).count() {
        0 => counted(left.lines().count(), "line"),
        rows => counted(rows, "row"),
    };
    format!("{kept}\n**{what} left out to stay within {limit} bytes: {rest}.**\n")
}

#[cfg(test)]
mod tests {
    use super::fit;

    #[test]
    fn what_is_too_long_is_cut_at_a_line_and_said() {
        let text: String = (0..1000).map(|line| format!("| row {line} größe |\n")).collect();
        assert_eq!(fit(&text, text.len(), ""), text);
        let cut = fit(&text, 2048, "see gate.json");
        assert!(cut.len() <= 2048, "{}", cut.len());
        let rows = cut.lines().filter(|line| line.starts_with('|')).count();
        let left = 1000 - rows;
        let said = format!("**{left} rows left out to stay within 2048 bytes: see gate.json.**");
        assert!(rows > 50 && cut.contains(&said), "{cut}");
        assert!(fit(&text, 10, "see gate.json").contains("1000 rows left out"));
    }
}
