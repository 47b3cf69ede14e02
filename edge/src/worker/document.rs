//! One document of the issuer's: asked for with the edge's proof, past every cache, and not where a redirect leads.

use wasm_bindgen::JsValue;
use web_sys::{AbortSignal, Headers, Request, RequestCache, RequestInit, RequestRedirect};

use super::body::{self, Unread};
use super::errand::Errand;
use super::proof::Asker;
use super::{outbound, platform};

/// Which document, and how it is asked for.
pub(super) struct Wanted<'a> {
    /// Its path at the issuer, with a query if it has one.
    pub(super) target: &'a str,
    /// The media type.
    pub(super) accept: &'a str,
    /// For whom.
    pub(super) asker: Asker,
    /// Goes along as `If-None-Match`.
    pub(super) entity_tag: Option<&'a str>,
    /// What the edge tells the issuer besides, in headers.
    pub(super) tells: &'a [(&'static str, Option<String>)],
}

/// Why there is no document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    NotSent,
    Unreachable,
    TooSlow,
    Status,
    Broken,
    TooLarge,
}

impl Missing {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::NotSent => "request-not-made",
            Self::Unreachable => "issuer-unreachable",
            Self::TooSlow => "issuer-too-slow",
            Self::Status => "status-not-200",
            Self::Broken => "body-broke-off",
            Self::TooLarge => "body-too-large",
        }
    }
}

impl From<Unread> for Missing {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Broken => Self::Broken,
            Unread::TooLarge => Self::TooLarge,
        }
    }
}

/// The request for a document, which is not sent yet.
pub(super) fn request(
    errand: &Errand,
    wanted: Wanted<'_>,
    abort: &AbortSignal,
) -> Result<Request, JsValue> {
    let headers = Headers::new()?;
    headers.set("accept", wanted.accept)?;
    if let Some(tag) = wanted.entity_tag {
        headers.set("if-none-match", tag)?;
    }
    for (name, told) in wanted.tells {
        if let Some(told) = told {
            headers.set(name, told)?;
        }
    }
    let own = outbound::proof_headers(
        &errand.settings,
        "GET",
        wanted.target,
        wanted.asker,
        &errand.request_id,
        errand.now,
    )
    .map_err(|_| JsValue::UNDEFINED)?;
    for (name, value) in own {
        headers.set(name, &value)?;
    }
    let init = RequestInit::new();
    init.set_method("GET");
    init.set_headers(&headers);
    // Whoever can redirect could name any keys, and say where the feed goes on.
    init.set_redirect(RequestRedirect::Manual);
    // What the platform's own cache has could be older than what is looked for.
    init.set_cache(RequestCache::NoStore);
    init.set_signal(Some(abort));
    let url = format!("{}{}", errand.settings.issuer_upstream, wanted.target);
    Request::new_with_str_and_init(&url, &init)
}

/// A whole document that may not be longer than this.
pub(super) async fn read(
    errand: &Errand,
    wanted: Wanted<'_>,
    limit: usize,
    abort: &AbortSignal,
) -> Result<Vec<u8>, Missing> {
    let request = request(errand, wanted, abort).map_err(|_| Missing::NotSent)?;
    let response = platform::fetch(&request)
        .await
        .map_err(|_| Missing::Unreachable)?;
    if response.status() != 200 {
        return Err(Missing::Status);
    }
    Ok(body::read(&response, limit).await?)
}
