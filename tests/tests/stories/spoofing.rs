//! Headers by which a client says who it is. None of them arrives at the app.

use edgeward_tests::client::TEST_CLOCK;
use edgeward_tests::{Answer, Person, World, raw};
use serde_json::Value;

/// What gates, proxies and frameworks believe, in the spellings that servers fold into one another.
const SPOOFED: &[&str] = &[
    "Edgeward-User",
    "edgeward_user",
    "EDGEWARD-USER",
    "Edgeward_Roles",
    "Edgeward-Roles",
    "Edgeward-Assertion",
    "edgeward_assertion",
    "Edgeward-Session",
    "Edgeward-Email",
    "Edgeward-Name",
    "Edgeward-Scope",
    "Edgeward-Proof",
    // Not about the caller, but about where a request ends: in another spelling they would stand beside the real ones.
    "Content_Length",
    "Transfer_Encoding",
    "X-Edgeward-User",
    "X_Edgeward_Roles",
    "X-Forwarded-User",
    "X-Forwarded-Email",
    "X-Forwarded-For",
    "x_forwarded_for",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Uri",
    "Forwarded",
    "X-Real-IP",
    "X-Original-URL",
    "X-Original-URI",
    "X-Rewrite-URL",
    "X-Auth-Request-User",
    "X-Auth-Request-Email",
    "X-User",
    "X-User-Id",
    "X_User",
    "Remote-User",
    "REMOTE_USER",
    "X-Remote-User",
    "x-middleware-subrequest",
    "CF-Access-Authenticated-User-Email",
    "Cf-Access-Jwt-Assertion",
    "X-Request-Id",
    "Proxy-Authorization",
    "X-HTTP-Method-Override",
    "X_HTTP_METHOD_OVERRIDE",
    "X-HTTP-Method",
    "X-Method-Override",
    "X-Forwarded-Method",
    "X-Original-Method",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Server",
    "X-Host",
];

const MARK: &str = "spoofed-by-a-client";

/// Asks for a page with these claims, by hand: a library would write their names in letters of its own.
fn claims(world: &World, person: Option<&Person>, target: &str, names: &[&str]) -> Answer {
    let now = world.now();
    let cookies = person.and_then(|person| person.jar().field("/", false, now));
    let now = now.to_string();
    let mut headers = vec![(TEST_CLOCK, now.as_str())];
    headers.extend(cookies.as_deref().map(|cookies| ("Cookie", cookies)));
    headers.extend(names.iter().map(|name| (*name, MARK)));
    raw::get(world.site.address, target, &headers).expect("an answer")
}

#[tokio::test]
async fn what_a_client_says_about_itself_never_arrives() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    for name in SPOOFED {
        let answer = claims(&world, Some(&ada), "/api/echo", &[name]).expect(200);
        assert!(
            !answer.body.contains(MARK),
            "{name} arrived: {}",
            answer.body
        );
    }
    for seen in world.to_app().seen() {
        assert!(
            seen.headers.iter().all(|(_, value)| !value.contains(MARK)),
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn the_app_gets_one_identity_and_it_is_the_right_one() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let id = ada
        .get("/auth/me")
        .send()
        .await
        .expect(200)
        .text("/user/id");
    let _ = claims(&world, Some(&ada), "/api/echo?q=1", SPOOFED).expect(200);
    let seen = world.to_app().seen().pop().unwrap();
    assert_eq!(seen.target, "/api/echo?q=1");
    let values = |name: &str| seen.header(name);

    assert_eq!(values("edgeward-user"), [id.as_str()]);
    assert_eq!(values("edgeward-email"), ["ada@example.test"]);
    assert_eq!(values("edgeward-name"), ["ada%20Example"]);
    assert_eq!(values("edgeward-assertion").len(), 1);
    assert_eq!(values("edgeward-session").len(), 1);
    assert!(
        values("edgeward-roles")
            .iter()
            .all(|roles| roles.is_empty()),
        "{seen:?}"
    );
    assert_eq!(
        values("x-forwarded-host"),
        [&world.site.address.to_string()]
    );
    assert_eq!(values("x-forwarded-proto"), ["http"]);
    assert_eq!(values("x-request-id").len(), 1);
}

#[tokio::test]
async fn our_cookies_stay_at_the_edge_and_the_apps_own_pass() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let ours = ada.jar().field("/", false, world.now()).unwrap();
    let asking = ada
        .get("/api/echo")
        .without_cookies()
        .header("cookie", &format!("theme=dark; {ours}; lang=en"));
    let echo = asking.send().await.expect(200).json();
    assert_eq!(header_values(&echo, "cookie"), ["theme=dark; lang=en"]);
    assert!(
        !echo
            .to_string()
            .contains(&ada.cookie("refresh").unwrap().value)
    );
    let alone = ada.get("/api/echo").send().await.expect(200).json();
    assert_eq!(header_values(&alone, "cookie"), Vec::<String>::new());
}

#[tokio::test]
async fn an_anonymous_visitor_of_a_public_page_stays_anonymous() {
    let world = World::start().await;
    let _ = claims(&world, None, "/", SPOOFED).expect(200);
    let seen = world.to_app().seen().pop().unwrap();
    assert_eq!(seen.target, "/");
    for name in [
        "edgeward-user",
        "edgeward-assertion",
        "edgeward-roles",
        "edgeward-session",
    ] {
        assert_eq!(seen.header(name), Vec::<&str>::new(), "{seen:?}");
    }
}

#[tokio::test]
async fn connection_cannot_take_our_own_headers_away() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let cookie = format!("edgeward-access={}", ada.access_token());
    let now = world.now().to_string();
    let headers = [
        ("Cookie", cookie.as_str()),
        ("edgeward-test-clock", now.as_str()),
        (
            "Connection",
            "Edgeward-Assertion, Edgeward-User, X-Forwarded-For, X-Own",
        ),
        ("X-Own", "hop"),
    ];
    // The helper's own `Connection: close` stands beside it.
    let answer = raw::get(world.site.address, "/api/echo", &headers).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let seen = world.to_app().seen().pop().unwrap();
    assert_eq!(seen.header("edgeward-assertion").len(), 1, "{seen:?}");
    assert_eq!(seen.header("edgeward-user").len(), 1, "{seen:?}");
    assert_eq!(
        seen.header("x-own"),
        Vec::<&str>::new(),
        "named by Connection, so it ends at the edge: {seen:?}"
    );
}

#[tokio::test]
async fn a_second_line_of_a_name_hides_behind_no_first() {
    let world = World::start().await;
    for (name, values, arrive) in [
        ("edgeward-user", [MARK, MARK], 0),
        ("x_forwarded_for", [MARK, MARK], 0),
        ("x-middleware-subrequest", [MARK, MARK], 0),
        // The app reads them as the gate did: in one.
        ("authorization", ["Basic dTpw", "Basic eDp5"], 1),
        ("cookie", ["a=1", "b=2"], 1),
    ] {
        let headers = values.map(|value| (name, value));
        let answer = raw::get(world.site.address, "/", &headers).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        let seen = world.to_app().seen().pop().unwrap();
        let told = seen.header(name);
        assert_eq!(told.len(), arrive, "{name}: {told:?}");
        for value in told {
            assert!(values.iter().all(|one| value.contains(one)), "{value}");
        }
    }
}

/// The demo app answers `{"headers": [["Name", "value"], …]}`.
fn header_values(echo: &Value, name: &str) -> Vec<String> {
    let headers = echo
        .pointer("/headers")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let text = |header: &Value, at: usize| {
        header
            .get(at)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    headers
        .iter()
        .filter(|header| text(header, 0).eq_ignore_ascii_case(name))
        .map(|header| text(header, 1))
        .collect()
}
