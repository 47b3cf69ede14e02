//! What an operator revokes by hand, and that edges and the issuer refuse it from then on.

use edgeward_core::{
    revocation::RevocationSet,
    token::{self, Audiences, Expectations, TokenType},
};
use edgeward_issuer::domain::revocations;
use serde_json::Value;

use crate::{
    accounts::{command, edgeward},
    desk::{Browser, Desk, EMAIL},
    program::{self, Ran},
};

/// Whether an edge that has read the whole feed refuses the token.
async fn is_refused_at_edges(desk: &Desk, token: &str) -> bool {
    let (issuer, now) = (&desk.app.config.issuer, desk.app.clock.now());
    let feed = revocations::following(&desk.app.store, 0, now)
        .await
        .unwrap();
    let mut set = RevocationSet::new();
    for entry in feed.found {
        set.insert(entry.kind, &entry.id, entry.at).unwrap();
    }
    let expect = Expectations::new(
        issuer.url.as_str(),
        Audiences::OneOf(vec![issuer.audience.clone()]),
        TokenType::Access,
    );
    let keys = desk.app.keyring.public_keys();
    set.revokes(&token::verify(token, &keys, &expect, now).unwrap())
}

async fn kinds(desk: &Desk) -> Vec<&'static str> {
    let feed = revocations::following(&desk.app.store, 0, desk.app.clock.now()).await;
    let found = feed.unwrap().found;
    found.iter().map(|entry| entry.kind.name()).collect()
}

/// `edgeward token revoke` with this on standard input.
fn revoke(desk: &Desk, input: &[u8]) -> Ran {
    program::run(&mut command(desk, &["token", "revoke"]), input)
}

async fn me(browser: &mut Browser, token: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    let ask = browser.get("/auth/me").header("authorization", &bearer);
    ask.send().await.status
}

#[tokio::test]
async fn a_person_is_revoked_with_what_the_database_does_not_know() {
    let (desk, ada) = Desk::with_ada_signed_in().await;
    let mut elsewhere = desk.browser();
    elsewhere.log_in(EMAIL).await;
    let mut lost = desk.browser();
    lost.log_in(EMAIL).await;
    // As after a database was restored from a copy that is older than this sign-in.
    let sid = lost.cookie("refresh").split('.').nth(1).unwrap().to_owned();
    for table in ["browser_sessions", "families"] {
        desk.run(format!("DELETE FROM {table} WHERE sid = '{sid}'").leak())
            .await;
    }
    let tokens = [&ada, &elsewhere, &lost].map(|browser| browser.cookie("access"));
    for token in &tokens {
        assert!(!is_refused_at_edges(&desk, token).await);
    }
    let ran = edgeward(&desk, &["session", "revoke", "--user", EMAIL]);
    assert_eq!(
        (ran.code, ran.out.trim_end()),
        (Some(0), "sessions ended: 2")
    );
    assert_eq!(kinds(&desk).await, ["sid", "sid", "sub"]);
    for token in &tokens {
        assert!(is_refused_at_edges(&desk, token).await);
    }
    let entry = desk.audit().await.pop().unwrap();
    assert_eq!(entry["action"], "session.revoke-all");
    assert_eq!(entry["actor"], "operator");
    assert_eq!(entry["details"]["tokensUntil"], entry["at"].to_string());

    // Also where there is no session left; who signs in later gets in.
    let ran = edgeward(&desk, &["session", "revoke", "--user", EMAIL]);
    assert_eq!(
        (ran.code, ran.out.trim_end()),
        (Some(0), "sessions ended: 0")
    );
    desk.run("UPDATE revocations SET at = at - 5").await;
    let mut again = desk.browser();
    again.log_in(EMAIL).await;
    let token = again.cookie("access");
    assert!(!is_refused_at_edges(&desk, &token).await);
    assert_eq!(me(&mut desk.browser(), &token).await, 200);
}

#[tokio::test]
async fn one_token_is_revoked_and_its_session_goes_on() {
    let (desk, mut ada) = Desk::with_ada_signed_in().await;
    let stolen = ada.cookie("access");
    assert_eq!(me(&mut desk.browser(), &stolen).await, 200);
    let ran = revoke(&desk, format!("{stolen}\n").as_bytes());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let id = ran.out.trim_end().strip_prefix("revoked: ").unwrap();

    assert!(is_refused_at_edges(&desk, &stolen).await);
    assert_eq!(kinds(&desk).await, ["jti"]);
    let mut thief = desk.browser();
    assert_eq!(me(&mut thief, &stolen).await, 401);
    assert!(!ran.out.contains(&stolen) && !ran.err.contains(&stolen));
    ada.refresh().await.expect(200);
    let next = ada.cookie("access");
    assert!(!is_refused_at_edges(&desk, &next).await);
    assert_eq!(me(&mut thief, &next).await, 200);

    let entries = desk.audit().await;
    let entry = entries
        .iter()
        .find(|entry| entry["action"] == "token.revoke")
        .unwrap();
    assert_eq!(
        (&entry["actor"], &entry["details"]["jti"]),
        (&Value::from("operator"), &Value::from(id))
    );
    assert!(entry["subject"].as_str().unwrap().starts_with("user:"));
    let sid = ada.cookie("refresh").split('.').nth(1).unwrap().to_owned();
    assert_eq!(entry["session"], sid);
    let events = "SELECT count(*) FROM security_events WHERE type = 'token.revoked' AND severity = 'warning'";
    assert_eq!(desk.number(events).await, 1);
}

#[tokio::test]
async fn what_is_no_token_of_ours_is_not_revoked_and_says_why() {
    let (desk, ada) = Desk::with_ada_signed_in().await;
    let (stranger, _) = {
        let (other, grace) = Desk::with_ada_signed_in().await;
        (grace.cookie("access"), other)
    };
    let (own, of_refresh) = (ada.cookie("access"), ada.cookie("refresh"));
    assert_eq!(revoke(&desk, own.as_bytes()).code, Some(0));
    let entries = desk.audit().await.len();
    for (input, code, said) in [
        (own.as_bytes(), 1, "it is revoked"),
        (stranger.as_bytes(), 1, "the token was not revoked: "),
        (of_refresh.as_bytes(), 1, "the token was not revoked: "),
        (b"x.y.z".as_slice(), 1, "the token was not revoked: "),
        (b"\n", 1, "the token was not revoked: "),
        (b"", 2, "standard input has no token"),
        (b"\xff", 2, "standard input has no token"),
    ] {
        let ran = revoke(&desk, input);
        assert_eq!(ran.code, Some(code), "{ran:?}");
        assert!(ran.err.contains(said), "{ran:?}");
        assert!(ran.out.is_empty(), "{ran:?}");
    }
    assert_eq!(desk.audit().await.len(), entries);
    assert_eq!(kinds(&desk).await, ["jti"]);
}
