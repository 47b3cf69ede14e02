//! What the issuer decides: transitions with `now` as an argument, and the traits they need of a store.
//!
//! Nothing here knows HTTP or SQL, or reads a setting from the environment. Secrets and identifiers are drawn here, from the system's
//! source of randomness; everything else follows from the arguments, the present moment among them. Two exceptions there are, and each
//! goes by a clock that nobody can set: [`limits`] counts by it, because a bucket that a set clock fills is no limit, and a test hands
//! another one in; and an attempt at a [`lockout`] counter waits for others by it, a quarter of a second at a time, and then asks the
//! store, which alone decides.

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
