//! `#[derive(AxisValue)]`: an enum of words that prints and reads back as one of them.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Error, Fields, Ident, LitStr, Result, Variant};

const SHAPE: &str = "`AxisValue` is derived for an enum of plain variants: \
                     write `enum Stores { Cached, Streaming }`; \
                     other types implement `Display` and `FromStr`";

/// `Display`, `FromStr` and `ALL` of `item`.
pub fn derive(item: TokenStream) -> Result<TokenStream> {
    let item: DeriveInput = syn::parse2(item)?;
    let (variants, words) = words(&item)?;
    let (name, vis, count) = (&item.ident, &item.vis, words.len());
    let of = format!("Every `{name}`, as declared.");
    let known = words.join(", ");
    Ok(quote! {
        #[automatically_derived]
        #[allow(dead_code)]
        impl #name {
            #[doc = #of]
            #vis const ALL: [Self; #count] = [#(Self::#variants),*];
        }

        #[automatically_derived]
        impl ::core::fmt::Display for #name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(match self { #(Self::#variants => #words),* })
            }
        }

        #[automatically_derived]
        impl ::core::str::FromStr for #name {
            type Err = ::std::string::String;

            fn from_str(text: &str) -> ::core::result::Result<Self, Self::Err> {
                match text {
                    #(#words => ::core::result::Result::Ok(Self::#variants),)*
                    _ => ::core::result::Result::Err(::std::format!("{text:?} is not one of {}", #known)),
                }
            }
        }
    })
}

/// The variants and the word of each.
fn words(item: &DeriveInput) -> Result<(Vec<Ident>, Vec<String>)> {
    let Data::Enum(data) = &item.data else { return Err(Error::new(item.ident.span(), SHAPE)) };
    if data.variants.is_empty() || !item.generics.params.is_empty() {
        return Err(Error::new(item.ident.span(), SHAPE));
    }
    let (mut variants, mut words) = (Vec::new(), Vec::new());
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new_spanned(variant, SHAPE));
        }
        let word = renamed(variant)?.unwrap_or_else(|| kebab(&variant.ident.unraw().to_string()));
        if words.contains(&word) {
            return Err(Error::new_spanned(variant, format!("two variants are called `{word}`")));
        }
        variants.push(variant.ident.clone());
        words.push(word);
    }
    Ok((variants, words))
}

/// The word that `#[axis(rename = "..")]` gives a variant.
fn renamed(variant: &Variant) -> Result<Option<String>> {
    let mut word = None;
    for attribute in variant.attrs.iter().filter(|attribute| attribute.path().is_ident("axis")) {
        attribute.parse_nested_meta(|meta| match meta.path.is_ident("rename") {
            true => checked(&meta.value()?.parse()?).map(|text| word = Some(text)),
            false => {
                Err(meta.error("the key of a variant is `rename`: `#[axis(rename = \"h2d\")]`"))
            }
        })?;
    }
    Ok(word)
}

/// A case id joins values by commas and names them with `=`.
fn checked(text: &LitStr) -> Result<String> {
    let word = text.value();
    let allowed = |c: char| c.is_alphanumeric() || "_-.:+".contains(c);
    match !word.is_empty() && word.chars().all(allowed) {
        true => Ok(word),
        false => Err(Error::new(
            text.span(),
            "an axis value has letters, digits, `_`, `-`, `.`, `:` and `+`",
        )),
    }
}

/// `OtherNode` as `other-node`.
fn kebab(name: &str) -> String {
    let mut word = String::new();
    for (at, c) in name.chars().enumerate() {
        if c.is_uppercase() && at > 0 {
            word.push('-');
        }
        word.extend(c.to_lowercase());
    }
    word
}

#[cfg(test)]
mod tests {
    use super::{derive, kebab};
    use quote::quote;

    #[test]
    fn variants_become_words() {
        assert_eq!(kebab("Cached"), "cached");
        assert_eq!(kebab("OtherNode"), "other-node");
    }

    #[test]
    fn what_is_no_list_of_words_is_refused() {
        let error = |item| derive(item).unwrap_err().to_string();
        assert!(
            error(quote!(
                struct A;
            ))
            .contains("enum of plain variants")
        );
        assert!(
            error(quote!(
                enum A {}
            ))
            .contains("enum of plain variants")
        );
        assert!(
            error(quote!(
                enum A {
                    B(u8),
                }
            ))
            .contains("enum of plain variants")
        );
        assert!(
            error(quote!(
                enum A<T> {
                    B,
                }
            ))
            .contains("enum of plain variants")
        );
        assert!(
            error(quote!(
                enum A {
                    B,
                    #[axis(rename = "b")]
                    C,
                }
            ))
            .contains("two variants")
        );
        assert!(
            error(quote!(
                enum A {
                    #[axis(rename = "a,b")]
                    B,
                }
            ))
            .contains("letters, digits")
        );
        assert!(
            error(quote!(
                enum A {
                    #[axis(name = "b")]
                    B,
                }
            ))
            .contains("`rename`")
        );
    }
}
