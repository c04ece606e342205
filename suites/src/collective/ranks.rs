//! Which CPU carries which rank, and where its memory lies.

use std::fmt;
use std::str::FromStr;
use vbench::prelude::*;
use vbench::topology::{Cpu, Topology};

/// An order of CPUs around the ring, and a policy for the buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Neighbours in the ring are neighbours in the machine: threads of a core, then cores of a
    /// cache, of a socket, of a node.
    Compact,
    /// Neighbours in the ring are as far apart as the machine allows.
    Scatter,
    /// The CPUs of one node only.
    Node(usize),
    /// Compact, with every buffer spread over all nodes, page by page.
    Interleaved,
}

impl Placement {
    /// Those that differ on this machine.
    pub fn choices() -> Vec<Self> {
        Self::choices_on(&Machine::current().topology)
    }

    fn choices_on(topology: &Topology) -> Vec<Self> {
        let mut all = vec![Self::Compact];
        if scattered(topology, &topology.allowed) != compact(topology, &topology.allowed) {
            all.push(Self::Scatter);
        }
        if topology.nodes.len() > 1 {
            let ranked = |node: &&vbench::topology::Node| on(node.id, topology).count() > 1;
            all.extend(topology.nodes.iter().filter(ranked).map(|node| Self::Node(node.id)));
            all.push(Self::Interleaved);
        }
        all
    }

    /// The CPU of each rank, in the order of the ring.
    ///
    /// # Errors
    /// There are fewer than two: nothing is reduced.
    pub fn cpus(self, topology: &Topology, allowed: &[usize]) -> Result<Vec<usize>, Skip> {
        let (cpus, place) = match self {
            Self::Compact | Self::Interleaved => (compact(topology, allowed), String::new()),
            Self::Scatter => (scattered(topology, allowed), String::new()),
            Self::Node(node) => {
                let of_node =
                    on(node, topology).filter(|cpu| allowed.contains(cpu)).collect::<Vec<_>>();
                (compact(topology, &of_node), format!(" on node {node}"))
            }
        };
        match cpus.len() {
            0 | 1 => Err(Skip::because(format!(
                "an all-reduce needs 2 CPUs, {} allowed{place}",
                cpus.len()
            ))),
            _ => Ok(cpus),
        }
    }

    /// Where the buffers lie.
    pub fn memory(self) -> Policy {
        match self {
            Self::Interleaved => Policy::Interleave,
            _ => Policy::FirstTouch,
        }
    }
}

/// The allowed CPUs of a node.
fn on(node: usize, topology: &Topology) -> impl Iterator<Item = usize> {
    let allowed = topology.allowed.iter().copied();
    allowed.filter(move |cpu| topology.node_of(*cpu) == Some(node))
}

/// Where a CPU is, from the outside in.
type Position = [Option<usize>; 5];

fn position(topology: &Topology, cpu: usize) -> Position {
    let place = |cpu: &Cpu| [cpu.node, cpu.package, cpu.die, cpu.llc, cpu.core];
    topology.cpu(cpu).map_or([None; 5], place)
}

fn compact(topology: &Topology, cpus: &[usize]) -> Vec<usize> {
    let mut cpus = cpus.to_vec();
    cpus.sort_by_key(|cpu| (position(topology, *cpu), *cpu));
    cpus
}

/// Dealt in turn from the parts of the outermost level that has several.
fn scattered(topology: &Topology, cpus: &[usize]) -> Vec<usize> {
    let cpus = compact(topology, cpus);
    let outermost = (0..5).find(|level| {
        let at = |cpu: &usize| position(topology, *cpu)[*level];
        cpus.iter().any(|cpu| cpus.first().map(at) != Some(at(cpu)))
    });
    let Some(level) = outermost else { return cpus };
    let same =
        |a: &usize, b: &usize| position(topology, *a)[level] == position(topology, *b)[level];
    let parts: Vec<&[usize]> = cpus.chunk_by(same).collect();
    let longest = parts.iter().map(|part| part.len()).max().unwrap_or(0);
    let turn = |turn: usize| parts.iter().filter_map(move |part| part.get(turn).copied());
    (0..longest).flat_map(turn).collect()
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compact => f.write_str("compact"),
            Self::Scatter => f.write_str("scatter"),
            Self::Node(node) => write!(f, "node:{node}"),
            Self::Interleaved => f.write_str("interleaved"),
        }
    }
}

impl FromStr for Placement {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let node = text.strip_prefix("node:").and_then(|node| node.parse().ok());
        match (text, node) {
            ("compact", _) => Ok(Self::Compact),
            ("scatter", _) => Ok(Self::Scatter),
            ("interleaved", _) => Ok(Self::Interleaved),
            (_, Some(node)) => Ok(Self::Node(node)),
            _ => {
                Err(format!("{text:?} is no placement (compact, scatter, node:NODE, interleaved)"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Placement;
    use vbench::topology::{Cpu, Node, Topology};

    /// CPUs as Linux numbers them: the first thread of every core, then the second ones.
    fn machine(nodes: usize, cores: usize) -> Topology {
        let count = nodes * cores;
        let cpu = |id: usize| Cpu {
            id,
            node: Some(id % count / cores),
            package: Some(id % count / cores),
            core: Some(id % cores),
            llc: Some(id % count / cores),
            ..Cpu::default()
        };
        let node = |id| Node { id, ..Node::default() };
        Topology {
            allowed: (0..2 * count).collect(),
            cpus: (0..2 * count).map(cpu).collect(),
            nodes: (0..nodes).map(node).collect(),
            ..Topology::default()
        }
    }

    fn cpus(placement: Placement, topology: &Topology) -> Vec<usize> {
        placement.cpus(topology, &topology.allowed).unwrap()
    }

    #[test]
    fn compact_keeps_neighbours_together_and_scatter_keeps_them_apart() {
        let two = machine(2, 2);
        assert_eq!(cpus(Placement::Compact, &two), [0, 4, 1, 5, 2, 6, 3, 7]);
        assert_eq!(cpus(Placement::Scatter, &two), [0, 2, 4, 6, 1, 3, 5, 7]);
        assert_eq!(cpus(Placement::Node(1), &two), [2, 6, 3, 7]);
        assert_eq!(cpus(Placement::Interleaved, &two), cpus(Placement::Compact, &two));
    }

    #[test]
    fn one_node_is_scattered_over_its_cores() {
        let one = machine(1, 3);
        assert_eq!(cpus(Placement::Compact, &one), [0, 3, 1, 4, 2, 5]);
        assert_eq!(cpus(Placement::Scatter, &one), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn only_placements_that_differ_are_offered() {
        let offered = |topology: &Topology| -> Vec<String> {
            Placement::choices_on(topology).iter().map(ToString::to_string).collect()
        };
        assert_eq!(offered(&machine(1, 1)), ["compact"]);
        assert_eq!(offered(&machine(1, 2)), ["compact", "scatter"]);
        assert_eq!(
            offered(&machine(2, 1)),
            ["compact", "scatter", "node:0", "node:1", "interleaved"]
        );
    }

    #[test]
    fn one_rank_reduces_nothing() {
        let two = machine(2, 1);
        let skip = Placement::Node(1).cpus(&two, &[0, 1]).unwrap_err();
        assert!(skip.reason().contains("1 allowed on node 1"), "{skip}");
        assert!(Placement::Compact.cpus(&two, &[]).is_err());
        let unknown = Topology { allowed: vec![0, 7], ..Topology::default() };
        assert_eq!(cpus(Placement::Scatter, &unknown), [0, 7]);
    }

    #[test]
    fn placements_read_back() {
        for placement in
            [Placement::Compact, Placement::Scatter, Placement::Node(3), Placement::Interleaved]
        {
            assert_eq!(placement.to_string().parse(), Ok(placement));
        }
        assert!("node:".parse::<Placement>().unwrap_err().contains("node:NODE"));
    }
}
