//! NCCL and RCCL, which export the same functions: one binding for both.
#![expect(unsafe_code, reason = "functions of a C library, found by name")]

use super::library::{self, Opened};
use super::{Fault, Gpu, Handle, Memory, Queue};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::Arc;

/// `ncclFloat32` and `ncclSum`, the same in both libraries. Source: `nccl.h`, `rccl.h`.
const FLOAT32: c_int = 7;
const SUM: c_int = 0;
/// `NCCL_UNIQUE_ID_BYTES`.
const ID_BYTES: usize = 128;

/// The name of a group, which every rank must know: rank 0 makes it and tells the others.
pub type Identifier = [u8; ID_BYTES];

/// One rank's part of a collective operation.
#[derive(Clone, Copy, Debug)]
pub struct Ranked {
    /// What [`Summing::enter`] gave.
    pub communicator: Handle,
    /// Where it is enqueued.
    pub stream: Handle,
    /// What it gives.
    pub from: Handle,
    /// Where what it gets goes.
    pub to: Handle,
}

/// What the ranks of a group do together, with 32-bit floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Every rank gets the sums of all entries.
    AllReduce,
    /// Every rank gets the sums of its own part.
    ReduceScatter,
    /// Every rank gets what all ranks give, one after the other.
    AllGather,
    /// Every rank gets from every rank the part that is meant for it.
    AllToAll,
}

impl Operation {
    /// Floats that each of `ranks` gives and gets, where the larger of both is `count`.
    pub fn floats(self, count: usize, ranks: usize) -> (usize, usize) {
        let part = count / ranks.max(1);
        match self {
            Self::AllReduce | Self::AllToAll => (count, count),
            Self::ReduceScatter => (count, part),
            Self::AllGather => (part, count),
        }
    }
}

/// A library of collective operations, as thinly as it can be said.
pub trait Summing: Send + Sync {
    /// Its name and version.
    fn version(&self) -> String;
    /// Names a new group.
    ///
    /// # Errors
    /// What the library says; so do all the others.
    fn identifier(&self) -> Result<Identifier, Fault>;
    /// Joins the group as `rank` with the thread's device, once all ranks do.
    fn enter(&self, ranks: usize, id: &Identifier, rank: usize) -> Result<Handle, Fault>;
    /// Enqueues `operation` over `ranks`, which are all of their group but for sums of all entries.
    ///
    /// # Safety
    /// The handles are alive, and the addresses hold as many floats of each rank's device as
    /// [`Operation::floats`] says, until the streams were synchronised.
    unsafe fn enqueue(
        &self,
        operation: Operation,
        ranks: &[Ranked],
        count: usize,
    ) -> Result<(), Fault>;
    /// Ends a rank's part.
    ///
    /// # Safety
    /// `enter` gave it, and nothing it does is under way.
    unsafe fn leave(&self, communicator: Handle);
}

type Code = c_int;

/// The library, opened.
pub struct Nccl {
    library: &'static Opened,
    version: String,
    get_id: unsafe extern "C" fn(*mut Id) -> Code,
    init_rank: unsafe extern "C" fn(*mut *mut c_void, c_int, Id, c_int) -> Code,
    all_reduce: Reduce,
    reduce_scatter: Reduce,
    all_gather: Gather,
    give: Give,
    take: Take,
    group_start: unsafe extern "C" fn() -> Code,
    group_end: unsafe extern "C" fn() -> Code,
    destroy: unsafe extern "C" fn(*mut c_void) -> Code,
    text: unsafe extern "C" fn(Code) -> *const c_char,
    last: Option<unsafe extern "C" fn(*mut c_void) -> *const c_char>,
}

type Pointer = *mut c_void;
type Read = *const c_void;
/// Memories, count, type, operator, communicator, stream.
type Reduce = unsafe extern "C" fn(Read, Pointer, usize, c_int, c_int, Pointer, Pointer) -> Code;
/// The same without an operator.
type Gather = unsafe extern "C" fn(Read, Pointer, usize, c_int, Pointer, Pointer) -> Code;
/// Memory, count, type, the other rank, communicator, stream.
type Give = unsafe extern "C" fn(Read, usize, c_int, c_int, Pointer, Pointer) -> Code;
type Take = unsafe extern "C" fn(Pointer, usize, c_int, c_int, Pointer, Pointer) -> Code;

/// `ncclUniqueId`, passed by value.
#[repr(C)]
#[derive(Clone, Copy)]
struct Id {
    bytes: Identifier,
}

impl Nccl {
    /// NVIDIA's library.
    ///
    /// # Errors
    /// It cannot be opened, or lacks a function.
    pub fn nvidia() -> Result<Self, Fault> {
        Self::open("nccl", "NCCL", "nvidia-nccl-cu12 from PyPI, or libnccl2")
    }

    /// AMD's library.
    ///
    /// # Errors
    /// As [`Nccl::nvidia`].
    pub fn amd() -> Result<Self, Fault> {
        Self::open("rccl", "RCCL", "the package rccl of ROCm")
    }

    fn open(stem: &str, name: &str, remedy: &str) -> Result<Self, Fault> {
        let library = library::open(stem, remedy)?;
        // SAFETY: the types of these functions in `nccl.h` since 2.7 and in `rccl.h`.
        unsafe {
            let get_version: unsafe extern "C" fn(*mut c_int) -> Code =
                library.symbol("ncclGetVersion")?;
            let mut number = 0;
            get_version(&raw mut number);
            Ok(Self {
                library,
                version: format!("{name} {}", version(number)),
                get_id: library.symbol("ncclGetUniqueId")?,
                init_rank: library.symbol("ncclCommInitRank")?,
                all_reduce: library.symbol("ncclAllReduce")?,
                reduce_scatter: library.symbol("ncclReduceScatter")?,
                all_gather: library.symbol("ncclAllGather")?,
                give: library.symbol("ncclSend")?,
                take: library.symbol("ncclRecv")?,
                group_start: library.symbol("ncclGroupStart")?,
                group_end: library.symbol("ncclGroupEnd")?,
                destroy: library.symbol("ncclCommDestroy")?,
                text: library.symbol("ncclGetErrorString")?,
                last: library.symbol("ncclGetLastError").ok(),
            })
        }
    }

    /// Where it was opened.
    pub fn path(&self) -> &str {
        &self.library.name
    }

    /// One rank's part within a group of calls.
    ///
    /// # Safety
    /// As [`Summing::enqueue`].
    unsafe fn enqueue_one(
        &self,
        operation: Operation,
        rank: &Ranked,
        count: usize,
        ranks: usize,
    ) -> Result<(), Fault> {
        let (from, to) = (rank.from as Read, rank.to as Pointer);
        let (own, stream) = (rank.communicator as Pointer, rank.stream as Pointer);
        let part = count / ranks.max(1);
        // SAFETY: the caller's handles and addresses.
        unsafe {
            match operation {
                Operation::AllReduce => {
                    let code = (self.all_reduce)(from, to, count, FLOAT32, SUM, own, stream);
                    self.done("ncclAllReduce", code)
                }
                Operation::ReduceScatter => {
                    let code = (self.reduce_scatter)(from, to, part, FLOAT32, SUM, own, stream);
                    self.done("ncclReduceScatter", code)
                }
                Operation::AllGather => {
                    let code = (self.all_gather)(from, to, part, FLOAT32, own, stream);
                    self.done("ncclAllGather", code)
                }
                Operation::AllToAll => (0..ranks).try_for_each(|peer| {
                    // As NCCL's user guide builds it, "Point-to-point communication".
                    let (offset, peer) = (4 * part * peer, peer as c_int);
                    let give = from.wrapping_byte_add(offset);
                    let code = (self.give)(give, part, FLOAT32, peer, own, stream);
                    self.done("ncclSend", code)?;
                    let take = to.wrapping_byte_add(offset);
                    let code = (self.take)(take, part, FLOAT32, peer, own, stream);
                    self.done("ncclRecv", code)
                }),
            }
        }
    }

    fn done(&self, function: &str, code: Code) -> Result<(), Fault> {
        if code == 0 {
            return Ok(());
        }
        // SAFETY: both give texts that live as long as the library, which is never closed.
        let (text, last) = unsafe {
            let last = self.last.map(|last| last(std::ptr::null_mut()));
            (owned((self.text)(code)), last.map(|last| owned(last)).unwrap_or_default())
        };
        let why = [text, last].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        let text = format!("{function} of {}: {}", self.version, why.join("; "));
        Err(Fault::Failed(text))
    }
}

/// # Safety
/// `text` is null or ends with zero.
unsafe fn owned(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: as this function's.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().trim().to_owned()
}

/// `NCCL_VERSION_CODE`: 2.8.4 is 2804, 2.9.6 is 20906.
fn version(code: c_int) -> String {
    let major = if code < 10_000 { 1_000 } else { 10_000 };
    format!("{}.{}.{}", code / major, code % major / 100, code % 100)
}

impl Summing for Nccl {
    fn version(&self) -> String {
        self.version.clone()
    }

    fn identifier(&self) -> Result<Identifier, Fault> {
        let mut id = Id { bytes: [0; ID_BYTES] };
        // SAFETY: it writes the whole id.
        self.done("ncclGetUniqueId", unsafe { (self.get_id)(&raw mut id) })?;
        Ok(id.bytes)
    }

    fn enter(&self, ranks: usize, id: &Identifier, rank: usize) -> Result<Handle, Fault> {
        let number = |value| c_int::try_from(value).map_err(|_| Fault::Failed("ranks".to_owned()));
        let (ranks, rank, id) = (number(ranks)?, number(rank)?, Id { bytes: *id });
        let mut communicator = std::ptr::null_mut();
        // SAFETY: it writes one pointer.
        let code = unsafe { (self.init_rank)(&raw mut communicator, ranks, id, rank) };
        self.done("ncclCommInitRank", code)?;
        Ok(communicator as Handle)
    }

    unsafe fn enqueue(
        &self,
        operation: Operation,
        ranks: &[Ranked],
        count: usize,
    ) -> Result<(), Fault> {
        // SAFETY: it takes nothing.
        self.done("ncclGroupStart", unsafe { (self.group_start)() })?;
        let enqueued = ranks.iter().try_for_each(|rank| {
            // SAFETY: the caller's handles and addresses.
            unsafe { self.enqueue_one(operation, rank, count, ranks.len()) }
        });
        // SAFETY: it takes nothing; a group is ended also after an error.
        let ended = self.done("ncclGroupEnd", unsafe { (self.group_end)() });
        enqueued.and(ended)
    }

    unsafe fn leave(&self, communicator: Handle) {
        // SAFETY: the caller's handle.
        unsafe { (self.destroy)(communicator as *mut c_void) };
    }
}

/// The devices of one process, joined with each other, and with those of other processes where
/// there are any.
pub struct Communicator {
    summing: Arc<dyn Summing>,
    /// Those of this process, and how many there are in all.
    ranks: Vec<Handle>,
    size: usize,
}

impl Communicator {
    /// Joins a group of `ranks` as `rank`, with one device of this process; the others join from
    /// processes of their own. It returns once all have.
    ///
    /// # Errors
    /// What the library says.
    pub fn enter(
        summing: Arc<dyn Summing>,
        gpu: &Gpu,
        (rank, ranks): (usize, usize),
        id: &Identifier,
    ) -> Result<Self, Fault> {
        gpu.driver().make_current(gpu.index())?;
        let own = summing.enter(ranks, id, rank)?;
        Ok(Self { summing, ranks: vec![own], size: ranks })
    }

    /// Joins `gpus`, each a rank in this order. Each joins on a thread of its own after `arm(rank)` placed that thread:
    /// what the library allocates and starts for the rank inherits its CPUs and memory policy.
    ///
    /// # Errors
    /// What the library or `arm` says.
    pub fn join(
        summing: Arc<dyn Summing>,
        gpus: &[Gpu],
        arm: impl Fn(usize) -> Result<(), Fault> + Sync,
    ) -> Result<Self, Fault> {
        let id = summing.identifier()?;
        // Every thread is placed before any joins: one that fails would leave the others waiting.
        let placed = std::sync::Barrier::new(gpus.len());
        let fault = std::sync::Mutex::new(None);
        let enter = |rank: usize, gpu: &Gpu| {
            let ready = arm(rank).and_then(|()| gpu.driver().make_current(gpu.index()));
            if let Err(why) = &ready
                && let Ok(mut fault) = fault.lock()
            {
                *fault = Some(why.clone());
            }
            placed.wait();
            match fault.lock().ok().and_then(|fault| fault.clone()) {
                Some(why) => Err(why),
                None => summing.enter(gpus.len(), &id, rank),
            }
        };
        let entered: Vec<Result<Handle, Fault>> = std::thread::scope(|scope| {
            let enter = &enter;
            let threads: Vec<_> = gpus
                .iter()
                .enumerate()
                .map(|(rank, gpu)| scope.spawn(move || enter(rank, gpu)))
                .collect();
            let panicked = || Err(Fault::Failed("a rank's thread panicked".to_owned()));
            threads.into_iter().map(|t| t.join().unwrap_or_else(|_| panicked())).collect()
        });
        let ranks = entered.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(Self { summing, ranks, size: gpus.len() })
    }

    /// Enqueues the sum of `count` floats: rank `i` gives `from[i]` and gets the sums in `to[i]`,
    /// which may be the same memory.
    ///
    /// # Errors
    /// Too few queues or memories, too short ones, or what the library says.
    pub fn sum<'env>(
        &'env self,
        queues: &mut [Queue<'env>],
        from: &'env [Memory],
        to: &'env [Memory],
        count: usize,
    ) -> Result<(), Fault> {
        self.enqueue(Operation::AllReduce, queues, from, to, count)
    }

    /// Enqueues `operation`, whose larger memory holds `count` floats: rank `i` gives `from[i]` and
    /// gets `to[i]`.
    ///
    /// # Errors
    /// As [`Communicator::sum`]; ranks of other processes, which only sums have; or a `count` that
    /// is not the same for every rank.
    pub fn enqueue<'env>(
        &'env self,
        operation: Operation,
        queues: &mut [Queue<'env>],
        from: &'env [Memory],
        to: &'env [Memory],
        count: usize,
    ) -> Result<(), Fault> {
        let n = self.ranks.len();
        let whole = n == self.size && count.is_multiple_of(n.max(1));
        if operation != Operation::AllReduce && !whole {
            let text = format!("{n} of {} ranks share {count} floats: not alike", self.size);
            return Err(Fault::Failed(text));
        }
        let (given, gotten) = operation.floats(count, n);
        let short = |memories: &[Memory], floats: usize| {
            memories.iter().any(|memory| memory.bytes() < floats.saturating_mul(4))
        };
        let fits = queues.len() == n && from.len() == n && to.len() == n;
        if !fits || short(from, given) || short(to, gotten) {
            let text = format!("{n} ranks of {count} floats do not fit what they were given");
            return Err(Fault::Failed(text));
        }
        let parts = self.ranks.iter().zip(queues.iter()).zip(from.iter().zip(to));
        let calls: Vec<Ranked> = parts
            .map(|((communicator, queue), (from, to))| Ranked {
                communicator: *communicator,
                stream: queue.stream(),
                from: from.address(),
                to: to.address(),
            })
            .collect();
        // SAFETY: the memories are long enough and borrowed until the queues are waited for, and
        // so is this, which holds the communicators.
        unsafe { self.summing.enqueue(operation, &calls, count) }
    }
}

impl Drop for Communicator {
    fn drop(&mut self) {
        for rank in &self.ranks {
            // SAFETY: no queue borrows this any more.
            unsafe { self.summing.leave(*rank) };
        }
    }
}

/// Sets a variable that the library of collective operations, or what it stands on, reads when the
/// first group is made.
pub fn set_for_library(name: &str, value: &str) {
    // SAFETY: called by the thread that measures before the library is used, while no other thread
    // of this program reads or writes the environment; the driver's own threads wait.
    unsafe { std::env::set_var(name, value) };
}

#[cfg(test)]
mod tests {
    use super::super::Summing;
    use super::{Nccl, version};

    /// Run by `.ci/gpu-symbols` with the real library, which names groups also without a GPU and
    /// tells readably why it cannot join one.
    #[test]
    fn every_function_is_in_the_library() {
        match Nccl::nvidia() {
            Ok(nccl) => {
                println!("{}: {}", nccl.path(), nccl.version());
                if let Ok(id) = nccl.identifier() {
                    assert_ne!(id, [0; 128]);
                }
            }
            Err(fault) => {
                assert!(std::env::var_os("VBENCH_REQUIRE_NCCL").is_none(), "{fault}");
                assert!(fault.to_string().contains("nvidia-nccl-cu12"), "{fault}");
            }
        }
    }

    #[test]
    fn versions_of_both_schemes_read() {
        assert_eq!(version(2804), "2.8.4");
        assert_eq!(version(20906), "2.9.6");
        assert_eq!(version(23203), "2.32.3");
    }
}
