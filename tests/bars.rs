//! The acceptance bars that need a simulation: error rates and power of the verdicts, by noise.
//!
//! `cargo test --release --test bars -- --ignored --nocapture` prints every bar with its limit and
//! what was seen, in about two minutes. The seed is fixed; `VBENCH_BARS_ROWS` (default 2000) sets
//! the simulations a cell, `VBENCH_BARS_SEED` another seed.

#[path = "bars/generators.rs"]
mod generators;
#[path = "bars/sheet.rs"]
mod sheet;
#[path = "bars/stored.rs"]
mod stored;

use fastrand::Rng;
use generators::{Noise, Values, Which, boot, drifting_pairs, metrics_of_launches, wandering};
use sheet::Sheet;
use std::time::Instant;
use stored::{case_id, compared, compared_later};
use vbench::compare::{Correction, FloorKey, Level, Policy, Row, Verdict};
use vbench::stats::{Floor, Shift, expected_best, launch_center, mean, rank_test_exact, sd};
use vbench_results::Better;

/// Draws and policies of one invocation.
struct Simulation {
    rng: Rng,
    /// Simulations a cell.
    rows: usize,
}

impl Simulation {
    fn new() -> Self {
        let set = |name: &str| std::env::var(name).ok()?.parse().ok();
        let seed = set("VBENCH_BARS_SEED").unwrap_or(20_260_822);
        let rows = set("VBENCH_BARS_ROWS").unwrap_or(2000) as usize;
        Self { rng: Rng::with_seed(seed), rows }
    }

    /// Rows of one noise, `sides` launches on each side, tested one by one.
    fn cell(&mut self, noise: Noise, sides: [usize; 2], effect: f64) -> Vec<Row> {
        let pair = |rng: &mut Rng| {
            let base = noise.side(rng, sides[0], 5, Which::Base);
            [base, noise.side(rng, sides[1], 5, Which::Candidate(effect))]
        };
        let rows: Vec<[Values; 2]> = (0..self.rows).map(|_| pair(&mut self.rng)).collect();
        single(&rows, &Policy { correction: Correction::None, ..Policy::default() })
    }
}

fn single(rows: &[[Values; 2]], policy: &Policy) -> Vec<Row> {
    compared(rows, policy).pairs.remove(0).rows
}

fn p(row: &Row) -> f64 {
    row.change.as_ref().and_then(|change| change.p).unwrap_or(1.0)
}

fn percent(hits: usize, of: usize) -> f64 {
    100.0 * hits as f64 / of.max(1) as f64
}

/// Share of rows that a test at 5% rejects.
fn rejected(rows: &[Row]) -> f64 {
    percent(rows.iter().filter(|row| p(row) < 0.05).count(), rows.len())
}

fn share(rows: &[Row], verdict: Verdict) -> f64 {
    percent(rows.iter().filter(|row| row.verdict == verdict).count(), rows.len())
}

/// ln centers of launches.
fn centers(values: &Values) -> Vec<f64> {
    values.iter().map(|launch| launch_center(launch).unwrap()).collect()
}

#[test]
#[ignore = "takes minutes: cargo test --release --test bars -- --ignored --nocapture"]
fn bars() {
    let (mut sheet, mut simulation) = (Sheet::new(), Simulation::new());
    nothing_changed(&mut sheet, &mut simulation);
    unbalanced(&mut sheet, &mut simulation);
    paired_under_drift(&mut sheet, &mut simulation);
    power(&mut sheet, &mut simulation);
    equivalence(&mut sheet, &mut simulation);
    gates(&mut sheet, &mut simulation);
    false_discoveries(&mut sheet, &mut simulation);
    groups(&mut sheet, &mut simulation);
    one_boot_and_a_floor(&mut sheet, &mut simulation);
    best_of_unequal_repeats(&mut sheet, &mut simulation);
    two_modes(&mut sheet, &mut simulation);
    speed(&mut sheet, &mut simulation);
    let seen = per_repeat(&mut simulation);
    sheet.at_least(22, "per-repeat Welch on LaunchDom 5x5 must fail", 30.0, seen);
    one_after_the_other(&mut sheet, &mut simulation);
    sheet.close();
}

fn nothing_changed(sheet: &mut Sheet, simulation: &mut Simulation) {
    for launches in [5, 10] {
        for noise in Noise::ALL {
            let seen = rejected(&simulation.cell(noise, [launches; 2], 0.0));
            sheet.at_most(5, &format!("A/A {noise:?} {launches}v{launches}"), 6.5, seen);
        }
    }
}

fn unbalanced(sheet: &mut Sheet, simulation: &mut Simulation) {
    for sides in [[10, 3], [20, 3], [20, 5]] {
        let [n, m] = sides;
        for noise in [Noise::LaunchDom, Noise::LaunchTail, Noise::LaunchBimodal] {
            let seen = rejected(&simulation.cell(noise, sides, 0.0));
            sheet.at_most(6, &format!("A/A {noise:?} {n}v{m}"), 6.5, seen);
        }
        for (way, sides) in [("", sides), (" reversed", [m, n])] {
            let seen = rejected(&simulation.cell(Noise::Hetero, sides, 0.0));
            sheet.at_most(6, &format!("A/A Hetero {n}v{m}{way}"), 7.5, seen);
        }
    }
}

fn paired_under_drift(sheet: &mut Sheet, simulation: &mut Simulation) {
    let policy = Policy { correction: Correction::None, paired: true, ..Policy::default() };
    for launches in [5, 10] {
        let rows: Vec<[Values; 2]> = (0..simulation.rows)
            .map(|_| drifting_pairs(&mut simulation.rng, launches, 5))
            .collect();
        let seen = rejected(&single(&rows, &policy));
        sheet.at_most(7, &format!("A/A drift in pairs, {launches}v{launches}"), 7.0, seen);
    }
}

/// No numbered bar: sides that took no turns, on a host that wanders and on a steady one.
fn one_after_the_other(sheet: &mut Sheet, simulation: &mut Simulation) {
    let policy = Policy { correction: Correction::None, ..Policy::default() };
    let rows_of = |rows: &[(Vec<Values>, Values)], policy: &Policy| -> Vec<Row> {
        compared_later(rows, policy).pairs.remove(0).rows
    };
    for (launches, pause) in [(5, 0), (10, 0), (5, 5), (10, 10)] {
        let count = simulation.rows;
        let rows: Vec<(Vec<Values>, Values)> = (0..count)
            .map(|_| wandering(&mut simulation.rng, launches, pause))
            .map(|[base, candidate]| (vec![base], candidate))
            .collect();
        let what = format!("host wanders, {launches}v{launches}, pause {pause}");
        let limit = if pause == 0 { 2.0 } else { 9.0 };
        sheet.at_most(0, &format!("A/A {what}"), limit, rejected(&rows_of(&rows, &policy)));
        let steady = rejected(&rows_of(&rows, &Policy { drift: 0.0, ..policy.clone() }));
        sheet.at_least(0, &format!("drift = 0, {what}, must fail"), 40.0, steady);
    }
    for (noise, effect, limit) in [(Noise::LaunchMild, 0.2, 95.0), (Noise::LaunchDom, 1.0, 99.0)] {
        let rows = later(&mut simulation.rng, simulation.rows, noise, effect);
        let seen = share(&rows_of(&rows, &Policy::default()), Verdict::Regression);
        let what = format!("{:.0}% found later, {noise:?} 5v5", 100.0 * effect);
        sheet.at_least(0, &what, limit, seen);
    }
    // Smaller ones are mostly not: what is given up for a host that may have drifted.
    for (noise, effect) in [
        (Noise::LaunchMild, 0.05),
        (Noise::LaunchMild, 0.10),
        (Noise::LaunchDom, 0.05),
        (Noise::LaunchDom, 0.10),
    ] {
        let rows = later(&mut Rng::with_seed(14), simulation.rows, noise, effect);
        let seen = share(&rows_of(&rows, &Policy::default()), Verdict::Regression);
        sheet.told(&format!("{:.0}% found later, {noise:?} 5v5", 100.0 * effect), seen);
    }
    // What `boot` draws is what hours have: 2% between, 0.5% within. Several runs know it.
    let rng = &mut simulation.rng;
    let rows: Vec<(Vec<Values>, Values)> = (0..simulation.rows)
        .map(|_| ((0..3).map(|_| boot(rng, 5)).collect(), boot(rng, 5)))
        .collect();
    sheet.at_most(0, "A/A one run against three", 6.5, rejected(&rows_of(&rows, &policy)));
}

/// Sides of five launches one after the other on a steady host.
fn later(rng: &mut Rng, rows: usize, noise: Noise, effect: f64) -> Vec<(Vec<Values>, Values)> {
    let row = |rng: &mut Rng| {
        let base = vec![noise.side(rng, 5, 5, Which::Base)];
        (base, noise.side(rng, 5, 5, Which::Candidate(effect)))
    };
    (0..rows).map(|_| row(rng)).collect()
}

fn power(sheet: &mut Sheet, simulation: &mut Simulation) {
    let cells = [
        (8, Noise::LaunchDom, 5, 0.05, 85.0),
        (8, Noise::LaunchDom, 3, 0.05, 45.0),
        (8, Noise::Bimodal, 5, 0.05, 93.0),
        (8, Noise::LaunchTail, 5, 0.05, 93.0),
        (9, Noise::LaunchMild, 5, 0.02, 62.0),
        (9, Noise::LaunchMild, 10, 0.02, 93.0),
        (9, Noise::Lognormal, 5, 0.02, 75.0),
        (9, Noise::Righttail, 5, 0.02, 80.0),
        (9, Noise::Quantised, 5, 0.02, 96.0),
        (10, Noise::LaunchDom, 3, 0.10, 92.0),
        (10, Noise::LaunchDom, 5, 0.10, 99.0),
    ];
    for (bar, noise, launches, effect, limit) in cells {
        let seen = rejected(&simulation.cell(noise, [launches; 2], effect));
        let what = format!("{:.0}% found, {noise:?} {launches}v{launches}", 100.0 * effect);
        sheet.at_least(bar, &what, limit, seen);
    }
}

fn equivalence(sheet: &mut Sheet, simulation: &mut Simulation) {
    for (noise, launches, limit) in [(Noise::LaunchMild, 5, 93.0), (Noise::LaunchDom, 10, 82.0)] {
        let seen = share(&simulation.cell(noise, [launches; 2], 0.0), Verdict::Equivalent);
        sheet.at_least(11, &format!("same at 0, {noise:?} {launches}v{launches}"), limit, seen);
    }
    for noise in Noise::ALL {
        for launches in [5, 10] {
            let rows = simulation.cell(noise, [launches; 2], 0.03);
            let seen = share(&rows, Verdict::Equivalent);
            sheet.at_most(11, &format!("same at 3%, {noise:?} {launches}v{launches}"), 6.5, seen);
        }
    }
}

/// Rows of a gate, over all noises in turn.
const GATE_ROWS: usize = 96;
/// Rows of a gate that really change. For the bars none of them has launches in two modes 8% apart,
/// which hide a change of that size; what is found with them is printed beside.
const CHANGED: usize = 5;

/// What really changes in a gate.
#[derive(Clone, Copy)]
struct Changes {
    effect: f64,
    /// Rows whose launches lie in two modes may change, too.
    two_modes: bool,
}

/// A gate of 96 rows of which the first of a random order change; with a floor calibrated from ten
/// launches where `floor` says so. Gives back the rows and which of them changed.
fn gate(
    rng: &mut Rng,
    launches: usize,
    changes: Option<Changes>,
    floor: bool,
) -> (Vec<Row>, Vec<bool>) {
    let mut changed = vec![false; GATE_ROWS];
    let noises = |index: usize| Noise::ALL[index % Noise::ALL.len()];
    if let Some(Changes { two_modes, .. }) = changes {
        let mut able: Vec<usize> = (0..GATE_ROWS)
            .filter(|row| two_modes || noises(*row) != Noise::LaunchBimodal)
            .collect();
        rng.shuffle(&mut able);
        able[..CHANGED].iter().for_each(|row| changed[*row] = true);
    }
    let mut policy = Policy::default();
    let mut rows = Vec::new();
    for (index, changed) in changed.iter().enumerate() {
        let noise = noises(index);
        let effect = changes.filter(|_| *changed).map_or(0.0, |changes| changes.effect);
        let base = noise.side(rng, launches, 5, Which::Base);
        rows.push([base, noise.side(rng, launches, 5, Which::Candidate(effect))]);
        if floor {
            let calibration = centers(&noise.side(rng, 10, 5, Which::Base));
            let floor = Floor { sd: sd(&calibration).unwrap(), df: 9.0 };
            policy.floors.insert(floor_key(index, Level::Launch), floor);
        }
    }
    (single(&rows, &policy), changed)
}

fn floor_key(row: usize, level: Level) -> FloorKey {
    FloorKey { case: case_id(row), metric: "time".into(), level }
}

fn gates(sheet: &mut Sheet, simulation: &mut Simulation) {
    let count = simulation.rows / 5;
    for (launches, floor, limit) in [(5, false, 4.0), (10, false, 3.0), (3, true, 3.0)] {
        let failed = (0..count).filter(|_| {
            let (rows, _) = gate(&mut simulation.rng, launches, None, floor);
            rows.iter().any(|row| row.verdict == Verdict::Regression)
        });
        let seen = percent(failed.count(), count);
        let with = if floor { " with a floor" } else { "" };
        sheet.at_most(
            12,
            &format!("A/A gates of 96 fail, {launches}v{launches}{with}"),
            limit,
            seen,
        );
    }
    for (launches, effect, limit) in [(5, 0.10, 95.0), (5, 0.05, 60.0), (10, 0.05, 94.0)] {
        let seen = found(&mut simulation.rng, count, launches, (effect, false));
        let what = format!("{:.0}% found in gates of 96, {launches}v{launches}", 100.0 * effect);
        sheet.at_least(13, &what, limit, seen);
    }
    // Of its own draws, so that the bars keep theirs.
    let seen = found(&mut Rng::with_seed(13), count, 5, (0.10, true));
    sheet.told("10% found in gates of 96, 5v5, two modes too", seen);
}

/// Share of the changes that `count` gates find.
fn found(rng: &mut Rng, count: usize, launches: usize, (effect, two_modes): (f64, bool)) -> f64 {
    let found = (0..count).map(|_| {
        let changes = Changes { effect, two_modes };
        let (rows, changed) = gate(rng, launches, Some(changes), false);
        let regressed = rows.iter().map(|row| row.verdict == Verdict::Regression);
        regressed.zip(changed).filter(|(regressed, changed)| *regressed && *changed).count()
    });
    percent(found.sum(), count * CHANGED)
}

fn false_discoveries(sheet: &mut Sheet, simulation: &mut Simulation) {
    let families = simulation.rows * 3 / 10;
    for (launches, effect) in [(5, 0.10), (10, 0.05)] {
        let mut shares = Vec::new();
        for _ in 0..families {
            let rows: Vec<[Values; 2]> = (0..100)
                .map(|row| {
                    let effect = if row < 10 { effect } else { 0.0 };
                    let rng = &mut simulation.rng;
                    let base = Noise::LaunchDom.side(rng, launches, 5, Which::Base);
                    [base, Noise::LaunchDom.side(rng, launches, 5, Which::Candidate(effect))]
                })
                .collect();
            let found = single(&rows, &Policy::default());
            let found = found.iter().map(|row| row.q.is_some_and(|q| q <= 0.05));
            let found: Vec<bool> = found.collect();
            let all = found.iter().filter(|found| **found).count();
            let wrong = found[10..].iter().filter(|found| **found).count();
            shares.push(percent(wrong, all));
        }
        let what = format!("false discoveries, {launches}v{launches}, {:.0}%", 100.0 * effect);
        sheet.at_most(14, &what, 6.0, mean(&shares));
    }
}

fn groups(sheet: &mut Sheet, simulation: &mut Simulation) {
    let mut moved = 0;
    for _ in 0..simulation.rows {
        let base = metrics_of_launches(&mut simulation.rng, 5, 0.8);
        let candidate = metrics_of_launches(&mut simulation.rng, 5, 0.8);
        let rows: Vec<[Values; 2]> =
            base.into_iter().zip(candidate).map(|(base, now)| [base, now]).collect();
        let group = compared(&rows, &Policy::default()).pairs.remove(0).groups.remove(0);
        moved += usize::from(group.change.p.is_some_and(|p| p < 0.05));
    }
    let seen = percent(moved, simulation.rows);
    sheet.at_most(15, "A/A group of 12 sharing 80%", 6.5, seen);
}

fn one_boot_and_a_floor(sheet: &mut Sheet, simulation: &mut Simulation) {
    let rng = &mut simulation.rng;
    let mut policy = Policy { correction: Correction::None, ..Policy::default() };
    let mut rows = Vec::new();
    for row in 0..simulation.rows {
        let boots: Vec<f64> = (0..10).map(|_| mean(&centers(&boot(rng, 5)))).collect();
        let floor = Floor { sd: sd(&boots).unwrap(), df: 9.0 };
        policy.floors.insert(floor_key(row, Level::Boot), floor);
        rows.push([boot(rng, 5), boot(rng, 5)]);
    }
    let rows = single(&rows, &policy);
    assert!(rows.iter().all(|row| row.level == Some(Level::Boot)));
    sheet.at_most(16, "A/A one boot a side, floor of 10 boots", 6.5, rejected(&rows));
}

fn best_of_unequal_repeats(sheet: &mut Sheet, simulation: &mut Simulation) {
    for noise in [Noise::Righttail, Noise::Lognormal] {
        let best = |rng: &mut Rng, repeats: usize, which: Which| -> Vec<f64> {
            let side = noise.side(rng, 5, repeats, which);
            side.iter().map(|l| expected_best(l, 5, Better::Lower).unwrap().ln()).collect()
        };
        let hits = (0..simulation.rows).filter(|_| {
            let base = best(&mut simulation.rng, 5, Which::Base);
            let candidate = best(&mut simulation.rng, 10, Which::Candidate(0.0));
            Shift::unpaired(&base, &candidate, 0.0, None).p().is_some_and(|p| p < 0.05)
        });
        let seen = percent(hits.count(), simulation.rows);
        sheet.at_most(17, &format!("A/A expected best of 5 v 10, {noise:?}"), 6.5, seen);
    }
}

/// No numbered bar: the warning about two groups of launches is given where there are two, and
/// rarely elsewhere.
fn two_modes(sheet: &mut Sheet, simulation: &mut Simulation) {
    let mut warned = |noise: Noise| {
        let rows = simulation.cell(noise, [7, 7], 0.0);
        let said = |row: &&Row| row.warnings.iter().any(|w| w.code.ends_with(":bimodal"));
        percent(rows.iter().filter(said).count(), rows.len())
    };
    sheet.at_most(0, "two groups said, LaunchDom 7v7", 4.0, warned(Noise::LaunchDom));
    sheet.at_least(0, "two groups said, LaunchBimodal 7v7", 80.0, warned(Noise::LaunchBimodal));
}

/// The negative control: every repeat taken as if it were independent.
fn per_repeat(simulation: &mut Simulation) -> f64 {
    let flat = |rng: &mut Rng, which: Which| -> Vec<f64> {
        let side = Noise::LaunchDom.side(rng, 5, 5, which);
        side.iter().flatten().map(|value| value.ln()).collect()
    };
    let hits = (0..simulation.rows).filter(|_| {
        let base = flat(&mut simulation.rng, Which::Base);
        let candidate = flat(&mut simulation.rng, Which::Candidate(0.0));
        Shift::unpaired(&base, &candidate, 0.0, None).p().is_some_and(|p| p < 0.05)
    });
    percent(hits.count(), simulation.rows)
}

fn speed(sheet: &mut Sheet, simulation: &mut Simulation) {
    let rng = &mut simulation.rng;
    let samples = [0, 1].map(|side| {
        let which = if side == 0 { Which::Base } else { Which::Candidate(0.0) };
        stored::run([Noise::LaunchDom.side(rng, 50, 10_000, which)].iter())
    });
    let policy = Policy::default();
    let start = Instant::now();
    std::hint::black_box(stored::both(&samples[0], &samples[1], &policy));
    sheet.within(20, "1M samples of one row to its verdict", 1.0, start.elapsed().as_secs_f64());
    let units: Vec<[Vec<f64>; 2]> = (0..10_000)
        .map(|_| [0, 1].map(|_| centers(&Noise::LaunchDom.side(rng, 5, 1, Which::Base))))
        .collect();
    let start = Instant::now();
    for [base, candidate] in &units {
        std::hint::black_box(Shift::unpaired(base, candidate, 0.0, None));
    }
    sheet.within(21, "10k rows of the t's members", 0.5, start.elapsed().as_secs_f64());
    let [x, y] = [0, 1].map(|_| centers(&Noise::LaunchDom.side(rng, 30, 1, Which::Base)));
    let start = Instant::now();
    std::hint::black_box(rank_test_exact(&x, &y));
    sheet.within(21, "exact U 30v30", 0.05, start.elapsed().as_secs_f64());
}

#[test]
fn taking_repeats_for_launches_would_see_what_is_not_there() {
    let mut simulation = Simulation { rng: Rng::with_seed(22), rows: 400 };
    assert!(per_repeat(&mut simulation) > 30.0);
    let launches = rejected(&simulation.cell(Noise::LaunchDom, [5, 5], 0.0));
    assert!(launches <= 8.0, "{launches}% of A/A rows at launch level");
}
