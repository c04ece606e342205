//! Mann and Whitney's U, printed as a second opinion: exact with ties, or by its normal limit.
//!
//! The library's exact test is wrong where the first sample is not the larger one, so both are ours.

use statrs::distribution::{ContinuousCDF, Normal};
use std::cell::RefCell;
use std::collections::BTreeMap;

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
    let u = u_of(sum, x.len());
    let p = if ties(&ranks) > 0.0 {
        two_sided(&rank_sums(&ranks, x.len()), sum)
    } else {
        UNTIED.with_borrow_mut(|known| {
            let (n, m) = (x.len(), y.len());
            two_sided(known.entry((n, m)).or_insert_with(|| untied(n, m)), u as usize)
        })
    };
    Some(RankTest { u, p })
}

thread_local! {
    /// In how many ways samples of two sizes have each U, without ties: a report asks for the same
    /// few sizes ten thousands of times.
    static UNTIED: RefCell<BTreeMap<(usize, usize), Vec<f64>>> = const { RefCell::new(BTreeMap::new()) };
}

/// Twice the smaller tail from `place` on, of all `ways`.
fn two_sided(ways: &[f64], place: usize) -> f64 {
    let all: f64 = ways.iter().sum();
    let low: f64 = ways[..=place].iter().sum();
    let high: f64 = ways[place..].iter().sum();
    (2.0 * low.min(high) / all).min(1.0)
}

/// In how many ways `n` and `m` different values have each U: the largest of all is of the first
/// sample, and above all `m`, or of the second (Mann and Whitney 1947).
fn untied(n: usize, m: usize) -> Vec<f64> {
    let mut ways = vec![vec![0.0; n * m + 1]; n + 1];
    ways.iter_mut().for_each(|ways| ways[0] = 1.0);
    for of_second in 1..=m {
        for of_first in 1..=n {
            let (fewer, more) = ways.split_at_mut(of_first);
            for (from, to) in fewer[of_first - 1].iter().zip(&mut more[0][of_second..]) {
                *to += from;
            }
        }
    }
    ways.swap_remove(n)
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
    use super::{rank_sums, rank_test_asymptotic, rank_test_exact, two_sided, untied};
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

    #[test]
    fn the_short_count_without_ties_is_the_long_one() {
        for (n, m) in [(1, 1), (2, 5), (5, 2), (10, 10), (25, 25), (40, 30), (2, 60)] {
            let ranks: Vec<usize> = (1..=n + m).map(|rank| 2 * rank).collect();
            let (short, long) = (untied(n, m), rank_sums(&ranks, n));
            for u in [0, 1, n * m / 3, n * m / 2, n * m] {
                let (a, b) = (two_sided(&short, u), two_sided(&long, 2 * u + n * (n + 1)));
                assert!((a - b).abs() < 1e-12 * b.max(1e-300), "{n} {m} {u}: {a} {b}");
            }
        }
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
