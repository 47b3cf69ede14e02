//! Whatever is sent, there is a precise answer, and afterwards everything works as before.

use edgeward_tests::client::TEST_CLOCK;
use edgeward_tests::world::PASSWORD;
use edgeward_tests::{Setup, World, raw};
use serde_json::{Value, json};

/// The most octets of the headers by which the edge decides, in all.
const MOST_IN_HEADERS: usize = 32 * 1024;

#[tokio::test]
async fn a_malformed_body_is_named_and_changes_nothing() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    let send = async |content_type: &str, body: Vec<u8>| {
        world
            .browser()
            .post("/auth/login")
            .header("content-type", content_type)
            .body(body)
            .send()
            .await
    };
    let deep = "[".repeat(5000);
    let twice = format!(
        "{{\"email\":\"{}\",\"email\":\"x\",\"password\":\"y\"}}",
        ada.email
    );
    let rows: [(&str, &str, Vec<u8>, &[u16]); 10] = [
        ("no JSON", "application/json", b"{".to_vec(), &[400]),
        ("nothing", "application/json", b"".to_vec(), &[400]),
        (
            "no object",
            "application/json",
            b"[1]".to_vec(),
            &[400, 422],
        ),
        (
            "no password",
            "application/json",
            b"{\"email\":\"a@b.c\"}".to_vec(),
            &[400, 422],
        ),
        (
            "a number",
            "application/json",
            b"{\"email\":1,\"password\":2}".to_vec(),
            &[400, 422],
        ),
        (
            "deep nesting",
            "application/json",
            deep.into_bytes(),
            &[400],
        ),
        (
            "no UTF-8",
            "application/json",
            b"{\"email\":\"\xff\"}".to_vec(),
            &[400],
        ),
        (
            "a name twice",
            "application/json",
            twice.into_bytes(),
            &[400, 422],
        ),
        ("another type", "text/plain", b"{}".to_vec(), &[403, 415]),
        // One byte more than is read. Of a body that is far longer the connection ends while it is still being sent, and
        // the answer may then be lost on the way, as HTTP/1.1 has it (RFC 9112, section 9.6).
        (
            "too much",
            "application/json",
            vec![b' '; 64 * 1024 + 1],
            &[413],
        ),
    ];
    for (what, content_type, body, expected) in rows {
        let answer = send(content_type, body).await;
        assert!(expected.contains(&answer.status), "{what}: {answer:?}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{what}"
        );
        assert!(answer.json().get("code").is_some(), "{what}: {answer:?}");
    }
    ada.log_in().await;
}

#[tokio::test]
async fn bad_details_at_registration_are_told_one_by_one() {
    let world = World::start().await;
    let register = async |email: &str, password: &str| {
        let details =
            json!({ "email": email, "password": password, "firstName": "N", "lastName": "N" });
        world
            .browser()
            .post("/auth/register")
            .json(&details)
            .send()
            .await
    };
    for weak in [
        "short",
        "alllowercaseletters",
        "NoDigitsAtAll-Here",
        "1234567890123",
    ] {
        let _ = register("new@example.test", weak)
            .await
            .expect_problem(422, "WEAK_PASSWORD");
    }
    for email in ["", "no-at", "a@", "@b", "a b@example.test", "a@b\r\nbcc: x"] {
        let _ = register(email, PASSWORD)
            .await
            .expect_problem(422, "VALIDATION_FAILED");
    }
    let _ = register("new@example.test", PASSWORD).await.expect(201);
}

#[tokio::test]
async fn malformed_cookies_do_not_get_in_and_do_not_break_anything() {
    const NOBODY: (u16, &str) = (401, "NOT_SIGNED_IN");
    const INVALID: (u16, &str) = (401, "INVALID_TOKEN");
    const AMBIGUOUS: (u16, &str) = (400, "AMBIGUOUS_CREDENTIALS");
    let world = World::start().await;
    let now = world.now().to_string();
    let mut wrong = Vec::new();
    // What the gate says, and what the issuer does.
    for (cookie, at_gate, at_issuer) in [
        ("edgeward-access", AMBIGUOUS, AMBIGUOUS),
        ("edgeward-access=", NOBODY, NOBODY),
        ("edgeward-access==", INVALID, INVALID),
        ("=", NOBODY, NOBODY),
        (";;;", NOBODY, NOBODY),
        // To the library with which the issuer reads a head it is none, so it has no words for it.
        ("edgeward-access=\u{7f}", INVALID, (400, "")),
        ("edgeward-access=\"x\"", INVALID, INVALID),
        ("edgeward-access=a.b.c", INVALID, INVALID),
        ("edgeward-session=%00", NOBODY, NOBODY),
        ("edgeward-refresh=rt1.x", NOBODY, NOBODY),
        ("edgeward-refresh=rt1.0.0.0.0", NOBODY, NOBODY),
    ] {
        let headers = [
            ("Cookie", cookie),
            (TEST_CLOCK, now.as_str()),
            ("Accept", "application/json"),
        ];
        for (path, expected) in [("/api/echo", at_gate), ("/auth/me", at_issuer)] {
            let answer = raw::get(world.site.address, path, &headers).unwrap();
            let told = serde_json::from_str::<Value>(&answer.body).unwrap_or_default();
            let code = told["code"].as_str().unwrap_or(&answer.body);
            if (answer.status, code) != expected {
                wrong.push(format!("{path} {cookie:?}: {answer:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // Many cookies are what a site has.
    for count in [1_000, 2_000] {
        let many: Vec<_> = (0..count).map(|n| format!("c{n}=x")).collect();
        let answer = raw::get(world.site.address, "/", &[("Cookie", &many.join("; "))]);
        let status = answer.map(|answer| answer.status);
        assert_eq!(status, Some(200), "{count} cookies");
    }
    let _ = world.browser().navigate("/").send().await.expect(200);
}

/// The runtime takes heads of more than that, and so does the app: it is the edge that refuses them.
#[tokio::test]
async fn headers_that_decide_have_a_most_and_what_is_over_it_goes_nowhere() {
    const ACCEPT: &str = "application/json";
    let world = World::start().await;
    let now = world.now().to_string();
    // With what is answered and how often it arrives somewhere if nothing is over.
    for (path, status, arrives) in [
        ("/", 200, 1),
        ("/app", 401, 0),
        ("/auth/csrf", 200, 1),
        ("/auth/verify-token", 401, 0),
    ] {
        let ask = |over: usize| {
            // The time that the story says is among those that decide, as Accept is.
            let others = now.len() + ACCEPT.len() + "c=".len();
            let cookie = format!("c={}", "x".repeat(MOST_IN_HEADERS - others + over));
            let headers = [
                ("Cookie", cookie.as_str()),
                (TEST_CLOCK, now.as_str()),
                ("Accept", ACCEPT),
            ];
            raw::get(world.site.address, path, &headers).expect("an answer")
        };
        let arrived = || {
            let lines = [world.to_app().lines(), world.to_issuer().lines()].concat();
            let of_path = lines.iter().filter(|line| **line == format!("GET {path}"));
            of_path.count()
        };
        let _ = ask(0).expect(status);
        assert_eq!(arrived(), arrives, "{path}");
        let logged = world.reasons("refused").len();
        let _ = ask(1).expect_problem(431, "HEADERS_TOO_LARGE");
        assert_eq!(arrived(), arrives, "{path}");
        let told = world.reasons("refused").split_off(logged);
        assert_eq!(told, ["headers-too-large"], "{path}");
    }
    let _ = world.browser().navigate("/").send().await.expect(200);
}

/// Each with what the edge's runtime answers before anybody is asked.
#[tokio::test]
async fn malformed_requests_are_refused_where_they_arrive_and_the_site_goes_on() {
    let world = World::start().await;
    let long = format!(
        "GET /{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "a".repeat(10_000)
    );
    let rows: [(&[u8], Option<u16>); 8] = [
        (b"\r\n\r\n", None),
        (b"GET\r\n\r\n", Some(400)),
        (b"GET / HTTP/9.9\r\n\r\n", Some(400)),
        (
            b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n",
            Some(400),
        ),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", Some(400)),
        (
            b"GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
            Some(400),
        ),
        (
            b"GET / HTTP/1.1\r\nHost: x\r\nBad Name: y\r\nConnection: close\r\n\r\n",
            Some(400),
        ),
        (long.as_bytes(), Some(414)),
    ];
    let mut wrong = Vec::new();
    for (request, expected) in rows {
        let status = raw::send(world.site.address, request).map(|answer| answer.status);
        let reached = [world.to_app().lines(), world.to_issuer().lines()].concat();
        if status != expected || !reached.is_empty() {
            let shown: String = String::from_utf8_lossy(request).chars().take(60).collect();
            wrong.push(format!("{shown:?}: {status:?}, reached: {reached:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let _ = world.browser().navigate("/").send().await.expect(200);
    let _ = world.browser().get("/auth/csrf").send().await.expect(200);
}

/// `Transfer-Encoding` counts (RFC 9112, section 6.3), and whoever is asked next is told no other length.
#[tokio::test]
async fn a_request_of_two_lengths_goes_on_with_one_and_is_one_request() {
    let world = World::start().await;
    let request = b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\
        Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n";
    let answer = raw::send(world.site.address, request).expect("an answer");
    assert_eq!(answer.status, 400, "{answer:?}");
    let seen = world.to_issuer().seen();
    let [only] = seen.as_slice() else {
        panic!("{seen:?}");
    };
    assert_eq!(only.target, "/auth/login");
    assert_eq!(only.header("content-length"), Vec::<&str>::new());
    assert_eq!(only.header("transfer-encoding"), ["chunked"]);
    let _ = world.browser().navigate("/").send().await.expect(200);
}

#[tokio::test]
async fn a_broken_policy_refuses_everything_and_tells_only_the_log_why() {
    const POLICY: &str = "POLICY_INVALID";
    // Nothing at all is no policy, so it is the binding that is wrong.
    for (broken, code, told) in [
        ("", "EDGE_MISCONFIGURED", "\"binding\":\"GATE_POLICY\""),
        ("version = 2", POLICY, "line 1: version"),
        (
            "version = 1\n[[route]]\npath = \"/\"\nallow = \"everybody\"",
            POLICY,
            "line 4: allow",
        ),
        ("not toml at all [", POLICY, "line 1"),
    ] {
        let mut world = World::start().await;
        world.stack.edge.stop();
        world.stack.edge.bind("GATE_POLICY", Some(broken));
        world.stack.edge.start().expect("the edge listens even so");
        // Nobody has asked for anything but the health, and whoever looks into the log finds the place.
        let health = world.browser().get("/_edgeward/health").send().await;
        let _ = health.expect_problem(503, code);
        let reasons = |world: &World| -> Vec<String> {
            let logs = world.logs();
            let lines = logs.lines().filter(|line| line.contains(told));
            lines.map(str::to_owned).collect()
        };
        assert!(!reasons(&world).is_empty(), "{broken:?}: {}", world.logs());
        for path in ["/", "/app", "/auth/csrf", "/auth/verify-token", "/login"] {
            let known = reasons(&world).len();
            let answer = world.browser().get(path).send().await;
            let answer = answer.expect_problem(503, code);
            assert!(
                !answer.body.contains("everybody") && !answer.body.contains("line"),
                "{answer:?}"
            );
            assert_eq!(reasons(&world).len(), known + 1, "{broken:?} {path}");
        }
        assert_eq!(world.to_app().seen(), Vec::new(), "{broken:?}");
        assert_eq!(world.to_issuer().seen(), Vec::new(), "{broken:?}");
    }
}

#[tokio::test]
async fn a_missing_or_wrong_binding_refuses_everything_and_is_named_in_the_log() {
    let mut world = World::start().await;
    for (name, value) in [
        ("ISSUER", None),
        ("ISSUER", Some("not an address")),
        ("APP_ORIGIN", None),
        ("ISSUER_ORIGIN", Some("ftp://127.0.0.1")),
        ("AUDIENCE", None),
        ("EDGE_KEY", None),
        ("EDGE_KEY", Some("edge1.dev.short")),
        ("EDGEWARD_ENVIRONMENT", Some("holiday")),
    ] {
        world.stack.edge.stop();
        world.stack.edge.bind_as_planned();
        world.stack.edge.bind(name, value);
        world.stack.edge.start().expect("the edge listens even so");
        for path in ["/", "/auth/csrf", "/auth/verify-token"] {
            let answer = world
                .browser()
                .get(path)
                .send()
                .await
                .expect_problem(503, "EDGE_MISCONFIGURED");
            assert!(!answer.body.contains(name), "{name}: {}", answer.body);
        }
        assert!(
            world.logs().contains(name),
            "{name} is named in the log: {}",
            world.logs()
        );
    }
    world.stack.edge.stop();
    world.stack.edge.bind_as_planned();
    world.stack.edge.start().expect("the edge starts");
    let _ = world.browser().navigate("/").send().await.expect(200);
}

#[tokio::test]
async fn what_no_rule_names_is_denied() {
    let policy = "version = 1\n[[route]]\npath = \"/\"\nallow = \"public\"\n".to_owned();
    let world = World::with(Setup {
        policy: Some(policy),
        ..Setup::default()
    })
    .await;
    let _ = world.browser().navigate("/").send().await.expect(200);
    for path in ["/app", "/x", "/favicon.ico", "/_edgeward/other"] {
        let _ = world
            .browser()
            .get(path)
            .send()
            .await
            .expect_problem(403, "ROUTE_DENIED");
    }
}
