//! Runs a declared program and reads its output.

use super::{External, Parse};
use crate::axis::Params;
use crate::bencher::{Bencher, Recorded, Stop};
use regex::Regex;
use std::process::{Command, Stdio};
use std::time::Instant;
use vbench_results::Values;

/// Runs the program once per repeat; what it says is the result.
///
/// # Errors
/// It cannot be started, fails, or its output is not what the declaration says.
pub fn execute(
    external: &External,
    bencher: &mut Bencher,
    params: &Params,
) -> Result<Recorded, Stop> {
    let command = command_line(external, params);
    bencher.fact("command", command.join(" "));
    let mut failure = None;
    let samples = bencher.record(|| {
        if failure.is_some() {
            return Vec::new();
        }
        once(external, &command, params).unwrap_or_else(|error| {
            failure = Some(error);
            Vec::new()
        })
    });
    match failure {
        Some(error) => Err(Stop::Fail(error)),
        None => Ok(samples),
    }
}

fn command_line(external: &External, params: &Params) -> Vec<String> {
    external.run.iter().map(|argument| filled(argument, params, str::to_owned)).collect()
}

/// `text` with every `{axis}` replaced by its value.
fn filled(text: &str, params: &Params, write: impl Fn(&str) -> String) -> String {
    params.0.iter().fold(text.to_owned(), |text, (axis, value)| {
        text.replace(&format!("{{{axis}}}"), &write(value))
    })
}

fn once(external: &External, command: &[String], params: &Params) -> Result<Vec<Values>, String> {
    let env = external.env.iter().map(|(name, value)| (name, filled(value, params, str::to_owned)));
    let started = Instant::now();
    let output = Command::new(&command[0])
        .args(&command[1..])
        .envs(env)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start {}: {error}", command[0]))?;
    let elapsed = started.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let last = complaint.lines().chain(said.lines()).rfind(|line| !line.trim().is_empty());
        return Err(format!(
            "{} ended with {}: {}",
            command[0],
            output.status,
            last.unwrap_or("no output")
        ));
    }
    if let Some(check) = &external.check {
        let pattern = regex(check, params)?;
        if !pattern.is_match(&said) {
            return Err(format!("check failed: the output does not match {check:?}"));
        }
    }
    read(external, &said, params, elapsed)
}

fn read(
    external: &External,
    said: &str,
    params: &Params,
    elapsed: f64,
) -> Result<Vec<Values>, String> {
    let samples = match &external.parse {
        Parse::WallTime => vec![Values::from([("time".to_owned(), elapsed)])],
        Parse::Groups(pattern) => by_groups(external, said, &regex(pattern, params)?)?,
        Parse::JsonLines => by_lines(external, said)?,
    };
    if samples.is_empty() {
        return Err("the output holds no value: parse matches nothing".to_owned());
    }
    Ok(samples)
}

fn regex(pattern: &str, params: &Params) -> Result<Regex, String> {
    Regex::new(&filled(pattern, params, regex::escape)).map_err(|error| error.to_string())
}

fn by_groups(external: &External, said: &str, pattern: &Regex) -> Result<Vec<Values>, String> {
    let sample = |captures: regex::Captures<'_>| {
        let text = |name: &str| captures.name(name).map(|group| group.as_str().replace(',', ""));
        values(external, |name| match text(name) {
            None => Ok(None),
            Some(text) => {
                text.parse().map(Some).map_err(|_| format!("{name} is {text:?}, not a number"))
            }
        })
    };
    pattern.captures_iter(said).map(sample).collect()
}

fn by_lines(external: &External, said: &str) -> Result<Vec<Values>, String> {
    let objects = said.lines().filter_map(|line| serde_json::from_str(line.trim()).ok());
    let sample = |object: serde_json::Map<String, serde_json::Value>| {
        values(external, |name| match object.get(name) {
            None => Ok(None),
            Some(value) => {
                value.as_f64().map(Some).ok_or_else(|| format!("{name} is {value}, not a number"))
            }
        })
    };
    objects.map(sample).collect()
}

/// One sample in base units. A metric that the output leaves out has no value; all left out is an error.
fn values(
    external: &External,
    find: impl Fn(&str) -> Result<Option<f64>, String>,
) -> Result<Values, String> {
    let mut sample = Values::new();
    for read in &external.metrics {
        let name = &read.metric.name;
        match find(name)? {
            Some(value) if value.is_finite() => {
                sample.insert(name.clone(), value * read.factor);
            }
            Some(value) => return Err(format!("{name} is {value}, not a number")),
            None => {}
        }
    }
    if sample.is_empty() {
        return Err("a sample holds none of the declared metrics".to_owned());
    }
    Ok(sample)
}
