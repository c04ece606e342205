//! The arguments of `ab`.

use crate::cli::args::{axis, label, percent, time};
use crate::cli::diff::DiffFormat;
use crate::profile::Profile;
use crate::setting::Change;
use clap::Args;
use std::path::PathBuf;

/// What stands below the help.
pub const EXAMPLES: &str = "\
Settings:
  cpus=0-3,8              the CPUs that a case may use
  memory=bind:0           or preferred:0, interleave, first-touch: where its memory comes from
  thp=never               or madvise, always: which memory may lie in transparent huge pages
  env:NAME=VALUE          an environment variable
  prefix=\"nice -n 5\"      what starts the case's process; words are separated by spaces
  axis:pages=4k           the value of an axis, named on both sides

Examples:
  vbench ab prime --axis pinned=no --a cpus=0 --b cpus=0-1
  vbench ab stream --b memory=interleave --pairs 10
  vbench ab --kind memory --b env:GLIBC_TUNABLES=glibc.malloc.hugetlb=1
  vbench ab --exact latency::pointer_chase_pages --a axis:pages=4k --b axis:pages=thp
  vbench ab stream --b prefix=\"numactl -N0 -m0\" --format markdown

Every case is launched under A and B one after the other, in turns (A B, B A), and each launch is
compared with its partner: what lasts longer than a pair cancels. A side that names nothing is the
machine as it is. What is in force is read back first: a setting without effect is an error.
Both sides are stored like any run; `vbench diff A B --paired` compares them again.
Ctrl-C finishes the launch in flight and compares the pairs so far.
Exit codes: 0 ok, 1 a case failed, 2 usage or a setting without effect, 130 interrupted.";

/// Arguments of `ab`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which cases")]
pub struct AbArgs {
    /// Only cases whose id contains one of these
    #[arg(value_name = "FILTER", env = "VBENCH_FILTER")]
    pub filters: Vec<String>,
    /// Filters must equal a case id or a benchmark id
    #[arg(long, env = "VBENCH_EXACT")]
    pub exact: bool,
    /// Not the cases whose id contains this (repeatable)
    #[arg(long, value_name = "FILTER", env = "VBENCH_SKIP")]
    pub skip: Vec<String>,
    /// Only these kinds, comma-separated
    #[arg(long, value_name = "KIND", value_delimiter = ',', env = "VBENCH_KIND")]
    pub kind: Vec<String>,
    /// Values of an axis in place of the benchmark's own (repeatable): size=4K,64K
    #[arg(long, value_name = "AXIS=VALUE,..", value_parser = axis, value_delimiter = ';', env = "VBENCH_AXIS")]
    pub axis: Vec<(String, Vec<String>)>,
    /// Ignored benchmarks too
    #[arg(long, env = "VBENCH_INCLUDE_IGNORED")]
    pub include_ignored: bool,

    /// What side A changes (repeatable) [default: nothing]
    #[arg(long, help_heading = "What differs", value_name = "SETTING")]
    pub a: Vec<Change>,
    /// What side B changes (repeatable) [default: nothing]
    #[arg(long, help_heading = "What differs", value_name = "SETTING")]
    pub b: Vec<Change>,

    /// Launches of each case on each side; an even number has as many A B as B A
    #[arg(long, help_heading = "How much", value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=100_000), env = "VBENCH_PAIRS")]
    pub pairs: u32,
    /// How much each launch measures: smoke, quick, standard, thorough
    #[arg(long, help_heading = "How much", default_value_t = Profile::Quick, env = "VBENCH_PROFILE")]
    pub profile: Profile,
    /// Recorded repeats per launch
    #[arg(long, help_heading = "How much", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000), env = "VBENCH_SAMPLES")]
    pub samples: Option<u32>,
    /// Length of one sample, and of the window of benchmarks that count events: 500ms, 2s
    #[arg(long, help_heading = "How much", value_name = "TIME", value_parser = time, env = "VBENCH_TIME")]
    pub time: Option<f64>,
    /// Kill a launch after this long
    #[arg(long, help_heading = "How much", value_name = "TIME", value_parser = time, env = "VBENCH_TIMEOUT")]
    pub timeout: Option<f64>,
    /// Seed of the order and of drawn numbers [default: drawn, and stored]
    #[arg(long, help_heading = "How", env = "VBENCH_SEED")]
    pub seed: Option<u32>,
    /// Let benchmarks print
    #[arg(long, help_heading = "How", env = "VBENCH_NOCAPTURE", alias = "no-capture")]
    pub nocapture: bool,

    /// Smallest change that matters
    #[arg(long, help_heading = "What is shown", value_name = "PERCENT", default_value = "3%", value_parser = percent)]
    pub margin: f64,
    /// Floors by `vbench calibrate`: intervals get no narrower than unchanged runs are
    #[arg(long, help_heading = "What is shown", value_name = "FILE", env = "VBENCH_NOISE_FLOOR")]
    pub noise_floor: Option<PathBuf>,
    /// How the comparison is written
    #[arg(long, help_heading = "What is shown", value_enum, default_value_t)]
    pub format: DiffFormat,
    /// Every metric, the informative ones too
    #[arg(long, short, help_heading = "What is shown")]
    pub all: bool,

    /// Name of this machine's configuration, put before the names of both sides
    #[arg(long, help_heading = "Where", env = "VBENCH_CONFIG")]
    pub config: Option<String>,
    /// Name of this machine [default: its GPUs, else its CPU]
    #[arg(long, help_heading = "Where", env = "VBENCH_SYSTEM")]
    pub system: Option<String>,
    /// Folder of all results
    #[arg(
        long,
        help_heading = "Where",
        value_name = "DIR",
        default_value = "results",
        env = "VBENCH_OUT"
    )]
    pub out: PathBuf,
    /// A label stored with both runs (repeatable)
    #[arg(long, help_heading = "Where", value_name = "KEY=VALUE", value_parser = label, env = "VBENCH_LABEL")]
    pub label: Vec<(String, String)>,
    /// Leave host names, addresses, serial numbers and UUIDs out of what is stored
    #[arg(long, help_heading = "Where", env = "VBENCH_REDACT")]
    pub redact: bool,
}
