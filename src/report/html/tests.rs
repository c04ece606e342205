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
        reason: None,
        warnings: Vec::new(),
    }
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
