//! Cookies that somebody else planted beside ours, in each environment: a request that two readers could read differently
//! is refused, and nothing of ours arrives at the app.

use edgeward_tests::GatedApp;
use xtask::stack::Environment;

const POLICY: &str = r#"
version = 1
[[route]]
path = "/mine"
allow = "signed-in"
"#;

/// Header lines, with `{ours}` for the name of the access cookie, `{prefix}` for what our names begin with here, `{token}` for a
/// good token and `{other}` for another good one; what is answered; and the cookies that arrive.
type Row = (&'static [&'static str], u16, &'static [&'static str]);

const ROWS: &[Row] = &[
    (&["{ours}={token}"], 200, &[]),
    (&["a=1; {ours}={token}; b=2"], 200, &["a=1; b=2"]),
    (&["{ours} = {token}"], 200, &[]),
    (
        &["a=1,2; {ours}={token}; b={\"c\":1,\"d\":2}"],
        200,
        &["a=1,2; b={\"c\":1,\"d\":2}"],
    ),
    (&["a=1", "{ours}={token}"], 400, &[]),
    (&["{ours}={token}", "a=1"], 401, &[]),
    (&["{ours}={token}; {ours}={token}"], 400, &[]),
    (&["{ours}={token}; {ours}={other}"], 400, &[]),
    (&["{ours}=x; {ours}={token}"], 400, &[]),
    (&["{ours}=; {ours}={token}"], 400, &[]),
    (&["{ours}={token}", "{ours}={token}"], 400, &[]),
    (&["a=1, {ours}={token}"], 400, &[]),
    // Names that other readers take for ours.
    (&["{OURS}={other}; {ours}={token}"], 400, &[]),
    (&["{ours}={token}; %65{shadow}={other}"], 400, &[]),
    (&["{ours}={token}; {ours}%20={other}"], 400, &[]),
    (&["{ours}={token}; \"{ours}\"={other}"], 400, &[]),
    (&["{ours}={token}; ={ours}={other}"], 400, &[]),
    (&["{ours}={token}; {ours}"], 400, &[]),
    (&["{ours}={token}; \u{a0}{ours}={other}"], 400, &[]),
    (&["{OURS}={token}"], 400, &[]),
    // Our other cookies.
    (
        &[
            "{ours}={token}; {prefix}edgeward-session=S; {prefix}edgeward-refresh=R; {prefix}edgeward-csrf=C; {prefix}edgeward-device=D",
        ],
        200,
        &[],
    ),
    (
        &["{ours}={token}; {prefix}edgeward-session=S; {prefix}edgeward-session=T"],
        400,
        &[],
    ),
    (
        &["{ours}={token}; {prefix}edgeward-refresh=S; {prefix}edgeward-refresh=T"],
        400,
        &[],
    ),
    (
        &["{ours}={token}; {prefix}edgeward-csrf=S; {prefix}edgeward-csrf=T"],
        400,
        &[],
    ),
    (
        &["{ours}={token}; {prefix}edgeward-device=S; {prefix}EDGEWARD-device=T"],
        400,
        &[],
    ),
    // Names that are not ours.
    (
        &["{ours}x={other}; {ours}={token}"],
        200,
        &["{ours}x={other}"],
    ),
    (&["x{ours}={token}"], 401, &[]),
    (&["__Secure-edgeward-access={token}"], 401, &[]),
    (&["{elsewhere}={token}"], 401, &[]),
    // Ours of another setting: they open nothing here, and the app receives none.
    (&["{elsewhere}={other}; {ours}={token}; b=2"], 200, &["b=2"]),
    (
        &[
            "{ours}={token}; edgeward-refresh=R; __Host-edgeward-refresh=R; __Secure-edgeward-refresh=R; __secure-edgeward-session=S",
        ],
        200,
        &[],
    ),
    (
        &["{ours}={token}; a=1, __Secure-edgeward-access={other}"],
        400,
        &[],
    ),
];

async fn check(environment: Environment, prefix: &str, elsewhere: &str) {
    let site = GatedApp::within(environment, POLICY).await;
    let ours = format!("{prefix}edgeward-access");
    let token = site.cookie().replacen(&format!("{ours}="), "", 1);
    // Another good one: the same claims of another moment.
    site.edge.wait(1);
    let other = site.cookie().replacen(&format!("{ours}="), "", 1);
    assert_ne!(token, other);
    let filled = |text: &str| {
        // The name with its first letter that can be written otherwise left out, `%65` or `%5F` in its place.
        let (first, rest) = ours.split_at(1);
        let disguise = format!(
            "%{:02x}{rest}",
            first.as_bytes().first().copied().unwrap_or_default()
        );
        text.replace("%65{shadow}", &disguise)
            .replace("{ours}", &ours)
            .replace("{OURS}", &ours.to_uppercase())
            .replace("{prefix}", prefix)
            .replace("{elsewhere}", elsewhere)
            .replace("{token}", &token)
            .replace("{other}", &other)
    };
    for (lines, status, arrives) in ROWS {
        let lines: Vec<String> = lines.iter().map(|line| filled(line)).collect();
        let headers: Vec<_> = lines.iter().map(|line| ("Cookie", line.as_str())).collect();
        let answer = site.ask("GET /mine", &headers);
        let asked = lines
            .join(" | ")
            .replace(&token, "{token}")
            .replace(&other, "{other}");
        assert_eq!(
            answer.status, *status,
            "{environment:?}: {asked}: {}",
            answer.body
        );
        if *status == 400 {
            let _ = answer.expect_problem(400, "AMBIGUOUS_CREDENTIALS");
        }
        let arrived = site.arrived();
        assert_eq!(
            arrived.len(),
            usize::from(*status == 200),
            "{environment:?}: {asked}"
        );
        for seen in arrived {
            let arrives: Vec<_> = arrives.iter().map(|cookie| filled(cookie)).collect();
            assert_eq!(seen.header("cookie"), arrives, "{environment:?}: {asked}");
        }
    }
}

#[tokio::test]
async fn planted_cookies_are_refused_in_development() {
    check(Environment::Development, "", "__Host-edgeward-access").await;
}

#[tokio::test]
async fn planted_cookies_are_refused_in_preview() {
    check(Environment::Preview, "__Host-", "edgeward-access").await;
}

#[tokio::test]
async fn planted_cookies_are_refused_in_production() {
    check(Environment::Production, "__Host-", "edgeward-access").await;
}
