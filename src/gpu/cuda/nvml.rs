//! NVML: state and settings of a device.

use super::super::{Fault, Reading, Setting, waiting};
use nvml_wrapper::bitmasks::device::ThrottleReasons;
use nvml_wrapper::enum_wrappers::device::{
    Clock, EccCounter, MemoryError, P2pCapabilitiesIndex, P2pStatus, PcieUtilCounter,
    TemperatureSensor,
};
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml as Library};
use std::sync::OnceLock;

/// One device as NVML sees it.
pub struct Nvml {
    library: &'static Library,
    pci: String,
}

/// `NVML_NVLINK_MAX_LINKS`.
const MOST_LINKS: u32 = 18;

/// Reasons that disturb a measurement; the power limit is not one, as full load reaches it.
const SLOWDOWNS: [(ThrottleReasons, &str); 5] = [
    (ThrottleReasons::HW_SLOWDOWN, "hardware slowdown"),
    (ThrottleReasons::HW_THERMAL_SLOWDOWN, "hardware thermal slowdown"),
    (ThrottleReasons::SW_THERMAL_SLOWDOWN, "software thermal slowdown"),
    (ThrottleReasons::HW_POWER_BRAKE_SLOWDOWN, "power brake"),
    (ThrottleReasons::SYNC_BOOST, "synchronised boost with another GPU"),
];

impl Nvml {
    /// The device at `pci`.
    ///
    /// # Errors
    /// Why NVML does not know it.
    pub fn of(pci: &str) -> Result<Self, String> {
        static LIBRARY: OnceLock<Result<Library, String>> = OnceLock::new();
        let open = || {
            let init = || Library::init().map_err(|error| Fault::Absent(format!("NVML: {error}")));
            waiting::within("NVML", init).map_err(|fault| fault.to_string())
        };
        let library = LIBRARY.get_or_init(open).as_ref().map_err(Clone::clone)?;
        let nvml = Self { library, pci: pci.to_owned() };
        nvml.device().map_err(|error| format!("NVML, {pci}: {error}"))?;
        Ok(nvml)
    }

    fn device(&self) -> Result<Device<'static>, NvmlError> {
        self.library.device_by_pci_bus_id(self.pci.as_str())
    }

    /// The state now.
    pub fn read(&self) -> Reading {
        let Ok(device) = self.device() else { return Reading::default() };
        let hertz =
            |clock| device.clock_info(clock).ok().map(|megahertz| f64::from(megahertz) * 1e6);
        let reasons = device.current_throttle_reasons().ok();
        let told = |why| reasons.is_some_and(|reasons| reasons.contains(why));
        let slowed = SLOWDOWNS.iter().filter(|(why, _)| told(*why));
        let link = device.current_pcie_link_gen().ok().zip(device.current_pcie_link_width().ok());
        Reading {
            clock_hz: hertz(Clock::SM),
            memory_clock_hz: hertz(Clock::Memory),
            power_w: device.power_usage().ok().map(|power| f64::from(power) / 1e3),
            celsius: device.temperature(TemperatureSensor::Gpu).ok().map(f64::from),
            slowed: slowed.map(|(_, text)| (*text).to_owned()).collect(),
            power_capped: reasons.map(|_| told(ThrottleReasons::SW_POWER_CAP)),
            replays: device.pcie_replay_counter().ok().map(u64::from),
            link: link.map(|(generation, width)| format!("Gen {generation} x{width}")),
            held: Vec::new(),
        }
    }

    /// How many NVLinks are up.
    fn links(&self, device: &Device<'static>) -> Result<usize, NvmlError> {
        // The first link tells whether the device has any.
        device.link_wrapper_for(0).is_active()?;
        let up = |link: &u32| device.link_wrapper_for(*link).is_active().unwrap_or(false);
        Ok((0..MOST_LINKS).filter(up).count())
    }

    /// Addresses of the devices whose memory it reads without the host.
    fn peers(&self, device: &Device<'static>) -> Result<String, NvmlError> {
        let mut peers = Vec::new();
        for index in 0..self.library.device_count()? {
            let other = self.library.device_by_index(index)?;
            let address = other.pci_info()?.bus_id.to_lowercase();
            if address.trim_start_matches('0') != self.pci.trim_start_matches('0')
                && device.p2p_status(&other, P2pCapabilitiesIndex::Read)? == P2pStatus::Ok
            {
                peers.push(address);
            }
        }
        Ok(if peers.is_empty() { "none".to_owned() } else { peers.join(" ") })
    }

    /// How the device is set up.
    pub fn settings(&self) -> Vec<Setting> {
        let Ok(device) = self.device() else {
            return vec![("monitor", Err("NVML lost the device".to_owned()))];
        };
        let watts = |power: Result<u32, NvmlError>| told(power.map(|mw| f64::from(mw) / 1e3));
        let ecc = |state: nvml_wrapper::structs::device::EccModeState| state.currently_enabled;
        let errors = device.total_ecc_errors(MemoryError::Uncorrected, EccCounter::Aggregate);
        let link = device.max_pcie_link_gen().and_then(|generation| {
            device.max_pcie_link_width().map(|width| format!("Gen {generation} x{width}"))
        });
        vec![
            ("persistence", told(device.is_in_persistent_mode())),
            ("ecc", told(device.is_ecc_enabled().map(ecc))),
            ("ecc_uncorrected", told(errors)),
            ("mig", told(device.mig_mode().map(|mode| mode.current != 0))),
            ("power_limit_w", watts(device.enforced_power_limit())),
            ("power_limit_default_w", watts(device.power_management_limit_default())),
            ("clock_max_mhz", told(device.max_clock_info(Clock::SM))),
            ("memory_clock_max_mhz", told(device.max_clock_info(Clock::Memory))),
            ("bar1_bytes", told(device.bar1_memory_info().map(|bar| bar.total))),
            ("link_max", told(link)),
            ("pcie_replays", told(device.pcie_replay_counter())),
            ("pcie_sent_kb_s", told(device.pcie_throughput(PcieUtilCounter::Send))),
            ("nvlinks", told(self.links(&device))),
            ("peers", told(self.peers(&device))),
            ("virtualization", told(device.virtualization_mode().map(|mode| format!("{mode:?}")))),
            ("processes", told(device.running_compute_processes_count())),
        ]
    }
}

/// The value, or why it is not known.
fn told<T: ToString>(value: Result<T, NvmlError>) -> Result<String, String> {
    value.map(|value| value.to_string()).map_err(|error| error.to_string())
}
