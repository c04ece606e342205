//! Axes: the values a benchmark is swept over.

use crate::machine::Machine;
use crate::quantity::Bytes;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Reads a text as an axis value and prints it again, or says what is wrong with it.
pub type Normalise = fn(&str) -> Result<String, String>;

/// One axis, or several in lock-step: its names, and a row of texts per value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Argument names; more than one for a zipped axis.
    pub names: Vec<&'static str>,
    /// One text per name for each value.
    pub rows: Vec<Vec<String>>,
    /// Reads a text as the argument's type and prints it again, for `--axis name=text`.
    pub normalise: Vec<Normalise>,
}

impl Axis {
    /// The axis `name` of type `T`.
    pub fn of<T: AxisValue>(name: &'static str, values: impl IntoIterator<Item = T>) -> Self {
        let rows = zip_rows(values, |value| vec![value.to_string()]);
        Self { names: vec![name], rows, normalise: vec![normalise::<T>] }
    }

    /// The axes `names` in lock-step, from rows of texts.
    pub fn zipped(
        names: Vec<&'static str>,
        rows: Vec<Vec<String>>,
        normalise: Vec<Normalise>,
    ) -> Self {
        Self { names, rows, normalise }
    }

    /// The axis `name` that has these texts and no others.
    pub fn fixed(name: &'static str, texts: &[&str], normalise: Normalise) -> Self {
        let rows = texts.iter().map(|text| vec![(*text).to_owned()]).collect();
        Self { names: vec![name], rows, normalise: vec![normalise] }
    }
}

/// The rows of texts of a zipped axis, without duplicates.
pub fn zip_rows<T>(
    values: impl IntoIterator<Item = T>,
    texts: fn(T) -> Vec<String>,
) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for row in values.into_iter().map(texts) {
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    rows
}

/// `text` when it is one of `valid`.
///
/// # Errors
/// It is not; the error lists the valid ones.
pub fn one_of(text: &str, valid: &[&str]) -> Result<String, String> {
    if valid.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(format!("{text:?} is not one of {}", valid.join(", ")))
}

/// What an axis value must be: printable, and readable back from what it prints.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an axis value",
    note = "an enum of plain variants has `#[derive(AxisValue)]`; any other axis value needs \
            `Display` and `FromStr`, so that the case id can be read back"
)]
pub trait AxisValue: Display + FromStr<Err: Display> {}

// The note above says more than the missing one of the two bounds.
#[diagnostic::do_not_recommend]
impl<T: Display + FromStr<Err: Display>> AxisValue for T {}

/// Reads `text` as a `T` and prints it again.
///
/// # Errors
/// What `T` says of the text.
pub fn normalise<T: AxisValue>(text: &str) -> Result<String, String> {
    text.parse::<T>().map(|value| value.to_string()).map_err(|error| refused(text, &error))
}

/// What is wrong with `text`: the standard library's words for numbers name neither it nor a remedy.
fn refused(text: &str, error: &dyn Display) -> String {
    let negative = text.strip_prefix('-').is_some_and(|rest| rest.parse::<u64>().is_ok());
    match error.to_string().as_str() {
        "invalid digit found in string" if negative => "must not be negative".to_owned(),
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            "not a whole number".to_owned()
        }
        "number too large to fit in target type" => "too large a number".to_owned(),
        "invalid float literal" | "cannot parse float from empty string" => {
            "not a number".to_owned()
        }
        other => other.to_owned(),
    }
}

/// The axis values of one case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(pub BTreeMap<String, String>);

impl Params {
    /// The value of `axis` as a `T`.
    ///
    /// # Errors
    /// The axis is missing, or its text is not a `T`.
    pub fn parse<T: AxisValue>(&self, axis: &str) -> Result<T, String> {
        let text = self.0.get(axis).ok_or_else(|| format!("no value for axis {axis}"))?;
        text.parse().map_err(|error| format!("axis {axis}={text}: {}", refused(text, &error)))
    }
}

/// Powers of two, by exponent: `pow2(12..=29)` is 4 KiB to 512 MiB.
pub fn pow2<T: From<u64>>(exponents: RangeInclusive<u32>) -> Vec<T> {
    exponents.map(|exponent| T::from(1 << exponent)).collect()
}

/// Sizes from `first` to `last` by factors of two.
pub fn doubling(first: Bytes, last: Bytes) -> Vec<Bytes> {
    let sizes = std::iter::successors(Some(first.0), |size| size.checked_mul(2));
    sizes.take_while(|size| *size <= last.0).map(Bytes).collect()
}

/// Thread counts worth measuring here: one and all allowed CPUs, and from the standard profile on
/// the powers of two between.
pub fn thread_counts() -> Vec<usize> {
    let machine = Machine::current();
    let all = machine.topology.allowed.len().max(1);
    let between = (1..usize::BITS).map(|exponent| 1_usize << exponent).take_while(|n| *n < all);
    let mut counts = vec![1];
    if machine.profile >= crate::profile::Profile::Standard {
        counts.extend(between);
    }
    counts.push(all);
    counts.dedup();
    counts
}

#[cfg(test)]
mod tests {
    use super::{Axis, doubling, pow2};
    use crate::quantity::Bytes;

    #[test]
    fn values_are_texts_without_duplicates() {
        let axis = Axis::of("threads", [1_usize, 2, 2]);
        assert_eq!(axis.rows, [["1"], ["2"]]);
        assert_eq!((axis.normalise[0])("07"), Ok("7".into()));
        let refused = |text: &str| (axis.normalise[0])(text).unwrap_err();
        assert_eq!(refused("-1"), "must not be negative");
        assert_eq!((refused("x"), refused("")), (refused("1.5"), "not a whole number".into()));
        assert_eq!(refused("99999999999999999999999"), "too large a number");
        let shares = Axis::of("share", [0.5_f64]);
        assert_eq!((shares.normalise[0])("half"), Err("not a number".into()));
    }

    #[test]
    fn powers_of_two_are_sizes() {
        let sizes: Vec<Bytes> = pow2(12..=14);
        assert_eq!(sizes, doubling(Bytes(4096), Bytes(20_000)));
    }
}
