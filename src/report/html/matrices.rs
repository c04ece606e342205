//! Cases that fill a square: node by node, core by core.

use super::view::{Line, View};
use super::words;
use crate::report::chart::matrix::{Matrix, Panel, draw};
use crate::report::chart::{Figure, Frame};
use std::collections::{BTreeMap, BTreeSet};
use vbench_results::Better;

/// Pairs of axes that make a square, rows first.
const PAIRS: &[(&str, &str)] = &[
    ("cpu_node", "memory_node"),
    ("from", "to"),
    ("cpu_a", "cpu_b"),
    ("first", "second"),
    ("gpu_from", "gpu_to"),
];

/// The two axes of a benchmark that make a square, rows first.
pub fn axes<'a>(axes: &BTreeMap<&'a str, BTreeSet<&str>>) -> Option<(&'a str, &'a str)> {
    let known = |name: &str| axes.get_key_value(name).filter(|(_, values)| values.len() > 1);
    PAIRS.iter().find_map(|(rows, columns)| Some((*known(rows)?.0, *known(columns)?.0)))
}

/// A figure per benchmark that fills a square, for its first metric.
pub fn figures(view: &View<'_>, lines: &[&Line], chapter: &str) -> Vec<Figure> {
    let mut benchmarks: BTreeMap<&str, Vec<&Line>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.gated()) {
        benchmarks.entry(&line.case.benchmark).or_default().push(line);
    }
    let found = benchmarks.into_values().enumerate().filter_map(|(number, lines)| {
        let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let metric = &lines.first()?.metric.name;
        let lines: Vec<&Line> = lines.into_iter().filter(|l| &l.metric.name == metric).collect();
        for (axis, value) in lines.iter().flat_map(|line| &line.case.params) {
            values.entry(axis).or_default().insert(value);
        }
        let (rows, columns) = axes(&values)?;
        let id = format!("{chapter}-matrix{number}");
        Some(figure(view, &lines, rows, columns, &id))
    });
    found.collect()
}

/// Most rows or columns of which every cell also stands in a table with its verdicts.
const MOST_IN_TABLES: usize = 8;

/// Which lines are cells of a matrix that is too large for tables.
pub fn pictured(lines: &[Line]) -> Vec<bool> {
    let mut values: BTreeMap<&str, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for line in lines {
        let axes_ = values.entry(&line.case.benchmark).or_default();
        for (axis, value) in &line.case.params {
            axes_.entry(axis).or_default().insert(value);
        }
    }
    let large = |values: &BTreeMap<&str, BTreeSet<&str>>| {
        let count = |axis: &str| values.get(axis).map_or(0, BTreeSet::len);
        axes(values).is_some_and(|(rows, columns)| count(rows).max(count(columns)) > MOST_IN_TABLES)
    };
    let large: BTreeSet<&str> = values
        .iter()
        .filter(|(_, values)| large(values))
        .map(|(benchmark, _)| *benchmark)
        .collect();
    lines.iter().map(|line| large.contains(line.case.benchmark.as_str())).collect()
}

fn figure(view: &View<'_>, lines: &[&Line], rows: &str, columns: &str, id: &str) -> Figure {
    let first = lines[0];
    let names = |axis: &str| -> Vec<String> {
        let mut names: Vec<&String> =
            lines.iter().filter_map(|line| line.case.params.get(axis)).collect();
        names.sort_by_key(|name| (words::rank(name), name.as_str()));
        names.dedup();
        names.into_iter().cloned().collect()
    };
    let (row_names, column_names) = (names(rows), names(columns));
    let panels: Vec<Panel> = (0..view.names.len())
        .map(|slot| panel(view, lines, (rows, &row_names), (columns, &column_names), slot))
        .filter(|panel| panel.values.iter().any(Option::is_some))
        .collect();
    let summary = panels.first().map(|panel| summary(panel, first)).unwrap_or_default();
    let matrix = Matrix {
        columns_are: words::spelt(columns),
        rows_are: words::spelt(rows),
        unit: first.shown.1.clone(),
        low_is_near: first.metric.better == Better::Lower,
        panels,
    };
    let half = matrix.panels.len() == 1 && column_names.len() < 9;
    Figure {
        id: id.to_owned(),
        title: first.name.clone(),
        caption: format!("{summary} Yellow is near."),
        wide: draw(&matrix, if half { Frame::HALF } else { Frame::FULL }),
        narrow: Some(draw(&matrix, Frame::NARROW)),
        table: table(&matrix),
        half,
    }
}

fn panel(
    view: &View<'_>,
    lines: &[&Line],
    (rows, row_names): (&str, &[String]),
    (columns, column_names): (&str, &[String]),
    slot: usize,
) -> Panel {
    let place =
        |names: &[String], name: Option<&String>| names.iter().position(|n| Some(n) == name);
    let mut values = vec![None; row_names.len() * column_names.len()];
    for line in lines {
        let row = place(row_names, line.case.params.get(rows));
        let column = place(column_names, line.case.params.get(columns));
        let value = line.values.get(slot).and_then(Option::as_ref);
        if let (Some(row), Some(column), Some(value)) = (row, column, value)
            && let Some(cell) = values.get_mut(row * column_names.len() + column)
        {
            *cell = Some(value.typical / line.shown.0);
        }
    }
    let inert =
        |names: &[String]| names.iter().map(|name| crate::report::table::inert(name)).collect();
    Panel {
        slot,
        name: view.names[slot].clone(),
        rows: inert(row_names),
        columns: inert(column_names),
        borders: borders(view, slot, column_names),
        values,
    }
}

/// The columns before which a memory node begins, where columns are CPUs.
fn borders(view: &View<'_>, slot: usize, columns: &[String]) -> Vec<usize> {
    let Some(run) = view.group.sides.get(slot).and_then(|side| side.runs.first()) else {
        return Vec::new();
    };
    let firsts =
        super::environment::nodes(run).into_iter().filter_map(|(_, cpus)| cpus.first().copied());
    let place = |cpu: usize| columns.iter().position(|name| *name == cpu.to_string());
    firsts.filter_map(place).filter(|place| *place > 0).collect()
}

/// `Local 142 GB/s, elsewhere 58 GB/s (41% of local).` for squares whose rows are their columns.
fn summary(panel: &Panel, line: &Line) -> String {
    let side = panel.rows.len();
    if panel.rows != panel.columns || side < 2 {
        return String::new();
    }
    let median = |local: bool| {
        let cells =
            panel.values.iter().enumerate().filter(|(at, _)| (at / side == at % side) == local);
        let mut values: Vec<f64> = cells.filter_map(|(_, value)| *value).collect();
        values.sort_by(f64::total_cmp);
        (!values.is_empty()).then(|| crate::stats::median(&values))
    };
    let text = |value: f64| line.with_unit(value * line.shown.0);
    match (median(true), median(false)) {
        (Some(local), Some(other)) => format!(
            "{}: local {}, elsewhere {} ({:.0}% of local).",
            panel.name,
            text(local),
            text(other),
            100.0 * other / local
        ),
        (None, Some(other)) => format!("{}: median {}.", panel.name, text(other)),
        _ => String::new(),
    }
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
