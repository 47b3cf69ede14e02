//! Signing keys whose rows are there no more, or are not to be gone by: whoever needs one is told to come back, and gets nothing.

use std::time::Duration;

use serde_json::json;

use crate::desk::{Desk, EMAIL, PASSWORD};

/// What became of the rows, how long ago they were read, and whether a token is made and the key set is shown nevertheless. Who deletes a
/// row takes the permit to sign away with it; what was read before is good for a minute.
const CASES: [(&str, u64, bool, bool); 4] = [
    ("DELETE FROM signing_keys", 50, false, true),
    ("DELETE FROM signing_keys", 61, false, false),
    ("UPDATE signing_keys SET public_jwk = '{}'", 50, true, true),
    (
        "UPDATE signing_keys SET public_jwk = '{}'",
        61,
        false,
        false,
    ),
];

#[tokio::test]
async fn without_the_rows_nothing_is_signed_and_nobody_is_told_of_a_fault() {
    for (away, ago, signs, shows) in CASES {
        let (desk, ada) = Desk::with_ada_signed_in().await;
        let desk = desk.having_read_keys(Duration::from_secs(ago)).await;
        let mut ada = desk.seat(&ada);
        desk.run(away).await;
        let body = json!({ "email": EMAIL, "password": PASSWORD });
        let refreshed = ada.refresh().await;
        let signed_in = desk.browser().post("/auth/login").json(&body).send().await;
        for answer in [refreshed, signed_in] {
            if signs {
                answer.expect(200);
                continue;
            }
            let answer = answer.expect_problem(503, "BUSY");
            assert_eq!(answer.header("retry-after"), "1", "{away} {ago}");
            assert!(answer.set_cookies().is_empty(), "{away} {ago}");
        }
        let done = desk
            .number("SELECT max(seq) + count(*) FROM families")
            .await;
        assert_eq!(done, if signs { 3 } else { 1 }, "{away} {ago}");
        let keys = desk.browser().get("/.well-known/jwks.json").send().await;
        if shows {
            keys.expect(200);
        } else {
            keys.expect_problem(503, "BUSY");
        }
    }
}

/// Whoever verifies asks at any time, and shall not go without keys because of a moment without a database.
#[tokio::test]
async fn the_key_set_of_before_is_shown_while_the_database_is_away() {
    for asked_before in [true, false] {
        let (desk, _) = Desk::with_ada_signed_in().await;
        let ask = || async { desk.browser().get("/.well-known/jwks.json").send().await };
        let before = if asked_before {
            Some(ask().await.expect(200).json())
        } else {
            None
        };
        desk.app.store.close().await;
        let answer = ask().await;
        match before {
            Some(before) => assert_eq!(answer.expect(200).json(), before),
            None => drop(answer.expect_problem(500, "INTERNAL")),
        }
    }
}
