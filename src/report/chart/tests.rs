//! Every kind of chart with every kind of odd data: sound SVG, and a picture of each in text.

use super::bars::{self, Bar, Bars, Group};
use super::forest::{self, Change, Forest};
use super::line::{self, Lines, Place, Plateau, Point, Ruler, Series};
use super::matrix::{self, Matrix, Panel};
use super::strip::{self, Launched, Machine, Node, Order};
use super::svg::{Drawing, Text};
use super::{Frame, dots, fitted, text_width};
use proptest::prelude::*;

const FRAMES: [Frame; 3] = [Frame::FULL, Frame::HALF, Frame::NARROW];

/// A name that would break a page.
const HOSTILE: &str = "<&\"'> a name of forty characters or more";

fn lines(series: usize, points: &[(f64, f64)]) -> Lines {
    let of = |slot: usize| Series {
        slot,
        name: HOSTILE.into(),
        points: points
            .iter()
            .map(|(x, y)| Point {
                x: *x,
                y: *y * (1.0 + slot as f64),
                interval: Some((y * 0.9, y * 1.1)),
                text: "1 s".into(),
            })
            .collect(),
    };
    Lines {
        id: "id".into(),
        series: (0..series).map(of).collect(),
        x: Ruler {
            title: "size".into(),
            log: true,
            names: points.iter().map(|(x, _)| (*x, format!("{x}"))).collect(),
        },
        y: Ruler { title: "ns".into(), log: true, names: Vec::new() },
        places: vec![Place { x: 2.0, name: "L1".into() }],
        plateaus: vec![Plateau { slot: 0, x: (1.0, 2.0), y: 1.0 }],
        band: Some((0.9, 1.1)),
    }
}

fn grouped(values: &[Vec<f64>]) -> Bars {
    let bar = |(slot, value): (usize, &f64)| Bar {
        slot,
        name: HOSTILE.into(),
        value: *value,
        interval: Some((value * 0.9, value * 1.1)),
        label: "1".into(),
        text: "1 s".into(),
    };
    let group = |values: &Vec<f64>| Group {
        name: HOSTILE.into(),
        bars: values.iter().enumerate().map(bar).collect(),
    };
    Bars { title: "GB/s".into(), groups: values.iter().map(group).collect() }
}

fn forest(gains: &[f64]) -> Forest {
    let change = |(slot, gain): (usize, &f64)| Change {
        slot,
        gain: *gain,
        interval: Some((gain * 0.9, gain * 1.1)),
        text: HOSTILE.into(),
        fill: "var(--good)",
        tip: HOSTILE.into(),
    };
    let heading = forest::Row {
        name: HOSTILE.into(),
        detail: String::new(),
        heading: true,
        changes: Vec::new(),
    };
    let row = forest::Row {
        name: HOSTILE.into(),
        detail: "detail".into(),
        heading: false,
        changes: gains.iter().enumerate().map(change).collect(),
    };
    Forest { margin: 0.03, rows: vec![heading, row] }
}

fn square(side: usize, value: impl Fn(usize) -> Option<f64>, panels: usize) -> Matrix {
    let names: Vec<String> = (0..side).map(|n| n.to_string()).collect();
    let panel = |slot| Panel {
        slot,
        name: HOSTILE.into(),
        rows: names.clone(),
        columns: names.clone(),
        values: (0..side * side).map(&value).collect(),
        borders: vec![side / 2],
    };
    Matrix {
        columns_are: "memory node".into(),
        rows_are: "CPU node".into(),
        unit: "ns".into(),
        low_is_near: true,
        panels: (0..panels).map(panel).collect(),
    }
}

/// Groups are closed, numbers are numbers, and nothing of the data is markup.
fn assert_sound(drawing: &Drawing) {
    let text = drawing.document("title", "description");
    assert_eq!(text.matches("<g ").count(), text.matches("</g>").count(), "{text}");
    for bad in ["NaN", "inf", "<&", "\"-0\"", "var(--"] {
        assert!(!text.contains(bad), "{bad} in {}", text.chars().take(400).collect::<String>());
    }
    assert!(drawing.width > 0.0 && drawing.height > 0.0);
    let quotes = text.matches('"').count();
    assert_eq!(quotes % 2, 0, "{text}");
}

#[test]
fn each_kind_looks_as_it_did() {
    let mut all = String::new();
    let mut add = |name: &str, drawing: Drawing| {
        let text = drawing.document(name, "").replace("><", ">\n<");
        all.push_str(&format!("== {name}\n{text}\n"));
    };
    add("line", line::draw(&lines(2, &[(1.0, 1.5), (2.0, 1.5), (4.0, 30.0)]), Frame::NARROW));
    add("bars", bars::draw(&grouped(&[vec![77.0, 561.0], vec![75.0]]), Frame::HALF));
    add("forest", forest::draw(&forest(&[1.02, 0.4]), Frame::FULL));
    add(
        "matrix",
        matrix::draw(&square(2, |cell| (cell != 3).then_some(58.0 + cell as f64), 1), Frame::HALF),
    );
    add("dots", dots::draw(&[dots::Dots { slot: 1, values: vec![1.0, 1.5, 1.5, 2.0] }], false));
    insta::assert_snapshot!(all);
}

#[test]
fn odd_data_are_drawn_soundly() {
    for frame in FRAMES {
        for points in [
            &[][..],
            &[(1.0, 1.0)],
            &[(1.0, 5.0), (2.0, 5.0)],
            &[(0.0, 0.0), (1.0, 0.0)],
            &[(1.0, 1e-9), (2.0, 1e12)],
            &[(1.0, f64::NAN), (2.0, f64::INFINITY)],
        ] {
            for series in [0, 1, 8] {
                assert_sound(&line::draw(&lines(series, points), frame));
            }
        }
        for values in [
            vec![],
            vec![vec![]],
            vec![vec![0.0]],
            vec![vec![5.0; 8]; 3],
            vec![vec![1e-9, 1e12]],
            vec![vec![f64::NAN, -1.0, f64::INFINITY]],
        ] {
            assert_sound(&bars::draw(&grouped(&values), frame));
        }
        for gains in [&[][..], &[1.0], &[0.0, 1e-9, 1e12, f64::NAN, f64::INFINITY, 1.0, 1.0, 1.0]] {
            assert_sound(&forest::draw(&forest(gains), frame));
        }
        for side in [0, 1, 4, 256] {
            assert_sound(&matrix::draw(&square(side, |cell| Some(cell as f64), 1), frame));
            assert_sound(&matrix::draw(&square(side, |_| None, 1), frame));
        }
        assert_sound(&matrix::draw(&square(2, |_| Some(f64::NAN), 8), frame));
        let launched = |deviation| Launched { slot: 7, deviation, tip: HOSTILE.into() };
        for launches in
            [vec![], vec![launched(0.0)], vec![launched(f64::NAN), launched(1e12), launched(-5.0)]]
        {
            assert_sound(&strip::order(&Order { margin: 3.0, launches }, frame));
        }
        let node = |count: usize| Node {
            name: HOSTILE.into(),
            cpus: (0..count).map(|cpu| (cpu, cpu % 2 == 0)).collect(),
        };
        let machine =
            Machine { slot: 3, name: HOSTILE.into(), nodes: vec![node(0), node(1), node(300)] };
        assert_sound(&strip::machines(&[machine], frame));
    }
    assert_sound(&dots::draw(&[], false));
}

#[test]
fn a_heat_map_of_256_is_a_small_picture() {
    let drawing =
        matrix::draw(&square(256, |cell| Some(58.0 + cell as f64 / 700.0), 1), Frame::FULL);
    assert!(drawing.document("", "").len() < 500_000);
}

proptest! {
    #[test]
    fn texts_fit(text in ".{0,60}", size in 9.0..14.0_f64, width in 30.0..300.0_f64) {
        let fits = fitted(&text, size, width);
        prop_assert!(text_width(&fits, size) <= width + size, "{fits}");
    }
}

#[test]
fn texts_grow_where_a_figure_is_drawn_small_and_fitted_names_do_not() {
    let mut drawing = Drawing::new(100.0, 20.0);
    for size in [9.8, 11.0, 11.5, 14.0] {
        drawing.text((0.0, 10.0), "a \" font-size=\"1\"", Text { size, ..Text::default() });
    }
    let text = drawing.with_text_of(12.36).ornament("x");
    let sizes: Vec<&str> =
        text.split(" font-size=\"").skip(1).map(|r| r.split('"').next().unwrap()).collect();
    assert_eq!(sizes, ["9.8", "12.4", "12.4", "14"]);
    assert_eq!(drawing.with_text_of(1.0), drawing);
}
