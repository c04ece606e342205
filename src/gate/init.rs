//! A first policy, written from a run: every field with its default, and what the run suggests.

use super::policy::{KEY, Settings};
use super::values::Limit;
use crate::stats::{Summary, summarize};
use crate::text::number::counted;
use std::collections::BTreeMap;
use std::fmt::Write;
use vbench_results::{Better, CaseResult, Metric, ResultSet, Role};

/// The text of a policy for runs like these, every field explained; `shown` writes a value with a
/// unit that a policy can read.
pub fn commented_policy(runs: &[ResultSet], shown: fn(f64, &Metric) -> String) -> String {
    let found = benchmarks(runs);
    let name = runs.first().map_or(String::new(), |run| {
        format!(" from {}/{}, run {}", run.run.system, run.run.config, run.run.id)
    });
    let mut text = format!(
        "# Policy of `vbench gate`, written by `vbench gate --init`{}.\n\
         # What is commented out is the default or a suggestion.\n\n",
        one_line(&name)
    );
    text.push_str(&settings(runs));
    text.push_str(&expectations(&found));
    text.push_str(&bounds(&found, shown));
    text.push_str(&controls(&found));
    text.push_str(WAIVERS);
    text.push_str(&key(runs));
    text.push_str(CONFIRM);
    text
}

/// What a run shows of one benchmark: glob of its cases, and one summary of each metric.
type Found<'r> = BTreeMap<String, BTreeMap<&'r str, (&'r Metric, Vec<Summary>)>>;

fn benchmarks(runs: &[ResultSet]) -> Found<'_> {
    let mut found = Found::new();
    for case in runs.iter().flat_map(|run| &run.cases) {
        for metric in &case.metrics {
            let Some(summary) = summarize(case, metric) else { continue };
            let metrics = found.entry(pattern(case)).or_default();
            let entry = metrics.entry(&metric.name).or_insert_with(|| (metric, Vec::new()));
            entry.1.push(summary);
        }
    }
    found
}

/// Every case of the benchmark, and no case of one whose name only begins in the same way.
fn pattern(case: &CaseResult) -> String {
    let benchmark = &case.case.benchmark;
    if case.case.params.is_empty() { benchmark.clone() } else { format!("{benchmark}/*") }
}

fn settings(runs: &[ResultSet]) -> String {
    let Settings { alpha, power, margin, min_units, .. } = Settings::default();
    let launches = runs.iter().flat_map(|run| &run.cases).map(|case| case.launches.len()).max();
    let launches = launches.unwrap_or_default();
    let few = if launches < min_units {
        format!(
            "# This run has at most {} a case: rows like these stay inconclusive.\n\
             # Measure with --launches {min_units} or more.\n",
            counted(launches, "launch")
        )
    } else {
        String::new()
    };
    format!(
        "schema = 1\n\n\
         # A row regressed when the difference is real (adjusted p <= alpha) and the typical value is\n\
         # worse by a factor of at least 1 + margin, the same in both directions.\n\
         margin = \"{}%\"\n\
         # alpha = {alpha:?}\n\
         # power = {power:?}                     # of \"needs about K launches\"\n\
         # correction = \"bh\"                # over all gated rows: bh, holm, none\n\
         # fail_rule = \"significant\"        # or beyond-margin: the 90% interval lies beyond it\n\
         # statistic = \"center\"             # or best: the expected best of equally many repeats\n\
         # noise_floor = \"floors.json\"      # of vbench calibrate, or a standard deviation in ln\n\
         # drift = 2.0                      # how far hours of the host are assumed to lie apart where\n\
         #                                  # sides took no turns, in spreads of launches; 0: steady\n\n\
         # Fewer launches (or boots) a side make a row inconclusive.\n{few}\
         min_units = {min_units}\n\
         # allow_single = false\n\
         # require_unit = \"launch\"          # or boot\n\n\
         # pass, warn or fail\n\
         # on_inconclusive = \"warn\"\n\
         # on_missing = \"fail\"\n\
         # on_incomparable = \"fail\"\n\
         # on_new = \"warn\"\n\
         # on_improvement = \"pass\"\n\
         # on_control_moved = \"environment\" # or warn\n",
        100.0 * margin,
    )
}

fn expectations(found: &Found<'_>) -> String {
    let mut text = String::from(
        "\n# Rows that must exist, so that a gate is not green because nothing ran.\n\
         # Without any [[expect]] these are the rows of the base.\n",
    );
    for pattern in found.keys() {
        let _ = write!(text, "[[expect]]\nmatch = {{ case = {} }}\n", quoted(pattern));
    }
    text
}

fn bounds(found: &Found<'_>, shown: fn(f64, &Metric) -> String) -> String {
    let mut text = String::from(
        "\n# Other settings for some rows: any of the above but correction, drift and\n\
         # on_control_moved.\n\
         # min and max bound the typical value of the candidate, whatever the base says.\n",
    );
    for (pattern, metrics) in found {
        for (metric, (described, summaries)) in metrics {
            let typical = summaries.iter().filter_map(|summary| summary.center);
            let (low, high) = (typical.clone().reduce(f64::min), typical.reduce(f64::max));
            let Some((low, high)) = low.zip(high) else { continue };
            if described.role != Role::Gated {
                continue;
            }
            let (case, metric) = (quoted(pattern), quoted(metric));
            let limit = suggestion(low, high, described, shown);
            let (low, high) = (shown(low, described), shown(high, described));
            let measured = if low == high { low } else { format!("{low} to {high}") };
            let _ = write!(
                text,
                "# [[rule]]\n# match = {{ case = {case}, metric = {metric} }}\n\
                 # margin = \"5%\"  # measured: {}\n# {limit}\n",
                one_line(&measured)
            );
        }
    }
    text
}

/// Room that a suggested bound leaves beside what was measured.
const ROOM: f64 = 1.25;

/// A bound that values like the measured ones keep: a number with the metric's unit, or a bare one
/// where a policy could not read it.
fn suggestion(low: f64, high: f64, metric: &Metric, shown: fn(f64, &Metric) -> String) -> String {
    let (kind, value) = match metric.better {
        Better::Higher => ("min", low / ROOM),
        Better::Lower => ("max", high * ROOM),
    };
    // Thousands are set apart for people only.
    let text = shown(value, metric).replace(',', "");
    let read = Limit::try_from(toml::Value::from(text.as_str())).ok();
    let fits = read.is_some_and(|limit| {
        let unit = limit.unit.is_none_or(|unit| unit == metric.unit.symbol);
        unit && (limit.value - value).abs() <= 0.01 * value.abs()
    });
    if fits { format!("{kind} = {}", quoted(&text)) } else { format!("{kind} = {value:?}") }
}

fn controls(found: &Found<'_>) -> String {
    let mut text = String::from(
        "\n# Rows that no change under test can move: when one does, the environment did (exit 4).\n\
         # Benchmarks declare their own; these are further ones.\n",
    );
    for (pattern, metrics) in found {
        let declared = metrics.values().any(|(metric, _)| metric.role == Role::Control);
        if declared {
            let _ = writeln!(text, "# declared already: {}", one_line(pattern));
        }
    }
    text.push_str("# [[control]]\n# match = { case = \"cpu::*\" }\n# margin = \"2%\"\n");
    text
}

const WAIVERS: &str = "
# Accepts what a row says until a day; an expired waiver is an error.
# [[waive]]
# match = { case = \"memory::*\", metric = \"triad\" }
# reason = \"firmware 1.2 halves it, vendor informed\"
# link = \"https://example.org/issue/1\"
# until = 2030-12-31
";

fn key(runs: &[ResultSet]) -> String {
    let facts = runs.iter().flat_map(|run| &run.environment.facts);
    let stable: BTreeMap<&str, ()> = facts
        .filter(|(_, fact)| fact.stable && !fact.identifying)
        .map(|(name, _)| (name.as_str(), ()))
        .collect();
    let stable: Vec<&str> = stable.into_keys().collect();
    let mut text = String::from(
        "\n[baseline]\n# source = \"main\"   # name of a promoted baseline, or of a configuration\n\
         # anchor = \"v1.0\"   # an older one, against slow creep\n\
         # max_age = \"30d\"   # older ones are warned about\n\
         # Facts that must be equal on both sides, else the gate compares two machines (exit 4).\n\
         # Globs; \"stable\" is every fact of the machine and its layout, \"!numa.*\" leaves some out.\n",
    );
    let key: Vec<String> = KEY.iter().map(|name| quoted(name)).collect();
    let _ = writeln!(text, "key = [{}]", key.join(", "));
    if !stable.is_empty() {
        let _ = writeln!(text, "# stable here: {}", one_line(&stable.join(", ")));
    }
    text
}

const CONFIRM: &str = "
[confirm]
runs = 0             # 1: say which failing rows to measure again before they are believed
";

/// A TOML string on one line: what JSON escapes TOML does too, and TOML refuses DEL.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}

/// A comment ends with its line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
