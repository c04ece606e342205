//! What a terminal can show: its width, signs beyond ASCII, colour. One policy for every command.
//!
//! Colour follows no-color.org and bixense.com/clicolors: `NO_COLOR` wins, then `CLICOLOR_FORCE`, then
//! a terminal that is not `dumb` and no `CLICOLOR=0`. The 16 ANSI colours only, which every terminal
//! maps to its own palette, and never without a word or a sign that says the same; pictures alone
//! have more, and digits where there is no colour.

use anstyle::{Ansi256Color, AnsiColor, Effects};
use std::io::IsTerminal;

/// Shades of a picture, from dark to bright.
pub const SHADES: usize = PALETTE.len();
/// Viridis (van der Walt and Smith 2015) in the fixed colours of terminals with 256.
const PALETTE: [u8; 10] = [53, 54, 60, 24, 30, 36, 35, 71, 148, 226];

/// Columns where no terminal tells: enough for every table.
const WIDTH: usize = 100;
/// Columns of a terminal that says 0, as serial consoles do.
const SERIAL_WIDTH: usize = 80;
/// Columns below which nothing is laid out.
const LEAST_WIDTH: usize = 40;

/// What one stream can show. The default is plain ASCII.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Signs beyond ASCII.
    pub unicode: bool,
    /// ANSI colours.
    pub colour: bool,
}

/// What a text is, for its colour; the text says it too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Neither.
    #[default]
    Plain,
    /// A name that heads others.
    Title,
    /// Secondary.
    Quiet,
    /// A gain, a success.
    Good,
    /// A loss, a failure.
    Bad,
    /// Not decided, or to be looked at.
    Doubt,
}

impl Style {
    /// What `stream` can show in this process' environment.
    pub fn of(stream: &impl IsTerminal) -> Self {
        Self::read(stream.is_terminal(), |name| std::env::var(name).ok())
    }

    fn read(terminal: bool, variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let term = set("TERM");
        let off = |name: &str| set(name).is_some_and(|value| value == "0");
        let forced = set("CLICOLOR_FORCE").is_some() && !off("CLICOLOR_FORCE");
        let capable = terminal && term.as_deref().is_some_and(|term| term != "dumb");
        Self {
            unicode: is_utf8(&set) && !term.as_deref().is_some_and(is_console),
            colour: set("NO_COLOR").is_none() && (forced || (capable && !off("CLICOLOR"))),
        }
    }

    /// `text` in the colour of `tone`.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        let style = match tone {
            _ if !self.colour || text.is_empty() => return text.to_owned(),
            Tone::Plain => return text.to_owned(),
            Tone::Title => anstyle::Style::new().effects(Effects::BOLD),
            Tone::Quiet => anstyle::Style::new().effects(Effects::DIMMED),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Bad => AnsiColor::Red.on_default(),
            Tone::Doubt => AnsiColor::Yellow.on_default(),
        };
        format!("{style}{text}{style:#}")
    }
}

/// Two cells of a picture, one above the other, in the place of one letter. It is for a style with
/// colour and signs beyond ASCII: such terminals have 256 colours.
pub fn half_block(top: Option<usize>, below: Option<usize>) -> String {
    let colour = |shade: usize| {
        PALETTE.get(shade).copied().map(|index| anstyle::Color::from(Ansi256Color(index)))
    };
    let style = anstyle::Style::new();
    let (style, block) = match (top.and_then(colour), below.and_then(colour)) {
        (top @ Some(_), below @ Some(_)) => (style.fg_color(top).bg_color(below), '\u{2580}'),
        (top @ Some(_), None) => (style.fg_color(top), '\u{2580}'),
        (None, below @ Some(_)) => (style.fg_color(below), '\u{2584}'),
        (None, None) => return " ".to_owned(),
    };
    format!("{style}{block}{style:#}")
}

/// Whether the locale says so: the first of these that is set decides (POSIX).
fn is_utf8(set: &impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// Consoles with a small character set, whatever the locale says: the kernel's own, and those of
/// serial lines, for which getty sets `vt100` to `vt220`.
fn is_console(term: &str) -> bool {
    term == "linux" || term == "dumb" || term.starts_with("vt")
}

/// Columns to lay out for: `COLUMNS` where it is set, else the terminal's.
pub fn width() -> usize {
    let terminal = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let is_terminal = std::io::stdout().is_terminal() || std::io::stderr().is_terminal();
    let untold = is_terminal.then_some(0);
    columns(std::env::var("COLUMNS").ok(), terminal.or(untold))
}

fn columns(set: Option<String>, terminal: Option<usize>) -> usize {
    let set = set.and_then(|columns| columns.parse().ok()).filter(|columns| *columns > 0);
    let terminal = terminal.map(|width| if width > 0 { width } else { SERIAL_WIDTH });
    set.or(terminal).unwrap_or(WIDTH).max(LEAST_WIDTH)
}

#[cfg(test)]
mod tests {
    use super::{Style, Tone, columns};

    fn read(terminal: bool, variables: &[(&str, &str)]) -> Style {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        Style::read(terminal, |name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn colour_is_for_terminals_that_can_unless_somebody_says_otherwise() {
        let xterm = ("TERM", "xterm");
        let coloured: [(bool, &[(&str, &str)]); 5] = [
            (true, &[xterm]),
            (true, &[xterm, ("CLICOLOR", "1")]),
            (true, &[xterm, ("NO_COLOR", "")]),
            (false, &[("CLICOLOR_FORCE", "1")]),
            (true, &[("TERM", "dumb"), ("CLICOLOR_FORCE", "1")]),
        ];
        for (terminal, variables) in coloured {
            assert!(read(terminal, variables).colour, "{terminal} {variables:?}");
        }
        let plain: [(bool, &[(&str, &str)]); 7] = [
            (true, &[]),
            (false, &[xterm]),
            (true, &[("TERM", "dumb")]),
            (true, &[xterm, ("NO_COLOR", "1")]),
            (true, &[xterm, ("CLICOLOR", "0")]),
            (false, &[xterm, ("CLICOLOR_FORCE", "0")]),
            (true, &[xterm, ("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]),
        ];
        for (terminal, variables) in plain {
            assert!(!read(terminal, variables).colour, "{terminal} {variables:?}");
        }
    }

    #[test]
    fn signs_beyond_ascii_need_a_locale_and_a_terminal_that_have_them() {
        let unicode = |variables: &[(&str, &str)]| read(true, variables).unicode;
        assert!(unicode(&[("LANG", "de_DE.UTF-8")]));
        assert!(unicode(&[("LANG", "C"), ("LC_ALL", "C.utf8"), ("TERM", "xterm")]));
        assert!(!unicode(&[]));
        assert!(!unicode(&[("LANG", "C.UTF-8"), ("LC_ALL", "C")]));
        assert!(unicode(&[("LANG", "C.UTF-8"), ("LC_ALL", "")]));
        for console in ["linux", "vt220", "vt100", "dumb"] {
            assert!(!unicode(&[("LANG", "C.UTF-8"), ("TERM", console)]), "{console}");
        }
    }

    #[test]
    fn columns_win_over_the_terminal_and_nonsense_does_not() {
        assert_eq!(columns(None, None), 100);
        assert_eq!(columns(None, Some(132)), 132);
        assert_eq!(columns(Some("72".into()), Some(132)), 72);
        assert_eq!(columns(Some("wide".into()), Some(132)), 132);
        assert_eq!(columns(Some("0".into()), Some(0)), 80);
        assert_eq!(columns(Some("0".into()), None), 100);
        assert_eq!(columns(Some("7".into()), None), 40);
    }

    #[test]
    fn paint_uses_the_sixteen_colours_and_resets() {
        let colour = Style { unicode: false, colour: true };
        assert_eq!(colour.paint(Tone::Bad, "worse"), "\u{1b}[31mworse\u{1b}[0m");
        assert_eq!(colour.paint(Tone::Bad, ""), "");
        assert_eq!(colour.paint(Tone::Plain, "x"), "x");
        assert_eq!(Style::default().paint(Tone::Bad, "worse"), "worse");
    }
}
