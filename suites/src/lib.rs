//! The built-in benchmarks.

mod claims;
mod cpu;
mod gpu;
mod latency;
mod memory;
mod nodes;
