//! What no compiler checks: the layout of the tree, the arrows between modules, licences, links, and what must not be here.
//!
//! Every check reads the files that git knows and names each offence with its file and line.

mod tree;
mod arrows;
mod licences;
mod links;
mod reasons;
mod problems;
mod budgets;
mod twins;
