//! Two strips: launches in the order in which they ran, and the vCPUs of a machine in its nodes.

use super::line::{mark, short};
use super::scale::Scale;
use super::svg::{Drawing, Text, V, units};
use super::theme::{self, AXIS, EQUAL, GRID, INK};
use super::{Frame, fitted};
use std::fmt::Write;

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
    /// Configuration, number, value.
    pub tip: String,
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
    for tick in scale.ticks(4) {
        drawing.line(
            (left, y(tick)),
            (left + width, y(tick)),
            if tick == 0.0 { AXIS } else { GRID },
        );
        let sign = if tick > 0.0 { "+" } else { "" };
        drawing.text((left - 6.0, y(tick) + 4.0), &format!("{sign}{}", short(tick)), Text::END);
    }
    let each = width / order.launches.len().max(1) as f64;
    for (index, launch) in order.launches.iter().enumerate() {
        let place = (left + each * (index as f64 + 0.5), y(launch.deviation));
        drawing.open(&format!("s{}", launch.slot));
        mark(&mut drawing, launch.slot, place, 0.8);
        let hit = [("fill", V::T("transparent")), ("data-t", V::T(&launch.tip))];
        drawing.rect((place.0 - 5.0, place.1 - 5.0), (10.0, 10.0), &hit);
        drawing.close();
    }
    let how = Text { ..Text::END };
    drawing.text(
        (left + width, top + height + 20.0),
        "launches in the order in which they ran",
        how,
    );
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

const SQUARE: f64 = 13.0;

/// The drawing: an outline per node, a square per vCPU, filled where the run may use it.
pub fn machines(machines: &[Machine], frame: Frame) -> Drawing {
    let label = if frame.narrow { 0.0 } else { 150.0 };
    let mut boxes = Vec::new();
    let mut y = 4.0;
    for machine in machines {
        let start = y;
        if frame.narrow {
            y += 20.0;
        }
        let (mut x, mut row) = (label, 0.0_f64);
        for node in &machine.nodes {
            let across = columns(node, frame.width - label - 24.0);
            let size = node_size(node, across);
            if x + size.0 > frame.width && x > label {
                (x, y, row) = (label, y + row + 8.0, 0.0);
            }
            boxes.push((machine, Some((node, across)), (x, y)));
            x += size.0 + 10.0;
            row = row.max(size.1);
        }
        y += row.max(20.0);
        boxes.push((machine, None, (0.0, start)));
        y += 14.0;
    }
    let mut drawing = Drawing::new(frame.width, y);
    for (machine, node, at) in boxes {
        match node {
            Some((node, across)) => self::node(&mut drawing, machine, node, at, across),
            None => name(&mut drawing, machine, at, label, frame),
        }
    }
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

fn name(drawing: &mut Drawing, machine: &Machine, (x, y): (f64, f64), label: f64, frame: Frame) {
    drawing.open(&format!("s{}", machine.slot));
    mark(drawing, machine.slot, (x + 8.0, y + 10.0), 1.0);
    let room = if frame.narrow { frame.width } else { label } - 28.0;
    let how = Text { size: 12.5, fill: INK, bold: true, ..Text::default() };
    drawing.text((x + 18.0, y + 14.0), &fitted(&machine.name, 12.5, room), how);
    drawing.close();
}

fn node(drawing: &mut Drawing, machine: &Machine, node: &Node, (x, y): (f64, f64), across: usize) {
    let (width, height) = node_size(node, across);
    let color = theme::color(machine.slot);
    drawing.open(&format!("s{}", machine.slot));
    let outline = [("fill", V::T("none")), ("stroke", V::T(AXIS)), ("rx", V::N(4.0))];
    drawing.rect((x + 0.5, y + 0.5), (width - 1.0, height - 1.0), &outline);
    drawing.text((x + 7.0, y + 14.0), &node.name, Text { size: 11.0, ..Text::default() });
    for (usable, fill) in [(true, color), (false, "none")] {
        let mut d = String::new();
        for (index, _) in node.cpus.iter().enumerate().filter(|(_, (_, used))| *used == usable) {
            let left = x + 7.0 + SQUARE * (index % across) as f64;
            let top = y + 19.0 + SQUARE * (index / across) as f64;
            let _ = write!(d, "M{} {}h10v10h-10z", units(left), units(top));
        }
        if !d.is_empty() {
            drawing.path(&d, &[("fill", V::T(fill)), ("stroke", V::T(color))]);
        }
    }
    drawing.close();
}
