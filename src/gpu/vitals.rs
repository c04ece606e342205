//! Clocks, power, heat and errors of a device: facts of a launch, and evidence of each sample.

use crate::host::Host;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// What a device tells of its state. Absent: it does not tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Clock of the processors, in Hz.
    pub clock_hz: Option<f64>,
    /// Clock of the memory, in Hz.
    pub memory_clock_hz: Option<f64>,
    /// Power drawn, in W.
    pub power_w: Option<f64>,
    /// Temperature, in degrees Celsius.
    pub celsius: Option<f64>,
    /// What holds the clocks down against the will of whoever set the device up.
    pub slowed: Vec<String>,
    /// The clocks are held down by the power limit: ordinary under full load.
    pub power_capped: Option<bool>,
    /// PCIe packets sent again so far.
    pub replays: Option<u64>,
    /// The link as the driver sees it, such as `Gen 5 x16`.
    pub link: Option<String>,
}

impl Reading {
    /// Why a sample between this reading and `after` should not be trusted.
    pub fn disturbance(&self, after: &Self) -> Option<String> {
        if let Some(why) = after.slowed.first().or(self.slowed.first()) {
            return Some(format!("the GPU was slowed down: {why}"));
        }
        let repeated = after.replays?.checked_sub(self.replays?).filter(|count| *count > 0)?;
        Some(format!("{repeated} PCIe packets were sent again"))
    }
}

/// Name and value, or why it is not known.
pub type Setting = (&'static str, Result<String, String>);

/// Reads the state of one device.
pub struct Monitor {
    source: Source,
}

enum Source {
    Nothing(String),
    Scripted(Mutex<VecDeque<Reading>>),
    Amd {
        host: Host,
        dir: String,
    },
    #[cfg(feature = "cuda")]
    Nvml(super::cuda::Nvml),
}

impl Monitor {
    /// One that knows nothing, because of `why`.
    pub fn nothing(why: impl Into<String>) -> Self {
        Self { source: Source::Nothing(why.into()) }
    }

    /// One that gives `readings` in turn; the last stays.
    pub fn scripted(readings: Vec<Reading>) -> Self {
        Self { source: Source::Scripted(Mutex::new(readings.into())) }
    }

    /// NVML for the NVIDIA device at `pci`.
    pub fn nvidia(pci: &str) -> Self {
        #[cfg(feature = "cuda")]
        return super::cuda::Nvml::of(pci).map_or_else(Self::nothing, Self::nvml);
        #[cfg(not(feature = "cuda"))]
        Self::nothing(format!("no NVML for {pci}: this program was built without `cuda`"))
    }

    /// The files of AMD's kernel driver for the device at `pci`.
    pub fn amd(host: Host, pci: &str) -> Self {
        Self { source: Source::Amd { host, dir: format!("/sys/bus/pci/devices/{pci}") } }
    }

    #[cfg(feature = "cuda")]
    fn nvml(nvml: super::cuda::Nvml) -> Self {
        Self { source: Source::Nvml(nvml) }
    }

    /// The state now.
    pub fn read(&self) -> Reading {
        match &self.source {
            Source::Nothing(_) => Reading::default(),
            Source::Scripted(readings) => {
                let mut readings = readings.lock().unwrap_or_else(PoisonError::into_inner);
                let last = readings.len() <= 1;
                let next = if last { readings.front().cloned() } else { readings.pop_front() };
                next.unwrap_or_default()
            }
            Source::Amd { host, dir } => amd(host, dir),
            #[cfg(feature = "cuda")]
            Source::Nvml(nvml) => nvml.read(),
        }
    }

    /// How the device is set up.
    pub fn settings(&self) -> Vec<Setting> {
        match &self.source {
            Source::Nothing(why) => vec![("monitor", Err(why.clone()))],
            Source::Scripted(_) => vec![("monitor", Ok("scripted".to_owned()))],
            Source::Amd { host, dir } => amd_settings(host, dir),
            #[cfg(feature = "cuda")]
            Source::Nvml(nvml) => nvml.settings(),
        }
    }
}

/// Files of amdgpu. Source: the kernel's `Documentation/gpu/amdgpu/thermal.rst` and `driver-misc.rst`:
/// power in microwatts, temperature in thousandths of a degree, clocks in Hz.
fn amd(host: &Host, dir: &str) -> Reading {
    let hwmon = host.list(&format!("{dir}/hwmon")).ok().and_then(|names| names.into_iter().next());
    let sensor = |file: &str| number(host, &format!("{dir}/hwmon/{}/{file}", hwmon.as_ref()?));
    Reading {
        clock_hz: sensor("freq1_input"),
        memory_clock_hz: sensor("freq2_input"),
        power_w: sensor("power1_average").or(sensor("power1_input")).map(|power| power / 1e6),
        celsius: sensor("temp1_input").map(|heat| heat / 1e3),
        // amdgpu tells reasons only in a binary table whose layout differs by device.
        slowed: Vec::new(),
        power_capped: None,
        replays: number(host, &format!("{dir}/pcie_replay_count")).map(|count| count as u64),
        link: None,
    }
}

fn amd_settings(host: &Host, dir: &str) -> Vec<Setting> {
    let files = [
        ("partition", "current_compute_partition"),
        ("memory_partition", "current_memory_partition"),
        ("memory_bytes", "mem_info_vram_total"),
        ("memory_visible_bytes", "mem_info_vis_vram_total"),
        ("performance_level", "power_dpm_force_performance_level"),
    ];
    let settings = files.map(|(name, file)| {
        let text = host.read(&format!("{dir}/{file}"));
        (name, text.map(|text| text.trim().to_owned()).map_err(|why| why.reason().to_owned()))
    });
    settings.into()
}

fn number(host: &Host, file: &str) -> Option<f64> {
    host.read(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Monitor, Reading};
    use crate::host::Host;

    #[test]
    fn a_slowed_device_or_a_bad_link_disturbs_and_a_power_limit_does_not() {
        let calm = Reading { replays: Some(4), power_capped: Some(true), ..Reading::default() };
        assert_eq!(calm.disturbance(&calm), None);
        let hot = Reading { slowed: vec!["hardware thermal slowdown".into()], ..calm.clone() };
        assert!(calm.disturbance(&hot).is_some_and(|why| why.contains("thermal")));
        assert!(hot.disturbance(&calm).is_some());
        let noisy = Reading { replays: Some(6), ..calm.clone() };
        let why = calm.disturbance(&noisy);
        assert_eq!(why.as_deref(), Some("2 PCIe packets were sent again"));
        assert_eq!(Reading::default().disturbance(&noisy), None);
    }

    #[test]
    fn amds_files_are_read_in_their_units() {
        let dir = "file /sys/bus/pci/devices/0000:c1:00.0";
        let files = [
            (format!("{dir}/hwmon/hwmon3/freq1_input"), "2100000000\n"),
            (format!("{dir}/hwmon/hwmon3/power1_average"), "310000000\n"),
            (format!("{dir}/hwmon/hwmon3/temp1_input"), "54000\n"),
            (format!("{dir}/pcie_replay_count"), "2\n"),
            (format!("{dir}/current_compute_partition"), "SPX\n"),
        ];
        let files: Vec<(&str, &str)> =
            files.iter().map(|(key, text)| (key.as_str(), *text)).collect();
        let monitor = Monitor::amd(Host::of(&files), "0000:c1:00.0");
        let reading = monitor.read();
        assert_eq!(reading.clock_hz, Some(2.1e9));
        assert_eq!((reading.power_w, reading.celsius), (Some(310.0), Some(54.0)));
        assert_eq!((reading.replays, reading.memory_clock_hz), (Some(2), None));
        let settings = monitor.settings();
        assert!(settings.contains(&("partition", Ok("SPX".to_owned()))));
        let told = settings.iter().find(|(name, _)| *name == "memory_bytes");
        assert!(told.is_some_and(|(_, told)| told.is_err()), "{settings:?}");
    }
}
