//! What a large body costs the edge.

use edgeward_tests::ByHand;
use edgeward_tests::by_hand::Side;

use super::{POLICY, head, runtime_of};

/// 100 MB.
const LARGE: u64 = 100 * 1024 * 1024;
/// What the runtime may grow by at most, as a part of the body: a pump with its buffers has far less, one copy of the body has
/// all of it, and what else the runtime does meanwhile has to fit as well.
const PART: u64 = 8;
/// So much is said at once.
const PIECE: u64 = 1024 * 1024;

/// The most memory that a process has had, in bytes.
pub(crate) fn peak_of(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kilobytes.expect("a process with memory") * 1024
}

/// Says a large body.
fn pours_out(mut side: Side) -> std::thread::JoinHandle<Side> {
    std::thread::spawn(move || {
        let piece = vec![b'x'; usize::try_from(PIECE).unwrap_or_default()];
        for _ in 0..LARGE / PIECE {
            side.says(&piece);
        }
        side
    })
}

#[tokio::test]
async fn a_hundred_megabytes_pass_either_way_without_being_kept() {
    let site = ByHand::start(POLICY).await;
    let process = runtime_of(&site.edge.log_file());
    let length = format!("Content-Length: {LARGE}");
    for round in ["warm-up", "measured"] {
        let before = peak_of(&process);
        let upload = site.asks("POST /open/a", &[&length, "Connection: close"]);
        let upload = pours_out(upload);
        let (_, mut app) = site.takes();
        app.passes_over(LARGE);
        app.says(head(&["HTTP/1.1 200 OK", &length]));
        let mut client = upload.join().unwrap();
        assert_eq!(client.head().status(), 200);
        let download = pours_out(app);
        client.passes_over(LARGE);
        let _ = download.join().unwrap();
        let grown = peak_of(&process) - before;
        println!("{round}: the peak grew by {} KiB", grown / 1024);
        assert!(grown < LARGE / PART, "{round}: {grown} bytes of {LARGE}");
    }
}
