//! The feed of ended sessions: what is in it, in which order, for how long, and for whom.

use base64ct::{Base64UrlUnpadded, Encoding};
use edgeward_core::revocation::{self, FEED_TYPE, MAX_PAGE_ENTRIES, Page};
use edgeward_core::tally::TALLY_HEADER;
use edgeward_core::token::{self, ARRIVALS_HEADER, SigningKey, TokenType};
use edgeward_issuer::domain::{
    accounts::{Email, Role},
    administration::Mandate,
    edges::{self, EdgeName},
    revocations::KEPT_SECONDS,
    roles::{self, Direction},
};
use serde_json::{Value, json};

use crate::desk::{Answer, Browser, Desk, EMAIL, PASSWORD};

pub(crate) const FEED: &str = "/.well-known/edgeward-revocations";

/// An enrolled edge.
pub(crate) struct Edge {
    http: Browser,
    pub(crate) key: SigningKey,
    /// What it says that it counted.
    counted: Option<String>,
    /// Which refreshes it says that it saw arrive.
    pub(crate) arrived: Option<String>,
}

impl Edge {
    pub(crate) async fn enrolled_at(desk: &Desk) -> Self {
        let name = EdgeName::parse("edge-1").unwrap();
        let (store, now) = (&desk.app.store, desk.app.clock.now());
        let secret = edges::enroll(store, name, now).await.unwrap();
        let seed = Base64UrlUnpadded::decode_vec(secret.rsplit('.').next().unwrap()).unwrap();
        Self {
            http: desk.browser(),
            key: SigningKey::from_seed(&seed.try_into().unwrap()).unwrap(),
            counted: None,
            arrived: None,
        }
    }

    /// Asks for a path with a proof that says this besides.
    pub(crate) async fn ask(&mut self, desk: &Desk, path: &str, whose: Value) -> Answer {
        let (now, issuer) = (desk.app.clock.now().seconds(), &desk.app.config.issuer.url);
        let mut claims = json!({
            "iss": "edge-1", "sub": "edge-1", "aud": issuer, "iat": now, "exp": now + 30, "jti": "j-1",
            "htm": "GET", "htu": path, "rid": "r-1",
        });
        for (name, value) in whose.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let proof = self.key.sign(&TokenType::EdgeProof, &claims).unwrap();
        let mut ask = self.http.get(path).header("edgeward-proof", &proof);
        if let Some(counted) = &self.counted {
            ask = ask.header(TALLY_HEADER, counted);
        }
        if let Some(arrived) = &self.arrived {
            ask = ask.header(ARRIVALS_HEADER, arrived);
        }
        ask.send().await
    }

    /// A page of the feed, verified as an edge would.
    pub(crate) async fn page(&mut self, desk: &Desk, after: u64) -> Value {
        let path = match after {
            0 => FEED.to_owned(),
            after => format!("{FEED}?after={after}"),
        };
        let answer = self
            .ask(desk, &path, json!({ "own": true }))
            .await
            .expect(200);
        assert_eq!(answer.header("cache-control"), "no-store");
        let media = answer.header("content-type").to_owned();
        assert_eq!(media, format!("application/{FEED_TYPE}"));
        let config = &desk.app.config.issuer;
        let expect = revocation::expectations(&config.url, &config.audience);
        let (keys, now) = (desk.app.keyring.public_keys(), desk.app.clock.now());
        // What an edge makes of it.
        let read =
            |after, id, now| Page::read(answer.body.as_bytes(), (after, id), &keys, &expect, now);
        let edges = read(after, "r-1", now).unwrap();
        assert!(read(after, "r-2", now).is_err() && read(after, "r-1", now.plus(121)).is_err());
        let (token, lines) = answer.body.split_once('\n').unwrap();
        let mut as_access = expect.clone();
        as_access.token_type = TokenType::Access;
        assert!(token::verify(token, &keys, &as_access, now).is_err());
        // And what it says, to look at.
        let verified = token::verify(token, &keys, &expect, now).unwrap();
        let mut page: Value = serde_json::from_str(&verified.claims().to_json()).unwrap();
        assert_eq!(page["more"], edges.has_more());
        let entry = |line: &str| {
            let [kind, id, at, reason] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            assert!(at.parse::<i64>().is_ok(), "{line}");
            json!({ kind: id, "reason": reason })
        };
        page["revocations"] = lines.lines().map(entry).collect();
        page
    }
}

fn sids(page: &Value) -> Vec<&str> {
    let entries = page["revocations"].as_array().unwrap();
    entries
        .iter()
        .map(|entry| entry["sid"].as_str().unwrap())
        .collect()
}

fn reasons(page: &Value) -> Vec<&str> {
    let entries = page["revocations"].as_array().unwrap();
    entries
        .iter()
        .map(|entry| entry["reason"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn every_end_is_in_the_feed_once_and_in_order() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let mut edge = Edge::enrolled_at(&desk).await;
    let empty = edge.page(&desk, 0).await;
    assert_eq!((&empty["last"], &empty["more"]), (&json!(0), &json!(false)));
    assert!(sids(&empty).is_empty());

    let mut thief = browser.clone();
    thief.refresh().await.expect(200);
    thief.forget("device");
    desk.wait(2).await;
    browser.forget("device");
    browser
        .refresh()
        .await
        .expect_problem(401, "REFRESH_REUSED");
    browser.log_in(EMAIL).await;
    browser.log_in(EMAIL).await;
    desk.browser().log_in(EMAIL).await;
    let page = edge.page(&desk, 0).await;
    assert_eq!(reasons(&page), ["reuse", "replaced"]);
    // Numbers are of the time, so that a database restored from an older copy gives none of them again.
    let last = page["last"].as_u64().unwrap();
    assert!(last > desk.app.clock.now().seconds().unsigned_abs() * 1_000 - 60_000);

    let all = browser.post("/auth/logout-all").with_csrf();
    all.send().await.expect(204);
    let more = edge.page(&desk, last).await;
    assert_eq!(reasons(&more), ["revoked-all", "revoked-all"]);
    let newest = more["last"].as_u64().unwrap();
    assert_eq!((&more["after"], newest > last + 1), (&json!(last), true));
    assert!(sids(&edge.page(&desk, newest).await).is_empty());
    let again = edge.page(&desk, 0).await;
    assert_eq!(sids(&again)[..2], sids(&page)[..]);
    // A number that this history of the database never gave: from the beginning.
    let beyond = edge.page(&desk, newest + 1_000_000).await;
    assert_eq!((&beyond["after"], sids(&beyond)), (&json!(0), sids(&again)));
}

#[tokio::test]
async fn what_happens_to_the_account_is_in_the_feed() {
    let desk = Desk::open_with(|config| config.lockout.revoke_sessions = true).await;
    desk.add(EMAIL, &[]).await;
    let mut edge = Edge::enrolled_at(&desk).await;
    let mut browser = desk.browser();
    browser.log_in(EMAIL).await;
    desk.browser().log_in(EMAIL).await;
    let passwords = json!({ "currentPassword": PASSWORD, "newPassword": "Another-Mule-8" });
    let change = browser.post("/auth/password").json(&passwords).with_csrf();
    change.send().await.expect(204);
    let page = edge.page(&desk, 0).await;
    // The session in use too: somebody may hold a copy of it.
    assert_eq!(reasons(&page), ["password-changed", "password-changed"]);
    let last = page["last"].as_u64().unwrap();

    let (store, now) = (&desk.app.store, desk.app.clock.now());
    let (email, role) = (Email::parse(EMAIL).unwrap(), Role::parse("editor").unwrap());
    let given = roles::change_role(
        store,
        &Mandate::operator(now),
        &email,
        role,
        Direction::Give,
    )
    .await;
    assert_eq!(given.unwrap(), Some(1));
    let page = edge.page(&desk, last).await;
    assert_eq!(reasons(&page), ["roles-changed"]);
    let last = page["last"].as_u64().unwrap();

    let body = json!({ "email": EMAIL, "password": "Another-Mule-8" });
    let again = browser.post("/auth/login").json(&body).with_csrf();
    again.send().await.expect(200);
    desk.lock(EMAIL).await;
    assert_eq!(reasons(&edge.page(&desk, last).await), ["locked"]);
}

#[tokio::test]
async fn a_long_feed_comes_in_pages() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let mut edge = Edge::enrolled_at(&desk).await;
    // As many sessions as a page has entries end, and one more.
    let (now, full) = (desk.app.clock.now().seconds(), MAX_PAGE_ENTRIES);
    let mut sql = desk.sql().await;
    sqlx::query(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
         INSERT INTO revocations (seq, sid, at, reason)
         SELECT i, printf('01900000-0000-7000-8000-%012d', i), $2, 'signed-out' FROM n",
    )
    .bind(i64::try_from(full).unwrap())
    .bind(now)
    .execute(&mut sql)
    .await
    .unwrap();
    let all = browser.post("/auth/logout-all").with_csrf();
    all.send().await.expect(204);
    let first = edge.page(&desk, 0).await;
    assert_eq!((sids(&first).len(), &first["more"]), (full, &json!(true)));
    let second = edge.page(&desk, first["last"].as_u64().unwrap()).await;
    assert_eq!((sids(&second).len(), &second["more"]), (1, &json!(false)));
    let mut both = [sids(&first), sids(&second)].concat();
    both.sort_unstable();
    both.dedup();
    assert_eq!(both.len(), full + 1);
}

#[tokio::test]
async fn what_cannot_matter_any_more_leaves_the_feed_and_its_number_stays() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let mut edge = Edge::enrolled_at(&desk).await;
    let rows = "SELECT count(*) FROM revocations";
    browser.log_in(EMAIL).await;
    browser.log_in(EMAIL).await;
    assert_eq!(sids(&edge.page(&desk, 0).await).len(), 2);
    let mut sql = desk.sql().await;
    sqlx::query("UPDATE revocations SET at = at - $1")
        .bind(KEPT_SECONDS + 1)
        .execute(&mut sql)
        .await
        .unwrap();
    // As another process tells what it did; without it the page of before counts for some moments.
    desk.app.store.news().hear();
    let page = edge.page(&desk, 0).await;
    let last = page["last"].as_u64().unwrap();
    assert_eq!((sids(&page).len(), last > 0), (0, true));
    browser.log_in(EMAIL).await;
    assert_eq!(desk.number(rows).await, 1, "the old ones are forgotten");
    let page = edge.page(&desk, last).await;
    assert_eq!(sids(&page).len(), 1);
    assert!(page["last"].as_u64().unwrap() > last);
}

#[tokio::test]
async fn only_an_edge_that_asks_for_itself_reads_it() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let mut edge = Edge::enrolled_at(&desk).await;
    let stranger = browser.get(FEED).send().await;
    stranger.expect_problem(401, "EDGE_PROOF_REQUIRED");
    for (whose, code) in [
        // What an edge passes on for somebody else.
        (json!({ "cip": "203.0.113.9" }), "EDGE_PROOF_REQUIRED"),
        (
            json!({ "cip": "203.0.113.9", "own": true }),
            "EDGE_PROOF_INVALID",
        ),
        (json!({ "own": false }), "EDGE_PROOF_INVALID"),
        (json!({ "own": "true" }), "EDGE_PROOF_INVALID"),
        (json!({}), "EDGE_PROOF_INVALID"),
    ] {
        let answer = edge.ask(&desk, FEED, whose).await;
        answer.expect_problem(401, code);
    }
    for query in [
        "after=",
        "after=x",
        "after=-1",
        "after=1&after=2",
        "before=1",
        "after=9223372036854775808",
        "after=99999999999999999999",
    ] {
        let path = format!("{FEED}?{query}");
        let status = edge.ask(&desk, &path, json!({ "own": true })).await.status;
        assert_eq!(status, 400, "{query}");
    }
}

#[tokio::test]
async fn what_an_edge_counted_is_added_to_the_numbers_and_never_hinders_the_feed() {
    let (desk, mut browser) = Desk::with_ada_signed_in().await;
    let mut edge = Edge::enrolled_at(&desk).await;
    let told = |desk: &Desk| -> Vec<String> {
        let text = desk.app.metrics.text().unwrap();
        text.lines()
            .filter_map(|line| line.strip_prefix("edgeward_edge_"))
            .filter(|line| !line.ends_with(" 0") && !line.ends_with(" 0.0"))
            .map(str::to_owned)
            .collect()
    };
    let counts =
        "passed=3;unauthenticated=2;key-wait-ms=1500;keys-at-hand=4;csrf-invalid=1;unheard-of=8";
    let stranger = browser.get(FEED).header(TALLY_HEADER, counts).send().await;
    stranger.expect_problem(401, "EDGE_PROOF_REQUIRED");
    assert_eq!(told(&desk), Vec::<String>::new());
    for counts in [
        "passed=-1",
        "passed",
        "passed=1;passed=",
        "passed= 1",
        &"a=1;".repeat(200),
    ] {
        edge.counted = Some(counts.to_owned());
        edge.page(&desk, 0).await;
        assert_eq!(told(&desk), Vec::<String>::new(), "{counts}");
    }
    edge.counted = Some(counts.to_owned());
    edge.page(&desk, 0).await;
    edge.page(&desk, 0).await;
    let mut found = told(&desk);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            "csrf_checks_total{result=\"invalid\"} 2",
            "key_wait_seconds_total 3.0",
            "tokens_total{key_set=\"at_hand\"} 8",
            "verdicts_total{result=\"passed\"} 6",
            "verdicts_total{result=\"unauthenticated\"} 4",
        ]
    );
}
