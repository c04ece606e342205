//! What memory the system has to give: free bytes, and pages of each size.

use super::{NoMemory, base_page};
use crate::host::Host;
use crate::host::room::{Room, kib};
use crate::placement::{Pages, Policy};
use crate::quantity::Bytes;

const RESERVED: &str = "/sys/kernel/mm/hugepages/hugepages-";
const TRANSPARENT: &str = "/sys/kernel/mm/transparent_hugepage";
/// Size of a transparent huge page where the kernel does not say: that of x86-64 and of arm64
/// with 4 KiB base pages.
const USUAL_HUGE: usize = 2 << 20;

/// The page size behind `pages`, when the system has it.
pub(super) fn offered(pages: Pages) -> Result<usize, NoMemory> {
    match pages {
        Pages::Default => Ok(base_page()),
        Pages::Base4k if base_page() == 4096 => Ok(4096),
        Pages::Base4k => {
            Err(NoMemory::because(format!("base pages are {} here", Bytes(base_page() as u64))))
        }
        Pages::Thp => {
            transparent(std::fs::read_to_string(format!("{TRANSPARENT}/enabled")).ok().as_deref())?;
            let size = number(&format!("{TRANSPARENT}/hpage_pmd_size")).map(|size| size as usize);
            Ok(size.filter(|size| size.is_power_of_two()).unwrap_or(USUAL_HUGE))
        }
        Pages::Huge2m => Ok(2 << 20),
        Pages::Huge1g => Ok(1 << 30),
    }
}

/// Whether a program that asks gets transparent huge pages, from the kernel's `enabled` file.
fn transparent(enabled: Option<&str>) -> Result<(), NoMemory> {
    match enabled {
        None => Err(NoMemory::because("this kernel has no transparent huge pages")),
        Some(text) if text.contains("[never]") => {
            Err(NoMemory::because("transparent huge pages are switched off (never)"))
        }
        Some(_) => Ok(()),
    }
}

/// Refuses what would not fit, before it is touched.
pub(super) fn affordable(
    bytes: usize,
    page: usize,
    pages: Pages,
    policy: Policy,
) -> Result<(), NoMemory> {
    if matches!(pages, Pages::Huge2m | Pages::Huge1g) {
        return enough_reserved(bytes / page, page, reserved_free(page, policy));
    }
    let needed = bytes as u64;
    if let Some(room) = Room::read(&Host::live()).available().filter(|room| needed > room.bytes) {
        return Err(too_little(needed, &room.to_string()));
    }
    match policy {
        Policy::Bind(node) => match node_available(node).filter(|free| needed > *free) {
            Some(free) => {
                Err(too_little(needed, &format!("{} MiB available (node {node})", free >> 20)))
            }
            None => Ok(()),
        },
        Policy::FirstTouch | Policy::Preferred(_) | Policy::Interleave => Ok(()),
    }
}

fn too_little(needed: u64, available: &str) -> NoMemory {
    NoMemory::because(format!("needs {} MiB of memory, {available}", needed >> 20))
}

fn enough_reserved(needed: usize, page: usize, free: Option<u64>) -> Result<(), NoMemory> {
    let size = Bytes(page as u64);
    match free {
        None => Err(NoMemory::because(format!("this kernel has no huge pages of {size}"))),
        Some(free) if free < needed as u64 => {
            let pages = if needed == 1 { "page" } else { "pages" };
            Err(NoMemory::because(format!("needs {needed} huge {pages} of {size}, {free} free")))
        }
        Some(_) => Ok(()),
    }
}

/// Huge pages of size `page` that a new mapping can have; `None` where the kernel has no such size.
fn reserved_free(page: usize, policy: Policy) -> Option<u64> {
    let size = format!("{}kB", page >> 10);
    let read = |name: &str| number(&format!("{RESERVED}{size}/{name}"));
    let promised = read("resv_hugepages").unwrap_or(0);
    let free = read("free_hugepages")?.saturating_sub(promised);
    match policy {
        // The node's own pool; a page missing there would kill the process when touched.
        Policy::Bind(node) => number(&format!(
            "/sys/devices/system/node/node{node}/hugepages/hugepages-{size}/free_hugepages"
        ))
        .map(|on_node| on_node.min(free)),
        _ => Some(free),
    }
}

fn number(path: &str) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Bytes of free memory and file cache on a node.
fn node_available(node: usize) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/sys/devices/system/node/node{node}/meminfo"));
    let text = text.ok()?;
    let cache = kib(&text, "Inactive(file)").unwrap_or(0);
    kib(&text, "MemFree").map(|free| free.saturating_add(cache))
}

#[cfg(test)]
mod tests {
    use super::{enough_reserved, transparent};

    #[test]
    fn refusals_carry_the_numbers() {
        let skip = |needed, free| enough_reserved(needed, 2 << 20, free).unwrap_err().to_string();
        assert_eq!(skip(64, Some(0)), "needs 64 huge pages of 2MiB, 0 free");
        assert_eq!(skip(1, None), "this kernel has no huge pages of 2MiB");
        assert!(enough_reserved(64, 2 << 20, Some(64)).is_ok());
    }

    #[test]
    fn transparent_huge_pages_may_be_switched_off() {
        assert!(transparent(Some("always [madvise] never\n")).is_ok());
        let skip = transparent(Some("always madvise [never]\n")).unwrap_err();
        assert!(skip.to_string().contains("never"));
        assert!(transparent(None).is_err());
    }
}
