//! Verdicts and their words: gains are never red, whatever counts as one.

use super::table::class;
use super::view::Cell;
use super::words;
use crate::compare::Verdict;
use proptest::prelude::*;

fn cell(verdict: Verdict, ratio: f64) -> Cell {
    Cell {
        verdict: Some(verdict),
        why: None,
        ratio: Some(ratio),
        interval: Some((ratio * 0.99, ratio * 1.01)),
        need: None,
        least: 5,
        among: None,
        reason: None,
        warnings: Vec::new(),
    }
}

#[test]
fn what_only_the_adjustment_makes_unclear_asks_for_no_launches() {
    let noise = Some(crate::compare::Why::Noise);
    let noisy = Cell { why: noise, need: Some(206), ..cell(Verdict::Inconclusive, 0.6) };
    assert_eq!(words::unclear(&noisy, "launch"), "about 206 launches a side would settle it");
    let adjusted = Cell { among: Some(84), ..noisy };
    assert_eq!(words::unclear(&adjusted, "launch"), "real alone, not among 84 differences");
}

proptest! {
    #[test]
    fn colour_follows_the_verdict_and_words_the_ratio(ratio in 0.01..100.0_f64, which in 0_usize..5) {
        let verdict = Verdict::ALL[which];
        let cell = cell(verdict, ratio);
        // Lower is better or higher is: the verdict knows, the sign of the change does not.
        prop_assert_eq!(class(&cell) == "b", verdict == Verdict::Improvement);
        prop_assert_eq!(class(&cell) == "w", verdict == Verdict::Regression);
        let text = words::verdict(&cell);
        prop_assert!(text.starts_with(verdict.sign()));
        if cell.real() {
            prop_assert_eq!(text.contains("higher"), ratio > 1.0 && !text.contains("0.0%"));
            prop_assert_eq!(text.contains("lower"), ratio < 1.0 && !text.contains("0.0%"));
        } else {
            prop_assert!(text.contains(verdict.word()));
        }
    }
}
