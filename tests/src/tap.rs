//! Listens between the edge and what is behind it, and remembers the head of every request that goes by.
//!
//! It changes nothing, but for an answer that it is told to lose and the time where two clocks shall differ, and understands only as
//! much of HTTP/1.1 as it takes to find the heads of requests: a head begins where the last body ended, and bodies are measured by
//! their length or their chunks.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::client::TEST_CLOCK;
use crate::key_server::Gate;

/// A head larger than this is no request of ours.
const LONGEST_HEAD: usize = 64 * 1024;

/// A request that went by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `GET`, `POST` …
    pub method: String,
    /// Path and query as they were on the wire.
    pub target: String,
    /// Header fields in order, names as they were on the wire.
    pub headers: Vec<(String, String)>,
}

impl Seen {
    /// The values of a header, whatever the case of its name.
    #[must_use]
    pub fn header(&self, name: &str) -> Vec<&str> {
        let same = |(field, _): &&(String, String)| field.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .filter(same)
            .map(|(_, value)| value.as_str())
            .collect()
    }
}

/// A forwarder on a loopback port of its own; it goes on as long as the test process.
#[derive(Debug, Clone)]
pub struct Tap {
    address: SocketAddr,
    log: Arc<Log>,
}

#[derive(Debug, Default)]
struct Log {
    seen: Mutex<Vec<Seen>>,
    /// The target whose next answer is lost.
    loses: Mutex<Option<String>>,
    /// How many seconds the clock of the upstream is ahead of that of the edge.
    ahead: AtomicI64,
    waits: Gate,
}

impl Tap {
    /// Listens at a free port and forwards to `upstream`.
    #[must_use]
    pub fn to(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
        let address = listener
            .local_addr()
            .expect("the address of a bound socket");
        let log = Arc::<Log>::default();
        let own = Arc::clone(&log);
        thread::spawn(move || {
            for from in listener.incoming().flatten() {
                // A connection that is closed at once is what a forwarder without an upstream can offer.
                if let Ok(to) = TcpStream::connect(upstream) {
                    connect(from, to, Arc::clone(&own));
                }
            }
        });
        Self { address, log }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything that went by so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        let seen = self.log.seen.lock();
        seen.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The next request to this target arrives, and its connection breaks before the answer is back.
    pub fn loses_the_next_answer_to(&self, target: &str) {
        let mut loses = self
            .log
            .loses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *loses = Some(target.to_owned());
    }

    /// From now on the clock of what is behind is so many seconds ahead of the edge's, or behind it by a negative number.
    pub fn sets_the_clock_ahead_by(&self, seconds: i64) {
        self.log.ahead.store(seconds, Ordering::SeqCst);
    }

    /// From now on nothing goes by, until [`Self::lets_go`].
    pub fn holds_back(&self) {
        self.log.waits.closes();
    }

    /// Everything that was held back goes on.
    pub fn lets_go(&self) {
        self.log.waits.opens();
    }

    /// Method and target of everything that went by so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.seen()
            .into_iter()
            .map(|seen| format!("{} {}", seen.method, seen.target))
            .collect()
    }
}

impl Log {
    /// Whether the answer to this request is lost.
    fn note(&self, seen: Seen) -> bool {
        let mut loses = self.loses.lock().unwrap_or_else(PoisonError::into_inner);
        let is_lost = loses.take_if(|target| *target == seen.target).is_some();
        let mut all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(seen);
        is_lost
    }
}

fn connect(from: TcpStream, to: TcpStream, log: Arc<Log>) {
    let (Ok(mut from_again), Ok(mut to_again)) = (from.try_clone(), to.try_clone()) else {
        return;
    };
    let breaks = Arc::new(AtomicBool::new(false));
    let broken = Arc::clone(&breaks);
    thread::spawn(move || {
        let mut requests = Requests::default();
        pump(from, to, |bytes, onward| {
            by_another_clock(bytes, onward, log.ahead.load(Ordering::SeqCst));
            for seen in requests.read(bytes) {
                if log.note(seen) {
                    breaks.store(true, Ordering::SeqCst);
                }
            }
            log.waits.pass();
        });
    });
    thread::spawn(move || {
        let mut buffer = [0u8; 16 * 1024];
        while let Ok(read) = to_again.read(&mut buffer) {
            let bytes = buffer.get(..read).filter(|bytes| !bytes.is_empty());
            // The answer is there, so the request was carried out.
            let goes_on = bytes.is_some_and(|bytes| {
                !broken.load(Ordering::SeqCst) && from_again.write_all(bytes).is_ok()
            });
            if !goes_on {
                break;
            }
        }
        let _ = from_again.shutdown(Shutdown::Both);
    });
}

fn pump(mut from: TcpStream, mut to: TcpStream, mut look: impl FnMut(&[u8], &mut Vec<u8>)) {
    let mut onward = Vec::new();
    let mut buffer = [0u8; 16 * 1024];
    while let Ok(read) = from.read(&mut buffer) {
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        // Noted before it is sent on: whoever saw the answer can rely on the note.
        onward.clear();
        look(bytes, &mut onward);
        if to.write_all(&onward).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// What goes on of these bytes: the same, but for the time in the header of the tests' clock. The runtime writes a head at once, so the
/// header is in one piece.
fn by_another_clock(bytes: &[u8], onward: &mut Vec<u8>, ahead: i64) {
    let mut rest = bytes;
    let name = format!("{TEST_CLOCK}: ");
    let find = |text: &[u8]| {
        text.windows(name.len())
            .position(|at| at == name.as_bytes())
    };
    while ahead != 0
        && let Some(at) = find(rest)
    {
        let (before, time) = rest.split_at(at + name.len());
        let digits = time.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (time, after) = time.split_at(digits);
        let time = String::from_utf8_lossy(time).parse::<i64>();
        onward.extend_from_slice(before);
        onward.extend_from_slice((time.expect("a time") + ahead).to_string().as_bytes());
        rest = after;
    }
    onward.extend_from_slice(rest);
}

/// Finds the heads of requests in what a connection carries.
#[derive(Default)]
struct Requests {
    waiting: Vec<u8>,
    rest: Rest,
}

/// What is left of the body of the last request.
#[derive(Default, Clone, Copy)]
enum Rest {
    #[default]
    Nothing,
    Bytes(usize),
    Chunks,
}

impl Requests {
    fn read(&mut self, bytes: &[u8]) -> Vec<Seen> {
        self.waiting.extend_from_slice(bytes);
        let mut found = Vec::new();
        loop {
            match self.rest {
                Rest::Bytes(length) => {
                    let here = length.min(self.waiting.len());
                    self.waiting.drain(..here);
                    if here < length {
                        self.rest = Rest::Bytes(length - here);
                        return found;
                    }
                    self.rest = Rest::Nothing;
                }
                Rest::Chunks => {
                    let Some(line) = self.line_end() else {
                        return found;
                    };
                    let digits = String::from_utf8_lossy(&self.waiting[..line]).into_owned();
                    let size =
                        usize::from_str_radix(digits.split(';').next().unwrap_or("").trim(), 16)
                            .unwrap_or(0);
                    // The line, the chunk and the line break behind it; the last chunk is empty and has no trailers here.
                    let whole = line + 2 + size + 2;
                    if self.waiting.len() < whole {
                        return found;
                    }
                    self.waiting.drain(..whole);
                    if size == 0 {
                        self.rest = Rest::Nothing;
                    }
                }
                Rest::Nothing => {
                    let Some(end) = self
                        .waiting
                        .windows(4)
                        .position(|window| window == b"\r\n\r\n")
                    else {
                        assert!(self.waiting.len() < LONGEST_HEAD, "this is not HTTP/1.1");
                        return found;
                    };
                    let head: Vec<u8> = self.waiting.drain(..end + 4).collect();
                    let seen = parse(&String::from_utf8_lossy(&head));
                    let length = seen
                        .header("content-length")
                        .first()
                        .and_then(|length| length.parse().ok());
                    self.rest = match length {
                        Some(length) => Rest::Bytes(length),
                        None if !seen.header("transfer-encoding").is_empty() => Rest::Chunks,
                        None => Rest::Nothing,
                    };
                    found.push(seen);
                }
            }
        }
    }

    fn line_end(&self) -> Option<usize> {
        self.waiting.windows(2).position(|window| window == b"\r\n")
    }
}

pub(crate) fn parse(head: &str) -> Seen {
    let mut lines = head.trim_end().split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let method = first.next().unwrap_or_default().to_owned();
    let target = first.next().unwrap_or_default().to_owned();
    let fields = lines.filter_map(|line| line.split_once(':'));
    let headers = fields
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    Seen {
        method,
        target,
        headers,
    }
}

#[cfg(test)]
mod tests {
    use super::{Requests, by_another_clock};

    #[test]
    fn the_time_of_a_request_is_set_and_nothing_else_is() {
        let head = |time| format!("GET /1 HTTP/1.1\r\nedgeward-test-clock: {time}\r\nx: 9\r\n\r\n");
        let two = |time| head(time) + &head(time);
        for (ahead, expected) in [(0, two(1000)), (60, two(1060)), (-1, two(999))] {
            let mut onward = Vec::new();
            by_another_clock(two(1000).as_bytes(), &mut onward, ahead);
            assert_eq!(String::from_utf8_lossy(&onward), expected, "{ahead}");
        }
    }

    #[test]
    fn heads_are_found_in_any_pieces_and_bodies_are_not_taken_for_them() {
        let stream = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n\
            POST /b HTTP/1.1\r\nContent-Length: 18\r\n\r\nGET /no HTTP/1.1\r\n\
            POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n\
            GET /d?x=1 HTTP/1.1\r\n\r\n";
        for size in [1, 2, 3, 7, 50, stream.len()] {
            let mut requests = Requests::default();
            let seen: Vec<_> = stream
                .as_bytes()
                .chunks(size)
                .flat_map(|piece| requests.read(piece))
                .collect();
            let targets: Vec<_> = seen.iter().map(|seen| seen.target.as_str()).collect();
            assert_eq!(targets, ["/a", "/b", "/c", "/d?x=1"], "in pieces of {size}");
        }
    }
}
