//! The state of AMD's devices by the files of their kernel driver: sensors, and the binary table
//! `gpu_metrics`, which alone tells what holds the clocks down.

use super::{Held, POWER, Reading, Setting};
use crate::host::Host;

/// Files of amdgpu. Source: the kernel's `Documentation/gpu/amdgpu/thermal.rst` and
/// `driver-misc.rst`: power in microwatts, temperature in thousandths of a degree, clocks in Hz.
pub(super) fn read(host: &Host, dir: &str) -> Reading {
    let hwmon = host.list(&format!("{dir}/hwmon")).ok().and_then(|names| names.into_iter().next());
    let sensor = |file: &str| number(host, &format!("{dir}/hwmon/{}/{file}", hwmon.as_ref()?));
    let table = host.bytes(&format!("{dir}/gpu_metrics")).ok();
    let table = table.map(|table| Table::read(&table)).unwrap_or_default();
    Reading {
        clock_hz: sensor("freq1_input").or(table.clock_hz),
        memory_clock_hz: sensor("freq2_input").or(table.memory_clock_hz),
        power_w: sensor("power1_average")
            .or(sensor("power1_input"))
            .map(|power| power / 1e6)
            .or(table.power_w),
        celsius: sensor("temp1_input").map(|heat| heat / 1e3).or(table.celsius),
        slowed: table.slowed,
        power_capped: table.power_capped,
        replays: number(host, &format!("{dir}/pcie_replay_count"))
            .map(|count| count as u64)
            .or(table.replays),
        link: None,
        held: table.held,
    }
}

/// What `gpu_metrics` tells that no other file does; nothing of an unknown layout.
#[derive(Debug, Default, PartialEq)]
struct Table {
    clock_hz: Option<f64>,
    memory_clock_hz: Option<f64>,
    replays: Option<u64>,
    power_w: Option<f64>,
    celsius: Option<f64>,
    slowed: Vec<String>,
    power_capped: Option<bool>,
    held: Vec<Held>,
}

/// A table of MI300 or newer: its bytes, and where numbers stand in it. Source: the kernel's
/// `kgd_pp_interface.h`, the structures `gpu_metrics_v1_4` to `_v1_7`. Of `_v1_8` only the
/// beginning is used, which is that of `_v1_7`.
struct Layout {
    size: usize,
    /// Of eight clocks of processors, 16 bits each; those of the memory follow 40 bytes later.
    clocks: usize,
    replays: usize,
    /// Residencies of the limits; `_v1_4` and `_v1_5` have none, and their field
    /// `throttle_status` is always 0 (`smu_v13_0_6_ppt.c`).
    limits: Option<usize>,
}

/// Bytes of `gpu_metrics_v1_3` (MI200).
const V1_3: usize = 120;
const V1_4: Layout = Layout { size: 288, clocks: 240, replays: 88, limits: None };
const V1_5: Layout = Layout { size: 328, clocks: 280, replays: 120, limits: None };
const V1_6: Layout = Layout { size: 1664, clocks: 264, replays: 104, limits: Some(36) };
const V1_7: Layout = Layout { size: 2208, clocks: 296, replays: 112, limits: Some(44) };
const CLOCKS: usize = 8;
const MEMORY_CLOCK: usize = 40;

/// Accumulated residencies in the order of these structures, 32 bits each.
const LIMITS: [&str; 5] = [
    "emergency stop of the board (PROCHOT)",
    POWER,
    "heat of the package",
    "heat of a voltage regulator",
    "heat of the memory",
];

/// Bits of `indep_throttle_status`. Source: `SMU_THROTTLER_*_BIT` in the kernel's `amdgpu_smu.h`:
/// 0 to 7 and 16 to 23 are power and current, 32 to 45 temperatures, 46 and 47 PROCHOT.
const POWER_BITS: u64 = 0x00ff_00ff;
const HEAT_BITS: u64 = 0x3fff << 32;
const STOP_BITS: u64 = 0b11 << 46;

impl Table {
    fn read(bytes: &[u8]) -> Self {
        let size = word(bytes, 0, 2).unwrap_or(0) as usize;
        let layout = match (bytes.get(2), bytes.get(3)) {
            (Some(1), Some(3)) if size == V1_3 => return Self::of_status(bytes),
            (Some(1), Some(4)) => V1_4,
            (Some(1), Some(5)) => V1_5,
            (Some(1), Some(6)) => V1_6,
            (Some(1), Some(7)) => V1_7,
            (Some(1), Some(8)) if size > V1_7.size => Layout { size, ..V1_7 },
            _ => return Self::default(),
        };
        if layout.size == size { Self::of_layout(bytes, &layout) } else { Self::default() }
    }

    /// The state at this moment, as MI200 tells it.
    fn of_status(bytes: &[u8]) -> Self {
        let status = word(bytes, 112, 8);
        let told = |bits: u64, why: &str| {
            let set = status.is_some_and(|status| status & bits != 0);
            set.then(|| why.to_owned())
        };
        let slowed = [told(HEAT_BITS, "heat"), told(STOP_BITS, LIMITS[0])];
        Self {
            clock_hz: known(bytes, 54).map(|megahertz| megahertz * 1e6),
            power_w: known(bytes, 22),
            celsius: known(bytes, 6),
            slowed: slowed.into_iter().flatten().collect(),
            power_capped: status.map(|status| status & POWER_BITS != 0),
            ..Self::default()
        }
    }

    /// What MI300 and newer tell, with how long each limit held so far. The slowest of the
    /// processors' clocks counts: a product waits for all of them.
    fn of_layout(bytes: &[u8], layout: &Layout) -> Self {
        let hertz = |at: usize| known(bytes, at).filter(|clock| *clock > 0.0).map(|mhz| mhz * 1e6);
        let clocks = (0..CLOCKS).filter_map(|number| hertz(layout.clocks + 2 * number));
        let counted = LIMITS.iter().enumerate().filter_map(|(number, why)| {
            Some(Held { why, ticks: word(bytes, layout.limits? + 4 * number, 4)? })
        });
        Self {
            clock_hz: clocks.reduce(f64::min),
            memory_clock_hz: hertz(layout.clocks + MEMORY_CLOCK),
            replays: word(bytes, layout.replays, 8).filter(|count| *count != u64::MAX),
            power_w: known(bytes, 10),
            celsius: known(bytes, 4),
            held: counted.collect(),
            ..Self::default()
        }
    }
}

/// The number of `size` bytes at `at`.
fn word(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    let part = bytes.get(at..)?.get(..size)?;
    Some(part.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// A number of 16 bits; all ones say that the device does not tell.
fn known(bytes: &[u8], at: usize) -> Option<f64> {
    word(bytes, at, 2).filter(|number| *number != 0xffff).map(|number| number as f64)
}

/// How the device is set up.
pub(super) fn settings(host: &Host, dir: &str) -> Vec<Setting> {
    let files = [
        ("partition", "current_compute_partition"),
        ("memory_partition", "current_memory_partition"),
        ("memory_bytes", "mem_info_vram_total"),
        ("memory_visible_bytes", "mem_info_vis_vram_total"),
        ("performance_level", "power_dpm_force_performance_level"),
        ("memory_errors", "ras/umc_err_count"),
        ("pcie_replays", "pcie_replay_count"),
    ];
    let settings = files.map(|(name, file)| {
        let text = host.read(&format!("{dir}/{file}"));
        let line = text.map(|text| text.lines().collect::<Vec<_>>().join(", "));
        (name, line.map_err(|why| why.reason().to_owned()))
    });
    let mut settings: Vec<Setting> = settings.into();
    let hwmon = host.list(&format!("{dir}/hwmon")).ok().and_then(|names| names.into_iter().next());
    let watts = |file: &str| {
        let file = format!("{dir}/hwmon/{}/{file}", hwmon.as_deref().unwrap_or("none"));
        let text = host.read(&file).map_err(|why| why.reason().to_owned())?;
        let microwatts: f64 = text.parse().map_err(|_| format!("{file}: {text:?} is no number"))?;
        Ok((microwatts / 1e6).to_string())
    };
    settings.push(("power_limit_w", watts("power1_cap")));
    settings.push(("power_limit_default_w", watts("power1_cap_default")));
    settings
}

fn number(host: &Host, file: &str) -> Option<f64> {
    host.read(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::Monitor;
    use super::{Held, POWER, Table};
    use crate::host::Host;
    use proptest::prelude::*;

    #[test]
    fn files_are_read_in_their_units() {
        let dir = "file /sys/bus/pci/devices/0000:c1:00.0";
        let files = [
            (format!("{dir}/hwmon/hwmon3/freq1_input"), "2100000000\n"),
            (format!("{dir}/hwmon/hwmon3/power1_average"), "310000000\n"),
            (format!("{dir}/hwmon/hwmon3/power1_cap"), "750000000\n"),
            (format!("{dir}/hwmon/hwmon3/temp1_input"), "54000\n"),
            (format!("{dir}/pcie_replay_count"), "2\n"),
            (format!("{dir}/current_compute_partition"), "SPX\n"),
            (format!("{dir}/ras/umc_err_count"), "ue: 0\nce: 3\n"),
        ];
        let files: Vec<(&str, &str)> =
            files.iter().map(|(key, text)| (key.as_str(), *text)).collect();
        let monitor = Monitor::amd(Host::of(&files), "0000:c1:00.0");
        let reading = monitor.read();
        assert_eq!(reading.clock_hz, Some(2.1e9));
        assert_eq!((reading.power_w, reading.celsius), (Some(310.0), Some(54.0)));
        assert_eq!((reading.replays, reading.memory_clock_hz), (Some(2), None));
        let settings = monitor.settings();
        let told = |name| settings.iter().find(|(known, _)| *known == name).map(|(_, told)| told);
        assert_eq!(told("partition"), Some(&Ok("SPX".to_owned())));
        assert_eq!(told("power_limit_w"), Some(&Ok("750".to_owned())));
        assert_eq!(told("memory_errors"), Some(&Ok("ue: 0, ce: 3".to_owned())));
        assert!(told("memory_bytes").is_some_and(Result::is_err), "{settings:?}");
    }

    /// A table of `size` bytes with numbers of as many bytes each at the places given.
    fn table(size: u16, content: u8, numbers: &[(usize, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; usize::from(size)];
        bytes[..2].copy_from_slice(&size.to_le_bytes());
        (bytes[2], bytes[3]) = (1, content);
        for (at, number) in numbers {
            bytes[*at..at + number.len()].copy_from_slice(number);
        }
        bytes
    }

    #[test]
    fn a_table_of_bits_tells_what_holds_the_clocks_down_now() {
        let clock: &[u8] = &1700_u16.to_le_bytes();
        let at =
            |status: u64| Table::read(&table(120, 3, &[(54, clock), (112, &status.to_le_bytes())]));
        assert_eq!(at(0).clock_hz, Some(1.7e9));
        assert_eq!((at(0).slowed, at(0).power_capped), (vec![], Some(false)));
        assert_eq!((at(1).slowed, at(1).power_capped), (vec![], Some(true)));
        assert_eq!(at(1 << 36).slowed, ["heat"]);
        assert!(at(1 << 47).slowed[0].contains("PROCHOT"));
    }

    #[test]
    fn tables_of_residencies_count_per_limit() {
        let numbers: [(usize, &[u8]); 3] = [
            (4, &81_u16.to_le_bytes()),
            (10, &0xffff_u16.to_le_bytes()),
            (44, &[1, 0, 0, 0, 2, 1, 0, 0, 3, 0, 0, 0]),
        ];
        let read = Table::read(&table(2208, 7, &numbers));
        assert_eq!((read.celsius, read.power_w), (Some(81.0), None));
        assert_eq!(read.held[1], Held { why: POWER, ticks: 258 });
        assert_eq!(read.held[2], Held { why: "heat of the package", ticks: 3 });
        let older = Table::read(&table(1664, 6, &[(44, &9_u32.to_le_bytes())]));
        assert_eq!(older.held[2].ticks, 9);
    }

    #[test]
    fn tables_before_residencies_tell_clocks_power_and_heat() {
        let unknown: &[u8] = &[0xff; 16];
        let numbers = |clocks: usize, replays: usize| -> Vec<(usize, &[u8])> {
            vec![
                (4, &[71, 0]),
                (10, &[0xee, 2]),
                (replays, &[5, 0, 0, 0, 0, 0, 0, 0]),
                (clocks, unknown),
                (clocks, &[0x34, 8, 0x98, 8]),
                (clocks + 40, &[0x84, 3]),
            ]
        };
        for (size, content, clocks, replays) in [(288, 4, 240, 88), (328, 5, 280, 120)] {
            let read = Table::read(&table(size, content, &numbers(clocks, replays)));
            assert_eq!((read.clock_hz, read.memory_clock_hz), (Some(2.1e9), Some(0.9e9)));
            assert_eq!((read.power_w, read.celsius), (Some(750.0), Some(71.0)));
            assert_eq!((read.replays, read.held.as_slice()), (Some(5), &[][..]));
        }
        let newer = Table::read(&table(2208, 7, &numbers(296, 112)));
        assert_eq!((newer.clock_hz, newer.replays), (Some(2.1e9), Some(5)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(content in 0_u8..10, size in 0_u16..4000, bytes: Vec<u8>) {
            Table::read(&bytes);
            let mut table = [&size.to_le_bytes()[..], &[1, content], &bytes].concat();
            Table::read(&table);
            table.resize(usize::from(size), 0xff);
            Table::read(&table);
        }
    }

    #[test]
    fn a_table_of_an_unknown_layout_tells_nothing() {
        for bytes in [vec![], vec![120], table(96, 1, &[]), table(121, 3, &[]), table(64, 9, &[])] {
            assert_eq!(Table::read(&bytes), Table::default(), "{bytes:?}");
        }
        let mut cut = table(120, 3, &[]);
        cut.truncate(60);
        assert_eq!(Table::read(&cut).power_capped, None);
    }
}
