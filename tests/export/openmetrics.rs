//! A strict reader of the part of OpenMetrics text that gauges need (OpenMetrics 1.0, its ABNF).

use std::collections::{BTreeMap, BTreeSet};

/// One sample: name, labels, value.
pub type Sample = (String, BTreeMap<String, String>, f64);

/// Reads a whole exposition; panics at the first line that a scraper would refuse.
pub fn read(text: &str) -> Vec<Sample> {
    let body = text.strip_suffix("# EOF\n").expect("it ends with # EOF and a line feed");
    let (mut samples, mut seen, mut family) = (Vec::new(), BTreeSet::new(), String::new());
    let mut families = BTreeSet::new();
    for line in body.split_terminator('\n') {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("TYPE name kind");
            assert_eq!(kind, "gauge", "older parsers know no other kind that fits: {line}");
            assert!(families.insert(name.to_owned()), "a family stands once: {line}");
            family = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            assert!(rest.starts_with(&format!("{family} ")), "HELP follows its TYPE: {line}");
        } else {
            let sample = sample(line);
            assert_eq!(sample.0, family, "samples stand below their TYPE: {line}");
            assert!(seen.insert((sample.0.clone(), sample.1.clone())), "a series twice: {line}");
            samples.push(sample);
        }
    }
    samples
}

fn sample(line: &str) -> Sample {
    let (name, rest) = line.split_once('{').expect("labels");
    assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
    let mut rest = rest.chars();
    let mut labels = BTreeMap::new();
    loop {
        let key: String = rest.by_ref().take_while(|c| *c != '=').collect();
        assert!(
            !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
            "{line}"
        );
        assert_eq!(rest.next(), Some('"'), "{line}");
        assert!(labels.insert(key, quoted(&mut rest)).is_none(), "{line}");
        match rest.next() {
            Some(',') => {}
            Some('}') => break,
            other => panic!("{other:?} after a label: {line}"),
        }
    }
    let value = rest.as_str().strip_prefix(' ').expect("one space before the value");
    (name.to_owned(), labels, value.parse().expect("a number and nothing else"))
}

fn quoted(rest: &mut std::str::Chars<'_>) -> String {
    let mut value = String::new();
    loop {
        match rest.next().expect("a closing quote") {
            '"' => return value,
            '\\' => value.push(match rest.next() {
                Some('n') => '\n',
                Some(c @ ('"' | '\\')) => c,
                other => panic!("\\{other:?} is no escape"),
            }),
            c => value.push(c),
        }
    }
}
