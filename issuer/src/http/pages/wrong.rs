//! What a person reads about a refusal, and which fields of a form it is about.

use super::frame::Frame;
use crate::{
    domain::{
        accounts::{NAME_MAX_CHARS, ROLE_MAX_BYTES, UnfitField},
        password::WeakPassword,
    },
    http::problem::ApiError,
    texts,
};

/// Said from the third failure on: before, it would only frighten who mistyped.
const ATTEMPTS_TOLD: u32 = 2;

/// Why a form is shown again.
#[derive(Debug, Clone)]
pub struct Wrong {
    /// What a person reads.
    pub text: String,
    fields: Vec<&'static str>,
}

impl Wrong {
    /// A text about some fields, or about none.
    #[must_use]
    pub fn about(fields: &[&'static str], text: String) -> Self {
        Self {
            text,
            fields: fields.to_vec(),
        }
    }

    /// Whether what was typed into this field is the reason.
    #[must_use]
    pub fn is_about(&self, field: &str) -> bool {
        self.fields.contains(&field)
    }

    /// Whether the text is to be read with this field: it is the reason, or no field in particular is.
    #[must_use]
    pub fn describes(&self, field: &str) -> bool {
        self.fields.is_empty() || self.is_about(field)
    }
}

impl Frame {
    /// Why a form is shown again.
    #[must_use]
    pub fn wrong(&self, error: &ApiError) -> Wrong {
        Wrong::about(&fields(error), self.sentence(error))
    }

    /// Why a form is shown again that asks a known person for a password, in this field: no address was typed, and no sign-in is
    /// locked by it. `text` says that it is another.
    #[must_use]
    pub fn wrong_password(&self, field: &'static str, text: &str, error: &ApiError) -> Wrong {
        let said = if let ApiError::AccountLocked {
            retry_after_seconds,
        } = error
        {
            let locked = self.text("wrong-password-locked");
            format!("{locked} {}", self.wait(*retry_after_seconds))
        } else if let ApiError::InvalidCredentials { attempts_left } = error {
            let was_last = *attempts_left == Some(0);
            self.text(if was_last {
                "wrong-password-wait"
            } else {
                text
            })
        } else {
            return self.wrong(error);
        };
        Wrong::about(&[field], said)
    }

    /// What a person reads about a refusal: what is wrong with their input where that is known, else what its code means.
    #[must_use]
    pub fn sentence(&self, error: &ApiError) -> String {
        if let ApiError::Unfit(unfit) = error {
            return self.unfit(*unfit);
        }
        if let ApiError::WeakPassword(weak) = error {
            return self.weak(weak);
        }
        if matches!(error, ApiError::PasswordUnchanged) {
            return self.text("wrong-password-unchanged");
        }
        if matches!(error, ApiError::PasswordNeeded) {
            return self.text("wrong-password-needed");
        }
        let mut said = self.code(error.code().code());
        if let ApiError::InvalidCredentials {
            attempts_left: Some(left @ 0..=ATTEMPTS_TOLD),
        } = error
        {
            said.push(' ');
            said.push_str(&self.text_with("attempts-left", "count", *left));
        }
        if let ApiError::AccountLocked {
            retry_after_seconds,
        }
        | ApiError::RateLimited {
            retry_after_seconds,
        } = error
        {
            said.push(' ');
            said.push_str(&self.wait(*retry_after_seconds));
        }
        said
    }

    /// What a public code means to a person.
    #[must_use]
    pub fn code(&self, code: &str) -> String {
        let id = format!("error-{}", code.to_ascii_lowercase().replace('_', "-"));
        texts::text(self.language, &id)
    }

    /// In words, rounded up: who comes back then is let in.
    fn wait(&self, seconds: u64) -> String {
        if seconds < 100 {
            self.text_with("wait-seconds", "count", seconds)
        } else {
            self.text_with("wait-minutes", "count", seconds.div_ceil(60))
        }
    }

    fn unfit(&self, unfit: UnfitField) -> String {
        match unfit {
            UnfitField::Email => self.text("wrong-email"),
            UnfitField::Name(_) => self.text_with("wrong-name", "count", NAME_MAX_CHARS),
            UnfitField::Role => self.text_with("wrong-role", "count", ROLE_MAX_BYTES),
            UnfitField::Roles => self.text("wrong-roles"),
        }
    }

    fn weak(&self, weak: &WeakPassword) -> String {
        match weak {
            WeakPassword::Lacks(lacks) => {
                self.text_with("wrong-password-lacks", "wanted", self.wanted(lacks))
            }
            WeakPassword::Frequent => self.text("wrong-password-frequent"),
        }
    }
}

/// The fields by their names in forms.
fn fields(error: &ApiError) -> Vec<&'static str> {
    if let ApiError::Unfit(unfit) = error {
        match unfit {
            UnfitField::Email => vec!["email"],
            UnfitField::Name(field) => vec![field],
            UnfitField::Role | UnfitField::Roles => vec!["roles"],
        }
    } else if matches!(error, ApiError::InvalidCredentials { .. }) {
        vec!["email", "password"]
    } else if matches!(error, ApiError::EmailTaken) {
        vec!["email"]
    } else if matches!(error, ApiError::WeakPassword(_)) {
        vec!["password", "newPassword"]
    } else if matches!(error, ApiError::PasswordUnchanged) {
        vec!["newPassword"]
    } else if matches!(error, ApiError::PasswordNeeded) {
        vec!["password"]
    } else {
        Vec::new()
    }
}
