//! The matrix of effects: metric by factor, and every pair behind each cell.

mod data;

pub use self::data::{EFFECT_COLUMNS, csv, json};

use super::diff::View;
use super::diff::markdown::code;
use super::fit::{COMMENT, fit};
use super::table::{Column, Table};
use crate::compare::{Effect, Effects, MetricEffects, Verdict, Why};
use crate::text::number::{counted, digits, prefixed};
use crate::text::{inert, markdown as plain, wrap};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use vbench_results::{Better, Role};

/// The matrix, then every pair, then what stands in no cell.
pub fn text(effects: &Effects, view: View) -> String {
    let lines = shown(effects, view);
    let mut text = format!("{}\n", inert(&title(effects)));
    if single(effects) {
        let _ = writeln!(text, "note: {SINGLE}");
    }
    if lines.is_empty() {
        text.push_str("no two configurations of one system differ in one declared factor\n");
    } else {
        let _ = write!(text, "\n{}", matrix(effects, &lines, view).render(0, view.width));
        for line in &lines {
            let _ = write!(text, "\n{}", pairs(line, single(effects), view));
        }
    }
    for note in left_out(effects) {
        let _ = writeln!(text, "{}", wrap(&inert(&note), view.width, 4));
    }
    let legend = legend(effects);
    let wrapped: Vec<String> = legend.lines().map(|line| wrap(line, view.width, 8)).collect();
    text.push_str(&wrapped.join("\n"));
    text.push('\n');
    text
}

/// What is said once where it holds for every pair.
const SINGLE: &str = "one value a side in every pair: no difference is shown to be real";

/// No pair has a second value on either side.
fn single(effects: &Effects) -> bool {
    let mut all = effects.metrics.iter().flat_map(every).peekable();
    all.peek().is_some() && all.all(|(_, effect)| effect.why == Some(Why::Unreplicated))
}

/// The Markdown, short enough for a comment on a pull request.
pub fn comment(effects: &Effects, view: View) -> String {
    fit(&markdown(effects, view), COMMENT, "see vbench effects --format markdown")
}

/// The same as GitHub's Markdown.
pub fn markdown(effects: &Effects, view: View) -> String {
    let lines = shown(effects, view);
    let note = if single(effects) { format!("{SINGLE}\n\n") } else { String::new() };
    let mut text = format!("## {}\n\n{note}| metric |", plain(&title(effects)));
    for factor in &effects.factors {
        let _ = write!(text, " {} |", plain(factor));
    }
    let _ = write!(text, "\n|---|{}\n", "---|".repeat(effects.factors.len()));
    for line in &lines {
        let cells: Vec<String> =
            effects.factors.iter().map(|factor| cell(line, factor, view)).collect();
        let _ = writeln!(
            text,
            "| `{}` {} | {} |",
            plain(&line.case),
            plain(&line.metric.name),
            cells.join(" | ")
        );
    }
    text.push_str("\n| metric | factor | system | pair | change | verdict | note |\n");
    text.push_str("|---|---|---|---|---|---|---|\n");
    for line in &lines {
        for (factor, effect) in every(line) {
            let row = pair_cells(line, effect, single(effects), view)
                .map(|cell| plain(&cell))
                .join(" | ");
            let metric = format!("{} {}", code(&line.case), plain(&line.metric.name));
            let _ = writeln!(text, "| {metric} | {} | {row} |", plain(factor));
        }
    }
    text.push('\n');
    for note in left_out(effects) {
        let _ = writeln!(text, "- {}", plain(&note));
    }
    text
}

fn title(effects: &Effects) -> String {
    let pairs: BTreeSet<(&str, &str, &str)> = effects
        .metrics
        .iter()
        .flat_map(|line| line.cells.values().flatten())
        .map(|effect| (effect.system.as_str(), effect.base.as_str(), effect.candidate.as_str()))
        .collect();
    let systems: BTreeSet<&str> = pairs.iter().map(|(system, _, _)| *system).collect();
    let factors = match effects.factors.as_slice() {
        [] => "no declared factor".to_owned(),
        factors => factors.join(", "),
    };
    format!(
        "effects of {factors}: {} of configurations on {}",
        counted(pairs.len(), "pair"),
        counted(systems.len(), "system")
    )
}

/// The lines that are shown: those that are judged, or all.
fn shown(effects: &Effects, view: View) -> Vec<&MetricEffects> {
    let wanted = |line: &&MetricEffects| view.all_metrics || line.metric.role != Role::Info;
    effects.metrics.iter().filter(wanted).collect()
}

fn matrix(effects: &Effects, lines: &[&MetricEffects], view: View) -> Table {
    let mut columns = vec![Column::left("metric").flexible()];
    columns.extend(effects.factors.iter().map(|factor| Column::left(&inert(factor))));
    let mut table = Table::new(columns);
    let mut kind = "";
    for line in lines {
        if line.kind != kind {
            table.heading(&line.kind);
            kind = &line.kind;
        }
        let mut cells = vec![format!("  {} {}", line.case, line.metric.name)];
        cells.extend(effects.factors.iter().map(|factor| cell(line, factor, view)));
        table.row(cells);
    }
    table
}

/// The span of the pairs in a cell and how many there are of each verdict; never their mean.
fn cell(line: &MetricEffects, factor: &str, view: View) -> String {
    let Some(effects) = line.cells.get(factor) else { return "no pair".to_owned() };
    let ratios: Vec<f64> = effects.iter().filter_map(|effect| effect.ratio).collect();
    let low = ratios.iter().copied().reduce(f64::min);
    let high = ratios.iter().copied().reduce(f64::max);
    let span = match low.zip(high) {
        None => "-".to_owned(),
        Some((low, high)) if high >= 2.0 && low == high => format!("{}x", digits(high)),
        Some((low, high)) if high >= 2.0 => format!("{} to {}x", digits(low), digits(high)),
        Some((low, high)) if low == high => percent(low),
        Some((low, high)) => {
            format!("{} to {}", percent(low).trim_end_matches('%'), percent(high))
        }
    };
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    for effect in effects {
        *counts.entry(effect.verdict).or_default() += 1;
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(verdict, count)| {
            let sign = if view.unicode { verdict.sign() } else { verdict.ascii_sign() };
            format!("{count}{sign}")
        })
        .collect();
    let compound = if effects.iter().any(Effect::is_compound) { " #" } else { "" };
    format!("{span}  {}{compound}", counts.join(" "))
}

fn percent(ratio: f64) -> String {
    format!("{:+.1}%", 100.0 * (ratio - 1.0))
}

/// Every pair of a line with the factor it stands under.
fn every(line: &MetricEffects) -> Vec<(&str, &Effect)> {
    let cells = line
        .cells
        .iter()
        .flat_map(|(factor, effects)| effects.iter().map(move |effect| (factor.as_str(), effect)));
    cells.chain(line.confounded.iter().map(|effect| ("confounded", effect))).collect()
}

fn pairs(line: &MetricEffects, single: bool, view: View) -> String {
    let better = match line.metric.better {
        Better::Higher => "higher",
        Better::Lower => "lower",
    };
    let mut table = Table::new(vec![
        Column::left(""),
        Column::left(""),
        Column::right(""),
        Column::left(""),
        Column::left("").flexible(),
    ]);
    let mut under = "";
    for (factor, effect) in every(line) {
        if factor != under {
            table.heading(&format!("  {}", heading(factor, effect)));
            under = factor;
        }
        table.row(pair_cells(line, effect, single, view).to_vec());
    }
    let name = inert(&format!("{} {}", line.case, line.metric.name));
    format!("{name}  ({better} is better)\n{}", table.render(4, view.width))
}

fn heading(factor: &str, effect: &Effect) -> String {
    if factor == "confounded" {
        return "confounded: several factors change at once".to_owned();
    }
    if effect.is_compound() {
        return format!("{factor} #  {} change together", effect.settings.join(", "));
    }
    effect.settings.join(", ")
}

fn pair_cells(line: &MetricEffects, effect: &Effect, single: bool, view: View) -> [String; 5] {
    let arrow = view.arrow();
    let change = match (effect.before.zip(effect.after), effect.ratio) {
        (Some((before, after)), Some(ratio)) => {
            let (factor, unit) = prefixed(before, &line.metric.unit);
            let (before, after) = (digits(before / factor), digits(after / factor));
            let ratio = if ratio >= 2.0 { format!("{}x", digits(ratio)) } else { percent(ratio) };
            format!("{before} {arrow} {after} {unit}  {ratio}")
        }
        _ => "-".to_owned(),
    };
    [
        effect.system.clone(),
        format!("{} {arrow} {}", effect.base, effect.candidate),
        change,
        view.verdict(effect.verdict),
        remark(effect, single),
    ]
}

/// Why a pair decides nothing, and what else differs in it.
fn remark(effect: &Effect, single: bool) -> String {
    let mut remarks = Vec::new();
    match effect.why {
        Some(Why::Unreplicated) if single => {}
        Some(Why::Unreplicated) => remarks.push("one value a side".to_owned()),
        Some(Why::Noise) => remarks.push("too few launches for its spread".to_owned()),
        Some(Why::Drift) => remarks.push("not measured in turns".to_owned()),
        Some(Why::ZeroVariance) => remarks.push("no spread to judge by".to_owned()),
        Some(Why::NotExact) => remarks.push("values do not repeat".to_owned()),
        None => {}
    }
    remarks.extend(effect.reasons.iter().map(|note| note.text.clone()));
    if effect.factors.len() > 1 {
        remarks.push(format!("{} change", effect.factors.join(" and ")));
    }
    if !effect.also.is_empty() {
        remarks.push(format!("also {}", effect.also.join(", ")));
    }
    remarks.join("; ")
}

fn left_out(effects: &Effects) -> Vec<String> {
    let mut texts: Vec<String> =
        effects.left_out.iter().map(|note| format!("left out: {}", note.text)).collect();
    texts.sort();
    if !texts.is_empty() {
        texts.insert(0, String::new());
    }
    texts
}

fn legend(effects: &Effects) -> String {
    let margin = 100.0 * effects.policy.margin;
    let compound = effects.metrics.iter().flat_map(|line| line.cells.values().flatten());
    let mut text = format!(
        "\ncell    smallest and largest change over its pairs, and pairs of each verdict (margin \
         {margin}%); never averaged over systems\n"
    );
    if compound.clone().any(Effect::is_compound) {
        text.push_str("#       several settings of the factor change at once: their shares cannot be told apart\n");
    }
    text
}
