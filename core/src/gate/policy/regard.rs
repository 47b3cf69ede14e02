//! What a policy says about ended sessions: `revocation`, for all rules and for one.

use alloc::format;
use alloc::string::String;

use toml::Spanned;

use super::PolicyError;
use super::document::Source;
use crate::nearest::nearest;
use crate::revocation::{DEFAULT_WITHIN_SECONDS, MAX_WITHIN_SECONDS, Mode};

#[derive(Default)]
pub(super) struct RawRevocation<'d> {
    pub(super) mode: Option<Spanned<&'d str>>,
    pub(super) within_seconds: Option<Spanned<i64>>,
}

/// What holds for a rule that says nothing, and how much `eventual` bears.
#[derive(Clone, Copy)]
pub(super) struct Regard {
    pub(super) default: Mode,
    within_seconds: u32,
}

impl Regard {
    pub(super) fn read(source: Source<'_>, raw: &RawRevocation<'_>) -> Result<Self, PolicyError> {
        let within_seconds = match &raw.within_seconds {
            None => DEFAULT_WITHIN_SECONDS,
            Some(place) => u32::try_from(*place.get_ref())
                .ok()
                .filter(|seconds| (1..=MAX_WITHIN_SECONDS).contains(seconds))
                .ok_or_else(|| {
                    let message = format!("must be 1 to {MAX_WITHIN_SECONDS}");
                    source.error(place, "revocation_within_seconds", message)
                })?,
        };
        let silent = Self {
            default: Mode::default(),
            within_seconds,
        };
        let default = silent.of(source, raw.mode.as_ref())?;
        Ok(Self { default, ..silent })
    }

    /// What holds where this is written, or nothing.
    pub(super) fn of(
        self,
        source: Source<'_>,
        written: Option<&Spanned<&str>>,
    ) -> Result<Mode, PolicyError> {
        let Some(place) = written else {
            return Ok(self.default);
        };
        let name = *place.get_ref();
        Mode::named(name, self.within_seconds).ok_or_else(|| {
            let hint = meant(name)
                .map_or_else(String::new, |meant| format!("; did you mean \"{meant}\"?"));
            let message = format!("\"{name}\" is none of {}{hint}", Mode::NAMES.join(", "));
            source.error(place, "revocation", message)
        })
    }
}

/// The mode that is spelt most alike.
fn meant(name: &str) -> Option<&'static str> {
    nearest(&name.to_ascii_lowercase(), Mode::NAMES.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        for (written, expected) in [
            ("strct", Some("strict")),
            ("Strict", Some("strict")),
            ("bound", Some("bounded")),
            ("bouned", Some("bounded")),
            ("eventually", Some("eventual")),
            ("never", None),
            ("", None),
        ] {
            assert_eq!(meant(written), expected, "{written}");
        }
    }
}
