//! The newest answers of several runs: what one run did not measure, an older one may have.

use super::{Aspect, CACHES, CORES, REGIONS, aspects, launches, measured_cases, nodes};
use std::collections::BTreeMap;
use vbench_results::{CaseResult, Environment, ResultSet, Run};

/// The benchmarks that aspects come from.
const BENCHMARKS: [&str; 5] = [CORES, CACHES, REGIONS, nodes::LATENCIES, nodes::READS];

/// What a run says about a benchmark.
struct Answer {
    run: Run,
    environment: Environment,
    cases: Vec<CaseResult>,
    measured: bool,
}

/// The aspects by the runs of one system, given newest first: each benchmark as the newest run has
/// it that measured it, else as the newest one that tried. The sources name runs other than the
/// newest, which is given too. `None` when no run measured any.
pub fn newest(runs: impl Iterator<Item = ResultSet>) -> Option<(Run, Vec<Aspect>)> {
    let mut answers: BTreeMap<&str, Answer> = BTreeMap::new();
    for results in runs {
        for benchmark in BENCHMARKS {
            if answers.get(benchmark).is_some_and(|answer| answer.measured) {
                continue;
            }
            if let Some(answer) = answer(&results, benchmark)
                && (answer.measured || !answers.contains_key(benchmark))
            {
                answers.insert(benchmark, answer);
            }
        }
        if answers.len() == BENCHMARKS.len() && answers.values().all(|answer| answer.measured) {
            break;
        }
    }
    joined(answers)
}

fn answer(results: &ResultSet, benchmark: &str) -> Option<Answer> {
    let cases: Vec<CaseResult> = measured_cases(results, benchmark).cloned().collect();
    let measured = cases.iter().any(|case| launches(case).next().is_some());
    let (run, environment) = (results.run.clone(), results.environment.clone());
    (!cases.is_empty()).then_some(Answer { run, environment, cases, measured })
}

fn joined(answers: BTreeMap<&str, Answer>) -> Option<(Run, Vec<Aspect>)> {
    let telling = answers.values().filter(|answer| answer.measured);
    let latest = telling.max_by(|a, b| a.run.id.cmp(&b.run.id))?;
    let (run, environment) = (latest.run.clone(), latest.environment.clone());
    let others: BTreeMap<&str, String> = answers
        .iter()
        .filter(|(_, answer)| answer.run.id != run.id)
        .map(|(benchmark, answer)| (*benchmark, format!("{}/{}", answer.run.config, answer.run.id)))
        .collect();
    let cases = answers.into_values().flat_map(|answer| answer.cases).collect();
    let mut found = aspects(&ResultSet { cases, ..ResultSet::new(run.clone(), environment) });
    for aspect in &mut found {
        let other = others.iter().find(|(benchmark, _)| aspect.source.starts_with(**benchmark));
        if let Some((_, run)) = other {
            aspect.source = format!("{} in {run}", aspect.source);
        }
    }
    Some((run, found))
}
