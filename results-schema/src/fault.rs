//! What is wrong with a `result.json`, and where: the value and the case it belongs to.

use crate::{CaseId, CaseResult, ResultSet};
use std::collections::HashSet;

/// What stands twice in a result set: a case, a launch of a case or a repeat of a launch. Taken
/// twice, it would count as a further measurement.
pub fn twice(set: &ResultSet) -> Option<String> {
    let cases = set.cases.iter().map(|case| &case.case);
    if let Some(case) = repeated(cases) {
        return Some(format!("the case {case} stands twice"));
    }
    set.cases.iter().find_map(|case| Some(format!("{}: {}", case.case, twice_in(case)?)))
}

fn twice_in(case: &CaseResult) -> Option<String> {
    if let Some(launch) = repeated(case.launches.iter().map(|launch| launch.launch)) {
        return Some(format!("launch {launch} stands twice"));
    }
    case.launches.iter().find_map(|launch| {
        let repeat = repeated(launch.repeats.iter().map(|repeat| repeat.repeat))?;
        Some(format!("launch {}: repeat {repeat} stands twice", launch.launch))
    })
}

/// The first item that an earlier one equals.
fn repeated<T: Ord + std::hash::Hash + Copy>(items: impl Iterator<Item = T> + Clone) -> Option<T> {
    // As vbench writes them numbers ascend; a set is made of what does not.
    if items.clone().is_sorted_by(|a, b| a < b) {
        return None;
    }
    let mut seen = HashSet::new();
    items.into_iter().find(|item| !seen.insert(*item))
}

/// What serde says of `text`, and the value, case and launch that it stopped at.
pub fn told(text: &str, error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "not JSON, or cut short",
        serde_json::error::Category::Data => "not a vbench result",
        _ => "not JSON",
    };
    let at = offset(text, error.line(), error.column());
    let place = at.map(|at| place(text, at)).unwrap_or_default();
    format!("{what}: {error}{place}")
}

/// Where a line and column stand; `None` outside of the text.
fn offset(text: &str, line: usize, column: usize) -> Option<usize> {
    let before: usize = text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let at = before + column.saturating_sub(1);
    (at <= text.len()).then_some(at)
}

/// `: NaN, in m::f1 launch 3`, as far as it can be told.
fn place(text: &str, at: usize) -> String {
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-._".contains(byte);
    let bytes = text.as_bytes();
    let start = at - bytes[..at].iter().rev().take_while(|byte| word(byte)).count();
    let end = at + bytes[at..].iter().take_while(|byte| word(byte)).count();
    let token = text.get(start..end).filter(|token| !token.is_empty() && token.len() <= 32);
    let mut place = token.map(|token| format!(": {token}")).unwrap_or_default();
    let before = text.get(..start).unwrap_or_default();
    if let Some((case, rest)) = case(before) {
        place.push_str(&format!(", in {case}"));
        if let Some(launch) = launch(rest) {
            place.push_str(&format!(" launch {launch}"));
        }
    }
    place
}

/// The last case that begins in `text`, and what follows its benchmark.
fn case(text: &str) -> Option<(CaseId, &str)> {
    let name = text.rfind("\"benchmark\"")?;
    let rest = text.get(name..)?;
    let from = text.get(..name)?.rfind('{')?;
    let read = serde_json::Deserializer::from_str(text.get(from..)?).into_iter().next();
    // The name alone where the damage is in the case itself.
    let named = || {
        let value = rest.split_once(':')?.1.trim_start().strip_prefix('"')?;
        Some(CaseId { benchmark: value.split('"').next()?.to_owned(), params: [].into() })
    };
    let case = read.and_then(Result::ok).or_else(named)?;
    Some((case, rest))
}

/// The last number of a launch in `text`.
fn launch(text: &str) -> Option<u32> {
    let (_, rest) = text.rsplit_once("\"launch\"")?;
    let number = rest.trim_start().strip_prefix(':')?.trim_start();
    let digits = number.bytes().take_while(u8::is_ascii_digit).count();
    number.get(..digits)?.parse().ok()
}
