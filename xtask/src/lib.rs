//! The dev stack.
