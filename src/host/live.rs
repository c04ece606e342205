//! Answers from this machine: files, folders, links, programs, CPUID.

use super::{Answer, Kind, Question, Unreadable, affinity, cpulist};
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// The reason for a file that does not exist.
pub(super) const NO_SUCH_FILE: &str = "no such file";
/// Most bytes that are read of one file or one program's output.
const LIMIT: usize = 1 << 20;
const TOOL_TIME: Duration = Duration::from_secs(5);
const TOOL_POLL: Duration = Duration::from_millis(5);

pub(super) fn ask(question: &Question) -> Answer {
    let subject = question.subject.as_str();
    match question.kind {
        Kind::File => file(Path::new(subject)),
        Kind::List => list(Path::new(subject)),
        Kind::Link => link(Path::new(subject)),
        Kind::Tool => tool(subject),
        Kind::Cpuid => hypervisor(),
        Kind::Affinity => affinity::allowed_cpus()
            .map(|cpus| cpulist::format(&cpus).into_bytes())
            .map_err(|error| unreadable(&error)),
    }
}

/// The contents of a regular file; anything else could block for ever.
pub(super) fn file(path: &Path) -> Answer {
    if !fs::metadata(path).map_err(|error| unreadable(&error))?.is_file() {
        return Err(Unreadable::because("not a file"));
    }
    fs::File::open(path).and_then(limited).map_err(|error| unreadable(&error))
}

pub(super) fn list(path: &Path) -> Answer {
    let entries = fs::read_dir(path).map_err(|error| unreadable(&error))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.collect();
    names.sort();
    Ok(names.join("\n").into_bytes())
}

pub(super) fn link(path: &Path) -> Answer {
    match fs::read_link(path) {
        Ok(target) => Ok(target.to_string_lossy().into_owned().into_bytes()),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            Err(Unreadable::because("not a link"))
        }
        Err(error) => Err(unreadable(&error)),
    }
}

/// At most [`LIMIT`] bytes. What is longer ends with its last whole line and a note.
fn limited(source: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(LIMIT as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > LIMIT {
        let last_line = bytes[..LIMIT].iter().rposition(|byte| *byte == b'\n');
        bytes.truncate(last_line.map_or(LIMIT, |end| end + 1));
        bytes.extend_from_slice(b"[vbench: cut after 1 MiB]\n");
    }
    Ok(bytes)
}

fn unreadable(error: &io::Error) -> Unreadable {
    match error.kind() {
        io::ErrorKind::NotFound => Unreadable::because(NO_SUCH_FILE),
        io::ErrorKind::PermissionDenied => Unreadable::because("permission denied"),
        _ => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            Unreadable::because(text.to_lowercase())
        }
    }
}

fn tool(command: &str) -> Answer {
    let mut words = command.split_whitespace();
    let program = words.next().unwrap_or_default();
    let child = Command::new(program)
        .args(words)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Unreadable::because(format!("{program} is not installed")));
        }
        Err(error) => {
            return Err(Unreadable::because(format!("{program}: {}", unreadable(&error))));
        }
    };
    let deadline = Instant::now() + TOOL_TIME;
    let output = drain(&mut child);
    let late = || Unreadable::because(format!("{program} took longer than {TOOL_TIME:?}"));
    let status = finished(&mut child, deadline).ok_or_else(late)?;
    if !status.success() {
        return Err(Unreadable::because(format!("{program} failed: {status}")));
    }
    // A grandchild can hold the pipe open after the program has ended.
    let rest = deadline.saturating_duration_since(Instant::now());
    output.recv_timeout(rest).map_err(|_| late())?.map_err(|error| unreadable(&error))
}

/// Reads the output on a thread of its own, so that a full pipe cannot stop the program.
fn drain(child: &mut Child) -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    if let Some(mut output) = child.stdout.take() {
        thread::spawn(move || {
            let read = limited(&mut output);
            let drained = io::copy(&mut output, &mut io::sink());
            // The receiver is gone when the program took too long.
            let _ = sender.send(drained.and(read));
        });
    }
    receiver
}

/// Waits until `deadline`, then kills.
fn finished(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    while Instant::now() < deadline {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) => thread::sleep(TOOL_POLL),
            Err(_) => break,
        }
    }
    // Errors mean that it has ended by itself.
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// The signature in leaf 0x4000_0000, which hypervisors agreed on; empty without a hypervisor.
/// Source: Linux Documentation/virt/kvm/x86/cpuid.rst.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn hypervisor() -> Answer {
    let features = raw_cpuid::CpuId::new().get_feature_info();
    if !features.is_some_and(|features| features.has_hypervisor()) {
        return Ok(Vec::new());
    }
    let leaf = raw_cpuid::native_cpuid::cpuid_count(0x4000_0000, 0);
    let words = [leaf.ebx, leaf.ecx, leaf.edx];
    let bytes =
        words.iter().flat_map(|word| word.to_le_bytes()).filter(|byte| *byte != 0).collect();
    let hidden = || Unreadable::because("a hypervisor without a signature in CPUID");
    Some(bytes).filter(|bytes: &Vec<u8>| !bytes.is_empty()).ok_or_else(hidden)
}

#[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
fn hypervisor() -> Answer {
    Err(Unreadable::because("only x86 CPUs have CPUID"))
}

#[cfg(test)]
mod tests {
    use super::{LIMIT, file, limited, link, list, tool};
    use std::path::Path;

    fn reason<T: std::fmt::Debug>(answer: Result<T, super::Unreadable>) -> String {
        answer.expect_err("a reason").reason().to_owned()
    }

    #[test]
    fn failures_have_short_reasons() {
        assert_eq!(reason(file(Path::new("/proc/no-such-file"))), "no such file");
        assert_eq!(reason(file(Path::new("/proc"))), "not a file");
        assert_eq!(reason(list(Path::new("/proc/no-such-folder"))), "no such file");
        assert_eq!(reason(link(Path::new("/proc/version"))), "not a link");
        assert_eq!(reason(tool("no-such-program --version")), "no-such-program is not installed");
        assert_eq!(reason(tool("false")), "false failed: exit status: 1");
    }

    #[test]
    fn programs_answer_with_their_output() {
        assert_eq!(tool("echo two words"), Ok(b"two words\n".to_vec()));
        let long = tool("head -c 3000000 /dev/zero").expect("a long output");
        assert!(long.len() < LIMIT + 64);
    }

    #[test]
    fn what_is_too_long_ends_with_a_whole_line_and_a_note() {
        let text = "0123456789\n".repeat(LIMIT / 10);
        let read = limited(text.as_bytes()).expect("a slice reads");
        let read = String::from_utf8(read).expect("ASCII");
        assert!(read.ends_with("0123456789\n[vbench: cut after 1 MiB]\n"));
        assert!(read.len() < LIMIT + 64);
    }
}
