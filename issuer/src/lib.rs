//! Keeps state.
