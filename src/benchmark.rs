//! The registry: every function that carries `#[vbench]`, in every linked crate.

use crate::axis::{Axis, Params};
use crate::bencher::{Bencher, Recorded, Stop};
use crate::external::{self, External};
use crate::machine::Machine;
use crate::profile::Profile;
use crate::resource::Skip;
use linkme::distributed_slice;
use std::path::Path;
use vbench_results::{Estimator, Metric};

/// One annotated function. Built by `#[vbench]`; every field is plain data or a plain function.
#[derive(Debug)]
pub struct Benchmark {
    /// Where it was declared: the crate and module path.
    pub module: &'static str,
    /// Function name, or the attribute's `name`.
    pub name: &'static str,
    /// Label that groups and filters.
    pub kind: &'static str,
    /// First sentence of the doc comment.
    pub about: &'static str,
    /// Source file.
    pub file: &'static str,
    /// Source line.
    pub line: u32,
    /// Version of the code.
    pub version: &'static str,
    /// The attribute's other keys.
    pub options: Options,
    /// The axes and their values on this machine.
    pub axes: fn(&Machine) -> Vec<Axis>,
    /// What the resources lack on this machine.
    pub needs: fn(&Machine) -> Result<(), Skip>,
    /// What one sample carries.
    pub metrics: fn() -> Vec<Metric>,
    /// The body.
    pub run: fn(&mut Bencher, &Params, &Machine) -> Result<Recorded, Stop>,
    /// The program that stands in for the functions above, in a benchmark declared by a file.
    pub external: Option<&'static External>,
}

/// What the attribute may set beside `kind` and `name`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Recorded repeats per launch.
    pub samples: Option<u32>,
    /// Discarded repeats before them.
    pub warmup: Option<u32>,
    /// No further repeat starts after this many seconds in a launch.
    pub max_time: Option<f64>,
    /// The launch is killed after this many seconds.
    pub timeout: Option<f64>,
    /// How the headline is read.
    pub estimator: Estimator,
    /// All metrics but informative ones are controls: a change says that the environment moved.
    pub control: bool,
    /// Benchmark (name or id) that runs before this one in every round.
    pub after: Option<&'static str>,
    /// False: runs inside the harness process.
    pub isolate: bool,
    /// Why it runs only when asked for.
    pub ignore: Option<&'static str>,
    /// Shortest profile that contains it.
    pub profile: Profile,
}

impl Options {
    /// What holds where the attribute says nothing.
    pub const DEFAULT: Self = Self {
        samples: None,
        warmup: None,
        max_time: None,
        timeout: None,
        estimator: Estimator::Center,
        control: false,
        after: None,
        isolate: true,
        ignore: None,
        profile: Profile::Smoke,
    };
}

impl Benchmark {
    /// `module::function`: the path below the crate, or the crate's name where there is none.
    pub fn id(&self) -> String {
        let module = self.module.split_once("::").map_or(self.module, |(_, below)| below);
        format!("{module}::{}", self.name)
    }

    /// The axes and their values on this machine.
    pub fn axes(&self, machine: &Machine) -> Vec<Axis> {
        self.external.map_or_else(|| (self.axes)(machine), External::axes)
    }

    /// What the resources lack on this machine.
    ///
    /// # Errors
    /// The skip, with its reason.
    pub fn needs(&self, machine: &Machine) -> Result<(), Skip> {
        self.external.map_or_else(|| (self.needs)(machine), |external| external.needs(machine))
    }

    /// What one sample carries.
    pub fn metrics(&self) -> Vec<Metric> {
        self.external.map_or_else(|| (self.metrics)(), External::metrics)
    }

    /// Runs the body once, with all its repeats.
    ///
    /// # Errors
    /// A skip or a failure.
    pub fn run(
        &self,
        bencher: &mut Bencher,
        params: &Params,
        machine: &Machine,
    ) -> Result<Recorded, Stop> {
        match self.external {
            Some(external) => external::execute(external, bencher, params),
            None => (self.run)(bencher, params, machine),
        }
    }
}

/// The table that `#[vbench]` adds to. Two different versions of this crate in one program clash
/// loudly here, by design.
#[distributed_slice]
pub static VBENCH_BENCHMARKS: [Benchmark];

/// Every linked benchmark, and every one that a file in the working directory declares, sorted by id.
///
/// # Errors
/// A file that cannot be used, or two benchmarks with one id, naming the source of both.
pub fn benchmarks() -> Result<Vec<&'static Benchmark>, String> {
    let mut all: Vec<&Benchmark> = VBENCH_BENCHMARKS.iter().collect();
    all.extend(external::declared(Path::new(external::FOLDER))?);
    all.sort_by_key(|benchmark| benchmark.id());
    for pair in all.windows(2) {
        if pair[0].id() == pair[1].id() {
            return Err(format!(
                "two benchmarks are called {}: {}:{} and {}:{}; give one a `name`",
                pair[0].id(),
                pair[0].file,
                pair[0].line,
                pair[1].file,
                pair[1].line
            ));
        }
    }
    Ok(all)
}
