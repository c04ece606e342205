// Writes the results of invented machines under the names of vbench's own benchmarks, so that a
// report of them has every section: a system with four configurations and seven GPUs, and two
// systems that should be alike.
import { mkdirSync, writeFileSync } from "node:fs";

const out = process.argv[2];
let state = 7;
// Park and Miller 1988: the same numbers every time.
const uniform = () => (state = (state * 48271) % 2147483647) / 2147483647;
const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());

const CONFIGURATIONS = {
  default: { nodes: 1, triad: 77.2, dram: 140, peak: 20.2, all: 232100, jitter: 46, copy: 55.3, shuffled: true },
  vcpu_pin: { nodes: 1, triad: 75.3, dram: 112, peak: 18.4, all: 232536, jitter: 9.8, copy: 55.3 },
  vcpu_pin_numa: { nodes: 4, triad: 561, dram: 101, peak: 8.6, all: 232610, jitter: 9.1, copy: 55.3 },
  vcpu_pin_numa_smt: { nodes: 4, triad: 559, dram: 100, peak: 8.3, all: 237801, jitter: 12.7, copy: 55.3, far: 37 },
};

const metric = (name, symbol, better, role = "gated") =>
  ({ name, unit: { symbol, scale: "decimal" }, better, role, exact: false });
const fact = (value, stable = true) => ({ value, source: "/proc", stable });
const size = (bytes) => {
  const power = Math.min(3, Math.floor(Math.log2(bytes) / 10));
  return bytes / 1024 ** power + ["B", "KiB", "MiB", "GiB"][power];
};

function measured(benchmark, params, kind, metrics, values, launches, spread) {
  const launch = (number) => {
    const own = values.map((value) => value * Math.exp(spread * normal()));
    const repeat = (index) => ({
      repeat: index, at_s: number * 10, elapsed_s: 0.5, iterations: 1, evidence: {},
      values: Object.fromEntries(metrics.map((m, i) => [m.name, own[i] * Math.exp((spread / 4) * normal())])),
    });
    return {
      launch: number, boot_id: "b", position: number, at_s: number * 100, elapsed_s: 2,
      outcome: { state: "measured" }, repeats: [1, 2, 3].map(repeat),
    };
  };
  const numbers = Array.from({ length: launches }, (_, i) => i + 1);
  return { case: { benchmark, params }, kind, version: "1", estimator: "center", metrics, launches: numbers.map(launch) };
}

const CPUS = 96;

// Nanoseconds of a cache line's way: within a node, within a socket, between sockets. Without pinning
// nobody knows where a vCPU is.
function transfer(c, from, to) {
  const place = (cpu) => (c.shuffled ? (cpu * 37) % CPUS : cpu);
  const [node, other] = [Math.floor(place(from) / 24), Math.floor(place(to) / 24)];
  const near = node === other ? 58 : node >> 1 === other >> 1 ? 84 : 146;
  return near * (from === c.far || to === c.far ? 1.28 : 1) * Math.exp(0.02 * normal());
}

function pairs(c) {
  const rows = [];
  for (let from = 0; from < CPUS; from++) {
    for (let to = from + 1; to < CPUS; to++) {
      const both = [transfer(c, from, to), transfer(c, to, from)];
      rows.push([from, to, ...both.map((ns) => Math.round(ns * 10) / 1e10)]);
    }
  }
  return rows;
}

function cases(c, launches) {
  const all = [];
  const add = (...rest) => (all.push(measured(...rest, launches, 0.005)), all.at(-1));
  const kernels = ["triad", "copy", "scale", "add"].map((name) => metric(name, "B/s", "higher"));
  for (const [stores, factor] of [["cached", 1], ["streaming", 1.2]]) {
    add("memory::stream", { stores }, "memory", kernels, [1, 1.02, 0.97, 0.99].map((k) => c.triad * 1e9 * factor * k));
  }
  for (let power = 12; power < 30; power++) {
    const bytes = 2 ** power;
    const ns = bytes <= 49152 ? 1.4 : bytes <= 2 ** 21 ? 4.2 : bytes <= 2 ** 26 ? 24 : c.dram;
    add("latency::pointer_chase", { order: "random", size: size(bytes) }, "memory", [metric("latency", "s", "lower")], [ns * 1e-9]);
  }
  for (let i = 0; i < c.nodes * c.nodes && c.nodes > 1; i++) {
    const [cpu, memory] = [Math.floor(i / c.nodes), i % c.nodes];
    const near = cpu === memory ? 0 : cpu >> 1 === memory >> 1 ? 1 : 2;
    const place = { cpu_node: `${cpu}`, memory_node: `${memory}` };
    add("memory::stream_nodes", place, "memory", [kernels[0]], [[143, 112, 58][near] * 1e9]);
    add("latency::pointer_chase_nodes", place, "memory", [metric("latency", "s", "lower")], [[1, 1.3, 2.1][near] * c.dram * 1e-9]);
  }
  const time = (name, role) => metric(name, "s", "lower", role);
  const primes = [metric("rate", "event/s", "higher"), ...["p50", "p95", "p99", "max"].map((name) => time(name, "info"))];
  add("cpu::prime", { pinned: "yes", threads: "1" }, "cpu", primes, [2459, 4e-4, 4.1e-4, 4.3e-4, 5e-4]);
  add("cpu::prime", { pinned: "yes", threads: "94" }, "cpu", primes, [c.all, 4e-4, 4.1e-4, 4.4e-4, 6e-4]);
  const late = [time("p50"), time("p99"), time("p99.9", "info"), time("max", "info")];
  for (const [load, factor] of [["idle", 1], ["busy", 1.4]]) {
    const typical = [0.12, 1, 2.2, 40].map((k) => k * factor * c.jitter * 1e-6);
    add("jitter::timer_wake", { load, priority: "normal" }, "jitter", late, typical);
  }
  const lines = add("placement::core_to_core", { transfer: "store" }, "placement", ["median", "nearest", "farthest"].map((name) => time(name)), [96e-9, 55e-9, 150e-9]);
  lines.launches.forEach((launch) => (launch.facts = { claimed: ["0-95"], pairs: pairs(c) }));
  for (let gpu = 0; gpu < 7; gpu++) {
    const id = { gpu: `${gpu}` };
    add("gpu::matmul", { dtype: "fp16", ...id, n: "8192" }, "gpu", [metric("flops", "FLOP/s", "higher", "control"), time("time", "control")], [680e12, 1.62e-3]);
    for (const [route, rate] of [["h2d", 1], ["d2h", 1.02], ["both", 1.7]]) {
      for (const bytes of [2 ** 12, 2 ** 20, 2 ** 28]) {
        const each = 9e-6 + bytes / (c.copy * rate * 1e9);
        add("gpu::copy", { ...id, memory: "pinned", route, size: size(bytes) }, "gpu", [metric("bandwidth", "B/s", "higher"), time("time")], [bytes / each, each]);
      }
    }
    for (let to = 0; to < 7; to++) {
      if (to === gpu) continue;
      const rate = gpu >> 2 === to >> 2 ? 38e9 : 21e9;
      add("gpu::peer_copy", { pair: `${gpu}>${to}`, peers: "default", size: "256MiB" }, "gpu", [metric("bandwidth", "B/s", "higher")], [rate]);
    }
  }
  for (let power = 3; power <= 30; power++) {
    const rate = 1 / (1 / (c.peak * 1e9) + (c.nodes > 1 ? 45e-6 : 60e-6) / 2 ** power);
    const speeds = [time("time"), metric("algbw", "B/s", "higher", "info"), metric("busbw", "B/s", "higher")];
    const params = { peers: "default", place: "out", size: size(2 ** power) };
    add("gpu::all_reduce", params, "gpu", speeds, [((12 / 7) * 2 ** power) / rate, (rate * 7) / 12, rate]);
  }
  all.push({
    case: { benchmark: "gpu::data_loader", params: {} }, kind: "gpu", version: "1", estimator: "center", metrics: [],
    launches: [{ launch: 1, position: 0, at_s: 0, elapsed_s: 0, outcome: { state: "skipped", reason: "the driver gives no pinned memory" } }],
  });
  return all;
}

function store(system, config, c, minute, facts = {}) {
  const time = `${10 + Math.floor(minute / 60)}:${String(minute % 60).padStart(2, "0")}`;
  const id = `20261120T${time.replace(":", "")}00Z-beef`;
  const environment = {
    "cpu.model": fact("INTEL(R) XEON(R) PLATINUM 8558"), "cpu.count.online": fact(96), "numa.nodes": fact(c.nodes),
    "gpu.count": fact(7), "gpu.0.model": fact("NVIDIA H200"), "cpu.allowed": fact("0-93"), "virt.hypervisor": fact("kvm"),
    "cpu.cache.l1d.size": fact(49152), "cpu.cache.l2.size": fact(2097152), "cpu.cache.l3.size": fact(268435456),
    "memory.total_rounded": fact(1181116006400), "memory.available": fact(1000000000 + minute, false), ...facts,
  };
  const apart = (a, b) => (a === b ? 10 : a >> 1 === b >> 1 ? 12 : 32);
  const nodes = [...Array(c.nodes).keys()];
  environment["numa.distances"] = fact(nodes.map((a) => nodes.map((b) => apart(a, b))));
  const each = 96 / c.nodes;
  for (let node = 0; node < c.nodes; node++) {
    environment[`numa.node.${node}.cpus`] = fact(`${node * each}-${(node + 1) * each - 1}`);
  }
  const run = {
    id, system, config, started_at: `2026-11-20T${time}:00Z`, vbench_version: "0.1.0", command: ["run", "--config", config],
    profile: "standard", launches: 5, seed: 1, fingerprint: "0123456789abcdef",
  };
  const folder = `${out}/${system}/${config}/${id}`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/result.json`, JSON.stringify({ schema_version: "1.0", run, environment, cases: cases(c, 5) }));
}

let minute = 0;
for (let round = 0; round < 2; round++) {
  for (const [config, c] of Object.entries(CONFIGURATIONS)) store("7x-H200", config, c, (minute += 3));
}
for (let round = 0; round < 2; round++) {
  const numa = CONFIGURATIONS.vcpu_pin_numa;
  store("vm-a", "default", numa, (minute += 3), { "memory.huge_pages.2MiB.total": fact(400000) });
  store("vm-b", "default", { ...numa, triad: 410, dram: 131 }, (minute += 3), { "memory.huge_pages.2MiB.total": fact(0) });
}
