//! Adjusted p values for a family of tests.

/// Benjamini and Hochberg's adjustment (1995), which bounds the share of false discoveries.
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let (order, count) = (ascending(p), p.len() as f64);
    let mut adjusted = vec![1.0; p.len()];
    let mut least = 1.0_f64;
    for (rank, &index) in order.iter().enumerate().rev() {
        // The factor first: it is never below one, so no p is lowered by rounding.
        least = least.min(p[index] * (count / (rank + 1) as f64));
        adjusted[index] = least;
    }
    adjusted
}

/// Holm's adjustment (1979), which bounds the chance of any false discovery.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![1.0; p.len()];
    let mut most = 0.0_f64;
    for (rank, &index) in ascending(p).iter().enumerate() {
        most = most.max((p[index] * (p.len() - rank) as f64).min(1.0));
        adjusted[index] = most;
    }
    adjusted
}

fn ascending(p: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    order
}

#[cfg(test)]
mod tests {
    use super::{benjamini_hochberg, holm};
    use proptest::prelude::*;

    #[test]
    fn a_family_of_one_is_not_adjusted() {
        assert_eq!(benjamini_hochberg(&[0.03]), [0.03]);
        assert_eq!(holm(&[0.03]), [0.03]);
        assert!(benjamini_hochberg(&[]).is_empty() && holm(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn adjusting_only_raises_and_keeps_the_order(p in prop::collection::vec(0.0..=1.0_f64, 1..30)) {
            let (bh, holm) = (benjamini_hochberg(&p), holm(&p));
            for i in 0..p.len() {
                prop_assert!(p[i] <= bh[i] && bh[i] <= holm[i] && holm[i] <= 1.0);
                for j in 0..p.len() {
                    prop_assert!(p[i] > p[j] || (bh[i] <= bh[j] && holm[i] <= holm[j]));
                }
            }
        }
    }
}
