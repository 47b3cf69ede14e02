//! Acts at the edge.
