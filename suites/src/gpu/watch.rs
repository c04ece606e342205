//! Watches a device while it works: throttling and repeated packets disturb a sample, and the link
//! is read while it is busy.

use std::cell::RefCell;
use std::collections::BTreeSet;
use vbench::gpu::{self, Fault, Gpu, Monitor, Path, Reading};
use vbench::prelude::*;

/// Bytes that keep a link busy for milliseconds, as long as the drivers take to answer: fewer
/// arrive before anybody has looked.
const UNDER_LOAD: usize = 256 << 20;

/// The state of one device over a launch.
pub struct Watch {
    monitor: Monitor,
    path: Path,
    seen: RefCell<Seen>,
}

#[derive(Default)]
struct Seen {
    links: BTreeSet<String>,
    readings: Vec<Reading>,
}

/// Looks at the device, during one sample.
pub struct Look<'w> {
    watch: &'w Watch,
    readings: RefCell<Vec<Reading>>,
}

impl Look<'_> {
    /// Looks now: call it while the device has work.
    pub fn now(&self) {
        self.readings.borrow_mut().push(self.watch.monitor.read());
    }

    /// Does `work`, which moves `bytes`, while another thread looks at the device and at every
    /// link on its path. What is kept was seen from beginning to end during the work.
    pub fn during<T>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        if bytes < UNDER_LOAD {
            return work();
        }
        let (path, monitor) = (&self.watch.path, &self.watch.monitor);
        let look = || (path.describe(&Machine::current().host), monitor.read());
        let (given, seen) = gpu::watched(look, work);
        if let Some((mut text, reading)) = seen {
            if let Some(told) = &reading.link {
                text.push_str(&format!(", the driver says {told}"));
            }
            self.readings.borrow_mut().push(reading);
            self.watch.seen.borrow_mut().links.insert(text);
        }
        given
    }

    /// The last state that was seen.
    pub fn last(&self) -> Reading {
        self.readings.borrow().last().cloned().unwrap_or_default()
    }
}

impl Watch {
    /// Notes what the device is and how it is set up.
    pub fn over(b: &mut Bencher, gpu: &Gpu) -> Self {
        let identity = gpu.identity();
        let monitor = gpu.monitor();
        b.fact("gpu", identity.name.as_str());
        b.fact("gpu_pci", identity.pci.as_str());
        b.fact("gpu_architecture", identity.architecture.as_str());
        b.fact("api", gpu.driver().api().to_string());
        let host = &Machine::current().host;
        match vbench::gpu::node(host, &identity.pci) {
            Ok(node) => b.fact("gpu_node", node),
            Err(why) => b.fact("gpu_node", format!("unknown: {why}")),
        }
        for (name, value) in monitor.settings() {
            let value = value.unwrap_or_else(|why| format!("unknown: {why}"));
            b.fact(&format!("gpu_{name}"), value);
        }
        Self { monitor, path: Path::of(host, &identity.pci), seen: RefCell::default() }
    }

    /// Samples of `f`, each marked where the device was slowed down.
    pub fn samples<M: Metrics>(
        &self,
        b: &mut Bencher,
        mut f: impl FnMut(&Look<'_>) -> Result<M, Fault>,
    ) -> Result<Samples<M>, Stop> {
        let samples = b.try_samples(|timer| {
            let look = Look { watch: self, readings: RefCell::new(vec![self.monitor.read()]) };
            let value = f(&look)?;
            look.readings.borrow_mut().push(self.monitor.read());
            let readings = look.readings.into_inner();
            let pairs = readings.iter().zip(readings.iter().skip(1));
            if let Some(why) = pairs.filter_map(|(from, to)| from.disturbance(to)).next() {
                timer.disturbed(why);
            }
            self.remember(readings);
            Ok::<_, Fault>(value)
        })?;
        self.tell(b);
        Ok(samples)
    }

    fn remember(&self, readings: Vec<Reading>) {
        self.seen.borrow_mut().readings.extend(readings);
    }

    /// What was seen, as facts: links, the range of clocks, the most power and heat.
    fn tell(&self, b: &mut Bencher) {
        let seen = self.seen.borrow();
        if !seen.links.is_empty() {
            let links: Vec<_> = seen.links.iter().cloned().collect();
            b.fact("link_under_load", links.join(" | "));
        }
        let range = |of: fn(&Reading) -> Option<f64>| {
            let values: Vec<f64> = seen.readings.iter().filter_map(of).collect();
            let least = values.iter().copied().reduce(f64::min)?;
            values.iter().copied().reduce(f64::max).map(|most| (least, most))
        };
        if let Some((least, most)) = range(|reading| reading.clock_hz) {
            b.fact("clock_least_hz", least);
            b.fact("clock_most_hz", most);
        }
        if let Some((_, most)) = range(|reading| reading.power_w) {
            b.fact("power_most_w", most);
        }
        if let Some((_, most)) = range(|reading| reading.celsius) {
            b.fact("temperature_most_c", most);
        }
        let pairs = seen.readings.iter().zip(seen.readings.iter().skip(1));
        if pairs.into_iter().any(|(from, to)| from.is_capped_until(to)) {
            b.fact("power_capped", true);
        }
    }
}

/// Versions of the driver and of the libraries that were used, as facts.
pub fn note_versions(b: &mut Bencher, gpu: &Gpu) {
    for (name, version) in gpu.driver().versions() {
        b.fact(name, version);
    }
}
