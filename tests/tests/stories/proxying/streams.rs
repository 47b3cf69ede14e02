//! Bodies on their way: what one side has said is there before it says more.

use std::thread::{self, JoinHandle};

use edgeward_tests::ByHand;
use edgeward_tests::by_hand::Side;

use super::{POLICY, head};

/// Larger than all buffers between the two sides together, the kernel's among them.
const HALF: u64 = 16 * 1024 * 1024;

#[tokio::test]
async fn the_first_event_arrives_before_the_second_is_sent() {
    let site = ByHand::start(POLICY).await;
    let cookie = site.cookie();
    let mut client = site.asks("GET /mine/events", &[&cookie, "Accept: text/event-stream"]);
    let (_, mut app) = site.takes();
    app.says(head(&[
        "HTTP/1.1 200 OK",
        "Content-Type: text/event-stream",
        "Transfer-Encoding: chunked",
    ]));
    let answer = client.head();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.each("content-type"), ["text/event-stream"]);
    for number in 1..=3 {
        let event = format!("id: {number}\ndata: hello\n\n");
        app.says(format!("{:x}\r\n{event}\r\n", event.len()));
        assert_eq!(client.chunk(), event.as_bytes(), "event {number}");
    }
    app.says("0\r\n\r\n");
    assert_eq!(client.chunk(), b"");
}

#[tokio::test]
async fn who_leaves_a_stream_of_events_is_noticed_by_the_app() {
    let site = ByHand::start(POLICY).await;
    let mut client = site.asks("GET /open/events", &[]);
    let (_, mut app) = site.takes();
    app.says(head(&["HTTP/1.1 200 OK", "Transfer-Encoding: chunked"]));
    app.says("3\r\none\r\n");
    let _ = client.head();
    assert_eq!(client.chunk(), b"one");
    drop(client);
    app.says_until_nobody_listens("3\r\ntwo\r\n");
}

#[tokio::test]
async fn an_upload_reaches_the_app_while_it_is_sent() {
    let site = ByHand::start(POLICY).await;
    let cookie = site.cookie();
    let length = format!("Content-Length: {}", 2 * HALF);
    let client = site.asks("POST /mine/a", &[&cookie, &length, "Connection: close"]);
    let sending = says_half(client);
    let (request, mut app) = site.takes();
    assert_eq!(request.each("content-length"), [(2 * HALF).to_string()]);
    app.passes_over(HALF);
    // The second half is sent only now that the app has the first.
    let sending = says_half(sending.join().unwrap());
    app.passes_over(HALF);
    app.says(head(&["HTTP/1.1 201 Created", "Content-Length: 0"]));
    assert_eq!(sending.join().unwrap().head().status(), 201);
}

#[tokio::test]
async fn a_download_reaches_the_client_while_it_is_sent() {
    let site = ByHand::start(POLICY).await;
    let mut client = site.asks("GET /open/a", &["Connection: close"]);
    let (_, mut app) = site.takes();
    let length = format!("Content-Length: {}", 2 * HALF);
    app.says(head(&["HTTP/1.1 200 OK", &length]));
    assert_eq!(client.head().status(), 200);
    let sending = says_half(app);
    client.passes_over(HALF);
    let sending = says_half(sending.join().unwrap());
    client.passes_over(HALF);
    drop(sending.join().unwrap());
    assert_eq!(client.rest(), "");
}

fn says_half(mut side: Side) -> JoinHandle<Side> {
    thread::spawn(move || {
        side.says(vec![b'x'; usize::try_from(HALF).unwrap_or_default()]);
        side
    })
}

#[tokio::test]
async fn an_app_may_refuse_an_upload_before_it_has_read_it() {
    let site = ByHand::start(POLICY).await;
    let mut client = site.asks(
        "POST /open/a",
        &["Content-Length: 1000000", "Connection: close"],
    );
    let (_, mut app) = site.takes();
    app.says(head(&["HTTP/1.1 413 Content Too Large", "Content-Length: 5"]) + "small");
    let answer = client.head();
    assert_eq!(answer.status(), 413);
    assert_eq!(client.bytes(5), b"small");
}

#[tokio::test]
async fn an_upload_that_breaks_off_does_not_end_well_at_the_app() {
    let site = ByHand::start(POLICY).await;
    for lines in [&["Content-Length: 10"][..], &["Transfer-Encoding: chunked"]] {
        let mut client = site.asks("POST /open/a", lines);
        client.says("4\r\nhalf\r\n");
        let (_, mut app) = site.takes();
        drop(client);
        let arrived = app.rest();
        // As long as was promised it is not, nor is there a last chunk.
        assert!(arrived.len() < 10, "{lines:?}: {arrived:?}");
        assert!(!arrived.contains("0\r\n\r\n"), "{lines:?}: {arrived:?}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_not_end_well_at_the_client() {
    let site = ByHand::start(POLICY).await;
    for (line, said, arrives) in [
        ("Content-Length: 100", "half", "half"),
        (
            "Transfer-Encoding: chunked",
            "4\r\nhalf\r\n",
            "4\r\nhalf\r\n",
        ),
        (
            "Transfer-Encoding: chunked",
            "4\r\nhalf\r\nzz\r\n",
            "4\r\nhalf\r\n",
        ),
    ] {
        let mut client = site.asks("GET /open/a", &[]);
        let (_, mut app) = site.takes();
        app.says(head(&["HTTP/1.1 200 OK", line]));
        app.says(said);
        assert_eq!(client.head().status(), 200);
        drop(app);
        // The head is gone, so there is no other answer; the connection ends without the end of the body.
        assert_eq!(client.rest(), arrives, "{line} {said:?}");
    }
}
