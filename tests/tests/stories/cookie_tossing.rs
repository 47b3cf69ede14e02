//! Cookies that somebody else planted beside ours, in each environment and below a parent domain: a request that two readers could
//! read differently is refused, and nothing of ours arrives at the app.

use edgeward_tests::GatedApp;
use edgeward_tests::lone_edge::signing_key;
use xtask::stack::Environment;

const POLICY: &str = r#"
version = 1
[[route]]
path = "/mine"
allow = "signed-in"
"#;

/// Header lines, with `{ours}` for the name of the access cookie, `{prefix}` for what our names begin with here, `{elsewhere}` for the
/// name that the access cookie has in another setting, `{third}` for what our names begin with in the third, `{token}` for a good token
/// and `{other}` for another good one; what is answered; and the cookies that arrive.
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
    (&["{third}edgeward-access={token}"], 401, &[]),
    (&["{elsewhere}={token}"], 401, &[]),
    // Ours of another setting: they open nothing here, and the app receives none.
    (&["{elsewhere}={other}; {ours}={token}; b=2"], 200, &["b=2"]),
    (
        &[
            "{ours}={token}; edgeward-refresh=R; __Host-edgeward-refresh=R; __Secure-edgeward-refresh=R; {THIRD}edgeward-session=S",
        ],
        200,
        &[],
    ),
    (
        &["{ours}={token}; a=1, {third}edgeward-access={other}"],
        400,
        &[],
    ),
];

/// What our names begin with in a setting, and in the two others.
struct Names {
    prefix: &'static str,
    elsewhere: &'static str,
    third: &'static str,
}

async fn check(environment: Environment, bindings: &[(&str, &str)], names: Names) {
    let site = GatedApp::bound(environment, POLICY, bindings, &[]).await;
    let Names {
        prefix,
        elsewhere,
        third,
    } = names;
    let ours = format!("{prefix}edgeward-access");
    let elsewhere = format!("{elsewhere}edgeward-access");
    let token = site.edge.token(&signing_key(1));
    // Another good one: the same claims of another moment.
    site.edge.wait(1);
    let other = site.edge.token(&signing_key(1));
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
            .replace("{elsewhere}", &elsewhere)
            .replace("{third}", third)
            .replace("{THIRD}", &third.to_uppercase())
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
        assert_eq!(answer.status, *status, "{ours}: {asked}: {}", answer.body);
        if *status == 400 {
            let _ = answer.expect_problem(400, "AMBIGUOUS_CREDENTIALS");
        }
        let arrived = site.arrived();
        assert_eq!(
            arrived.len(),
            usize::from(*status == 200),
            "{ours}: {asked}"
        );
        for seen in arrived {
            let arrives: Vec<_> = arrives.iter().map(|cookie| filled(cookie)).collect();
            assert_eq!(seen.header("cookie"), arrives, "{ours}: {asked}");
        }
    }
}

/// Where no other host shares the cookies.
const HOST: Names = Names {
    prefix: "__Host-",
    elsewhere: "",
    third: "__Secure-",
};

#[tokio::test]
async fn planted_cookies_are_refused_in_development() {
    let names = Names {
        prefix: "",
        elsewhere: "__Host-",
        third: "__Secure-",
    };
    check(Environment::Development, &[], names).await;
}

#[tokio::test]
async fn planted_cookies_are_refused_in_preview() {
    check(Environment::Preview, &[], HOST).await;
}

#[tokio::test]
async fn planted_cookies_are_refused_in_production() {
    check(Environment::Production, &[], HOST).await;
}

/// No browser keeps a sibling host from setting a cookie of the very name here, so the second of two is all that tells.
#[tokio::test]
async fn planted_cookies_are_refused_below_a_parent_domain() {
    let names = Names {
        prefix: "__Secure-",
        elsewhere: "",
        third: "__Host-",
    };
    let bindings = [("COOKIE_PARENT_DOMAIN", "example.com")];
    check(Environment::Production, &bindings, names).await;
}
