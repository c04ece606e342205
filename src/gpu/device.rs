//! The safe side of a driver: memory that is owned, sizes that are checked, and batches of work
//! that end before borrowed memory is given back.
#![expect(unsafe_code, reason = "a driver takes addresses; here is where they are known to hold")]

use super::number::drawn;
use super::{
    Direction, Driver, Dtype, Fault, Handle, Identity, Kernel, Monitor, Multiplication, Transfer,
};
use crate::host::memory::{Buffer, Effective};
use crate::placement::{Pages, Policy};
use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

/// Threads of a block: a multiple of every vendor's warp.
const THREADS: u32 = 256;
/// Blocks of a large launch for each processor: enough to hide memory latency.
const BLOCKS_PER_PROCESSOR: u32 = 32;

/// One device. Clones are the same device.
#[derive(Clone)]
pub struct Gpu {
    shared: Arc<Shared>,
}

struct Shared {
    driver: Arc<dyn Driver>,
    index: usize,
    identity: Identity,
    module: OnceLock<Result<Handle, Fault>>,
}

impl Gpu {
    /// The device `index` of `driver`.
    ///
    /// # Errors
    /// What the driver says; so do all functions here that give a [`Fault`].
    pub fn new(driver: Arc<dyn Driver>, index: usize) -> Result<Self, Fault> {
        let identity = driver.identity(index)?;
        let module = OnceLock::new();
        Ok(Self { shared: Arc::new(Shared { driver, index, identity, module }) })
    }

    /// The driver it belongs to.
    pub fn driver(&self) -> &Arc<dyn Driver> {
        &self.shared.driver
    }

    /// Its number among the driver's devices.
    pub fn index(&self) -> usize {
        self.shared.index
    }

    /// What it is.
    pub fn identity(&self) -> &Identity {
        &self.shared.identity
    }

    /// Its clocks, power and errors.
    pub fn monitor(&self) -> Monitor {
        self.driver().monitor(&self.identity().pci)
    }

    /// Memory of the device; its contents are whatever was there.
    pub fn memory(&self, bytes: usize) -> Result<Memory, Fault> {
        let free = self.driver().free_memory(self.index())?;
        if bytes as u64 > free {
            let (needed, free) = (bytes >> 20, free >> 20);
            let text = format!("needs {needed} MiB of GPU {}, {free} MiB free", self.index());
            return Err(Fault::Memory(text));
        }
        let address = self.driver().allocate(self.index(), bytes)?;
        Ok(Memory { gpu: self.clone(), address, bytes })
    }

    /// Pinned memory of the host, placed as the driver likes.
    pub fn pinned(&self, bytes: usize) -> Result<Host, Fault> {
        let start = self.driver().allocate_host(self.index(), bytes)?;
        let mut host = Host { gpu: self.clone(), start, bytes, backing: Backing::Driver };
        // What the driver gives is not said to be zero.
        host.bytes_mut().fill(0);
        Ok(host)
    }

    /// Pinned memory of the host on the nodes that `policy` asks for.
    pub fn pinned_on(&self, bytes: usize, policy: Policy) -> Result<Host, Fault> {
        let mut host = self.pageable_on(bytes, policy)?;
        // SAFETY: the buffer is mapped until `host` is dropped, which unregisters it before.
        unsafe { self.driver().register(self.index(), host.start, bytes) }?;
        host.backing = match std::mem::replace(&mut host.backing, Backing::Driver) {
            Backing::Pageable(buffer) => Backing::Registered(buffer),
            other => other,
        };
        Ok(host)
    }

    /// Ordinary memory of the host, touched.
    pub fn pageable(&self, bytes: usize) -> Result<Host, Fault> {
        self.pageable_on(bytes, Policy::FirstTouch)
    }

    fn pageable_on(&self, bytes: usize, policy: Policy) -> Result<Host, Fault> {
        let buffer = Buffer::<u8>::new(bytes, Pages::Default, policy);
        let mut buffer = buffer.map_err(|lack| Fault::Memory(lack.to_string()))?;
        buffer.fill(0);
        let start = buffer.as_mut_ptr() as Handle;
        Ok(Host { gpu: self.clone(), start, bytes, backing: Backing::Pageable(buffer) })
    }

    /// Enqueues what `work` says on a stream of its own, waits for all of it, and gives the times
    /// of its marks, of which there may be `marks`.
    pub fn batch<'env>(
        &self,
        marks: usize,
        work: impl FnOnce(&mut Queue<'env>) -> Result<(), Fault>,
    ) -> Result<Times, Fault> {
        let mut queue = Queue::new(self, marks)?;
        work(&mut queue)?;
        queue.finish()
    }

    /// The same on several devices at once, each with a queue of its own.
    pub fn batch_all<'env>(
        gpus: &[Self],
        marks: usize,
        work: impl FnOnce(&mut [Queue<'env>]) -> Result<(), Fault>,
    ) -> Result<Vec<Times>, Fault> {
        let queues: Result<Vec<_>, _> = gpus.iter().map(|gpu| Queue::new(gpu, marks)).collect();
        let mut queues = queues?;
        work(&mut queues)?;
        queues.iter_mut().map(Queue::finish).collect()
    }

    /// A random matrix product, ready to be computed; its result is filled with NaN.
    pub fn product(&self, n: usize, dtype: Dtype, seed: u32) -> Result<Product, Fault> {
        let entries = n.checked_mul(n).filter(|entries| *entries <= usize::MAX / 8);
        let entries =
            entries.ok_or_else(|| Fault::Memory(format!("{n} x {n} entries fit no memory")))?;
        let factor = || self.memory(entries * dtype.bytes());
        let (a, b) = (factor()?, factor()?);
        let c = self.memory(entries * dtype.output().bytes())?;
        self.batch(0, |queue| {
            queue.draw(&a, dtype, seed)?;
            queue.draw(&b, dtype, seed ^ 1)?;
            queue.fill(&c, 0xff)
        })?;
        Ok(Product { n, dtype, seed, a, b, c })
    }

    fn function(&self, kernel: Kernel) -> Result<Handle, Fault> {
        let driver = self.driver();
        let module = self.shared.module.get_or_init(|| driver.load(self.index()));
        driver.function(self.index(), module.clone()?, kernel)
    }
}

/// Memory of a device, freed on drop.
pub struct Memory {
    gpu: Gpu,
    address: Handle,
    bytes: usize,
}

impl Memory {
    /// How much it is.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Where it is, for libraries that take addresses.
    pub(super) fn address(&self) -> Handle {
        self.address
    }

    /// Its first `count` bytes.
    pub fn read(&self, offset: usize, count: usize) -> Result<Vec<u8>, Fault> {
        let end = offset.checked_add(count).filter(|end| *end <= self.bytes);
        end.ok_or_else(|| too_long(count, self.bytes))?;
        let mut bytes = vec![0_u8; count];
        let copy = Transfer {
            to: bytes.as_mut_ptr() as Handle,
            from: self.address + offset as Handle,
            bytes: count,
            direction: Direction::Download,
        };
        let mut queue = Queue::new(&self.gpu, 0)?;
        // SAFETY: both ranges are in bounds and alive, `bytes` until the queue is finished below,
        // or dropped, which waits as well.
        let copied = unsafe { self.gpu.driver().copy(self.gpu.index(), &copy, queue.stream) };
        queue.finish()?;
        copied.map(|()| bytes)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: `allocate` gave it, and no queue borrows it any more.
        unsafe { self.gpu.driver().free(self.gpu.index(), self.address) }
    }
}

/// Memory of the host that a device copies from and to. Its bytes are reached only while no queue
/// borrows it.
pub struct Host {
    gpu: Gpu,
    start: Handle,
    bytes: usize,
    backing: Backing,
}

enum Backing {
    Driver,
    Registered(Buffer<u8>),
    Pageable(Buffer<u8>),
}

impl Host {
    /// How much it is.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// True for no bytes.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Its bytes, which no copy is using.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        match &mut self.backing {
            Backing::Registered(buffer) | Backing::Pageable(buffer) => buffer,
            // SAFETY: the driver gave `bytes` at `start`, written before anybody reads them, and
            // `self` is borrowed alone, so that no queue uses them.
            Backing::Driver => unsafe {
                std::slice::from_raw_parts_mut(self.start as *mut u8, self.bytes)
            },
        }
    }

    /// Where it lies; the driver tells nothing of what it allocated itself.
    pub fn effective(&self) -> Option<Effective> {
        match &self.backing {
            Backing::Registered(buffer) | Backing::Pageable(buffer) => Some(buffer.effective()),
            Backing::Driver => None,
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let (driver, index) = (self.gpu.driver(), self.gpu.index());
        match self.backing {
            // SAFETY: `allocate_host` gave it, and no queue borrows it any more.
            Backing::Driver => unsafe { driver.free_host(index, self.start) },
            // SAFETY: `register` took it; the buffer is unmapped after this.
            Backing::Registered(_) => unsafe { driver.unregister(index, self.start) },
            Backing::Pageable(_) => {}
        }
    }
}

/// Work for one device, in order. What it borrows outlives it.
pub struct Queue<'env> {
    gpu: Gpu,
    stream: Handle,
    events: Vec<Handle>,
    marked: usize,
    env: PhantomData<Cell<&'env ()>>,
}

impl<'env> Queue<'env> {
    fn new(gpu: &Gpu, marks: usize) -> Result<Self, Fault> {
        let (driver, index) = (gpu.driver(), gpu.index());
        let stream = driver.stream(index)?;
        let mut queue =
            Self { gpu: gpu.clone(), stream, events: Vec::new(), marked: 0, env: PhantomData };
        for _ in 0..marks {
            queue.events.push(driver.event(index)?);
        }
        Ok(queue)
    }

    /// The stream, for libraries that enqueue on their own.
    pub(super) fn stream(&self) -> Handle {
        self.stream
    }

    /// The device it belongs to.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Takes the time when the work so far is done.
    pub fn mark(&mut self) -> Result<(), Fault> {
        let event = self.events.get(self.marked).copied();
        let event = event.ok_or_else(|| Fault::Failed("more marks than asked for".to_owned()))?;
        self.marked += 1;
        // SAFETY: both are this queue's own.
        unsafe { self.gpu.driver().record(self.gpu.index(), event, self.stream) }
    }

    /// Waits for the work so far.
    pub fn wait(&mut self) -> Result<(), Fault> {
        // SAFETY: the stream is this queue's own.
        unsafe { self.gpu.driver().synchronize(self.gpu.index(), self.stream) }
    }

    /// Copies the first `bytes` of `from` to the device.
    pub fn upload(
        &mut self,
        to: &'env Memory,
        from: &'env Host,
        bytes: usize,
    ) -> Result<(), Fault> {
        let room = to.bytes.min(from.bytes);
        self.copy(to.address, from.start, bytes, room, Direction::Upload)
    }

    /// Copies the first `bytes` of `from` to the host.
    pub fn download(
        &mut self,
        to: &'env Host,
        from: &'env Memory,
        bytes: usize,
    ) -> Result<(), Fault> {
        let room = to.bytes.min(from.bytes);
        self.copy(to.start, from.address, bytes, room, Direction::Download)
    }

    /// Copies the first `bytes` between memories of devices.
    pub fn duplicate(
        &mut self,
        to: &'env Memory,
        from: &'env Memory,
        bytes: usize,
    ) -> Result<(), Fault> {
        let room = to.bytes.min(from.bytes);
        self.copy(to.address, from.address, bytes, room, Direction::Duplicate)
    }

    fn copy(
        &mut self,
        to: Handle,
        from: Handle,
        bytes: usize,
        room: usize,
        direction: Direction,
    ) -> Result<(), Fault> {
        if bytes > room {
            return Err(too_long(bytes, room));
        }
        let copy = Transfer { to, from, bytes, direction };
        // SAFETY: both ranges are in bounds, and borrowed until this queue is waited for.
        unsafe { self.gpu.driver().copy(self.gpu.index(), &copy, self.stream) }
    }

    /// Sets every byte.
    pub fn fill(&mut self, memory: &'env Memory, byte: u8) -> Result<(), Fault> {
        let (index, stream) = (self.gpu.index(), self.stream);
        // SAFETY: the whole memory, borrowed until this queue is waited for.
        unsafe { self.gpu.driver().fill(index, memory.address, byte, memory.bytes, stream) }
    }

    /// Fills it with random entries of `dtype`, as [`drawn`] gives them.
    pub fn draw(&mut self, memory: &'env Memory, dtype: Dtype, seed: u32) -> Result<(), Fault> {
        let size = dtype.bytes();
        let count = (memory.bytes / size) as u64;
        let fraction = u64::from(dtype.drawn_bits());
        let parameters = [memory.address, count, u64::from(seed), size as u64, fraction];
        // SAFETY: `count` entries of `size` bytes lie in the memory, which is borrowed.
        unsafe { self.launch(Kernel::Draw, count, &parameters) }
    }

    /// Computes it.
    pub fn multiply(&mut self, product: &'env Product) -> Result<(), Fault> {
        let (index, stream) = (self.gpu.index(), self.stream);
        // SAFETY: the three matrices have `n` rows of their types, and are borrowed.
        unsafe { self.gpu.driver().multiply(index, &product.call(), stream) }
    }

    /// A kernel that does nothing, of one thread.
    pub fn nothing(&mut self) -> Result<(), Fault> {
        // SAFETY: it takes no parameters.
        unsafe { self.launch(Kernel::Nothing, 1, &[]) }
    }

    /// `a = b + 3 c` over 32-bit floats, by our own kernel.
    pub fn triad(
        &mut self,
        a: &'env Memory,
        b: &'env Memory,
        c: &'env Memory,
    ) -> Result<(), Fault> {
        let fours = a.bytes.min(b.bytes).min(c.bytes) as u64 / 16;
        let parameters = [a.address, b.address, c.address, fours];
        // SAFETY: `fours` times 16 bytes lie in each of the memories, which are borrowed.
        unsafe { self.launch(Kernel::Triad, fours, &parameters) }
    }

    /// `a = b`, by our own kernel.
    pub fn duplicate_by_kernel(&mut self, a: &'env Memory, b: &'env Memory) -> Result<(), Fault> {
        let fours = a.bytes.min(b.bytes) as u64 / 16;
        // SAFETY: as for `triad`.
        unsafe { self.launch(Kernel::Duplicate, fours, &[a.address, b.address, fours]) }
    }

    /// Writes the summand of `rank`: `count` floats.
    pub fn contribute(
        &mut self,
        memory: &'env Memory,
        count: usize,
        rank: usize,
    ) -> Result<(), Fault> {
        holds(memory, count)?;
        let parameters = [memory.address, count as u64, rank as u64];
        // SAFETY: `count` floats lie in the memory, which is borrowed.
        unsafe { self.launch(Kernel::Contribute, count as u64, &parameters) }
    }

    /// Adds to the first word of `wrong` how many of `count` floats are not the sum over `ranks`.
    pub fn count_wrong(
        &mut self,
        sums: &'env Memory,
        count: usize,
        ranks: usize,
        wrong: &'env Memory,
    ) -> Result<(), Fault> {
        holds(sums, count)?;
        holds(wrong, 1)?;
        let parameters = [sums.address, count as u64, ranks as u64, wrong.address];
        // SAFETY: `count` floats and one word lie in the memories, which are borrowed.
        unsafe { self.launch(Kernel::CountWrong, count as u64, &parameters) }
    }

    /// Adds `count` words to the first word of `sum`.
    pub fn add_up(
        &mut self,
        words: &'env Memory,
        count: usize,
        sum: &'env Memory,
    ) -> Result<(), Fault> {
        holds(words, count)?;
        holds(sum, 1)?;
        let parameters = [words.address, count as u64, sum.address];
        // SAFETY: as for `count_wrong`.
        unsafe { self.launch(Kernel::AddUp, count as u64, &parameters) }
    }

    /// # Safety
    /// The parameters are the kernel's, and addresses among them hold until this queue is waited
    /// for.
    unsafe fn launch(
        &mut self,
        kernel: Kernel,
        items: u64,
        parameters: &[u64],
    ) -> Result<(), Fault> {
        let function = self.gpu.function(kernel)?;
        let most = self.gpu.identity().processors.max(1).saturating_mul(BLOCKS_PER_PROCESSOR);
        let blocks = items.div_ceil(u64::from(THREADS)).clamp(1, u64::from(most)) as u32;
        let threads = if items == 1 { 1 } else { THREADS };
        let index = self.gpu.index();
        // SAFETY: as this function's.
        unsafe {
            self.gpu.driver().launch(index, function, (blocks, threads), parameters, self.stream)
        }
    }

    fn finish(&mut self) -> Result<Times, Fault> {
        self.wait()?;
        let (driver, index) = (self.gpu.driver(), self.gpu.index());
        let marked = self.events.get(..self.marked).unwrap_or_default();
        let steps = marked.windows(2).map(|pair| match pair {
            // SAFETY: this queue recorded both, and they have happened.
            [from, to] => unsafe { driver.elapsed(index, *from, *to) },
            _ => Ok(0.0),
        });
        Ok(Times { steps: steps.collect::<Result<_, _>>()? })
    }
}

impl Drop for Queue<'_> {
    fn drop(&mut self) {
        // An error was told before, or nobody can be told any more.
        let _ = self.wait();
        let (driver, index) = (self.gpu.driver(), self.gpu.index());
        for event in &self.events {
            // SAFETY: they are this queue's own, and nothing uses them any more.
            unsafe { driver.destroy_event(index, *event) };
        }
        // SAFETY: as above.
        unsafe { driver.destroy_stream(index, self.stream) };
    }
}

fn too_long(bytes: usize, room: usize) -> Fault {
    Fault::Failed(format!("{bytes} bytes do not fit {room}"))
}

fn holds(memory: &Memory, words: usize) -> Result<(), Fault> {
    match words.checked_mul(4) {
        Some(bytes) if bytes <= memory.bytes => Ok(()),
        _ => Err(too_long(words.saturating_mul(4), memory.bytes)),
    }
}

/// Times between the marks of a queue, by the device's own clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Times {
    steps: Vec<f64>,
}

impl Times {
    /// Seconds from each mark to the next.
    pub fn steps(&self) -> &[f64] {
        &self.steps
    }

    /// Seconds from the first mark to the last.
    ///
    /// # Errors
    /// No time passed, which no work does.
    pub fn total(&self) -> Result<f64, Fault> {
        let total: f64 = self.steps.iter().sum();
        match total > 0.0 {
            true => Ok(total),
            false => Err(Fault::Failed(format!("the device's clock says {total} s"))),
        }
    }
}

/// A product of two random square matrices.
pub struct Product {
    n: usize,
    dtype: Dtype,
    seed: u32,
    a: Memory,
    b: Memory,
    c: Memory,
}

impl Product {
    fn call(&self) -> Multiplication {
        let (a, b, c) = (self.a.address, self.b.address, self.c.address);
        Multiplication { n: self.n, dtype: self.dtype, a, b, c }
    }

    /// Floating-point operations: `2 n^3`.
    pub fn operations(&self) -> u64 {
        2 * (self.n as u64).pow(3)
    }

    /// Compares `samples` entries, drawn with `seed`, with sums of 64 bits over the same factors.
    /// The inner error says which entry is wrong and by how much.
    pub fn verify(&self, samples: usize, seed: u64) -> Result<Result<(), String>, Fault> {
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..samples {
            let (row, column) = (random.usize(..self.n), random.usize(..self.n));
            let size = self.dtype.output().bytes();
            let bytes = self.c.read((column * self.n + row) * size, size)?;
            let found = self.dtype.output().decode(&bytes).unwrap_or(f64::NAN);
            let (value, terms) = self.expected(row, column);
            let tolerance = self.dtype.tolerance(value, terms);
            // A NaN is never within the tolerance.
            if !((found - value).abs() <= tolerance) {
                return Ok(Err(format!(
                    "entry ({row}, {column}) of the {} product is {found}, not {value} +/- {tolerance:.2e}",
                    self.dtype
                )));
            }
        }
        Ok(Ok(()))
    }

    /// An entry of the product, and the sum of its terms' magnitudes.
    fn expected(&self, row: usize, column: usize) -> (f64, f64) {
        let n = self.n;
        let terms = (0..n).map(|k| {
            let a = if self.dtype.is_transposed() { row * n + k } else { k * n + row };
            let a = drawn(self.dtype, self.seed, a as u64);
            let b = drawn(self.dtype, self.seed ^ 1, (column * n + k) as u64);
            f64::from(a) * f64::from(b)
        });
        terms.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()))
    }
}

#[cfg(test)]
mod tests;
