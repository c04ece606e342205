//! A metric is a name, a unit, a direction and a role.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What one value means. Two values compare only when their metrics are equal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metric {
    /// Name within the benchmark, such as `triad`.
    pub name: String,
    /// Unit of the stored value.
    pub unit: Unit,
    /// Which way is better.
    pub better: Better,
    /// What a change in this metric means.
    #[serde(default)]
    pub role: Role,
    /// Smallest step the value can take, in the metric's unit, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<f64>,
    /// True for counts that must repeat exactly.
    #[serde(default)]
    pub exact: bool,
}

/// A base unit: its symbol, and how large and small values of it are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unit {
    /// Symbol of the base unit: `s`, `B/s`, `event/s`, `FLOP/s`, or a user's own.
    pub symbol: Cow<'static, str>,
    /// Which prefixes are used on screen. Stored values carry none.
    pub scale: Scale,
}

impl Unit {
    /// A unit shown with decimal prefixes (k = 1000).
    pub const fn decimal(symbol: &'static str) -> Self {
        Self { symbol: Cow::Borrowed(symbol), scale: Scale::Decimal }
    }

    /// A unit shown with binary prefixes (Ki = 1024).
    pub const fn binary(symbol: &'static str) -> Self {
        Self { symbol: Cow::Borrowed(symbol), scale: Scale::Binary }
    }

    /// A unit shown as it is, such as a ratio or a count.
    pub const fn plain(symbol: &'static str) -> Self {
        Self { symbol: Cow::Borrowed(symbol), scale: Scale::Plain }
    }
}

impl Unit {
    /// The unit of a symbol whose scale is not known: rates, seconds and hertz take decimal prefixes,
    /// bytes binary ones.
    pub fn of_symbol(symbol: &str) -> Self {
        let scale = match symbol {
            "s" | "Hz" => Scale::Decimal,
            "B" => Scale::Binary,
            rate if rate.ends_with("/s") => Scale::Decimal,
            _ => Scale::Plain,
        };
        Self { symbol: Cow::Owned(symbol.to_owned()), scale }
    }
}

/// Prefixes used when a value is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// n, u, m, k, M, G, T: powers of 1000.
    Decimal,
    /// Ki, Mi, Gi, Ti: powers of 1024.
    Binary,
    /// No prefix.
    #[default]
    Plain,
}

/// Which way a metric gets better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// Throughput.
    Higher,
    /// Time.
    Lower,
}

/// What a change in a metric means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A change is a finding.
    #[default]
    Gated,
    /// Shown, not judged.
    Info,
    /// Must not change; a change says that the environment moved.
    Control,
}
