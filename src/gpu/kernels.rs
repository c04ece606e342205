//! The device kernels: one source without headers, compiled at run time for the device at hand.

/// Source of every kernel, for NVRTC and hipRTC.
pub const SOURCE: &str = include_str!("kernels.cu");

/// The same for NVIDIA drivers without a compiler beside them: the driver itself translates it.
/// Made by `.ci/gpu-ptx`; the first line holds a hash of the source.
#[cfg(any(feature = "cuda", test))]
pub(super) const PTX: &str = include_str!("kernels.ptx");

/// NVIDIA architectures that every change of the source is compiled for in tests: A100, H100 and
/// H200, B200.
pub const CUDA_ARCHITECTURES: [&str; 3] = ["sm_80", "sm_90", "sm_100"];

/// A kernel of [`SOURCE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// Random entries.
    Draw,
    /// Nothing.
    Nothing,
    /// `a = b + 3 c`.
    Triad,
    /// `a = b`.
    Duplicate,
    /// A rank's summand.
    Contribute,
    /// Wrong sums.
    CountWrong,
    /// A sum of words.
    AddUp,
}

impl Kernel {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Draw,
        Self::Nothing,
        Self::Triad,
        Self::Duplicate,
        Self::Contribute,
        Self::CountWrong,
        Self::AddUp,
    ];

    /// Its name in the source.
    pub fn name(self) -> &'static str {
        match self {
            Self::Draw => "draw",
            Self::Nothing => "nothing",
            Self::Triad => "triad",
            Self::Duplicate => "duplicate",
            Self::Contribute => "contribute",
            Self::CountWrong => "count_wrong",
            Self::AddUp => "add_up",
        }
    }
}

/// Entry `i` of what `rank` gives to a collective operation: a small whole number, so that sums of
/// many ranks are exact. The kernels `contribute` and `count_wrong` compute the same.
pub fn summand(i: u64, rank: u64) -> f32 {
    ((i + rank) % 61 + rank) as f32
}

#[cfg(test)]
mod tests {
    use super::{Kernel, PTX, SOURCE};

    #[test]
    fn the_ptx_is_of_this_source() {
        // FNV-1a, 64 bits (G. Fowler, L. C. Noll, K.-P. Vo).
        let hash = SOURCE.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let first = PTX.lines().next().unwrap_or_default();
        assert!(first.ends_with(&format!("{hash:016x}")), "renew it with .ci/gpu-ptx: {hash:016x}");
        for kernel in Kernel::ALL {
            assert!(PTX.contains(&format!(".visible .entry {}(", kernel.name())), "{kernel:?}");
        }
    }

    #[test]
    fn every_kernel_is_in_the_source_and_no_other() {
        for kernel in Kernel::ALL {
            assert!(SOURCE.contains(&format!("__global__ void {}(", kernel.name())), "{kernel:?}");
        }
        assert_eq!(SOURCE.matches("__global__").count(), Kernel::ALL.len());
        assert!(!SOURCE.contains("#include"), "no header is there at run time");
    }
}
