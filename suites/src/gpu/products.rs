//! Products of matrices: the control of every GPU comparison.

use super::watch::{Look, Watch};
use super::watched::Watched;
use vbench::gpu::{self, Dtype, Fault, Gpu, Peak, Product, Times};
use vbench::prelude::*;

/// Products before the first timed one, and those of a sample. Source: the study's matrix
/// benchmark, which its readers compare with.
const WARM_UPS: usize = 10;
const TIMED: usize = 100;
/// Entries that are compared with sums of 64 bits. One wrong entry in ten is missed once in 800.
const CHECKED: usize = 64;
/// Rows when only the working of the benchmark is of interest.
const SMOKE: usize = 64;

/// A share of the most there can be.
#[derive(Clone, Copy, Debug)]
pub struct Share(f64);

impl Quantity for Share {
    const NAME: &'static str = "share";
    const UNIT: Unit = Unit::plain("1");
    const BETTER: Better = Better::Higher;
    fn value(self) -> f64 {
        self.0
    }
}

/// What a sample of products shows.
#[derive(Metrics)]
pub struct Speed {
    /// `2 n^3` over the time of one.
    flops: FlopsPerSec,
    /// Of one product, of all timed ones.
    time: Seconds,
    /// The slowest.
    #[metric(info)]
    slowest: Seconds,
    /// Of what the maker promises for this type.
    #[metric(info)]
    of_peak: Option<Share>,
}

/// Turns the units for TF32 off in every library of NVIDIA's, whatever a program asks for. Source:
/// NVIDIA, "Accelerating AI Training with NVIDIA TF32 Tensor Cores" (2021).
const OVERRIDE: &str = "NVIDIA_TF32_OVERRIDE";
/// How variables begin that change what the libraries of products do.
const SETTINGS: [&str; 4] = ["CUBLAS", "ROCBLAS_", "HIPBLASLT_", OVERRIDE];

/// The variables that change products, for a fact; empty for none.
///
/// # Errors
/// One makes another product of it than the case says.
fn settings(
    dtype: Dtype,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<String, Skip> {
    let changes = |name: &str| SETTINGS.iter().any(|start| name.starts_with(start));
    let mut told = Vec::new();
    for (name, value) in variables.filter(|(name, _)| changes(name)) {
        if dtype == Dtype::Tf32 && name == OVERRIDE && value.trim() == "0" {
            return Err(Skip::because(format!("{OVERRIDE}=0 is set: it makes fp32 of tf32")));
        }
        told.push(format!("{name}={value}"));
    }
    told.sort();
    Ok(told.join(" "))
}

fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| {
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    })
}

/// Rows of the matrices; the largest take minutes in 32 bits.
pub fn rows() -> Vec<usize> {
    let most = if Machine::current().profile == Profile::Thorough { 15 } else { 13 };
    (10..=most).map(|power| 1 << power).collect()
}

/// Products of `n` rows.
pub fn measure(
    b: &mut Bencher,
    gpu: &Gpu,
    dtype: Dtype,
    n: usize,
) -> Result<Samples<Watched<Speed>>, Stop> {
    let n = if b.is_smoke() { n.min(SMOKE) } else { n };
    let (warm_ups, timed) = if b.is_smoke() { (1, 1) } else { (WARM_UPS, TIMED) };
    let watch = Watch::over(b, gpu);
    let product = prepare(b, gpu, dtype, n, warm_ups)?;
    let peak = gpu::peak(gpu.identity(), dtype);
    let samples = watch.samples(b, |look| {
        let times = batch(gpu, &product, timed, look)?;
        Speed::of(&product, &times, peak.as_ref().ok())
    })?;
    check(b, &product)?;
    b.fact("rows", n);
    b.fact("products_per_sample", timed);
    match peak {
        Ok(peak) => {
            b.fact("peak_flops", peak.flops);
            b.fact("peak_source", peak.source);
        }
        Err(why) => b.fact("peak_flops", format!("unknown: {why}")),
    }
    Ok(samples)
}

impl Speed {
    fn of(product: &Product, times: &Times, peak: Option<&Peak>) -> Result<Self, Fault> {
        let time = times.total()? / times.steps().len() as f64;
        let flops = Flops(product.operations()).per(time);
        let slowest = Seconds(times.steps().iter().copied().fold(0.0, f64::max));
        let of_peak = peak.map(|peak| Share(flops.0 / peak.flops));
        Ok(Self { flops, time: Seconds(time), slowest, of_peak })
    }
}

/// A product that was computed `warm_ups` times and is right.
fn prepare(
    b: &mut Bencher,
    gpu: &Gpu,
    dtype: Dtype,
    n: usize,
    warm_ups: usize,
) -> Result<Product, Stop> {
    b.fact("blas_settings", settings(dtype, environment())?);
    let product = gpu.product(n, dtype, b.seed() as u32)?;
    gpu.batch(0, |queue| (0..warm_ups).try_for_each(|_| queue.multiply(&product)))?;
    check(b, &product)?;
    Ok(product)
}

fn check(b: &mut Bencher, product: &Product) -> Result<(), Stop> {
    let verified = product.verify(CHECKED, b.seed())?;
    b.check(verified.is_ok(), verified.err().unwrap_or_default());
    Ok(())
}

fn batch(gpu: &Gpu, product: &Product, count: usize, look: &Look<'_>) -> Result<Times, Fault> {
    look.once(|glance| {
        gpu.batch(count + 1, |queue| {
            queue.mark()?;
            for _ in 0..count {
                queue.multiply(product)?;
                queue.mark()?;
            }
            glance();
            Ok(())
        })
    })
}

/// Seconds of a sample of the soak.
const SLICE: f64 = 1.0;

/// Products for as long as the profile lets a launch run, a second a sample.
pub fn soak(
    b: &mut Bencher,
    gpu: &Gpu,
    dtype: Dtype,
    n: usize,
) -> Result<Samples<Watched<FlopsPerSec>>, Stop> {
    let n = if b.is_smoke() { n.min(SMOKE) } else { n };
    let watch = Watch::over(b, gpu);
    let product = prepare(b, gpu, dtype, n, 1)?;
    let once = gpu.batch(2, |queue| {
        queue.mark()?;
        queue.multiply(&product)?;
        queue.mark()
    })?;
    let slice = if b.is_smoke() { 0.0 } else { SLICE };
    let count = (slice / once.total()?).ceil().clamp(1.0, 1e5) as usize;
    let samples = watch.samples(b, |look| {
        let times = batch(gpu, &product, count, look)?;
        Ok(Speed::of(&product, &times, None)?.flops)
    })?;
    check(b, &product)?;
    b.fact("rows", n);
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::settings;
    use vbench::gpu::Dtype;

    #[test]
    fn what_turns_tf32_off_is_no_case_of_tf32_and_all_else_is_noted() {
        let set = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            pairs.collect::<Vec<_>>().into_iter()
        };
        let off = [("PATH", "/"), ("NVIDIA_TF32_OVERRIDE", "0"), ("CUBLASLT_LOG_LEVEL", "1")];
        let why = settings(Dtype::Tf32, set(&off)).unwrap_err().to_string();
        assert_eq!(why, "NVIDIA_TF32_OVERRIDE=0 is set: it makes fp32 of tf32");
        let told = "CUBLASLT_LOG_LEVEL=1 NVIDIA_TF32_OVERRIDE=0".to_owned();
        assert_eq!(settings(Dtype::F32, set(&off)), Ok(told));
        assert_eq!(settings(Dtype::Tf32, set(&off[..1])), Ok(String::new()));
    }
}
