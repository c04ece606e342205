//! `HSA_NO_SCRATCH_RECLAIM`, which some devices need under some versions of ROCm before their
//! collective operations are as fast as they can be, or work at all.

use super::super::set_for_library;
use super::devices;
use crate::host::Host;

const VARIABLE: &str = "HSA_NO_SCRATCH_RECLAIM";
/// Where ROCm says its version; `/opt/rocm` is a link to the installed one.
const VERSION: &str = "/opt/rocm/.info/version";
const CARDS: &str = "/sys/class/drm";

/// Sets the variable where a device of this machine needs it and the user has not said otherwise,
/// before the runtime starts; gives why it was set.
pub(super) fn keep_where_needed(host: &Host) -> Option<String> {
    if std::env::var_os(VARIABLE).is_some() {
        return None;
    }
    let rocm = host.read(VERSION).ok().and_then(|text| version(&text));
    let firmware = firmware(host);
    let needing = devices::architectures(host);
    let needing = needing.iter().find(|gfx| needs(gfx, rocm, firmware))?;
    set_for_library(VARIABLE, "1");
    let rocm = rocm.map_or("of unknown version".to_owned(), |(major, minor, patch)| {
        format!("{major}.{minor}.{patch}")
    });
    Some(format!("1, set by vbench: {needing} with ROCm {rocm} needs it"))
}

/// Whether `gfx` is slow or fails without it. Sources: RCCL's `validHsaScratchEnvSetting`
/// (`rccl_wrap.cc`: HIP 6.4.43484, which is ROCm 6.4.2, and the version of the compute firmware)
/// and ROCm/rocm-systems pull request 8657 (gfx90a from ROCm 7.13 on). Where a version is not
/// known it is set: it keeps memory that would be given back, and changes nothing else.
fn needs(gfx: &str, rocm: Option<(u32, u32, u32)>, firmware: Option<u32>) -> bool {
    let older = |least: u32| {
        rocm.is_none_or(|rocm| rocm < (6, 4, 2)) || firmware.is_none_or(|found| found < least)
    };
    match gfx {
        "gfx90a" => rocm.is_none_or(|rocm| rocm >= (7, 13, 0)),
        "gfx942" => older(177),
        "gfx950" => older(24),
        _ => false,
    }
}

/// `6.4.1-83` or `7.0.0`.
fn version(text: &str) -> Option<(u32, u32, u32)> {
    let mut numbers = text.split(['.', '-']).map(|part| part.trim().parse::<u32>().ok());
    let (major, minor) = (numbers.next()??, numbers.next()??);
    Some((major, minor, numbers.next().flatten().unwrap_or(0)))
}

/// The oldest version of the compute firmware among the cards. Its low 11 bits count it. Source:
/// RCCL's `parseFirmwareVersion`.
fn firmware(host: &Host) -> Option<u32> {
    let cards = host.list(CARDS).ok()?.into_iter();
    let versions = cards.filter_map(|card| {
        let text = host.read(&format!("{CARDS}/{card}/device/fw_version/mec_fw_version")).ok()?;
        let number = u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok()?;
        Some(number & 0x7ff)
    });
    versions.min()
}

#[cfg(test)]
mod tests {
    use super::{firmware, needs, version};
    use crate::host::Host;

    /// The cases of RCCL's own test of this rule, in ROCm's versions, and AMD's note on gfx90a.
    #[test]
    fn devices_need_it_by_version_and_firmware() {
        let (new, old) = (Some((6, 4, 2)), Some((6, 4, 1)));
        assert!(!needs("gfx950", new, Some(24)));
        assert!(needs("gfx950", old, Some(24)) && needs("gfx950", new, Some(23)));
        assert!(!needs("gfx942", new, Some(177)));
        assert!(needs("gfx942", old, Some(177)) && needs("gfx942", new, Some(176)));
        assert!(needs("gfx90a", Some((7, 13, 0)), None) && !needs("gfx90a", Some((7, 2, 0)), None));
        assert!(needs("gfx942", None, None) && !needs("gfx1100", None, None));
    }

    #[test]
    fn versions_are_read_where_they_stand() {
        assert_eq!(version("6.4.1-83"), Some((6, 4, 1)));
        assert_eq!(version("7.13"), Some((7, 13, 0)));
        assert_eq!(version("unknown"), None);
        let card = "file /sys/class/drm/card1/device/fw_version/mec_fw_version";
        let other = "file /sys/class/drm/card2/device/fw_version/mec_fw_version";
        let host = Host::of(&[(card, "0x000008b1\n"), (other, "0x000000b0\n")]);
        assert_eq!(firmware(&host), Some(0xb0));
        assert_eq!(firmware(&Host::of(&[])), None);
    }
}
