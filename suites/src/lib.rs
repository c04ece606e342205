//! The built-in benchmarks.

mod claims;
mod cpu;
mod latency;
mod memory;
mod nodes;
