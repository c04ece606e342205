//! Progress of a run: a bar for a person, a line per launch for a log, JSON for a program.

mod line;

use self::line::{LONGEST_NAME, Tally, Told, stamp};
use super::Console;
use super::args::Format;
use crate::plan::{Case, Plan};
use crate::report::number::{counted, duration};
use crate::report::table::inert;
use crate::runner::Event;
use crate::store;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use unicode_width::UnicodeWidthStr;
use vbench_results::{CaseResult, Launch, ResultSet, Run};

/// A log that says nothing for this long gets a line that the launch still runs.
const SILENCE: Duration = Duration::from_secs(30);

/// Start and set-up of a launch beside its samples, roughly.
const START_S: f64 = 0.1;

/// Mean seconds per launch of each case in the newest finished run of the same profile.
pub type Past = HashMap<String, f64>;

/// Tells how a run goes on.
pub struct Progress<'c, 'o> {
    console: &'c mut Console<'o>,
    format: Format,
    past: &'c Past,
    bar: Option<ProgressBar>,
    heartbeat: Option<Heartbeat>,
    began: Instant,
    pending: HashMap<String, f64>,
    launches: u32,
    side: &'static str,
    tally: Tally,
    /// Columns of the longest name.
    name: usize,
}

impl<'c, 'o> Progress<'c, 'o> {
    /// Progress on `console`.
    pub fn new(format: Format, console: &'c mut Console<'o>, past: &'c Past) -> Self {
        Self {
            console,
            format,
            past,
            bar: None,
            heartbeat: None,
            began: Instant::now(),
            pending: HashMap::new(),
            launches: 1,
            side: "",
            tally: Tally::default(),
            name: 0,
        }
    }

    /// The first lines: what runs, how long it will take, where it goes.
    pub fn begin(&mut self, run: &Run, plan: &Plan, folder: &Path, results: &[CaseResult]) {
        let runnable: Vec<&Case> = plan.cases.iter().filter(|case| case.skip.is_none()).collect();
        self.launches = plan.launches;
        let started = |r: &CaseResult| r.launches.iter().filter(|l| l.position > 0).count();
        let done: usize = results.iter().map(started).sum();
        let planned = runnable.len() * plan.launches as usize;
        let estimate =
            self.estimate(&runnable, plan, run) * (1.0 - done as f64 / planned.max(1) as f64);
        let skipped = plan.cases.len() - runnable.len();
        let skips = if skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
        let _ = writeln!(
            self.console.err,
            "vbench {}  system {}  config {}  profile {}  seed {}\n{} x {}{skips}, about {}  into {}",
            run.vbench_version,
            inert(&run.system),
            inert(&run.config),
            run.profile,
            run.seed,
            counted(runnable.len(), "case"),
            counted(plan.launches as usize, "launch"),
            duration(Duration::from_secs_f64(estimate.max(0.0))),
            folder.display()
        );
        self.watch(planned, done);
    }

    /// The first lines of two runs in lock-step.
    pub fn begin_pairs(&mut self, sides: [(&Run, &Path); 2], plan: &Plan) {
        let runnable: Vec<&Case> = plan.cases.iter().filter(|case| case.skip.is_none()).collect();
        self.launches = plan.launches;
        let [(run, _), _] = sides;
        let estimate = 2.0 * self.estimate(&runnable, plan, run);
        let _ = writeln!(
            self.console.err,
            "vbench {}  system {}  profile {}  seed {}",
            run.vbench_version,
            inert(&run.system),
            run.profile,
            run.seed
        );
        for ((run, folder), letter) in sides.into_iter().zip(["A", "B"]) {
            let (config, folder) = (inert(&run.config), folder.display());
            let _ = writeln!(self.console.err, "{letter}  {config}  into {folder}");
        }
        let _ = writeln!(
            self.console.err,
            "{} x {}, about {}",
            counted(runnable.len(), "case"),
            counted(plan.launches as usize, "pair"),
            duration(Duration::from_secs_f64(estimate.max(0.0)))
        );
        self.watch(2 * runnable.len() * plan.launches as usize, 0);
    }

    /// From now on events are of this side: a text such as " A".
    pub fn of(&mut self, side: &'static str) -> &mut Self {
        self.side = side;
        self
    }

    fn watch(&mut self, planned: usize, done: usize) {
        if self.console.live && self.format != Format::Json {
            self.bar = Some(bar(planned as u64, done as u64, self.console.err_style.unicode));
        } else if self.format != Format::Json {
            self.heartbeat = Some(Heartbeat::start(self.began));
        }
    }

    /// Seconds for all launches: as in the newest run of this profile, else the typical launch, or
    /// what was asked for.
    fn estimate(&mut self, cases: &[&Case], plan: &Plan, run: &Run) -> f64 {
        let asked = !effort(&run.command).is_empty();
        for case in cases {
            let id = case.id.to_string();
            self.name = self.name.max(inert(&id).width().min(LONGEST_NAME));
            let launch = self.past.get(&id).copied().unwrap_or_else(|| {
                let effort = &case.settings.effort;
                let samples = f64::from(effort.samples + effort.warmup);
                match asked {
                    true => START_S + samples * effort.sample_time.as_secs_f64(),
                    false => effort.typical.as_secs_f64(),
                }
            });
            self.pending.insert(id, launch);
        }
        self.pending.values().sum::<f64>() * f64::from(plan.launches)
    }

    /// Shows one event.
    pub fn tell(&mut self, event: &Event<'_>) {
        match event {
            Event::Started { case, launch } => self.started(case, *launch),
            Event::Finished { case, launch, result, progress } => {
                self.tally.add(launch);
                self.tally.done = progress.done;
                self.finished(case, launch, result);
                if let Some(bar) = &self.bar {
                    bar.set_length(progress.planned as u64);
                    bar.set_position(progress.done as u64);
                }
            }
        }
    }

    fn started(&mut self, case: &Case, launch: u32) {
        let name = format!("{} {launch}/{}{}", case.id, self.launches, self.side);
        match (&self.bar, &self.heartbeat) {
            // Drawn now and left alone: a ticking bar would disturb what is measured.
            (Some(bar), _) => bar.set_message(name),
            (_, Some(heartbeat)) => heartbeat.watch(name),
            _ => {}
        }
    }

    fn finished(&mut self, case: &Case, launch: &Launch, result: &CaseResult) {
        if self.format == Format::Json {
            let line = serde_json::json!({ "case": case.id.to_string(), "launch": launch });
            let _ = writeln!(self.console.out, "{line}");
            return;
        }
        let told = Told {
            case: case.id.to_string(),
            side: self.side,
            launches: self.launches,
            launch,
            result,
            name: self.name,
            style: self.console.err_style,
        };
        if let Some(heartbeat) = &self.heartbeat {
            heartbeat.rest();
            let line = told.log(self.began.elapsed());
            let _ = writeln!(self.console.err, "{line}");
        } else if let (Some(bar), Some(row)) = (&self.bar, told.row()) {
            bar.println(row);
        }
    }

    /// The last line.
    pub fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let took = self.began.elapsed();
        let summary = self.tally.told(took);
        let _ = match self.heartbeat.take() {
            Some(_) => writeln!(self.console.err, "{} SUMMARY  {summary}", stamp(took)),
            None => writeln!(self.console.err, "{summary}"),
        };
    }
}

fn bar(planned: u64, done: u64, unicode: bool) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(planned), ProgressDrawTarget::stderr());
    let style = "{bar:20} {pos}/{len} launches  {elapsed} elapsed, {eta} left  {wide_msg}";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style.progress_chars(if unicode {
            "\u{2501}\u{2578}\u{2500}"
        } else {
            "=> "
        }));
    }
    bar.set_position(done);
    bar.reset_eta();
    bar
}

/// What a command says of the time that a launch takes, beside its profile.
fn effort(command: &[String]) -> Vec<&str> {
    let asks = |word: &str| word.starts_with("--time") || word.starts_with("--samples");
    let mut found = Vec::new();
    for (index, word) in command.iter().enumerate().filter(|(_, word)| asks(word)) {
        found.push(word.as_str());
        if !word.contains('=') {
            found.extend(command.get(index + 1).map(String::as_str));
        }
    }
    found
}

/// What each case took per launch in the newest finished run of this profile, effort and system.
pub fn past_durations(out: &Path, run: &Run) -> Past {
    let folder = store::folder_name(&run.system).unwrap_or_default();
    let newest = store::runs(out).into_iter().rev().take(8).find_map(|path| {
        let here = path.strip_prefix(out).is_ok_and(|below| below.starts_with(&folder));
        let results = ResultSet::read(&path.join(store::RESULT)).ok().filter(|_| here)?;
        let alike = results.run.profile == run.profile
            && effort(&results.run.command) == effort(&run.command);
        alike.then_some(results)
    });
    let mut past = Past::new();
    for case in newest.into_iter().flat_map(|results| results.cases) {
        let launches: Vec<f64> = case.launches.iter().map(|launch| launch.elapsed_s).collect();
        if !launches.is_empty() {
            past.insert(
                case.case.to_string(),
                launches.iter().sum::<f64>() / launches.len() as f64,
            );
        }
    }
    past
}

/// A thread that breaks the silence of a log during a long launch. It ends with its sender.
struct Heartbeat {
    sender: mpsc::Sender<Option<String>>,
}

impl Heartbeat {
    fn start(began: Instant) -> Self {
        let (sender, receiver) = mpsc::channel::<Option<String>>();
        std::thread::spawn(move || {
            let mut watched: Option<(String, Instant)> = None;
            loop {
                match receiver.recv_timeout(SILENCE) {
                    Ok(name) => watched = name.map(|name| (name, Instant::now())),
                    Err(mpsc::RecvTimeoutError::Disconnected) => return,
                    Err(mpsc::RecvTimeoutError::Timeout) => {
                        let Some((name, since)) = &watched else { continue };
                        let _ = writeln!(
                            io::stderr(),
                            "{} ....  {name}  running {}",
                            stamp(began.elapsed()),
                            duration(since.elapsed())
                        );
                    }
                }
            }
        });
        Self { sender }
    }

    fn watch(&self, name: String) {
        let _ = self.sender.send(Some(name));
    }

    fn rest(&self) {
        let _ = self.sender.send(None);
    }
}
