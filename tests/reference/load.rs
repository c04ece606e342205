//! Reads the reference folder and compares numbers with it.

use serde_json::Value;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    match std::env::var_os("VBENCH_STATS_REFERENCE") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference"),
    }
}

/// A file of the reference folder.
pub fn reference(file: &str) -> Value {
    let path = folder().join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// What the reference expects.
pub fn expected() -> Value {
    reference("expected.json")
}

pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

pub fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

/// Both numbers agree to `tolerance`, relative to the wanted one.
#[track_caller]
pub fn close(what: &str, found: f64, wanted: f64, tolerance: f64) {
    let error = (found - wanted).abs();
    assert!(error <= tolerance * wanted.abs(), "{what}: found {found}, wanted {wanted}");
}

/// Both numbers agree to `tolerance`, absolute.
#[track_caller]
pub fn near(what: &str, found: f64, wanted: f64, tolerance: f64) {
    assert!((found - wanted).abs() <= tolerance, "{what}: found {found}, wanted {wanted}");
}
