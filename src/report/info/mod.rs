//! `vbench info`: the machine on one screen, as `lscpu`, `numactl --hardware` and `lstopo` would
//! show it together, with what is unknown and why.

mod devices;
mod layout;
mod machine;
mod measured;
mod unknowns;

pub use self::measured::measured;

use self::layout::{Page, bytes, count};
use crate::topology::Topology;
use std::collections::BTreeMap;
use vbench_results::{Environment, Reading, Value};

/// The machine as plain text, `width` columns wide.
pub fn render(environment: &Environment, topology: &Topology, width: usize) -> String {
    let view = View { environment, topology };
    let mut page = Page::new(width);
    headline(&view, &mut page);
    machine::topology(&view, &mut page);
    machine::nodes(&view, &mut page);
    machine::distances(&view, &mut page);
    machine::caches(&view, &mut page);
    machine::memory(&view, &mut page);
    machine::kernel(&view, &mut page);
    machine::limits(&view, &mut page);
    devices::gpus(&view, &mut page);
    unknowns::unknowns(&view, &mut page);
    page.finish()
}

/// The machine in one line: `28 CPUs, 1 node, 896 GiB, 7 x NVIDIA H200`.
pub fn line(environment: &Environment, topology: &Topology) -> String {
    let view = View { environment, topology };
    let some = |number: usize, noun: &str| (number > 0).then(|| count(number, noun));
    let gpus = match view.integer("gpu.count") {
        None => view.reason("gpu.count").map(|_| "GPUs unknown".to_owned()),
        Some(_) => Some(gpu_models(&view)).filter(|models| models != "none"),
    };
    let parts = [
        some(topology.cpus.len(), "CPU"),
        some(topology.nodes.len(), "node"),
        view.size("memory.total"),
        gpus,
    ];
    let known: Vec<String> = parts.into_iter().flatten().collect();
    if known.is_empty() { "nothing is known of this machine".to_owned() } else { known.join(", ") }
}

/// What is shown, and ways to ask for it.
struct View<'a> {
    environment: &'a Environment,
    topology: &'a Topology,
}

impl View<'_> {
    /// A known fact as text.
    fn text(&self, name: &str) -> Option<String> {
        self.environment.value(name).map(Value::to_string)
    }

    /// A known fact as text, else a question mark.
    fn or_unknown(&self, name: &str) -> String {
        self.text(name).unwrap_or_else(|| "?".to_owned())
    }

    /// A known whole number.
    fn integer(&self, name: &str) -> Option<i64> {
        match self.environment.value(name) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// A known size.
    fn size(&self, name: &str) -> Option<String> {
        self.integer(name).and_then(|size| u64::try_from(size).ok()).map(bytes)
    }

    /// Why a fact is not known.
    fn reason(&self, name: &str) -> Option<&str> {
        match &self.environment.facts.get(name)?.reading {
            Reading::Unknown(reason) => Some(reason),
            Reading::Value(_) => None,
        }
    }
}

/// Processor, shape, memory; what runs the machine; its GPUs.
fn headline(view: &View<'_>, page: &mut Page) {
    let model = view.text("cpu.model").unwrap_or_else(|| "unknown CPU".to_owned());
    let cpus = view.topology.cpus.len();
    let shape = || {
        let part = |name: &str, noun: &str| Some(count(view.integer(name)?.try_into().ok()?, noun));
        let sockets = part("cpu.sockets", "socket")?;
        let cores = part("cpu.cores_per_socket", "core")?;
        let threads = part("cpu.threads_per_core", "thread")?;
        Some(format!("{sockets} x {cores} x {threads} = {}", count(cpus, "CPU")))
    };
    let cpus = (cpus > 0).then(|| shape().unwrap_or_else(|| count(cpus, "CPU")));
    let nodes = view.topology.nodes.len();
    let nodes = (nodes > 0).then(|| count(nodes, "node"));
    let parts: Vec<_> = [cpus, nodes, view.size("memory.total")].into_iter().flatten().collect();
    page.paragraph(0, 2, &model);
    page.paragraph(0, 2, &parts.join(", "));
    let virt = view.text("virt.hypervisor").map(|hypervisor| match hypervisor.as_str() {
        "none" => "no hypervisor".to_owned(),
        name => format!("{name} guest"),
    });
    let machine = view.text("virt.machine");
    let container = view.text("virt.container").filter(|container| container != "none");
    let container = container.map(|container| format!("{container} container"));
    let kernel = view.text("kernel.release").map(|release| format!("Linux {release}"));
    let parts: Vec<_> = [virt, machine, container, kernel].into_iter().flatten().collect();
    page.paragraph(0, 2, &parts.join(", "));
    page.paragraph(0, 2, &format!("GPUs: {}", gpu_models(view)));
}

/// "2 x NVIDIA H200", "none", or why nobody knows.
fn gpu_models(view: &View<'_>) -> String {
    let Some(number) = view.integer("gpu.count") else {
        return format!("unknown ({})", view.reason("gpu.count").unwrap_or("not asked"));
    };
    let mut models: BTreeMap<String, usize> = BTreeMap::new();
    for gpu in 0..number {
        *models.entry(devices::model(view, gpu)).or_default() += 1;
    }
    let models: Vec<_> = models.iter().map(|(model, count)| format!("{count} x {model}")).collect();
    if models.is_empty() { "none".to_owned() } else { models.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::environment::probe;
    use crate::host::Host;
    use crate::topology::Topology;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use vbench_results::Environment;

    #[test]
    fn two_thousand_cpus_fit_the_page() {
        let root = "file /sys/devices/system/cpu";
        let mut files = vec![(format!("{root}/online"), b"0-2047".to_vec())];
        for cpu in 0..2048 {
            let mut file = |name: &str, text: String| {
                files.push((format!("{root}/cpu{cpu}/{name}"), text.into_bytes()));
            };
            file("topology/physical_package_id", (cpu / 1024).to_string());
            file("topology/core_id", (cpu % 1024).to_string());
            file("topology/thread_siblings_list", cpu.to_string());
            file("cache/index3/level", "3".to_owned());
            file("cache/index3/type", "Unified".to_owned());
            file("cache/index3/size", "32768K".to_owned());
            let first = cpu / 8 * 8;
            file("cache/index3/shared_cpu_list", format!("{first}-{}", first + 7));
        }
        let topology = Topology::read(&Host::of_bytes(files));
        assert_eq!(topology.cpus.len(), 2048);
        assert_eq!(topology.llc_total_bytes(), Some(256 * (32 << 20)));
        assert_eq!(topology.cpu(2047).and_then(|cpu| cpu.llc), Some(255));
        let text = render(&Environment::default(), &topology, 80);
        assert!(text.contains("0-127 (32 MiB each)"), "{text}");
    }

    /// The files of a stored machine, as a base for damage.
    fn files() -> BTreeMap<String, String> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hosts/four-node-smt/capture.json");
        let text = std::fs::read(path).expect("a fixture");
        let manifest: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        let answers = manifest["answers"].as_object().expect("answers");
        let owned = |text: &serde_json::Value| text.as_str().expect("text").to_owned();
        answers.iter().map(|(key, text)| (key.clone(), owned(text))).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn damaged_files_never_panic(
            noise in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..48), 64),
            share in 1_usize..8,
        ) {
            let damaged = files().into_iter().enumerate().map(|(i, (key, text))| {
                let damage = i % share == 0;
                (key, if damage { noise[i % noise.len()].clone() } else { text.into_bytes() })
            });
            let host = Host::of_bytes(damaged.collect());
            let environment = probe(&host);
            let faults = environment.facts.keys().filter(|name| name.starts_with("probe."));
            prop_assert_eq!(faults.count(), 1, "only the probe that is made to panic");
            let topology = Topology::read(&host);
            let text = render(&environment, &topology, 80);
            prop_assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
        }
    }
}
