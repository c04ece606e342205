//! Confirmation: what fails was measured again, and fails only if it does so every time.
//!
//! One row of 96 that nothing happened to fails now and then; that it does so twice is rare (2.3%
//! and 0.04% of rows by simulation, at the price of finding 82% in place of 91% of changes of 5%).

use super::policy::Policy;
use super::row::{self, Judged, Reference, State};
use super::{Effect, Finding, Gate, Misfit, counts, key, only_pair, outcome};
use crate::compare::Comparison;

/// Fresh launches of what failed, compared with what it failed against.
#[derive(Clone, Copy, Debug)]
pub struct Confirmation<'c> {
    /// How the fresh runs are called.
    pub name: &'c str,
    /// Against the base.
    pub base: &'c Comparison,
    /// Against the older base.
    pub anchor: Option<&'c Comparison>,
}

/// What a confirmation says about a row that failed.
enum Answer {
    /// It fails again.
    Again,
    /// It does not.
    Otherwise(State),
    /// It cannot say.
    Nothing(&'static str),
}

impl Gate<'_> {
    /// Lets failing rows stand only if every confirmation fails as well. What was not measured
    /// again, or with too few launches, stands as it was.
    ///
    /// # Errors
    /// As [`super::decide`].
    pub fn confirmed(
        mut self,
        policy: &Policy,
        confirmations: &[Confirmation<'_>],
    ) -> Result<Self, Misfit> {
        for confirmation in confirmations {
            self.confirm(policy, confirmation)?;
        }
        self.counts = counts(&self.rows);
        self.outcome = outcome(&self.rows, &self.findings);
        Ok(self)
    }

    fn confirm(&mut self, policy: &Policy, again: &Confirmation<'_>) -> Result<(), Misfit> {
        let references =
            [(Reference::Baseline, Some(again.base)), (Reference::Anchor, again.anchor)];
        for (reference, comparison) in references {
            let Some((comparison, pair)) = comparison.and_then(only_pair) else { continue };
            let found = key::findings(policy, comparison, pair, reference);
            let twins = row::judge_all(policy, comparison, pair, reference)?;
            let moved = twins.iter().filter(|twin| twin.effect() == Effect::Environment);
            let moved = moved.map(|twin| {
                let text = format!("the control {} {} moved", twin.case, twin.metric);
                Finding::new(Effect::Environment, "control:moved", text)
            });
            let elsewhere = found.into_iter().chain(moved);
            self.findings.extend(elsewhere.map(|finding| Finding {
                text: format!("in the confirmation {}: {}", again.name, finding.text),
                ..finding
            }));
            let failing = self.rows.iter_mut().filter(|row| row.reference == reference);
            for row in failing.filter(|row| row.effect() == Effect::Fail) {
                let twin = twins.iter().find(|t| (&t.case, &t.metric) == (&row.case, &row.metric));
                take(row, &answer(twin), again.name);
            }
        }
        Ok(())
    }
}

fn answer(twin: Option<&Judged<'_>>) -> Answer {
    let Some(twin) = twin.filter(|twin| twin.row.is_some_and(|row| row.candidate.is_some())) else {
        return Answer::Nothing("did not measure it");
    };
    let weak = |finding: &Finding| ["underpowered", "within-boot"].contains(&finding.code.as_str());
    match twin.effect() {
        Effect::Fail => Answer::Again,
        _ if twin.findings.iter().any(weak) => Answer::Nothing("has too few launches or boots"),
        _ if twin.state == State::Incomparable => Answer::Nothing("cannot be compared"),
        _ => Answer::Otherwise(twin.state),
    }
}

fn take(row: &mut Judged<'_>, answer: &Answer, name: &str) {
    let (effect, code, text) = match answer {
        Answer::Again => (Effect::Fail, "confirmed", format!("confirmed by {name}")),
        Answer::Nothing(why) => (Effect::Fail, "unanswered", format!("{name} {why}")),
        Answer::Otherwise(state) => {
            row.findings.iter_mut().for_each(|finding| finding.effect = Effect::Warn);
            if row.state == State::Regressed {
                row.state = State::Inconclusive;
            }
            let text = format!("not confirmed by {name}: {} there", state.name());
            (Effect::Warn, "unconfirmed", text)
        }
    };
    row.findings.push(Finding::new(effect, code, text));
}
