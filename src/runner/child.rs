//! One process per launch: this program again, told over a socket what to run.

use super::process::Process;
use super::{Executed, Executor, execute};
use crate::axis::Params;
use crate::bencher::Settings;
use crate::benchmark::benchmarks;
use crate::host::Host;
use crate::machine::Machine;
use crate::plan::Case;
use crate::setting::Setting;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};
use vbench_results::{CaseId, Outcome, Reading};

/// The one argument that makes a program with benchmarks answer as a child.
pub const CHILD_ARGUMENT: &str = "__vbench-child";

/// How long a child may take to start and say what is in force.
const CHECK_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs each launch in a process of its own, killed at its time limit.
pub struct ChildProcess {
    /// Keep the child's output to explain failures; else it goes to standard error.
    pub capture: bool,
    /// What is changed for the process. Where it is given, an empty one included, every case runs
    /// in a process of its own and notes what was in force.
    pub setting: Option<Setting>,
}

#[derive(Serialize, Deserialize)]
struct Request {
    /// What to run; nothing when only the setting is tried.
    work: Option<Work>,
    setting: Option<Setting>,
    /// The process that waits for the answer. A prefix may put others between.
    parent: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct Work {
    case: CaseId,
    settings: Settings,
}

/// Facts about the setting of a process, by name.
type InForce = BTreeMap<String, Reading>;

impl Executor for ChildProcess {
    fn is_here(&self, case: &Case) -> bool {
        !case.benchmark.options.isolate && self.setting.is_none()
    }

    fn execute(&self, case: &Case, launch: u32) -> Executed {
        if self.is_here(case) {
            return super::InProcess.execute(case, launch);
        }
        let work = Work { case: case.id.clone(), settings: case.settings.of_launch(launch) };
        match self.ask(Some(work), case.timeout) {
            Ok(Said::Whole(executed)) => executed,
            Ok(Said::Less(reason)) | Err(reason) => Executed::failed(reason),
            Ok(Said::TooLate(reason)) => Executed::without_values(Outcome::TimedOut { reason }),
        }
    }
}

impl ChildProcess {
    /// Starts a process under the setting and asks what is in force there.
    ///
    /// # Errors
    /// It cannot be started so, or something that was asked for has no effect.
    pub fn in_force(&self) -> Result<InForce, String> {
        match self.ask::<Result<InForce, String>>(None, CHECK_TIMEOUT)? {
            Said::Whole(answer) => answer,
            Said::Less(reason) | Said::TooLate(reason) => Err(reason),
        }
    }

    fn ask<T: DeserializeOwned>(
        &self,
        work: Option<Work>,
        timeout: Duration,
    ) -> Result<Said<T>, String> {
        let (command, parent) = self.command()?;
        let cannot = |what: &str, error: io::Error| format!("cannot {what}: {error}");
        let starting = format!("start {}", self.starter());
        let (mut process, socket) =
            Process::start(command, self.capture).map_err(|error| cannot(&starting, error))?;
        let request = Request { work, setting: self.setting.clone(), parent };
        let answer = converse(&socket, &request, timeout);
        if !matches!(answer, Answer::Complete(_)) {
            process.kill();
        }
        let status = process.wait().map_err(|error| cannot("wait for a child process", error));
        Ok(match answer {
            Answer::Complete(text) => judge(&text, status?, &mut process),
            Answer::TooLate => Said::TooLate(format!(
                "killed after its limit of {} s{}{}",
                timeout.as_secs_f64(),
                last_words(&process.output()),
                status.err().map(|why| format!("; {why}")).unwrap_or_default()
            )),
        })
    }

    /// How a child is started, and its parent where that is certain.
    fn command(&self) -> Result<(Command, Option<u32>), String> {
        let program = std::env::current_exe()
            .map_err(|error| format!("cannot find this program's file: {error}"))?;
        let (mut command, direct) = match &self.setting {
            Some(setting) => (setting.command(&program), setting.prefix().is_none()),
            None => (Command::new(program), true),
        };
        command.arg(CHILD_ARGUMENT);
        if self.capture && !command.get_envs().any(|(name, _)| name == "RUST_BACKTRACE") {
            // Only the last line is shown: it must be the reason, not the end of a backtrace.
            command.env("RUST_BACKTRACE", "0");
        }
        Ok((command, direct.then(std::process::id)))
    }

    /// What is started: with the prefix, by which a mistake in it is recognised.
    fn starter(&self) -> String {
        let prefix = self.setting.as_ref().and_then(Setting::prefix);
        prefix.map_or("a child process".to_owned(), |words| {
            format!("a child process with prefix={}", words.join(" "))
        })
    }
}

/// What a child said.
enum Said<T> {
    /// All of it.
    Whole(T),
    /// Less, for this reason.
    Less(String),
    /// Nothing in time.
    TooLate(String),
}

enum Answer {
    /// The child closed its end.
    Complete(Vec<u8>),
    /// It did not in time.
    TooLate,
}

/// Sends the request and reads the answer to its end.
fn converse(socket: &UnixStream, request: &Request, timeout: Duration) -> Answer {
    let deadline = Instant::now() + timeout;
    let request = serde_json::to_vec(request).expect("a request holds only finite numbers");
    // A child that died at once is found out by its empty answer.
    let mut stream = socket;
    let _ = stream.write_all(&request);
    let _ = socket.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let mut chunk = [0; 64 << 10];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || socket.set_read_timeout(Some(left)).is_err() {
            return Answer::TooLate;
        }
        match stream.read(&mut chunk) {
            Ok(0) => return Answer::Complete(answer),
            Ok(read) => answer.extend_from_slice(&chunk[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Answer::TooLate,
            Err(_) => return Answer::Complete(answer),
        }
    }
}

/// A whole answer counts, whatever came after it; else the exit tells what happened.
fn judge<T: DeserializeOwned>(answer: &[u8], status: ExitStatus, process: &mut Process) -> Said<T> {
    if let Ok(whole) = serde_json::from_slice(answer) {
        return Said::Whole(whole);
    }
    let how = match (status.signal(), status.code()) {
        (Some(signal), _) => format!("killed by signal {signal}{}", signal_name(signal)),
        (None, Some(code)) => format!("exited with code {code} before it gave a result"),
        (None, None) => "ended without a result".to_owned(),
    };
    Said::Less(format!("{how}{}", last_words(&process.output())))
}

fn signal_name(signal: i32) -> String {
    let name = nix::sys::signal::Signal::try_from(signal);
    name.map(|name| format!(" ({})", name.as_str())).unwrap_or_default()
}

/// The last line a child printed, as an explanation.
fn last_words(output: &str) -> String {
    let interesting = |line: &&str| !line.trim().is_empty() && !line.starts_with("note: ");
    match output.lines().rfind(interesting) {
        Some(line) => format!(": {}", line.trim().chars().take(300).collect::<String>()),
        None => String::new(),
    }
}

/// The other side: reads the request from standard input, runs the case, writes the answer back.
///
/// # Errors
/// The request cannot be read, names no benchmark, or the answer cannot be written.
pub fn answer_parent() -> Result<(), String> {
    let socket = io::stdin().as_fd().try_clone_to_owned().map_err(|error| error.to_string())?;
    let mut socket = UnixStream::from(socket);
    let mut text = Vec::new();
    socket.read_to_end(&mut text).map_err(|error| format!("cannot read the request: {error}"))?;
    let request: Request =
        serde_json::from_slice(&text).map_err(|error| format!("bad request: {error}"))?;
    die_with(request.parent);
    let answer = match &request.work {
        Some(work) => serde_json::to_vec(&serve(work, request.setting.as_ref())),
        None => serde_json::to_vec(&take_effect(request.setting.as_ref())),
    };
    let answer = answer.map_err(|error| error.to_string())?;
    socket.write_all(&answer).map_err(|error| format!("cannot answer: {error}"))
}

/// Applies the setting, and tells what is in force.
fn take_effect(setting: Option<&Setting>) -> Result<InForce, String> {
    let Some(setting) = setting else { return Ok(InForce::new()) };
    setting.apply()?;
    Ok(setting.in_force())
}

fn serve(work: &Work, setting: Option<&Setting>) -> Executed {
    // Before anything looks at the machine: CPUs and nodes are fewer afterwards.
    let in_force = match take_effect(setting) {
        Ok(in_force) => in_force,
        Err(error) => return Executed::failed(error),
    };
    let found = benchmarks().and_then(|all| {
        let mut all = all.into_iter();
        all.find(|benchmark| benchmark.id() == work.case.benchmark)
            .ok_or_else(|| format!("no benchmark {}", work.case.benchmark))
    });
    let machine = Machine::new(Host::live(), work.settings.profile).install();
    let mut executed = match found {
        Ok(benchmark) => {
            let params = Params(work.case.params.clone());
            execute::execute(benchmark, &params, work.settings, machine)
        }
        Err(error) => Executed::failed(error),
    };
    let known = in_force.into_iter().filter_map(|(name, reading)| match reading {
        Reading::Value(value) => Some((name, value)),
        Reading::Unknown(_) => None,
    });
    executed.facts.extend(known);
    executed
}

/// A harness that is killed takes its child along, so that nothing disturbs the next run.
fn die_with(parent: Option<u32>) {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL);
    if parent.is_some_and(|parent| std::os::unix::process::parent_id() != parent) {
        std::process::exit(1);
    }
}
