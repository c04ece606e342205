//! The size of pages about machines of which everything was measured: 96 vCPUs, seven GPUs, four
//! configurations, ten launches of each case. `example.mjs` invents the same for a browser.

use super::stored::Stored;
use super::{page, report};
use std::collections::BTreeMap;
use tempfile::{TempDir, tempdir};
use vbench::measured::Pairs;
use vbench::results::{Better, Outcome, Role, Unit};
use vbench_results::{CaseId, CaseResult, Estimator, Evidence, Launch, Metric, Repeat};

/// What a configuration is like: GB/s, nanoseconds, events in a second, microseconds.
struct Config {
    name: &'static str,
    nodes: usize,
    triad: f64,
    dram: f64,
    peak: f64,
    all: f64,
    jitter: f64,
    shuffled: bool,
    far: usize,
}

const NO_CPU: usize = usize::MAX;

const CONFIGS: [Config; 4] = [
    Config {
        name: "default",
        nodes: 1,
        triad: 77.2,
        dram: 140.0,
        peak: 20.2,
        all: 232_100.0,
        jitter: 46.0,
        shuffled: true,
        far: NO_CPU,
    },
    Config {
        name: "vcpu_pin",
        nodes: 1,
        triad: 75.3,
        dram: 112.0,
        peak: 18.4,
        all: 232_536.0,
        jitter: 9.8,
        shuffled: false,
        far: NO_CPU,
    },
    Config {
        name: "vcpu_pin_numa",
        nodes: 4,
        triad: 561.0,
        dram: 101.0,
        peak: 8.6,
        all: 232_610.0,
        jitter: 9.1,
        shuffled: false,
        far: NO_CPU,
    },
    Config {
        name: "vcpu_pin_numa_smt",
        nodes: 4,
        triad: 559.0,
        dram: 100.0,
        peak: 8.3,
        all: 237_801.0,
        jitter: 12.7,
        shuffled: false,
        far: 37,
    },
];

const CPUS: usize = 96;
const LAUNCHES: u32 = 5;

/// Park and Miller 1988: the same numbers every time.
struct Chance(u64);

impl Chance {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0 * 48_271 % 2_147_483_647;
        self.0 as f64 / 2_147_483_647.0
    }

    fn normal(&mut self) -> f64 {
        let (a, b) = (self.uniform(), self.uniform());
        (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    }
}

/// A metric and its typical value.
type Measure<'a> = (&'a str, Unit, Better, Role, f64);

const BYTES: Unit = Unit::decimal("B/s");

fn rate(name: &str, value: f64) -> Measure<'_> {
    (name, BYTES, Better::Higher, Role::Gated, value)
}

fn time(name: &str, role: Role, value: f64) -> Measure<'_> {
    (name, Unit::decimal("s"), Better::Lower, role, value)
}

fn size(bytes: u64) -> String {
    let power = (bytes.ilog2() / 10).min(3);
    format!("{}{}", bytes >> (10 * power), ["B", "KiB", "MiB", "GiB"][power as usize])
}

/// The cases of one run.
struct Cases {
    all: Vec<CaseResult>,
    chance: Chance,
}

impl Cases {
    fn add(&mut self, id: &str, kind: &str, measures: &[Measure<'_>]) {
        let metric = |(name, unit, better, role, _): &Measure<'_>| Metric {
            name: (*name).into(),
            unit: unit.clone(),
            better: *better,
            role: *role,
            resolution: None,
            exact: false,
        };
        let launches = (1..=LAUNCHES).map(|number| self.launch(number, measures)).collect();
        self.all.push(CaseResult {
            case: id.parse::<CaseId>().unwrap(),
            kind: kind.into(),
            version: "1".into(),
            estimator: Estimator::Center,
            metrics: measures.iter().map(metric).collect(),
            launches,
        });
    }

    fn launch(&mut self, number: u32, measures: &[Measure<'_>]) -> Launch {
        let mut noisy = |value: f64, spread: f64| value * (spread * self.chance.normal()).exp();
        let own: Vec<f64> = measures.iter().map(|measure| noisy(measure.4, 0.005)).collect();
        let mut repeat = |repeat: u32| {
            let mut values = vbench_results::Values::default();
            for (measure, own) in measures.iter().zip(&own) {
                values.insert(measure.0, noisy(*own, 0.00125));
            }
            Repeat {
                repeat,
                at_s: 0.0,
                elapsed_s: 0.5,
                iterations: 1,
                values,
                evidence: Evidence::default(),
            }
        };
        Launch {
            launch: number,
            boot_id: Some("b".into()),
            position: number,
            at_s: f64::from(number) * 100.0,
            elapsed_s: 2.0,
            outcome: Outcome::Measured,
            facts: BTreeMap::new(),
            repeats: (1..=3).map(&mut repeat).collect(),
        }
    }

    fn memory(&mut self, c: &Config) {
        for (stores, factor) in [("cached", 1e9), ("streaming", 1.2e9)] {
            let kernels = [("triad", 1.0), ("copy", 1.02), ("scale", 0.97), ("add", 0.99)];
            let kernels = kernels.map(|(name, k)| rate(name, c.triad * factor * k));
            self.add(&format!("memory::stream/stores={stores}"), "memory", &kernels);
        }
        for power in 12..30_u32 {
            let ns =
                [(15, 1.4), (21, 4.2), (26, 24.0)].into_iter().find(|(most, _)| power <= *most);
            let ns = ns.map_or(c.dram, |(_, ns)| ns);
            let id = format!("latency::pointer_chase/order=random,size={}", size(1 << power));
            self.add(&id, "memory", &[time("latency", Role::Gated, ns * 1e-9)]);
        }
        for (cpu, memory) in (0..c.nodes * c.nodes).map(|n| (n / c.nodes, n % c.nodes)) {
            if c.nodes == 1 {
                continue;
            }
            let far = if cpu == memory {
                0
            } else if cpu / 2 == memory / 2 {
                1
            } else {
                2
            };
            let place = format!("cpu_node={cpu},memory_node={memory}");
            let triad = [143e9, 112e9, 58e9][far];
            self.add(&format!("memory::stream_nodes/{place}"), "memory", &[rate("triad", triad)]);
            let latency = [1.0, 1.3, 2.1][far] * c.dram * 1e-9;
            let id = format!("latency::pointer_chase_nodes/{place}");
            self.add(&id, "memory", &[time("latency", Role::Gated, latency)]);
        }
    }

    fn cpu(&mut self, c: &Config) {
        for (threads, value) in [("1", 2459.0), ("94", c.all)] {
            let primes = ("rate", Unit::decimal("event/s"), Better::Higher, Role::Gated, value);
            let late = [("p50", 4e-4), ("p95", 4.1e-4), ("p99", 4.3e-4), ("max", 5e-4)];
            let late = late.map(|(name, value)| time(name, Role::Info, value));
            let id = format!("cpu::prime/pinned=yes,threads={threads}");
            self.add(&id, "cpu", &[&[primes][..], &late].concat());
        }
        for (load, factor) in [("idle", 1e-6), ("busy", 1.4e-6)] {
            let late = [("p50", 0.12), ("p99", 1.0), ("p99.9", 2.2), ("max", 40.0)];
            let late = late.map(|(name, value)| {
                time(
                    name,
                    if value < 2.0 { Role::Gated } else { Role::Info },
                    value * factor * c.jitter,
                )
            });
            self.add(&format!("jitter::timer_wake/load={load},priority=normal"), "jitter", &late);
        }
        let lines = [("median", 96e-9), ("nearest", 55e-9), ("farthest", 150e-9)];
        let lines = lines.map(|(name, value)| time(name, Role::Gated, value));
        self.add("placement::core_to_core/transfer=store", "placement", &lines);
        // One launch: more of them would be read for longer and not make the page larger.
        let pairs = self.pairs(c).to_value();
        self.all.last_mut().unwrap().launches[0].facts.insert("pairs".into(), pairs);
    }

    /// Nanoseconds of a cache line's way: within a node, within a socket, between sockets. Without
    /// pinning nobody knows where a vCPU is.
    fn pairs(&mut self, c: &Config) -> Pairs {
        let node = |cpu: usize| if c.shuffled { cpu * 37 % CPUS / 24 } else { cpu / 24 };
        let mut way = |from: usize, to: usize| {
            let (a, b) = (node(from), node(to));
            let near = if a == b {
                58e-9
            } else if a / 2 == b / 2 {
                84e-9
            } else {
                146e-9
            };
            let odd = if from == c.far || to == c.far { 1.28 } else { 1.0 };
            near * odd * (0.02 * self.chance.normal()).exp()
        };
        let mut pairs = Pairs::default();
        for (from, to) in (0..CPUS).flat_map(|a| (a + 1..CPUS).map(move |b| (a, b))) {
            let (there, back) = (way(from, to), way(to, from));
            pairs.insert(from, to, there, back);
        }
        pairs
    }

    fn gpus(&mut self, c: &Config) {
        for gpu in 0..7_usize {
            let flops = Unit::decimal("FLOP/s");
            let matmul = ("flops", flops, Better::Higher, Role::Control, 680e12);
            let id = format!("gpu::matmul/dtype=fp16,gpu={gpu},n=8192");
            self.add(&id, "gpu", &[matmul, time("time", Role::Gated, 1.62e-3)]);
            for (route, rate_) in [("h2d", 55.3e9), ("d2h", 56.4e9), ("both", 94e9)] {
                for bytes in [1 << 12, 1 << 20, 1 << 28] {
                    let each = 9e-6 + bytes as f64 / rate_;
                    let id = format!(
                        "gpu::copy/gpu={gpu},memory=pinned,route={route},size={}",
                        size(bytes)
                    );
                    self.add(
                        &id,
                        "gpu",
                        &[rate("bandwidth", bytes as f64 / each), time("time", Role::Gated, each)],
                    );
                }
            }
            for to in (0..7).filter(|to| *to != gpu) {
                let near = if gpu / 4 == to / 4 { 38e9 } else { 21e9 };
                let id = format!("gpu::peer_copy/pair={gpu}>{to},peers=default,size=256MiB");
                self.add(&id.replace('>', "%3E"), "gpu", &[rate("bandwidth", near)]);
            }
        }
        for power in 3..=30_u32 {
            let bytes = (1_u64 << power) as f64;
            let start = if c.nodes > 1 { 45e-6 } else { 60e-6 };
            let bus = 1.0 / (1.0 / (c.peak * 1e9) + start / bytes);
            let algorithm = ("algbw", BYTES, Better::Higher, Role::Info, bus * 7.0 / 12.0);
            let took = time("time", Role::Gated, 12.0 / 7.0 * bytes / bus);
            let id = format!("gpu::all_reduce/peers=default,place=out,size={}", size(1 << power));
            self.add(&id, "gpu", &[took, algorithm, rate("busbw", bus)]);
        }
    }
}

/// A run of a configuration.
fn measured(system: &str, c: &Config, minute: u32) -> Stored {
    let mut run = Stored::new(c.name, minute)
        .fact("cpu.model", "INTEL(R) XEON(R) PLATINUM 8558")
        .fact("cpu.count.online", CPUS as i64)
        .fact("cpu.allowed", "0-93")
        .fact("numa.nodes", c.nodes as i64)
        .fact("gpu.count", 7_i64)
        .fact("gpu.0.model", "NVIDIA H200")
        .fact("cpu.cache.l1d.size", 49_152_i64)
        .fact("cpu.cache.l2.size", 2_097_152_i64)
        .fact("cpu.cache.l3.size", 268_435_456_i64);
    let each = CPUS / c.nodes;
    for node in 0..c.nodes {
        let cpus = format!("{}-{}", node * each, (node + 1) * each - 1);
        run = run.fact(&format!("numa.node.{node}.cpus"), cpus);
    }
    run.results.run.system = system.into();
    let mut cases = Cases { all: Vec::new(), chance: Chance(u64::from(minute) + 7) };
    cases.memory(c);
    cases.cpu(c);
    cases.gpus(c);
    run.results.cases = cases.all;
    run
}

/// Two runs of each configuration of `systems` systems, in turns.
fn everything(systems: usize) -> TempDir {
    let out = tempdir().unwrap();
    for system in 0..systems {
        for (minute, c) in CONFIGS.iter().chain(&CONFIGS).enumerate() {
            measured(&format!("system-{system}"), c, minute as u32).store(out.path());
        }
    }
    out
}

/// One system at most 450 kB, with every figure and every number; six at most 2.5 MB.
#[test]
fn pages_about_everything_stay_small() {
    let out = everything(1);
    let one = page(out.path(), &[]);
    println!("one system: {} kB", one.len() / 1000);
    let figures = [
        "forest",
        "memory-curve0",
        "memory-bars0",
        "memory-matrix1",
        "cpu-matrix0",
        "cpu-percentiles1",
        "gpu-and-pcie-matrix0",
        "collectives-curve0r",
        "topology",
        "order",
    ];
    for figure in figures {
        assert!(one.contains(&format!("<figure id=\"g0-{figure}\">")), "{figure}");
    }
    assert!(one.len() <= 450_000, "{} bytes", one.len());
    drop(out);
    let out = everything(6);
    let six = page(out.path(), &[]);
    println!("six systems: {} kB", six.len() / 1000);
    assert_eq!(six.matches("<article").count(), 6);
    assert!(six.len() <= 2_500_000, "{} bytes", six.len());
    let (_, written, _) = report(out.path(), &[]);
    assert!(written.contains("48 runs in 6 groups"), "{written}");
}
