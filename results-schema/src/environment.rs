//! Facts about the machine, each with its source, or the reason why it is not known.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Everything known about the machine of a run, by fact name (`cpu.model`, `numa.nodes`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Environment {
    /// The facts, sorted by name.
    pub facts: BTreeMap<String, Fact>,
}

/// One fact: what was read, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fact {
    /// The value, or why there is none.
    #[serde(flatten)]
    pub reading: Reading,
    /// The file, register or command it was read from.
    pub source: String,
    /// True when the fact identifies the machine: it does not change between runs by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stable: bool,
    /// True when the fact names a person, host, address or serial number.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub identifying: bool,
}

/// A value, or the reason why it is unknown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// It was read.
    Value(Value),
    /// It could not be read, and why.
    Unknown(String),
}

/// The value of a fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Value {
    /// Yes or no.
    Flag(bool),
    /// A count or a size in bytes.
    Integer(i64),
    /// A measured or fractional number.
    Number(f64),
    /// Text as the source gives it.
    Text(String),
    /// Several values in order.
    List(Vec<Value>),
}

impl Environment {
    /// The value of a fact that is known.
    pub fn value(&self, name: &str) -> Option<&Value> {
        match &self.facts.get(name)?.reading {
            Reading::Value(value) => Some(value),
            Reading::Unknown(_) => None,
        }
    }

    /// A 64-bit FNV-1a hash over the stable, known facts, as 16 hex digits: equal for runs on the
    /// same machine with the same layout.
    pub fn fingerprint(&self) -> String {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for (name, fact) in self.facts.iter().filter(|(_, fact)| fact.stable) {
            if let Reading::Value(value) = &fact.reading {
                for byte in name.bytes().chain([0]).chain(value.to_string().bytes()).chain([0]) {
                    hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
                }
            }
        }
        format!("{hash:016x}")
    }

    /// Replaces every identifying fact by `unknown: redacted`.
    pub fn redact(&mut self) {
        for fact in self.facts.values_mut().filter(|fact| fact.identifying) {
            fact.reading = Reading::Unknown("redacted".to_owned());
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => f.write_str(if *flag { "yes" } else { "no" }),
            Self::Integer(integer) => write!(f, "{integer}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::List(items) => {
                for (i, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if i == 0 { "" } else { " " })?;
                }
                Ok(())
            }
        }
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<i64> for Value {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl From<u32> for Value {
    fn from(integer: u32) -> Self {
        Self::Integer(i64::from(integer))
    }
}

impl From<u64> for Value {
    fn from(integer: u64) -> Self {
        i64::try_from(integer).map_or(Self::Number(integer as f64), Self::Integer)
    }
}

impl From<usize> for Value {
    fn from(integer: usize) -> Self {
        Self::from(integer as u64)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}
