//! CPUs: socket, die, core, hardware threads, top clock.

use super::{Node, ids, number};
use crate::host::Host;
use std::collections::BTreeMap;

const ROOT: &str = "/sys/devices/system/cpu";

/// A CPU that is online: one hardware thread.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cpu {
    /// Its number.
    pub id: usize,
    /// Physical package (socket). Not the same as the node.
    pub package: Option<usize>,
    /// Die within the package.
    pub die: Option<usize>,
    /// Core, unique within package and die only.
    pub core: Option<usize>,
    /// All threads of its core, itself included; empty when not known.
    pub siblings: Vec<usize>,
    /// Memory node.
    pub node: Option<usize>,
    /// Number of its last-level cache among [`super::Topology::llcs`].
    pub llc: Option<usize>,
    /// Highest clock in Hz; guests seldom see one.
    pub max_frequency: Option<u64>,
}

/// The CPUs that are online: as sysfs says, else procfs, else at least those we may use.
pub(super) fn read(host: &Host, allowed: &[usize]) -> Vec<Cpu> {
    let described = from_cpuinfo(host);
    let online = ids(host, &format!("{ROOT}/online")).filter(|online| !online.is_empty());
    let online = online.unwrap_or_else(|| {
        let named = described.keys().copied().collect::<Vec<_>>();
        if named.is_empty() { allowed.to_vec() } else { named }
    });
    let folders = host.list(ROOT).unwrap_or_default();
    let mut cpus: Vec<_> = online
        .into_iter()
        .map(|id| {
            let name = format!("cpu{id}");
            // Most ids of a damaged list have no folder: do not ask for its files one by one.
            let cpu = folders.binary_search(&name).ok().map(|_| from_sysfs(host, id));
            let cpu = cpu.filter(|cpu| cpu.core.is_some() || !cpu.siblings.is_empty());
            cpu.or_else(|| described.get(&id).cloned()).unwrap_or(Cpu { id, ..Cpu::default() })
        })
        .collect();
    derive_siblings(&mut cpus);
    cpus
}

fn from_sysfs(host: &Host, id: usize) -> Cpu {
    let dir = format!("{ROOT}/cpu{id}");
    let topology = |file: &str| number(host, &format!("{dir}/topology/{file}"));
    let frequency = number::<u64>(host, &format!("{dir}/cpufreq/cpuinfo_max_freq"));
    let siblings = ids(host, &format!("{dir}/topology/thread_siblings_list"));
    Cpu {
        id,
        package: topology("physical_package_id"),
        die: topology("die_id"),
        core: topology("core_id"),
        siblings: siblings.filter(|list| list.contains(&id)).unwrap_or_default(),
        node: None,
        llc: None,
        // The file counts in kHz.
        max_frequency: frequency.map(|khz| khz.saturating_mul(1000)),
    }
}

/// What x86 kernels print, by id; other architectures give the ids alone.
fn from_cpuinfo(host: &Host) -> BTreeMap<usize, Cpu> {
    let text = host.read("/proc/cpuinfo").unwrap_or_default();
    let blocks = text.split("\n\n").filter_map(|block| {
        let field = |name: &str| {
            let fields = block.lines().filter_map(|line| line.split_once(':'));
            let mut named = fields.filter(|(key, _)| key.trim() == name);
            named.next()?.1.trim().parse::<usize>().ok()
        };
        let (id, package, core) = (field("processor")?, field("physical id"), field("core id"));
        Some((id, Cpu { id, package, core, ..Cpu::default() }))
    });
    blocks.collect()
}

/// Threads with the same package and core are siblings, where no file says so itself.
fn derive_siblings(cpus: &mut [Cpu]) {
    let mut cores: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    let place = |cpu: &Cpu| Some((cpu.package?, cpu.die, cpu.core?));
    for cpu in cpus.iter() {
        if let Some(core) = place(cpu) {
            cores.entry(core).or_default().push(cpu.id);
        }
    }
    for cpu in cpus.iter_mut().filter(|cpu| cpu.siblings.is_empty()) {
        cpu.siblings = place(cpu).and_then(|core| cores.get(&core).cloned()).unwrap_or_default();
    }
}

/// Puts every CPU on the node that lists it.
pub(super) fn place(cpus: &mut [Cpu], nodes: &[Node]) {
    let of: BTreeMap<_, _> =
        nodes.iter().flat_map(|node| node.cpus.iter().map(|cpu| (*cpu, node.id))).collect();
    for cpu in cpus {
        cpu.node = of.get(&cpu.id).copied();
    }
}
