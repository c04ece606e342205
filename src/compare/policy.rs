//! What verdicts follow: significance, margin, correction, calibrated floors, and what single rows
//! follow instead.

use super::Level;
use super::facts::matches;
use crate::stats::{DRIFT, Floor, Planner};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use vbench_results::{CaseId, Role};

/// What the verdicts follow.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Policy {
    /// Largest adjusted p value of a difference that counts as real.
    pub alpha: f64,
    /// Wanted chance to find a change of the margin's size; plans only.
    pub power: f64,
    /// Smallest change that matters, as a share: worse by a factor of at least one plus this, the
    /// same in both directions.
    pub margin: f64,
    /// How p values of a family are adjusted.
    pub correction: Correction,
    /// What counts as a real change.
    pub fail_rule: FailRule,
    /// Which value of a launch is compared.
    pub statistic: Statistic,
    /// What single rows follow instead, in order: the later wins, field by field.
    pub exceptions: Vec<Exception>,
    /// Compares results of different versions of a benchmark's code.
    pub any_version: bool,
    /// Launches of equal number are partners, measured next to each other: see [`super::partners`].
    pub paired: bool,
    /// Where launches of the sides did not take turns: how far hours of the host are assumed to lie
    /// apart where no spread of runs is known, in standard deviations of launches. Zero believes
    /// that the host is steady. See [`DRIFT`].
    pub drift: f64,
    /// Facts that are meant to differ, as names or globs.
    pub expect_differ: Vec<String>,
    /// Calibrated spreads.
    #[serde(skip)]
    pub floors: BTreeMap<FloorKey, Floor>,
}

/// What a calibrated spread belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FloorKey {
    /// The case's id.
    pub case: String,
    /// The metric's name.
    pub metric: String,
    /// What was repeated to find it.
    pub level: Level,
}

/// What the rows of a pattern follow in place of the policy; absent fields change nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Exception {
    /// Which rows.
    pub rows: Pattern,
    /// As [`Policy::alpha`].
    pub alpha: Option<f64>,
    /// As [`Policy::power`].
    pub power: Option<f64>,
    /// As [`Policy::margin`].
    pub margin: Option<f64>,
    /// As [`Policy::fail_rule`].
    pub fail_rule: Option<FailRule>,
    /// As [`Policy::statistic`].
    pub statistic: Option<Statistic>,
    /// A spread of units, in ln, that is known without calibration.
    pub floor_sd: Option<f64>,
    /// What a change means, in place of what the benchmark says.
    pub role: Option<Role>,
}

/// Rows by globs of case and metric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pattern {
    /// Glob of the case's id.
    pub case: String,
    /// Glob of the metric's name.
    pub metric: String,
}

/// What one row follows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Terms {
    /// As [`Policy::alpha`].
    pub alpha: f64,
    /// As [`Policy::power`].
    pub power: f64,
    /// As [`Policy::margin`].
    pub margin: f64,
    /// As [`Policy::fail_rule`].
    pub fail_rule: FailRule,
    /// As [`Policy::statistic`].
    pub statistic: Statistic,
    /// As [`Exception::floor_sd`].
    pub floor_sd: Option<f64>,
    /// As [`Exception::role`].
    #[serde(skip)]
    pub role: Option<Role>,
}

/// What counts as a real change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailRule {
    /// An adjusted p value of at most alpha, and a change of the margin or more.
    #[default]
    Significant,
    /// The 90% interval lies wholly beyond the margin; such rows are not adjusted.
    BeyondMargin,
}

/// Which value of a launch is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Statistic {
    /// Trimmed mean of the logs of its repeats.
    #[default]
    Center,
    /// Expected best of as many repeats as the shortest launch of both sides has. It rewards
    /// jitter: candidates that only vary more look better.
    Best,
}

/// How p values of a family are adjusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Correction {
    /// Benjamini and Hochberg: few false discoveries among the discoveries.
    #[default]
    Bh,
    /// Holm: rarely any false discovery.
    Holm,
    /// None.
    None,
}

impl Default for Policy {
    /// 5% significance, 80% power, 3% margin: the values with which the method was examined.
    fn default() -> Self {
        Self {
            alpha: 0.05,
            power: 0.8,
            margin: 0.03,
            correction: Correction::Bh,
            fail_rule: FailRule::Significant,
            statistic: Statistic::Center,
            exceptions: Vec::new(),
            any_version: false,
            paired: false,
            drift: DRIFT,
            expect_differ: Vec::new(),
            floors: BTreeMap::new(),
        }
    }
}

impl Default for Pattern {
    /// Every row.
    fn default() -> Self {
        Self { case: "*".to_owned(), metric: "*".to_owned() }
    }
}

impl Pattern {
    /// Whether the row of `case` and `metric` is meant.
    pub fn matches(&self, case: &str, metric: &str) -> bool {
        matches(&self.case, case) && matches(&self.metric, metric)
    }
}

impl Terms {
    /// The margin in ln.
    pub fn tau(&self) -> f64 {
        self.margin.ln_1p()
    }

    /// A planner of its own where power or alpha are not those of the policy.
    pub fn planner(&self, policy: &Policy) -> Option<Planner> {
        let same = (self.alpha, self.power) == (policy.alpha, policy.power);
        (!same).then(|| Planner::new(self.alpha, self.power))
    }

    fn follow(&mut self, exception: &Exception) {
        let Self { alpha, power, margin, fail_rule, statistic, floor_sd, role } = self;
        *alpha = exception.alpha.unwrap_or(*alpha);
        *power = exception.power.unwrap_or(*power);
        *margin = exception.margin.unwrap_or(*margin);
        *fail_rule = exception.fail_rule.unwrap_or(*fail_rule);
        *statistic = exception.statistic.unwrap_or(*statistic);
        *floor_sd = exception.floor_sd.or(*floor_sd);
        *role = exception.role.or(*role);
    }
}

impl Policy {
    /// The margin in ln.
    pub fn tau(&self) -> f64 {
        self.margin.ln_1p()
    }

    /// What rows without an exception follow, and groups.
    pub fn terms(&self) -> Terms {
        Terms {
            alpha: self.alpha,
            power: self.power,
            margin: self.margin,
            fail_rule: self.fail_rule,
            statistic: self.statistic,
            floor_sd: None,
            role: None,
        }
    }

    /// What the row of `case` and `metric` follows.
    pub fn terms_of(&self, case: &CaseId, metric: &str) -> Terms {
        let mut terms = self.terms();
        if !self.exceptions.is_empty() {
            let case = case.to_string();
            let matching = self.exceptions.iter().filter(|e| e.rows.matches(&case, metric));
            matching.for_each(|exception| terms.follow(exception));
        }
        terms
    }

    /// The calibrated spread of a row, if any.
    pub fn floor(&self, case: &str, metric: &str, level: Level) -> Option<Floor> {
        if self.floors.is_empty() {
            return None;
        }
        let key = FloorKey { case: case.to_owned(), metric: metric.to_owned(), level };
        self.floors.get(&key).copied()
    }
}
