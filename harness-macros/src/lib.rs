//! The attribute and the derive of vbench. Use them through the `vbench` crate.

mod axis_value;
mod emit;
mod fingerprint;
mod keys;
mod metrics;
mod signature;

use proc_macro::TokenStream;

/// Registers a function as a benchmark. Its signature says what it needs and what it measures.
///
/// A function with a `Bencher` decides what is timed and returns the samples:
///
/// ```ignore
/// use vbench::prelude::*;
///
/// /// Follows pointers through memory.
/// #[vbench(kind = "memory")]
/// fn pointer_chase(b: &mut Bencher, #[axis(pow2(12..=29))] size: Bytes) -> Samples<Seconds> {
///     let ring = Ring::shuffled(size); // Once per case, not timed.
///     b.iter(|| ring.step())
/// }
/// ```
///
/// A function without one is timed itself; so is an `async fn`, driven on one thread. An `Err` that
/// it returns fails the case, or skips it when it is a `Skip`:
///
/// ```ignore
/// #[vbench(kind = "cpu")]
/// fn primes_below_1m() -> usize {
///     count_primes(1_000_000)
/// }
/// ```
///
/// # Parameters
///
/// In any order and number:
///
/// | parameter | gets |
/// |---|---|
/// | `b: &mut Bencher` | what drives the timing |
/// | `#[axis(values)] x: T` | each of `values` in turn: the axis `x`, set with `--axis x=1,2`; `T: Display + FromStr` |
/// | `#[axis(pairs)] (x, y): (A, B)` | each pair in turn: the axes `x` and `y` in lock-step |
/// | `gpu: Gpu` or `gpu: &Gpu` | a resource, `Gpu: Require`; where the machine lacks it, the case is skipped with the reason |
///
/// Values of an axis may depend on the machine: any expression that gives an `IntoIterator` of `T`.
/// A leading underscore of an argument is not part of the axis name. A function that is timed
/// itself is called many times: it gets clones of axis values and takes resources by reference.
///
/// # Return type
///
/// With a `Bencher`: `Samples<M>`, or `Result<Samples<M>, E>` where `E` is `Skip` or `Failed`. `M`
/// is a unit type such as `Seconds`, or a struct with `#[derive(Metrics)]`. Without one: anything.
///
/// # Keys
///
/// | key | means | default |
/// |---|---|---|
/// | `kind = "memory"` | label that groups and filters: letters in lower case, digits, `_`, `-` | required |
/// | `name = "copy"` | name in the id | the function's |
/// | `samples = 20` | recorded repeats per launch | the profile's |
/// | `warmup = 2` | discarded repeats before them | the profile's |
/// | `max_time = 1.5` | no repeat starts after this many seconds | the profile's |
/// | `timeout = 60` | the launch is killed after this many seconds | the runner's |
/// | `estimator = Best` | headline: `Best` of the repeats, or their `Center` | `Center` |
/// | `control` | every metric but `info` is a control: a change says that the environment moved | no |
/// | `after = "other"` | runs after that benchmark (name or id) in every round | any order |
/// | `isolate = false` | runs inside the harness process | own process |
/// | `version = 2` | results of different versions are not compared; a number or a text | a hash of the function's tokens |
/// | `ignore = "why"` | runs only when asked for; the reason may be left out | runs |
/// | `profile = Standard` | shortest profile that contains it: `Smoke`, `Quick`, `Standard`, `Thorough` | `Smoke` |
/// | `types = [f32, f64]` | values of the type parameter of a generic function | |
/// | `consts = [4, 8]` | values of its const parameter | |
///
/// The hash ignores layout, comments, documentation, the keys and the values of axes. It does not
/// see the functions that the benchmark calls: set `version` when those change what is measured.
///
/// # Generic functions
///
/// One type parameter, one const parameter or both become axes of their names:
///
/// ```ignore
/// #[vbench(kind = "cpu", types = [f32, f64], consts = [4, 8])]
/// fn dot<T: Scalar, const LANES: usize>() -> T { .. } // Four cases, such as LANES=4,T=f32.
/// ```
#[proc_macro_attribute]
pub fn vbench(keys: TokenStream, item: TokenStream) -> TokenStream {
    emit::benchmark(keys.into(), item.into()).into()
}

/// Makes a struct a set of metrics, one per field: what one sample carries.
///
/// A field is a unit type, or an `Option` of one where a sample may lack it. The unit and which way
/// is better come from the type, the name from the field:
///
/// ```ignore
/// #[derive(Metrics)]
/// struct Copy {
///     bandwidth: BytesPerSec,
///     #[metric(info)]
///     latency: Option<Seconds>,
/// }
/// ```
///
/// | in `#[metric(..)]` | means |
/// |---|---|
/// | `control` | must not change; a change says that the environment moved |
/// | `info` | shown, not judged |
/// | `exact` | a count that must repeat exactly |
/// | `name = "read"` | name instead of the field's |
/// | `resolution = 1e-9` | smallest step of the value, in the metric's unit |
#[proc_macro_derive(Metrics, attributes(metric))]
pub fn metrics(item: TokenStream) -> TokenStream {
    metrics::derive(item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes an enum of plain variants an axis value: `Display`, `FromStr`, and `ALL`, every variant in
/// the declared order.
///
/// A variant's word is its name in lower case, parts joined by `-`; `#[axis(rename = "..")]` gives
/// another. A text that is none of them is refused with the list of them.
///
/// ```ignore
/// use vbench::prelude::*;
///
/// #[derive(Clone, Copy, AxisValue)]
/// enum Route {
///     #[axis(rename = "h2d")]
///     HostToDevice,
///     Both,
/// }
///
/// #[vbench(kind = "gpu")]
/// fn copy(b: &mut Bencher, #[axis(Route::ALL)] route: Route) -> Samples<BytesPerSec> { /* .. */ }
/// ```
#[proc_macro_derive(AxisValue, attributes(axis))]
pub fn axis_value(item: TokenStream) -> TokenStream {
    axis_value::derive(item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
