//! Files without a browser: what an SVG parser complains about, and what a reader finds in a PDF.

use super::{options, pdf, png, tree};
use crate::compare::Policy;
use crate::report::chart::svg::{Drawing, Text, V};
use crate::report::chart::{Frame, tests as charts};
use crate::report::html::{Group, Kind, Room, Side, View, figures, pages};
use resvg::usvg::Tree;
use std::cell::RefCell;
use vbench_results::{
    Better, CaseResult, Environment, Estimator, Evidence, Launch, Metric, Outcome, Repeat,
    ResultSet, Role, Run, Unit,
};

mod reader;

fn drawing() -> Drawing {
    let mut drawing = Drawing::new(794.0, 1123.0);
    drawing.text((40.0, 60.0), "7.3\u{d7} \u{2713} \u{2717} \u{2248} <&", Text::default());
    drawing.text((40.0, 90.0), "bold", Text { bold: true, ..Text::default() });
    drawing
}

#[test]
fn a_picture_has_two_pixels_for_a_unit() {
    let png = png(&drawing()).unwrap();
    assert_eq!(&png[16..24], &[0, 0, 6, 52, 0, 0, 8, 198]);
}

/// A run of three launches whose metrics are `factor` times as large as those of another.
fn run(config: &str, factor: f64) -> ResultSet {
    let run = Run {
        id: format!("20260102T030405Z-{config}"),
        system: "7x-H200".into(),
        config: config.into(),
        started_at: "2026-01-02T03:04:05Z".into(),
        ..Run::default()
    };
    let mut results = ResultSet::new(run, Environment::default());
    let metric = |name: &str| Metric {
        name: name.into(),
        unit: Unit::decimal("B/s"),
        better: Better::Higher,
        role: Role::Gated,
        resolution: None,
        exact: false,
    };
    let launch = |name: &'static str, value: f64| {
        move |number: u32| Launch {
            launch: number,
            boot_id: Some("b".into()),
            position: number,
            at_s: f64::from(number),
            elapsed_s: 1.0,
            outcome: Outcome::Measured,
            facts: [].into(),
            repeats: vec![Repeat {
                repeat: 1,
                at_s: 0.0,
                elapsed_s: 1.0,
                iterations: 1,
                values: [(name, value * (1.0 + f64::from(number) / 1000.0))].into(),
                evidence: Evidence::default(),
            }],
        }
    };
    let mut case = |id: String, name: &'static str, value: f64| {
        results.cases.push(CaseResult {
            case: id.parse().unwrap(),
            kind: "memory".into(),
            version: "1".into(),
            estimator: Estimator::Center,
            metrics: vec![metric(name)],
            launches: (1..=4).map(launch(name, value)).collect(),
        });
    };
    case("memory::stream".into(), "triad", 77.2e9 * factor);
    for size in ["4KiB", "64KiB", "1MiB", "16MiB", "256MiB"] {
        case(format!("gpu::all_reduce/size={size}"), "busbw", 20.2e9 / factor);
    }
    for cell in 0..16 {
        let (cpu, memory) = (cell / 4, cell % 4);
        let value = if cpu == memory { 143e9 } else { 58e9 };
        case(format!("memory::nodes/cpu_node={cpu},memory_node={memory}"), "triad", value * factor);
    }
    results
}

/// Two configurations with curves, bars, a matrix, a forest and launches.
fn example() -> Group {
    let side = |config: &str, factor: f64| Side {
        name: config.into(),
        runs: vec![run(config, factor)],
        links: Vec::new(),
    };
    let sides = vec![side("default", 1.0), side("numa", 7.27)];
    Group { kind: Kind::Configurations, name: "7x-H200".into(), sides }
}

thread_local! {
    static COMPLAINTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Keeps what each thread is warned of.
struct Complaints;

impl log::Log for Complaints {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let said = format!("{}: {}", record.target(), record.args());
            COMPLAINTS.with_borrow_mut(|all| all.push(said));
        }
    }

    fn flush(&self) {}
}

/// What the parser says of a document.
fn complaints(document: &str) -> Vec<String> {
    COMPLAINTS.with_borrow_mut(Vec::clear);
    if let Err(error) = Tree::from_str(document, &options()) {
        return vec![error.to_string()];
    }
    COMPLAINTS.with_borrow_mut(std::mem::take)
}

#[test]
fn every_exported_figure_is_parsed_without_a_warning() {
    // Another test of this program may have been first: it is the same logger.
    let _ = log::set_logger(&Complaints);
    log::set_max_level(log::LevelFilter::Warn);
    let mut odd = Drawing::new(9.0, 9.0);
    odd.rect((0.0, 0.0), (9.0, 9.0), &[("fill", V::T("url(#nowhere)"))]);
    odd.shape("image", &[("width", V::N(9.0)), ("href", V::T("nothing"))]);
    assert!(!complaints(&odd.document("", "")).is_empty(), "the parser is not heard");
    let group = example();
    let view = View::new(&group, 0, &Policy::default(), Room::of(1));
    let exported = figures(&view);
    let kinds: Vec<&str> = exported.iter().map(|figure| figure.id.as_str()).collect();
    for kind in ["forest", "curve0", "matrix0", "order"] {
        assert!(kinds.iter().any(|id| id.ends_with(kind)), "{kind} is not among {kinds:?}");
    }
    let whole =
        exported.iter().map(|figure| figure.alone().document(&figure.title, &figure.caption));
    let odd = charts::ALL.into_iter().flat_map(|odd| charts::kinds(odd, Frame::FULL));
    let odd = odd.map(|(kind, drawing)| drawing.document(kind, "odd data"));
    let paper = pages(std::slice::from_ref(&view)).into_iter().map(|page| page.document("", ""));
    for document in whole.chain(odd).chain(paper) {
        let said = complaints(&document);
        assert!(said.is_empty(), "{said:?}: {document:.300}");
    }
}

#[test]
fn a_reader_finds_the_headline_and_every_font_in_a_pdf() {
    let group = example();
    let view = View::new(&group, 0, &Policy::default(), Room::of(1));
    let pages = pages(std::slice::from_ref(&view));
    let written = pdf(&pages, "7x-H200").unwrap();
    assert_eq!(written, pdf(&pages, "7x-H200").unwrap(), "the same bytes for the same pages");
    let document = reader::Document::of(&written);
    assert_eq!(document.pages().len(), pages.len());
    let text = document.text();
    for sentence in [
        "numa gives 7.3\u{d7} the memory bandwidth of default and loses 86% of its all-reduce.",
        "Which configuration for which workload",
        "Every metric against default",
    ] {
        // Lines are wrapped where a reader sees a space.
        let sentence: String = sentence.split_whitespace().collect();
        assert!(text.contains(&sentence), "{sentence:?} is not in {text}");
    }
    let fonts = document.fonts();
    for font in ["Inter-Regular", "Inter-SemiBold"] {
        let found = fonts.iter().find(|(name, _)| name.ends_with(font));
        let (name, bytes) = found.unwrap_or_else(|| panic!("no {font} in {fonts:?}"));
        assert!(*bytes > 1000, "{name} has {bytes} bytes");
    }
    assert!(fonts.iter().all(|(_, bytes)| *bytes > 0), "a font is not embedded: {fonts:?}");
}

#[test]
fn a_document_has_its_pages_and_its_signs() {
    let document = reader::Document::of(&pdf(&[drawing(), drawing()], "title").unwrap());
    assert_eq!(document.pages().len(), 2);
    let once = "7.3\u{d7}\u{2713}\u{2717}\u{2248}<&bold";
    assert_eq!(document.text(), once.repeat(2));
    assert!(tree(&drawing(), &options()).is_ok());
}
