//! The environment: what is known about the machine, fact by fact, each with its source.
//!
//! A probe is a small function that reads a [`Host`] and adds facts. A fact that cannot be read is
//! there with its reason. Crates add probes of their own:
//!
//! ```
//! use vbench::environment::{Facts, Probe};
//! use vbench::host::Host;
//!
//! fn load(host: &Host, facts: &mut Facts) {
//!     facts.add("mine.load", "/proc/loadavg", host.read("/proc/loadavg"));
//! }
//!
//! vbench::environment::inventory::submit!(Probe { name: "mine.load", run: load });
//! # fn main() {}
//! ```

mod capture;
mod cpu;
mod gpu;
mod kernel;
mod memory;
mod numa;
mod pci;
mod reading;
mod system;
mod virtualization;

pub use self::capture::{
    CaptureError, CaptureSummary, capture, capture_of, capture_redacted, capture_redacted_of,
};
pub use self::gpu::under_load as gpus_under_load;
pub use self::pci::NO_NODE;
pub use self::system::system_name;
#[doc(no_inline)]
pub use inventory;

use crate::host::{Host, Unreadable};
use crate::topology::Topology;
use std::collections::btree_map::Entry;
use std::panic::{AssertUnwindSafe, catch_unwind};
use vbench_results::{Environment, Fact, Reading, Value};

/// Reads some facts.
pub struct Probe {
    /// Its name, by which probes are sorted.
    pub name: &'static str,
    /// What it does.
    pub run: fn(&Host, &mut Facts),
}

inventory::collect!(Probe);

static PROBES: &[Probe] = &[
    Probe { name: "cpu.clock", run: cpu::clock },
    Probe { name: "cpu.identity", run: cpu::identity },
    Probe { name: "cpu.isolation", run: cpu::isolation },
    Probe { name: "cpu.steal", run: cpu::steal },
    Probe { name: "cpu.topology", run: cpu::topology },
    Probe { name: "cpu.vulnerabilities", run: cpu::vulnerabilities },
    Probe { name: "gpu", run: gpu::gpus },
    Probe { name: "kernel.clock", run: kernel::clock },
    Probe { name: "kernel.identity", run: kernel::identity },
    Probe { name: "kernel.settings", run: kernel::settings },
    Probe { name: "memory.limits", run: memory::limits },
    Probe { name: "memory.pages", run: memory::pages },
    Probe { name: "memory.size", run: memory::size },
    Probe { name: "numa", run: numa::nodes },
    Probe { name: "virt.cgroup", run: virtualization::cgroup },
    Probe { name: "virt.dmi", run: virtualization::dmi },
    Probe { name: "virt.hypervisor", run: virtualization::hypervisor },
];

/// Facts in the making, and the topology that many of them are read from.
pub struct Facts {
    environment: Environment,
    topology: Topology,
}

impl Facts {
    fn new(topology: Topology) -> Self {
        Self { environment: Environment::default(), topology }
    }

    /// The topology of the machine that is probed.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Adds a fact, or the reason why it is not known. A later fact of the same name replaces it.
    pub fn add<V: Into<Value>>(
        &mut self,
        name: impl Into<String>,
        source: impl Into<String>,
        read: Result<V, Unreadable>,
    ) -> Marks<'_> {
        let reading = match read {
            Ok(value) => Reading::Value(value.into()),
            Err(why) => Reading::Unknown(why.to_string()),
        };
        let fact = Fact { reading, source: source.into(), stable: false, identifying: false };
        match self.environment.facts.entry(name.into()) {
            Entry::Vacant(place) => Marks(place.insert(fact)),
            Entry::Occupied(mut place) => {
                place.insert(fact);
                Marks(place.into_mut())
            }
        }
    }
}

/// What is said about a fact after it was added.
pub struct Marks<'a>(&'a mut Fact);

impl Marks<'_> {
    /// It identifies the machine and its layout, and does not change between runs by itself.
    pub fn stable(self) -> Self {
        self.0.stable = true;
        self
    }

    /// It names a person, host, address or serial number.
    pub fn identifying(self) -> Self {
        self.0.identifying = true;
        self
    }
}

/// Every fact that the probes of this program find, built-in and added ones.
pub fn probe(host: &Host) -> Environment {
    let mut probes: Vec<_> = PROBES.iter().chain(inventory::iter::<Probe>).collect();
    probes.sort_by_key(|probe| probe.name);
    let mut facts = Facts::new(Topology::read(host));
    for probe in probes {
        // A probe that somebody added must not take the run down with it.
        let ran = catch_unwind(AssertUnwindSafe(|| (probe.run)(host, &mut facts)));
        if ran.is_err() {
            let why = Err::<bool, _>(Unreadable::because("the probe panicked"));
            facts.add(format!("probe.{}", probe.name), "vbench", why);
        }
    }
    facts.environment
}

#[cfg(test)]
mod tests {
    use super::{Facts, PROBES, Probe, probe};
    use crate::host::{Host, Unreadable};
    use vbench_results::{Reading, Value};

    fn faulty(_: &Host, facts: &mut Facts) {
        facts.add("test.before", "test", Ok(1_u32));
        assert!(facts.topology().cpus.len() > 1 << 20, "a fault on purpose");
    }

    inventory::submit!(Probe { name: "test.faulty", run: faulty });

    #[test]
    fn added_probes_run_and_may_panic() {
        let environment = probe(&Host::of(&[]));
        assert_eq!(environment.value("test.before"), Some(&Value::Integer(1)));
        let panicked = &environment.facts["probe.test.faulty"].reading;
        assert_eq!(panicked, &Reading::Unknown("the probe panicked".to_owned()));
    }

    #[test]
    fn probes_are_sorted_and_unique() {
        assert!(PROBES.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn nothing_to_read_means_unknown_with_reasons() {
        let environment = probe(&Host::of(&[]));
        let unknown = |name: &str| match &environment.facts[name].reading {
            Reading::Unknown(reason) => reason.clone(),
            Reading::Value(value) => panic!("{name} = {value}"),
        };
        for name in ["cpu.model", "cpu.count.online", "numa.nodes", "memory.total"] {
            assert_eq!(unknown(name), "no such file", "{name}");
        }
        assert_eq!(unknown("gpu.count"), "/sys is hidden here, so there may be some");
        assert!(environment.facts.values().all(|fact| !fact.source.is_empty()));
    }

    #[test]
    fn a_later_fact_replaces_an_earlier_one() {
        let mut facts = Facts::new(super::Topology::default());
        facts.add("a", "first", Err::<u32, _>(Unreadable::because("late"))).stable();
        facts.add("a", "second", Ok(2_u32));
        let fact = &facts.environment.facts["a"];
        assert_eq!((fact.source.as_str(), fact.stable), ("second", false));
    }
}
