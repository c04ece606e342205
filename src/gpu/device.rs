//! The safe side of a driver: memory that is owned, sizes that are checked, and batches of work
//! that end before borrowed memory is given back.
#![expect(unsafe_code, reason = "a driver takes addresses; here is where they are known to hold")]

use super::queue::{Queue, Times, too_long};
use super::{
    Direction, Driver, Dtype, Fault, Handle, Identity, Kernel, Monitor, Product, Transfer,
};
use crate::host::memory::{Buffer, Effective};
use crate::placement::{Pages, Policy};
use std::sync::{Arc, OnceLock};

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
        Product::new(self, n, dtype, seed)
    }

    pub(super) fn function(&self, kernel: Kernel) -> Result<Handle, Fault> {
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

    /// Where it is.
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
        let copied = unsafe { self.gpu.driver().copy(self.gpu.index(), &copy, queue.stream()) };
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

    /// Where it begins.
    pub(super) fn start(&self) -> Handle {
        self.start
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

#[cfg(test)]
mod tests;
