//! An app, or whoever can make it answer what they like, says who is signed in. It is not believed.

use edgeward_tests::ByHand;
use xtask::stack::Environment;

use super::{POLICY, head};

/// What an app sets, with `{ours}` for what our names begin with, and whether it reaches the browser.
const ROWS: &[(&str, bool)] = &[
    ("theme=dark; Path=/", true),
    ("{ours}access=x; Path=/; Secure; HttpOnly", false),
    ("{ours}session=; Path=/; Secure; Max-Age=0", false),
    ("{ours}refresh=x; Path=/auth", false),
    ("{ours}csrf=x", false),
    ("{ours}device=x", false),
    ("{ours}access", false),
    // What the gate would refuse every later request for.
    ("={ours}access=x", false),
    ("{ours}ACCESS=x", false),
    ("{ours}acces%73=x; Domain=example.com", false),
    ("\"{ours}access\"=x", false),
    // What is somebody else's.
    ("{ours}accessories=x", true),
    ("x{ours}access=x", true),
    ("a={ours}access", true),
];

async fn check(environment: Environment, prefix: &str) {
    let site = ByHand::with(environment, POLICY, &[]).await;
    let ours = format!("{prefix}edgeward-");
    let sets = |line: &str| format!("Set-Cookie: {}", line.replace("{ours}", &ours));
    for (line, reaches) in ROWS {
        let lines = [sets("first=1"), sets(line), sets("last=2; HttpOnly")];
        let mut client = site.asks("GET /open/a", &["Connection: close"]);
        let (_, mut app) = site.takes();
        app.says(head(&[
            "HTTP/1.1 200 OK",
            &lines[0],
            &lines[1],
            &lines[2],
            "Content-Length: 0",
        ]));
        let answer = client.head();
        let expected: Vec<_> = lines
            .iter()
            .enumerate()
            .filter(|(number, _)| *reaches || *number != 1)
            .map(|(_, line)| line.replacen("Set-Cookie: ", "", 1))
            .collect();
        assert_eq!(
            answer.each("set-cookie"),
            expected,
            "{environment:?}: {line}"
        );
    }
    let refused = ROWS.iter().filter(|(_, reaches)| !reaches).count();
    let log = site.edge.log();
    let told = log
        .lines()
        .filter(|line| line.contains("\"cookie-refused\""));
    assert_eq!(told.count(), refused, "{log}");
}

#[tokio::test]
async fn an_app_sets_none_of_our_cookies_in_development() {
    check(Environment::Development, "").await;
}

#[tokio::test]
async fn an_app_sets_none_of_our_cookies_in_preview() {
    check(Environment::Preview, "__Host-").await;
}

#[tokio::test]
async fn an_app_sets_none_of_our_cookies_in_production() {
    check(Environment::Production, "__Host-").await;
}
