//! The built-in benchmarks.

mod claims;
mod collective;
mod cpu;
mod latency;
mod memory;
mod nodes;
