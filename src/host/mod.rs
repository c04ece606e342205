//! The machine as files: one object through which every sysfs and procfs file and tool is read.

pub mod affinity;
pub mod evidence;
pub mod memory;

/// Where facts are read from.
pub struct Host;

impl Host {
    /// This machine.
    pub fn live() -> Self {
        Self
    }
}
