//! The built-in benchmarks.

mod claims;
mod collective;
mod cpu;
mod distance;
mod jitter;
mod gpu;
mod latency;
mod memory;
mod nodes;
mod placement;
mod spread;
mod units;
