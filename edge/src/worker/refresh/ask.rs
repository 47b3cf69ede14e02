//! One refresh at the issuer: what the edge says, and what the answer means.

use edgeward_core::cookie::CookieNames;
use edgeward_core::time::Moment;
use edgeward_core::token::SignError;
use edgeward_core::trace::TRACEPARENT;

use super::Errand;
use super::flights::Answered;
use crate::worker::proof::Asker;
use crate::worker::{outbound, platform, runtime};

const METHOD: &str = "POST";
const PATH: &str = "/auth/refresh";
/// Shorter than the issuer's own limit: a person waits for it, and what the issuer did is handed out again on the next try.
const TIMEOUT_MILLISECONDS: u32 = 5_000;
/// What a client is told to wait where the issuer says nothing.
const RETRY_AFTER_SECONDS: u32 = 1;
/// A request is not kept waiting for longer before it repeats.
const LONGEST_PAUSE_SECONDS: u32 = 2;
/// The issuer may ask for more, as long as it makes sense to tell.
const LONGEST_RETRY_AFTER_SECONDS: u32 = 3_600;

/// What the issuer said, as far as it matters.
struct Said {
    /// 0 if it said nothing.
    status: u16,
    retry_after: Option<u16>,
    set_cookies: Vec<String>,
}

/// What one try came to.
pub(super) enum Tried {
    /// This, finally.
    Done(Answered),
    /// Another request of the session is being answered; it helps to repeat after so many seconds.
    Again(u32),
    /// Nothing is known. With the reason for the log, and the seconds after which something may be.
    Unknown(&'static str, u32),
}

/// Asks once. The proof is of the moment `seconds` after the request came.
pub(super) async fn once(errand: &Errand, seconds: u32) -> Tried {
    let Ok(headers) = headers(errand, seconds) else {
        return unknown("request-not-made");
    };
    let url = format!("{}{PATH}", errand.settings.issuer_upstream);
    let lines = runtime::ask(METHOD, &url, TIMEOUT_MILLISECONDS, &headers).await;
    meaning(
        Said::read(&lines),
        &errand.settings.cookies,
        platform::moment(),
    )
}

/// Nothing of the client's but what the issuer knows its browser by.
fn headers(errand: &Errand, seconds: u32) -> Result<Vec<(&'static str, String)>, SignError> {
    let mut headers = outbound::proof_headers(
        &errand.settings,
        METHOD,
        PATH,
        Asker::Refresh(errand.client),
        &errand.request_id,
        errand.now.plus(i64::from(seconds)),
    )?;
    if let Some(trace) = &errand.trace {
        headers.push((TRACEPARENT, trace.as_str().to_owned()));
    }
    headers.push(("cookie", errand.asked.cookies.clone()));
    if !errand.asked.user_agent.is_empty() {
        headers.push(("user-agent", errand.asked.user_agent.clone()));
    }
    Ok(headers)
}

impl Said {
    /// Status, `Retry-After`, and every `Set-Cookie`.
    fn read(lines: &str) -> Self {
        let mut lines = lines.split('\n');
        Self {
            status: lines
                .next()
                .and_then(|status| status.parse().ok())
                .unwrap_or(0),
            retry_after: lines.next().and_then(|seconds| seconds.parse().ok()),
            set_cookies: lines.map(str::to_owned).collect(),
        }
    }

    /// The value to which a cookie is set; an empty one removes it.
    fn sets(&self, wanted: &str) -> Option<&str> {
        let mut values = self.set_cookies.iter().rev().filter_map(|set| {
            let (name, rest) = set.split_once('=')?;
            let value = rest.split(';').next();
            value.filter(|_| name == wanted)
        });
        values.next()
    }
}

/// A 401 that takes the refresh cookie away is what the issuer says of a token that will never be good again; any other is about the
/// edge.
fn meaning(said: Said, names: &CookieNames, at: Moment) -> Tried {
    let done = |access_token, set_cookies| {
        Tried::Done(Answered {
            access_token,
            set_cookies,
            at,
        })
    };
    match (said.status, said.retry_after) {
        (200, _) => match said.sets(&names.access) {
            None | Some("") => unknown("no-access-token"),
            Some(access_token) => done(Some(access_token.to_owned()), said.set_cookies),
        },
        (401, _) if said.sets(&names.refresh) == Some("") => done(None, said.set_cookies),
        (409, Some(seconds)) => Tried::Again(u32::from(seconds).min(LONGEST_PAUSE_SECONDS)),
        (0, _) => unknown("issuer-unreachable-or-too-slow"),
        (_, Some(seconds)) => Tried::Unknown(
            "issuer-asks-for-time",
            u32::from(seconds).clamp(RETRY_AFTER_SECONDS, LONGEST_RETRY_AFTER_SECONDS),
        ),
        (_, None) => unknown("status-not-200"),
    }
}

const fn unknown(reason: &'static str) -> Tried {
    Tried::Unknown(reason, RETRY_AFTER_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgeward_core::cookie::Environment;

    const REMOVED: &str = "__Host-edgeward-refresh=; Path=/; Max-Age=0";

    fn check(lines: &str, expected: &str) {
        let names = CookieNames::for_environment(Environment::Production, false);
        let told = match meaning(Said::read(lines), &names, Moment::from_milliseconds(0)) {
            Tried::Done(answered) => match answered.access_token {
                Some(token) => format!("renewed, {token}"),
                None => format!("ended, {} cookies", answered.set_cookies.len()),
            },
            Tried::Again(seconds) => format!("again in {seconds} s"),
            Tried::Unknown(reason, seconds) => format!("{reason}, {seconds} s"),
        };
        assert_eq!(told, expected, "{lines}");
    }

    #[test]
    fn only_an_issuer_that_takes_the_cookie_away_ends_a_session() {
        check(&format!("401\n\n{REMOVED}"), "ended, 1 cookies");
        check(
            &format!("401\n\na=; Max-Age=0\n{REMOVED}"),
            "ended, 2 cookies",
        );
        check("401\n", "status-not-200, 1 s");
        check("401\n\na=; Max-Age=0", "status-not-200, 1 s");
        check(
            "401\n\n__Host-edgeward-refresh=rt1.s.1; Path=/",
            "status-not-200, 1 s",
        );
        for status in [302, 400, 403, 500] {
            check(&format!("{status}\n\n{REMOVED}"), "status-not-200, 1 s");
        }
        check(&format!("200\n\n{REMOVED}"), "no-access-token, 1 s");
        check("200\n\n__Host-edgeward-access=a.b; Path=/", "renewed, a.b");
        check("0", "issuer-unreachable-or-too-slow, 1 s");
        check("", "issuer-unreachable-or-too-slow, 1 s");
        check("409\n1", "again in 1 s");
        check("409\n99", "again in 2 s");
        check("409\n", "status-not-200, 1 s");
        check("429\n7", "issuer-asks-for-time, 7 s");
        check("503\n0", "issuer-asks-for-time, 1 s");
        check("502\n65535", "issuer-asks-for-time, 3600 s");
        check("503\nWed, 21 Oct 2026 07:28:00 GMT", "status-not-200, 1 s");
    }

    #[test]
    fn the_access_token_is_in_the_cookie_of_its_name() {
        for (lines, expected) in [
            ("200\n", None),
            ("200\n\nx-access=a", None),
            ("200\n\naccess=a.b=c; Path=/; Secure", Some("a.b=c")),
            ("200\n\nx=1; Path=/\naccess=a.b.c", Some("a.b.c")),
            ("200\n\naccess=; Max-Age=0", Some("")),
        ] {
            assert_eq!(Said::read(lines).sets("access"), expected, "{lines}");
        }
    }
}
