//! Free ports, and waiting until a part answers.
//!
//! A part is ready when it says so over HTTP itself; no time is guessed. The only thing that is timed is how long a part
//! that says nothing is given before it is called broken.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};
use crate::guard::Guarded;

/// How long a part may take to answer: generous, because a loaded two-core machine starts three of them at once.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(5);
/// The pause between attempts: short beside a start-up, long beside an attempt.
const PAUSE: Duration = Duration::from_millis(25);

/// Ports below those that the system hands out to connections on their way out (from 32768 on Linux); one of those could be
/// gone again before the part that it was chosen for listens.
const PORTS: std::ops::Range<u32> = 12_000..32_000;

/// A loopback address with a port that is free, and that this process has not named before.
pub fn free_address() -> Outcome<SocketAddr> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let count = PORTS.end - PORTS.start;
    // Processes begin at different places, so that two of them seldom try the same port.
    let begin = std::process::id().wrapping_mul(97);
    for _ in 0..count {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let number = PORTS.start + begin.wrapping_add(step) % count;
        if let Ok(port) = u16::try_from(number)
            && is_free(port)
        {
            return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        }
    }
    Err(Failure::new("no port is free"))
}

/// Whether nobody listens at the port.
#[must_use]
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Waits until `GET path` at `address` answers with `status`, and fails early when the program ends first.
pub fn until_answers(
    program: &mut Guarded,
    address: SocketAddr,
    path: &str,
    status: u16,
) -> Outcome<()> {
    until(program, &format!("answer {status} to GET {path}"), || {
        get_status(address, path).is_some_and(|answered| answered == status)
    })
}

/// Waits until something accepts connections at `address`.
pub fn until_listens(program: &mut Guarded, address: SocketAddr) -> Outcome<()> {
    until(program, &format!("listen at {address}"), || {
        TcpStream::connect_timeout(&address, ATTEMPT).is_ok()
    })
}

fn until(program: &mut Guarded, what: &str, mut holds: impl FnMut() -> bool) -> Outcome<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if holds() {
            return Ok(());
        }
        if let Some(status) = program.ended() {
            return Err(Failure::new(format!(
                "{} ended with {status}; {}",
                program.name(),
                program.log_tail()
            )));
        }
        if Instant::now() >= deadline {
            let seconds = PATIENCE.as_secs();
            let name = program.name();
            return Err(Failure::new(format!(
                "{name} did not {what} within {seconds} s; {}",
                program.log_tail()
            )));
        }
        pause();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the pause between two questions to a starting process; nothing waits for time itself"
)]
fn pause() {
    std::thread::sleep(PAUSE);
}

fn get_status(address: SocketAddr, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect_timeout(&address, ATTEMPT).ok()?;
    stream.set_read_timeout(Some(ATTEMPT)).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    line.split(' ').nth(1)?.parse().ok()
}
