//! Both sides of an edge by hand: a client and an app that say and read what a story wants, piece by piece and in its order.
//!
//! Whoever waits for what never comes fails after a while; nothing else here depends on time.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use xtask::stack::Environment;

use crate::gated_app::access_cookie;
use crate::key_server::{KeyServer, PATIENCE};
use crate::lone_edge::{Guarded, LoneEdge, signing_key};

/// The longest head that a story reads.
const LONGEST_HEAD: u64 = 64 * 1024;

/// An edge between the two sides.
#[derive(Debug)]
pub struct ByHand {
    /// The edge.
    pub edge: LoneEdge,
    app: Receiver<TcpStream>,
    environment: Environment,
    _issuer: KeyServer,
}

impl ByHand {
    /// In development.
    pub async fn start(policy: &str) -> Self {
        Self::with(Environment::Development, policy, &[]).await
    }

    /// In an environment, with bindings besides the usual ones.
    pub async fn with(
        environment: Environment,
        policy: &str,
        bindings: &[(&'static str, &'static str)],
    ) -> Self {
        let (address, app) = listens();
        let issuer = KeyServer::with(&[&signing_key(1)]);
        let guarded = Guarded {
            environment,
            policy,
            app: address,
            bindings,
            limiters: &[],
        };
        Self {
            edge: LoneEdge::in_front_of(guarded, &issuer, None).await,
            app,
            environment,
            _issuer: issuer,
        }
    }

    /// The header line of somebody who is signed in.
    #[must_use]
    pub fn cookie(&self) -> String {
        let token = self.edge.token(&signing_key(1));
        format!("Cookie: {}", access_cookie(self.environment, &token))
    }

    /// A client begins a request: the first line without the version, and header lines besides `Host` and the time.
    #[must_use]
    pub fn asks(&self, first_line: &str, lines: &[&str]) -> Side {
        let mut client = Side::towards(self.edge.address());
        client.says(self.edge.head_by_hand(first_line, lines));
        client
    }

    /// The next request at the app: its head, and the rest of its connection.
    #[must_use]
    pub fn takes(&self) -> (Head, Side) {
        let stream = self.app.recv_timeout(PATIENCE);
        let mut app = Side::of(stream.expect("a request reaches the app"));
        (app.head(), app)
    }

    /// Whether nothing has come to the app that the story did not take.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.app.try_recv().is_err()
    }
}

/// Every connection of the app's, in order.
fn listens() -> (SocketAddr, Receiver<TcpStream>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
    let address = listener.local_addr().expect("a bound socket");
    let (taken, app) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if taken.send(stream).is_err() {
                return;
            }
        }
    });
    (address, app)
}

/// One side's end of a connection.
#[derive(Debug)]
pub struct Side(BufReader<TcpStream>);

impl Side {
    /// A connection to whoever listens there.
    #[must_use]
    pub fn towards(address: SocketAddr) -> Self {
        Self::of(TcpStream::connect(address).expect("it listens"))
    }

    fn of(stream: TcpStream) -> Self {
        for limited in [
            stream.set_read_timeout(Some(PATIENCE)),
            stream.set_write_timeout(Some(PATIENCE)),
        ] {
            limited.expect("a socket takes a time limit");
        }
        let at_once = stream.set_nodelay(true);
        at_once.expect("a socket sends what it is given");
        Self(BufReader::new(stream))
    }

    /// Sends this.
    pub fn says(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = self.0.get_mut().write_all(bytes.as_ref());
        sent.expect("the other side reads on");
    }

    /// Sends this again and again, until the other side has gone.
    pub fn says_until_nobody_listens(&mut self, bytes: impl AsRef<[u8]>) {
        let stream = self.0.get_mut();
        let gone = loop {
            if let Err(error) = stream.write_all(bytes.as_ref()) {
                break error;
            }
        };
        assert!(!is_a_wait(&gone), "the other side neither reads nor goes");
    }

    /// The head of the request or the answer that comes next.
    pub fn head(&mut self) -> Head {
        let mut text = String::new();
        let mut limited = (&mut self.0).take(LONGEST_HEAD);
        while !text.ends_with("\r\n\r\n") {
            let read = limited.read_line(&mut text).expect("a head comes");
            assert!(read > 0, "the connection ended in a head: {text:?}");
        }
        Head::of(&text)
    }

    /// A line, without its end.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        let _ = self.0.read_line(&mut line).expect("a line comes");
        line.trim_end_matches("\r\n").to_owned()
    }

    /// A chunk of a body (RFC 9112, section 7.1); an empty one is the last.
    pub fn chunk(&mut self) -> Vec<u8> {
        let size = self.line();
        let size = usize::from_str_radix(&size, 16).expect("the size of a chunk");
        let chunk = self.bytes(size);
        let _ = self.line();
        chunk
    }

    /// A whole body in chunks.
    pub fn chunks(&mut self) -> Vec<u8> {
        let chunks = std::iter::from_fn(|| Some(self.chunk()).filter(|chunk| !chunk.is_empty()));
        chunks.flatten().collect()
    }

    /// Exactly so many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).expect("so many bytes come");
        bytes
    }

    /// Reads so many bytes and keeps none.
    pub fn passes_over(&mut self, count: u64) {
        let mut limited = (&mut self.0).take(count);
        let read = std::io::copy(&mut limited, &mut std::io::sink());
        assert_eq!(read.expect("so many bytes come"), count);
    }

    /// Everything until the other side ends the connection, in whatever manner.
    #[must_use]
    pub fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        if let Err(error) = self.0.read_to_end(&mut bytes) {
            assert!(
                !is_a_wait(&error),
                "the other side does not end the connection"
            );
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Says no more, and reads on.
    pub fn is_done(&mut self) {
        let _ = self.0.get_mut().shutdown(Shutdown::Write);
    }
}

/// Whether this says that the time was over, and not that the connection was.
fn is_a_wait(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// The head of a request or of an answer.
#[derive(Debug, Clone)]
pub struct Head {
    /// Its first line.
    pub first: String,
    fields: Vec<(String, String)>,
}

impl Head {
    fn of(text: &str) -> Self {
        let mut lines = text.trim_end().split("\r\n");
        let first = lines.next().unwrap_or_default().to_owned();
        let fields = lines.filter_map(|line| line.split_once(':'));
        let fields = fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        Self {
            first,
            fields: fields.collect(),
        }
    }

    /// The status of an answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        let status = self.first.split(' ').nth(1);
        status
            .and_then(|status| status.parse().ok())
            .unwrap_or_else(|| panic!("this is no answer: {:?}", self.first))
    }

    /// The values of each line with this name.
    #[must_use]
    pub fn each(&self, name: &str) -> Vec<&str> {
        let fields = self.fields.iter();
        fields
            .filter(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }
}
