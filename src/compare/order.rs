//! In which order the launches of two sides were measured.

use super::gather::Sample;
use super::note::Note;
use super::row::Change;
use super::units::Level;
use crate::stats::Test;
use std::collections::BTreeMap;
use vbench_results::Role;

/// How the launches of two sides follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// In turns, or at the same time: an hour of the host is part of both.
    Turns,
    /// All launches of one side precede the other.
    Sequential,
    /// Runs took turns, launches within them did not.
    Blocks,
    /// When they ran is not known.
    Unknown,
}

/// First and last moment of a run's launches, and their number.
type Span = (f64, f64, usize);

impl Order {
    /// Of two samples of a row.
    pub fn of(base: &Sample<'_>, candidate: &Sample<'_>) -> Self {
        let Some((before, after)) = spans(base).zip(spans(candidate)) else { return Self::Unknown };
        let overlap = |a: &Span| after.iter().any(|b| a.0 <= b.1 && b.0 <= a.1);
        if before.iter().any(overlap) {
            return Self::Turns;
        }
        let (first, second) = (whole(&before), whole(&after));
        if first.1 < second.0 || second.1 < first.0 {
            return Self::Sequential;
        }
        // Runs of one launch in turns are launches in turns.
        let single = before.iter().chain(&after).all(|span| span.2 == 1);
        if single { Self::Turns } else { Self::Blocks }
    }

    /// What a reader must know of a change in a row of this order; nothing where turns were taken.
    pub fn note(self, change: &Change, level: Level, role: Role) -> Option<Note> {
        let (code, said) = match self {
            Self::Turns => return None,
            Self::Sequential => ("sequential", "all launches of one side precede the other"),
            Self::Blocks => {
                ("blocks", "launches of one run follow each other, sides in turns by run")
            }
            Self::Unknown => {
                ("unknown", "when launches ran is not known, so perhaps one side after the other")
            }
        };
        let judged_by = |test: Test| change.members.iter().any(|member| member.test == test);
        let then = match (level, role) {
            (Level::Launch | Level::Run, Role::Gated | Role::Info) if judged_by(Test::Runs) => {
                "intervals allow for how far runs lie apart"
            }
            (Level::Launch | Level::Run, Role::Gated | Role::Info) if judged_by(Test::Drift) => {
                "intervals allow for drift of the host; take turns, or `vbench calibrate --level run`"
            }
            _ => "drift of the host counts as change",
        };
        Some(Note::new(format!("design:{code}"), format!("{said}: {then}")))
    }
}

/// Of each run; `None` when the moment of a launch is not known.
fn spans(sample: &Sample<'_>) -> Option<Vec<Span>> {
    let mut spans: BTreeMap<u32, Span> = BTreeMap::new();
    for launch in &sample.launches {
        let at = launch.at?;
        let span = spans.entry(launch.number.0).or_insert((at, at, 0));
        *span = (span.0.min(at), span.1.max(at), span.2 + 1);
    }
    Some(spans.into_values().collect())
}

fn whole(spans: &[Span]) -> (f64, f64) {
    let first = spans.iter().map(|span| span.0).fold(f64::INFINITY, f64::min);
    (first, spans.iter().map(|span| span.1).fold(f64::NEG_INFINITY, f64::max))
}
