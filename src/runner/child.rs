//! One process per launch: this program again, told over a socket what to run.

use super::process::Process;
use super::{Executed, Executor, execute};
use crate::axis::Params;
use crate::bencher::Settings;
use crate::benchmark::benchmarks;
use crate::host::Host;
use crate::machine::Machine;
use crate::plan::Case;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};
use vbench_results::{CaseId, Outcome};

/// The one argument that makes a program with benchmarks answer as a child.
pub const CHILD_ARGUMENT: &str = "__vbench-child";

/// Runs each launch in a process of its own, killed at its time limit.
pub struct ChildProcess {
    /// Keep the child's output to explain failures; else it goes to standard error.
    pub capture: bool,
}

#[derive(Serialize, Deserialize)]
struct Request {
    case: CaseId,
    settings: Settings,
    parent: u32,
}

impl Executor for ChildProcess {
    fn execute(&self, case: &Case, launch: u32) -> Executed {
        if !case.benchmark.options.isolate {
            return super::InProcess.execute(case, launch);
        }
        match self.attempt(case) {
            Ok(executed) => executed,
            Err(error) => Executed::failed(format!("cannot start a child process: {error}")),
        }
    }
}

impl ChildProcess {
    fn attempt(&self, case: &Case) -> io::Result<Executed> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(CHILD_ARGUMENT);
        if self.capture {
            // Only the last line is shown: it must be the reason, not the end of a backtrace.
            command.env("RUST_BACKTRACE", "0");
        }
        let (mut process, socket) = Process::start(command, self.capture)?;
        let request =
            Request { case: case.id.clone(), settings: case.settings, parent: std::process::id() };
        let answer = converse(&socket, &request, case.timeout);
        if !matches!(answer, Answer::Complete(_)) {
            process.kill();
        }
        let status = process.wait()?;
        Ok(match answer {
            Answer::Complete(text) => judge(&text, status, &mut process),
            Answer::TooLate => Executed::without_values(Outcome::TimedOut {
                reason: format!(
                    "killed after its limit of {} s{}",
                    case.timeout.as_secs_f64(),
                    last_words(&process.output())
                ),
            }),
        })
    }
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
fn judge(answer: &[u8], status: ExitStatus, process: &mut Process) -> Executed {
    if let Ok(executed) = serde_json::from_slice::<Executed>(answer) {
        return executed;
    }
    let how = match (status.signal(), status.code()) {
        (Some(signal), _) => format!("killed by signal {signal}{}", signal_name(signal)),
        (None, Some(code)) => format!("exited with code {code} before it gave a result"),
        (None, None) => "ended without a result".to_owned(),
    };
    Executed::failed(format!("{how}{}", last_words(&process.output())))
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
    let executed = serve(&request);
    let answer = serde_json::to_vec(&executed).map_err(|error| error.to_string())?;
    socket.write_all(&answer).map_err(|error| format!("cannot answer: {error}"))
}

fn serve(request: &Request) -> Executed {
    let found = benchmarks().and_then(|all| {
        let mut all = all.into_iter();
        all.find(|benchmark| benchmark.id() == request.case.benchmark)
            .ok_or_else(|| format!("no benchmark {}", request.case.benchmark))
    });
    let machine = Machine::new(Host::live(), request.settings.profile).install();
    match found {
        Ok(benchmark) => {
            let params = Params(request.case.params.clone());
            execute::execute(benchmark, &params, request.settings, machine)
        }
        Err(error) => Executed::failed(error),
    }
}

/// A harness that is killed takes its child along, so that nothing disturbs the next run.
fn die_with(parent: u32) {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL);
    if std::os::unix::process::parent_id() != parent {
        std::process::exit(1);
    }
}
