//! The statistics against reference results computed by numpy and scipy, and what must hold exactly.
//!
//! `VBENCH_STATS_REFERENCE=DIR` reads another folder of the same format in place of
//! `tests/reference`.

#[path = "reference/load.rs"]
mod load;
#[path = "reference/sets.rs"]
mod sets;

use load::{close, expected, floats, near, number, reference};
use serde_json::Value;
use std::slice::from_ref;
use vbench::compare::{Comparison, Correction, FloorKey, Level, Policy, Row, Side, Why, compare};
use vbench::stats::{
    Components, Floor, Planner, Shift, Test, benjamini_hochberg, holm, rank_test_asymptotic,
    rank_test_exact, t_quantile, t_tail,
};

#[test]
fn reference_distributions() {
    let tables = reference("distributions.json");
    for row in tables["student_t"].as_array().unwrap() {
        let found = t_quantile(number(&row["p"]), number(&row["df"])).unwrap();
        close(&format!("quantile {row}"), found, number(&row["ppf"]), 1e-9);
    }
    for row in tables["student_t_sf"].as_array().unwrap() {
        let found = t_tail(number(&row["t"]), number(&row["df"])).unwrap();
        close(&format!("tail {row}"), found, number(&row["sf"]), 1e-10);
    }
}

#[test]
fn reference_two_sample_tests() {
    for (id, row) in expected()["two_sample"].as_object().unwrap() {
        let (x, y) = (floats(&row["x"]), floats(&row["y"]));
        let asymptotic = rank_test_asymptotic(&x, &y).unwrap();
        assert_eq!(asymptotic.u, number(&row["u"]), "{id}");
        close(id, asymptotic.p, number(&row["u_p_asymptotic_cc"]), 1e-9);
        if let Some(p) = row["u_p_exact"].as_f64() {
            close(id, rank_test_exact(&x, &y).unwrap().p, p, 1e-12);
        }
        let shift = Shift::unpaired(&x, &y, 0.0, None);
        for (test, key) in [(Test::Welch, "welch"), (Test::Pooled, "student")] {
            let member = shift.members.iter().find(|member| member.test == test).unwrap();
            close(id, shift.estimate / member.se, number(&row[format!("{key}_t")]), 1e-9);
            close(id, member.p.unwrap(), number(&row[format!("{key}_p")]), 1e-9);
        }
        close(id, shift.members[0].df.unwrap(), number(&row["welch_df"]), 1e-9);
    }
}

#[test]
fn reference_multiplicity() {
    let row = &expected()["multiplicity"];
    let p = floats(&row["p"]);
    let families: [(&str, Vec<f64>); 2] = [("bh", benjamini_hochberg(&p)), ("holm", holm(&p))];
    for (name, adjusted) in families {
        for (found, wanted) in adjusted.iter().zip(floats(&row[name])) {
            close(name, *found, wanted, 1e-12);
        }
    }
}

#[test]
fn reference_planning() {
    let planner = Planner::new(0.05, 0.8);
    for row in expected()["mde_factor"].as_array().unwrap() {
        let units = row["k"].as_u64().unwrap() as usize;
        let found = planner.detectable(1.0, units, units).unwrap();
        close("factor", found, number(&row["factor"]), 1e-9);
    }
}

/// The datasets of a section compared in one invocation.
fn compared(datasets: &[&Value], policy: &Policy) -> Comparison {
    let (base, candidate) = (sets::run(datasets, "baseline"), sets::run(datasets, "candidate"));
    let base = Side { name: "baseline", runs: from_ref(&base) };
    let candidate = Side { name: "candidate", runs: from_ref(&candidate) };
    compare(&base, &[candidate], policy)
}

fn policy(dataset: &Value) -> Policy {
    let mut policy = Policy { paired: dataset["paired"] == true, ..Policy::default() };
    if dataset["floor"].is_object() {
        let case = sets::case_id(dataset["id"].as_str().unwrap());
        let key = FloorKey { case, metric: "value".into(), level: Level::Launch };
        let floor =
            Floor { sd: number(&dataset["floor"]["sd"]), df: number(&dataset["floor"]["df"]) };
        policy.floors.insert(key, floor);
    }
    policy
}

#[test]
fn reference_cases() {
    let (datasets, expected) = (reference("datasets.json"), expected());
    let wanted = &expected["policy"];
    let policy_of = |field: &str| number(&wanted[field]);
    assert_eq!((policy_of("alpha"), policy_of("margin"), policy_of("power")), (0.05, 0.03, 0.8));
    for dataset in datasets["cases"].as_array().unwrap() {
        let id = dataset["id"].as_str().unwrap();
        let comparison = compared(&[dataset], &policy(dataset));
        let rows = &comparison.pairs[0].rows;
        assert_eq!(rows.len(), 1, "{id}");
        same_row(id, &rows[0], &expected["cases"][id]);
    }
}

fn same_row(id: &str, row: &Row, wanted: &Value) {
    assert_eq!(row.verdict.name(), wanted["verdict"], "{id}");
    let why = serde_json::to_value(row.why).unwrap();
    assert_eq!(why, wanted["why"], "{id}");
    let codes: Vec<&str> = row.reasons.iter().map(|reason| reason.code.as_str()).collect();
    let reasons = wanted["reasons"].as_array().cloned().unwrap_or_default();
    assert_eq!(codes, reasons, "{id}");
    let Some(change) = &row.change else {
        return assert!(wanted["est_ln"].is_null(), "{id}");
    };
    assert_eq!(row.level.map(Level::name), wanted["level"].as_str(), "{id}");
    near(id, change.estimate_ln, number(&wanted["est_ln"]), 1e-12);
    same_units(id, row, wanted);
    let optional = [
        ("p", change.p),
        ("h95_ln", change.half_95_ln),
        ("h90_ln", change.half_90_ln),
        ("p_equivalence", change.p_equivalence),
        ("unit_sd", change.unit_sd),
    ];
    for (field, found) in optional {
        same_optional(&format!("{id}: {field}"), found, &wanted[field]);
    }
    let units = change.need_units.map(|units| units as u64);
    let shows = change.detectable.map(|share| 100.0 * share);
    // The oracle plans with a spread of zero, too: that nothing varied is not known to stay so.
    if row.why == Some(Why::ZeroVariance) {
        assert_eq!((units, shows), (None, None), "{id}: a plan without a spread");
    } else {
        assert_eq!(units, wanted["need_units"].as_u64(), "{id}: units needed");
        same_optional(&format!("{id}: mde_pct"), shows, &wanted["mde_pct"]);
    }
    same_optional(&format!("{id}: exact U"), change.p_rank, &wanted["u_test_units"]["p_exact"]);
    same_members(id, row, &wanted["members"]);
    same_best(id, row, wanted);
}

fn same_optional(what: &str, found: Option<f64>, wanted: &Value) {
    match (found, wanted.as_f64()) {
        (Some(found), Some(wanted)) => close(what, found, wanted, 1e-9),
        (found, wanted) => assert_eq!(found, wanted, "{what}"),
    }
}

fn same_units(id: &str, row: &Row, wanted: &Value) {
    for (measured, side) in [(&row.base, "baseline"), (&row.candidate, "candidate")] {
        let measured = measured.as_ref().unwrap();
        let units = floats(&wanted[format!("unit_values_{side}")]);
        assert_eq!(measured.units_ln.len(), units.len(), "{id}: {side}");
        for (found, wanted) in measured.units_ln.iter().zip(units) {
            near(id, *found, wanted, 1e-12);
        }
        same_components(id, measured.components.as_ref().unwrap(), &wanted["components"][side]);
    }
}

fn same_components(id: &str, found: &Components, wanted: &Value) {
    assert_eq!(found.launches as u64, wanted["launches"], "{id}: launches");
    let fields =
        [("sd_within", found.sd_within), ("sd_launch", found.sd_launch), ("icc", found.icc)];
    // Where nothing varies the reference keeps rounding noise, and its share of it.
    if wanted["sd_launch"].as_f64().is_some_and(|sd| sd > 0.0 && sd < 1e-14) {
        return assert_eq!((found.sd_launch, found.icc), (Some(0.0), None), "{id}");
    }
    for (field, found) in fields {
        same_optional(&format!("{id}: {field}"), found, &wanted[field]);
    }
}

fn same_members(id: &str, row: &Row, wanted: &Value) {
    let members = &row.change.as_ref().unwrap().members;
    assert_eq!(members.len(), wanted.as_object().unwrap().len(), "{id}: tests");
    for member in members {
        let name = serde_json::to_value(member.test).unwrap();
        let wanted = &wanted[name.as_str().unwrap()];
        let fields = [
            ("df", member.df),
            ("p", member.p),
            ("se", Some(member.se)),
            ("h95", Some(member.half_95)),
            ("h90", Some(member.half_90)),
        ];
        for (field, found) in fields {
            same_optional(&format!("{id}: {name} {field}"), found, &wanted[field]);
        }
    }
}

fn same_best(id: &str, row: &Row, wanted: &Value) {
    let best = row.change.as_ref().unwrap().best_of.as_ref().unwrap();
    assert_eq!(best.repeats as u64, wanted["best_of_r"]["r"], "{id}");
    near(id, best.estimate_ln, number(&wanted["best_of_r"]["est_ln"]), 1e-12);
    for (measured, side) in [(&row.base, "baseline"), (&row.candidate, "candidate")] {
        assert_eq!(measured.as_ref().unwrap().best, number(&wanted["headline_best"][side]), "{id}");
    }
}

#[test]
fn reference_suite() {
    let datasets = reference("datasets.json");
    let suite: Vec<&Value> = datasets["suite"].as_array().unwrap().iter().collect();
    let wanted = &expected()["suite"];
    for (correction, field) in [(Correction::Bh, "p_bh"), (Correction::Holm, "p_holm")] {
        let policy = Policy { correction, ..Policy::default() };
        let rows = compared(&suite, &policy).pairs.remove(0).rows;
        for (index, id) in wanted["family"].as_array().unwrap().iter().enumerate() {
            let case = sets::case_id(id.as_str().unwrap());
            let row = rows.iter().find(|row| row.case.to_string() == case).unwrap();
            close(
                &case,
                row.change.as_ref().unwrap().p.unwrap(),
                number(&wanted["p"][index]),
                1e-9,
            );
            close(&case, row.q.unwrap(), number(&wanted[field][index]), 1e-9);
        }
    }
    let pair = compared(&suite, &Policy::default()).pairs.remove(0);
    for row in &pair.rows {
        let id = row.case.to_string().replace("reference::", "");
        let verdict = [&wanted["verdicts"][&id], &wanted["control"][&id]];
        assert!(verdict.contains(&&Value::from(row.verdict.name())), "{id}: {verdict:?}");
    }
    for group in &pair.groups {
        let wanted = &wanted["groups"][&group.kind];
        assert_eq!(group.metrics as u64, wanted["n_metrics"], "{}", group.kind);
        close(&group.kind, group.change.ratio, number(&wanted["geomean_ratio"]), 1e-12);
        close(&group.kind, group.change.p.unwrap(), number(&wanted["p"]), 1e-9);
        close(&group.kind, group.change.half_95_ln.unwrap(), number(&wanted["h95_ln"]), 1e-9);
    }
    assert_eq!(pair.groups.len(), wanted["groups"].as_object().unwrap().len());
}
