//! Benchmarks that show what their process was given. Their values are invented.

use std::time::{SystemTime, UNIX_EPOCH};
use vbench::prelude::*;

/// Some milliseconds, with up to a thousandth of spread between processes.
fn about(b: &mut Bencher, millis: f64) -> Samples<Seconds> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let part = f64::from(now.subsec_nanos() % 1_000) * 1e-6;
    b.samples(|_| Seconds(millis * 1e-3 * (1.0 + part)))
}

/// The nineteenth field of `/proc/self/stat`.
fn niceness() -> i64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    after_name.split_whitespace().nth(16).and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// As many milliseconds as `TOLD_MILLIS` says, else one.
#[vbench(kind = "told", ignore = "for tests of settings")]
fn by_variable(b: &mut Bencher, cpus: Cpus) -> Result<Samples<Seconds>, Failed> {
    if std::env::var_os("TOLD_TO_FAIL").is_some() {
        std::fs::read("/nonexistent/input")?;
    }
    let told = std::env::var("TOLD_MILLIS").ok();
    b.fact("cpus", cpus.count());
    b.fact("niceness", niceness());
    b.fact("told", told.clone().unwrap_or_default());
    Ok(about(b, told.and_then(|text| text.parse().ok()).unwrap_or(1.0)))
}

/// As many milliseconds as the axis says.
#[vbench(kind = "told", ignore = "for tests of settings")]
fn by_axis(
    b: &mut Bencher,
    #[axis([1_u32, 2])] millis: u32,
    #[axis([1_u32, 2])] room: u32,
) -> Samples<Seconds> {
    b.fact("room", room);
    about(b, f64::from(millis))
}

/// Needs two CPUs.
#[vbench(kind = "told", ignore = "for tests of settings")]
fn by_two(b: &mut Bencher, cpus: Cpus) -> Result<Samples<Seconds>, Skip> {
    cpus.first(2)?;
    Ok(about(b, 1.0))
}
