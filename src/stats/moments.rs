//! Mean, median and standard deviation, exact for values that are all equal.

/// The mean. Summing distances from the first value keeps the mean of equal values equal to them,
/// so that a spread of zero is found as zero.
pub fn mean(values: &[f64]) -> f64 {
    let Some(&first) = values.first() else { return f64::NAN };
    first + values.iter().map(|value| value - first).sum::<f64>() / values.len() as f64
}

/// The median of values in ascending order; NaN without any.
pub fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[middle],
        _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
    }
}

/// The standard deviation with n - 1; `None` below two values.
pub fn sd(values: &[f64]) -> Option<f64> {
    let freedom = values.len().checked_sub(1).filter(|freedom| *freedom > 0)?;
    Some((squares(values) / freedom as f64).sqrt())
}

/// Sum of squared distances from the mean.
pub fn squares(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::{mean, median, sd};
    use proptest::prelude::*;

    #[test]
    fn the_textbook_values() {
        assert_eq!(mean(&[1.0, 2.0, 6.0]), 3.0);
        assert_eq!(median(&[1.0, 2.0, 6.0]), 2.0);
        assert_eq!(median(&[1.0, 2.0, 4.0, 6.0]), 3.0);
        assert_eq!(sd(&[1.0, 3.0]), Some(2.0_f64.sqrt()));
        assert_eq!(sd(&[1.0]), None);
        assert!(mean(&[]).is_nan() && median(&[]).is_nan());
    }

    proptest! {
        #[test]
        fn equal_values_have_no_spread(value in -1e9..1e9_f64, count in 2_usize..40) {
            prop_assert_eq!(sd(&vec![value; count]), Some(0.0));
        }
    }
}
