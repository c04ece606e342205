//! What terminals show: 60, 80 and 120 columns, with and without colour, Unicode or ASCII.

#[path = "diff/stored.rs"]
mod stored;

use std::path::Path;
use std::slice::from_ref;
use stored::{default, numa};
use tempfile::tempdir;
use unicode_width::UnicodeWidthStr;
use vbench::cli::{Console, run_cli};
use vbench::compare::{Policy, Side, compare};
use vbench::report::diff::{View, text};
use vbench::report::run::{Detail, render};
use vbench::terminal::Style;
use vbench::vbench;

/// Multiplies matrices of this many rows.
#[vbench(kind = "cpu")]
fn multiply() -> u64 {
    std::hint::black_box(3) * 5
}

const PLAIN: Style = Style { unicode: false, colour: false };
const FULL: Style = Style { unicode: true, colour: true };

/// Colours as words, so that a golden file can be read.
fn legible(text: &str) -> String {
    let names = [("1", "bold"), ("2", "dim"), ("31", "red"), ("32", "green"), ("33", "yellow")];
    let mut legible = text.replace("\u{1b}[0m", "{/}");
    for (code, name) in names {
        legible = legible.replace(&format!("\u{1b}[{code}m"), &format!("{{{name}}}"));
    }
    assert!(!legible.contains('\u{1b}'), "only the known colours: {legible:?}");
    legible
}

fn without_colour(text: &str) -> String {
    let mut plain = legible(text);
    for name in ["/", "bold", "dim", "red", "green", "yellow"] {
        plain = plain.replace(&format!("{{{name}}}"), "");
    }
    plain
}

/// Lines wider than `width`, but for single words that cannot be broken.
fn too_wide(text: &str, width: usize) -> Vec<&str> {
    let lines = text.lines().filter(|line| line.width() > width);
    lines.filter(|line| line.split_whitespace().count() > 1).collect()
}

fn diff(width: usize, style: Style) -> String {
    let (base, candidate) = (default().results, numa().results);
    let candidate = Side { name: "numa", runs: from_ref(&candidate) };
    let comparison =
        compare(&Side { name: "default", runs: from_ref(&base) }, &[candidate], &Policy::default());
    let Style { unicode, colour } = style;
    text(&comparison, View { width, unicode, colour, all_metrics: false })
}

fn show(width: usize, style: Style) -> String {
    render(&numa().results, Detail { all_metrics: false, style }, width)
}

/// What a command writes to standard output.
fn screen(arguments: &[&str], width: usize, style: Style) -> String {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut console = Console { style, ..Console::plain(&mut out, &mut err, width) };
    assert_eq!(run_cli(&arguments, &mut console), 0);
    String::from_utf8(out).unwrap()
}

fn list(width: usize, style: Style) -> String {
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts/four-node-smt");
    screen(&["list", "--host", host.to_str().unwrap()], width, style)
}

fn list_results(width: usize, style: Style) -> String {
    let out = tempdir().unwrap();
    default().store(out.path());
    let mut again = numa();
    again.results.run.id = "20260102T060000Z-beef".into();
    again.results.run.quarantine = Some("fan failed".into());
    for run in [&numa(), &again] {
        run.store(out.path());
    }
    screen(&["list", "--results", "--out", out.path().to_str().unwrap()], width, style)
}

type Screen = fn(usize, Style) -> String;
const SCREENS: [(&str, Screen); 4] =
    [("diff", diff), ("show", show), ("list", list), ("list_results", list_results)];

#[test]
fn screens_fit_60_80_and_120_columns() {
    for (name, screen) in SCREENS {
        for width in [60, 80, 120] {
            let text = screen(width, PLAIN);
            assert!(text.is_ascii(), "{name}");
            assert_eq!(too_wide(&text, width), Vec::<&str>::new(), "{name} at {width}");
            insta::assert_snapshot!(format!("{name}_at_{width}_in_ascii"), text);
        }
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    for (name, screen) in SCREENS {
        let plain = Style { colour: false, ..FULL };
        for width in [60, 80, 120] {
            assert_eq!(without_colour(&screen(width, FULL)), screen(width, plain), "{name}");
        }
        insta::assert_snapshot!(format!("{name}_in_colour"), legible(&screen(80, FULL)));
    }
}

#[test]
fn no_number_is_cut_however_narrow() {
    for width in [40, 50, 60] {
        let text = diff(width, PLAIN);
        for number in ["236,000", "8.60", "101", "561", "57.4% lower", "7.27x higher"] {
            assert!(text.contains(number), "{number} at {width}: {text}");
        }
    }
}
