//! Every kind of chart with every kind of odd data. One sheet for each kind is golden, as a file that
//! a browser opens: `snapshots/*.svg`. What must hold for all drawings is asserted for all.

use super::bars::{self, Bar, Bars, Group};
use super::dots::{self, Dots};
use super::forest::{self, Change, Forest};
use super::line::{self, Lines, Place, Plateau, Point, Ruler, Series};
use super::matrix::{self, Matrix, Panel};
use super::strip::{self, Launched, Machine, Node, Order};
use super::svg::{Drawing, Text};
use super::{Frame, fitted, joined, squeezed, text_width, wrapped};
use proptest::prelude::*;

mod sound;

const FRAMES: [Frame; 3] = [Frame::FULL, Frame::HALF, Frame::NARROW];

/// A name that would break a page, of forty characters.
const HOSTILE: &str = "<&\"'>]]> a name of forty characters, cut";

/// What is odd about the data of a drawing: a value for each configuration and place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Odd {
    OneConfiguration,
    EightConfigurations,
    MissingSeries,
    OnePoint,
    AllEqual,
    Zero,
    TwentyOneDecades,
    HostileNames,
    NoNumbers,
    Nothing,
}

use Odd::{
    AllEqual, EightConfigurations, HostileNames, MissingSeries, NoNumbers, Nothing,
    OneConfiguration, OnePoint, TwentyOneDecades, Zero,
};

pub(crate) const ALL: [Odd; 10] = [
    OneConfiguration,
    EightConfigurations,
    MissingSeries,
    OnePoint,
    AllEqual,
    Zero,
    TwentyOneDecades,
    HostileNames,
    NoNumbers,
    Nothing,
];

impl Odd {
    fn name(self, slot: usize) -> String {
        if self == HostileNames { HOSTILE.to_owned() } else { format!("config{slot}") }
    }

    /// The configurations that have values.
    fn slots(self) -> Vec<usize> {
        match self {
            Nothing => vec![],
            OneConfiguration => vec![0],
            EightConfigurations => (0..8).collect(),
            // The first and the third of three.
            MissingSeries => vec![0, 2],
            _ => vec![0, 1],
        }
    }

    fn places(self) -> usize {
        if self == OnePoint { 1 } else { 3 }
    }

    fn value(self, slot: usize, place: usize) -> f64 {
        match self {
            AllEqual => 5.0,
            Zero => 0.0,
            TwentyOneDecades => [1e-9, 1.0, 1e12][place],
            NoNumbers => [f64::NAN, f64::INFINITY, -1.0][place],
            _ => [1.5, 2.5, 30.0][place] * (1.0 + slot as f64 * 0.2),
        }
    }

    fn digits(self, slot: usize, place: usize) -> String {
        let value = self.value(slot, place);
        if value.is_finite() { crate::report::number::digits(value) } else { "none".to_owned() }
    }

    fn interval(self, slot: usize, place: usize) -> Option<(f64, f64)> {
        let value = self.value(slot, place);
        (self != OnePoint).then_some((value * 0.9, value * 1.1))
    }
}

fn lines(odd: Odd) -> Lines {
    let point = |slot: usize| {
        move |place: usize| Point {
            x: [1.0, 2.0, 4.0][place],
            y: odd.value(slot, place),
            interval: odd.interval(slot, place),
            text: format!("{} s", odd.digits(slot, place)),
        }
    };
    let series = |slot: usize| Series {
        slot,
        name: odd.name(slot),
        points: (0..odd.places()).map(point(slot)).collect(),
    };
    let name = |place: usize| {
        (
            [1.0, 2.0, 4.0][place],
            if odd == HostileNames { HOSTILE.into() } else { format!("{place} KiB") },
        )
    };
    Lines {
        id: "id".into(),
        series: odd.slots().into_iter().map(series).collect(),
        x: Ruler { title: "size".into(), log: true, names: (0..odd.places()).map(name).collect() },
        y: Ruler { title: "ns, lower is better".into(), log: odd != Zero, names: Vec::new() },
        places: vec![Place { x: 2.0, name: "L1 ?".into() }],
        plateaus: vec![Plateau { slot: 0, x: (1.0, 2.0), y: odd.value(0, 0) }],
        band: (odd == AllEqual).then_some((4.5, 5.5)),
    }
}

fn grouped(odd: Odd) -> Bars {
    let bar = |place: usize| {
        move |slot: usize| Bar {
            slot,
            value: odd.value(slot, place),
            interval: odd.interval(slot, place),
            label: odd.digits(slot, place),
            text: "1 s".into(),
        }
    };
    let group = |place: usize| Group {
        name: if odd == HostileNames { HOSTILE.into() } else { format!("triad, {place} threads") },
        bars: odd.slots().into_iter().map(bar(place)).collect(),
    };
    Bars { title: "GB/s, higher is better".into(), groups: (0..odd.places()).map(group).collect() }
}

fn forest(odd: Odd) -> Forest {
    // Gains: the base has none.
    let gain = |slot: usize, place: usize| match odd {
        AllEqual => 1.0,
        Zero | TwentyOneDecades | NoNumbers => odd.value(slot, place),
        _ => [1.01, 1.3, 0.2][place] * (1.0 + slot as f64 * 0.02),
    };
    let change = |place: usize| {
        move |slot: usize| Change {
            slot,
            gain: gain(slot, place),
            interval: (odd != OnePoint)
                .then_some((gain(slot, place) * 0.99, gain(slot, place) * 1.01)),
            text: if odd == HostileNames { HOSTILE.into() } else { "\u{2713} better".into() },
            fill: ["var(--good)", "var(--bad)", "var(--mute)"][place],
        }
    };
    let name = |text: &str| if odd == HostileNames { HOSTILE.into() } else { text.to_owned() };
    let row = |place: usize| forest::Row {
        name: name("STREAM triad"),
        detail: if place == 0 { String::new() } else { name("cached, 94 threads") },
        number: place,
        heading: false,
        changes: odd.slots().into_iter().filter(|slot| *slot > 0).map(change(place)).collect(),
    };
    let heading =
        forest::Row { heading: true, detail: String::new(), changes: Vec::new(), ..row(0) };
    let rows = [heading].into_iter().chain((0..odd.places()).map(row)).collect();
    Forest { margin: 0.03, rows }
}

fn square(odd: Odd, side: usize) -> Matrix {
    let names: Vec<String> = (0..side)
        .map(|n| if odd == HostileNames { HOSTILE.into() } else { n.to_string() })
        .collect();
    let value = |slot: usize, cell: usize| match odd {
        // The last cell of each panel is not known.
        _ if cell + 1 == side * side && side > 1 => None,
        AllEqual => Some(odd.value(slot, 0)),
        _ => Some(odd.value(slot, cell % 3) * (1.0 + (cell / 3) as f64 / 100.0)),
    };
    let panel = |slot: usize| Panel {
        slot,
        name: odd.name(slot),
        rows: names.clone(),
        columns: names.clone(),
        values: (0..side * side).map(|cell| value(slot, cell)).collect(),
        borders: vec![side / 2],
    };
    Matrix {
        columns_are: "memory node".into(),
        rows_are: "CPU node".into(),
        unit: "ns".into(),
        low_is_near: true,
        panels: odd.slots().into_iter().map(panel).collect(),
    }
}

fn dotted(odd: Odd) -> Drawing {
    let of = |slot: usize| Dots {
        slot,
        values: (0..odd.places()).map(|place| odd.value(slot, place)).collect(),
    };
    dots::draw(&odd.slots().into_iter().map(of).collect::<Vec<_>>(), odd == TwentyOneDecades)
}

fn launched(odd: Odd) -> Order {
    let deviation = |slot: usize, place: usize| match odd {
        AllEqual | Zero => 0.0,
        TwentyOneDecades | NoNumbers => odd.value(slot, place),
        _ => [0.5, -4.0, 1.0][place] + slot as f64 * 0.2,
    };
    let launches = (0..odd.places()).flat_map(|place| {
        odd.slots()
            .into_iter()
            .map(move |slot| Launched { slot, deviation: deviation(slot, place) })
    });
    Order { margin: 3.0, launches: launches.collect() }
}

fn machine(odd: Odd, slot: usize) -> Machine {
    let node = |(number, cpus): (usize, usize)| Node {
        name: if odd == HostileNames { HOSTILE.into() } else { format!("node {number}") },
        cpus: (0..cpus).map(|cpu| (cpu, odd != Zero && cpu % 2 == 0)).collect(),
    };
    let sizes: &[usize] = match odd {
        Nothing => &[],
        OnePoint => &[1],
        TwentyOneDecades => &[0, 1, 300],
        _ => &[6, 6],
    };
    let nodes = sizes.iter().copied().enumerate().map(node).collect();
    Machine { slot, name: odd.name(slot), nodes }
}

/// A drawing of each kind, by its name.
pub(crate) fn kinds(odd: Odd, frame: Frame) -> Vec<(&'static str, Drawing)> {
    let machines: Vec<Drawing> =
        odd.slots().into_iter().map(|slot| strip::machine(&machine(odd, slot), frame)).collect();
    vec![
        ("line", line::draw(&lines(odd), frame)),
        ("bars", bars::draw(&grouped(odd), frame)),
        ("forest", forest::draw(&forest(odd), frame)),
        ("matrix", joined(&matrix::draw(&square(odd, odd.places()), frame))),
        ("dots", dotted(odd)),
        ("launches", strip::order(&launched(odd), frame)),
        ("machine", joined(&machines)),
    ]
}

/// All drawings of one kind below one another, each under what is odd about its data.
fn sheet(kind: &str) -> Vec<u8> {
    // The frame in which a page has it.
    let whole = ["forest", "launches"].contains(&kind);
    let frame = if whole { Frame::FULL } else { Frame::HALF };
    let of = |odd: Odd| {
        let found = kinds(odd, frame).into_iter().find(|(name, _)| *name == kind);
        (odd, found.unwrap().1)
    };
    let drawings: Vec<(Odd, Drawing)> = ALL.map(of).into();
    let width = drawings.iter().map(|(_, drawing)| drawing.width).fold(0.0, f64::max);
    let height = drawings.iter().map(|(_, drawing)| drawing.height + 44.0).sum();
    let mut sheet = Drawing::new(width, height);
    let mut y = 0.0;
    for (odd, drawing) in drawings {
        let how = Text { bold: true, ..Text::default() };
        sheet.text((0.0, y + 18.0), &format!("{kind}: {odd:?}"), how);
        sheet.nest((0.0, y + 30.0), 1.0, &drawing);
        y += drawing.height + 44.0;
    }
    sheet.document(kind, "").replace("><", ">\n<").into_bytes()
}

#[test]
fn each_kind_looks_as_it_did() {
    for (kind, _) in kinds(OneConfiguration, Frame::HALF) {
        insta::assert_binary_snapshot!(&format!("{kind}.svg"), sheet(kind));
    }
}

#[test]
fn odd_data_are_drawn_soundly() {
    let mut faults = Vec::new();
    for (frame, odd) in FRAMES.into_iter().flat_map(|frame| ALL.map(|odd| (frame, odd))) {
        for (kind, drawing) in kinds(odd, frame) {
            let what = format!("{kind} of {odd:?} in {} units", frame.width);
            faults.extend(sound::faults(&drawing, &what));
        }
        for side in [0, 1, 16, 17, 256] {
            let drawings = matrix::draw(&square(odd, side), frame);
            let what = format!("{side} x {side} of {odd:?} in {} units", frame.width);
            faults.extend(drawings.iter().flat_map(|drawing| sound::faults(drawing, &what)));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// The picture of 256 x 256 cells by its size and the shades of a few cells: near is bright.
#[test]
fn a_matrix_of_256_is_a_small_picture() {
    let mut matrix = square(AllEqual, 256);
    for panel in &mut matrix.panels {
        let value =
            |cell: usize| (cell != 1).then_some(if cell % 256 < 128 { 58.0 } else { 146.0 });
        panel.values = (0..256 * 256).map(value).collect();
    }
    let document = matrix::draw(&matrix, Frame::HALF)[0].document("", "");
    assert!(document.len() < 60_000, "{}", document.len());
    let picture = sound::Picture::of(&document);
    assert_eq!((picture.width, picture.height), (256, 256));
    let shades = [(0, 0), (0, 1), (0, 127), (0, 128), (255, 0), (255, 255)];
    let transparent = super::image::SHADES;
    assert_eq!(
        shades.map(|(row, column)| picture.shade(row, column)),
        [14, transparent, 14, 0, 14, 0]
    );
}

proptest! {
    #[test]
    fn texts_fit(text in ".{0,60}", size in 9.0..14.0_f64, width in 30.0..300.0_f64, most in 1_usize..4) {
        let fits = fitted(&text, size, width);
        prop_assert!(text_width(&fits, size) <= width + size, "{fits}");
        let lines = wrapped(&text, size, width, most);
        prop_assert!(lines.len() <= most);
        for line in lines {
            prop_assert!(text_width(&line, size) <= width + size, "{line}");
        }
    }
}

/// Pages zoom by the absolute places of a path: a marker must move as the point that it marks does.
#[test]
fn every_marker_begins_at_its_point() {
    for slot in 0..8 {
        let mut drawing = Drawing::new(100.0, 100.0);
        line::marks(&mut drawing, slot, &[(12.3, 40.0), (56.7, 8.9)], 0.85);
        let text = drawing.ornament("x");
        let (_, path) = text.split_once("d=\"").unwrap();
        let path = path.split('"').next().unwrap();
        let starts: Vec<&str> =
            path.split('M').skip(1).map(|rest| rest.split('m').next().unwrap()).collect();
        assert_eq!(starts, ["12.3 40", "56.7 8.9"], "{path}");
    }
}

#[test]
fn a_figure_alone_names_its_configurations() {
    let names = ["default", "numa"];
    let wide = line::draw(&lines(AllEqual), Frame::HALF);
    let key: Vec<(usize, String)> = names.map(str::to_owned).into_iter().enumerate().collect();
    let alone = super::keyed(&wide, &key);
    let faults = sound::faults(&alone, "a figure alone");
    assert!(faults.is_empty(), "{faults:#?}");
    let text = alone.document("", "");
    assert!(names.iter().all(|name| text.contains(&format!(">{name}</text>"))), "{text:.900}");
    let hostile: Vec<(usize, String)> = (0..8).map(|slot| (slot, HOSTILE.to_owned())).collect();
    assert!(sound::faults(&super::keyed(&wide, &hostile), "long names").is_empty());
    assert_eq!(super::keyed(&wide, &[]), wide);
}

#[test]
fn names_cut_in_their_middle_keep_their_ends() {
    let name = |size: &str| format!("gpu 0, memory pinned, route both, {size}");
    for size in ["64 KiB", "512 MiB"] {
        let cut = squeezed(&name(size), 12.5, 200.0);
        assert!(cut.starts_with("gpu 0") && cut.ends_with(size), "{cut}");
        assert!(text_width(&cut, 12.5) <= 212.5, "{cut}");
    }
    assert_eq!(squeezed("short", 12.5, 200.0), "short");
}

#[test]
fn texts_grow_where_a_figure_is_drawn_small() {
    let mut drawing = Drawing::new(100.0, 20.0);
    for size in [9.8, 11.0, Text::default().size, 14.0] {
        drawing.text((0.0, 10.0), "a \" font-size=\"1\"", Text { size, ..Text::default() });
    }
    let mut page = Drawing::new(100.0, 20.0);
    page.nest((0.0, 0.0), 1.0, &drawing.with_text_of(13.36));
    let text = page.ornament("x");
    let sizes: Vec<&str> =
        text.split(" font-size=\"").skip(1).map(|r| r.split('"').next().unwrap()).collect();
    assert_eq!(sizes, ["13.4", "13.4", "13.4", "14"]);
    assert_eq!(drawing.with_text_of(1.0), drawing);
}
