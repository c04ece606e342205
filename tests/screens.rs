//! What terminals show: 60, 80 and 120 columns, with and without colour, Unicode or ASCII.

#[path = "diff/stored.rs"]
mod stored;

use std::path::Path;
use std::slice::from_ref;
use stored::{Stored, default, numa};
use tempfile::tempdir;
use unicode_width::UnicodeWidthStr;
use vbench::cli::{Console, run_cli};
use vbench::compare::{Policy, Side, compare};
use vbench::measured::Pairs;
use vbench::report::diff::{View, text};
use vbench::report::run::{Detail, render};
use vbench::results::{Better, Role, Unit, Value};
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
    render(&numa().results, Detail { style, ..Detail::default() }, width)
}

/// What a command writes to standard output.
fn screen(arguments: &[&str], width: usize, style: Style) -> String {
    let (code, out, said) = ended(arguments, width, style);
    assert_eq!(code, 0, "{said}");
    out
}

/// The exit code of a command, and what it writes to both streams.
fn ended(arguments: &[&str], width: usize, style: Style) -> (u8, String, String) {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let plain = Console::plain(&mut out, &mut err, width);
    let code = run_cli(&arguments, &mut Console { style, err_style: style, ..plain });
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
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

/// A stored run of four nodes and 24 vCPUs, of which one is far from all others.
fn matrices() -> Stored {
    let distances = [[10, 12, 32, 32], [12, 10, 32, 32], [32, 32, 10, 12], [32, 32, 12, 10]];
    let row = |row: [i64; 4]| Value::List(row.into_iter().map(Value::from).collect());
    let mut run = Stored::new("numa", 0)
        .fact("numa.distances", Value::List(distances.into_iter().map(row).collect()));
    let bandwidth =
        |value| ("triad", Unit::decimal("B/s"), Better::Higher, Role::Gated, value, 0.002);
    for node in 0..4_usize {
        let cpus = format!("{}-{}", 6 * node, 6 * node + 5);
        run = run.fact(&format!("numa.node.{node}.cpus"), cpus);
        for memory in 0..4_usize {
            let near = [143e9, 112e9, 58e9];
            let value = near[usize::from(node != memory) + usize::from(node / 2 != memory / 2)];
            let id = format!("memory::stream_nodes/cpu_node={node},memory_node={memory}");
            run = run.case(&id, "memory", 3, bandwidth(value));
        }
    }
    let time = ("median", Unit::decimal("s"), Better::Lower, Role::Gated, 96e-9, 0.01);
    run = run.case("placement::core_to_core/transfer=store", "placement", 3, time);
    for launch in run.results.cases.iter_mut().rev().take(1).flat_map(|case| &mut case.launches) {
        launch.facts.insert("pairs".into(), pairs().to_value());
    }
    run
}

fn pairs() -> Pairs {
    let mut pairs = Pairs::default();
    for a in 0..24_usize {
        for b in a + 1..24 {
            let near = if a / 6 == b / 6 {
                58e-9
            } else if a / 12 == b / 12 {
                84e-9
            } else {
                146e-9
            };
            let far = if a == 13 || b == 13 { 1.28 } else { 1.0 };
            pairs.insert(a, b, near * far, near * far);
        }
    }
    pairs
}

/// What `vbench show RUN` writes of one benchmark of such a run.
fn shown(benchmark: &str, width: usize, style: Style) -> String {
    let out = tempdir().unwrap();
    matrices().store(out.path());
    let text =
        screen(&["show", "numa", benchmark, "--out", out.path().to_str().unwrap()], width, style);
    text.replace(&*out.path().to_string_lossy(), "results")
}

fn node_matrix(width: usize, style: Style) -> String {
    shown("stream_nodes", width, style)
}

fn vcpu_matrix(width: usize, style: Style) -> String {
    shown("core_to_core", width, style)
}

fn gate(width: usize, style: Style) -> String {
    let out = tempdir().unwrap();
    for run in [default(), numa()] {
        run.store(out.path());
    }
    let folder = out.path().to_str().unwrap();
    let policy = format!("{folder}/policy.toml");
    std::fs::write(&policy, "").unwrap();
    let arguments = [
        "gate",
        "--policy",
        &policy,
        "--baseline",
        "default",
        "--candidate",
        "numa",
        "--out",
        folder,
    ];
    let (code, text, said) = ended(&arguments, width, style);
    assert_ne!(code, 2, "{said}");
    let own = |line: &&str| !line.contains(folder);
    text.lines().filter(own).map(|line| format!("{line}\n")).collect()
}

/// What is said of a run that is not there, a benchmark that is not there, and a unit that changed.
fn errors(width: usize, style: Style) -> String {
    let out = tempdir().unwrap();
    for run in [default(), numa()] {
        run.store(out.path());
    }
    let mut other = default();
    other.results.run.config = "new".into();
    other.results.cases[3].metrics[0].unit = Unit::decimal("FLOP/s");
    other.store(out.path());
    let folder = out.path().to_str().unwrap();
    let mut text = String::new();
    for words in [
        vec!["show", "numaa"],
        vec!["show", "numa", "allgather"],
        vec!["diff", "default", "numaa"],
        vec!["diff", "default", "new"],
    ] {
        let (_, written, said) = ended(&[&words[..], &["--out", folder]].concat(), width, style);
        let line = |line: &&str| {
            line.contains("error") || line.contains("not comparable") || line.starts_with("  ")
        };
        let all = written + &said;
        text.push_str(&format!("$ vbench {}\n", words.join(" ")));
        text.extend(all.lines().filter(line).map(|line| line.replace(folder, "results") + "\n"));
    }
    text
}

type Screen = fn(usize, Style) -> String;
const SCREENS: [(&str, Screen); 8] = [
    ("diff", diff),
    ("show", show),
    ("list", list),
    ("list_results", list_results),
    ("node_matrix", node_matrix),
    ("vcpu_matrix", vcpu_matrix),
    ("gate", gate),
    ("errors", errors),
];

#[test]
fn screens_fit_60_80_and_120_columns() {
    for (name, screen) in SCREENS {
        for width in [60, 80, 120] {
            let text = screen(width, PLAIN);
            assert!(text.is_ascii(), "{name}");
            // Sentences of a decision or an error are never broken: logs are searched for them.
            if !["gate", "errors"].contains(&name) {
                assert_eq!(too_wide(&text, width), Vec::<&str>::new(), "{name} at {width}");
            }
            insta::assert_snapshot!(format!("{name}_at_{width}_in_ascii"), text);
            let style = Style { unicode: true, ..PLAIN };
            if width > 60 {
                insta::assert_snapshot!(format!("{name}_at_{width}_in_utf8"), screen(width, style));
            }
        }
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    // A picture in colour is another picture.
    for (name, screen) in SCREENS.into_iter().filter(|(name, _)| *name != "vcpu_matrix") {
        let plain = Style { colour: false, ..FULL };
        for width in [60, 80, 120] {
            assert_eq!(without_colour(&screen(width, FULL)), screen(width, plain), "{name}");
        }
        for width in [80, 120] {
            let text = legible(&screen(width, FULL));
            insta::assert_snapshot!(format!("{name}_at_{width}_in_colour"), text);
        }
    }
}

#[test]
fn a_picture_has_a_block_for_two_pairs_where_there_is_colour() {
    let text = vcpu_matrix(80, FULL);
    let blocks = text.lines().filter(|line| line.contains(['\u{2580}', '\u{2584}']));
    let widths: Vec<usize> =
        blocks.map(|line| line.matches(['\u{2580}', '\u{2584}']).count()).collect();
    assert_eq!(widths, [24; 12], "{text}");
    // A sentence may be broken at the width of the screen.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("vCPU 13 is 28% above the median of pairs as near"), "{text}");
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

#[test]
fn a_list_of_nothing_is_an_error_that_names_what_is_near() {
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts/four-node-smt");
    let host = host.to_str().unwrap();
    for (word, near) in [("multipy", "did you mean multiply?"), ("stream", "vbench list")] {
        let (code, written, said) = ended(&["list", word, "--host", host], 80, PLAIN);
        assert_eq!((code, written.as_str()), (2, ""), "{said}");
        assert!(said.contains("no benchmark matches") && said.contains(near), "{said}");
    }
}
