//! Clocks, power, heat and errors of a device: facts of a launch, and evidence of each sample.

mod amd;

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
    /// How long each limit held the clocks down so far, where the device counts that.
    pub held: Vec<Held>,
}

/// How long a limit held the clocks down, in the device's own ticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What the limit is of.
    pub why: &'static str,
    /// So far.
    pub ticks: u64,
}

/// Why of the limit that full load reaches ordinarily.
pub(super) const POWER: &str = "power limit";

impl Reading {
    /// Why a sample between this reading and `after` should not be trusted.
    pub fn disturbance(&self, after: &Self) -> Option<String> {
        if let Some(why) = after.slowed.first().or(self.slowed.first()) {
            return Some(format!("the GPU was slowed down: {why}"));
        }
        let held = self.held_until(after).find(|why| *why != POWER);
        if let Some(why) = held {
            return Some(format!("the GPU was slowed down: {why}"));
        }
        let repeated = after.replays?.checked_sub(self.replays?).filter(|count| *count > 0)?;
        Some(format!("{repeated} PCIe packets were sent again"))
    }

    /// True where the power limit held the clocks down at this reading or until `after`.
    pub fn is_capped_until(&self, after: &Self) -> bool {
        self.power_capped == Some(true) || self.held_until(after).any(|why| why == POWER)
    }

    /// The limits that held between this reading and `after`.
    fn held_until<'r>(&'r self, after: &'r Self) -> impl Iterator<Item = &'static str> + 'r {
        let before = |why| self.held.iter().find(|held| held.why == why).map(|held| held.ticks);
        let grew = move |held: &&Held| before(held.why).is_some_and(|ticks| held.ticks > ticks);
        after.held.iter().filter(grew).map(|held| held.why)
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
            Source::Amd { host, dir } => amd::read(host, dir),
            #[cfg(feature = "cuda")]
            Source::Nvml(nvml) => nvml.read(),
        }
    }

    /// How the device is set up.
    pub fn settings(&self) -> Vec<Setting> {
        match &self.source {
            Source::Nothing(why) => vec![("monitor", Err(why.clone()))],
            Source::Scripted(_) => vec![("monitor", Ok("scripted".to_owned()))],
            Source::Amd { host, dir } => amd::settings(host, dir),
            #[cfg(feature = "cuda")]
            Source::Nvml(nvml) => nvml.settings(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Held, POWER, Reading};

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
    fn a_limit_that_held_meanwhile_disturbs_unless_it_is_of_power() {
        let reading = |heat, power| {
            let held = [("heat of the package", heat), (POWER, power)];
            let held = held.map(|(why, ticks)| Held { why, ticks });
            Reading { held: held.into(), ..Reading::default() }
        };
        let begin = reading(7, 7);
        assert_eq!(begin.disturbance(&reading(7, 900)), None);
        assert!(begin.is_capped_until(&reading(7, 900)) && !begin.is_capped_until(&begin));
        let why = begin.disturbance(&reading(8, 7));
        assert_eq!(why.as_deref(), Some("the GPU was slowed down: heat of the package"));
    }
}
