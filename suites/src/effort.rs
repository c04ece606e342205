//! What a first look measures, and what longer profiles do.

use vbench::prelude::*;

/// True in the profiles that show the least: smoke and quick.
pub fn is_first_look() -> bool {
    Machine::current().profile <= Profile::Quick
}

/// `first` in a first look, `longer` in the profiles after it, as an axis.
pub fn by_profile<T>(
    first: impl IntoIterator<Item = T>,
    longer: impl IntoIterator<Item = T>,
) -> Vec<T> {
    if is_first_look() { first.into_iter().collect() } else { longer.into_iter().collect() }
}
