//! Mann and Whitney's U, printed as a second opinion: exact with ties, or by its normal limit.
//!
//! The library's exact test is wrong where the first sample is not the larger one, so both are ours.

use statrs::distribution::{ContinuousCDF, Normal};

/// Largest product of the sample sizes whose distribution is counted; beyond it counts leave the
/// range of a float's exact ratios and the normal limit is close.
const EXACT_PRODUCT: usize = 2500;

/// A rank test of two samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RankTest {
    /// U of the first sample, ties counting one half.
    pub u: f64,
    /// Two-sided p value.
    pub p: f64,
}

/// The exact test given the ties: twice the smaller tail of all equally likely assignments of the
/// ranks. `None` for an empty, large or not comparable sample.
pub fn rank_test_exact(x: &[f64], y: &[f64]) -> Option<RankTest> {
    let ranks = doubled_ranks(x, y).filter(|_| x.len() * y.len() <= EXACT_PRODUCT)?;
    let sum: usize = ranks[..x.len()].iter().sum();
    let ways = rank_sums(&ranks, x.len());
    let all: f64 = ways.iter().sum();
    let low: f64 = ways[..=sum].iter().sum();
    let high: f64 = ways[sum..].iter().sum();
    let u = u_of(sum, x.len());
    Some(RankTest { u, p: (2.0 * low.min(high) / all).min(1.0) })
}

/// The test by the normal limit, corrected for ties and continuity (Lehmann, Nonparametrics,
/// 1975). `None` for an empty or not comparable sample, and when all values are equal.
pub fn rank_test_asymptotic(x: &[f64], y: &[f64]) -> Option<RankTest> {
    let ranks = doubled_ranks(x, y)?;
    let (n, m) = (x.len() as f64, y.len() as f64);
    let all = n + m;
    let u = u_of(ranks[..x.len()].iter().sum(), x.len());
    let variance = n * m / 12.0 * (all + 1.0 - ties(&ranks) / (all * (all - 1.0)));
    if variance <= 0.0 {
        return None;
    }
    let z = (u.max(n * m - u) - n * m / 2.0 - 0.5) / variance.sqrt();
    Some(RankTest { u, p: (2.0 * Normal::standard().sf(z)).min(1.0) })
}

fn u_of(doubled_sum: usize, n: usize) -> f64 {
    doubled_sum as f64 / 2.0 - (n * (n + 1)) as f64 / 2.0
}

/// Twice the mean rank of every value, `x` first: whole numbers also with ties.
fn doubled_ranks(x: &[f64], y: &[f64]) -> Option<Vec<usize>> {
    let all: Vec<f64> = x.iter().chain(y).copied().collect();
    if x.is_empty() || y.is_empty() || all.iter().any(|value| value.is_nan()) {
        return None;
    }
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by(|a, b| all[*a].total_cmp(&all[*b]));
    let mut ranks = vec![0; all.len()];
    let mut start = 0;
    for tied in order.chunk_by(|a, b| all[*a] == all[*b]) {
        let end = start + tied.len();
        for &index in tied {
            ranks[index] = start + end + 1;
        }
        start = end;
    }
    Some(ranks)
}

/// In how many ways `n` of the ranks have each sum.
fn rank_sums(ranks: &[usize], n: usize) -> Vec<f64> {
    let total: usize = ranks.iter().sum();
    let mut ways = vec![vec![0.0; total + 1]; n + 1];
    ways[0][0] = 1.0;
    for &rank in ranks {
        for taken in (0..n).rev() {
            let (fewer, more) = ways.split_at_mut(taken + 1);
            for (from, to) in fewer[taken].iter().zip(&mut more[0][rank..]) {
                *to += from;
            }
        }
    }
    ways.swap_remove(n)
}

/// Sum of t^3 - t over groups of t tied values.
fn ties(ranks: &[usize]) -> f64 {
    let mut sorted = ranks.to_vec();
    sorted.sort_unstable();
    let cubes = sorted.chunk_by(|a, b| a == b).map(|group| group.len() as f64);
    cubes.map(|size| size.powi(3) - size).sum()
}

#[cfg(test)]
mod tests {
    use super::{rank_test_asymptotic, rank_test_exact};
    use proptest::prelude::*;

    #[test]
    fn three_against_three_cannot_go_below_a_tenth() {
        let test = rank_test_exact(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]).unwrap();
        assert_eq!((test.u, test.p), (0.0, 0.1));
    }

    #[test]
    fn what_has_no_ranks_has_no_test() {
        assert_eq!(rank_test_exact(&[], &[1.0]), None);
        assert_eq!(rank_test_exact(&[f64::NAN], &[1.0]), None);
        assert_eq!(rank_test_asymptotic(&[1.0, 1.0], &[1.0, 1.0]), None);
        assert_eq!(rank_test_exact(&[1.0; 2], &[1.0; 3]).unwrap().p, 1.0);
    }

    proptest! {
        #[test]
        fn sides_are_alike(x in prop::collection::vec(0_u8..9, 1..8), y in prop::collection::vec(0_u8..9, 1..8)) {
            let (x, y): (Vec<f64>, Vec<f64>) = (x.iter().map(|v| f64::from(*v)).collect(), y.iter().map(|v| f64::from(*v)).collect());
            let (a, b) = (rank_test_exact(&x, &y).unwrap(), rank_test_exact(&y, &x).unwrap());
            prop_assert!((a.p - b.p).abs() < 1e-12);
            prop_assert_eq!(a.u + b.u, (x.len() * y.len()) as f64);
        }
    }
}
