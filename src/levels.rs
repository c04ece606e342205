//! Levels of a memory hierarchy: the plateaus of a curve over sizes, and the caches claimed.

use std::ops::Range;

/// One point of a curve: latency, bandwidth, or any other positive number, at a size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Bytes in use.
    pub size: u64,
    /// What was measured there.
    pub value: f64,
}

/// A range of sizes over which the curve is flat.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// Smallest size on the plateau.
    pub from: u64,
    /// Largest size on the plateau.
    pub to: u64,
    /// Where the next level begins, or the first size that is no longer on this one: the level
    /// ends between `to` and here. Nothing when no larger size was measured.
    pub beyond: Option<u64>,
    /// The value of the plateau: the median of its points.
    pub value: f64,
}

/// A cache that the system claims, and the level that ends where it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Claimed bytes.
    pub claimed: u64,
    /// Index of the level that the claim explains; nothing when no level ends there.
    pub level: Option<usize>,
}

/// Neighbouring plateaus differ by at least this factor: the levels of real hierarchies are a
/// factor of 2 to 4 apart, and a slope of address translation within one level adds up to 15%.
const LEAST_STEP: f64 = 1.20;
/// The halves of a plateau differ by at most this factor: more is a slope, which is no level.
const MOST_SLOPE: f64 = 1.5;
/// Fewer points are no plateau, but part of the way from one to the next.
const LEAST_POINTS: usize = 2;
/// Noise that is assumed even of a perfectly smooth curve: that of a few repeats in a guest.
const LEAST_NOISE: f64 = 0.02;
/// Noise that is assumed at most, so that a steep curve is not taken for a noisy one.
const MOST_NOISE: f64 = 0.03;
/// What a plateau costs, and what a point on none costs, in squared standard deviations: a point
/// leaves its plateau when it is 4 deviations off, and a plateau must explain more than one.
const PLATEAU_COST: f64 = 12.0;
const STRAY_COST: f64 = 16.0;
/// A level may end this far from the claimed size and still be that cache: a ring shares the cache
/// with page tables and the rest of the system, and a set fills unevenly.
const CLAIM_TOLERANCE: f64 = 1.25;

/// The plateaus of a curve, smallest sizes first. Points that are no positive numbers are left out.
///
/// The curve is cut where that explains its logarithm at the least cost: a plateau costs its
/// squared deviations and a fixed amount, a point between plateaus a fixed amount (optimal
/// partitioning: Jackson et al. 2005). Noise comes from the median step between neighbours.
pub fn levels(points: &[Point]) -> Vec<Level> {
    let mut points: Vec<Point> =
        points.iter().copied().filter(|p| p.value.is_finite() && p.value > 0.0).collect();
    points.sort_by_key(|point| point.size);
    points.dedup_by_key(|point| point.size);
    let logs: Vec<f64> = points.iter().map(|point| point.value.ln()).collect();
    let plateaus = joined(&logs, partition(&logs, noise(&logs)));
    let level = |(index, range): (usize, &Range<usize>)| Level {
        from: points[range.start].size,
        to: points[range.end - 1].size,
        beyond: {
            let next = plateaus.get(index + 1).map_or(range.end, |next| next.start);
            points.get(next).map(|point| point.size)
        },
        value: median(&logs[range.clone()]).exp(),
    };
    plateaus.iter().enumerate().map(level).collect()
}

/// Which level each claimed cache explains: the one whose end is nearest to the claimed size, when
/// the claim lies where that level ends.
pub fn compare(levels: &[Level], claims: &[u64]) -> Vec<Claim> {
    let explained = |claimed: f64| {
        let fits = |level: &Level| {
            let beyond = level.beyond? as f64;
            let (low, high) = (level.to as f64 / CLAIM_TOLERANCE, beyond * CLAIM_TOLERANCE);
            let distance = (claimed.ln() - (level.to as f64 * beyond).sqrt().ln()).abs();
            (low..=high).contains(&claimed).then_some(distance)
        };
        let candidates = levels.iter().enumerate().filter_map(|(i, level)| Some((i, fits(level)?)));
        candidates.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| index)
    };
    claims.iter().map(|&claimed| Claim { claimed, level: explained(claimed as f64) }).collect()
}

/// Standard deviation of a point, from the median distance of neighbours: most are on one plateau.
fn noise(logs: &[f64]) -> f64 {
    /// Median distance of two draws from a normal distribution, in standard deviations:
    /// sqrt(2) times its quartile.
    const MEDIAN_DISTANCE: f64 = 0.953_873;
    let steps: Vec<f64> = logs.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    (median(&steps) / MEDIAN_DISTANCE).clamp(LEAST_NOISE, MOST_NOISE)
}

/// The cheapest cut into plateaus and points between them; gives the plateaus.
fn partition(logs: &[f64], noise: f64) -> Vec<Range<usize>> {
    // The cheapest way to explain the first `end` points, and where its last piece begins.
    let mut best: Vec<(f64, usize)> = vec![(0.0, 0)];
    for end in 1..=logs.len() {
        let mut cheapest = (best[end - 1].0 + STRAY_COST, end - 1);
        for start in 0..=end.saturating_sub(LEAST_POINTS) {
            let cost = best[start].0 + PLATEAU_COST + squares(&logs[start..end]) / noise.powi(2);
            if end - start >= LEAST_POINTS && cost < cheapest.0 {
                cheapest = (cost, start);
            }
        }
        best.push(cheapest);
    }
    let mut plateaus = Vec::new();
    let mut end = logs.len();
    while end > 0 {
        let start = best[end].1;
        if end - start >= LEAST_POINTS {
            plateaus.push(start..end);
        }
        end = start;
    }
    plateaus.reverse();
    plateaus
}

/// Joins neighbours that no real step divides: a slow slope, or a level with one point off it.
fn joined(logs: &[f64], plateaus: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut all: Vec<Range<usize>> = Vec::new();
    for next in plateaus {
        match all.last_mut() {
            Some(last) if !stepped(logs, last, &next) => last.end = next.end,
            _ => all.push(next),
        }
    }
    all.retain(|plateau| {
        let (lower, upper) = logs[plateau.clone()].split_at(plateau.len() / 2);
        (median(upper) - median(lower)).abs() < MOST_SLOPE.ln()
    });
    all
}

fn stepped(logs: &[f64], last: &Range<usize>, next: &Range<usize>) -> bool {
    let level = median(&logs[next.clone()]) - median(&logs[last.clone()]);
    let edge = logs[next.start] - logs[last.end - 1];
    level.abs() > LEAST_STEP.ln() && edge.abs() > LEAST_STEP.ln()
}

/// Sum of the squared deviations from the mean.
fn squares(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| (value - mean).powi(2)).sum()
}

/// The median; zero of nothing.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = |index: usize| sorted.get(index).copied().unwrap_or(0.0);
    (middle(sorted.len() / 2) + middle(sorted.len().saturating_sub(1) / 2)) / 2.0
}

#[cfg(test)]
mod tests {
    use super::{Claim, Level, Point, compare, levels};
    use proptest::prelude::*;

    fn curve(values: &[f64]) -> Vec<Point> {
        let size = |index: usize| 4096_u64 << index;
        values.iter().enumerate().map(|(i, &value)| Point { size: size(i), value }).collect()
    }

    /// The seen curve of a 2-vCPU guest, page-local order, in nanoseconds.
    const SEEN: [f64; 18] = [
        1.44, 1.44, 1.44, 1.45, 2.9, 4.3, 4.4, 4.4, 4.5, 20.0, 35.1, 36.7, 37.3, 37.5, 42.0, 58.0,
        59.0, 59.4,
    ];

    #[test]
    fn finds_the_levels_of_a_real_curve_and_matches_the_claims() {
        let found = levels(&curve(&SEEN));
        let ranges: Vec<_> = found.iter().map(|level| (level.from >> 10, level.to >> 10)).collect();
        assert_eq!(ranges, [(4, 32), (128, 1024), (4096, 32768), (131_072, 524_288)]);
        assert!((found[0].value - 1.44).abs() < 0.01);
        assert_eq!(found[3].beyond, None);
        let claims = compare(&found, &[48 << 10, 1280 << 10, 48 << 20, 4 << 30]);
        let explained: Vec<_> = claims.iter().map(|claim| claim.level).collect();
        assert_eq!(explained, [Some(0), Some(1), Some(2), None]);
    }

    #[test]
    fn a_claim_where_nothing_ends_explains_nothing() {
        let flat = levels(&curve(&[5.0; 10]));
        assert_eq!((flat.len(), flat[0].beyond), (1, None));
        assert_eq!(compare(&flat, &[1 << 15]), [Claim { claimed: 1 << 15, level: None }]);
        let two = levels(&curve(&[1.0, 1.0, 1.0, 1.0, 9.0, 9.0, 9.0]));
        assert_eq!(compare(&two, &[260 << 20])[0].level, None);
    }

    #[test]
    fn one_point_off_its_level_divides_nothing() {
        let found = levels(&curve(&[4.0, 4.0, 4.0, 9.0, 4.0, 4.0, 4.1]));
        assert_eq!(found.len(), 1);
        assert!((found[0].value - 4.0).abs() < 0.01);
    }

    #[test]
    fn bandwidth_falls_where_latency_rises() {
        let found = levels(&curve(&[59e9, 58e9, 60e9, 59e9, 37e9, 28e9, 28.2e9, 27.9e9]));
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].from, 4096 << 5);
    }

    #[test]
    fn what_is_no_curve_has_no_levels() {
        assert_eq!(levels(&[]), Vec::<Level>::new());
        assert_eq!(levels(&curve(&[1.0])), Vec::<Level>::new());
        assert_eq!(levels(&curve(&[f64::NAN, 0.0, -1.0, f64::INFINITY])), Vec::<Level>::new());
        // Slopes, steep and slow.
        for factor in [2.0_f64, 1.3, 1.22, 1.14, 1.06] {
            let slope: Vec<f64> = (0..14).map(|i| factor.powi(i)).collect();
            assert!(levels(&curve(&slope)).is_empty(), "{factor}");
        }
    }

    /// Levels as (points, step up from the level before), whether a point lies between levels,
    /// and noise per point.
    type Planted = (Vec<(usize, f64)>, bool, Vec<f64>);

    fn planted() -> impl Strategy<Value = Planted> {
        let level = (3_usize..7, 1.6_f64..4.0);
        let noise = prop::collection::vec(-0.025_f64..0.025, 40);
        (prop::collection::vec(level, 1..5), any::<bool>(), noise)
    }

    proptest! {
        #[test]
        fn finds_what_was_planted_and_invents_nothing((plan, between, noise) in planted()) {
            let (mut values, mut wanted, mut value) = (Vec::new(), Vec::new(), 1.0_f64);
            for (index, (count, step)) in plan.iter().enumerate() {
                if index > 0 {
                    if between {
                        values.push(value * step.sqrt());
                    }
                    value *= step;
                }
                wanted.push((values.len(), values.len() + count - 1, value));
                values.extend(std::iter::repeat_n(value, *count));
            }
            for (value, noise) in values.iter_mut().zip(&noise) {
                *value *= noise.exp();
            }
            let found = levels(&curve(&values));
            prop_assert_eq!(found.len(), wanted.len(), "{:?}", values);
            for (level, (first, last, value)) in found.iter().zip(wanted) {
                prop_assert_eq!((level.from, level.to), (4096 << first, 4096 << last));
                prop_assert!((level.value / value).ln().abs() < 0.026);
            }
        }

        #[test]
        fn any_numbers_give_ordered_levels(values in prop::collection::vec(any::<f64>(), 0..30)) {
            let found = levels(&curve(&values));
            for level in &found {
                prop_assert!(level.from < level.to && level.value >= 0.0);
            }
            prop_assert!(found.windows(2).all(|pair| pair[0].to < pair[1].from));
            compare(&found, &[0, 1, u64::MAX]);
        }
    }
}
