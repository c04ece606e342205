//! Student's t: its tail and its quantile, to nine digits.

use statrs::distribution::{Continuous, ContinuousCDF, StudentsT};

/// Newton steps that bring the library's quantile from 1e-8 to below 1e-11 relative error
/// (compared with scipy at 1 to 10 000 degrees of freedom).
const POLISH: usize = 3;

/// P(T > t) with `df` degrees of freedom; `None` where `df` or `t` is no usable number.
pub fn t_tail(t: f64, df: f64) -> Option<f64> {
    let distribution = students_t(df)?;
    (!t.is_nan()).then(|| if t.is_infinite() { f64::from(t < 0.0) } else { distribution.sf(t) })
}

/// The t that `p` of the distribution lies below; `None` outside 0.5..1 or without a usable `df`.
pub fn t_quantile(p: f64, df: f64) -> Option<f64> {
    let distribution = students_t(df)?;
    if !(0.5..1.0).contains(&p) {
        return None;
    }
    if p == 0.5 {
        return Some(0.0);
    }
    let mut t = distribution.inverse_cdf(p);
    for _ in 0..POLISH {
        t += (distribution.sf(t) - (1.0 - p)) / distribution.pdf(t);
    }
    t.is_finite().then_some(t)
}

/// Below one degree of freedom no test of this crate is defined.
fn students_t(df: f64) -> Option<StudentsT> {
    if df >= 1.0 && df.is_finite() { StudentsT::new(0.0, 1.0, df).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::{t_quantile, t_tail};
    use proptest::prelude::*;

    #[test]
    fn what_is_not_defined_is_absent() {
        for df in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(t_tail(1.0, df), None);
            assert_eq!(t_quantile(0.975, df), None);
        }
        assert_eq!(t_tail(f64::NAN, 3.0), None);
        assert_eq!(t_quantile(1.0, 3.0), None);
        assert_eq!(t_quantile(f64::NAN, 3.0), None);
        assert_eq!(t_tail(f64::INFINITY, 3.0), Some(0.0));
    }

    proptest! {
        #[test]
        fn the_quantile_inverts_the_tail(p in 0.55..0.9995_f64, df in 1.0..2000.0_f64) {
            let tail = t_tail(t_quantile(p, df).unwrap(), df).unwrap();
            prop_assert!((tail / (1.0 - p) - 1.0).abs() < 1e-9, "{tail}");
        }
    }
}
