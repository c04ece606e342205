//! The built-in benchmarks.

mod claims;
mod collective;
mod cpu;
mod distance;
mod effort;
mod gpu;
mod jitter;
mod latency;
mod memory;
mod nodes;
mod placement;
mod spread;
mod units;
