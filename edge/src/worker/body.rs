//! Bodies that the edge reads itself: answers to its own questions, and short forms, which go on as they were read.

use edgeward_core::csrf::UnreadForm;
use js_sys::Uint8Array;
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, Response};

use super::runtime;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It broke off.
    Broken,
    /// It is longer than it may be.
    TooLarge,
}

/// Reads a body that may not be longer than this.
pub(super) async fn read(response: &Response, limit: usize) -> Result<Vec<u8>, Unread> {
    let body = JsFuture::from(runtime::body(response, limit))
        .await
        .map_err(|_| Unread::Broken)?;
    let body: Uint8Array = body.dyn_into().map_err(|_| Unread::TooLarge)?;
    Ok(body.to_vec())
}

/// The value of a field of a form that may be no longer than this and has so many milliseconds to arrive, if the form has one such
/// field. The request can go on with the form, if it was read whole.
pub(super) async fn field_of_form(
    request: &Request,
    name: &str,
    limit: usize,
    patience: u32,
) -> Result<Option<String>, UnreadForm> {
    let field = runtime::field_of_form(request, name, limit, patience);
    // One that breaks off has no field, as its request has no sender any more.
    let field = JsFuture::from(field).await.unwrap_or_default();
    if field.is_null() {
        return Err(UnreadForm::TooLarge);
    }
    if field.as_bool() == Some(false) {
        return Err(UnreadForm::TooSlow);
    }
    Ok(field.as_string())
}
