//! `run`: measure, journal, store, show.

use super::args::RunArgs;
use super::progress::Progress;
use super::ranks::Redacted;
use super::smoke::executor;
use super::{Console, Ended, FAILED, INTERRUPTED, OK};
use crate::benchmark::Benchmark;
use crate::clock::{Clock, Monotonic};
use crate::environment;
use crate::host::Host;
use crate::machine::Machine;
use crate::plan::{Plan, Selection};
use crate::report;
use crate::runner::{Ending, Runner, Until, overdue};
use crate::store;
use crate::store::journal::{JOURNAL, Journal, Recovered, in_progress};
use crate::terminal::Tone;
use crate::text::inert;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime};
use vbench_results::{
    CaseId, CaseResult, Environment, JournalHeader, Launch, Outcome, ResultSet, Run, SCHEMA_VERSION,
};

/// Launches after which `--until-precision` gives up on a case, unless told otherwise.
const MAX_LAUNCHES: u32 = 30;

/// A run with its folder, journal and results so far.
struct Session<'a> {
    args: &'a RunArgs,
    plan: &'a Plan,
    folder: PathBuf,
    journal: Journal,
    results: ResultSet,
    until: Option<Until>,
    /// Boot of the launches to come.
    boot: Option<String>,
    offset_s: f64,
}

/// A run that was measured, or begun.
pub struct Measured {
    /// Where it is stored.
    pub folder: PathBuf,
    /// What the program ends with.
    pub code: u8,
}

/// What a resumed run needs beside the selection.
#[derive(serde::Serialize, serde::Deserialize)]
struct Settings {
    selection: Selection,
    until_precision: Option<f64>,
    max_launches: Option<u32>,
}

/// Starts a new run.
pub fn start(
    args: &RunArgs,
    selection: &Selection,
    plan: &Plan,
    arguments: &[String],
    console: &mut Console<'_>,
) -> Result<Measured, String> {
    let mut environment = environment::probe(&Machine::current().host);
    let fingerprint = environment.fingerprint();
    let system = args.system.clone().unwrap_or_else(|| environment::system_name(&environment));
    if args.redact {
        environment.redact();
    }
    let command = if args.redact { Vec::new() } else { arguments.to_vec() };
    let run = Run {
        config: args.config.clone(),
        command,
        labels: args.label.iter().cloned().collect(),
        ..describe(selection, plan, system, fingerprint)
    };
    let folder = store::create(&args.out, &run.system, &run.config, &run.id)
        .map_err(|error| no_folder(&args.out, &error))?;
    let mut results = ResultSet::new(run, environment);
    results.cases = plan.cases.iter().map(planned).collect();
    let header = header(args, selection, &results);
    let journal = Journal::create(&folder, &header).map_err(|error| {
        // Nothing is in it: an empty run would stand in the way of others.
        let _ = std::fs::remove_dir(&folder);
        no_journal(&error)
    })?;
    let until = until(args.until_precision, args.max_launches, plan);
    let (stored, boot) = (folder.clone(), boot_id(&results.environment));
    let session = Session { args, plan, folder, journal, results, until, boot, offset_s: 0.0 };
    Ok(Measured { code: measure(session, console)?, folder: stored })
}

/// Goes on with an interrupted run. `given` are flags that would change its plan.
pub fn resume(
    args: &RunArgs,
    run: &str,
    given: &[String],
    benchmarks: &[&'static Benchmark],
    console: &mut Console<'_>,
) -> Ended {
    if !given.is_empty() {
        return Err(format!(
            "--resume goes on with the plan that is stored: {} would change it\n  leave it out, or start a new run",
            given.join(" and ")
        ));
    }
    let folder = unfinished(&args.out, run)?;
    let recovered = Recovered::read(&folder).map_err(|error| error.to_string())?;
    for damage in &recovered.damage {
        console.warn(damage);
    }
    if recovered.header.run.pairs.is_some() {
        return Err(format!(
            "{} is one side of `vbench ab`, which does not go on\n  \
             its pairs so far can be compared: vbench diff A B --paired",
            folder.display()
        ));
    }
    let settings: Settings = serde_json::from_value(recovered.header.settings.clone())
        .map_err(|error| format!("{}: the stored settings: {error}", folder.display()))?;
    let machine = Machine::new(Host::live(), settings.selection.profile).install();
    let plan = Plan::new(benchmarks, &settings.selection, machine)
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    let boot = same_machine(&recovered, &folder, console)?;
    let mut results = recovered.results();
    results.cases = same_cases(&plan, results.cases, &folder)?;
    let journal = Journal::reopen(&folder, &recovered)
        .map_err(|error| format!("cannot write the journal in {}: {error}", folder.display()))?;
    let ends =
        results.cases.iter().flat_map(|case| case.launches.iter().map(|l| l.at_s + l.elapsed_s));
    let offset_s = ends.fold(0.0, f64::max);
    let until = until(settings.until_precision, settings.max_launches, &plan);
    let session = Session { args, plan: &plan, folder, journal, results, until, boot, offset_s };
    measure(session, console)
}

/// The boot of this machine, which must be the one that the run was begun on: launches of two
/// machines are no sample of either.
fn same_machine(
    recovered: &Recovered,
    folder: &Path,
    console: &mut Console<'_>,
) -> Result<Option<String>, String> {
    let now = environment::probe(&Machine::current().host);
    let (before, begun) = (&recovered.header.environment, &recovered.header.run.fingerprint);
    if now.fingerprint() != *begun {
        let differ = before.facts.iter().filter_map(|(name, fact)| {
            let (was, is) = (before.value(name)?, now.value(name)?);
            (fact.stable && was != is).then(|| format!("{name} was {was}, is {is}"))
        });
        let differ: Vec<String> = differ.take(3).collect();
        return Err(format!(
            "{} was begun on another machine, or this one was changed: {}\n  start a new run: vbench run --config {}",
            folder.display(),
            if differ.is_empty() {
                "its fingerprint differs".to_owned()
            } else {
                differ.join("; ")
            },
            inert(&recovered.header.run.config)
        ));
    }
    let (was, is) = (boot_id(before), boot_id(&now));
    if was.is_some() && was != is {
        console
            .warn("the machine was booted anew since: the launches of this run are of two boots");
    }
    // A redacted run has no boots.
    Ok(was.and(is))
}

fn measure(mut session: Session<'_>, console: &mut Console<'_>) -> Ended {
    let ending = launch_all(&mut session, console)?;
    let folder = session.folder.display();
    if ending == Ending::Interrupted {
        let done: usize = session.results.cases.iter().map(|case| started(case).count()).sum();
        let _ = writeln!(
            console.err,
            "interrupted: {} finished, kept in {folder}\n  go on: vbench run --resume={folder}",
            crate::report::number::counted(done, "launch")
        );
        return Ok(INTERRUPTED);
    }
    session.results.run.finished_at = Some(store::timestamp(SystemTime::now()));
    store::finish(&session.folder, &session.results).map_err(|error| {
        let remedy = store::remedy(&error);
        format!("{error}\n  the journal in {folder} holds every launch; {remedy} and: vbench run --resume={folder}")
    })?;
    let detail = report::run::Detail { style: console.style, ..Default::default() };
    let table = report::run::render(&session.results, detail, console.width);
    let _ = write!(console.out, "\n{table}");
    if let Some(longer) = session.plan.in_longer("more case") {
        let _ = writeln!(console.out, "{longer}");
    }
    let _ = writeln!(console.out, "stored in {folder}");
    let next = crate::text::wrap(&next(&session.folder, &session.args.out), console.width, 2);
    let _ = writeln!(console.err, "{}", console.err_style.paint(Tone::Quiet, &next));
    let failed = |case: &CaseResult| case.launches.iter().any(|l| l.outcome.is_failure());
    Ok(if session.results.cases.iter().any(failed) { FAILED } else { OK })
}

/// What to do with a run that is stored: compare it, or measure what it can be compared with.
fn next(folder: &Path, out: &Path) -> String {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let Some((here, system)) = folder.parent().and_then(|here| Some((here, here.parent()?))) else {
        return "next: vbench report".to_owned();
    };
    let own = name(here).unwrap_or_default();
    let stored: BTreeSet<String> = store::runs(out)
        .iter()
        .filter_map(|run| run.parent())
        .filter(|config| config.parent() == Some(system))
        .filter_map(name)
        .filter(|config| *config != own)
        .collect();
    let other = stored.get("default").or(stored.first());
    let at = match out == Path::new("results") {
        true => String::new(),
        false => format!(" --out {}", out.display()),
    };
    match other {
        Some(other) => {
            let (base, candidate) = if own == "default" { (&own, other) } else { (other, &own) };
            format!(
                "next: vbench diff {base} {candidate}{at}, or all of it as a page: vbench report{at}"
            )
        }
        None => format!(
            "next: vbench report{at}, or measure what it can be compared with: vbench run --config NAME{at}, then \
             vbench diff {own} NAME{at}"
        ),
    }
}

fn launch_all(session: &mut Session<'_>, console: &mut Console<'_>) -> Result<Ending, String> {
    let stop = stop_on_interrupt();
    let executor = executor(session.args);
    let executor = if session.args.redact { Box::new(Redacted(executor)) } else { executor };
    let (folder, kept) = (&session.folder, AtomicUsize::new(0));
    let journal = Mutex::new(&mut session.journal);
    let locked = || journal.lock().unwrap_or_else(PoisonError::into_inner);
    let overdue = |case: &CaseId, launch: &Launch| {
        // Held until the process ends: nothing is added after this.
        let mut journal = locked();
        let said = journal.append(case, launch).err();
        give_up(case, launch, folder, said);
    };
    let runner = Runner {
        plan: session.plan,
        executor: &*executor,
        stop,
        until: session.until,
        boot_id: session.boot.clone(),
        began: Instant::now(),
        offset_s: session.offset_s,
        overdue: Some(&overdue),
    };
    let past = super::progress::past_durations(&session.args.out, &session.results.run);
    let mut progress = Progress::new(session.args.format, console, &past);
    progress.begin(&session.results.run, session.plan, &session.folder, &session.results.cases);
    let mut record = |case: &_, launch: &Launch| {
        let mut journal = locked();
        let kept = kept.fetch_add(1, Ordering::SeqCst);
        journal
            .append(case, launch)
            .map_err(|error| lost_journal(&error, journal.path(), folder, kept))
    };
    let ending =
        runner.run(&mut session.results.cases, &mut record, &mut |event| progress.tell(&event));
    progress.end();
    ending
}

/// Says what is kept, and ends the process in which `case` hangs.
fn give_up(case: &CaseId, launch: &Launch, folder: &Path, lost: Option<io::Error>) {
    let (why, folder) = (launch.outcome.reason().unwrap_or_default(), folder.display());
    let benchmark = &case.benchmark;
    let kept = match lost {
        None => format!("what was measured is kept in {folder}, with this as timed-out"),
        Some(error) => format!("what was measured before is kept in {folder}, this not: {error}"),
    };
    let _ = writeln!(
        io::stderr(),
        "\nerror: {case}: {why}, which ends with it\n  {kept}\n  the other cases: --skip {benchmark}"
    );
    overdue::end(FAILED)
}

fn lost_journal(error: &io::Error, path: &Path, folder: &Path, kept: usize) -> String {
    let kept = match kept {
        0 => "no launch was finished before".to_owned(),
        1 => "the launch finished before is kept".to_owned(),
        many => format!("the {many} launches finished before are kept"),
    };
    format!(
        "cannot write {}: {error}\n  {kept}; {} and: vbench run --resume={}",
        path.display(),
        store::remedy(error),
        folder.display()
    )
}

/// Of a run that could not begin. The error names the file.
pub fn no_journal(error: &io::Error) -> String {
    let remedy = store::remedy(error);
    format!("{error}\n  nothing was measured; {remedy}, or choose another place with --out DIR")
}

pub fn no_folder(out: &Path, error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::InvalidInput {
        return format!(
            "{error}\n  name the configuration and the system: --config NAME, --system NAME"
        );
    }
    let out = std::path::absolute(out).unwrap_or_else(|_| out.to_owned());
    format!(
        "cannot make a folder for the results in {}: {error}\n  choose another with --out DIR",
        out.display()
    )
}

/// A new run of `plan`, so far without the names that its user gave it.
pub fn describe(selection: &Selection, plan: &Plan, system: String, fingerprint: String) -> Run {
    let clock = Monotonic::measured();
    let now = SystemTime::now();
    Run {
        id: store::run_id(now, fastrand::u16(..)),
        system,
        started_at: store::timestamp(now),
        vbench_version: env!("CARGO_PKG_VERSION").to_owned(),
        profile: selection.profile.to_string(),
        launches: plan.launches,
        seed: selection.seed,
        fingerprint,
        clock_resolution_s: Some(clock.resolution()),
        clock_cost_s: Some(clock.cost()),
        ..Run::default()
    }
}

fn header(args: &RunArgs, selection: &Selection, results: &ResultSet) -> JournalHeader {
    let settings = Settings {
        selection: selection.clone(),
        until_precision: args.until_precision,
        max_launches: args.max_launches,
    };
    JournalHeader {
        schema_version: SCHEMA_VERSION.to_owned(),
        run: results.run.clone(),
        environment: results.environment.clone(),
        cases: results.cases.clone(),
        settings: serde_json::to_value(settings).expect("settings are plain data"),
    }
}

/// A planned case; one that cannot run here already has its outcome.
pub fn planned(case: &crate::plan::Case) -> CaseResult {
    let mut result = case.result();
    if let Some(reason) = &case.skip {
        result.launches.push(Launch {
            launch: 1,
            boot_id: None,
            position: 0,
            at_s: 0.0,
            elapsed_s: 0.0,
            outcome: Outcome::Skipped { reason: reason.clone() },
            facts: std::collections::BTreeMap::new(),
            repeats: Vec::new(),
        });
    }
    result
}

/// Launches that a process was started for.
fn started(case: &CaseResult) -> impl Iterator<Item = &Launch> {
    case.launches.iter().filter(|launch| launch.position > 0)
}

fn until(precision: Option<f64>, max_launches: Option<u32>, plan: &Plan) -> Option<Until> {
    let max_launches = max_launches.unwrap_or(MAX_LAUNCHES.max(plan.launches));
    precision.map(|precision| Until { precision, max_launches })
}

pub fn boot_id(environment: &Environment) -> Option<String> {
    environment.value("kernel.boot_id").map(ToString::to_string)
}

/// The unfinished run that `run` names: its folder or id, or the newest when empty.
fn unfinished(out: &Path, run: &str) -> Result<PathBuf, String> {
    if run.is_empty() {
        let open = |folder: &PathBuf| folder.join(JOURNAL).exists() && !in_progress(folder);
        let open: Vec<PathBuf> = store::runs(out).into_iter().filter(open).collect();
        // A damaged one is named where there is no other.
        let whole = open.iter().rfind(|folder| Recovered::read(folder).is_ok());
        return whole
            .or(open.last())
            .cloned()
            .ok_or_else(|| format!("no interrupted run in {}: nothing to resume", out.display()));
    }
    let folder = super::show::find(out, Some(run))?;
    if folder.join(JOURNAL).exists() {
        Ok(folder)
    } else {
        Err(format!("{} is finished: nothing to resume", folder.display()))
    }
}

/// The stored cases in the plan's order. The program must still have the same ones.
fn same_cases(
    plan: &Plan,
    mut stored: Vec<CaseResult>,
    folder: &Path,
) -> Result<Vec<CaseResult>, String> {
    let mut cases = Vec::with_capacity(stored.len());
    for case in &plan.cases {
        let found = stored.iter().position(|result| result.case == case.id);
        let result = found.map(|index| stored.remove(index));
        let same = result.filter(|result| result.version == case.benchmark.version);
        cases.push(same.ok_or_else(|| changed(folder, &case.id.to_string()))?);
    }
    match stored.first() {
        Some(missing) => Err(changed(folder, &missing.case.to_string())),
        None => Ok(cases),
    }
}

fn changed(folder: &Path, case: &str) -> String {
    format!(
        "{} cannot be resumed: {case} is not in both this program and the stored plan with one version\n  \
         resume with the program that began it, or start a new run",
        folder.display()
    )
}

static STOP: AtomicBool = AtomicBool::new(false);

/// The first Ctrl-C asks to stop after the launch in flight, the second ends at once. The child
/// dies with this process, and the journal is whole at any moment.
pub fn stop_on_interrupt() -> &'static AtomicBool {
    let asked = || {
        if STOP.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(INTERRUPTED));
        }
        let _ = writeln!(io::stderr(), "\nstopping after this launch; again to stop at once");
    };
    // Only one handler can be set in a process; a second run in one keeps the first.
    let _ = ctrlc::set_handler(asked);
    &STOP
}
