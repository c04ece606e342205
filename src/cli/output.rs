//! Standard output that remembers whether everything was written: a full disk is an error, a reader
//! that has read enough is not. And files that a user named.

use super::{OK, USAGE};
use crate::store;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Writes a file that a user named, whole or not at all: an earlier one stays where the new one
/// cannot be written. Only a file beside which or onto which nothing can be put, and what is no
/// regular file (a device, a pipe), is written in its place.
///
/// # Errors
/// The file, why it cannot be written, and what to do about it; `elsewhere` names another place.
pub fn write_file(path: &Path, bytes: &[u8], elsewhere: &str) -> Result<(), String> {
    // The file that a link leads to is replaced, and the link stays.
    let place = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let in_place = || {
        std::fs::write(&place, bytes).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()))
        })
    };
    let written = match std::fs::metadata(&place) {
        Ok(there) if !there.is_file() => in_place(),
        there => match store::replace(&place, |out| out.write_all(bytes)) {
            Err(error) if there.is_ok() && is_closed(&error) => in_place(),
            written => written,
        },
    };
    written.map_err(|error| {
        let remedy = match error.kind() {
            ErrorKind::FileTooLarge | ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                store::remedy(&error)
            }
            _ => elsewhere,
        };
        format!("{error}\n  {remedy}")
    })
}

/// A folder that takes no other file, or a file that another cannot take the place of.
fn is_closed(error: &io::Error) -> bool {
    use ErrorKind::{PermissionDenied, ReadOnlyFilesystem, ResourceBusy};
    matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem | ResourceBusy)
}

/// A stream with the first error of writing to it.
pub struct Output<W> {
    stream: W,
    failed: Option<io::Error>,
}

impl<W: Write> Output<W> {
    /// Nothing has failed yet.
    pub fn new(stream: W) -> Self {
        Self { stream, failed: None }
    }

    /// Writes what is left. Gives `code`, or that of an error where a command that went well could
    /// not write all it found; a closed pipe is how `head` ends.
    pub fn end(mut self, code: u8, err: &mut dyn Write) -> u8 {
        let _ = self.flush();
        match self.failed {
            Some(error) if error.kind() != ErrorKind::BrokenPipe => {
                let _ = writeln!(err, "error: cannot write to standard output: {error}");
                if code == OK { USAGE } else { code }
            }
            _ => code,
        }
    }

    fn remember<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        done.map_err(|error| {
            let kind = error.kind();
            if kind != ErrorKind::Interrupted && self.failed.is_none() {
                self.failed = Some(error);
            }
            kind.into()
        })
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let done = self.stream.write(bytes);
        self.remember(done)
    }

    fn flush(&mut self) -> io::Result<()> {
        let done = self.stream.flush();
        self.remember(done)
    }
}

#[cfg(test)]
mod tests {
    use super::{Output, USAGE, write_file};
    use std::io::{self, ErrorKind, Write};
    use std::path::Path;

    /// A stream that takes `room` bytes and then fails.
    struct Full(usize, ErrorKind);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            if taken == 0 { Err(self.1.into()) } else { Ok(taken) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Exit code and what is said of two lines on a stream with `room` bytes.
    fn ended(room: usize, kind: ErrorKind, code: u8) -> (u8, String) {
        let (mut out, mut said) = (Output::new(Full(room, kind)), Vec::new());
        let _ = writeln!(out, "one");
        let _ = writeln!(out, "two");
        (out.end(code, &mut said), String::from_utf8(said).unwrap())
    }

    #[test]
    fn a_file_is_replaced_whole_and_a_link_to_it_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "old").unwrap();
        // Another name of the old content: it is replaced, and not written over.
        std::fs::hard_link(&file, folder.path().join("kept")).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_file(&link, b"new", "name another").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(std::fs::read_to_string(folder.path().join("kept")).unwrap(), "old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn devices_and_folders_are_not_replaced() {
        write_file(Path::new("/dev/null"), b"new", "name another").unwrap();
        assert!(!Path::new("/dev/null").is_file());
        let full = write_file(Path::new("/dev/full"), b"new", "name another").unwrap_err();
        assert!(full.contains("/dev/full") && full.ends_with("\n  make room"), "{full}");
        let folder = tempfile::tempdir().unwrap();
        let said = write_file(folder.path(), b"new", "name another").unwrap_err();
        assert!(said.contains("cannot write") && said.ends_with("\n  name another"), "{said}");
    }

    #[test]
    fn lost_results_are_an_error_and_a_closed_pipe_is_none() {
        assert_eq!(ended(100, ErrorKind::StorageFull, 0), (0, String::new()));
        assert_eq!(ended(5, ErrorKind::BrokenPipe, 0), (0, String::new()));
        for room in [0, 5] {
            let (code, said) = ended(room, ErrorKind::StorageFull, 0);
            assert_eq!(code, USAGE);
            assert!(said.starts_with("error: cannot write to standard output: "), "{said}");
        }
        // What the command found stays the answer.
        assert_eq!(ended(0, ErrorKind::StorageFull, 1).0, 1);
    }
}
