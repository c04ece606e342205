//! Lines of text with their numbers, and numbers with the digits they were printed with.

use super::Fault;

/// A number as it was printed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Printed {
    /// Its value.
    pub value: f64,
    /// One unit of its last digit.
    pub step: f64,
}

/// Reads a decimal number as tools print it: `12`, `12.50`, `1.2e+06`. No sign but a leading `-`.
pub fn printed(text: &str) -> Option<Printed> {
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    let number = |c: char| c.is_ascii_digit() || c == '.';
    if unsigned.is_empty() || !unsigned.chars().all(number) || exponent.abs() > 300 {
        return None;
    }
    let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite())?;
    let step = 10_f64.powi(exponent.saturating_sub(i32::try_from(decimals).ok()?));
    Some(Printed { value, step })
}

/// The lines of a text, from the first to the last, each with its number from 1.
pub struct Lines<'t> {
    lines: Vec<&'t str>,
    next: usize,
    ended: bool,
}

impl<'t> Lines<'t> {
    /// The lines of `text`.
    pub fn new(text: &'t str) -> Self {
        Self { lines: text.lines().collect(), next: 0, ended: text.ends_with('\n') }
    }

    /// Number of the last line, or 1.
    pub fn end(&self) -> usize {
        self.lines.len().max(1)
    }

    /// Every line with its number.
    pub fn numbered(&self) -> impl Iterator<Item = (usize, &'t str)> + '_ {
        self.lines.iter().enumerate().map(|(index, line)| (index + 1, *line))
    }

    /// Looks at the next line that is not blank.
    pub fn peek(&mut self) -> Option<(usize, &'t str)> {
        while self.lines.get(self.next).is_some_and(|line| line.trim().is_empty()) {
            self.next += 1;
        }
        self.lines.get(self.next).map(|line| (self.next + 1, *line))
    }

    /// The text after `label` and a colon in the first line that has both.
    pub fn labelled(&self, label: &str) -> Option<(usize, &'t str)> {
        self.numbered().find_map(|(number, line)| {
            let rest = line.trim_start().strip_prefix(label)?.trim_start();
            Some((number, rest.strip_prefix([':', '='])?.trim()))
        })
    }

    /// The number after `label`, without its unit.
    ///
    /// # Errors
    /// No such line, or no number there.
    pub fn number(&self, label: &str, unit: &str) -> Result<Printed, Fault> {
        let (line, text) = self.labelled(label).ok_or_else(|| self.cut(&format!("{label}:")))?;
        let number = text.strip_suffix(unit).unwrap_or(text).trim();
        number_in(line, &format!("a number after {label:?}"), number)
    }

    /// Refuses a text whose last line has no end: where a tool prints no last line of its own, a
    /// number may be cut in the middle.
    ///
    /// # Errors
    /// The last line.
    pub fn ended(&self) -> Result<(), Fault> {
        if self.ended {
            return Ok(());
        }
        Err(Fault::at(
            self.end(),
            "expected an end of the line, found the end of the text: cut short",
        ))
    }

    /// The fault of a text that ends before `expected`.
    pub fn cut(&self, expected: &str) -> Fault {
        let message = format!("the text ends without {expected:?}: cut short, or of another tool");
        Fault::at(self.end(), message)
    }
}

impl<'t> Iterator for Lines<'t> {
    type Item = (usize, &'t str);

    /// The next line that is not blank.
    fn next(&mut self) -> Option<Self::Item> {
        let found = self.peek()?;
        self.next += 1;
        Some(found)
    }
}

/// The fault of a line that holds something else.
pub fn expected(line: usize, what: &str, found: &str) -> Fault {
    let shown: String = found.trim().chars().take(60).collect();
    Fault::at(line, format!("expected {what}, found {shown:?}"))
}

/// A number that must stand in `text`: no rate, time or size is negative.
///
/// # Errors
/// It does not.
pub fn number_in(line: usize, what: &str, text: &str) -> Result<Printed, Fault> {
    match printed(text.trim()) {
        Some(number) if number.value < 0.0 => {
            Err(expected(line, &format!("{what}, none below zero"), text))
        }
        Some(number) => Ok(number),
        None => Err(expected(line, what, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, Printed, printed};

    #[test]
    fn numbers_keep_the_digits_they_were_printed_with() {
        let read = |text| printed(text).map(|Printed { value, step }| (value, step));
        assert_eq!(read("12"), Some((12.0, 1.0)));
        assert_eq!(read("0.25"), Some((0.25, 0.01)));
        assert_eq!(read("1.2e+06"), Some((1.2e6, 1e5)));
        assert_eq!(read("-3"), Some((-3.0, 1.0)));
        for text in ["", "-", "nan", "inf", "0x10", "1,2", "+1", "1.2.3", "1e999", "e5", "12 "] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn labels_are_found_whatever_stands_around_them() {
        let lines = Lines::new("a: 1\n\n   total time:   10.5s\n");
        assert_eq!(lines.number("total time", "s").unwrap().value, 10.5);
        assert_eq!(lines.number("b", "").unwrap_err().line, Some(3));
        assert_eq!(lines.number("total time", "ms").unwrap_err().line, Some(3));
    }
}
