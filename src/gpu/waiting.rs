//! Waiting for a driver that may never answer: a hung kernel module or a lost device holds whoever
//! asks for ever.

use super::Fault;
use std::cell::Cell;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long a driver may take to start. Without the persistence daemon it wakes every device first,
/// one to two seconds each, so that eight take some fifteen.
const PATIENCE: Duration = Duration::from_secs(30);
/// Seconds in its place.
const VARIABLE: &str = "VBENCH_DRIVER_SECONDS";

fn patience() -> Duration {
    let seconds = std::env::var(VARIABLE).ok().and_then(|text| text.trim().parse().ok());
    let given = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    given.filter(|given| !given.is_zero()).unwrap_or(PATIENCE)
}

/// What `open` gives on a thread of its own, which is left behind when it takes too long.
///
/// # Errors
/// What `open` says, or that it says nothing.
pub(super) fn within<T: Send + 'static>(
    driver: &str,
    open: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    answer(driver, patience(), open)
}

fn answer<T: Send + 'static>(
    driver: &str,
    patience: Duration,
    open: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let (sender, receiver) = mpsc::channel();
    let started = thread::Builder::new().spawn(move || {
        let _ = sender.send(open());
    });
    started.map_err(|error| Fault::Failed(format!("{driver}: cannot start a thread: {error}")))?;
    match receiver.recv_timeout(patience) {
        Ok(given) => given,
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            Err(Fault::Failed(format!("the {driver} driver panicked when it was opened")))
        }
        Err(mpsc::RecvTimeoutError::Timeout) => Err(Fault::Absent(format!(
            "the {driver} driver did not answer in {} s: look into the kernel's log, or give it \
             longer with {VARIABLE}",
            patience.as_secs_f64()
        ))),
    }
}

thread_local! {
    /// Nothing while drivers may be opened, else whether one was asked for.
    static CLOSED: Cell<Option<bool>> = const { Cell::new(None) };
}

/// What `f` gives while this thread opens no driver, and whether it would have opened one: lists
/// then have one device where there may be several.
pub fn unopened<T>(f: impl FnOnce() -> T) -> (T, bool) {
    let before = CLOSED.replace(Some(false));
    let given = f();
    (given, CLOSED.replace(before).unwrap_or(false))
}

/// # Errors
/// This thread opens none now.
pub(super) fn allowed() -> Result<(), Fault> {
    CLOSED.with(|closed| match closed.get() {
        None => Ok(()),
        Some(_) => {
            closed.set(Some(true));
            Err(Fault::Absent("no driver was opened".to_owned()))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{Fault, allowed, answer, unopened};
    use std::time::Duration;

    #[test]
    fn a_driver_that_never_answers_is_given_up_with_the_reason() {
        let hangs = || loop {
            std::thread::park();
        };
        let fault = answer::<()>("CUDA", Duration::from_millis(1), hangs).unwrap_err();
        let text = "the CUDA driver did not answer in 0.001 s";
        assert!(fault.is_lack() && fault.to_string().starts_with(text), "{fault}");
        let long = Duration::from_secs(3600);
        assert_eq!(answer("CUDA", long, || Ok(7)), Ok(7));
        let lost = Fault::Failed("lost".to_owned());
        assert_eq!(
            answer::<()>("CUDA", long, {
                let lost = lost.clone();
                || Err(lost)
            }),
            Err(lost)
        );
    }

    #[test]
    fn a_thread_that_opens_none_tells_whether_it_would_have() {
        assert_eq!(unopened(|| 7), (7, false));
        let (asked, would) = unopened(|| allowed().is_err());
        assert!(asked && would);
        assert_eq!(allowed(), Ok(()));
    }
}
