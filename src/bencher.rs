//! What a benchmark body can touch: timing, checks, facts. Small on purpose.

mod outcome;

pub use outcome::{Failed, Recorded, Return, Stop};

use self::outcome::named;
use crate::clock::{Clock, Monotonic};
use crate::host::evidence::Meter;
use crate::profile::{Effort, Profile};
use crate::quantity::{Metrics, Seconds, Work};
use crate::team::{Team, Worker};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::hint::black_box;
use std::time::{Duration, Instant};
use vbench_results::{Evidence, Metric, Repeat, Value, Values};

/// How one launch of one case measures.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Settings {
    /// The profile it came from.
    pub profile: Profile,
    /// Repeats, warm-ups and durations, after every override.
    pub effort: Effort,
    /// Seed for benchmarks that draw numbers: of a run in a plan, of a launch in a launch.
    pub seed: u64,
}

impl Settings {
    /// Those of one launch. What a benchmark draws, such as the order of a chase, is part of its
    /// luck: were it the same for every launch, they would be one sample of it.
    pub fn of_launch(self, launch: u32) -> Self {
        let mixed = self.seed ^ u64::from(launch).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        // 32 bits, as those that people give: every file holds them exactly.
        Self { seed: u64::from(fastrand::Rng::with_seed(mixed).u32(..)), ..self }
    }
}

/// A sample must last this many times the clock's resolution and cost, so that neither shows in
/// the fourth digit.
const CLOCK_MARGIN: f64 = 1_000.0;
/// The most inputs that [`Bencher::iter_with`] holds at a time.
const BATCH: u64 = 1_024;

/// Drives the timing of one launch of one case.
pub struct Bencher {
    settings: Settings,
    clock: Box<dyn Clock>,
    meter: Meter,
    began: Instant,
    facts: BTreeMap<String, Value>,
    verdict: Verdict,
}

/// What a body says of its work while it runs.
#[derive(Default)]
struct Verdict {
    /// The case failed.
    failure: Option<String>,
    /// The repeat should not be trusted.
    disturbed: Option<String>,
}

impl Verdict {
    /// The first failure counts.
    fn check(&mut self, ok: bool, why: impl Display) {
        if !ok {
            self.failure.get_or_insert_with(|| format!("check failed: {why}"));
        }
    }
}

/// The recorded repeats of one launch, each a value of `M`.
#[derive(Debug)]
#[must_use = "return the samples: they are the result"]
pub struct Samples<M> {
    repeats: Vec<Sampled<M>>,
}

#[derive(Debug)]
struct Sampled<M> {
    value: M,
    at_s: f64,
    elapsed_s: f64,
    iterations: u64,
    evidence: Evidence,
}

impl Bencher {
    /// A bencher over the system's clock.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            clock: Box::new(Monotonic::measured()),
            meter: Meter::live(),
            began: Instant::now(),
            facts: BTreeMap::new(),
            verdict: Verdict::default(),
        }
    }

    /// True when the case only shows that it works: use the smallest sensible size.
    pub fn is_smoke(&self) -> bool {
        self.settings.profile == Profile::Smoke
    }

    /// Seed for drawn numbers: another in every launch, and the same for the same launch of a run
    /// with the same `--seed`.
    pub fn seed(&self) -> u64 {
        self.settings.seed
    }

    /// How long one repeat lasts in a benchmark that counts events in a window of time.
    pub fn window(&self) -> Duration {
        self.settings.effort.window
    }

    /// The least duration of a sample: the profile's, and enough for the clock.
    pub fn sample_time(&self) -> f64 {
        let clock = self.clock.resolution().max(self.clock.cost());
        self.settings.effort.sample_time.as_secs_f64().max(CLOCK_MARGIN * clock)
    }

    /// Times with `clock` from now on.
    pub fn clock(&mut self, clock: impl Clock + 'static) -> &mut Self {
        self.clock = Box::new(clock);
        self
    }

    /// Says that this benchmark makes its threads switch: involuntary switches are counted, and mark
    /// no sample as disturbed.
    pub fn expect_switches(&mut self) {
        self.meter.expect_switches();
    }

    /// Notes something about this launch that is stored with it: a size used, a rule kept.
    pub fn fact(&mut self, name: &str, value: impl Into<Value>) {
        self.facts.insert(name.to_owned(), value.into());
    }

    /// Fails the case unless `ok`. A wrong answer has no speed.
    pub fn check(&mut self, ok: bool, why: impl Display) {
        self.verdict.check(ok, why);
    }

    /// Times `f`. The number of calls per sample is calibrated; the value is the time of one.
    pub fn iter<O>(&mut self, mut f: impl FnMut() -> O) -> Samples<Seconds> {
        self.calibrated(move |clock, calls| {
            clock.start();
            for _ in 0..calls {
                black_box(f());
            }
            clock.stop()
        })
    }

    /// Times `f` over inputs that `setup` makes outside the timing; outputs drop outside it too.
    pub fn iter_with<I, O>(
        &mut self,
        mut setup: impl FnMut() -> I,
        mut f: impl FnMut(I) -> O,
    ) -> Samples<Seconds> {
        self.calibrated(move |clock, calls| {
            let mut elapsed = 0.0;
            let mut left = calls;
            while left > 0 {
                let batch = left.min(BATCH);
                let inputs: Vec<I> = (0..batch).map(|_| setup()).collect();
                let mut outputs = Vec::with_capacity(batch as usize);
                clock.start();
                for input in inputs {
                    outputs.push(black_box(f(input)));
                }
                elapsed += clock.stop();
                left -= batch;
            }
            elapsed
        })
    }

    /// Times `f` and gives the rate of doing `work`, which one call does.
    pub fn rate<W: Work, O>(&mut self, work: W, f: impl FnMut() -> O) -> Samples<W::Rate> {
        self.iter(f).map(|time| work.per(time.0))
    }

    /// Runs on the threads of `team`: every worker starts at a common barrier.
    pub fn team<'b, 't>(&'b mut self, team: &'t Team) -> TeamBencher<'b, 't> {
        TeamBencher { bencher: self, team }
    }

    /// One call of `f` is one sample, which times its own parts with the [`Timer`].
    pub fn samples<M: Metrics>(&mut self, mut f: impl FnMut(&mut Timer) -> M) -> Samples<M> {
        self.repeat(1, |parts, verdict| {
            let smoke = parts.smoke;
            f(&mut Timer { clock: parts.clock, verdict, smoke })
        })
    }

    /// As [`Bencher::samples`], for work that can fail; after the first error `f` is not called
    /// again.
    ///
    /// # Errors
    /// The first error of `f`.
    pub fn try_samples<M: Metrics, E>(
        &mut self,
        mut f: impl FnMut(&mut Timer) -> Result<M, E>,
    ) -> Result<Samples<M>, E> {
        let mut failed = None;
        let samples = self.repeat(1, |parts, verdict| {
            if failed.is_some() {
                return None;
            }
            let smoke = parts.smoke;
            f(&mut Timer { clock: parts.clock, verdict, smoke }).map_err(|e| failed = Some(e)).ok()
        });
        match failed {
            Some(error) => Err(error),
            None => Ok(samples.flatten()),
        }
    }

    /// Calibrates the calls per sample, then records samples of `body(clock, calls)` seconds.
    fn calibrated(&mut self, mut body: impl FnMut(&mut dyn Clock, u64) -> f64) -> Samples<Seconds> {
        let calls = self.calibrate(&mut body);
        self.repeat(calls, |parts, verdict| {
            let elapsed = body(parts.clock, calls);
            if !parts.smoke {
                refuse_unresolved(elapsed, parts.clock, &mut verdict.failure);
            }
            Seconds(elapsed / calls as f64)
        })
    }

    /// Calls per sample so that a sample lasts [`Bencher::sample_time`]. Growing from one call, it
    /// warms up as it goes.
    fn calibrate(&mut self, body: &mut impl FnMut(&mut dyn Clock, u64) -> f64) -> u64 {
        if self.is_smoke() {
            return 1;
        }
        let target = self.sample_time();
        let began = Instant::now();
        let mut calls = 1_u64;
        loop {
            let elapsed = body(&mut *self.clock, calls);
            // A clock that stands still must not keep this from ending.
            if elapsed >= target || began.elapsed() > self.settings.effort.max_time {
                return calls;
            }
            // Aim straight at the target once the time is well above the clock's grain.
            let settled = elapsed > target / 16.0;
            let factor = if settled { target / elapsed * 1.05 } else { 8.0 };
            calls = (calls as f64 * factor).ceil() as u64;
        }
    }

    /// Discards the warm-ups, records the samples, stops early at the time limit.
    fn repeat<M>(
        &mut self,
        iterations: u64,
        mut body: impl FnMut(Parts<'_>, &mut Verdict) -> M,
    ) -> Samples<M> {
        let effort = self.settings.effort;
        let began = Instant::now();
        let mut repeats = Vec::with_capacity(effort.samples as usize);
        for pass in 0..effort.warmup + effort.samples {
            if pass >= effort.warmup && !repeats.is_empty() && began.elapsed() > effort.max_time {
                let (done, asked) = (repeats.len(), effort.samples);
                self.fact("stopped_early", format!("{done} of {asked} repeats: time limit"));
                break;
            }
            let at_s = self.began.elapsed().as_secs_f64();
            self.meter.start();
            let started = Instant::now();
            let smoke = self.is_smoke();
            let value = body(Parts { clock: &mut *self.clock, smoke }, &mut self.verdict);
            let elapsed_s = started.elapsed().as_secs_f64();
            let mut evidence = self.meter.stop(elapsed_s);
            // What the body saw says more than the kernel's counters.
            evidence.disturbed = self.verdict.disturbed.take().or(evidence.disturbed);
            if pass >= effort.warmup {
                repeats.push(Sampled { value, at_s, elapsed_s, iterations, evidence });
            }
        }
        Samples { repeats }
    }

    /// Records what `f` gives: any number of samples per call, by metric name.
    pub(crate) fn record(&mut self, mut f: impl FnMut() -> Vec<Values>) -> Recorded {
        let samples = self.repeat(1, |_, _| f());
        let mut repeats = Vec::new();
        for sampled in samples.repeats {
            for values in sampled.value {
                repeats.push(Repeat {
                    repeat: repeats.len() as u32 + 1,
                    at_s: sampled.at_s,
                    elapsed_s: sampled.elapsed_s,
                    iterations: sampled.iterations,
                    values,
                    evidence: sampled.evidence.clone(),
                });
            }
        }
        Recorded { repeats }
    }

    /// Why the case failed so far, if it did.
    pub fn failure(&self) -> Option<&str> {
        self.verdict.failure.as_deref()
    }

    /// What the body noted, and why it failed, if it did.
    pub(crate) fn into_notes(self) -> (BTreeMap<String, Value>, Option<String>) {
        (self.facts, self.verdict.failure)
    }
}

struct Parts<'c> {
    clock: &'c mut dyn Clock,
    smoke: bool,
}

fn refuse_unresolved(elapsed: f64, clock: &dyn Clock, failure: &mut Option<String>) {
    if elapsed < clock.resolution() {
        failure.get_or_insert_with(|| {
            format!(
                "a timed section lasted {:.1} ns, under the clock's resolution of {:.1} ns: do more work in it",
                elapsed * 1e9,
                clock.resolution() * 1e9
            )
        });
    }
}

impl<M> Samples<M> {
    /// The same repeats with another value, such as a rate from a time.
    pub fn map<N>(self, mut f: impl FnMut(M) -> N) -> Samples<N> {
        let repeats = self.repeats.into_iter().map(|sampled| Sampled {
            value: f(sampled.value),
            at_s: sampled.at_s,
            elapsed_s: sampled.elapsed_s,
            iterations: sampled.iterations,
            evidence: sampled.evidence,
        });
        Samples { repeats: repeats.collect() }
    }

    /// The values in order.
    pub fn values(&self) -> impl Iterator<Item = &M> {
        self.repeats.iter().map(|sampled| &sampled.value)
    }
}

impl<M> Samples<Option<M>> {
    /// Without the repeats that gave nothing.
    fn flatten(self) -> Samples<M> {
        let repeats = self.repeats.into_iter().filter_map(|sampled| {
            Some(Sampled {
                value: sampled.value?,
                at_s: sampled.at_s,
                elapsed_s: sampled.elapsed_s,
                iterations: sampled.iterations,
                evidence: sampled.evidence,
            })
        });
        Samples { repeats: repeats.collect() }
    }
}

/// Times the parts of one sample.
pub struct Timer<'b> {
    clock: &'b mut dyn Clock,
    verdict: &'b mut Verdict,
    smoke: bool,
}

impl Timer<'_> {
    /// The time `f` takes. Under the clock's resolution the case fails.
    pub fn time<O>(&mut self, f: impl FnOnce() -> O) -> Seconds {
        self.clock.start();
        black_box(f());
        let elapsed = self.clock.stop();
        if !self.smoke {
            refuse_unresolved(elapsed, self.clock, &mut self.verdict.failure);
        }
        Seconds(elapsed)
    }

    /// The rate at which `f` does `work`.
    pub fn rate<W: Work, O>(&mut self, work: W, f: impl FnOnce() -> O) -> W::Rate {
        work.per(self.time(f).0)
    }

    /// Fails the case unless `ok`.
    pub fn check(&mut self, ok: bool, why: impl Display) {
        self.verdict.check(ok, why);
    }

    /// Marks this sample as one that should not be trusted: a device that slowed down.
    pub fn disturbed(&mut self, why: impl Display) {
        self.verdict.disturbed.get_or_insert_with(|| why.to_string());
    }
}

/// Times work that a [`Team`] does together.
pub struct TeamBencher<'b, 't> {
    bencher: &'b mut Bencher,
    team: &'t Team,
}

impl TeamBencher<'_, '_> {
    /// Times one call of `f` on every worker at once, from the barrier to the last to finish.
    pub fn iter<O>(self, f: impl Fn(&Worker) -> O + Sync) -> Samples<Seconds> {
        let team = self.team;
        self.bencher.calibrated(move |_, calls| {
            let spans = team.broadcast(|worker| {
                worker.barrier();
                let started = Instant::now();
                for _ in 0..calls {
                    black_box(f(worker));
                }
                (started, Instant::now())
            });
            span(&spans)
        })
    }

    /// The rate of all workers together, when one call of `f` on one worker does `work`.
    pub fn rate<W: Work, O>(self, work: W, f: impl Fn(&Worker) -> O + Sync) -> Samples<W::Rate> {
        let all = work.times(self.team.size() as u64);
        self.iter(f).map(|time| all.per(time.0))
    }
}

/// Seconds from the first start to the last end.
fn span(spans: &[(Instant, Instant)]) -> f64 {
    let first = spans.iter().map(|(start, _)| *start).min();
    let last = spans.iter().map(|(_, end)| *end).max();
    match (first, last) {
        (Some(first), Some(last)) => last.duration_since(first).as_secs_f64(),
        _ => 0.0,
    }
}

impl<M: Metrics> Return for Samples<M> {
    fn metrics() -> Vec<Metric> {
        M::metrics()
    }

    fn finish(self) -> Result<Recorded, Stop> {
        let metrics = M::metrics();
        let mut repeats = Vec::with_capacity(self.repeats.len());
        for (index, sampled) in self.repeats.into_iter().enumerate() {
            repeats.push(Repeat {
                repeat: index as u32 + 1,
                at_s: sampled.at_s,
                elapsed_s: sampled.elapsed_s,
                iterations: sampled.iterations,
                values: named(&metrics, &sampled.value)?,
                evidence: sampled.evidence,
            });
        }
        Ok(Recorded { repeats })
    }
}
