//! Settings: what is changed, without a reboot, for the processes of one side of a comparison.
//!
//! A change is applied in the process that measures, or by what starts it, and what is in force
//! afterwards is read back from the system.

use crate::host::{affinity, cpulist, memory, thp::Thp};
use crate::placement::Policy;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::Command;
use std::str::FromStr;
use vbench_results::Reading;

/// Every fact about a setting begins so.
pub const FACT: &str = "setting.";
/// Facts of axis values begin so.
pub const AXIS_FACT: &str = "setting.axis:";

/// One thing that is changed. Its text form is what the command line takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// `env:NAME=VALUE`: an environment variable.
    Env {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// `cpus=0-3,8`: the CPUs that the process may use.
    Affinity(Vec<usize>),
    /// `memory=bind:0`: where its memory comes from.
    Memory(Policy),
    /// `thp=never`: which of its memory may lie in transparent huge pages.
    Thp(Thp),
    /// `prefix=nice -n 5`: the program that starts it, with its arguments.
    Prefix(Vec<String>),
    /// `axis:pages=4k`: the value of an axis.
    Param {
        /// The axis.
        name: String,
        /// The value.
        value: String,
    },
}

const FORMS: &str = "cpus=0-1, memory=bind:0, thp=never, env:NAME=VALUE, prefix=\"nice -n 5\" or \
                     axis:NAME=VALUE";

impl Change {
    /// What is changed: the part before the equals sign.
    pub fn key(&self) -> String {
        match self {
            Self::Env { name, .. } => format!("env:{name}"),
            Self::Affinity(_) => "cpus".to_owned(),
            Self::Memory(_) => "memory".to_owned(),
            Self::Thp(_) => "thp".to_owned(),
            Self::Prefix(_) => "prefix".to_owned(),
            Self::Param { name, .. } => format!("axis:{name}"),
        }
    }

    /// What it is changed to.
    pub fn value(&self) -> String {
        match self {
            Self::Env { value, .. } | Self::Param { value, .. } => value.clone(),
            Self::Affinity(cpus) => cpulist::format(cpus),
            Self::Memory(policy) => policy.to_string(),
            Self::Thp(thp) => thp.to_string(),
            Self::Prefix(words) => words.join(" "),
        }
    }

    /// Changes this process where that is how it is done, and looks whether it took effect.
    fn apply(&self) -> Result<(), String> {
        match self {
            Self::Affinity(cpus) => use_cpus(cpus),
            Self::Memory(policy) => place_memory(*policy),
            Self::Thp(thp) => thp.limit_process(),
            Self::Env { name, value } => match std::env::var(name) {
                Ok(found) if found == *value => Ok(()),
                _ => Err("it did not reach the process: does the prefix drop it?".to_owned()),
            },
            Self::Prefix(_) | Self::Param { .. } => Ok(()),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key(), self.value())
    }
}

impl FromStr for Change {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or_else(|| format!("expected {FORMS}"))?;
        let filled = |value: &str| match value.trim() {
            "" => Err(format!("{key}= needs a value")),
            _ => Ok(value.to_owned()),
        };
        match key.split_once(':').unwrap_or((key, "")) {
            ("cpus", "") => match cpulist::parse(&filled(value)?) {
                Ok(cpus) if cpus.is_empty() => Err("cpus= needs a CPU".to_owned()),
                Ok(cpus) => Ok(Self::Affinity(cpus)),
                Err(error) => Err(error.to_string()),
            },
            ("memory", "") => policy(&filled(value)?).map(Self::Memory),
            ("thp", "") => filled(value)?.parse().map(Self::Thp),
            ("prefix", "") => {
                Ok(Self::Prefix(filled(value)?.split_whitespace().map(str::to_owned).collect()))
            }
            ("env", name) if is_variable(name) && !value.contains('\0') => {
                Ok(Self::Env { name: name.to_owned(), value: value.to_owned() })
            }
            ("axis", name) if !name.is_empty() => {
                Ok(Self::Param { name: name.to_owned(), value: filled(value)? })
            }
            _ => Err(format!("{key:?} is no setting: expected {FORMS}")),
        }
    }
}

/// The names that `numactl` uses are taken too.
fn policy(text: &str) -> Result<Policy, String> {
    match text {
        "local" => Ok(Policy::FirstTouch),
        "interleave:all" => Ok(Policy::Interleave),
        _ => text.parse(),
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && !name.contains('\0')
}

/// One side of a comparison: everything that is changed for its processes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Setting(Vec<Change>);

impl Setting {
    /// The setting with these changes.
    ///
    /// # Errors
    /// Something is changed twice.
    pub fn new(changes: Vec<Change>) -> Result<Self, String> {
        let twice = |(index, change): (usize, &Change)| {
            changes[..index].iter().any(|earlier| earlier.key() == change.key())
        };
        match changes.iter().enumerate().find(|pair| twice(*pair)) {
            Some((_, change)) => Err(format!("{} is set twice on one side", change.key())),
            None => Ok(Self(changes)),
        }
    }

    /// What is changed, in the order given.
    pub fn changes(&self) -> &[Change] {
        &self.0
    }

    /// Axis values of this side.
    pub fn axes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|change| match change {
            Change::Param { name, value } => Some((name.as_str(), value.as_str())),
            _ => None,
        })
    }

    /// The program, with its arguments, that starts the processes; it may stay between.
    pub fn prefix(&self) -> Option<&[String]> {
        self.0.iter().find_map(|change| match change {
            Change::Prefix(words) => Some(words.as_slice()),
            _ => None,
        })
    }

    /// The command that starts `program` under this setting.
    pub fn command(&self, program: &Path) -> Command {
        let words = self.prefix().and_then(<[String]>::split_first);
        let mut command = match words {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
            None => Command::new(program),
        };
        for change in &self.0 {
            if let Change::Env { name, value } = change {
                command.env(name, value);
            }
        }
        command
    }

    /// Changes this process, before it has threads and memory that matter.
    ///
    /// # Errors
    /// The change that cannot be made or did not take effect, and why.
    pub fn apply(&self) -> Result<(), String> {
        self.0.iter().try_for_each(|change| {
            change.apply().map_err(|error| format!("{change} has no effect here: {error}"))
        })
    }

    /// What is in force in this process, by the names of facts.
    pub fn in_force(&self) -> BTreeMap<String, Reading> {
        let cpus = affinity::allowed_cpus().map(|cpus| cpulist::format(&cpus));
        let mut facts = BTreeMap::from([
            (format!("{FACT}cpus"), reading(cpus)),
            (format!("{FACT}memory"), reading(memory::thread_policy())),
            (format!("{FACT}thp"), reading(Thp::in_force())),
        ]);
        for change in &self.0 {
            let name = format!("{FACT}{}", change.key());
            facts.entry(name).or_insert_with(|| Reading::Value(change.value().into()));
        }
        facts
    }
}

impl fmt::Display for Setting {
    /// `cpus=0 thp=never`, or `unchanged`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("unchanged");
        }
        let texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join(" "))
    }
}

impl TryFrom<Vec<String>> for Setting {
    type Error = String;

    fn try_from(texts: Vec<String>) -> Result<Self, String> {
        Self::new(texts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?)
    }
}

impl From<Setting> for Vec<String> {
    fn from(setting: Setting) -> Self {
        setting.0.iter().map(ToString::to_string).collect()
    }
}

fn reading<T: fmt::Display, E: fmt::Display>(value: Result<T, E>) -> Reading {
    match value {
        Ok(value) => Reading::Value(value.to_string().into()),
        Err(error) => Reading::Unknown(error.to_string()),
    }
}

/// Lets this process use exactly `cpus`. The kernel drops those that are not there without a word.
fn use_cpus(cpus: &[usize]) -> Result<(), String> {
    let allowed = || affinity::allowed_cpus().map_err(|error| error.to_string());
    let before = allowed()?;
    let bound = affinity::bind_current_thread(cpus);
    let after = if bound.is_ok() { allowed()? } else { Vec::new() };
    let missing: Vec<usize> = cpus.iter().filter(|cpu| !after.contains(cpu)).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    let (missing, before) = (cpulist::format(&missing), cpulist::format(&before));
    Err(format!("CPU {missing} cannot be used, this process had {before}"))
}

/// Makes `policy` that of this process, as far as the kernel then says the same.
fn place_memory(policy: Policy) -> Result<(), String> {
    if let (Policy::Bind(node) | Policy::Preferred(node), Ok(nodes)) =
        (policy, memory::allowed_nodes())
        && !nodes.contains(&node)
    {
        return Err(format!("no memory node {node}, there is {}", cpulist::format(&nodes)));
    }
    let forbidden = |error: std::io::Error| match error.raw_os_error() {
        Some(libc::EPERM | libc::ENOSYS) => format!("{error}, as in many containers"),
        _ => error.to_string(),
    };
    policy.apply_to_thread().map_err(forbidden)?;
    let found = memory::thread_policy().map_err(forbidden)?;
    let wanted = policy.to_string();
    if found == wanted || found.starts_with(&format!("{wanted}:")) {
        Ok(())
    } else {
        Err(format!("{found} stays in force"))
    }
}

#[cfg(test)]
mod tests;
