//! What is made once and kept until the process ends: contexts, handles of libraries, functions.

use super::{Fault, Handle};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// One handle for each key, such as a device.
pub(super) struct Kept<K>(Mutex<BTreeMap<K, Handle>>);

impl<K> Default for Kept<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord> Kept<K> {
    /// What was made for `key` before, else what `make` gives now. Others wait meanwhile.
    ///
    /// # Errors
    /// What `make` says; the next call tries again.
    pub(super) fn or_make(
        &self,
        key: K,
        make: impl FnOnce() -> Result<Handle, Fault>,
    ) -> Result<Handle, Fault> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = kept.get(&key) {
            return Ok(*handle);
        }
        let made = make()?;
        kept.insert(key, made);
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Kept};

    #[test]
    fn a_handle_is_made_once_and_a_failure_is_tried_again() {
        let kept = Kept::default();
        let lost = Fault::Failed("lost".to_owned());
        assert_eq!(kept.or_make(0, || Err(lost.clone())), Err(lost.clone()));
        assert_eq!(kept.or_make(0, || Ok(7)), Ok(7));
        assert_eq!(kept.or_make(0, || Err(lost)), Ok(7));
        assert_eq!(kept.or_make(1, || Ok(8)), Ok(8));
    }
}
