//! The link of a device to the host, read while something is copied: idle links slow down, so a
//! link says nothing before and after.

use super::{Fault, Gpu};
use crate::host::{Host, cpulist};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const DEVICES: &str = "/sys/bus/pci/devices";

/// Speed and width of a link as sysfs tells them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// Such as `32.0 GT/s PCIe`.
    pub speed: String,
    /// Lanes.
    pub width: u32,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x{}", self.speed.trim_end_matches(" PCIe"), self.width)
    }
}

/// The folders of a device and of every bridge above it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path {
    levels: Vec<(String, String)>,
}

impl Path {
    /// The path of the device at `pci` up to the root; only the device where the tree is hidden.
    pub fn of(host: &Host, pci: &str) -> Self {
        let listed = format!("{DEVICES}/{pci}");
        let dir = host.canonical(&listed).unwrap_or(listed);
        let mut levels = Vec::new();
        let mut rest = dir.as_str();
        while let Some((above, name)) = rest.rsplit_once('/') {
            if name.matches(':').count() != 2 {
                break;
            }
            levels.push((name.to_owned(), rest.to_owned()));
            rest = above;
        }
        Self { levels }
    }

    /// The link at every level that tells one, the device's own first.
    pub fn read(&self, host: &Host) -> Vec<(String, Link)> {
        let link = |dir: &str| {
            let speed = host.read(&format!("{dir}/current_link_speed")).ok()?.trim().to_owned();
            let width =
                host.read(&format!("{dir}/current_link_width")).ok()?.trim().parse().ok()?;
            let told = speed.contains("GT/s") && (1..=32).contains(&width);
            told.then_some(Link { speed, width })
        };
        let known = self.levels.iter().filter_map(|(name, dir)| Some((name.clone(), link(dir)?)));
        known.collect()
    }

    /// The whole path in one line: `32.0 GT/s x16 < 0000:00:01.0 16.0 GT/s x16`.
    pub fn describe(&self, host: &Host) -> String {
        let links = self.read(host);
        let own = self.levels.first().map(|(name, _)| name);
        let text = links.iter().map(|(name, link)| match Some(name) == own {
            true => link.to_string(),
            false => format!("{name} {link}"),
        });
        match links.is_empty() {
            true => "unknown: no port on the path tells a link".to_owned(),
            false => text.collect::<Vec<_>>().join(" < "),
        }
    }
}

/// Between two looks: short beside the milliseconds that a look at a busy link needs.
const PAUSE: Duration = Duration::from_millis(1);

/// What `work` gives, and the last of the looks that another thread took from beginning to end
/// while it ran; none where it ended before.
pub fn watched<L: Send, T>(
    look: impl Fn() -> L + Sync,
    work: impl FnOnce() -> T,
) -> (T, Option<L>) {
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| last_before(&ended, &look));
        let given = {
            // Also a panic must end the looks.
            let _end = Ending(&ended);
            work()
        };
        (given, watcher.join().ok().flatten())
    })
}

fn last_before<L>(ended: &AtomicBool, look: &impl Fn() -> L) -> Option<L> {
    let mut last = None;
    while !ended.load(Ordering::Acquire) {
        let seen = look();
        if !ended.load(Ordering::Acquire) {
            last = Some(seen);
        }
        std::thread::sleep(PAUSE);
    }
    last
}

struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Bytes of a copy, and copies, that keep a link busy for tens of milliseconds.
const BYTES: usize = 64 << 20;
const COPIES: usize = 32;

/// The path's links while pinned memory is copied to the device for a moment.
///
/// # Errors
/// What the driver says, or that nothing was seen in time.
pub fn under_load(gpu: &Gpu, host: &Host) -> Result<String, Fault> {
    let path = Path::of(host, &gpu.identity().pci);
    let (from, to) = (gpu.pinned(BYTES)?, gpu.memory(BYTES)?);
    let copies =
        || gpu.batch(0, |queue| (0..COPIES).try_for_each(|_| queue.upload(&to, &from, BYTES)));
    let (copied, seen) = watched(|| path.describe(host), copies);
    copied?;
    seen.ok_or_else(|| Fault::Failed("the copies ended before anybody looked".to_owned()))
}

/// The memory node that the firmware puts the device at `pci` on.
///
/// # Errors
/// It names none (-1), or the file cannot be read.
pub fn node(host: &Host, pci: &str) -> Result<usize, String> {
    let file = format!("{DEVICES}/{pci}/numa_node");
    let text = host.read(&file).map_err(|why| format!("{file}: {}", why.reason()))?;
    let told = text.trim().parse::<i64>().map_err(|_| format!("{file}: {text:?} is no number"))?;
    usize::try_from(told).map_err(|_| format!("the firmware names no node ({file} is {told})"))
}

/// The CPUs near the device at `pci`.
///
/// # Errors
/// The file cannot be read.
pub fn near_cpus(host: &Host, pci: &str) -> Result<Vec<usize>, String> {
    let file = format!("{DEVICES}/{pci}/local_cpulist");
    let text = host.read(&file).map_err(|why| format!("{file}: {}", why.reason()))?;
    cpulist::parse(text.trim()).map_err(|error| format!("{file}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::{Path, near_cpus, node, under_load, watched};
    use crate::gpu::stub::Stub;
    use crate::gpu::{Driver, gpus};
    use crate::host::Host;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const DIR: &str = "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0";

    fn host() -> Host {
        let files: Vec<(String, &str)> = vec![
            (
                "link /sys/bus/pci/devices/0000:01:00.0".into(),
                "../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0",
            ),
            (format!("file {DIR}/current_link_speed"), "32.0 GT/s PCIe\n"),
            (format!("file {DIR}/current_link_width"), "16\n"),
            (
                "file /sys/devices/pci0000:00/0000:00:01.0/current_link_speed".into(),
                "16.0 GT/s PCIe\n",
            ),
            ("file /sys/devices/pci0000:00/0000:00:01.0/current_link_width".into(), "8\n"),
            (format!("file {DIR}/numa_node"), "-1\n"),
        ];
        let files: Vec<(&str, &str)> =
            files.iter().map(|(key, text)| (key.as_str(), *text)).collect();
        Host::of(&files)
    }

    #[test]
    fn every_port_on_the_path_tells_its_link() {
        let host = host();
        let path = Path::of(&host, "0000:01:00.0");
        assert_eq!(path.describe(&host), "32.0 GT/s x16 < 0000:00:01.0 16.0 GT/s x8");
    }

    #[test]
    fn the_last_look_during_the_work_is_kept_and_none_of_after() {
        let looks = AtomicUsize::new(0);
        let work = || {
            while looks.load(Ordering::Relaxed) < 3 {
                std::thread::yield_now();
            }
            "done"
        };
        let (given, seen) = watched(|| looks.fetch_add(1, Ordering::Relaxed), work);
        assert_eq!(given, "done");
        // The third look may have ended after the work: then the second is the last.
        assert!(seen.is_some_and(|look| look >= 1), "{seen:?}");
        let failing =
            std::panic::catch_unwind(|| watched(|| (), || -> u32 { panic!("the copy failed") }));
        assert!(failing.is_err(), "a panic ends the looks and goes on");
    }

    #[test]
    fn a_link_is_looked_at_while_a_device_copies() {
        let driver: Arc<dyn Driver> = Arc::new(Stub::with_devices(1));
        let gpu = gpus(&driver).unwrap().remove(0);
        let text = under_load(&gpu, &host()).unwrap();
        assert_eq!(text, "32.0 GT/s x16 < 0000:00:01.0 16.0 GT/s x8");
    }

    #[test]
    fn hidden_links_are_unknown() {
        let nothing = Host::of(&[]);
        let text = Path::of(&nothing, "0000:01:00.0").describe(&nothing);
        assert!(text.starts_with("unknown"), "{text}");
        assert!(node(&nothing, "0000:01:00.0").unwrap_err().contains("numa_node"));
        assert!(near_cpus(&nothing, "0000:01:00.0").is_err());
    }
}
