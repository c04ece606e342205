//! What tells whether a repeat is to be trusted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Evidence of a repeat's validity. Absent means that the system does not tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Written", into = "Written")]
#[schemars(with = "Written")]
pub struct Evidence {
    /// What was counted; nothing where nothing was, or where a reader left it out because it holds
    /// thousands of runs.
    pub counts: Option<Box<Counts>>,
    /// Why the value should not be trusted, when a limit was passed.
    pub disturbed: Option<String>,
}

/// What the system counted while a repeat ran.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    /// CPU time the hypervisor gave to others, summed over CPUs, in seconds.
    pub steal_s: Option<f64>,
    /// Involuntary context switches of the process.
    pub involuntary_switches: Option<u64>,
    /// Moves of the process's threads from one CPU to another.
    pub migrations: Option<u64>,
    /// Page faults that needed a disk.
    pub major_faults: Option<u64>,
    /// Page faults served from memory.
    pub minor_faults: Option<u64>,
    /// Pages that the kernel could not place on the wanted node.
    pub numa_misses: Option<u64>,
}

impl Evidence {
    /// Counts and what they say.
    pub fn new(counts: Counts, disturbed: Option<String>) -> Self {
        let counted = counts != Counts::default();
        Self { counts: counted.then(|| Box::new(counts)), disturbed }
    }

    /// What was counted.
    pub fn counts(&self) -> Counts {
        self.counts.as_deref().copied().unwrap_or_default()
    }
}

/// Evidence as it stands in a file.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(
    rename = "Evidence",
    description = "Evidence of a repeat's validity. Absent means that the system does not tell."
)]
struct Written {
    /// CPU time the hypervisor gave to others, summed over CPUs, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    steal_s: Option<f64>,
    /// Involuntary context switches of the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    involuntary_switches: Option<u64>,
    /// Moves of the process's threads from one CPU to another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    migrations: Option<u64>,
    /// Page faults that needed a disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    major_faults: Option<u64>,
    /// Page faults served from memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    minor_faults: Option<u64>,
    /// Pages that the kernel could not place on the wanted node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    numa_misses: Option<u64>,
    /// Why the value should not be trusted, when a limit was passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    disturbed: Option<String>,
}

impl From<Written> for Evidence {
    fn from(written: Written) -> Self {
        let Written {
            steal_s,
            involuntary_switches,
            migrations,
            major_faults,
            minor_faults,
            numa_misses,
            disturbed,
        } = written;
        let counts = Counts {
            steal_s,
            involuntary_switches,
            migrations,
            major_faults,
            minor_faults,
            numa_misses,
        };
        Self::new(counts, disturbed)
    }
}

impl From<Evidence> for Written {
    fn from(evidence: Evidence) -> Self {
        let counts = evidence.counts();
        Self {
            steal_s: counts.steal_s,
            involuntary_switches: counts.involuntary_switches,
            migrations: counts.migrations,
            major_faults: counts.major_faults,
            minor_faults: counts.minor_faults,
            numa_misses: counts.numa_misses,
            disturbed: evidence.disturbed,
        }
    }
}
