//! Memory: what the machine has, and how much of it this process may still allocate.

use super::HugePages;
use super::nodes::huge_pages;
use crate::host::Host;
use crate::host::room::{Room, kib};

/// Memory of the machine and the limits on it, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// All of it.
    pub total: Option<u64>,
    /// What may still be allocated.
    pub room: Room,
    /// Pools of huge pages of the whole machine.
    pub huge_pages: Vec<HugePages>,
}

impl Memory {
    pub(super) fn read(host: &Host) -> Self {
        let meminfo = host.read("/proc/meminfo").unwrap_or_default();
        Self {
            total: kib(&meminfo, "MemTotal"),
            room: Room::read(host),
            huge_pages: huge_pages(host, "/sys/kernel/mm/hugepages"),
        }
    }
}
