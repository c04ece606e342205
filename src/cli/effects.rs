//! `effects` and `claims`: what stored configurations say together.

use super::args::percent;
use super::diff::DiffFormat;
use super::stored::configurations;
use super::{Console, Ended, OK};
use crate::compare::{Policy, Side, claims as judge, effects as compute, read_checks};
use crate::report::diff::View;
use crate::report::{claims as claims_report, effects as report};
use crate::store;
use crate::terminal::Style;
use clap::Args;
use std::path::PathBuf;
use vbench_results::ResultSet;

pub const EFFECTS_EXAMPLES: &str = "\
Examples:
  vbench run --config vcpu_pin --label factor.pin=yes --label factor.numa=no
  vbench effects                            every stored configuration
  vbench effects 'my-host/*' --format markdown
  vbench effects --format csv > effects.csv

A configuration declares its factors with labels, given to run or import. A pair of configurations
of one system that differ in one factor stands in that factor's column; pairs that differ in more
are listed as confounded. `factor.numa.vnuma` and `factor.numa.binding` are settings of the factor
numa: where both change at once, the cell is marked with #.";

pub const CLAIMS_EXAMPLES: &str = "\
Examples:
  vbench claims checks.csv                  each claim: supported, contradicted or undecidable

Columns of the file: id,claim,printed,how,top,bottom,low,high,reason. `how` is value, ratio, change,
some-change, same or nothing; `top` and `bottom` are `system | config | case | metric`, where a
system `*` stands for each and `fact:NAME` for a fact; low and high are what the words allow.
Stored numbers count as exact as they were printed.";

/// Arguments of `effects`.
#[derive(Debug, Args)]
pub struct EffectsArgs {
    /// Configurations or runs, as for diff; globs too
    #[arg(default_value = "*")]
    runs: Vec<String>,
    /// Folder of all results
    #[arg(long, value_name = "DIR", default_value = "results", env = "VBENCH_OUT")]
    out: PathBuf,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: DiffFormat,
    /// Smallest change that matters
    #[arg(long, value_name = "PERCENT", default_value = "3%", value_parser = percent)]
    margin: f64,
    /// Every metric, the informative ones too
    #[arg(long, short)]
    all: bool,
}

/// Arguments of `claims`.
#[derive(Debug, Args)]
pub struct ClaimsArgs {
    /// CSV of checks
    file: PathBuf,
    /// Folder of all results
    #[arg(long, value_name = "DIR", default_value = "results", env = "VBENCH_OUT")]
    out: PathBuf,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// The matrix of effects.
pub fn effects(args: &EffectsArgs, console: &mut Console<'_>) -> Ended {
    let mut found = Vec::new();
    for named in &args.runs {
        for configuration in configurations(&args.out, named, console)? {
            if !found
                .iter()
                .any(|other: &super::stored::Configuration| other.key() == configuration.key())
            {
                found.push(configuration);
            }
        }
    }
    let sides: Vec<Side<'_>> = found
        .iter()
        .map(|configuration| Side { name: configuration.key().1, runs: &configuration.runs })
        .collect();
    let policy = Policy { margin: args.margin, ..Policy::default() };
    let effects = compute(&sides, &policy);
    let Style { unicode, colour } = console.style;
    let view = View { width: console.width, unicode, colour, all_metrics: args.all };
    let written = match args.format {
        DiffFormat::Text => report::text(&effects, view),
        DiffFormat::Json => report::json(&effects),
        DiffFormat::Csv => report::csv(&effects),
        DiffFormat::Markdown => report::markdown(&effects, View { unicode: true, ..view }),
        DiffFormat::Comment => report::comment(&effects, View { unicode: true, ..view }),
    };
    let _ = console.out.write_all(written.as_bytes());
    Ok(OK)
}

/// Claims against every stored run, quarantined ones too: what they print is still printed.
pub fn claims(args: &ClaimsArgs, console: &mut Console<'_>) -> Ended {
    let name = args.file.display();
    let text = std::fs::read_to_string(&args.file)
        .map_err(|error| format!("cannot read {name}: {error}"))?;
    let checks = read_checks(&text).map_err(|error| format!("{name}: {error}"))?;
    let runs: Result<Vec<ResultSet>, String> = store::runs(&args.out)
        .iter()
        .map(|run| Ok(store::read(run).map_err(|error| error.to_string())?.results))
        .collect();
    let claims = judge(&checks, &runs?, &Policy::default());
    let written = if args.json {
        claims_report::json(&claims)
    } else {
        claims_report::text(&claims, console.width)
    };
    let _ = console.out.write_all(written.as_bytes());
    Ok(OK)
}
