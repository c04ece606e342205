//! The policy of a gate: which rows are judged, how, and what each state of a row means.

use super::values::{Age, Day, Limit};
use crate::compare::{self, Correction, Exception, FailRule, FloorKey, Level, Pattern, Statistic};
use crate::stats::{DRIFT, Floor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use vbench_results::Role;

/// The only version of policy files.
pub const SCHEMA: u32 = 1;

/// What a gate follows: the content of a policy file, defaults filled in.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Policy {
    /// Version of the file's format.
    pub schema: u32,
    /// How p values of the gated rows are adjusted.
    pub correction: Correction,
    /// What a moved control means.
    pub on_control_moved: OnControlMoved,
    /// As [`compare::Policy::drift`].
    pub drift: f64,
    /// What rows without a rule of their own follow.
    #[serde(flatten)]
    pub settings: Settings,
    /// File of calibrated spreads, from the policy's folder.
    pub noise_floor_file: Option<PathBuf>,
    /// What single rows follow instead; of several that match, the later wins, field by field.
    #[serde(rename = "rule")]
    pub rules: Vec<Rule>,
    /// Rows that must exist; the base's rows where there is none.
    pub expect: Vec<Pattern>,
    /// Rows that must not change.
    #[serde(rename = "control")]
    pub controls: Vec<Control>,
    /// Findings that are known and accepted for a while.
    #[serde(rename = "waive")]
    pub waivers: Vec<Waiver>,
    /// What the candidate is compared with.
    pub baseline: BaselineChoice,
    /// What is measured again before it is believed.
    pub confirm: Confirm,
}

/// What one row follows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// Largest adjusted p value of a difference that counts as real.
    pub alpha: f64,
    /// Wanted chance to find a change of the margin's size; plans only.
    pub power: f64,
    /// Smallest change that matters, as a share.
    pub margin: f64,
    /// What counts as a real change.
    pub fail_rule: FailRule,
    /// Which value of a launch is compared.
    pub statistic: Statistic,
    /// Fewest units a side with which a row is believed.
    pub min_units: usize,
    /// A single unit a side may be believed, where `min_units` allows it too.
    pub allow_single: bool,
    /// What the units must be.
    pub require_unit: Level,
    /// A spread of units, in ln, known without calibration.
    pub noise_floor: Option<f64>,
    /// What an inconclusive row means.
    pub on_inconclusive: Action,
    /// What a row without a value in the candidate means.
    pub on_missing: Action,
    /// What a row that cannot be compared means.
    pub on_incomparable: Action,
    /// What a row without a value in the base means.
    pub on_new: Action,
    /// What an improvement means.
    pub on_improvement: Action,
}

/// What a state of a row does to the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Nothing.
    Pass,
    /// It is said.
    Warn,
    /// The gate does not pass.
    Fail,
}

/// What a moved control does to the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnControlMoved {
    /// Nothing is believed: the environment moved.
    Environment,
    /// It is said.
    Warn,
}

/// Settings in which rows differ from the rest, and bounds they must keep.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Rule {
    /// Which rows.
    #[serde(rename = "match")]
    pub rows: Pattern,
    /// Least typical value of the candidate, whatever the base says.
    pub min: Option<Limit>,
    /// Largest typical value of the candidate.
    pub max: Option<Limit>,
    /// The settings that differ.
    #[serde(flatten)]
    pub overrides: Overrides,
}

/// Rows that must not change.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Control {
    /// Which rows.
    #[serde(rename = "match")]
    pub rows: Pattern,
    /// Smallest change that says that the environment moved; the policy's margin where absent.
    pub margin: Option<f64>,
}

/// Findings that are accepted for a while.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Waiver {
    /// Of which rows.
    #[serde(rename = "match")]
    pub rows: Pattern,
    /// Why.
    pub reason: String,
    /// Where more is said about it.
    pub link: Option<String>,
    /// The last day on which it holds.
    pub until: Day,
}

/// What the candidate is compared with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BaselineChoice {
    /// Name of the base, where the command line gives none.
    pub source: Option<String>,
    /// Facts that must be equal on both sides: globs, `stable`, and `!` before what is left out.
    pub key: Vec<String>,
    /// Age of the base above which a warning is given.
    pub max_age: Option<Age>,
    /// Name of an older base, such as the last release, against slow creep.
    pub anchor: Option<String>,
}

/// What is measured again before it is believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Confirm {
    /// How often a failing row is measured again; zero asks for nothing.
    pub runs: u32,
}

impl Default for Settings {
    /// The values with which the method was examined; five units are the least for a gate.
    fn default() -> Self {
        let method = compare::Policy::default();
        Self {
            alpha: method.alpha,
            power: method.power,
            margin: method.margin,
            fail_rule: method.fail_rule,
            statistic: method.statistic,
            min_units: 5,
            allow_single: false,
            require_unit: Level::Launch,
            noise_floor: None,
            on_inconclusive: Action::Warn,
            on_missing: Action::Fail,
            on_incomparable: Action::Fail,
            on_new: Action::Warn,
            on_improvement: Action::Pass,
        }
    }
}

/// The key without a policy: what describes the machine and its layout, the driver of its GPUs, and
/// the program that measured.
pub const KEY: [&str; 4] = ["stable", "gpu.*.model", "gpu.*.driver_version", "vbench.version"];

impl Default for BaselineChoice {
    fn default() -> Self {
        let key = KEY.map(str::to_owned).to_vec();
        Self { source: None, key, max_age: None, anchor: None }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            schema: SCHEMA,
            correction: Correction::Bh,
            on_control_moved: OnControlMoved::Environment,
            drift: DRIFT,
            settings: Settings::default(),
            noise_floor_file: None,
            rules: Vec::new(),
            expect: Vec::new(),
            controls: Vec::new(),
            waivers: Vec::new(),
            baseline: BaselineChoice::default(),
            confirm: Confirm::default(),
        }
    }
}

/// Declares the settings in which a rule may differ, and how they replace those of the policy.
macro_rules! overrides {
    ($($field:ident: $type:ty),* $(,)?) => {
        /// Settings of a rule; absent ones change nothing.
        #[derive(Clone, Debug, Default, PartialEq, Serialize)]
        pub struct Overrides {
            $(
                #[doc = concat!("As [`Settings::", stringify!($field), "`].")]
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )*
        }

        impl Settings {
            /// Takes over what a rule says.
            pub fn follow(&mut self, rule: &Overrides) {
                $(if let Some(value) = rule.$field { self.$field = value.into(); })*
            }
        }
    };
}

overrides! {
    alpha: f64,
    power: f64,
    margin: f64,
    fail_rule: FailRule,
    statistic: Statistic,
    min_units: usize,
    allow_single: bool,
    require_unit: Level,
    noise_floor: f64,
    on_inconclusive: Action,
    on_missing: Action,
    on_incomparable: Action,
    on_new: Action,
    on_improvement: Action,
}

impl Policy {
    /// What the row of `case` and `metric` follows.
    pub fn settings_of(&self, case: &str, metric: &str) -> Settings {
        let mut settings = self.settings.clone();
        for rule in self.rules.iter().filter(|rule| rule.rows.matches(case, metric)) {
            settings.follow(&rule.overrides);
        }
        settings
    }

    /// What the comparison follows so that its verdicts are those of this policy.
    pub fn comparison(&self, floors: BTreeMap<FloorKey, Floor>) -> compare::Policy {
        let Settings { alpha, power, margin, fail_rule, statistic, .. } = self.settings;
        let correction = self.correction;
        let everywhere = self
            .settings
            .noise_floor
            .map(|sd| Exception { floor_sd: Some(sd), ..Exception::default() });
        let rules = self.rules.iter().map(Rule::exception);
        let controls = self.controls.iter().map(Control::exception);
        let exceptions = everywhere.into_iter().chain(rules).chain(controls).collect();
        compare::Policy {
            alpha,
            power,
            margin,
            correction,
            fail_rule,
            statistic,
            drift: self.drift,
            exceptions,
            floors,
            ..compare::Policy::default()
        }
    }
}

impl Rule {
    fn exception(&self) -> Exception {
        let Overrides { alpha, power, margin, fail_rule, statistic, noise_floor, .. } =
            self.overrides;
        let (rows, floor_sd) = (self.rows.clone(), noise_floor);
        Exception { rows, alpha, power, margin, fail_rule, statistic, floor_sd, role: None }
    }
}

impl Control {
    fn exception(&self) -> Exception {
        let rows = self.rows.clone();
        let (margin, role) = (self.margin, Some(Role::Control));
        Exception { rows, margin, role, ..Exception::default() }
    }
}
