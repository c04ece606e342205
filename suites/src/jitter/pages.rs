//! New pages of memory: touched for the first time, and locked.

use super::sys::Locked;
use crate::claims;
use crate::effort::by_profile;
use crate::nodes::note_placement;
use std::time::Instant;
use vbench::host::memory::base_page;
use vbench::prelude::*;
use vbench::topology::Available;

/// Memory that each thread touches in one sample: 16,384 base pages or 32 huge ones.
const BYTES: usize = 64 << 20;
const SMOKE: usize = 4 << 20;
/// Size of a transparent huge page on x86-64, and on arm64 with base pages of 4 KiB.
const HUGE: usize = 2 << 20;

/// Base pages in the quick profile; huge ones too in longer ones.
pub fn choices() -> Vec<Pages> {
    by_profile([Pages::Base4k], [Pages::Base4k, Pages::Thp])
}

/// One thread in the quick profile; all at once too in longer ones.
pub fn threads() -> Vec<usize> {
    by_profile([1], thread_counts())
}

/// What is locked at once: 64 MiB, and as much as a guest's or a framework's pinned buffers.
pub fn locked() -> Vec<Bytes> {
    vec![Bytes(BYTES as u64), Bytes(1 << 30)]
}

/// A first touch.
pub struct Touch {
    pages: Pages,
    bytes: usize,
    policy: Policy,
}

impl Touch {
    /// Of pages of this size, where the system puts them.
    pub fn new(pages: Pages, smoke: bool) -> Self {
        Self { pages, bytes: if smoke { SMOKE } else { BYTES }, policy: Policy::FirstTouch }
    }

    /// The same of memory on one node.
    #[must_use]
    pub fn on_node(self, node: usize) -> Self {
        Self { policy: Policy::Bind(node), ..self }
    }

    /// The same of so much memory, less in a smoke run.
    #[must_use]
    pub fn sized(self, size: Bytes, smoke: bool) -> Self {
        Self {
            bytes: if smoke { SMOKE } else { usize::try_from(size.0).unwrap_or(usize::MAX) },
            ..self
        }
    }

    /// Whether so many of it leave room for everything else, on the node that it is bound to.
    ///
    /// # Errors
    /// They do not, with the numbers.
    pub fn fits(&self, times: usize) -> Result<(), Skip> {
        self.fits_in(times, claims::memory_for)
    }

    fn fits_in(
        &self,
        times: usize,
        room: impl Fn(Policy) -> Option<Available>,
    ) -> Result<(), Skip> {
        let needed = (self.bytes as u64).saturating_mul(times as u64);
        match room(self.policy) {
            Some(room) if needed > room.bytes / 3 * 2 => Err(Skip::because(format!(
                "needs {times} times {} of memory, {room}",
                Bytes(self.bytes as u64)
            ))),
            _ => Ok(()),
        }
    }

    /// Pages of all threads together.
    pub fn pages(&self, threads: usize) -> f64 {
        let page = if self.pages == Pages::Thp { HUGE } else { base_page() };
        (self.bytes / page * threads) as f64
    }

    /// Bytes of all threads together.
    pub fn bytes(&self, threads: usize) -> u64 {
        (self.bytes * threads) as u64
    }

    /// Touches once, untimed, and notes which pages came.
    ///
    /// # Errors
    /// Other pages came than were asked for.
    pub fn note(&self, b: &mut Bencher, team: &Team) -> Result<(), Skip> {
        let buffer = self.buffer(team)?;
        note_placement(b, self.pages, self.policy, &buffer.effective())
    }

    /// Memory that the first thread of the team has touched.
    ///
    /// # Errors
    /// There is none.
    pub fn buffer(&self, team: &Team) -> Result<Buffer<u8>, Skip> {
        let touched = team.broadcast(|worker| {
            if worker.index > 0 {
                return Ok::<_, Skip>(None);
            }
            let mut buffer = self.fresh()?;
            touch(&mut buffer);
            Ok(Some(buffer))
        });
        let first = touched.into_iter().next().unwrap_or(Ok(None));
        first?.ok_or_else(|| Skip::because("a team without threads"))
    }

    /// Seconds from the first thread's first page to the last thread's last.
    ///
    /// # Errors
    /// There is not so much memory.
    pub fn run(&self, team: &Team) -> Result<f64, Skip> {
        let spans = team.broadcast(|worker| {
            let buffer = self.fresh();
            worker.barrier();
            let mut buffer = buffer?;
            let start = Instant::now();
            touch(&mut buffer);
            let end = Instant::now();
            // Every page is there and holds what was written: the last byte tells.
            let right = buffer.iter().step_by(base_page()).all(|byte| *byte == 1);
            right
                .then_some((start, end))
                .ok_or_else(|| Skip::because("a page lost what was written"))
        });
        let spans = spans.into_iter().collect::<Result<Vec<_>, Skip>>()?;
        let first = spans.iter().map(|(start, _)| *start).min();
        let last = spans.iter().map(|(_, end)| *end).max();
        let span = first.zip(last).map(|(first, last)| (last - first).as_secs_f64());
        span.ok_or_else(|| Skip::because("a team without threads"))
    }

    /// Seconds that locking takes of memory that nobody has touched: getting it and holding it.
    ///
    /// # Errors
    /// There is not so much memory, or locking it is not allowed.
    pub fn lock_fresh(&self) -> Result<f64, Skip> {
        lock(&self.fresh()?).map(|[seconds, _]| seconds)
    }

    fn fresh(&self) -> Result<Buffer<u8>, Skip> {
        Ok(Buffer::new(self.bytes, self.pages, self.policy)?)
    }
}

/// Writes one byte to every base page.
fn touch(buffer: &mut [u8]) {
    buffer.iter_mut().step_by(base_page()).for_each(|byte| *byte = 1);
}

/// Seconds that locking and unlocking take.
///
/// # Errors
/// Locking is not allowed, with the limit's name.
pub fn lock(buffer: &[u8]) -> Result<[f64; 2], Skip> {
    let start = Instant::now();
    let locked = Locked::new(buffer).map_err(|error| {
        Skip::because(format!("cannot lock {} MiB: {error}; {}", buffer.len() >> 20, limit()))
    })?;
    let held = Instant::now();
    drop(locked);
    Ok([(held - start).as_secs_f64(), held.elapsed().as_secs_f64()])
}

/// How much this process may lock, in words (proc_pid_limits(5)).
fn limit() -> String {
    let limits = Machine::current().host.read("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max locked memory"));
    let soft = line.and_then(|line| line.split_whitespace().next());
    match soft.map(str::parse::<u64>) {
        Some(Ok(bytes)) => format!("the limit is {} KiB (ulimit -l)", bytes >> 10),
        _ => "the limit is what ulimit -l says".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Touch, lock};
    use vbench::prelude::*;
    use vbench::topology::{Available, Limit};

    #[test]
    fn every_page_is_touched_once_by_each_thread() {
        let team = Team::floating(2).unwrap();
        let touch = Touch::new(Pages::Base4k, true);
        assert!(touch.run(&team).unwrap() > 0.0);
        assert_eq!(touch.bytes(2), 8 << 20);
        assert_eq!(Touch::new(Pages::Thp, true).pages(2), 4.0);
        let buffer = touch.buffer(&team).unwrap();
        assert_eq!(buffer.len(), 4 << 20);
        match lock(&buffer) {
            Ok(_) => assert!(touch.lock_fresh().unwrap() > 0.0),
            Err(skip) => assert!(skip.to_string().contains("ulimit"), "{skip}"),
        }
    }

    #[test]
    fn more_than_memory_holds_is_not_touched() {
        let touch = |size, smoke| Touch::new(Pages::Base4k, smoke).sized(Bytes(size), smoke);
        assert_eq!(touch(1 << 20, false).bytes(1), 1 << 20);
        assert_eq!(touch(1 << 20, false).fits(2), Ok(()));
        let reason = touch(1 << 50, false).fits(2).unwrap_err().to_string();
        assert!(reason.contains("needs 2 times 1024TiB of memory"), "{reason}");
        let many = Touch::new(Pages::Base4k, false).fits(1 << 30).unwrap_err().to_string();
        assert!(many.contains("needs 1073741824 times 64MiB of memory"), "{many}");
        assert_eq!(touch(1 << 50, true).bytes(1), 4 << 20);
    }

    #[test]
    fn memory_of_a_node_must_find_room_on_that_node() {
        let room = |policy| match policy {
            Policy::Bind(node) => Some(Available { bytes: 128 << 20, limit: Limit::Node(node) }),
            _ => Some(Available { bytes: 64 << 30, limit: Limit::Machine }),
        };
        let anywhere = Touch::new(Pages::Base4k, false);
        assert_eq!(anywhere.fits_in(2, room), Ok(()));
        let reason = anywhere.on_node(1).fits_in(2, room).unwrap_err().to_string();
        assert_eq!(reason, "needs 2 times 64MiB of memory, 128 MiB available (memory node 1)");
    }
}
