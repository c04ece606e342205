//! The chapters of a group: their figures, or one sentence where nothing really differs.

use super::view::{Line, View};
use super::words::{self, Chapter};
use super::{figures, matrices, sweeps};
use crate::compare::Verdict;
use crate::report::chart::{Figure, Frame};

/// A chapter.
pub struct Section {
    /// Its element's id.
    pub id: String,
    /// Which.
    pub chapter: Chapter,
    /// What stands before or in place of figures.
    pub note: Option<String>,
    /// Its figures.
    pub figures: Vec<Figure>,
}

/// Every chapter that has a line.
pub fn all(view: &View<'_>) -> Vec<Section> {
    let mut chapters: Vec<Chapter> =
        view.lines.iter().map(|line| Chapter::of(&line.kind, &line.case.benchmark)).collect();
    chapters.dedup();
    let numbered = chapters.into_iter().enumerate();
    numbered.map(|(number, chapter)| section(view, number, chapter)).collect()
}

fn section(view: &View<'_>, number: usize, chapter: Chapter) -> Section {
    let lines: Vec<&Line> = view
        .lines
        .iter()
        .filter(|line| Chapter::of(&line.kind, &line.case.benchmark) == chapter)
        .collect();
    let id = match &chapter {
        Chapter::Other(_) => format!("{}-kind{number}", view.id),
        known => format!("{}-{}", view.id, words::slug(&known.title())),
    };
    let note = note(view, &lines);
    let mut halves = Vec::new();
    if note.is_none() || !view.compared() {
        halves.extend(figures::bars(view, &lines, &id));
    }
    halves.extend(sweeps::percentiles(view, &lines, &format!("{id}-percentiles")));
    let curves = |first| sweeps::figures(view, &chapter, &lines, &id, first);
    let mut figures = curves(Frame::HALF);
    // The first curve has the whole page where the others are pairs without it.
    if (figures.len() + halves.len()) % 2 == 1 {
        figures = curves(Frame::FULL);
    }
    figures.extend(halves);
    figures.extend(matrices::figures(view, &lines, &id));
    Section { id, chapter, note, figures }
}

/// Most values that the sentence names.
const NAMED: usize = 4;

/// One sentence where no line of the chapter really differs.
fn note(view: &View<'_>, lines: &[&Line]) -> Option<String> {
    let decided: Vec<&&Line> = lines
        .iter()
        .filter(|line| !matches!(line.metric.role, vbench_results::Role::Info))
        .collect();
    if !view.compared() || decided.is_empty() || decided.iter().any(|line| line.moved()) {
        return None;
    }
    let count = |verdict: Verdict| {
        let cells = decided.iter().flat_map(|line| line.changes());
        cells.filter(|(_, cell)| cell.verdict == Some(verdict)).count()
    };
    let (same, unclear) = (count(Verdict::Equivalent), count(Verdict::Inconclusive));
    let verdict = match (same, unclear) {
        (0, 0) => "Nothing here can be compared.".to_owned(),
        (_, 0) => {
            format!("No real difference: all {same} are the same within \u{b1}{}.", view.margin())
        }
        (0, _) => format!("No difference is shown: all {unclear} are unclear."),
        _ => format!(
            "No difference is shown: {same} are the same within \u{b1}{}, {unclear} are unclear.",
            view.margin()
        ),
    };
    let representative = decided.iter().filter(|line| line.representative);
    let values: Vec<String> = representative.take(NAMED).filter_map(|line| spread(line)).collect();
    let values = if values.is_empty() { String::new() } else { format!(" {}.", values.join("; ")) };
    Some(format!("{verdict}{values}"))
}

/// `GPU matmul 21.1 to 21.4 ms`.
fn spread(line: &Line) -> Option<String> {
    let values = || line.values.iter().flatten().map(|value| value.typical);
    let (low, high) = (values().reduce(f64::min)?, values().reduce(f64::max)?);
    let detail = if line.detail.is_empty() { String::new() } else { format!(" ({})", line.detail) };
    let (low, high) = (line.number(low), line.with_unit(high));
    let range = if high.starts_with(&format!("{low} ")) || low == high {
        high
    } else {
        format!("{low} to {high}")
    };
    Some(format!("{}{detail} {range}", line.name))
}
