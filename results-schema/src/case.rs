//! The identity of a case: benchmark and axis values.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A benchmark with a value for each of its axes: the unit of running, filtering and comparing.
///
/// Prints as `module::function/axis=value,axis=value`, axes sorted by name, and parses back to
/// itself. `%`, `,`, `=`, white space and control characters inside a value are percent-encoded.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct CaseId {
    /// `module::function`.
    pub benchmark: String,
    /// Axis name to value, as text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
}

impl CaseId {
    /// The axis values as they stand in the id: `axis=value,axis=value`.
    pub fn params_text(&self) -> String {
        let pairs: Vec<String> =
            self.params.iter().map(|(axis, value)| format!("{axis}={}", encode(value))).collect();
        pairs.join(",")
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.benchmark)?;
        if self.params.is_empty() { Ok(()) } else { write!(f, "/{}", self.params_text()) }
    }
}

/// A text that is not a case id.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a case id: {why} (expected module::function/axis=value,axis=value)")]
pub struct CaseIdError {
    text: String,
    why: String,
}

impl FromStr for CaseId {
    type Err = CaseIdError;

    fn from_str(text: &str) -> Result<Self, CaseIdError> {
        let error = |why: String| CaseIdError { text: text.to_owned(), why };
        let (benchmark, params) = text.split_once('/').unwrap_or((text, ""));
        if benchmark.is_empty() {
            return Err(error("no benchmark name".into()));
        }
        let mut id = Self { benchmark: benchmark.to_owned(), params: BTreeMap::new() };
        for pair in params.split(',').filter(|pair| !pair.is_empty()) {
            let (axis, value) =
                pair.split_once('=').ok_or_else(|| error(format!("{pair:?} has no '='")))?;
            let value = decode(value).ok_or_else(|| error(format!("bad escape in {value:?}")))?;
            if id.params.insert(axis.to_owned(), value).is_some() {
                return Err(error(format!("axis {axis:?} stands twice")));
            }
        }
        Ok(id)
    }
}

fn encode(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, '%' | ',' | '=') || c.is_whitespace() || c.is_control() {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                text.push_str(&format!("%{byte:02X}"));
            }
        } else {
            text.push(c);
        }
    }
    text
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::CaseId;
    use proptest::prelude::*;

    #[test]
    fn prints_axes_sorted_by_name() {
        let id: CaseId = "memory::stream/threads=8,pages=4k".parse().unwrap();
        assert_eq!(id.to_string(), "memory::stream/pages=4k,threads=8");
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, why) in
            [("", "no benchmark"), ("a/b", "no '='"), ("a/x=1,x=2", "twice"), ("a/x=%G1", "escape")]
        {
            let error = text.parse::<CaseId>().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    proptest! {
        #[test]
        fn round_trips(benchmark in "[a-z:]{1,12}", params in prop::collection::btree_map("[a-z]{1,5}", ".*", 0..4)) {
            let id = CaseId { benchmark, params };
            let text = id.to_string();
            prop_assert!(!text.contains(char::is_whitespace));
            prop_assert_eq!(text.parse::<CaseId>().unwrap(), id);
        }

        #[test]
        fn never_panics(text in ".*") {
            let _ = text.parse::<CaseId>();
        }
    }
}
