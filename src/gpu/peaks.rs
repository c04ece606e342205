//! What devices can do at most, by their makers' data sheets.

use super::Dtype;

/// The most that a device does, and who says so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    /// Floating-point operations per second, dense.
    pub flops: f64,
    /// The data sheet or paper.
    pub source: &'static str,
}

type Row = (&'static [&'static str], [f64; 5], &'static str);

/// Words of a name; peaks in TFLOP/s of dense products with sums of 32 bits at boost clocks, in the
/// order of [`Dtype::ALL`], 0 where the device has no such units or its maker gives no number; and
/// the source, of which numbers with sparsity are halved. The first row whose words are all in the
/// name counts.
#[rustfmt::skip]
const PEAKS: [Row; 13] = [
    (&["H200", "NVL"], [60.0, 417.5, 835.5, 835.5, 1670.5], "NVIDIA H200 data sheet (2024), NVL"),
    (&["H200"], [67.0, 494.5, 989.5, 989.5, 1979.0], "NVIDIA H200 data sheet (2024), SXM"),
    (&["H100", "PCIe"], [51.0, 378.0, 756.5, 756.5, 1513.0], "NVIDIA H100 data sheet (2023), PCIe"),
    (&["H100", "NVL"], [60.0, 417.5, 835.5, 835.5, 1670.5], "NVIDIA H100 data sheet (2024), NVL"),
    (&["H100", "HBM3"], [67.0, 494.5, 989.5, 989.5, 1979.0], "NVIDIA H100 data sheet (2023), SXM"),
    (&["A100"], [19.5, 156.0, 312.0, 312.0, 0.0], "NVIDIA A100 data sheet (2021)"),
    (&["L40S"], [91.6, 183.0, 362.0, 362.0, 733.0], "NVIDIA L40S data sheet (2023)"),
    (&["NVIDIA L4"], [30.3, 60.0, 121.0, 121.0, 242.5], "NVIDIA L4 data sheet (2023)"),
    (&["RTX 4090"], [82.6, 82.6, 165.2, 165.2, 330.3], "NVIDIA Ada architecture white paper (2022)"),
    (&["RTX 4080"], [48.7, 48.7, 97.5, 97.5, 194.9], "NVIDIA Ada architecture white paper (2022)"),
    (&["RTX 5090"], [104.8, 104.8, 209.5, 209.5, 419.0], "NVIDIA RTX Blackwell architecture white paper (2025)"),
    (&["MI300X"], [163.4, 653.7, 1307.4, 1307.4, 2614.9], "AMD Instinct MI300X data sheet (2023), matrix units"),
    (&["MI210"], [45.3, 0.0, 181.0, 181.0, 0.0], "AMD Instinct MI210 data sheet (2022), matrix units"),
];

/// The most floating-point operations per second that the device of this name does, dense.
///
/// # Errors
/// It is not known, with the name.
pub fn peak(name: &str, dtype: Dtype) -> Result<Peak, String> {
    let named = |words: &&[&str]| {
        words.iter().all(|word| name.match_indices(word).any(|(at, _)| ends(name, at + word.len())))
    };
    let column = Dtype::ALL.iter().position(|other| *other == dtype);
    let row = PEAKS.iter().find(|(words, _, _)| named(words));
    let peak = row.zip(column).and_then(|((_, peaks, source), column)| {
        let tera = *peaks.get(column)?;
        Some(Peak { flops: tera * 1e12, source })
    });
    match peak.filter(|peak| peak.flops > 0.0) {
        Some(peak) => Ok(peak),
        None => Err(format!("no data sheet's {dtype} peak of {name:?} is known here")),
    }
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
    use super::super::Dtype;
    use super::peak;

    #[test]
    fn names_find_their_own_row() {
        let tera = |name, dtype| peak(name, dtype).ok().map(|peak| peak.flops / 1e12);
        assert_eq!(tera("NVIDIA H200", Dtype::F32), Some(67.0));
        assert_eq!(tera("NVIDIA H200 NVL", Dtype::F32), Some(60.0));
        assert_eq!(tera("NVIDIA H100 80GB HBM3", Dtype::F16), Some(989.5));
        assert_eq!(tera("NVIDIA H100 PCIe", Dtype::F8), Some(1513.0));
        assert_eq!(tera("NVIDIA A100-SXM4-80GB", Dtype::Tf32), Some(156.0));
        assert_eq!(tera("NVIDIA L4", Dtype::F32), Some(30.3));
        assert_eq!(tera("NVIDIA GeForce RTX 4080", Dtype::F32), Some(48.7));
    }

    #[test]
    fn what_is_not_known_stays_unknown() {
        let unknown = [
            ("NVIDIA GeForce RTX 4080 SUPER", Dtype::F32),
            ("NVIDIA L40", Dtype::F32),
            ("NVIDIA A100-SXM4-80GB", Dtype::F8),
            ("", Dtype::F32),
        ];
        for (name, dtype) in unknown {
            assert!(peak(name, dtype).is_err(), "{name} {dtype}");
        }
    }
}
