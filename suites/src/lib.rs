//! The built-in benchmarks.
