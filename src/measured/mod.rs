//! The topology as a run measured it, beside what the guest claims: cores, last-level caches, node
//! distances, hidden nodes. Pure: a result set in, aspects out.
//!
//! The benchmarks store what they measured per pair or per block as facts of their launches, and
//! the claim beside it, so that a stored run can be judged on any machine.

mod aspect;
mod groups;
mod newest;
mod nodes;
mod pairs;
mod regions;

pub use self::aspect::{Aspect, facts};
pub use self::groups::{Groups, divisions, shared_cores};
pub use self::newest::newest;
pub use self::nodes::CLAIMED_DISTANCE;
pub use self::pairs::{HIGH, LOW, Pairs, rows};
pub use self::regions::{fastest, modes, regions, sweep};

use self::aspect::{listed, restricted, with_hints};
use vbench_results::{CaseResult, Launch, Outcome, ResultSet, Value};

/// Fact of a launch: a table of [`Pairs`].
pub const PAIRS: &str = "pairs";
/// Fact of a launch: rows of latencies, one row per block, one column per CPU: the [`fastest`] of
/// the launch.
pub const BLOCKS: &str = "blocks";
/// Fact of a launch: the bandwidth of reading each block, the highest of the launch.
pub const BLOCK_BANDWIDTHS: &str = "block_bandwidths";
/// Fact of a launch: the groups of CPUs that the guest claims, each as a list such as `0-3`.
pub const CLAIMED: &str = "claimed";

/// The value of the axis `kernel` of interference that fills the memory channels, which CPUs of all
/// cores share: it says nothing about cores.
pub const MEMORY_KERNEL: &str = "memory";
/// The fact about a hypervisor that emulates every instruction, and what it is then.
const HYPERVISOR: &str = "virt.hypervisor";
const EMULATOR: &str = "qemu-tcg";

/// The benchmark behind each aspect.
const CORES: &str = "placement::interference";
const CACHES: &str = "placement::core_to_core";
const REGIONS: &str = "placement::region_map";

/// Everything that the benchmarks of placement say about the topology, measured or not, in the
/// order of [`facts`].
pub fn aspects(results: &ResultSet) -> Vec<Aspect> {
    let cores = shared(results);
    let known = cores.as_ref().and_then(|found| found.groups.clone().ok());
    let mut all = vec![
        cores.map_or_else(|| Aspect::missing("cores", CORES, results), Found::cores),
        caches(results, known.as_deref()),
    ];
    all.push(nodes::distances(results));
    all.push(nodes::bandwidths(results));
    all.push(hidden(results));
    with_hints(match emulated(results) {
        true => all.into_iter().map(Aspect::emulated).collect(),
        false => all,
    })
}

/// An emulator has no cores, caches or nodes of its own: times show how it translates instructions.
fn emulated(results: &ResultSet) -> bool {
    results.environment.value(HYPERVISOR).is_some_and(|name| name.to_string() == EMULATOR)
}

/// Groups of CPUs as measured and as claimed, and the case that says so.
struct Found {
    groups: Result<Groups, String>,
    claimed: Option<Groups>,
    cpus: Vec<usize>,
    source: String,
}

/// The cores, from the first case of interference that was measured.
fn shared(results: &ResultSet) -> Option<Found> {
    let within_cores = |case: &&CaseResult| {
        case.case.params.get("kernel").is_none_or(|kernel| kernel != MEMORY_KERNEL)
    };
    let (case, pairs) = pairs_of(measured_cases(results, CORES).filter(within_cores), HIGH)?;
    let cpus = pairs.cpus();
    let claimed = claimed(case, &cpus);
    Some(Found { groups: shared_cores(&pairs), claimed, cpus, source: case.case.to_string() })
}

impl Found {
    fn cores(self) -> Aspect {
        let claimed = self.claimed.as_ref().map(|groups| several(groups));
        let disagreement = match (&self.groups, &claimed) {
            (Ok(measured), Some(claimed)) if measured != claimed => Some(format!(
                "claimed {}; of {} CPUs measured, {}",
                shares(claimed, "no CPUs that share a core"),
                self.cpus.len(),
                match measured.is_empty() {
                    true => "none slows another".to_owned(),
                    false =>
                        format!("{} slow each other as threads of one core do", listed(measured)),
                },
            )),
            _ => None,
        };
        Aspect {
            name: "cores",
            measured: self.groups.map(texts),
            claimed: claimed.map(texts),
            disagreement,
            source: self.source,
        }
    }
}

/// The last-level caches: the finest division by transfer latency, threads of a core counting once.
fn caches(results: &ResultSet, cores: Option<&[Vec<usize>]>) -> Aspect {
    let Some((case, pairs)) = pairs_of(measured_cases(results, CACHES), LOW) else {
        return Aspect::missing("caches", CACHES, results);
    };
    let cpus = pairs.cpus();
    let claimed = claimed(case, &cpus);
    let measured = domains(&pairs, cores);
    let disagreement = match (&measured, &claimed) {
        // Caches with one core each are equally far from one another: nothing to find.
        (Ok(one), Some(claims)) if one.len() == 1 && all_single(claims, cores) => None,
        (Ok(measured), Some(claimed)) if measured != claimed => Some(format!(
            "claimed {}, measured {}",
            shares(claimed, "no cache"),
            shares(measured, "nothing")
        )),
        _ => None,
    };
    Aspect {
        name: "caches",
        measured: measured.map(texts),
        claimed: claimed.map(texts),
        disagreement,
        source: case.case.to_string(),
    }
}

/// The CPUs by last-level cache. One group where nothing divides them.
fn domains(pairs: &Pairs, cores: Option<&[Vec<usize>]>) -> Result<Groups, String> {
    let cpus = pairs.cpus();
    let units = cpus.len()
        - cores
            .unwrap_or_default()
            .iter()
            .map(|core| core.len() - 1)
            .sum::<usize>()
            .min(cpus.len());
    if units < 3 {
        return Err(format!(
            "{units} cores have one latency between them, and nothing to compare it with"
        ));
    }
    let mut found = divisions(pairs, cores.unwrap_or_default()).into_iter();
    let Some(finest) = found.next() else { return Ok(vec![cpus]) };
    let could_be_cores = cores.is_none() && finest.iter().all(|group| group.len() <= 2);
    match (could_be_cores, found.next()) {
        (false, _) => Ok(finest),
        (true, Some(coarser)) => Ok(coarser),
        (true, None) => Err(format!(
            "{} are near each other as threads of a core or by a cache: {CORES} tells which",
            listed(&several(&finest))
        )),
    }
}

fn all_single(claimed: &[Vec<usize>], cores: Option<&[Vec<usize>]>) -> bool {
    let in_one_core = |cpus: &Vec<usize>| {
        cores.unwrap_or_default().iter().any(|core| cpus.iter().all(|cpu| core.contains(cpu)))
    };
    claimed.iter().all(|group| group.len() == 1 || in_one_core(group))
}

/// Regions of guest memory at different distances, per guest node.
fn hidden(results: &ResultSet) -> Aspect {
    let cases = measured_cases(results, REGIONS);
    let found: Vec<_> = cases.filter_map(|case| Some((case, regions::of_case(case)?))).collect();
    let Some((case, first)) = found.first() else {
        return Aspect::missing("hidden_nodes", REGIONS, results);
    };
    let name = |case: &CaseResult| case.case.params.get("node").cloned().unwrap_or_default();
    let told = |count: usize| match count {
        0 | 1 => "one distance".to_owned(),
        count => format!("{count} distances"),
    };
    let text = |(case, count): &(&CaseResult, Result<usize, String>)| {
        let told = count.as_ref().map_or_else(|why| format!("unknown ({why})"), |n| told(*n));
        format!("node {}: {told}", name(case)).into()
    };
    let hiding: Vec<String> = found
        .iter()
        .filter_map(|(case, count)| Some((case, *count.as_ref().ok().filter(|n| **n > 1)?)))
        .map(|(case, count)| format!("memory of guest node {} lies at {}", name(case), told(count)))
        .collect();
    let known = found.iter().any(|(_, count)| count.is_ok());
    Aspect {
        name: "hidden_nodes",
        measured: match first {
            Err(why) if !known => Err(why.clone()),
            _ => Ok(Value::List(found.iter().map(text).collect())),
        },
        claimed: Some(Value::List(vec!["one distance within each node".into()])),
        disagreement: (!hiding.is_empty())
            .then(|| format!("{}: host nodes that the guest does not see", hiding.join(", "))),
        source: case.case.to_string(),
    }
}

fn pairs_of<'a>(
    mut cases: impl Iterator<Item = &'a CaseResult>,
    q: f64,
) -> Option<(&'a CaseResult, Pairs)> {
    cases.find_map(|case| {
        let tables: Vec<Pairs> = launches(case)
            .filter_map(|launch| Pairs::from_value(launch.facts.get(PAIRS)?))
            .collect();
        let pairs = Pairs::joined(&tables, q);
        (!pairs.is_empty()).then_some((case, pairs))
    })
}

/// The groups that the guest claims, as far as their CPUs were measured.
fn claimed(case: &CaseResult, cpus: &[usize]) -> Option<Groups> {
    let claim = launches(case).find_map(|launch| launch.facts.get(CLAIMED))?;
    restricted(claim, cpus)
}

fn measured_cases<'a>(
    results: &'a ResultSet,
    benchmark: &str,
) -> impl Iterator<Item = &'a CaseResult> {
    let name = benchmark.to_owned();
    results.cases.iter().filter(move |case| case.case.benchmark == name)
}

fn launches(case: &CaseResult) -> impl Iterator<Item = &Launch> {
    case.launches.iter().filter(|launch| launch.outcome == Outcome::Measured)
}

/// The groups of more than one CPU.
fn several(groups: &[Vec<usize>]) -> Groups {
    groups.iter().filter(|group| group.len() > 1).cloned().collect()
}

fn shares(groups: &[Vec<usize>], none: &str) -> String {
    if groups.is_empty() { none.to_owned() } else { listed(groups) }
}

fn texts(groups: Groups) -> Value {
    Value::List(groups.iter().map(|group| crate::host::cpulist::format(group).into()).collect())
}

#[cfg(test)]
mod tests;
