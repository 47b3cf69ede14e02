//! Whether a request without a good access token may get one by its refresh cookie.
//!
//! Browsers drop the access cookie when its time is over, so "absent" and "expired" are the same case. What the refresh cookie
//! holds is not looked at here: only the issuer knows what it is worth.

use super::credential::Credential;
use super::decision::Decision;
use super::limit::{Turn, over_limit};
use super::policy::REFRESH;
use super::refusal::Refusal;
use crate::cookie::{CookieHeader, CookieNames};
use crate::problem::ProblemCode;

/// Longer than any refresh token of the issuer's, and short enough to be kept while it is exchanged.
const MAX_REFRESH_TOKEN_BYTES: usize = 512;

/// What can be done for a caller whose access token is absent or has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// Nothing: there is no refresh cookie that could be one, or the caller shows who it is by a bearer token.
    Impossible,
    /// Its refresh cookie can be exchanged, and was not yet.
    Possible,
    /// It could be, but the browser only loads ahead: the person may never come, and then the answer, with the new cookies in it,
    /// is thrown away. The request that counts does it.
    LoadsAhead,
    /// It was tried. What it brought, if anything, is the credential now.
    Tried,
    /// It was tried, and the issuer did not say whether the session goes on.
    Unanswered {
        /// Seconds after which it may.
        retry_after: u32,
    },
    /// It was not tried: whoever is at this address has had so many asked for that there is no turn left.
    OverLimit {
        /// Seconds after which there is.
        retry_after: u32,
    },
}

impl Renewal {
    /// Finds out from `Authorization`, the cookies, and whether the request [loads ahead](Self::loads_ahead).
    #[must_use]
    pub fn of(
        authorization: &[&str],
        cookies: &CookieHeader<'_>,
        names: &CookieNames,
        loads_ahead: bool,
    ) -> Self {
        if refresh_token(cookies, names).is_none() {
            return Self::Impossible;
        }
        let no_cookies = CookieHeader::parse(&[]);
        match Credential::from_headers(authorization, &no_cookies, names) {
            Credential::Token(_) | Credential::Ambiguous => Self::Impossible,
            Credential::None if loads_ahead => Self::LoadsAhead,
            Credential::None => Self::Possible,
        }
    }

    /// What comes before this refusal, or before the sign-in page in its place. `turn` is the one that a refresh takes.
    pub(super) fn before_sign_in(
        self,
        refusal: &Refusal,
        turn: impl FnOnce() -> Option<Turn>,
    ) -> Option<Decision> {
        match self {
            Self::Impossible | Self::Tried => None,
            Self::Possible => Some(Decision::NeedsRefresh(turn())),
            // Browsers do not keep a refusal for the visit, as they would keep a redirect.
            Self::LoadsAhead => Some(Decision::Refuse(refusal.clone())),
            Self::Unanswered { retry_after } => Some(Decision::Refuse(Refusal {
                retry_after: Some(retry_after),
                ..Refusal::new(ProblemCode::IssuerUnavailable, "not-refreshed")
            })),
            Self::OverLimit { retry_after } => {
                Some(Decision::Refuse(over_limit(REFRESH, retry_after)))
            }
        }
    }

    /// Whether a browser says that it fetches what nobody asked to see yet. The arguments are the values of `Sec-Purpose`,
    /// `Purpose`, `X-Moz` and `Next-Router-Prefetch`, where present. The last is what the router of Next.js says of pages behind links
    /// that are in view; whatever it holds, it says how.
    #[must_use]
    pub fn loads_ahead(
        sec_purpose: Option<&str>,
        purpose: Option<&str>,
        x_moz: Option<&str>,
        next_router_prefetch: Option<&str>,
    ) -> bool {
        next_router_prefetch.is_some()
            || [sec_purpose, purpose, x_moz]
                .into_iter()
                .flatten()
                .any(|said| {
                    // What follows tells how, as in `prefetch;prerender`.
                    let purpose = said.split_once(';').map_or(said, |(purpose, _)| purpose);
                    purpose.eq_ignore_ascii_case("prefetch")
                        || purpose.eq_ignore_ascii_case("preview")
                })
    }
}

/// The value of the refresh cookie, if it has the form of a refresh token, `rt1.<session>.…`. Anything else is not worth asking
/// the issuer about.
#[must_use]
pub fn refresh_token<'a>(cookies: &CookieHeader<'a>, names: &CookieNames) -> Option<&'a str> {
    let token = cookies.get(&names.refresh).ok().flatten()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let has_form = token.len() <= MAX_REFRESH_TOKEN_BYTES && token.bytes().all(is_plain);
    (has_form && session_of(token).is_some()).then_some(token)
}

/// Which session a refresh token claims to belong to. Unverified: good for telling requests apart, and for nothing else.
#[must_use]
pub fn session_of(refresh_token: &str) -> Option<&str> {
    let rest = refresh_token.strip_prefix("rt1.")?;
    let (session, rest) = rest.split_once('.')?;
    (!session.is_empty() && !rest.is_empty()).then_some(session)
}
