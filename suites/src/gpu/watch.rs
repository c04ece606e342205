//! Watches devices while they work: throttling and repeated packets disturb a sample, and links
//! are read while they are busy.

use super::watched::{State, Watched, is_capped};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use vbench::gpu::{self, Fault, Gpu, Monitor, Path, Reading, Times};
use vbench::prelude::*;

/// Bytes that keep a link busy for milliseconds, as long as the drivers take to answer: fewer
/// arrive before anybody has looked.
const UNDER_LOAD: usize = 256 << 20;

/// The state of the devices that work over a launch.
pub struct Watch {
    devices: Vec<Device>,
    seen: RefCell<Seen>,
}

struct Device {
    gpu: Gpu,
    monitor: Monitor,
    path: Path,
}

/// What one look reads: a state of each device.
type Row = Vec<Reading>;

#[derive(Default)]
struct Seen {
    links: BTreeSet<String>,
    rows: Vec<Row>,
}

/// Looks at the devices, during one sample.
pub struct Look<'w> {
    watch: &'w Watch,
    rows: RefCell<Vec<Row>>,
}

impl Look<'_> {
    /// The times of `work`, which calls what it is given once everything is enqueued: the look
    /// that this takes is kept if it ended before the device's work can have, which began no earlier
    /// than this and took its time.
    pub fn once(
        &self,
        work: impl FnOnce(&mut dyn FnMut()) -> Result<Times, Fault>,
    ) -> Result<Times, Fault> {
        let began = Instant::now();
        let mut seen = None;
        let times = work(&mut || seen = Some((self.watch.read(), began.elapsed())))?;
        if let Some((row, ended)) = seen
            && is_during(ended, times.total()?)
        {
            self.rows.borrow_mut().push(row);
        }
        Ok(times)
    }

    /// Does `work`, which moves `bytes`, while other threads look at the devices and at every
    /// link on their paths. What is kept was seen from beginning to end during the work.
    pub fn during<T>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        if bytes < UNDER_LOAD {
            return work();
        }
        let devices = self.watch.devices.as_slice();
        let (given, seen) = gpu::watched(|| under_load(devices), work);
        if let Some(seen) = seen {
            let (links, row): (Vec<_>, Row) = seen.into_iter().unzip();
            self.rows.borrow_mut().push(row);
            self.watch.seen.borrow_mut().links.extend(links);
        }
        given
    }
}

impl Device {
    fn of(gpu: &Gpu) -> Self {
        let host = &Machine::current().host;
        let path = Path::of(host, &gpu.identity().pci);
        Self { gpu: gpu.clone(), monitor: gpu.monitor(), path }
    }

    /// The links on the path as they are now, and the state.
    fn under_load(&self) -> (String, Reading) {
        let mut text = self.path.describe(&Machine::current().host);
        let reading = self.monitor.read();
        if let Some(told) = &reading.link {
            text.push_str(&format!(", the driver says {told}"));
        }
        (text, reading)
    }
}

impl Watch {
    /// Watches one device; notes what it is and how it is set up.
    pub fn over(b: &mut Bencher, gpu: &Gpu) -> Self {
        note_device(b, gpu);
        Self { devices: vec![Device::of(gpu)], seen: RefCell::default() }
    }

    /// Watches all of `gpus`; notes what the first one is and where each of them is.
    ///
    /// # Errors
    /// There is no device.
    pub fn over_all(b: &mut Bencher, gpus: &[Gpu]) -> Result<Self, Skip> {
        let first = gpus.first().ok_or_else(|| Skip::because("no GPU"))?;
        note_device(b, first);
        let devices = gpus.iter().map(|gpu| gpu.identity().pci.as_str());
        b.fact("devices", devices.collect::<Vec<_>>().join(" "));
        let devices = gpus.iter().map(Device::of).collect();
        Ok(Self { devices, seen: RefCell::default() })
    }

    fn read(&self) -> Row {
        self.devices.iter().map(|device| device.monitor.read()).collect()
    }

    /// Samples of `f`, each with the state of the devices, and marked where one was slowed down.
    pub fn samples<M: Metrics>(
        &self,
        b: &mut Bencher,
        mut f: impl FnMut(&Look<'_>) -> Result<M, Fault>,
    ) -> Result<Samples<Watched<M>>, Stop> {
        let samples = b.try_samples(|timer| {
            let look = Look { watch: self, rows: RefCell::new(vec![self.read()]) };
            let measured = f(&look)?;
            let mut rows = look.rows.into_inner();
            rows.push(self.read());
            let during = rows.get(1..rows.len().saturating_sub(1)).unwrap_or_default();
            let state = State::of(during, &rows);
            if let Some(why) = self.disturbance(&rows) {
                timer.disturbed(why);
            }
            self.seen.borrow_mut().rows.extend(rows);
            Ok::<_, Fault>(Watched { measured, state })
        })?;
        self.tell(b);
        Ok(samples)
    }

    /// Why a sample with these looks should not be trusted; of several devices, which one says so.
    fn disturbance(&self, rows: &[Row]) -> Option<String> {
        let steps = rows.iter().zip(rows.iter().skip(1));
        let readings = steps.flat_map(|(from, to)| self.devices.iter().zip(from.iter().zip(to)));
        let mut whys = readings.filter_map(|(device, (from, to))| {
            let why = from.disturbance(to)?;
            Some(if self.devices.len() > 1 { device.told(&why) } else { why })
        });
        whys.next()
    }

    /// What was seen, as facts: versions, links, the range of clocks, the most power and heat.
    fn tell(&self, b: &mut Bencher) {
        for (name, version) in self.devices.iter().take(1).flat_map(|d| d.gpu.driver().versions()) {
            b.fact(name, version);
        }
        let seen = self.seen.borrow();
        if !seen.links.is_empty() {
            let links: Vec<_> = seen.links.iter().cloned().collect();
            b.fact("link_under_load", links.join(" | "));
        }
        let range = |of: fn(&Reading) -> Option<f64>| {
            let values: Vec<f64> = seen.rows.iter().flatten().filter_map(of).collect();
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
        if is_capped(&seen.rows) == Some(true) {
            b.fact("power_capped", true);
        }
    }
}

/// True for a look that `ended` so long after the work was begun, when that took the device
/// `seconds`.
fn is_during(ended: Duration, seconds: f64) -> bool {
    ended.as_secs_f64() < seconds
}

/// Looks at all devices at once: one after the other would outlast what they do.
fn under_load(devices: &[Device]) -> Vec<(String, Reading)> {
    if let [device] = devices {
        return vec![device.under_load()];
    }
    std::thread::scope(|scope| {
        let looks = devices.iter().map(|device| scope.spawn(|| device.under_load()));
        let looks: Vec<_> = looks.collect();
        let seen = looks.into_iter().map(|look| look.join().unwrap_or_default());
        let named = devices.iter().zip(seen);
        named.map(|(device, (text, reading))| (device.told(&text), reading)).collect()
    })
}

impl Device {
    fn told(&self, text: &str) -> String {
        format!("GPU {}: {text}", self.gpu.index())
    }
}

/// What a device is and how it is set up, as facts.
fn note_device(b: &mut Bencher, gpu: &Gpu) {
    let identity = gpu.identity();
    b.fact("gpu", identity.name.as_str());
    b.fact("gpu_pci", identity.pci.as_str());
    b.fact("gpu_architecture", identity.architecture.as_str());
    b.fact("api", gpu.driver().api().to_string());
    match gpu::node(&Machine::current().host, &identity.pci) {
        Ok(node) => b.fact("gpu_node", node),
        Err(why) => b.fact("gpu_node", format!("unknown: {why}")),
    }
    for (name, value) in gpu.monitor().settings() {
        let value = value.unwrap_or_else(|why| format!("unknown: {why}"));
        b.fact(&format!("gpu_{name}"), value);
    }
}

#[cfg(test)]
mod tests {
    use super::is_during;
    use std::time::Duration;

    #[test]
    fn a_look_that_may_have_outlasted_the_work_says_nothing_of_it() {
        assert!(is_during(Duration::from_millis(5), 0.15));
        assert!(!is_during(Duration::from_millis(5), 0.001));
    }
}
