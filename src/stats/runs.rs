//! Runs that did not take turns: what differs between two hours of the host counts as change.
//!
//! Launches of one run share its hour. Where the runs of two sides lie one after the other, the
//! spread of launches within them says nothing about how far hours lie apart. So the difference is
//! held against the spread of runs as well: a calibrated one, or that of at least four runs at hand,
//! or, where neither is known, one that is assumed from the spread of launches.

use super::moments::mean;
use super::shift::{Floor, Side, Test, calibrated, pooled, welch};

/// The spread of runs that is assumed, in standard deviations of launches.
///
/// The means of two runs of K launches in a random walk, with a pause between them as long as a
/// run, lie sqrt(10/2) = 2.2 such deviations apart on average over both sides (variance within a
/// run: K/6 steps squared; of the difference: 2K/3 + K), without a pause 1.4. With 2 the t finds a
/// change in 5% to 8% of such pairs of five or ten launches and in 0.1% without a pause; with 0 it
/// does in 46% to 77% (`tests/bars.rs`). Measured: twenty runs of 27 rows on a shared host
/// lay 0.9 (median) to 2.3 (most) such deviations apart (`docs/calibrating.md`).
pub const DRIFT: f64 = 2.0;

/// Fewest degrees of freedom with which the runs at hand say how far runs lie apart: four runs in
/// all. With one the quantile of t is 12.7, and what is assumed says more.
const LEAST_DF: f64 = 2.0;

/// The runs of two sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Runs {
    /// Of the base.
    pub base: RunMeans,
    /// Of the candidate.
    pub candidate: RunMeans,
    /// A calibrated spread of runs.
    pub floor: Option<Floor>,
    /// The spread that is assumed where none is known: see [`DRIFT`].
    pub drift: f64,
}

/// The mean of every run of a side, in ln, and how unevenly launches are spread over them.
#[derive(Clone, Debug, PartialEq)]
pub struct RunMeans {
    means: Vec<f64>,
    /// Variance of the side's mean as a share of that of a run: sum of squared shares of launches.
    of_mean: f64,
}

impl RunMeans {
    /// From the launches of each run.
    pub fn new<'l>(runs: impl IntoIterator<Item = &'l Vec<f64>>) -> Self {
        let runs: Vec<&Vec<f64>> = runs.into_iter().collect();
        let all = runs.iter().map(|launches| launches.len()).sum::<usize>() as f64;
        let share = |launches: &&Vec<f64>| launches.len() as f64 / all;
        Self {
            of_mean: runs.iter().map(|launches| share(launches) * share(launches)).sum(),
            means: runs.iter().map(|launches| mean(launches)).collect(),
        }
    }

    fn side(&self, quantum: f64) -> Side {
        Side { of_mean: self.of_mean, ..Side::new(&self.means, quantum) }
    }
}

impl Runs {
    /// The tests that runs allow: those on a spread of runs that is known, else on the assumed one.
    pub(super) fn members(
        &self,
        launches: &[Side; 2],
        quantum: f64,
        floor: Option<Floor>,
    ) -> Vec<(Test, f64, f64)> {
        let runs = [self.base.side(quantum), self.candidate.side(quantum)];
        let measured = most_careful(Test::Runs, [welch(&runs), pooled(&runs)]);
        let measured = measured.filter(|_| runs[0].n + runs[1].n - 2.0 >= LEAST_DF);
        let known = [measured, most_careful(Test::Runs, [calibrated(&runs, self.floor)])];
        let known: Vec<_> = known.into_iter().flatten().collect();
        if !known.is_empty() {
            return known;
        }
        self.assumed(launches, floor).into_iter().collect()
    }

    /// Launches vary, and their runs `drift` times as much.
    fn assumed(&self, launches: &[Side; 2], floor: Option<Floor>) -> Option<(Test, f64, f64)> {
        let drifting = |side: &Side, runs: &RunMeans| Side {
            of_mean: side.of_mean + self.drift * self.drift * runs.of_mean,
            ..*side
        };
        let [base, candidate] = launches;
        let sides = [drifting(base, &self.base), drifting(candidate, &self.candidate)];
        let members = [welch(&sides), pooled(&sides), calibrated(&sides, floor)];
        most_careful(Test::Drift, members).filter(|_| self.drift > 0.0)
    }
}

/// One member that is as careful as each of several: their largest error, their fewest degrees of
/// freedom.
fn most_careful<const N: usize>(
    test: Test,
    members: [Option<(Test, f64, f64)>; N],
) -> Option<(Test, f64, f64)> {
    let members = members.into_iter().flatten();
    members.map(|(_, se, df)| (test, se, df)).reduce(|a, b| (test, a.1.max(b.1), a.2.min(b.2)))
}

#[cfg(test)]
mod tests {
    use super::{DRIFT, RunMeans, Runs};
    use crate::stats::{Floor, Shift, Test};

    fn runs(base: &[Vec<f64>], candidate: &[Vec<f64>]) -> (Vec<f64>, Vec<f64>, Runs) {
        let runs = Runs {
            base: RunMeans::new(base),
            candidate: RunMeans::new(candidate),
            floor: None,
            drift: DRIFT,
        };
        (base.concat(), candidate.concat(), runs)
    }

    fn tests(shift: &Shift) -> Vec<Test> {
        shift.members.iter().map(|member| member.test).collect()
    }

    #[test]
    fn one_run_against_one_is_held_against_an_assumed_spread() {
        let spread = |center: f64| vec![center - 0.01, center, center + 0.01];
        let (u, v, runs) = runs(&[spread(0.0)], &[spread(0.1)]);
        let shift = Shift::in_blocks(&u, &v, 0.0, None, &runs);
        assert_eq!(tests(&shift), [Test::Welch, Test::Pooled, Test::Drift]);
        // 0.01 x sqrt(2 (1/3 + 4)), four degrees of freedom.
        let drift = &shift.members[2];
        assert!((drift.se - 0.01 * (26.0_f64 / 3.0).sqrt()).abs() < 1e-12, "{drift:?}");
        assert_eq!(drift.df.map(f64::round), Some(4.0));
        assert!(Shift::unpaired(&u, &v, 0.0, None).p().unwrap() < 0.001);
        assert!((0.01..0.05).contains(&shift.p().unwrap()), "{:?}", shift.p());
        // A factor of two is no drift of such launches.
        let twice: Vec<f64> = u.iter().map(|unit| unit + 2.0_f64.ln()).collect();
        assert!(Shift::in_blocks(&u, &twice, 0.0, None, &runs).p().unwrap() < 1e-4);
    }

    #[test]
    fn four_runs_say_themselves_how_far_runs_lie_apart() {
        let (u, v, three) = runs(&[vec![0.0, 0.01], vec![0.0, 0.01]], &[vec![0.3, 0.31]]);
        let shift = Shift::in_blocks(&u, &v, 0.0, None, &three);
        assert_eq!(tests(&shift).last(), Some(&Test::Drift), "three are too few");
        let history = [vec![0.0, 0.01], vec![0.04, 0.05], vec![0.02, 0.03]];
        let (u, v, runs) = runs(&history, &[vec![0.3, 0.31]]);
        let shift = Shift::in_blocks(&u, &v, 0.0, None, &runs);
        let last = shift.members.last().unwrap();
        // Means 0.005, 0.045, 0.025: 0.02 x sqrt(1/3 + 1), as of a prediction.
        assert!((last.se - 0.02 * (4.0_f64 / 3.0).sqrt()).abs() < 1e-12, "{last:?}");
        assert_eq!((last.test, last.df), (Test::Runs, Some(2.0)));
        assert!(shift.p().unwrap() < 0.05, "{:?}", shift.p());
    }

    #[test]
    fn a_calibrated_spread_of_runs_replaces_the_assumed_one() {
        let spread = |center: f64| vec![center - 0.01, center, center + 0.01];
        let (u, v, mut runs) = runs(&[spread(0.0)], &[spread(0.1)]);
        runs.floor = Some(Floor { sd: 0.002, df: 9.0 });
        let shift = Shift::in_blocks(&u, &v, 0.0, None, &runs);
        assert_eq!(tests(&shift), [Test::Welch, Test::Pooled, Test::Runs]);
        // Launches that vary more than runs do decide, as before.
        assert_eq!(shift.p(), Shift::unpaired(&u, &v, 0.0, None).p());
        runs.floor = Some(Floor { sd: 0.2, df: 9.0 });
        assert!(Shift::in_blocks(&u, &v, 0.0, None, &runs).p().unwrap() > 0.5);
    }

    #[test]
    fn a_single_launch_a_side_needs_a_floor_as_ever() {
        let (u, v, runs) = runs(&[vec![0.0]], &[vec![0.5]]);
        assert_eq!(tests(&Shift::in_blocks(&u, &v, 0.0, None, &runs)), []);
        let floor = Some(Floor { sd: 0.01, df: 9.0 });
        let shift = Shift::in_blocks(&u, &v, 0.0, floor, &runs);
        assert_eq!(tests(&shift), [Test::Floor, Test::Drift]);
        assert!((shift.members[1].se - 0.01 * 10.0_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn a_steady_host_allows_for_nothing() {
        let spread = |center: f64| vec![center - 0.01, center, center + 0.01];
        let (u, v, mut runs) = runs(&[spread(0.0)], &[spread(0.1)]);
        runs.drift = 0.0;
        let shift = Shift::in_blocks(&u, &v, 0.0, None, &runs);
        assert_eq!(shift, Shift::unpaired(&u, &v, 0.0, None));
    }

    #[test]
    fn many_launches_in_one_of_two_runs_count_little_more_than_one_run() {
        let uneven = RunMeans::new(&[vec![0.0; 9], vec![0.0; 1]]);
        assert!((uneven.of_mean - 0.82).abs() < 1e-12);
    }
}
