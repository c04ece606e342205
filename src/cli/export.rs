//! `export`: stored runs in the formats of other tools.

use super::output::write_file;
use super::stored::{Configuration, each_run_once, names, whole_configurations};
use super::{Console, Ended, OK};
use crate::compare::Side;
use crate::export::{Document, Export, formats};
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};
use std::path::{Path, PathBuf};

/// Shown below the help.
pub const EXAMPLES: &str = "\
Examples:
  vbench export csv default numa -o samples.csv       every sample of two configurations
  vbench export bencher numa -o bmf.json              then: bencher run --adapter json --file bmf.json
                                                        --testbed my-host --branch numa
  vbench export github-action-benchmark numa -o b.json  writes b-bigger.json and b-smaller.json
  vbench export openmetrics 'my-host/*' -o vbench.prom  for node exporter's textfile collector
  vbench export junit 20260102T0304 -o junit.xml      one run, by the start of its id

Values are typical ones (of a launch) with their 95% interval over launches or boots, in base
units; one launch has no interval. Runs of one configuration are pooled.
Exit codes: 0, or 2 when something cannot be read or written.";

/// Arguments of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The format
    #[arg(value_parser = names_of_formats())]
    pub format: String,
    /// A run or configuration, named as for `diff`: a path, a run id or its start, a name or a glob
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<String>,
    /// Write here instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Every metric, the informative ones too
    #[arg(long, short)]
    pub all: bool,
    /// Folder of all results
    #[arg(long, value_name = "DIR", default_value = "results", env = "VBENCH_OUT")]
    pub out: PathBuf,
}

fn names_of_formats() -> PossibleValuesParser {
    let value = |format: &crate::export::Format| PossibleValue::new(format.name).help(format.about);
    formats().into_iter().map(value).collect::<Vec<_>>().into()
}

/// Writes the runs in a format.
pub fn export(args: &ExportArgs, console: &mut Console<'_>) -> Ended {
    let mut sides: Vec<Configuration> = Vec::new();
    for named in &args.runs {
        for found in whole_configurations(&args.out, named, console)? {
            match sides.iter_mut().find(|side| side.key() == found.key()) {
                Some(side) => side.extend(found),
                None => sides.push(found),
            }
        }
    }
    each_run_once(&sides)?;
    let names = names(&sides);
    let named = names.iter().zip(&sides);
    let sides: Vec<Side<'_>> = named.map(|(name, side)| Side { name, runs: &side.runs }).collect();
    let export = Export::new(&sides, args.all);
    let format = formats().into_iter().find(|format| format.name == args.format);
    let format = format.ok_or_else(|| format!("no format {:?}", args.format))?;
    let documents = (format.write)(&export)?;
    tell_left_out(&export, console);
    put(&documents, args, console)
}

/// Cases without a value are told, because most formats have no place for them.
fn tell_left_out(export: &Export<'_>, console: &mut Console<'_>) {
    for configuration in &export.configurations {
        let single = &configuration.single;
        let Some((case, reason)) = single.left_out.iter().next() else { continue };
        let more = match single.left_out.len() {
            1 => String::new(),
            several => format!(" and {} more", several - 1),
        };
        let text = format!("no value of {}: {case}{more}: {reason}", single.side.name);
        console.warn(&text);
    }
}

fn put(documents: &[Document], args: &ExportArgs, console: &mut Console<'_>) -> Ended {
    match (&args.output, documents) {
        (_, []) => Err(format!("no value to write as {}", args.format)),
        (None, [Document { part: None, text }]) => {
            let _ = console.out.write_all(text.as_bytes());
            Ok(OK)
        }
        (None, _) => Err(format!("{} is a file per direction\n  name them: -o FILE", args.format)),
        (Some(path), documents) => {
            for document in documents {
                let path = document.part.map_or_else(|| path.clone(), |part| with_part(path, part));
                write_file(&path, document.text.as_bytes(), "name another file with -o FILE")?;
                let _ = writeln!(console.err, "wrote {}", path.display());
            }
            Ok(OK)
        }
    }
}

/// `bench.json` becomes `bench-bigger.json`.
fn with_part(path: &Path, part: &str) -> PathBuf {
    let text =
        |name: Option<&std::ffi::OsStr>| name.map(|name| name.to_string_lossy().into_owned());
    let stem = text(path.file_stem()).unwrap_or_default();
    match text(path.extension()) {
        Some(extension) => path.with_file_name(format!("{stem}-{part}.{extension}")),
        None => path.with_file_name(format!("{stem}-{part}")),
    }
}

#[cfg(test)]
mod tests {
    use super::with_part;
    use std::path::Path;

    #[test]
    fn a_part_goes_before_the_extension() {
        let named = |path: &str| with_part(Path::new(path), "bigger").display().to_string();
        assert_eq!(named("out/b.json"), "out/b-bigger.json");
        assert_eq!(named("bench"), "bench-bigger");
    }
}
