//! As much of a PDF reader (ISO 32000-1) as finds texts and fonts: objects by their numbers, their
//! streams unpacked, and the map from glyphs to letters of each font.

use flate2::read::ZlibDecoder;
use std::collections::BTreeMap;
use std::io::Read;

/// The objects of a file. Bytes are letters of Latin 1 here.
pub struct Document(BTreeMap<String, Object>);

/// An object: its dictionary, and its stream.
struct Object {
    words: String,
    stream: String,
}

fn letters(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// The text between two others.
fn between<'t>(text: &'t str, from: &str, to: &str) -> Option<&'t str> {
    Some(text.split_once(from)?.1.split_once(to)?.0)
}

/// The object to which `text` refers after `name`, such as `/Contents 35 0 R`.
fn reference(text: &str, name: &str) -> Option<String> {
    let rest = text.split_once(name)?.1.trim_start();
    let number = rest.split_whitespace().next()?;
    rest[number.len()..].trim_start().starts_with("0 R").then(|| number.to_owned())
}

impl Document {
    /// The objects in `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let text = letters(bytes);
        let parts = text.split("endobj").filter_map(|part| {
            let (head, body) = part.split_once(" 0 obj")?;
            let number = head.rsplit(char::is_whitespace).next()?.to_owned();
            let (words, packed) = body.split_once("stream\n").unwrap_or((body, ""));
            Some((number, Object { words: words.to_owned(), stream: unpacked(packed, words) }))
        });
        Self(parts.collect())
    }

    fn of_type(&self, name: &str) -> Vec<&Object> {
        let is = |object: &&Object| {
            let kind = object.words.split_once("/Type").map(|(_, rest)| rest.trim_start());
            kind.and_then(|kind| kind.strip_prefix(name))
                .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        };
        self.0.values().filter(is).collect()
    }

    /// The text of every page, without spaces.
    pub fn pages(&self) -> Vec<String> {
        let text = |page: &Object| {
            let contents = reference(&page.words, "/Contents").unwrap();
            let resources = reference(&page.words, "/Resources");
            let resources = resources.map_or(&page.words, |number| &self.0[&number].words);
            self.shown(&self.0[&contents].stream, resources)
        };
        self.of_type("/Page").into_iter().map(text).collect()
    }

    /// The text of all pages, without spaces.
    pub fn text(&self) -> String {
        self.pages().concat()
    }

    /// Every font that texts are set in, and how many bytes of it the file has.
    pub fn fonts(&self) -> Vec<(String, usize)> {
        let font = |descriptor: &Object| {
            let name = between(&descriptor.words, "/FontName", "/Flags");
            let name = name.unwrap_or_default().trim_matches(|c| c == '/' || c == '\n');
            let file = reference(&descriptor.words, "/FontFile3")
                .or_else(|| reference(&descriptor.words, "/FontFile2"));
            (name.trim().to_owned(), file.map_or(0, |file| self.0[&file].stream.chars().count()))
        };
        self.of_type("/FontDescriptor").into_iter().map(font).collect()
    }

    /// The letters that a page's commands show.
    fn shown(&self, commands: &str, resources: &str) -> String {
        let mut text = String::new();
        let mut font = BTreeMap::new();
        // `/f0 10.5 Tf ... (glyphs)Tj`
        for part in commands.split("BT").skip(1) {
            let Some((part, _)) = part.split_once("ET") else { continue };
            if let Some((before, _)) = part.split_once(" Tf") {
                let name = before.rsplit('/').next().unwrap_or_default();
                let name = name.split_whitespace().next().unwrap_or_default();
                font = self.letters_of(resources, name);
            }
            let string = part.split_once('(').map(|(_, rest)| rest);
            let string = string.and_then(|rest| rest.rsplit_once(")Tj")).map_or("", |(s, _)| s);
            for glyph in glyphs(string) {
                text.push_str(font.get(&glyph).map_or("\u{fffd}", String::as_str));
            }
        }
        text.split_whitespace().collect()
    }

    /// The letter of each glyph of a font.
    fn letters_of(&self, resources: &str, name: &str) -> BTreeMap<u16, String> {
        let fonts = between(resources, "/Font<<", ">>").unwrap();
        let font = reference(fonts, &format!("/{name} ")).unwrap();
        let map = reference(&self.0[&font].words, "/ToUnicode").unwrap();
        let pairs = self.0[&map].stream.lines().filter_map(|line| {
            let (glyph, letters) = line.strip_prefix('<')?.split_once("> <")?;
            let units = letters
                .strip_suffix('>')?
                .as_bytes()
                .chunks(4)
                .map(|four| u16::from_str_radix(std::str::from_utf8(four).ok()?, 16).ok());
            let units: Vec<u16> = units.collect::<Option<_>>()?;
            Some((u16::from_str_radix(glyph, 16).ok()?, String::from_utf16(&units).ok()?))
        });
        pairs.collect()
    }
}

fn unpacked(packed: &str, words: &str) -> String {
    if !words.contains("/FlateDecode") {
        return packed.to_owned();
    }
    let bytes: Vec<u8> = packed.chars().map(|letter| letter as u8).collect();
    let mut plain = Vec::new();
    // What follows the stream in the file is not part of it.
    let _ = ZlibDecoder::new(bytes.as_slice()).read_to_end(&mut plain);
    letters(&plain)
}

/// The glyphs of a string, two bytes each, in which some are written as escapes.
fn glyphs(string: &str) -> Vec<u16> {
    let mut bytes = Vec::new();
    let mut rest = string.chars().peekable();
    while let Some(letter) = rest.next() {
        if letter != '\\' {
            bytes.push(letter as u8);
            continue;
        }
        let Some(letter) = rest.next() else { break };
        bytes.push(match letter {
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'b' => 8,
            'f' => 12,
            '0'..='7' => {
                let mut octal = letter.to_digit(8).unwrap_or_default();
                for _ in 0..2 {
                    let Some(digit) = rest.peek().and_then(|next| next.to_digit(8)) else { break };
                    octal = octal * 8 + digit;
                    rest.next();
                }
                octal as u8
            }
            other => other as u8,
        });
    }
    bytes
        .chunks(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]))
        .collect()
}
