//! Asks the provider of a challenge whether a person solved it.
//!
//! What the provider's answer means is decided by [`judge`], without a network. A token is used once; that is kept by the
//! provider, which answers a second use with `timeout-or-duplicate`.

use std::time::Duration;

use serde::Deserialize;

use crate::config::{self, CaptchaProvider, OnOutage};

/// As long as a person waits for a page; the whole request may take 20 seconds, and hashing comes after this.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Turnstile's tokens have at most 2048 characters; those of reCAPTCHA are about as long.
const TOKEN_MAX_BYTES: usize = 2048;

/// An answer has six short members.
const ANSWER_MAX_BYTES: usize = 16 * 1024;

/// What a challenge was solved for. The name is told to the provider and comes back in its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A sign-in.
    Login,
    /// A new account.
    Register,
}

impl Purpose {
    /// The `action` of the widget.
    #[must_use]
    pub const fn action(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Register => "register",
        }
    }
}

/// Why somebody does not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSolved {
    /// No token was sent.
    #[error("a challenge has to be solved")]
    Missing,
    /// The token does not hold: not solved, used before, too old, or solved elsewhere.
    #[error("the challenge was not solved")]
    Invalid,
    /// The provider did not say anything of use.
    #[error("the provider of challenges cannot be asked")]
    Unavailable,
}

/// Asks a provider.
#[derive(Debug)]
pub struct Captcha {
    settings: config::Captcha,
    hostname: String,
    client: reqwest::Client,
}

/// What a provider answers. The rest of its members is of no use here.
#[derive(Debug, Deserialize)]
struct Answer {
    success: bool,
    #[serde(default)]
    hostname: Option<String>,
    #[serde(default)]
    action: Option<String>,
    #[serde(default, rename = "error-codes")]
    error_codes: Vec<String>,
}

impl Captcha {
    /// Prepares to ask. `site` is the issuer's URL: a challenge counts that was solved on its host.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn new(settings: &config::Captcha, site: &str) -> Result<Self, reqwest::Error> {
        Ok(Self {
            settings: settings.clone(),
            hostname: host_of(site).to_owned(),
            client: reqwest::Client::builder()
                // Whoever could redirect could answer for the provider.
                .redirect(reqwest::redirect::Policy::none())
                .timeout(TIMEOUT)
                .build()?,
        })
    }

    /// Passes who solved a challenge for this purpose.
    ///
    /// # Errors
    /// [`NotSolved`].
    pub async fn check(&self, token: &str, purpose: Purpose) -> Result<(), NotSolved> {
        if token.is_empty() {
            return Err(NotSolved::Missing);
        }
        if token.len() > TOKEN_MAX_BYTES {
            return Err(NotSolved::Invalid);
        }
        let judged = match self.ask(token).await {
            Ok(answer) => judge(self.settings.provider, &answer, &self.hostname, purpose),
            Err(error) => {
                tracing::error!(detail = %error.without_url(), "the provider of challenges did not answer");
                Err(NotSolved::Unavailable)
            }
        };
        match (judged, self.settings.on_outage) {
            (Err(NotSolved::Unavailable), OnOutage::Pass) => {
                tracing::warn!("somebody passes without a challenge, as configured for an outage");
                Ok(())
            }
            (judged, OnOutage::Pass | OnOutage::Refuse) => judged,
        }
    }

    /// The address of the client is not told: neither provider needs it.
    async fn ask(&self, token: &str) -> Result<Answer, reqwest::Error> {
        let stand_in = self.settings.verify_url.as_deref();
        let url = stand_in.unwrap_or(verify_url(self.settings.provider));
        let form = [
            ("secret", self.settings.secret.reveal()),
            ("response", token),
        ];
        let response = self.client.post(url).form(&form).send().await?;
        let mut response = response.error_for_status()?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            // What is cut here is no JSON any more.
            let room = ANSWER_MAX_BYTES.saturating_sub(body.len());
            body.extend(chunk.iter().take(room));
            if room < chunk.len() {
                break;
            }
        }
        Ok(serde_json::from_slice(&body).unwrap_or(Answer {
            success: false,
            hostname: None,
            action: None,
            error_codes: vec!["unreadable".to_owned()],
        }))
    }
}

/// Where a provider is asked.
const fn verify_url(provider: CaptchaProvider) -> &'static str {
    match provider {
        CaptchaProvider::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/siteverify",
        CaptchaProvider::Recaptcha => "https://www.google.com/recaptcha/api/siteverify",
    }
}

/// What is the person's doing, and not the operator's or the provider's.
const OF_THE_TOKEN: [&str; 3] = [
    "missing-input-response",
    "invalid-input-response",
    "timeout-or-duplicate",
];

/// Judges an answer. A good one for another site or another purpose is as bad as none: tokens are sold.
fn judge(
    provider: CaptchaProvider,
    answer: &Answer,
    hostname: &str,
    purpose: Purpose,
) -> Result<(), NotSolved> {
    if !answer.success {
        let mut codes = answer.error_codes.iter().map(String::as_str);
        if codes.all(|code| OF_THE_TOKEN.contains(&code)) {
            return Err(NotSolved::Invalid);
        }
        tracing::error!(
            codes = ?answer.error_codes,
            "the provider of challenges refuses the question: look at site key and secret"
        );
        return Err(NotSolved::Unavailable);
    }
    let action = answer.action.as_deref();
    let action_fits = match provider {
        CaptchaProvider::Turnstile => action == Some(purpose.action()),
        // Version 2 knows no actions.
        CaptchaProvider::Recaptcha => action.is_none_or(|action| action == purpose.action()),
    };
    if answer.hostname.as_deref() == Some(hostname) && action_fits {
        Ok(())
    } else {
        tracing::warn!("a challenge was solved for another site or another purpose");
        Err(NotSolved::Invalid)
    }
}

fn host_of(site: &str) -> &str {
    let authority = site.split_once("://").map_or(site, |(_, rest)| rest);
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) | None => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_for_this_site_and_this_purpose() {
        use CaptchaProvider::{Recaptcha, Turnstile};
        let (passes, invalid, unavailable) =
            (Ok(()), Err(NotSolved::Invalid), Err(NotSolved::Unavailable));
        for (provider, text, expected) in [
            (
                Turnstile,
                r#"{"success":true,"hostname":"www.example.com","action":"login","error-codes":[],"cdata":"","challenge_ts":"2026-11-21T00:00:00Z"}"#,
                passes,
            ),
            (
                Turnstile,
                r#"{"success":true,"hostname":"www.example.com","action":"register"}"#,
                invalid,
            ),
            (
                Turnstile,
                r#"{"success":true,"hostname":"www.example.com","action":""}"#,
                invalid,
            ),
            (
                Turnstile,
                r#"{"success":true,"hostname":"www.example.com"}"#,
                invalid,
            ),
            (
                Turnstile,
                r#"{"success":true,"hostname":"evil.example.com","action":"login"}"#,
                invalid,
            ),
            (
                Turnstile,
                r#"{"success":true,"hostname":"example.com","action":"login"}"#,
                invalid,
            ),
            (Turnstile, r#"{"success":true,"action":"login"}"#, invalid),
            (
                Turnstile,
                r#"{"success":false,"error-codes":["timeout-or-duplicate"]}"#,
                invalid,
            ),
            (
                Turnstile,
                r#"{"success":false,"error-codes":["invalid-input-response"]}"#,
                invalid,
            ),
            (Turnstile, r#"{"success":false,"error-codes":[]}"#, invalid),
            (Turnstile, r#"{"success":false}"#, invalid),
            (
                Turnstile,
                r#"{"success":false,"hostname":"www.example.com","action":"login"}"#,
                invalid,
            ),
            (
                Turnstile,
                r#"{"success":false,"error-codes":["invalid-input-secret"]}"#,
                unavailable,
            ),
            (
                Turnstile,
                r#"{"success":false,"error-codes":["internal-error"]}"#,
                unavailable,
            ),
            (
                Turnstile,
                r#"{"success":false,"error-codes":["timeout-or-duplicate","bad-request"]}"#,
                unavailable,
            ),
            (
                Recaptcha,
                r#"{"success":true,"hostname":"www.example.com","challenge_ts":"2026-11-21T00:00:00Z"}"#,
                passes,
            ),
            (
                Recaptcha,
                r#"{"success":true,"hostname":"www.example.com","action":"login","score":0.9}"#,
                passes,
            ),
            (
                Recaptcha,
                r#"{"success":true,"hostname":"www.example.com","action":"register","score":0.9}"#,
                invalid,
            ),
            (
                Recaptcha,
                r#"{"success":true,"hostname":"evil.example"}"#,
                invalid,
            ),
        ] {
            let answer: Answer = serde_json::from_str(text).unwrap();
            let found = judge(provider, &answer, "www.example.com", Purpose::Login);
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn the_host_of_a_site_has_no_port() {
        for (site, host) in [
            ("https://www.example.com", "www.example.com"),
            ("https://www.example.com:8443", "www.example.com"),
            ("http://127.0.0.1:8787", "127.0.0.1"),
            ("http://[::1]:8787", "[::1]"),
            ("http://[::1]", "[::1]"),
        ] {
            assert_eq!(host_of(site), host);
        }
    }
}
