//! Work for a device: everything that is enqueued, with its sizes checked.
#![expect(unsafe_code, reason = "a driver takes addresses; here is where they are known to hold")]

use super::{Direction, Dtype, Fault, Gpu, Handle, Host, Kernel, Memory, Product, Transfer};
use std::cell::Cell;
use std::marker::PhantomData;

/// Threads of a block: a multiple of every vendor's warp.
const THREADS: u32 = 256;
/// Blocks of a large launch for each processor: enough to hide memory latency.
const BLOCKS_PER_PROCESSOR: u32 = 32;

/// Work for one device, in order. What it borrows outlives it.
pub struct Queue<'env> {
    gpu: Gpu,
    stream: Handle,
    events: Vec<Handle>,
    marked: usize,
    env: PhantomData<Cell<&'env ()>>,
}

impl<'env> Queue<'env> {
    pub(super) fn new(gpu: &Gpu, marks: usize) -> Result<Self, Fault> {
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
        let room = to.bytes().min(from.len());
        self.copy(to.address(), from.start(), bytes, room, Direction::Upload)
    }

    /// Copies the first `bytes` of `from` to the host.
    pub fn download(
        &mut self,
        to: &'env Host,
        from: &'env Memory,
        bytes: usize,
    ) -> Result<(), Fault> {
        let room = to.len().min(from.bytes());
        self.copy(to.start(), from.address(), bytes, room, Direction::Download)
    }

    /// Copies the first `bytes` between memories of devices.
    pub fn duplicate(
        &mut self,
        to: &'env Memory,
        from: &'env Memory,
        bytes: usize,
    ) -> Result<(), Fault> {
        let room = to.bytes().min(from.bytes());
        self.copy(to.address(), from.address(), bytes, room, Direction::Duplicate)
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
        unsafe { self.gpu.driver().fill(index, memory.address(), byte, memory.bytes(), stream) }
    }

    /// Fills it with random entries of `dtype`, as `drawn` in `number.rs` gives them.
    pub fn draw(&mut self, memory: &'env Memory, dtype: Dtype, seed: u32) -> Result<(), Fault> {
        let size = dtype.bytes();
        let count = (memory.bytes() / size) as u64;
        let fraction = u64::from(dtype.drawn_bits());
        let parameters = [memory.address(), count, u64::from(seed), size as u64, fraction];
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
        let fours = a.bytes().min(b.bytes()).min(c.bytes()) as u64 / 16;
        let parameters = [a.address(), b.address(), c.address(), fours];
        // SAFETY: `fours` times 16 bytes lie in each of the memories, which are borrowed.
        unsafe { self.launch(Kernel::Triad, fours, &parameters) }
    }

    /// `a = b`, by our own kernel.
    pub fn duplicate_by_kernel(&mut self, a: &'env Memory, b: &'env Memory) -> Result<(), Fault> {
        let fours = a.bytes().min(b.bytes()) as u64 / 16;
        // SAFETY: as for `triad`.
        unsafe { self.launch(Kernel::Duplicate, fours, &[a.address(), b.address(), fours]) }
    }

    /// Writes the summand of `rank`: `count` floats.
    pub fn contribute(
        &mut self,
        memory: &'env Memory,
        count: usize,
        rank: usize,
    ) -> Result<(), Fault> {
        holds(memory, count)?;
        let parameters = [memory.address(), count as u64, rank as u64];
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
        let parameters = [sums.address(), count as u64, ranks as u64, wrong.address()];
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
        let parameters = [words.address(), count as u64, sum.address()];
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

    pub(super) fn finish(&mut self) -> Result<Times, Fault> {
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

pub(super) fn too_long(bytes: usize, room: usize) -> Fault {
    Fault::Failed(format!("{bytes} bytes do not fit {room}"))
}

fn holds(memory: &Memory, words: usize) -> Result<(), Fault> {
    match words.checked_mul(4) {
        Some(bytes) if bytes <= memory.bytes() => Ok(()),
        _ => Err(too_long(words.saturating_mul(4), memory.bytes())),
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
