//! The four STREAM kernels: as a compiler makes them, arranged for the hardware, and with stores
//! that bypass the caches.
#![expect(unsafe_code, reason = "vector loads and non-temporal stores exist only as intrinsics")]

use std::ops::{Add, Mul};
use vbench::prelude::Skip;

/// `out`, two inputs (the second is ignored by copy and scale), and the factor.
pub type Run<T> = fn(&mut [T], &[T], &[T], T);

/// Two outputs that get the same sum, and its two terms.
pub type Twice<T> = fn(&mut [T], &mut [T], &[T], &[T]);

/// One implementation of one kernel.
#[derive(Clone, Copy)]
pub struct Kernel<T = f64> {
    /// The function.
    pub run: Run<T>,
    /// Its instructions, and in which order it goes through memory.
    pub made: &'static str,
}

/// One implementation of the four kernels.
#[derive(Clone, Copy)]
pub struct Kernels<T = f64> {
    /// `out = x`.
    pub copy: Kernel<T>,
    /// `out = s * x`.
    pub scale: Kernel<T>,
    /// `out = x + y`.
    pub add: Kernel<T>,
    /// `out = x + s * y`.
    pub triad: Kernel<T>,
    /// `out = x + y` in two places: a sum that is not read again to be sent.
    pub twice: Twice<T>,
}

const COPY: u8 = 0;
const SCALE: u8 = 1;
const ADD: u8 = 2;
const TRIAD: u8 = 3;

/// The numbers there are kernels for: 64-bit floats for STREAM, 32-bit ones for sums of ranks.
pub trait Number: Copy + Add<Output = Self> + Mul<Output = Self> {
    /// The kernels with vectors.
    #[cfg(target_arch = "x86_64")]
    fn arrangements<const BYPASS: bool>() -> Vec<Kernels<Self>>;
}

impl<T: Number> Kernels<T> {
    fn of(made: &'static str, runs: [Run<T>; 4], twice: Twice<T>) -> Self {
        let [copy, scale, add, triad] = runs.map(|run| Kernel { run, made });
        Self { copy, scale, add, triad, twice }
    }

    /// One sequential loop each, as any compiler makes it; copy is a call of `memcpy`, which is
    /// what gcc turns that loop into, and whose large copies bypass the caches by themselves.
    pub fn plain() -> Self {
        let runs = [memcpy, plain::<SCALE, T>, plain::<ADD, T>, plain::<TRIAD, T>];
        Self::of("loop", runs, plain_twice)
    }

    /// Ordinary stores, in every arrangement that is the fastest somewhere. The copy of arrays
    /// that no cache holds bypasses the caches all the same: it does so in every compiled program,
    /// which calls `memcpy`, and must not depend on the C library that this one is linked with.
    pub fn cached(beyond_caches: bool) -> Vec<Self> {
        let cached = Self::ordinary();
        match Self::streaming() {
            Ok(streaming) if beyond_caches => {
                let copies = streaming.iter().map(|kernels| kernels.copy).cycle();
                cached
                    .into_iter()
                    .zip(copies)
                    .map(|(cached, copy)| Self { copy, ..cached })
                    .collect()
            }
            _ => cached,
        }
    }

    fn ordinary() -> Vec<Self> {
        #[cfg(target_arch = "x86_64")]
        return T::arrangements::<false>();
        #[cfg(not(target_arch = "x86_64"))]
        return vec![Self::plain()];
    }

    /// Stores that bypass the caches, in every arrangement that is the fastest somewhere.
    ///
    /// # Errors
    /// None are implemented for this kind of CPU.
    pub fn streaming() -> Result<Vec<Self>, Skip> {
        #[cfg(target_arch = "x86_64")]
        return Ok(T::arrangements::<true>());
        #[cfg(not(target_arch = "x86_64"))]
        return Err(Skip::because("non-temporal stores are implemented for x86-64 only"));
    }

    /// How each kernel is made, for a fact.
    pub fn made(&self) -> String {
        let Self { copy, scale, add, triad, .. } = self;
        let named = [("copy", copy), ("scale", scale), ("add", add), ("triad", triad)];
        named.map(|(name, kernel)| format!("{name}: {}", kernel.made)).join(", ")
    }
}

fn memcpy<T: Number>(out: &mut [T], x: &[T], _: &[T], _: T) {
    let len = out.len().min(x.len());
    out[..len].copy_from_slice(&x[..len]);
}

fn plain<const KERNEL: u8, T: Number>(out: &mut [T], x: &[T], y: &[T], s: T) {
    for ((out, x), y) in out.iter_mut().zip(x).zip(y) {
        *out = match KERNEL {
            COPY => *x,
            SCALE => s * *x,
            ADD => *x + *y,
            _ => *x + s * *y,
        };
    }
}

fn plain_twice<T: Number>(first: &mut [T], second: &mut [T], x: &[T], y: &[T]) {
    for (((first, second), x), y) in first.iter_mut().zip(second).zip(x).zip(y) {
        let sum = *x + *y;
        (*first, *second) = (sum, sum);
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{ADD, COPY, Kernels, Number, SCALE, TRIAD, plain, plain_twice};
    use std::arch::is_x86_feature_detected;
    use std::arch::x86_64::*;

    /// Bytes in a cache line.
    const LINE_BYTES: usize = 64;
    /// Streams that a thread follows at a time. One stream leaves the memory controller idle
    /// between its pages; four in neighbouring pages gave 1.15 times the bandwidth on an Ice Lake
    /// guest, and glibc's `memcpy` has done the same for large copies since 2.33. On a Zen 4 guest
    /// one stream is 1.1 to 1.25 times as fast as four, so both are offered.
    const FOUR: usize = 4;
    const ONE: usize = 1;
    /// Lines of the next page that are asked for when a sequential stream begins a page. The hardware's
    /// prefetchers stop at the end of a page, and its address is looked up only then; in base pages
    /// of a Zen 4 guest this was worth 2% to 14%, and eight lines or more were worth less.
    const BEGUN: usize = 4;
    const NONE: usize = 0;
    /// Bytes of one stream of a block: a base page, so that each stream has its own prefetcher.
    const STREAM_BYTES: usize = 4096;
    /// Alignment that the widest non-temporal store asks for, in bytes.
    const ALIGNMENT: usize = 64;

    macro_rules! arrangements {
        ($number:ty, $avx512:ident, $avx2:ident, $sse2:ident) => {
            impl Number for $number {
                /// Four streams of the widest vectors, and one of each width that compilers choose,
                /// with and without pages begun early.
                fn arrangements<const BYPASS: bool>() -> Vec<Kernels<Self>> {
                    let avx512 = is_x86_feature_detected!("avx512f");
                    let avx2 = is_x86_feature_detected!("avx2");
                    let mut all = Vec::new();
                    if avx512 {
                        all.push($avx512::kernels::<BYPASS, FOUR, NONE>());
                        all.push($avx512::kernels::<BYPASS, ONE, BEGUN>());
                        all.push($avx512::kernels::<BYPASS, ONE, NONE>());
                    } else if avx2 {
                        all.push($avx2::kernels::<BYPASS, FOUR, NONE>());
                    } else {
                        all.push($sse2::kernels::<BYPASS, FOUR, NONE>());
                    }
                    if avx2 {
                        all.push($avx2::kernels::<BYPASS, ONE, BEGUN>());
                        all.push($avx2::kernels::<BYPASS, ONE, NONE>());
                    }
                    all.push($sse2::kernels::<BYPASS, ONE, BEGUN>());
                    all.push($sse2::kernels::<BYPASS, ONE, NONE>());
                    all
                }
            }
        };
    }

    arrangements!(f64, avx512, avx2, sse2);
    arrangements!(f32, avx512_single, avx2_single, sse2_single);

    macro_rules! vectors {
        ($isa:ident, $feature:tt, $number:ty, $lanes:literal, $load:ident, $store:ident,
         $stream:ident, $splat:ident, $mul:ident, $add:ident) => {
            pub mod $isa {
                use super::*;

                /// Numbers in a cache line.
                const LINE: usize = LINE_BYTES / size_of::<$number>();
                /// Numbers in one stream of a block.
                const STREAM: usize = STREAM_BYTES / size_of::<$number>();
                /// Numbers done in one of several streams before the next has its turn: four lines.
                const TURN: usize = 4 * LINE;

                /// The kernels with these vectors.
                pub fn kernels<const BYPASS: bool, const STREAMS: usize, const AHEAD: usize>()
                -> Kernels<$number> {
                    let made = match (STREAMS, AHEAD) {
                        (ONE, NONE) => concat!(stringify!($isa), " in sequence"),
                        (ONE, _) => concat!(stringify!($isa), " in sequence, pages begun early"),
                        _ => concat!(stringify!($isa), " in four streams"),
                    };
                    let copy = checked::<COPY, BYPASS, STREAMS, AHEAD>;
                    let scale = checked::<SCALE, BYPASS, STREAMS, AHEAD>;
                    let add = checked::<ADD, BYPASS, STREAMS, AHEAD>;
                    let runs = [copy, scale, add, checked::<TRIAD, BYPASS, STREAMS, AHEAD>];
                    Kernels::of(made, runs, twice::<BYPASS>)
                }

                fn twice<const BYPASS: bool>(
                    first: &mut [$number],
                    second: &mut [$number],
                    x: &[$number],
                    y: &[$number],
                ) {
                    assert!(is_x86_feature_detected!($feature), "this CPU lacks {}", $feature);
                    let len = first.len().min(second.len()).min(x.len()).min(y.len());
                    // Vectors from where both outputs are aligned; that may be nowhere.
                    let offsets = [first.as_ptr(), second.as_ptr()]
                        .map(|start| start.align_offset(ALIGNMENT).min(len));
                    let head = if offsets[0] == offsets[1] { offsets[0] } else { len };
                    let tail = head + (len - head) / LINE * LINE;
                    for plain in [0..head, tail..len] {
                        let (first, second) =
                            (&mut first[plain.clone()], &mut second[plain.clone()]);
                        plain_twice(first, second, &x[plain.clone()], &y[plain]);
                    }
                    let (first, second) = (&mut first[head..tail], &mut second[head..tail]);
                    // SAFETY: the CPU has the feature; the four slices have one length, a whole
                    // number of lines; both outputs begin aligned, or are empty.
                    unsafe { lines::<BYPASS>(first, second, &x[head..tail], &y[head..tail]) }
                }

                /// # Safety
                /// Slices of one length that is a multiple of `LINE`; `first` and `second` begin at
                /// multiples of `ALIGNMENT` bytes.
                #[target_feature(enable = $feature)]
                unsafe fn lines<const BYPASS: bool>(
                    first: &mut [$number],
                    second: &mut [$number],
                    x: &[$number],
                    y: &[$number],
                ) {
                    let len = first.len();
                    let (first, second) = (first.as_mut_ptr(), second.as_mut_ptr());
                    for lane in (0..len).step_by($lanes) {
                        // SAFETY: `lane + $lanes` is at most the length of all four, and vectors
                        // counted from an aligned start are aligned.
                        unsafe {
                            let x = $load(x.as_ptr().add(lane));
                            let sum = $add(x, $load(y.as_ptr().add(lane)));
                            if BYPASS {
                                $stream(first.add(lane), sum);
                                $stream(second.add(lane), sum);
                            } else {
                                $store(first.add(lane), sum);
                                $store(second.add(lane), sum);
                            }
                        }
                    }
                    if BYPASS {
                        // Stores that bypass the caches are ordered, and finished, only by this.
                        _mm_sfence();
                    }
                }

                fn checked<
                    const KERNEL: u8,
                    const BYPASS: bool,
                    const STREAMS: usize,
                    const AHEAD: usize,
                >(
                    out: &mut [$number],
                    x: &[$number],
                    y: &[$number],
                    s: $number,
                ) {
                    assert!(is_x86_feature_detected!($feature), "this CPU lacks {}", $feature);
                    let len = out.len().min(x.len()).min(y.len());
                    let (out, x, y) = (&mut out[..len], &x[..len], &y[..len]);
                    // Up to the first aligned number, and after the last whole block, plain loops.
                    let head = out.as_ptr().align_offset(ALIGNMENT).min(len);
                    let block = STREAMS * STREAM;
                    let tail = head + (len - head) / block * block;
                    plain::<KERNEL, $number>(&mut out[..head], &x[..head], &y[..head], s);
                    // SAFETY: the CPU has the feature; the three slices have one length, a
                    // whole number of blocks; the first begins aligned.
                    unsafe {
                        let (x, y) = (&x[head..tail], &y[head..tail]);
                        blocks::<KERNEL, BYPASS, STREAMS, AHEAD>(&mut out[head..tail], x, y, s);
                    }
                    plain::<KERNEL, $number>(&mut out[tail..], &x[tail..], &y[tail..], s);
                }

                /// # Safety
                /// Slices of one length that is a multiple of `STREAMS * STREAM`; `out` begins at
                /// a multiple of `ALIGNMENT` bytes.
                #[target_feature(enable = $feature)]
                unsafe fn blocks<
                    const KERNEL: u8,
                    const BYPASS: bool,
                    const STREAMS: usize,
                    const AHEAD: usize,
                >(
                    out: &mut [$number],
                    x: &[$number],
                    y: &[$number],
                    s: $number,
                ) {
                    let len = out.len();
                    let (out, x, y) = (out.as_mut_ptr(), x.as_ptr(), y.as_ptr());
                    let factor = $splat(s);
                    let turn = if STREAMS == ONE { STREAM } else { TURN };
                    // Past the end a prefetch is harmless.
                    let begin = |at: usize, lines: usize| {
                        for next in (at..at + lines * LINE).step_by(LINE) {
                            _mm_prefetch::<_MM_HINT_T0>(x.wrapping_add(next).cast());
                            if KERNEL >= ADD {
                                _mm_prefetch::<_MM_HINT_T0>(y.wrapping_add(next).cast());
                            }
                        }
                    };
                    for block in (0..len).step_by(STREAMS * STREAM) {
                        begin(block + STREAM, AHEAD);
                        for done in (0..STREAM).step_by(turn) {
                            for stream in 0..STREAMS {
                                let at = block + stream * STREAM + done;
                                // The next turn of this stream. One stream is what the hardware's
                                // own prefetchers follow best.
                                if STREAMS != ONE {
                                    begin(at + turn, turn / LINE);
                                }
                                for lane in (at..at + turn).step_by($lanes) {
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
        f64,
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
        f64,
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
        f64,
        2,
        _mm_loadu_pd,
        _mm_store_pd,
        _mm_stream_pd,
        _mm_set1_pd,
        _mm_mul_pd,
        _mm_add_pd
    );
    vectors!(
        avx512_single,
        "avx512f",
        f32,
        16,
        _mm512_loadu_ps,
        _mm512_store_ps,
        _mm512_stream_ps,
        _mm512_set1_ps,
        _mm512_mul_ps,
        _mm512_add_ps
    );
    vectors!(
        avx2_single,
        "avx2",
        f32,
        8,
        _mm256_loadu_ps,
        _mm256_store_ps,
        _mm256_stream_ps,
        _mm256_set1_ps,
        _mm256_mul_ps,
        _mm256_add_ps
    );
    vectors!(
        sse2_single,
        "sse2",
        f32,
        4,
        _mm_loadu_ps,
        _mm_store_ps,
        _mm_stream_ps,
        _mm_set1_ps,
        _mm_mul_ps,
        _mm_add_ps
    );
}

#[cfg(not(target_arch = "x86_64"))]
impl Number for f64 {}
#[cfg(not(target_arch = "x86_64"))]
impl Number for f32 {}

#[cfg(test)]
mod tests;
