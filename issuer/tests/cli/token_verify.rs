//! `edgeward token verify`: one JSON line for each line of input, whatever the input is.

use std::{fs, process::Command};

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use edgeward_core::{
    keys::KeySet,
    token::{SigningKey, TokenType},
};
use serde_json::{Value, json};

use crate::{
    folder::Folder,
    program::{Ran, edgeward, run},
};

const NOW: i64 = 1_795_132_800;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32]).unwrap()
}

fn claims() -> Value {
    json!({"iss": "https://i.example", "aud": "https://a.example", "sub": "u-1", "iat": NOW, "exp": NOW + 600})
}

fn token(seed: u8, typ: &TokenType, claims: &Value) -> String {
    key(seed).sign(typ, claims).unwrap()
}

/// The `SubjectPublicKeyInfo` of RFC 8410 in PEM.
fn pem(key: &SigningKey) -> String {
    let jwk: Value = serde_json::from_str(&key.public_jwk().to_json()).unwrap();
    let mut der = vec![
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
    ];
    der.extend(Base64UrlUnpadded::decode_vec(jwk["x"].as_str().unwrap()).unwrap());
    format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        Base64::encode_string(&der)
    )
}

struct World(Folder);

impl World {
    fn new() -> Self {
        let folder = Folder::new();
        let keys = KeySet::from_keys([key(1).public_jwk(), key(2).public_jwk()]).unwrap();
        fs::write(folder.path().join("jwks.json"), keys.to_json()).unwrap();
        fs::write(folder.path().join("key.pem"), pem(&key(1))).unwrap();
        Self(folder)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = edgeward(self.0.path());
        command.args(["token", "verify"]).args(args);
        command
    }

    fn verify(&self, args: &[&str], input: &[u8]) -> Ran {
        let now = NOW.to_string();
        let mut command = self.command(&[
            "--issuer",
            "https://i.example",
            "--audience",
            "https://a.example",
        ]);
        command.args(["--now", &now]).args(args);
        run(&mut command, input)
    }
}

fn lines(ran: &Ran) -> Vec<Value> {
    ran.out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn all_that_hold_make_exit_code_0_and_print_their_claims() {
    let world = World::new();
    let input = format!(
        "{}\n{}",
        token(1, &TokenType::Access, &claims()),
        token(2, &TokenType::Access, &claims())
    );
    let ran = world.verify(&["--jwks", "jwks.json"], input.as_bytes());
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert_eq!(
        lines(&ran),
        vec![json!({"ok": true, "claims": claims()}); 2]
    );
}

#[test]
fn no_input_is_no_failure() {
    let ran = World::new().verify(&["--jwks", "jwks.json"], b"");
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""));
}

#[test]
fn one_public_key_verifies_tokens_with_any_kid() {
    let world = World::new();
    let good = token(1, &TokenType::Access, &claims());
    let other = token(2, &TokenType::Access, &claims());
    let ran = world.verify(
        &["--key", "key.pem"],
        format!("{good}\n{other}\n").as_bytes(),
    );
    assert_eq!(ran.code, Some(1));
    let lines = lines(&ran);
    assert_eq!(lines[0]["ok"], true);
    assert_eq!(lines[1]["ok"], false);
}

#[test]
fn each_line_has_its_answer_and_one_refusal_makes_exit_code_1() {
    let world = World::new();
    let good = token(1, &TokenType::Access, &claims());
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        token(1, &TokenType::Access, &claims)
    };
    let long = "x".repeat(3_000_000);
    let rows: Vec<(&str, Vec<u8>, Option<&str>)> = vec![
        ("good", good.clone().into(), None),
        ("good with CR LF", format!("{good}\r").into(), None),
        ("blank", vec![], Some("INVALID_TOKEN")),
        ("no token", b"hello".to_vec(), Some("INVALID_TOKEN")),
        ("no UTF-8", vec![0xff, 0xfe, 0x80], Some("INVALID_TOKEN")),
        ("a NUL", vec![0], Some("INVALID_TOKEN")),
        ("three megabytes", long.into(), Some("INVALID_TOKEN")),
        (
            "a blank before",
            format!(" {good}").into(),
            Some("INVALID_TOKEN"),
        ),
        (
            "a blank behind",
            format!("{good} ").into(),
            Some("INVALID_TOKEN"),
        ),
        (
            "expired",
            with("exp", json!(NOW - 61)).into(),
            Some("TOKEN_EXPIRED"),
        ),
        (
            "expired within the leeway",
            with("exp", json!(NOW - 59)).into(),
            None,
        ),
        (
            "not yet valid",
            with("nbf", json!(NOW + 61)).into(),
            Some("TOKEN_NOT_YET_VALID"),
        ),
        (
            "another issuer",
            with("iss", json!("https://j.example")).into(),
            Some("INVALID_TOKEN"),
        ),
        (
            "another audience",
            with("aud", json!("https://b.example")).into(),
            Some("INVALID_TOKEN"),
        ),
        (
            "another type",
            token(1, &TokenType::EdgeProof, &claims()).into(),
            Some("INVALID_TOKEN"),
        ),
        (
            "another key",
            token(3, &TokenType::Access, &claims()).into(),
            Some("UNKNOWN_KEY"),
        ),
        ("good again", good.into(), None),
    ];
    let mut input = Vec::new();
    for (_, line, _) in &rows {
        input.extend_from_slice(line);
        input.push(b'\n');
    }
    let ran = world.verify(&["--jwks", "jwks.json"], &input);
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.err, "");
    let found = lines(&ran);
    assert_eq!(found.len(), rows.len());
    for ((what, _, code), found) in rows.iter().zip(&found) {
        assert_eq!(found["ok"], code.is_none(), "{what}: {found}");
        assert_eq!(
            found.get("code").and_then(Value::as_str),
            *code,
            "{what}: {found}"
        );
        assert_eq!(
            found.get("reason").is_some(),
            code.is_some(),
            "{what}: {found}"
        );
    }
}

#[test]
fn the_options_decide() {
    let world = World::new();
    let later = (NOW + 700).to_string();
    let access = token(1, &TokenType::Access, &claims());
    let proof = token(1, &TokenType::EdgeProof, &claims());
    for (what, args, token, holds) in [
        ("the moment", vec!["--now", later.as_str()], &access, false),
        (
            "more leeway",
            vec!["--now", later.as_str(), "--leeway", "101"],
            &access,
            true,
        ),
        ("a type", vec!["--typ", "edge-proof+jwt"], &proof, true),
        (
            "a type in other letters",
            vec!["--typ", "AT+JWT"],
            &access,
            true,
        ),
        ("another type", vec!["--typ", "JWT"], &access, false),
    ] {
        let mut command = world.command(&[
            "--jwks",
            "jwks.json",
            "--issuer",
            "https://i.example",
            "--audience",
            "https://a.example",
        ]);
        let now = NOW.to_string();
        if !args.contains(&"--now") {
            command.args(["--now", &now]);
        }
        let ran = run(command.args(args), format!("{token}\n").as_bytes());
        assert_eq!(ran.code, Some(i32::from(!holds)), "{what}: {ran:?}");
    }
}

#[test]
fn misuse_is_exit_code_2_and_prints_no_answer() {
    let world = World::new();
    let path = |name: &str| world.0.path().join(name);
    fs::write(path("empty"), "").unwrap();
    fs::write(
        path("large.json"),
        format!("{{\"keys\":[]}}{}", " ".repeat(70_000)),
    )
    .unwrap();
    fs::write(
        path("private.json"),
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","d":"AA","x":"AA"}]}"#,
    )
    .unwrap();
    let both = ["--issuer", "i", "--audience", "a"];
    for args in [
        vec![],
        vec!["--jwks", "jwks.json"],
        vec!["--jwks", "jwks.json", "--issuer", "i"],
        vec!["--jwks", "jwks.json", "--audience", "a"],
        vec!["--jwks", "jwks.json", "--issuer", "", "--audience", "a"],
        both.to_vec(),
        [&both[..], &["--jwks", "jwks.json", "--key", "key.pem"]].concat(),
        [&both[..], &["--jwks", "absent.json"]].concat(),
        [&both[..], &["--jwks", "empty"]].concat(),
        [&both[..], &["--jwks", "large.json"]].concat(),
        [&both[..], &["--jwks", "private.json"]].concat(),
        [&both[..], &["--jwks", "key.pem"]].concat(),
        [&both[..], &["--key", "jwks.json"]].concat(),
        [&both[..], &["--key", "empty"]].concat(),
        [&both[..], &["--jwks", "."]].concat(),
        [&both[..], &["--jwks", "http://127.0.0.1:1/jwks.json"]].concat(),
        [&both[..], &["--jwks", "jwks.json", "--leeway", "-1"]].concat(),
        [&both[..], &["--jwks", "jwks.json", "--now", "noon"]].concat(),
        [&both[..], &["--jwks", "jwks.json", "--frobnicate"]].concat(),
    ] {
        let ran = run(&mut world.command(&args), b"x\n");
        assert_eq!(ran.code, Some(2), "{args:?}: {ran:?}");
        assert_eq!(ran.out, "", "{args:?}");
        assert!(!ran.err.is_empty(), "{args:?}");
    }
}
