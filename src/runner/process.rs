//! A child in a process group of its own, its output kept, killed as a whole.

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// As much of a child's output as is kept to explain a failure.
const KEPT_OUTPUT: usize = 64 << 10;
/// How long the rest of the output is waited for once the child is gone. A grandchild that went
/// its own way may hold the pipe open for ever.
const OUTPUT_GRACE: Duration = Duration::from_millis(500);

/// How long a child may take to end. Freeing a terabyte of memory takes a minute.
const END_GRACE: Duration = Duration::from_secs(90);
/// Between two looks whether it ended: short beside a launch.
const PAUSE: Duration = Duration::from_millis(1);

/// A running child, a socket to it, and its output so far.
pub struct Process {
    child: Child,
    output: Option<mpsc::Receiver<Vec<u8>>>,
}

impl Process {
    /// Starts `command` with one end of a socket as its standard input, and gives the other end.
    /// Its output is kept, or goes to this process's standard error.
    ///
    /// # Errors
    /// What the system says.
    pub fn start(mut command: Command, capture: bool) -> io::Result<(Self, UnixStream)> {
        let (ours, theirs) = UnixStream::pair()?;
        command.stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)));
        // A group of its own: Ctrl-C at the terminal reaches the harness alone, which lets the
        // launch in flight finish.
        command.process_group(0);
        let output = if capture {
            let (reader, writer) = io::pipe()?;
            command.stdout(writer.try_clone()?).stderr(writer);
            Some(keep_tail(reader))
        } else {
            let stderr = || io::stderr().as_fd().try_clone_to_owned().map(Stdio::from);
            command.stdout(stderr()?).stderr(stderr()?);
            None
        };
        let child = command.spawn()?;
        // `command` holds the child's ends of socket and pipe: dropped here, so that both end
        // with the child.
        drop(command);
        Ok((Self { child, output }, ours))
    }

    /// Kills the child and everything it started.
    pub fn kill(&mut self) {
        if let Ok(id) = i32::try_from(self.child.id()) {
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
        let _ = self.child.kill();
    }

    /// Waits for the child's end, for as long as a child takes that was killed or has answered. One
    /// that waits in the kernel, for a lost device say, may never end.
    ///
    /// # Errors
    /// What the system says, or that it does not end.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        self.wait_for(END_GRACE)
    }

    fn wait_for(&mut self, grace: Duration) -> io::Result<ExitStatus> {
        let status = self.ended_within(grace);
        // Whatever the child left running would disturb the next launch.
        self.kill();
        status
    }

    fn ended_within(&mut self, grace: Duration) -> io::Result<ExitStatus> {
        let began = Instant::now();
        loop {
            match self.child.try_wait()? {
                Some(status) => return Ok(status),
                None if began.elapsed() < grace => std::thread::sleep(PAUSE),
                None => {
                    let id = self.child.id();
                    let text = format!(
                        "process {id} has not ended {} s after it should: it waits in the kernel, \
                         which /proc/{id}/stack and the kernel's log tell of",
                        grace.as_secs_f64()
                    );
                    return Err(io::Error::new(io::ErrorKind::TimedOut, text));
                }
            }
        }
    }

    /// The end of what the child printed.
    pub fn output(&mut self) -> String {
        let Some(output) = self.output.take() else { return String::new() };
        let bytes = output.recv_timeout(OUTPUT_GRACE).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn keep_tail(mut reader: io::PipeReader) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        let mut chunk = [0; 4096];
        while let Ok(read @ 1..) = reader.read(&mut chunk) {
            kept.extend_from_slice(&chunk[..read]);
            let excess = kept.len().saturating_sub(KEPT_OUTPUT);
            kept.drain(..excess);
        }
        let _ = sender.send(kept);
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::Process;
    use std::process::Command;
    use std::time::Duration;

    #[test]
    fn a_child_that_does_not_end_is_given_up_with_its_number() {
        let mut command = Command::new("sleep");
        command.arg("600");
        let (mut process, _socket) = Process::start(command, true).unwrap();
        let id = process.child.id();
        let why = process.wait_for(Duration::ZERO).unwrap_err().to_string();
        assert!(why.starts_with(&format!("process {id} has not ended 0 s after")), "{why}");
        // It was killed when it was given up.
        assert!(process.wait().is_ok_and(|status| !status.success()));
    }
}
