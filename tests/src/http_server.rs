//! The smallest HTTP/1.1 server that a test can look through: one request per connection, answered with bytes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use crate::tap::{Seen, parse};

/// What a server does with a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Sends these bytes and closes the connection.
    Whole(Vec<u8>),
    /// Sends these bytes and keeps the connection open until the other side closes it.
    Unfinished(Vec<u8>),
}

/// Serves on a free loopback port for as long as the test process, and answers every request with what `answer` makes of
/// its head and its body.
pub fn serve(answer: impl Fn(&Seen, &[u8]) -> Reply + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
    let address = listener
        .local_addr()
        .expect("the address of a bound socket");
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || one(stream, |head, body| answer(head, body)));
        }
    });
    address
}

fn one(mut stream: TcpStream, answer: impl Fn(&Seen, &[u8]) -> Reply) {
    let Ok(reading) = stream.try_clone() else {
        return;
    };
    let mut reader = BufReader::new(reading);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if !matches!(reader.read_line(&mut head), Ok(read) if read > 0) {
            return;
        }
    }
    let head = parse(&head);
    let length = head
        .header("content-length")
        .first()
        .map_or(0, |length| length.parse().expect("a length in digits"));
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    // Whoever asked may have gone.
    match answer(&head, &body) {
        Reply::Whole(bytes) => {
            let _ = stream.write_all(&bytes);
        }
        Reply::Unfinished(bytes) => {
            let _ = stream.write_all(&bytes);
            let _ = reader.read_to_end(&mut body);
        }
    }
}

/// A whole answer with a right `Content-Length`.
#[must_use]
pub fn response(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status} .\r\nConnection: close\r\n");
    for (name, value) in headers {
        answer.push_str(&format!("{name}: {value}\r\n"));
    }
    // A 304 and a 204 have no body, and no length either.
    if !matches!(status, 204 | 304) {
        answer.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    answer.push_str("\r\n");
    [answer.as_bytes(), body].concat()
}
