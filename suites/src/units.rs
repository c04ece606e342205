//! Units of these suites: where the usual ones have the other direction.

use vbench::prelude::*;

/// Share of its throughput that work keeps beside other work. More is better.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Kept(pub f64);

impl Quantity for Kept {
    const NAME: &'static str = "kept";
    const UNIT: Unit = Unit::plain("1");
    const BETTER: Better = Better::Higher;

    fn value(self) -> f64 {
        self.0
    }
}

/// Interruptions, refills and the like per second. Less is better.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Disturbances(pub f64);

impl Quantity for Disturbances {
    const NAME: &'static str = "disturbances";
    const UNIT: Unit = Unit::decimal("event/s");
    const BETTER: Better = Better::Lower;

    fn value(self) -> f64 {
        self.0
    }
}
