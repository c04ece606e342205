//! sysbench 1.0: the text of `sysbench cpu run` and `sysbench memory run`.
//!
//! One run prints one rate over its whole time: one launch with one repeat.

use super::draft::{BANDWIDTH, EVENTS, Measure, PLAIN, TIME, case};
use super::lines::{Lines, Printed, expected, number_in};
use super::{Draft, Fault};
use vbench_results::Better::{Higher, Lower};

/// Reads one run.
///
/// # Errors
/// The line that is not what sysbench prints there, or the end of a text that is cut short.
pub fn read(text: &str, _name: &str) -> Result<Draft, Fault> {
    let lines = Lines::new(text);
    let version = version(&lines)?;
    let threads = lines.number("Number of threads", "")?.value;
    let mut draft = Draft::new("sysbench", &version);
    draft.fact("source.threads", threads as i64);
    draft.unknown("source.repeats", "sysbench prints one rate over the whole run");
    let threads = format!("{threads}");
    let fairness = fairness(&lines)?;
    if lines.labelled("events per second").is_some() {
        cpu(&mut draft, &lines, &threads, fairness)?;
    } else {
        memory(&mut draft, &lines, &threads)?;
    }
    Ok(draft)
}

fn version(lines: &Lines<'_>) -> Result<String, Fault> {
    let first = lines.numbered().find(|(_, line)| line.starts_with("sysbench "));
    let Some((_, line)) = first else {
        let (number, found) = lines.numbered().next().unwrap_or((1, ""));
        return Err(expected(number, "\"sysbench VERSION (using ...)\"", found));
    };
    Ok(line.split(" (").next().unwrap_or(line).trim().to_owned())
}

/// `events (avg/stddev):  5173.0000/2.00`: the deviation over the mean.
fn fairness(lines: &Lines<'_>) -> Result<f64, Fault> {
    let found = lines.labelled("events (avg/stddev)");
    let (line, text) = found.ok_or_else(|| lines.cut("events (avg/stddev):"))?;
    let (mean, deviation) =
        text.split_once('/').ok_or_else(|| expected(line, "mean/deviation", text))?;
    let mean = number_in(line, "a mean", mean)?.value;
    let deviation = number_in(line, "a deviation", deviation)?.value;
    // Printed after it, so a text that has it is whole.
    lines.labelled("execution time (avg/stddev)").ok_or_else(|| lines.cut("execution time"))?;
    Ok(if mean > 0.0 { deviation / mean } else { 0.0 })
}

fn cpu(draft: &mut Draft, lines: &Lines<'_>, threads: &str, fairness: f64) -> Result<(), Fault> {
    let rate = lines.number("events per second", "")?;
    let limit = lines.number("Prime numbers limit", "")?.value;
    let id = case("sysbench::cpu", &[("limit", &format!("{limit}")), ("threads", threads)]);
    let mut measures = vec![Measure::new("rate", EVENTS, Higher, rate, 1.0)];
    measures.extend(latencies(lines)?);
    let fairness = Printed { value: fairness, step: 0.0 };
    measures.push(Measure::new("fairness", PLAIN, Lower, fairness, 1.0).info());
    draft.launch(id, "cpu", measures);
    Ok(())
}

fn latencies(lines: &Lines<'_>) -> Result<Vec<Measure>, Fault> {
    let wanted = [
        ("min", "event_min"),
        ("avg", "event_mean"),
        ("max", "event_max"),
        ("95th percentile", "event_p95"),
    ];
    let read = |(label, name): (&str, &str)| {
        let value = lines.number(label, "")?;
        Ok(Measure::new(name, TIME, Lower, value, 1e-3).info())
    };
    wanted.into_iter().map(read).collect()
}

fn memory(draft: &mut Draft, lines: &Lines<'_>, threads: &str) -> Result<(), Fault> {
    let option = |label: &str| {
        let found = lines.labelled(label).ok_or_else(|| lines.cut(&format!("{label}:")))?;
        Ok(found.1.to_owned())
    };
    let (operation, block) = (option("operation")?, option("block size")?);
    let scope = option("scope")?;
    let moved = lines.numbered().find(|(_, line)| line.contains("MiB transferred"));
    let (line, text) = moved.ok_or_else(|| lines.cut("MiB transferred (... MiB/sec)"))?;
    let rate = text.split_once('(').and_then(|(_, rest)| rest.trim().strip_suffix("MiB/sec)"));
    let rate = rate.ok_or_else(|| expected(line, "(RATE MiB/sec)", text))?;
    let rate = number_in(line, "a rate in MiB/sec", rate)?;
    let params = [
        ("block", block.as_str()),
        ("operation", operation.as_str()),
        ("scope", scope.as_str()),
        ("threads", threads),
    ];
    let measure = Measure::new("bandwidth", BANDWIDTH, Higher, rate, f64::from(1 << 20));
    draft.launch(case("sysbench::memory", &params), "memory", vec![measure]);
    Ok(())
}
