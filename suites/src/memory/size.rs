//! How large the STREAM arrays must be, and how large they can be here.

use vbench::prelude::Bytes;
use vbench::topology::Available;

/// Each array is at least this many times the sum of the last-level caches: the run rules of
/// STREAM (<https://www.cs.virginia.edu/stream/ref.html>).
const TIMES_CACHES: u64 = 4;
/// The least size of an array where the guest claims small caches or none: hypervisors show caches
/// that are not the guest's, and a server's last level is rarely above this.
const LEAST: u64 = 128 << 20;
/// Size of an array when only the working of the benchmark is of interest.
const SMOKE: u64 = 1 << 20;
/// Sizes are whole pages of this size, so that huge pages are filled.
const STEP: u64 = 2 << 20;
/// Share of the available memory that all three arrays may take: one half.
const AVAILABLE_PER_ARRAY: u64 = 2 * 3;

/// The size of one array, and what the rule says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizing {
    /// Bytes per array.
    pub bytes: u64,
    /// `kept: ...` or `not kept: ...` with the numbers, or why it is not known.
    pub verdict: String,
}

/// Sizes the arrays by the rule, shrunk to the memory there is.
pub fn sizing(caches: Option<u64>, available: Option<Available>, smoke: bool) -> Sizing {
    let wanted = caches.unwrap_or(0).saturating_mul(TIMES_CACHES).max(LEAST);
    let fits = available.map_or(u64::MAX, |room| room.bytes / AVAILABLE_PER_ARRAY);
    let bytes = match smoke {
        true => SMOKE,
        false => (wanted.div_ceil(STEP)).min(fits / STEP).saturating_mul(STEP),
    };
    let (size, limit) = (mebibytes(bytes), caches.unwrap_or(0).saturating_mul(TIMES_CACHES));
    let verdict = match caches {
        None => format!("not known: the system claims no caches; {size} used"),
        Some(caches) if bytes >= limit => {
            format!("kept: {size} >= {TIMES_CACHES} x {}", mebibytes(caches))
        }
        Some(caches) => {
            let room = available.filter(|_| !smoke).map(|room| format!("; {room}"));
            let caches = mebibytes(caches);
            format!("not kept: {size} < {TIMES_CACHES} x {caches}{}", room.unwrap_or_default())
        }
    };
    Sizing { bytes, verdict }
}

fn mebibytes(bytes: u64) -> String {
    if bytes.is_multiple_of(1 << 20) {
        format!("{} MiB", bytes >> 20)
    } else {
        Bytes(bytes).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::sizing;
    use vbench::topology::{Available, Limit};

    const MIB: u64 = 1 << 20;

    fn room(bytes: u64) -> Option<Available> {
        Some(Available { bytes, limit: Limit::Cgroup })
    }

    #[test]
    fn the_rule_sets_the_size_and_says_so() {
        let kept = sizing(Some(48 * MIB), room(16 << 30), false);
        assert_eq!(kept.bytes, 192 * MIB);
        assert_eq!(kept.verdict, "kept: 192 MiB >= 4 x 48 MiB");
    }

    #[test]
    fn little_memory_shrinks_the_arrays_and_breaks_the_rule_openly() {
        let shrunk = sizing(Some(260 * MIB), room(3 << 30), false);
        assert_eq!(shrunk.bytes, 512 * MIB);
        assert_eq!(
            shrunk.verdict,
            "not kept: 512 MiB < 4 x 260 MiB; 3072 MiB available (control group)"
        );
        assert_eq!(sizing(Some(MIB), room(0), false).bytes, 0);
    }

    #[test]
    fn unknown_caches_are_unknown_and_small_claims_are_not_believed() {
        assert!(sizing(None, None, false).verdict.starts_with("not known"));
        assert_eq!(sizing(Some(MIB), None, false).bytes, 128 * MIB);
        assert!(sizing(Some(u64::MAX), None, false).verdict.starts_with("not kept"));
    }

    #[test]
    fn smoke_is_tiny() {
        assert_eq!(sizing(Some(48 * MIB), None, true).bytes, MIB);
    }
}
