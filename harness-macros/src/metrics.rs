//! `#[derive(Metrics)]`: one metric per field, with its unit from the field's type.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Field, Fields, LitFloat, LitInt, LitStr, Result};

const SHAPE: &str = "metrics are the named fields of a struct: \
                     write `struct Copy { read: BytesPerSec, write: BytesPerSec }`";

/// The implementation of `Metrics` for `item`.
pub fn derive(item: TokenStream) -> Result<TokenStream> {
    let item: DeriveInput = syn::parse2(item)?;
    let fields = named_fields(&item)?;
    let mut names = Vec::new();
    let mut metrics = Vec::new();
    for field in &fields {
        let options = Options::read(field)?;
        let name = options.name(field);
        if names.contains(&name) {
            return Err(Error::new_spanned(field, format!("two metrics are called `{name}`")));
        }
        metrics.push(options.metric(&name, field));
        names.push(name);
    }
    let values = fields.iter().map(|field| {
        let (name, ty) = (&field.ident, &field.ty);
        quote_spanned!(ty.span()=> <#ty as ::vbench::__private::MetricField>::number(&self.#name))
    });
    let name = &item.ident;
    let (implemented, of, conditions) = item.generics.split_for_impl();
    Ok(quote! {
        impl #implemented ::vbench::__private::Metrics for #name #of #conditions {
            fn metrics() -> ::std::vec::Vec<::vbench::__private::Metric> {
                ::std::vec![#(#metrics),*]
            }

            fn values(&self) -> ::std::vec::Vec<::core::option::Option<f64>> {
                ::std::vec![#(#values),*]
            }
        }
    })
}

fn named_fields(item: &DeriveInput) -> Result<Vec<Field>> {
    match &item.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) if !fields.named.is_empty() => {
                Ok(fields.named.iter().cloned().collect())
            }
            _ => Err(Error::new(item.ident.span(), SHAPE)),
        },
        _ => Err(Error::new(item.ident.span(), SHAPE)),
    }
}

/// What the `#[metric(..)]` attributes of one field say.
#[derive(Default)]
struct Options {
    name: Option<String>,
    role: Option<&'static str>,
    resolution: Option<f64>,
    exact: bool,
}

impl Options {
    fn read(field: &Field) -> Result<Self> {
        let mut options = Self::default();
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("metric"))
        {
            attribute.parse_nested_meta(|meta| options.set(&meta))?;
        }
        Ok(options)
    }

    fn set(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        match key.as_str() {
            "control" | "info" if self.role.is_some() => {
                return Err(meta.error("a metric has one role: `control` or `info`"));
            }
            "control" => self.role = Some("Control"),
            "info" => self.role = Some("Info"),
            "exact" => self.exact = true,
            "name" => self.name = Some(metric_name(&meta.value()?.parse()?)?),
            "resolution" => self.resolution = Some(step(meta)?),
            _ => {
                let valid = "control, info, exact, name = \"..\", resolution = 1e-9";
                return Err(
                    meta.error(format!("`{key}` is not a key of `#[metric]`\nvalid keys: {valid}"))
                );
            }
        }
        Ok(())
    }

    fn name(&self, field: &Field) -> String {
        let ident = field.ident.as_ref().map(|ident| ident.unraw().to_string());
        self.name.clone().or(ident).unwrap_or_default()
    }

    fn metric(&self, name: &str, field: &Field) -> TokenStream {
        let ty = &field.ty;
        let role = quote::format_ident!("{}", self.role.unwrap_or("Gated"));
        let resolution = match self.resolution {
            Some(step) => quote!(::core::option::Option::Some(#step)),
            None => quote!(::core::option::Option::None),
        };
        let exact = self.exact;
        quote_spanned! {ty.span()=>
            ::vbench::__private::Metric {
                resolution: #resolution,
                exact: #exact,
                ..<#ty as ::vbench::__private::MetricField>::metric(
                    #name,
                    ::vbench::__private::Role::#role,
                )
            }
        }
    }
}

fn metric_name(name: &LitStr) -> Result<String> {
    let text = name.value();
    let allowed = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    match !text.is_empty() && text.chars().all(allowed) {
        true => Ok(text),
        false => {
            Err(Error::new(name.span(), "a metric's name has letters, digits, `_`, `-` and `.`"))
        }
    }
}

/// The smallest step of a value, in base units.
fn step(meta: &ParseNestedMeta<'_>) -> Result<f64> {
    let value = meta.value()?;
    let step: f64 = match value.peek(LitInt) {
        true => value.parse::<LitInt>()?.base10_parse()?,
        false => value.parse::<LitFloat>()?.base10_parse()?,
    };
    match step.is_finite() && step > 0.0 {
        true => Ok(step),
        false => Err(meta
            .error("`resolution` is a number above 0 in the metric's unit: `resolution = 1e-9`")),
    }
}
