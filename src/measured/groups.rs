//! Groups of CPUs from what pairs of them show: those near each other, and those that share a core.

use super::pairs::{Pairs, quantile};
use std::collections::BTreeSet;

/// Groups of CPUs: each ascending, in order of the first CPU, each CPU once.
pub type Groups = Vec<Vec<usize>>;

/// Between two groups a transfer takes at least this much longer than within any: the caches of
/// one mesh lie within 1.3 of each other (core-to-core-latency, Ice Lake and Sapphire Rapids), those
/// of different caches at 1.8 or more (EPYC within and across complexes: 3 to 5).
const LEAST_STEP: f64 = 1.35;
/// A group of one CPU has no inside to compare with, and one disturbed CPU looks like it.
const LEAST_STEP_ALONE: f64 = 1.6;
/// Two busy threads on one core each keep 0.5 to 0.65 of their throughput, on two cores 0.9 to 1:
/// in between lies the bound of the suite's specification.
const SHARED_CORE: f64 = 0.75;
/// Most hardware threads of one core (POWER8 to POWER10).
const MOST_THREADS: usize = 8;

/// The ways in which transfer latencies divide the CPUs, finest first. CPUs that share a core count
/// as one: `cores` names them, others stand alone.
///
/// Cores are joined by average linkage on the logarithm of latency (each step joins the two groups
/// with the least mean distance). A step is a division when every two groups are further apart than
/// any group is wide: the lower quartile between them against the upper quartile within, so that a
/// few disturbed pairs decide nothing.
pub fn divisions(latencies: &Pairs, cores: &[Vec<usize>]) -> Vec<Groups> {
    let units = units(&latencies.cpus(), cores);
    let distance = Distances::new(latencies, &units);
    let mut groups: Vec<Vec<usize>> = (0..units.len()).map(|unit| vec![unit]).collect();
    let mut found = Vec::new();
    while groups.len() > 2 {
        let Some((first, second)) = nearest(&groups, &distance) else { break };
        let joined = groups.remove(second);
        groups[first].extend(joined);
        if separated(&groups, &distance) {
            found.push(named(&groups, &units));
        }
    }
    found
}

/// CPUs that slow each other as the threads of one core do, from the share of its throughput that
/// each keeps beside the other. Cores with one thread are left out.
///
/// # Errors
/// Why the pairs tell nothing.
pub fn shared_cores(kept: &Pairs) -> Result<Groups, String> {
    let cpus = kept.cpus();
    let shares = |a: usize, b: usize| kept.mean(a, b).is_some_and(|kept| kept < SHARED_CORE);
    let all_pairs = cpus.len() * cpus.len().saturating_sub(1) / 2;
    let slowed = kept.rows().filter(|((a, b), _)| shares(*a, *b)).count();
    if cpus.len() > 2 && slowed == all_pairs {
        return Err(format!(
            "each of {} CPUs slows every other: they share CPU time, by a quota or one core",
            cpus.len()
        ));
    }
    let mut cores: Groups = Vec::new();
    for &cpu in &cpus {
        if cores.iter().any(|core| core.contains(&cpu)) {
            continue;
        }
        let mut core: Vec<usize> = vec![cpu];
        core.extend(cpus.iter().copied().filter(|other| shares(cpu, *other)));
        core.sort_unstable();
        // Every thread of a core slows every other and nobody else; anything else is noise, of
        // which the strongest mutual pair is kept.
        let whole =
            core.iter().all(|a| cpus.iter().all(|b| a == b || shares(*a, *b) == core.contains(b)));
        if core.len() > 1 && core.len() <= MOST_THREADS && whole {
            cores.push(core);
        } else if let Some(other) = partner(cpu, &cpus, kept).filter(|other| shares(cpu, *other)) {
            cores.push(vec![cpu.min(other), cpu.max(other)]);
        }
    }
    Ok(cores)
}

/// The CPU that slows this one most, when this one slows it most too.
fn partner(cpu: usize, cpus: &[usize], kept: &Pairs) -> Option<usize> {
    let most = |of: usize| {
        let others = cpus.iter().filter_map(|other| Some((*other, kept.mean(of, *other)?)));
        others.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(other, _)| other)
    };
    most(cpu).filter(|other| most(*other) == Some(cpu))
}

/// The cores that `cores` names, as far as they were measured, and every other CPU alone.
fn units(cpus: &[usize], cores: &[Vec<usize>]) -> Groups {
    let measured = |core: &Vec<usize>| -> Vec<usize> {
        core.iter().copied().filter(|cpu| cpus.contains(cpu)).collect()
    };
    let mut units: Groups = cores.iter().map(measured).filter(|core| !core.is_empty()).collect();
    let named: BTreeSet<usize> = units.iter().flatten().copied().collect();
    units.extend(cpus.iter().filter(|cpu| !named.contains(cpu)).map(|cpu| vec![*cpu]));
    units.sort();
    units
}

/// Logarithms of the latency between units.
struct Distances {
    size: usize,
    logs: Vec<Option<f64>>,
}

impl Distances {
    fn new(latencies: &Pairs, units: &[Vec<usize>]) -> Self {
        let between = |a: &[usize], b: &[usize]| {
            let pairs = a.iter().flat_map(|a| b.iter().filter_map(|b| latencies.least(*a, *b)));
            quantile(pairs.collect(), 0.5).map(f64::ln)
        };
        let logs = units.iter().flat_map(|a| units.iter().map(|b| between(a, b)));
        Self { size: units.len(), logs: logs.collect() }
    }

    fn of(&self, a: usize, b: usize) -> Option<f64> {
        self.logs.get(a * self.size + b).copied().flatten()
    }

    /// All distances from one group to another.
    fn across(&self, a: &[usize], b: &[usize]) -> Vec<f64> {
        a.iter().flat_map(|a| b.iter().filter_map(|b| self.of(*a, *b))).collect()
    }

    /// All distances within a group.
    fn within(&self, group: &[usize]) -> Vec<f64> {
        let ahead = |(place, unit): (usize, &usize)| self.across(&[*unit], &group[place + 1..]);
        group.iter().enumerate().flat_map(ahead).collect()
    }
}

/// The two groups with the least mean distance, the earlier one first.
fn nearest(groups: &[Vec<usize>], distance: &Distances) -> Option<(usize, usize)> {
    let mut best: Option<(f64, (usize, usize))> = None;
    for second in 1..groups.len() {
        for first in 0..second {
            let across = distance.across(&groups[first], &groups[second]);
            let mean = across.iter().sum::<f64>() / across.len() as f64;
            if mean.is_finite() && best.is_none_or(|(least, _)| mean < least) {
                best = Some((mean, (first, second)));
            }
        }
    }
    best.map(|(_, pair)| pair)
}

/// True when every two groups are further apart than any group is wide.
fn separated(groups: &[Vec<usize>], distance: &Distances) -> bool {
    let widths = groups.iter().filter_map(|group| quantile(distance.within(group), 0.75));
    let Some(width) = widths.reduce(f64::max) else { return false };
    let apart = |a: &[usize], b: &[usize]| {
        let alone = a.len() == 1 || b.len() == 1;
        let step = if alone { LEAST_STEP_ALONE } else { LEAST_STEP };
        let gap = quantile(distance.across(a, b), 0.25);
        gap.is_some_and(|gap| gap >= width + step.ln())
    };
    (1..groups.len()).all(|second| (0..second).all(|first| apart(&groups[first], &groups[second])))
}

fn named(groups: &[Vec<usize>], units: &[Vec<usize>]) -> Groups {
    let cpus = |group: &Vec<usize>| {
        let mut cpus: Vec<usize> = group.iter().flat_map(|unit| units[*unit].clone()).collect();
        cpus.sort_unstable();
        cpus
    };
    let mut named: Groups = groups.iter().map(cpus).collect();
    named.sort();
    named
}

#[cfg(test)]
mod tests {
    use super::{divisions, shared_cores};
    use crate::measured::Pairs;
    use proptest::prelude::*;

    /// Pairs of `cpus` CPUs by a model.
    fn pairs(cpus: usize, value: impl Fn(usize, usize) -> f64) -> Pairs {
        let mut pairs = Pairs::default();
        for b in 1..cpus {
            for a in 0..b {
                pairs.insert(a, b, value(a, b), value(a, b));
            }
        }
        pairs
    }

    #[test]
    fn caches_and_sockets_are_divisions_finest_first() {
        let found = divisions(
            &pairs(8, |a, b| {
                if a / 2 == b / 2 {
                    40e-9
                } else if a / 4 == b / 4 {
                    110e-9
                } else {
                    250e-9
                }
            }),
            &[],
        );
        assert_eq!(
            found,
            [
                vec![vec![0, 1], vec![2, 3], vec![4, 5], vec![6, 7]],
                vec![vec![0, 1, 2, 3], vec![4, 5, 6, 7]],
            ]
        );
    }

    #[test]
    fn threads_of_a_core_are_no_division() {
        let smt = |a: usize, b: usize| if a % 4 == b % 4 { 8e-9 } else { 45e-9 };
        let cores: Vec<Vec<usize>> = (0..4).map(|core| vec![core, core + 4]).collect();
        assert_eq!(divisions(&pairs(8, smt), &cores), Vec::<Vec<Vec<usize>>>::new());
        assert_eq!(divisions(&pairs(8, smt), &[]), [cores]);
    }

    #[test]
    fn a_slow_pair_or_a_slow_cpu_divides_nothing() {
        assert!(
            divisions(&pairs(4, |a, b| if (a, b) == (0, 3) { 200e-9 } else { 50e-9 }), &[])
                .is_empty()
        );
        assert!(divisions(&pairs(6, |_, b| if b == 5 { 75e-9 } else { 50e-9 }), &[]).is_empty());
        for cpus in 0..3 {
            assert!(divisions(&pairs(cpus, |_, _| 50e-9), &[]).is_empty());
        }
    }

    #[test]
    fn siblings_are_those_that_slow_each_other() {
        let kept = pairs(8, |a, b| if a / 2 == b / 2 { 0.55 } else { 0.97 });
        assert_eq!(shared_cores(&kept).unwrap(), [[0, 1], [2, 3], [4, 5], [6, 7]]);
        let four = pairs(8, |a, b| if a / 4 == b / 4 { 0.4 } else { 0.97 });
        assert_eq!(shared_cores(&four).unwrap(), [[0, 1, 2, 3], [4, 5, 6, 7]]);
        assert_eq!(shared_cores(&pairs(4, |_, _| 0.98)), Ok(Vec::new()));
        assert_eq!(shared_cores(&pairs(2, |_, _| 0.55)).unwrap(), [[0, 1]]);
        assert!(shared_cores(&pairs(4, |_, _| 0.5)).unwrap_err().contains("quota"));
    }

    #[test]
    fn one_stolen_pair_beside_a_core_does_not_hide_the_core() {
        let kept = pairs(6, |a, b| match (a, b) {
            (1, 2) => 0.7,
            _ if a / 2 == b / 2 => 0.55,
            _ => 0.97,
        });
        assert_eq!(shared_cores(&kept).unwrap(), [[0, 1], [2, 3], [4, 5]]);
    }

    proptest! {
        #[test]
        fn any_values_give_groups_of_what_was_measured(
            values in prop::collection::vec((0_usize..9, 0_usize..9, 1e-12_f64..1e6), 0..40)
        ) {
            let mut pairs = Pairs::default();
            for (a, b, value) in values.into_iter().filter(|(a, b, _)| a != b) {
                pairs.insert(a, b, value, value * 1.5);
            }
            for groups in divisions(&pairs, &[vec![0, 1], vec![77]]) {
                let mut cpus: Vec<usize> = groups.concat();
                cpus.sort_unstable();
                prop_assert_eq!(cpus, pairs.cpus());
            }
            if let Ok(cores) = shared_cores(&pairs) {
                prop_assert!(cores.iter().all(|core| core.len() > 1));
            }
        }
    }
}
