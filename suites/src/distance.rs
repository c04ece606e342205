//! How near two vCPUs are by what the guest claims, and one pair for each distance.

use vbench::prelude::*;
use vbench::topology::Topology;

/// What two vCPUs share by claim, the nearest thing only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, AxisValue)]
pub enum Distance {
    /// Threads of one core.
    SameCore,
    /// Cores of one last-level cache.
    SameCache,
    /// Caches of one memory node.
    SameNode,
    /// Nothing.
    OtherNode,
}

impl Distance {
    /// The distances that occur among the allowed CPUs. Where there is one CPU, `same-cache`, which
    /// is then skipped with that reason.
    pub fn choices() -> Vec<Self> {
        let topology = &Machine::current().topology;
        let occurs = |distance: &Self| distance.pair(topology, &topology.allowed).is_some();
        let found: Vec<Self> = Self::ALL.into_iter().filter(occurs).collect();
        if found.is_empty() { vec![Self::SameCache] } else { found }
    }

    /// The first two CPUs at this distance.
    ///
    /// # Errors
    /// There are none.
    pub fn cpus(self, allowed: &Cpus) -> Result<[usize; 2], Skip> {
        let pair = self.pair(&Machine::current().topology, allowed.ids());
        let count = allowed.count();
        pair.ok_or_else(|| match count {
            0 | 1 => Skip::because(format!("needs 2 CPUs, {count} allowed")),
            _ => Skip::because(format!("no two of {count} allowed CPUs are {self}")),
        })
    }

    fn pair(self, topology: &Topology, cpus: &[usize]) -> Option<[usize; 2]> {
        let pairs = cpus
            .iter()
            .enumerate()
            .flat_map(|(place, one)| cpus[place + 1..].iter().map(move |other| [*one, *other]));
        let mut pairs = pairs;
        pairs.find(|[one, other]| Self::between(topology, *one, *other) == self)
    }

    fn between(topology: &Topology, one: usize, other: usize) -> Self {
        let shared =
            |of: &dyn Fn(usize) -> Option<usize>| of(one).is_some() && of(one) == of(other);
        let node = |cpu| topology.node_of(cpu);
        if topology.smt_siblings(one).contains(&other) {
            Self::SameCore
        } else if shared(&|cpu| topology.cpu(cpu)?.llc) {
            Self::SameCache
        } else if shared(&node) || node(one).is_none() || node(other).is_none() {
            Self::SameNode
        } else {
            Self::OtherNode
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Distance;
    use vbench::topology::{Cpu, Topology};

    fn machine() -> Topology {
        let cpu = |id: usize| Cpu {
            id,
            siblings: vec![id / 2 * 2, id / 2 * 2 + 1],
            llc: Some(id / 4),
            node: Some(id / 8),
            ..Cpu::default()
        };
        Topology {
            allowed: (0..16).collect(),
            cpus: (0..16).map(cpu).collect(),
            ..Topology::default()
        }
    }

    #[test]
    fn the_nearest_thing_shared_is_the_distance() {
        let topology = machine();
        let pair = |distance: Distance| distance.pair(&topology, &topology.allowed);
        assert_eq!(pair(Distance::SameCore), Some([0, 1]));
        assert_eq!(pair(Distance::SameCache), Some([0, 2]));
        assert_eq!(pair(Distance::SameNode), Some([0, 4]));
        assert_eq!(pair(Distance::OtherNode), Some([0, 8]));
        assert_eq!(Distance::SameNode.pair(&topology, &[0, 1, 8]), None);
        assert_eq!(Distance::SameNode.pair(&Topology::default(), &[0, 1]), Some([0, 1]));
    }
}
