//! The real program in real guests: a machine with several memory nodes, with dies, with threads,
//! with devices on nodes, all emulated, so that it runs anywhere.
//!
//! ```text
//! tests/guest/run                            # gets what is needed, then boots every guest
//! cargo test --test guest -- --ignored       # the same once it is there; what is not is skipped aloud
//! VBENCH_REQUIRE_GUESTS=1 cargo test ..      # what is missing is a failure, as in CI
//! ```
//!
//! They need `qemu-system-x86_64`, a kernel in `target/guest/boot/vmlinuz-*` with NVMe and the
//! serial console built in (Debian's cloud kernel), and a static `target/guest/bin/busybox`.
//! `VBENCH_PROGRAM` names another program to test, such as a static build.
//!
//! Asserted is structure: nodes, distances, where pages lie, which CPU ran what, exit codes, stored
//! files. Never a rate, which emulation makes meaningless, but under instruction counting, where
//! time is a function of the code.

mod boot;
mod image;

use boot::{Guest, Left, fact, noted, payload};
use std::process::Command;
use vbench_results::{Environment, Outcome, Reading, ResultSet};

/// Runs, once and tiny, every benchmark about nodes, policies and load, and all of every kind that a machine with one CPU does not have; no GPU is emulated. Suites that come later are in it by themselves.
macro_rules! about_placement {
    () => {
        "
run info vbench info --json
run list vbench list --profile standard --format json
ids=$(sed -n 's/.*\"benchmark\":\"\\([^\"]*\\)\".*\"kind\":\"\\([^\"]*\\)\".*/\\2 \\1/p' /out/list.out |
	sort -u | awk '$1 !~ /^(cpu|gpu|memory|latency)$/ || $2 ~ /node|polic|loaded/ && $1 != \"gpu\" { print $2 }')
echo $ids >/out/ids
run placement vbench run --test --exact $ids
"
    };
}

/// Every placement benchmark works, or says why not.
fn placement_works(left: &Left) -> String {
    let said = left.printed("placement");
    assert!(said.contains("test result: ok."), "{said}");
    let why_not = |line: &str| Some(line.split_once("... ignored, ")?.1.to_owned());
    for reason in said.lines().filter_map(why_not) {
        assert!(NOT_HERE.iter().any(|known| reason.contains(known)), "ignored, {reason}:\n{said}");
    }
    assert!(said.contains("test collective::all_reduce/place=out,size=8B ... ok"), "{said}");
    said
}

/// Why a benchmark may be left out of a guest; anything else is a failure.
const NOT_HERE: [&str; 15] = [
    "started without an MPI launcher",
    "needs 2 memory nodes, 1 here",
    "CPUs on a node, ",
    "no allowed CPU on node",
    "no two of",
    "an all-reduce needs 2 CPUs, ",
    // A busy host gives an emulator's threads their turns one after the other.
    "no two vCPUs ran at the same time for long enough",
    // Of reserved huge pages there are few or none, of memory little.
    "huge pages",
    "huge page of ",
    "transparent huge pages are switched off",
    "came in them",
    "MiB of memory, ",
    "of memory, ",
    "cannot lock ",
    "real-time priority is not allowed",
];

fn passes(said: &str, case: &str) -> bool {
    said.contains(&format!("test {case} ... ok"))
}

#[test]
#[ignore = "boots a guest"]
fn two_nodes_with_threads() {
    let guest = Guest {
        name: "two-nodes",
        machine: "-M q35 -cpu max,vendor=GenuineIntel -smp 4,sockets=2,cores=1,threads=2 -m 512
            -object memory-backend-ram,id=m0,size=256M -object memory-backend-ram,id=m1,size=256M
            -numa node,nodeid=0,memdev=m0 -numa node,nodeid=1,memdev=m1
            -numa cpu,node-id=0,socket-id=0 -numa cpu,node-id=1,socket-id=1
            -numa dist,src=0,dst=1,val=21",
        kernel: "",
        job: concat!(
            about_placement!(),
            "
tiny='--samples 1 --launches 1 --time 1ms --seed 1 --out /out/results'
small() { sh -c 'ulimit -v 131072; exec \"$@\"' small \"$@\"; }
run base small vbench run --exact memory::stream_nodes $tiny --config base
run candidate small vbench run --exact memory::stream_nodes $tiny --config candidate
run routes small vbench run --exact memory::read_nodes $tiny --config routes
run measured vbench info --measured --json --out /out/results
run ring vbench run --exact collective::all_reduce_placed --axis size=64K $tiny --config ring
run diff vbench diff base candidate --out /out/results --format csv
run killed vbench run --exact cpu::prime --axis pinned=yes --axis threads=1 --time 9 --timeout 1 \
	--launches 1 --config killed --out /out/results
run nonsense vbench run --exact no::such_case $tiny
"
        ),
    };
    let Some(left) = guest.boot() else { return };
    let facts = left.facts();
    assert_eq!(fact(&facts, "numa.nodes"), "2");
    assert_eq!(fact(&facts, "numa.distances"), "10 21 21 10");
    assert_eq!(fact(&facts, "numa.node.0.cpus"), "0-1");
    assert_eq!(fact(&facts, "numa.node.1.cpus"), "2-3");
    assert_eq!(
        (fact(&facts, "cpu.sockets"), fact(&facts, "cpu.threads_per_core")),
        ("2".into(), "2".into())
    );

    let said = placement_works(&left);
    for (cpus, memory) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let case = format!("cpu_node={cpus},memory_node={memory}");
        assert!(passes(&said, &format!("memory::stream_nodes/{case}")), "{said}");
        assert!(passes(&said, &format!("latency::pointer_chase_nodes/{case}")), "{said}");
        // With base pages wherever the kernel offers others, too.
        for benchmark in ["jitter::page_fault_nodes", "jitter::memory_lock_nodes"] {
            let begin = format!("test {benchmark}/{case},");
            let ok = |line: &str| line.starts_with(&begin) && line.ends_with("... ok");
            assert!(said.lines().any(ok), "{begin} {said}");
        }
    }
    for policy in ["first-touch", "interleave", "bind:0", "bind:1", "preferred:0", "preferred:1"] {
        assert!(
            passes(&said, &format!("memory::stream_policies/policy={policy}")),
            "{policy}: {said}"
        );
    }

    let base = left.run("base");
    memory_lies_as_asked(&base, 4);
    memory_lies_as_asked(&left.run("routes"), 4);
    nothing_is_invented(&left);
    let ring = left.run("ring");
    let cpus = |placement: &str| {
        let case = ring.cases.iter().find(|case| case.case.params["placement"] == placement);
        noted(case.unwrap_or_else(|| panic!("{placement}")), "cpus")
    };
    assert_eq!([cpus("compact"), cpus("scatter")], ["0,1,2,3", "0,2,1,3"]);
    assert_eq!([cpus("node:0"), cpus("node:1")], ["0,1", "2,3"]);
    let lies = |placement: &str, node: usize| {
        let case = ring.cases.iter().find(|case| case.case.params["placement"] == placement);
        let told = noted(case.unwrap_or_else(|| panic!("{placement}")), "placement");
        told.contains(&format!("node {node}: "))
    };
    assert_eq!([lies("node:1", 0), lies("node:1", 1)], [false, true]);
    assert_eq!([lies("interleaved", 0), lies("interleaved", 1)], [true, true]);
    assert_eq!((left.code("nonsense"), left.code("killed")), (2, 1));
    let killed = &left.run("killed").cases[0].launches[0].outcome;
    assert!(matches!(killed, Outcome::TimedOut { .. }), "{killed:?}");
    compares_outside_as_inside(&left, "memory::stream_nodes/cpu_node=1");
}

/// Each case of a node matrix was measured, with all of its memory on the node that it names.
fn memory_lies_as_asked(results: &ResultSet, cases: usize) {
    assert_eq!(results.cases.len(), cases);
    for case in &results.cases {
        assert!(case.launches.iter().all(|launch| launch.outcome == Outcome::Measured), "{case:?}");
        let placement = noted(case, "placement");
        let wanted = format!("node {}: 64 of 64 pages", case.case.params["memory_node"]);
        assert!(placement.contains(&wanted), "{}: {placement}", case.case);
    }
}

/// An emulator has no distances: its claims stand beside unknowns, and nothing contradicts them.
fn nothing_is_invented(left: &Left) {
    let facts: Environment = serde_json::from_str(&left.printed("measured")).expect("facts");
    let claimed = fact(&facts, "measured.bandwidths.claimed");
    assert!(claimed.contains("from 0 to 0:10 1:21"), "{claimed}");
    let unknown = |name: &str| match &facts.facts[name].reading {
        Reading::Unknown(why) => why.clone(),
        Reading::Value(value) => panic!("{name} is {value} in an emulator"),
    };
    assert!(unknown("measured.bandwidths").contains("emulated by software"), "{facts:?}");
    assert!(unknown("measured.caches").contains("not measured"), "{facts:?}");
    assert!(!facts.facts.keys().any(|name| name.ends_with(".disagreement")), "{facts:?}");
}

/// What the guest stored reads and compares here as it did there.
fn compares_outside_as_inside(left: &Left, case: &str) {
    let mut diff = Command::new(payload().expect("it was built"));
    diff.args(["diff", "base", "candidate", "--format", "csv", "--out"]).arg(left.results());
    let outside = diff.output().expect("the program starts");
    assert!(outside.status.success(), "{}", String::from_utf8_lossy(&outside.stderr));
    let outside = String::from_utf8_lossy(&outside.stdout);
    assert_eq!(outside, left.printed("diff"));
    assert!(outside.contains(case), "{outside}");
}

#[test]
#[ignore = "boots a guest"]
fn four_nodes_with_distances_and_huge_pages() {
    let guest = Guest {
        name: "four-nodes",
        machine: "-M q35 -cpu max,vendor=GenuineIntel -smp 8,sockets=4,cores=1,threads=2 -m 1024
            -object memory-backend-ram,id=m0,size=256M -object memory-backend-ram,id=m1,size=256M
            -object memory-backend-ram,id=m2,size=256M -object memory-backend-ram,id=m3,size=256M
            -numa node,nodeid=0,memdev=m0 -numa node,nodeid=1,memdev=m1
            -numa node,nodeid=2,memdev=m2 -numa node,nodeid=3,memdev=m3
            -numa cpu,node-id=0,socket-id=0 -numa cpu,node-id=1,socket-id=1
            -numa cpu,node-id=2,socket-id=2 -numa cpu,node-id=3,socket-id=3
            -numa dist,src=0,dst=1,val=12 -numa dist,src=0,dst=2,val=32 -numa dist,src=0,dst=3,val=32
            -numa dist,src=1,dst=2,val=32 -numa dist,src=1,dst=3,val=32 -numa dist,src=2,dst=3,val=12",
        kernel: "hugepagesz=2M hugepages=0:4,1:8",
        job: concat!(
            about_placement!(),
            "
tiny='--samples 1 --launches 1 --time 1ms --seed 1 --out /out/results'
small() { sh -c 'ulimit -v 131072; exec \"$@\"' small \"$@\"; }
run base small vbench run --exact memory::read_nodes $tiny --config base
run candidate small vbench run --exact memory::read_nodes $tiny --config candidate
run diff vbench diff base candidate --out /out/results --format csv
run pages vbench run --test --exact memory::stream_pages/pages=2m,stores=cached
"
        ),
    };
    let Some(left) = guest.boot() else { return };
    let facts = left.facts();
    assert_eq!(fact(&facts, "numa.distances"), "10 12 32 32 12 10 32 32 32 32 10 12 32 32 12 10");
    let pool = |node: usize| fact(&facts, &format!("numa.node.{node}.huge_pages.2MiB.total"));
    assert_eq!([pool(0), pool(1), pool(2), pool(3)], ["4", "8", "0", "0"]);
    let said = placement_works(&left);
    for cpus in 0..4 {
        for memory in 0..4 {
            let case = format!("memory::stream_nodes/cpu_node={cpus},memory_node={memory}");
            assert!(passes(&said, &case), "{case}: {said}");
        }
    }
    assert!(left.printed("pages").contains("1 passed"), "{}", left.printed("pages"));
    memory_lies_as_asked(&left.run("base"), 16);
    memory_lies_as_asked(&left.run("candidate"), 16);
    compares_outside_as_inside(&left, "memory::read_nodes/cpu_node=3");
}

#[test]
#[ignore = "boots a guest"]
fn two_dies_in_one_socket() {
    let guest = Guest {
        name: "two-dies",
        machine: "-M q35 -cpu max,vendor=GenuineIntel -smp 4,sockets=1,dies=2,cores=2,threads=1 -m 384",
        kernel: "",
        job: about_placement!(),
    };
    let Some(left) = guest.boot() else { return };
    let facts = left.facts();
    assert_eq!(fact(&facts, "cpu.sockets"), "1");
    assert_eq!(fact(&facts, "cpu.cores_per_socket"), "4");
    assert_eq!(fact(&facts, "cpu.cache.l3.instances"), "2");
    let said = placement_works(&left);
    assert!(
        passes(&said, "collective::all_reduce_placed/place=out,placement=scatter,size=64KiB"),
        "{said}"
    );
    assert!(said.contains("ignored, needs 2 memory nodes, 1 here"), "{said}");
}

#[test]
#[ignore = "boots a guest"]
fn nodes_without_memory_and_without_cpus() {
    let guest = Guest {
        name: "odd-nodes",
        machine: "-M q35,hmat=on -cpu max,vendor=GenuineIntel -smp 4,sockets=2,cores=2,threads=1 -m 512
            -object memory-backend-ram,id=m0,size=320M -object memory-backend-ram,id=m2,size=192M
            -numa node,nodeid=0,memdev=m0 -numa node,nodeid=1,initiator=1 -numa node,nodeid=2,memdev=m2,initiator=0
            -numa cpu,node-id=0,socket-id=0 -numa cpu,node-id=1,socket-id=1
            -numa hmat-lb,initiator=0,target=0,hierarchy=memory,data-type=access-latency,latency=10
            -numa hmat-lb,initiator=0,target=0,hierarchy=memory,data-type=access-bandwidth,bandwidth=20G
            -numa hmat-lb,initiator=0,target=2,hierarchy=memory,data-type=access-latency,latency=50
            -numa hmat-lb,initiator=0,target=2,hierarchy=memory,data-type=access-bandwidth,bandwidth=5G",
        kernel: "",
        job: about_placement!(),
    };
    let Some(left) = guest.boot() else { return };
    let facts = left.facts();
    assert_eq!(fact(&facts, "numa.nodes"), "3");
    assert_eq!(fact(&facts, "numa.node.1.cpus"), "2-3");
    assert_eq!(fact(&facts, "numa.node.1.memory"), "0");
    assert_eq!(fact(&facts, "numa.node.2.cpus"), "none");
    // What the firmware tells of each node's memory. Debian's kernel shows none of it here.
    if facts.facts.contains_key("numa.node.2.read_latency") {
        let number = |name: &str| fact(&facts, name).parse::<f64>().expect("a number");
        let slower = number("numa.node.2.read_latency") / number("numa.node.0.read_latency");
        assert!((slower - 5.0).abs() < 0.01, "{slower}");
    }
    let said = placement_works(&left);
    // CPUs without memory reach the others'; memory without CPUs is reached from both.
    for case in ["cpu_node=0,memory_node=2", "cpu_node=1,memory_node=0", "cpu_node=1,memory_node=2"]
    {
        assert!(passes(&said, &format!("memory::stream_nodes/{case}")), "{case}: {said}");
    }
    assert!(!said.contains("memory_node=1") && !said.contains("cpu_node=2"), "{said}");
}

#[test]
#[ignore = "boots a guest"]
fn threads_that_the_guest_cannot_see() {
    let guest = Guest {
        name: "amd-without-threads",
        machine: "-M q35 -cpu max,vendor=AuthenticAMD -smp 4,sockets=1,cores=2,threads=2 -m 384",
        kernel: "",
        job: "run info vbench info --json\nrun placement vbench run --test collective\n",
    };
    let Some(left) = guest.boot() else { return };
    let facts = left.facts();
    assert_eq!(fact(&facts, "cpu.vendor"), "AuthenticAMD");
    assert_eq!(fact(&facts, "cpu.flags.topoext"), "no");
    assert_eq!(fact(&facts, "cpu.threads_per_core"), "1");
    assert_eq!(fact(&facts, "cpu.cores_per_socket"), "4");
    placement_works(&left);
}

#[test]
#[ignore = "boots a guest"]
fn devices_on_nodes() {
    let guest = Guest {
        name: "devices",
        machine: "-M q35 -cpu max,vendor=GenuineIntel -smp 2,sockets=2,cores=1,threads=1 -m 384
            -object memory-backend-ram,id=m0,size=192M -object memory-backend-ram,id=m1,size=192M
            -numa node,nodeid=0,memdev=m0 -numa node,nodeid=1,memdev=m1
            -numa cpu,node-id=0,socket-id=0 -numa cpu,node-id=1,socket-id=1
            -device pxb-pcie,id=px1,bus_nr=128,bus=pcie.0,numa_node=1
            -device pcie-root-port,id=rp1,bus=px1,chassis=2,slot=2,x-speed=16,x-width=16
            -device virtio-vga,bus=rp1 -device bochs-display,bus=pcie.0",
        kernel: "",
        job: "
run before vbench info --json
for device in /sys/bus/pci/devices/*; do
	[ $(cat $device/class) = 0x030000 ] && gpu=$(readlink -f $device)
done
# An NVIDIA H200 as far as these files go, on a link of 32 GT/s that runs at a quarter of its width.
for file in vendor=0x10de device=0x2335 class=0x030200 \
	'current_link_speed=32.0 GT/s PCIe' 'max_link_speed=32.0 GT/s PCIe' \
	current_link_width=4 max_link_width=16; do
	echo \"${file#*=}\" >/tmp/${file%%=*}
	mount --bind /tmp/${file%%=*} $gpu/${file%%=*}
done
run info vbench info --json
run shown vbench info
",
    };
    let Some(left) = guest.boot() else { return };
    let before = serde_json::from_str(&left.printed("before")).expect("facts as JSON");
    assert_eq!(fact(&before, "gpu.count"), "0");
    let facts = left.facts();
    assert_eq!(fact(&facts, "gpu.count"), "1");
    assert_eq!(fact(&facts, "gpu.0.model"), "NVIDIA H200");
    assert_eq!(fact(&facts, "gpu.0.node"), "1");
    assert_eq!(fact(&facts, "gpu.0.local_cpus"), "1");
    assert_eq!(fact(&facts, "gpu.0.link_width"), "4");
    assert_eq!(fact(&facts, "gpu.0.link_width_max"), "16");
    assert_eq!(fact(&facts, "gpu.0.upstream.0.link_speed_max"), "16000000000");
    assert!(fact(&facts, "gpu.0.path_to_root").contains("pci0000:80"), "{facts:?}");
    assert!(left.printed("shown").contains("H200"));
}

/// With one CPU and a clock that counts instructions, time is a function of the code. A load of the
/// chase is one `mov`, and 31 loads share two instructions for the turn: 33 / 31 instructions each,
/// of 2 ns with `shift=1`, and of 4 ns with `shift=2`. What is left is the kernel's timer interrupt.
#[test]
#[ignore = "boots a guest"]
fn one_cpu_that_counts_instructions() {
    let job = "
run info vbench info --json
run chase vbench run --exact latency::pointer_chase/order=random,size=4KiB --samples 3 --launches 1 \\
	--time 5ms --seed 1 --config exact --out /out/results
run ring vbench run --test --exact collective::all_reduce
";
    let (kernel, name) = ("", ["two-nanoseconds", "four-nanoseconds"]);
    let machine = [
        "-accel tcg,thread=single -icount shift=1,sleep=off -M q35 -cpu max -smp 1 -m 256",
        "-accel tcg,thread=single -icount shift=2,sleep=off -M q35 -cpu max -smp 1 -m 256",
    ];
    for (guest, instruction) in [2e-9, 4e-9].into_iter().enumerate() {
        let guest = Guest { name: name[guest], machine: machine[guest], kernel, job };
        let Some(left) = guest.boot() else { return };
        assert_eq!(fact(&left.facts(), "cpu.count.online"), "1");
        let results = left.run("exact");
        let repeats = &results.cases[0].launches[0].repeats;
        assert_eq!(repeats.len(), 3);
        for repeat in repeats {
            let instructions = repeat.values["latency"] / instruction;
            let off = instructions / (33.0 / 31.0) - 1.0;
            assert!((0.0..0.015).contains(&off), "{instructions} instructions for a load");
        }
        let ring = left.printed("ring");
        assert!(ring.contains("an all-reduce needs 2 CPUs, 1 allowed"), "{ring}");
    }
}
