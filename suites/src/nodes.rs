//! Memory nodes: which there are, which CPUs are theirs, and whether memory lies where it was asked.

use crate::claims;
use vbench::prelude::*;

/// The memory nodes of a machine that has several.
pub struct Nodes {
    /// Node and its CPUs.
    all: Vec<(usize, Vec<usize>)>,
}

impl Nodes {
    /// The CPUs of a node that this process may use.
    ///
    /// # Errors
    /// There are none.
    pub fn cpus(&self, node: usize, allowed: &Cpus) -> Result<Vec<usize>, Skip> {
        let cpus = self.all.iter().find(|(id, _)| *id == node).map(|(_, cpus)| cpus.as_slice());
        let usable: Vec<usize> = allowed
            .ids()
            .iter()
            .copied()
            .filter(|cpu| cpus.is_some_and(|all| all.contains(cpu)))
            .collect();
        match usable.is_empty() {
            true => Err(Skip::because(format!("no allowed CPU on node {node}"))),
            false => Ok(usable),
        }
    }
}

impl Require for Nodes {
    fn acquire(_: &Machine) -> Result<Self, Skip> {
        let all = claims::nodes();
        match all.len() {
            0 => Err(Skip::because("the kernel lists no memory nodes")),
            1 => Err(Skip::because("needs 2 memory nodes, 1 here")),
            _ => Ok(Self { all }),
        }
    }
}

/// Ids of the memory nodes, as an axis.
pub fn ids() -> Vec<usize> {
    claims::nodes().into_iter().map(|(id, _)| id).collect()
}

/// Skips when the memory could not be bound, fails when it lies elsewhere in spite of it, and notes
/// what is known.
///
/// # Errors
/// The policy was refused, as containers do.
pub fn note_placement(b: &mut Bencher, policy: Policy, effective: &Effective) -> Result<(), Skip> {
    b.fact("placement", effective.to_string());
    effective.policy.clone().map_err(Skip::because)?;
    if let (Policy::Bind(node), true) = (policy, effective.nodes.is_ok()) {
        let placed = effective.on_node(node);
        b.check(placed.is_ok(), placed.err().unwrap_or_default());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Nodes;
    use vbench::prelude::*;

    #[test]
    fn a_node_offers_only_cpus_that_are_allowed() {
        let allowed = Cpus::acquire(Machine::current()).unwrap();
        let first = allowed.ids()[0];
        let nodes = Nodes { all: vec![(0, vec![first, 100_000]), (1, vec![100_001])] };
        assert_eq!(nodes.cpus(0, &allowed), Ok(vec![first]));
        assert!(nodes.cpus(1, &allowed).unwrap_err().reason().contains("node 1"));
        assert!(nodes.cpus(2, &allowed).is_err());
    }
}
