//! hyperfine: the JSON of `--export-json`. Each timed run is a process: a launch.

use super::draft::{Measure, TIME, case};
use super::lines::Printed;
use super::{Draft, Fault};
use serde::Deserialize;
use std::collections::BTreeMap;
use vbench_results::Better::Lower;
use vbench_results::{Outcome, Value};

#[derive(Deserialize)]
struct Document {
    results: Vec<Command>,
}

#[derive(Deserialize)]
struct Command {
    command: String,
    #[serde(default)]
    mean: Option<f64>,
    #[serde(default)]
    times: Option<Vec<f64>>,
    #[serde(default)]
    exit_codes: Vec<Option<i32>>,
    #[serde(default)]
    parameters: BTreeMap<String, serde_json::Value>,
}

/// Reads one export.
///
/// # Errors
/// The line that is not what hyperfine writes there, or the end of a text that is cut short.
pub fn read(text: &str, _name: &str) -> Result<Draft, Fault> {
    let document: Document =
        serde_json::from_str(text).map_err(|error| Fault::json(&error, "hyperfine"))?;
    if document.results.is_empty() {
        return Err(Fault::at(1, "expected results, found none"));
    }
    let mut draft = Draft::new("hyperfine", "hyperfine");
    draft.fact("source.design", "runs of one command follow each other: not interleaved");
    for command in &document.results {
        add(&mut draft, command)?;
    }
    Ok(draft)
}

fn add(draft: &mut Draft, command: &Command) -> Result<(), Fault> {
    let id = id_of(command);
    let Some(times) = command.times.as_ref().filter(|times| !times.is_empty()) else {
        let mean = command.mean.ok_or_else(|| {
            Fault::at(1, format!("expected times of {:?}, found none", command.command))
        })?;
        draft.unknown("source.repeats", "the export holds means only, not each run");
        draft.launch(id, "command", vec![time(mean)]);
        return Ok(());
    };
    for (index, seconds) in times.iter().enumerate() {
        match command.exit_codes.get(index) {
            Some(Some(0)) | None => {
                let launch = draft.launch(id.clone(), "command", vec![time(*seconds)]);
                launch.facts.insert("command".to_owned(), Value::from(command.command.as_str()));
            }
            Some(code) => {
                let reason = match code {
                    Some(code) => format!("the command exited with {code}"),
                    None => "the command was killed".to_owned(),
                };
                draft.ended(id.clone(), "command", Outcome::Failed { reason });
            }
        }
    }
    Ok(())
}

/// The command and its parameters, which its text contains as well.
fn id_of(command: &Command) -> vbench_results::CaseId {
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut params: Vec<(String, String)> =
        command.parameters.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    params.push(("command".to_owned(), command.command.clone()));
    let params: Vec<(&str, &str)> =
        params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    case("hyperfine::command", &params)
}

fn time(seconds: f64) -> Measure {
    Measure::new("time", TIME, Lower, Printed { value: seconds, step: 0.0 }, 1.0)
}
