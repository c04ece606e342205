//! `vbench info --measured`: the topology as a stored run measured it, beside what the guest claims.

use super::layout::Page;
use crate::measured::Aspect;
use vbench_results::{Run, Value};

/// Groups or rows that are shown of one aspect.
const SHOWN: usize = 64;

/// The aspects as plain text, `width` columns wide.
pub fn measured(run: &Run, aspects: &[Aspect], width: usize) -> String {
    let mut page = Page::new(width);
    page.paragraph(0, 2, &format!("measured by {}/{}/{}", run.system, run.config, run.id));
    let mut told = Vec::new();
    for aspect in aspects {
        page.section(title(aspect.name));
        match &aspect.measured {
            Ok(found) => page.entry("measured", &list(found)),
            // One command measures all that is missing: once is enough.
            Err(why) if told.contains(&why) => page.entry("measured", "unknown: as above"),
            Err(why) => page.entry("measured", &format!("unknown: {why}")),
        }
        told.extend(aspect.measured.as_ref().err());
        show(aspect, &mut page);
    }
    page.finish()
}

fn title(name: &str) -> &str {
    match name {
        "cores" => "CPUs that share a core",
        "caches" => "CPUs by last-level cache",
        "distances" => "distances between nodes (10 is a node's own memory)",
        "bandwidths" => {
            "read bandwidth between nodes (1 is a node's own memory; claimed: distances)"
        }
        "hidden_nodes" => "memory within a node",
        other => other,
    }
}

/// The claim beside what was measured.
fn show(aspect: &Aspect, page: &mut Page) {
    if let Some(claimed) = &aspect.claimed {
        page.entry("claimed", &list(claimed));
    }
    match (&aspect.disagreement, &aspect.measured, &aspect.claimed) {
        (Some(text), ..) => page.entry("differs", text),
        (None, Ok(_), Some(_)) => page.entry("agrees", "yes"),
        _ => {}
    }
    if aspect.measured.is_ok() {
        page.entry("source", &aspect.source);
    }
}

fn list(value: &Value) -> String {
    let Value::List(items) = value else { return value.to_string() };
    let mut texts: Vec<String> = items.iter().take(SHOWN).map(Value::to_string).collect();
    if items.len() > SHOWN {
        texts.push(format!("and {} more", items.len() - SHOWN));
    }
    if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
}
