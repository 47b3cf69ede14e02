//! One keep-alive connection with at most one request under way.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::SocketAddr,
    time::Instant,
};

use mio::{Interest, Registry, Token, net::TcpStream};

/// What is under way.
#[derive(Clone, Copy)]
pub struct Sent {
    /// For whom.
    pub client: usize,
    /// From when its latency counts.
    pub since: Instant,
}

/// A connection and what it has read.
pub struct Connection {
    stream: TcpStream,
    /// What came since the last request.
    pub read: Vec<u8>,
    /// What is under way.
    pub sent: Option<Sent>,
}

impl Connection {
    /// Connects, which over loopback is done at once.
    pub fn open(to: SocketAddr, registry: &Registry, token: Token) -> io::Result<Self> {
        let stream = std::net::TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        registry.register(&mut stream, token, Interest::READABLE)?;
        Ok(Self {
            stream,
            read: Vec::with_capacity(16 * 1024),
            sent: None,
        })
    }

    /// Sends a whole request; they are far smaller than the socket's buffer.
    pub fn send(&mut self, bytes: &[u8], sent: Sent) -> io::Result<()> {
        self.read.clear();
        self.sent = Some(sent);
        self.stream.write_all(bytes)
    }

    /// Reads what there is; `false` when the other end has closed.
    pub fn take_in(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.read.extend_from_slice(&buffer[..count]);
                    // A buffer that was not filled has emptied the socket, and epoll tells of what comes later.
                    if count < buffer.len() {
                        return Ok(true);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
