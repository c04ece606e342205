//! vbench: a benchmark harness with a test-framework manner, for platform engineers.
#![doc = include_str!("../README.md")]

// Generated code names `::vbench`, also inside this crate.
extern crate self as vbench;

pub mod axis;
pub mod bencher;
pub mod benchmark;
pub mod cli;
pub mod clock;
pub mod compare;
pub mod environment;
pub mod export;
pub mod external;
pub mod gate;
pub mod gpu;
pub mod host;
pub mod import;
pub mod launcher;
pub mod levels;
pub mod machine;
pub mod measured;
pub mod placement;
pub mod plan;
pub mod profile;
pub mod quantity;
pub mod report;
pub mod resource;
pub mod runner;
pub mod setting;
pub mod stats;
pub mod store;
pub mod team;
pub mod terminal;
pub mod text;
mod timed;
pub mod topology;

pub use cli::{main, program};
pub use vbench_macros::{AxisValue, Metrics, vbench};
pub use vbench_results as results;

/// What generated code uses. Not for people.
#[doc(hidden)]
pub mod __private {
    pub use crate::axis::{Axis, normalise, one_of, zip_rows};
    pub use crate::bencher::{Return, Samples, Stop};
    pub use crate::benchmark::{Benchmark, Options, VBENCH_BENCHMARKS};
    pub use crate::profile::Profile;
    pub use crate::quantity::{MetricField, Metrics, Seconds};
    pub use crate::resource::Require;
    pub use crate::timed::{block_on, iter_fallible};
    pub use linkme;
    pub use std::hint::black_box;
    pub use vbench_results::{Estimator, Metric, Role};
}

/// What a file of benchmarks imports.
pub mod prelude {
    pub use crate::axis::{doubling, pow2, thread_counts};
    pub use crate::bencher::{Bencher, Failed, Samples, Stop, Timer};
    pub use crate::clock::Clock;
    pub use crate::host::memory::{Buffer, Effective};
    pub use crate::machine::Machine;
    pub use crate::placement::{Pages, Policy};
    pub use crate::profile::Profile;
    pub use crate::quantity::{
        Bytes, BytesPerSec, Count, Events, EventsPerSec, Flops, FlopsPerSec, Metrics, Quantity,
        Ratio, Seconds, Work,
    };
    pub use crate::resource::{Cpus, Require, Skip};
    pub use crate::team::{Team, Worker};
    pub use vbench_macros::{AxisValue, Metrics, vbench};
    pub use vbench_results::{Better, Unit};
}
