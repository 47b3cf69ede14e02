//! What a policy says about ended sessions: `revocation`, for all rules and for one.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use toml::Spanned;

use super::PolicyError;
use super::document::Source;
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
            let hint = nearest(name).map_or_else(String::new, |nearest| {
                format!("; did you mean \"{nearest}\"?")
            });
            let message = format!("\"{name}\" is none of {}{hint}", Mode::NAMES.join(", "));
            source.error(place, "revocation", message)
        })
    }
}

/// The mode that is spelt most alike, if at most a third of its letters differ.
fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    Mode::NAMES
        .into_iter()
        .map(|known| (letters_apart(&name, known), known))
        .min()
        .filter(|(apart, known)| *apart * 3 <= known.len())
        .map(|(_, known)| known)
}

/// How many letters must be put in, taken out or replaced to make one of the other.
fn letters_apart(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.bytes().enumerate() {
        let mut next = [above + 1].to_vec();
        for ((wanted, costs), left) in other.bytes().zip(row.windows(2)).zip(0..) {
            let (replaced, put_in): (usize, usize) = match costs {
                [diagonal, up] => (*diagonal + usize::from(letter != wanted), *up + 1),
                _ => continue,
            };
            let before: usize = next.get::<usize>(left).copied().unwrap_or(usize::MAX - 1);
            next.push(replaced.min(put_in).min(before + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        for (written, meant) in [
            ("strct", Some("strict")),
            ("Strict", Some("strict")),
            ("bound", Some("bounded")),
            ("bouned", Some("bounded")),
            ("eventually", Some("eventual")),
            ("never", None),
            ("", None),
        ] {
            assert_eq!(nearest(written), meant, "{written}");
        }
    }
}
