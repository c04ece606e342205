//! A simulated driver for tests: devices whose memory is the host's, a clock of its own, and
//! scripted failures. What it computes is real, so that a wrong answer is found as it would be on
//! a device.
#![expect(unsafe_code, reason = "it plays a driver, which takes addresses")]

mod kernels;
mod sums;

use super::{
    Api, Direction, Driver, Dtype, Fault, Handle, Identity, Kernel, Monitor, Multiplication,
    Reading, Summing, Transfer,
};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use sums::Sums;

/// What can be scripted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// Listing devices.
    Count,
    /// Memory of a device.
    Allocate,
    /// Pinned memory of the host.
    Pin,
    /// A copy to or from the host.
    Copy,
    /// A copy within a device or between two; a wrong one does half of it.
    Duplicate,
    /// Compiling kernels.
    Load,
    /// Running one; a wrong one does nothing.
    Launch,
    /// A matrix product.
    Multiply,
    /// Waiting.
    Synchronize,
    /// A collective operation.
    Sum,
}

/// What happens from a certain call on.
#[derive(Clone, Debug)]
pub enum Answer {
    /// It fails.
    Fault(Fault),
    /// It never returns.
    Hang,
    /// It gives a wrong result.
    Wrong,
}

/// Seconds that any operation takes on the simulated clock.
const LATENCY: f64 = 5e-6;
/// Bytes per second of a simulated copy to or from the host, and within the device.
const LINK: f64 = 50e9;
const OWN_MEMORY: f64 = 2e12;
/// Floating-point operations per second of a simulated product.
const FLOPS: f64 = 50e12;
/// Bytes of memory of a simulated device.
const MEMORY: u64 = 1 << 30;

/// The simulated driver.
pub struct Stub {
    devices: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    script: BTreeMap<Call, (u32, Answer)>,
    calls: BTreeMap<Call, u32>,
    blocks: BTreeMap<Handle, Layout>,
    /// Seconds on the clock of each stream, and at each event.
    clocks: BTreeMap<Handle, f64>,
    next: Handle,
    used: u64,
    readings: Vec<Reading>,
    /// Of single devices, by their address.
    own_readings: BTreeMap<String, Vec<Reading>>,
    peers: bool,
}

impl Stub {
    /// `devices` alike, that all reach each other.
    pub fn with_devices(devices: usize) -> Self {
        let state = State { next: 1, peers: true, ..State::default() };
        Self { devices, state: Arc::new(Mutex::new(state)) }
    }

    /// From the call number `from` of this kind, counted from 0, gives `answer`.
    #[must_use]
    pub fn answering(self, call: Call, from: u32, answer: Answer) -> Self {
        self.state().script.insert(call, (from, answer));
        self
    }

    /// Devices that reach each other only through the host.
    #[must_use]
    pub fn without_peers(self) -> Self {
        self.state().peers = false;
        self
    }

    /// What the monitor reads, one after the other; the last one stays.
    #[must_use]
    pub fn reading(self, readings: Vec<Reading>) -> Self {
        self.state().readings = readings;
        self
    }

    /// What the monitor of one device reads in place of that.
    #[must_use]
    pub fn reading_of(self, device: usize, readings: Vec<Reading>) -> Self {
        self.state().own_readings.insert(address(device), readings);
        self
    }

    /// How many calls of this kind there were.
    pub fn calls(&self, call: Call) -> u32 {
        self.state().calls.get(&call).copied().unwrap_or(0)
    }

    /// Bytes that were allocated and not freed.
    pub fn in_use(&self) -> u64 {
        self.state().blocks.values().map(|layout| layout.size() as u64).sum()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the call; true where its result must be wrong.
    fn step(&self, call: Call) -> Result<bool, Fault> {
        step(&self.state, call)
    }

    fn handle(&self) -> Handle {
        let mut state = self.state();
        state.next += 1;
        let handle = state.next;
        state.clocks.insert(handle, 0.0);
        handle
    }

    fn spend(&self, stream: Handle, seconds: f64) {
        *self.state().clocks.entry(stream).or_default() += LATENCY + seconds;
    }

    fn block(&self, bytes: usize) -> Result<Handle, Fault> {
        let layout = Layout::from_size_align(bytes.max(1), 256);
        let layout = layout.map_err(|error| Fault::Memory(error.to_string()))?;
        // SAFETY: the layout is not empty.
        let address = unsafe { alloc_zeroed(layout) } as Handle;
        if address == 0 {
            return Err(Fault::Memory(format!("no {bytes} bytes on the host")));
        }
        self.state().blocks.insert(address, layout);
        Ok(address)
    }

    fn give_back(&self, address: Handle) -> u64 {
        let Some(layout) = self.state().blocks.remove(&address) else { return 0 };
        // SAFETY: `block` made it with this layout, and it was taken off the list.
        unsafe { dealloc(address as *mut u8, layout) };
        layout.size() as u64
    }
}

impl Driver for Stub {
    fn api(&self) -> Api {
        Api::Simulated
    }

    fn versions(&self) -> Vec<(&'static str, String)> {
        vec![("driver", "simulated 1.0".to_owned())]
    }

    fn count(&self) -> Result<usize, Fault> {
        self.step(Call::Count).map(|_| self.devices)
    }

    fn identity(&self, device: usize) -> Result<Identity, Fault> {
        Ok(Identity {
            name: "Simulated GPU".to_owned(),
            pci: address(device),
            architecture: "sim_1".to_owned(),
            memory: MEMORY,
            processors: 4,
        })
    }

    fn free_memory(&self, _: usize) -> Result<u64, Fault> {
        Ok(MEMORY.saturating_sub(self.state().used))
    }

    fn allocate(&self, _: usize, bytes: usize) -> Result<Handle, Fault> {
        self.step(Call::Allocate)?;
        let address = self.block(bytes)?;
        self.state().used += bytes.max(1) as u64;
        Ok(address)
    }

    unsafe fn free(&self, _: usize, address: Handle) {
        let bytes = self.give_back(address);
        self.state().used -= bytes;
    }

    fn allocate_host(&self, _: usize, bytes: usize) -> Result<Handle, Fault> {
        self.step(Call::Pin)?;
        self.block(bytes)
    }

    unsafe fn free_host(&self, _: usize, address: Handle) {
        self.give_back(address);
    }

    unsafe fn register(&self, _: usize, _: Handle, _: usize) -> Result<(), Fault> {
        self.step(Call::Pin).map(drop)
    }

    unsafe fn unregister(&self, _: usize, _: Handle) {}

    fn stream(&self, _: usize) -> Result<Handle, Fault> {
        Ok(self.handle())
    }

    unsafe fn synchronize(&self, _: usize, _: Handle) -> Result<(), Fault> {
        self.step(Call::Synchronize).map(drop)
    }

    unsafe fn destroy_stream(&self, _: usize, stream: Handle) {
        self.state().clocks.remove(&stream);
    }

    fn event(&self, _: usize) -> Result<Handle, Fault> {
        Ok(self.handle())
    }

    unsafe fn record(&self, _: usize, event: Handle, stream: Handle) -> Result<(), Fault> {
        let mut state = self.state();
        let now = state.clocks.get(&stream).copied().unwrap_or(0.0);
        state.clocks.insert(event, now);
        Ok(())
    }

    unsafe fn elapsed(&self, _: usize, from: Handle, to: Handle) -> Result<f64, Fault> {
        let state = self.state();
        let at = |event: Handle| state.clocks.get(&event).copied().unwrap_or(f64::NAN);
        Ok(at(to) - at(from))
    }

    unsafe fn destroy_event(&self, _: usize, event: Handle) {
        self.state().clocks.remove(&event);
    }

    unsafe fn copy(&self, _: usize, copy: &Transfer, stream: Handle) -> Result<(), Fault> {
        let own = copy.direction == Direction::Duplicate;
        let wrong = self.step(if own { Call::Duplicate } else { Call::Copy })?;
        self.spend(stream, copy.bytes as f64 / if own { OWN_MEMORY } else { LINK });
        let bytes = if wrong && own { copy.bytes / 2 } else { copy.bytes };
        // SAFETY: the caller's ranges; all memory is the host's here.
        unsafe {
            std::ptr::copy(copy.from as *const u8, copy.to as *mut u8, bytes);
            if wrong && !own && bytes > 0 {
                *(copy.to as *mut u8) = 0xa5;
            }
        }
        Ok(())
    }

    unsafe fn fill(
        &self,
        _: usize,
        address: Handle,
        byte: u8,
        bytes: usize,
        stream: Handle,
    ) -> Result<(), Fault> {
        self.spend(stream, bytes as f64 / OWN_MEMORY);
        // SAFETY: the caller's range.
        unsafe { std::ptr::write_bytes(address as *mut u8, byte, bytes) };
        Ok(())
    }

    fn load(&self, _: usize) -> Result<Handle, Fault> {
        self.step(Call::Load).map(|_| 1)
    }

    fn function(&self, _: usize, _: Handle, kernel: Kernel) -> Result<Handle, Fault> {
        let number = Kernel::ALL.iter().position(|other| *other == kernel);
        number.map(|number| number as Handle).ok_or_else(|| Fault::Failed("no such kernel".into()))
    }

    unsafe fn launch(
        &self,
        _: usize,
        function: Handle,
        _: (u32, u32),
        parameters: &[u64],
        stream: Handle,
    ) -> Result<(), Fault> {
        if self.step(Call::Launch)? {
            self.spend(stream, 0.0);
            return Ok(());
        }
        let kernel = usize::try_from(function).ok().and_then(|at| Kernel::ALL.get(at));
        let kernel = *kernel.ok_or_else(|| Fault::Failed("no such kernel".into()))?;
        // SAFETY: the caller's parameters, whose addresses are the host's here.
        let bytes = unsafe { kernels::run(kernel, parameters) }?;
        self.spend(stream, bytes as f64 / OWN_MEMORY);
        Ok(())
    }

    unsafe fn multiply(
        &self,
        _: usize,
        product: &Multiplication,
        stream: Handle,
    ) -> Result<(), Fault> {
        let wrong = self.step(Call::Multiply)?;
        if product.dtype == Dtype::F8 {
            return Err(Fault::Unsupported("the simulated device has no fp8 units".to_owned()));
        }
        self.spend(stream, 2.0 * (product.n as f64).powi(3) / FLOPS);
        // SAFETY: the caller's matrices, which are the host's here.
        unsafe { kernels::multiply(product, wrong) };
        Ok(())
    }

    fn reaches(&self, _: usize, _: usize) -> Result<bool, Fault> {
        Ok(self.state().peers)
    }

    fn reach(&self, _: usize, _: usize) -> Result<(), Fault> {
        Ok(())
    }

    fn make_current(&self, _: usize) -> Result<(), Fault> {
        Ok(())
    }

    fn collectives(&self) -> Result<Arc<dyn Summing>, Fault> {
        Ok(Arc::new(Sums::new(Arc::clone(&self.state))))
    }

    fn monitor(&self, pci: &str) -> Monitor {
        let state = self.state();
        let readings = state.own_readings.get(pci).unwrap_or(&state.readings);
        Monitor::scripted(readings.clone())
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        let left: Vec<_> = self.state().blocks.keys().copied().collect();
        for address in left {
            self.give_back(address);
        }
    }
}

fn address(device: usize) -> String {
    format!("0000:{:02x}:00.0", device + 1)
}

/// Counts the call; true where its result must be wrong.
fn step(state: &Mutex<State>, call: Call) -> Result<bool, Fault> {
    let answer = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let number = state.calls.entry(call).or_default();
        *number += 1;
        let number = *number - 1;
        let scripted = state.script.get(&call).filter(|(from, _)| number >= *from);
        scripted.map(|(_, answer)| answer.clone())
    };
    match answer {
        None => Ok(false),
        Some(Answer::Wrong) => Ok(true),
        Some(Answer::Fault(fault)) => Err(fault),
        Some(Answer::Hang) => loop {
            std::thread::park();
        },
    }
}
