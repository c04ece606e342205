//! The attribute and the derive of vbench.

mod emit;
mod fingerprint;
mod keys;
mod metrics;
mod signature;

use proc_macro::TokenStream;

/// Registers a benchmark.
#[proc_macro_attribute]
pub fn vbench(keys: TokenStream, item: TokenStream) -> TokenStream {
    emit::benchmark(keys.into(), item.into()).into()
}

/// Derives `Metrics`.
#[proc_macro_derive(Metrics, attributes(metric))]
pub fn metrics(item: TokenStream) -> TokenStream {
    metrics::derive(item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
