//! How much a run measures: the four profiles.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How much is measured, from a check that everything works to a night's work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// One tiny repeat: does it work? Nothing is stored.
    Smoke,
    /// A first look: every core benchmark in under three minutes on two CPUs.
    #[default]
    Quick,
    /// Numbers to decide with.
    Standard,
    /// Numbers to publish.
    Thorough,
}

/// What a profile sets. Every value can be overridden on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effort {
    /// Processes per case.
    pub launches: u32,
    /// Recorded repeats per launch.
    pub samples: u32,
    /// Discarded repeats before them.
    pub warmup: u32,
    /// Duration that a calibrated sample aims at, and that a time-bounded one lasts at least.
    pub sample_time: Duration,
    /// Duration of one repeat of a benchmark that counts events in a window.
    pub window: Duration,
    /// No further repeat starts after this long in a launch.
    pub max_time: Duration,
    /// A launch that has not ended after this long is killed.
    pub timeout: Duration,
    /// What a launch of a built-in benchmark takes on two CPUs, for the estimate of a first run.
    pub typical: Duration,
}

impl Profile {
    /// Every profile, shortest first.
    pub const ALL: [Self; 4] = [Self::Smoke, Self::Quick, Self::Standard, Self::Thorough];

    /// The profile's name on the command line and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Smoke => "smoke",
            Self::Quick => "quick",
            Self::Standard => "standard",
            Self::Thorough => "thorough",
        }
    }

    /// What the profile sets.
    pub fn effort(self) -> Effort {
        let effort =
            |launches, samples, warmup, sample_ms, window_ms, max_s, timeout_s, typical_ms| {
                Effort {
                    launches,
                    samples,
                    warmup,
                    sample_time: Duration::from_millis(sample_ms),
                    window: Duration::from_millis(window_ms),
                    max_time: Duration::from_secs(max_s),
                    timeout: Duration::from_secs(timeout_s),
                    typical: Duration::from_millis(typical_ms),
                }
            };
        match self {
            Self::Smoke => effort(1, 1, 0, 1, 20, 1, 60, 100),
            Self::Quick => effort(3, 3, 1, 50, 2_000, 10, 120, 1_000),
            Self::Standard => effort(5, 5, 1, 300, 10_000, 60, 600, 8_000),
            Self::Thorough => effort(10, 10, 1, 300, 30_000, 600, 3_600, 30_000),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|profile| profile.name() == text);
        found.ok_or_else(|| format!("{text:?} is no profile (smoke, quick, standard, thorough)"))
    }
}
