//! In which order CPUs are taken when not all are used: close together, or far apart.

use std::collections::BTreeMap;
use vbench::prelude::*;
use vbench::topology::Topology;

/// The order in which CPUs are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AxisValue)]
pub enum Spread {
    /// All threads of a core, all cores of a cache, all caches of a node, then the next.
    Compact,
    /// One of each node in turn, of each cache of it, of each core of that.
    Scatter,
}

impl Spread {
    /// The first `count` allowed CPUs in this order.
    ///
    /// # Errors
    /// Too few are allowed.
    pub fn first(self, count: usize, cpus: &Cpus) -> Result<Vec<usize>, Skip> {
        cpus.first(count)?;
        let mut order = self.order(&Machine::current().topology, cpus.ids());
        order.truncate(count);
        Ok(order)
    }

    fn order(self, topology: &Topology, cpus: &[usize]) -> Vec<usize> {
        let of = |cpu: usize, part: usize| -> usize {
            let found = topology.cpu(cpu);
            let known = match part {
                0 => found.and_then(|cpu| cpu.node),
                1 => found.and_then(|cpu| cpu.llc),
                _ => found.and_then(|cpu| cpu.siblings.first().copied()).or(Some(cpu)),
            };
            known.unwrap_or(0)
        };
        match self {
            Self::Compact => {
                let mut order = cpus.to_vec();
                order.sort_by_key(|cpu| ([0, 1, 2].map(|part| of(*cpu, part)), *cpu));
                order
            }
            Self::Scatter => scatter(cpus, 0, &of),
        }
    }
}

/// Takes one of each group in turn, the groups of a part scattered in the same way.
fn scatter(cpus: &[usize], part: usize, of: &dyn Fn(usize, usize) -> usize) -> Vec<usize> {
    const PARTS: usize = 3;
    if part == PARTS {
        return cpus.to_vec();
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    cpus.iter().for_each(|cpu| groups.entry(of(*cpu, part)).or_default().push(*cpu));
    let groups: Vec<Vec<usize>> =
        groups.values().map(|group| scatter(group, part + 1, of)).collect();
    let longest = groups.iter().map(Vec::len).max().unwrap_or(0);
    (0..longest)
        .flat_map(|turn| groups.iter().filter_map(move |group| group.get(turn).copied()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Spread;
    use vbench::topology::{Cpu, Topology};

    #[test]
    fn compact_fills_and_scatter_spreads() {
        // Two nodes, each with two caches of one core of two threads; siblings 4 apart.
        let cpu = |id: usize| Cpu {
            id,
            siblings: vec![id % 4, id % 4 + 4],
            llc: Some(id % 4),
            node: Some(id % 4 / 2),
            ..Cpu::default()
        };
        let topology = Topology { cpus: (0..8).map(cpu).collect(), ..Topology::default() };
        let all: Vec<usize> = (0..8).collect();
        assert_eq!(Spread::Compact.order(&topology, &all), [0, 4, 1, 5, 2, 6, 3, 7]);
        assert_eq!(Spread::Scatter.order(&topology, &all), [0, 2, 1, 3, 4, 6, 5, 7]);
        assert_eq!(Spread::Scatter.order(&topology, &[1, 5, 3]), [1, 3, 5]);
    }

    #[test]
    fn an_unknown_topology_keeps_the_order_of_ids() {
        let topology = Topology::default();
        for spread in [Spread::Compact, Spread::Scatter] {
            assert_eq!(spread.order(&topology, &[0, 1, 2, 3]), [0, 1, 2, 3]);
            assert_eq!(spread.to_string().parse(), Ok(spread));
        }
    }
}
