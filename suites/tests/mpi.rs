//! The all-reduce between processes, under Open MPI's launcher: on this host, and on two hosts that
//! are network namespaces joined by a virtual cable.
//!
//! Where the launcher is missing, a test says so and passes, unless `VBENCH_REQUIRE_MPI` is set; the
//! same of the right to make network namespaces and `VBENCH_REQUIRE_TWO_HOSTS`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::tempdir;
use vbench_results::{CaseResult, Outcome, ResultSet};

const PROGRAM: &str = env!("CARGO_BIN_EXE_vbench");
/// More ranks than CPUs, as root, and yielding while they wait.
const ALLOWED: [(&str, &str); 4] = [
    ("OMPI_ALLOW_RUN_AS_ROOT", "1"),
    ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"),
    ("OMPI_MCA_rmaps_base_oversubscribe", "1"),
    ("OMPI_MCA_mpi_yield_when_idle", "1"),
];
const TINY: [&str; 8] =
    ["--samples", "2", "--time", "1ms", "--axis", "size=8,64K", "--config", "mpi"];

fn launcher(command: &str) -> Command {
    let mut command = Command::new(command);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("VBENCH_")) {
        command.env_remove(name);
    }
    command.envs(ALLOWED);
    command
}

/// False, said aloud, where there is no launcher.
fn launches() -> bool {
    let found = launcher("mpirun").args(["-n", "1", "true"]).output();
    let works = found.is_ok_and(|output| output.status.success());
    let lack = "mpirun is not installed or starts nothing (Debian: openmpi-bin)";
    there("VBENCH_REQUIRE_MPI", works, lack)
}

/// Whether something works that `required`, a variable, may make a condition of passing.
fn there(required: &str, works: bool, what: &str) -> bool {
    assert!(works || std::env::var_os(required).is_none(), "{what}");
    if !works {
        eprintln!("skipped: {what}");
    }
    works
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// The only run under `out`: one rank stored it, the others did not.
fn stored(out: &Path) -> ResultSet {
    let systems = children(out);
    let runs: Vec<_> = systems.iter().flat_map(|system| children(&system.join("mpi"))).collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
    ResultSet::read(&runs[0].join("result.json")).unwrap()
}

fn noted(case: &CaseResult, fact: &str) -> String {
    case.launches[0].facts.get(fact).unwrap_or_else(|| panic!("{case:?}")).to_string()
}

fn measured(results: &ResultSet, ranks: usize) {
    assert_eq!(results.cases.len(), 2);
    for case in &results.cases {
        assert_eq!(case.launches.len(), 1);
        assert_eq!(case.launches[0].outcome, Outcome::Measured);
        assert_eq!(noted(case, "ranks"), ranks.to_string());
        let values = &case.launches[0].repeats[1].values;
        let busbw = values["algbw"] * 2.0 * (ranks as f64 - 1.0) / ranks as f64;
        assert!((values["busbw"] / busbw - 1.0).abs() < 1e-12, "{values:?}");
    }
}

fn run(mut command: Command, out: &Path, extra: &[&str]) -> Output {
    command.args([PROGRAM, "run", "collective::mpi"]).args(TINY).args(extra);
    let output = command.arg("--out").arg(out).output().unwrap();
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}: {said}");
    output
}

#[test]
fn ranks_of_one_host_store_one_result() {
    if !launches() {
        return;
    }
    for ranks in [2, 4] {
        let out = tempdir().unwrap();
        let mut command = launcher("mpirun");
        command.args(["-n", &ranks.to_string()]);
        let output = run(command, out.path(), &[]);
        let said = text(&output.stdout);
        assert_eq!(said.matches("stored in").count(), 1, "{said}");
        let results = stored(out.path());
        measured(&results, ranks);
        let hosts = noted(&results.cases[0], "hosts");
        assert!(hosts.ends_with(&format!(": {ranks} ranks")), "{hosts}");
        assert!(noted(&results.cases[0], "library").contains("MPI"));
    }
}

#[test]
fn redacted_results_name_no_host() {
    if !launches() {
        return;
    }
    let out = tempdir().unwrap();
    let mut command = launcher("mpirun");
    command.args(["-n", "2"]);
    run(command, out.path(), &["--redact"]);
    assert!(!stored(out.path()).cases[0].launches[0].facts.contains_key("hosts"));
}

#[test]
fn the_list_of_one_rank_calls_ready_only_what_would_run() {
    let mut list = launcher(PROGRAM);
    list.args(["list", "--format", "json"]);
    let alone = text(&list.output().unwrap().stdout);
    let rank = [("OMPI_COMM_WORLD_RANK", "0"), ("OMPI_COMM_WORLD_SIZE", "2")];
    let ranked = text(&list.envs(rank).output().unwrap().stdout);
    let left_out = "measures one process, and 2 were launched";
    assert!(!alone.contains(left_out) && ranked.contains(left_out), "{ranked}");
    let of_one = |line: &&str| line.contains("\"collective::mpi::all_reduce\"");
    assert!(ranked.lines().filter(of_one).all(|line| !line.contains(left_out)), "{ranked}");
}

#[test]
fn what_measures_one_process_is_left_out_under_a_launcher() {
    if !launches() {
        return;
    }
    let mpirun = |arguments: &[&str]| {
        let output = launcher("mpirun").args(["-n", "2", PROGRAM, "run"]).args(arguments).output();
        let output = output.unwrap();
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    };
    let (code, said) = mpirun(&["--test", "cpu::prime"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("ignored, measures one process, and 2 were launched"), "{said}");
    assert_eq!(said.matches("test result").count(), 1, "{said}");
    let (code, said) = mpirun(&["collective::mpi", "--until-precision", "1%"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("2 were launched by Open MPI"), "{said}");
}

#[test]
fn without_a_launcher_it_is_skipped_with_what_to_do() {
    let output = launcher(PROGRAM).args(["run", "--test", "collective::mpi"]).output().unwrap();
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("ignored, started without an MPI launcher: mpirun -n 2"), "{said}");
}

#[test]
fn a_library_that_cannot_be_opened_is_a_skip_with_its_name() {
    let mut command = launcher(PROGRAM);
    command.envs([("PMI_RANK", "0"), ("PMI_SIZE", "2"), ("VBENCH_MPI_LIBRARY", "libno-such.so")]);
    let output = command.args(["run", "--test", "collective::mpi"]).output().unwrap();
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("no MPI library") && said.contains("libno-such.so"), "{said}");
}

/// Makes two namespaces `a` and `b` with a cable between them, runs what follows in `a`, and starts
/// what Open MPI wants to run on the other host in `b`. Names, hosts file and namespaces end with it.
const TWO_HOSTS: &str = r#"
set -e
a=vbench-a-$$ b=vbench-b-$$ work=$1
shift
trap 'ip netns delete $a; ip netns delete $b' EXIT
ip netns add $a
ip netns add $b
ip link add veth0 netns $a type veth peer name veth0 netns $b
ip -n $a address add 10.113.0.1/24 dev veth0
ip -n $b address add 10.113.0.2/24 dev veth0
for host in $a $b; do
	ip -n $host link set lo up
	ip -n $host link set veth0 up
done
printf '127.0.0.1 localhost\n10.113.0.1 host-a\n10.113.0.2 host-b\n' >"$work/hosts"
# on NAMESPACE NAME COMMAND..: as a host of that name.
cat >"$work/on" <<END
#!/bin/sh
namespace=\$1
shift
exec ip netns exec \$namespace unshare --uts --mount sh -c '
	hostname "\$1"; mount --bind $work/hosts /etc/hosts; shift; exec "\$@"' sh "\$@"
END
# Open MPI's way to another host: AGENT HOST COMMAND.., a line for a shell there.
cat >"$work/agent" <<END
#!/bin/sh
shift
exec $work/on $b host-b sh -c "\$*"
END
chmod +x "$work/on" "$work/agent"
"$work/on" $a host-a mpirun --host host-a:1,host-b:1 --mca plm_rsh_agent "$work/agent" \
	--mca btl tcp,self --mca btl_tcp_if_include veth0 --mca oob_tcp_if_include veth0 -n 2 "$@"
"#;

#[test]
fn ranks_of_two_hosts_store_one_result_that_names_both() {
    let root =
        "ip netns add vbench-try && ip netns delete vbench-try && unshare --uts --mount true";
    let may = Command::new("sh").args(["-c", root]).output();
    let may = may.is_ok_and(|output| output.status.success());
    let lack = "network namespaces need root and iproute2";
    if !launches() || !there("VBENCH_REQUIRE_TWO_HOSTS", may, lack) {
        return;
    }
    let (out, work) = (tempdir().unwrap(), tempdir().unwrap());
    let mut command = launcher("bash");
    command.args(["-c", TWO_HOSTS, "two-hosts"]).arg(work.path());
    run(command, out.path(), &[]);
    let results = stored(out.path());
    measured(&results, 2);
    assert_eq!(noted(&results.cases[0], "hosts"), "host-a: 1 rank, host-b: 1 rank");
}
