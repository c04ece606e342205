//! Models of noise, by the names that the acceptance bars use.

use fastrand::Rng;
use std::f64::consts::TAU;

/// Values of a side: launches of repeats; lower is better.
pub type Values = Vec<Vec<f64>>;

/// A model of noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noise {
    /// Repeats only, 2%.
    Lognormal,
    /// Jitter in every repeat, and a heavy spike in 15% of them.
    Righttail,
    /// 40% of the repeats are 6% slower.
    Bimodal,
    /// 1% between launches, 1% within.
    LaunchMild,
    /// 2% between launches, 0.3% within.
    LaunchDom,
    /// 30% of the launches are 8% slower.
    LaunchBimodal,
    /// Launches with a heavy right tail.
    LaunchTail,
    /// A timer of 1% resolution.
    Quantised,
    /// The candidate is four times noisier at both levels.
    Hetero,
}

impl Noise {
    pub const ALL: [Self; 9] = [
        Self::Lognormal,
        Self::Righttail,
        Self::Bimodal,
        Self::LaunchMild,
        Self::LaunchDom,
        Self::LaunchBimodal,
        Self::LaunchTail,
        Self::Quantised,
        Self::Hetero,
    ];

    /// One side of `launches` launches; the candidate is slower by `effect`.
    pub fn side(self, rng: &mut Rng, launches: usize, repeats: usize, which: Which) -> Values {
        (0..launches).map(|_| self.launch(rng, repeats, which)).collect()
    }

    fn launch(self, rng: &mut Rng, repeats: usize, which: Which) -> Vec<f64> {
        let shared = self.between(rng, which);
        let slower = 1.0 + which.effect();
        let value = |rng: &mut Rng| {
            let ln = shared + self.within(rng, which);
            match self {
                Self::Quantised => (1000.0 * slower * ln.exp() / 10.0).round() * 10.0,
                _ => slower * ln.exp(),
            }
        };
        (0..repeats).map(|_| value(rng)).collect()
    }

    /// What all repeats of a launch share, in ln.
    fn between(self, rng: &mut Rng, which: Which) -> f64 {
        match self {
            Self::Lognormal | Self::Righttail | Self::Bimodal => 0.0,
            Self::LaunchMild => 0.01 * normal(rng),
            Self::LaunchDom => 0.02 * normal(rng),
            Self::LaunchBimodal => mode(rng, 0.3, 1.08),
            Self::LaunchTail => (0.01 * pareto(rng, 2.5)).ln_1p(),
            Self::Quantised => 0.005 * normal(rng),
            Self::Hetero => which.times(4.0) * 0.005 * normal(rng),
        }
    }

    /// What a repeat adds, in ln.
    fn within(self, rng: &mut Rng, which: Which) -> f64 {
        match self {
            Self::Lognormal => 0.02 * normal(rng),
            Self::Righttail => {
                let spike = rng.f64() < 0.15;
                let spike = if spike { (0.03 * pareto(rng, 1.5) + 0.02).ln_1p() } else { 0.0 };
                0.005 * normal(rng) + spike + (0.01 * exponential(rng)).ln_1p()
            }
            Self::Bimodal => mode(rng, 0.4, 1.06) + 0.004 * normal(rng),
            Self::LaunchMild => 0.01 * normal(rng),
            Self::LaunchDom => 0.003 * normal(rng),
            Self::LaunchBimodal => 0.005 * normal(rng),
            Self::LaunchTail => (0.003 * exponential(rng)).ln_1p(),
            Self::Quantised => 0.006 * normal(rng),
            Self::Hetero => which.times(4.0) * 0.003 * normal(rng),
        }
    }
}

/// Which side is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Which {
    Base,
    /// Slower by this share.
    Candidate(f64),
}

impl Which {
    fn effect(self) -> f64 {
        match self {
            Self::Base => 0.0,
            Self::Candidate(effect) => effect,
        }
    }

    fn times(self, factor: f64) -> f64 {
        if self == Self::Base { 1.0 } else { factor }
    }
}

/// Both sides under a drift of the host (first-order autoregression, 0.9, 2%), launches in ABBA
/// order: the i-th launches of the sides are partners.
pub fn drifting_pairs(rng: &mut Rng, launches: usize, repeats: usize) -> [Values; 2] {
    let mut level = 0.02 * normal(rng);
    let mut drift = vec![level];
    for _ in 1..2 * launches {
        level = 0.9 * level + 0.02 * (1.0 - 0.81_f64).sqrt() * normal(rng);
        drift.push(level);
    }
    let mut at = |index: usize| -> Vec<f64> {
        (0..repeats).map(|_| (drift[index] + 0.003 * normal(rng)).exp()).collect()
    };
    let base = (0..launches).map(|i| at(2 * i + i % 2)).collect();
    let candidate = (0..launches).map(|i| at(2 * i + 1 - i % 2)).collect();
    [base, candidate]
}

/// Both sides one after the other on a host that wanders (random walk, 1% a launch), with a pause
/// between them as long as `pause` launches.
pub fn wandering(rng: &mut Rng, launches: usize, pause: usize) -> [Values; 2] {
    let mut level = 0.0;
    let mut launch = |rng: &mut Rng, steps: usize| -> Vec<f64> {
        (0..steps).for_each(|_| level += 0.01 * normal(rng));
        (0..5).map(|_| (level + 0.003 * normal(rng)).exp()).collect()
    };
    let mut side = |pause: usize| -> Values {
        (0..launches).map(|index| launch(rng, if index == 0 { 1 + pause } else { 1 })).collect()
    };
    [side(0), side(pause)]
}

/// Twelve metrics of the same launches of one side: `shared` is their share of the launch variance
/// of 2%.
pub fn metrics_of_launches(rng: &mut Rng, launches: usize, shared: f64) -> Vec<Values> {
    let common: Vec<f64> = (0..launches).map(|_| 0.02 * shared.sqrt() * normal(rng)).collect();
    let launch = |rng: &mut Rng, common: f64| -> Vec<f64> {
        let level = common + 0.02 * (1.0 - shared).sqrt() * normal(rng);
        (0..5).map(|_| (level + 0.003 * normal(rng)).exp()).collect()
    };
    (0..12).map(|_| common.iter().map(|common| launch(rng, *common)).collect()).collect()
}

/// One boot: 2% between boots, 0.5% between its launches, 0.3% within.
pub fn boot(rng: &mut Rng, launches: usize) -> Values {
    let boot = 0.02 * normal(rng);
    let launch = |rng: &mut Rng| -> Vec<f64> {
        let level = boot + 0.005 * normal(rng);
        (0..5).map(|_| (level + 0.003 * normal(rng)).exp()).collect()
    };
    (0..launches).map(|_| launch(rng)).collect()
}

/// Standard normal, by Box and Muller.
fn normal(rng: &mut Rng) -> f64 {
    (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (TAU * rng.f64()).cos()
}

fn exponential(rng: &mut Rng) -> f64 {
    -(1.0 - rng.f64()).ln()
}

/// Pareto of the second kind (Lomax).
fn pareto(rng: &mut Rng, shape: f64) -> f64 {
    (1.0 - rng.f64()).powf(-1.0 / shape) - 1.0
}

fn mode(rng: &mut Rng, share: f64, factor: f64) -> f64 {
    if rng.f64() < share { factor.ln() } else { 0.0 }
}
