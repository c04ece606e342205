//! The comparison on a terminal.

use super::cells::{
    Section, View, basis, bests, change, detectable, interval, margin, members, notes, obstacles,
    out_of_turn, ratio, remark, sections, summary, unsettled, values,
};
use crate::compare::{Comparison, FactDifference, Group, Pair, Row, Verdict};
use crate::report::table::{Column, Table, cut, inert};
use crate::terminal::Tone;
use crate::text::wrap;
use std::fmt::Write;
use vbench_results::Role;

/// The comparison as text of at most `view.width` columns where names allow it.
pub fn text(comparison: &Comparison, view: View) -> String {
    let pairs: Vec<String> =
        comparison.pairs.iter().map(|pair| pair_text(comparison, pair, view)).collect();
    let mut text = pairs.join("\n");
    let detects = text.contains(&view.style().paint(Tone::Quiet, "detects"));
    text.push_str(&legend(comparison, detects, view));
    text
}

fn pair_text(comparison: &Comparison, pair: &Pair, view: View) -> String {
    let (base, candidate) = (inert(&comparison.base.name), inert(&pair.candidate.name));
    let basis = inert(&basis(comparison, pair));
    let sides = format!("{base} {} {candidate}", view.arrow());
    let title = wrap(&format!("{sides}   {basis}"), view.width, 2);
    let mut text = title.replacen(&sides, &view.style().paint(Tone::Title, &sides), 1) + "\n";
    text.push_str(&facts(pair, view));
    for note in notes(pair) {
        text.push_str(&sentence(&format!("note: {note}"), view));
    }
    let table = table(&sections(pair, view), comparison, pair, view);
    let _ = write!(text, "\n{}\n", table.render(2, view.width));
    text.push_str(&sentence(&summary(pair, &comparison.policy), view));
    let lines = unsettled(pair).into_iter().chain(out_of_turn(pair));
    for line in lines.chain(obstacles(pair, view)) {
        text.push_str(&sentence(&line, view));
    }
    text
}

/// Lines of whole words.
fn sentence(text: &str, view: View) -> String {
    wrap(&inert(text), view.width, 2) + "\n"
}

/// One table, so that columns line up over all headings.
fn table(sections: &[Section<'_>], comparison: &Comparison, pair: &Pair, view: View) -> Table {
    let name = |name: &str| cut(&inert(name), NAME_WIDTH);
    let mut table = Table::new(vec![
        Column::left("case"),
        Column::left("metric"),
        Column::right(&name(&comparison.base.name)).droppable(2),
        Column::right(&name(&pair.candidate.name)),
        Column::left(""),
        Column::left("change"),
        Column::left("95% interval").droppable(3),
        Column::left("verdict").toned(verdict_tone),
        Column::left("").droppable(4).toned(|_| Tone::Quiet),
        Column::right("detects").droppable(5),
        Column::left("best").droppable(6),
    ])
    .styled(view.style());
    for section in sections {
        table.heading(section.title);
        for row in &section.rows {
            let mut cells = cells(row, comparison, view);
            // The heading above says it already.
            if let Some(rest) = cells[0].strip_prefix(&format!("{}::", section.title)) {
                cells[0] = rest.to_owned();
            }
            table.row(cells);
        }
        if let Some(group) = section.group {
            table.row(group_cells(group, view));
        }
    }
    drop_empty(&mut table);
    table
}

fn cells(row: &Row, comparison: &Comparison, view: View) -> Vec<String> {
    let [base, candidate, unit] = values(row);
    let judged = row.metric.role != Role::Info;
    vec![
        row.case.to_string(),
        row.metric.name.clone(),
        base,
        candidate,
        unit,
        change(row),
        row.change.as_ref().map(interval).unwrap_or_default(),
        if judged { view.verdict(row.verdict) } else { String::new() },
        if judged { remark(row, &comparison.policy) } else { String::new() },
        detectable(row),
        bests(row, view),
    ]
}

fn group_cells(group: &Group, view: View) -> Vec<String> {
    let blank = String::new;
    vec![
        "geometric mean".to_owned(),
        members(group),
        blank(),
        blank(),
        blank(),
        ratio(group.change.ratio),
        interval(&group.change),
        view.verdict(group.verdict),
    ]
}

/// The colour of a verdict, read from its word.
fn verdict_tone(cell: &str) -> Tone {
    let is =
        |verdict: &Verdict| cell.split_once(' ').is_some_and(|(_, word)| word == verdict.word());
    match Verdict::ALL.into_iter().find(is) {
        Some(Verdict::Improvement) => Tone::Good,
        Some(Verdict::Regression) => Tone::Bad,
        Some(Verdict::Inconclusive) => Tone::Doubt,
        Some(Verdict::Equivalent | Verdict::Incomparable) => Tone::Quiet,
        None => Tone::Plain,
    }
}

/// Columns without any text only cost width.
fn drop_empty(table: &mut Table) {
    let empty = |index: &usize| {
        table.rows.iter().all(|row| row.get(*index).is_none_or(|cell| cell.is_empty()))
    };
    let kept: Vec<usize> = (0..table.columns.len()).filter(|index| !empty(index)).collect();
    let pick = |index: &usize, row: &[String]| row.get(*index).cloned().unwrap_or_default();
    for row in &mut table.rows {
        *row = kept.iter().map(|index| pick(index, row)).collect();
    }
    table.columns = kept.iter().map(|index| table.columns[*index].clone()).collect();
}

/// Longest name of a side that heads a column whole.
const NAME_WIDTH: usize = 16;
/// Longest value of a fact that is shown whole.
const FACT_WIDTH: usize = 40;

fn facts(pair: &Pair, view: View) -> String {
    let mut table = Table::new(vec![Column::left(""), Column::left(""), Column::left("")]);
    let (mut names, mut amounts) = (Vec::new(), Vec::new());
    for fact in &pair.facts {
        let side = |values: &[String]| cut(&values.join(" | "), FACT_WIDTH);
        if fact.identifying {
            names.push(fact.fact.as_str());
        } else if is_passing(fact) {
            amounts.push(fact.fact.as_str());
        } else {
            let change = format!("{} {} {}", side(&fact.base), view.arrow(), side(&fact.candidate));
            table.row(vec![fact.fact.clone(), change, status(fact).to_owned()]);
        }
    }
    let mut text = String::new();
    if !table.rows.is_empty() {
        let _ = write!(text, "facts that differ\n{}", table.render(2, view.width));
    }
    for (what, facts) in [("names that differ", names), ("amounts of the moment", amounts)] {
        if !facts.is_empty() {
            let line = format!("  {what}: {}", inert(&facts.join(", ")));
            let _ = writeln!(text, "{}", wrap(&line, view.width, 4));
        }
    }
    if pair.identical_facts > 0 {
        let alike = match (pair.facts.is_empty(), pair.identical_facts) {
            (true, 1) => "fact is",
            (true, _) => "facts are",
            (false, 1) => "other is",
            (false, _) => "others are",
        };
        let _ = writeln!(text, "  {} {alike} identical", pair.identical_facts);
    }
    text
}

/// Free memory and the like: amounts that are never twice the same.
fn is_passing(fact: &FactDifference) -> bool {
    let number = |value: &String| value.parse::<f64>().is_ok();
    !fact.stable && !fact.expected && fact.base.iter().chain(&fact.candidate).all(number)
}

fn status(fact: &FactDifference) -> &'static str {
    match (fact.expected, fact.known, fact.stable) {
        (true, _, _) => "declared",
        (false, false, _) => "not known on one side",
        (false, true, false) => "may change by itself",
        (false, true, true) => "",
    }
}

fn legend(comparison: &Comparison, detects: bool, view: View) -> String {
    let rows = || comparison.pairs.iter().flat_map(|pair| &pair.rows);
    let tests = rows().filter(|row| row.q.is_some() && row.metric.role == Role::Gated).count();
    let margin = margin(&comparison.policy);
    let mut text = String::new();
    if tests > 0 {
        let tests = match tests {
            1 => "1 test".to_owned(),
            tests => format!("{tests} tests, adjusted together"),
        };
        text.push_str(&sentence(
            &format!(
                "values: the typical launch. better, worse: a real change of {margin} or more \
                 ({tests}). same: shown to be within {margin}."
            ),
            view,
        ));
    }
    let judged = |row: &&Row| row.metric.role != Role::Info;
    if rows().filter(judged).any(|row| row.verdict == Verdict::Inconclusive) {
        text.push_str(&sentence("unclear: neither could be shown.", view));
    }
    if detects {
        let detects =
            "detects: the smallest change that so many units show four times out of five.";
        text.push_str(&sentence(detects, view));
    }
    text
}
