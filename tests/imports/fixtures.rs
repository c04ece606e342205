//! Every fixture, with the kind that reads it.
#![allow(dead_code, reason = "each test program uses a part")]

use std::path::{Path, PathBuf};
use vbench::import::{Kind, kind};

/// Files that one process wrote.
pub const FILES: &[(&str, &str)] = &[
    ("bandwidthtest", "bandwidthtest.txt"),
    ("bandwidthtest", "bandwidthtest-csv.txt"),
    ("google-benchmark", "google-benchmark.json"),
    ("hyperfine", "hyperfine.json"),
    ("hyperfine", "hyperfine-zeros.json"),
    ("mem-latency", "mem-latency.txt"),
    ("mem-latency", "mem-latency-zeros.txt"),
    ("mlc", "mlc.txt"),
    ("nccl", "nccl-all_reduce.json"),
    ("nccl", "nccl-all_reduce.txt"),
    ("nccl", "nccl-all_reduce-without-root.txt"),
    ("nccl", "rccl-all_reduce.txt"),
    ("nvbandwidth", "nvbandwidth.json"),
    ("nvbandwidth", "nvbandwidth.txt"),
    ("rocm-bandwidth-test", "rocm-bandwidth-test.txt"),
    ("stream", "stream.txt"),
    ("study", "../study/study-results.csv"),
    ("sysbench", "sysbench-cpu.txt"),
    ("sysbench", "sysbench-cpu-one.txt"),
    ("sysbench", "sysbench-memory.txt"),
];

pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/imports").join(name)
}

pub fn text(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub fn known(name: &str) -> &'static Kind {
    kind(name).unwrap_or_else(|| panic!("no kind {name}"))
}
