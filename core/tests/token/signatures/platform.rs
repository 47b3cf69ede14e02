//! ES256 and RS256. The base are tokens that OpenSSL signed once for two keys; here they are mangled.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::Value;

use super::{Group, OK, Row, SIGNATURE_INVALID};
use crate::attacks::platform_signature::{
    N, es256_lengths, es256_values, rs256_lengths, rs256_values, signature_of, with_signature,
};
use crate::forge::base64url;

const SIGNED: &str = include_str!("../../vectors/platform_signed.json");

pub(super) fn groups() -> Vec<Group> {
    let signed: Value = serde_json::from_str(SIGNED).unwrap();
    let mut curve = signed_group("ES256", &signed);
    let good = curve.rows[0].token.clone();
    let signature = signature_of(&good);
    curve.mangle(&good, es256_lengths(&signature), es256_values(&signature));
    // RFC 7518 asks for no lower s, so each signature has a twin.
    let twin = [&signature[..32], &difference(&N, &signature[32..])].concat();
    curve.rows.push(Row {
        about: "s negated".to_owned(),
        token: with_signature(&good, &twin),
        said: OK.to_owned(),
        bare: true,
    });

    let mut rsa = signed_group("RS256", &signed);
    let good_rsa = rsa.rows[0].token.clone();
    let modulus =
        Base64UrlUnpadded::decode_vec(signed["RS256"]["jwk"]["n"].as_str().unwrap()).unwrap();
    let signature = signature_of(&good_rsa);
    let values = rs256_values(&signature, &modulus);
    rsa.mangle(&good_rsa, rs256_lengths(&signature), values);

    [vec![curve, rsa], no_points(&good)]
        .into_iter()
        .flatten()
        .collect()
}

/// A key and the tokens as they came from OpenSSL; the first is good.
fn signed_group(alg: &'static str, signed: &Value) -> Group {
    let rows = signed[alg]["tokens"].as_array().unwrap().iter().map(|row| {
        let member = |name: &str| row[name].as_str().unwrap().to_owned();
        Row {
            about: member("about"),
            token: member("token"),
            bare: row["said"] != SIGNATURE_INVALID,
            said: member("said"),
        }
    });
    Group {
        about: alg.to_owned(),
        alg,
        jwk: signed[alg]["jwk"].to_string(),
        refused: None,
        warm: Vec::new(),
        rows: rows.collect(),
    }
}

type Values = Vec<(&'static str, Vec<u8>)>;

impl Group {
    fn mangle(&mut self, good: &str, lengths: Values, values: Values) {
        for (said, values) in [("signature-length", lengths), (SIGNATURE_INVALID, values)] {
            self.rows
                .extend(values.into_iter().map(|(about, signature)| Row {
                    about: about.to_owned(),
                    token: with_signature(good, &signature),
                    said: said.to_owned(),
                    bare: false,
                }));
        }
    }
}

/// Keys of P-256 that are read, because only the platform can tell that they are no points.
fn no_points(good: &str) -> Vec<Group> {
    [
        ("beside the curve", [1; 32], [1; 32]),
        ("at nought", [0; 32], [0; 32]),
        ("beyond the field", [0xff; 32], [0xff; 32]),
    ]
    .into_iter()
    .map(|(about, x, y)| Group {
        about: format!("ES256, a point {about}"),
        alg: "ES256",
        jwk: format!(
            "{{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"{}\",\"y\":\"{}\",\"kid\":\"k1\"}}",
            base64url(x),
            base64url(y)
        ),
        refused: None,
        warm: Vec::new(),
        rows: vec![Row {
            about: "a token of another key".to_owned(),
            token: good.to_owned(),
            said: "key-refused".to_owned(),
            bare: false,
        }],
    })
    .collect()
}

/// The difference of two big-endian numbers.
fn difference(from: &[u8; 32], number: &[u8]) -> Vec<u8> {
    let mut digits = Vec::new();
    let mut borrow = 0;
    for (from, digit) in from.iter().zip(number).rev() {
        let less = i16::from(*from) - i16::from(*digit) - borrow;
        borrow = i16::from(less < 0);
        digits.push((less & 0xff) as u8);
    }
    digits.reverse();
    digits
}
