//! The program `edgeward` as an operator meets it: how it is configured, its commands, and serving.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets what it does not expect has failed"
)]

mod config_sources;
mod config_mistakes;
mod config_proxies;
mod config_cookies;
mod config_mail;
mod config_custody;
mod config_admin;

mod serve;
mod forward_auth;
mod operator;
mod accounts;
mod events;
mod audit;
mod keys;
mod key_algorithms;
mod config_audiences;
mod config_roles;
mod secrets;
mod policy;
mod revocations;
mod token_verify;
mod token_algorithms;
mod openapi;
mod nowhere;

#[path = "../desk/mod.rs"]
mod desk;
#[path = "../folder/mod.rs"]
mod folder;
#[path = "../port/mod.rs"]
mod port;
#[path = "../postgres/mod.rs"]
mod postgres;
#[path = "../program/mod.rs"]
mod program;
#[path = "../settings/mod.rs"]
mod settings;
