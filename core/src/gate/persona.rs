//! Callers that are imagined, for explanations and for the `[[test]]` rows.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::subject::{Subject, Traits};
use crate::time::UnixTime;

/// An imagined caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Persona {
    pub(super) signed_in: bool,
    machine: bool,
    roles: Vec<String>,
    scopes: Vec<String>,
    amr: Vec<String>,
    /// Seconds since the sign-in; `None`: long ago.
    age: Option<i64>,
}

/// The text describes no caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonaError {
    word: String,
}

impl fmt::Display for PersonaError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "\"{}\" does not fit: write anonymous alone, or user, machine, role:a,b, scope:x,y, amr:otp and age:SECONDS \
             with blanks between them",
            self.word
        )
    }
}

impl core::error::Error for PersonaError {}

impl Persona {
    /// Reads `anonymous`, or any of `user`, `machine`, `role:a,b`, `scope:x,y`, `amr:otp`, `age:SECONDS` (since the
    /// sign-in) separated by blanks. Everything but `anonymous` is signed in; without `age` the sign-in was long ago.
    ///
    /// # Errors
    /// Names the word that does not fit.
    pub fn parse(text: &str) -> Result<Self, PersonaError> {
        let mut persona = Self::default();
        let mut anonymous = false;
        for word in text.split_whitespace() {
            let refuse = || PersonaError {
                word: word.to_string(),
            };
            let list = |values: &str| {
                let values: Vec<String> = values.split(',').map(ToString::to_string).collect();
                if values.iter().any(String::is_empty) {
                    Err(refuse())
                } else {
                    Ok(values)
                }
            };
            match word.split_once(':') {
                None if word == "anonymous" => anonymous = true,
                None if word == "user" => persona.signed_in = true,
                None if word == "machine" => persona.machine = true,
                Some(("role", values)) => persona.roles.extend(list(values)?),
                Some(("scope", values)) => persona.scopes.extend(list(values)?),
                Some(("amr", values)) => persona.amr.extend(list(values)?),
                Some(("age", seconds)) => {
                    persona.age = Some(
                        seconds
                            .parse()
                            .ok()
                            .filter(|age| (0..=i64::from(u32::MAX)).contains(age))
                            .ok_or_else(refuse)?,
                    );
                }
                _ => return Err(refuse()),
            }
        }
        let says_nothing = persona == Self::default();
        if anonymous != says_nothing || (persona.machine && persona.signed_in) {
            return Err(PersonaError {
                word: text.to_string(),
            });
        }
        persona.signed_in = !anonymous;
        Ok(persona)
    }

    pub(super) fn subject(&self, now: UnixTime) -> Subject<'_> {
        if !self.signed_in {
            return Subject::Anonymous;
        }
        Subject::SignedIn(Traits {
            roles: self.roles.iter().map(String::as_str).collect(),
            scopes: self.scopes.iter().map(String::as_str).collect(),
            is_machine: self.machine,
            auth_time: self.age.map(|age| now.plus(-age)),
            amr: self.amr.iter().map(String::as_str).collect(),
        })
    }
}
