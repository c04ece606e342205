//! Resources: what a benchmark needs from the machine, acquired by the harness or skipped.

use crate::host::affinity;
use crate::host::memory::NoMemory;
use crate::machine::Machine;
use std::fmt;

/// Why a case cannot run here. Not a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip(String);

impl Skip {
    /// A skip with its reason: a lower-case fragment with the numbers in it.
    pub fn because(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }

    /// The reason.
    pub fn reason(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Skip {}

impl From<NoMemory> for Skip {
    fn from(lack: NoMemory) -> Self {
        Self::because(lack)
    }
}

/// Something a benchmark needs. A parameter of such a type is filled by the harness; when the
/// machine lacks it, the case is skipped with the reason.
///
/// ```
/// use vbench::prelude::*;
///
/// struct Dataset(Vec<u8>);
///
/// impl Require for Dataset {
///     fn acquire(_: &Machine) -> Result<Self, Skip> {
///         std::fs::read("data.bin").map(Dataset).map_err(|e| Skip::because(format!("data.bin: {e}")))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither an axis nor a resource",
    label = "the harness cannot provide this parameter",
    note = "write `#[axis([..])]` before the parameter to sweep it, or implement `vbench::Require` for its type"
)]
pub trait Require: Sized {
    /// Gets it, in the process that measures.
    ///
    /// # Errors
    /// What is missing.
    fn acquire(machine: &Machine) -> Result<Self, Skip>;

    /// Says cheaply whether [`Require::acquire`] will succeed, for lists and plans.
    ///
    /// # Errors
    /// What is missing.
    fn probe(machine: &Machine) -> Result<(), Skip> {
        Self::acquire(machine).map(drop)
    }
}

/// The CPUs this process may run on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpus {
    allowed: Vec<usize>,
}

impl Cpus {
    /// Ids of the allowed CPUs, ascending; never empty.
    pub fn ids(&self) -> &[usize] {
        &self.allowed
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.allowed.len()
    }

    /// The first `count` allowed CPUs.
    ///
    /// # Errors
    /// Too few are allowed.
    pub fn first(&self, count: usize) -> Result<&[usize], Skip> {
        self.allowed.get(..count).ok_or_else(|| {
            Skip::because(format!("needs {count} CPUs, {} allowed", self.allowed.len()))
        })
    }
}

impl Require for Cpus {
    fn acquire(_: &Machine) -> Result<Self, Skip> {
        let allowed = affinity::allowed_cpus()
            .map_err(|error| Skip::because(format!("cannot read the CPU affinity: {error}")))?;
        Ok(Self { allowed })
    }
}
