//! The statistics against reference results computed by numpy and scipy, and what must hold exactly.
//!
//! `VBENCH_STATS_REFERENCE=DIR` reads another folder of the same format in place of
//! `tests/reference`.

#[path = "reference/load.rs"]
mod load;

use load::{close, expected, floats, number, reference};
use vbench::stats::{
    Planner, Shift, Test, benjamini_hochberg, holm, rank_test_asymptotic, rank_test_exact,
    t_quantile, t_tail,
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
