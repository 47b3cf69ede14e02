//! Tokens of ES256 and RS256, from the issuer that signs them through the edge that judges them.

use edgeward_core::token::ParsedToken;
use edgeward_tests::world::NEVER;
use edgeward_tests::{Person, Setup, World};

/// Algorithm and key of the token that a person has.
fn signed_by(person: &Person) -> (String, String) {
    let token = person.access_token();
    let parsed = ParsedToken::parse(&token).expect("a token");
    let kid = parsed.key_id().expect("a kid").to_owned();
    (parsed.algorithm().to_owned(), kid)
}

/// Refreshes until another key signs; the serving issuer reads twice a second what a command wrote.
async fn until_signed_by_another(person: &Person, old: &str) {
    let waited = tokio::time::timeout(NEVER, async {
        while signed_by(person).1 == old {
            let _ = person.refresh().await.expect(200);
        }
    });
    assert!(waited.await.is_ok(), "{old} signs on");
}

async fn lives_with(algorithm: &str, settings: &'static str) {
    let world = World::with(Setup {
        issuer_settings: settings,
        ..Setup::default()
    })
    .await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let (alg, first) = signed_by(&ada);
    assert_eq!(alg, algorithm);
    let _ = ada.get("/api/echo").send().await.expect(200);
    let _ = ada.refresh().await.expect(200);
    let _ = ada.get("/api/echo").send().await.expect(200);

    // Nobody who was signed in before is refused after a change of keys, nor is who signs in then.
    let _ = world.keys(&["rotate", "--force", "--algorithm", algorithm]);
    until_signed_by_another(&ada, &first).await;
    let (alg, second) = signed_by(&ada);
    assert_eq!(alg, algorithm);
    let _ = ada.get("/api/echo").send().await.expect(200);
    assert!(
        !world.logs().contains("token-refused"),
        "nobody was refused"
    );

    // What a revoked key signed is refused, within the second that the route allows.
    let _ = world.keys(&["revoke", &second]);
    let refused = world.until_refused(&ada).await;
    let _ = refused.expect_problem(401, "TOKEN_REVOKED");
    until_signed_by_another(&ada, &second).await;
    let _ = ada.get("/api/echo").send().await.expect(200);
}

#[tokio::test]
async fn an_audience_with_es256_signs_in_refreshes_and_changes_its_keys() {
    lives_with("ES256", "\n[tokens]\nalgorithm = \"ES256\"\n").await;
}

#[tokio::test]
async fn an_audience_with_rs256_signs_in_refreshes_and_changes_its_keys() {
    lives_with("RS256", "\n[tokens]\nalgorithm = \"RS256\"\n").await;
}
