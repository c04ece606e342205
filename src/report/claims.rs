//! Claims beside the numbers that decide them.

use crate::compare::{Claim, Computed, Standing};
use crate::text::number::{counted, digits, with_unit};
use crate::text::{inert, wrap};
use std::fmt::Write;

/// The claims as text, those that the numbers contradict first.
pub fn text(claims: &[Claim], width: usize) -> String {
    let mut text = format!("{}\n", summary(claims));
    for standing in [Standing::Contradicted, Standing::Undecidable, Standing::Supported] {
        let chosen = claims.iter().filter(|claim| claim.standing == standing);
        let mut chosen = chosen.peekable();
        if chosen.peek().is_some() {
            let _ = writeln!(text, "\n{}", standing.name());
        }
        for claim in chosen {
            let head = format!("{}  {}: {}", claim.id, claim.claim, claim.printed);
            let indent = claim.id.chars().count() + 4;
            let _ = writeln!(text, "{}", wrap(&format!("  {}", inert(&head)), width, indent));
            for line in lines(claim) {
                let line = format!("{}{}", " ".repeat(indent), inert(&line));
                let _ = writeln!(text, "{}", wrap(&line, width, indent));
            }
        }
    }
    text
}

fn summary(claims: &[Claim]) -> String {
    let count = |standing| claims.iter().filter(|claim| claim.standing == standing).count();
    format!(
        "{}: {} supported, {} contradicted, {} undecidable",
        counted(claims.len(), "claim"),
        count(Standing::Supported),
        count(Standing::Contradicted),
        count(Standing::Undecidable)
    )
}

/// What was computed, in one line, and why it decides nothing or how words were read.
fn lines(claim: &Claim) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(first) = claim.computed.first() {
        let several = claim.computed.iter().any(|number| number.system != first.system);
        let texts: Vec<String> =
            claim.computed.iter().map(|number| shown(number, several)).collect();
        lines.push(format!("stored numbers give {}", texts.join("; ")));
    }
    lines.extend(claim.reasons.iter().cloned());
    lines
}

fn shown(number: &Computed, named: bool) -> String {
    let value = match &number.unit {
        Some(unit) => with_unit(number.value, unit),
        None if number.percent => format!("{:+.1}%", 100.0 * number.value),
        None => digits(number.value),
    };
    let system = if named { format!(" {}", number.system) } else { String::new() };
    let no = if number.fits { "" } else { " (no)" };
    format!("{value}{system}{no}")
}

/// The claims as JSON.
pub fn json(claims: &[Claim]) -> String {
    serde_json::to_string_pretty(claims).unwrap_or_default() + "\n"
}
