//! The five verdicts: how they are reached, and the words and signs they have on screen.

use super::policy::{FailRule, Terms};
use super::row::Change;
use crate::stats::Member;
use serde::Serialize;
use vbench_results::Better;

/// What can be said about a row. The order is that of importance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Really worse, by the margin or more.
    Regression,
    /// Really better, by the margin or more.
    Improvement,
    /// The data allow no conclusion.
    Inconclusive,
    /// Shown to differ by less than the margin.
    Equivalent,
    /// Not the same thing, or nothing to compare.
    Incomparable,
}

/// Why a row is inconclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The spread of units is too large for their number.
    Noise,
    /// The launches alone would decide, but the sides were not measured in turns: what they show
    /// could be the host's.
    Drift,
    /// One unit against one: the spread is not known.
    Unreplicated,
    /// A difference without any spread: the spread is not known either.
    ZeroVariance,
    /// An exact metric whose values do not repeat.
    NotExact,
}

impl Verdict {
    /// Every verdict, in order of importance.
    pub const ALL: [Self; 5] = [
        Self::Regression,
        Self::Improvement,
        Self::Inconclusive,
        Self::Equivalent,
        Self::Incomparable,
    ];

    /// The name in data.
    pub fn name(self) -> &'static str {
        match self {
            Self::Regression => "regression",
            Self::Improvement => "improvement",
            Self::Inconclusive => "inconclusive",
            Self::Equivalent => "equivalent",
            Self::Incomparable => "incomparable",
        }
    }

    /// The word on screen: between two configurations nobody regressed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Regression => "worse",
            Self::Improvement => "better",
            Self::Inconclusive => "unclear",
            Self::Equivalent => "same",
            Self::Incomparable => "not comparable",
        }
    }

    /// The sign before the word.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Regression => "\u{2717}",
            Self::Improvement => "\u{2713}",
            Self::Inconclusive => "?",
            Self::Equivalent => "\u{2248}",
            Self::Incomparable => "\u{2013}",
        }
    }

    /// The sign where only ASCII can be shown.
    pub fn ascii_sign(self) -> &'static str {
        match self {
            Self::Regression => "x",
            Self::Improvement => "+",
            Self::Inconclusive => "?",
            Self::Equivalent => "=",
            Self::Incomparable => "-",
        }
    }
}

impl Why {
    /// The name in data.
    pub fn name(self) -> &'static str {
        match self {
            Self::Noise => "noise",
            Self::Drift => "drift",
            Self::Unreplicated => "unreplicated",
            Self::ZeroVariance => "zero-variance",
            Self::NotExact => "not-exact",
        }
    }
}

/// The verdict on a change whose adjusted p value is `q`, the rules in their order.
pub fn judge(
    change: &Change,
    q: Option<f64>,
    better: Better,
    terms: &Terms,
) -> (Verdict, Option<Why>) {
    let tau = terms.tau();
    let size = change.estimate_ln.abs();
    let (Some(half_90), Some(_)) = (change.half_90_ln, change.half_95_ln) else {
        return (Verdict::Inconclusive, Some(Why::Unreplicated));
    };
    let Some(q) = q else { return (Verdict::Inconclusive, Some(Why::ZeroVariance)) };
    let real = match terms.fail_rule {
        FailRule::Significant => q <= terms.alpha && size >= tau,
        FailRule::BeyondMargin => size - half_90 >= tau,
    };
    if real {
        return (direction(change.estimate_ln, better), None);
    }
    if size + half_90 < tau {
        return (Verdict::Equivalent, None);
    }
    let why = if decided_by_launches(change, terms) { Why::Drift } else { Why::Noise };
    (Verdict::Inconclusive, Some(why))
}

/// Whether a row that is unclear would not be, had its launches taken turns.
fn decided_by_launches(change: &Change, terms: &Terms) -> bool {
    let (of_order, launches): (Vec<&Member>, Vec<&Member>) =
        change.members.iter().partition(|member| member.test.is_of_order());
    let half_90 = launches.iter().map(|member| member.half_90).fold(0.0, f64::max);
    let p = launches.iter().filter_map(|member| member.p).fold(0.0, f64::max);
    let (size, tau) = (change.estimate_ln.abs(), terms.tau());
    let real = match terms.fail_rule {
        FailRule::Significant => p <= terms.alpha && size >= tau,
        FailRule::BeyondMargin => size - half_90 >= tau,
    };
    !of_order.is_empty() && !launches.is_empty() && (real || size + half_90 < tau)
}

/// Whether a difference that is not zero is an improvement.
pub fn direction(difference: f64, better: Better) -> Verdict {
    if (difference > 0.0) == (better == Better::Higher) {
        Verdict::Improvement
    } else {
        Verdict::Regression
    }
}
