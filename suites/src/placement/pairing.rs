//! Which vCPUs are paired, and how that is told.

use vbench::host::cpulist;
use vbench::prelude::*;

/// Most CPUs whose pairs are all measured: 8,128 pairs, half a minute a sweep. The quick profile
/// takes fewer: 496 pairs.
const MOST: usize = 128;
const MOST_QUICK: usize = 32;

/// All CPUs up to a limit; beyond it that many of them, spread evenly.
///
/// # Errors
/// Fewer than `least` are allowed.
pub fn chosen(allowed: &[usize], least: usize) -> Result<Vec<usize>, Skip> {
    if allowed.len() < least {
        return Err(Skip::because(format!("needs {least} CPUs, {} allowed", allowed.len())));
    }
    let most = match Machine::current().profile {
        Profile::Smoke => least.max(4),
        Profile::Quick => MOST_QUICK,
        Profile::Standard | Profile::Thorough => MOST,
    };
    Ok(spread(allowed, most))
}

/// At most `most` of the ids, the first and the last among them, evenly spaced.
pub fn spread(ids: &[usize], most: usize) -> Vec<usize> {
    if ids.len() <= most || most < 2 {
        return ids.iter().copied().take(most.max(1)).collect();
    }
    (0..most).map(|place| ids[place * (ids.len() - 1) / (most - 1)]).collect()
}

/// Every pair once, the lower id first.
pub fn pairs_of(cpus: &[usize]) -> Vec<(usize, usize)> {
    let after = |(place, one): (usize, &usize)| {
        let one = *one;
        cpus[place + 1..].iter().map(move |other| (one, *other)).collect::<Vec<_>>()
    };
    cpus.iter().enumerate().flat_map(after).collect()
}

/// Notes which CPUs were paired, and how many were left out.
pub fn note_choice(b: &mut Bencher, chosen: &[usize], allowed: usize) {
    b.fact("cpus", cpulist::format(chosen));
    if chosen.len() < allowed {
        b.fact("cpus_left_out", allowed - chosen.len());
    }
}

/// The middle value; not a number where there is none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let at = |place: usize| sorted.get(place).copied().unwrap_or(f64::NAN);
    (at(sorted.len() / 2) + at(sorted.len().saturating_sub(1) / 2)) / 2.0
}

#[cfg(test)]
mod tests {
    use super::{median, pairs_of, spread};

    #[test]
    fn large_machines_are_sampled_evenly_from_end_to_end() {
        let ids: Vec<usize> = (0..200).collect();
        let some = spread(&ids, 128);
        assert_eq!((some.len(), some[0], some[127]), (128, 0, 199));
        assert!(some.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(spread(&ids[..4], 128), [0, 1, 2, 3]);
        assert_eq!(spread(&ids, 1), [0]);
    }

    #[test]
    fn every_pair_stands_once() {
        assert_eq!(pairs_of(&[3, 5, 9]), [(3, 5), (3, 9), (5, 9)]);
        assert_eq!(pairs_of(&(0..96).collect::<Vec<_>>()).len(), 4560);
        assert!(pairs_of(&[7]).is_empty());
    }

    #[test]
    fn the_median_of_nothing_is_no_number() {
        assert!(median(&[]).is_nan());
        assert_eq!(median(&[3.0, 1.0]), 2.0);
    }
}
