//! The report on paper: pages of A4 as drawings, for a PDF without a browser.

use super::attention::findings;
use super::choose::{self, Choice};
use super::view::{Line, View};
use super::{environment, figures, headline, method, words};
use crate::report::chart::svg::{Drawing, Text};
use crate::report::chart::theme::{AXIS, GRID, INK, MUTE};
use crate::report::chart::{Figure, wrapped};

/// A4 at 96 units to the inch.
const WIDTH: f64 = 794.0;
const HEIGHT: f64 = 1123.0;
const MARGIN: f64 = 48.0;
/// Height of the smallest text in print: 6 pt, in units of which four are 3 pt.
const LEAST_TEXT: f64 = 8.0;
const INNER: f64 = WIDTH - 2.0 * MARGIN;

/// Blocks from top to bottom, page by page.
struct Flow {
    pages: Vec<Drawing>,
    y: f64,
}

impl Flow {
    fn new() -> Self {
        Self { pages: vec![Drawing::new(WIDTH, HEIGHT)], y: MARGIN }
    }

    /// Begins a page where `height` units have no room.
    fn need(&mut self, height: f64) {
        if self.y + height > HEIGHT - MARGIN && self.y > MARGIN {
            self.page();
        }
    }

    fn page(&mut self) {
        self.pages.push(Drawing::new(WIDTH, HEIGHT));
        self.y = MARGIN;
    }

    fn drawing(&mut self) -> &mut Drawing {
        let last = self.pages.len() - 1;
        &mut self.pages[last]
    }

    /// Words at `left`, wrapped to `width`.
    fn words(&mut self, text: &str, left: f64, width: f64, how: Text<'_>) {
        for line in wrapped(text, how.size, width, usize::MAX) {
            self.need(how.size * 1.45);
            let y = self.y + how.size;
            self.drawing().text((left, y), &line, how);
            self.y += how.size * 1.45;
        }
    }

    fn heading(&mut self, text: &str) {
        self.need(90.0);
        self.y += 16.0;
        self.words(
            text,
            MARGIN,
            INNER,
            Text { size: 16.0, bold: true, fill: INK, ..Text::default() },
        );
        self.y += 4.0;
    }

    fn paragraph(&mut self, text: &str) {
        self.words(text, MARGIN, INNER, Text { size: 11.0, fill: INK, ..Text::default() });
        self.y += 3.0;
    }

    /// A row of cells; each is wrapped within its share of the width.
    fn row(&mut self, cells: &[(String, f64)], bold: bool) {
        let size = 10.0;
        let lines: Vec<Vec<String>> = cells
            .iter()
            .map(|(text, share)| wrapped(text, size, share * INNER - 10.0, usize::MAX))
            .collect();
        let height = lines.iter().map(Vec::len).max().unwrap_or(1) as f64 * 14.0 + 6.0;
        self.need(height);
        let (mut left, top) = (MARGIN, self.y);
        for ((_, share), lines) in cells.iter().zip(lines) {
            for (index, line) in lines.iter().enumerate() {
                let fill = if bold { MUTE } else { INK };
                let how = Text { size, bold, fill, ..Text::default() };
                self.drawing().text((left, top + 12.0 + 14.0 * index as f64), line, how);
            }
            left += share * INNER;
        }
        self.y += height;
        let y = self.y - 1.0;
        self.drawing().line((MARGIN, y), (WIDTH - MARGIN, y), if bold { AXIS } else { GRID });
    }

    /// Figures below one another, those of half the page in pairs.
    fn figures(&mut self, figures: &[Figure]) {
        for run in figures.chunk_by(|a, b| a.half && b.half) {
            for pair in run.chunks(2) {
                let height = pair.iter().map(height).fold(0.0, f64::max);
                self.need(height + 14.0);
                let top = self.y + 8.0;
                for (index, figure) in pair.iter().enumerate() {
                    self.y = top;
                    self.figure(figure, MARGIN + (width(figure) + BESIDE) * index as f64);
                }
                self.y = top + height + 6.0;
            }
        }
    }

    fn figure(&mut self, figure: &Figure, left: f64) {
        let (width, scale) = (width(figure), scale(figure));
        self.words(&figure.title, left, width, TITLE);
        self.words(&figure.caption, left, width, CAPTION);
        let legible = figure.alone().with_text_of(LEAST_TEXT / scale);
        let at = (left, self.y + 4.0);
        self.drawing().nest(at, scale, &legible);
    }
}

const TITLE: Text<'static> = Text { size: 12.0, anchor: "start", fill: INK, bold: true };
const CAPTION: Text<'static> = Text { size: 10.0, anchor: "start", fill: MUTE, bold: false };
/// Between two figures side by side.
const BESIDE: f64 = 22.0;

fn width(figure: &Figure) -> f64 {
    if figure.half { (INNER - BESIDE) / 2.0 } else { INNER }
}

/// A figure that is higher than a page is scaled down to one.
fn scale(figure: &Figure) -> f64 {
    let drawing = figure.alone();
    let scale = (width(figure) / drawing.width).min(1.0);
    scale.min((HEIGHT - 2.0 * MARGIN - 80.0) / drawing.height)
}

/// Height of a figure with its words.
fn height(figure: &Figure) -> f64 {
    let lines = |text: &str, how: Text<'_>| {
        wrapped(text, how.size, width(figure), usize::MAX).len() as f64 * how.size * 1.45
    };
    let words = lines(&figure.title, TITLE) + lines(&figure.caption, CAPTION);
    words + 4.0 + figure.alone().height * scale(figure)
}

/// The pages of all groups; each begins on a page of its own.
pub fn pages(views: &[View<'_>]) -> Vec<Drawing> {
    let mut flow = Flow::new();
    for (number, view) in views.iter().enumerate() {
        if number > 0 {
            flow.page();
        }
        group(&mut flow, view);
    }
    let count = flow.pages.len();
    for (number, page) in flow.pages.iter_mut().enumerate() {
        let text = format!("vbench {}, page {} of {count}", env!("CARGO_PKG_VERSION"), number + 1);
        page.text((WIDTH - MARGIN, HEIGHT - 24.0), &text, Text { size: 9.0, ..Text::END });
    }
    flow.pages
}

fn group(flow: &mut Flow, view: &View<'_>) {
    let classes = choose::classes(view);
    let mut eyebrow = vec![crate::report::table::inert(&view.group.name)];
    eyebrow.extend(environment::summary(view));
    eyebrow.extend(method::dates(view));
    flow.words(&eyebrow.join(" \u{b7} "), MARGIN, INNER, Text { size: 10.5, ..Text::default() });
    flow.y += 6.0;
    let how = Text { size: 21.0, bold: true, fill: INK, ..Text::default() };
    flow.words(&headline::headline(view, &classes), MARGIN, INNER, how);
    flow.y += 4.0;
    flow.paragraph(&headline::lede(view, &classes));
    flow.paragraph(&counted(view));
    if view.compared() && !classes.is_empty() {
        choices(flow, view, &classes);
    }
    let found = findings(view);
    if !found.is_empty() {
        flow.heading("Needs attention");
    }
    for finding in &found {
        let how = Text { size: 11.0, bold: true, fill: INK, ..Text::default() };
        flow.words(
            &format!("{}: {}", words::sentence(finding.severity.word()), finding.title),
            MARGIN,
            INNER,
            how,
        );
        flow.paragraph(&format!(
            "{} {} Do: {} Check: {}",
            finding.evidence, finding.effect, finding.remedy, finding.check
        ));
    }
    numbers(flow, view);
    if let Some(forest) = figures::forest(view) {
        flow.figures(&[forest]);
    }
    for section in super::sections::all(view) {
        // A heading stands above its first figure.
        flow.need(section.figures.first().map_or(0.0, |first| height(first) + 80.0));
        flow.heading(&section.chapter.title());
        if let Some(note) = &section.note {
            flow.paragraph(note);
        }
        flow.figures(&section.figures);
    }
    environment_and_method(flow, view);
}

fn counted(view: &View<'_>) -> String {
    let counts = headline::counts(view);
    let launches = method::launches_each(view);
    if !view.compared() {
        return format!("{launches}.");
    }
    format!(
        "{} differences tested: {} real, {} same within \u{b1}{}, {} unclear. {launches}.",
        counts.real + counts.same + counts.unclear,
        counts.real,
        counts.same,
        view.margin(),
        counts.unclear
    )
}

fn choices(flow: &mut Flow, view: &View<'_>, classes: &[choose::Class<'_>]) {
    flow.heading("Which configuration for which workload");
    let head = ["If it mostly does \u{2026}", "Use", "Because", "You give up"];
    let shares = [0.23, 0.17, 0.38, 0.22];
    let cells = |texts: [String; 4]| texts.into_iter().zip(shares).collect::<Vec<_>>();
    flow.row(&cells(head.map(str::to_owned)), true);
    for class in classes {
        let advice = choose::advice(view, class, classes);
        let used = match advice.choice {
            Choice::Side(slot) => view.names[slot].clone(),
            Choice::Any => "any".to_owned(),
            Choice::Unclear => "? unclear".to_owned(),
        };
        let because = format!("{}. {}", advice.because, advice.numbers);
        flow.row(&cells([class.title.clone(), used, because, advice.gives_up]), false);
    }
}

fn numbers(flow: &mut Flow, view: &View<'_>) {
    let lines: Vec<&Line> =
        view.lines.iter().filter(|line| line.listed && line.representative).collect();
    if lines.is_empty() {
        return;
    }
    flow.heading(if view.compared() { "Compare" } else { "Numbers" });
    let share = 0.72 / view.names.len() as f64;
    let mut head = vec![("Metric".to_owned(), 0.28)];
    head.extend(view.names.iter().map(|name| (name.clone(), share)));
    flow.row(&head, true);
    for line in lines {
        let detail =
            if line.detail.is_empty() { String::new() } else { format!(" ({})", line.detail) };
        let mut row =
            vec![(format!("{}{detail}, {}", line.name, words::unit_and_direction(line)), 0.28)];
        for (slot, cell) in line.cells.first().into_iter().flatten().enumerate() {
            let value = line.values.get(slot).and_then(Option::as_ref);
            let number = super::table::number(line, value, cell);
            let verdict = if view.compared() { words::verdict(cell) } else { String::new() };
            row.push((format!("{number} {verdict}"), share));
        }
        flow.row(&row, false);
    }
}

fn environment_and_method(flow: &mut Flow, view: &View<'_>) {
    let differences = environment::differences(view);
    if view.compared() && !differences.layout.is_empty() {
        flow.heading("Facts that differ");
        let share = 0.7 / view.names.len() as f64;
        let mut head = vec![("Fact".to_owned(), 0.3)];
        head.extend(view.names.iter().map(|name| (name.clone(), share)));
        flow.row(&head, true);
        for fact in &differences.layout {
            let mut row = vec![(fact.fact.clone(), 0.3)];
            row.extend(fact.values.iter().map(|value| (value.clone(), share)));
            flow.row(&row, false);
        }
    }
    flow.heading("Method");
    if let Some(launches) = method::launches(view) {
        flow.figures(&[launches]);
    }
    for rule in method::rules(view) {
        flow.paragraph(&rule);
    }
}
