//! `diff`: whether runs can be compared, and how the comparison is written.

use super::stored::{Configuration, each_run_once, is_glob, measured, names, one};
use super::{Console, Ended, OK};
use crate::compare::{Comparison, NoiseFloor, Note, Policy, Side, compare, partners};
use crate::report::diff::{View, comment, csv, json, markdown, text};
use crate::stats::DRIFT;
use crate::terminal::Style;
use clap::{Args, ValueEnum};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// What the others are compared with: a path, a run id or the start of it, or a configuration
    pub base: String,
    /// Candidates, named in the same way; a glob names every other configuration that it matches
    #[arg(required = true, value_name = "CANDIDATE")]
    pub candidates: Vec<String>,
    /// Folder of all results
    #[arg(long, value_name = "DIR", default_value = "results", env = "VBENCH_OUT")]
    pub out: PathBuf,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    pub format: DiffFormat,
    /// Smallest change that matters
    #[arg(long, value_name = "PERCENT", default_value = "3%", value_parser = super::args::percent)]
    pub margin: f64,
    /// A fact that is meant to differ, or a glob (repeatable)
    #[arg(long, value_name = "FACT")]
    pub expect_differ: Vec<String>,
    /// Compare also where the benchmark's code differs
    #[arg(long)]
    pub any_version: bool,
    /// Floors by `vbench calibrate`: intervals get no narrower than unchanged runs are
    #[arg(long, value_name = "FILE", env = "VBENCH_NOISE_FLOOR")]
    pub noise_floor: Option<PathBuf>,
    /// How far hours of the host lie apart where the sides took no turns and no spread of runs is
    /// known, in standard deviations of launches; 0 takes the host as steady
    #[arg(long, value_name = "FACTOR", default_value_t = DRIFT, value_parser = super::args::drift)]
    pub drift: f64,
    /// Compare every launch with its partner: of two sides that `vbench ab` measured
    #[arg(long)]
    pub paired: bool,
    /// Every metric, the informative ones too
    #[arg(long, short)]
    pub all: bool,
}

/// How a comparison is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// For people.
    #[default]
    Text,
    /// Everything.
    Json,
    /// One line per case and metric.
    Csv,
    /// For issues and step summaries.
    Markdown,
    /// The same in less than the 65,536 characters of a comment.
    Comment,
}

/// Compares the candidates with the base.
pub fn diff(args: &DiffArgs, console: &mut Console<'_>) -> Ended {
    let mut sets = sides(args, console)?;
    each_run_once(&sets)?;
    let names = names(&sets);
    let alone = if args.paired { pair_up(&mut sets, &names)? } else { None };
    if !args.paired && measured_together(&sets) {
        let _ = writeln!(
            console.err,
            "note: measured in pairs: --paired compares every launch with its partner"
        );
    }
    let named = names.iter().zip(&sets);
    let sides: Vec<Side<'_>> = named.map(|(name, set)| Side { name, runs: &set.runs }).collect();
    let noise = args.noise_floor.as_deref().map(NoiseFloor::read).transpose();
    let noise = noise.map_err(|error| error.to_string())?;
    let policy = Policy {
        margin: args.margin,
        any_version: args.any_version,
        paired: args.paired,
        drift: args.drift,
        expect_differ: args.expect_differ.clone(),
        floors: noise.as_ref().map(NoiseFloor::floors).unwrap_or_default(),
        ..Policy::default()
    };
    let mut comparison = compare(&sides[0], &sides[1..], &policy);
    if let Some(noise) = &noise {
        noise.remark(&mut comparison);
    }
    comparison.pairs.iter_mut().for_each(|pair| pair.notes.extend(alone.clone()));
    write(&comparison, args.format, args.all, console);
    Ok(OK)
}

/// Writes a comparison in the form that was asked for.
pub fn write(comparison: &Comparison, format: DiffFormat, all: bool, console: &mut Console<'_>) {
    let Style { unicode, colour } = console.style;
    let view = View { width: console.width, unicode, colour, all_metrics: all };
    let written = match format {
        DiffFormat::Text => text(comparison, view),
        DiffFormat::Json => json(comparison),
        DiffFormat::Csv => csv(comparison),
        DiffFormat::Markdown => markdown(comparison, View { unicode: true, ..view }),
        DiffFormat::Comment => comment(comparison, View { unicode: true, ..view }),
    };
    let _ = console.out.write_all(written.as_bytes());
}

/// Keeps of both sides what was measured in pairs; tells what was left out.
fn pair_up(sets: &mut [Configuration], names: &[String]) -> Result<Option<Note>, String> {
    let [base, candidate] = sets else {
        return Err(format!("--paired compares two configurations, not {}", sets.len()));
    };
    let found = partners(&base.runs, &candidate.runs).ok_or_else(|| {
        format!(
            "no two runs of {} were measured in pairs\n  \
             `vbench ab` measures pairs; without --paired launches are compared as independent",
            names.join(" and ")
        )
    })?;
    let note = found.note();
    (base.runs, candidate.runs) = (found.base, found.candidate);
    Ok(note)
}

/// True when a run of one side has its partner on the other.
fn measured_together(sets: &[Configuration]) -> bool {
    let pairs = |set: &Configuration| -> BTreeSet<String> {
        set.runs.iter().filter_map(|results| results.run.pairs.clone()).collect()
    };
    matches!(sets, [base, candidate] if !pairs(base).is_disjoint(&pairs(candidate)))
}

/// The base, then every candidate: at least two.
fn sides(args: &DiffArgs, console: &mut Console<'_>) -> Result<Vec<Configuration>, String> {
    let mut sides = vec![one(&args.base, measured(&args.out, &args.base, console)?)?];
    for named in &args.candidates {
        let mut found = measured(&args.out, named, console)?;
        if is_glob(named) {
            found.retain(|other| other.key() != sides[0].key());
            if found.is_empty() {
                return Err(format!("{named:?} matches no configuration but the base"));
            }
            sides.extend(found);
        } else {
            sides.push(one(named, found)?);
        }
    }
    Ok(sides)
}
