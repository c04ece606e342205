//! What devices can do at most, by their makers' data sheets.

use super::Dtype;

/// Peaks in TFLOP/s of dense products with sums of 32 bits at boost clocks, in the order of
/// [`Dtype::ALL`]; 0 where the device has no such units or its maker gives no number. The first
/// row whose words are all in the name counts.
///
/// Sources: NVIDIA data sheets of H200 (2024), H100 (2023), A100 (2021), L40S, L4 (2023), T4
/// (2019), where numbers with sparsity are halved; NVIDIA Ada (2022) and RTX Blackwell (2025) GPU
/// architecture white papers for GeForce; AMD data sheets of MI300X (2023) and MI210 (2022),
/// matrix units.
const PEAKS: [(&[&str], [f64; 5]); 13] = [
    (&["H200", "NVL"], [60.0, 417.5, 835.5, 835.5, 1670.5]),
    (&["H200"], [67.0, 494.5, 989.5, 989.5, 1979.0]),
    (&["H100", "PCIe"], [51.0, 378.0, 756.5, 756.5, 1513.0]),
    (&["H100", "NVL"], [60.0, 417.5, 835.5, 835.5, 1670.5]),
    (&["H100", "HBM3"], [67.0, 494.5, 989.5, 989.5, 1979.0]),
    (&["A100"], [19.5, 156.0, 312.0, 312.0, 0.0]),
    (&["L40S"], [91.6, 183.0, 362.0, 362.0, 733.0]),
    (&["NVIDIA L4"], [30.3, 60.0, 121.0, 121.0, 242.5]),
    (&["RTX 4090"], [82.6, 82.6, 165.2, 165.2, 330.3]),
    (&["RTX 4080"], [48.7, 48.7, 97.5, 97.5, 194.9]),
    (&["RTX 5090"], [104.8, 104.8, 209.5, 209.5, 419.0]),
    (&["MI300X"], [163.4, 653.7, 1307.4, 1307.4, 2614.9]),
    (&["MI210"], [45.3, 0.0, 181.0, 181.0, 0.0]),
];

/// The most floating-point operations per second that the device of this name does, dense.
///
/// # Errors
/// It is not known, with the name.
pub fn peak(name: &str, dtype: Dtype) -> Result<f64, String> {
    let named = |words: &&[&str]| {
        words.iter().all(|word| name.match_indices(word).any(|(at, _)| ends(name, at + word.len())))
    };
    let column = Dtype::ALL.iter().position(|other| *other == dtype);
    let row = PEAKS.iter().find(|(words, _)| named(words)).map(|(_, peaks)| peaks);
    let peak = row.zip(column).and_then(|(peaks, column)| peaks.get(column).copied());
    match peak {
        Some(peak) if peak > 0.0 => Ok(peak * 1e12),
        _ => Err(format!("no data sheet's {dtype} peak of {name:?} is known here")),
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
        let tera = |name, dtype| peak(name, dtype).ok().map(|peak| peak / 1e12);
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
