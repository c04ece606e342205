//! Standard output that remembers whether everything was written: a full disk is an error, a reader
//! that has read enough is not.

use super::{OK, USAGE};
use std::io::{self, ErrorKind, Write};

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
    use super::{Output, USAGE};
    use std::io::{self, ErrorKind, Write};

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
