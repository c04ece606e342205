//! What `#[vbench]` emits: the function as it was written, and its entry in the table.

use crate::fingerprint::fingerprint;
use crate::keys::Keys;
use crate::signature::{Declaration, Param, about, is_axis};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Error, FnArg, ItemFn, Type};

/// The item, and its registration or what is wrong with it.
pub fn benchmark(keys: TokenStream, item: TokenStream) -> TokenStream {
    let Ok(function) = syn::parse2::<ItemFn>(item.clone()) else {
        let error = Error::new(Span::call_site(), "`#[vbench]` goes on a function with a body");
        let error = error.into_compile_error();
        return quote!(#item #error);
    };
    let bare = without_axes(&function);
    match registration(keys, &function, &bare) {
        Ok(registration) => quote!(#bare #registration),
        Err(error) => {
            let error = error.into_compile_error();
            // Without its entry nothing calls the function; one error is enough.
            quote!(#[allow(dead_code)] #bare #error)
        }
    }
}

/// The function as rustc accepts it.
fn without_axes(function: &ItemFn) -> ItemFn {
    let mut bare = function.clone();
    for input in &mut bare.sig.inputs {
        if let FnArg::Typed(typed) = input {
            typed.attrs.retain(|attribute| !is_axis(attribute));
        }
    }
    bare
}

fn registration(keys: TokenStream, function: &ItemFn, bare: &ItemFn) -> syn::Result<TokenStream> {
    let mut keys = Keys::parse(keys)?;
    let declaration = Declaration::read(function, &mut keys)?;
    let conditions = function.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    let entry = entry(&keys, &declaration, bare);
    Ok(quote! {
        #(#conditions)*
        // An attribute with every key leaves nothing to the default options.
        #[allow(clippy::needless_update)]
        const _: () = {
            #[::vbench::__private::linkme::distributed_slice(::vbench::__private::VBENCH_BENCHMARKS)]
            #[linkme(crate = ::vbench::__private::linkme)]
            static __VBENCH_BENCHMARK: ::vbench::__private::Benchmark = #entry;
        };
    })
}

fn entry(keys: &Keys, declaration: &Declaration, bare: &ItemFn) -> TokenStream {
    let kind = &keys.kind;
    let name = keys.name.clone().unwrap_or_else(|| bare.sig.ident.unraw().to_string());
    let about = about(&bare.attrs);
    let version = keys.version.clone().unwrap_or_else(|| version(bare));
    let (fields, values): (Vec<_>, Vec<_>) = keys.options.iter().cloned().unzip();
    let axes = axes(declaration);
    let needs = needs(declaration);
    let metrics = metrics(declaration);
    let run = run(declaration, &bare.sig.ident);
    quote! {
        ::vbench::__private::Benchmark {
            module: ::core::module_path!(),
            name: #name,
            kind: #kind,
            about: #about,
            file: ::core::file!(),
            line: ::core::line!(),
            version: #version,
            options: ::vbench::__private::Options {
                #(#fields: #values,)*
                ..::vbench::__private::Options::DEFAULT
            },
            axes: #axes,
            needs: #needs,
            metrics: #metrics,
            run: #run,
            external: ::core::option::Option::None,
        }
    }
}

/// Parameter attributes are off already; those of the function do not change what is measured.
fn version(bare: &ItemFn) -> String {
    let (signature, body) = (&bare.sig, &bare.block);
    fingerprint(quote!(#signature #body))
}

fn axes(declaration: &Declaration) -> TokenStream {
    let generics = declaration.generics.iter().map(|generic| {
        let name = &generic.name;
        let texts: Vec<_> = generic.choices.values.iter().map(|(text, _)| text).collect();
        quote! {
            ::vbench::__private::Axis::fixed(#name, &[#(#texts),*], |text| {
                ::vbench::__private::one_of(text, &[#(#texts),*])
            })
        }
    });
    let params = declaration.params.iter().filter_map(|param| match param {
        Param::Axis { name, ty, values } => {
            Some(quote_spanned!(ty.span()=> ::vbench::__private::Axis::of::<#ty>(#name, #values)))
        }
        Param::Zipped { names, types, values } => Some(zipped(names, types, values)),
        Param::Bencher | Param::Resource { .. } => None,
    });
    quote!(|_| ::std::vec![#(#generics,)* #(#params,)*])
}

fn zipped(names: &[String], types: &[Type], values: &syn::Expr) -> TokenStream {
    let parts: Vec<Ident> =
        (0..names.len()).map(|i| format_ident!("part{i}", span = Span::mixed_site())).collect();
    let normalise =
        types.iter().map(|ty| quote_spanned!(ty.span()=> ::vbench::__private::normalise::<#ty>));
    quote! {
        ::vbench::__private::Axis::zipped(
            ::std::vec![#(#names),*],
            ::vbench::__private::zip_rows(#values, |(#(#parts,)*): (#(#types,)*)| {
                ::std::vec![#(::std::string::ToString::to_string(&#parts)),*]
            }),
            ::std::vec![#(#normalise),*],
        )
    }
}

fn needs(declaration: &Declaration) -> TokenStream {
    let machine = Ident::new("_machine", Span::mixed_site());
    let probes = declaration.params.iter().filter_map(|param| match param {
        Param::Resource { ty, .. } => Some(quote_spanned! {ty.span()=>
            <#ty as ::vbench::__private::Require>::probe(#machine)?;
        }),
        _ => None,
    });
    quote! {
        |#machine| {
            #(#probes)*
            ::core::result::Result::Ok(())
        }
    }
}

fn metrics(declaration: &Declaration) -> TokenStream {
    match &declaration.returns {
        Some(ty) => quote_spanned!(ty.span()=> <#ty as ::vbench::__private::Return>::metrics),
        None => quote! {
            <::vbench::__private::Samples<::vbench::__private::Seconds>
                as ::vbench::__private::Return>::metrics
        },
    }
}

fn run(declaration: &Declaration, function: &Ident) -> TokenStream {
    let scope = Scope::new(declaration);
    let Scope { bencher, params, machine, arguments } = &scope;
    let bindings = declaration.params.iter().zip(arguments).map(|(param, argument)| {
        let value = match param {
            Param::Bencher => return TokenStream::new(),
            Param::Axis { name, ty, .. } => scope.parse(ty, name),
            Param::Zipped { names, types, .. } => {
                let parts = names.iter().zip(types).map(|(name, ty)| scope.parse(ty, name));
                quote!((#(#parts,)*))
            }
            Param::Resource { ty, .. } => quote_spanned! {ty.span()=>
                <#ty as ::vbench::__private::Require>::acquire(#machine)?
            },
        };
        quote!(let #argument = #value;)
    });
    let body = scope.body(declaration, function);
    quote! {
        |#bencher, #params, #machine| {
            #(#bindings)*
            #body
        }
    }
}

/// The names inside `run`, out of reach of the user's expressions. The underscore says that some
/// are not used.
struct Scope {
    bencher: Ident,
    params: Ident,
    machine: Ident,
    arguments: Vec<Ident>,
}

impl Scope {
    fn new(declaration: &Declaration) -> Self {
        let ident = |name: &str| Ident::new(name, Span::mixed_site());
        Self {
            bencher: ident("_bencher"),
            params: ident("_params"),
            machine: ident("_machine"),
            arguments: (0..declaration.params.len())
                .map(|i| ident(&format!("_argument{i}")))
                .collect(),
        }
    }

    fn parse(&self, ty: &Type, name: &str) -> TokenStream {
        let params = &self.params;
        quote_spanned!(ty.span()=> #params.parse::<#ty>(#name)?)
    }

    /// One call, or one for each combination of generic values.
    fn body(&self, declaration: &Declaration, function: &Ident) -> TokenStream {
        if declaration.generics.is_empty() {
            return self.finish(declaration, &quote!(#function));
        }
        let params = &self.params;
        let (mut texts, mut values) = (vec![vec![]], vec![vec![]]);
        for generic in &declaration.generics {
            texts = combine(&texts, generic.choices.values.iter().map(|(text, _)| text));
            values = combine(&values, generic.choices.values.iter().map(|(_, value)| value));
        }
        let arms = texts.iter().zip(&values).map(|(texts, values)| {
            let call = self.finish(declaration, &quote!(#function::<#(#values),*>));
            quote!((#(#texts,)*) => { #call })
        });
        let chosen = declaration.generics.iter().map(|generic| {
            let name = &generic.name;
            quote!(#params.parse::<::std::string::String>(#name)?.as_str())
        });
        quote! {
            match (#(#chosen,)*) {
                #(#arms)*
                _ => ::core::result::Result::Err(::vbench::__private::Stop::Fail(
                    ::std::string::String::from("a generic parameter has a value that was not declared"),
                )),
            }
        }
    }

    /// Calls `function` with the arguments, or times it.
    fn finish(&self, declaration: &Declaration, function: &TokenStream) -> TokenStream {
        match &declaration.returns {
            Some(ty) => {
                let arguments = declaration.params.iter().zip(&self.arguments);
                let arguments = arguments.map(|(param, argument)| match param {
                    Param::Bencher => self.bencher.to_token_stream(),
                    Param::Resource { by_reference: true, .. } => quote!(&#argument),
                    _ => quote!(#argument),
                });
                quote_spanned!(ty.span()=> <#ty as ::vbench::__private::Return>::finish(#function(#(#arguments),*)))
            }
            None => self.timed(declaration, function),
        }
    }

    /// The call goes through a pointer that the optimiser cannot see through: it neither hoists
    /// the call out of the timing loop nor folds it into a constant.
    fn timed(&self, declaration: &Declaration, function: &TokenStream) -> TokenStream {
        let bencher = &self.bencher;
        let opaque = Ident::new("_function", Span::mixed_site());
        let holes = declaration.params.iter().map(|_| quote!(_));
        let arguments = declaration.params.iter().zip(&self.arguments);
        let arguments = arguments.map(|(param, argument)| match param.axis_types() {
            [] => quote!(&#argument),
            types => quote_spanned!(types[0].span()=> ::core::clone::Clone::clone(&#argument)),
        });
        let call = quote!(#opaque(#(::vbench::__private::black_box(#arguments)),*));
        let call = match declaration.is_async {
            true => quote!(::vbench::__private::block_on(#call)),
            false => call,
        };
        let samples = match declaration.is_fallible {
            true => quote!(::vbench::__private::iter_fallible(#bencher, || #call)),
            false => quote!(#bencher.iter(|| #call)),
        };
        quote! {
            let #opaque = ::vbench::__private::black_box(#function as fn(#(#holes),*) -> _);
            ::vbench::__private::Return::finish(#samples)
        }
    }
}

/// Every row with every value appended.
fn combine<T: Clone>(rows: &[Vec<T>], values: impl Iterator<Item = T> + Clone) -> Vec<Vec<T>> {
    let append = |row: &Vec<T>, value: T| row.iter().cloned().chain([value]).collect();
    rows.iter().flat_map(|row| values.clone().map(move |value| append(row, value))).collect()
}
