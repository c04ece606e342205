//! vbench: a benchmark harness with a test-framework manner, for platform engineers.
#![doc = include_str!("../README.md")]

// Generated code names `::vbench`, also inside this crate.
extern crate self as vbench;

pub mod axis;
pub mod bencher;
pub mod benchmark;
pub mod clock;
pub mod environment;
pub mod host;
pub mod machine;
pub mod profile;
pub mod quantity;
pub mod report;
pub mod resource;
pub mod team;
pub mod topology;

pub use vbench_macros::{Metrics, vbench};
pub use vbench_results as results;

/// What generated code uses. Not for people.
#[doc(hidden)]
pub mod __private {
    pub use crate::axis::{Axis, AxisValue, Params, normalise};
    pub use crate::bencher::{Recorded, Return, Stop};
    pub use crate::benchmark::{Benchmark, Options, VBENCH_BENCHMARKS};
    pub use crate::profile::Profile;
    pub use crate::quantity::{MetricField, metric};
    pub use crate::resource::{Require, Skip};
    pub use linkme;
    pub use vbench_results::{Estimator, Metric, Role};
}

/// What a file of benchmarks imports.
pub mod prelude {
    pub use crate::axis::{doubling, pow2, thread_counts};
    pub use crate::bencher::{Bencher, Failed, Samples, Stop, Timer};
    pub use crate::clock::Clock;
    pub use crate::machine::Machine;
    pub use crate::profile::Profile;
    pub use crate::quantity::{
        Bytes, BytesPerSec, Count, Events, EventsPerSec, Flops, FlopsPerSec, Metrics, Quantity,
        Ratio, Seconds, Work,
    };
    pub use crate::resource::{Cpus, Require, Skip};
    pub use crate::team::{Team, Worker};
    pub use vbench_macros::{Metrics, vbench};
    pub use vbench_results::{Better, Unit};
}
