//! Memory with a chosen page size and node: mapped here, and read back to see what took effect.
#![expect(
    unsafe_code,
    reason = "mapping and placing memory are system calls without safe wrappers"
)]

mod effective;
mod supply;

pub use effective::Effective;

use crate::placement::{Pages, Policy};
use crate::quantity::Bytes;
use std::collections::BTreeMap;
use std::io;
use std::ops::{Deref, DerefMut, Range};
use std::ptr::NonNull;

/// Most memory nodes a Linux kernel can be built for (`NODES_SHIFT` is at most 10).
const MAX_NODES: usize = 1024;
const WORD_BITS: usize = usize::BITS as usize;
/// How many pages are looked at to see which nodes a buffer lies on.
const SAMPLED_PAGES: usize = 64;
/// Where the page size of a reserved mapping goes in the flags of `mmap` (its manual page).
const HUGE_SHIFT: u32 = 26;

/// Why memory cannot be had as asked: a lower-case fragment with the numbers in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoMemory(String);

impl NoMemory {
    fn because(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// Numbers for which any bits, zero included, are a value.
pub trait Plain: Copy + Send + Sync + sealed::Sealed + 'static {}

mod sealed {
    pub trait Sealed {}
}

macro_rules! plain {
    ($($number:ty)*) => {$(
        impl sealed::Sealed for $number {}
        impl Plain for $number {}
    )*};
}

plain!(u8 u16 u32 u64 usize i32 i64 f32 f64);

/// Zeroed memory of its own mapping, used as a slice. Pages come into being when first touched.
pub struct Buffer<T: Plain> {
    start: NonNull<T>,
    len: usize,
    mapping: Option<Mapping>,
    policy: Result<(), String>,
}

// SAFETY: the buffer owns its mapping alone, and its elements are plain numbers.
unsafe impl<T: Plain> Send for Buffer<T> {}
// SAFETY: as above; shared access gives shared slices only.
unsafe impl<T: Plain> Sync for Buffer<T> {}

impl<T: Plain> Buffer<T> {
    /// Memory for `len` numbers. A memory policy that the system forbids, as containers do, is
    /// told by [`Buffer::effective`].
    ///
    /// # Errors
    /// The memory, the huge pages or the node do not exist here, with the numbers.
    pub fn new(len: usize, pages: Pages, policy: Policy) -> Result<Self, NoMemory> {
        let bytes = len.checked_mul(size_of::<T>()).filter(|bytes| *bytes <= isize::MAX as usize);
        let bytes =
            bytes.ok_or_else(|| NoMemory::because(format!("{len} numbers fit no memory")))?;
        if bytes == 0 {
            return Ok(Self { start: NonNull::dangling(), len, mapping: None, policy: Ok(()) });
        }
        let page = supply::offered(pages)?;
        let bytes = bytes.checked_next_multiple_of(page).unwrap_or(usize::MAX);
        supply::affordable(bytes, page, pages, policy)?;
        let mapping = Mapping::new(bytes, page, pages)?;
        let policy = mapping.place(policy)?;
        Ok(Self { start: mapping.start.cast(), len, mapping: Some(mapping), policy })
    }

    /// What the system made of the request. Ask after the pages were touched.
    pub fn effective(&self) -> Effective {
        let range = self.mapping.as_ref().map_or(0..0, Mapping::range);
        Effective {
            nodes: nodes(&range),
            huge: std::fs::read_to_string("/proc/self/smaps")
                .map_err(|error| format!("/proc/self/smaps: {error}"))
                .and_then(|smaps| effective::huge_share(&smaps, &range).ok_or_else(untouched)),
            policy: self.policy.clone(),
        }
    }
}

fn untouched() -> String {
    "no page was touched yet".to_owned()
}

impl<T: Plain> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: `start` is aligned and valid for `len` numbers while the mapping lives (or
        // `len` is 0), anonymous memory starts as zeros, and any bits are a `T`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl<T: Plain> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as for `deref`, and `self` is borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl Policy {
    /// Makes it the policy of the calling thread, and of the processes it starts from now on.
    ///
    /// # Errors
    /// What the system says; containers often forbid it.
    pub fn apply_to_thread(self) -> io::Result<()> {
        let (mode, mask) = match self.request()? {
            Some((mode, mask)) => (mode, mask),
            None => (libc::MPOL_DEFAULT, NodeMask::default()),
        };
        // SAFETY: the kernel reads at most `MAX_NODES` bits of `mask`, which outlives the call.
        let result =
            unsafe { libc::syscall(libc::SYS_set_mempolicy, mode, mask.0.as_ptr(), MAX_NODES) };
        answer(result)
    }

    /// The kernel's mode and nodes; nothing where the system's own policy stays.
    fn request(self) -> io::Result<Option<(libc::c_int, NodeMask)>> {
        Ok(match self {
            Self::FirstTouch => None,
            Self::Bind(node) => Some((libc::MPOL_BIND, NodeMask::of(node)?)),
            Self::Preferred(node) => Some((libc::MPOL_PREFERRED, NodeMask::of(node)?)),
            Self::Interleave => Some((libc::MPOL_INTERLEAVE, NodeMask::allowed()?)),
        })
    }
}

/// A set of memory nodes as the kernel reads it.
#[derive(Clone, Debug, Default)]
struct NodeMask([usize; MAX_NODES / WORD_BITS]);

impl NodeMask {
    fn of(node: usize) -> io::Result<Self> {
        let mut mask = Self::default();
        let word = mask.0.get_mut(node / WORD_BITS);
        *word.ok_or(io::ErrorKind::InvalidInput)? |= 1 << (node % WORD_BITS);
        Ok(mask)
    }

    /// The nodes this process may use.
    fn allowed() -> io::Result<Self> {
        /// `MPOL_F_MEMS_ALLOWED` in the kernel's `mempolicy.h`.
        const MEMS_ALLOWED: libc::c_ulong = 1 << 2;
        Self::ask(None, MEMS_ALLOWED)
    }

    /// The nodes of a question; with a `mode` also the policy of the calling thread.
    fn ask(mode: Option<&mut libc::c_int>, flags: libc::c_ulong) -> io::Result<Self> {
        let mut mask = Self::default();
        let mode = mode.map_or(std::ptr::null_mut(), std::ptr::from_mut);
        let address = std::ptr::null::<libc::c_void>();
        // SAFETY: the kernel writes at most `MAX_NODES` bits into `mask` and, where it is not null,
        // one number into `mode`; both outlive the call. These flags let it read no address.
        let result = unsafe {
            libc::syscall(
                libc::SYS_get_mempolicy,
                mode,
                mask.0.as_mut_ptr(),
                MAX_NODES,
                address,
                flags,
            )
        };
        answer(result).map(|()| mask)
    }

    fn nodes(&self) -> Vec<usize> {
        (0..MAX_NODES).filter(|node| self.contains(*node)).collect()
    }

    fn contains(&self, node: usize) -> bool {
        self.0.get(node / WORD_BITS).is_some_and(|word| word >> (node % WORD_BITS) & 1 == 1)
    }
}

fn answer(result: libc::c_long) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Memory nodes that this process may use, ascending.
///
/// # Errors
/// What the system says; containers often forbid the question.
pub fn allowed_nodes() -> io::Result<Vec<usize>> {
    NodeMask::allowed().map(|mask| mask.nodes())
}

/// The policy of the calling thread, as the kernel tells it: `first-touch`, or a name and nodes
/// such as `bind:0` and `interleave:0-3`.
///
/// # Errors
/// What the system says; containers often forbid the question.
pub fn thread_policy() -> io::Result<String> {
    let mut mode = libc::MPOL_DEFAULT;
    let nodes = NodeMask::ask(Some(&mut mode), 0)?.nodes();
    let name = match mode {
        libc::MPOL_DEFAULT | libc::MPOL_LOCAL => return Ok("first-touch".to_owned()),
        libc::MPOL_BIND => "bind".to_owned(),
        libc::MPOL_PREFERRED => "preferred".to_owned(),
        libc::MPOL_INTERLEAVE => "interleave".to_owned(),
        other => format!("mode {other}"),
    };
    Ok(format!("{name}:{}", super::cpulist::format(&nodes)))
}

/// An anonymous mapping, unmapped on drop.
struct Mapping {
    start: NonNull<u8>,
    bytes: usize,
    /// What `mmap` gave, which is longer where `start` had to be aligned.
    whole: (NonNull<u8>, usize),
}

impl Mapping {
    fn new(bytes: usize, page: usize, pages: Pages) -> Result<Self, NoMemory> {
        let reserved = matches!(pages, Pages::Huge2m | Pages::Huge1g);
        let flags = match reserved {
            true => libc::MAP_HUGETLB | (page.trailing_zeros() << HUGE_SHIFT) as libc::c_int,
            false => 0,
        };
        // Reserved huge pages come aligned; transparent ones need room to align.
        let room = if pages == Pages::Thp { page } else { 0 };
        let whole = map(bytes.saturating_add(room), flags).map_err(|error| {
            NoMemory::because(format!(
                "cannot map {} ({pages} pages): {error}",
                Bytes(bytes as u64)
            ))
        })?;
        let offset = if room == 0 { 0 } else { whole.align_offset(page) };
        // SAFETY: `align_offset` is below `page`, and the mapping is `page` longer than `bytes`.
        let start = unsafe { whole.add(offset) };
        let mapping = Self { start, bytes, whole: (whole, bytes + room) };
        mapping.advise(pages)?;
        Ok(mapping)
    }

    fn range(&self) -> Range<usize> {
        let start = self.start.as_ptr() as usize;
        start..start + self.bytes
    }

    fn advise(&self, pages: Pages) -> Result<(), NoMemory> {
        let advice = match pages {
            Pages::Base4k => libc::MADV_NOHUGEPAGE,
            Pages::Thp => libc::MADV_HUGEPAGE,
            Pages::Default | Pages::Huge2m | Pages::Huge1g => return Ok(()),
        };
        // SAFETY: the range is ours, and this advice changes only how its pages are made.
        let result = unsafe { libc::madvise(self.start.as_ptr().cast(), self.bytes, advice) };
        match answer(result.into()) {
            Ok(()) => Ok(()),
            // A kernel without transparent huge pages knows no such advice, and needs none for 4k.
            Err(_) if pages == Pages::Base4k => Ok(()),
            Err(error) => Err(NoMemory::because(format!("transparent huge pages: {error}"))),
        }
    }

    /// Sets the policy. What a container forbids is the inner reason, not a skip.
    fn place(&self, policy: Policy) -> Result<Result<(), String>, NoMemory> {
        if let (Policy::Bind(node) | Policy::Preferred(node), Ok(allowed)) =
            (policy, NodeMask::allowed())
            && !allowed.contains(node)
        {
            return Err(NoMemory::because(format!("no memory node {node} here")));
        }
        let set = || {
            let Some((mode, mask)) = policy.request()? else { return Ok(()) };
            // SAFETY: the range is ours and untouched; the kernel reads `MAX_NODES` bits of `mask`.
            let result = unsafe {
                let start = self.start.as_ptr();
                let mask = mask.0.as_ptr();
                libc::syscall(libc::SYS_mbind, start, self.bytes, mode, mask, MAX_NODES, 0)
            };
            answer(result)
        };
        match set() {
            Ok(()) => Ok(Ok(())),
            Err(error) if matches!(error.raw_os_error(), Some(libc::EPERM | libc::ENOSYS)) => {
                Ok(Err(format!("memory policy {policy}: {error}")))
            }
            Err(error) => Err(NoMemory::because(format!("memory policy {policy}: {error}"))),
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this is the range that `mmap` gave, and nobody borrows it any more.
        unsafe { libc::munmap(self.whole.0.as_ptr().cast(), self.whole.1) };
    }
}

fn map(bytes: usize, flags: libc::c_int) -> io::Result<NonNull<u8>> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | flags;
    // SAFETY: a new anonymous mapping at an address of the kernel's choice touches nothing else.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(start.cast()).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}

/// Size of the base page.
pub fn base_page() -> usize {
    // SAFETY: `sysconf` only reads.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(page).ok().filter(|page| page.is_power_of_two()).unwrap_or(4096)
}

/// How many of a sample of pages lie on each node.
fn nodes(range: &Range<usize>) -> Result<BTreeMap<usize, usize>, String> {
    let page = base_page();
    let count = (range.len() / page).min(SAMPLED_PAGES);
    if count == 0 {
        return Err(untouched());
    }
    let sampled = sampled(range.len() / page, count).into_iter();
    let addresses: Vec<usize> = sampled.map(|at| range.start + at * page).collect();
    let mut status = vec![-1 as libc::c_int; count];
    let ask_only = std::ptr::null::<libc::c_int>();
    // SAFETY: the kernel reads `count` addresses and writes `count` answers; without target nodes
    // it moves nothing.
    let result = unsafe {
        let (addresses, status) = (addresses.as_ptr(), status.as_mut_ptr());
        libc::syscall(libc::SYS_move_pages, 0, count, addresses, ask_only, status, 0)
    };
    answer(result).map_err(|error| format!("move_pages: {error}"))?;
    let mut found = BTreeMap::new();
    for node in status.into_iter().filter_map(|node| usize::try_from(node).ok()) {
        *found.entry(node).or_insert(0) += 1;
    }
    if found.is_empty() { Err(untouched()) } else { Ok(found) }
}

/// `count` of so many pages, spread over them so that each of a few nodes that take pages in turn is
/// met as often as the others: an even stride would meet every second node only.
fn sampled(pages: usize, count: usize) -> Vec<usize> {
    /// The primes that numbers of nodes consist of.
    const PRIMES: [usize; 4] = [2, 3, 5, 7];
    let step = pages / count.max(1);
    let shares = |stride: usize| PRIMES.iter().any(|prime| stride.is_multiple_of(*prime));
    match (PRIMES[3]..=step).rev().find(|stride| !shares(*stride)) {
        Some(stride) => (0..count).map(|index| index * stride).collect(),
        // Few pages: four from one place of each step, then four from the next.
        None => (0..count).map(|index| index * step + index / 4 % step.max(1)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Buffer, allowed_nodes, base_page, sampled, thread_policy};
    use crate::placement::{Pages, Policy};

    /// Every kind of pages either works as asked or says why not.
    #[test]
    fn pages_are_as_asked_or_refused_with_a_reason() {
        let len = (4 << 20) / 8;
        for pages in [Pages::Default, Pages::Base4k, Pages::Thp, Pages::Huge2m] {
            let mut buffer = match Buffer::<u64>::new(len, pages, Policy::FirstTouch) {
                Ok(buffer) => buffer,
                Err(skip) => {
                    assert!(!skip.to_string().is_empty(), "{pages}");
                    continue;
                }
            };
            assert_eq!(buffer.len(), len);
            assert!(buffer.iter().all(|number| *number == 0));
            buffer.iter_mut().zip(0..).for_each(|(slot, value)| *slot = value);
            assert_eq!(buffer[len - 1], len as u64 - 1);
            if pages == Pages::Huge2m {
                assert_eq!(buffer.effective().huge, Ok(1.0));
            }
        }
    }

    /// Pages that nodes take in turn are met as often on each, whatever the size of the buffer.
    #[test]
    fn sampled_pages_favour_no_node() {
        for pages in [64, 128, 192, 256, 320, 640, 832, 4096, 16384, 32768] {
            let sampled = sampled(pages, 64);
            assert!(sampled.len() == 64 && sampled.windows(2).all(|pair| pair[0] < pair[1]));
            assert!(sampled[63] < pages && sampled[63] * 3 > pages, "{pages}");
            for nodes in [2, 4] {
                let on = |node| sampled.iter().filter(|page| **page % nodes == node).count();
                let counts: Vec<usize> = (0..nodes).map(on).collect();
                let fair = |count: &usize| count.abs_diff(64 / nodes) <= 64 / 10;
                assert!(counts.iter().all(fair), "{pages} pages, {counts:?}");
            }
        }
        assert_eq!(sampled(3, 3), [0, 1, 2]);
        assert!(sampled(0, 0).is_empty());
    }

    #[test]
    fn nothing_is_a_fine_buffer() {
        let buffer = Buffer::<f64>::new(0, Pages::Thp, Policy::Bind(0)).unwrap();
        assert!(buffer.is_empty());
        assert!(buffer.effective().nodes.is_err());
    }

    #[test]
    fn more_than_there_is_gets_refused_before_it_is_touched() {
        let refused = |len| match Buffer::<u8>::new(len, Pages::Default, Policy::FirstTouch) {
            Ok(_) => String::new(),
            Err(skip) => skip.to_string(),
        };
        assert!(refused(1 << 50).contains("MiB available"), "{}", refused(1 << 50));
        assert!(refused(usize::MAX).contains("fit no memory"));
    }

    #[test]
    fn untouched_memory_lies_nowhere_yet() {
        let len = 8 * base_page();
        let mut buffer = Buffer::<u8>::new(len, Pages::Default, Policy::FirstTouch).unwrap();
        assert!(buffer.effective().nodes.is_err());
        buffer.fill(1);
        // Containers may forbid the question; where it is answered, all pages are counted.
        if let Ok(nodes) = buffer.effective().nodes {
            assert_eq!(nodes.values().sum::<usize>(), 8);
        }
    }

    #[test]
    fn a_bound_buffer_lies_on_its_node() {
        let Some(node) = allowed_nodes().ok().and_then(|nodes| nodes.last().copied()) else {
            return;
        };
        let mut buffer = Buffer::<u8>::new(1 << 20, Pages::Default, Policy::Bind(node)).unwrap();
        buffer.fill(1);
        let effective = buffer.effective();
        if effective.policy.is_ok() && effective.nodes.is_ok() {
            assert_eq!(effective.on_node(node), Ok(()));
        }
    }

    #[test]
    fn a_policy_of_a_thread_is_taken_or_forbidden() {
        // On a thread of its own: the policy stays with it.
        let applied = std::thread::spawn(|| {
            [Policy::Interleave, Policy::FirstTouch].map(|policy| {
                let applied = policy.apply_to_thread().is_ok();
                (applied, thread_policy().ok())
            })
        });
        let [(set, told), (unset, told_after)] = applied.join().unwrap();
        assert_eq!(set, unset, "either both are allowed or neither");
        if let (true, Some(told)) = (set, told) {
            assert!(told.starts_with("interleave:"), "{told}");
            assert_eq!(told_after.as_deref(), Some("first-touch"));
        }
        assert!(Policy::Bind(usize::MAX).apply_to_thread().is_err());
    }

    #[test]
    fn a_missing_node_is_a_skip() {
        if allowed_nodes().is_ok_and(|nodes| !nodes.contains(&1000)) {
            let refused = Buffer::<u8>::new(4096, Pages::Default, Policy::Bind(1000));
            assert!(refused.is_err_and(|skip| skip.to_string().contains("no memory node 1000")));
        }
        assert!(Buffer::<u8>::new(4096, Pages::Default, Policy::Bind(usize::MAX)).is_err());
    }
}
