//! What the kernels and the product compute, on the host.
#![expect(unsafe_code, reason = "parameters are addresses, as on a device")]

use super::super::number::drawn;
use super::super::{Dtype, Fault, Kernel, Multiplication, summand};

/// Runs `kernel` and gives the bytes it moved.
///
/// # Safety
/// The parameters are the kernel's, and their addresses hold.
pub(super) unsafe fn run(kernel: Kernel, parameters: &[u64]) -> Result<usize, Fault> {
    match (kernel, parameters) {
        (Kernel::Nothing, []) => Ok(0),
        (Kernel::Draw, &[out, count, seed, size, fraction]) => {
            let dtype = Dtype::ALL.into_iter().find(|dtype| {
                dtype.bytes() as u64 == size && u64::from(dtype.drawn_bits()) == fraction
            });
            let dtype = dtype.ok_or_else(|| Fault::Failed("draw: no such type".into()))?;
            for i in 0..count {
                let bytes = dtype.encode(drawn(dtype, seed as u32, i));
                let to = (out + i * size) as *mut u8;
                // SAFETY: the caller's memory holds `count` entries of `size` bytes.
                unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
            }
            Ok((count * size) as usize)
        }
        (Kernel::Triad, &[a, b, c, fours]) => {
            for i in 0..4 * fours as usize {
                // SAFETY: the caller's memories hold four floats `fours` times.
                unsafe { *float(a, i) = *float(b, i) + 3.0 * *float(c, i) };
            }
            Ok(48 * fours as usize)
        }
        (Kernel::Duplicate, &[a, b, fours]) => {
            // SAFETY: as for the triad.
            unsafe { std::ptr::copy(b as *const u8, a as *mut u8, 16 * fours as usize) };
            Ok(32 * fours as usize)
        }
        (Kernel::Contribute, &[out, count, rank]) => {
            for i in 0..count {
                // SAFETY: the caller's memory holds `count` floats.
                unsafe { *float(out, i as usize) = summand(i, rank) };
            }
            Ok(4 * count as usize)
        }
        (Kernel::CountWrong, &[sums, count, ranks, wrong]) => {
            for i in 0..count {
                let expected: f32 = (0..ranks).map(|rank| summand(i, rank)).sum();
                // SAFETY: the caller's memories hold `count` floats and a word.
                unsafe {
                    if *float(sums, i as usize) != expected {
                        *(wrong as *mut u32) += 1;
                    }
                }
            }
            Ok(4 * count as usize)
        }
        (Kernel::AddUp, &[words, count, sum]) => {
            for i in 0..count as usize {
                // SAFETY: the caller's memories hold `count` words and one.
                unsafe {
                    let word = *(words as *const u32).add(i);
                    let sum = sum as *mut u32;
                    *sum = (*sum).wrapping_add(word);
                }
            }
            Ok(4 * count as usize)
        }
        _ => Err(Fault::Failed(format!("{}: wrong parameters", kernel.name()))),
    }
}

fn float(address: u64, index: usize) -> *mut f32 {
    (address as *mut f32).wrapping_add(index)
}

/// The product by its definition; with `wrong`, of the second factor transposed.
///
/// # Safety
/// The addresses hold matrices of `n` rows of the types named.
pub(super) unsafe fn multiply(product: &Multiplication, wrong: bool) {
    let (n, dtype) = (product.n, product.dtype);
    let entry = |matrix: u64, at: usize| {
        let address = matrix + (at * dtype.bytes()) as u64;
        // SAFETY: the caller's matrices.
        let bytes = unsafe { std::slice::from_raw_parts(address as *const u8, dtype.bytes()) };
        dtype.decode(bytes).unwrap_or(f64::NAN)
    };
    for column in 0..n {
        for row in 0..n {
            let b = |k: usize| if wrong { k * n + column } else { column * n + k };
            let terms = (0..n).map(|k| entry(product.a, k * n + row) * entry(product.b, b(k)));
            let bytes = dtype.output().encode(terms.sum::<f64>() as f32);
            let to = product.c + ((column * n + row) * bytes.len()) as u64;
            // SAFETY: the caller's matrices.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to as *mut u8, bytes.len()) };
        }
    }
}
