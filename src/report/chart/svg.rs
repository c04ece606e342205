//! SVG text: a drawing with its size, and the few shapes that charts are made of.

use super::theme;
use std::fmt::Write;

/// The value of an attribute.
#[derive(Clone, Copy, Debug)]
pub enum V<'a> {
    /// A number of units.
    N(f64),
    /// Any text; it is escaped.
    T(&'a str),
}

/// A place, in units from the left and from the top.
pub type At = (f64, f64);

/// A straight line, from and to.
pub type Segment = (At, At);

/// Shapes within a rectangle of units.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// Units from left to right.
    pub width: f64,
    /// Units from top to bottom.
    pub height: f64,
    /// What texts are like that say nothing else.
    how: Text<'static>,
    body: String,
}

/// Height of letters, in units. A figure of half the page is drawn at three quarters of this on a
/// phone of 400 pixels and one of the whole page at two thirds on A4: 9 pixels and 6 points are left.
pub const SIZE: f64 = 12.5;

/// How a text is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Text<'a> {
    /// Height of the letters in units.
    pub size: f64,
    /// `start`, `middle` or `end`.
    pub anchor: &'a str,
    /// Its colour.
    pub fill: &'a str,
    /// Heavier letters.
    pub bold: bool,
}

impl Default for Text<'_> {
    fn default() -> Self {
        Self { size: SIZE, anchor: "start", fill: theme::MUTE, bold: false }
    }
}

impl Text<'_> {
    /// Ends at its position.
    pub const END: Self = Self { size: SIZE, anchor: "end", fill: theme::MUTE, bold: false };
    /// Is centred at its position.
    pub const MIDDLE: Self = Self { size: SIZE, anchor: "middle", fill: theme::MUTE, bold: false };
}

impl Drawing {
    /// An empty drawing.
    pub fn new(width: f64, height: f64) -> Self {
        Self { width, height, how: Text::default(), body: String::new() }
    }

    /// Begins a group of class `class`.
    pub fn open(&mut self, class: &str) {
        self.open_with(&[("class", V::T(class))]);
    }

    /// Begins a group of class `class` whose texts are like `how`, said once for all of them.
    pub fn open_texts(&mut self, class: &str, how: Text<'static>) {
        self.body.push_str("<g");
        if !class.is_empty() {
            self.attributes(&[("class", V::T(class))]);
        }
        self.like(how);
        self.body.push('>');
        self.how = how;
    }

    /// Ends a group of texts.
    pub fn close_texts(&mut self) {
        self.how = Text::default();
        self.close();
    }

    /// Begins a group whose shapes have these attributes.
    pub fn open_with(&mut self, attributes: &[(&str, V<'_>)]) {
        self.body.push_str("<g");
        self.attributes(attributes);
        self.body.push('>');
    }

    /// Ends a group.
    pub fn close(&mut self) {
        self.body.push_str("</g>");
    }

    /// A shape without content.
    pub fn shape(&mut self, tag: &str, attributes: &[(&str, V<'_>)]) {
        let _ = write!(self.body, "<{tag}");
        self.attributes(attributes);
        self.body.push_str("/>");
    }

    fn attributes(&mut self, attributes: &[(&str, V<'_>)]) {
        for (name, value) in attributes {
            let _ = match value {
                V::N(number) => write!(self.body, " {name}=\"{}\"", units(*number)),
                V::T(text) => write!(self.body, " {name}=\"{}\"", escaped(text)),
            };
        }
    }

    /// A straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: &str) {
        self.lines(&[(from, to)], stroke);
    }

    /// Straight lines of one colour.
    pub fn lines(&mut self, lines: &[Segment], stroke: &str) {
        if !lines.is_empty() {
            self.path(&segments(lines), &[("stroke", V::T(stroke))]);
        }
    }

    /// A path: `d` holds only commands and numbers. Nothing where there are none.
    pub fn path(&mut self, d: &str, attributes: &[(&str, V<'_>)]) {
        if d.is_empty() {
            return;
        }
        let _ = write!(self.body, "<path d=\"{d}\"");
        self.attributes(attributes);
        self.body.push_str("/>");
    }

    /// A rectangle; negative sizes count as none.
    pub fn rect(&mut self, at: (f64, f64), size: (f64, f64), attributes: &[(&str, V<'_>)]) {
        self.body.push_str("<rect");
        self.attributes(&[
            ("x", V::N(at.0)),
            ("y", V::N(at.1)),
            ("width", V::N(size.0.max(0.0))),
            ("height", V::N(size.1.max(0.0))),
        ]);
        self.attributes(attributes);
        self.body.push_str("/>");
    }

    /// One line of text. It says what is not said by its group.
    pub fn text(&mut self, at: (f64, f64), text: &str, how: Text<'_>) {
        self.named(at, text, how, &[]);
    }

    /// One line of text with attributes of its own.
    pub fn named(
        &mut self,
        at: (f64, f64),
        text: &str,
        how: Text<'_>,
        attributes: &[(&str, V<'_>)],
    ) {
        self.body.push_str("<text");
        self.attributes(&[("x", V::N(at.0)), ("y", V::N(at.1))]);
        self.attributes(attributes);
        self.like(how);
        let _ = write!(self.body, ">{}</text>", escaped(text));
    }

    /// The attributes in which texts like `how` differ from others here.
    fn like(&mut self, how: Text<'_>) {
        let now = self.how;
        if how.size != now.size {
            self.attributes(&[("font-size", V::N(how.size))]);
        }
        if how.anchor != now.anchor {
            self.attributes(&[("text-anchor", V::T(how.anchor))]);
        }
        if how.fill != now.fill {
            self.attributes(&[("fill", V::T(how.fill))]);
        }
        if how.bold != now.bold {
            self.attributes(&[("font-weight", V::T(if how.bold { "600" } else { "400" }))]);
        }
    }

    /// An inline picture in PNG format.
    pub fn picture(&mut self, at: (f64, f64), size: (f64, f64), png: &[u8]) {
        let _ = write!(
            self.body,
            "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" \
             image-rendering=\"pixelated\" href=\"data:image/png;base64,{}\"/>",
            units(at.0),
            units(at.1),
            units(size.0),
            units(size.1),
            super::image::base64(png)
        );
    }

    /// A rectangle outside which nothing of class `clip-ID` is seen.
    pub fn clip(&mut self, id: &str, at: (f64, f64), size: (f64, f64)) {
        let _ = write!(self.body, "<clipPath id=\"{}\">", escaped(id));
        self.rect(at, size, &[]);
        self.body.push_str("</clipPath>");
    }

    /// Begins a group that is seen only within the clip `id`.
    pub fn open_clipped(&mut self, class: &str, id: &str) {
        let (class, id) = (escaped(class), escaped(id));
        let _ = write!(self.body, "<g class=\"{class}\" clip-path=\"url(#{id})\">");
    }

    /// The same with its texts at least `least` units high, for where it is drawn small.
    pub fn with_text_of(&self, least: f64) -> Self {
        const SIZE: &str = " font-size=\"";
        let least = (least * 10.0).ceil() / 10.0;
        let mut parts = self.body.split(SIZE);
        let mut body = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (size, rest) = part.split_once('"').unwrap_or((part, ""));
            let size: f64 = size.parse().unwrap_or(least);
            let _ = write!(body, "{SIZE}{}\"{rest}", units(size.max(least)));
        }
        let how = Text { size: self.how.size.max(least), ..self.how };
        Self { how, body, ..*self }
    }

    /// Another drawing within this one, at a place and scaled.
    pub fn nest(&mut self, at: (f64, f64), scale: f64, other: &Self) {
        let place = format!("translate({} {}) scale({scale:.4})", units(at.0), units(at.1));
        let place = if scale == 1.0 { place.replace(" scale(1.0000)", "") } else { place };
        let _ = write!(
            self.body,
            "<g transform=\"{place}\" font-size=\"{}\">{}</g>",
            units(other.how.size),
            other.body
        );
    }

    /// What all elements of a drawing have in common.
    fn head(&self) -> String {
        format!(
            "viewBox=\"0 0 {} {}\" font-size=\"{}\" fill=\"{}\"",
            units(self.width),
            units(self.height),
            units(self.how.size),
            escaped(self.how.fill)
        )
    }

    /// The element for a page, of class `class`, named by the elements whose ids are given.
    pub fn element(&self, class: &str, named_by: &str, described_by: &str) -> String {
        format!(
            "<svg class=\"{}\" {} role=\"img\" aria-labelledby=\"{}\" \
             aria-describedby=\"{}\">{}</svg>",
            escaped(class),
            self.head(),
            escaped(named_by),
            escaped(described_by),
            self.body
        )
    }

    /// The element for a place where words stand beside it: hidden from screen readers.
    pub fn ornament(&self, class: &str) -> String {
        let (width, height) = (units(self.width), units(self.height));
        let class = escaped(class);
        format!(
            "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" aria-hidden=\"true\">{}</svg>",
            self.body
        )
    }

    /// One of the elements of a figure that has several: the figure's name is said once around them.
    pub fn part(&self, class: &str) -> String {
        let class = escaped(class);
        format!("<svg class=\"{class}\" {} aria-hidden=\"true\">{}</svg>", self.head(), self.body)
    }

    /// A file of its own in the light theme.
    pub fn document(&self, title: &str, description: &str) -> String {
        let (width, height) = (units(self.width), units(self.height));
        let text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             {} font-family=\"Inter, sans-serif\" role=\"img\">\
             <title>{}</title><desc>{}</desc>\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#FFFFFF\"/>{}</svg>\n",
            self.head(),
            escaped(title),
            escaped(description),
            self.body
        );
        theme::resolved(&text)
    }
}

/// Text that means nothing but itself in an element or a quoted attribute. Characters that XML
/// does not know, and those that reorder what is read, become a question mark.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' => safe.push_str("&#10;"),
            c if obeyed(c) => safe.push('?'),
            c => safe.push(c),
        }
    }
    safe
}

/// Control characters, marks that change the direction of text, and what XML does not know.
fn obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{61c}' | '\u{fffe}' | '\u{ffff}')
}

/// A number with at most one decimal; nothing that is not finite reaches a drawing.
pub fn units(number: f64) -> String {
    let rounded = (number.clamp(-1e6, 1e6) * 10.0).round() / 10.0;
    if rounded.is_nan() { "0".to_owned() } else { format!("{}", rounded + 0.0) }
}

/// The commands of a line through points.
pub fn polyline(points: &[(f64, f64)]) -> String {
    let mut d = String::new();
    for (index, (x, y)) in points.iter().enumerate() {
        let command = if index == 0 { 'M' } else { 'L' };
        let _ = write!(d, "{command}{} {}", units(*x), units(*y));
    }
    d
}

/// The commands of straight lines, those along an axis by their length.
pub fn segments(lines: &[Segment]) -> String {
    let mut d = String::new();
    for (from, to) in lines {
        let _ = write!(d, "M{} {}", units(from.0), units(from.1));
        d.push_str(&step(to.0 - from.0, to.1 - from.1));
    }
    d
}

/// The command of a line from where a path is, by its lengths along both axes.
pub fn step(dx: f64, dy: f64) -> String {
    match (units(dx), units(dy)) {
        (dx, zero) if zero == "0" => format!("h{dx}"),
        (zero, dy) if zero == "0" => format!("v{dy}"),
        (dx, dy) if dy.starts_with('-') => format!("l{dx}{dy}"),
        (dx, dy) => format!("l{dx} {dy}"),
    }
}
