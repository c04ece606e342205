//! What a reader must know beside a verdict: the order of launches, disturbances, shapes.

use super::gather::Sample;
use super::note::Note;
use super::obstacles::word;
use super::policy::Terms;
use super::row::Change;
use super::units::{Level, Units};
use crate::stats::squares;

/// Every warning of a row.
pub fn warnings(
    base: &Sample<'_>,
    candidate: &Sample<'_>,
    level: Level,
    [before, after]: &[Units<'_>; 2],
    change: &Change,
    design: impl Iterator<Item = Note>,
    terms: &Terms,
) -> Vec<Note> {
    let mut warnings = Vec::new();
    if level == Level::Launch {
        warnings.push(Note::new("within-boot", within_boot(base, candidate)));
    }
    warnings.extend(design);
    for (side, sample, units) in [("baseline", base, before), ("candidate", candidate, after)] {
        warnings.extend(quality(side, sample));
        if two_modes(&units.values) {
            let text = format!("the {} of the {} fall into two groups", level.plural(), word(side));
            warnings.push(Note::new(format!("{side}:bimodal"), text));
        }
    }
    warnings.extend(best_disagrees(change, terms));
    warnings
}

fn within_boot(base: &Sample<'_>, candidate: &Sample<'_>) -> &'static str {
    let (before, after) = (base.boots(), candidate.boots());
    match before.zip(after) {
        None => "boots are not known: the verdict may hold for these boots only",
        Some((before, after)) if before == after => "one boot: the verdict holds within it",
        Some(_) => "fewer than two boots a side: the verdict holds for these boots only",
    }
}

fn quality(side: &str, sample: &Sample<'_>) -> Vec<Note> {
    let mut warnings = Vec::new();
    let disturbed: usize = sample.launches.iter().map(|launch| launch.disturbed).sum();
    let count = sample.values().count();
    if disturbed > 0 {
        let text = format!("{disturbed} of {count} values disturbed in the {}", word(side));
        warnings.push(Note::new(format!("{side}:disturbed"), text));
    }
    if sample.failed > 0 {
        let all = sample.failed + sample.launches.len();
        let text = format!("{} of {all} launches failed in the {}", sample.failed, word(side));
        warnings.push(Note::new(format!("{side}:failed"), text));
    }
    warnings
}

/// The best moved one way and the typical value the other, by the margin or more.
fn best_disagrees(change: &Change, terms: &Terms) -> Option<Note> {
    let best = change.best_of.as_ref()?.estimate_ln;
    let apart = best * change.estimate_ln < 0.0 && (best - change.estimate_ln).abs() >= terms.tau();
    let text = format!(
        "the best of {} repeats moved the other way: jitter changed",
        change.best_of.as_ref()?.repeats
    );
    apart.then(|| Note::new("best:disagrees", text))
}

/// Least gap between two groups of units, in standard deviations within them. By simulation
/// (`tests/bars.rs`) 2% of 7v7 rows with normal launches are warned about, and 88% of those whose
/// launches are 8% apart.
const GAP: f64 = 6.0;
/// Least gap that is worth a word, in ln: 1%.
const LEAST_GAP: f64 = 0.01;

/// True when the widest gap between sorted units leaves at least two of six or more on each side,
/// and is wide against the spread on its sides.
fn two_modes(units: &[f64]) -> bool {
    let mut sorted = units.to_vec();
    sorted.sort_by(f64::total_cmp);
    if sorted.len() < 6 {
        return false;
    }
    let splits = 2..=sorted.len() - 2;
    let widest =
        splits.max_by(|a, b| (sorted[*a] - sorted[a - 1]).total_cmp(&(sorted[*b] - sorted[b - 1])));
    let Some(split) = widest else { return false };
    let (low, high) = sorted.split_at(split);
    let sd = ((squares(low) + squares(high)) / (sorted.len() - 2) as f64).sqrt();
    let gap = high[0] - low[low.len() - 1];
    gap >= LEAST_GAP && gap > GAP * sd
}
