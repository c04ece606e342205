//! What is not known, by reason.

use super::View;
use super::layout::{Page, count};
use std::collections::BTreeMap;
use vbench_results::Reading;

/// Names that are listed for one reason.
const NAMES: usize = 12;
/// Reasons that are listed.
const REASONS: usize = 12;

/// Unknown facts, the most common reason first.
pub(super) fn unknowns(view: &View<'_>, page: &mut Page) {
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let hidden = sys_is_hidden(view);
    for (name, fact) in &view.environment.facts {
        let Reading::Unknown(reason) = &fact.reading else { continue };
        let reason = match fact.source.starts_with("/sys/") && hidden {
            true => "/sys is hidden".to_owned(),
            false => reason.clone(),
        };
        groups.entry(reason).or_default().push(name);
    }
    if groups.is_empty() {
        return;
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, names)| std::cmp::Reverse(names.len()));
    page.section("unknown");
    for (reason, names) in groups.iter().take(REASONS) {
        page.paragraph(2, 4, &format!("{reason}: {}", listed(names)));
    }
    let rest: usize = groups.iter().skip(REASONS).map(|(_, names)| names.len()).sum();
    if rest > 0 {
        page.paragraph(2, 4, &format!("{} for other reasons", count(rest, "fact")));
    }
}

/// True when nothing at all could be read there.
fn sys_is_hidden(view: &View<'_>) -> bool {
    let mut facts = view.environment.facts.values();
    let of_sys = |source: &str| source.starts_with("/sys/");
    !facts.any(|fact| of_sys(&fact.source) && matches!(fact.reading, Reading::Value(_)))
}

/// The names, with those that differ in a number only shown as one: `gpu.*.node`.
fn listed(names: &[&str]) -> String {
    let mut patterns: Vec<String> = names.iter().map(|name| pattern(name)).collect();
    patterns.sort_unstable();
    patterns.dedup();
    let shown = patterns.iter().take(NAMES).map(String::as_str).collect::<Vec<_>>().join(" ");
    let more = match patterns.len().saturating_sub(NAMES) {
        0 => String::new(),
        rest => format!(" and {rest} more"),
    };
    format!("{} ({shown}{more})", count(names.len(), "fact"))
}

fn pattern(name: &str) -> String {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts = name.split('.').map(|part| if number(part) { "*" } else { part });
    parts.collect::<Vec<_>>().join(".")
}
