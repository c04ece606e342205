//! Colours and signs. A configuration keeps its slot: colour, marker and dash, everywhere.
//!
//! The four hues are apart by at least 16 CIEDE2000 units for normal, protan, deutan and tritan
//! vision, by Machado, Oliveira and Fernandes 2009 at full severity; a test computes it.

use super::svg::{step, units};

/// Text.
pub const INK: &str = "var(--ink)";
/// Text that explains.
pub const MUTE: &str = "var(--mute)";
/// Axes.
pub const AXIS: &str = "var(--axis)";
/// Grid lines.
pub const GRID: &str = "var(--line)";
/// Shaded ranges.
pub const BAND: &str = "var(--band)";
/// The range of the margin.
pub const EQUAL: &str = "var(--eq)";

/// Most configurations that one figure can show.
pub const SLOTS: usize = 8;

/// Slots 5 to 8 reuse the hues with another marker and dash.
pub const HUES: usize = 4;

/// Variable, value in the light theme, value in the dark theme.
pub const VARIABLES: &[(&str, &str, &str)] = &[
    ("bg", "#F6F7F9", "#0D1117"),
    ("card", "#FFFFFF", "#141A22"),
    ("ink", "#1B2330", "#E7ECF3"),
    ("mute", "#566070", "#9BA7B6"),
    ("line", "#E3E7ED", "#29323E"),
    ("axis", "#AEB7C4", "#465261"),
    ("band", "#F3F5F8", "#1A212B"),
    ("eq", "#E4E9EF", "#2A3440"),
    ("link", "#0B5CB8", "#7DB8FF"),
    ("good", "#0F766E", "#4FD1B8"),
    ("bad", "#B4232A", "#FF8A80"),
    ("warn", "#855600", "#F3C15A"),
    ("goodbg", "#E9F5F3", "#12302D"),
    ("badbg", "#FCEDEC", "#3A1B1E"),
    ("warnbg", "#FFF5DF", "#33280F"),
    ("c0", "#7B8698", "#D5DBE4"),
    ("c1", "#0B5CB8", "#5C9DFF"),
    ("c2", "#E05B1D", "#FFB02E"),
    ("c3", "#6A1B4D", "#F0468C"),
];

/// The colour of a slot.
pub fn color(slot: usize) -> &'static str {
    ["var(--c0)", "var(--c1)", "var(--c2)", "var(--c3)"][slot % HUES]
}

/// The pattern of a slot's lines; nothing for a solid line. The fourth is dashed, so that equal
/// curves stay visible.
pub fn dash(slot: usize) -> Option<&'static str> {
    match slot {
        0..=2 => None,
        3 => Some("7 4"),
        4..=6 => Some("2 4"),
        _ => Some("10 3 2 3"),
    }
}

/// The outline of a slot's marker around a place, as commands of which only the first is absolute,
/// to that place: a curve's markers are one path, and a page moves each by that command, as it moves
/// the curve.
pub fn outline(slot: usize, (x, y): (f64, f64), size: f64) -> String {
    let (from, rest): ((f64, f64), &[(f64, f64)]) = match slot % HUES {
        0 => {
            // An arc that ends next to where it begins.
            let r = units(4.0 * size);
            return format!("M{} {}m{r} 0a{r} {r} 0 1 1 0-.01z", units(x), units(y));
        }
        1 => ((-3.6, -3.6), &[(7.2, 0.0), (0.0, 7.2), (-7.2, 0.0)]),
        2 => ((0.0, -4.6), &[(4.4, 8.0), (-8.8, 0.0)]),
        _ => ((0.0, -5.0), &[(5.0, 5.0), (-5.0, 5.0), (-5.0, -5.0)]),
    };
    let from = step(from.0 * size, from.1 * size);
    // As a line would go, but without one.
    let from = match from.split_at(1) {
        ("v", dy) if dy.starts_with('-') => format!("m0{dy}"),
        ("v", dy) => format!("m0 {dy}"),
        (_, lengths) => format!("m{lengths}"),
    };
    let mut d = format!("M{} {}{from}", units(x), units(y));
    for (dx, dy) in rest {
        d.push_str(&step(dx * size, dy * size));
    }
    d + "z"
}

/// True where a slot's marker is filled.
pub fn filled(slot: usize) -> bool {
    slot < HUES
}

/// `text` with every variable replaced by its value in the light theme.
pub fn resolved(text: &str) -> String {
    let mut parts = text.split("var(--");
    let mut resolved = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let known = part.split_once(')').and_then(|(name, rest)| {
            let (_, light, _) = VARIABLES.iter().find(|(known, _, _)| *known == name)?;
            Some((light, rest))
        });
        match known {
            Some((value, rest)) => {
                resolved.push_str(value);
                resolved.push_str(rest);
            }
            None => {
                resolved.push_str("var(--");
                resolved.push_str(part);
            }
        }
    }
    resolved
}

/// The style sheet's variables: light, dark where the system asks for it or the reader chose it,
/// and light on paper.
pub fn style() -> String {
    let list = |dark: bool| -> String {
        let value = |(name, light, night): &(&str, &str, &str)| {
            format!("--{name}:{};", if dark { night } else { light })
        };
        VARIABLES.iter().map(value).collect()
    };
    let (light, dark) = (list(false), list(true));
    format!(
        ":root{{color-scheme:light;{light}}}\n\
         @media screen and (prefers-color-scheme:dark){{\
         :root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}\n\
         @media screen{{:root[data-theme=dark]{{color-scheme:dark;{dark}}}}}\n"
    )
}

/// Viridis in ten steps (van der Walt and Smith 2015, CC0), dark to bright.
const VIRIDIS: [[u8; 3]; 10] = [
    [0x44, 0x01, 0x54],
    [0x48, 0x28, 0x78],
    [0x3e, 0x49, 0x89],
    [0x31, 0x68, 0x8e],
    [0x26, 0x82, 0x8e],
    [0x1f, 0x9e, 0x89],
    [0x35, 0xb7, 0x79],
    [0x6d, 0xcd, 0x59],
    [0xb4, 0xde, 0x2c],
    [0xfd, 0xe7, 0x25],
];

/// The colour at `share` of the way from dark to bright.
pub fn viridis(share: f64) -> [u8; 3] {
    let place = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) } * 9.0;
    let below = (place.floor() as usize).min(8);
    let part = place - below as f64;
    [0, 1, 2].map(|channel| {
        let (from, to) = (VIRIDIS[below][channel], VIRIDIS[below + 1][channel]);
        (f64::from(from) + part * (f64::from(to) - f64::from(from))).round() as u8
    })
}

/// `#rrggbb`.
pub fn hex([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// A colour in which text on `[red, green, blue]` can be read: the one of more contrast by the
/// relative luminance of WCAG 2.
pub fn over(color: [u8; 3]) -> &'static str {
    if luminance(color) > 0.179 { "#111111" } else { "#FFFFFF" }
}

fn luminance(color: [u8; 3]) -> f64 {
    let [red, green, blue] = color.map(linear);
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// A channel of sRGB as light (IEC 61966-2-1).
fn linear(channel: u8) -> f64 {
    let share = f64::from(channel) / 255.0;
    if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
}

#[cfg(test)]
mod tests;
