//! One refresh at the issuer: the request that the edge makes itself, and what its answer means.

use std::rc::Rc;

use edgeward_core::cookie::CookieNames;
use edgeward_core::problem::ProblemCode;
use wasm_bindgen::JsValue;
use web_sys::{
    AbortController, AbortSignal, Headers, Request, RequestCache, RequestInit, RequestRedirect,
    Response,
};

use super::Errand;
use super::flights::{Outcome, Renewed};
use crate::worker::{body, outbound, platform, runtime};

const METHOD: &str = "POST";
const PATH: &str = "/auth/refresh";
/// Shorter than the issuer's own limit: a person waits for it, and what the issuer did is handed out again on the next try.
const TIMEOUT_MILLISECONDS: i32 = 5_000;
/// A problem document of ours is a tenth of it.
const MAX_ANSWER_BYTES: usize = 4_096;
/// What a client is told to wait where the issuer says nothing.
const RETRY_AFTER_SECONDS: u32 = 1;
/// A request is not kept waiting for longer before it repeats.
const LONGEST_PAUSE_SECONDS: u32 = 2;
/// The issuer may ask for more, as long as it makes sense to tell.
const LONGEST_RETRY_AFTER_SECONDS: u32 = 3_600;

/// What the issuer said, as far as it matters.
#[derive(Default)]
struct Said {
    status: u16,
    retry_after: Option<u32>,
    code: Option<ProblemCode>,
    set_cookies: Vec<String>,
}

/// What one try came to.
pub(super) enum Tried {
    /// This, finally.
    Done(Outcome),
    /// Another request of the session is being answered; it helps to repeat after so many seconds.
    Again(u32),
    /// Nothing is known. With the reason for the log, and the seconds after which something may be.
    Unknown(&'static str, u32),
}

/// Asks once. The proof is of the moment `seconds` after the request came.
pub(super) async fn once(errand: &Errand, seconds: u32) -> Tried {
    let Ok(abort) = AbortController::new() else {
        return unknown("request-not-made");
    };
    let signal = abort.signal();
    let errand = errand.clone();
    let asked = async move {
        let Ok(request) = request(&errand, seconds, &signal) else {
            return unknown("request-not-made");
        };
        let Ok(response) = platform::fetch(&request).await else {
            return unknown("issuer-unreachable");
        };
        let said = read(&response).await;
        meaning(said, &errand.settings.cookies)
    };
    let tried = platform::within(TIMEOUT_MILLISECONDS, asked).await;
    tried.unwrap_or_else(|| {
        abort.abort();
        unknown("issuer-too-slow")
    })
}

fn request(errand: &Errand, seconds: u32, abort: &AbortSignal) -> Result<Request, JsValue> {
    let (asked, names) = (&errand.asked, &errand.settings.cookies);
    let headers = Headers::new()?;
    let mut cookies = format!("{}={}", names.refresh, asked.token);
    if !asked.device.is_empty() {
        cookies.push_str(&format!("; {}={}", names.device, asked.device));
    }
    headers.set("cookie", &cookies)?;
    headers.set("accept", "application/json")?;
    if !asked.user_agent.is_empty() {
        headers.set("user-agent", &asked.user_agent)?;
    }
    let proof = outbound::refresh_proof_headers(
        &errand.settings,
        METHOD,
        PATH,
        errand.client,
        &errand.request_id,
        errand.now.plus(i64::from(seconds)),
    )
    .map_err(|_| JsValue::UNDEFINED)?;
    for (name, value) in proof {
        headers.set(name, &value)?;
    }
    let init = RequestInit::new();
    init.set_method(METHOD);
    init.set_headers(&headers);
    init.set_redirect(RequestRedirect::Manual);
    init.set_cache(RequestCache::NoStore);
    init.set_signal(Some(abort));
    let url = format!("{}{PATH}", errand.settings.issuer_upstream);
    Request::new_with_str_and_init(&url, &init)
}

async fn read(response: &Response) -> Said {
    let retry_after = response.headers().get("retry-after").ok().flatten();
    let said = Said {
        status: response.status(),
        retry_after: retry_after.and_then(|seconds| seconds.parse().ok()),
        code: None,
        set_cookies: runtime::set_cookies(response),
    };
    // Read even where nothing in it matters, so that the connection is free for the next one.
    let body = body::read(response, MAX_ANSWER_BYTES).await;
    let problem: Option<serde_json::Value> = body
        .ok()
        .and_then(|body| serde_json::from_slice(&body).ok());
    let code = problem.as_ref().and_then(|problem| problem.get("code"));
    Said {
        code: code
            .and_then(serde_json::Value::as_str)
            .and_then(ProblemCode::from_code),
        ..said
    }
}

fn meaning(said: Said, names: &CookieNames) -> Tried {
    match (said.status, said.code, said.retry_after) {
        (200, _, _) => match access_token(&said.set_cookies, names) {
            Some(access_token) => Tried::Done(Outcome::Renewed(Rc::new(Renewed {
                access_token,
                set_cookies: said.set_cookies,
                at: platform::moment(),
            }))),
            None => unknown("no-access-token"),
        },
        (
            401,
            Some(
                ProblemCode::NoRefreshToken
                | ProblemCode::InvalidRefreshToken
                | ProblemCode::RefreshReused,
            ),
            _,
        ) => Tried::Done(Outcome::Ended(said.set_cookies.into())),
        (409, Some(ProblemCode::RefreshInProgress), Some(seconds)) => {
            Tried::Again(seconds.min(LONGEST_PAUSE_SECONDS))
        }
        (_, _, Some(seconds)) => Tried::Unknown(
            "issuer-asks-for-time",
            seconds.clamp(RETRY_AFTER_SECONDS, LONGEST_RETRY_AFTER_SECONDS),
        ),
        (_, _, None) => unknown("status-not-200"),
    }
}

fn unknown(reason: &'static str) -> Tried {
    Tried::Unknown(reason, RETRY_AFTER_SECONDS)
}

/// The value of the access cookie that an answer sets.
fn access_token(set_cookies: &[String], names: &CookieNames) -> Option<String> {
    let values = set_cookies.iter().filter_map(|set| {
        let (pair, _) = set.split_once(';').unwrap_or((set, ""));
        let (name, value) = pair.split_once('=')?;
        (name == names.access && !value.is_empty()).then(|| value.to_owned())
    });
    values.last()
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgeward_core::cookie::Environment;

    fn check(said: Said, expected: &str) {
        let names = CookieNames::for_environment(Environment::Production, false);
        let status = said.status;
        let told = match meaning(said, &names) {
            Tried::Done(Outcome::Renewed(_)) => "renewed".to_owned(),
            Tried::Done(Outcome::Ended(cookies)) => format!("ended, {} cookies", cookies.len()),
            Tried::Done(Outcome::Unanswered { .. }) => "unanswered".to_owned(),
            Tried::Again(seconds) => format!("again in {seconds} s"),
            Tried::Unknown(reason, seconds) => format!("{reason}, {seconds} s"),
        };
        assert_eq!(told, expected, "{status}");
    }

    #[test]
    fn only_what_the_issuer_says_of_the_token_ends_a_session() {
        use ProblemCode::{Busy, EdgeProofInvalid, RateLimited, RefreshInProgress};
        let said = |status, code, retry_after| Said {
            status,
            code,
            retry_after,
            set_cookies: vec!["a=; Max-Age=0".to_owned()],
        };
        for code in [
            ProblemCode::NoRefreshToken,
            ProblemCode::InvalidRefreshToken,
            ProblemCode::RefreshReused,
        ] {
            check(said(401, Some(code), None), "ended, 1 cookies");
            check(said(403, Some(code), None), "status-not-200, 1 s");
        }
        check(
            said(401, Some(EdgeProofInvalid), None),
            "status-not-200, 1 s",
        );
        check(said(401, None, None), "status-not-200, 1 s");
        check(said(200, None, None), "no-access-token, 1 s");
        check(said(302, None, None), "status-not-200, 1 s");
        check(said(409, Some(RefreshInProgress), Some(1)), "again in 1 s");
        check(said(409, Some(RefreshInProgress), Some(99)), "again in 2 s");
        check(
            said(409, Some(RefreshInProgress), None),
            "status-not-200, 1 s",
        );
        check(
            said(429, Some(RateLimited), Some(7)),
            "issuer-asks-for-time, 7 s",
        );
        check(said(503, Some(Busy), Some(0)), "issuer-asks-for-time, 1 s");
        check(
            said(502, None, Some(u32::MAX)),
            "issuer-asks-for-time, 3600 s",
        );
    }

    #[test]
    fn the_access_token_is_in_the_cookie_of_its_name() {
        let names = CookieNames::for_environment(Environment::Production, false);
        for (set_cookies, expected) in [
            (&[][..], None),
            (
                &["__Host-edgeward-access=a.b.c; Path=/; Secure"],
                Some("a.b.c"),
            ),
            (
                &["x=1; Path=/", "__Host-edgeward-access=a.b.c"],
                Some("a.b.c"),
            ),
            (&["__Host-edgeward-access=; Max-Age=0"], None),
            (&["edgeward-access=a.b.c; Path=/"], None),
        ] {
            let set_cookies: Vec<_> = set_cookies.iter().map(|set| (*set).to_owned()).collect();
            let found = access_token(&set_cookies, &names);
            assert_eq!(found.as_deref(), expected, "{set_cookies:?}");
        }
    }
}
