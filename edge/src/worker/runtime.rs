//! The runtime's objects, read and written in few crossings: the Rust side of `runtime.js`.

use js_sys::{Array, JsString, Promise};
use wasm_bindgen::prelude::*;
use web_sys::{Headers, Request, Response};

/// Names in lower case, and values.
pub(super) type HeaderList = Vec<(String, String)>;

#[wasm_bindgen(module = "/src/worker/runtime.js")]
extern "C" {
    #[wasm_bindgen(js_name = head)]
    fn head_lines(request: &Request, wanted: &JsValue) -> String;

    #[wasm_bindgen(js_name = values)]
    fn value_lines(headers: &Headers, wanted: &JsValue) -> String;

    #[wasm_bindgen(js_name = all)]
    fn all_lines(request: &Request) -> String;

    #[wasm_bindgen(js_name = reply, catch)]
    fn reply_with(status: u16, headers: &str, body: Option<&str>) -> Result<Response, JsValue>;

    #[wasm_bindgen(js_name = replyAgain, catch)]
    fn reply_again(
        before: &Response,
        request_id_header: &str,
        request_id: &str,
    ) -> Result<Response, JsValue>;

    #[wasm_bindgen(js_name = send, catch)]
    fn send_with(request: &Request, headers: &str) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_name = handOn, catch)]
    fn hand_on_with(
        upstream: &Response,
        removed: &str,
        set: &str,
        absent: &str,
    ) -> Result<Response, JsValue>;
}

/// Names that are asked for again and again, in the runtime's own form.
pub(super) struct Names {
    names: &'static [&'static str],
    list: JsValue,
}

impl Names {
    /// The list, made once.
    pub(super) fn new(names: &'static [&'static str]) -> Self {
        let list: Array = names.iter().copied().map(JsString::from).collect();
        Self {
            names,
            list: list.into(),
        }
    }
}

/// What is known of a request before it is judged.
pub(super) struct Head {
    /// In capitals where it is a known one.
    pub(super) method: String,
    /// The whole address, as the runtime has it.
    pub(super) url: String,
    /// The wanted headers that are there.
    pub(super) headers: HeaderList,
}

/// The head of a request, with no more headers than the wanted ones.
pub(super) fn head(request: &Request, wanted: &Names) -> Head {
    let lines = head_lines(request, &wanted.list);
    let mut lines = lines.split('\n');
    let mut next = || lines.next().unwrap_or_default().to_owned();
    let (method, url) = (next(), next());
    Head {
        method,
        url,
        headers: found(wanted.names, lines),
    }
}

/// The wanted headers that are there.
pub(super) fn values(headers: &Headers, wanted: &Names) -> HeaderList {
    let lines = value_lines(headers, &wanted.list);
    found(wanted.names, lines.split('\n').skip(1))
}

/// All headers of a request.
pub(super) fn all(request: &Request) -> HeaderList {
    pairs(&all_lines(request))
}

/// An answer of the edge's own.
///
/// # Errors
/// The runtime takes one of the headers or the status for none.
pub(super) fn reply<'h>(
    status: u16,
    headers: impl Iterator<Item = (&'h str, &'h str)>,
    body: Option<&str>,
) -> Result<Response, JsValue> {
    reply_with(status, &lines(headers)?, body)
}

/// The same answer once more, without a body and under another request's id.
///
/// # Errors
/// The runtime takes the header for none.
pub(super) fn reply_once_more(
    before: &Response,
    (request_id_header, request_id): (&str, &str),
) -> Result<Response, JsValue> {
    reply_again(before, request_id_header, request_id)
}

/// Sends a request with these headers more.
///
/// # Errors
/// The runtime takes one of the headers for none; or it throws later, because the host is unreachable, the connection broke
/// or the request's time is over.
pub(super) fn send(request: &Request, headers: &HeaderList) -> Result<Promise, JsValue> {
    let headers = headers.iter().map(|(name, value)| (&**name, &**value));
    send_with(request, &lines(headers)?)
}

/// What becomes of the headers of an upstream's answer, in this order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes<'c> {
    /// These end here.
    pub(super) removed: Vec<&'c str>,
    /// These take the place of what is there.
    pub(super) set: Vec<(&'static str, String)>,
    /// These fill in what is absent.
    pub(super) absent: Vec<(&'static str, &'static str)>,
}

/// An upstream's answer with other headers. Body, status, every `Set-Cookie` and an accepted WebSocket go on as they are.
///
/// # Errors
/// The runtime takes one of the headers for none.
pub(super) fn hand_on(upstream: &Response, changes: &Changes<'_>) -> Result<Response, JsValue> {
    let set = changes.set.iter().map(|(name, value)| (*name, &**value));
    hand_on_with(
        upstream,
        &changes.removed.join("\n"),
        &lines(set)?,
        &lines(changes.absent.iter().copied())?,
    )
}

/// Errors if there is a line break in a name or a value, for then it is no header.
fn lines<'h>(headers: impl Iterator<Item = (&'h str, &'h str)>) -> Result<String, JsValue> {
    let mut lines = String::new();
    for (name, value) in headers {
        for part in [name, value] {
            if part.contains('\n') {
                return Err(JsValue::UNDEFINED);
            }
            lines.push_str(part);
            lines.push('\n');
        }
    }
    Ok(lines)
}

fn pairs(lines: &str) -> HeaderList {
    let mut lines = lines.split('\n');
    let mut pairs = Vec::new();
    while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
        pairs.push((name.to_owned(), value.to_owned()));
    }
    pairs
}

fn found<'l>(names: &[&str], lines: impl Iterator<Item = &'l str>) -> HeaderList {
    let found = names.iter().zip(lines);
    found
        .filter_map(|(name, line)| Some(((*name).to_owned(), line.strip_prefix('=')?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_and_empty_headers_are_told_apart() {
        let lines = "=Bearer a.b.c\n\n=";
        let found = found(&["authorization", "cookie", "accept"], lines.split('\n'));
        let expected = [("authorization", "Bearer a.b.c"), ("accept", "")];
        assert_eq!(found, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }

    #[test]
    fn what_was_written_is_read_again() {
        for headers in [
            &[][..],
            &[("a", "1")],
            &[("a", ""), ("b", "x=y; z"), ("a", "2")],
        ] {
            let read = pairs(&lines(headers.iter().copied()).unwrap());
            let read: Vec<_> = read.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            assert_eq!(read, headers);
        }
    }
}
