//! Importers on broken input: whatever they are given, they answer, and take no bad number.
//!
//! For longer: `VBENCH_FUZZ_SECONDS=3600 cargo test --release --test import_fuzz -- --ignored`

#[path = "imports/fixtures.rs"]
mod fixtures;

use fixtures::{FILES, known, text};
use proptest::prelude::*;
use std::time::{Duration, Instant};
use vbench::import::{KINDS, parse};

/// What must hold for every text: an answer, with a line where it is a refusal and with values
/// above zero where it is not.
fn holds(kind: &str, input: &str) {
    let Some(read) = parse(known(kind), input, "input.txt") else { return };
    match read {
        Err(fault) => assert!(fault.line.is_some_and(|line| line > 0), "{kind}: {fault}"),
        Ok(drafts) => {
            for case in drafts.iter().flat_map(|draft| &draft.cases) {
                for launch in &case.launches {
                    assert_eq!(launch.repeats.is_empty(), launch.outcome.state() != "measured");
                    for value in launch.repeats.iter().flat_map(|repeat| repeat.values.values()) {
                        assert!(*value > 0.0 && value.is_finite(), "{kind} {} {value}", case.case);
                    }
                }
            }
        }
    }
}

/// Small steps that break tables: bytes, lines and numbers.
#[derive(Clone, Debug)]
enum Damage {
    Byte(usize, char),
    Remove(usize, usize),
    Repeat(usize, usize),
    Number(usize, String),
    Swap(usize, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let number = prop::sample::select(vec![
        "0",
        "-1",
        "nan",
        "inf",
        "1e308",
        "1e-320",
        "99999999999999999999",
        "",
        "null",
        "\"x\"",
        "[]",
        "-",
        "N/A",
        "0x1",
        "1e999",
        "\u{202e}",
        "1:2",
        "=",
        "18446744073709551616",
    ]);
    prop_oneof![
        (any::<usize>(), any::<char>()).prop_map(|(at, c)| Damage::Byte(at, c)),
        (any::<usize>(), 0_usize..200).prop_map(|(at, length)| Damage::Remove(at, length)),
        (any::<usize>(), 0_usize..200).prop_map(|(at, length)| Damage::Repeat(at, length)),
        (any::<usize>(), number).prop_map(|(at, n)| Damage::Number(at, n.to_owned())),
        (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Damage::Swap(a, b)),
    ]
}

fn damaged(text: &str, steps: &[Damage]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for step in steps {
        let count = chars.len().max(1);
        match step {
            Damage::Byte(at, c) if !chars.is_empty() => chars[at % count] = *c,
            Damage::Byte(..) => {}
            Damage::Remove(at, length) => {
                let start = (at % count).min(chars.len());
                let end = (start + length).min(chars.len());
                chars.drain(start..end);
            }
            Damage::Repeat(at, length) => {
                let start = (at % count).min(chars.len());
                let end = (start + length).min(chars.len());
                let again: Vec<char> = chars[start..end].to_vec();
                chars.splice(end..end, again);
            }
            Damage::Number(at, number) => replace_number(&mut chars, *at, number),
            Damage::Swap(a, b) => swap_lines(&mut chars, *a, *b),
        }
    }
    chars.into_iter().collect()
}

/// Puts `number` in the place of one of the text's numbers.
fn replace_number(chars: &mut Vec<char>, at: usize, number: &str) {
    let digit = |index: &usize| chars[*index].is_ascii_digit();
    let starts: Vec<usize> = (0..chars.len())
        .filter(|index| digit(index) && (*index == 0 || !digit(&(index - 1))))
        .collect();
    let Some(start) = starts.get(at % starts.len().max(1)).copied() else { return };
    let end = (start..chars.len())
        .find(|index| !chars[*index].is_ascii_digit() && chars[*index] != '.')
        .unwrap_or(chars.len());
    chars.splice(start..end, number.chars());
}

fn swap_lines(chars: &mut Vec<char>, a: usize, b: usize) {
    let text: String = chars.iter().collect();
    let mut lines: Vec<&str> = text.split('\n').collect();
    let count = lines.len();
    lines.swap(a % count, b % count);
    *chars = lines.join("\n").chars().collect();
}

#[test]
fn nothing_but_a_tools_output_is_taken() {
    for kind in KINDS {
        for text in ["", "\n", "{", "{}", "[]", "null", "0", "\u{feff}", "a,b\n1,2\n"] {
            holds(kind.name, text);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gets_an_answer(text in "(?s).{0,400}") {
        for kind in KINDS {
            holds(kind.name, &text);
        }
    }

    #[test]
    fn any_bytes_get_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for kind in KINDS {
            holds(kind.name, &text);
        }
    }

    #[test]
    fn damaged_fixtures_get_an_answer(
        file in prop::sample::select(FILES),
        steps in prop::collection::vec(damage(), 1..6),
    ) {
        holds(file.0, &damaged(&text(file.1), &steps));
    }
}

/// The same for as long as `VBENCH_FUZZ_SECONDS` says.
#[test]
#[ignore = "runs for as long as VBENCH_FUZZ_SECONDS says"]
fn damaged_fixtures_for_a_while() {
    let seconds = std::env::var("VBENCH_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let limit = Duration::from_secs(seconds.unwrap_or(10));
    let texts: Vec<(&str, String)> = FILES.iter().map(|(kind, file)| (*kind, text(file))).collect();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let strategy = (0..texts.len(), prop::collection::vec(damage(), 1..12));
    let (started, mut count) = (Instant::now(), 0_u64);
    while started.elapsed() < limit {
        let tree = strategy.new_tree(&mut runner).unwrap();
        let (index, steps) = proptest::strategy::ValueTree::current(&tree);
        let (kind, text) = &texts[index];
        let input = damaged(text, &steps);
        let answered = std::panic::catch_unwind(|| holds(kind, &input));
        assert!(answered.is_ok(), "{kind} on {steps:?}:\n{input}");
        count += 1;
    }
    println!("{count} texts in {} s", started.elapsed().as_secs());
}
