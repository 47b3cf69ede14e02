//! Tokens of an issuer that signs with ES256 or RS256: the platform checks them, and only the good ones pass.

use edgeward_tests::World;
use edgeward_tests::other_issuer::{ES256, OtherIssuer, RS256, Signing, base64url};
use serde_json::{Value, json};

/// A world whose edge takes the other issuer's keys for those of the site.
async fn world() -> (World, OtherIssuer) {
    let mut world = World::start().await;
    let issuer = OtherIssuer::start();
    let edge = &mut world.stack.edge;
    edge.bind("ISSUER_ORIGIN", Some(&issuer.origin()));
    edge.stop();
    edge.start().expect("the edge starts again");
    (world, issuer)
}

fn claims(world: &World) -> Value {
    json!({
        "iss": world.site.origin, "aud": world.site.origin, "sub": "u-1", "client_id": "other-web",
        "iat": world.now(), "exp": world.now() + 600, "jti": "t-1",
    })
}

/// What verify-token says to a token, and whether it comes through to the app.
async fn check(world: &World, token: &str, status: u16, what: &str) {
    let browser = world.browser();
    let verified = browser.get("/auth/verify-token").bearer(token).send().await;
    assert_eq!(verified.status, status, "{what}: {verified:?}");
    if status == 401 {
        let _ = verified.expect_problem(401, "INVALID_TOKEN");
    }
    let before = world.to_app().seen().len();
    // The echo of the demo app asks for an assertion of the issuer that is ours, so its own answer says nothing here.
    let _ = browser.get("/api/echo").bearer(token).send().await;
    let came_through = world.to_app().seen().len() > before;
    assert_eq!(came_through, status == 204, "{what}");
}

fn with_signature(token: &str, change: impl Fn(&mut Vec<u8>)) -> String {
    let (message, signature) = token.rsplit_once('.').expect("a token of three parts");
    let mut bytes = decode(signature);
    change(&mut bytes);
    format!("{message}.{}", base64url(&bytes))
}

fn decode(text: &str) -> Vec<u8> {
    let value = |character: u8| match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'-' => 62,
        _ => 63,
    };
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for character in text.bytes() {
        bits = bits << 6 | u32::from(value(character));
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).expect("eight bits"));
        }
    }
    bytes
}

#[tokio::test]
async fn good_tokens_of_both_algorithms_pass_and_mangled_ones_do_not() {
    let (world, issuer) = world().await;
    let claims = claims(&world);
    let es256 = issuer.sign(Signing::Es256, &claims);
    let rs256 = issuer.sign(Signing::Rs256, &claims);
    for token in [&es256, &rs256, &es256, &rs256] {
        check(&world, token, 204, "a good token").await;
    }

    type Change = (&'static str, fn(&mut Vec<u8>));
    let of_either: [Change; 5] = [
        ("a flipped first bit", |bytes| bytes[0] ^= 0x80),
        ("a flipped last bit", |bytes| {
            *bytes.last_mut().unwrap() ^= 1
        }),
        ("a byte less", |bytes| {
            bytes.pop();
        }),
        ("a byte more", |bytes| bytes.push(0)),
        ("nothing but zeros", |bytes| bytes.fill(0)),
    ];
    let of_ecdsa: [Change; 5] = [
        ("r is zero", |bytes| bytes[..32].fill(0)),
        ("s is zero", |bytes| bytes[32..].fill(0)),
        ("r and s changed places", |bytes| bytes.rotate_left(32)),
        ("r beyond the order", |bytes| bytes[..32].fill(0xff)),
        ("no signature", Vec::clear),
    ];
    for (what, change) in of_either {
        for token in [&es256, &rs256] {
            check(&world, &with_signature(token, change), 401, what).await;
        }
    }
    for (what, change) in of_ecdsa {
        check(&world, &with_signature(&es256, change), 401, what).await;
    }
    let der = issuer.sign(Signing::Es256InDer, &claims);
    check(&world, &der, 401, "r and s in DER").await;
    let pss = issuer.sign(Signing::Ps256, &claims);
    check(&world, &pss, 401, "PSS with the key of RS256").await;

    let (head, signature) = es256.rsplit_once('.').unwrap();
    let other = issuer.sign(Signing::Es256, &json!({ "sub": "u-2" }));
    let (_, other_signature) = other.rsplit_once('.').unwrap();
    let (_, other_algorithm) = rs256.rsplit_once('.').unwrap();
    for (what, token) in [
        (
            "the signature of another token",
            format!("{head}.{other_signature}"),
        ),
        (
            "the signature of another algorithm",
            format!("{head}.{other_algorithm}"),
        ),
        ("other claims", {
            let (header, _) = head.split_once('.').unwrap();
            let mut admin = claims.clone();
            admin["roles"] = json!(["admin"]);
            let admin = base64url(admin.to_string().as_bytes());
            format!("{header}.{admin}.{signature}")
        }),
    ] {
        check(&world, &token, 401, what).await;
    }
    // All that did no harm to the good ones.
    for token in [&es256, &rs256] {
        check(&world, token, 204, "a good token").await;
    }
    for token in [&es256, &rs256] {
        assert!(!world.logs().contains(token.as_str()), "no token in a log");
    }
}

#[tokio::test]
async fn a_key_that_is_no_key_refuses_its_tokens_and_no_others() {
    let (world, issuer) = world().await;
    let claims = claims(&world);
    let [mut off_the_curve, rsa] = issuer.keys();
    off_the_curve["y"] = off_the_curve["x"].clone();
    issuer.show(&[off_the_curve, rsa]);
    let es256 = issuer.sign(Signing::Es256, &claims);
    for _ in 0..2 {
        check(&world, &es256, 401, "a point off the curve").await;
        check(
            &world,
            &issuer.sign(Signing::Rs256, &claims),
            204,
            "the other key",
        )
        .await;
    }
}

#[tokio::test]
async fn the_key_decides_which_algorithm_counts() {
    let (world, issuer) = world().await;
    let claims = claims(&world);
    let [mut ecdsa, mut rsa] = issuer.keys();
    (ecdsa["kid"], rsa["kid"]) = (json!(RS256), json!(ES256));
    issuer.show(&[ecdsa, rsa]);
    for signing in [Signing::Es256, Signing::Rs256] {
        check(
            &world,
            &issuer.sign(signing, &claims),
            401,
            "the name of another key",
        )
        .await;
    }
}
