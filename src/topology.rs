//! The claimed topology: CPUs, caches, nodes.

use crate::host::Host;

/// CPUs, caches and memory nodes as the kernel describes them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Topology {
    /// CPUs this process may use, ascending.
    pub allowed: Vec<usize>,
}

impl Topology {
    /// Reads the topology of `host`.
    pub fn read(_: &Host) -> Self {
        Self { allowed: crate::host::affinity::allowed_cpus().unwrap_or_default() }
    }
}
