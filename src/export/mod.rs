//! Stored runs, and comparisons of them, in the formats that other tools read.
//!
//! A value is the typical one, with its 95% interval where there is one; a number that was not
//! measured is not written. Configurations stand in labels, never in names, so that a series keeps
//! its name when the configuration changes.

mod bencher;
mod csv;
mod github;
mod google;
mod json;
mod junit;
mod markdown;
mod openmetrics;
mod point;

pub use self::bencher::bencher;
pub use self::github::github_action_benchmark;
pub use self::openmetrics::openmetrics;
pub use self::point::Point;

use crate::compare::{Side, Single, single};
use vbench_results::{ResultSet, Role};

/// A format, known by its name. Other crates add theirs with `inventory::submit!`.
pub struct Format {
    /// As it is named on the command line.
    pub name: &'static str,
    /// What reads it: one line of help.
    pub about: &'static str,
    /// Writes the documents of these configurations.
    pub write: fn(&Export<'_>) -> Result<Vec<Document>, String>,
}

inventory::collect!(Format);

/// The formats of this crate, by name: a new one is a file and a line.
const FORMATS: &[&Format] = &[
    &bencher::FORMAT,
    &csv::SAMPLES,
    &github::FORMAT,
    &google::FORMAT,
    &json::FORMAT,
    &junit::FORMAT,
    &markdown::FORMAT,
    &openmetrics::FORMAT,
    &csv::SUMMARY,
];

/// Every format that this program can write, by name.
pub fn formats() -> Vec<&'static Format> {
    let mut formats: Vec<&Format> =
        FORMATS.iter().copied().chain(inventory::iter::<Format>).collect();
    formats.sort_by_key(|format| format.name);
    formats
}

/// One file of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What tells it from the others of the same export; it goes into the file's name.
    pub part: Option<&'static str>,
    /// What the file holds.
    pub text: String,
}

impl Document {
    /// The only document of an export.
    pub fn only(text: String) -> Vec<Self> {
        vec![Self { part: None, text }]
    }
}

/// What is written: configurations, each with its runs pooled as launches.
pub struct Export<'a> {
    /// In the order in which they were named.
    pub configurations: Vec<Configuration<'a>>,
    /// Metrics of role `info` too. The native formats hold them always.
    pub all_metrics: bool,
}

/// One configuration of one system.
pub struct Configuration<'a> {
    /// Its runs as they were stored.
    pub runs: &'a [ResultSet],
    /// What they show together.
    pub single: Single,
}

impl<'a> Export<'a> {
    /// The export of `sides`.
    pub fn new(sides: &[Side<'a>], all_metrics: bool) -> Self {
        let configuration =
            |side: &Side<'a>| Configuration { runs: side.runs, single: single(side) };
        Self { configurations: sides.iter().map(configuration).collect(), all_metrics }
    }

    /// The values to write of one configuration.
    fn points<'e>(&self, configuration: &'e Configuration<'_>) -> impl Iterator<Item = Point<'e>> {
        let all = self.all_metrics;
        let rows = configuration.single.rows.iter();
        rows.filter(move |row| all || row.metric.role != Role::Info).map(Point::from)
    }

    /// The only configuration, for a format that has no place to tell two apart.
    fn only(&self, format: &str) -> Result<&Configuration<'a>, String> {
        match self.configurations.as_slice() {
            [only] => Ok(only),
            several => Err(format!(
                "{format} has no place for the names of configurations, and {} were given\n  export each to a file of its own",
                several.len()
            )),
        }
    }
}

/// `name` for a tool that refuses longer ones: a longer name keeps its start and gets a hash (FNV-1a),
/// so that two names stay two.
fn bounded(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.to_owned();
    }
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, step);
    let start: String = name.chars().take(most.saturating_sub(17)).collect();
    format!("{start}~{hash:016x}")
}
