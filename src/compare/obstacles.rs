//! Why two samples must not be compared: a sentence for each reason.

use super::gather::{Gathered, Sample};
use super::note::Note;
use super::policy::Policy;
use vbench_results::{CaseId, Metric};

/// Every reason; none for samples that can be compared.
pub fn obstacles(base: &Sample<'_>, candidate: &Sample<'_>, policy: &Policy) -> Vec<Note> {
    let mut reasons = Vec::new();
    for (side, sample) in [("baseline", base), ("candidate", candidate)] {
        reasons.extend(bad_values(side, sample));
        if sample.mixed {
            let text =
                format!("the runs of the {} disagree about its unit or direction", word(side));
            reasons.push(Note::new(format!("{side}:mixed"), text));
        }
    }
    reasons.extend(other_metric(base.metric, candidate.metric));
    let (before, after) = (&base.versions, &candidate.versions);
    if !policy.any_version && (before != after || before.len() > 1) {
        let list = |versions: &std::collections::BTreeSet<&str>| {
            versions.iter().copied().collect::<Vec<_>>().join(", ")
        };
        let text = format!("the benchmark's code differs: {} and {}", list(before), list(after));
        reasons.push(Note::new("version", text));
    }
    reasons
}

/// How a side is called in a sentence; codes say `baseline`.
pub fn word(side: &str) -> &str {
    if side == "baseline" { "base" } else { side }
}

/// The reason of a side without values.
pub fn missing(side: &str, gathered: &Gathered<'_>, case: &CaseId) -> Note {
    let name = &gathered.summary.name;
    let text = match gathered.absent.get(case) {
        Some(reason) => format!("no value in {name}: {reason}"),
        None => format!("no value in {name}: the run does not contain this case"),
    };
    Note::new(format!("{side}:missing"), text)
}

fn bad_values(side: &str, sample: &Sample<'_>) -> Vec<Note> {
    type Bad = fn(f64) -> bool;
    let kinds: [(&str, &str, Bad); 4] = [
        ("nan", "is not a number", f64::is_nan),
        ("infinite", "is infinite", f64::is_infinite),
        ("zero", "is zero", |value| value == 0.0 && value.is_finite()),
        ("negative", "is negative", |value| value < 0.0 && value.is_finite()),
    ];
    let exact = sample.metric.exact;
    // Counts that are compared for equality may be zero or negative.
    let judged = kinds.into_iter().take(if exact { 2 } else { 4 });
    let found = judged.filter_map(|(code, text, bad)| {
        let launch = sample.launches.iter().find(|launch| launch.values.iter().any(|v| bad(*v)))?;
        let (run, number) = (launch.run, launch.number.1);
        let text = format!("a value of the {} {text} (run {run}, launch {number})", word(side));
        Some(Note::new(format!("{side}:{code}"), text))
    });
    found.collect()
}

fn other_metric(base: &Metric, candidate: &Metric) -> Vec<Note> {
    let mut reasons = Vec::new();
    let (before, after) = (&base.unit.symbol, &candidate.unit.symbol);
    if before != after {
        reasons.push(Note::new("unit", format!("the unit differs: {before} and {after}")));
    }
    if base.better != candidate.better {
        reasons.push(Note::new("better", "the sides disagree about which way is better"));
    }
    if base.exact != candidate.exact {
        reasons.push(Note::new("exact", "only one side says that values repeat exactly"));
    }
    reasons
}
