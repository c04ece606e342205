//! The values of one repeat: a sorted map that takes little memory, because a report may hold
//! millions of them. A tree's smallest node has room for eleven entries, and most repeats have one.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Index;

/// Metric name to value, sorted by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values(Vec<(Box<str>, f64)>);

impl Values {
    /// No values.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a metric.
    pub fn get(&self, name: &str) -> Option<&f64> {
        self.place(name).ok().map(|place| &self.0[place].1)
    }

    /// Whether a metric has a value.
    pub fn contains_key(&self, name: &str) -> bool {
        self.place(name).is_ok()
    }

    /// Sets the value of a metric; gives back the one it had.
    pub fn insert(&mut self, name: impl Into<Box<str>>, value: f64) -> Option<f64> {
        let name = name.into();
        match self.place(&name) {
            Ok(place) => Some(std::mem::replace(&mut self.0[place].1, value)),
            Err(place) => {
                self.0.insert(place, (name, value));
                None
            }
        }
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &f64)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// The names, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// The values, sorted by name.
    pub fn values(&self) -> impl Iterator<Item = &f64> {
        self.0.iter().map(|(_, value)| value)
    }

    /// The values, to be changed, sorted by name.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut f64> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// The number of metrics with a value.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// No metric has a value.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(name))
    }
}

impl<S: Into<Box<str>>> FromIterator<(S, f64)> for Values {
    fn from_iter<I: IntoIterator<Item = (S, f64)>>(values: I) -> Self {
        let mut map = Self::new();
        map.extend(values);
        map.0.shrink_to_fit();
        map
    }
}

impl<S: Into<Box<str>>> Extend<(S, f64)> for Values {
    fn extend<I: IntoIterator<Item = (S, f64)>>(&mut self, values: I) {
        for (name, value) in values {
            self.insert(name, value);
        }
    }
}

impl<S: Into<Box<str>>, const N: usize> From<[(S, f64); N]> for Values {
    fn from(values: [(S, f64); N]) -> Self {
        values.into_iter().collect()
    }
}

impl From<BTreeMap<String, f64>> for Values {
    fn from(values: BTreeMap<String, f64>) -> Self {
        values.into_iter().collect()
    }
}

impl IntoIterator for Values {
    type Item = (Box<str>, f64);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Index<&str> for Values {
    type Output = f64;

    /// # Panics
    /// The metric has no value.
    fn index(&self, name: &str) -> &f64 {
        self.get(name).expect("the metric has a value")
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Read)
    }
}

/// Reads a map into the list that it stays in.
struct Read;

impl<'de> Visitor<'de> for Read {
    type Value = Values;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of metric names to numbers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Values, A::Error> {
        let mut values = Values::new();
        while let Some((name, value)) = map.next_entry::<Box<str>, f64>()? {
            // One metric is the most common number.
            values.0.reserve_exact(1);
            values.insert(name, value);
        }
        Ok(values)
    }
}

impl JsonSchema for Values {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        BTreeMap::<String, f64>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, f64>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::Values;
    use std::collections::BTreeMap;

    #[test]
    fn it_is_a_sorted_map() {
        let mut values = Values::from([("b", 2.0), ("a", 1.0), ("b", 3.0)]);
        assert_eq!(values.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((values["b"], values.get("c"), values.len()), (3.0, None, 2));
        assert_eq!(values.insert("a", 5.0), Some(1.0));
        let text = serde_json::to_string(&values).unwrap();
        assert_eq!(text, r#"{"a":5.0,"b":3.0}"#);
        let tree: BTreeMap<String, f64> = serde_json::from_str(&text).unwrap();
        assert_eq!(Values::from(tree), values);
        assert_eq!(serde_json::from_str::<Values>(&text).unwrap(), values);
    }
}
