//! A limit for what runs inside this process. No thread can be ended while it waits in a library, so
//! that the process has to end; another thread does what is to be done before.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How long the end of the process may take. Libraries that hang may hang once more when they are
/// told that it ends.
const LAST: Duration = Duration::from_secs(5);

/// What `work` gives. Where it takes longer than `limit`, another thread does `late`.
pub fn within<T>(limit: Duration, late: impl FnOnce() + Send, work: impl FnOnce() -> T) -> T {
    let (working, ends) = mpsc::channel::<()>();
    thread::scope(|scope| {
        // Without a thread there is no limit, as there would be none without this module.
        let _ = thread::Builder::new().spawn_scoped(scope, move || {
            if ends.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                late();
            }
        });
        // A panic must end the wait too: the sender is dropped here either way.
        let _working = working;
        work()
    })
}

/// Ends this process with `code` whatever its other threads wait for.
pub fn end(code: u8) -> ! {
    let _ = thread::Builder::new().spawn(|| {
        thread::sleep(LAST);
        let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL);
    });
    std::process::exit(i32::from(code))
}

#[cfg(test)]
mod tests {
    use super::within;
    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn what_ends_in_time_is_not_late() {
        let (said, late) = mpsc::channel::<()>();
        let given = within(Duration::from_secs(3600), move || said.send(()).unwrap(), || 7);
        assert_eq!((given, late.try_recv().is_ok()), (7, false));
    }

    #[test]
    fn what_does_not_end_is_told_while_it_hangs() {
        let (said, late) = mpsc::channel();
        // It ends only once it was called late.
        let given = within(Duration::from_millis(1), move || said.send(7).unwrap(), || late.recv());
        assert_eq!(given, Ok(7));
    }

    #[test]
    fn a_panic_does_not_wait_for_the_limit() {
        let panics = || within(Duration::from_secs(3600), || {}, || panic!("now"));
        assert!(std::panic::catch_unwind(panics).is_err());
    }
}
