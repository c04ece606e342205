//! Functions that are timed themselves: what it takes when they can fail, or are async.

use crate::bencher::{Bencher, Samples, Stop};
use crate::quantity::Seconds;
use crate::resource::Skip;
use std::any::Any;
use std::fmt::Display;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Times a function that can fail. Its first error ends the case: the way to an error has no speed.
///
/// # Errors
/// What the function said; a [`Skip`] stays a skip.
pub fn iter_fallible<O, E: Display + 'static>(
    bencher: &mut Bencher,
    mut f: impl FnMut() -> Result<O, E>,
) -> Result<Samples<Seconds>, Stop> {
    let mut first = None;
    let samples = bencher.iter(|| match f() {
        Ok(output) => Some(output),
        Err(error) => {
            first.get_or_insert(error);
            None
        }
    });
    match first {
        None => Ok(samples),
        Some(error) => Err(match (&error as &dyn Any).downcast_ref::<Skip>() {
            Some(skip) => skip.clone().into(),
            None => Stop::Fail(error.to_string()),
        }),
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls `future` until it is ready and sleeps between its wake-ups. It starts no runtime: a future
/// that needs one brings its own.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            // An early wake-up leaves a token that makes this return at once.
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::block_on;
    use std::future::poll_fn;
    use std::task::Poll;

    #[test]
    fn wakes_up_from_this_thread_and_from_another() {
        let mut polls = 0;
        let value = block_on(poll_fn(|context| {
            polls += 1;
            match polls {
                1 => context.waker().wake_by_ref(),
                2 => {
                    let waker = context.waker().clone();
                    std::thread::spawn(move || waker.wake());
                }
                _ => return Poll::Ready(7),
            }
            Poll::Pending
        }));
        assert_eq!((value, polls), (7, 3));
    }
}
