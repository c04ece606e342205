//! Regions of memory that lie at different distances: host nodes under a guest that claims fewer.

use super::pairs::quantile;
use super::{BLOCKS, REGIONS, launches, rows};
use std::collections::BTreeMap;
use vbench_results::{CaseResult, Launch};

/// Two regions differ by at least this factor: memory of another socket takes 1.3 to 2.2 times as
/// long as one's own, and of another quarter of one socket 1.15 or more.
const LEAST_STEP: f64 = 1.15;
/// The medians of two modes lie this many deviations apart (of the wider mode). Halves of one normal
/// distribution lie 2.7 apart by this measure, those of a uniform one 2.7 too.
const LEAST_DEVIATIONS: f64 = 4.0;
/// A mode has at least this share of the blocks; fewer are disturbed ones.
const LEAST_SHARE: f64 = 0.08;
/// And at least this many.
const LEAST_BLOCKS: usize = 3;
/// A block that takes this many times the usual one is visited again, so often: less than two
/// regions differ by.
const SLOW: f64 = 1.1;
const AGAIN: usize = 3;
/// Of the latencies of a sweep the one that is usual: also where the slower of two nodes has most.
const USUAL: f64 = 0.25;
/// Median absolute deviation of a normal distribution, in standard deviations.
const MAD: f64 = 0.674_490;

/// How many regions the launches of a case agree on, or why that is not known; `None` where none
/// has blocks. Each launch has other memory, so blocks of different launches are not joined: nodes
/// show in most of them, and what was a neighbour's doing does not.
pub(super) fn of_case(case: &CaseResult) -> Option<Result<usize, String>> {
    let tables: Vec<_> = launches(case)
        .filter_map(|launch| Some((launch, rows(launch.facts.get(BLOCKS)?)?)))
        .collect();
    let all = tables.len();
    let quiet = tables.into_iter().filter(|(launch, _)| !all_disturbed(launch));
    let counts = quiet.map(|(_, blocks)| count(&blocks)).collect::<Vec<_>>();
    (all > 0).then(|| agreed(&counts, all))
}

/// The number that more than half of the launches found, of `all` of which some were disturbed.
fn agreed(counts: &[usize], all: usize) -> Result<usize, String> {
    let again = format!("measure again: vbench run --exact {REGIONS} --launches 5");
    let most = counts
        .iter()
        .find(|one| 2 * counts.iter().filter(|other| other == one).count() > counts.len());
    match (counts, most) {
        ([], _) => Err(format!("every repeat of {all} launches was disturbed; {again}")),
        ([alone], _) if *alone > 1 => Err(format!(
            "memory lies at {alone} distances in one launch, and none confirms it; {again}"
        )),
        (_, Some(most)) => Ok(*most),
        (_, None) => Err(format!("launches disagree: {counts:?} distances; {again}")),
    }
}

/// True where no sweep of a launch was left in peace.
fn all_disturbed(launch: &Launch) -> bool {
    let mut repeats = launch.repeats.iter();
    !launch.repeats.is_empty() && repeats.all(|repeat| repeat.evidence.disturbed.is_some())
}

fn count(blocks: &[Vec<f64>]) -> usize {
    regions(blocks).into_iter().flatten().max().map_or(0, |most| most + 1)
}

/// Which region each block belongs to, numbered by falling size; blocks between regions have none.
/// `blocks` has the latencies of one block in each row, one column per CPU that measured.
pub fn regions(blocks: &[Vec<f64>]) -> Vec<Option<usize>> {
    let columns = blocks.iter().map(Vec::len).min().unwrap_or(0);
    let mut labels: Vec<Vec<usize>> = vec![Vec::new(); blocks.len()];
    for column in 0..columns {
        let values: Vec<f64> = blocks.iter().map(|block| block[column].ln()).collect();
        let bounds = bounds(&values);
        for (label, value) in labels.iter_mut().zip(&values) {
            label.push(bounds.iter().filter(|bound| value > *bound).count());
        }
    }
    let mut sizes: BTreeMap<&Vec<usize>, usize> = BTreeMap::new();
    labels.iter().for_each(|label| *sizes.entry(label).or_default() += 1);
    let mut large: Vec<_> =
        sizes.into_iter().filter(|(_, size)| *size >= least(blocks.len())).collect();
    large.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    let number = |label: &Vec<usize>| large.iter().position(|(other, _)| *other == label);
    labels.iter().map(number).collect()
}

/// One sweep over so many blocks from one CPU: the least latency of each. `visits` walks the blocks
/// that it is given, each on from where it was. What is slower than usual is visited again: what
/// slows a walk for a moment is gone a moment later, and another node is not.
pub fn sweep(blocks: usize, mut visits: impl FnMut(&[usize]) -> Vec<f64>) -> Vec<f64> {
    let mut least = vec![f64::INFINITY; blocks];
    let mut due: Vec<usize> = (0..blocks).collect();
    for _ in 0..=AGAIN {
        for (block, latency) in due.iter().zip(visits(&due)) {
            least[*block] = least[*block].min(latency);
        }
        due = slow(&least);
    }
    least
}

/// The blocks that are slower than usual.
fn slow(latencies: &[f64]) -> Vec<usize> {
    let Some(usual) = quantile(latencies.to_vec(), USUAL) else { return Vec::new() };
    let all = latencies.iter().enumerate();
    all.filter(|(_, latency)| **latency > SLOW * usual).map(|(block, _)| block).collect()
}

/// The least of each block and CPU over the sweeps of a launch: a block is slow only where every
/// visit found it slow, because what disturbs a walk makes it longer. A neighbour that keeps memory
/// busy for a third of the time slows runs of blocks, and twice in a row many of them.
pub fn fastest(sweeps: &[Vec<Vec<f64>>]) -> Vec<Vec<f64>> {
    let mut sweeps = sweeps.iter();
    let mut least = sweeps.next().cloned().unwrap_or_default();
    for sweep in sweeps {
        for (row, values) in least.iter_mut().zip(sweep) {
            row.iter_mut().zip(values).for_each(|(least, value)| *least = least.min(*value));
        }
    }
    least
}

/// The values between the modes of positive values, ascending; none where all are one mode.
pub fn modes(values: &[f64]) -> Vec<f64> {
    let logarithms: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    bounds(&logarithms).into_iter().map(f64::exp).collect()
}

/// The values between the modes, ascending; none where all are one mode.
fn bounds(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut bounds = Vec::new();
    divide(&sorted, least(values.len()), &mut bounds);
    bounds.sort_unstable_by(f64::total_cmp);
    bounds
}

fn least(blocks: usize) -> usize {
    ((blocks as f64 * LEAST_SHARE).ceil() as usize).max(LEAST_BLOCKS)
}

/// Cuts sorted values where the variance between both parts is greatest (Otsu 1979), and each part
/// again, as long as the parts are modes of their own.
fn divide(sorted: &[f64], least: usize, bounds: &mut Vec<f64>) {
    let Some(cut) = best_cut(sorted, least) else { return };
    let (lower, upper) = sorted.split_at(cut);
    if two_modes(lower, upper) {
        bounds.push((lower[cut - 1] + upper[0]) / 2.0);
        divide(lower, least, bounds);
        divide(upper, least, bounds);
    }
}

fn best_cut(sorted: &[f64], least: usize) -> Option<usize> {
    let total: f64 = sorted.iter().sum();
    let mut below = 0.0;
    let mut best: Option<(f64, usize)> = None;
    for cut in 1..sorted.len() {
        below += sorted[cut - 1];
        let (low, high) = (cut as f64, (sorted.len() - cut) as f64);
        let between = low * high * (below / low - (total - below) / high).powi(2);
        let allowed = cut >= least && sorted.len() - cut >= least;
        if allowed && best.is_none_or(|(most, _)| between > most) {
            best = Some((between, cut));
        }
    }
    best.map(|(_, cut)| cut)
}

fn two_modes(lower: &[f64], upper: &[f64]) -> bool {
    let describe = |part: &[f64]| {
        let center = quantile(part.to_vec(), 0.5)?;
        let deviation = quantile(part.iter().map(|value| (value - center).abs()).collect(), 0.5)?;
        Some((center, deviation / MAD))
    };
    let Some(((low, narrow), (high, wide))) = describe(lower).zip(describe(upper)) else {
        return false;
    };
    let step = high - low;
    step >= LEAST_STEP.ln() && step >= LEAST_DEVIATIONS * narrow.max(wide)
}

#[cfg(test)]
mod tests {
    use super::{agreed, count, fastest, modes, regions, slow, sweep};
    use proptest::prelude::*;

    fn column(values: &[f64]) -> Vec<Vec<f64>> {
        values.iter().map(|value| vec![*value]).collect()
    }

    #[test]
    fn launches_agree_or_the_answer_is_unknown() {
        assert_eq!(agreed(&[1], 1), Ok(1));
        assert_eq!(agreed(&[2, 1, 2], 3), Ok(2));
        assert_eq!(agreed(&[1, 1, 3, 1, 2], 5), Ok(1));
        assert!(agreed(&[2], 3).unwrap_err().contains("2 distances in one launch"));
        assert!(agreed(&[1, 2], 2).unwrap_err().contains("disagree: [1, 2]"));
        assert!(agreed(&[], 3).unwrap_err().contains("every repeat of 3 launches"));
    }

    #[test]
    fn near_and_far_blocks_are_two_regions() {
        let mut values = vec![90e-9, 91e-9, 92e-9, 90.5e-9, 89e-9, 91.5e-9];
        values.extend([140e-9, 141e-9, 139e-9, 142e-9]);
        let found = regions(&column(&values));
        assert_eq!(found[0], Some(0));
        assert_eq!(found[9], Some(1));
        assert_eq!(count(&column(&values)), 2);
    }

    #[test]
    fn two_cpus_tell_apart_what_is_equally_far_from_one() {
        let near = [90e-9, 140e-9, 140e-9];
        let blocks = |noise: usize| 1.0 + noise as f64 * 0.002;
        let rows = (0..30).map(|block| {
            let node = block % 3;
            vec![near[node] * blocks(block / 3), near[(node + 1) % 3] * blocks(block / 3)]
        });
        assert_eq!(count(&rows.collect::<Vec<_>>()), 3);
    }

    #[test]
    fn a_few_disturbed_blocks_are_no_region() {
        let mut values: Vec<f64> =
            (0..60).map(|block| 90e-9 + 1e-10 * f64::from(block % 9)).collect();
        values.extend([200e-9, 210e-9, 190e-9]);
        let found = regions(&column(&values));
        assert!(found.iter().all(|region| *region == Some(0)));
        assert_eq!(count(&[]), 0);
        assert_eq!(count(&column(&[1.0])), 0);
    }

    #[test]
    fn sweeps_are_joined_by_the_least_of_each_block() {
        let of = |value: f64| vec![vec![value, 1.0], vec![2.0, 3.0]];
        assert_eq!(fastest(&[of(2.0), of(9.0), of(1.0)]), of(1.0));
        assert!(fastest(&[]).is_empty());
    }

    #[test]
    fn blocks_slower_than_usual_are_visited_again_until_they_stay_slow() {
        assert_eq!(slow(&[1.0, 1.05, 1.3, 1.0, 2.0]), [2, 4]);
        assert_eq!(slow(&[1.5, 1.5, 1.0, 1.5, 1.0, 1.5]), [0, 1, 3, 5], "most are far");
        let mut turns = Vec::new();
        let seen = sweep(4, |due| {
            turns.push(due.to_vec());
            // Block 3 is far, and block 1 was disturbed in the first turn.
            let disturbed = if turns.len() == 1 { 3.0 } else { 1.0 };
            due.iter().map(|block| [1.0, disturbed, 1.0, 1.5][*block]).collect()
        });
        assert_eq!(seen, [1.0, 1.0, 1.0, 1.5]);
        assert_eq!(turns, [vec![0, 1, 2, 3], vec![1, 3], vec![3], vec![3]]);
        assert!(sweep(0, |_| Vec::new()).is_empty());
    }

    #[test]
    fn modes_are_cut_between_them() {
        let values: Vec<f64> =
            (0..40).map(|at| if at % 4 == 0 { 1.5 } else { 1.0 } + 0.001 * f64::from(at)).collect();
        let bounds = modes(&values);
        assert!(bounds.len() == 1 && bounds[0] > 1.1 && bounds[0] < 1.5, "{bounds:?}");
        assert!(modes(&values[1..4]).is_empty());
    }

    proptest! {
        #[test]
        fn any_numbers_give_a_region_or_none_for_each_block(
            values in prop::collection::vec(any::<f64>(), 0..40)
        ) {
            prop_assert_eq!(regions(&column(&values)).len(), values.len());
        }
    }
}
