//! Signatures that the Worker has WebCrypto check: how often it asks, and what it says when the platform fails.

use edgeward_core::token::{MAX_SEEN_BYTES, MAX_TOKEN_BYTES, TokenType};
use edgeward_tests::key_server::document;
use edgeward_tests::lone_edge::signing_key;
use edgeward_tests::other_issuer::{OtherIssuer, Signing, base64url};
use edgeward_tests::{KeyServer, LoneEdge};
use serde_json::{Value, json};

/// Says in the log each time that WebCrypto is asked about a signature.
const TELLS_OF_CHECKS: &str = "const { prototype } = SubtleCrypto; const { verify } = prototype; \
    prototype.verify = function (...asked) { console.log('webcrypto-verify'); return verify.apply(this, asked); }; \
    export default () => ({});";
/// Takes no key of ECDSA twice, for a reason that is not the key's.
const FAILS_TWICE: &str = "const { prototype } = SubtleCrypto; const { importKey } = prototype; let left = 2; \
    prototype.importKey = function (...asked) { \
        if (asked[2]?.name === 'ECDSA' && left-- > 0) return Promise.reject(new TypeError('not now')); \
        return importKey.apply(this, asked); }; \
    export default () => ({});";

/// An edge on a runtime that this module has changed, before an issuer that signs with P-256.
async fn on(module: &str) -> (LoneEdge, OtherIssuer, KeyServer) {
    let issuer = OtherIssuer::start();
    let keys = KeyServer::with(&[]);
    keys.shows(&json!({ "keys": issuer.keys() }));
    let edge = LoneEdge::start_on(module, &keys).await;
    (edge, issuer, keys)
}

/// A token of this name that is good for so many seconds.
fn token(edge: &LoneEdge, issuer: &OtherIssuer, jti: &str, seconds: i64) -> String {
    let claims = json!({
        "iss": edge.origin(), "aud": edge.origin(), "sub": "u-1", "client_id": "other-web",
        "iat": edge.now(), "exp": edge.now() + seconds, "jti": jti,
    });
    issuer.sign(Signing::Es256, &claims)
}

fn checks(edge: &LoneEdge) -> usize {
    edge.log().matches("webcrypto-verify").count()
}

#[tokio::test]
async fn the_platform_checks_a_good_token_once_however_often_it_comes() {
    let (edge, issuer, keys) = on(TELLS_OF_CHECKS).await;
    let first = token(&edge, &issuer, "t-1", 100);
    for _ in 0..5 {
        let _ = edge.judges_token(&first).await.expect(204);
    }
    assert_eq!(checks(&edge), 1, "one check for five uses");

    let second = token(&edge, &issuer, "t-2", 100);
    for token in [&second, &first, &second] {
        let _ = edge.judges_token(token).await.expect(204);
    }
    assert_eq!(checks(&edge), 2, "each token has one of its own");

    // A refused one is asked about every time, and what is known of the good one is no help to it.
    let (head, signature) = first.rsplit_once('.').expect("a token of three parts");
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    let mangled = format!("{head}.{flipped}{}", &signature[1..]);
    for asked in [3, 4] {
        let refused = edge.judges_token(&mangled).await;
        let _ = refused.expect_problem(401, "INVALID_TOKEN");
        assert_eq!(checks(&edge), asked);
    }

    // What is remembered has its time judged on each use, without another check.
    edge.wait(159); // the last second of the leeway
    let _ = edge.judges_token(&first).await.expect(204);
    edge.wait(1);
    let expired = edge.judges_token(&first).await;
    let _ = expired.expect_problem(401, "TOKEN_EXPIRED");
    assert_eq!(checks(&edge), 4);

    // Another set forgets it, though its key is the same: that of RSA leaves. A key that nobody knows makes the edge look.
    edge.wait(-160);
    let [p256, _] = issuer.keys();
    keys.shows(&json!({ "keys": [p256] }));
    let header = base64url(br#"{"alg":"ES256","kid":"nobody","typ":"at+jwt"}"#);
    let unknown = format!("{header}.e30.{}", base64url(&[1; 64]));
    let refused = edge.judges_token(&unknown).await;
    let _ = refused.expect_problem(401, "UNKNOWN_KEY");
    for _ in 0..3 {
        let _ = edge.judges_token(&first).await.expect(204);
        assert_eq!(checks(&edge), 5, "checked anew, and remembered again");
    }
}

/// A check of EdDSA is the Worker's own and leaves no trace outside. But what is remembered takes room, of which there is an end: so many
/// tokens of EdDSA as fill it, and no fewer, have one of ES256 forgotten, which the platform then checks anew.
#[tokio::test]
async fn tokens_that_the_worker_checks_itself_are_remembered_in_the_same_place() {
    let (edge, issuer, keys) = on(TELLS_OF_CHECKS).await;
    let own = signing_key(1);
    let [p256, _] = issuer.keys();
    let mut set: Value = serde_json::from_str(&document(&[&own])).expect("JSON");
    set["keys"].as_array_mut().expect("keys").push(p256);
    keys.shows(&set);
    let client = edge.browser();
    let passes = async |token: &str| {
        let asking = client.get("/auth/verify-token").bearer(token);
        let _ = asking.send().await.expect(204);
    };
    let first = token(&edge, &issuer, "t-1", 600);
    passes(&first).await;

    let long = |number: usize| {
        let now = edge.now();
        let claims = json!({
            "iss": edge.origin(), "aud": edge.origin(), "sub": "u-1", "client_id": "other-web", "iat": now, "exp": now + 600,
            "jti": format!("{number:04}"), "pad": "x".repeat(MAX_TOKEN_BYTES * 2 / 3),
        });
        own.sign(&TokenType::Access, &claims).expect("claims")
    };
    let have_room = (MAX_SEEN_BYTES - first.len()) / long(0).len();
    for number in 0..have_room {
        let token = long(number);
        // The second time it is known, and takes no more room.
        for _ in 0..2 {
            passes(&token).await;
        }
    }
    passes(&first).await;
    assert_eq!(checks(&edge), 1, "{have_room} have room beside it");
    passes(&long(have_room)).await;
    passes(&first).await;
    assert_eq!(checks(&edge), 2, "it was forgotten");
}

#[tokio::test]
async fn a_platform_that_fails_at_a_key_says_nothing_of_its_tokens() {
    let (edge, issuer, _keys) = on(FAILS_TWICE).await;
    let token = token(&edge, &issuer, "t-1", 600);
    let refused = edge.judges_token(&token).await;
    let _ = refused.expect_problem(503, "KEYS_UNAVAILABLE");
    let refused = edge.says("/bounded", &token).await;
    let _ = refused.expect_problem(503, "KEYS_UNAVAILABLE");
    assert_eq!(
        edge.log()
            .matches("\"reason\":\"signature-not-checked\"")
            .count(),
        2
    );
    // The next one has the key tried again.
    let _ = edge.judges_token(&token).await.expect(204);
    let _ = edge.judges_token(&token).await.expect(204);
}
