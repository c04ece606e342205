//! What took effect of a requested placement, as the kernel tells it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// What the system made of a requested placement: values, or why they are not known.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    /// How many of the sampled pages lie on each node.
    pub nodes: Result<BTreeMap<usize, usize>, String>,
    /// Share of the touched memory in huge pages, from 0 to 1.
    pub huge: Result<f64, String>,
    /// Why the policy could not be set.
    pub policy: Result<(), String>,
}

impl Effective {
    /// Whether all sampled pages lie on `node`.
    ///
    /// # Errors
    /// They do not, or it is not known.
    pub fn on_node(&self, node: usize) -> Result<(), String> {
        self.policy.clone()?;
        let nodes = self.nodes.as_ref().map_err(Clone::clone)?;
        match nodes.keys().find(|other| **other != node) {
            Some(other) => Err(format!("memory asked of node {node} lies on node {other}")),
            None => Ok(()),
        }
    }
}

impl Effective {
    /// Of two buffers together: all pages, the lesser share of huge ones, and the first refusal.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let both = |mut nodes: BTreeMap<usize, usize>, more: BTreeMap<usize, usize>| {
            more.into_iter().for_each(|(node, pages)| *nodes.entry(node).or_default() += pages);
            nodes
        };
        Self {
            nodes: self.nodes.and_then(|nodes| Ok(both(nodes, other.nodes?))),
            huge: self.huge.and_then(|share| Ok(share.min(other.huge?))),
            policy: self.policy.and(other.policy),
        }
    }
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.huge {
            Ok(share) => write!(f, "{:.0}% huge pages", 100.0 * share)?,
            Err(reason) => write!(f, "huge pages unknown ({reason})")?,
        }
        match &self.nodes {
            Ok(nodes) => {
                let total: usize = nodes.values().sum();
                for (node, count) in nodes {
                    write!(f, ", node {node}: {count} of {total} pages")?;
                }
            }
            Err(reason) => write!(f, ", nodes unknown ({reason})")?,
        }
        match &self.policy {
            Ok(()) => Ok(()),
            Err(reason) => write!(f, ", policy not set: {reason}"),
        }
    }
}

/// Share of the touched memory in `range` that lies in huge pages, from `/proc/self/smaps`. The
/// kernel joins neighbouring mappings of one kind, so the share is that of the joined mapping.
pub(super) fn huge_share(smaps: &str, range: &Range<usize>) -> Option<f64> {
    let (mut huge, mut touched) = (0_u64, 0_u64);
    let mut inside = false;
    for line in smaps.lines() {
        if let Some(mapped) = mapped_range(line) {
            inside = mapped.start < range.end && range.start < mapped.end;
            continue;
        }
        let Some((key, value)) = line.split_once(':').filter(|_| inside) else { continue };
        let kibibytes = value.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0);
        match key {
            "Rss" => touched += kibibytes,
            "AnonHugePages" => huge += kibibytes,
            "Private_Hugetlb" | "Shared_Hugetlb" => {
                // Reserved huge pages are not part of the resident size.
                huge += kibibytes;
                touched += kibibytes;
            }
            _ => {}
        }
    }
    (touched > 0).then(|| huge as f64 / touched as f64)
}

/// The addresses of a line that begins a mapping in `/proc/self/smaps`.
fn mapped_range(line: &str) -> Option<Range<usize>> {
    let (start, end) = line.split_whitespace().next()?.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    Some(address(start)?..address(end)?)
}

#[cfg(test)]
mod tests {
    use super::{Effective, huge_share};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const SMAPS: &str = "\
1000-3000 rw-p 00000000 00:00 0 [heap]
Rss:                   8 kB
AnonHugePages:         8 kB
5000-9000 rw-p 00000000 00:00 0
Size:                 16 kB
Rss:                  16 kB
AnonHugePages:         4 kB
9000-d000 rw-p 00000000 00:00 0
Rss:                   0 kB
Private_Hugetlb:      16 kB
VmFlags: rd wr
";

    #[test]
    fn counts_huge_pages_of_the_mappings_in_range_only() {
        assert_eq!(huge_share(SMAPS, &(0x5000..0x9000)), Some(0.25));
        assert_eq!(huge_share(SMAPS, &(0x9000..0xa000)), Some(1.0));
        assert_eq!(huge_share(SMAPS, &(0x5000..0xd000)), Some(20.0 / 32.0));
        assert_eq!(huge_share(SMAPS, &(0xf000..0xf001)), None);
    }

    #[test]
    fn says_where_the_memory_lies_and_why_it_is_unknown() {
        let mut effective = Effective {
            nodes: Ok(BTreeMap::from([(0, 48), (1, 16)])),
            huge: Ok(1.0),
            policy: Ok(()),
        };
        let text = effective.to_string();
        assert_eq!(text, "100% huge pages, node 0: 48 of 64 pages, node 1: 16 of 64 pages");
        assert!(effective.on_node(0).unwrap_err().contains("node 1"));
        effective.nodes = Err("move_pages: Operation not permitted".into());
        assert!(effective.on_node(0).is_err());
        assert!(effective.to_string().contains("nodes unknown (move_pages"));
    }

    #[test]
    fn two_buffers_are_told_together() {
        let on = |node, huge| Effective {
            nodes: Ok(BTreeMap::from([(node, 64)])),
            huge: Ok(huge),
            policy: Ok(()),
        };
        let both = on(0, 1.0).and(on(1, 0.5)).and(on(1, 0.9));
        assert_eq!(
            both.to_string(),
            "50% huge pages, node 0: 64 of 192 pages, node 1: 128 of 192 pages"
        );
        let refused = Effective { nodes: Err("refused".into()), ..on(0, 1.0) };
        assert_eq!(on(0, 1.0).and(refused).nodes, Err("refused".into()));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9a-f: \\-kBRsnge\n]{0,200}", start: u16, len: u8) {
            let range = usize::from(start)..usize::from(start) + usize::from(len);
            if let Some(share) = huge_share(&text, &range) {
                prop_assert!(share.is_finite());
            }
        }
    }
}
