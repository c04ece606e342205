//! The system calls that are measured, and those that count what disturbed them.
#![expect(unsafe_code, reason = "each is one system call without a safe wrapper in std")]

use std::fs::File;
use std::io;
use std::os::fd::FromRawFd;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// One of the system's clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockId(libc::clockid_t);

/// Never set back, slewed by time synchronisation.
pub const MONOTONIC: ClockId = ClockId(libc::CLOCK_MONOTONIC);
/// Never set back nor slewed.
pub const MONOTONIC_RAW: ClockId = ClockId(libc::CLOCK_MONOTONIC_RAW);
/// As of the last timer tick.
pub const MONOTONIC_COARSE: ClockId = ClockId(libc::CLOCK_MONOTONIC_COARSE);
/// The time of day.
pub const REALTIME: ClockId = ClockId(libc::CLOCK_REALTIME);

const NANOS: u64 = 1_000_000_000;

/// Nanoseconds on a clock; zero where it does not exist.
#[inline]
pub fn nanos(clock: ClockId) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one `timespec`, which outlives the call.
    unsafe { libc::clock_gettime(clock.0, &raw mut time) };
    time.tv_sec as u64 * NANOS + time.tv_nsec as u64
}

/// Sleeps until `deadline` nanoseconds on the monotonic clock.
pub fn sleep_until(deadline: u64) {
    let time = libc::timespec {
        tv_sec: (deadline / NANOS) as libc::time_t,
        tv_nsec: (deadline % NANOS) as libc::c_long,
    };
    // A signal ends the sleep early: go on sleeping.
    // SAFETY: the kernel reads one `timespec`; nothing is written without a remainder.
    while unsafe {
        libc::clock_nanosleep(
            libc::CLOCK_MONOTONIC,
            libc::TIMER_ABSTIME,
            &raw const time,
            std::ptr::null_mut(),
        )
    } == libc::EINTR
    {}
}

/// Gives the calling thread a real-time priority, the one that cyclictest is usually run with.
///
/// # Errors
/// It is not allowed: no capability, no limit, or a control group without real-time share.
pub fn become_realtime() -> io::Result<()> {
    /// `cyclictest --priority=80`, as its manual page suggests.
    const PRIORITY: libc::c_int = 80;
    let parameters = libc::sched_param { sched_priority: PRIORITY };
    // SAFETY: the kernel reads one `sched_param`, which outlives the call.
    let result = unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const parameters) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Nanoseconds by which the kernel may delay wake-ups of the calling thread.
pub fn timer_slack() -> Option<u64> {
    // SAFETY: this request reads one number of the calling thread.
    let slack = unsafe { libc::prctl(libc::PR_GET_TIMERSLACK) };
    u64::try_from(slack).ok()
}

/// Sleeps while `word` holds `value`, a second at most.
pub fn wait(word: &AtomicU32, value: u32) {
    let limit = libc::timespec { tv_sec: 1, tv_nsec: 0 };
    let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the kernel reads the word and the time, which both outlive the call.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, value, &raw const limit) };
}

/// Wakes one thread that sleeps on `word`.
pub fn wake(word: &AtomicU32) {
    let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the kernel only uses the address of the word.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, 1) };
}

/// A counter in the kernel that a reader sleeps on.
///
/// # Errors
/// The system gives no more descriptors.
pub fn event() -> io::Result<File> {
    // SAFETY: this call takes two numbers.
    let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was opened above, and nobody else has it.
    Ok(unsafe { File::from_raw_fd(descriptor) })
}

/// What the kernel is asked for about memory barriers: membarrier(2), linux/membarrier.h.
const BARRIER: libc::c_int = 1 << 3;
const REGISTER_FOR_BARRIERS: libc::c_int = 1 << 4;

/// Lets this process use [`interrupt_others`].
///
/// # Errors
/// The kernel is older than 4.14, or a filter forbids it.
pub fn register_interrupts() -> io::Result<()> {
    barrier(REGISTER_FOR_BARRIERS)
}

/// Interrupts every CPU that runs a thread of this process, and waits until all have answered.
///
/// # Errors
/// The process has not registered.
pub fn interrupt_others() -> io::Result<()> {
    barrier(BARRIER)
}

fn barrier(command: libc::c_int) -> io::Result<()> {
    // SAFETY: this call takes three numbers.
    let result = unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The cheapest call that enters the kernel: no library answers it by itself.
#[inline]
pub fn parent_id() -> i64 {
    // SAFETY: this call reads one number.
    unsafe { libc::syscall(libc::SYS_getppid) }
}

/// Involuntary and voluntary switches of the calling thread so far.
pub fn switches() -> Option<[u64; 2]> {
    // SAFETY: all zeros is a value of this plain struct.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes one `rusage`, which outlives the call.
    let result = unsafe { libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage) };
    let counts = [usage.ru_nivcsw, usage.ru_nvcsw].map(|count| u64::try_from(count).unwrap_or(0));
    (result == 0).then_some(counts)
}

/// Holds pages in memory until dropped.
pub struct Locked<'a>(&'a [u8]);

impl<'a> Locked<'a> {
    /// Locks the pages of `bytes`.
    ///
    /// # Errors
    /// What the system says; without privilege a limit stands against it.
    pub fn new(bytes: &'a [u8]) -> io::Result<Self> {
        // SAFETY: locking changes where pages may go, not what they hold; the range is borrowed.
        let result = unsafe { libc::mlock(bytes.as_ptr().cast(), bytes.len()) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(Self(bytes)) }
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // SAFETY: as for locking, and the range was locked by `new`.
        unsafe { libc::munlock(self.0.as_ptr().cast(), self.0.len()) };
    }
}

/// At most this many nanoseconds after now, on the monotonic clock.
pub fn after(length: Duration) -> u64 {
    nanos(MONOTONIC) + length.as_nanos() as u64
}

#[cfg(test)]
mod tests {
    use super::{
        Locked, MONOTONIC, MONOTONIC_RAW, after, nanos, parent_id, sleep_until, switches, wait,
        wake,
    };
    use std::sync::atomic::AtomicU32;
    use std::time::Duration;

    #[test]
    fn calls_answer_what_std_answers() {
        assert_eq!(parent_id(), i64::from(std::os::unix::process::parent_id()));
        assert!(nanos(MONOTONIC) > 0 && nanos(MONOTONIC_RAW) > 0);
        assert!(switches().is_some());
    }

    #[test]
    fn a_deadline_that_has_passed_wakes_at_once() {
        sleep_until(0);
        let deadline = after(Duration::ZERO);
        sleep_until(deadline);
        assert!(nanos(MONOTONIC) >= deadline);
    }

    #[test]
    fn a_word_with_another_value_is_not_waited_for() {
        let word = AtomicU32::new(1);
        wait(&word, 0);
        wake(&word);
    }

    #[test]
    fn pages_are_locked_or_refused() {
        let bytes = vec![1_u8; 4096];
        if let Err(error) = Locked::new(&bytes) {
            assert!(!error.to_string().is_empty());
        }
    }
}
