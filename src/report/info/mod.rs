//! `vbench info`: the machine on one screen, as `lscpu`, `numactl --hardware` and `lstopo` would
//! show it together, with what is unknown and why.

mod devices;
mod layout;
mod machine;
mod unknowns;

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
        return format!("unknown: {}", view.reason("gpu.count").unwrap_or("not asked"));
    };
    let mut models: BTreeMap<String, usize> = BTreeMap::new();
    for gpu in 0..number {
        *models.entry(devices::model(view, gpu)).or_default() += 1;
    }
    let models: Vec<_> = models.iter().map(|(model, count)| format!("{count} x {model}")).collect();
    if models.is_empty() { "none".to_owned() } else { models.join(", ") }
}
