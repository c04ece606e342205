//! Values of pairs of CPUs, and how a launch stores them as a fact.

use std::collections::{BTreeMap, BTreeSet};
use vbench_results::Value;

/// The quantile of times: of five launches the second fastest, so three may be disturbed.
pub const LOW: f64 = 0.25;
/// The quantile of throughputs.
pub const HIGH: f64 = 0.75;

/// A value for each pair of CPUs that was measured, in both directions.
///
/// Stored as rows `[a, b, a to b, b to a]` with `a < b`: a pair that was not measured has no row,
/// and 96 CPUs take 4,560 rows, some 200 kB of JSON.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pairs {
    rows: BTreeMap<(usize, usize), [f64; 2]>,
}

impl Pairs {
    /// Adds the pair of `a` and `b`: the value from `a` to `b`, and the other way.
    pub fn insert(&mut self, a: usize, b: usize, there: f64, back: f64) {
        let row = if a < b { [there, back] } else { [back, there] };
        self.rows.insert((a.min(b), a.max(b)), row);
    }

    /// The CPUs that stand in some pair, ascending.
    pub fn cpus(&self) -> Vec<usize> {
        let ids: BTreeSet<_> = self.rows.keys().flat_map(|(a, b)| [*a, *b]).collect();
        ids.into_iter().collect()
    }

    /// The lesser of both directions: what disturbs a transfer makes it longer.
    pub fn least(&self, a: usize, b: usize) -> Option<f64> {
        self.row(a, b).map(|[there, back]| there.min(back))
    }

    /// The mean of both directions.
    pub fn mean(&self, a: usize, b: usize) -> Option<f64> {
        self.row(a, b).map(|[there, back]| (there + back) / 2.0)
    }

    /// Every pair with its two values.
    pub fn rows(&self) -> impl Iterator<Item = ((usize, usize), [f64; 2])> {
        self.rows.iter().map(|(pair, row)| (*pair, *row))
    }

    /// True when nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn row(&self, a: usize, b: usize) -> Option<[f64; 2]> {
        self.rows.get(&(a.min(b), a.max(b))).copied()
    }

    /// Each pair's quantile `q` over several launches or sweeps, per direction. What disturbs a pair
    /// makes its transfers longer and its throughput lower: [`LOW`] and [`HIGH`] leave it out.
    pub fn joined(launches: &[Self], q: f64) -> Self {
        let mut all: BTreeMap<(usize, usize), [Vec<f64>; 2]> = BTreeMap::new();
        for (pair, [there, back]) in launches.iter().flat_map(Self::rows) {
            let [first, second] = all.entry(pair).or_default();
            first.push(there);
            second.push(back);
        }
        let rows = all.into_iter().filter_map(|(pair, [there, back])| {
            Some((pair, [quantile(there, q)?, quantile(back, q)?]))
        });
        Self { rows: rows.collect() }
    }

    /// As a fact.
    pub fn to_value(&self) -> Value {
        let row = |((a, b), [there, back]): ((usize, usize), [f64; 2])| {
            Value::List(vec![a.into(), b.into(), there.into(), back.into()])
        };
        Value::List(self.rows().map(row).collect())
    }

    /// From a fact; `None` when it is something else.
    pub fn from_value(value: &Value) -> Option<Self> {
        let mut pairs = Self::default();
        for row in rows(value)? {
            let [a, b, there, back] = row.as_slice() else { return None };
            let positive = |value: f64| value.is_finite() && value > 0.0;
            if a == b || !positive(*there) || !positive(*back) {
                return None;
            }
            pairs.insert(id(*a)?, id(*b)?, *there, *back);
        }
        Some(pairs)
    }
}

/// A list of lists of numbers; `None` when it is something else.
pub fn rows(value: &Value) -> Option<Vec<Vec<f64>>> {
    let Value::List(rows) = value else { return None };
    rows.iter().map(numbers).collect()
}

/// A list of numbers.
pub(super) fn numbers(value: &Value) -> Option<Vec<f64>> {
    let Value::List(items) = value else { return None };
    let number = |item: &Value| match item {
        Value::Integer(number) => Some(*number as f64),
        Value::Number(number) => Some(*number),
        _ => None,
    };
    items.iter().map(number).collect()
}

/// A number that is an id of a CPU or node.
pub(super) fn id(number: f64) -> Option<usize> {
    let sound =
        number >= 0.0 && number.fract() == 0.0 && number < crate::host::cpulist::MAX_ID as f64;
    sound.then_some(number as usize)
}

/// The value below which a share `q` of the values lies; `None` of none.
pub(super) fn quantile(mut values: Vec<f64>, q: f64) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let place = q * values.len().checked_sub(1)? as f64;
    let (below, above) = (values.get(place.floor() as usize)?, values.get(place.ceil() as usize)?);
    Some(below + (above - below) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::{HIGH, LOW, Pairs, quantile};
    use vbench_results::Value;

    #[test]
    fn directions_survive_storing() {
        let mut pairs = Pairs::default();
        pairs.insert(3, 1, 50e-9, 60e-9);
        pairs.insert(1, 2, 70e-9, 80e-9);
        let json = serde_json::to_string(&pairs.to_value()).unwrap();
        let back: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(Pairs::from_value(&back), Some(pairs.clone()));
        assert_eq!(
            (pairs.least(1, 3), pairs.mean(3, 1)),
            (Some(50e-9), Some((60e-9 + 50e-9) / 2.0))
        );
        assert_eq!((pairs.cpus(), pairs.least(2, 3)), (vec![1, 2, 3], None));
    }

    #[test]
    fn what_is_no_table_of_pairs_is_refused() {
        for bad in [
            "1",
            "[1]",
            "[[0,1,2]]",
            "[[0,0,1,1]]",
            "[[0,1,0,1]]",
            "[[-1,1,1,1]]",
            "[[0,1,\"x\",1]]",
            "[[0,1e9,1,1]]",
        ] {
            assert_eq!(Pairs::from_value(&serde_json::from_str(bad).unwrap()), None, "{bad}");
        }
        assert_eq!(Pairs::from_value(&Value::List(Vec::new())), Some(Pairs::default()));
    }

    #[test]
    fn launches_are_joined_by_their_quantile() {
        let of = |value| {
            let mut pairs = Pairs::default();
            pairs.insert(0, 1, value, value);
            pairs
        };
        let launches = [1.0, 9.0, 2.0, 9.0, 9.0].map(of);
        assert_eq!(Pairs::joined(&launches, LOW).least(0, 1), Some(2.0));
        assert_eq!(Pairs::joined(&launches, HIGH).least(0, 1), Some(9.0));
        assert_eq!(quantile(vec![1.0, 2.0, 3.0, 4.0], 0.25), Some(1.75));
        assert_eq!(quantile(Vec::new(), 0.5), None);
    }
}
