//! Both directions of a pair say the same.

use super::{Cell, Verdict, agree};

fn cells(there: Verdict, back: Verdict) -> Vec<Vec<Cell>> {
    let cell = |verdict| Cell { verdict: Some(verdict), ..Cell::BASE };
    vec![vec![Cell::BASE, cell(there)], vec![cell(back), Cell::BASE]]
}

fn agreed(there: Verdict, back: Verdict) -> (Option<Verdict>, Option<Verdict>) {
    let mut cells = cells(there, back);
    agree(&mut cells);
    (cells[0][1].verdict, cells[1][0].verdict)
}

#[test]
fn a_pair_is_real_only_where_both_directions_say_so() {
    use Verdict::{Equivalent, Improvement, Incomparable, Inconclusive, Regression};
    for (there, back, told) in [
        (Improvement, Regression, (Improvement, Regression)),
        (Equivalent, Equivalent, (Equivalent, Equivalent)),
        (Improvement, Inconclusive, (Inconclusive, Inconclusive)),
        (Inconclusive, Regression, (Inconclusive, Inconclusive)),
        (Equivalent, Inconclusive, (Inconclusive, Inconclusive)),
        (Incomparable, Improvement, (Incomparable, Improvement)),
    ] {
        assert_eq!(agreed(there, back), (Some(told.0), Some(told.1)));
    }
}
