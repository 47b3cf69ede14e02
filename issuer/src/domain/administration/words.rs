//! What somebody looks for, as ranges of texts: no pattern of a database is made of it, so no letter has a meaning.

use unicode_normalization::UnicodeNormalization;

use crate::domain::accounts::EMAIL_MAX_BYTES;

/// Nothing longer is the beginning of an address, and two names with a blank between are shorter.
pub const WORDS_MAX_CHARS: usize = EMAIL_MAX_BYTES;

/// Stands behind every text that begins with a prefix: the last code point, which no text contains.
const END: char = '\u{10ffff}';

/// The text cannot be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("query must have at most {WORDS_MAX_CHARS} characters and no control characters")]
pub struct UnfitWords;

/// Every text from the first to the second begins alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    /// The beginning.
    pub from: String,
    /// What stands behind all that begin so.
    pub to: String,
}

impl Prefix {
    fn of(text: String) -> Self {
        let mut to = text.clone();
        to.push(END);
        Self { from: text, to }
    }
}

/// The beginning of an address, of a first name and what follows, or of a last name.
///
/// The database compares names with the letters A to Z in lower case, which SQLite and PostgreSQL do alike under every
/// setting. Of other letters it knows one spelling; so a name is looked for as it was typed, and as a name is mostly
/// written, with its first letter in upper case.
#[derive(Clone, PartialEq, Eq)]
pub struct Words {
    /// Of addresses.
    pub email: Prefix,
    /// Of names.
    pub names: [Prefix; 2],
}

impl Words {
    /// Takes what was typed; `None` when there is nothing in it.
    ///
    /// # Errors
    /// [`UnfitWords`].
    pub fn parse(typed: &str) -> Result<Option<Self>, UnfitWords> {
        let typed = typed.trim();
        if typed.len() > WORDS_MAX_CHARS * 4 || typed.chars().any(char::is_control) {
            return Err(UnfitWords);
        }
        let typed: String = typed.nfc().collect();
        if typed.chars().count() > WORDS_MAX_CHARS {
            return Err(UnfitWords);
        }
        if typed.is_empty() {
            return Ok(None);
        }
        let mut rest = typed.chars();
        let first = rest.next().into_iter().flat_map(char::to_uppercase);
        let as_a_name: String = first.chain(rest.flat_map(char::to_lowercase)).collect();
        Ok(Some(Self {
            email: Prefix::of(typed.to_ascii_lowercase()),
            names: [
                Prefix::of(typed.to_ascii_lowercase()),
                Prefix::of(as_a_name.to_ascii_lowercase()),
            ],
        }))
    }
}

// What is looked for is somebody's name.
impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Words(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_becomes_two_spellings() {
        for (typed, spellings) in [
            ("Ada", Some(["ada", "ada"])),
            ("  ada love ", Some(["ada love", "ada love"])),
            ("özil", Some(["özil", "Özil"])),
            ("ÖZIL", Some(["Özil", "Özil"])),
            ("MÜLLER", Some(["mÜller", "müller"])),
            ("Zoe\u{308}", Some(["zoë", "zoë"])),
            ("100%_\\'--", Some(["100%_\\'--", "100%_\\'--"])),
            ("", None),
            (" \t", None),
        ] {
            let words = Words::parse(typed).unwrap();
            let found = words.as_ref().map(|words| {
                let [one, two] = &words.names;
                [one.from.as_str(), two.from.as_str()]
            });
            assert_eq!(found, spellings, "{typed:?}");
        }
    }

    #[test]
    fn what_no_database_takes_is_refused() {
        let long = "a".repeat(255);
        let longer = "\u{fdfa}".repeat(1000);
        for typed in ["a\0b", "a\nb", &long, &longer] {
            assert_eq!(Words::parse(typed), Err(UnfitWords));
        }
        let just = "ö".repeat(254);
        assert!(Words::parse(&just).unwrap().is_some());
    }
}
