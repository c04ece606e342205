//! Every kernel against plain arithmetic.

use super::{Kernels, Number};

/// Every implementation that this CPU can run.
fn all() -> Vec<Kernels> {
    let mut all = vec![Kernels::plain()];
    all.extend(Kernels::cached(false));
    all.extend(Kernels::cached(true));
    all.extend(Kernels::streaming().into_iter().flatten());
    #[cfg(target_arch = "x86_64")]
    {
        use super::x86::{avx2, sse2};
        all.extend([sse2::kernels::<false, 4, 0>(), sse2::kernels::<true, 1, 4>()]);
        if std::arch::is_x86_feature_detected!("avx2") {
            all.extend([avx2::kernels::<false, 4, 0>(), avx2::kernels::<true, 4, 0>()]);
        }
    }
    all
}

/// The same for 32-bit floats.
fn single() -> Vec<Kernels<f32>> {
    let mut all = vec![Kernels::plain()];
    all.extend(Kernels::cached(false));
    all.extend(Kernels::cached(true));
    all.extend(Kernels::streaming().into_iter().flatten());
    #[cfg(target_arch = "x86_64")]
    {
        use super::x86::{avx2_single, sse2_single};
        all.extend([sse2_single::kernels::<false, 4, 0>(), sse2_single::kernels::<true, 1, 4>()]);
        if std::arch::is_x86_feature_detected!("avx2") {
            all.extend([
                avx2_single::kernels::<true, 1, 0>(),
                avx2_single::kernels::<true, 4, 0>(),
            ]);
        }
    }
    all
}

#[test]
fn every_kernel_computes_what_it_says() {
    compute(all(), |i| i as f64 + 0.25, |i| 1.0 / (i as f64 + 1.0), 0.5);
    compute(single(), |i| i as f32 + 0.25, |i| 1.0 / (i as f32 + 1.0), 0.5);
}

/// All lengths around the block size, at every alignment: the same numbers as plain arithmetic.
fn compute<T: Number + PartialEq + std::fmt::Debug + From<i8>>(
    kernels: Vec<Kernels<T>>,
    first: fn(usize) -> T,
    second: fn(usize) -> T,
    factor: T,
) {
    let untouched = T::from(-1);
    for kernels in kernels {
        for (len, skip) in [(0, 0), (1, 0), (7, 3), (4096, 0), (4095, 1), (13_000, 5)] {
            let x: Vec<T> = (0..len + skip).map(first).collect();
            let y: Vec<T> = (0..len + skip).map(second).collect();
            let (x, y) = (&x[skip..], &y[skip..]);
            let wanted = |f: &dyn Fn(T, T) -> T| -> Vec<T> {
                x.iter().zip(y).map(|(x, y)| f(*x, *y)).collect()
            };
            let run = |kernel: super::Kernel<T>| {
                let mut out = vec![untouched; len + skip];
                (kernel.run)(&mut out[skip..], x, y, factor);
                assert!(out[..skip].iter().all(|number| *number == untouched));
                out.split_off(skip)
            };
            let isa = kernels.made();
            assert_eq!(run(kernels.copy), wanted(&|x, _| x), "{isa} copy {len}");
            assert_eq!(run(kernels.scale), wanted(&|x, _| factor * x), "{isa} scale {len}");
            assert_eq!(run(kernels.add), wanted(&|x, y| x + y), "{isa} add {len}");
            assert_eq!(run(kernels.triad), wanted(&|x, y| x + factor * y), "{isa} triad {len}");
            // Both outputs as far from alignment, and one further.
            for more in [0, 1] {
                let mut outs = [vec![untouched; len + skip], vec![untouched; len + skip + more]];
                let [one, other] = &mut outs;
                (kernels.twice)(&mut one[skip..], &mut other[skip + more..], x, y);
                assert!(outs.iter().all(|out| out[..skip].iter().all(|n| *n == untouched)));
                assert_eq!(outs[0][skip..], wanted(&|x, y| x + y), "{isa} twice {len}");
                assert_eq!(outs[1][skip + more..], outs[0][skip..], "{isa} twice {len}");
            }
        }
    }
}
