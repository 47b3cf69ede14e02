//! How a rule's requests are handled once it is known who may pass: whose pages may send them, who may read the answers,
//! what caches keep, where a person is led, and what the app is told besides.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use toml::Spanned;

use super::PolicyError;
use super::document::{Placed, Section, Source, boolean, each_string, integer, string, strings};
use super::tables;
use crate::gate::cors::Cors;
use crate::origin::is_serialised;
use crate::return_to;

/// The longest `max_age_seconds` of `cors`: a day. Because no browser remembers a preflight for longer.
const MAX_PREFLIGHT_AGE_SECONDS: i64 = 86_400;

/// How long browsers remember a preflight unless the policy says otherwise. Because a change of the policy shall be felt
/// soon, and one question in ten minutes costs nothing.
const PREFLIGHT_AGE_SECONDS: i64 = 600;

/// What a script may set unless the policy says otherwise: the type of a JSON body, and the CSRF token.
const HEADERS: &str = "Content-Type, X-CSRF-Token";

/// The handling of a rule's requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::gate) struct Manner {
    /// The origin of the page is not looked at.
    pub(in crate::gate) takes_any_origin: bool,
    /// Who may read the answers; `None` leaves that to the app.
    pub(in crate::gate) cors: Option<Arc<Cors>>,
    /// What the app says to caches stands, although the answers are for one person.
    pub(in crate::gate) app_says_cache: bool,
    /// Where a person is led who lacks the role.
    pub(in crate::gate) redirect: Option<String>,
    /// The assertion names method and path.
    pub(in crate::gate) binds_request: bool,
    /// What changes something with somebody's cookie must bring the CSRF token.
    pub(in crate::gate) demands_csrf_token: bool,
}

#[derive(Default)]
pub(super) struct RawManner<'d> {
    check_origin: Option<Spanned<bool>>,
    cors: Option<RawCors<'d>>,
    cache: Option<Spanned<&'d str>>,
    redirect: Option<Spanned<&'d str>>,
    bind: Option<Spanned<&'d str>>,
    csrf: Option<bool>,
}

/// `cors`, of a route or of the gate.
pub(super) struct RawCors<'d> {
    origins: Spanned<Vec<Spanned<&'d str>>>,
    headers: Option<Spanned<Vec<&'d str>>>,
    expose: Option<Spanned<Vec<&'d str>>>,
    max_age_seconds: Option<Spanned<i64>>,
    credentials: Option<bool>,
}

impl<'d> RawManner<'d> {
    #[cold]
    pub(super) fn read<'t>(section: &Section<'d, 't>) -> Result<Self, PolicyError> {
        let placed = |source: Source<'t>, value: Placed<'d, 't>| {
            boolean(source, value).map(|answer| Spanned::new(value.span(), answer))
        };
        Ok(Self {
            check_origin: section.optional("check_origin", placed)?,
            cors: section.optional("cors", RawCors::read)?,
            cache: section.optional("cache", string)?,
            redirect: section.optional("redirect", string)?,
            bind: section.optional("bind", string)?,
            csrf: section.optional("csrf", boolean)?,
        })
    }

    /// Asks whether it makes sense. `of_the_gate` is the word about cross-origin reading where the route has none.
    #[cold]
    pub(super) fn settle(
        self,
        source: Source<'_>,
        is_public: bool,
        of_the_gate: Option<&Arc<Cors>>,
    ) -> Result<Manner, PolicyError> {
        let takes_any_origin = self
            .check_origin
            .as_ref()
            .is_some_and(|check| !check.get_ref());
        if let Some(check) = self
            .check_origin
            .as_ref()
            .filter(|_| takes_any_origin && !is_public)
        {
            let message =
                "only for a public route: whoever is signed in would act for every page that asks";
            return Err(source.error(check, "check_origin", message));
        }
        let says = |key: &str, value: Option<Spanned<&str>>, only: &str| match value {
            None => Ok(false),
            Some(value) if is_public => {
                Err(source.error(&value, key, "has no meaning on a public route"))
            }
            Some(value) if *value.get_ref() == only => Ok(true),
            Some(value) => {
                let message = format!("\"{}\" is not \"{only}\"", value.get_ref());
                Err(source.error(&value, key, message))
            }
        };
        let cors = match self.cors {
            Some(raw) => Some(Arc::new(raw.settle(source)?)),
            None => of_the_gate.cloned(),
        };
        Ok(Manner {
            takes_any_origin,
            // An empty list closes what the gate's own word opens; there is nothing to say then, but nothing of the app's either.
            cors,
            app_says_cache: says("cache", self.cache, "app")?,
            redirect: page(source, "redirect", self.redirect)?,
            binds_request: says("bind", self.bind, "request")?,
            demands_csrf_token: self.csrf.unwrap_or(false),
        })
    }
}

impl<'d> RawCors<'d> {
    pub(super) fn read<'t>(source: Source<'t>, value: Placed<'d, 't>) -> Result<Self, PolicyError> {
        let section = Section::of(source, value, tables::CORS)?;
        let origins = |source: Source<'t>, list: Placed<'d, 't>| {
            let origins = each_string(source, list)?;
            Ok(Spanned::new(list.span(), origins))
        };
        Ok(Self {
            origins: section.required("origins", origins)?,
            headers: section.optional("headers", strings)?,
            expose: section.optional("expose", strings)?,
            max_age_seconds: section.optional("max_age_seconds", integer)?,
            credentials: section.optional("credentials", boolean)?,
        })
    }

    #[cold]
    pub(super) fn settle(self, source: Source<'_>) -> Result<Cors, PolicyError> {
        let max_age_seconds = match self.max_age_seconds {
            None => PREFLIGHT_AGE_SECONDS,
            Some(age) if (0..=MAX_PREFLIGHT_AGE_SECONDS).contains(age.get_ref()) => *age.get_ref(),
            Some(age) => {
                return Err(source.error(&age, "max_age_seconds", "must lie between 0 and a day"));
            }
        };
        let names = |key: &str, list: Option<Spanned<Vec<&str>>>, unless: &str| match list {
            None => Ok(unless.to_owned()),
            Some(list) => match list.get_ref().iter().find(|name| !is_header_name(name)) {
                Some(odd) => {
                    let message =
                        format!("\"{odd}\" is not the name of a header; there is no \"*\"");
                    Err(source.error(&list, key, message))
                }
                None => Ok(list.get_ref().join(", ")),
            },
        };
        Ok(Cors {
            origins: origins(source, "origins", self.origins.into_inner())?,
            headers: names("headers", self.headers, HEADERS)?,
            expose: names("expose", self.expose, "")?,
            max_age_seconds: u32::try_from(max_age_seconds).unwrap_or(0),
            credentials: self.credentials.unwrap_or(false),
        })
    }
}

/// A list of exact origins.
#[cold]
pub(super) fn origins(
    source: Source<'_>,
    key: &str,
    list: Vec<Spanned<&str>>,
) -> Result<Vec<String>, PolicyError> {
    list.into_iter()
        .map(|origin| {
            if is_serialised(origin.get_ref()) {
                return Ok((*origin.get_ref()).to_owned());
            }
            let message = format!(
                "\"{}\" is not an exact origin as browsers write it, like \"https://app.example.com\"; there are no \
                 wildcards",
                origin.get_ref()
            );
            Err(source.error(&origin, key, message))
        })
        .collect()
}

/// A page of this site that people are led to.
#[cold]
pub(super) fn page(
    source: Source<'_>,
    key: &str,
    value: Option<Spanned<&str>>,
) -> Result<Option<String>, PolicyError> {
    let Some(value) = value else { return Ok(None) };
    let path = value.get_ref();
    // To be led to the question for the password is one thing, to be led back to it another.
    let is_place =
        *path == return_to::STEP_UP_PAGE || return_to::sanitise(path).as_deref() == Some(*path);
    if path.contains(['?', '#']) || !is_place {
        let why =
            "must be a path of this site in its canonical form, and not a page of the sign-in";
        return Err(source.error(&value, key, format!("\"{path}\" {why}")));
    }
    Ok(Some((*path).to_owned()))
}

/// RFC 9110, section 5.1.
fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
