//! How the numbers came about: launches in the order in which they ran, rules, commands, files.

use super::view::{Line, Side, View};
use super::words;
use crate::report::chart::strip::{Launched, Order, order};
use crate::report::chart::{Figure, Frame};
use crate::report::table::{cut, inert};
use crate::stats::{launch_center, median};
use std::time::UNIX_EPOCH;

/// Most launches in the figure.
const MOST: usize = 400;

/// Launches of the line that was launched most often, in run order.
pub fn launches(view: &View<'_>) -> Option<Figure> {
    let lines = view.lines.iter().filter(|line| line.representative && line.gated());
    let count =
        |line: &Line| line.values.iter().flatten().map(|value| value.launches).min().unwrap_or(0);
    // The first of several.
    let line = lines.rev().max_by_key(|line| count(line)).filter(|line| count(line) > 1)?;
    let mut all: Vec<(f64, usize, f64)> = Vec::new();
    for (slot, side) in view.group.sides.iter().take(view.names.len()).enumerate() {
        all.extend(values(side, line).into_iter().map(|(at, value)| (at, slot, value)));
    }
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    if all.len() < 4 || all.len() > MOST {
        return None;
    }
    let medians: Vec<f64> = (0..view.names.len())
        .map(|slot| {
            let mut own: Vec<f64> =
                all.iter().filter(|launch| launch.1 == slot).map(|launch| launch.2).collect();
            own.sort_by(f64::total_cmp);
            median(&own)
        })
        .collect();
    let launched = |(_, slot, value): &(f64, usize, f64)| Launched {
        slot: *slot,
        deviation: 100.0 * (value / medians[*slot] - 1.0),
    };
    let drawn =
        Order { margin: 100.0 * view.policy.margin, launches: all.iter().map(launched).collect() };
    let detail = if line.detail.is_empty() { String::new() } else { format!(", {}", line.detail) };
    Some(Figure {
        id: format!("{}-order", view.id),
        title: "Launches in run order".to_owned(),
        caption: format!(
            "{}{detail}: each launch against the median of its configuration; the grey band is \u{b1}{}. A slope is \
             drift, a step is something that happened.",
            line.name,
            view.margin()
        ),
        wide: order(&drawn, Frame::FULL),
        parts: Vec::new(),
        narrow: Some(order(&drawn, Frame::NARROW)),
        table: rows(view, line, &all),
        half: false,
        key: view.key(0),
    })
}

fn rows(view: &View<'_>, line: &Line, all: &[(f64, usize, f64)]) -> Vec<Vec<String>> {
    let head = ["launch", "configuration", "value"].map(str::to_owned).to_vec();
    let row = |(number, (_, slot, value)): (usize, &(f64, usize, f64))| {
        vec![format!("launch {}", number + 1), view.names[*slot].clone(), line.with_unit(*value)]
    };
    [head].into_iter().chain(all.iter().enumerate().map(row)).collect()
}

/// Time and center of every launch of a line.
fn values(side: &Side, line: &Line) -> Vec<(f64, f64)> {
    let mut found = Vec::new();
    for run in &side.runs {
        let started = humantime::parse_rfc3339_weak(&run.run.started_at).ok();
        let started = started.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let Some(started) = started else { continue };
        for launch in
            run.cases.iter().filter(|case| case.case == line.case).flat_map(|case| &case.launches)
        {
            let values = launch
                .repeats
                .iter()
                .filter_map(|repeat| repeat.values.get(&line.metric.name).copied());
            if let Some(center) = launch_center(&values.collect::<Vec<f64>>()) {
                found.push((started.as_secs_f64() + launch.at_s, center.exp()));
            }
        }
    }
    found
}

/// One stored run.
pub struct Stored {
    /// Its configuration's number.
    pub slot: usize,
    /// Its id.
    pub id: String,
    /// When it began.
    pub started: String,
    /// Launches of each case, and the profile.
    pub effort: String,
    /// What it was called with.
    pub command: String,
    /// Hash of the machine's stable facts.
    pub fingerprint: String,
    /// Version of the program.
    pub version: String,
    /// Link to its folder.
    pub link: String,
}

/// Most runs that are listed.
const MOST_RUNS: usize = 200;

/// The stored runs, and how many more there are.
pub fn runs(view: &View<'_>) -> (Vec<Stored>, usize) {
    let sides = view.group.sides.iter().take(view.names.len()).enumerate();
    let all: Vec<Stored> = sides
        .flat_map(|(slot, side)| {
            let links = side.links.iter().map(String::as_str).chain(std::iter::repeat(""));
            side.runs.iter().zip(links).map(move |(run, link)| Stored {
                slot,
                id: inert(&run.run.id),
                started: inert(&run.run.started_at),
                effort: inert(&format!("{} \u{d7} {}", run.run.launches, run.run.profile)),
                command: cut(&inert(&run.run.command.join(" ")), 200),
                fingerprint: inert(&run.run.fingerprint),
                version: inert(&run.run.vbench_version),
                link: link.to_owned(),
            })
        })
        .collect();
    let more = all.len().saturating_sub(MOST_RUNS);
    (all.into_iter().take(MOST_RUNS).collect(), more)
}

/// The rules behind every word, as paragraphs.
pub fn rules(view: &View<'_>) -> Vec<String> {
    let policy = &view.policy;
    let margin = view.margin();
    let mut rules = vec![
        "A launch is one process that runs one case. The number shown is the typical launch: the geometric mean over \
         launches of the trimmed mean of each launch's repeats. Repeats describe a launch; they are no evidence of \
         their own."
            .to_owned(),
    ];
    if view.compared() {
        rules.push(format!(
            "Better and worse: a change of {margin} or more that a cautious t test on launches (boots, where both \
             sides have two) calls real at {:.0}% after adjustment over all metrics. Same: shown to lie within \
             \u{b1}{margin}. Unclear: neither could be shown. Changing the baseline changes the family of tests, as \
             vbench diff with that base does.",
            100.0 * policy.alpha
        ));
        rules.push(
            "A configuration is recommended for a workload when no other is really better in its primary metric; \
             among several, the one that loses least elsewhere."
                .to_owned(),
        );
    }
    rules
}

/// Dates of the first and the last run.
pub fn dates(view: &View<'_>) -> Option<String> {
    let date = |text: &String| inert(text.split('T').next().unwrap_or_default());
    let dates =
        || view.runs().map(|(_, run)| date(&run.run.started_at)).filter(|date| !date.is_empty());
    let (first, last) = (dates().min()?, dates().max()?);
    Some(if first == last { first } else { format!("{first} to {last}") })
}

/// The median over lines of the launches' spread, as a share of the value.
pub fn spread(view: &View<'_>) -> Option<f64> {
    let of = |value: &super::view::Value| {
        let logs: Vec<f64> = value.units.iter().map(|unit| unit.ln()).collect();
        crate::stats::sd(&logs).filter(|sd| sd.is_finite())
    };
    let decided = view.lines.iter().filter(|line| line.gated());
    let mut spreads: Vec<f64> =
        decided.flat_map(|line| line.values.iter().flatten().filter_map(of)).collect();
    spreads.sort_by(f64::total_cmp);
    (!spreads.is_empty()).then(|| median(&spreads).exp_m1())
}

/// Planned launches that have a value, and all that were begun.
pub fn complete(view: &View<'_>) -> (usize, usize) {
    let launches =
        || view.runs().flat_map(|(_, run)| run.cases.iter().flat_map(|case| &case.launches));
    let skipped = |launch: &&vbench_results::Launch| {
        matches!(launch.outcome, vbench_results::Outcome::Skipped { .. })
    };
    let measured =
        launches().filter(|launch| launch.outcome == vbench_results::Outcome::Measured).count();
    (measured, launches().filter(|launch| !skipped(launch)).count())
}

/// `5 launches each`, or a number for each configuration.
pub fn launches_each(view: &View<'_>) -> String {
    let counts: Vec<usize> = view.launches.iter().map(|(launches, _)| *launches).collect();
    let same = counts.windows(2).all(|pair| pair[0] == pair[1]);
    match counts.first() {
        Some(count) if same => format!(
            "{}{}",
            crate::report::number::counted(*count, "launch"),
            if counts.len() > 1 { " each" } else { "" }
        ),
        _ => {
            let each = counts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            format!("{each} launches")
        }
    }
}

/// Words of a chapter, for links.
pub fn short_title(chapter: &words::Chapter) -> String {
    match chapter {
        words::Chapter::Gpu => "GPU".to_owned(),
        chapter => chapter.title(),
    }
}
