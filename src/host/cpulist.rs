//! The kernel's list format for CPUs and nodes: `0-3,8,10-11`, with strides as in `0-8:2/4`.

/// Ids from here on are refused, so that a damaged file cannot ask for gigabytes. Linux kernels
/// are built for 8192 CPUs at most (`NR_CPUS_RANGE_END` in arch/x86/Kconfig).
pub const MAX_ID: usize = 8192;

/// A text that is not a list of ids.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a list such as 0-3,8")]
pub struct ListError(String);

/// The ids in a list, ascending and once each. An empty text is an empty list.
///
/// # Errors
/// The part that is no number, no range, or out of bounds.
pub fn parse(text: &str) -> Result<Vec<usize>, ListError> {
    let mut ids = Vec::new();
    for part in text.trim().split(',').map(str::trim).filter(|part| !part.is_empty()) {
        // A part is shown, not the whole: a damaged list can be long.
        let error = || ListError(part.chars().take(32).collect());
        ids.extend(range(part).ok_or_else(error)?);
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// `a`, `a-b`, or `a-b:used/group`: of each group, the first `used` ids. Source: Linux
/// Documentation/admin-guide/kernel-parameters.rst, "cpu lists".
fn range(part: &str) -> Option<impl Iterator<Item = usize>> {
    let (span, stride) = part.split_once(':').unwrap_or((part, "1/1"));
    let (first, last) = span.split_once('-').unwrap_or((span, span));
    let (used, group) = stride.split_once('/')?;
    let (first, last) = (id(first)?, id(last)?);
    let (used, group) = (id(used)?, id(group)?);
    let sound = first <= last && used <= group && group > 0;
    sound.then(|| (first..=last).filter(move |id| (id - first) % group < used))
}

fn id(text: &str) -> Option<usize> {
    text.trim().parse().ok().filter(|id| *id < MAX_ID)
}

/// The shortest list of ascending `ids`, without strides.
pub fn format(ids: &[usize]) -> String {
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for &id in ids {
        match parts.last_mut() {
            Some((_, last)) if id == *last + 1 => *last = id,
            _ => parts.push((id, id)),
        }
    }
    let texts =
        parts.iter().map(
            |(first, last)| {
                if first == last { first.to_string() } else { format!("{first}-{last}") }
            },
        );
    texts.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::{MAX_ID, format, parse};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn lists_read_as_the_kernel_writes_them() {
        assert_eq!(parse("0-3,8,10-11\n"), Ok(vec![0, 1, 2, 3, 8, 10, 11]));
        assert_eq!(parse("0-8:2/4"), Ok(vec![0, 1, 4, 5, 8]));
        assert_eq!(parse(""), Ok(vec![]));
        assert_eq!(parse("1500-1501"), Ok(vec![1500, 1501]));
        for bad in ["x", "3-1", "1-", "-1", "0-99999999999", "8192", "1:2", "0-3:1/0", "\u{0}"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_set_survives_both_ways(ids in prop::collection::btree_set(0..MAX_ID, 0..64)) {
            let ids: Vec<_> = BTreeSet::into_iter(ids).collect();
            prop_assert_eq!(parse(&format(&ids)), Ok(ids));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,64}") {
            if let Ok(ids) = parse(&text) {
                prop_assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
                prop_assert_eq!(parse(&format(&ids)), Ok(ids));
            }
        }

        #[test]
        fn digits_and_signs_are_read_or_refused(text in "[0-9,:/-]{0,24}") {
            if let Ok(ids) = parse(&text) {
                prop_assert!(ids.iter().all(|id| *id < MAX_ID));
            }
        }
    }
}
