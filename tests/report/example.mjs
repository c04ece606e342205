// Writes the results of invented machines, so that a report of them has every section: a system
// with four configurations and seven GPUs, and two systems that should be alike.
import { mkdirSync, writeFileSync } from "node:fs";

const out = process.argv[2];
let state = 7;
// Park and Miller 1988: the same numbers every time.
const uniform = () => (state = (state * 48271) % 2147483647) / 2147483647;
const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());

const CONFIGURATIONS = {
  default: { nodes: 1, triad: 77.2, dram: 140, peak: 20.2, all: 232100, jitter: 46 },
  vcpu_pin: { nodes: 1, triad: 75.3, dram: 112, peak: 18.4, all: 232536, jitter: 9.8 },
  vcpu_pin_numa: { nodes: 4, triad: 561, dram: 101, peak: 8.6, all: 232610, jitter: 9.1 },
  vcpu_pin_numa_smt: { nodes: 4, triad: 559, dram: 100, peak: 8.3, all: 237801, jitter: 12.7 },
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

function cases(c, launches) {
  const all = [];
  const add = (...rest) => all.push(measured(...rest, launches, 0.005));
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
    const near = cpu === memory ? 143 : cpu >> 1 === memory >> 1 ? 112 : 58;
    add("memory::stream_nodes", { cpu_node: `${cpu}`, memory_node: `${memory}` }, "memory", [kernels[0]], [near * 1e9]);
  }
  const percentiles = ["p50", "p95", "p99", "max"].map((name) => metric(name, "s", "lower", "info"));
  const primes = [metric("rate", "event/s", "higher"), ...percentiles];
  const tail = [4e-4, 4.1e-4, 4.1e-4 + c.jitter * 1e-6, 4.1e-4 + c.jitter * 2e-5];
  add("cpu::prime", { threads: "1" }, "cpu", primes, [2459, ...tail]);
  add("cpu::prime", { threads: "94" }, "cpu", primes, [c.all, ...tail]);
  for (let from = 0; from < 24; from++) {
    for (let to = 0; to < 24; to++) {
      const near = Math.floor(from / 6) === Math.floor(to / 6) ? 58 : Math.floor(from / 12) === Math.floor(to / 12) ? 84 : 146;
      if (from !== to) all.push(measured("cpu::core_to_core", { from: `${from}`, to: `${to}` }, "cpu", [metric("latency", "s", "lower")], [near * 1e-9], 2, 0.02));
    }
  }
  add("gpu::matmul", { dtype: "f32" }, "gpu", [metric("time", "s", "lower", "control")], [21.2e-3]);
  add("gpu::copy", { direction: "h2d" }, "gpu", [metric("bandwidth", "B/s", "higher")], [55.3e9]);
  for (let power = 3; power <= 30; power++) {
    const rate = 1 / (1 / (c.peak * 1e9) + (c.nodes > 1 ? 45e-6 : 60e-6) / 2 ** power);
    add("collective::allreduce", { ranks: "7", size: size(2 ** power) }, "collective", [metric("busbw", "B/s", "higher")], [rate]);
  }
  all.push({
    case: { benchmark: "gpu::p2p", params: {} }, kind: "gpu", version: "1", estimator: "center", metrics: [],
    launches: [{ launch: 1, position: 0, at_s: 0, elapsed_s: 0, outcome: { state: "skipped", reason: "peer access is off" } }],
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
