//! What a person, a script and an attacker experience, told against the real parts.

mod sign_in;
mod verify_token;
mod paths;
mod spoofing;
mod trust;
mod bad_input;
mod outages;
mod production;
