//! Writes the stored machines in this folder. `VBENCH_BLESS=1 cargo test --test environment`
//! writes them again after a change here.
//!
//! The values are what QEMU guests show (topology, caches, distances, PCI paths), with GPUs as
//! passed-through devices look. No fixture is a dump of somebody's machine.

use std::collections::BTreeMap;

/// A machine in the making: answers by question, and failures.
#[derive(Default)]
pub struct Machine {
    answers: BTreeMap<String, String>,
    failures: BTreeMap<String, String>,
}

/// How a guest's CPUs are arranged. Threads of a core have adjacent numbers.
struct Shape {
    packages: usize,
    dies: usize,
    cores: usize,
    threads: usize,
}

const CPU: &str = "/sys/devices/system/cpu";
const NODE: &str = "/sys/devices/system/node";
const GIB: u64 = 1 << 20;

/// Every fixture, by the name of its folder.
pub fn machines() -> Vec<(&'static str, Machine)> {
    vec![
        ("one-node-guest", one_node_guest()),
        ("four-node-smt", four_node_smt()),
        ("flat-seven-gpus", flat_seven_gpus()),
        ("two-node-mi300x", two_node_mi300x()),
        ("hidden-sys", hidden_sys()),
        ("one-cpu", one_cpu()),
        ("cgroup-limited", cgroup_limited()),
        ("garbage", garbage()),
    ]
}

impl Machine {
    /// The text of `capture.json`.
    pub fn manifest(&self) -> String {
        let manifest = serde_json::json!({
            "format": 1,
            "vbench_version": "fixture",
            "complete": true,
            "answers": self.answers,
            "failures": self.failures,
        });
        let mut text = serde_json::to_string_pretty(&manifest).expect("strings serialise");
        text.push('\n');
        text
    }

    fn file(&mut self, path: impl AsRef<str>, text: impl ToString) -> &mut Self {
        self.answers.insert(format!("file {}", path.as_ref()), text.to_string());
        self
    }

    fn link(&mut self, path: impl AsRef<str>, target: impl ToString) -> &mut Self {
        self.answers.insert(format!("link {}", path.as_ref()), target.to_string());
        self
    }

    fn folder(&mut self, path: &str) -> &mut Self {
        self.answers.insert(format!("list {path}"), String::new());
        self
    }

    fn denied(&mut self, path: &str) -> &mut Self {
        self.failures.insert(format!("file {path}"), "permission denied".to_owned());
        self
    }
}

impl Shape {
    fn cpus(&self) -> usize {
        self.packages * self.dies * self.cores * self.threads
    }
}

fn span(first: usize, count: usize) -> String {
    if count == 1 { first.to_string() } else { format!("{first}-{}", first + count - 1) }
}

/// What every machine has in `/proc`.
fn proc(m: &mut Machine, model: &str, shape: &Shape, memory_kib: u64) {
    let vendor = if model.starts_with("AMD") { "AuthenticAMD" } else { "GenuineIntel" };
    let per_package = shape.cpus() / shape.packages;
    let cpuinfo: String = (0..shape.cpus())
        .map(|cpu| {
            let core = cpu % per_package / shape.threads;
            format!(
                "processor\t: {cpu}\nvendor_id\t: {vendor}\nmodel name\t: {model}\n\
                 microcode\t: 0x1\nphysical id\t: {}\nsiblings\t: {per_package}\n\
                 core id\t\t: {core}\ncpu cores\t: {}\n\
                 flags\t\t: fpu tsc pcid constant_tsc nonstop_tsc avx2 avx512f hypervisor\n\n",
                cpu / per_package,
                per_package / shape.threads,
            )
        })
        .collect();
    let all = span(0, shape.cpus());
    m.file("/proc/cpuinfo", cpuinfo)
        .file("/proc/self/status", status(&all, "0"))
        .file("/proc/self/limits", "Max locked memory         8388608              8388608              bytes\nMax address space         unlimited            unlimited            bytes\n")
        .file("/proc/self/cgroup", "0::/user.slice/session-1.scope\n")
        .file("/proc/self/mountinfo", "31 23 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n")
        .file("/proc/meminfo", format!("MemTotal:       {memory_kib} kB\nMemFree:        {} kB\nMemAvailable:   {} kB\nSwapTotal:             0 kB\nHugepagesize:       2048 kB\n", memory_kib / 2, memory_kib / 4 * 3))
        .file("/proc/stat", "cpu  1000 0 500 90000 10 0 5 42 0 0\n")
        .file("/proc/mounts", "tmpfs /dev/shm tmpfs rw,nosuid,nodev,size=8192000k 0 0\n")
        .file("/proc/cmdline", "BOOT_IMAGE=/vmlinuz root=UUID=0b7d7c0e-0000-4000-8000-000000000001 ro quiet")
        .file("/etc/os-release", "NAME=\"Ubuntu\"\nPRETTY_NAME=\"Ubuntu 24.04.1 LTS\"\n");
    for (name, text) in [
        ("osrelease", "6.8.0-45-generic"),
        ("version", "#45-Ubuntu SMP PREEMPT_DYNAMIC"),
        ("hostname", "fixture"),
        ("random/boot_id", "5a1c7c5e-0000-4000-8000-000000000002"),
        ("numa_balancing", "0"),
        ("perf_event_paranoid", "4"),
        ("randomize_va_space", "2"),
        ("sched_rt_runtime_us", "950000"),
        ("tainted", "0"),
    ] {
        m.file(format!("/proc/sys/kernel/{name}"), text);
    }
    m.file("/proc/sys/vm/zone_reclaim_mode", 0).file("/proc/sys/vm/overcommit_memory", 0);
    m.answers.insert("cpuid hypervisor".to_owned(), "KVMKVMKVM".to_owned());
}

fn status(allowed: &str, nodes: &str) -> String {
    format!(
        "Name:\tvbench\nVmSize:\t   20480 kB\nCpus_allowed_list:\t{allowed}\nMems_allowed_list:\t{nodes}\n"
    )
}

/// CPUs and caches as sysfs shows them; the last-level cache is per die.
fn cpus(m: &mut Machine, shape: &Shape) {
    let all = span(0, shape.cpus());
    m.file(format!("{CPU}/online"), &all).file(format!("{CPU}/offline"), "");
    m.file(format!("{CPU}/present"), &all).file(format!("{CPU}/possible"), &all);
    m.file(format!("{CPU}/isolated"), "").file(format!("{CPU}/nohz_full"), "(null)");
    m.file(format!("{CPU}/smt/active"), usize::from(shape.threads > 1));
    m.file(format!("{CPU}/cpuidle/current_driver"), "none");
    m.file(format!("{CPU}/cpuidle/current_governor"), "menu");
    for (name, state) in [
        ("mds", "Not affected"),
        ("meltdown", "Not affected"),
        (
            "mmio_stale_data",
            "Vulnerable: Clear CPU buffers attempted, no microcode; SMT Host state unknown",
        ),
        ("spectre_v1", "Mitigation: usercopy/swapgs barriers and __user pointer sanitization"),
        ("spectre_v2", "Mitigation: Enhanced / Automatic IBRS"),
    ] {
        m.file(format!("{CPU}/vulnerabilities/{name}"), state);
    }
    let die = shape.cores * shape.threads;
    for cpu in 0..shape.cpus() {
        let core_first = cpu / shape.threads * shape.threads;
        let dir = format!("{CPU}/cpu{cpu}");
        m.file(format!("{dir}/topology/physical_package_id"), cpu / (die * shape.dies));
        m.file(format!("{dir}/topology/die_id"), cpu / die % shape.dies);
        m.file(format!("{dir}/topology/core_id"), cpu % (die * shape.dies) / shape.threads);
        m.file(format!("{dir}/topology/thread_siblings_list"), span(core_first, shape.threads));
        for (index, level, kind, size, shared) in [
            (0, 1, "Data", "48K", span(core_first, shape.threads)),
            (1, 1, "Instruction", "32K", span(core_first, shape.threads)),
            (2, 2, "Unified", "2048K", span(core_first, shape.threads)),
            (3, 3, "Unified", "16384K", span(cpu / die * die, die)),
        ] {
            let cache = format!("{dir}/cache/index{index}");
            m.file(format!("{cache}/level"), level).file(format!("{cache}/type"), kind);
            m.file(format!("{cache}/size"), size).file(format!("{cache}/shared_cpu_list"), shared);
            m.file(format!("{cache}/coherency_line_size"), 64);
            m.file(format!("{cache}/ways_of_associativity"), 16);
        }
    }
}

/// Memory nodes with equal shares of CPUs and memory.
fn nodes(m: &mut Machine, cpus: usize, distances: &[&str], node_kib: u64) {
    m.file(format!("{NODE}/online"), span(0, distances.len()));
    let share = cpus / distances.len();
    for (node, distance) in distances.iter().enumerate() {
        let dir = format!("{NODE}/node{node}");
        m.file(format!("{dir}/cpulist"), span(node * share, share));
        m.file(format!("{dir}/distance"), distance);
        m.file(
            format!("{dir}/meminfo"),
            format!(
                "Node {node} MemTotal:       {node_kib} kB\nNode {node} MemFree:        {} kB\n",
                node_kib / 2
            ),
        );
        pool(m, &format!("{dir}/hugepages"), 2048, 0, 0);
        m.file(format!("{dir}/numastat"), "numa_hit 1000\nnuma_miss 0\nother_node 0\n");
    }
}

/// The rest of `/sys`: clock, pages, firmware.
fn system(m: &mut Machine) {
    let clock = "/sys/devices/system/clocksource/clocksource0";
    m.file(format!("{clock}/current_clocksource"), "kvm-clock");
    m.file(format!("{clock}/available_clocksource"), "kvm-clock tsc acpi_pm");
    let thp = "/sys/kernel/mm/transparent_hugepage";
    m.file(format!("{thp}/enabled"), "always [madvise] never");
    m.file(format!("{thp}/defrag"), "always defer defer+madvise [madvise] never");
    m.file(format!("{thp}/shmem_enabled"), "always within_size advise [never] deny force");
    m.file("/sys/kernel/mm/ksm/run", 0).file("/sys/kernel/mm/ksm/pages_sharing", 0);
    m.folder("/sys/fs/cgroup/user.slice/session-1.scope");
    m.folder("/sys/firmware/efi").folder("/sys/bus/virtio/drivers/virtio_net");
    let dmi = "/sys/class/dmi/id";
    m.file(format!("{dmi}/sys_vendor"), "QEMU");
    m.file(format!("{dmi}/product_name"), "Standard PC (Q35 + ICH9, 2009)");
    m.file(format!("{dmi}/product_version"), "pc-q35-8.2");
    m.file(format!("{dmi}/bios_vendor"), "EDK II").file(format!("{dmi}/bios_version"), "2024.02-2");
    for secret in ["board_serial", "chassis_serial", "product_serial", "product_uuid"] {
        m.denied(&format!("{dmi}/{secret}"));
    }
    pool(m, "/sys/kernel/mm/hugepages", 2048, 0, 0);
    device(m, "pci0000:00/0000:00:01.0", ("0x030000", "0x1234", "0x1111"), -1);
    device(m, "pci0000:00/0000:00:03.0", ("0x020000", "0x1af4", "0x1041"), -1);
}

fn pool(m: &mut Machine, dir: &str, kib: u64, total: u64, free: u64) {
    m.file(format!("{dir}/hugepages-{kib}kB/nr_hugepages"), total);
    m.file(format!("{dir}/hugepages-{kib}kB/free_hugepages"), free);
}

/// A device at the end of a path such as `pci0000:00/0000:00:02.0/0000:01:00.0`.
fn device(m: &mut Machine, path: &str, ids: (&str, &str, &str), node: i64) -> String {
    let dir = format!("/sys/devices/{path}");
    let address = path.rsplit('/').next().unwrap_or(path);
    m.link(format!("/sys/bus/pci/devices/{address}"), format!("../../../devices/{path}"));
    m.file(format!("{dir}/class"), ids.0).file(format!("{dir}/vendor"), ids.1);
    m.file(format!("{dir}/device"), ids.2).file(format!("{dir}/numa_node"), node);
    dir
}

fn link_state(m: &mut Machine, dir: &str, now: (&str, u32), most: (&str, u32)) {
    m.file(format!("{dir}/current_link_speed"), now.0);
    m.file(format!("{dir}/current_link_width"), now.1);
    m.file(format!("{dir}/max_link_speed"), most.0);
    m.file(format!("{dir}/max_link_width"), most.1);
}

const GEN1: &str = "2.5 GT/s PCIe";
const GEN4: &str = "16.0 GT/s PCIe";
const GEN5: &str = "32.0 GT/s PCIe";
const BRIDGE: (&str, &str, &str) = ("0x060400", "0x1b36", "0x000c");
const MI300X: (&str, &str, &str) = ("0x120000", "0x1002", "0x74a1");
const H200: (&str, &str, &str) = ("0x030200", "0x10de", "0x2335");

fn gpu(m: &mut Machine, path: &str, node: i64, now: (&str, u32)) {
    let dir = device(m, path, H200, node);
    link_state(m, &dir, now, (GEN5, 16));
    m.file(format!("{dir}/resource"), "0x0000380000000000 0x0000380000ffffff 0x000000000014220c\n0x0000000000000000 0x0000000000000000 0x0000000000000000\n0x0000384000000000 0x0000387fffffffff 0x000000000014220c\n");
    m.link(format!("{dir}/driver"), "../../../../bus/pci/drivers/nvidia");
    m.file(format!("{dir}/msi_irqs/40"), "msix");
    let first = 4 * usize::try_from(node).unwrap_or(0);
    m.file(format!("{dir}/local_cpulist"), if node < 0 { span(0, 28) } else { span(first, 4) });
    let address = path.rsplit('/').next().unwrap_or(path);
    m.file(
        format!("/proc/driver/nvidia/gpus/{address}/information"),
        "Model: \t\t NVIDIA H200\nIRQ:   \t\t 40\nGPU UUID: \t GPU-00000000-0000-0000-0000-000000000003\n",
    );
    m.file("/proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build\nGCC version:  gcc version 13.2.0\n");
}

fn one_node_guest() -> Machine {
    let mut m = Machine::default();
    let shape = Shape { packages: 1, dies: 1, cores: 4, threads: 1 };
    proc(&mut m, "Intel(R) Xeon(R) Processor @ 2.80GHz", &shape, 16 * GIB - 31_000);
    cpus(&mut m, &shape);
    nodes(&mut m, shape.cpus(), &["10"], 16 * GIB - 31_000);
    system(&mut m);
    m
}

/// Two packages of two dies, a node per die; a GPU behind a switch on nodes 1 and 3, the first
/// with half of its lanes and half of its rate.
fn four_node_smt() -> Machine {
    let mut m = Machine::default();
    let shape = Shape { packages: 2, dies: 2, cores: 2, threads: 2 };
    proc(&mut m, "Intel(R) Xeon(R) Platinum 8480+", &shape, 64 * GIB - 120_000);
    m.file("/proc/cmdline", "root=/dev/vda1 ro hugepagesz=2M hugepages=2048 isolcpus=14-15");
    cpus(&mut m, &shape);
    m.file(format!("{CPU}/isolated"), "14-15");
    m.file(format!("{CPU}/cpu0/cpufreq/scaling_governor"), "performance");
    m.file(format!("{CPU}/cpu0/cpufreq/scaling_driver"), "acpi-cpufreq");
    m.file(format!("{CPU}/cpu0/cpufreq/cpuinfo_max_freq"), 3_800_000);
    let distances = ["10 12 21 21", "12 10 21 21", "21 21 10 12", "21 21 12 10"];
    nodes(&mut m, shape.cpus(), &distances, 16 * GIB - 30_000);
    m.file("/proc/self/status", status("0-15", "0-3"));
    system(&mut m);
    pool(&mut m, "/sys/kernel/mm/hugepages", 2048, 2048, 2000);
    pool(&mut m, "/sys/kernel/mm/hugepages", 1_048_576, 1, 1);
    for node in 0..4 {
        let dir = format!("{NODE}/node{node}/hugepages");
        pool(&mut m, &dir, 2048, 512, if node == 0 { 464 } else { 512 });
        pool(&mut m, &dir, 1_048_576, u64::from(node == 3), u64::from(node == 3));
    }
    let slow = "pci0000:40/0000:40:01.0/0000:41:00.0/0000:42:00.0";
    let fast = "pci0000:c0/0000:c0:01.0/0000:c1:00.0/0000:c2:00.0";
    for (path, node, now) in [(slow, 1, (GEN4, 8)), (fast, 3, (GEN5, 16))] {
        for depth in 2..=4 {
            let bridge = path.split('/').take(depth).collect::<Vec<_>>().join("/");
            let dir = device(&mut m, &bridge, BRIDGE, node);
            link_state(&mut m, &dir, now, (GEN5, 16));
        }
    }
    gpu(&mut m, &format!("{slow}/0000:43:00.0"), 1, (GEN4, 8));
    gpu(&mut m, &format!("{fast}/0000:c3:00.0"), 3, (GEN5, 16));
    m
}

/// No `<topology>` and no cells: every vCPU is a package with a cache of its own, and no GPU has
/// a node. Two GPUs idle at the lowest rate; the ports are virtual and tell nothing useful.
fn flat_seven_gpus() -> Machine {
    let mut m = Machine::default();
    let shape = Shape { packages: 28, dies: 1, cores: 1, threads: 1 };
    proc(&mut m, "Intel(R) Xeon(R) Platinum 8558", &shape, 896 * GIB - 500_000);
    cpus(&mut m, &shape);
    nodes(&mut m, shape.cpus(), &["10"], 896 * GIB - 500_000);
    system(&mut m);
    m.folder("/sys/bus/virtio/drivers/virtio_balloon/virtio3");
    for number in 0..7 {
        let port = format!("pci0000:00/0000:00:02.{number}");
        let dir = device(&mut m, &port, BRIDGE, -1);
        link_state(&mut m, &dir, (GEN5, 16), ("Unknown", if number == 0 { 0 } else { 255 }));
        let now = if number < 2 { (GEN1, 16) } else { (GEN5, 16) };
        gpu(&mut m, &format!("{port}/0000:{:02x}:00.0", number + 6), -1, now);
    }
    m
}

/// Two nodes with two of AMD's GPUs each, which reach each other by XGMI but for the last: to it
/// there is a way by PCIe. The compute driver lists the CPUs first. A link's bandwidth is that of 16
/// lanes at 25 GT/s, as the kernel counts.
fn two_node_mi300x() -> Machine {
    let mut m = Machine::default();
    let shape = Shape { packages: 2, dies: 1, cores: 4, threads: 1 };
    proc(&mut m, "AMD EPYC 9575F 64-Core Processor", &shape, 64 * GIB);
    cpus(&mut m, &shape);
    nodes(&mut m, shape.cpus(), &["10 32", "32 10"], 32 * GIB);
    system(&mut m);
    let kfd = "/sys/class/kfd/kfd/topology/nodes";
    for node in 0..2 {
        m.file(format!("{kfd}/{node}/properties"), "cpu_cores_count 4\ngfx_target_version 0\n");
    }
    for number in 0_u32..4 {
        let (port, bus) = (0x10 + 0x40 * number, 0x11 + 0x40 * number);
        let node = i64::from(number / 2);
        let bridge = format!("pci0000:{port:02x}/0000:{port:02x}:01.0");
        let dir = device(&mut m, &bridge, BRIDGE, node);
        link_state(&mut m, &dir, (GEN5, 16), (GEN5, 16));
        let dir = device(&mut m, &format!("{bridge}/0000:{bus:02x}:00.0"), MI300X, node);
        link_state(&mut m, &dir, (GEN5, 16), (GEN5, 16));
        m.link(format!("{dir}/driver"), "../../../../bus/pci/drivers/amdgpu");
        m.file(format!("{dir}/local_cpulist"), span(4 * (number as usize / 2), 4));
        let own = format!("{kfd}/{}", number + 2);
        let location = bus << 8;
        m.file(
            format!("{own}/properties"),
            format!(
                "cpu_cores_count 0\ngfx_target_version 90402\nlocation_id {location}\ndomain 0\n"
            ),
        );
        let peers = (0..4).filter(|peer| *peer != number && number < 3 && *peer < 3);
        for (link, peer) in peers.enumerate() {
            m.file(
                format!("{own}/io_links/{link}/properties"),
                format!("type 11\nnode_from {}\nnode_to {}\nweight 15\nmin_bandwidth 50000\nmax_bandwidth 50000\nflags 1\n", number + 2, peer + 2),
            );
        }
        let last = if number == 3 { 0 } else { 3 };
        m.file(
            format!("{own}/p2p_links/0/properties"),
            format!("type 2\nnode_from {}\nnode_to {}\nweight 40\nmin_bandwidth 0\nmax_bandwidth 0\nflags 1\n", number + 2, last + 2),
        );
    }
    m
}

/// A sandbox that shows `/proc` alone.
fn hidden_sys() -> Machine {
    let mut m = Machine::default();
    let shape = Shape { packages: 1, dies: 1, cores: 2, threads: 2 };
    proc(&mut m, "AMD EPYC 9654 96-Core Processor", &shape, 8 * GIB);
    m.file("/.dockerenv", "");
    m
}

/// Eight CPUs of which this process may use one.
fn one_cpu() -> Machine {
    let mut m = Machine::default();
    let shape = Shape { packages: 1, dies: 1, cores: 4, threads: 2 };
    proc(&mut m, "AMD EPYC 7763 64-Core Processor", &shape, 32 * GIB);
    cpus(&mut m, &shape);
    nodes(&mut m, shape.cpus(), &["10"], 32 * GIB);
    system(&mut m);
    m.file("/proc/self/status", status("5", "0"));
    m
}

/// A pod: two and a half CPUs' time, four of eight CPUs, 2 GiB in the group above the own one.
fn cgroup_limited() -> Machine {
    let mut m = Machine::default();
    let shape = Shape { packages: 1, dies: 1, cores: 8, threads: 1 };
    proc(&mut m, "Intel(R) Xeon(R) Gold 6430", &shape, 64 * GIB);
    cpus(&mut m, &shape);
    nodes(&mut m, shape.cpus(), &["10"], 64 * GIB);
    system(&mut m);
    let pod = "/sys/fs/cgroup/kubepods.slice/pod1";
    m.file("/proc/self/cgroup", "0::/kubepods.slice/pod1/app\n");
    m.file("/proc/self/status", status("0-3", "0"));
    m.file(format!("{pod}/app/memory.max"), "max").file(format!("{pod}/app/cpu.max"), "max 100000");
    m.file(format!("{pod}/app/cpu.stat"), "usage_usec 1\nnr_periods 900\nnr_throttled 17\n");
    m.file(format!("{pod}/app/cpuset.cpus.effective"), "0-3");
    m.file(format!("{pod}/memory.max"), 2_u64 << 30);
    m.file(format!("{pod}/memory.current"), 1_u64 << 30);
    m.file(format!("{pod}/memory.stat"), format!("anon 1000\ninactive_file {}\n", 512_u64 << 20));
    m.file(format!("{pod}/cpu.max"), "250000 100000");
    m
}

/// The four-node machine with every answer replaced by something that no kernel says.
fn garbage() -> Machine {
    const NOISE: [&str; 16] = [
        "",
        "\u{1b}[2J\u{1b}[31mred\u{7}",
        "99999999999999999999999999",
        "-9223372036854775808",
        "0-99999999",
        "\u{0}\u{1}\u{2}",
        "NaN",
        "\u{202e}txt.exe \u{6f22}\u{5b57}",
        "../../../../../../etc/passwd",
        "Node 0 MemTotal: -5 kB\nMemTotal:  x kB",
        "[",
        "0,0,0,0,0:0/0",
        "0xffffffffffffffffffff 0x1 0x2",
        "cpu  a b c d e f g h i j",
        ":::::",
        "1e309 GT/s PCIe",
    ];
    let mut m = four_node_smt();
    m.failures.clear();
    for (key, text) in &mut m.answers {
        let hash =
            key.bytes().fold(7_usize, |hash, byte| hash.wrapping_mul(31) + usize::from(byte));
        // Links stay, so that the damage behind them is read.
        if !key.starts_with("link") {
            *text = NOISE[hash % NOISE.len()].to_owned();
        }
    }
    m
}
