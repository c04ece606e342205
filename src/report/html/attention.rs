//! Findings about the measurement itself and about what the stored facts can explain: each with its
//! evidence, its effect on the numbers, and what to do.

use super::provenance;
use super::view::{Kind, View};
use crate::compare::FactDifference;
use crate::report::number::counted;
use crate::report::table::inert;
use std::collections::{BTreeMap, BTreeSet};
use vbench_results::Role;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Numbers or conclusions may be wrong.
    High,
    /// Conclusions are weaker than they look.
    Medium,
    /// Good to know.
    Low,
}

impl Severity {
    /// The word on the page.
    pub fn word(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// In one line.
    pub title: String,
    /// What was seen.
    pub evidence: String,
    /// What it does to the numbers or to what they say.
    pub effect: String,
    /// What to do.
    pub remedy: String,
    /// How to see that it helped.
    pub check: String,
    /// `certain`, `likely` or `possible`.
    pub certainty: &'static str,
}

/// Every finding, the most important first.
pub fn findings(view: &View<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = [
        controls(view),
        failures(view),
        quarantined(view),
        confounded(view),
        unreplicated(view),
        sequential(view),
        mixed(view),
        disturbed(view),
        versions(view),
        unlike(view),
        within_boot(view),
        skipped(view),
        provenance::imported(view),
        provenance::bus_bandwidth(view),
        provenance::precision(view),
    ]
    .into_iter()
    .flatten()
    .collect();
    findings.extend(provenance::stated(view));
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// The command that compares the sides of a group.
fn diff(view: &View<'_>) -> String {
    let of = |name: &String| match view.group.kind {
        Kind::Configurations => name.clone(),
        Kind::Twins => format!("{name}/{}", inert(&view.group.name)),
    };
    let names: Vec<String> = view.names.iter().map(of).collect();
    format!("vbench diff {}", names.join(" "))
}

/// Names in a list, the first few of them.
pub fn listed(names: &[String]) -> String {
    const NAMED: usize = 6;
    let shown = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn controls(view: &View<'_>) -> Option<Finding> {
    let moved = view.lines.iter().filter(|line| line.metric.role == Role::Control && line.moved());
    let names: Vec<String> = moved.map(|line| line.name.clone()).collect();
    (!names.is_empty()).then(|| Finding {
        severity: Severity::High,
        title: "A control moved".to_owned(),
        evidence: format!("Really different although it must not be: {}.", listed(&names)),
        effect:
            "Something besides the configuration changed, so no difference can be credited to it."
                .to_owned(),
        remedy: "Find what else changed (see Environment), and measure again in turns.".to_owned(),
        check: format!("{}: the rows of controls are the same.", diff(view)),
        certainty: "certain",
    })
}

fn failures(view: &View<'_>) -> Option<Finding> {
    let mut failed: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let launches = view.runs().flat_map(|(slot, run)| {
        run.cases
            .iter()
            .flat_map(move |case| case.launches.iter().map(move |launch| (slot, case, launch)))
    });
    for (slot, case, launch) in launches.filter(|(_, _, launch)| launch.outcome.is_failure()) {
        let reason = inert(launch.outcome.reason().unwrap_or_default());
        let name = format!("{} in {}", inert(&case.case.to_string()), view.names[slot]);
        failed.entry(name).or_insert((0, reason)).0 += 1;
    }
    let named: Vec<String> = failed
        .iter()
        .map(|(name, (count, reason))| {
            format!("{name} ({}: {})", counted(*count, "launch"), short(reason))
        })
        .collect();
    (!named.is_empty()).then(|| Finding {
        severity: Severity::High,
        title: format!("{} failed", counted(named.len(), "case")),
        evidence: format!("{}.", listed(&named)),
        effect: "A failed launch has no value; a case without values is not compared.".to_owned(),
        remedy: "Read the reason, mend it, and run these cases again: vbench run --exact CASE."
            .to_owned(),
        check: "vbench show NAME: each of these cases has a value.".to_owned(),
        certainty: "certain",
    })
}

fn short(text: &str) -> String {
    crate::report::table::cut(text, 120)
}

fn quarantined(view: &View<'_>) -> Option<Finding> {
    let reasons: BTreeSet<String> =
        view.runs().filter_map(|(_, run)| run.run.quarantine.as_deref().map(inert)).collect();
    (!reasons.is_empty()).then(|| Finding {
        severity: Severity::High,
        title: "A run is quarantined".to_owned(),
        evidence: format!("{}.", listed(&reasons.into_iter().collect::<Vec<_>>())),
        effect: "Its owner says that it must not be compared.".to_owned(),
        remedy: "Leave it out, or measure again.".to_owned(),
        check: format!("{}: no quarantined run is named.", diff(view)),
        certainty: "certain",
    })
}

/// Facts that describe the layout and differ, by candidate.
pub fn layout(facts: &[FactDifference]) -> Vec<&FactDifference> {
    facts.iter().filter(|fact| fact.stable && fact.known && !fact.identifying).collect()
}

fn confounded(view: &View<'_>) -> Option<Finding> {
    let several: Vec<(usize, Vec<String>)> = view
        .facts
        .iter()
        .enumerate()
        .map(|(index, facts)| {
            (index + 1, layout(facts).iter().map(|fact| inert(&fact.fact)).collect())
        })
        .filter(|(_, names): &(usize, Vec<String>)| names.len() > 1)
        .collect();
    let (_, most) = several.iter().max_by_key(|(_, names)| names.len())?;
    if view.group.kind == Kind::Twins {
        return None;
    }
    let names: Vec<String> = several.iter().map(|(side, _)| view.names[*side].clone()).collect();
    let evidence: Vec<String> = several
        .iter()
        .map(|(side, facts)| format!("{}: {}", view.names[*side], listed(facts)))
        .collect();
    let verb = if names.len() == 1 { "changes" } else { "change" };
    Some(Finding {
        severity: Severity::Medium,
        title: format!("{} {verb} {} at once", listed(&names), counted(most.len(), "fact")),
        evidence: format!("Different from {}: {}.", view.names[0], evidence.join("; ")),
        effect: "A difference belongs to the configuration as a whole; none of these facts can be credited alone."
            .to_owned(),
        remedy: "Measure a configuration for each fact, in which only it differs.".to_owned(),
        check: format!("vbench diff {} NAME: one fact differs.", view.names[0]),
        certainty: "certain",
    })
}

fn unreplicated(view: &View<'_>) -> Option<Finding> {
    let alone: Vec<String> = view
        .launches
        .iter()
        .zip(&view.names)
        .filter(|((launches, _), _)| *launches == 1)
        .map(|(_, name)| name.clone())
        .collect();
    (!alone.is_empty()).then(|| Finding {
        severity: if view.compared() { Severity::High } else { Severity::Medium },
        title: if alone.len() == view.names.len() {
            "Every number is one launch".to_owned()
        } else {
            format!("One launch only: {}", listed(&alone))
        },
        evidence: format!("No case of {} was launched twice.", listed(&alone)),
        effect: "Nobody knows how much these numbers vary by themselves, so no difference can be shown to be real, \
                 however large."
            .to_owned(),
        remedy: "vbench run --config NAME --launches 10, the configurations in turns.".to_owned(),
        check: "vbench show NAME: every case has several launches, and an interval.".to_owned(),
        certainty: "certain",
    })
}

/// The share of cells against the first side that carry a warning.
fn warned(view: &View<'_>, code: &str) -> f64 {
    let cells = || {
        view.lines.iter().flat_map(|line| line.changes()).filter(|(_, cell)| cell.ratio.is_some())
    };
    let with =
        cells().filter(|(_, cell)| cell.warnings.iter().any(|warning| warning == code)).count();
    if with == 0 { 0.0 } else { with as f64 / cells().count() as f64 }
}

fn sequential(view: &View<'_>) -> Option<Finding> {
    (warned(view, "design:sequential") > 0.5 && unreplicated(view).is_none()).then(|| Finding {
        severity: Severity::Medium,
        title: "Configurations were measured one after the other".to_owned(),
        evidence: "All launches of one precede those of another.".to_owned(),
        effect: "Drift of the host, such as heat or neighbours, looks like a difference between configurations: intervals allow for it, and smaller differences stay unclear."
            .to_owned(),
        remedy: "Measure in turns: a few launches of each, then again; runs of one configuration are pooled.".to_owned(),
        check: format!("{}: it no longer says that they were measured one after the other.", diff(view)),
        certainty: "possible",
    })
}

fn within_boot(view: &View<'_>) -> Option<Finding> {
    (warned(view, "within-boot") > 0.5 && unreplicated(view).is_none()).then(|| Finding {
        severity: Severity::Low,
        title: "Verdicts hold for these boots".to_owned(),
        evidence: "Fewer than two boots of each configuration were measured.".to_owned(),
        effect: "Where memory and vCPUs land after a boot is part of chance that was drawn once."
            .to_owned(),
        remedy: "Measure each configuration after two or more boots.".to_owned(),
        check: format!(
            "{}: it no longer says that verdicts hold for these boots only.",
            diff(view)
        ),
        certainty: "certain",
    })
}

fn mixed(view: &View<'_>) -> Option<Finding> {
    let notes: BTreeSet<String> = view
        .notes
        .iter()
        .flatten()
        .filter(|note| note.code == "side:mixed")
        .map(|note| inert(&note.text))
        .collect();
    (!notes.is_empty()).then(|| Finding {
        severity: Severity::Medium,
        title: "Runs of one configuration are not alike".to_owned(),
        evidence: format!("{}.", listed(&notes.into_iter().collect::<Vec<_>>())),
        effect: "What is pooled under one name was measured on different layouts; the spread is larger for it.".to_owned(),
        remedy: "Give each layout a name of its own: vbench run --config NAME.".to_owned(),
        check: format!("{}: no note about unlike runs of one side.", diff(view)),
        certainty: "certain",
    })
}

fn versions(view: &View<'_>) -> Option<Finding> {
    let codes = ["run:profile", "run:version"];
    let notes: BTreeSet<String> = view
        .notes
        .iter()
        .flatten()
        .filter(|note| codes.contains(&note.code.as_str()))
        .map(|note| inert(&note.text))
        .collect();
    (!notes.is_empty()).then(|| Finding {
        severity: Severity::Low,
        title: "Measured in different ways".to_owned(),
        evidence: format!("{}.", listed(&notes.into_iter().collect::<Vec<_>>())),
        effect:
            "Cases of the same code are compared; how often and how long each ran is not the same."
                .to_owned(),
        remedy: "Measure all configurations with one program and one profile.".to_owned(),
        check: format!("{}: no note about profiles and versions.", diff(view)),
        certainty: "certain",
    })
}

/// More disturbed values than this share are worth a finding.
const MOST_DISTURBED: f64 = 0.1;

fn disturbed(view: &View<'_>) -> Option<Finding> {
    let mut counts = vec![(0_usize, 0_usize); view.names.len()];
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for (slot, run) in view.runs() {
        let launches = run.cases.iter().flat_map(|case| &case.launches);
        for repeat in launches.flat_map(|launch| &launch.repeats) {
            counts[slot].1 += 1;
            if let Some(reason) = &repeat.evidence.disturbed {
                counts[slot].0 += 1;
                *reasons.entry(kind_of(reason)).or_default() += 1;
            }
        }
    }
    let share = |(disturbed, all): &(usize, usize)| *disturbed as f64 / (*all).max(1) as f64;
    let (disturbed, all) =
        counts.iter().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    let each: Vec<String> = counts
        .iter()
        .zip(&view.names)
        .map(|(count, name)| format!("{name} {:.0}%", 100.0 * share(count)))
        .collect();
    let mut reasons: Vec<(usize, String)> =
        reasons.into_iter().map(|(reason, count)| (count, reason)).collect();
    reasons.sort_by(|a, b| b.cmp(a));
    let most = reasons.first().map(|(_, reason)| reason.clone()).unwrap_or_default();
    (share(&(disturbed, all)) > MOST_DISTURBED).then(|| Finding {
        severity: Severity::Medium,
        title: format!("{:.0}% of the samples were disturbed", 100.0 * share(&(disturbed, all))),
        evidence: format!("{}; most often: {most}.", each.join(", ")),
        effect: "Intervals are wider, and what disturbs may come from the configuration or from neighbours.".to_owned(),
        remedy: "Measure on a quiet machine, or with more launches; every sample's evidence is in samples.csv.".to_owned(),
        check: "vbench show NAME: fewer than one sample in ten is disturbed.".to_owned(),
        certainty: "likely",
    })
}

/// A reason without its numbers: those differ from sample to sample.
fn kind_of(reason: &str) -> String {
    let words =
        reason.split_whitespace().filter(|word| !word.starts_with(|c: char| c.is_ascii_digit()));
    inert(&words.take(8).collect::<Vec<_>>().join(" "))
}

fn unlike(view: &View<'_>) -> Option<Finding> {
    if view.group.kind != Kind::Twins {
        return None;
    }
    let worse = view.lines.iter().filter(|line| line.gated() && line.moved());
    let metrics: Vec<String> = worse.map(|line| line.name.clone()).collect();
    // Those that the table beside the metrics shows.
    let shown = super::environment::differences(view).layout;
    let facts: Vec<String> = shown.into_iter().map(|difference| difference.fact).collect();
    match (metrics.is_empty(), facts.is_empty()) {
        (true, _) => None,
        (false, true) => Some(Finding {
            severity: Severity::Medium,
            title: "Twins differ in numbers, not in what is known of them".to_owned(),
            evidence: format!("Really different: {}. No known fact about the machines is.", listed(&metrics)),
            effect: "The cause is outside of what a guest can see: host placement, neighbours, hardware.".to_owned(),
            remedy: "Compare the hosts: pinning, memory placement, firmware, cooling.".to_owned(),
            check: format!("{}: the rows named above are the same.", diff(view)),
            certainty: "likely",
        }),
        (false, false) => Some(Finding {
            severity: Severity::Medium,
            title: "Twins differ in numbers and in facts".to_owned(),
            evidence: format!("Really different: {}. Facts that differ: {}.", listed(&metrics), listed(&facts)),
            effect: "One of these facts, or something no guest can see, is why they are not alike.".to_owned(),
            remedy: "Make the facts alike one by one, and measure again.".to_owned(),
            check: format!("{}: the rows named above are the same.", diff(view)),
            certainty: if facts.len() == 1 { "likely" } else { "possible" },
        }),
    }
}

fn skipped(view: &View<'_>) -> Option<Finding> {
    let mut reasons: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, run) in view.runs() {
        for case in &run.cases {
            if let Some(vbench_results::Outcome::Skipped { reason }) =
                case.launches.first().map(|l| &l.outcome)
            {
                reasons.entry(inert(reason)).or_default().insert(inert(&case.case.benchmark));
            }
        }
    }
    let told: Vec<String> = reasons
        .iter()
        .map(|(reason, cases)| {
            format!("{} ({})", listed(&cases.iter().cloned().collect::<Vec<_>>()), short(reason))
        })
        .collect();
    (!told.is_empty()).then(|| Finding {
        severity: Severity::Low,
        title: format!("Not run: {}", counted(reasons.values().flatten().count(), "benchmark")),
        evidence: format!("{}.", listed(&told)),
        effect: "This report says nothing about them.".to_owned(),
        remedy: "Provide what is missing where it matters.".to_owned(),
        check: "vbench list: each of them is ready.".to_owned(),
        certainty: "certain",
    })
}
