//! A child in a process group of its own, its output kept, killed as a whole.

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// As much of a child's output as is kept to explain a failure.
const KEPT_OUTPUT: usize = 64 << 10;
/// How long the rest of the output is waited for once the child is gone. A grandchild that went
/// its own way may hold the pipe open for ever.
const OUTPUT_GRACE: Duration = Duration::from_millis(500);

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

    /// Waits for the child's end.
    ///
    /// # Errors
    /// What the system says.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait();
        // Whatever the child left running would disturb the next launch.
        self.kill();
        status
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
