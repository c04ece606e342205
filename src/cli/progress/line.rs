//! One line per launch, for a terminal and for a log, and the line that ends a run.

use crate::report::number::{counted, duration, with_unit};
use crate::stats::summarize;
use crate::terminal::{Style, Tone};
use crate::text::inert;
use std::time::Duration;
use unicode_width::UnicodeWidthStr;
use vbench_results::{CaseResult, Launch, Outcome, Role};

/// A case id that is longer than this is not waited for by the others of its column.
pub const LONGEST_NAME: usize = 48;

/// One finished launch.
pub struct Told<'r> {
    /// Its case.
    pub case: String,
    /// Which side of a comparison in pairs; empty without one.
    pub side: &'r str,
    /// Launches that are planned.
    pub launches: u32,
    /// How it went.
    pub launch: &'r Launch,
    /// The case so far, this launch included.
    pub result: &'r CaseResult,
    /// Columns of the longest name.
    pub name: usize,
    /// What the stream shows.
    pub style: Style,
}

impl Told<'_> {
    /// For a log, after `at`.
    pub fn log(&self, at: Duration) -> String {
        let (tone, word) = match &self.launch.outcome {
            Outcome::Measured if is_disturbed(self.launch) => (Tone::Doubt, "MARK"),
            Outcome::Measured if self.is_last() => (Tone::Good, "DONE"),
            Outcome::Measured => (Tone::Good, "PASS"),
            Outcome::Skipped { .. } => (Tone::Quiet, "SKIP"),
            Outcome::Failed { .. } | Outcome::TimedOut { .. } => (Tone::Bad, "FAIL"),
        };
        format!("{} {}  {}", stamp(at), self.style.paint(tone, word), self.rest())
    }

    /// For a terminal, where only the last launch of a case and failures are told; nothing else.
    pub fn row(&self) -> Option<String> {
        let failed = self.launch.outcome.is_failure();
        let (tone, word) = if failed { (Tone::Bad, "FAIL") } else { (Tone::Good, "  ok") };
        let told = failed || self.is_last();
        told.then(|| format!("{}  {}", self.style.paint(tone, word), self.rest()))
    }

    fn is_last(&self) -> bool {
        self.launch.launch >= self.launches
    }

    fn rest(&self) -> String {
        let case = format!("{}{}", inert(&self.case), self.side);
        let pad = " ".repeat(self.name.saturating_sub(case.width()));
        let count = format!("{}/{}", self.launch.launch, self.launches.max(self.launch.launch));
        format!("{case}{pad}  {count:>5}  {}", inert(&self.headline()))
    }

    /// The first metric that decides, with its precision so far, or why there is none.
    fn headline(&self) -> String {
        if let Some(reason) = self.launch.outcome.reason() {
            return reason.to_owned();
        }
        let metrics = &self.result.metrics;
        let metric = metrics.iter().find(|m| m.role != Role::Info).or(metrics.first());
        let summary = metric.and_then(|metric| Some((metric, summarize(self.result, metric)?)));
        let Some((metric, summary)) = summary else { return "no values".to_owned() };
        let value = with_unit(summary.headline(self.result.estimator), &metric.unit);
        let sign = if self.style.unicode { "\u{b1}" } else { "+/-" };
        let precision = summary.precision().map(|half| format!(" {sign}{:.1}%", half * 100.0));
        let repeats = &self.launch.repeats;
        let disturbed = repeats.iter().find_map(|repeat| repeat.evidence.disturbed.as_deref());
        let disturbed = disturbed.map(|why| format!("  ({why})"));
        format!(
            "{} {value}{}{}",
            metric.name,
            precision.unwrap_or_default(),
            disturbed.unwrap_or_default()
        )
    }
}

/// True when any repeat of the launch was disturbed.
pub fn is_disturbed(launch: &Launch) -> bool {
    launch.repeats.iter().any(|repeat| repeat.evidence.disturbed.is_some())
}

/// `[   41.2s]`.
pub fn stamp(at: Duration) -> String {
    format!("[{:7.1}s]", at.as_secs_f64())
}

/// What became of all launches of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Launches that ended.
    pub done: usize,
    /// Of them, those that failed.
    pub failed: usize,
    /// Of them, those that found no way to run here.
    pub skipped: usize,
    /// Of them, those with a disturbed repeat: kept, and marked.
    pub disturbed: usize,
}

impl Tally {
    /// Counts one more.
    pub fn add(&mut self, launch: &Launch) {
        self.failed += usize::from(launch.outcome.is_failure());
        self.skipped += usize::from(matches!(launch.outcome, Outcome::Skipped { .. }));
        self.disturbed += usize::from(is_disturbed(launch));
    }

    /// `90 launches: 89 passed, 1 failed, 3 disturbed, 1 h 22 min`.
    pub fn told(&self, took: Duration) -> String {
        let skipped = match self.skipped {
            0 => String::new(),
            skipped => format!("{skipped} skipped, "),
        };
        format!(
            "{}: {} passed, {} failed, {skipped}{} disturbed, {}",
            counted(self.done, "launch"),
            self.done.saturating_sub(self.failed + self.skipped),
            self.failed,
            self.disturbed,
            duration(took)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Tally, Told, stamp};
    use crate::quantity::{BytesPerSec, metric};
    use crate::terminal::Style;
    use std::collections::BTreeMap;
    use std::time::Duration;
    use vbench_results::{CaseResult, Estimator, Evidence, Launch, Outcome, Repeat, Role};

    fn launch(number: u32, value: f64, disturbed: Option<&str>) -> Launch {
        let evidence = Evidence { disturbed: disturbed.map(str::to_owned), ..Evidence::default() };
        let values = [("triad", value)].into();
        Launch {
            launch: number,
            boot_id: None,
            position: number,
            at_s: 0.0,
            elapsed_s: 40.0,
            outcome: Outcome::Measured,
            facts: BTreeMap::new(),
            repeats: vec![Repeat {
                repeat: 1,
                at_s: 0.0,
                elapsed_s: 1.0,
                iterations: 1,
                values,
                evidence,
            }],
        }
    }

    fn case(id: &str) -> CaseResult {
        CaseResult {
            case: id.parse().unwrap(),
            kind: "memory".into(),
            version: "1".into(),
            estimator: Estimator::Center,
            metrics: vec![metric::<BytesPerSec>("triad", Role::Gated)],
            launches: Vec::new(),
        }
    }

    /// Three launches of one case and a failure of another, as they end.
    fn told(style: Style, mut tell: impl FnMut(&Told<'_>, u32)) {
        let mut stream = case("memory::stream/stores=cached");
        let mut sum = case("gpu::all_reduce/size=1GiB");
        let launches = [
            launch(1, 560.8e9, None),
            launch(2, 561.4e9, Some("steal 3.1%")),
            launch(3, 561.0e9, None),
        ];
        for (index, launch) in launches.into_iter().enumerate() {
            stream.launches.push(launch.clone());
            let case = stream.case.to_string();
            let told = Told {
                case,
                side: "",
                launches: 3,
                launch: &launch,
                result: &stream,
                name: 28,
                style,
            };
            tell(&told, index as u32 + 1);
        }
        let outcome = Outcome::Failed { reason: "exit 134\n::error::".into() };
        let failed = Launch { outcome, repeats: Vec::new(), ..launch(1, 1.0, None) };
        sum.launches.push(failed.clone());
        let case = sum.case.to_string();
        tell(
            &Told { case, side: "", launches: 3, launch: &failed, result: &sum, name: 28, style },
            4,
        );
    }

    const LOG: &str = "\
[   41.2s] PASS  memory::stream/stores=cached    1/3  triad 561 GB/s
[   82.4s] MARK  memory::stream/stores=cached    2/3  triad 561 GB/s +/-0.7%  (steal 3.1%)
[  123.6s] DONE  memory::stream/stores=cached    3/3  triad 561 GB/s +/-0.1%
[  164.8s] FAIL  gpu::all_reduce/size=1GiB       1/3  exit 134\\n::error::
[ 4920.1s] SUMMARY  90 launches: 87 passed, 1 failed, 2 skipped, 1 disturbed, 1 h 22 min
";

    #[test]
    fn a_log_has_a_line_per_launch() {
        let mut text = String::new();
        let plain = Style::default();
        told(plain, |told, index| {
            text.push_str(&told.log(Duration::from_secs_f64(41.2 * f64::from(index))));
            text.push('\n');
        });
        let end = Duration::from_secs_f64(4920.1);
        let tally = Tally { done: 90, failed: 1, skipped: 2, disturbed: 1 };
        text.push_str(&format!("{} SUMMARY  {}\n", stamp(end), tally.told(end)));
        assert_eq!(text, LOG);
    }

    const ROWS: &str = "\
{green}  ok{/}  memory::stream/stores=cached    3/3  triad 561 GB/s ±0.1%
{red}FAIL{/}  gpu::all_reduce/size=1GiB       1/3  exit 134\\n::error::
";

    #[test]
    fn a_terminal_keeps_a_row_per_case() {
        let mut text = String::new();
        told(Style { unicode: true, colour: true }, |told, _| {
            text.extend(told.row().map(|row| row + "\n"));
        });
        for (code, name) in [("32", "green"), ("31", "red"), ("0", "/")] {
            text = text.replace(&format!("\u{1b}[{code}m"), &format!("{{{name}}}"));
        }
        assert_eq!(text, ROWS);
    }
}
