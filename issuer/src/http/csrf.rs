//! The protection of browser requests against forgery: whose page sent it, and does it know the token.
//!
//! Every unsafe request passes `judge_origin` first; a page of another origin is refused whatever else it brings. The
//! token is demanded of every request that carries one of our credentials in a cookie, of every HTML form, and of pages
//! that hide their origin. What is left needs none: a JSON request without our cookies acts for nobody, and a request
//! with `Authorization` carries what no browser sends by itself. And a refresh that an edge proves to have made itself is no page's.

use std::time::Instant;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use edgeward_core::{
    cookie::SetCookie,
    csrf::{self, CSRF_HEADER, CsrfKey, CsrfRefusal},
    origin::{PageOf, Provenance},
};

use super::{auth::visitor::Visitor, cookies, problem::ApiError};
use crate::{App, domain::session};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What the origin of an acceptable request leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Demand {
    /// The token is demanded if the request carries our cookies or is a form.
    AsUsual,
    /// The token is demanded in any case.
    Token,
}

/// Judges `Origin` and `Sec-Fetch-Site` against the origin of the site.
///
/// `Origin: null` is what browsers send for the forms of our own pages, which forbid referrers; it is let through only
/// where the browser says besides that the page was ours, and only with a token.
///
/// # Errors
/// [`ApiError::OriginRefused`].
pub fn judge_origin(headers: &HeaderMap, site: &str) -> Result<Demand, ApiError> {
    let provenance = Provenance {
        origin: single(headers, &header::ORIGIN)?,
        fetch_site: single(headers, &SEC_FETCH_SITE)?,
    };
    match provenance.judge(site, &[]) {
        PageOf::Ours => Ok(Demand::AsUsual),
        PageOf::OursUnnamed => Ok(Demand::Token),
        PageOf::Others => Err(ApiError::OriginRefused),
    }
}

/// A header that browsers send once; anything else is no browser's.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ApiError> {
    let mut values = headers.get_all(name).iter().map(HeaderValue::to_str);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(Ok(value)), None) => Ok(Some(value)),
        (Some(_), _) => Err(ApiError::OriginRefused),
    }
}

/// The token of the header, if it came once.
#[must_use]
pub fn header_token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(CSRF_HEADER).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        (Some(_), Some(_)) | (None, _) => None,
    }
}

/// Checks the token that was sent beside the one in the cookie.
///
/// # Errors
/// [`ApiError::CsrfInvalid`]; which rule did not hold is for the log.
pub fn check(app: &App, visitor: &Visitor, sent: Option<&str>) -> Result<(), ApiError> {
    let started = Instant::now();
    let checked = check_for(visitor, sent);
    app.metrics.csrf(checked.is_ok(), started.elapsed());
    checked.map_err(|refusal| {
        tracing::info!(reason = refusal.reason(), "CSRF token refused");
        ApiError::CsrfInvalid
    })
}

fn check_for(visitor: &Visitor, sent: Option<&str>) -> Result<(), CsrfRefusal> {
    let keys: Vec<&CsrfKey> = visitor.csrf_keys.accepts().collect();
    csrf::check(
        &keys,
        visitor.presented.csrf.as_deref(),
        sent,
        &visitor.csrf_binding(),
        &visitor.user_agent,
        visitor.caller.now,
    )
}

/// A token for the visitor and its cookie. A good one that the browser has already is handed out again: another tab may
/// hold a form with it. One that is of no use on the app's routes is not.
///
/// # Errors
/// When there is no randomness.
pub fn hand_out(app: &App, visitor: &Visitor) -> Result<(String, SetCookie), ApiError> {
    if let Some(present) = &visitor.presented.csrf
        && csrf::serves_app_routes(present)
        && check_for(visitor, Some(present)).is_ok()
    {
        return Ok((present.clone(), cookies::set_csrf(&app.config, present)));
    }
    let binding = visitor.csrf_binding();
    issue(app, visitor, &binding)
}

/// A new token of the visitor's browser for a binding, and its cookie.
///
/// # Errors
/// When there is no randomness.
pub fn issue(app: &App, visitor: &Visitor, binding: &str) -> Result<(String, SetCookie), ApiError> {
    let nonce = session::random().map_err(ApiError::internal)?;
    let key = visitor.csrf_keys.makes();
    let (user_agent, now) = (&visitor.user_agent, visitor.caller.now);
    let token = csrf::issue(key, binding, user_agent, now, &nonce);
    let cookie = cookies::set_csrf(&app.config, &token);
    Ok((token, cookie))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_of_a_request() {
        const SITE: &str = "https://site.example";
        let refused = None;
        type Row = (&'static [(&'static str, &'static str)], Option<Demand>);
        let rows: [Row; 19] = [
            (&[], Some(Demand::AsUsual)),
            (&[("origin", SITE)], Some(Demand::AsUsual)),
            (
                &[("origin", SITE), ("sec-fetch-site", "same-origin")],
                Some(Demand::AsUsual),
            ),
            (&[("sec-fetch-site", "same-origin")], Some(Demand::AsUsual)),
            (&[("sec-fetch-site", "none")], Some(Demand::AsUsual)),
            (&[("sec-fetch-site", "cross-site")], refused),
            (&[("sec-fetch-site", "same-site")], refused),
            (
                &[("origin", SITE), ("sec-fetch-site", "same-site")],
                refused,
            ),
            (
                &[("origin", SITE), ("sec-fetch-site", "cross-site")],
                refused,
            ),
            (&[("origin", "https://evil.example")], refused),
            (
                &[
                    ("origin", "https://evil.example"),
                    ("sec-fetch-site", "same-origin"),
                ],
                refused,
            ),
            (&[("origin", "http://site.example")], refused),
            (&[("origin", "https://site.example:8443")], refused),
            (&[("origin", "https://site.example.evil.example")], refused),
            (&[("origin", "https://a.site.example")], refused),
            (&[("origin", "null")], refused),
            (
                &[("origin", "null"), ("sec-fetch-site", "same-site")],
                refused,
            ),
            (
                &[("origin", "null"), ("sec-fetch-site", "same-origin")],
                Some(Demand::Token),
            ),
            (&[("origin", SITE), ("origin", SITE)], refused),
        ];
        for (headers, expected) in rows {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(
                    HeaderName::try_from(*name).unwrap(),
                    HeaderValue::try_from(*value).unwrap(),
                );
            }
            assert_eq!(judge_origin(&map, SITE).ok(), expected, "{headers:?}");
        }
    }
}
