//! Regions of memory that lie at different distances: host nodes under a guest that claims fewer.

use super::pairs::quantile;
use std::collections::BTreeMap;

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
/// Median absolute deviation of a normal distribution, in standard deviations.
const MAD: f64 = 0.674_490;

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
    use super::regions;
    use proptest::prelude::*;

    fn column(values: &[f64]) -> Vec<Vec<f64>> {
        values.iter().map(|value| vec![*value]).collect()
    }

    fn count(blocks: &[Vec<f64>]) -> usize {
        regions(blocks).into_iter().flatten().max().map_or(0, |most| most + 1)
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

    proptest! {
        #[test]
        fn any_numbers_give_a_region_or_none_for_each_block(
            values in prop::collection::vec(any::<f64>(), 0..40)
        ) {
            prop_assert_eq!(regions(&column(&values)).len(), values.len());
        }
    }
}
