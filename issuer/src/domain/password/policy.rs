//! Which new passwords are acceptable. Existing ones are not judged again.

use std::fmt;

use super::{PASSWORD_MAX_CHARS, Password, frequent};
use crate::config;

/// A kind of character, by its name and how it is told.
type Class = (&'static str, fn(char) -> bool);

const CLASSES: [Class; 4] = [
    ("an upper-case letter", char::is_uppercase),
    ("a lower-case letter", char::is_lowercase),
    ("a digit", char::is_numeric),
    ("a special character", |c| !c.is_alphanumeric()),
];

/// What a new password lacks. The text is for the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeakPassword {
    lacks: Vec<String>,
    frequent: bool,
}

impl fmt::Display for WeakPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.frequent {
            return f.write_str(
                "The password is one that is guessed first: a frequent word, a row of the keyboard, a repetition or your own name.",
            );
        }
        write!(f, "The password needs {}.", listed(&self.lacks))
    }
}

impl std::error::Error for WeakPassword {}

/// The parts as a sentence lists them.
fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
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
    pub fn told(&self) -> String {
        let mut wanted = vec![format!("at least {} characters", self.min_length)];
        if self.require_classes {
            wanted.extend(CLASSES.map(|(name, _)| name.to_owned()));
        }
        format!("It needs {}.", listed(&wanted))
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
            lacks.push(format!("at least {} characters", self.min_length));
        }
        if password.too_long {
            lacks.push(format!("at most {PASSWORD_MAX_CHARS} characters"));
        }
        if self.require_classes {
            let missing = CLASSES.iter().filter(|(_, is)| !text.chars().any(is));
            lacks.extend(missing.map(|(name, _)| (*name).to_owned()));
        }
        let frequent = lacks.is_empty() && self.refuse_frequent && frequent::is_frequent(text, own);
        if lacks.is_empty() && !frequent {
            Ok(())
        } else {
            Err(WeakPassword { lacks, frequent })
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
            .told()
        };
        assert_eq!(
            told(true),
            "It needs at least 12 characters, an upper-case letter, a lower-case letter, a digit and a special character."
        );
        assert_eq!(told(false), "It needs at least 12 characters.");
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
