//! A small picture as PNG, without compression, and base64 to carry it.

use super::theme::viridis;

/// Shades of a picture: four bits hold these and the one that is transparent.
pub const SHADES: u8 = 15;

/// A PNG of `width` x `height` pixels, one shade for each, row by row: from 0, dark, to 14, bright;
/// any other is transparent. Format: W3C PNG, third edition.
pub fn heat(width: usize, height: usize, shades: &[u8]) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut head = Vec::new();
    head.extend((width as u32).to_be_bytes());
    head.extend((height as u32).to_be_bytes());
    // 4 bits a pixel, a palette, no interlacing.
    head.extend([4, 3, 0, 0, 0]);
    chunk(&mut png, *b"IHDR", &head);
    let bright = f64::from(SHADES - 1);
    let palette = (0..=SHADES).flat_map(|shade| viridis(f64::from(shade) / bright));
    chunk(&mut png, *b"PLTE", &palette.collect::<Vec<u8>>());
    let mut opacity = [255; SHADES as usize + 1];
    opacity[usize::from(SHADES)] = 0;
    chunk(&mut png, *b"tRNS", &opacity);
    let mut rows = Vec::with_capacity((width / 2 + 2) * height);
    for row in 0..height {
        // No filter.
        rows.push(0);
        let shade = |column: usize| {
            let shade = shades.get(row * width + column).copied().filter(|_| column < width);
            shade.map_or(SHADES, |shade| shade.min(SHADES))
        };
        let pair = |column: usize| shade(column) << 4 | shade(column + 1);
        rows.extend((0..width).step_by(2).map(pair));
    }
    chunk(&mut png, *b"IDAT", &stored(&rows));
    chunk(&mut png, *b"IEND", &[]);
    png
}

fn chunk(png: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    png.extend((data.len() as u32).to_be_bytes());
    let from = png.len();
    png.extend(kind);
    png.extend(data);
    let sum = crc32(&png[from..]);
    png.extend(sum.to_be_bytes());
}

/// A zlib stream of stored blocks (RFC 1950, RFC 1951 section 3.2.4).
fn stored(data: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let blocks = data.chunks(0xffff).count();
    for (index, block) in data.chunks(0xffff).enumerate() {
        let length = block.len() as u16;
        stream.push(u8::from(index + 1 == blocks));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    stream.extend(adler32(data).to_be_bytes());
    stream
}

fn adler32(data: &[u8]) -> u32 {
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in data {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    b << 16 | a
}

/// ISO 3309, as PNG asks for, bit by bit.
fn crc32(data: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in data {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

/// RFC 4648 with padding.
pub fn base64(data: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(data.len().div_ceil(3) * 4);
    for bytes in data.chunks(3) {
        let word = bytes.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        let word = word << (8 * (3 - bytes.len()));
        for index in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * index) & 63) as usize];
            text.push(if index <= bytes.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{adler32, base64, crc32, heat};

    #[test]
    fn sums_and_letters_are_those_of_the_standards() {
        // The check value of CRC-32, the example of RFC 1950's sum, the vectors of RFC 4648.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
        for (data, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(data.as_bytes()), text);
        }
    }

    #[test]
    fn a_picture_is_as_large_as_its_pixels() {
        let png = heat(300, 256, &vec![7; 300 * 256]);
        assert_eq!(&png[16..24], &[0, 0, 1, 44, 0, 0, 1, 0]);
        assert!(png.len() > 150 * 256 && png.len() < 150 * 256 + 500);
    }
}
