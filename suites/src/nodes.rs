//! Memory nodes: which there are, which CPUs are theirs, and whether memory lies as it was asked.

use crate::claims;
use vbench::prelude::*;

/// The memory nodes of a machine that has several.
pub struct Nodes {
    /// Node and its CPUs, nodes without memory included.
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
        let all = claims::cpus_of_nodes();
        match claims::nodes().len() {
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

/// Ids of the nodes that have CPUs, as an axis; those without memory of their own too.
pub fn cpu_ids() -> Vec<usize> {
    claims::cpu_nodes()
}

/// Each policy that can differ here, as an axis: one node has one place for all memory.
pub fn policies() -> Vec<Policy> {
    let ids = ids();
    let each = |of: fn(usize) -> Policy| ids.iter().copied().map(of).collect::<Vec<_>>();
    let (bound, preferred) = (each(Policy::Bind), each(Policy::Preferred));
    [vec![Policy::FirstTouch, Policy::Interleave], bound, preferred].concat()
}

/// Ids of the memory nodes; the number 0 stands for all memory where the kernel lists none.
pub fn memory_ids() -> Vec<usize> {
    let ids = ids();
    if ids.is_empty() { vec![0] } else { ids }
}

/// The policy that keeps memory on a node: the system's own where there is no other node.
pub fn bound_to(node: usize) -> Policy {
    if claims::nodes().len() > 1 { Policy::Bind(node) } else { Policy::FirstTouch }
}

/// Share of huge pages from which a buffer counts as lying in them.
const HUGE: f64 = 0.9;

/// Interleaved memory is even when each node has its part of the pages within this share of all.
const EVEN: f64 = 0.1;
/// Fewer pages of each node show nothing of that.
const PAGES_OF_EACH: usize = 8;

/// What is wrong with where the memory lies; nothing where that is not known. `roomy` says of a
/// node that it has room left, so that nothing forced memory elsewhere.
fn misplaced(
    policy: Policy,
    effective: &Effective,
    nodes: &[usize],
    roomy: impl Fn(usize) -> bool,
) -> Option<String> {
    let placed = effective.nodes.as_ref().ok()?;
    match policy {
        Policy::FirstTouch => None,
        Policy::Bind(node) => effective.on_node(node).err(),
        Policy::Preferred(node) if roomy(node) => effective.on_node(node).err(),
        Policy::Preferred(_) => None,
        Policy::Interleave => {
            let total: usize = placed.values().sum();
            let even = 1.0 / nodes.len().max(1) as f64;
            let share =
                |node: &usize| placed.get(node).copied().unwrap_or(0) as f64 / total.max(1) as f64;
            let shown = total >= PAGES_OF_EACH * nodes.len() && effective.huge == Ok(0.0);
            let uneven = |node: &&usize| (share(node) - even).abs() > EVEN;
            let told = nodes
                .iter()
                .find(uneven)
                .filter(|_| shown && nodes.iter().all(|node| roomy(*node)))?;
            Some(format!(
                "node {told} has {:.0}% of the pages of memory that is interleaved over {} nodes",
                100.0 * share(told),
                nodes.len()
            ))
        }
    }
}

/// Notes where the memory lies, fails when it lies elsewhere than asked though there was room, and
/// skips when the system did not give what was asked, so that no number carries a wrong label.
///
/// # Errors
/// The policy was refused, as containers do, or the huge pages did not come.
pub fn note_placement(
    b: &mut Bencher,
    pages: Pages,
    policy: Policy,
    effective: &Effective,
) -> Result<(), Skip> {
    b.fact("placement", effective.to_string());
    effective.policy.clone().map_err(Skip::because)?;
    let wrong = misplaced(policy, effective, &ids(), claims::half_empty);
    b.check(wrong.is_none(), wrong.unwrap_or_default());
    match effective.huge {
        Ok(share) if pages == Pages::Thp && share < HUGE => Err(Skip::because(format!(
            "asked for transparent huge pages, and {:.0}% of the memory came in them",
            100.0 * share
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Nodes, misplaced, note_placement};
    use std::collections::BTreeMap;
    use vbench::bencher::Settings;
    use vbench::prelude::*;

    fn noted(pages: Pages, policy: Policy, effective: &Effective) -> Result<(), Skip> {
        let profile = Profile::Smoke;
        let settings = Settings { profile, effort: profile.effort(), seed: 1 };
        note_placement(&mut Bencher::new(settings), pages, policy, effective)
    }

    #[test]
    fn a_placement_that_did_not_come_is_a_skip() {
        let mut effective =
            Effective { nodes: Err("not permitted".into()), huge: Ok(0.03), policy: Ok(()) };
        assert_eq!(noted(Pages::Default, Policy::Bind(0), &effective), Ok(()));
        let skip = noted(Pages::Thp, Policy::FirstTouch, &effective).unwrap_err();
        assert!(skip.reason().contains("3% of the memory"), "{skip}");
        effective.policy = Err("memory policy bind:0: not permitted".into());
        assert!(noted(Pages::Default, Policy::Bind(0), &effective).is_err());
    }

    #[test]
    fn memory_elsewhere_than_asked_is_wrong_where_there_was_room() {
        let on = |first: usize, second: usize| Effective {
            nodes: Ok(BTreeMap::from([(0, first), (1, second)])),
            huge: Ok(0.0),
            policy: Ok(()),
        };
        let wrong = |policy, effective: &Effective, roomy: bool| {
            misplaced(policy, effective, &[0, 1], |_| roomy)
        };
        assert!(wrong(Policy::Bind(0), &on(63, 1), false).is_some());
        assert!(
            wrong(Policy::Preferred(0), &on(63, 1), true).is_some_and(|w| w.contains("node 1"))
        );
        assert_eq!(wrong(Policy::Preferred(0), &on(63, 1), false), None, "it was full");
        assert_eq!(wrong(Policy::FirstTouch, &on(3, 61), true), None);
        assert_eq!(wrong(Policy::Interleave, &on(34, 30), true), None);
        let uneven = wrong(Policy::Interleave, &on(48, 16), true);
        assert!(uneven.is_some_and(|wrong| wrong.contains("node 0 has 75%")));
        assert_eq!(wrong(Policy::Interleave, &on(48, 16), false), None);
        assert_eq!(wrong(Policy::Interleave, &on(3, 1), true), None, "too few pages");
        let huge = Effective { huge: Ok(1.0), ..on(48, 16) };
        assert_eq!(wrong(Policy::Interleave, &huge, true), None);
    }

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
