//! The attribute and the derive of vbench.

use proc_macro::TokenStream;

/// Registers a benchmark.
#[proc_macro_attribute]
pub fn vbench(_: TokenStream, item: TokenStream) -> TokenStream {
    item
}

/// Derives `Metrics`.
#[proc_macro_derive(Metrics, attributes(metric))]
pub fn metrics(_: TokenStream) -> TokenStream {
    TokenStream::new()
}
