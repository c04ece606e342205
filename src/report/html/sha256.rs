//! SHA-256 (FIPS 180-4), for the hashes of a content security policy.

use crate::report::chart::image::base64;

/// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
fn constants() -> [u32; 64] {
    let mut constants = [0; 64];
    let primes = (2_u64..).filter(|n| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0));
    for (constant, prime) in constants.iter_mut().zip(primes) {
        *constant = root(u128::from(prime), 3);
    }
    constants
}

/// The first 32 bits of the fractional part of the `power`-th root of `number`, exactly.
fn root(number: u128, power: u32) -> u32 {
    // The root times 2^32, found bit by bit: 36 bits, as no prime used has a root above 16. The
    // cube of 36 bits has 108.
    let wanted = number << (32 * power);
    let mut found = 0_u128;
    for bit in (0..37).rev() {
        let tried = found | 1 << bit;
        let mut product = 1_u128;
        for _ in 0..power {
            product = product.saturating_mul(tried);
        }
        if product <= wanted {
            found = tried;
        }
    }
    found as u32
}

/// The digest of `data`.
pub fn digest(data: &[u8]) -> [u8; 32] {
    let mut state = [2, 3, 5, 7, 11, 13, 17, 19].map(|prime| root(prime, 2));
    let constants = constants();
    let mut padded = data.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend((data.len() as u64 * 8).to_be_bytes());
    for block in padded.chunks_exact(64) {
        state = compressed(state, block, &constants);
    }
    let mut digest = [0; 32];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

fn compressed(state: [u32; 8], block: &[u8], constants: &[u32; 64]) -> [u32; 8] {
    let mut w = [0_u32; 64];
    for (word, bytes) in w.iter_mut().zip(block.chunks_exact(4)) {
        *word = bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
    }
    for t in 16..64 {
        let small = |x: u32, a, b, shift| x.rotate_right(a) ^ x.rotate_right(b) ^ (x >> shift);
        let (s0, s1) = (small(w[t - 15], 7, 18, 3), small(w[t - 2], 17, 19, 10));
        w[t] = w[t - 16].wrapping_add(s0).wrapping_add(w[t - 7]).wrapping_add(s1);
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
    for t in 0..64 {
        let big = |x: u32, i, j, k| x.rotate_right(i) ^ x.rotate_right(j) ^ x.rotate_right(k);
        let choice = (e & f) ^ (!e & g);
        let majority = (a & b) ^ (a & c) ^ (b & c);
        let sums = [big(e, 6, 11, 25), choice, constants[t], w[t]];
        let first = sums.into_iter().fold(h, u32::wrapping_add);
        let second = big(a, 2, 13, 22).wrapping_add(majority);
        (h, g, f, e) = (g, f, e, d.wrapping_add(first));
        (d, c, b, a) = (c, b, a, first.wrapping_add(second));
    }
    let mixed = [a, b, c, d, e, f, g, h];
    std::array::from_fn(|index| state[index].wrapping_add(mixed[index]))
}

/// `'sha256-...'` as a content security policy names an inline script or style.
pub fn source(text: &str) -> String {
    format!("'sha256-{}'", base64(&digest(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::digest;

    #[test]
    fn digests_are_those_of_the_standard() {
        let hex = |data: &[u8]| -> String {
            digest(data).iter().map(|byte| format!("{byte:02x}")).collect()
        };
        assert_eq!(hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(
            hex(b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        );
    }
}
