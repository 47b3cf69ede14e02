//! The binary `edgeward`.

fn main() {}
