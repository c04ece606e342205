//! Benchmarks that fail. All are ignored, so that only tests that ask for them see them.
#![allow(unsafe_code, reason = "a segmentation fault needs a bad pointer")]

use std::sync::Arc;
use vbench::gpu::stub::{Answer, Call, Stub};
use vbench::gpu::{Driver, Dtype, Fault, gpus};
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

/// What a GPU does that fails, by the script of a simulated one.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    Hangs,
    Lost,
    Wrong,
    Full,
    OldDriver,
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", format!("{self:?}").to_lowercase())
    }
}

impl std::str::FromStr for Trouble {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Hangs, Self::Lost, Self::Wrong, Self::Full, Self::OldDriver];
        let found = all.into_iter().find(|trouble| trouble.to_string() == text);
        found.ok_or_else(|| format!("{text:?} is no trouble"))
    }
}

impl Trouble {
    fn stub(self) -> Stub {
        let fault = |fault| Answer::Fault(fault);
        let (call, answer) = match self {
            Self::Hangs => (Call::Synchronize, Answer::Hang),
            Self::Lost => {
                (Call::Synchronize, fault(Fault::Failed("the GPU fell off the bus".into())))
            }
            Self::Wrong => (Call::Multiply, Answer::Wrong),
            Self::Full => (Call::Allocate, fault(Fault::Memory("needs 9 MiB, 1 MiB free".into()))),
            Self::OldDriver => {
                (Call::Count, fault(Fault::Absent("the driver knows CUDA 11.4".into())))
            }
        };
        Stub::with_devices(1).answering(call, 0, answer)
    }
}

/// Multiplies on a simulated GPU that is in trouble.
#[vbench(kind = "fault", ignore = "a GPU in trouble", timeout = 1)]
fn gpu(
    b: &mut Bencher,
    #[axis([Trouble::Hangs])] trouble: Trouble,
) -> Result<Samples<Seconds>, Stop> {
    let driver: Arc<dyn Driver> = Arc::new(trouble.stub());
    let gpu = gpus(&driver)?.remove(0);
    let product = gpu.product(16, Dtype::F32, 1)?;
    let samples = b.try_samples(|_| {
        let times = gpu.batch(2, |queue| {
            queue.mark()?;
            queue.multiply(&product)?;
            queue.mark()
        })?;
        times.total().map(Seconds)
    })?;
    let verified = product.verify(8, 1)?;
    b.check(verified.is_ok(), verified.err().unwrap_or_default());
    Ok(samples)
}
