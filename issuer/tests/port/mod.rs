//! Ports for servers that are told where to listen.

use std::{
    net::{Ipv4Addr, TcpListener},
    ops::Range,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// Ports below those that the system hands out to connections on their way out (from 32768 on Linux); one of those could be
/// gone again before the server that it was chosen for listens, or while it is stopped.
const PORTS: Range<u32> = 12_000..32_000;

/// A port of this machine that is free, and that this process has not named before.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let count = PORTS.end - PORTS.start;
    // Processes begin at different places, so that two of them seldom try the same port.
    let begin = process::id().wrapping_mul(97);
    let named = (0..count).map(|_| {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        u16::try_from(PORTS.start + begin.wrapping_add(step) % count).unwrap()
    });
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    named.into_iter().find(is_free).expect("a port is free")
}
