//! What devices can do at most, by their makers' data sheets.

use super::{Dtype, Identity};

/// The most that a device does, and who says so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    /// Floating-point operations per second, dense.
    pub flops: f64,
    /// The data sheet or paper.
    pub source: &'static str,
}

type Row = (&'static [&'static str], u32, [f64; 5], &'static str);

/// Words of a name; multiprocessors or compute units; peaks in TFLOP/s of dense products with sums of
/// 32 bits at boost clocks, in the order of [`Dtype::ALL`], 0 where the device has no such units or
/// its maker gives no number; and the source, of which numbers with sparsity are halved. The first
/// row whose words are all in the name counts. The white paper of CDNA 4 rounds to 2.3 and 2.5
/// PFLOP/s: the digits here are its 4096 operations of 16 bits a clock and unit, twice that of 8.
#[rustfmt::skip]
const PEAKS: [Row; 17] = [
    (&["B200"], 148, [75.0, 1125.0, 2250.0, 2250.0, 4500.0], "NVIDIA Blackwell data sheet (2025), HGX B200, an eighth"),
    (&["H200", "NVL"], 132, [60.0, 417.5, 835.5, 835.5, 1670.5], "NVIDIA H200 data sheet (2024), NVL"),
    (&["H200"], 132, [67.0, 494.5, 989.5, 989.5, 1979.0], "NVIDIA H200 data sheet (2024), SXM"),
    (&["H100", "PCIe"], 114, [51.0, 378.0, 756.5, 756.5, 1513.0], "NVIDIA H100 data sheet (2023), PCIe"),
    (&["H100", "NVL"], 132, [60.0, 417.5, 835.5, 835.5, 1670.5], "NVIDIA H100 data sheet (2024), NVL"),
    (&["H100", "HBM3"], 132, [67.0, 494.5, 989.5, 989.5, 1979.0], "NVIDIA H100 data sheet (2023), SXM"),
    (&["A100"], 108, [19.5, 156.0, 312.0, 312.0, 0.0], "NVIDIA A100 data sheet (2021)"),
    (&["L40S"], 142, [91.6, 183.0, 362.0, 362.0, 733.0], "NVIDIA L40S data sheet (2023)"),
    (&["NVIDIA L4"], 58, [30.3, 60.0, 121.0, 121.0, 242.5], "NVIDIA L4 data sheet (2023)"),
    (&["RTX 4090"], 128, [82.6, 82.6, 165.2, 165.2, 330.3], "NVIDIA Ada architecture white paper (2022)"),
    (&["RTX 4080"], 76, [48.7, 48.7, 97.5, 97.5, 194.9], "NVIDIA Ada architecture white paper (2022)"),
    (&["RTX 5090"], 170, [104.8, 104.8, 209.5, 209.5, 419.0], "NVIDIA RTX Blackwell architecture white paper (2025)"),
    (&["MI355X"], 256, [157.3, 0.0, 2516.6, 2516.6, 5033.2], "AMD CDNA 4 white paper (2025), matrix units, units x clock"),
    (&["MI350X"], 256, [144.2, 0.0, 2306.9, 2306.9, 4613.7], "AMD CDNA 4 white paper (2025), matrix units, units x clock"),
    (&["MI325X"], 304, [163.4, 653.7, 1307.4, 1307.4, 2614.9], "AMD Instinct MI325X data sheet (2024), matrix units"),
    (&["MI300X"], 304, [163.4, 653.7, 1307.4, 1307.4, 2614.9], "AMD Instinct MI300X data sheet (2023), matrix units"),
    (&["MI210"], 104, [45.3, 0.0, 181.0, 181.0, 0.0], "AMD Instinct MI210 data sheet (2022), matrix units"),
];

/// The most floating-point operations per second that a device does, dense.
///
/// # Errors
/// It is not known, with the name, or the device is only a part of one.
pub fn peak(device: &Identity, dtype: Dtype) -> Result<Peak, String> {
    let name = device.name.as_str();
    let named = |words: &&[&str]| {
        words.iter().all(|word| {
            let whole = |at: usize| begins(name, at) && ends(name, at + word.len());
            name.match_indices(word).any(|(at, _)| whole(at))
        })
    };
    let unknown = || format!("no data sheet's {dtype} peak of {name:?} is known here");
    let row = PEAKS.iter().find(|(words, ..)| named(words)).ok_or_else(unknown)?;
    let (_, processors, peaks, source) = row;
    if is_slice(name) || device.processors != *processors {
        return Err(format!(
            "{name:?} with {} of {processors} multiprocessors or compute units is a part, or \
             another model, of what the data sheet tells of",
            device.processors
        ));
    }
    let column = Dtype::ALL.iter().position(|other| *other == dtype);
    let tera = column.and_then(|column| peaks.get(column)).copied().filter(|tera| *tera > 0.0);
    Ok(Peak { flops: tera.ok_or_else(unknown)? * 1e12, source })
}

/// A slice by MIG (`.. MIG 1g.10gb`), or a virtual GPU, which shares its time (`GRID A100-40C`,
/// `NVIDIA H100-4-20C`). Source: NVIDIA's user guides of MIG and of virtual GPU software.
fn is_slice(name: &str) -> bool {
    let last = name.rsplit('-').next().unwrap_or_default();
    let size = last.strip_suffix(['A', 'B', 'C', 'Q']).filter(|_| last.len() < name.len());
    let shared = size.is_some_and(|s| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit()));
    name.contains(" MIG ") || name.starts_with("GRID ") || shared
}

/// `GH200` and `GB200`, which have clocks of their own, are no `H200` and `B200`.
fn begins(name: &str, at: usize) -> bool {
    let before = name.get(..at).unwrap_or_default();
    !before.ends_with(|c: char| c.is_ascii_alphanumeric())
}

/// `L4` is no `L40`, and `RTX 4080` no `RTX 4080 SUPER`.
fn ends(name: &str, at: usize) -> bool {
    let rest = name.get(at..).unwrap_or_default();
    let super_model =
        rest.starts_with(" SUPER") || rest.starts_with(" Laptop") || rest.starts_with(" D");
    !super_model && !rest.starts_with(|c: char| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::super::{Dtype, Identity};
    use super::peak;

    fn device(name: &str, processors: u32) -> Identity {
        Identity { name: name.to_owned(), processors, ..Identity::default() }
    }

    #[test]
    fn names_find_their_own_row() {
        let tera = |name, processors, dtype| {
            peak(&device(name, processors), dtype).ok().map(|peak| peak.flops / 1e12)
        };
        assert_eq!(tera("NVIDIA H200", 132, Dtype::F32), Some(67.0));
        assert_eq!(tera("NVIDIA H200 NVL", 132, Dtype::F32), Some(60.0));
        assert_eq!(tera("NVIDIA H100 80GB HBM3", 132, Dtype::F16), Some(989.5));
        assert_eq!(tera("NVIDIA H100 PCIe", 114, Dtype::F8), Some(1513.0));
        assert_eq!(tera("NVIDIA A100-SXM4-80GB", 108, Dtype::Tf32), Some(156.0));
        assert_eq!(tera("NVIDIA A100-PCIE-40GB", 108, Dtype::F16), Some(312.0));
        assert_eq!(tera("NVIDIA L4", 58, Dtype::F32), Some(30.3));
        assert_eq!(tera("NVIDIA GeForce RTX 4080", 76, Dtype::F32), Some(48.7));
        assert_eq!(tera("NVIDIA B200", 148, Dtype::Bf16), Some(2250.0));
        assert_eq!(tera("NVIDIA B200", 148, Dtype::F32), Some(75.0));
        assert_eq!(tera("AMD Instinct MI300X VF", 304, Dtype::Tf32), Some(653.7));
        assert_eq!(tera("AMD Instinct MI355X", 256, Dtype::F8), Some(5033.2));
    }

    #[test]
    fn what_is_not_known_stays_unknown() {
        let unknown = [
            ("NVIDIA GeForce RTX 4080 SUPER", 80, Dtype::F32),
            ("NVIDIA L40", 142, Dtype::F32),
            ("NVIDIA A100-SXM4-80GB", 108, Dtype::F8),
            ("NVIDIA GH200 480GB", 132, Dtype::F32),
            ("NVIDIA GB200", 148, Dtype::F16),
            ("AMD Instinct MI355X", 256, Dtype::Tf32),
            ("", 1, Dtype::F32),
        ];
        for (name, processors, dtype) in unknown {
            assert!(peak(&device(name, processors), dtype).is_err(), "{name} {dtype}");
        }
    }

    #[test]
    fn a_part_of_a_device_has_no_peak_of_the_whole() {
        for (name, processors) in [
            ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", 16),
            ("NVIDIA H100 80GB HBM3 MIG 7g.80gb", 132),
            ("GRID A100-40C", 108),
            ("NVIDIA A100-4-20C", 108),
            ("NVIDIA A100-SXM4-80GB", 42),
            ("AMD Instinct MI300X", 38),
        ] {
            let why = peak(&device(name, processors), Dtype::F16).unwrap_err();
            assert!(why.contains("a part"), "{why}");
        }
    }
}
