//! Benchmarks that fail. All are ignored, so that only tests that ask for them see them.
#![allow(unsafe_code, reason = "a segmentation fault needs a bad pointer")]

use vbench::prelude::*;

/// Panics in the body.
#[vbench(kind = "fault", ignore = "panics")]
fn panics(b: &mut Bencher) -> Samples<Seconds> {
    b.iter(|| assert_eq!(std::hint::black_box(1), 2, "numbers differ"))
}

/// Panics on a thread of a team.
#[vbench(kind = "fault", ignore = "panics on a thread")]
fn panics_on_thread(b: &mut Bencher) -> Result<Samples<Seconds>, Skip> {
    let team = Team::floating(2)?;
    Ok(b.samples(|t| {
        t.time(|| team.broadcast(|worker| assert!(worker.index != 1, "worker 1 gives up")))
    }))
}

/// Aborts the process.
#[vbench(kind = "fault", ignore = "aborts")]
fn aborts() {
    eprintln!("last words");
    std::process::abort();
}

/// Exits in the middle.
#[vbench(kind = "fault", ignore = "exits")]
fn exits() {
    std::process::exit(3);
}

/// Exits in the middle as if all were well.
#[vbench(kind = "fault", ignore = "exits with 0")]
fn exits_quietly() {
    std::process::exit(0);
}

/// Never ends.
#[vbench(kind = "fault", ignore = "never ends", timeout = 1)]
fn never_ends() {
    loop {
        std::hint::spin_loop();
    }
}

/// Leaves a process behind that never ends, and does not end itself.
#[vbench(kind = "fault", ignore = "never ends", timeout = 1)]
fn never_ends_with_child(b: &mut Bencher) -> Result<Samples<Seconds>, Failed> {
    let mut child = std::process::Command::new("sleep").arg("1000").spawn()?;
    child.wait()?;
    Ok(b.iter(|| ()))
}

/// Reads where nothing is.
#[vbench(kind = "fault", ignore = "segmentation fault")]
fn segfaults() -> u8 {
    let nowhere = std::hint::black_box(8 as *const u8);
    // SAFETY: none; this is the fault that the test is about.
    unsafe { nowhere.read_volatile() }
}

/// Asks for more memory than there is.
#[vbench(kind = "fault", ignore = "allocation failure")]
fn allocates_too_much() -> Vec<u8> {
    Vec::with_capacity(std::hint::black_box(1 << 60))
}

/// Overflows its stack.
#[vbench(kind = "fault", ignore = "stack overflow")]
fn overflows_stack() -> u64 {
    fn down(depth: u64) -> u64 {
        let frame = std::hint::black_box([depth; 512]);
        if frame[7] == u64::MAX { 0 } else { 1 + down(depth + 1) }
    }
    down(0)
}

/// Gives a wrong answer fast.
#[vbench(kind = "fault", ignore = "wrong answer")]
fn wrong_answer(b: &mut Bencher) -> Samples<Seconds> {
    b.check(1 + 1 == 3, "1 + 1 is 2, expected 3");
    b.iter(|| std::hint::black_box(1))
}

/// Returns an error.
#[vbench(kind = "fault", ignore = "error")]
fn error(b: &mut Bencher) -> Result<Samples<Seconds>, Failed> {
    std::fs::read("/nonexistent/input")?;
    Ok(b.iter(|| ()))
}

/// Gives a value that is no number.
#[vbench(kind = "fault", ignore = "not a number")]
fn not_a_number(b: &mut Bencher) -> Samples<Seconds> {
    b.samples(|_| Seconds(f64::NAN))
}

/// Times nothing at all.
#[vbench(kind = "fault", ignore = "under the clock's resolution")]
fn too_short(b: &mut Bencher) -> Samples<Seconds> {
    struct Stopped;
    impl Clock for Stopped {
        fn start(&mut self) {}
        fn stop(&mut self) -> f64 {
            0.0
        }
        fn resolution(&self) -> f64 {
            1e-9
        }
        fn cost(&self) -> f64 {
            1e-9
        }
    }
    b.clock(Stopped).samples(|t| t.time(|| ()))
}
