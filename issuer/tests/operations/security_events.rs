//! Security events: each from its act and with it, what is around it, and the questions that operators ask.

use base64ct::{Base64UrlUnpadded, Encoding};
use edgeward_core::{
    time::UnixTime,
    token::{SigningKey, TokenType},
};
use edgeward_issuer::{
    domain::{
        edges::{self, EdgeName},
        events::{EventType, Severity},
    },
    store::events::{EventFilter, StoredEvent},
};
use serde_json::{Value, json};

use crate::desk::{Desk, EMAIL, PASSWORD, USER_AGENT};

fn all() -> EventFilter {
    EventFilter {
        since: UnixTime::from_seconds(0),
        kind: None,
        severity: Severity::Info,
        email: None,
        limit: 1000,
    }
}

/// The events, the oldest first, without those of the first start.
async fn events(desk: &Desk) -> Vec<StoredEvent> {
    let mut events = desk.app.store.events(&all()).await.unwrap();
    events.retain(|event| event.category != "administration");
    events.reverse();
    events.sort_by_key(|event| event.id);
    events
}

async fn kinds(desk: &Desk) -> Vec<String> {
    events(desk)
        .await
        .into_iter()
        .map(|event| event.kind)
        .collect()
}

#[tokio::test]
async fn every_act_that_operators_look_for_has_its_event_from_its_entry() {
    let (desk, mut browser) = Desk::with_ada().await;
    let wrong = json!({ "email": EMAIL, "password": "wrong" });
    browser
        .post("/auth/login")
        .json(&wrong)
        .send()
        .await
        .expect(401);
    browser.log_in(EMAIL).await;
    let thief = browser.clone();
    browser.refresh().await.expect(200);
    browser.log_in(EMAIL).await;
    browser
        .post("/auth/logout-all")
        .with_csrf()
        .send()
        .await
        .expect(204);
    let mut other = desk.browser();
    other.log_in(EMAIL).await;
    let mut stolen = other.clone();
    // Twice, so that the stolen token is older than any that a lost answer could bring back.
    other.refresh().await.expect(200);
    other.refresh().await.expect(200);
    stolen.refresh().await.expect(401);
    let mut newcomer = desk.browser();
    let grace = json!({ "email": "grace@example.test", "password": PASSWORD, "firstName": "Grace", "lastName": "H" });
    newcomer
        .post("/auth/register")
        .json(&grace)
        .send()
        .await
        .expect(201);
    newcomer.log_out().await;
    desk.browser()
        .post("/auth/register")
        .json(&grace)
        .send()
        .await
        .expect(409);
    drop(thief);
    assert_eq!(
        kinds(&desk).await,
        [
            "account.registered",
            "login.failed",
            "login.succeeded",
            "session.replaced",
            "login.succeeded",
            "sessions.revoked",
            "login.succeeded",
            "refresh.reused",
            "account.registered",
            "login.succeeded",
            "session.signed-out",
            "registration.refused",
        ],
        "a refresh is none: the log has it"
    );

    // Each is what its entry says, and each entry that is an event has one.
    let entries = desk.audit().await;
    let linked = desk.app.store.events(&all()).await.unwrap();
    let wanted = entries
        .iter()
        .filter(|entry| {
            // Secrets of tokens are taken in at the first start, which is none either.
            entry["action"] != "session.refresh" && entry["action"] != "secret.create"
        })
        .count();
    assert_eq!(linked.len(), wanted);
    for event in linked {
        let seq = usize::try_from(event.audit_seq.unwrap()).unwrap();
        let entry = &entries[seq - 1];
        let kind = EventType::from_name(&event.kind).unwrap();
        assert_eq!(entry["at"], event.at.seconds());
        assert_eq!(
            entry["outcome"],
            if kind.success() { "done" } else { "refused" }
        );
        assert_eq!(entry["requestId"].as_str(), event.request_id.as_deref());
        let metadata: Value = serde_json::from_str(&event.metadata).unwrap();
        assert_eq!(metadata["reason"], entry["reason"], "{event:?}");
        assert_eq!(metadata["session"], entry["session"], "{event:?}");
        if let Some(user) = &event.user {
            let subject = format!("user:{user}");
            assert!(
                [&entry["subject"], &entry["actor"]].contains(&&json!(subject)),
                "{entry}"
            );
        }
    }
}

#[tokio::test]
async fn an_event_knows_what_was_around_it_and_the_log_does_not() {
    let (desk, mut browser) = Desk::with_ada().await;
    let typed = json!({ "email": " ADA@Example.test", "password": "wrong" });
    browser
        .post("/auth/login")
        .json(&typed)
        .send()
        .await
        .expect(401);
    let unknown = json!({ "email": "nobody@example.test", "password": "wrong" });
    browser
        .post("/auth/login")
        .json(&unknown)
        .send()
        .await
        .expect(401);
    let mistyped = json!({ "email": "hunter2-in-the-wrong-field", "password": "wrong" });
    browser
        .post("/auth/login")
        .json(&mistyped)
        .send()
        .await
        .expect(401);
    browser.log_in(EMAIL).await;
    browser.log_out().await;

    let events = events(&desk).await;
    let around = |event: &StoredEvent| {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        [
            event.kind.clone(),
            text(&event.email),
            text(&event.address),
            text(&event.method),
            text(&event.path),
        ]
        .join(" ")
    };
    assert_eq!(
        events.iter().map(around).collect::<Vec<_>>(),
        [
            "account.registered ada@example.test   ",
            "login.failed ada@example.test 0.0.0.0 POST /auth/login",
            "login.failed nobody@example.test 0.0.0.0 POST /auth/login",
            "login.failed  0.0.0.0 POST /auth/login",
            "login.succeeded ada@example.test 0.0.0.0 POST /auth/login",
            "session.signed-out ada@example.test 0.0.0.0 POST /auth/logout",
        ]
    );
    assert_eq!(events[1].user_agent.as_deref(), Some(USER_AGENT));
    assert_eq!(
        (events[1].severity.as_str(), events[1].success),
        ("warning", false)
    );
    assert_eq!(events[1].message, "A sign-in failed.");
    let everything = format!("{events:?}");
    assert!(!everything.contains("hunter2"), "{everything}");
    let log = format!("{:?}", desk.audit().await);
    for personal in ["example.test", "Mozilla", "0.0.0.0\""] {
        assert!(!log.contains(personal), "{personal}: {log}");
    }
}

#[tokio::test]
async fn refusals_that_are_in_no_entry_are_events_of_their_own() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let before = desk.audit().await.len();
    let seen = kinds(&desk).await.len();
    browser.post("/auth/logout").send().await.expect(403);
    let foreign = browser
        .post("/auth/logout")
        .header("origin", "https://evil.example");
    foreign.send().await.expect(403);
    let mut stranger = desk.browser();
    let forged = stranger.get("/auth/me").header("edgeward-proof", "x");
    let refused = forged.send().await.expect(401);
    let token = stranger.get("/auth/me").header("authorization", "Bearer x");
    token.send().await.expect(401);
    let invented = json!({ "refreshToken": "rt1.x" });
    let refresh = stranger.post("/auth/refresh").json(&invented);
    refresh.send().await.expect(401);
    stranger.get("/auth/me").send().await.expect(401);
    stranger.get("/nowhere").send().await.expect(404);
    let events = events(&desk).await.split_off(seen);
    let told: Vec<(&str, &str)> = events
        .iter()
        .map(|event| (event.kind.as_str(), event.severity.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("csrf.refused", "warning"),
            ("origin.refused", "warning"),
            ("edge-proof.refused", "warning"),
            ("access-token.refused", "warning"),
            ("refresh-token.refused", "info"),
        ],
        "asking without any credential is no event"
    );
    assert!(events.iter().all(|event| event.audit_seq.is_none()));
    assert_eq!(
        events[2].request_id.as_deref(),
        Some(refused.header("x-request-id"))
    );
    assert_eq!(events[2].path.as_deref(), Some("/auth/me"));
    assert_eq!(desk.audit().await.len(), before);
}

#[tokio::test]
async fn a_proof_that_an_edge_signed_is_told_apart_from_what_anybody_can_send() {
    let desk = Desk::open().await;
    let (store, now) = (&desk.app.store, desk.app.clock.now());
    let name = EdgeName::parse("edge-1").unwrap();
    let secret = edges::enroll(store, name, now).await.unwrap();
    let seed = Base64UrlUnpadded::decode_vec(secret.rsplit('.').next().unwrap()).unwrap();
    let edge = SigningKey::from_seed(&seed.try_into().unwrap()).unwrap();
    let stranger = SigningKey::from_seed(&[9; 32]).unwrap();
    let at = now.seconds();
    let (good, old) = ((at, at + 30), (at - 300, at - 270));
    let seen = events(&desk).await.len();
    let forged = ("edge-proof.refused", "warning");
    let misused = ("edge-proof.misused", "critical");
    let rows = [
        ("a stranger's key", &stranger, "/auth/me", good, forged),
        ("the same, expired", &stranger, "/auth/me", old, forged),
        ("another path", &edge, "/auth/csrf", good, misused),
        ("a copy that has expired", &edge, "/auth/me", old, misused),
        (
            "for longer than edges ask",
            &edge,
            "/auth/me",
            (at, at + 31),
            misused,
        ),
    ];
    for (what, key, path, (iat, exp), _) in &rows {
        let claims = json!({
            "iss": "edge-1", "sub": "edge-1", "aud": desk.app.config.issuer.url, "iat": iat, "exp": exp, "jti": "j-1",
            "htm": "GET", "htu": path, "cip": "203.0.113.9", "rid": "r-1",
        });
        let proof = key.sign(&TokenType::EdgeProof, &claims).unwrap();
        let mut browser = desk.browser();
        let ask = browser.get("/auth/me").header("edgeward-proof", &proof);
        let answer = ask.send().await;
        assert_eq!(answer.status, 401, "{what}");
        answer.expect_problem(401, "EDGE_PROOF_INVALID");
    }
    let told = events(&desk).await.split_off(seen);
    assert_eq!(told.len(), rows.len());
    for (event, (what, .., expected)) in told.iter().zip(rows) {
        assert_eq!(
            (event.kind.as_str(), event.severity.as_str()),
            expected,
            "{what}"
        );
    }
}

#[tokio::test]
async fn an_act_whose_event_cannot_be_written_is_not_done() {
    let (desk, mut browser) = Desk::with_ada().await;
    let entries = desk.audit().await.len();
    desk.run("DROP VIEW security_failures; DROP VIEW security_lockouts; DROP VIEW security_reuse; DROP TABLE security_events")
        .await;
    let right = json!({ "email": EMAIL, "password": PASSWORD });
    let answer = browser.post("/auth/login").json(&right).send().await;
    answer.expect_problem(500, "INTERNAL");
    assert_eq!(desk.number("SELECT count(*) FROM families").await, 0);
    assert_eq!(desk.audit().await.len(), entries);
    // A refusal that changes nothing is the same refusal, written or not.
    let answer = browser
        .post("/auth/login")
        .header("origin", "https://evil.example");
    answer.send().await.expect_problem(403, "ORIGIN_REFUSED");
}

#[tokio::test]
async fn the_views_answer_what_operators_ask() {
    let (desk, mut browser) = Desk::with_ada().await;
    let attempt = |email: &str| json!({ "email": email, "password": "wrong" });
    for _ in 0..5 {
        browser
            .post("/auth/login")
            .json(&attempt(EMAIL))
            .send()
            .await;
    }
    for _ in 0..4 {
        browser
            .post("/auth/login")
            .json(&attempt("bob@example.test"))
            .send()
            .await;
    }
    let store = &desk.app.store;
    let failures = store.failures().await.unwrap();
    let told: Vec<_> = failures
        .iter()
        .map(|row| (row.email.as_deref(), row.address.as_deref(), row.failures))
        .collect();
    assert_eq!(told, [(Some(EMAIL), Some("0.0.0.0"), 5)]);
    desk.run("UPDATE security_events SET address = '192.0.2.9' WHERE id = (SELECT max(id) FROM security_events WHERE email = 'ada@example.test' AND type = 'login.failed')")
        .await;
    assert_eq!(store.failures().await.unwrap(), [], "four from each place");
    desk.run("UPDATE security_events SET address = '0.0.0.0', at = at - 86400")
        .await;
    assert_eq!(store.failures().await.unwrap(), [], "a day ago");

    // The guesses locked the account for half an hour.
    desk.wait(1801).await;
    browser.log_in(EMAIL).await;
    let mut stolen = browser.clone();
    for _ in 0..9 {
        browser.refresh().await.expect(200);
    }
    let rates = store.refresh_rates().await.unwrap();
    assert_eq!(rates, [], "fewer than ten say nothing");
    browser.refresh().await.expect(200);
    stolen.refresh().await.expect(401);
    let reuse = store.reuse().await.unwrap();
    assert_eq!(reuse.len(), 1);
    assert_eq!(reuse[0].email.as_deref(), Some(EMAIL));
    let rates = store.refresh_rates().await.unwrap();
    assert_eq!((rates[0].refreshes, rates[0].ended), (10, true));

    let lock =
        "INSERT INTO security_events (at, type, category, severity, success, message, metadata)
        VALUES (unixepoch() - 6 * 86400, 'account.locked', 'account', 'warning', 0, '', '{}'),
               (unixepoch() - 8 * 86400, 'account.locked', 'account', 'warning', 0, '', '{}')";
    desk.run(lock).await;
    assert_eq!(
        store.lockouts().await.unwrap().len(),
        2,
        "of seven days: by the guesses above, and one of the two"
    );

    let sizes = store.storage_use().await.unwrap();
    let table = sizes.iter().find(|row| row.name == "audit_log").unwrap();
    assert!(table.kind == "table" && table.bytes >= 4096, "{table:?}");
    assert!(sizes.iter().any(|row| row.kind == "index"));
    assert!(
        sizes.iter().all(|row| row.index_scans.is_none()),
        "SQLite does not count"
    );
}

#[tokio::test]
async fn filters_narrow_what_is_listed() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    browser.post("/auth/logout").send().await.expect(403);
    let store = &desk.app.store;
    let count = async |filter: EventFilter| store.events(&filter).await.unwrap().len();
    let kind = |kind| EventFilter {
        kind: Some(kind),
        ..all()
    };
    assert_eq!(count(kind(EventType::LoginSucceeded)).await, 1);
    assert_eq!(count(kind(EventType::LoginFailed)).await, 0);
    let severity = |severity| EventFilter { severity, ..all() };
    assert_eq!(count(severity(Severity::Critical)).await, 0);
    assert_eq!(
        count(severity(Severity::Warning)).await,
        2,
        "the key and the form"
    );
    let email = |email: &str| EventFilter {
        email: Some(email.to_owned()),
        ..all()
    };
    assert_eq!(count(email(EMAIL)).await, 2);
    assert_eq!(count(email("' OR 1=1 --")).await, 0);
    assert_eq!(count(EventFilter { limit: 1, ..all() }).await, 1);
    let since = desk.app.clock.now().plus(60);
    assert_eq!(count(EventFilter { since, ..all() }).await, 0);
}

#[tokio::test]
async fn old_events_end_and_the_log_stays() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    for _ in 0..3 {
        browser.post("/auth/logout").send().await.expect(403);
    }
    desk.run(
        "UPDATE security_events SET at = at - 1000 WHERE type = 'csrf.refused'; PRAGMA optimize",
    )
    .await;
    let entries = desk.audit().await;
    let before = desk.app.clock.now().plus(-500);
    assert_eq!(desk.app.store.end_events(before).await.unwrap(), 3);
    assert_eq!(desk.app.store.end_events(before).await.unwrap(), 0);
    assert!(!kinds(&desk).await.contains(&"csrf.refused".to_owned()));
    assert_eq!(desk.audit().await, entries);
}

/// What the page for operators says of severities is what the program does.
#[test]
fn the_page_for_operators_names_every_type() {
    const PAGE: &str = include_str!("../../../docs/OPERATIONS.md");
    for severity in Severity::ALL {
        let start = format!("| {} | `", severity.name());
        let row = PAGE.lines().find(|line| line.starts_with(&start)).unwrap();
        let named: Vec<&str> = row.split('`').skip(1).step_by(2).collect();
        let are: Vec<&str> = EventType::ALL
            .iter()
            .filter(|kind| kind.severity() == severity)
            .map(|kind| kind.name())
            .collect();
        assert_eq!(named, are);
    }
}
