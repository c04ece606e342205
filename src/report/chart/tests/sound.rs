//! What holds for every drawing: sound XML, numbers that are numbers, and nothing outside of it.

use super::super::svg::Drawing;
use super::super::text_width;
use roxmltree::{Document, Node};

/// What is wrong with a drawing: elements must be closed, data no markup, numbers numbers, and every
/// shape and text within the drawing.
pub fn faults(drawing: &Drawing, what: &str) -> Vec<String> {
    let text = drawing.document("title", "description");
    let bad = ["NaN", "inf", "<&", "\"-0\"", "var(--"].into_iter().filter(|bad| text.contains(bad));
    let bad: Vec<String> = bad.map(|bad| format!("{what}: {bad} in {text:.400}")).collect();
    assert!(drawing.width > 0.0 && drawing.height >= 0.0, "{what}");
    let document = Document::parse(&text).unwrap_or_else(|error| panic!("{what}: {error}\n{text}"));
    let mut extent = Extent { outside: bad, size: (drawing.width, drawing.height), what };
    extent.walk(document.root_element(), (0.0, 0.0), (12.0, "start"));
    extent.outside
}

/// What is outside of a drawing of a size.
struct Extent<'w> {
    outside: Vec<String>,
    size: (f64, f64),
    what: &'w str,
}

/// Half of a stroke, and of the error of an estimated width.
const ROOM: f64 = 3.0;

impl Extent<'_> {
    /// `origin` of groups that are moved; the size and anchor of texts that say nothing else.
    fn walk(&mut self, node: Node<'_, '_>, origin: (f64, f64), how: (f64, &str)) {
        let number = |name: &str| node.attribute(name).and_then(|text| text.parse::<f64>().ok());
        let how =
            (number("font-size").unwrap_or(how.0), node.attribute("text-anchor").unwrap_or(how.1));
        let origin = match node.attribute("transform") {
            Some(moved) => {
                let moved: Vec<f64> = numbers(moved);
                (origin.0 + moved[0], origin.1 + moved[1])
            }
            None => origin,
        };
        let at = (number("x").unwrap_or(0.0), number("y").unwrap_or(0.0));
        let places = match node.tag_name().name() {
            "rect" | "image" => {
                let size = (number("width").unwrap(), number("height").unwrap());
                vec![at, (at.0 + size.0, at.1 + size.1)]
            }
            "path" => places(node.attribute("d").unwrap()),
            "text" => {
                let wide = text_width(node.text().unwrap_or_default(), how.0);
                let left = at.0
                    - wide
                        * ["start", "middle", "end"].iter().position(|a| *a == how.1).unwrap()
                            as f64
                        / 2.0;
                vec![(left, at.1 - how.0), (left + wide * 0.9, at.1)]
            }
            // What a clip keeps out is not seen.
            "clipPath" => return,
            _ => Vec::new(),
        };
        for (x, y) in places {
            let (x, y) = (x + origin.0, y + origin.1);
            let within = |place: f64, size: f64| (-ROOM..=size + ROOM).contains(&place);
            if !within(x, self.size.0) || !within(y, self.size.1) {
                let shape = node.text().or(node.attribute("d")).unwrap_or_default();
                self.outside.push(format!("{}: ({x}, {y}) of {shape:.80}", self.what));
            }
        }
        for child in node.children().filter(Node::is_element) {
            self.walk(child, origin, how);
        }
    }
}

fn numbers(text: &str) -> Vec<f64> {
    let separate = text.replace('-', " -");
    let parts = separate.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'));
    parts.filter(|part| !part.is_empty()).map(|part| part.parse().unwrap()).collect()
}

/// Every place through which a path goes.
fn places(d: &str) -> Vec<(f64, f64)> {
    let mut places = Vec::new();
    let mut at = (0.0, 0.0);
    let commands: Vec<usize> =
        d.match_indices(|c: char| c.is_ascii_alphabetic()).map(|(at, _)| at).collect();
    for (index, start) in commands.iter().enumerate() {
        let end = commands.get(index + 1).copied().unwrap_or(d.len());
        let values = numbers(&d[start + 1..end]);
        at = match (&d[*start..=*start], values.as_slice()) {
            ("M" | "L", [x, y]) => (*x, *y),
            ("m" | "l", [x, y]) | ("a", [_, _, _, _, _, x, y]) => (at.0 + x, at.1 + y),
            ("h", [x]) => (at.0 + x, at.1),
            ("v", [y]) => (at.0, at.1 + y),
            ("z", []) => at,
            odd => panic!("{odd:?} in {d}"),
        };
        places.push(at);
    }
    places
}

/// A picture within a drawing, of four bits a pixel and not compressed.
pub struct Picture {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    pixels: Vec<u8>,
}

impl Picture {
    /// The first picture of a document.
    pub fn of(document: &str) -> Self {
        let (_, rest) = document.split_once("base64,").unwrap();
        let png = decoded(rest.split('"').next().unwrap());
        let size = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap()) as usize;
        let data = png.windows(4).position(|word| word == b"IDAT").unwrap();
        // After the chunk's name, two bytes of zlib and five of its only block.
        Self { width: size(16), height: size(20), pixels: png[data + 11..].to_vec() }
    }

    /// The shade of a pixel: a row begins with its filter.
    pub fn shade(&self, row: usize, column: usize) -> u8 {
        let pair = self.pixels[row * (self.width.div_ceil(2) + 1) + 1 + column / 2];
        if column.is_multiple_of(2) { pair >> 4 } else { pair & 15 }
    }
}

fn decoded(text: &str) -> Vec<u8> {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = |letter| LETTERS.find(letter).map_or(0, |at| at as u32);
    let words = text
        .as_bytes()
        .chunks(4)
        .map(|four| four.iter().fold(0, |word, letter| word << 6 | bits(char::from(*letter))));
    words.flat_map(|word| word.to_be_bytes().into_iter().skip(1)).collect()
}
