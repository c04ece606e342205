//! Number types of matrix products, and the random entries that a device and a host draw alike.

use std::fmt;
use std::str::FromStr;

/// Type of the entries of a product's factors. Sums are of 32 bits in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// 32 bits, multiplied in full.
    F32,
    /// 32 bits, multiplied with 10 bits of fraction.
    Tf32,
    /// IEEE half precision.
    F16,
    /// The upper half of 32 bits.
    Bf16,
    /// 8 bits, 3 of fraction (OCP E4M3).
    F8,
}

impl Dtype {
    /// Every one, widest first.
    pub const ALL: [Self; 5] = [Self::F32, Self::Tf32, Self::F16, Self::Bf16, Self::F8];

    fn name(self) -> &'static str {
        match self {
            Self::F32 => "fp32",
            Self::Tf32 => "tf32",
            Self::F16 => "fp16",
            Self::Bf16 => "bf16",
            Self::F8 => "fp8",
        }
    }

    /// Bytes of an entry.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 | Self::Tf32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::F8 => 1,
        }
    }

    /// Type of the product's entries: as the factors', but no library gives 8 bits without a scale.
    pub fn output(self) -> Self {
        match self {
            Self::Tf32 => Self::F32,
            Self::F8 => Self::Bf16,
            same => same,
        }
    }

    /// The first factor is transposed: the one layout that libraries offer for 8 bits.
    pub fn is_transposed(self) -> bool {
        self == Self::F8
    }

    /// Bits of fraction that drawn entries have: as many as the type holds exactly in [-1, 1).
    pub fn drawn_bits(self) -> u32 {
        match self {
            Self::F32 | Self::Tf32 => 23,
            Self::F16 => 10,
            Self::Bf16 => 7,
            Self::F8 => 3,
        }
    }

    /// The largest error that a right product's entry may have, where the entry is `value` and the
    /// sum of its terms' magnitudes is `terms`.
    ///
    /// The first part is the rounding of the stored entry, half a unit in the last place. The
    /// second is that of the terms and sums: 2^-19 of their magnitudes for full 32-bit sums in any
    /// order of 2^5 to 2^15 terms in blocks (Higham, Accuracy and Stability, 2002, section 4.2:
    /// the error grows with the blocks' depth), 2^-10 where factors keep 10 bits (twice half a
    /// unit), 2^-15 and 2^-10 for tensor cores, which cut the terms of a block to 23 bits, of 8
    /// bits to 13 (DeepSeek-V3 report, 2024, section 3.3.2).
    pub fn tolerance(self, value: f64, terms: f64) -> f64 {
        let (stored, summed) = match self {
            Self::F32 => (24, 19),
            Self::Tf32 => (24, 10),
            Self::F16 => (11, 15),
            Self::Bf16 => (8, 15),
            Self::F8 => (8, 10),
        };
        value.abs() * 2_f64.powi(-stored) + terms * 2_f64.powi(-summed)
    }

    /// The number that stored `bytes` of this type are; `None` for too few.
    pub fn decode(self, bytes: &[u8]) -> Option<f64> {
        let half = || Some(u16::from_le_bytes(bytes.get(..2)?.try_into().ok()?));
        Some(match self {
            Self::F32 | Self::Tf32 => {
                f64::from(f32::from_le_bytes(bytes.get(..4)?.try_into().ok()?))
            }
            Self::F16 => small(u32::from(half()?), 5, 10),
            Self::Bf16 => f64::from(f32::from_bits(u32::from(half()?) << 16)),
            Self::F8 => small(u32::from(*bytes.first()?), 4, 3),
        })
    }

    /// The stored bytes of the nearest number of this type, halves away from zero.
    pub fn encode(self, value: f32) -> Vec<u8> {
        let dropped = match self {
            Self::F32 | Self::Tf32 => 0,
            Self::F16 => 13,
            Self::Bf16 => 16,
            Self::F8 => 20,
        };
        let bits = value.to_bits().saturating_add(if dropped > 0 { 1 << (dropped - 1) } else { 0 });
        match self {
            Self::F32 | Self::Tf32 => bits.to_le_bytes().to_vec(),
            Self::F16 => (shrink(bits, 5, 10) as u16).to_le_bytes().to_vec(),
            Self::Bf16 => ((bits >> 16) as u16).to_le_bytes().to_vec(),
            Self::F8 => vec![shrink(bits, 4, 3) as u8],
        }
    }
}

/// The number of sign, `exponent` and `fraction` bits. E4M3 has no infinities, but its one NaN and
/// the others' are never a right entry: reading them as numbers fails the check as well.
fn small(bits: u32, exponent: u32, fraction: u32) -> f64 {
    let bias = (1_i32 << (exponent - 1)) - 1;
    let sign = if bits >> (exponent + fraction) & 1 == 1 { -1.0 } else { 1.0 };
    let power = (bits >> fraction & ((1 << exponent) - 1)) as i32;
    let part = f64::from(bits & ((1 << fraction) - 1)) / f64::from(1_u32 << fraction);
    match power {
        0 => sign * part * 2_f64.powi(1 - bias),
        _ if exponent == 5 && power == 31 => f64::NAN,
        _ => sign * (1.0 + part) * 2_f64.powi(power - bias),
    }
}

/// Bits of a 32-bit float in a type of fewer exponent and fraction bits; 0 where it is too small.
fn shrink(bits: u32, exponent: u32, fraction: u32) -> u32 {
    let sign = bits >> 31 << (exponent + fraction);
    let bias = (1_i32 << (exponent - 1)) - 1;
    let power = (bits >> 23 & 255) as i32 - 127 + bias;
    let highest = (1 << exponent) - 1;
    match power {
        ..=0 => sign,
        power if power > highest => sign | highest as u32 >> 1 << fraction,
        power => sign | (power as u32) << fraction | (bits & 0x7f_ffff) >> (23 - fraction),
    }
}

/// Entry `index` of the random matrix `seed`: uniform over the multiples of 2^-bits in [-1, 1).
/// The kernel `draw` computes the same; both use the finaliser of MurmurHash3 (A. Appleby, public
/// domain).
pub fn drawn(dtype: Dtype, seed: u32, index: u64) -> f32 {
    let mut hash = (index as u32) ^ mix((index >> 32) as u32 ^ seed);
    hash = mix(hash.wrapping_add(seed));
    let bits = dtype.drawn_bits();
    let level = (hash >> (31 - bits)) as i32 - (1 << bits);
    level as f32 / (1_u32 << bits) as f32
}

fn mix(mut hash: u32) -> u32 {
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85eb_ca6b);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Dtype {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|dtype| dtype.name() == text);
        found.ok_or_else(|| format!("{text:?} is no number type (fp32, tf32, fp16, bf16, fp8)"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Dtype, drawn};
    use proptest::prelude::*;

    #[test]
    fn known_bits_are_known_numbers() {
        assert_eq!(Dtype::F16.decode(&[0x00, 0x3c]), Some(1.0));
        assert_eq!(Dtype::F16.decode(&[0x00, 0xc1]), Some(-2.5));
        assert_eq!(Dtype::F16.decode(&[0x01, 0x00]), Some(2_f64.powi(-24)));
        assert_eq!(Dtype::Bf16.decode(&[0x40, 0x40]), Some(3.0));
        assert_eq!(Dtype::F8.decode(&[0x38]), Some(1.0));
        assert_eq!(Dtype::F8.decode(&[0x7e]), Some(448.0));
        assert!(Dtype::F16.decode(&[0xff, 0xff]).is_some_and(f64::is_nan));
        assert_eq!(Dtype::F32.decode(&[0, 0, 0]), None);
    }

    /// What the kernel `draw` gives, compiled for a host by g++ 12 and run there.
    #[test]
    fn entries_are_those_of_the_kernel() {
        let entries = [
            (Dtype::F32, [0x3f4b_065e, 0xbf30_4aca, 0xbf65_0a62, 0xbe4f_7398, 0x3f5c_b08c_u32]),
            (Dtype::F16, [0x3a58, 0xb984, 0xbb2a, 0xb280, 0x3ae4]),
            (Dtype::Bf16, [0x3f4a, 0xbf32, 0xbf66, 0xbe50, 0x3f5c]),
            (Dtype::F8, [0x34, 0xb4, 0xb8, 0xa8, 0x34]),
        ];
        for (dtype, expected) in entries {
            for (index, bits) in [0, 1, 2, 500, 999].into_iter().zip(expected) {
                let stored = dtype.encode(drawn(dtype, 7, index));
                assert_eq!(stored, bits.to_le_bytes()[..dtype.bytes()], "{dtype} {index}");
            }
        }
    }

    #[test]
    fn types_read_back() {
        for dtype in Dtype::ALL {
            assert_eq!(dtype.to_string().parse(), Ok(dtype));
        }
        assert!("f64".parse::<Dtype>().is_err());
    }

    #[test]
    fn entries_fill_the_interval_evenly() {
        for dtype in Dtype::ALL {
            let values: Vec<f64> = (0..4096).map(|i| drawn(dtype, 7, i).into()).collect();
            let mean = values.iter().sum::<f64>() / 4096.0;
            // Five standard errors of a uniform mean: 5 x sqrt(1/3) / 64.
            assert!(mean.abs() < 0.046, "{dtype}: {mean}");
            assert!(values.iter().all(|value| (-1.0..1.0).contains(value)));
        }
        assert_ne!(drawn(Dtype::F32, 1, 5), drawn(Dtype::F32, 2, 5));
        assert_ne!(drawn(Dtype::F32, 1, 5), drawn(Dtype::F32, 1, 5 + (1 << 32)));
    }

    proptest! {
        #[test]
        fn drawn_entries_are_exact_in_their_type(index: u64, seed: u32) {
            for dtype in Dtype::ALL {
                let value = drawn(dtype, seed, index);
                prop_assert_eq!(dtype.decode(&dtype.encode(value)), Some(f64::from(value)));
            }
        }
    }
}
