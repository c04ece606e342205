//! Two strips: launches in the order in which they ran, and the vCPUs of a machine in its nodes.

use super::line::{marks, short};
use super::scale::Scale;
use super::svg::{Drawing, SIZE, Text, V, segments, units};
use super::theme::{self, AXIS, EQUAL, GRID, INK};
use super::{Frame, fitted};

/// Launches in run order.
#[derive(Clone, Debug)]
pub struct Order {
    /// Half of the shaded range, in percent.
    pub margin: f64,
    /// One per launch, in the order in which they ran.
    pub launches: Vec<Launched>,
}

/// One launch.
#[derive(Clone, Debug)]
pub struct Launched {
    /// Whose.
    pub slot: usize,
    /// Percent above the median of its configuration.
    pub deviation: f64,
}

/// The drawing: time from left to right, deviation from the own median from bottom to top.
pub fn order(order: &Order, frame: Frame) -> Drawing {
    let (left, top, height) = (if frame.narrow { 40.0 } else { 52.0 }, 26.0, 150.0);
    let mut drawing = Drawing::new(frame.width, top + height + 30.0);
    let farthest = order.launches.iter().map(|launch| launch.deviation.abs());
    let reach = farthest.fold(2.0 * order.margin, f64::max).min(1000.0) * 1.08;
    let scale = Scale::linear(-reach, reach);
    let y = |deviation: f64| {
        top + height * (1.0 - scale.place(deviation).unwrap_or(0.5).clamp(0.0, 1.0))
    };
    let width = frame.width - left - 10.0;
    let (high, low) = (y(order.margin), y(-order.margin));
    drawing.rect((left, high), (width, low - high), &[("fill", V::T(EQUAL))]);
    drawing.text((left, 12.0), "% from the median of its configuration", Text::default());
    let ticks = scale.ticks(4);
    let across = |tick: &f64| ((left, y(*tick)), (left + width, y(*tick)));
    drawing.lines(&ticks.iter().map(across).collect::<Vec<_>>(), GRID);
    drawing.lines(&[across(&0.0)], AXIS);
    drawing.open_texts("", Text::END);
    for tick in ticks {
        let sign = if tick > 0.0 { "+" } else { "" };
        drawing.text((left - 6.0, y(tick) + 4.0), &format!("{sign}{}", short(tick)), Text::END);
    }
    drawing.text(
        (left + width, top + height + 20.0),
        "launches in the order in which they ran",
        Text::END,
    );
    drawing.close_texts();
    let each = width / order.launches.len().max(1) as f64;
    let x = |index: usize| left + each * (index as f64 + 0.5);
    // The page's script finds the launch of a pointer by these.
    let bottom = top + height;
    let at: Vec<_> =
        (0..order.launches.len()).map(|n| ((x(n), bottom), (x(n), bottom + 4.0))).collect();
    drawing.path(&segments(&at), &[("class", V::T("at")), ("stroke", V::T(AXIS))]);
    for slot in 0..theme::SLOTS {
        let own = order.launches.iter().enumerate().filter(|(_, launch)| launch.slot == slot);
        let places: Vec<(f64, f64)> =
            own.map(|(index, launch)| (x(index), y(launch.deviation))).collect();
        if !places.is_empty() {
            drawing.open(&format!("s{slot}"));
            marks(&mut drawing, slot, &places, 0.8);
            drawing.close();
        }
    }
    drawing
}

/// The vCPUs of one configuration.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Colour and marker.
    pub slot: usize,
    /// Configuration.
    pub name: String,
    /// Its nodes.
    pub nodes: Vec<Node>,
}

/// A node of the guest.
#[derive(Clone, Debug)]
pub struct Node {
    /// Such as `node 0`.
    pub name: String,
    /// Id of each vCPU, and whether the run may use it.
    pub cpus: Vec<(usize, bool)>,
}

/// From one square to the next, and its side.
const SQUARE: f64 = 13.0;
const SIDE: f64 = 10.0;
/// Between the outlines of nodes.
const BESIDE: f64 = 10.0;

/// The drawing of one configuration: an outline per node, a square per vCPU, filled where the run
/// may use it.
pub fn machine(machine: &Machine, frame: Frame) -> Drawing {
    const TOP: f64 = 24.0;
    // Up to four nodes stand beside one another.
    let beside = machine.nodes.len().clamp(1, 4) as f64;
    let room = (frame.width + BESIDE) / beside - BESIDE - 15.0;
    let mut boxes = Vec::new();
    let (mut x, mut y, mut row) = (0.0, TOP, 0.0_f64);
    for node in &machine.nodes {
        let across = columns(node, room);
        let size = node_size(node, across);
        if x + size.0 > frame.width && x > 0.0 {
            (x, y, row) = (0.0, y + row + 8.0, 0.0);
        }
        boxes.push((node, across, (x, y)));
        x += size.0 + BESIDE;
        row = row.max(size.1);
    }
    let mut drawing = Drawing::new(frame.width, y + row + 12.0);
    drawing.open(&format!("s{}", machine.slot));
    marks(&mut drawing, machine.slot, &[(8.0, 10.0)], 1.0);
    let how = Text { fill: INK, bold: true, ..Text::default() };
    drawing.text((18.0, 14.0), &fitted(&machine.name, SIZE, frame.width - 20.0), how);
    for (node, across, at) in boxes {
        self::node(&mut drawing, machine, node, at, across);
    }
    drawing.close();
    drawing
}

/// Squares in a row: about twice as many as rows, and no more than there is room.
fn columns(node: &Node, room: f64) -> usize {
    let most = (room / SQUARE).floor().max(1.0) as usize;
    let wide = ((node.cpus.len() as f64 * 4.0).sqrt().ceil() as usize).max(4);
    wide.min(most)
}

fn node_size(node: &Node, across: usize) -> (f64, f64) {
    let rows = node.cpus.len().div_ceil(across.max(1)).max(1);
    let width = (across as f64 * SQUARE + 14.0).max(64.0);
    (width, rows as f64 * SQUARE + 26.0)
}

fn node(drawing: &mut Drawing, machine: &Machine, node: &Node, (x, y): (f64, f64), across: usize) {
    let (width, height) = node_size(node, across);
    let color = theme::color(machine.slot);
    let outline = [("fill", V::T("none")), ("stroke", V::T(AXIS)), ("rx", V::N(4.0))];
    drawing.rect((x + 0.5, y + 0.5), (width - 1.0, height - 1.0), &outline);
    drawing.text((x + 7.0, y + 14.0), &fitted(&node.name, SIZE, width - 10.0), Text::default());
    let place = |index: usize| {
        (x + 7.0 + SQUARE * (index % across) as f64, y + 19.0 + SQUARE * (index / across) as f64)
    };
    let (used, free): (Vec<usize>, Vec<usize>) =
        (0..node.cpus.len()).partition(|index| node.cpus[*index].1);
    // Filled squares that are neighbours are one broad dashed line.
    let rows = used.chunk_by(|a, b| a + 1 == *b && a / across == b / across);
    let ends = rows.filter_map(|row| Some((place(*row.first()?), place(*row.last()?))));
    let line = |(from, to): ((f64, f64), (f64, f64))| {
        ((from.0, from.1 + SIDE / 2.0), (to.0 + SIDE, to.1 + SIDE / 2.0))
    };
    let dashes = format!("{SIDE} {}", SQUARE - SIDE);
    let broad = [
        ("stroke", V::T(color)),
        ("stroke-width", V::N(SIDE)),
        ("stroke-dasharray", V::T(&dashes)),
    ];
    drawing.path(&segments(&ends.map(line).collect::<Vec<_>>()), &broad);
    let square = |index: &usize| {
        let (left, top) = place(*index);
        format!("M{} {}h9v9h-9z", units(left + 0.5), units(top + 0.5))
    };
    let hollow: String = free.iter().map(square).collect();
    drawing.path(&hollow, &[("fill", V::T("none")), ("stroke", V::T(color))]);
}
