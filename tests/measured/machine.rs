//! A simulated machine: CPUs in cores, caches and sockets, memory on host nodes, and noise. It
//! answers for the benchmarks of placement in place of a real one.

use fastrand::Rng;
use std::cell::RefCell;
use std::collections::BTreeMap;
use vbench::measured::{BLOCKS, CLAIMED, CLAIMED_DISTANCE, PAIRS, Pairs, fastest, sweep};
use vbench::plan::Case;
use vbench::results::{Evidence, Outcome, Repeat, Value};
use vbench::runner::{Executed, Executor};

/// What the machine is, and what its guest claims.
pub struct Shape {
    pub cpus: usize,
    pub threads_per_core: usize,
    pub cpus_per_cache: usize,
    pub cpus_per_socket: usize,
    /// Host nodes that the guest's memory lies on.
    pub host_nodes: usize,
    pub claimed_cores: Vec<&'static str>,
    pub claimed_caches: Vec<&'static str>,
    /// What is behind the two nodes that the guest claims, 21 apart.
    pub nodes: Nodes,
}

/// What two claimed nodes are.
#[derive(Clone, Copy)]
pub enum Nodes {
    /// Two nodes.
    Two,
    /// One, cut in two by the claim alone.
    One,
    /// Two, with the CPUs of each claimed for the other.
    Crossed,
}

/// One way between threads of a core, cores of a cache, caches of a socket, sockets: seconds. EPYC
/// 7R13 reads 9.8, 23, 107 and 197 ns, Xeon 8375C 8.1, 51 and 108 (the results of
/// core-to-core-latency): the caches planted here are nearer to one another than either's.
const TRANSFER: [f64; 4] = [9e-9, 45e-9, 105e-9, 210e-9];
/// Noise of a pair that stays over launches, its place on the die: the 15 pairs of a published
/// matrix of a Xeon E-2388G lie between 24 and 34 ns, a standard deviation of 12% behind one
/// cache.
const PLACE: f64 = 0.12;
/// Noise of a launch: more than the pairs of that matrix had over 300 samples (under 0.5 ns of 30),
/// because a guest shares its host.
const LAUNCH: f64 = 0.05;
/// Share of the values that something disturbs, and how much at most.
const DISTURBED: f64 = 0.03;
const MOST_DISTURBED: f64 = 4.0;
/// Memory of a socket's own and of the other one.
const MEMORY: [f64; 2] = [95e-9, 140e-9];
/// Repeats of a chase in a launch.
const REPEATS: u32 = 5;
const BLOCKS_IN_USE: usize = 96;
/// A busy host keeps memory busy in bursts that slow runs of blocks: each launch for a share of its
/// time between these, for so many blocks, by a factor that a neighbour keeps for its burst.
const BUSY: [f64; 2] = [0.10, 0.35];
const BURST: usize = 12;
const PRESSED: [f64; 2] = [1.2, 2.0];
/// Sweeps over the blocks in a launch.
const SWEEPS: usize = 2;
const PROBES: usize = 4;

pub struct Simulated {
    shape: Shape,
    seed: u64,
    rng: RefCell<Rng>,
}

impl Simulated {
    pub fn new(shape: Shape, seed: u64) -> Self {
        Self { shape, seed, rng: RefCell::new(Rng::with_seed(seed)) }
    }

    /// A normal deviate: the sum of twelve uniform ones.
    fn normal(rng: &mut Rng) -> f64 {
        (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0
    }

    /// A factor of noise, rarely a large one.
    fn noise(&self, sd: f64) -> f64 {
        let rng = &mut *self.rng.borrow_mut();
        let disturbed = rng.f64() < DISTURBED;
        let more = if disturbed { 1.0 + rng.f64() * (MOST_DISTURBED - 1.0) } else { 1.0 };
        (sd * Self::normal(rng)).exp() * more
    }

    /// The same for a pair in every launch.
    fn place(&self, a: usize, b: usize) -> f64 {
        let mut rng = Rng::with_seed(self.seed ^ ((a * 4096 + b) as u64) << 20);
        (PLACE * Self::normal(&mut rng)).exp()
    }

    fn pairs(&self, value: impl Fn(usize, usize) -> f64) -> Value {
        let mut pairs = Pairs::default();
        for b in 1..self.shape.cpus {
            for a in 0..b {
                pairs.insert(a, b, value(a, b), value(a, b));
            }
        }
        pairs.to_value()
    }

    fn same(a: usize, b: usize, size: usize) -> bool {
        a / size == b / size
    }

    fn transfer(&self, a: usize, b: usize) -> f64 {
        let shape = &self.shape;
        let nearest =
            [shape.threads_per_core, shape.cpus_per_cache, shape.cpus_per_socket, shape.cpus];
        let level = nearest.iter().position(|size| Self::same(a, b, *size)).unwrap_or(3);
        TRANSFER[level] * self.place(a, b) * self.noise(LAUNCH)
    }

    fn kept(&self, a: usize, b: usize) -> f64 {
        let shared = Self::same(a, b, self.shape.threads_per_core);
        let typical = if shared { 0.58 } else { 0.97 };
        typical * (self.place(a, b).ln() / 2.0).exp().min(1.03) / self.noise(0.03)
    }

    /// Latency of each block from CPUs spread over the sockets; a quarter of a node is the least.
    fn blocks(&self) -> Value {
        let (nodes, start) = (self.shape.host_nodes, self.rng.borrow_mut().usize(0..BLOCKS_IN_USE));
        let busy = self.between(BUSY);
        let visit = |probe: usize, (block, pressed): (&usize, f64)| {
            let node = (block + start) * nodes / BLOCKS_IN_USE % nodes;
            let far = probe * nodes / PROBES != node;
            MEMORY[usize::from(far)] * pressed * self.noise(0.04)
        };
        let visits = |probe: usize, due: &[usize]| -> Vec<f64> {
            due.iter().zip(self.bursts(busy, due.len())).map(|at| visit(probe, at)).collect()
        };
        let turn = |_| {
            let column = |probe| sweep(BLOCKS_IN_USE, |due| visits(probe, due));
            let columns: Vec<Vec<f64>> = (0..PROBES).map(column).collect();
            let row = |block: usize| columns.iter().map(|column| column[block]).collect();
            (0..BLOCKS_IN_USE).map(row).collect::<Vec<Vec<f64>>>()
        };
        fastest(&(0..SWEEPS).map(turn).collect::<Vec<_>>()).into()
    }

    fn between(&self, [least, most]: [f64; 2]) -> f64 {
        least + self.rng.borrow_mut().f64() * (most - least)
    }

    /// How much longer each of `visits` takes, with bursts for a share `busy` of them.
    fn bursts(&self, busy: f64, visits: usize) -> Vec<f64> {
        let mut factors = Vec::new();
        while factors.len() < visits {
            let pressed = self.rng.borrow_mut().f64() < busy;
            let factor = if pressed { self.between(PRESSED) } else { 1.0 };
            factors.extend(vec![factor; self.rng.borrow_mut().usize(1..=BURST)]);
        }
        factors
    }

    /// A latency from one of two nodes to one of two.
    fn chase(&self, case: &Case) -> f64 {
        let same = case.id.params["cpu_node"] == case.id.params["memory_node"];
        let near = match self.shape.nodes {
            Nodes::Two => same,
            Nodes::One => true,
            Nodes::Crossed => !same,
        };
        MEMORY[usize::from(!near)]
    }
}

impl Executor for Simulated {
    fn execute(&self, case: &Case, _: u32) -> Executed {
        let claim = |groups: &[&'static str]| (CLAIMED.to_owned(), groups.to_vec().into());
        let facts = match case.id.benchmark.as_str() {
            "placement::core_to_core" => vec![
                (PAIRS.to_owned(), self.pairs(|a, b| self.transfer(a, b))),
                claim(&self.shape.claimed_caches),
            ],
            "placement::interference" => vec![
                (PAIRS.to_owned(), self.pairs(|a, b| self.kept(a, b))),
                claim(&self.shape.claimed_cores),
            ],
            "latency::pointer_chase_nodes" => {
                let same = case.id.params["cpu_node"] == case.id.params["memory_node"];
                vec![(CLAIMED_DISTANCE.to_owned(), if same { 10_i64 } else { 21 }.into())]
            }
            _ => vec![(BLOCKS.to_owned(), self.blocks())],
        };
        let facts: BTreeMap<String, Value> = facts.into_iter().collect();
        let latency = match facts.contains_key(CLAIMED_DISTANCE) {
            true => self.chase(case) * (LAUNCH * Self::normal(&mut self.rng.borrow_mut())).exp(),
            false => 1.0,
        };
        let repeat = |repeat| Repeat {
            repeat,
            at_s: 0.0,
            elapsed_s: 1.0,
            iterations: 1,
            values: case
                .metrics()
                .iter()
                .map(|metric| (metric.name.clone(), latency * self.noise(0.02)))
                .collect(),
            evidence: Evidence::default(),
        };
        let repeats = (1..=REPEATS).map(repeat).collect();
        Executed { outcome: Outcome::Measured, facts, repeats }
    }
}
