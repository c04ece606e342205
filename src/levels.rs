//! Plateaus.
