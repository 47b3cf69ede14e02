//! HTTP/1.1 by hand, for requests that no client library would send.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::answer::Answer;

/// How long an answer may take before it counts as none.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends these bytes and reads the answer to its end. The request should ask for `Connection: close`.
///
/// `None` means that the connection was closed without an answer.
#[must_use]
pub fn send(address: SocketAddr, request: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).expect("the site listens");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a socket takes a time limit");
    // The other side may refuse and close before everything is sent; what it said is read all the same.
    let _ = stream.write_all(request);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    read(request, &bytes)
}

/// The answer to a request, from everything that came back before the connection ended.
#[must_use]
pub fn read(request: &[u8], bytes: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        headers.append(
            name,
            HeaderValue::from_str(value.trim()).expect("a header value"),
        );
    }
    let asked = String::from_utf8_lossy(request)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned();
    Some(Answer {
        asked,
        status,
        headers,
        body: body.to_owned(),
    })
}

/// `GET target` exactly as given, with these header lines.
#[must_use]
pub fn get(address: SocketAddr, target: &str, headers: &[(&str, &str)]) -> Option<Answer> {
    let mut request = format!("GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    send(address, request.as_bytes())
}
