//! Whether a request to the app brought the CSRF token of its session.
//!
//! Core asks only about requests that would pass and must bring it, so nothing here is paid for by others: neither the headers that
//! no other decision looks at, nor the form, nor the bundle.

use edgeward_core::csrf::{CSRF_HEADER, CsrfAnswer, CsrfQuestion, MAX_FORM_BYTES, field_of_form};
use web_sys::Request;
use worker::Context;

use super::keys::Errand;
use super::request::Inbound;
use super::{body, bundle};

/// What browsers send forms as, unless told otherwise.
const FORM: &str = "application/x-www-form-urlencoded";

/// Looks for the token in the header, and without one in the form, and asks the issuer for keys if what is there is worth it.
pub(super) async fn answer(
    question: CsrfQuestion,
    request: &Request,
    inbound: &Inbound,
    errand: &Errand,
    context: &Context,
) -> CsrfAnswer {
    let said = |name| request.headers().get(name).ok().flatten();
    let user_agent = said("user-agent").unwrap_or_default();
    let sent = match said(CSRF_HEADER) {
        Some(token) => Some(token),
        None if said("content-type").is_some_and(|media| is_form(&media)) => {
            from_form(request).await
        }
        None => None,
    };
    let cookies = inbound.cookies();
    let cookie = cookies.get(&errand.settings.cookies.csrf).ok().flatten();
    let submitted = question.submitted(cookie, sent.as_deref(), &user_agent, inbound.now);
    let submitted = match submitted {
        Ok(submitted) => submitted,
        Err(answer) => return answer,
    };
    let mut known = bundle::obtain(errand, None, context).await;
    if let Some(held) = &known
        && !submitted.is_genuine(&held.set.csrf_keys)
    {
        // The issuer may have a key that it had not when it was asked last.
        known = bundle::obtain(errand, Some(held.generation), context).await;
    }
    submitted.answer(known.as_ref().map(|known| known.set.csrf_keys.as_slice()))
}

fn is_form(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(FORM)
}

/// Reads a copy of the form; the runtime keeps what was read for the app. A form that is too long or breaks off has no token.
async fn from_form(request: &Request) -> Option<String> {
    let copy = request.clone().ok()?;
    let form = body::read(copy.body(), MAX_FORM_BYTES).await.ok()?;
    field_of_form(&form).map(str::to_owned)
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
