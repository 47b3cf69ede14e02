//! The runtime's objects, read and written in few crossings: the Rust side of `runtime.js`.

use std::borrow::Cow;
use std::cell::RefCell;

use js_sys::{Array, JsString, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, Response};

use super::exchange::Exchange;

/// Names in lower case, and values.
pub(super) type HeaderList = Vec<(String, String)>;

#[wasm_bindgen(module = "/src/worker/runtime.js")]
extern "C" {
    #[wasm_bindgen(js_name = head)]
    fn head_lines(request: &Request, wanted: &JsValue) -> String;

    #[wasm_bindgen(js_name = names)]
    fn name_lines(request: &Request, wanted: &JsValue) -> String;

    #[wasm_bindgen(js_name = reply, catch)]
    fn reply_with(status: u16, headers: &str, body: Option<&str>) -> Result<Response, JsValue>;

    #[wasm_bindgen(js_name = replyAgain, catch)]
    fn reply_again(before: &Response, headers: &str) -> Result<Response, JsValue>;

    #[wasm_bindgen(js_name = draft, catch)]
    fn draft_of(url: &str) -> Result<Request, JsValue>;

    #[wasm_bindgen(js_name = send, catch)]
    fn send_with(
        request: &Request,
        draft: Option<Request>,
        has_body: bool,
        no_store: bool,
        timeout: Option<u32>,
        patience: Option<u32>,
        one_line: bool,
        lines: &str,
        exchange: Exchange,
    ) -> Result<JsValue, JsValue>;

    /// Whether the platform counts the limit of this name.
    #[wasm_bindgen(js_name = hasLimiter)]
    pub(super) fn has_limiter(env: &JsValue, limit: &str) -> bool;

    #[wasm_bindgen(js_name = takeTurn)]
    fn take_turn_of(env: &JsValue, limit: &str, key: &[u8], patience: u32) -> Promise;

    #[wasm_bindgen(js_name = answerHead)]
    fn answer_lines(response: &Response, wanted: &JsValue) -> String;

    #[wasm_bindgen(js_name = ask)]
    fn ask_with(method: &str, url: &str, timeout: u32, lines: &str) -> Promise;

    #[wasm_bindgen(js_name = addCookies, catch)]
    fn add_cookie_lines(response: &Response, lines: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(js_name = body)]
    pub(super) fn body(message: &Response, limit: usize) -> Promise;

    #[wasm_bindgen(js_name = fieldOfForm)]
    pub(super) fn field_of_form(
        request: &Request,
        name: &str,
        limit: usize,
        patience: u32,
    ) -> Promise;

    #[wasm_bindgen(js_name = handOn, catch)]
    fn hand_on_with(
        upstream: &Response,
        removed: &JsValue,
        lines: &str,
        absent: &JsValue,
        cookies: Option<&str>,
    ) -> Result<Response, JsValue>;

    #[wasm_bindgen(js_name = setCookies)]
    fn set_cookie_lines(response: &Response) -> String;
}

/// Names that are asked for again and again, in the runtime's own form too.
pub(super) struct Names {
    names: RefCell<Vec<String>>,
    list: List,
}

impl Names {
    /// The list, made once.
    pub(super) fn new(names: &[&str]) -> Self {
        Self {
            names: RefCell::new(names.iter().map(|name| (*name).to_owned()).collect()),
            list: List::of(names.iter().copied()),
        }
    }

    /// Adds one more.
    pub(super) fn add(&self, name: &str) {
        let list: &Array = self.list.0.unchecked_ref();
        list.push(&name.into());
        self.names.borrow_mut().push(name.to_owned());
    }
}

/// Texts that are handed over again and again, in the runtime's own form.
#[derive(Clone)]
pub(super) struct List(JsValue);

impl List {
    /// The list, made once.
    pub(super) fn of<'t>(texts: impl Iterator<Item = &'t str>) -> Self {
        let list: Array = texts.map(JsString::from).collect();
        Self(list.into())
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
    let lines = head_lines(request, &wanted.list.0);
    let mut lines = lines.split('\n');
    let mut next = || lines.next().unwrap_or_default().to_owned();
    let (method, url) = (next(), next());
    Head {
        method,
        url,
        headers: found(&wanted.names.borrow(), lines),
    }
}

/// The wanted headers of a request, and the names of all.
pub(super) fn names(request: &Request, wanted: &Names) -> (HeaderList, Vec<String>) {
    let lines = name_lines(request, &wanted.list.0);
    let mut lines = lines.split('\n').skip(1);
    let headers = found(
        &wanted.names.borrow(),
        lines.by_ref().take(wanted.names.borrow().len()),
    );
    (headers, lines.map(str::to_owned).collect())
}

/// Status and wanted headers of an answer.
pub(super) fn answer_head(response: &Response, wanted: &Names) -> (u16, HeaderList) {
    let lines = answer_lines(response, &wanted.list.0);
    let mut lines = lines.split('\n');
    // The runtime's statuses are numbers; what is none would be handed to nobody.
    let status = lines.next().and_then(|status| status.parse().ok());
    (status.unwrap_or(0), found(&wanted.names.borrow(), lines))
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

/// The same answer once more, without a body and under another request's names.
///
/// # Errors
/// The runtime takes one of the headers for none.
pub(super) fn reply_once_more<'h>(
    before: &Response,
    names: impl Iterator<Item = (&'h str, &'h str)>,
) -> Result<Response, JsValue> {
    reply_again(before, &lines(names)?)
}

/// Where a request goes on to.
pub(super) enum To<'a> {
    /// To this address.
    Address(&'a str),
    /// To the address of a draft, exactly as the runtime has it.
    Draft(Request),
}

/// A request for an address that is not sent yet, so that the address can be read as the runtime has it.
///
/// # Errors
/// The runtime takes the address for none.
pub(super) fn draft(url: &str) -> Result<Request, JsValue> {
    draft_of(url)
}

/// How a request goes on.
pub(super) struct Sending<'a> {
    /// Where to.
    pub(super) to: To<'a>,
    /// Whether its body goes along, if it has one.
    pub(super) has_body: bool,
    /// Whether the platform's cache is passed by.
    pub(super) no_store: bool,
    /// After so many milliseconds nothing is waited for any more.
    pub(super) timeout: Option<u32>,
    /// After so many milliseconds the beginning of the answer is not waited for any more, unless a body goes along: an upload
    /// over a slow line takes its time, and the answer comes behind it.
    pub(super) patience: Option<u32>,
    /// Whether headers that came in several lines go on in one.
    pub(super) one_line: bool,
    /// What becomes of its headers.
    pub(super) headers: Onward<'a>,
}

/// What becomes of a request's headers on its way: first some end, then some are set.
#[derive(Debug, Default)]
pub(super) struct Onward<'n> {
    /// These end here.
    pub(super) gone: Vec<&'n str>,
    /// These take the place of what is there. No name twice.
    pub(super) set: Vec<(&'static str, Cow<'n, str>)>,
}

/// Sends a request on: the answer, or the promise of one. `exchange` makes it, whatever happens.
///
/// # Errors
/// Not even a refusal can be made.
pub(super) fn send(
    request: &Request,
    sending: Sending<'_>,
    exchange: Exchange,
) -> Result<JsValue, JsValue> {
    let Onward { gone, set } = &sending.headers;
    let (address, draft) = match sending.to {
        To::Address(url) => (url, None),
        To::Draft(draft) => ("", Some(draft)),
    };
    let set = set.iter().map(|(name, value)| (*name, &**value));
    let Ok(lines) = changing_lines(address, gone, set) else {
        return exchange.not_sent().map(JsValue::from);
    };
    send_with(
        request,
        draft,
        sending.has_body,
        sending.no_store,
        sending.timeout,
        sending.patience,
        sending.one_line,
        &lines,
        exchange,
    )
}

/// Whether the platform's limiter grants the turn. One that fails or takes longer than so many milliseconds is told to the log
/// once, and grants.
pub(super) async fn take_turn(env: &JsValue, limit: &str, key: &[u8], patience: u32) -> bool {
    let said = JsFuture::from(take_turn_of(env, limit, key, patience)).await;
    // What is here is never rejected.
    said.map_or(true, |granted| granted.is_truthy())
}

/// The cookies that an answer sets, each on a line of its own.
pub(super) fn set_cookies(response: &Response) -> String {
    set_cookie_lines(response)
}

/// An upstream's answer with other headers: those of `removed` and `also_removed` end here, those of `set` take the place of
/// what is there, and names and values in turn of `absent` fill in what is absent. Body, status and an accepted WebSocket go on
/// as they are, and so does every `Set-Cookie`, unless `cookies` are the lines of those that do.
///
/// # Errors
/// The runtime takes one of the headers for none.
pub(super) fn hand_on<'s>(
    upstream: &Response,
    removed: &List,
    also_removed: &[&str],
    set: impl Iterator<Item = (&'s str, &'s str)>,
    absent: &List,
    cookies: Option<&str>,
) -> Result<Response, JsValue> {
    let (List(removed), List(absent)) = (removed, absent);
    let lines = changing_lines("", also_removed, set)?;
    hand_on_with(upstream, removed, &lines, absent, cookies)
}

/// Asks an address for the edge itself, with these headers only, and waits for so many milliseconds at most. Answers with a line
/// for the status, which is 0 if no answer came, one for `Retry-After`, and one for each `Set-Cookie`.
pub(super) async fn ask(
    method: &str,
    url: &str,
    timeout: u32,
    headers: &[(&str, String)],
) -> String {
    let headers = headers.iter().map(|(name, value)| (*name, value.as_str()));
    let Ok(lines) = changing_lines("", &[], headers) else {
        return String::new();
    };
    // It is never rejected.
    let said = JsFuture::from(ask_with(method, url, timeout, &lines)).await;
    said.ok()
        .and_then(|said| said.as_string())
        .unwrap_or_default()
}

/// Puts more `Set-Cookie` beside those of an answer.
///
/// # Errors
/// The runtime takes one of them for none.
pub(super) fn add_cookies(response: &Response, set_cookies: &[String]) -> Result<(), JsValue> {
    add_cookie_lines(response, &set_cookies.join("\n"))
}

/// What `change` reads in `runtime.js`: any line, the names of headers that end, and those that are set. Errors if there is a
/// comma in a name, for then it is none.
fn changing_lines<'h>(
    first: &str,
    ended: &[&str],
    set: impl Iterator<Item = (&'h str, &'h str)>,
) -> Result<String, JsValue> {
    if ended.iter().any(|name| name.contains(',')) {
        return Err(JsValue::UNDEFINED);
    }
    let mut read = lines([(first, ended.join(",").as_str())].into_iter())?;
    read.push_str(&lines(set)?);
    Ok(read)
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

fn found<'l>(names: &[String], lines: impl Iterator<Item = &'l str>) -> HeaderList {
    let found = names.iter().zip(lines);
    found
        .filter_map(|(name, line)| Some((name.clone(), line.strip_prefix('=')?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_and_empty_headers_are_told_apart() {
        let lines = "=Bearer a.b.c\n\n=";
        let names = ["authorization", "cookie", "accept"].map(str::to_owned);
        let found = found(&names, lines.split('\n'));
        let expected = [("authorization", "Bearer a.b.c"), ("accept", "")];
        assert_eq!(found, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }

    #[test]
    fn a_line_break_is_in_no_header() {
        for (headers, expected) in [
            (&[][..], Some("")),
            (&[("a", ""), ("b", "x=y; z")], Some("a\n\nb\nx=y; z\n")),
            (&[("a", "1\n2")], None),
            (&[("a\nb", "1")], None),
        ] {
            let lines = lines(headers.iter().copied()).ok();
            assert_eq!(lines.as_deref(), expected, "{headers:?}");
        }
    }
}
