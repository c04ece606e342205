//! The first sentences of a group: the largest real gain and the largest real loss against the
//! base. Configurations are named, never causes.

use super::choose::{self, Choice, Class};
use super::view::{Cell, Line, View};
use super::words;
use crate::compare::{Verdict, Why};
use crate::report::number::digits;
use vbench_results::Better;

/// One real change against the base.
struct Move<'v> {
    side: usize,
    noun: String,
    line: &'v Line,
    ratio: f64,
}

impl Move<'_> {
    fn size(&self) -> f64 {
        self.ratio.ln().abs()
    }
}

/// The headline.
pub fn headline(view: &View<'_>, classes: &[Class<'_>]) -> String {
    if !view.compared() {
        return alone(view, classes);
    }
    let Some(text) = told(view, classes, Cell::real) else { return nothing_real(view) };
    let everywhere = (0..view.names.len())
        .any(|side| classes.iter().all(|class| choose::winners(class.line).contains(&side)));
    let nobody =
        if everywhere || classes.len() < 2 { "" } else { " No configuration wins everywhere." };
    format!("{text}.{}", if view.group.kind == super::Kind::Twins { "" } else { nobody })
}

/// The largest gain, and the largest loss of the same side; nothing of nothing.
fn told(
    view: &View<'_>,
    classes: &[Class<'_>],
    counts: impl Fn(&Cell) -> bool + Copy,
) -> Option<String> {
    let (gains, losses) = moves(view, classes, counts);
    let (gains, losses) = (gains.as_slice(), losses.as_slice());
    // Of those that are as large within the margin, the first.
    let largest = |moves: &[Move<'_>]| -> Option<usize> {
        let most = moves.iter().map(Move::size).fold(0.0, f64::max);
        moves.iter().position(|found| found.size() >= most - view.policy.tau())
    };
    let base = &view.names[0];
    let gain = largest(gains).and_then(|index| gains.get(index));
    let loss = largest(losses).and_then(|index| losses.get(index));
    let (gain, loss) = match (gain, loss) {
        (None, None) => return None,
        (Some(gain), None) => {
            let (name, won) = (name(view, gain), won(gain, base));
            let (_, elsewhere) = everywhere(view, counts);
            return Some(match most_of(&elsewhere, gain.side) {
                Some(worst) => format!("{name} {won}; at worst it {}", lost(worst, base)),
                None => format!("{name} {won} and loses nothing that was measured"),
            });
        }
        (None, Some(loss)) => {
            let (name, lost) = (name(view, loss), lost(loss, base));
            let (elsewhere, _) = everywhere(view, counts);
            return Some(match most_of(&elsewhere, loss.side) {
                Some(best) => format!("{name} {lost}; at best it {}", won(best, base)),
                None => format!("{name} {lost} and gains nothing that was measured"),
            });
        }
        (Some(gain), Some(loss)) => (gain, loss),
    };
    let own = most_of(losses, gain.side);
    let winner = format!("{} {}", name(view, gain), won(gain, base));
    Some(match own {
        Some(own) => format!("{winner} and {}", lost(own, base)),
        None => format!("{winner}; {} {}", name(view, loss), lost(loss, base)),
    })
}

/// The largest of a side.
fn most_of<'m, 'v>(moves: &'m [Move<'v>], side: usize) -> Option<&'m Move<'v>> {
    let own = moves.iter().filter(|found| found.side == side);
    own.max_by(|a, b| a.size().total_cmp(&b.size()))
}

/// What single launches look like, where no difference can be shown because nothing was repeated.
fn apparent(view: &View<'_>, classes: &[Class<'_>]) -> Option<String> {
    // What is smaller than the margin does not matter, real or not.
    let large = |ratio: f64| ratio.ln().abs() > view.policy.tau();
    let once = |cell: &Cell| cell.why == Some(Why::Unreplicated) && cell.ratio.is_some_and(large);
    told(view, classes, once)
}

fn name<'v>(view: &'v View<'_>, found: &Move<'_>) -> &'v str {
    &view.names[found.side]
}

/// Gains and losses against the base, of the cells that count: in the primary metrics of the
/// classes, and where there are none, in every line of the table.
fn moves<'v>(
    view: &'v View<'_>,
    classes: &[Class<'v>],
    counts: impl Fn(&Cell) -> bool + Copy,
) -> (Vec<Move<'v>>, Vec<Move<'v>>) {
    let of = move |noun: String, line: &'v Line| moves_of(noun, line, counts);
    let primary = classes.iter().map(|class| (class.noun.clone(), class.line));
    let found: Vec<Move<'v>> = primary.flat_map(|(noun, line)| of(noun, line)).collect();
    let others = || {
        let lines = view.lines.iter().filter(|line| line.representative && line.gated());
        lines.flat_map(|line| of(noun_of(line), line)).collect()
    };
    let all: Vec<Move<'v>> = if found.is_empty() { others() } else { found };
    all.into_iter().partition(is_gain)
}

fn is_gain(found: &Move<'_>) -> bool {
    found.line.gain(found.ratio) > 1.0
}

/// The same of every line that decides, whether it stands for a workload or not.
fn everywhere<'v>(
    view: &'v View<'_>,
    counts: impl Fn(&Cell) -> bool + Copy,
) -> (Vec<Move<'v>>, Vec<Move<'v>>) {
    let lines = view.lines.iter().filter(|line| line.gated());
    lines.flat_map(|line| moves_of(noun_of(line), line, counts)).partition(is_gain)
}

fn noun_of(line: &Line) -> String {
    if line.detail.is_empty() {
        line.name.clone()
    } else {
        format!("{} ({})", line.name, line.detail)
    }
}

fn moves_of(
    noun: String,
    line: &Line,
    counts: impl Fn(&Cell) -> bool,
) -> impl Iterator<Item = Move<'_>> {
    let counted = line.changes().filter(move |(_, cell)| counts(cell));
    counted.filter_map(move |(side, cell)| {
        Some(Move { side, noun: noun.clone(), line, ratio: cell.ratio? })
    })
}

/// `gives 7.3× the memory bandwidth of default`, `has 28% lower memory latency than default`.
fn won(found: &Move<'_>, base: &str) -> String {
    let noun = &found.noun;
    match (found.line.metric.better, found.ratio) {
        (Better::Higher, ratio) if ratio >= 2.0 => {
            format!("gives {}\u{d7} the {noun} of {base}", factor(ratio))
        }
        (Better::Higher, ratio) => {
            format!("gives {} more {noun} than {base}", choose::percent(ratio - 1.0))
        }
        (Better::Lower, ratio) => {
            format!("has {} lower {noun} than {base}", choose::percent(1.0 - ratio))
        }
    }
}

/// `loses 57% of its all-reduce`, `has 31% higher memory latency`.
fn lost(found: &Move<'_>, base: &str) -> String {
    let noun = &found.noun;
    match (found.line.metric.better, found.ratio) {
        (Better::Higher, ratio) => {
            format!("loses {} of its {noun}", choose::percent(1.0 - ratio))
        }
        (Better::Lower, ratio) if ratio >= 2.0 => {
            format!("has {}\u{d7} the {noun} of {base}", factor(ratio))
        }
        (Better::Lower, ratio) => format!("has {} higher {noun}", choose::percent(ratio - 1.0)),
    }
}

/// Two significant digits: `7.3`, `12`.
fn factor(ratio: f64) -> String {
    if ratio < 9.95 { format!("{ratio:.1}") } else { digits(ratio.round()).replace(".0", "") }
}

fn nothing_real(view: &View<'_>) -> String {
    let counts = counts(view);
    let margin = view.margin();
    if counts.real > 0 {
        let tested = counts.real + counts.same + counts.unclear;
        return format!(
            "{} of {tested} differences are real, none of them in what stands for a workload.",
            counts.real
        );
    }
    match (counts.same, counts.unclear) {
        (0, 0) => "Nothing here can be compared.".to_owned(),
        (_, 0) => format!("No configuration differs by {margin} or more."),
        (same, unclear) => format!(
            "No difference of {margin} or more is shown: {unclear} of {} are unclear.",
            same + unclear
        ),
    }
}

/// One configuration: its numbers, and nothing to compare.
fn alone(view: &View<'_>, classes: &[Class<'_>]) -> String {
    let value = |class: &Class<'_>| {
        let value = class.line.values.first()?.as_ref()?;
        Some(format!("{} of {}", class.line.with_unit(value.typical), class.noun))
    };
    let values: Vec<String> = classes.iter().take(3).filter_map(value).collect();
    match values.len() {
        0 => format!(
            "{}: {} measured.",
            view.names[0],
            crate::report::number::counted(view.lines.len(), "metric")
        ),
        _ => format!("{} has {}.", view.names[0], joined(&values)),
    }
}

fn joined(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// What to do with it.
pub fn lede(view: &View<'_>, classes: &[Class<'_>]) -> String {
    if !view.compared() {
        return "One configuration alone has nothing to be compared with: store another with vbench run --config \
                NAME, in turns with this one, and write the report again."
            .to_owned();
    }
    if view.group.kind == super::Kind::Twins {
        return "Systems that should be alike, side by side: what differs in the numbers stands beside what differs \
                in the machines."
            .to_owned();
    }
    let counts = counts(view);
    let decided =
        classes.iter().any(|class| matches!(choose::choose(class, classes), Choice::Side(_)));
    if counts.real == 0 && decided {
        return format!(
            "None is shown to differ from {}; what differs among the others is in the table below.",
            view.names[0]
        );
    }
    if counts.real == 0 {
        if let Some(apparent) = apparent(view, classes) {
            return format!(
                "As measured once, {apparent}. Whether it repeats nobody knows: without a second launch no choice can \
                 be justified."
            );
        }
        return format!(
            "No choice can be justified by these runs. {}",
            if counts.unclear > 0 {
                "More launches, measured in turns, would narrow the intervals."
            } else {
                "Take the simplest configuration."
            }
        );
    }
    if !decided {
        return "Real differences are in the table below; none of them decides between workloads."
            .to_owned();
    }
    let side = safest(view, classes);
    format!(
        "If you know what the machine will run, choose below. If you do not, use {}: {}.",
        view.names[side],
        safe(view, side, classes)
    )
}

/// The side whose largest real loss in the classes is smallest; of several the one that loses least
/// anywhere.
fn safest(view: &View<'_>, classes: &[Class<'_>]) -> usize {
    let size = |found: Option<(&Line, f64)>| found.map_or(0.0, |(_, ratio)| ratio.ln().abs());
    let worst: Vec<(f64, f64)> = (0..view.names.len())
        .map(|side| {
            let in_classes = worst(side, classes.iter().map(|class| class.line));
            (size(in_classes), size(worst(side, deciding(view))))
        })
        .collect();
    let order = |a: &usize, b: &usize| {
        let ((a, a_anywhere), (b, b_anywhere)) = (worst[*a], worst[*b]);
        a.total_cmp(&b).then(a_anywhere.total_cmp(&b_anywhere))
    };
    (0..worst.len()).min_by(order).unwrap_or(0)
}

fn deciding<'v>(view: &'v View<'_>) -> impl Iterator<Item = &'v Line> {
    view.lines.iter().filter(|line| line.gated())
}

/// The line in which `side` loses most to any other, with its ratio to that.
fn worst<'v>(side: usize, lines: impl Iterator<Item = &'v Line>) -> Option<(&'v Line, f64)> {
    let losses = lines.filter_map(|line| Some((line, choose::loss(side, line)?)));
    losses.max_by(|a, b| a.1.ln().abs().total_cmp(&b.1.ln().abs()))
}

fn safe(view: &View<'_>, side: usize, classes: &[Class<'_>]) -> String {
    let losses = classes.iter().filter_map(|class| Some((class, choose::loss(side, class.line)?)));
    let worst = losses.max_by(|a, b| a.1.ln().abs().total_cmp(&b.1.ln().abs()));
    let gains = classes.iter().filter(|class| {
        class
            .line
            .cells
            .first()
            .and_then(|cells| cells.get(side))
            .is_some_and(|cell| cell.verdict == Some(Verdict::Improvement))
    });
    let gains: Vec<String> = gains.map(|class| class.noun.clone()).collect();
    let gained = if gains.is_empty() {
        String::new()
    } else {
        format!(" and gains {} over {}", joined(&gains), view.names[0])
    };
    let size = |ratio: f64| ratio.ln().abs();
    let in_classes = worst.map_or(0.0, |(_, ratio)| size(ratio));
    let anywhere = self::worst(side, deciding(view));
    let more = anywhere.filter(|(_, ratio)| size(*ratio) > in_classes);
    let elsewhere = more.map(|(line, ratio)| choose::lost_of(line, &noun_of(line), ratio));
    let lost = worst.map(|(class, ratio)| choose::lost_part(class, ratio));
    match (lost, elsewhere) {
        (Some(lost), None) => format!("it gives up at most {lost}{gained}"),
        (Some(lost), Some(more)) => {
            format!("of these workloads it gives up at most {lost}, elsewhere {more}{gained}")
        }
        (None, Some(more)) => {
            format!("none of these is really worse with it, elsewhere it gives up {more}{gained}")
        }
        (None, None) => format!("nothing measured is really worse with it{gained}"),
    }
}

/// Verdicts of the lines that decide, against the base.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Better or worse.
    pub real: usize,
    /// Shown to be the same.
    pub same: usize,
    /// Neither.
    pub unclear: usize,
    /// Not comparable.
    pub apart: usize,
}

/// Counts the verdicts.
pub fn counts(view: &View<'_>) -> Counts {
    let mut counts = Counts::default();
    let cells = view.lines.iter().filter(|line| line.gated()).flat_map(Line::changes);
    for (_, Cell { verdict, .. }) in cells {
        match verdict {
            Some(Verdict::Improvement | Verdict::Regression) => counts.real += 1,
            Some(Verdict::Equivalent) => counts.same += 1,
            Some(Verdict::Inconclusive) => counts.unclear += 1,
            Some(Verdict::Incomparable) => counts.apart += 1,
            None => {}
        }
    }
    counts
}

/// What a configuration is best and worst at against the base: sign, class and text.
pub fn card(view: &View<'_>, side: usize, classes: &[Class<'_>]) -> Vec<(Verdict, String)> {
    let mut points: Vec<(Verdict, f64, String)> = Vec::new();
    for class in classes {
        let line = class.line;
        if let Some(cell) =
            line.cells.first().and_then(|cells| cells.get(side)).filter(|_| side > 0)
        {
            let Some((verdict, ratio)) = cell.verdict.zip(cell.ratio) else { continue };
            let text = match verdict {
                Verdict::Improvement | Verdict::Regression => {
                    format!("{} {}", words::change(ratio), class.noun)
                }
                Verdict::Equivalent => format!("{}: same", class.noun),
                _ => format!("{}: unclear", class.noun),
            };
            points.push((verdict, ratio.ln().abs(), text));
        } else if side == 0 {
            points.extend(base_point(view, class));
        }
    }
    points.sort_by(|a, b| importance(a.0).cmp(&importance(b.0)).then(b.1.total_cmp(&a.1)));
    points.truncate(4);
    points.into_iter().map(|(verdict, _, text)| (verdict, words::sentence(&text))).collect()
}

fn importance(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Improvement => 0,
        Verdict::Regression => 1,
        Verdict::Equivalent => 2,
        _ => 3,
    }
}

/// The base is best where it beats all others, and worst where all others beat it.
fn base_point(view: &View<'_>, class: &Class<'_>) -> Option<(Verdict, f64, String)> {
    let line = class.line;
    let against = |verdict: Verdict| {
        let all: Vec<&Cell> = line.changes().map(|(_, cell)| cell).collect();
        !all.is_empty() && all.iter().all(|cell| cell.verdict == Some(verdict))
    };
    let value = line.with_unit(line.values.first()?.as_ref()?.typical);
    if !view.compared() {
        return Some((Verdict::Incomparable, 0.0, format!("{}: {value}", class.noun)));
    }
    if against(Verdict::Regression) {
        return Some((Verdict::Improvement, 1.0, format!("best {}: {value}", class.noun)));
    }
    against(Verdict::Improvement)
        .then(|| (Verdict::Regression, 1.0, format!("worst {}: {value}", class.noun)))
}
