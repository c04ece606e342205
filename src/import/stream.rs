//! STREAM: the text of stream.c 5.10 and its descendants with the same table.
//!
//! The best rate of NTIMES is all that is printed of the repeats: one value, with a best estimator.

use super::draft::{BANDWIDTH, Measure, TIME, case};
use super::lines::{Lines, expected, number_in};
use super::{Draft, Fault};
use vbench_results::Better::{Higher, Lower};
use vbench_results::Outcome;

const KERNELS: [(&str, &str); 4] =
    [("Copy:", "copy"), ("Scale:", "scale"), ("Add:", "add"), ("Triad:", "triad")];

/// Reads one run.
///
/// # Errors
/// The line that is not what STREAM prints there, or the end of a text that is cut short.
pub fn read(text: &str, _name: &str) -> Result<Draft, Fault> {
    let mut lines = Lines::new(text);
    let (line, version) = lines
        .numbered()
        .find(|(_, line)| line.starts_with("STREAM version"))
        .ok_or_else(|| lines.cut("STREAM version"))?;
    let version = version.replace('$', "").replace("Revision:", "");
    let version = version.split_whitespace().collect::<Vec<_>>().join(" ");
    if version == "STREAM version" {
        return Err(expected(line, "a version", &version));
    }
    let mut draft = Draft::new("stream", &version);
    let elements = size(&lines)?;
    let repeats = lines.numbered().find_map(|(_, line)| {
        line.strip_prefix("Each kernel will be executed ")?.split_whitespace().next()?.parse().ok()
    });
    match repeats {
        Some(repeats) => {
            let repeats: i64 = repeats;
            let reason = format!("{repeats} repeats, of which only the best is printed");
            draft.unknown("source.repeats", &reason);
        }
        None => draft.unknown("source.repeats", "the source does not say of how many it is best"),
    }
    let threads = lines.number("Number of Threads counted", "");
    let threads = threads.or_else(|_| lines.number("Number of Threads requested", ""));
    let mut params = vec![("elements", elements)];
    match threads {
        Ok(threads) => params.push(("threads", format!("{}", threads.value))),
        Err(_) => draft.unknown("source.threads", "compiled without OpenMP, or not printed"),
    }
    let params: Vec<(&str, &str)> =
        params.iter().map(|(axis, value)| (*axis, value.as_str())).collect();
    let id = case("stream::stream", &params);
    let measures = table(&mut lines)?;
    draft.launch(id.clone(), "memory", measures);
    draft.best(&id);
    validate(&lines, &mut draft)?;
    Ok(draft)
}

/// `Array size = 80000000 (elements), Offset = 0 (elements)`.
fn size(lines: &Lines<'_>) -> Result<String, Fault> {
    let (line, text) =
        lines.labelled("Array size").ok_or_else(|| lines.cut("Array size = N (elements)"))?;
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    if digits.is_empty() { Err(expected(line, "a number of elements", text)) } else { Ok(digits) }
}

fn table(lines: &mut Lines<'_>) -> Result<Vec<Measure>, Fault> {
    let header = ["Function", "Best", "Rate", "MB/s", "Avg", "time", "Min", "time", "Max", "time"];
    let at = lines.numbered().find(|(_, line)| line.starts_with("Function"));
    let (line, text) = at.ok_or_else(|| lines.cut("Function    Best Rate MB/s  Avg time"))?;
    if !text.split_whitespace().eq(header) {
        return Err(expected(line, &header.join(" "), text));
    }
    let mut measures = Vec::new();
    for (offset, (label, name)) in KERNELS.iter().enumerate() {
        let found = lines.numbered().nth(line + offset);
        let (number, row) = found.ok_or_else(|| lines.cut(label))?;
        let cells: Vec<&str> = row.split_whitespace().collect();
        let [first, rate, mean, least, most] = cells[..] else {
            return Err(expected(number, &format!("{label} and four numbers"), row));
        };
        if first != *label {
            return Err(expected(number, label, row));
        }
        let rate = number_in(number, "a rate", rate)?;
        measures.push(Measure::new(name, BANDWIDTH, Higher, rate, 1e6));
        for (suffix, cell) in [("mean_time", mean), ("min_time", least), ("max_time", most)] {
            let time = number_in(number, "a time", cell)?;
            let name = format!("{name}_{suffix}");
            measures.push(Measure::new(&name, TIME, Lower, time, 1.0).info());
        }
    }
    Ok(measures)
}

/// Results that failed STREAM's own check are no results.
fn validate(lines: &Lines<'_>, draft: &mut Draft) -> Result<(), Fault> {
    if lines.numbered().any(|(_, line)| line.starts_with("Solution Validates")) {
        return Ok(());
    }
    let failed = lines.numbered().find(|(_, line)| line.contains("Failed Validation"));
    let (_, text) = failed.ok_or_else(|| lines.cut("Solution Validates"))?;
    let reason = format!("STREAM says: {}", text.trim());
    for launch in draft.cases.iter_mut().flat_map(|case| &mut case.launches) {
        launch.outcome = Outcome::Failed { reason: reason.clone() };
        launch.repeats.clear();
    }
    Ok(())
}
