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

/// `standard` but in the profile that takes a night, which has `thorough`.
pub fn unless_thorough<T>(
    standard: impl IntoIterator<Item = T>,
    thorough: impl IntoIterator<Item = T>,
) -> Vec<T> {
    match Machine::current().profile {
        Profile::Thorough => thorough.into_iter().collect(),
        Profile::Smoke | Profile::Quick | Profile::Standard => standard.into_iter().collect(),
    }
}
