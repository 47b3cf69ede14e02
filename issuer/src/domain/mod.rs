//! What the issuer decides: transitions with `now` as an argument, and the traits they need of a store.
//!
//! Nothing here knows HTTP or SQL, reads a clock or a setting from the environment. Secrets and identifiers are drawn here,
//! from the system's source of randomness; everything else follows from the arguments.

pub mod access_token;
pub mod accounts;
pub mod administration;
pub mod alerts;
pub mod audit;
pub mod change_password;
pub mod custody_log;
pub mod device;
pub mod edge_bundle;
pub mod edges;
pub mod events;
pub mod import;
pub mod keyring;
pub mod language;
pub mod limits;
pub mod lockout;
pub mod login;
pub mod mail;
pub mod moment;
pub mod password;
pub mod refresh;
pub mod registration;
pub mod reseal;
pub mod reset_password;
pub mod revocations;
pub mod roles;
pub mod scopes;
pub mod secrets;
pub mod session;
pub mod step_up;
pub mod storage;
