//! Findings about where numbers come from: what other tools could not say, and what they said of
//! themselves.

use super::attention::{Finding, Severity, listed};
use super::view::View;
use crate::report::table::inert;
use std::collections::{BTreeMap, BTreeSet};
use vbench_results::{Reading, Value as Fact};

/// What the sources of imported runs could not say.
pub fn imported(view: &View<'_>) -> Option<Finding> {
    let mut tools: BTreeSet<String> = BTreeSet::new();
    let mut unknown: BTreeMap<String, String> = BTreeMap::new();
    for (_, run) in view.runs() {
        let facts = run.environment.facts.iter().filter(|(name, _)| name.starts_with("source."));
        for (name, fact) in facts {
            match &fact.reading {
                Reading::Value(value) if name == "source.tool" => {
                    tools.insert(inert(&value.to_string()));
                }
                Reading::Unknown(reason) => {
                    unknown.insert(inert(name.trim_start_matches("source.")), inert(reason));
                }
                Reading::Value(_) => {}
            }
        }
    }
    let told: Vec<String> =
        unknown.iter().map(|(name, reason)| format!("{name} ({reason})")).collect();
    (!tools.is_empty()).then(|| Finding {
        severity: Severity::Medium,
        title: format!("Imported: {}", listed(&tools.into_iter().collect::<Vec<_>>())),
        evidence: match told.is_empty() {
            true => "The numbers were printed by another tool.".to_owned(),
            false => format!("The source does not say: {}.", listed(&told)),
        },
        effect: "These numbers can be shown and set beside each other; how much they vary, and what disturbed them, \
                 nobody can tell any more."
            .to_owned(),
        remedy: "Measure again with vbench run where a decision hangs on them.".to_owned(),
        check: "vbench show NAME: launches are counted, and intervals stand beside the values.".to_owned(),
        certainty: "certain",
    })
}

/// The notes of imported launches about metrics that `about` names, once each.
fn notes(view: &View<'_>, about: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    for (_, run) in view.runs().filter(|(_, run)| run.environment.facts.contains_key("source.tool"))
    {
        for case in run.cases.iter().filter(|case| about(&case.case.to_string().to_lowercase())) {
            let facts = case.launches.iter().flat_map(|launch| &launch.facts);
            let notes = facts.filter(|(name, _)| name.starts_with("note"));
            found.extend(notes.map(|(_, value)| inert(&value.to_string())));
        }
    }
    found.into_iter().collect()
}

/// Bus bandwidth that was printed without the algorithm bandwidth it comes from: readers of columns
/// by number took one for the other when nccl-tests gained a column. All-reduce moves 2(n-1)/n times
/// its bytes over the bus (nccl-tests, doc/PERFORMANCE.md).
pub fn bus_bandwidth(view: &View<'_>) -> Option<Finding> {
    let is_imported = view.runs().any(|(_, run)| run.environment.facts.contains_key("source.tool"));
    let line = view.lines.iter().find(|line| line.metric.name.starts_with("busbw"))?;
    let beside = view.lines.iter().any(|line| line.metric.name.starts_with("algbw"));
    let suspicion: Vec<String> = notes(view, |case| case.contains("reduce"))
        .into_iter()
        .filter(|note| note.contains("algbw"))
        .collect();
    if !is_imported || beside {
        return None;
    }
    let numbers = line
        .case
        .params
        .values()
        .filter_map(|value| value.split_whitespace().next()?.parse::<f64>().ok());
    let factor = numbers
        .into_iter()
        .find(|ranks| (2.0..=1024.0).contains(ranks))
        .map(|ranks| 2.0 * (ranks - 1.0) / ranks);
    let effect = factor.map_or(
        "If so, the true bus bandwidth is 2(n-1)/n times as high; ratios between configurations hold.".to_owned(),
        |factor| format!("If so, the true bus bandwidth is {factor:.2} times as high; ratios between configurations hold."),
    );
    Some(Finding {
        severity: Severity::Medium,
        title: "\u{201c}Bus bandwidth\u{201d} is probably algorithm bandwidth".to_owned(),
        evidence: match suspicion.is_empty() {
            true => {
                "The source prints no algorithm bandwidth beside it to check it against.".to_owned()
            }
            false => format!("{}.", listed(&suspicion)),
        },
        effect,
        remedy: "Import the output of nccl-tests itself: columns are then read by name.".to_owned(),
        check: "vbench show NAME: algorithm bandwidth stands beside bus bandwidth, which is 2(n-1)/n times as high.".to_owned(),
        certainty: if suspicion.is_empty() { "possible" } else { "likely" },
    })
}

/// A multiplication whose label says FP16 and whose source says FP32.
pub fn precision(view: &View<'_>) -> Option<Finding> {
    let labelled = |case: &str| case.contains("fp16") || case.contains("f16");
    let notes: Vec<String> = notes(view, labelled)
        .into_iter()
        .filter(|note| note.to_lowercase().contains("fp32"))
        .collect();
    (!notes.is_empty()).then(|| Finding {
        severity: Severity::Medium,
        title: "Matmul is labelled FP16 and probably ran in FP32".to_owned(),
        evidence: format!("{}.", listed(&notes)),
        effect: "The times hold as a control between configurations; they say nothing about FP16."
            .to_owned(),
        remedy: "Measure again with a benchmark that records the type it computes in.".to_owned(),
        check: "vbench show NAME: the case names the type it computes in.".to_owned(),
        certainty: "likely",
    })
}

/// What an importer or a benchmark stated about its own numbers: facts of launches named
/// `caution` or `caution.NAME`, once each.
pub fn stated(view: &View<'_>) -> Vec<Finding> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, run) in view.runs() {
        for case in &run.cases {
            for (name, value) in case.launches.iter().flat_map(|launch| &launch.facts) {
                if let (true, Fact::Text(text)) =
                    (name == "caution" || name.starts_with("caution."), value)
                {
                    found.entry(inert(text)).or_default().insert(inert(&case.case.benchmark));
                }
            }
        }
    }
    let finding = |(text, cases): (String, BTreeSet<String>)| Finding {
        severity: Severity::Medium,
        title: crate::report::table::cut(text.split(':').next().unwrap_or_default(), 80),
        evidence: text.clone(),
        effect: format!(
            "Numbers of {} must be read with this in mind.",
            listed(&cases.into_iter().collect::<Vec<_>>())
        ),
        remedy: "Measure again with a benchmark that records what is missing.".to_owned(),
        check: "vbench report: the new runs carry no such remark.".to_owned(),
        certainty: "likely",
    };
    found.into_iter().map(finding).collect()
}
