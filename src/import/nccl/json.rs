//! The JSON of nccl-tests, versions 1 and 2 of its format.

use super::{Cell, Row, Test, collective_in};
use crate::import::lines::Printed;
use crate::import::{Draft, Fault};
use serde::Deserialize;

#[derive(Deserialize)]
struct Document {
    version: u32,
    #[serde(default)]
    start_time: String,
    #[serde(default)]
    args: Vec<String>,
    nccl_version: Option<u64>,
    #[serde(default)]
    config: Config,
    results: Vec<Line>,
    average_bus_bandwidth: Average,
}

#[derive(Default, Deserialize)]
struct Config {
    #[serde(default)]
    devices: Vec<serde_json::Value>,
    #[serde(default)]
    nthreads: usize,
    #[serde(default)]
    ngpus: usize,
}

#[derive(Deserialize)]
struct Average {
    bandwidth: f64,
}

#[derive(Deserialize)]
struct Line {
    size: u64,
    #[serde(default, rename = "type")]
    datatype: String,
    #[serde(default)]
    redop: String,
    #[serde(default)]
    root: String,
    out_of_place: Option<Place>,
    in_place: Option<Place>,
}

#[derive(Deserialize)]
struct Place {
    #[serde(alias = "cpu_time")]
    time: f64,
    alg_bw: f64,
    bus_bw: f64,
    nwrong: Option<f64>,
}

/// Reads the document.
pub fn read(text: &str, name: &str) -> Result<(Draft, Test), Fault> {
    let document: Document =
        serde_json::from_str(text).map_err(|error| Fault::json(&error, "nccl-tests (-J)"))?;
    if !(1..=2).contains(&document.version) {
        let message = format!("expected format version 1 or 2, found {}", document.version);
        return Err(Fault::at(1, message));
    }
    let mut draft = Draft::new("nccl", "nccl-tests");
    if let Some(version) = document.nccl_version {
        draft.stable_fact("gpu.nccl", version);
    }
    if !document.start_time.is_empty() {
        draft.fact("source.start", format!("{} (local time)", document.start_time));
    }
    let program = document.args.first().map(String::as_str).unwrap_or_default();
    let collective = collective_in(program).or_else(|| collective_in(name));
    // Without MPI only the first device is listed, whatever their number.
    let config = &document.config;
    let ranks = config.devices.len().max(config.nthreads.saturating_mul(config.ngpus));
    let last = text.lines().count().max(1);
    let rows = document.results.into_iter().map(row).collect();
    let test = Test {
        collective: collective.unwrap_or("collective").to_owned(),
        ranks: (ranks > 0).then_some(ranks),
        rows,
        average: (last, exact(document.average_bus_bandwidth.bandwidth)),
    };
    Ok((draft, test))
}

fn row(line: Line) -> Row {
    Row {
        size: line.size.to_string(),
        datatype: line.datatype,
        redop: line.redop,
        root: line.root.trim().to_owned(),
        places: [line.out_of_place, line.in_place].map(|place| place.map(cell)),
    }
}

fn cell(place: Place) -> Cell {
    Cell {
        line: 1,
        time: exact(place.time),
        algbw: exact(place.alg_bw),
        busbw: exact(place.bus_bw),
        wrong: place.nwrong,
    }
}

/// The document has six decimals.
fn exact(value: f64) -> Printed {
    Printed { value, step: 1e-6 }
}
