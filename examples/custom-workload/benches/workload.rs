//! Three benchmarks: plain, swept, and one with several metrics, a resource and a unit of its own.
use custom_workload::tokens;
use vbench::prelude::*;

/// Splits one short sentence.
#[vbench(kind = "text")]
fn one_sentence() -> usize {
    tokens("Pin the vCPUs, bind the memory, measure again.").len()
}

/// Splits texts of growing size.
#[vbench(kind = "text")]
fn by_size(b: &mut Bencher, #[axis(pow2(10..=14))] size: Bytes) -> Samples<BytesPerSec> {
    let text = "numa node ".repeat(size.0 as usize / 10);
    b.rate(size, || tokens(&text))
}

/// A text of this machine; a machine without it skips the benchmark and says why.
struct SystemText(String);

impl Require for SystemText {
    fn acquire(machine: &Machine) -> Result<Self, Skip> {
        let text = machine.host.read("/proc/cpuinfo");
        text.map(Self).map_err(|error| Skip::because(format!("needs /proc/cpuinfo: {error}")))
    }
}

/// Words per second: higher is better, shown as 12.3 Mword/s.
#[derive(Clone, Copy)]
struct WordsPerSec(f64);

impl Quantity for WordsPerSec {
    const NAME: &'static str = "words";
    const UNIT: Unit = Unit::decimal("word/s");
    const BETTER: Better = Better::Higher;
    fn value(self) -> f64 {
        self.0
    }
}

#[derive(Metrics)]
struct Speed {
    words: WordsPerSec,
    time: Seconds,
}

/// Splits what the system says of its CPUs.
#[vbench(kind = "text", samples = 10)]
fn system_text(b: &mut Bencher, text: SystemText) -> Samples<Speed> {
    let words = tokens(&text.0).len();
    b.samples(|t| {
        let time = t.time(|| tokens(&text.0));
        Speed { words: WordsPerSec(words as f64 / time.0), time }
    })
}

fn main() -> std::process::ExitCode {
    vbench::main()
}
