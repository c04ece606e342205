//! GPUs: products of matrices, copies, collective sums, and what surrounds them. Every benchmark is
//! skipped, with the reason, on a machine without a GPU.

mod choices;
mod copies;
mod device;
mod loader;
mod mpi;
mod peers;
mod products;
mod starts;
mod sums;
mod watch;
mod watched;

use crate::nodes::{self, Nodes};
use choices::{
    Algorithm, Arm, Count, Exchange, Load, Pair, Peers, Place, Protocol, Route, Staging, Thread,
};
use copies::{Copies, Rate};
use device::{Bandwidth, Gpus, Pairs, Several};
use loader::Pipeline;
use products::Speed;
use starts::Start;
use sums::settings::Setup;
use sums::sweep::{self, Sweep};
use sums::{Alone, Reduce, Sum};
use vbench::gpu::Dtype;
use vbench::prelude::*;
use watched::Watched;

/// Rows of the matrices that everybody compares.
const ROWS: usize = 8192;
/// Bytes from which a copy shows the link's bandwidth and not its latency.
const LARGE: Bytes = Bytes(256 << 20);

/// Products of square matrices by the vendor's library: 10 unrecorded, then 100 timed.
#[vbench(kind = "gpu", control, warmup = 0, timeout = 900)]
fn matmul(
    b: &mut Bencher,
    gpus: Gpus,
    #[axis(Dtype::ALL)] dtype: Dtype,
    #[axis(device::ids())] gpu: usize,
    #[axis([ROWS])] n: usize,
) -> Result<Samples<Watched<Speed>>, Stop> {
    products::measure(b, &gpus.of(gpu)?, dtype, n)
}

/// Products by the number of rows, on the first device or, in the longest profile, on each alone.
#[vbench(kind = "gpu", control, warmup = 0, profile = Standard)]
fn matmul_sizes(
    b: &mut Bencher,
    gpus: Gpus,
    #[axis(Dtype::ALL)] dtype: Dtype,
    #[axis(device::swept_ids())] gpu: usize,
    #[axis(products::rows())] n: usize,
) -> Result<Samples<Watched<Speed>>, Stop> {
    products::measure(b, &gpus.of(gpu)?, dtype, n)
}

/// Copies between host and device by route and kind of host memory.
#[vbench(kind = "gpu", estimator = Best)]
fn copy(
    b: &mut Bencher,
    gpus: Gpus,
    #[axis(device::ids())] gpu: usize,
    #[axis(Staging::choices())] memory: Staging,
    #[axis(Route::ALL)] route: Route,
    #[axis([Bytes(4 << 10), Bytes(1 << 20), LARGE])] size: Bytes,
) -> Result<Samples<Watched<Rate>>, Stop> {
    Copies { route, memory, size, policy: Policy::FirstTouch }.measure(b, &gpus.of(gpu)?)
}

/// Copies by size, from latency to bandwidth: of the first device or, in the longest profile, of each
/// alone.
#[vbench(kind = "gpu", estimator = Best, profile = Standard)]
fn copy_sizes(
    b: &mut Bencher,
    gpus: Gpus,
    #[axis(device::swept_ids())] gpu: usize,
    #[axis(Staging::ALL)] memory: Staging,
    #[axis([Route::Upload, Route::Download])] route: Route,
    #[axis(pow2(12..=30))] size: Bytes,
) -> Result<Samples<Watched<Rate>>, Stop> {
    Copies { route, memory, size, policy: Policy::FirstTouch }.measure(b, &gpus.of(gpu)?)
}

/// Copies between host and device by the memory node of the pinned host buffer.
#[vbench(kind = "gpu", estimator = Best, profile = Standard)]
fn copy_by_node(
    b: &mut Bencher,
    gpus: Gpus,
    _: Nodes,
    #[axis(device::ids())] gpu: usize,
    #[axis(nodes::ids())] node: usize,
    #[axis(Route::ALL)] route: Route,
    #[axis([Bytes(4 << 10), LARGE])] size: Bytes,
) -> Result<Samples<Watched<Rate>>, Stop> {
    let policy = Policy::Bind(node);
    Copies { route, memory: Staging::Pinned, size, policy }.measure(b, &gpus.of(gpu)?)
}

/// Copies of all devices at the same time: whether they share a port or a memory controller.
#[vbench(kind = "gpu", estimator = Best)]
fn copy_together(
    b: &mut Bencher,
    gpus: Several,
    #[axis(Route::ALL)] route: Route,
) -> Result<Samples<Watched<copies::Together>>, Stop> {
    copies::measure_together(b, gpus.all(), route, LARGE)
}

/// Copies while every allowed CPU reads and writes memory.
#[vbench(kind = "gpu", profile = Standard)]
fn copy_under_load(
    b: &mut Bencher,
    gpus: Gpus,
    cpus: Cpus,
    #[axis(device::ids())] gpu: usize,
    #[axis(Load::ALL)] load: Load,
    #[axis(Route::ALL)] route: Route,
) -> Result<Samples<Watched<Rate>>, Stop> {
    let copies = Copies { route, memory: Staging::Pinned, size: LARGE, policy: Policy::FirstTouch };
    let gpu = gpus.of(gpu)?;
    load.around(cpus.ids(), || copies.measure(b, &gpu))?
}

/// Copies within a device by the driver: a control, as no topology touches them.
#[vbench(kind = "gpu", control, estimator = Best)]
fn copy_on_device(
    b: &mut Bencher,
    gpus: Gpus,
    #[axis(device::ids())] gpu: usize,
) -> Result<Samples<Watched<device::Own>>, Stop> {
    device::measure_copy(b, &gpus.of(gpu)?, LARGE)
}

/// Bandwidth of the device's memory by kernels of our own: copy and triad.
#[vbench(kind = "gpu", control, estimator = Best)]
fn device_memory(
    b: &mut Bencher,
    gpus: Gpus,
    #[axis(device::ids())] gpu: usize,
) -> Result<Samples<Watched<Bandwidth>>, Stop> {
    device::measure_kernels(b, &gpus.of(gpu)?, LARGE)
}

/// Sums over all devices by the vendor's collective library, 32-bit floats.
#[vbench(kind = "gpu", timeout = 900)]
fn all_reduce(
    b: &mut Bencher,
    gpus: Several,
    #[axis(Peers::ALL)] peers: Peers,
    #[axis(Place::choices())] place: Place,
    #[axis(sums::sizes())] size: Bytes,
) -> Result<Samples<Watched<Sum>>, Stop> {
    let settings = Setup::of(peers);
    Reduce { settings, place, size, arm: Arm::Unbound }.measure(b, gpus.all())
}

/// Sums of 8 B to `up_to` in one process, in and out of place: peak and average bus bandwidth.
#[vbench(kind = "gpu", timeout = 900)]
fn all_reduce_sweep(
    b: &mut Bencher,
    gpus: Several,
    #[axis(Peers::ALL)] peers: Peers,
    #[axis([Bytes(1 << 30)])] up_to: Bytes,
) -> Result<Samples<Watched<Sweep>>, Stop> {
    sweep::measure(b, gpus.all(), peers, up_to)
}

/// Sums over one device: the collective library works and is right; nothing is exchanged.
#[vbench(kind = "gpu", timeout = 900)]
fn all_reduce_one_rank(
    b: &mut Bencher,
    gpus: Gpus,
    #[axis(device::ids())] gpu: usize,
    #[axis(Place::choices())] place: Place,
    #[axis([Bytes(8), LARGE])] size: Bytes,
) -> Result<Samples<Watched<Alone>>, Stop> {
    let settings = Setup::of(Peers::Default);
    Reduce { settings, place, size, arm: Arm::Unbound }.measure_alone(b, &gpus.of(gpu)?)
}

/// Sums over all devices by the placement of the library's threads and buffers on the host.
#[vbench(kind = "gpu", profile = Standard)]
fn all_reduce_placed(
    b: &mut Bencher,
    gpus: Several,
    #[axis(Arm::choices())] arm: Arm,
    #[axis(Peers::ALL)] peers: Peers,
    #[axis([Bytes(8), Bytes(64 << 10), LARGE])] size: Bytes,
) -> Result<Samples<Watched<Sum>>, Stop> {
    // In every arm, so that the arms differ in their placement alone.
    let settings = Setup { placed: true, ..Setup::of(peers) };
    Reduce { settings, place: Place::Out, size, arm }.measure(b, gpus.all())
}

/// Sums by the library's algorithm and protocol, which are left to it or set (`NCCL_ALGO`,
/// `NCCL_PROTO`).
#[vbench(kind = "gpu", profile = Standard)]
fn all_reduce_ways(
    b: &mut Bencher,
    gpus: Several,
    #[axis(Algorithm::choices())] algorithm: Algorithm,
    #[axis(Protocol::choices())] protocol: Protocol,
    #[axis([Bytes(8), LARGE])] size: Bytes,
) -> Result<Samples<Watched<Sum>>, Stop> {
    let way = Some((algorithm, protocol));
    let settings = Setup { way, ..Setup::of(Peers::Default) };
    Reduce { settings, place: Place::Out, size, arm: Arm::Unbound }.measure(b, gpus.all())
}

/// Sums over the devices of one memory node only.
#[vbench(kind = "gpu", profile = Standard)]
fn all_reduce_by_node(
    b: &mut Bencher,
    gpus: Several,
    #[axis(nodes::ids())] node: usize,
    #[axis([Bytes(8), LARGE])] size: Bytes,
) -> Result<Samples<Watched<Sum>>, Stop> {
    let settings = Setup::of(Peers::Default);
    let reduce = Reduce { settings, place: Place::Out, size, arm: Arm::Unbound };
    let node_of = |pci: &str| vbench::gpu::node(&Machine::current().host, pci);
    reduce.measure(b, &gpus.of_node(node, node_of)?)
}

/// Sums over the first devices only, by their number.
#[vbench(kind = "gpu", profile = Standard)]
fn all_reduce_ranks(
    b: &mut Bencher,
    gpus: Several,
    #[axis(Count::choices())] ranks: Count,
    #[axis([Bytes(8), LARGE])] size: Bytes,
) -> Result<Samples<Watched<Sum>>, Stop> {
    let settings = Setup::of(Peers::Default);
    let reduce = Reduce { settings, place: Place::Out, size, arm: Arm::Unbound };
    reduce.measure(b, gpus.first(ranks.0)?)
}

/// Collective operations other than the sum over all devices, by the size of their larger memory.
#[vbench(kind = "gpu", profile = Standard)]
fn exchange(
    b: &mut Bencher,
    gpus: Several,
    #[axis(Exchange::ALL)] operation: Exchange,
    #[axis([Bytes(1 << 10), Bytes(1 << 20), LARGE])] size: Bytes,
) -> Result<Samples<Watched<Sum>>, Stop> {
    sums::exchange::measure(b, gpus.all(), operation, size)
}

/// Starting a kernel that does nothing, by where the thread that starts it runs.
#[vbench(kind = "gpu")]
fn launch(
    b: &mut Bencher,
    gpus: Gpus,
    #[axis(device::ids())] gpu: usize,
    #[axis(Thread::ALL)] thread: Thread,
) -> Result<Samples<Watched<Start>>, Stop> {
    starts::measure(b, &gpus.of(gpu)?, thread)
}

/// Copies from one device to another, with and without going through the host.
#[vbench(kind = "gpu", estimator = Best)]
fn peer_copy(
    b: &mut Bencher,
    gpus: Pairs,
    #[axis(Peers::ALL)] peers: Peers,
    #[axis(Pair::choices())] pair: Pair,
    #[axis([Bytes(4), LARGE])] size: Bytes,
) -> Result<Samples<Watched<Rate>>, Stop> {
    peers.settle()?;
    peers::measure(b, &gpus, pair, peers, size)
}

/// Workers fill pinned buffers, the device copies and consumes them, by where the workers run.
#[vbench(kind = "gpu", profile = Standard)]
fn data_loader(
    b: &mut Bencher,
    gpus: Gpus,
    cpus: Cpus,
    #[axis(device::ids())] gpu: usize,
    #[axis(Thread::ALL)] workers: Thread,
) -> Result<Samples<Watched<Pipeline>>, Stop> {
    loader::measure(b, &gpus.of(gpu)?, &cpus, workers)
}

/// Products for minutes, with clocks, power and temperature: does the device keep its speed?
#[vbench(
    kind = "gpu",
    profile = Thorough,
    samples = 600,
    warmup = 0,
    max_time = 600,
    timeout = 900
)]
fn soak(
    b: &mut Bencher,
    gpus: Gpus,
    #[axis([Dtype::F16])] dtype: Dtype,
    #[axis(device::ids())] gpu: usize,
) -> Result<Samples<Watched<FlopsPerSec>>, Stop> {
    products::soak(b, &gpus.of(gpu)?, dtype, ROWS)
}

#[cfg(test)]
mod tests;
