//! What every page has whatever is on it: a language, a brand, and the ways to itself in other languages.

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Method, Uri, request::Parts},
};
use edgeward_core::{
    cookie::{SameSite, SetCookie},
    return_to,
};
use fluent_templates::fluent_bundle::FluentValue;

use super::{brand::Brand, escaped};
use crate::{
    App, SharedApp,
    config::Config,
    domain::{
        language::Language,
        password::{Policy, Wanted},
    },
    http::languages::{self, COOKIE, UI_LOCALES},
    texts,
};

/// As long as browsers keep a cookie at all (RFC 6265bis, section 5.5).
const LANGUAGE_SECONDS: u64 = 400 * 24 * 3600;

/// What every page has. Templates call it `frame`.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The language that it is written in.
    pub language: Language,
    /// Whose page it is.
    pub brand: Arc<Brand>,
    /// The same page in other languages; none of a page that answers a form, which cannot be asked for again.
    pub other_languages: Vec<(Language, String)>,
    /// The path and the query, where it can be asked for again.
    pub here: Option<String>,
    /// The path alone, where a form is sent again that was sent there.
    pub path: String,
    chosen: Option<SetCookie>,
}

impl FromRequestParts<SharedApp> for Frame {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, Infallible> {
        Ok(Self::of(app, &parts.method, &parts.uri, &parts.headers))
    }
}

impl Frame {
    /// The frame of the answer to a request.
    #[must_use]
    pub fn of(app: &App, method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        let asked = uri.query().and_then(languages::asked);
        let can_be_asked_again = matches!(*method, Method::GET | Method::HEAD);
        let language = languages::of_request(uri, headers).unwrap_or(app.config.pages.language);
        let others = Language::ALL
            .into_iter()
            .filter(|other| can_be_asked_again && *other != language);
        Self {
            language,
            brand: Arc::clone(&app.brand),
            other_languages: others
                // An address that begins with `//` would name another host.
                .filter(|_| !uri.path().starts_with("//"))
                .map(|other| (other, in_language(uri, other)))
                .collect(),
            here: can_be_asked_again.then(|| {
                uri.path_and_query()
                    .map_or_else(|| uri.path().to_owned(), ToString::to_string)
            }),
            path: uri.path().to_owned(),
            chosen: asked.map(|language| cookie(&app.config, language)),
        }
    }

    /// The frame of a page that is shown in the place of somebody else's.
    #[must_use]
    pub fn alone(app: &App, wanted: Option<Language>) -> Self {
        Self {
            language: wanted.unwrap_or(app.config.pages.language),
            brand: Arc::clone(&app.brand),
            other_languages: Vec::new(),
            here: None,
            path: String::new(),
            chosen: None,
        }
    }

    /// The text of an id.
    #[must_use]
    pub fn text(&self, id: &str) -> String {
        texts::text(self.language, id)
    }

    /// The same with a value in it.
    #[must_use]
    pub fn text_with<'a>(
        &self,
        id: &str,
        name: &'static str,
        value: impl Into<FluentValue<'a>>,
    ) -> String {
        texts::text_with(self.language, id, [(name, value.into())])
    }

    /// The cookie that remembers a choice, where one was just made.
    #[must_use]
    pub fn chosen_language(&self) -> Option<SetCookie> {
        self.chosen.clone()
    }

    /// What a password must be, as a hint below its field.
    #[must_use]
    pub fn password_hint(&self, policy: &Policy) -> String {
        let wanted = self.wanted(&policy.wanted());
        self.text_with("password-hint", "wanted", wanted)
    }

    /// Several demands as a part of a sentence.
    #[must_use]
    pub fn wanted(&self, wanted: &[Wanted]) -> String {
        let parts: Vec<String> = wanted.iter().map(|one| self.demand(*one)).collect();
        match parts.as_slice() {
            [] => String::new(),
            [one] => one.clone(),
            [most @ .., last] => texts::text_with(
                self.language,
                "list-and",
                [
                    ("first", most.join(", ").into()),
                    ("last", last.as_str().into()),
                ],
            ),
        }
    }

    fn demand(&self, wanted: Wanted) -> String {
        match wanted {
            Wanted::AtLeast(count) => self.text_with("wanted-at-least", "count", count),
            Wanted::AtMost(count) => self.text_with("wanted-at-most", "count", count),
            Wanted::UpperCase => self.text("wanted-upper-case"),
            Wanted::LowerCase => self.text("wanted-lower-case"),
            Wanted::Digit => self.text("wanted-digit"),
            Wanted::Special => self.text("wanted-special"),
        }
    }
}

/// The address of a page with a wish for a language instead of the one it has.
fn in_language(uri: &Uri, language: Language) -> String {
    let kept = uri.query().unwrap_or_default().split('&');
    let kept = kept.filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        let is_ours = [UI_LOCALES, return_to::PARAMETER, return_to::PARAMETER_ALIAS];
        !name.is_empty() && !is_ours.contains(&name)
    });
    // The place that the page leads to, and no other that somebody wrote there.
    let place = return_to::from_query(uri.query().unwrap_or_default())
        .map(|place| format!("{}={}", return_to::PARAMETER, escaped(&place)));
    let wish = format!("{UI_LOCALES}={}", language.tag());
    let query: Vec<&str> = kept
        .chain(place.as_deref())
        .chain([wish.as_str()])
        .collect();
    format!("{}?{}", uri.path(), query.join("&"))
}

fn cookie(config: &Config, language: Language) -> SetCookie {
    SetCookie::for_environment(config.environment, COOKIE, language.tag())
        .same_site(SameSite::Lax)
        .max_age(LANGUAGE_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_knows_the_way_to_itself_in_another_language() {
        for (here, there) in [
            ("/login", "/login?ui_locales=de"),
            ("/login?returnTo=/app", "/login?returnTo=/app&ui_locales=de"),
            ("/login?ui_locales=en&a=b", "/login?a=b&ui_locales=de"),
            (
                "/login?a=b&callbackUrl=/app",
                "/login?a=b&returnTo=/app&ui_locales=de",
            ),
            (
                "/login?returnTo=%2F%2Fevil.example&a=b",
                "/login?a=b&ui_locales=de",
            ),
        ] {
            assert_eq!(in_language(&here.parse().unwrap(), Language::German), there);
        }
    }
}
