//! A stable number for a piece of code: equal tokens, equal number, whatever the layout.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;

/// FNV-1a with 64 bits; offset basis and prime from the FNV specification (RFC 9923).
const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// Sixteen hex digits that change when the tokens of `code` change. White space, comments and
/// trailing commas do not count, so that formatting a file keeps its results comparable.
pub fn fingerprint(code: impl ToTokens) -> String {
    let mut hash = OFFSET_BASIS;
    tokens(&mut hash, code.to_token_stream());
    format!("{hash:016x}")
}

fn tokens(hash: &mut u64, stream: TokenStream) {
    let mut rest = stream.into_iter().peekable();
    while let Some(token) = rest.next() {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = brackets(group.delimiter());
                text(hash, open);
                tokens(hash, group.stream());
                text(hash, close);
            }
            TokenTree::Punct(punct) if punct.as_char() == ',' && rest.peek().is_none() => {}
            // One by one: how tokens are joined to text differs between compilers.
            token => text(hash, &token.to_string()),
        }
    }
}

/// The texts around a group. One without brackets comes from a `macro_rules` fragment and is no difference in the code.
pub fn brackets(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

fn text(hash: &mut u64, text: &str) {
    if text.is_empty() {
        return;
    }
    // The separator keeps `ab` apart from `a b`.
    for byte in text.bytes().chain([0]) {
        *hash = (*hash ^ u64::from(byte)).wrapping_mul(PRIME);
    }
}

#[cfg(test)]
mod tests {
    use super::fingerprint;
    use proc_macro2::TokenStream;

    fn of(code: &str) -> String {
        fingerprint(code.parse::<TokenStream>().unwrap())
    }

    #[test]
    fn code_counts_and_layout_does_not() {
        let version = of("fn f(a: u8) -> u8 { g(a, 1) }");
        assert_eq!(version.len(), 16);
        assert_eq!(version, of("fn f(\n  a: u8,\n) -> u8 {\n  g(a, 1) // why\n}"));
        for other in ["fn f(a: u8) -> u8 { g(a, 2) }", "fn f(a: u8) -> u8 { ga(1) }"] {
            assert_ne!(version, of(other), "{other}");
        }
    }

    #[test]
    fn is_the_published_function() {
        // FNV-1a of "a" and of the separator, computed with the reference code.
        assert_eq!(of(""), "cbf29ce484222325");
        assert_eq!(
            of("a"),
            format!("{:016x}", 0xaf63_dc4c_8601_ec8c_u64.wrapping_mul(0x0100_0000_01b3))
        );
    }
}
