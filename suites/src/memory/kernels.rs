//! The four STREAM kernels: as a compiler makes them, arranged for the hardware, and with stores
//! that bypass the caches.
#![expect(unsafe_code, reason = "vector loads and non-temporal stores exist only as intrinsics")]

use vbench::prelude::Skip;

/// `out`, two inputs (the second is ignored by copy and scale), and the factor.
pub type Kernel = fn(&mut [f64], &[f64], &[f64], f64);

/// One implementation of the four kernels.
#[derive(Clone, Copy)]
pub struct Kernels {
    /// `out = x`.
    pub copy: Kernel,
    /// `out = s * x`.
    pub scale: Kernel,
    /// `out = x + y`.
    pub add: Kernel,
    /// `out = x + s * y`.
    pub triad: Kernel,
    /// The instructions used.
    pub isa: &'static str,
}

const COPY: u8 = 0;
const SCALE: u8 = 1;
const ADD: u8 = 2;
const TRIAD: u8 = 3;

impl Kernels {
    /// One sequential loop each, as any compiler makes it; copy is a call of `memcpy`, which is
    /// what gcc turns that loop into, and whose large copies bypass the caches by themselves.
    pub fn plain() -> Self {
        Self {
            copy: memcpy,
            scale: plain::<SCALE>,
            add: plain::<ADD>,
            triad: plain::<TRIAD>,
            isa: "loop",
        }
    }

    /// Ordinary stores with the widest vectors that this CPU has. The copy of arrays that no cache
    /// holds bypasses the caches all the same: it does so in every compiled program, which calls
    /// `memcpy`, and must not depend on the C library that this one is linked with.
    pub fn cached(beyond_caches: bool) -> Self {
        let cached = Self::ordinary();
        match Self::streaming() {
            Ok(streaming) if beyond_caches => Self { copy: streaming.copy, ..cached },
            _ => cached,
        }
    }

    fn ordinary() -> Self {
        #[cfg(target_arch = "x86_64")]
        return x86::widest::<false>();
        #[cfg(not(target_arch = "x86_64"))]
        return Self::plain();
    }

    /// Stores that bypass the caches.
    ///
    /// # Errors
    /// None are implemented for this kind of CPU.
    pub fn streaming() -> Result<Self, Skip> {
        #[cfg(target_arch = "x86_64")]
        return Ok(x86::widest::<true>());
        #[cfg(not(target_arch = "x86_64"))]
        return Err(Skip::because("non-temporal stores are implemented for x86-64 only"));
    }
}

fn memcpy(out: &mut [f64], x: &[f64], _: &[f64], _: f64) {
    let len = out.len().min(x.len());
    out[..len].copy_from_slice(&x[..len]);
}

fn plain<const KERNEL: u8>(out: &mut [f64], x: &[f64], y: &[f64], s: f64) {
    for ((out, x), y) in out.iter_mut().zip(x).zip(y) {
        *out = match KERNEL {
            COPY => *x,
            SCALE => s * x,
            ADD => x + y,
            _ => x + s * y,
        };
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{ADD, COPY, Kernels, SCALE, TRIAD, plain};
    use std::arch::is_x86_feature_detected;
    use std::arch::x86_64::*;

    /// Numbers in a cache line.
    const LINE: usize = 8;
    /// Streams that a thread follows at a time. One stream leaves the memory controller idle
    /// between its pages; four in neighbouring pages gave 1.15 times the bandwidth on an Ice Lake
    /// guest, and glibc's `memcpy` has done the same for large copies since 2.33.
    const STREAMS: usize = 4;
    /// Numbers in one stream of a block: a base page, so that each stream has its own prefetcher.
    const STREAM: usize = 512;
    /// Numbers done in one stream before the next has its turn: four lines.
    const TURN: usize = 4 * LINE;
    const BLOCK: usize = STREAMS * STREAM;
    /// Alignment that the widest non-temporal store asks for, in numbers.
    const ALIGNMENT: usize = 64;

    /// The kernels for the widest vectors that this CPU has.
    pub fn widest<const BYPASS: bool>() -> Kernels {
        if is_x86_feature_detected!("avx512f") {
            avx512::kernels::<BYPASS>()
        } else if is_x86_feature_detected!("avx2") {
            avx2::kernels::<BYPASS>()
        } else {
            sse2::kernels::<BYPASS>()
        }
    }

    macro_rules! vectors {
        ($isa:ident, $feature:tt, $lanes:literal, $load:ident, $store:ident, $stream:ident,
         $splat:ident, $mul:ident, $add:ident) => {
            pub mod $isa {
                use super::*;

                /// The kernels with these vectors.
                pub fn kernels<const BYPASS: bool>() -> Kernels {
                    Kernels {
                        copy: checked::<COPY, BYPASS>,
                        scale: checked::<SCALE, BYPASS>,
                        add: checked::<ADD, BYPASS>,
                        triad: checked::<TRIAD, BYPASS>,
                        isa: stringify!($isa),
                    }
                }

                fn checked<const KERNEL: u8, const BYPASS: bool>(
                    out: &mut [f64],
                    x: &[f64],
                    y: &[f64],
                    s: f64,
                ) {
                    assert!(is_x86_feature_detected!($feature), "this CPU lacks {}", $feature);
                    let len = out.len().min(x.len()).min(y.len());
                    let (out, x, y) = (&mut out[..len], &x[..len], &y[..len]);
                    // Up to the first aligned number, and after the last whole block, plain loops.
                    let head = out.as_ptr().align_offset(ALIGNMENT).min(len);
                    let tail = head + (len - head) / BLOCK * BLOCK;
                    plain::<KERNEL>(&mut out[..head], &x[..head], &y[..head], s);
                    // SAFETY: the CPU has the feature; the three slices have one length, a
                    // multiple of `BLOCK`; the first begins aligned.
                    unsafe {
                        let (x, y) = (&x[head..tail], &y[head..tail]);
                        blocks::<KERNEL, BYPASS>(&mut out[head..tail], x, y, s);
                    }
                    plain::<KERNEL>(&mut out[tail..], &x[tail..], &y[tail..], s);
                }

                /// # Safety
                /// Slices of one length that is a multiple of `BLOCK`; `out` begins at a multiple
                /// of `ALIGNMENT` bytes.
                #[target_feature(enable = $feature)]
                unsafe fn blocks<const KERNEL: u8, const BYPASS: bool>(
                    out: &mut [f64],
                    x: &[f64],
                    y: &[f64],
                    s: f64,
                ) {
                    let len = out.len();
                    let (out, x, y) = (out.as_mut_ptr(), x.as_ptr(), y.as_ptr());
                    let factor = $splat(s);
                    for block in (0..len).step_by(BLOCK) {
                        for done in (0..STREAM).step_by(TURN) {
                            for stream in 0..STREAMS {
                                let at = block + stream * STREAM + done;
                                // The next turn of this stream; past the end is harmless.
                                for line in (0..TURN).step_by(LINE) {
                                    let next = at + TURN + line;
                                    _mm_prefetch::<_MM_HINT_T0>(x.wrapping_add(next).cast());
                                    if KERNEL >= ADD {
                                        _mm_prefetch::<_MM_HINT_T0>(y.wrapping_add(next).cast());
                                    }
                                }
                                for lane in (at..at + TURN).step_by($lanes) {
                                    // SAFETY: `lane + $lanes` is at most the length of the slices,
                                    // and `out + lane` is aligned because `lane` counts whole
                                    // vectors from an aligned start.
                                    unsafe {
                                        let x = $load(x.add(lane));
                                        let value = match KERNEL {
                                            COPY => x,
                                            SCALE => $mul(factor, x),
                                            ADD => $add(x, $load(y.add(lane))),
                                            _ => $add(x, $mul(factor, $load(y.add(lane)))),
                                        };
                                        if BYPASS {
                                            $stream(out.add(lane), value);
                                        } else {
                                            $store(out.add(lane), value);
                                        }
                                    }
                                }
                            }
                        }
                    }
                    if BYPASS {
                        // Stores that bypass the caches are ordered, and finished, only by this.
                        _mm_sfence();
                    }
                }
            }
        };
    }

    vectors!(
        avx512,
        "avx512f",
        8,
        _mm512_loadu_pd,
        _mm512_store_pd,
        _mm512_stream_pd,
        _mm512_set1_pd,
        _mm512_mul_pd,
        _mm512_add_pd
    );
    vectors!(
        avx2,
        "avx2",
        4,
        _mm256_loadu_pd,
        _mm256_store_pd,
        _mm256_stream_pd,
        _mm256_set1_pd,
        _mm256_mul_pd,
        _mm256_add_pd
    );
    vectors!(
        sse2,
        "sse2",
        2,
        _mm_loadu_pd,
        _mm_store_pd,
        _mm_stream_pd,
        _mm_set1_pd,
        _mm_mul_pd,
        _mm_add_pd
    );
}

#[cfg(test)]
mod tests {
    use super::Kernels;

    /// Every implementation that this CPU can run.
    fn all() -> Vec<Kernels> {
        let mut all = vec![Kernels::plain(), Kernels::cached(false), Kernels::cached(true)];
        all.extend(Kernels::streaming());
        #[cfg(target_arch = "x86_64")]
        {
            use super::x86::{avx2, avx512, sse2};
            all.extend([sse2::kernels::<false>(), sse2::kernels::<true>()]);
            if std::arch::is_x86_feature_detected!("avx2") {
                all.extend([avx2::kernels::<false>(), avx2::kernels::<true>()]);
            }
            if std::arch::is_x86_feature_detected!("avx512f") {
                all.extend([avx512::kernels::<false>(), avx512::kernels::<true>()]);
            }
        }
        all
    }

    /// All lengths around the block size, at every alignment: the same numbers as plain arithmetic.
    #[test]
    fn every_kernel_computes_what_it_says() {
        for kernels in all() {
            for (len, skip) in [(0, 0), (1, 0), (7, 3), (2048, 0), (2047, 1), (6500, 5)] {
                let x: Vec<f64> = (0..len + skip).map(|i| i as f64 + 0.25).collect();
                let y: Vec<f64> = (0..len + skip).map(|i| 1.0 / (i as f64 + 1.0)).collect();
                let (x, y) = (&x[skip..], &y[skip..]);
                let wanted = |f: fn(f64, f64) -> f64| -> Vec<f64> {
                    x.iter().zip(y).map(|(x, y)| f(*x, *y)).collect()
                };
                let run = |kernel: super::Kernel| {
                    let mut out = vec![-1.0; len + skip];
                    kernel(&mut out[skip..], x, y, 0.5);
                    assert!(out[..skip].iter().all(|untouched| *untouched == -1.0));
                    out.split_off(skip)
                };
                let isa = kernels.isa;
                assert_eq!(run(kernels.copy), wanted(|x, _| x), "{isa} copy {len}");
                assert_eq!(run(kernels.scale), wanted(|x, _| 0.5 * x), "{isa} scale {len}");
                assert_eq!(run(kernels.add), wanted(|x, y| x + y), "{isa} add {len}");
                assert_eq!(run(kernels.triad), wanted(|x, y| x + 0.5 * y), "{isa} triad {len}");
            }
        }
    }
}
