//! Rows of `samples.csv` that borrow their text.

use crate::csv::{SAMPLE_COLUMNS, SampleRow};
use crate::{Better, Counts, Evidence, Outcome, Role};

/// Columns of the file.
pub const COLUMNS: usize = SAMPLE_COLUMNS.len();

/// Records of exactly the columns, without escaped quotes; `None` for another one.
pub struct Records<'t> {
    pub rest: &'t str,
}

impl<'t> Iterator for Records<'t> {
    type Item = Option<[&'t str; COLUMNS]>;

    fn next(&mut self) -> Option<Self::Item> {
        // Empty lines are no records, as in the csv crate.
        self.rest = self.rest.trim_start_matches(['\n', '\r']);
        (!self.rest.is_empty()).then(|| self.record())
    }
}

impl<'t> Records<'t> {
    fn record(&mut self) -> Option<[&'t str; COLUMNS]> {
        let mut fields = [""; COLUMNS];
        for (index, field) in fields.iter_mut().enumerate() {
            let end;
            (*field, end) = if self.rest.starts_with('"') { self.quoted()? } else { self.plain()? };
            let last = index + 1 == COLUMNS;
            if last != (end != b',') {
                return None;
            }
        }
        Some(fields)
    }

    /// A field up to its separator.
    fn plain(&mut self) -> Option<(&'t str, u8)> {
        let ends = |byte: &u8| matches!(byte, b',' | b'\n' | b'\r' | b'"');
        let length = self.rest.as_bytes().iter().position(ends).unwrap_or(self.rest.len());
        self.cut(length, length)
    }

    /// A field in quotes, with separators but no quotes inside.
    fn quoted(&mut self) -> Option<(&'t str, u8)> {
        self.rest = &self.rest[1..];
        let length = self.rest.bytes().position(|byte| byte == b'"')?;
        self.cut(length, length + 1)
    }

    /// The first `length` bytes as a field, and the separator at `end`; a line feed at the end of
    /// the text.
    fn cut(&mut self, length: usize, end: usize) -> Option<(&'t str, u8)> {
        let field = self.rest.get(..length)?;
        let separator = *self.rest.as_bytes().get(end).unwrap_or(&b'\n');
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        matches!(separator, b',' | b'\n' | b'\r').then_some((field, separator))
    }
}

/// A row that borrows its text.
pub struct Row<'r> {
    pub schema_version: &'r str,
    pub run_id: &'r str,
    pub system: &'r str,
    pub config: &'r str,
    pub boot_id: Option<&'r str>,
    pub launch: u32,
    pub repeat: Option<u32>,
    pub position: u32,
    pub kind: &'r str,
    pub case: &'r str,
    pub version: &'r str,
    pub metric: Option<&'r str>,
    pub unit: Option<&'r str>,
    pub better: Option<Better>,
    pub role: Option<Role>,
    pub value: Option<f64>,
    pub at_s: f64,
    pub evidence: [Option<u64>; 3],
    pub steal_s: Option<f64>,
    pub disturbed: bool,
    pub outcome: &'r str,
    pub reason: Option<&'r str>,
}

impl<'r> Row<'r> {
    pub fn parse(fields: &[&'r str; COLUMNS]) -> Option<Self> {
        let [
            schema_version,
            run_id,
            system,
            config,
            boot_id,
            launch,
            repeat,
            position,
            kind,
            _,
            _,
            case,
            version,
            metric,
            unit,
            better,
            role,
            value,
            at_s,
            steal_s,
            switches,
            migrations,
            faults,
            disturbed,
            outcome,
            reason,
        ] = *fields;
        let value = optional(value, |text| text.parse().ok().filter(|v: &f64| v.is_finite()))?;
        Some(Self {
            schema_version,
            run_id,
            system,
            config,
            boot_id: filled(boot_id),
            launch: launch.parse().ok()?,
            repeat: optional(repeat, |text| text.parse().ok())?,
            position: position.parse().ok()?,
            kind,
            case,
            version,
            metric: filled(metric),
            value,
            unit: filled(unit),
            better: optional(better, |text| match text {
                "higher" => Some(Better::Higher),
                "lower" => Some(Better::Lower),
                _ => None,
            })?,
            role: optional(role, |text| match text {
                "gated" => Some(Role::Gated),
                "info" => Some(Role::Info),
                "control" => Some(Role::Control),
                _ => None,
            })?,
            at_s: at_s.parse().ok()?,
            evidence: [
                optional(switches, |text| text.parse().ok())?,
                optional(migrations, |text| text.parse().ok())?,
                optional(faults, |text| text.parse().ok())?,
            ],
            steal_s: optional(steal_s, |text| text.parse().ok())?,
            disturbed: disturbed.parse().ok()?,
            outcome,
            reason: filled(reason),
        })
    }

    /// What no other row with a value has.
    pub fn key(&self) -> (&'r str, &'r str, &'r str, &'r str, u32, Option<u32>, Option<&'r str>) {
        (self.system, self.config, self.run_id, self.case, self.launch, self.repeat, self.metric)
    }

    /// The metric of its value, as far as the CSV tells; `Ok(None)` for a row without a value.
    pub fn measured(&self) -> Result<Option<(u32, &'r str, f64)>, String> {
        match (self.repeat, self.metric, self.value) {
            (Some(repeat), Some(metric), Some(value)) => Ok(Some((repeat, metric, value))),
            (None, None, None) => Ok(None),
            _ => Err("repeat, metric and value must stand together".to_owned()),
        }
    }

    pub fn outcome(&self) -> Result<Outcome, String> {
        let reason = self.reason.unwrap_or_default().to_owned();
        match self.outcome {
            "measured" => Ok(Outcome::Measured),
            "skipped" => Ok(Outcome::Skipped { reason }),
            "failed" => Ok(Outcome::Failed { reason }),
            "timed-out" => Ok(Outcome::TimedOut { reason }),
            other => Err(format!("{other:?} is no outcome (measured, skipped, failed, timed-out)")),
        }
    }

    pub fn evidence(&self) -> Evidence {
        let [involuntary_switches, migrations, major_faults] = self.evidence;
        let disturbed = self.disturbed.then(|| self.reason.unwrap_or_default().to_owned());
        let counts = Counts {
            steal_s: self.steal_s,
            involuntary_switches,
            migrations,
            major_faults,
            ..Counts::default()
        };
        Evidence::new(counts, disturbed)
    }
}

impl<'r> From<&'r SampleRow> for Row<'r> {
    fn from(row: &'r SampleRow) -> Self {
        Self {
            schema_version: &row.schema_version,
            run_id: &row.run_id,
            system: &row.system,
            config: &row.config,
            boot_id: row.boot_id.as_deref(),
            launch: row.launch,
            repeat: row.repeat,
            position: row.position,
            kind: &row.kind,
            case: &row.case,
            version: &row.version,
            metric: row.metric.as_deref(),
            value: row.value,
            unit: row.unit.as_deref(),
            better: row.better,
            role: row.role,
            at_s: row.at_s,
            evidence: [row.involuntary_switches, row.migrations, row.major_faults],
            steal_s: row.steal_s,
            disturbed: row.disturbed,
            outcome: &row.outcome,
            reason: row.reason.as_deref(),
        }
    }
}

fn filled(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// `Some(None)` for an empty field, `None` for one that `parse` refuses.
fn optional<'r, T>(text: &'r str, parse: impl Fn(&'r str) -> Option<T>) -> Option<Option<T>> {
    if text.is_empty() { Some(None) } else { parse(text).map(Some) }
}
