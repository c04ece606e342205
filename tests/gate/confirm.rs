//! What fails is measured again, and fails only if it does so every time.

use crate::program::{Place, new, old, run};
use crate::stored::Stored;

const POLICY: &str = "[confirm]\nruns = 1\n";

/// The gate of a candidate whose second row fails, and of what was measured again.
fn again(policy: &str, stored: Stored) -> (u8, String) {
    let id = stored.results.run.id.clone();
    let place = Place::new(&[old(&[1.0, 1.0]), new(&[1.0, 1.5]), stored], policy);
    let arguments = ["--baseline", "old", "--candidate", "new", "--confirm", &id];
    let (code, out, err) = place.gate(&arguments);
    (code, out + &err)
}

/// A later run of the candidate's second row only.
fn later(launches: u32, value: f64) -> Stored {
    let mut stored = run("new", 40, launches, &[1.0, value]);
    stored.results.cases.remove(0);
    stored
}

#[track_caller]
fn says((code, said): (u8, String), expected: u8, parts: &[&str]) {
    assert_eq!(code, expected, "{said}");
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
}

#[test]
fn what_fails_twice_fails() {
    let found = again(POLICY, later(5, 1.5));
    says(found.clone(), 1, &["FAIL", "m::f1 time", "confirmed by 20260102T034005Z-beef"]);
    assert!(!found.1.contains("to confirm:"), "{}", found.1);
    // Both runs are of `new`; the candidate is the first of them alone.
    says(found, 1, &["5 launches each", "confirmation "]);
}

#[test]
fn what_fails_once_is_said_and_passes() {
    let parts = ["WARN", "not confirmed by 20260102T034005Z-beef: equivalent there", "gate: PASS"];
    says(again(POLICY, later(5, 1.0)), 0, &parts);
    says(again(POLICY, later(5, 1.0)), 0, &["2 rows: 0 regressed", "1 inconclusive"]);
}

#[test]
fn what_confirms_nothing_changes_nothing() {
    let other = run("new", 40, 5, &[1.0]);
    says(again(POLICY, other), 1, &["20260102T034005Z-beef did not measure it"]);
    says(again(POLICY, later(2, 1.0)), 1, &["beef has too few launches or boots"]);
    let mut zero = later(5, 1.0);
    zero.results.cases[0].launches[0].repeats[0].values.insert("time", 0.0);
    says(again(POLICY, zero), 1, &["beef cannot be compared"]);
}

#[test]
fn measuring_until_it_passes_is_refused() {
    says(again("", later(5, 1.0)), 2, &["policy.toml", "[confirm] runs = 0", "names 1"]);
    let mut elsewhere = later(5, 1.0);
    elsewhere.results.run.config = "other".into();
    says(again(POLICY, elsewhere), 2, &["is of other, the candidate is new"]);
    let place = Place::new(&[old(&[1.0]), new(&[1.5])], POLICY);
    let arguments = ["--baseline", "old", "--candidate", "new", "--confirm", "new"];
    let (code, out, err) = place.gate(&arguments);
    says((code, out + &err), 2, &["--confirm new holds every run of the candidate"]);
}

#[test]
fn a_confirmation_elsewhere_or_with_a_moved_control_is_no_confirmation() {
    let control = format!("{POLICY}[[control]]\nmatch = {{ case = \"m::f0\" }}\n");
    let moved = run("new", 40, 5, &[1.5, 1.5]);
    let said = "in the confirmation 20260102T034005Z-beef: the control m::f0 time moved";
    says(again(&control, moved), 4, &[said]);
    let mut newer = later(5, 1.5);
    newer.results.run.vbench_version = "0.2.0".into();
    says(again(POLICY, newer), 4, &["in the confirmation", "vbench.version is 0.1.0 in the base"]);
}

#[test]
fn bounds_are_confirmed_too() {
    let policy = format!("{POLICY}[[rule]]\nmatch = {{ case = \"m::f1\" }}\nmax = \"1.2 s\"\n");
    says(again(&policy, later(5, 1.5)), 1, &["above the bound of 1.2 s", "confirmed by"]);
    says(again(&policy, later(5, 1.0)), 0, &["not confirmed by"]);
}
