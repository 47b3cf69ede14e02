//! Which new passwords are acceptable. Existing ones are not judged again.

use std::fmt;

use super::{PASSWORD_MAX_CHARS, Password, frequent};
use crate::config;

/// A kind of character, and how it is told.
type Class = (Wanted, fn(char) -> bool);

const CLASSES: [Class; 4] = [
    (Wanted::UpperCase, char::is_uppercase),
    (Wanted::LowerCase, char::is_lowercase),
    (Wanted::Digit, char::is_numeric),
    (Wanted::Special, |c| !c.is_alphanumeric()),
];

/// Something that a new password must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// So many characters.
    AtLeast(usize),
    /// No more than so many characters.
    AtMost(usize),
    /// An upper-case letter.
    UpperCase,
    /// A lower-case letter.
    LowerCase,
    /// A digit.
    Digit,
    /// Something that is neither letter nor digit.
    Special,
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(count) => write!(f, "at least {count} characters"),
            Self::AtMost(count) => write!(f, "at most {count} characters"),
            Self::UpperCase => f.write_str("an upper-case letter"),
            Self::LowerCase => f.write_str("a lower-case letter"),
            Self::Digit => f.write_str("a digit"),
            Self::Special => f.write_str("a special character"),
        }
    }
}

/// Why a new password is not acceptable. The text is for programs; pages say it in the language of the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WeakPassword {
    /// It lacks these.
    Lacks(Vec<Wanted>),
    /// It is one that is guessed first.
    Frequent,
}

impl fmt::Display for WeakPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frequent => f.write_str(
                "The password is one that is guessed first: a frequent word, a row of the keyboard, a repetition or your own name.",
            ),
            Self::Lacks(lacks) => write!(f, "The password needs {}.", listed(lacks)),
        }
    }
}

impl std::error::Error for WeakPassword {}

/// The parts as a sentence lists them.
fn listed(parts: &[Wanted]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.to_string(),
        [most @ .., last] => {
            let most: Vec<String> = most.iter().map(Wanted::to_string).collect();
            format!("{} and {last}", most.join(", "))
        }
    }
}

/// What a new password must be. Existing ones are not judged again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    min_length: usize,
    require_classes: bool,
    refuse_frequent: bool,
}

impl Policy {
    /// The configured policy.
    #[must_use]
    pub const fn new(settings: &config::Passwords) -> Self {
        Self {
            min_length: settings.min_length,
            require_classes: settings.require_classes,
            refuse_frequent: settings.refuse_frequent,
        }
    }

    /// What is asked of a new password, for the person who thinks one up.
    #[must_use]
    pub fn wanted(&self) -> Vec<Wanted> {
        let mut wanted = vec![Wanted::AtLeast(self.min_length)];
        if self.require_classes {
            wanted.extend(CLASSES.map(|(class, _)| class));
        }
        wanted
    }

    /// Judges a new password. Every character counts as one, whatever its length in bytes; everything that is neither
    /// a letter nor a digit is special, a blank too. `own` are words of the person, as the name in the address.
    ///
    /// # Errors
    /// [`WeakPassword`] with all that is lacking.
    pub fn judge(&self, password: &Password, own: &[&str]) -> Result<(), WeakPassword> {
        let text: &str = &password.text;
        let mut lacks = Vec::new();
        if text.chars().count() < self.min_length {
            lacks.push(Wanted::AtLeast(self.min_length));
        }
        if password.too_long {
            lacks.push(Wanted::AtMost(PASSWORD_MAX_CHARS));
        }
        if self.require_classes {
            let missing = CLASSES.iter().filter(|(_, is)| !text.chars().any(is));
            lacks.extend(missing.map(|(class, _)| *class));
        }
        if !lacks.is_empty() {
            Err(WeakPassword::Lacks(lacks))
        } else if self.refuse_frequent && frequent::is_frequent(text, own) {
            Err(WeakPassword::Frequent)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(min_length: usize, require_classes: bool, typed: &str) -> Result<(), String> {
        let policy = Policy {
            min_length,
            require_classes,
            refuse_frequent: false,
        };
        policy
            .judge(&Password::from_typed(typed), &[])
            .map_err(|weak| weak.to_string())
    }

    #[test]
    fn the_policy_says_what_is_lacking() {
        let long = "aA1!".repeat(64);
        let too_long = format!("{long}x");
        let classes = "an upper-case letter, a lower-case letter, a digit and a special character";
        for (typed, expected) in [
            ("Correct-Horse-7", Ok(())),
            ("Correct Horse 7", Ok(())),
            ("Ünïcödé-Straße-7", Ok(())),
            (long.as_str(), Ok(())),
            ("Short-1a", Err("at least 12 characters".to_owned())),
            ("correct-horse-7", Err("an upper-case letter".to_owned())),
            ("CORRECT-HORSE-7", Err("a lower-case letter".to_owned())),
            ("Correct-Horse-", Err("a digit".to_owned())),
            ("CorrectHorse77", Err("a special character".to_owned())),
            (too_long.as_str(), Err("at most 256 characters".to_owned())),
            ("", Err(format!("at least 12 characters, {classes}"))),
        ] {
            let expected = expected.map_err(|lacks| format!("The password needs {lacks}."));
            assert_eq!(judge(12, true, typed), expected, "{typed:?}");
        }
    }

    #[test]
    fn the_policy_is_told_before_it_is_broken() {
        let told = |require_classes| {
            Policy {
                min_length: 12,
                require_classes,
                refuse_frequent: true,
            }
            .wanted()
        };
        assert_eq!(
            listed(&told(true)),
            "at least 12 characters, an upper-case letter, a lower-case letter, a digit and a special character"
        );
        assert_eq!(told(false), [Wanted::AtLeast(12)]);
    }

    #[test]
    fn what_is_guessed_first_is_refused_in_both_modes() {
        let strict = |require_classes| Policy {
            min_length: 12,
            require_classes,
            refuse_frequent: true,
        };
        for (require_classes, typed, own) in [
            (true, "Password2024!", ""),
            (true, "Ada.Lovelace-1", "ada.lovelace"),
            (false, "passwordpassword", ""),
            (false, "123456789012345", ""),
        ] {
            let password = Password::from_typed(typed);
            let weak = strict(require_classes).judge(&password, &[own]);
            let said = weak.unwrap_err().to_string();
            assert!(said.contains("guessed first"), "{typed}: {said}");
        }
        let lenient = Policy {
            min_length: 8,
            require_classes: false,
            refuse_frequent: false,
        };
        let password = Password::from_typed("password");
        assert_eq!(lenient.judge(&password, &[]), Ok(()));
    }

    #[test]
    fn length_alone_can_be_the_policy() {
        assert_eq!(judge(15, false, "correct horse battery"), Ok(()));
        assert!(judge(15, false, "correct horse").is_err());
        // Eleven characters of three bytes each are eleven characters.
        assert!(judge(12, false, &"語".repeat(11)).is_err());
        assert_eq!(judge(12, false, &"語".repeat(12)), Ok(()));
    }
}
