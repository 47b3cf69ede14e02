//! Challenges that keep machines out: when a request must bring the token of one, and what a page needs to show one.
//!
//! Whether a sign-in must is decided by counters that names with and without an account have alike, before anything is
//! looked up or compared.

use super::{auth::submission::FormFields, pages::Loads, problem::ApiError};
use crate::{
    App,
    captcha::Purpose,
    config::CaptchaProvider,
    domain::{
        lockout::{Counter, DeviceDigest},
        session::AddressRange,
        storage::{Storage, StorageError},
    },
};
use edgeward_core::time::UnixTime;

/// The fields in which forms send a token: ours, and those that the providers' widgets make.
const FORM_FIELDS: [&str; 3] = [
    "captchaToken",
    "cf-turnstile-response",
    "g-recaptcha-response",
];

/// Only on pages that show the widget: what it loads, as its provider documents.
const TURNSTILE: Loads = Loads {
    scripts: "https://challenges.cloudflare.com",
    frames: "https://challenges.cloudflare.com",
    ..Loads::FORM
};
const RECAPTCHA: Loads = Loads {
    scripts: "https://www.google.com/recaptcha/ https://www.gstatic.com/recaptcha/",
    frames: "https://www.google.com/recaptcha/ https://recaptcha.google.com/recaptcha/",
    ..Loads::FORM
};

/// The widget of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The script that fills it.
    pub script: &'static str,
    /// The class by which the script finds it.
    pub class: &'static str,
    /// Whose site it is.
    pub site_key: String,
    /// What it is solved for.
    pub action: &'static str,
    provider: CaptchaProvider,
}

impl Challenge {
    /// The widget for this purpose, where a provider is configured.
    #[must_use]
    pub fn of(app: &App, purpose: Purpose) -> Option<Self> {
        let settings = app.config.captcha.as_ref()?;
        let provider = settings.provider;
        let (script, class) = match provider {
            CaptchaProvider::Turnstile => (
                "https://challenges.cloudflare.com/turnstile/v0/api.js",
                "cf-turnstile",
            ),
            CaptchaProvider::Recaptcha => {
                ("https://www.google.com/recaptcha/api.js", "g-recaptcha")
            }
        };
        Some(Self {
            script,
            class,
            site_key: settings.site_key.clone(),
            action: purpose.action(),
            provider,
        })
    }

    /// The widget for a sign-in that was refused, if the next one may have to solve a challenge. What was answered decides
    /// it, so it says no more than the answer.
    #[must_use]
    pub fn after(app: &App, error: &ApiError) -> Option<Self> {
        let settings = app.config.captcha.as_ref()?;
        let is_next = if let ApiError::InvalidCredentials {
            attempts_left: Some(left),
        } = error
        {
            app.config.lockout.failures.saturating_sub(*left) >= settings.name_failures
        } else {
            matches!(error, ApiError::CaptchaRequired | ApiError::CaptchaInvalid)
        };
        is_next.then(|| Self::of(app, Purpose::Login)).flatten()
    }

    /// What a page with this widget loads.
    #[must_use]
    pub const fn loads(&self) -> Loads {
        match self.provider {
            CaptchaProvider::Turnstile => TURNSTILE,
            CaptchaProvider::Recaptcha => RECAPTCHA,
        }
    }
}

/// The token among the fields of a form; empty where there is none.
#[must_use]
pub fn token_of(form: &FormFields) -> String {
    let mut tokens = FORM_FIELDS.iter().map(|name| form.get(name));
    tokens.find(|token| !token.is_empty()).unwrap_or_default()
}

/// Demands that a challenge was solved, where a provider is configured.
///
/// # Errors
/// [`ApiError::CaptchaRequired`], [`ApiError::CaptchaInvalid`], or busy while the provider does not answer.
pub async fn demand(app: &App, purpose: Purpose, token: &str) -> Result<(), ApiError> {
    match &app.captcha {
        Some(captcha) => Ok(captcha.check(token, purpose).await?),
        None => Ok(()),
    }
}

/// The counters of a sign-in.
#[derive(Debug, Clone, Copy)]
pub struct Tried<'a> {
    /// As it was typed.
    pub name: &'a str,
    /// Where failures are counted by address.
    pub range: Option<&'a AddressRange>,
    /// A device that is known to the account has its own counter and no other.
    pub known_device: Option<DeviceDigest>,
    /// The moment.
    pub now: UnixTime,
}

/// Demands it of a sign-in after as many failures as are configured.
///
/// # Errors
/// As [`demand`], or a failure of the database.
pub async fn demand_after_failures(
    app: &App,
    tried: Tried<'_>,
    token: &str,
) -> Result<(), ApiError> {
    let Some(settings) = &app.config.captcha else {
        return Ok(());
    };
    let key = &app.lockout_key;
    let (own, range) = match tried.known_device {
        Some(device) => (key.of_device(tried.name, &device), None),
        None => (
            key.of_name(tried.name),
            tried.range.map(|range| key.of_range(range)),
        ),
    };
    let failures = async |key| -> Result<u32, StorageError> {
        let stored = app.store.counter(&key).await?;
        Ok(Counter::failures(stored.as_ref(), tried.now))
    };
    let mut is_demanded = failures(own).await? >= settings.name_failures;
    if let Some(range) = range {
        is_demanded |= failures(range).await? >= settings.address_failures;
    }
    if is_demanded {
        demand(app, Purpose::Login, token).await
    } else {
        Ok(())
    }
}
