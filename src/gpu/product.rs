//! Products of random matrices, whose right entries the host can compute one by one.

use super::number::drawn;
use super::{Dtype, Fault, Gpu, Memory, Multiplication};

/// A product of two random square matrices.
pub struct Product {
    n: usize,
    dtype: Dtype,
    seed: u32,
    a: Memory,
    b: Memory,
    c: Memory,
}

impl Product {
    /// New factors of `n` rows, and a result of NaN.
    pub(super) fn new(gpu: &Gpu, n: usize, dtype: Dtype, seed: u32) -> Result<Self, Fault> {
        has_units(&gpu.identity().architecture, dtype)?;
        let entries = n.checked_mul(n).filter(|entries| *entries <= usize::MAX / 8);
        let entries =
            entries.ok_or_else(|| Fault::Memory(format!("{n} x {n} entries fit no memory")))?;
        let factor = || gpu.memory(entries * dtype.bytes());
        let (a, b) = (factor()?, factor()?);
        let c = gpu.memory(entries * dtype.output().bytes())?;
        gpu.batch(0, |queue| {
            queue.draw(&a, dtype, seed)?;
            queue.draw(&b, dtype, seed ^ 1)?;
            queue.fill(&c, 0xff)
        })?;
        Ok(Self { n, dtype, seed, a, b, c })
    }

    pub(super) fn call(&self) -> Multiplication {
        let (a, b, c) = (self.a.address(), self.b.address(), self.c.address());
        Multiplication { n: self.n, dtype: self.dtype, a, b, c }
    }

    /// Floating-point operations: `2 n^3`.
    pub fn operations(&self) -> u64 {
        2 * (self.n as u64).pow(3)
    }

    /// Compares `samples` entries, drawn with `seed`, with sums of 64 bits over the same factors.
    /// The inner error says which entry is wrong and by how much.
    pub fn verify(&self, samples: usize, seed: u64) -> Result<Result<(), String>, Fault> {
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..samples {
            let (row, column) = (random.usize(..self.n), random.usize(..self.n));
            let size = self.dtype.output().bytes();
            let bytes = self.c.read((column * self.n + row) * size, size)?;
            let found = self.dtype.output().decode(&bytes).unwrap_or(f64::NAN);
            let (value, terms) = self.expected(row, column);
            let tolerance = self.dtype.tolerance(value, terms);
            // A NaN is never within the tolerance.
            let right = (found - value).abs() <= tolerance;
            if !right {
                return Ok(Err(format!(
                    "entry ({row}, {column}) of the {} product is {found}, not {value} +/- {tolerance:.2e}",
                    self.dtype
                )));
            }
        }
        Ok(Ok(()))
    }

    /// An entry of the product, and the sum of its terms' magnitudes.
    fn expected(&self, row: usize, column: usize) -> (f64, f64) {
        let n = self.n;
        let terms = (0..n).map(|k| {
            let a = if self.dtype.is_transposed() { row * n + k } else { k * n + row };
            let a = drawn(self.dtype, self.seed, a as u64);
            let b = drawn(self.dtype, self.seed ^ 1, (column * n + k) as u64);
            f64::from(a) * f64::from(b)
        });
        terms.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()))
    }
}

/// NVIDIA devices have had units for these types since: TF32 and BF16 since 8.0, FP8 since 8.9
/// (CUDA C++ Programming Guide, "Compute Capabilities"). Libraries compute them on older ones in
/// another way, which would carry the wrong name.
fn has_units(architecture: &str, dtype: Dtype) -> Result<(), Fault> {
    let Some(number) = architecture.strip_prefix("sm_").and_then(|n| n.parse::<u32>().ok()) else {
        return Ok(());
    };
    let since = match dtype {
        Dtype::F32 => 0,
        Dtype::F16 => 53,
        Dtype::Tf32 | Dtype::Bf16 => 80,
        Dtype::F8 => 89,
    };
    match number < since {
        true => Err(Fault::Unsupported(format!("{architecture} has no units for {dtype}"))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Dtype, has_units};

    #[test]
    fn older_devices_lack_newer_types() {
        assert!(has_units("sm_75", Dtype::Tf32).is_err());
        assert!(has_units("sm_86", Dtype::F8).is_err());
        for architecture in ["sm_89", "sm_100", "gfx942", "unknown"] {
            assert_eq!(has_units(architecture, Dtype::F8), Ok(()), "{architecture}");
        }
    }
}
