//! Squares of numbers: cases that fill one, node by node, and the pairs of vCPUs that a launch
//! stored as a whole.

use super::view::{Line, View};
use super::words;
use crate::report::chart::matrix::{Matrix, Panel, draw};
use crate::report::chart::{Figure, Frame, joined as whole};
use crate::report::square::{self, Layout, Place, Square, sentence};
use crate::report::table::inert;
use crate::text::cut;
use std::collections::{BTreeMap, BTreeSet};
use vbench_results::{Better, CaseId, CaseResult, Metric};

/// The two axes of a benchmark that make a square, rows first.
pub fn axes<'a>(axes: &BTreeMap<&'a str, BTreeSet<&str>>) -> Option<(&'a str, &'a str)> {
    square::axes(|name| {
        axes.get_key_value(name).filter(|(_, values)| values.len() > 1).map(|(name, _)| *name)
    })
}

/// A figure per benchmark that fills a square, for its first metric, and one per table of pairs.
pub fn figures(view: &View<'_>, lines: &[&Line], chapter: &str) -> Vec<Figure> {
    let mut drawn: Vec<Drawn<'_>> = of_cases(view, lines);
    drawn.extend(of_launches(view, lines));
    let numbered = drawn.iter().filter(|drawn| drawn.is_square()).take(4 * view.room.figures);
    numbered
        .enumerate()
        .map(|(number, drawn)| drawn.figure(view, &format!("{chapter}-matrix{number}")))
        .collect()
}

/// One square for every side.
struct Drawn<'v> {
    case: CaseId,
    metric: &'v Metric,
    shown: (f64, String),
    /// Of each side; nothing where it has none.
    sides: Vec<Option<Square>>,
}

fn of_cases<'v>(view: &'v View<'_>, lines: &[&'v Line]) -> Vec<Drawn<'v>> {
    let mut found: BTreeMap<CaseId, Vec<(Place, &'v Line)>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.gated()) {
        if let Some((_, place, rest)) = square::place(&line.case) {
            found.entry(rest).or_default().push((place, line));
        }
    }
    let drawn = found.into_iter().filter_map(|(case, cells)| {
        let first = cells.first()?.1;
        let (axes, _, _) = square::place(&first.case)?;
        let of = |slot: usize| {
            let value = |(place, line): &(Place, &Line)| {
                let value = line.values.get(slot)?.as_ref()?.typical;
                (line.metric.name == first.metric.name).then(|| (place.clone(), value))
            };
            let cells: Vec<(Place, f64)> = cells.iter().filter_map(value).collect();
            (!cells.is_empty()).then(|| Square::of(axes, &cells))
        };
        let sides = (0..view.names.len()).map(of).collect();
        Some(Drawn { case, metric: &first.metric, shown: first.shown.clone(), sides })
    });
    drawn.collect()
}

/// Tables of pairs that launches stored beside what they measured.
fn of_launches<'v>(view: &'v View<'_>, lines: &[&'v Line]) -> Vec<Drawn<'v>> {
    let stored: Vec<_> = (0..view.names.len()).map(|slot| with_pairs(view, slot)).collect();
    let mut seen: BTreeSet<&CaseId> = BTreeSet::new();
    let first = lines.iter().filter(|line| line.gated() && seen.insert(&line.case));
    let drawn = first.filter_map(|line| {
        let of = |stored: &BTreeMap<&CaseId, Vec<&'v CaseResult>>| {
            square::stored(stored.get(&line.case)?.iter().copied(), line.metric.better)
        };
        let sides: Vec<Option<Square>> = stored.iter().map(of).collect();
        let drawn = Drawn {
            case: line.case.clone(),
            metric: &line.metric,
            shown: line.shown.clone(),
            sides,
        };
        drawn.sides.iter().any(Option::is_some).then_some(drawn)
    });
    drawn.collect()
}

/// The results of one side that hold a table of pairs, by case: few of very many.
fn with_pairs<'v>(view: &'v View<'_>, slot: usize) -> BTreeMap<&'v CaseId, Vec<&'v CaseResult>> {
    let mut found: BTreeMap<&CaseId, Vec<&CaseResult>> = BTreeMap::new();
    let runs = view.group.sides.get(slot).into_iter().flat_map(|side| &side.runs);
    for case in runs.flat_map(|run| &run.cases).filter(|case| square::has_pairs(case)) {
        found.entry(&case.case).or_default().push(case);
    }
    found
}

/// The stored results of a case on one side.
fn cases<'v>(
    view: &'v View<'_>,
    slot: usize,
    case: &CaseId,
) -> impl Iterator<Item = &'v CaseResult> + use<'v> {
    let case = case.clone();
    let runs = view.group.sides.get(slot).into_iter().flat_map(|side| &side.runs);
    runs.flat_map(|run| &run.cases).filter(move |result| result.case == case)
}

/// Most rows or columns of which every cell also stands in a table with its verdicts.
const MOST_IN_TABLES: usize = 8;

/// Most cells of all sides of a figure, half a dozen bytes each: four sides of 64 vCPUs.
const MOST_CELLS: usize = 4 * 64 * 64;

/// Which lines are cells of a matrix that is too large for tables.
pub fn pictured(lines: &[Line]) -> Vec<bool> {
    let mut names: BTreeMap<&str, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
    for line in lines {
        if let Some((_, place, _)) = square::place(&line.case) {
            let (rows, columns) = names.entry(&line.case.benchmark).or_default();
            rows.insert(place.row);
            columns.insert(place.column);
        }
    }
    let large = |(rows, columns): &(BTreeSet<String>, BTreeSet<String>)| {
        rows.len().max(columns.len()) > MOST_IN_TABLES && rows.len().min(columns.len()) > 1
    };
    lines.iter().map(|line| names.get(line.case.benchmark.as_str()).is_some_and(large)).collect()
}

impl Drawn<'_> {
    /// Several rows and several columns: else it is a list.
    fn is_square(&self) -> bool {
        let several = |square: &Square| square.rows.len() > 1 && square.columns.len() > 1;
        self.sides.iter().flatten().any(several)
    }

    /// The sides that are drawn: all, or of large squares the base and the one that differs most
    /// from it, so that the page stays small.
    fn drawn(&self) -> Vec<(usize, &Square)> {
        let all: Vec<(usize, &Square)> = self
            .sides
            .iter()
            .enumerate()
            .filter_map(|(slot, s)| Some((slot, s.as_ref()?)))
            .collect();
        let cells: usize = all.iter().map(|(_, square)| square.values.len()).sum();
        let [(base, first), others @ ..] = all.as_slice() else { return all };
        let apart = |square: &Square| {
            let pairs = square.values.iter().zip(&first.values);
            let ratios = pairs.filter_map(|(a, b)| Some(((*a)? / (*b)?).ln().abs()));
            ratios.filter(|ratio| ratio.is_finite()).sum::<f64>()
        };
        if cells <= MOST_CELLS {
            return all;
        }
        let most = others.iter().max_by(|a, b| apart(a.1).total_cmp(&apart(b.1)));
        [(*base, *first)].into_iter().chain(most.copied()).collect()
    }

    fn figure(&self, view: &View<'_>, id: &str) -> Figure {
        let shown = self.drawn();
        let panels: Vec<Panel> =
            shown.iter().map(|(slot, square)| self.panel(view, *slot, square)).collect();
        let left_out = match (shown.first(), self.sides.iter().flatten().count() > shown.len()) {
            (Some((base, _)), true) => {
                format!("Drawn are {} and the one that differs most from it", view.names[*base])
            }
            _ => String::new(),
        };
        let (rows_are, columns_are) = self
            .sides
            .iter()
            .flatten()
            .next()
            .map(|square| (words::spelt(&square.rows_are), words::spelt(&square.columns_are)))
            .unwrap_or_default();
        let matrix = Matrix {
            columns_are,
            rows_are,
            unit: self.shown.1.clone(),
            low_is_near: self.metric.better == Better::Lower,
            panels,
        };
        let half = matrix.panels.len() == 1;
        let drawings = draw(&matrix, Frame::HALF);
        let detail = words::sentence(&inert(&words::detail(&self.case)));
        let told = self.told(view);
        let joined = if self.of_pairs() { self.joined() } else { String::new() };
        let parts = [detail, told.join(". "), joined, left_out, "Yellow is near".to_owned()];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        Figure {
            id: id.to_owned(),
            title: self.title(),
            caption: format!("{}.", parts.join(". ")),
            wide: whole(&drawings),
            parts: drawings,
            narrow: None,
            table: table(&matrix),
            half,
            key: Vec::new(),
        }
    }

    fn title(&self) -> String {
        let name = words::name(&self.case, &self.metric.name);
        let function = self.case.benchmark.rsplit("::").next().unwrap_or_default();
        // The metrics of a table of pairs sum it up: they are not what a cell shows.
        inert(&if self.of_pairs() {
            format!("{}, every pair of vCPUs", words::sentence(&words::spelt(function)))
        } else {
            name
        })
    }

    /// A table of pairs that launches stored as a whole.
    fn of_pairs(&self) -> bool {
        self.sides.iter().flatten().any(|square| square.rows_are == "vcpu")
    }

    /// How launches became one cell, see [`square::stored`]: not how they became the metrics.
    fn joined(&self) -> String {
        let quantile = format!("{:.0}%", 100.0 * square::quantile(self.metric.better));
        format!(
            "A cell is the {quantile} quantile of its pair over launches, which leaves out what was disturbed: \
             metrics of the table are medians of launches and can differ from it"
        )
    }

    /// What the square of each side says.
    fn told(&self, view: &View<'_>) -> Vec<String> {
        let (factor, unit) = (self.shown.0, self.shown.1.as_str());
        let text = |value: f64| {
            let number = crate::report::number::digits(value / factor);
            if unit.is_empty() { number } else { format!("{number} {unit}") }
        };
        let of = |(slot, square): (usize, &Option<Square>)| {
            let case = cases(view, slot, &self.case).next();
            let run = view.group.sides.get(slot)?.runs.first()?;
            let layout = Layout::of(&run.environment, case);
            let told = sentence(square.as_ref()?, &layout, self.metric.better, &text);
            (!told.is_empty()).then(|| format!("{}: {told}", view.names[slot]))
        };
        self.sides.iter().enumerate().filter_map(of).collect()
    }

    fn panel(&self, view: &View<'_>, slot: usize, square: &Square) -> Panel {
        let inert =
            |names: &[String]| names.iter().map(|name| cut(&inert(name), 40)).collect::<Vec<_>>();
        Panel {
            slot,
            name: view.names[slot].clone(),
            rows: inert(&square.rows),
            columns: inert(&square.columns),
            borders: borders(view, slot, square),
            values: square.values.iter().map(|value| value.map(|v| v / self.shown.0)).collect(),
        }
    }
}

/// The columns before which a memory node begins, where columns are CPUs.
fn borders(view: &View<'_>, slot: usize, square: &Square) -> Vec<usize> {
    let run = view.group.sides.get(slot).and_then(|side| side.runs.first());
    let Some(run) = run.filter(|_| !square.rows_are.ends_with("node")) else { return Vec::new() };
    let nodes = square::nodes(&run.environment);
    let firsts = nodes.into_iter().filter_map(|(_, cpus)| cpus.into_iter().min());
    let place = |cpu: usize| square.columns.iter().position(|name| *name == cpu.to_string());
    firsts.filter_map(place).filter(|place| *place > 0).collect()
}

/// The numbers of every panel, one row per row.
fn table(matrix: &Matrix) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for panel in &matrix.panels {
        let mut head =
            vec![format!("{}: {} \\ {}", panel.name, matrix.rows_are, matrix.columns_are)];
        head.extend(panel.columns.iter().cloned());
        rows.push(head);
        for (name, values) in panel.rows.iter().zip(panel.values.chunks(panel.columns.len().max(1)))
        {
            let number = |value: &Option<f64>| {
                value.map_or("\u{2013}".to_owned(), crate::report::number::digits)
            };
            rows.push([name.clone()].into_iter().chain(values.iter().map(number)).collect());
        }
    }
    rows
}
