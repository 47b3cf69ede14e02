//! Connections: accepting them, bounding what a slow or greedy client may hold, and letting them end in order.
//!
//! A connection has no request yet, so nobody else bounds it: a client that sends a header line a minute, or nothing at
//! all, would hold its place for ever. What a request may cost is bounded in [`routes`](super::routes). How many
//! connections there may be is left to the operating system's limit of open files and to the proxy in front.

use std::{convert::Infallible, future::Future, io, net::SocketAddr, pin::pin, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    response::Response,
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tower::ServiceExt;

/// How long the head of a request may take, counted from the connection or from the answer before; so it also ends idle
/// connections. Longer than the pools of common proxies keep an idle connection, so that it is they who close it.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(75);

/// The largest head of a request. Proxies in front accept 8 to 32 KiB; all our cookies together have under 8.
pub const HEADER_MAX_BYTES: usize = 64 * 1024;

/// After an error that is not one connection's, such as too many open files: until others have ended.
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(1);

/// Serves until `stop`, then accepts nothing more, lets running requests end, and returns.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    header_timeout: Duration,
    stop: impl Future<Output = ()>,
) {
    let (closing, closed) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            // Ended connections are put away as they end; the set would grow for ever otherwise.
            Some(_) = connections.join_next() => {}
            (stream, peer) = accept(&listener) => {
                let router = router.clone();
                connections.spawn(converse(stream, peer, router, header_timeout, closed.clone()));
            }
        }
    }
    drop(listener);
    drop(closing);
    while connections.join_next().await.is_some() {}
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                tokio::time::sleep(PAUSE_AFTER_ERROR).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

/// Answers the requests of one connection, one after the other.
async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    header_timeout: Duration,
    mut closed: watch::Receiver<()>,
) {
    // Answers are small and complete: waiting for more to send only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY refused");
    }
    let service = service_fn(move |request| answer(router.clone(), peer, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        // The second bounds the memory while the head is incomplete, the first what is accepted of it.
        .max_header_size(HEADER_MAX_BYTES)
        .max_buf_size(HEADER_MAX_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        // There is no other message than the end of the sender.
        _ = closed.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended in the middle");
    }
}

async fn answer(
    router: Router,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    router.oneshot(request).await
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        sync::oneshot,
        task::JoinHandle,
    };

    use super::*;

    struct Server {
        address: SocketAddr,
        stop: oneshot::Sender<()>,
        task: JoinHandle<()>,
    }

    async fn start(header_timeout: Duration) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let peer = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.ip().to_string();
        let router = Router::new().route("/peer", get(peer));
        let stopped = async {
            let _ = stopped.await;
        };
        let task = tokio::spawn(serve(listener, router, header_timeout, stopped));
        Server {
            address,
            stop,
            task,
        }
    }

    /// Sends this and reads until the server closes.
    async fn say(server: &Server, text: &str) -> String {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let _ = stream.write_all(text.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    // With the clock stopped, time goes on only when nothing else can.
    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_finish_its_request_head_is_let_go() {
        let server = start(HEADER_TIMEOUT).await;
        for text in [
            "",
            "GET /peer HTTP/1.1\r\n",
            "GET /peer HTTP/1.1\r\nX-Slow: ",
        ] {
            let answer = say(&server, text).await;
            assert!(!answer.contains(" 200 "), "{text:?}: {answer}");
        }
        // An idle connection is let go too, after its answer.
        let answer = say(&server, "GET /peer HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.ends_with("127.0.0.1"), "{answer}");
    }

    #[tokio::test]
    async fn a_head_that_is_too_large_is_refused() {
        let server = start(HEADER_TIMEOUT).await;
        let fits = "a".repeat(HEADER_MAX_BYTES / 2);
        let text =
            format!("GET /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: {fits}\r\n\r\n");
        assert!(say(&server, &text).await.starts_with("HTTP/1.1 200 "));
        // As much as is read and no end of it: nothing stays unread, so the refusal arrives whole.
        let mut large = "GET /peer HTTP/1.1\r\nHost: x\r\nX: ".to_owned();
        large.extend(std::iter::repeat_n('a', HEADER_MAX_BYTES - large.len()));
        let answer = say(&server, &large).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
        // Of a longer one the server closes with the rest unread, and its answer may be lost.
        let answer = say(&server, &(large + &fits + "\r\n\r\n")).await;
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 431 ");
        assert!(refused, "{answer}");
    }

    #[tokio::test]
    async fn stopping_closes_idle_connections_and_ends() {
        let server = start(HEADER_TIMEOUT).await;
        let mut idle = TcpStream::connect(server.address).await.unwrap();
        idle.write_all(b"GET /peer HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        let mut first = [0; 12];
        idle.read_exact(&mut first).await.unwrap();
        server.stop.send(()).unwrap();
        server.task.await.unwrap();
        let mut rest = Vec::new();
        idle.read_to_end(&mut rest).await.unwrap();
        assert!(TcpStream::connect(server.address).await.is_err());
    }
}
