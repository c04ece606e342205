//! Cases that differ in one number only: curves over it, the cache levels on them, and the curves
//! of percentiles.

use super::view::{Line, Value, View};
use super::words::{self, Chapter};
use crate::levels::{self, Point as Size};
use crate::quantity::Bytes;
use crate::report::chart::line::{Lines, Place, Plateau, Point, Ruler, Series, draw};
use crate::report::chart::{Figure, Frame};
use std::collections::{BTreeMap, BTreeSet};
use vbench_results::Better;

/// Fewer values are bars, not a curve.
const LEAST: usize = 4;
/// Fewer sizes show no cache levels.
const LEAST_FOR_LEVELS: usize = 6;

/// Lines that differ in one number only, in its order.
pub struct Sweep<'v> {
    /// What is swept.
    pub axis: String,
    /// The number, its text, and the line.
    pub points: Vec<(f64, String, &'v Line)>,
}

/// The axis of each benchmark and metric that is a sweep.
pub fn sweeps<'v>(lines: &[&'v Line]) -> Vec<Sweep<'v>> {
    let mut axes: BTreeMap<(&str, &str), BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for line in lines {
        let values = axes.entry((&line.case.benchmark, &line.metric.name)).or_default();
        for (axis, value) in &line.case.params {
            values.entry(axis).or_default().insert(value);
        }
    }
    let mut found: Vec<Sweep<'v>> = Vec::new();
    for ((benchmark, metric), axes) in axes {
        let Some(axis) = swept(&axes) else { continue };
        let mut rest: BTreeMap<String, Vec<(f64, String, &'v Line)>> = BTreeMap::new();
        for line in
            lines.iter().filter(|l| l.case.benchmark == benchmark && l.metric.name == metric)
        {
            let Some(value) = line.case.params.get(axis) else { continue };
            let Some(number) = number(value) else { continue };
            let mut id = line.case.clone();
            id.params.remove(axis);
            rest.entry(id.to_string()).or_default().push((number, words::spaced(value), line));
        }
        for mut points in rest.into_values().filter(|points| points.len() >= LEAST) {
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            points.dedup_by(|a, b| a.0 == b.0);
            found.push(Sweep { axis: axis.to_owned(), points });
        }
    }
    found
}

/// Axes whose numbers are names: what is next to what says nothing.
const NAMES: &[&str] = &["gpu", "node", "cpu", "cpu_node", "memory_node", "device"];

/// True where an axis names things, such as GPUs.
pub fn is_name(axis: &str) -> bool {
    NAMES.contains(&axis)
}

/// The axis with most numbers, if it has enough and no two axes make a square.
fn swept<'a>(axes: &BTreeMap<&'a str, BTreeSet<&str>>) -> Option<&'a str> {
    let numeric =
        axes.iter().filter(|(_, values)| values.iter().all(|value| number(value).is_some()));
    let mut counted: Vec<(usize, &&str)> = numeric
        .map(|(axis, values)| (values.len(), axis))
        .filter(|(count, axis)| *count >= LEAST && !is_name(axis))
        .collect();
    counted.sort();
    if super::matrices::axes(axes).is_some() {
        return None;
    }
    counted.last().map(|(_, axis)| **axis)
}

/// The number that an axis value is.
pub fn number(value: &str) -> Option<f64> {
    let size = value.parse::<Bytes>().ok().map(|bytes| bytes.0 as f64);
    size.or_else(|| value.parse::<f64>().ok()).filter(|number| number.is_finite() && *number >= 0.0)
}

/// Which metric of a benchmark is drawn, the first of these that it has: of an all-reduce the bus
/// bandwidth, not the time of which it is made.
pub const DRAWN: &[&str] = &["busbw", "bandwidth", "latency", "rate", "triad", "flops"];

/// The curves of a chapter: of each benchmark one metric that decides something. The first is drawn
/// in `room`.
pub fn figures(
    view: &View<'_>,
    chapter: &Chapter,
    lines: &[&Line],
    id: &str,
    room: Frame,
) -> Vec<Figure> {
    let mut sweeps: Vec<Sweep<'_>> = sweeps(lines)
        .into_iter()
        .filter(|sweep| sweep.points.iter().any(|p| p.2.drawn()))
        .collect();
    let rank = |sweep: &Sweep<'_>| {
        let metric = &sweep.points[0].2.metric.name;
        DRAWN.iter().position(|drawn| drawn == metric).unwrap_or(DRAWN.len())
    };
    // Stable: sweeps of one rank stay in the order of their names.
    sweeps.sort_by_key(|sweep| (sweep.points[0].2.case.benchmark.clone(), rank(sweep)));
    let mut shown: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    let mut figures = Vec::new();
    for sweep in &sweeps {
        let first = sweep.points[0].2;
        let entry = shown.entry(&first.case.benchmark).or_insert((&first.metric.name, 0));
        if entry.0 != first.metric.name || entry.1 == view.room.figures {
            continue;
        }
        entry.1 += 1;
        let id = format!("{id}-curve{}", figures.len());
        let frame = if figures.is_empty() { room } else { Frame::HALF };
        figures.push(curve(view, sweep, &id, frame));
        if *chapter == Chapter::Collectives && view.compared() {
            figures.extend(relative(view, sweep, &format!("{id}r")));
        }
    }
    figures
}

fn curve(view: &View<'_>, sweep: &Sweep<'_>, id: &str, frame: Frame) -> Figure {
    let first = sweep.points[0].2;
    let scale = scale(sweep);
    let factor = (scale.0, scale.1.as_str());
    let series: Vec<Series> = (0..view.names.len())
        .map(|slot| series(view, sweep, slot, factor))
        .filter(|s| !s.points.is_empty())
        .collect();
    let (places, plateaus, told) = hierarchy(view, sweep, factor);
    let lines = Lines {
        id: format!("{id}-clip"),
        x: abscissa(sweep),
        y: Ruler { title: title_of(first, factor), log: spans(&series), names: Vec::new() },
        places,
        plateaus,
        band: None,
        series,
    };
    let ribbon = if view.launches.iter().any(|(launches, _)| *launches > 1) {
        " Ribbons are 95% intervals."
    } else {
        ""
    };
    let detail = rest(sweep);
    let caption = format!("{detail}{}{told}{ribbon}", if detail.is_empty() { "" } else { ". " });
    figure(id, [title(view, sweep), caption], &lines, table(view, sweep), frame)
}

/// The factor that suits the middle of the curve, so that one unit serves all of it.
fn scale(sweep: &Sweep<'_>) -> (f64, String) {
    let middle = sweep.points.get(sweep.points.len() / 2).and_then(|(_, _, line)| {
        let typical = line.values.iter().flatten().next()?.typical;
        Some(words::prefixed(typical, &line.metric.unit))
    });
    middle.unwrap_or((1.0, String::new()))
}

fn title_of(line: &Line, (_, unit): (f64, &str)) -> String {
    let arrow = match line.metric.better {
        Better::Higher => "higher is better",
        Better::Lower => "lower is better",
    };
    if unit.is_empty() { arrow.to_owned() } else { format!("{unit}, {arrow}") }
}

fn spans(series: &[Series]) -> bool {
    let values = || series.iter().flat_map(|series| &series.points).map(|point| point.y);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    low > 0.0 && high / low > 4.0
}

fn abscissa(sweep: &Sweep<'_>) -> Ruler {
    let xs = || sweep.points.iter().map(|(x, _, _)| *x);
    let (low, high) = (xs().fold(f64::INFINITY, f64::min), xs().fold(0.0, f64::max));
    Ruler {
        title: words::spelt(&sweep.axis),
        log: low > 0.0 && high / low >= 8.0,
        names: sweep.points.iter().map(|(x, text, _)| (*x, text.clone())).collect(),
    }
}

fn series(view: &View<'_>, sweep: &Sweep<'_>, slot: usize, factor: (f64, &str)) -> Series {
    let point = |(x, _, line): &(f64, String, &Line)| {
        let value = line.values.get(slot)?.as_ref()?;
        (value.typical > 0.0).then(|| Point {
            x: *x,
            y: value.typical / factor.0,
            interval: value.interval.map(|(low, high)| (low / factor.0, high / factor.0)),
            text: told(value, factor),
        })
    };
    let points = sweep.points.iter().filter_map(point).collect();
    Series { slot, name: view.names[slot].clone(), points }
}

/// `101 ns (100 to 102)`.
pub fn told(value: &Value, (factor, unit): (f64, &str)) -> String {
    let number = |value: f64| crate::report::number::digits(value / factor);
    let interval =
        value.interval.map(|(low, high)| format!(" ({} to {})", number(low), number(high)));
    let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
    format!("{}{unit}{}", number(value.typical), interval.unwrap_or_default())
}

/// What the cases of a sweep share.
fn rest(sweep: &Sweep<'_>) -> String {
    let mut case = sweep.points[0].2.case.clone();
    case.params.remove(&sweep.axis);
    words::sentence(&crate::report::table::inert(&words::detail(&case)))
}

/// A result where the largest value has one, else what is shown.
fn title(view: &View<'_>, sweep: &Sweep<'_>) -> String {
    let real = sweep.points.iter().rev().find_map(|(_, text, line)| {
        let changes = line.changes().filter(|(_, cell)| cell.real());
        let largest = changes.max_by(|a, b| size(a.1.ratio).total_cmp(&size(b.1.ratio)))?;
        Some((text, *line, largest.0))
    });
    let neutral = || format!("{} by {}", sweep.points[0].2.name, words::spelt(&sweep.axis));
    let Some((text, line, slot)) = real else { return neutral() };
    let value = |slot: usize| line.values.get(slot)?.as_ref().map(|value| value.typical);
    let Some((from, to)) = value(0).zip(value(slot)) else { return neutral() };
    let verb = if to > from { "rises" } else { "falls" };
    let (from, to, name) = (line.number(from), line.with_unit(to), &view.names[slot]);
    format!("{} at {text} {verb} from {from} to {to} with {name}", line.name)
}

fn size(ratio: Option<f64>) -> f64 {
    ratio.map_or(0.0, |ratio| ratio.ln().abs())
}

/// Claimed caches as places, flat parts of each curve, and one sentence about both.
fn hierarchy(
    view: &View<'_>,
    sweep: &Sweep<'_>,
    factor: (f64, &str),
) -> (Vec<Place>, Vec<Plateau>, String) {
    let first = sweep.points[0].2;
    let fits = first.metric.name == "latency"
        && sweep.axis == "size"
        && sweep.points.len() >= LEAST_FOR_LEVELS;
    if !fits {
        return (Vec::new(), Vec::new(), String::new());
    }
    let found: Vec<Vec<levels::Level>> =
        (0..view.names.len()).map(|slot| plateaus(sweep, slot)).collect();
    let claims = claims(view);
    let sizes: Vec<u64> = claims.iter().map(|(_, size)| *size).collect();
    let verdicts = levels::compare(&found[0], &sizes);
    let places = claims.iter().zip(&verdicts).map(|((cache, size), claim)| Place {
        x: *size as f64,
        name: match claim.level {
            Some(_) => format!("{cache} {} \u{2713}", words::spaced(&Bytes(*size).to_string())),
            None => format!("{cache} {} ?", words::spaced(&Bytes(*size).to_string())),
        },
    });
    let flat = found.iter().enumerate().flat_map(|(slot, levels)| {
        levels.iter().map(move |level| Plateau {
            slot,
            x: (level.from as f64, level.to as f64),
            y: level.value / factor.0,
        })
    });
    (places.collect(), flat.collect(), sentence(view, first, &found[0], &claims, &verdicts))
}

fn plateaus(sweep: &Sweep<'_>, slot: usize) -> Vec<levels::Level> {
    let point = |(x, _, line): &(f64, String, &Line)| {
        let value = line.values.get(slot)?.as_ref()?.typical;
        Some(Size { size: *x as u64, value })
    };
    levels::levels(&sweep.points.iter().filter_map(point).collect::<Vec<_>>())
}

/// The data caches that the base claims, as name and bytes.
fn claims(view: &View<'_>) -> Vec<(String, u64)> {
    let Some((_, run)) = view.runs().next() else { return Vec::new() };
    let known = ["l1d", "l2", "l3", "l4"].into_iter().filter_map(|cache| {
        let value = run.environment.value(&format!("cpu.cache.{cache}.size"))?;
        Some((cache.to_uppercase(), value.to_string().parse().ok()?))
    });
    known.collect()
}

fn sentence(
    view: &View<'_>,
    line: &Line,
    found: &[levels::Level],
    claims: &[(String, u64)],
    verdicts: &[levels::Claim],
) -> String {
    let of =
        if view.compared() { format!("Levels of {}", view.names[0]) } else { "Levels".to_owned() };
    let level = |level: &levels::Level| {
        let to = words::spaced(&Bytes(level.to).to_string());
        let (factor, unit) = words::prefixed(level.value, &line.metric.unit);
        format!("{} {unit} to {to}", crate::report::number::digits(level.value / factor))
    };
    let measured = match found.is_empty() {
        true => "no flat part was found".to_owned(),
        false => found.iter().map(level).collect::<Vec<_>>().join(", "),
    };
    let unmatched = claims.iter().zip(verdicts).filter(|(_, claim)| claim.level.is_none());
    let unmatched: Vec<String> = unmatched
        .map(|((cache, size), _)| format!("{cache} {}", words::spaced(&Bytes(*size).to_string())))
        .collect();
    let told = match (claims.is_empty(), unmatched.is_empty()) {
        (true, _) => String::new(),
        (false, true) => " All claimed caches end where a level does.".to_owned(),
        (false, false) => format!(" No level ends at the claimed {}.", unmatched.join(" and ")),
    };
    format!("{of}: {measured}.{told}")
}

/// In half of the page one drawing serves desks and phones.
fn figure(
    id: &str,
    [title, caption]: [String; 2],
    lines: &Lines,
    table: Vec<Vec<String>>,
    frame: Frame,
) -> Figure {
    let half = frame == Frame::HALF;
    Figure {
        id: id.to_owned(),
        title,
        caption,
        wide: draw(lines, frame),
        parts: Vec::new(),
        narrow: (!half).then(|| draw(lines, Frame::NARROW)),
        table,
        half,
        key: lines.series.iter().map(|series| (series.slot, series.name.clone())).collect(),
    }
}

/// One row per value of the axis, one column per configuration.
fn table(view: &View<'_>, sweep: &Sweep<'_>) -> Vec<Vec<String>> {
    let mut head = vec![words::spelt(&sweep.axis)];
    head.extend(view.names.iter().cloned());
    let row = |(_, text, line): &(f64, String, &Line)| {
        let cell = |value: &Option<Value>| {
            let Some(value) = value else { return "not measured".to_owned() };
            let (factor, unit) = words::prefixed(value.typical, &line.metric.unit);
            told(value, (factor, &unit))
        };
        let mut row = vec![text.clone()];
        row.extend(line.values.iter().map(cell));
        row
    };
    [head].into_iter().chain(sweep.points.iter().map(row)).collect()
}

/// The same sweep as a share of the base.
fn relative(view: &View<'_>, sweep: &Sweep<'_>, id: &str) -> Option<Figure> {
    let point = |slot: usize| {
        move |(x, _, line): &(f64, String, &Line)| {
            let cell = line.cells.first()?.get(slot)?;
            let ratio = if slot == 0 { 1.0 } else { cell.ratio? };
            let text = format!("{}\u{d7}", crate::report::number::digits(ratio));
            Some(Point { x: *x, y: ratio, interval: cell.interval, text })
        }
    };
    let series: Vec<Series> = (0..view.names.len())
        .map(|slot| Series {
            slot,
            name: view.names[slot].clone(),
            points: sweep.points.iter().filter_map(point(slot)).collect(),
        })
        .filter(|series| !series.points.is_empty())
        .collect();
    if series.len() < 2 {
        return None;
    }
    let margin = 1.0 + view.policy.margin;
    let lines = Lines {
        id: format!("{id}-clip"),
        x: abscissa(sweep),
        y: Ruler { title: format!("times {}", view.names[0]), log: true, names: Vec::new() },
        places: Vec::new(),
        plateaus: Vec::new(),
        band: Some((1.0 / margin, margin)),
        series,
    };
    let title = format!("The same, relative to {}", view.names[0]);
    let caption = format!("The grey band is the margin of {}.", view.margin());
    let table = ratios(view, &lines);
    Some(figure(id, [title, caption], &lines, table, Frame::HALF))
}

/// One row per value of the axis, one column per configuration.
fn ratios(view: &View<'_>, lines: &Lines) -> Vec<Vec<String>> {
    let mut head = vec![lines.x.title.clone()];
    head.extend(view.names.iter().cloned());
    let row = |(x, name): &(f64, String)| {
        let cell = |slot: usize| {
            let series = lines.series.iter().find(|series| series.slot == slot);
            let point = series.and_then(|series| series.points.iter().find(|p| p.x == *x));
            point.map_or("not compared".to_owned(), |point| point.text.clone())
        };
        [name.clone()].into_iter().chain((0..view.names.len()).map(cell)).collect()
    };
    [head].into_iter().chain(lines.x.names.iter().map(row)).collect()
}

/// The percentiles of each case of a benchmark.
type Cases<'v> = BTreeMap<String, Vec<(f64, &'v Line)>>;

/// Most benchmarks of a chapter of which the percentiles are drawn.
const MOST_PERCENTILES: usize = 3;

/// The percentiles of the largest case of each benchmark that has three or more, those of jitter
/// first.
pub fn percentiles(view: &View<'_>, lines: &[&Line], id: &str) -> Vec<Figure> {
    let mut cases: BTreeMap<(bool, &str), Cases<'_>> = BTreeMap::new();
    for line in lines {
        if let Some(percent) = percent(&line.metric.name) {
            let benchmark = (line.kind != "jitter", line.case.benchmark.as_str());
            let cases = cases.entry(benchmark).or_default();
            cases.entry(line.case.to_string()).or_default().push((percent, line));
        }
    }
    let size = |lines: &Vec<(f64, &Line)>| {
        let params = lines.first().into_iter().flat_map(|(_, line)| line.case.params.values());
        params.map(|value| words::rank(value)).filter(|rank| *rank < u64::MAX).max()
    };
    // The largest case says most: all vCPUs.
    let chosen = cases
        .into_values()
        .filter_map(|cases| cases.into_values().filter(|lines| lines.len() >= 3).max_by_key(size));
    let most = MOST_PERCENTILES.min(view.room.figures);
    let numbered = chosen.take(most).enumerate();
    numbered.map(|(number, lines)| of_percentiles(view, lines, &format!("{id}{number}"))).collect()
}

fn of_percentiles(view: &View<'_>, mut lines: Vec<(f64, &Line)>, id: &str) -> Figure {
    lines.sort_by(|a, b| a.0.total_cmp(&b.0));
    let name = |line: &Line| words::spelt(&line.metric.name);
    let points =
        lines.iter().enumerate().map(|(place, (_, line))| (place as f64, name(line), *line));
    let sweep = Sweep { axis: "percentile".to_owned(), points: points.collect() };
    let first = sweep.points[0].2;
    let scale = scale(&sweep);
    let factor = (scale.0, scale.1.as_str());
    let series = (0..view.names.len()).map(|slot| series(view, &sweep, slot, factor));
    let series: Vec<Series> = series.filter(|series| !series.points.is_empty()).collect();
    let function = words::sentence(&words::spelt(first.function()));
    let detail = crate::report::table::inert(&words::detail(&first.case));
    let lines = Lines {
        id: format!("{id}-clip"),
        x: abscissa(&sweep),
        y: Ruler { title: title_of(first, factor), log: spans(&series), names: Vec::new() },
        places: Vec::new(),
        plateaus: Vec::new(),
        band: None,
        series,
    };
    let title = format!("{function} by percentile");
    let mut table = table(view, &sweep);
    if let Some(head) = table.first_mut().and_then(|row| row.first_mut()) {
        "percentile".clone_into(head);
    }
    figure(id, [title, words::sentence(&detail)], &lines, table, Frame::HALF)
}

/// 50 of `p50`, 99.9 of `p99.9` or `p99_9`, 100 of `max`.
fn percent(metric: &str) -> Option<f64> {
    if metric == "max" {
        return Some(100.0);
    }
    let number: f64 = metric.strip_prefix('p')?.replace('_', ".").parse().ok()?;
    (0.0..=100.0).contains(&number).then_some(number)
}
