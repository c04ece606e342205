//! How much to measure, for people and for programs.

use super::number::duration;
use super::table::{Column, Table, inert};
use crate::compare::{Advice, Boots, Design, Wanted};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;
use vbench_results::{Role, SCHEMA_VERSION};

/// The advice as a table, what asks for most first.
pub fn text(advice: &[Advice], wanted: &Wanted, all_metrics: bool, width: usize) -> String {
    let mut shown: Vec<&Advice> =
        advice.iter().filter(|advice| all_metrics || advice.role != Role::Info).collect();
    shown.sort_by_key(|advice| Reverse(advice.now.map(|now| now.launches.unwrap_or(usize::MAX))));
    let mut text = format!(
        "launches a side that show a change of {}% with a power of {}%, about\n\n",
        short(100.0 * wanted.margin),
        short(100.0 * wanted.power)
    );
    text.push_str(&table(&shown).render(2, width));
    text.push('\n');
    for (reason, count) in reasons(&shown) {
        let _ = writeln!(text, "{count} without a best split: {}", inert(reason));
    }
    text.push_str(LEGEND);
    text
}

const LEGEND: &str = "\
as is     launches with the repeats of the stored runs; best: with the split that costs least
launches  launches a side x repeats a launch; +/-95%: expected half-width of the interval; time: both sides
sd        spread of launches beyond their repeats, and of repeats within a launch
five launches a side are the least for a gate, whatever the plan says
it holds for sides measured in turns: one after the other, hours of the host decide, not launches
plan before measuring: adding launches until a difference is significant finds what is not there
";

fn table(shown: &[&Advice]) -> Table {
    let boots = shown.iter().any(|advice| advice.boots.is_some());
    let mut columns = vec![
        Column::left("case"),
        Column::left("metric"),
        Column::right("sd launch").droppable(2),
        Column::right("repeat").droppable(2),
        Column::right("as is"),
        Column::right("+/-95%").droppable(1),
        Column::right("time").droppable(4),
        Column::right("best").droppable(3),
        Column::right("time").droppable(4),
    ];
    if boots {
        columns.push(Column::right("boots"));
    }
    let mut table = Table::new(columns);
    for advice in shown {
        let mut cells = cells(advice);
        if boots {
            cells.push(advice.boots.as_ref().map(boots_cell).unwrap_or_default());
        }
        table.row(cells);
    }
    table
}

fn cells(advice: &Advice) -> Vec<String> {
    let [as_is, best] = [advice.now, advice.best];
    vec![
        advice.case.clone(),
        advice.metric.clone(),
        percent(advice.components.sd_launch),
        percent(advice.components.sd_within),
        as_is.map(split).unwrap_or_else(|| "?".to_owned()),
        as_is.and_then(|design| design.half_width).map(share).unwrap_or_default(),
        time(as_is),
        best.map(split).unwrap_or_default(),
        time(best),
    ]
}

/// `7x5`: launches a side and repeats a launch.
fn split(design: Design) -> String {
    match design.launches {
        Some(launches) => format!("{launches}x{}", design.repeats),
        None => ">1000".to_owned(),
    }
}

fn boots_cell(boots: &Boots) -> String {
    boots.wanted.map_or_else(|| ">1000".to_owned(), |wanted| wanted.to_string())
}

fn time(design: Option<Design>) -> String {
    let seconds = design.and_then(|design| design.time_s);
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.map(duration).unwrap_or_default()
}

/// A spread in ln as a percentage.
fn percent(ln: Option<f64>) -> String {
    ln.map(|ln| share(ln.exp_m1())).unwrap_or_default()
}

fn share(share: f64) -> String {
    format!("{:.1}%", 100.0 * share)
}

/// A number without needless zeros.
fn short(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn reasons<'a>(shown: &[&'a Advice]) -> BTreeMap<&'a str, usize> {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for reason in shown.iter().filter_map(|advice| advice.reason.as_deref()) {
        *reasons.entry(reason).or_default() += 1;
    }
    reasons
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: &'static str,
    document: &'static str,
    wanted: &'a Wanted,
    rows: &'a [Advice],
}

/// Everything, as JSON with stable keys in a stable order.
pub fn json(advice: &[Advice], wanted: &Wanted) -> String {
    let document =
        Document { schema_version: SCHEMA_VERSION, document: "plan-samples", wanted, rows: advice };
    let text = serde_json::to_string_pretty(&document);
    text.expect("advice has text keys only") + "\n"
}

/// The columns of the CSV, with the meaning of each.
pub const ADVICE_COLUMNS: &[(&str, &str)] = &[
    ("schema_version", "major.minor of the format"),
    ("kind", "label that groups benchmarks"),
    ("case", "benchmark and params"),
    ("metric", "metric name"),
    ("role", "gated, info or control"),
    ("margin", "smallest change that matters, as a share"),
    ("power", "chance to find it"),
    ("pilot_launches", "launches with a value"),
    ("sd_within", "spread of repeats within a launch, in ln"),
    ("sd_launch", "spread of launches beyond their repeats, in ln"),
    ("sd_units", "spread of launch centers within a run, in ln"),
    ("cost_launch_s", "what a launch takes beside its repeats, seconds"),
    ("cost_repeat_s", "what a repeat takes, seconds"),
    ("repeats", "repeats a launch as measured"),
    ("launches", "launches a side with them; empty above 1000"),
    ("half_width", "expected half of the 95% interval, as a share"),
    ("time_s", "time for both sides, seconds"),
    ("best_repeats", "repeats a launch of the split that costs least"),
    ("best_launches", "launches a side with them; empty above 1000"),
    ("best_half_width", "as above"),
    ("best_time_s", "as above"),
    ("boots", "boots with a value, where there are several"),
    ("sd_boot", "spread of their means, in ln"),
    ("boots_wanted", "boots a side that show the margin; empty above 1000"),
    ("reason", "why something is missing"),
];

/// One line per case and metric.
pub fn csv(advice: &[Advice], wanted: &Wanted) -> String {
    let mut text = String::new();
    super::diff::line(&mut text, ADVICE_COLUMNS.iter().map(|(name, _)| (*name).to_owned()));
    for advice in advice {
        super::diff::line(&mut text, fields(advice, wanted).into_iter());
    }
    text
}

fn fields(advice: &Advice, wanted: &Wanted) -> Vec<String> {
    let number = super::diff::number;
    let count = |count: Option<usize>| count.map(|count| count.to_string()).unwrap_or_default();
    let role = super::diff::name(&advice.role);
    let mut fields = vec![
        SCHEMA_VERSION.to_owned(),
        advice.kind.clone(),
        advice.case.clone(),
        advice.metric.clone(),
        role,
        number(Some(wanted.margin)),
        number(Some(wanted.power)),
        advice.components.launches.to_string(),
        number(advice.components.sd_within),
        number(advice.components.sd_launch),
        number(advice.sd_units),
        number(advice.cost_launch_s),
        number(advice.cost_repeat_s),
    ];
    for design in [advice.now, advice.best] {
        fields.extend([
            count(design.map(|design| design.repeats)),
            count(design.and_then(|design| design.launches)),
            number(design.and_then(|design| design.half_width)),
            number(design.and_then(|design| design.time_s)),
        ]);
    }
    fields.extend([
        count(advice.boots.map(|boots| boots.measured)),
        number(advice.boots.map(|boots| boots.sd)),
        count(advice.boots.and_then(|boots| boots.wanted)),
        advice.reason.clone().unwrap_or_default(),
    ]);
    fields
}
