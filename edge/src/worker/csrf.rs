//! Whether a request to the app brought the CSRF token of its session.
//!
//! Core asks only about requests that would pass and must bring it, so nothing here is paid for by others: neither the headers that
//! no other decision looks at, nor the form, nor the bundle.

use edgeward_core::csrf::{CSRF_FIELD, CSRF_HEADER, CsrfAnswer, CsrfQuestion};
use web_sys::Request;
use worker::Context;

use super::errand::Errand;
use super::request::Inbound;
use super::{body, bundle, platform};

/// What browsers send forms as, unless told otherwise.
const FORM: &str = "application/x-www-form-urlencoded";

/// The longest form that is searched for the token. Because it is held in memory meanwhile, and whoever sends more can say the
/// token in the header.
const MAX_FORM_BYTES: usize = 64 * 1024;

/// Looks for the token in the header, and without one in the form, for which the client takes its time, and asks the issuer for keys if what is there is worth it.
pub(super) async fn answer(
    question: CsrfQuestion,
    request: &Request,
    inbound: &mut Inbound,
    errand: &Errand,
    context: &Context,
) -> CsrfAnswer {
    let headers = request.headers();
    let said = |name| headers.get(name).ok().flatten();
    let mut sent = said(CSRF_HEADER);
    let user_agent = said("user-agent").unwrap_or_default();
    let cookie = {
        let cookies = inbound.cookies();
        let cookie = cookies.get(&errand.settings.cookies.csrf).ok().flatten();
        cookie.map(ToOwned::to_owned)
    };
    let cookie = cookie.as_deref();
    let submitted = |sent: Option<&str>, now| {
        let question = question.clone();
        question.submitted(cookie, sent, &user_agent, now)
    };
    if sent.is_none() && said("content-type").is_some_and(|media| is_form(&media)) {
        // Nobody is waited for whose cookie would not do, whatever the form says.
        if let Err(answer) = submitted(cookie, inbound.now) {
            return answer;
        }
        let began = platform::moment();
        let patience = errand.settings.form_patience;
        let field = body::field_of_form(request, CSRF_FIELD, MAX_FORM_BYTES, patience).await;
        inbound.pass(platform::moment().milliseconds_since(began));
        sent = match field {
            Ok(field) => field,
            Err(unread) => return question.clone().unread(unread),
        };
    }
    let submitted = match submitted(sent.as_deref(), inbound.now) {
        Ok(submitted) => submitted,
        Err(answer) => return answer,
    };
    let mut had = None;
    loop {
        let known = bundle::obtain(errand, had, context).await;
        let keys = known.as_ref().map(|known| known.set.csrf_keys.as_slice());
        let answer = submitted.answer(keys);
        if had.is_some() || !answer.may_change_with_newer_keys() {
            return answer;
        }
        // The issuer may have a key that it had not when it was asked last.
        had = known.map(|known| known.generation);
    }
}

fn is_form(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(FORM)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn what_is_read_as_a_form() {
        for (media_type, expected) in [
            (FORM, true),
            ("Application/X-WWW-Form-Urlencoded; charset=UTF-8", true),
            ("application/x-www-form-urlencoded ;a=b", true),
            ("multipart/form-data; boundary=x", false),
            ("application/json", false),
            ("text/plain", false),
            ("application/x-www-form-urlencoded, text/plain", false),
            ("", false),
        ] {
            assert_eq!(is_form(media_type), expected, "{media_type}");
        }
    }
}
