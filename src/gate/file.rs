//! The policy file: TOML, every key known, every value checked.

use super::policy::{
    Action, BaselineChoice, Confirm, Control, OnControlMoved, Overrides, Policy, Rule, SCHEMA,
    Settings, Waiver,
};
use super::values::{Age, Day, Limit, Percent};
use crate::compare::{Correction, FailRule, Level, Pattern, Statistic};
use crate::stats::DRIFT;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use toml::Value;

/// Declares a table that holds the settings of rows beside keys of its own.
macro_rules! table {
    ($name:ident { $($field:ident: $type:ty),* $(,)? }) => {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct $name {
            $(#[serde(default)] $field: $type,)*
            alpha: Option<f64>,
            power: Option<f64>,
            margin: Option<Percent>,
            fail_rule: Option<FailRule>,
            statistic: Option<Statistic>,
            min_units: Option<usize>,
            allow_single: Option<bool>,
            require_unit: Option<Level>,
            noise_floor: Option<NoiseFloor>,
            on_inconclusive: Option<Action>,
            on_missing: Option<Action>,
            on_incomparable: Option<Action>,
            on_new: Option<Action>,
            on_improvement: Option<Action>,
        }

        impl $name {
            fn overrides(&self) -> Result<Overrides, String> {
                let floor = match &self.noise_floor {
                    Some(NoiseFloor::Sd(sd)) => Some(*sd),
                    _ => None,
                };
                check_overrides(Overrides {
                    alpha: self.alpha,
                    power: self.power,
                    margin: self.margin.map(|margin| margin.0),
                    fail_rule: self.fail_rule,
                    statistic: self.statistic,
                    min_units: self.min_units,
                    allow_single: self.allow_single,
                    require_unit: self.require_unit,
                    noise_floor: floor,
                    on_inconclusive: self.on_inconclusive,
                    on_missing: self.on_missing,
                    on_incomparable: self.on_incomparable,
                    on_new: self.on_new,
                    on_improvement: self.on_improvement,
                })
            }
        }
    };
}

table!(File {
    schema: Option<u32>,
    correction: Option<Correction>,
    on_control_moved: Option<OnControlMoved>,
    drift: Option<f64>,
    rule: Vec<RuleTable>,
    expect: Vec<ExpectTable>,
    control: Vec<ControlTable>,
    waive: Vec<WaiveTable>,
    baseline: BaselineTable,
    confirm: ConfirmTable,
});

table!(RuleTable { r#match: Option<Match>, min: Option<Limit>, max: Option<Limit> });

/// Rows by globs; what is absent matches everything.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Match {
    case: Option<String>,
    metric: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectTable {
    r#match: Match,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlTable {
    r#match: Match,
    margin: Option<Percent>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WaiveTable {
    r#match: Match,
    reason: String,
    link: Option<String>,
    until: Day,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct BaselineTable {
    source: Option<String>,
    key: Option<Vec<String>>,
    max_age: Option<Age>,
    anchor: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmTable {
    #[serde(default)]
    runs: u32,
}

/// A file of calibrated spreads, or one spread for all rows.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Value")]
enum NoiseFloor {
    File(PathBuf),
    Sd(f64),
}

impl TryFrom<Value> for NoiseFloor {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match &value {
            Value::String(path) => Ok(Self::File(path.into())),
            Value::Float(sd) if *sd > 0.0 && sd.is_finite() => Ok(Self::Sd(*sd)),
            _ => Err(format!(
                "{value} is no noise floor: write the path of a calibration, or a standard \
                 deviation in ln such as 0.01"
            )),
        }
    }
}

impl Policy {
    /// Reads a policy file. The path of a noise floor in it is taken from the file's folder.
    ///
    /// # Errors
    /// The file, with the key or value that is wrong and what is valid.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let path = path.display();
            format!("cannot read the policy {path}: {error}\n  write one: vbench gate --init RUN")
        })?;
        let policy = Self::parse(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let floors = policy.noise_floor_file.map(|file| folder.join(file));
        Ok(Self { noise_floor_file: floors, ..policy })
    }

    /// Reads the text of a policy file.
    ///
    /// # Errors
    /// The key or value that is wrong, where it stands, and what is valid.
    pub fn parse(text: &str) -> Result<Self, String> {
        let schema =
            text.parse::<toml::Table>().ok().and_then(|table| table.get("schema").cloned());
        if let Some(found) = schema.filter(|schema| schema != &Value::Integer(i64::from(SCHEMA))) {
            return Err(format!("schema = {found}, this vbench reads {SCHEMA}"));
        }
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut settings = Settings::default();
        settings.follow(&file.overrides()?);
        let drift = file.drift.unwrap_or(DRIFT);
        if !(drift >= 0.0 && drift.is_finite()) {
            return Err(format!(
                "drift = {drift}: write 0 for a steady host, or a factor such as 2"
            ));
        }
        let noise_floor_file = match file.noise_floor {
            Some(NoiseFloor::File(path)) => Some(path),
            _ => None,
        };
        let controls = file.control.into_iter().map(|table| Control {
            rows: table.r#match.pattern(),
            margin: table.margin.map(|margin| margin.0),
        });
        Ok(Self {
            schema: file.schema.unwrap_or(SCHEMA),
            correction: file.correction.unwrap_or_default(),
            on_control_moved: file.on_control_moved.unwrap_or(OnControlMoved::Environment),
            drift,
            settings,
            noise_floor_file,
            rules: file.rule.into_iter().map(RuleTable::rule).collect::<Result<_, _>>()?,
            expect: file.expect.into_iter().map(|table| table.r#match.pattern()).collect(),
            controls: controls.collect(),
            waivers: file.waive.into_iter().map(WaiveTable::waiver).collect::<Result<_, _>>()?,
            baseline: file.baseline.choice(),
            confirm: Confirm { runs: file.confirm.runs },
        })
    }
}

impl Match {
    fn pattern(self) -> Pattern {
        let any = Pattern::default();
        let (case, metric) = (self.case.unwrap_or(any.case), self.metric.unwrap_or(any.metric));
        Pattern { case, metric }
    }
}

impl RuleTable {
    fn rule(self) -> Result<Rule, String> {
        let overrides = self.overrides()?;
        let rows = self.r#match.ok_or("a [[rule]] has no match: write match = { case = \"*\" }")?;
        let rows = rows.pattern();
        if let Some(NoiseFloor::File(path)) = &self.noise_floor {
            return Err(format!(
                "noise_floor = {:?} in the rule for {}: a file stands at the top of the policy, a \
                 rule takes a number",
                path.display().to_string(),
                rows.case
            ));
        }
        if let (Some(min), Some(max)) = (&self.min, &self.max)
            && min.value > max.value
            && (min.unit == max.unit || min.unit.is_none() || max.unit.is_none())
        {
            return Err(format!(
                "min = {:?} is above max = {:?} in the rule for {}: no value keeps both",
                min.text, max.text, rows.case
            ));
        }
        Ok(Rule { rows, min: self.min, max: self.max, overrides })
    }
}

impl WaiveTable {
    fn waiver(self) -> Result<Waiver, String> {
        let rows = self.r#match.pattern();
        if self.reason.trim().is_empty() {
            return Err(format!("the waiver for {} has an empty reason", rows.case));
        }
        Ok(Waiver { rows, reason: self.reason, link: self.link, until: self.until })
    }
}

impl BaselineTable {
    fn choice(self) -> BaselineChoice {
        let key = self.key.unwrap_or_else(|| BaselineChoice::default().key);
        BaselineChoice { source: self.source, key, max_age: self.max_age, anchor: self.anchor }
    }
}

/// Shares must be shares. Below 50% a plan would find its change less often than not.
fn check_overrides(overrides: Overrides) -> Result<Overrides, String> {
    let within = |name: &str, value: Option<f64>, low: f64, high: f64| match value {
        Some(value) if !(value > low && value < high) => {
            Err(format!("{name} = {value} is not between {low} and {high}"))
        }
        _ => Ok(()),
    };
    within("alpha", overrides.alpha, 0.0, 1.0)?;
    within("power", overrides.power, 0.5, 1.0)?;
    if overrides.require_unit == Some(Level::Run) {
        return Err("require_unit = \"run\": rows are judged by launches or by boots".to_owned());
    }
    if overrides.min_units == Some(0) {
        return Err("min_units = 0: a row has at least one unit a side".to_owned());
    }
    Ok(overrides)
}
