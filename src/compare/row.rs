//! One row: a case and metric on both sides, the change between them, and its verdict.

use super::gather::Sample;
use super::note::Note;
use super::order::Order;
use super::policy::{Policy, Statistic, Terms};
use super::units::{self, Level, Units};
use super::verdict::{Verdict, Why, direction, judge};
use super::warnings::warnings;
use crate::stats::{
    Components, Floor, Member, Planner, Runs, Shift, Test, center_interval, components,
    expected_best, mean, median, pooled_sd, rank_test_exact, summarize_values,
};
use serde::Serialize;
use vbench_results::{Better, CaseId, Estimator, Metric, Role};

/// A case and metric on both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Benchmark and axis values.
    #[serde(serialize_with = "as_text")]
    pub case: CaseId,
    /// Label that groups.
    pub kind: String,
    /// What is measured.
    pub metric: Metric,
    /// How the headline is read.
    pub estimator: Estimator,
    /// What can be said.
    pub verdict: Verdict,
    /// Why the row is inconclusive.
    pub why: Option<Why>,
    /// Why the sides cannot be compared.
    pub reasons: Vec<Note>,
    /// What qualifies the verdict.
    pub warnings: Vec<Note>,
    /// What the units are.
    pub level: Option<Level>,
    /// The base's values.
    pub base: Option<Measured>,
    /// The candidate's values.
    pub candidate: Option<Measured>,
    /// The change of the typical value.
    pub change: Option<Change>,
    /// For exact metrics: candidate less base.
    pub difference: Option<f64>,
    /// Adjusted p value.
    pub q: Option<f64>,
    /// What the verdict follows.
    pub terms: Terms,
}

/// One side of a row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// The number that the benchmark's convention prints: best of all repeats, or typical.
    pub headline: f64,
    /// e to the mean of the units.
    pub typical: Option<f64>,
    /// Best of all repeats.
    pub best: f64,
    /// The units in ln, in the order of their boots or launches.
    pub units_ln: Vec<f64>,
    /// Launches with a value.
    pub launches: usize,
    /// Boots with a value, where they are known.
    pub boots: Option<usize>,
    /// Values.
    pub samples: usize,
    /// Values marked as disturbed.
    pub disturbed: usize,
    /// Launches that failed or timed out.
    pub failed: usize,
    /// Where the spread lies.
    pub components: Option<Components>,
}

/// The change between two typical values.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// ln of the ratio of candidate to base.
    pub estimate_ln: f64,
    /// Candidate over base.
    pub ratio: f64,
    /// 95% interval of the ratio.
    pub interval_95: Option<(f64, f64)>,
    /// 90% interval of the ratio.
    pub interval_90: Option<(f64, f64)>,
    /// Half of the 95% interval, in ln.
    pub half_95_ln: Option<f64>,
    /// Half of the 90% interval, in ln.
    pub half_90_ln: Option<f64>,
    /// p value of no difference, before adjustment.
    pub p: Option<f64>,
    /// p value of a difference as large as the margin.
    pub p_equivalence: Option<f64>,
    /// The tests; the most careful one rules.
    pub members: Vec<Member>,
    /// Standard deviation of units, in ln.
    pub unit_sd: Option<f64>,
    /// About how many units a side would show a change of the margin's size, taken in turns where
    /// these were not; absent above 1000 and without any spread.
    pub need_units: Option<usize>,
    /// Smallest change, as a share, that this many units would have shown.
    pub detectable: Option<f64>,
    /// p value of the exact rank test of the units: a second opinion.
    pub p_rank: Option<f64>,
    /// The change of the expected best of equally many repeats.
    pub best_of: Option<BestOf>,
    /// What the pairs can show, where partners were compared. The spread, need and detectable change
    /// above are those of independent units.
    pub pairs: Option<PairPlan>,
}

/// What a number of pairs can show.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairPlan {
    /// Standard deviation of the differences of partners, in ln.
    pub sd: f64,
    /// About how many pairs would show a change of the margin's size; absent above 1000.
    pub need: Option<usize>,
    /// Smallest change, as a share, that this many pairs would have shown.
    pub detectable: Option<f64>,
}

/// A change of the best.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BestOf {
    /// Repeats drawn per launch.
    pub repeats: usize,
    /// ln of the ratio of candidate to base.
    pub estimate_ln: f64,
}

/// Degrees of freedom of a spread that is given, not estimated: with so many the t is within 0.02%
/// of the normal, and on the careful side.
const KNOWN: f64 = 10_000.0;

/// A row and the units it stands on.
pub struct Analysed<'a> {
    pub row: Row,
    pub units: Option<[Units<'a>; 2]>,
    /// Launches of the two sides took no turns.
    pub in_blocks: bool,
}

fn as_text<S: serde::Serializer>(case: &CaseId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(case)
}

impl Row {
    /// A row without values on either side.
    fn blank(sample: &Sample<'_>, policy: &Policy) -> Self {
        let terms = policy.terms_of(&sample.case.case, &sample.metric.name);
        let mut metric = sample.metric.clone();
        metric.role = terms.role.unwrap_or(metric.role);
        Self {
            case: sample.case.case.clone(),
            kind: sample.case.kind.clone(),
            metric,
            estimator: sample.case.estimator,
            verdict: Verdict::Incomparable,
            why: None,
            reasons: Vec::new(),
            warnings: Vec::new(),
            level: None,
            base: None,
            candidate: None,
            change: None,
            difference: None,
            q: None,
            terms,
        }
    }

    /// A row with a reason why there is nothing to compare; the values of one side stay visible.
    pub fn incomparable<'a>(
        base: Option<&Sample<'a>>,
        candidate: Option<&Sample<'a>>,
        mut reasons: Vec<Note>,
        policy: &Policy,
    ) -> Option<Analysed<'a>> {
        reasons.sort();
        let row = Self {
            base: base.and_then(|sample| Measured::new(sample, None)),
            candidate: candidate.and_then(|sample| Measured::new(sample, None)),
            reasons,
            ..Self::blank(base.or(candidate)?, policy)
        };
        Some(Analysed { row, units: None, in_blocks: false })
    }

    /// A row whose sides can be compared.
    pub fn compared<'a>(
        base: &Sample<'a>,
        candidate: &Sample<'a>,
        policy: &Policy,
        planner: &Planner,
    ) -> Option<Analysed<'a>> {
        if base.metric.exact && candidate.metric.exact {
            return Some(Self::exact(base, candidate, policy));
        }
        let level = units::level(base, candidate, policy);
        let blank = Self::blank(base, policy);
        let terms = blank.terms;
        let repeats = fewest_repeats(base, candidate)?;
        let units = |sample| match terms.statistic {
            Statistic::Center => Units::new(sample, level),
            Statistic::Best => Units::best(sample, level, repeats),
        };
        let units = [units(base)?, units(candidate)?];
        let role = blank.metric.role;
        let order = Order::of(base, candidate);
        let runs =
            (level == Level::Launch && order != Order::Turns && role != Role::Control).then(|| {
                Runs {
                    base: units[0].runs(),
                    candidate: units[1].runs(),
                    floor: policy.floor(&base.case.case.to_string(), &base.metric.name, Level::Run),
                    drift: policy.drift,
                }
            });
        let design = (policy, &terms, runs.as_ref());
        let change = Change::new([base, candidate], &units, level, design, planner);
        // One launch a side is no order.
        let several = base.launches.len() + candidate.launches.len() > 2;
        let order = order.note(&change, level, role).filter(|_| several);
        let unpaired = (policy.paired && units[0].keys != units[1].keys).then(unpaired);
        let design = order.into_iter().chain(unpaired);
        let row = Self {
            warnings: warnings(base, candidate, level, &units, &change, design, &terms),
            level: Some(level),
            base: Measured::new(base, Some(&units[0])),
            candidate: Measured::new(candidate, Some(&units[1])),
            change: Some(change),
            ..blank
        };
        Some(Analysed { row, units: Some(units), in_blocks: runs.is_some() })
    }

    /// Counts that must repeat are compared for equality, zeros included.
    fn exact<'a>(base: &Sample<'a>, candidate: &Sample<'a>, policy: &Policy) -> Analysed<'a> {
        let single = |sample: &Sample<'_>| {
            let first = sample.values().next()?;
            sample.values().all(|value| value == first).then_some(first)
        };
        let difference = single(base).zip(single(candidate)).map(|(base, now)| now - base);
        let (verdict, why) = match difference {
            None => (Verdict::Inconclusive, Some(Why::NotExact)),
            Some(0.0) => (Verdict::Equivalent, None),
            Some(difference) => (direction(difference, base.metric.better), None),
        };
        let row = Self {
            base: Measured::new(base, None),
            candidate: Measured::new(candidate, None),
            difference,
            verdict,
            why,
            ..Self::blank(base, policy)
        };
        Analysed { row, units: None, in_blocks: false }
    }

    /// Whether the candidate's values are in another unit than the row's.
    pub fn changes_unit(&self) -> bool {
        self.reasons.iter().any(|reason| reason.code == "unit")
    }

    /// Gives the row its verdict, once its p value is adjusted. Rows without a change have theirs.
    pub fn judge(&mut self) {
        if let Some(change) = &self.change {
            (self.verdict, self.why) = judge(change, self.q, self.metric.better, &self.terms);
        }
        // A spread of zero is no spread known: nothing can be planned with it.
        if let (Some(change), Some(Why::ZeroVariance)) = (&mut self.change, self.why) {
            (change.need_units, change.detectable, change.pairs) = (None, None, None);
        }
    }
}

impl Measured {
    /// 95% interval of the typical value over the units; none below two units.
    pub fn interval_95(&self) -> Option<(f64, f64)> {
        center_interval(&self.units_ln).filter(|(low, high)| low.is_finite() && high.is_finite())
    }

    pub(super) fn new(sample: &Sample<'_>, units: Option<&Units<'_>>) -> Option<Self> {
        let launches: Vec<Vec<f64>> =
            sample.launches.iter().map(|launch| launch.values.clone()).collect();
        let summary = summarize_values(&launches, sample.metric.better)?;
        let typical = units.map_or(summary.center, |units| Some(mean(&units.values).exp()));
        let finite = |value: f64| value.is_finite().then_some(value);
        let logs = |values: &Vec<f64>| values.iter().map(|value| value.ln()).collect();
        Some(Self {
            headline: match (sample.case.estimator, typical) {
                (Estimator::Center, Some(typical)) => typical,
                (estimator, _) => finite(summary.headline(estimator))?,
            },
            typical,
            best: finite(summary.best)?,
            units_ln: units.map(|units| units.values.clone()).unwrap_or_default(),
            launches: summary.launches,
            boots: sample.boots().map(|boots| boots.len()),
            samples: summary.samples,
            disturbed: sample.launches.iter().map(|launch| launch.disturbed).sum(),
            failed: sample.failed,
            components: units.map(|_| components(&launches.iter().map(logs).collect::<Vec<_>>())),
        })
    }
}

impl Change {
    fn new(
        [base, candidate]: [&Sample<'_>; 2],
        [before, after]: &[Units<'_>; 2],
        level: Level,
        (policy, terms, runs): (&Policy, &Terms, Option<&Runs>),
        planner: &Planner,
    ) -> Self {
        let quantum = quantum(base, candidate);
        let floor = match terms.floor_sd {
            Some(sd) => Some(Floor { sd, df: KNOWN }),
            None => policy.floor(&base.case.case.to_string(), &base.metric.name, level),
        };
        let own = terms.planner(policy);
        let planner = own.as_ref().unwrap_or(planner);
        let (u, v) = (&before.values, &after.values);
        let partners = policy.paired && before.keys == after.keys;
        let shift = partners.then(|| Shift::paired(u, v, quantum, floor)).flatten();
        let shift = shift.unwrap_or_else(|| match runs {
            Some(runs) => Shift::in_blocks(u, v, quantum, floor, runs),
            None => Shift::unpaired(u, v, quantum, floor),
        });
        let least = quantum / 12.0_f64.sqrt();
        let sd = [pooled_sd(u, v), floor.map(|floor| floor.sd)].into_iter().flatten();
        let sd = sd.reduce(f64::max).map(|sd| sd.max(least));
        Self {
            unit_sd: sd,
            need_units: sd.and_then(|sd| planner.units(sd, terms.tau())),
            detectable: sd
                .map(|sd| sd.max(of_order(&shift, u.len(), v.len())))
                .and_then(|sd| planner.detectable(sd, u.len(), v.len()))
                .map(f64::exp_m1),
            p_rank: (u.len() > 1 && v.len() > 1)
                .then(|| rank_test_exact(u, v))
                .flatten()
                .map(|test| test.p),
            best_of: best_of(base, candidate),
            pairs: PairPlan::new(&shift, u.len(), terms.tau(), planner),
            ..Self::of(&shift, terms)
        }
    }

    /// What a shift says by itself.
    pub fn of(shift: &Shift, terms: &Terms) -> Self {
        let around = |half: f64| ((shift.estimate - half).exp(), (shift.estimate + half).exp());
        Self {
            estimate_ln: shift.estimate,
            ratio: shift.estimate.exp(),
            interval_95: shift.half_95().filter(|_| shift.p().is_some()).map(around),
            interval_90: shift.half_90().filter(|_| shift.p().is_some()).map(around),
            half_95_ln: shift.half_95(),
            half_90_ln: shift.half_90(),
            p: shift.p(),
            p_equivalence: shift.p_equivalence(terms.tau()),
            members: shift.members.clone(),
            unit_sd: None,
            need_units: None,
            detectable: None,
            p_rank: None,
            best_of: None,
            pairs: None,
        }
    }

    /// About how many units a side, or pairs, would show a change of the margin's size.
    pub fn needed(&self) -> Option<usize> {
        self.pairs.as_ref().map_or(self.need_units, |pairs| pairs.need)
    }

    /// Smallest change, as a share, that this many units or pairs would have shown.
    pub fn shows(&self) -> Option<f64> {
        self.pairs.as_ref().map_or(self.detectable, |pairs| pairs.detectable)
    }
}

impl PairPlan {
    /// The plan of a paired shift; none of another. A calibrated spread can only widen it.
    fn new(shift: &Shift, pairs: usize, tau: f64, planner: &Planner) -> Option<Self> {
        shift.members.iter().find(|member| member.test == Test::Paired)?;
        let errors = shift.members.iter().map(|member| member.se);
        let sd = errors.fold(0.0, f64::max) * (pairs as f64).sqrt();
        let detectable = planner.detectable_pairs(sd, pairs).map(f64::exp_m1);
        Some(Self { sd, need: planner.pairs(sd, tau), detectable })
    }
}

fn unpaired() -> Note {
    Note::new("design:unpaired", "some launches have no partner: compared as independent")
}

/// Spread of units that would leave as large an error as the order of launches does.
fn of_order(shift: &Shift, base: usize, candidate: usize) -> f64 {
    let members = shift.members.iter().filter(|member| member.test.is_of_order());
    let error = members.map(|member| member.se).fold(0.0, f64::max);
    error / (1.0 / base as f64 + 1.0 / candidate as f64).sqrt()
}

/// The smallest step of the metric as a share of the base's median.
fn quantum(base: &Sample<'_>, candidate: &Sample<'_>) -> f64 {
    let steps = [base.metric.resolution, candidate.metric.resolution];
    let Some(step) = steps.into_iter().flatten().filter(|step| *step > 0.0).reduce(f64::max) else {
        return 0.0;
    };
    let mut values: Vec<f64> = base.values().collect();
    values.sort_by(f64::total_cmp);
    step / median(&values)
}

/// Repeats of the shortest launch of both sides.
fn fewest_repeats(base: &Sample<'_>, candidate: &Sample<'_>) -> Option<usize> {
    let launches = base.launches.iter().chain(&candidate.launches);
    launches.map(|launch| launch.values.len()).min()
}

fn best_of(base: &Sample<'_>, candidate: &Sample<'_>) -> Option<BestOf> {
    let repeats = fewest_repeats(base, candidate)?;
    let center = |sample: &Sample<'_>, better: Better| -> Option<f64> {
        let bests = sample
            .launches
            .iter()
            .map(|launch| expected_best(&launch.values, repeats, better).map(f64::ln));
        Some(mean(&bests.collect::<Option<Vec<f64>>>()?))
    };
    let better = base.metric.better;
    let estimate_ln = center(candidate, better)? - center(base, better)?;
    Some(BestOf { repeats, estimate_ln })
}
