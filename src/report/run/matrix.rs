//! Squares of a run in a terminal: numbers while they fit, else a picture of digits or of half
//! blocks, and below it the sentence that says what they show.

use super::Detail;
use crate::report::number::{digits, prefixed, with_unit};
use crate::report::square::{self, Layout, Place, Square, sentence};
use crate::report::table::{Column, Table, inert};
use crate::stats::{median, summarize};
use crate::terminal::{SHADES, Tone, half_block};
use crate::text::wrap;
use std::collections::BTreeMap;
use std::fmt::Write;
use vbench_results::{CaseId, CaseResult, Metric, ResultSet, Role};

/// One square of a run.
struct Drawn<'r> {
    case: CaseId,
    metric: &'r Metric,
    square: Square,
    told: String,
    /// Its numbers sum up pairs: the metric's name is not that of a cell.
    of_pairs: bool,
}

/// Every square of the run, each with its sentence. Pictures are drawn only where they are asked
/// for: they are as tall as the machine has CPUs.
pub fn render(results: &ResultSet, detail: Detail, width: usize) -> String {
    let mut text = String::new();
    for drawn in of_cases(results).into_iter().chain(of_launches(results)) {
        let _ = writeln!(text, "{}", detail.style.paint(Tone::Title, &drawn.heading()));
        match drawn.numbers(width) {
            Some(table) => text.push_str(&table.styled(detail.style).render(2, width)),
            None if detail.pictures => text.push_str(&drawn.picture(detail, width)),
            None => {}
        }
        let _ = writeln!(text, "  {}", wrap(&drawn.told, width.saturating_sub(2), 2));
    }
    text
}

fn decided(case: &CaseResult) -> Option<&Metric> {
    case.metrics.iter().find(|metric| metric.role != Role::Info)
}

fn of_cases(results: &ResultSet) -> Vec<Drawn<'_>> {
    let mut found: BTreeMap<CaseId, Vec<(Place, &CaseResult)>> = BTreeMap::new();
    for case in &results.cases {
        if let Some((_, place, rest)) = square::place(&case.case) {
            found.entry(rest).or_default().push((place, case));
        }
    }
    let drawn = found.into_iter().filter_map(|(case, cells)| {
        let (first, metric) = cells.iter().find_map(|(_, case)| Some((*case, decided(case)?)))?;
        let (axes, _, _) = square::place(&first.case)?;
        let value = |(place, case): &(Place, &CaseResult)| {
            let headline = summarize(case, metric)?.headline(case.estimator);
            Some((place.clone(), headline))
        };
        let cells: Vec<(Place, f64)> = cells.iter().filter_map(value).collect();
        let square = Square::of(axes, &cells);
        (square.rows.len() > 1 && square.columns.len() > 1)
            .then(|| Drawn::new(results, case, metric, square, first))
    });
    drawn.collect()
}

fn of_launches(results: &ResultSet) -> Vec<Drawn<'_>> {
    let drawn = results.cases.iter().filter_map(|case| {
        let metric = decided(case)?;
        let square = square::stored([case], metric.better)?;
        Some(Drawn::new(results, case.case.clone(), metric, square, case))
    });
    drawn.collect()
}

/// Rows of a picture beyond which two rows and two columns share a digit.
const MANY: usize = 32;

impl<'r> Drawn<'r> {
    fn new(
        results: &ResultSet,
        case: CaseId,
        metric: &'r Metric,
        square: Square,
        first: &CaseResult,
    ) -> Self {
        let layout = Layout::of(&results.environment, Some(first));
        let text = |value: f64| with_unit(value, &metric.unit);
        let told = sentence(&square, &layout, metric.better, &text);
        let of_pairs = square.rows_are == "vcpu";
        Self { case, metric, square, told, of_pairs }
    }

    fn heading(&self) -> String {
        let what = if self.of_pairs { "every pair of vCPUs" } else { &self.metric.name };
        inert(&format!("{}  {what}", self.case))
    }

    /// The numbers in columns; nothing where they are wider than the terminal.
    fn numbers(&self, width: usize) -> Option<Table> {
        let middle = median_of(&self.square)?;
        let (factor, unit) = prefixed(middle, &self.metric.unit);
        let name = |axis: &str, name: &str| inert(&format!("{} {name}", short(axis)));
        let mut columns = vec![Column::left(&inert(&unit))];
        let titles = self.square.columns.iter();
        columns.extend(titles.map(|column| Column::right(&name(&self.square.columns_are, column))));
        let mut table = Table::new(columns);
        for (r, row) in self.square.rows.iter().enumerate() {
            let number = |c| self.square.value(r, c).map_or("-".to_owned(), |v| digits(v / factor));
            let mut cells = vec![name(&self.square.rows_are, row)];
            cells.extend((0..self.square.columns.len()).map(number));
            table.row(cells);
        }
        (table.full_width() + 2 <= width).then_some(table)
    }

    /// A cell for each pair, or for several: shades of half blocks where a terminal shows them, else
    /// digits.
    fn picture(&self, detail: Detail, width: usize) -> String {
        let blocks = detail.style.unicode && detail.style.colour;
        let side = self.square.rows.len().max(self.square.columns.len());
        let room = width.saturating_sub(2).max(1);
        let least = if !blocks && side > MANY { 2 } else { 1 };
        let pool = side.div_ceil(room).max(least);
        let (low, high) = ends(&self.square);
        let shade = |value: f64| {
            let share = if high > low { (value / low).ln() / (high / low).ln() } else { 0.0 };
            (share.clamp(0.0, 1.0) * (SHADES - 1) as f64).round() as usize
        };
        let rows: Vec<Vec<Option<usize>>> = (0..self.square.rows.len())
            .step_by(pool)
            .map(|row| {
                let columns = (0..self.square.columns.len()).step_by(pool);
                columns.map(|column| self.pooled(row, column, pool).map(shade)).collect()
            })
            .collect();
        let mut text = String::new();
        for lines in rows.chunks(if blocks { 2 } else { 1 }) {
            text.push_str("  ");
            for (at, top) in lines[0].iter().enumerate() {
                let below = lines.get(1).and_then(|line| line.get(at)).copied().flatten();
                match blocks {
                    true => text.push_str(&half_block(*top, below)),
                    false => text.push_str(&top.map_or(".".to_owned(), |digit| digit.to_string())),
                }
            }
            text.push('\n');
        }
        let unit = |value: f64| with_unit(value, &self.metric.unit);
        let scale = if blocks { "dark" } else { "0" };
        let top = if blocks { "bright".to_owned() } else { (SHADES - 1).to_string() };
        let cell = if pool > 1 { format!("; {pool} x {pool} vCPUs a cell") } else { String::new() };
        let _ = writeln!(text, "  {scale} is {}, {top} is {}{cell}", unit(low), unit(high));
        text
    }

    /// The median of a block of cells.
    fn pooled(&self, row: usize, column: usize, pool: usize) -> Option<f64> {
        let rows = row..(row + pool).min(self.square.rows.len());
        let mut values: Vec<f64> = rows
            .flat_map(|r| {
                let columns = column..(column + pool).min(self.square.columns.len());
                columns.filter_map(move |c| self.square.value(r, c))
            })
            .filter(|value| *value > 0.0)
            .collect();
        values.sort_by(f64::total_cmp);
        (!values.is_empty()).then(|| median(&values))
    }
}

/// What an axis is called beside a number.
fn short(axis: &str) -> &str {
    match axis {
        "cpu_node" => "cpu",
        "memory_node" => "mem",
        other => other,
    }
}

fn sorted(square: &Square) -> Vec<f64> {
    let mut values: Vec<f64> =
        square.cells().map(|(_, _, value)| value).filter(|value| *value > 0.0).collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median_of(square: &Square) -> Option<f64> {
    let values = sorted(square);
    (!values.is_empty()).then(|| median(&values))
}

/// The values that the first and the last shade stand for: all but the outermost half percent.
fn ends(square: &Square) -> (f64, f64) {
    let values = sorted(square);
    let at = |share: f64| {
        values.get((share * values.len().saturating_sub(1) as f64).round() as usize).copied()
    };
    (at(0.005).unwrap_or(1.0), at(0.995).unwrap_or(1.0))
}
