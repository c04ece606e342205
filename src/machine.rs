//! What a benchmark may ask about where it runs: the host, its topology, and the profile.

use crate::host::Host;
use crate::profile::Profile;
use crate::topology::Topology;
use std::sync::OnceLock;

/// The machine that axes and resources look at.
pub struct Machine {
    /// Where files are read.
    pub host: Host,
    /// CPUs, caches, nodes.
    pub topology: Topology,
    /// How long this run may take; axes may have more values in longer profiles.
    pub profile: Profile,
}

static CURRENT: OnceLock<Machine> = OnceLock::new();

impl Machine {
    /// Reads the topology of `host`.
    pub fn new(host: Host, profile: Profile) -> Self {
        let topology = Topology::read(&host);
        Self { host, topology, profile }
    }

    /// The machine of this process: set once at start-up, else the live one in the quick profile.
    pub fn current() -> &'static Self {
        CURRENT.get_or_init(|| Self::new(Host::live(), Profile::Quick))
    }

    /// Sets the machine of this process. Only the first call, before any [`Machine::current`],
    /// has an effect.
    pub fn install(self) -> &'static Self {
        CURRENT.get_or_init(|| self)
    }
}
