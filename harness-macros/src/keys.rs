//! The keys in `#[vbench(..)]`: what they are, and what is said when they are wrong.

use crate::fingerprint::brackets;
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprLit, Ident, Lit, LitBool, Result, Token, Type};

const KEYS: [&str; 15] = [
    "kind",
    "name",
    "samples",
    "warmup",
    "max_time",
    "timeout",
    "estimator",
    "control",
    "after",
    "isolate",
    "version",
    "ignore",
    "profile",
    "types",
    "consts",
];
const NO_KIND: &str = "say what kind of benchmark this is: `#[vbench(kind = \"memory\")]`";
/// A key that differs from what was written in more letters than this is no suggestion.
const LIKELY_TYPO: usize = 2;

/// What the attribute says.
pub struct Keys {
    /// Label that groups and filters.
    pub kind: String,
    /// Name instead of the function's.
    pub name: Option<String>,
    /// Version instead of the fingerprint.
    pub version: Option<String>,
    /// Fields of `Options` that differ from the default.
    pub options: Vec<(Ident, TokenStream)>,
    /// Types to run a generic function with.
    pub types: Option<Choices>,
    /// Constants to run a generic function with.
    pub consts: Option<Choices>,
}

/// The values given for a generic parameter.
pub struct Choices {
    /// The key they were given with.
    pub key: Ident,
    /// Each value: its text in a case id, and its tokens.
    pub values: Vec<(String, TokenStream)>,
}

impl Keys {
    /// Reads what stands between the parentheses of the attribute.
    pub fn parse(stream: TokenStream) -> Result<Self> {
        let entries = Punctuated::<Entry, Token![,]>::parse_terminated.parse2(stream)?;
        let mut seen = Vec::new();
        let mut kind = None;
        let (mut name, mut version, mut types, mut consts) = (None, None, None, None);
        let mut options = Vec::new();
        for entry in entries {
            let key = entry.key.to_string();
            if seen.contains(&key) {
                return Err(entry.error(format!("the key `{key}` stands twice")));
            }
            match key.as_str() {
                "kind" => kind = Some(entry.kind()?),
                "name" => name = Some(entry.name()?),
                "version" => version = Some(entry.version()?),
                "types" => types = Some(entry.choices()?),
                "consts" => consts = Some(entry.choices()?),
                _ => options.push((entry.key.clone(), entry.option()?)),
            }
            seen.push(key);
        }
        let kind = kind.ok_or_else(|| Error::new(Span::call_site(), NO_KIND))?;
        Ok(Self { kind, name, version, options, types, consts })
    }
}

/// `key` or `key = value`.
struct Entry {
    key: Ident,
    value: Option<Given>,
}

enum Given {
    Value(Expr),
    Types(Vec<Type>),
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let key = input.call(Ident::parse_any)?;
        if !KEYS.iter().any(|known| key == known) {
            return Err(Error::new(key.span(), unknown(&key.to_string())));
        }
        let value = match input.parse::<Option<Token![=]>>()? {
            None => None,
            Some(_) if key == "types" => Some(Given::Types(types(input)?)),
            Some(_) => Some(Given::Value(input.parse()?)),
        };
        Ok(Self { key, value })
    }
}

/// `[u32, Vec<u8>]`, which is not an expression.
fn types(input: ParseStream<'_>) -> Result<Vec<Type>> {
    let list;
    syn::bracketed!(list in input);
    Ok(Punctuated::<Type, Token![,]>::parse_terminated(&list)?.into_iter().collect())
}

impl Entry {
    fn error(&self, message: impl std::fmt::Display) -> Error {
        match &self.value {
            Some(Given::Value(value)) => Error::new_spanned(value, message),
            _ => Error::new(self.key.span(), message),
        }
    }

    /// The error of a key whose value has the wrong form.
    fn expected(&self, what: &str, example: &str) -> Error {
        let key = &self.key;
        self.error(format!("`{key}` is {what}: `{key} = {example}`"))
    }

    fn value(&self) -> Option<&Expr> {
        match &self.value {
            Some(Given::Value(value)) => Some(value),
            _ => None,
        }
    }

    fn literal(&self) -> Option<&Lit> {
        match self.value()? {
            Expr::Lit(ExprLit { lit, .. }) => Some(lit),
            _ => None,
        }
    }

    fn text(&self) -> Option<String> {
        match self.literal()? {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        }
    }

    fn kind(&self) -> Result<String> {
        let text = self.text().ok_or_else(|| self.expected("a label in quotes", "\"memory\""))?;
        let rest = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
        if text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(rest) {
            return Ok(text);
        }
        let rule = "a lower-case label of letters, digits, `_` and `-`, starting with a letter";
        Err(self.expected(rule, "\"memory\""))
    }

    fn name(&self) -> Result<String> {
        let allowed = |c: char| c.is_alphanumeric() || "_-.".contains(c);
        match self.text() {
            Some(text) if !text.is_empty() && text.chars().all(allowed) => Ok(text),
            _ => Err(self.expected(
                "a name of letters, digits, `_`, `-` and `.` in quotes",
                "\"copy_large\"",
            )),
        }
    }

    fn version(&self) -> Result<String> {
        match self.literal() {
            Some(Lit::Str(text)) if !text.value().trim().is_empty() => Ok(text.value()),
            Some(Lit::Int(number)) => Ok(number.base10_digits().to_owned()),
            _ => Err(self.expected("a whole number or a text", "2")),
        }
    }

    /// The value of a key that is a field of `Options`.
    fn option(&self) -> Result<TokenStream> {
        match self.key.to_string().as_str() {
            "samples" => self.count(1),
            "warmup" => self.count(0),
            "max_time" | "timeout" => self.seconds(),
            "estimator" => self.variant(&["Best", "Center"], "Estimator"),
            "profile" => self.variant(&["Smoke", "Quick", "Standard", "Thorough"], "Profile"),
            "after" => match self.text() {
                Some(text) if !text.is_empty() => Ok(some(text)),
                _ => Err(self.expected("the name or id of a benchmark in quotes", "\"copy\"")),
            },
            "ignore" => match (&self.value, self.text()) {
                (None, _) => Ok(some("marked `ignore`")),
                (_, Some(reason)) if !reason.is_empty() => Ok(some(reason)),
                _ => Err(self.expected("a reason in quotes, or nothing", "\"takes an hour\"")),
            },
            _ => self.flag(),
        }
    }

    fn flag(&self) -> Result<TokenStream> {
        match (&self.value, self.literal()) {
            (None, _) => Ok(quote!(true)),
            (_, Some(Lit::Bool(LitBool { value, .. }))) => Ok(value.to_token_stream()),
            _ => Err(self.expected("`true` or `false`", "false")),
        }
    }

    fn count(&self, least: u32) -> Result<TokenStream> {
        let number = match self.literal() {
            Some(Lit::Int(number)) => number.base10_parse::<u32>().ok(),
            _ => None,
        };
        match number {
            Some(number) if number >= least => Ok(some(number)),
            _ => Err(self.expected(&format!("a whole number from {least}"), "20")),
        }
    }

    fn seconds(&self) -> Result<TokenStream> {
        let number = match self.literal() {
            Some(Lit::Int(number)) => number.base10_parse::<f64>().ok(),
            Some(Lit::Float(number)) => number.base10_parse::<f64>().ok(),
            _ => None,
        };
        match number {
            Some(seconds) if seconds.is_finite() && seconds > 0.0 => Ok(some(seconds)),
            _ => Err(self.expected("a number of seconds above 0", "60")),
        }
    }

    fn variant(&self, valid: &[&str], of: &str) -> Result<TokenStream> {
        let given = self.value().map(|value| value.to_token_stream().to_string());
        let Some(found) = valid.iter().find(|name| given.as_deref() == Some(**name)) else {
            return Err(self.expected(&format!("one of {}", valid.join(", ")), valid[0]));
        };
        let of = Ident::new(of, Span::call_site());
        let found = Ident::new(found, Span::call_site());
        Ok(quote!(::vbench::__private::#of::#found))
    }

    fn choices(&self) -> Result<Choices> {
        let given: Vec<(&dyn ToTokens, TokenStream)> = match &self.value {
            Some(Given::Types(types)) => types.iter().map(|ty| (ty as _, quote!(#ty))).collect(),
            Some(Given::Value(Expr::Array(list))) => {
                list.elems.iter().map(|value| (value as _, braced(value))).collect()
            }
            _ => Vec::new(),
        };
        if given.is_empty() {
            let example = if self.key == "types" { "[f32, f64]" } else { "[4, 8]" };
            return Err(self.expected("a list with at least one value", example));
        }
        let mut values: Vec<(String, TokenStream)> = Vec::new();
        for (written, value) in given {
            let text = compact(written.to_token_stream());
            if values.iter().any(|(other, _)| *other == text) {
                return Err(Error::new_spanned(written, format!("`{text}` stands twice")));
            }
            values.push((text, value));
        }
        Ok(Choices { key: self.key.clone(), values })
    }
}

/// Any expression but a literal needs braces as a const argument.
fn braced(value: &Expr) -> TokenStream {
    match value {
        Expr::Lit(_) | Expr::Block(_) => value.to_token_stream(),
        value => quote!({ #value }),
    }
}

/// The tokens as one text without spaces.
fn compact(tokens: TokenStream) -> String {
    let text = |token| match token {
        TokenTree::Group(group) => {
            let (open, close) = brackets(group.delimiter());
            format!("{open}{}{close}", compact(group.stream()))
        }
        token => token.to_string(),
    };
    tokens.into_iter().map(text).collect()
}

fn some(value: impl ToTokens) -> TokenStream {
    quote!(::core::option::Option::Some(#value))
}

fn unknown(key: &str) -> String {
    let nearest = KEYS.iter().min_by_key(|known| distance(key, known));
    let hint = match nearest {
        Some(known) if distance(key, known) <= LIKELY_TYPO => format!("; did you mean `{known}`?"),
        _ => String::new(),
    };
    format!("`{key}` is not a key of `#[vbench]`{hint}\nvalid keys: {}", KEYS.join(", "))
}

/// How many letters to insert, delete or replace (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.chars().count()]
}

#[cfg(test)]
mod tests {
    use super::{Keys, unknown};

    fn error(keys: &str) -> String {
        let parsed = Keys::parse(keys.parse().unwrap());
        parsed.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_likely_key_is_suggested() {
        for (written, meant) in [("sample", "samples"), ("knid", "kind"), ("max-time", "max_time")]
        {
            assert!(unknown(written).contains(&format!("did you mean `{meant}`?")), "{written}");
        }
        assert!(!unknown("threads").contains("did you mean"));
    }

    #[test]
    fn values_at_the_edges() {
        for keys in [
            "kind = \"a\"",
            "kind = \"a-b_2\", warmup = 0, max_time = 0.5,",
            "kind = \"a\", version = 1",
        ] {
            assert_eq!(error(keys), "", "{keys}");
        }
        for keys in [
            "kind = \"\"",
            "kind = \"2d\"",
            "kind = \"a b\"",
            "kind = \"a\", samples = 4294967296",
            "kind = \"a\", samples = 1.5",
            "kind = \"a\", timeout = 0.0",
            "kind = \"a\", version = \" \"",
            "kind = \"a\", after",
            "kind = \"a\", name",
            "kind(\"a\")",
            "\"a\"",
        ] {
            assert_ne!(error(keys), "", "{keys}");
        }
    }

    #[test]
    fn choices_are_texts_without_spaces() {
        let keys = "kind = \"a\", types = [Vec< u8 >, [u8; 4]], consts = [-1, 2 * 2, ' ']";
        let keys = Keys::parse(keys.parse().unwrap()).ok().unwrap();
        let texts = |choices: Option<super::Choices>| -> Vec<String> {
            choices.unwrap().values.into_iter().map(|(text, _)| text).collect()
        };
        assert_eq!(texts(keys.types), ["Vec<u8>", "[u8;4]"]);
        assert_eq!(texts(keys.consts), ["-1", "2*2", "' '"]);
    }
}
