//! What benchmarks, sections and changes are called on the page.

use super::view::{Cell, Line};
use crate::compare::{Verdict, Why};
use crate::report::number::digits;
use std::collections::BTreeMap;
use vbench_results::{Better, CaseId};

/// A chapter of the page.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chapter {
    /// Bandwidth and latency.
    Memory,
    /// Throughput, jitter, core to core.
    Cpu,
    /// Kernels and copies.
    Gpu,
    /// Operations of several GPUs or processes.
    Collectives,
    /// Any other kind.
    Other(String),
}

impl Chapter {
    /// Where a benchmark belongs.
    pub fn of(kind: &str, benchmark: &str) -> Self {
        let function = benchmark.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| function.contains(word));
        if has(&[
            "allreduce",
            "all_reduce",
            "allgather",
            "all_gather",
            "reduce_scatter",
            "alltoall",
        ]) {
            return Self::Collectives;
        }
        match kind.to_lowercase().as_str() {
            "memory" | "latency" | "numa" => Self::Memory,
            "cpu" | "jitter" | "scheduler" | "placement" => Self::Cpu,
            "gpu" | "pcie" | "copy" => Self::Gpu,
            "collective" | "collectives" | "nccl" | "rccl" | "mpi" => Self::Collectives,
            _ => Self::Other(kind.to_owned()),
        }
    }

    /// Its heading.
    pub fn title(&self) -> String {
        match self {
            Self::Memory => "Memory".to_owned(),
            Self::Cpu => "CPU".to_owned(),
            Self::Gpu => "GPU and PCIe".to_owned(),
            Self::Collectives => "Collectives".to_owned(),
            Self::Other(kind) => sentence(&kind.replace(['_', '-'], " ")),
        }
    }

    /// Why it matters, in one line.
    pub fn question(&self) -> &'static str {
        match self {
            Self::Memory => "How fast memory is, and where each cache ends.",
            Self::Cpu => "How much the vCPUs get done, and what keeps them from it.",
            Self::Gpu => "Kernels depend on the GPU alone; copies cross the vCPU's memory.",
            Self::Collectives => {
                "What GPUs or processes exchange: large messages show bandwidth, small ones latency."
            }
            Self::Other(_) => "Measured by your own benchmarks.",
        }
    }
}

/// Words that keep their own spelling.
const SPELT: &[(&str, &str)] = &[
    ("stream", "STREAM"),
    ("allreduce", "all-reduce"),
    ("all reduce", "all-reduce"),
    ("busbw", "bus bandwidth"),
    ("algbw", "algorithm bandwidth"),
    ("h2d", "host to device"),
    ("d2h", "device to host"),
    ("d2d", "device to device"),
    ("c2c", "core to core"),
    ("cpu", "CPU"),
    ("vcpu", "vCPU"),
    ("gpu", "GPU"),
    ("pcie", "PCIe"),
    ("numa", "NUMA"),
    ("nccl", "NCCL"),
    ("rccl", "RCCL"),
    ("mpi", "MPI"),
    ("sysbench", "sysbench"),
    ("mem", "memory"),
    ("hi", "(upper end)"),
    ("lo", "(lower end)"),
];

/// `STREAM triad`, `Pointer chase latency`: the function and the metric, once each.
pub fn name(case: &CaseId, metric: &str) -> String {
    let function = case.benchmark.rsplit("::").next().unwrap_or_default();
    let (function, metric) = (spelt(function), spelt(metric));
    if function.to_lowercase().ends_with(&metric.to_lowercase()) {
        return sentence(&function);
    }
    // What the function ends with, the metric need not say again.
    let last = function.split(' ').next_back().unwrap_or_default();
    let own = metric.strip_prefix(last).and_then(|rest| rest.strip_prefix(' ')).unwrap_or(&metric);
    sentence(format!("{function} {own}").trim())
}

/// A name of code as words.
pub fn spelt(name: &str) -> String {
    let plain = name.replace(['_', '-'], " ");
    let plain = plain.replace("all reduce", "allreduce");
    let word = |word: &str| {
        let known = SPELT.iter().find(|(code, _)| *code == word);
        known.map_or_else(|| word.to_owned(), |(_, spelling)| (*spelling).to_owned())
    };
    plain.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

/// With a capital letter, unless the word has capitals of its own.
pub fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    match rest.next() {
        Some(first) => first.to_uppercase().chain(rest).collect(),
        None => String::new(),
    }
}

/// `random, 512 MiB`: the axis values, sizes with a space before their unit.
pub fn detail(case: &CaseId) -> String {
    let value = |(axis, value): (&String, &String)| match axis.as_str() {
        "size" | "bytes" | "order" | "stores" | "dtype" | "case" => spaced(value),
        _ => format!("{} {}", axis.replace('_', " "), spaced(value)),
    };
    case.params.iter().map(value).collect::<Vec<_>>().join(", ")
}

/// `512MiB` as `512 MiB`; other texts as they are.
pub fn spaced(value: &str) -> String {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = value.split_at(digits);
    let is_size = ["B", "KiB", "MiB", "GiB", "TiB"].contains(&unit);
    if digits > 0 && is_size { format!("{number} {unit}") } else { value.to_owned() }
}

/// Lines that would be called the same also name their module.
pub fn tell_apart(lines: &mut [Line]) {
    let mut seen: BTreeMap<(String, String), usize> = BTreeMap::new();
    for line in lines.iter() {
        *seen.entry((line.name.clone(), line.detail.clone())).or_default() += 1;
    }
    for line in lines {
        if seen.get(&(line.name.clone(), line.detail.clone())).is_some_and(|count| *count > 1) {
            let module = line.case.benchmark.rsplit_once("::").map_or("", |(module, _)| module);
            let module = crate::report::table::inert(module);
            line.detail = [module, line.detail.clone()].join(" ").trim().to_owned();
        }
    }
}

/// The order of lines on the page: chapters, kinds, benchmarks, axis values as numbers.
pub fn order(line: &Line) -> impl Ord + use<> {
    let params = line.case.params.iter();
    let params = params.map(|(axis, value)| (axis.clone(), rank(value), value.clone()));
    let params: Vec<(String, u64, String)> = params.collect();
    // Metrics in the order of their names, but the decided before the informative.
    (
        Chapter::of(&line.kind, &line.case.benchmark),
        line.kind.clone(),
        line.case.benchmark.clone(),
        params,
        line.metric.role as u8,
        line.metric.name.clone(),
    )
}

/// A number to sort texts by: sizes and counts by their value.
pub fn rank(value: &str) -> u64 {
    let size = value.parse::<crate::quantity::Bytes>().ok().map(|bytes| bytes.0);
    size.or_else(|| value.parse::<f64>().ok().map(|number| (number.max(0.0) * 1e3) as u64))
        .unwrap_or(u64::MAX)
}

/// `GB/s, higher is better`.
pub fn unit_and_direction(line: &Line) -> String {
    let direction = match line.metric.better {
        Better::Higher => "higher is better",
        Better::Lower => "lower is better",
    };
    if line.shown.1.is_empty() {
        direction.to_owned()
    } else {
        format!("{}, {direction}", line.shown.1)
    }
}

/// `7.26× higher`, `28% lower`: percent below a factor of two, a decimal below ten percent.
pub fn change(ratio: f64) -> String {
    if ratio >= 2.0 {
        return format!("{}\u{d7} higher", digits(ratio));
    }
    let percent = 100.0 * (ratio - 1.0).abs();
    let text = if percent < 9.95 { format!("{percent:.1}%") } else { format!("{percent:.0}%") };
    match text.as_str() {
        "0.0%" => text,
        _ => format!("{text} {}", if ratio > 1.0 { "higher" } else { "lower" }),
    }
}

/// What a cell says below its number.
pub fn verdict(cell: &Cell) -> String {
    let Some(verdict) = cell.verdict else { return "baseline".to_owned() };
    let sign = verdict.sign();
    match (verdict, cell.ratio) {
        (Verdict::Improvement | Verdict::Regression, Some(ratio)) => {
            format!("{sign} {}", change(ratio))
        }
        (verdict, _) => format!("{sign} {}", verdict.word()),
    }
}

/// `-30 to -26%`, or as factors where the change may be one.
pub fn range(low: f64, high: f64) -> String {
    if high >= 2.0 {
        return format!("{} to {}\u{d7}", digits(low), digits(high));
    }
    format!("{:+.1} to {:+.1}%", 100.0 * (low - 1.0), 100.0 * (high - 1.0))
}

/// Why a difference is unclear, and what would settle it.
pub fn unclear(cell: &Cell, unit: &str) -> String {
    match (cell.why, cell.need, cell.among) {
        (Some(Why::Unreplicated), ..) => format!("1 {unit} a side: more are needed"),
        (Some(Why::ZeroVariance), ..) => "no spread: it cannot be tested".to_owned(),
        (Some(Why::NotExact), ..) => "the values do not repeat".to_owned(),
        (Some(Why::Drift), ..) => "not measured in turns: the host may have drifted".to_owned(),
        (.., Some(tests)) => format!("real alone, not among {tests} differences"),
        (_, Some(need), _) if need <= cell.least => "close to the margin".to_owned(),
        (_, Some(need), _) => format!("about {need} {} a side would settle it", plural(unit)),
        (_, None, _) => format!("over 1000 {} a side would be needed", plural(unit)),
    }
}

fn plural(unit: &str) -> &'static str {
    if unit == "boot" { "boots" } else { "launches" }
}

/// The factor and symbol that suit `value`, harmless and with the sign for micro.
pub fn prefixed(value: f64, unit: &vbench_results::Unit) -> (f64, String) {
    let (factor, symbol) = crate::report::number::prefixed(value, unit);
    let symbol = crate::report::table::inert(&symbol);
    let micro = factor == 1e-6 && symbol.starts_with('u');
    (factor, if micro { symbol.replacen('u', "\u{b5}", 1) } else { symbol })
}

/// A part of an element's id: letters, digits and hyphens.
pub fn slug(text: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let slug: String = text.chars().take(40).map(safe).collect();
    let slug = slug.trim_matches('-').to_owned();
    if slug.is_empty() { "x".to_owned() } else { slug }
}

#[cfg(test)]
mod tests {
    use super::{change, detail, name, range, spaced};

    #[test]
    fn names_read_as_words() {
        let read = |id: &str, metric: &str| name(&id.parse().unwrap(), metric);
        assert_eq!(read("memory::stream/stores=cached", "triad"), "STREAM triad");
        assert_eq!(read("latency::pointer_chase", "latency"), "Pointer chase latency");
        assert_eq!(read("study::mem_latency", "latency"), "Memory latency");
        assert_eq!(read("gpu::all_reduce", "busbw"), "All-reduce bus bandwidth");
        assert_eq!(read("study::mem_latency", "latency_hi"), "Memory latency (upper end)");
        assert_eq!(
            detail(&"a::b/order=random,size=512MiB,threads=2".parse().unwrap()),
            "random, 512 MiB, threads 2"
        );
        assert_eq!((spaced("4KiB"), spaced("default")), ("4 KiB".into(), "default".into()));
    }

    #[test]
    fn changes_are_percent_below_two_and_factors_above() {
        let read: Vec<String> = [7.265, 1.28, 0.721, 0.426, 1.0, 1.0004, 1.05].map(change).into();
        assert_eq!(
            read,
            [
                "7.26\u{d7} higher",
                "28% higher",
                "28% lower",
                "57% lower",
                "0.0%",
                "0.0%",
                "5.0% higher"
            ]
        );
        assert_eq!(range(0.7, 0.74), "-30.0 to -26.0%");
        assert_eq!(range(7.1, 7.4), "7.10 to 7.40\u{d7}");
    }
}
