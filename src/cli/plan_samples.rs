//! `plan-samples`: how many launches and repeats show a change of a wanted size.

use super::args::{percent, time};
use super::{Console, Ended, OK, stored};
use crate::compare::{Policy, Wanted, advise};
use crate::report::advice::{csv, json, text};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

pub const EXAMPLES: &str = "\
Examples:
  vbench plan-samples default                   from every stored run of a configuration
  vbench plan-samples 20260102T0304 --margin 1% --power 0.9
  vbench plan-samples default --cost-launch 20s --cost-repeat 0.5s

The spread between launches and within them is read from the stored runs, which should have five
launches or more; what a launch and a repeat cost too, where their durations are stored. Everything
is about right: planned from five launches, a wanted power of 80% is about 77%. The plan holds for
sides measured in turns, as `vbench ab` does.
Exit codes: 0, or 2 when something cannot be read.";

/// Arguments of `plan-samples`.
#[derive(Debug, Args)]
pub struct PlanSamplesArgs {
    /// Stored runs of one configuration: paths, run ids, configurations or globs
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<String>,
    /// Smallest change that matters
    #[arg(long, value_name = "PERCENT", default_value = "3%", value_parser = percent)]
    pub margin: f64,
    /// Chance to find a change of that size
    #[arg(long, value_name = "SHARE", default_value = "0.8", value_parser = power)]
    pub power: f64,
    /// What a launch takes beside its repeats [default: as stored]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub cost_launch: Option<f64>,
    /// What a repeat takes [default: as stored]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub cost_repeat: Option<f64>,
    /// Folder of all results
    #[arg(long, value_name = "DIR", default_value = "results", env = "VBENCH_OUT")]
    pub out: PathBuf,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    pub format: AdviceFormat,
    /// Every metric, the informative ones too
    #[arg(long, short)]
    pub all: bool,
}

/// How the plan is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum AdviceFormat {
    /// For people.
    #[default]
    Text,
    /// Everything.
    Json,
    /// One line per case and metric.
    Csv,
}

/// `0.8` or `80%`; as a share.
fn power(text: &str) -> Result<f64, String> {
    let expected =
        || "expected a share such as 0.8, or 80%, of at least 0.5 and below 1".to_owned();
    let power = match text.strip_suffix('%') {
        Some(number) => number.parse::<f64>().map_err(|_| expected())? / 100.0,
        None => text.parse().map_err(|_| expected())?,
    };
    if (0.5..1.0).contains(&power) { Ok(power) } else { Err(expected()) }
}

/// Plans launches and repeats from stored runs.
pub fn plan_samples(args: &PlanSamplesArgs, console: &mut Console<'_>) -> Ended {
    let runs = stored::runs(&args.out, &args.runs, console)?;
    let names: std::collections::BTreeSet<String> =
        runs.iter().map(|run| format!("{}/{}", run.run.system, run.run.config)).collect();
    if names.len() > 1 {
        let names: Vec<String> = names.into_iter().collect();
        return Err(format!(
            "these are runs of {} configurations: their difference is no noise\n  name one: {}",
            names.len(),
            names.join(", ")
        ));
    }
    let wanted = Wanted {
        alpha: Policy::default().alpha,
        power: args.power,
        margin: args.margin,
        cost_launch_s: args.cost_launch,
        cost_repeat_s: args.cost_repeat,
    };
    let advice = advise(&runs, &wanted);
    let written = match args.format {
        AdviceFormat::Text => text(&advice, &wanted, args.all, console.width),
        AdviceFormat::Json => json(&advice, &wanted),
        AdviceFormat::Csv => csv(&advice, &wanted),
    };
    let _ = console.out.write_all(written.as_bytes());
    Ok(OK)
}
